// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Finds and loads the key logs that were asked for; what they hold is tls_keys.h's matter.

#include "dataplane/keylogs.h"

#include "dataplane/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool keylogs_add(struct keylogs *logs, const char *path)
{
	if (logs->n == KEYLOGS_MOST)
		return false;
	logs->paths[logs->n++] = path;
	return true;
}

// In a directory: NAME.keylog for the capture NAME, with or without its last extension. Most
// captures may have none.
static int load_keylog_of(struct keylogs *logs, const char *dir, const char *capture)
{
	const char *slash = strrchr(capture, '/'), *name = slash ? slash + 1 : capture;
	const char *dot = strrchr(name, '.');
	size_t lens[2] = {strlen(name), dot ? (size_t)(dot - name) : 0};
	char path[4096];

	for (uint32_t i = 0; i < 2; i++) {
		int n = snprintf(path, sizeof(path), "%s/%.*s.keylog", dir, (int)lens[i], name);

		if (lens[i] == 0 || n < 0 || n >= (int)sizeof(path))
			continue;
		int rc = tls_keys_load(&logs->keys, path);

		if (rc != -ENOENT)
			return rc;
	}
	return 0;
}

bool keylogs_load(struct keylogs *logs, const char *command, char *const *captures,
		  uint32_t n_captures)
{
	for (uint32_t i = 0; i < logs->n; i++) {
		const char *path = logs->paths[i];
		int rc = tls_keys_load(&logs->keys, path);

		if (rc == -EISDIR) {
			rc = 0;
			for (uint32_t c = 0; c < n_captures && rc == 0; c++)
				rc = load_keylog_of(logs, path, captures[c]);
		}
		if (rc) {
			fprintf(stderr, "apitap %s: --keylog: %s: %s\n", command, path,
				strerror(-rc));
			return false;
		}
	}
	tls_keys_ready(&logs->keys);
	if (logs->keys.unlocked)
		LOG(WARNING,
		    "the secrets of key logs could not be locked into memory (RLIMIT_MEMLOCK)");
	if (logs->keys.n_damaged || logs->keys.n_dropped)
		LOG(WARNING, "key logs: %u damaged lines, %u secrets too many were left out",
		    logs->keys.n_damaged, logs->keys.n_dropped);
	return true;
}

const struct tls_keys *keylogs_keys(const struct keylogs *logs)
{
	return logs->n ? &logs->keys : NULL;
}

void keylogs_fini(struct keylogs *logs)
{
	tls_keys_fini(&logs->keys);
	logs->n = 0;
}
