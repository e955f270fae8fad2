// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// See logins.h.

#include "detect/logins.h"

#include "detect/record.h"

#include <errno.h>
#include <string.h>

enum { ENDPOINTS_MAX = 256, INTRUDERS_MAX = 4096, PRESSED_PART = 8 };

int logins_init(struct logins *l, const struct login_sizes *sizes)
{
	uint32_t pressed = sizes->users / PRESSED_PART;

	*l = (struct logins){
		.window_ns = sizes->window_s * UINT64_C(1000000000),
		.spray_ns = sizes->spray_s * UINT64_C(1000000000),
	};
	if (lru_init(&l->users, sizeof(struct login_user), sizes->users) ||
	    lru_init(&l->sources, sizeof(struct login_tries), sizes->sources) ||
	    lru_init(&l->pressed, sizeof(struct login_tries), pressed ? pressed : 1) ||
	    lru_init(&l->secrets, sizeof(struct login_secret), sizes->secrets) ||
	    lru_init(&l->endpoints, sizeof(struct login_endpoint), ENDPOINTS_MAX) ||
	    lru_init(&l->intruders, sizeof(struct login_intruder), INTRUDERS_MAX)) {
		logins_fini(l);
		return -ENOMEM;
	}
	return 0;
}

size_t logins_bytes(const struct login_sizes *sizes)
{
	uint32_t pressed = sizes->users / PRESSED_PART;

	return lru_bytes(sizeof(struct login_user), sizes->users) +
	       lru_bytes(sizeof(struct login_tries), sizes->sources) +
	       lru_bytes(sizeof(struct login_tries), pressed ? pressed : 1) +
	       lru_bytes(sizeof(struct login_secret), sizes->secrets) +
	       lru_bytes(sizeof(struct login_endpoint), ENDPOINTS_MAX) +
	       lru_bytes(sizeof(struct login_intruder), INTRUDERS_MAX);
}

void logins_fini(struct logins *l)
{
	lru_fini(&l->users);
	lru_fini(&l->sources);
	lru_fini(&l->pressed);
	lru_fini(&l->secrets);
	lru_fini(&l->endpoints);
	lru_fini(&l->intruders);
}

static void tries_turn(struct login_tries *t, uint64_t window_ns, uint64_t time_ns)
{
	if (time_ns < t->half_ns + window_ns / 2)
		return;
	if (t->half_ns == 0 || time_ns >= t->half_ns + window_ns) {
		memset(t->values, 0, sizeof(t->values));
		t->failed[0] = t->ok[0] = 0;
		t->n_addresses = 0;
		t->half_ns = time_ns;
	} else {
		t->half_ns += window_ns / 2;
	}
	t->values[1] = t->values[0];
	t->values[0] = (struct few){0};
	t->failed[1] = t->failed[0];
	t->ok[1] = t->ok[0];
	t->failed[0] = t->ok[0] = 0;
	t->distinct = (uint32_t)few_count(&t->values[1]);
}

void login_tries_add(struct login_tries *t, uint64_t window_ns, uint64_t time_ns, uint64_t value)
{
	tries_turn(t, window_ns, time_ns);
	if (value == 0) {
		t->ok[0]++;
		return;
	}
	t->failed[0]++;
	// Beyond 64 a new value may be taken for a known one: never too many.
	if (few_add(&t->values[0], value) && few_has(&t->values[1], value) == FEW_NO)
		t->distinct++;
}

void login_tries_address(uint64_t address[LOGIN_ADDRESSES], uint32_t *n, uint64_t one)
{
	for (uint32_t i = 0; i < *n; i++) {
		if (address[i] == one)
			return;
	}
	if (*n < LOGIN_ADDRESSES)
		address[(*n)++] = one;
}

