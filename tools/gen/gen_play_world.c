// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Objects of a kind are numbered round by round: the first object of each owner, then the second
// of each, and so on. So neighbouring ids belong to different owners, own objects are found by
// arithmetic, and new ones go on where the numbers end.

#include "tools/gen/gen_play_world.h"

#include "tools/gen/gen_digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SALT_ADDRESS = 101, SALT_SECRET, SALT_ID };

// ---- users

uint32_t play_world_address(const struct play_world *world, const struct play_actor *actor)
{
	const struct play_attack *attack = actor->attack;
	const struct play_group *group = actor->group;
	const struct play_network *network;
	uint64_t n = actor->user;
	uint32_t networks, mode = PLAY_ADDRESS_OWN;

	if (attack && attack->n_networks) {
		network = attack->network;
		networks = attack->n_networks;
		n = actor->source;
	} else {
		network = group->network;
		networks = group->n_networks;
		mode = group->address;
	}
	network += n % networks;
	n /= networks;
	if (mode == PLAY_ADDRESS_NAT)
		n = 0;
	if (mode == PLAY_ADDRESS_SESSION)
		n = gen_random_hash(world->scenario->seed + SALT_ADDRESS,
				    (uint64_t)(group - world->scenario->group) << 32 | actor->user,
				    actor->session);
	return network->base + (uint32_t)(n % network->hosts);
}

void play_world_user(const struct play_group *group, uint32_t user, char out[PLAY_NAME_BYTES])
{
	if (group)
		snprintf(out, PLAY_NAME_BYTES, "%s-%u", group->name, user);
	else
		strcpy(out, "guest");
}

void play_world_secret(const struct play_world *world, const struct play_actor *actor,
		       const char *prefix, uint32_t salt, char *out, uint32_t n)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	uint64_t group = actor->group ? (uint64_t)(actor->group - world->scenario->group) : 255;
	struct gen_random random = {gen_random_hash(world->scenario->seed + SALT_SECRET,
						    group << 32 | actor->user, salt)};
	size_t at = strlen(prefix);

	memcpy(out, prefix, at);
	for (uint32_t i = 0; i < n; i++)
		out[at++] = alphabet[gen_random_below(&random, sizeof(alphabet) - 1)];
	out[at] = '\0';
}

uint32_t play_world_victim(const struct play_world *world, const struct play_actor *actor)
{
	const struct play_attack *attack = actor->attack;

	if (!attack || attack->victims == PLAY_NONE)
		return actor->user;
	if (attack->victim != PLAY_NONE)
		return attack->victim;
	return (uint32_t)((actor->source + (uint64_t)actor->round * attack->sources) %
			  world->scenario->group[attack->victims].count);
}

static uint32_t token_jwt(const struct play_credential *credential, const char *subject,
			  uint64_t now_s, char out[PLAY_TOKEN_BYTES])
{
	uint64_t life = (uint64_t)credential->lifetime_s;
	uint64_t issued = credential->expired ? now_s - life - 86400 : now_s;
	uint8_t signature[GEN_SHA256_BYTES];
	char head[64], claims[256];
	size_t n;
	int len;

	len = snprintf(head, sizeof(head), "{\"alg\":\"%s\",\"typ\":\"JWT\"}", credential->alg);
	n = gen_digest_base64url(head, (size_t)len, out);
	out[n++] = '.';
	len = snprintf(claims, sizeof(claims), "{\"sub\":\"%s\"", subject);
	if (credential->role)
		len += snprintf(claims + len, sizeof(claims) - (size_t)len, ",\"role\":\"%s\"",
				credential->role);
	len += snprintf(claims + len, sizeof(claims) - (size_t)len, ",\"iat\":%llu,\"exp\":%llu}",
			(unsigned long long)issued, (unsigned long long)(issued + life));
	n += gen_digest_base64url(claims, (size_t)len, out + n);
	if (!strcmp(credential->alg, "none")) {
		out[n++] = '.';
		out[n] = '\0';
		return (uint32_t)n;
	}
	gen_digest_hmac("made-up signing key of the played API", out, n, signature);
	out[n++] = '.';
	n += gen_digest_base64url(signature, sizeof(signature), out + n);
	return (uint32_t)n;
}

