// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the merger knows: endpoints and principals with their counts, the areas that detectors
// keep in them, and each principal's last calls. Both tables are bounded. An endpoint beyond the
// bound is not learnt; a principal beyond it takes the place of the one that was idle longest.
// What a server only ever called missing is no endpoint: its texts are kept apart, the latest
// KNOWN_MISSING of them, so that an issue about it can say what it is about. What a server never
// served (only 401, 403 and other refusals) makes room when there is none left.
// Endpoints that became a part of another (template_learn.h) are found under their old identity,
// the last KNOWN_ALIASES of them. Merger's thread only.

#pragma once

#include "detect/detector.h"
#include "detect/idmap.h"

enum { KNOWN_MISSING = 4096, KNOWN_ALIASES = 65536, KNOWN_ALIAS_STEPS = 16 };
enum { KNOWN_AREAS = DETECTOR_MAX };

// One of a principal's last calls.
struct known_call {
	uint64_t time_ns, endpoint, resp_bytes;
	uint32_t n_values;
	uint16_t status;
};

struct known_endpoint {
	struct merged_endpoint pub; // first: a pointer to it is a pointer to the whole
	char *text;                 // owned: host, method, template
	struct inventory_endpoint *inventory; // owned; NULL: no memory
	struct known_endpoint *newer;         // of those that are missing
				    // areas follow
};

struct known_principal {
	struct merged_principal pub;           // first
	struct known_principal *older, *newer; // by the last call
	char *text;                 // owned: user, user agent; NULL: nobody said yet who it is
	struct known_call *history; // owned ring of n_history, the next one goes to `at`
	uint32_t place;             // in known.principals
	uint8_t n_history, room, at;
	char empty[1]; // stands for texts that are not known
		       // areas follow
};

// Another name of an endpoint.
struct known_alias {
	uint64_t id, to;
};

struct known {
	uint32_t max_endpoints, max_principals, max_history;
	size_t endpoint_bytes, principal_bytes;                           // of one, with areas
	uint32_t endpoint_area[KNOWN_AREAS], principal_area[KNOWN_AREAS]; // offsets, 0: none
	uint32_t n_areas;

	struct idmap endpoint_map, principal_map;
	struct known_endpoint **endpoints;   // in the order in which they became known
	struct known_principal **principals; // in no order that means something
	uint32_t n_endpoints, endpoints_room, n_principals, principals_room;
	struct idmap missing_map; // as endpoints, without areas; owned
	struct known_endpoint *missing_oldest, *missing_newest;
	struct known_principal *oldest, *newest;
	uint32_t endpoints_lost, principals_lost;
	uint64_t endpoints_added;
	struct idmap alias_map;     // id ► its place in the ring
	struct known_alias *alias;  // owned ring; the next one goes to alias_at
	uint32_t alias_at;
};

void known_init(struct known *k, uint32_t max_endpoints, uint32_t max_principals,
		uint32_t max_history);
// Room for one more detector's areas, before anything is known. Index: how many were added before.
void known_area(struct known *k, size_t endpoint_size, size_t principal_size);
// Forgets all; the areas' layout stays.
void known_clear(struct known *k);

// The identity that an endpoint has now; its own when it is no alias.
uint64_t known_resolve(const struct known *k, uint64_t id);

static inline struct known_endpoint *known_endpoint(const struct known *k, uint64_t id)
{
	struct known_endpoint *e = idmap_get(&k->endpoint_map, id);

	return e || k->alias_map.n == 0 ? e : idmap_get(&k->endpoint_map, known_resolve(k, id));
}

static inline struct known_principal *known_principal(const struct known *k, uint64_t id)
{
	return idmap_get(&k->principal_map, id);
}

// Asks for what a call will touch. Either may be NULL.
static inline void known_prefetch(const struct known_endpoint *e, const struct known_principal *p)
{
	if (e) {
		__builtin_prefetch(&e->pub.first_ns, 1);
		__builtin_prefetch(&e->pub.status[3], 1);
	}
	if (p) {
		__builtin_prefetch(&p->pub.id, 1);
		__builtin_prefetch(&p->pub.calls, 1);
		__builtin_prefetch(&p->older, 1);
	}
}

// The endpoint of that id, new if need be. NULL: no room (counted) or no memory.
struct known_endpoint *known_endpoint_add(struct known *k, uint64_t id, struct span host,
					  struct span method, struct span template);
// Its areas go with it. Not known: nothing happens.
void known_endpoint_remove(struct known *k, uint64_t id);
// The endpoint takes another identity and template, which nobody has. False: no memory, nothing
// changed.
bool known_endpoint_rename(struct known *k, struct known_endpoint *e, uint64_t id,
			   struct span template);
// From now on `id` is another name of `to`.
void known_alias_add(struct known *k, uint64_t id, uint64_t to);
// Was anything served there (2xx, 3xx, an upgrade)?
static inline bool known_is_proven(const struct merged_endpoint *e)
{
	return e->status[1] || e->status[2] || e->status[3];
}
// How many were called and never served anything.
uint32_t known_unproven(const struct known *k);
// Takes the older half of those that were called and never served anything for missing. Returns how
// many they were.
uint32_t known_unproven_evict(struct known *k);
// Makes an endpoint of what was missing. NULL: it was not, or there is no room.
struct known_endpoint *known_missing_promote(struct known *k, uint64_t id);
// The texts of what is no endpoint (yet).
void known_missing_add(struct known *k, uint64_t id, struct span host, struct span method,
		       struct span template);
// An endpoint, or what is none; NULL: nobody said what it is.
struct known_endpoint *known_target(const struct known *k, uint64_t id);
// The principal of that id, new if need be; then the one idle longest may go. NULL: no memory.
struct known_principal *known_principal_add(struct known *k, uint64_t id);
// So many will come. Without memory tables grow as always.
void known_principals_reserve(struct known *k, uint64_t n);
// Who it is. The first answer stays.
void known_principal_name(struct known_principal *p, const struct delta_name *name);
// What the detector of that index keeps there; NULL: nothing.
static inline void *known_principal_area(const struct known *k, struct known_principal *p,
					 uint32_t detector)
{
	return k->principal_area[detector] ? (uint8_t *)p + k->principal_area[detector] : NULL;
}

void known_principal_call(struct known *k, struct known_principal *p, const struct call *call);
void known_endpoint_call(struct known_endpoint *e, const struct call *call);
// The last calls of p, oldest first, at most ISSUE_MAX_HISTORY. Returns how many.
uint32_t known_history(const struct known_principal *p, struct known_call *out);
