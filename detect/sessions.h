// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which session belongs to which user. A worker that sees a login that made a session tells with
// its delta which principal requests with that session will have, and who signed in. The merger
// keeps that and gives calls, findings and names of the session to the user, whatever worker saw
// them. Names of cookies that logins set go back to all workers, so that cookies whose names say
// nothing count as sessions too.

#pragma once

#include "detect/exchange.h"
#include "detect/idmap.h"

#include <stdatomic.h>
#include <stdio.h>

enum {
	DELTA_BINDINGS = 4096,
	SESSION_NAMES = 64, // of cookies
	SESSIONS_MAX = 262144, // bindings; then the one that was set first goes
};

struct delta;
struct merger;

struct delta_binding {
	uint64_t session; // principal of requests that carry the credential
	uint64_t user;    // principal of who signed in
	uint64_t cookie;  // session_name() of the cookie that carries it; 0: a token
	uint64_t time_ns, order; // of the login
	uint8_t user_len;
	uint8_t text[EXCHANGE_USER]; // how the user is shown
};

// Hashes of names, 0 behind the last. merger: rw, workers: ro, and copies of one thread's own.
struct session_names {
	_Atomic uint64_t name[SESSION_NAMES];
};

static inline uint64_t session_name(struct span name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (uint32_t i = 0; i < name.len; i++)
		hash = (hash ^ span_lower(name.p[i])) * UINT64_C(0x100000001b3);
	return hash ? hash : 1;
}

static inline bool session_names_has(const struct session_names *names, struct span name)
{
	uint64_t hash = 0, one;

	for (uint32_t i = 0; i < SESSION_NAMES; i++) {
		one = atomic_load_explicit(&names->name[i], memory_order_relaxed);
		if (one == 0)
			return false;
		hash = hash ? hash : session_name(name);
		if (one == hash)
			return true;
	}
	return false;
}

// Each name is a number of its own: nothing needs to be in order but them.
static inline void session_names_copy(struct session_names *to, const struct session_names *from)
{
	for (uint32_t i = 0; i < SESSION_NAMES; i++) {
		uint64_t one = atomic_load_explicit(&from->name[i], memory_order_relaxed);

		if (one == 0)
			break;
		atomic_store_explicit(&to->name[i], one, memory_order_relaxed);
	}
}

struct sessions {
	struct idmap map;           // struct session by credential, owned
	struct session *first, *last; // in the order in which they were set
	const struct delta_binding **gathered; // owned
	uint32_t n_gathered, room;
	uint64_t lost;
};

// Merger's thread.
size_t sessions_bytes(void); // at most
void sessions_fini(struct sessions *s);
// Borrows a delta's bindings until sessions_fold().
void sessions_gather(struct sessions *s, const struct delta *delta);
// Takes them in, and gives what was gathered with them to the users.
void sessions_fold(struct merger *m);
// Which session is whose, without what anybody is called, for a file, and back: 0 or negative
// errno. After a failed load nothing is known.
enum { SESSIONS_VERSION = 1 };
int sessions_save(struct merger *m, FILE *out);
int sessions_load(struct merger *m, FILE *in, size_t len, uint32_t version);
// The user's principal, or the one that was asked for.
uint64_t sessions_user(const struct sessions *s, uint64_t principal);