// A session's cookie or opaque token changes with the session, an API key never.
static uint32_t token_make(const struct play_world *world, const struct play_actor *actor,
			   uint64_t now_ns, char out[PLAY_TOKEN_BYTES])
{
	const struct play_credential *credential = actor->credential;
	char user[PLAY_NAME_BYTES], pair[2 * PLAY_NAME_BYTES];

	switch (credential->kind) {
	case PLAY_CREDENTIAL_JWT:
		play_world_user(actor->group, actor->user, user);
		return token_jwt(credential, user, now_ns / 1000000000, out);
	case PLAY_CREDENTIAL_OPAQUE:
	case PLAY_CREDENTIAL_COOKIE:
		play_world_secret(world, actor, "", 1000 + actor->session, out, 40);
		break;
	case PLAY_CREDENTIAL_KEY:
		play_world_secret(world, actor, "", 1, out, 40);
		break;
	case PLAY_CREDENTIAL_BASIC:
		play_world_user(actor->group, actor->user, user);
		strcpy(pair, user);
		strcat(pair, ":");
		play_world_secret(world, actor, "", 0, pair + strlen(pair), 14);
		gen_digest_base64url(pair, strlen(pair), out);
		// RFC 7617 wants the alphabet of base64 with its padding.
		for (char *p = out; *p; p++)
			*p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
		while (strlen(out) % 4)
			strcat(out, "=");
		break;
	case PLAY_CREDENTIAL_NONE:
		out[0] = '\0';
	}
	return (uint32_t)strlen(out);
}

void play_world_token(struct play_world *world, struct play_actor *actor, uint64_t now_ns)
{
	char text[PLAY_TOKEN_BYTES] = "";
	uint64_t life_ns = (uint64_t)(actor->credential->lifetime_s * 1e9);

	if (actor->token && now_ns < actor->token_until_ns)
		return;
	actor->token_len = token_make(world, actor, now_ns, text);
	// A little early, as clients do.
	actor->token_until_ns = actor->credential->kind == PLAY_CREDENTIAL_JWT
					? now_ns + life_ns - life_ns / 20
					: UINT64_MAX;
	free(actor->token);
	actor->token = malloc(actor->token_len + 1);
	if (!actor->token)
		gen_fatal("out of memory for tokens");
	memcpy(actor->token, text, actor->token_len + 1);
}

void play_world_credential(struct play_world *world, struct play_actor *actor,
			   const struct play_step *step, uint64_t now_ns, struct gen_buffer *out)
{
	static const char *const before[] = {
		[PLAY_CREDENTIAL_JWT] = "Authorization: Bearer ",
		[PLAY_CREDENTIAL_OPAQUE] = "Authorization: Bearer ",
		[PLAY_CREDENTIAL_BASIC] = "Authorization: Basic ",
		[PLAY_CREDENTIAL_COOKIE] = "Cookie: ",
	};
	const struct play_credential *credential = actor->credential;
	char token[PLAY_TOKEN_BYTES], victim[PLAY_NAME_BYTES];

	if (!credential->kind || !actor->logged_in || step->bare)
		return;
	if (before[credential->kind])
		gen_buffer_text(out, before[credential->kind]);
	if (credential->kind == PLAY_CREDENTIAL_KEY || credential->kind == PLAY_CREDENTIAL_COOKIE) {
		gen_buffer_text(out, credential->name);
		gen_buffer_text(out, credential->kind == PLAY_CREDENTIAL_KEY ? ": " : "=");
	}
	if (step->swap && credential->kind == PLAY_CREDENTIAL_JWT) {
		play_world_user(&world->scenario->group[actor->attack->victims],
				play_world_victim(world, actor), victim);
		gen_buffer_add(out, token,
			       token_jwt(credential, victim, now_ns / 1000000000, token));
	} else {
		play_world_token(world, actor, now_ns);
		gen_buffer_add(out, actor->token, actor->token_len);
	}
	gen_buffer_add(out, "\r\n", 2);
}

// ---- objects

static uint32_t *created(const struct play_world *world, const struct play_actor *actor,
			 uint32_t kind)
{
	const struct play_group *group = actor->group;
	uint32_t team = world->scenario->kind[kind].team;

	return &group->created[(uint64_t)(actor->user / team) * world->scenario->n_kinds + kind];
}

