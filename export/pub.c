// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Sockets for the outside. The permissions of an ipc socket are given to the listener before it
// starts: nng sets them between bind and listen, so nobody else can get in early. nng's own
// threads are made by the first socket opened and inherit the signal mask and the processors of
// the thread that opens it; that is why only the exporter's thread does.

#include "export/pub.h"

#include "export/spool.h"

#include <errno.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/supplemental/util/platform.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct pub {
	nng_socket socket;
	_Atomic uint32_t subscribers; // nng's threads: rw, exporter: ro
};

static const char ipc[] = "ipc://";
static const size_t ipc_len = sizeof(ipc) - 1;

int pub_url_check(const char *key, const char *url, bool insecure, char *why, size_t why_len)
{
	if (strncmp(url, ipc, ipc_len) == 0 && url[ipc_len] == '/') {
		if (strlen(url) - ipc_len < sizeof(((struct sockaddr_un *)NULL)->sun_path))
			return 0;
		snprintf(why, why_len, "export.%s: the path in %s is too long for a socket.", key,
			 url);
		return -1;
	}
	if (strncmp(url, "tcp://", 6) != 0) {
		snprintf(why, why_len,
			 "export.%s: %s is not allowed; use ipc:///path/of/socket, or "
			 "tcp://address:port "
			 "with export.insecure = true.",
			 key, url);
		return -1;
	}
	if (!insecure) {
		snprintf(why, why_len,
			 "export.%s: %s would give the issues to everybody on the network, "
			 "unencrypted; "
			 "set export.insecure = true if that is meant.",
			 key, url);
		return -1;
	}
	return 0;
}

// Removes the socket of a process that is no more. 0: the path is free; -1 with why.
static int clear_path(const char *path, char *why, size_t why_len)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	int fd, r;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		snprintf(why, why_len, "Socket %s: %s.", path, strerror(errno));
		return -1;
	}
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, why_len, "Socket %s: something that is no socket has this name.",
			 path);
		return -1;
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		snprintf(why, why_len, "Socket %s: %s.", path, strerror(errno));
		return -1;
	}
	r = connect(fd, (const void *)&address, sizeof(address)) < 0 ? errno : 0;
	close(fd);
	if (r != ECONNREFUSED) {
		snprintf(why, why_len, "Socket %s is in use by another process.", path);
		return -1;
	}
	if (unlink(path) < 0 && errno != ENOENT) {
		snprintf(why, why_len, "Socket %s of a dead process cannot be removed: %s.", path,
			 strerror(errno));
		return -1;
	}
	return 0;
}

static int prepare_path(const char *path, char *why, size_t why_len)
{
	const char *slash = strrchr(path, '/');
	char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int r;

	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	r = dir[0] ? spool_make_dir(dir, 0750) : 0;
	if (r < 0) {
		snprintf(why, why_len, "Directory %s of the socket cannot be made: %s.", dir,
			 strerror(-r));
		return -1;
	}
	return clear_path(path, why, why_len);
}

int pub_listen(nng_socket socket, const char *url, char *why, size_t why_len)
{
	bool local = strncmp(url, ipc, ipc_len) == 0;
	nng_listener listener;
	int r;

	if (local && prepare_path(url + ipc_len, why, why_len) < 0)
		return -1;
	r = nng_listener_create(&listener, socket, url);
	if (r == 0 && local)
		r = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0660);
	if (r == 0)
		r = nng_listener_start(listener, 0);
	if (r != 0) {
		snprintf(why, why_len, "Socket %s cannot be opened: %s.", url, nng_strerror(r));
		return -1;
	}
	return 0;
}

static void count_pipe(nng_pipe, nng_pipe_ev event, void *arg)
{
	struct pub *pub = arg;

	if (event == NNG_PIPE_EV_ADD_POST)
		atomic_fetch_add_explicit(&pub->subscribers, 1, memory_order_relaxed);
	else
		atomic_fetch_sub_explicit(&pub->subscribers, 1, memory_order_relaxed);
}

struct pub *pub_open(const char *url, bool insecure, uint32_t buffer, char *why, size_t why_len)
{
	struct pub *pub;
	int r;

	if (pub_url_check("pub", url, insecure, why, why_len) < 0)
		return NULL;
	pub = calloc(1, sizeof(*pub));
	r = pub ? nng_pub0_open(&pub->socket) : NNG_ENOMEM;
	if (r != 0) {
		snprintf(why, why_len, "Publish socket: %s.", nng_strerror(r));
		free(pub);
		return NULL;
	}
	r = nng_socket_set_int(pub->socket, NNG_OPT_SENDBUF, (int)buffer);
	if (r == 0)
		r = nng_pipe_notify(pub->socket, NNG_PIPE_EV_ADD_POST, count_pipe, pub);
	if (r == 0)
		r = nng_pipe_notify(pub->socket, NNG_PIPE_EV_REM_POST, count_pipe, pub);
	if (r != 0)
		snprintf(why, why_len, "Publish socket: %s.", nng_strerror(r));
	if (r != 0 || pub_listen(pub->socket, url, why, why_len) < 0) {
		nng_close(pub->socket);
		free(pub);
		return NULL;
	}
	return pub;
}

int pub_send(struct pub *pub, struct span bytes)
{
	nng_msg *message;
	int r = nng_msg_alloc(&message, bytes.len);

	if (r != 0)
		return -r;
	memcpy(nng_msg_body(message), bytes.p, bytes.len);
	r = nng_sendmsg(pub->socket, message, NNG_FLAG_NONBLOCK);
	if (r != 0)
		nng_msg_free(message);
	return -r;
}

uint32_t pub_subscribers(const struct pub *pub)
{
	return atomic_load_explicit(&pub->subscribers, memory_order_relaxed);
}

void pub_close(struct pub *pub, uint32_t linger_ms)
{
	// nng forgets what is still queued when a socket is closed.
	if (pub_subscribers(pub) > 0)
		nng_msleep((nng_duration)linger_ms);
	nng_close(pub->socket);
	free(pub);
}