void login_secret_add(struct login_secret *s, uint64_t window_ns, uint64_t time_ns, uint64_t user,
		      uint64_t address)
{
	if (!s->campaign.open && s->begin_ns && time_ns >= s->begin_ns + window_ns)
		*s = (struct login_secret){0};
	if (s->begin_ns == 0)
		s->begin_ns = time_ns;
	s->failed++;
	login_tries_address(s->address, &s->n_addresses, address);
	for (uint32_t i = 0; i < s->n_users && i < LOGIN_SPRAYED; i++) {
		if (s->user[i] == user)
			return;
	}
	if (s->n_users < LOGIN_SPRAYED)
		s->user[s->n_users++] = user;
}

uint32_t login_user_failed(struct login_user *u, uint64_t window_ns, uint64_t time_ns,
			   uint64_t secret)
{
	if (u->n_tried && time_ns >= u->failed_ns + window_ns)
		u->n_tried = 0;
	if (u->n_tried == 0)
		u->failed_ns = time_ns;
	for (uint32_t i = 0; i < u->n_tried; i++) {
		if (u->tried[i] == secret)
			return u->n_tried;
	}
	if (u->n_tried < LOGIN_INLINE)
		u->tried[u->n_tried++] = secret;
	return u->n_tried;
}

bool login_user_knows(const uint64_t place[LOGIN_PLACES], uint64_t one)
{
	for (uint32_t i = 0; i < LOGIN_PLACES; i++) {
		if (one && place[i] == one)
			return true;
	}
	return false;
}

static void place_add(uint64_t place[LOGIN_PLACES], uint8_t *at, uint64_t one)
{
	if (one == 0 || login_user_knows(place, one))
		return;
	place[*at] = one;
	*at = (uint8_t)((*at + 1) % LOGIN_PLACES);
}

void login_user_learn(struct login_user *u, uint64_t prefix, uint64_t agent, uint64_t secret)
{
	u->successes += u->successes < UINT32_MAX;
	u->n_tried = 0;
	if (secret)
		u->secret = secret;
	place_add(u->prefix, &u->prefix_at, prefix);
	place_add(u->agent, &u->agent_at, agent);
}

// ---- Over a restart. Hashes of passwords stay in memory: with the seed beside them they could be
// tried out. So a user's first success tells his password anew.

static const struct record_field user_fields[] = {
	RECORD_IDS(struct login_user, prefix),
	RECORD_IDS(struct login_user, agent),
	RECORD_SMALL(struct login_user, successes, 0),
	RECORD_ONE(struct login_user, prefix_at, LOGIN_PLACES - 1),
	RECORD_ONE(struct login_user, agent_at, LOGIN_PLACES - 1),
};
static const struct record user_record = RECORD(struct login_user, user_fields, NULL);
static const struct record_field slot_fields[] = {
	RECORD_REAL(struct season_slot, mean),       RECORD_REAL(struct season_slot, deviation),
	RECORD_SMALL(struct season_slot, samples, 0), RECORD_SMALL(struct season_slot, days, 0),
	RECORD_SMALL(struct season_slot, last_day, 0),
};
static const struct record slot_record = RECORD(struct season_slot, slot_fields, NULL);
static const struct record_field endpoint_fields[] = {
	RECORD_STRUCTS(struct login_endpoint, season.slot, slot_record),
	RECORD_ONE(struct login_endpoint, windows, 0),
	RECORD_ONE(struct login_endpoint, failed_all, 0),
	RECORD_ONE(struct login_endpoint, ok_all, 0),
	RECORD_ONE(struct login_endpoint, was_trouble, 1),
	RECORD_ONE(struct login_endpoint, endpoint, 0),
};
static const struct record endpoint_record = RECORD(struct login_endpoint, endpoint_fields, NULL);

int logins_save(const void *logins, const struct merger *, FILE *out)
{
	const struct logins *l = logins;
	int rc = record_put_table(out, &endpoint_record, &l->endpoints);

	return rc ? rc : record_put_table(out, &user_record, &l->users);
}

int logins_load(void *logins, struct merger *, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != 1};
	struct logins *l = logins;
	int rc = record_get_table(&r, &endpoint_record, &l->endpoints);

	rc = rc ? rc : record_get_table(&r, &user_record, &l->users);
	return rc ? rc : record_end(&r);
}