static bool is_owner(const struct play_world *world, const struct play_actor *actor, uint32_t kind)
{
	uint32_t group = world->scenario->kind[kind].group;

	return group != PLAY_NONE && actor->group == &world->scenario->group[group];
}

static uint64_t below(struct gen_random *random, uint64_t bound)
{
	return bound ? gen_random_next(random) % bound : 0;
}

uint64_t play_world_pick(const struct play_world *world, struct play_actor *actor, uint32_t kind,
			 enum play_pick pick, struct gen_random *random)
{
	const struct play_kind *k = &world->scenario->kind[kind];
	bool owner = is_owner(world, actor, kind);
	uint64_t total = k->group == PLAY_NONE ? k->count : (uint64_t)k->owners * k->each;
	uint64_t mine = owner ? actor->user / k->team : 0, other, n;

	switch (pick) {
	case PLAY_PICK_LISTED:
		n = 0;
		for (uint32_t i = 0; i < PLAY_LISTED && i < actor->n_listed; i++)
			n += actor->listed[i].kind == kind;
		n = n ? 1 + below(random, n) : 0;
		for (uint32_t i = 0; n; i++) {
			if (actor->listed[i].kind == kind && !--n)
				return actor->listed[i].index;
		}
		break;
	case PLAY_PICK_FOREIGN:
		if (!owner || k->owners < 2)
			break;
		other = (mine + 1 + below(random, k->owners - 1)) % k->owners;
		return below(random, k->each) * k->owners + other;
	case PLAY_PICK_SEQUENCE:
		if (!actor->sequence)
			actor->sequence = 1 + below(random, total - total / 4);
		return actor->sequence++ - 1;
	case PLAY_PICK_RANDOM:
		return below(random, total);
	case PLAY_PICK_MISSING:
		return total + 50000 + below(random, 1000000);
	case PLAY_PICK_OWN:
	case PLAY_PICK_SAME:
		break;
	}
	if (!owner)
		return below(random, total);
	n = k->each + *created(world, actor, kind);
	return below(random, n) * k->owners + mine;
}

static uint64_t all_of(const struct play_kind *k)
{
	return k->group == PLAY_NONE ? k->count : (uint64_t)k->owners * k->each;
}

uint64_t play_world_owned(const struct play_world *world, const struct play_actor *actor,
			  uint32_t kind)
{
	const struct play_kind *k = &world->scenario->kind[kind];

	return is_owner(world, actor, kind) ? k->each + *created(world, actor, kind) : all_of(k);
}

uint64_t play_world_next(const struct play_world *world, struct play_actor *actor, uint32_t kind,
			 enum play_pick pick, uint64_t index, struct gen_random *random)
{
	const struct play_kind *k = &world->scenario->kind[kind];

	if (pick != PLAY_PICK_OWN || !is_owner(world, actor, kind))
		return play_world_pick(world, actor, kind, pick, random);
	index += k->owners;
	return index < play_world_owned(world, actor, kind) * k->owners ? index : index % k->owners;
}

uint64_t play_world_object(struct play_world *world, struct play_actor *actor, uint32_t kind,
			   enum play_pick pick)
{
	struct gen_random random = {gen_random_hash(actor->seed, kind, SALT_ID)};
	struct play_object *chosen;

	for (uint32_t i = 0; i < actor->n_chosen; i++) {
		if (actor->chosen[i].kind == kind)
			return actor->chosen[i].index;
	}
	if (actor->n_chosen == PLAY_CHOSEN)
		gen_fatal("an exchange names more than %d kinds of objects", PLAY_CHOSEN);
	chosen = &actor->chosen[actor->n_chosen++];
	chosen->kind = kind;
	chosen->index = play_world_pick(world, actor, kind, pick, &random);
	return chosen->index;
}

void play_world_create(struct play_world *world, struct play_actor *actor, uint32_t kind)
{
	const struct play_kind *k = &world->scenario->kind[kind];
	uint64_t index;

	if (!is_owner(world, actor, kind))
		return;
	index = (uint64_t)(k->each + (*created(world, actor, kind))++) * k->owners +
		actor->user / k->team;
	for (uint32_t i = 0; i < actor->n_chosen; i++) {
		if (actor->chosen[i].kind == kind)
			actor->chosen[i--] = actor->chosen[--actor->n_chosen];
	}
	if (actor->n_chosen == PLAY_CHOSEN)
		actor->n_chosen--;
	actor->chosen[actor->n_chosen++] = (struct play_object){kind, index};
	play_world_list(actor, kind, index);
}

