// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What sign-ins say over time, for D-06: who usually signs in from where, which passwords and names
// were tried by whom in the last minutes, and how many failures an endpoint is used to. Tables of
// fixed entries that forget who was idle longest; all that is hashed is keyed, and hashes of
// passwords never leave memory. Merger's thread.
//
// A failure is odd when nothing explains it: the password is not the one with which this user got
// in last. Right passwords that fail are trouble of the server and speak against an attack.

#pragma once

#include "detect/blob.h"
#include "detect/delta.h"
#include "detect/few.h"
#include "detect/lru.h"
#include "detect/season.h"
#include "detect/sources.h"

struct merger;

enum {
	LOGIN_PLACES = 4,  // usual ones of a user
	LOGIN_INLINE = 6,  // passwords that are tried before a user gets an entry of tries
	LOGIN_ADDRESSES = 4,
	LOGIN_TAKEN = 4,   // users named in a text
	LOGIN_SPRAYED = 16, // users of a password that are told apart
};

// What an issue tells of the attack that an entry stands for.
struct login_campaign {
	bool open;
	bool unusual; // somebody got in from where that user never was
	uint32_t n_taken;
	uint64_t taken[LOGIN_TAKEN]; // users who got in, or rather the attacker in their place
	uint64_t told, told_ns; // number and time that the issue told last
};

// Different values that failed in the last window: names that a source tried, or passwords that
// were tried for a name. Two halves, so that the oldest half leaves at once.
struct login_tries {
	uint64_t half_ns; // when the newer half began
	struct few values[2]; // newer, older
	uint32_t distinct;    // in both
	uint32_t failed[2], ok[2];
	uint64_t address[LOGIN_ADDRESSES]; // different ones
	uint32_t n_addresses;
	struct login_campaign campaign;
};

// Users for whom one password was tried in vain.
struct login_secret {
	uint64_t begin_ns;
	uint64_t user[LOGIN_SPRAYED], address[LOGIN_ADDRESSES];
	uint32_t n_users, n_addresses, failed, ok;
	uint64_t before; // failures of its endpoint when it began
	struct login_campaign campaign;
};

struct login_user {
	uint64_t secret; // of the last success
	uint64_t prefix[LOGIN_PLACES], agent[LOGIN_PLACES]; // of successes
	uint64_t failed_ns;              // when the first of tried was
	uint64_t tried[LOGIN_INLINE];    // different passwords
	uint32_t n_tried, successes;
	uint8_t prefix_at, agent_at;
};

// An endpoint at which people sign in.
struct login_endpoint {
	struct season season; // odd failures a window
	uint64_t window_ns;   // when the present one began
	uint32_t odd, ok, right_failed; // in it; right_failed: with the right password
	uint32_t windows, windows_high; // in a row
	uint64_t failed_all, ok_all;
	struct few users, prefixes;     // of odd failures in the present window
	struct login_campaign campaign;
	bool was_trouble; // in the window before
	uint64_t endpoint;
};

// Where somebody got in by an attack: what is done from there since.
struct login_intruder {
	uint64_t since_ns, user, told_ns;
	uint32_t calls, writes;
};

struct logins {
	uint64_t window_ns; // of tries
	uint64_t spray_ns;
	struct lru users, sources, pressed, secrets, endpoints, intruders;
};

struct login_sizes {
	uint32_t users, sources, secrets, window_s, spray_s;
};

int logins_init(struct logins *l, const struct login_sizes *sizes);
// What tables of these sizes take at most.
size_t logins_bytes(const struct login_sizes *sizes);
void logins_fini(struct logins *l);

// What is usual of users (without their passwords) and of endpoints, as a detector that begins with
// a struct logins saves and loads it: 0 or negative errno.
int logins_save(const void *logins, const struct merger *, FILE *out);
int logins_load(void *logins, struct merger *, FILE *in, size_t len, uint32_t version);

// Adds a value that failed, or that a sign-in went well (value 0).
void login_tries_add(struct login_tries *t, uint64_t window_ns, uint64_t time_ns, uint64_t value);
void login_tries_address(uint64_t address[LOGIN_ADDRESSES], uint32_t *n, uint64_t one);
void login_secret_add(struct login_secret *s, uint64_t window_ns, uint64_t time_ns, uint64_t user,
		      uint64_t address);
// A password that failed for this user: how many different ones in the window, as far as they are
// told apart here.
uint32_t login_user_failed(struct login_user *u, uint64_t window_ns, uint64_t time_ns,
			   uint64_t secret);
// The user was here, and it was the user.
void login_user_learn(struct login_user *u, uint64_t prefix, uint64_t agent, uint64_t secret);
bool login_user_knows(const uint64_t place[LOGIN_PLACES], uint64_t one);

static inline uint32_t login_failed(const struct login_tries *t)
{
	return t->failed[0] + t->failed[1];
}

// Percent.
static inline double login_failure_share(const struct login_tries *t)
{
	double failed = login_failed(t), ok = t->ok[0] + t->ok[1];

	return failed + ok > 0 ? 100 * failed / (failed + ok) : 0;
}
