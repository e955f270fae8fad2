// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The seed is written beside, synced and linked to its name, which fails when somebody was first:
// there is never a time at which half of a seed, or another one, could be read.

#include "dataplane/state.h"

#include "dataplane/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct conf_row state_rows[] = {
	{.key = "dir", .type = CONF_STR, .offset = offsetof(struct state_options, dir), .min = 0,
	 .max = 3000, .def = "\"\"",
	 .help = "Directory that 'run' keeps what is learnt in, with its secret seed; empty: nothing "
		 "is kept, each start learns anew"},
	{.key = "save_min", .type = CONF_U32, .offset = offsetof(struct state_options, save_min),
	 .min = 1, .max = 1440, .def = "5", .unit = "min",
	 .help = "How often it is saved, and so what a crash may lose; it is saved at the end, too"},
	{.key = "frozen", .type = CONF_BOOL, .offset = offsetof(struct state_options, frozen),
	 .def = "false",
	 .help = "Whether it stays as it is: each start, of 'replay --state' as well, judges by it, "
		 "and what is learnt until the end is forgotten then"},
};
const struct conf_section state_section = {
	.path = "state",
	.help = "What is kept over restarts",
	.size = sizeof(struct state_options),
	.rows = state_rows,
	.n_rows = sizeof(state_rows) / sizeof(state_rows[0]),
};
CONF_SECTION(state_section);

enum { SEED_BYTES = 8 };

static bool path_make(char out[PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);

	return n >= 0 && n < PATH_MAX;
}

// 0, -ENOENT, or -EINVAL for what can be no seed.
static int seed_read(const char *path, uint64_t *seed)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY), rc = 0;
	uint8_t bytes[SEED_BYTES + 1];
	struct stat st;

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? -EINVAL : -errno;
	if (fstat(fd, &st))
		rc = -errno;
	else if (!S_ISREG(st.st_mode) || read(fd, bytes, sizeof(bytes)) != SEED_BYTES)
		rc = -EINVAL;
	if (rc == 0 && st.st_mode & 077) {
		LOG(WARNING, "%s can be read by others, who could make up identities with it; its "
			     "mode is 0600 from now on.",
		    path);
		rc = fchmod(fd, 0600) ? -errno : 0;
	}
	close(fd);
	if (rc == 0)
		memcpy(seed, bytes, sizeof(*seed));
	return rc;
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd))
		rc = -errno;
	close(fd);
	return rc;
}

static int seed_make(const char *dir, const char *path)
{
	char beside[PATH_MAX];
	uint8_t bytes[SEED_BYTES];
	int fd, rc = 0;

	if (!path_make(beside, dir, "apitap.seed.tmp"))
		return -ENAMETOOLONG;
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes) || (unlink(beside) && errno != ENOENT))
		return -errno;
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	errno = EIO;
	if (write(fd, bytes, sizeof(bytes)) != sizeof(bytes) || fsync(fd))
		rc = -errno;
	close(fd);
	if (rc == 0 && link(beside, path))
		rc = -errno;
	unlink(beside);
	return rc ? rc : sync_dir(dir);
}

static int seed_get(const char *dir, uint64_t *seed)
{
	char path[PATH_MAX], aside[PATH_MAX];
	int rc;

	if (!path_make(path, dir, "apitap.seed") || !path_make(aside, dir, "apitap.seed.corrupt"))
		return -ENAMETOOLONG;
	rc = seed_read(path, seed);
	if (rc == -EINVAL) {
		if (rename(path, aside))
			return -errno;
		LOG(ERR, "%s is no seed; put aside as %s. A new one is made, and what was learnt "
			 "under the old one cannot be used.",
		    path, aside);
		rc = -ENOENT;
	}
	if (rc != -ENOENT)
		return rc;
	rc = seed_make(dir, path);
	return rc ? rc : seed_read(path, seed);
}

static int lock_take(const char *dir)
{
	char path[PATH_MAX];
	int fd, rc;

	if (!path_make(path, dir, "lock"))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

int state_open(struct state *state, const char *dir, char *why, size_t why_len)
{
	int rc = 0, lock;

	state->lock = -1;
	if (snprintf(state->dir, sizeof(state->dir), "%s", dir) >= (int)sizeof(state->dir))
		rc = -ENAMETOOLONG;
	else if (mkdir(dir, 0700) && errno != EEXIST)
		rc = -errno;
	lock = rc ? rc : lock_take(dir);
	if (lock == -EWOULDBLOCK) {
		snprintf(why, why_len, "%s: another apitap works with it", dir);
		return -1;
	}
	rc = lock < 0 ? lock : seed_get(dir, &state->seed);
	if (rc == 0) {
		state->lock = lock;
		return 0;
	}
	if (lock >= 0)
		close(lock);
	snprintf(why, why_len, "%s: %s", dir, strerror(-rc));
	return -1;
}

void state_close(struct state *state)
{
	if (state->lock >= 0)
		close(state->lock);
	state->lock = -1;
}