void play_world_list(struct play_actor *actor, uint32_t kind, uint64_t index)
{
	actor->listed[actor->n_listed++ % PLAY_LISTED] = (struct play_object){kind, index};
	// Stays small enough never to wrap, and tells that the ring is full.
	if (actor->n_listed == 2 * PLAY_LISTED)
		actor->n_listed = PLAY_LISTED;
}

static uint32_t put_number(char *out, uint64_t number)
{
	char digits[20];
	uint32_t n = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	for (uint32_t i = 0; i < n; i++)
		out[i] = digits[n - 1 - i];
	return n;
}

// Different for different 32-bit numbers: each step can be undone.
static uint32_t scramble(uint32_t x)
{
	x *= 0x9e3779b1u;
	x ^= x >> 15;
	x *= 0x85ebca6bu;
	return x ^ x >> 13;
}

// "amber-bakery", and a third word beyond the first thousand: as shops and articles are called.
static uint32_t put_slug(char *out, uint64_t index)
{
	static const char *const words[2][32] = {
		{"amber", "brisk", "calm",  "daring", "early", "fair",  "gentle", "humble",
		 "ivory", "jolly", "keen",  "lively", "mellow", "noble", "open",   "proud",
		 "quiet", "rapid", "sunny", "tender", "upper", "vivid", "warm",   "young",
		 "zesty", "brave", "clear", "dusty",  "eager", "fresh", "grand",  "happy"},
		{"bakery", "bridge",  "castle", "corner", "dairy",  "farm",   "forge",  "garden",
		 "harbor", "inn",     "jetty",  "kiosk",  "lodge",  "market", "mill",   "nursery",
		 "orchard", "pantry", "quarry", "ranch",  "stable", "tavern", "studio", "vineyard",
		 "wharf",  "yard",    "abbey",  "barn",   "cabin",  "depot",  "estate", "ferry"},
	};
	uint64_t rest = index / 1024;
	uint32_t n = 0;

	// Neighbours share neither word.
	for (uint32_t i = 0; i < 2 || (rest && i < 7); i++) {
		uint64_t which = i == 0 ? index + index / 32 : i == 1 ? index : rest;
		const char *word = words[i % 2][which % 32];
		size_t len = strlen(word);

		if (i)
			out[n++] = '-';
		memcpy(out + n, word, len);
		n += (uint32_t)len;
		rest /= i > 1 ? 32 : 1;
	}
	return n;
}


uint32_t play_world_id(const struct play_world *world, uint32_t kind, uint64_t index,
		       char out[PLAY_NAME_BYTES])
{
	static const char hex[] = "0123456789abcdef";
	const struct play_kind *k = &world->scenario->kind[kind];
	struct gen_random random = {gen_random_hash(world->scenario->seed + SALT_ID, kind, index)};
	uint32_t n = (uint32_t)strlen(k->prefix), digits;
	uint64_t bits = 0;

	memcpy(out, k->prefix, n);
	if (k->ids == PLAY_IDS_SEQUENTIAL)
		return n + put_number(out + n, k->first + index);
	if (k->ids == PLAY_IDS_RANDOM)
		return n + put_number(out + n, 1000000000ull + scramble((uint32_t)index));
	if (k->ids == PLAY_IDS_SLUG)
		return n + put_slug(out + n, index);
	digits = k->ids == PLAY_IDS_UUID ? 36 : 24;
	for (uint32_t i = 0; i < digits; i++, bits >>= 4) {
		if (i % 16 == 0)
			bits = gen_random_next(&random);
		out[n + i] = hex[bits & 15];
	}
	if (k->ids == PLAY_IDS_UUID) { // version 4, RFC 9562 section 5.4
		out[n + 8] = out[n + 13] = out[n + 18] = out[n + 23] = '-';
		out[n + 14] = '4';
		out[n + 19] = hex[8 + random.state % 4];
	}
	return n + digits;
}
