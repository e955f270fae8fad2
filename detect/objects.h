// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Whose objects are whose, as responses show it: what was given out to whom, who had an object
// first, and which parameters of endpoints are used by each principal for objects of its own only.
// The merger owns one and feeds it each call and each object, in the order of time, before the
// detectors see them; they read what it says of the identifiers of the call that is looked at.
//
//	object() ─► relations (principal, object)          call() ─► views: given? whose? how many
//	            objects   (first principal, how many)            had it? is the parameter bound?
//	            people    (since when all is known) ◄────────────┘   and bound.h learns
//
// An object is known by its noun and value where the value could be met by chance, else by its
// value alone. What a list gives whose name says nothing of its objects ("/inbox"), because no request
// ever named one by that name, may be used under any name. An answer to a request that names the object gives nothing away that the caller had
// not: of what another had before it makes no relation, and an owner only until somebody is given
// it by a list, or makes it.
//
// After a restart all is known again but what was given while the sensor was off, which may have
// been anything. So for a while only the owners that were known before speak, and those who were
// not known before are believed only when a token says who they are: a session may be the new one
// of somebody who signed in meanwhile.
//
// All tables are bounded. What was forgotten, lost or not seen whole is known by the principal:
// there nothing is concluded from absence. Merger's thread.

#pragma once

#include "conf/conf.h"
#include "detect/bound.h"
#include "detect/delta.h"
#include "detect/lru.h"

enum {
	OBJECTS_VIEWS = 16,  // identifiers of one call that are looked at
	OBJECTS_GETTERS = 3, // of one object and role that are told apart
	OBJECTS_SURE = 50,   // struct call.user_confidence below which nobody is followed
	OBJECTS_NOUNS = 65536,
};

struct objects_options {
	uint32_t max_relations, max_objects; // 0: nothing is kept
	uint32_t session_s, quiet_s, public_users;
	struct bound_options bound;
};
extern const struct conf_section objects_section;

enum objects_answer {
	OBJECTS_UNSURE = 0, // not that we know, but not all is known
	OBJECTS_GIVEN,      // by a response, or made by the caller
	OBJECTS_OWN,        // it names the caller itself
	OBJECTS_FOREIGN,    // never given to it
};

// What is known of one identifier of a call, before this call counts.
struct objects_view {
	const struct call_param *param;
	uint64_t object; // its identity
	uint64_t owner;  // who had it first, when that is not the caller; 0: nobody that we know
	enum objects_answer answer;
	uint8_t others; // principals in a role like the caller's that had it, at most 4: or more
	bool weak;      // the owner only ever asked for it itself
	bool alone;     // nobody else in a role like the caller's was given it
	bool open;      // had by so many that it belongs to nobody
	struct bound_view bound, kind; // of the endpoint's parameter; of all of this noun
};

struct objects {
	const struct objects_options *options; // NULL: nothing is kept
	struct lru relations, objects, people;
	struct bound bound;
	uint32_t lost_s; // when objects were lost that may have been given to anybody; 0: never
	uint32_t now_s;  // the newest time that was seen
	// What was given between these two was not seen: the sensor was off. 0: it never was.
	uint32_t gap_from_s, gap_to_s;
	uint64_t named[OBJECTS_NOUNS / 64]; // nouns that successful requests named objects by

	// The call that is looked at.
	uint64_t order, principal;
	uint32_t n_views;
	bool deep;    // nothing was given to the caller in this session yet: it may follow a link
	bool suspect; // an issue was raised about it
	bool makes;   // it made something, as its answer says
	struct objects_view view[OBJECTS_VIEWS];
};

// 0, -EINVAL or -ENOMEM; without max_relations nothing is kept, which is no mistake.
int objects_init(struct objects *o, const struct objects_options *options);
void objects_fini(struct objects *o);
// Forgets all.
void objects_clear(struct objects *o);
size_t objects_bytes(const struct objects_options *options);

// The views are those of this call then.
void objects_call(struct objects *o, const struct call *call);
void objects_give(struct objects *o, const struct delta_object *object);
// Asks for what giving it will touch: first for the slots, some objects later for the entries.
void objects_prefetch(const struct objects *o, const struct delta_object *object, bool entries);
// Objects were lost.
void objects_lost(struct objects *o, uint64_t time_ns);
// The principal teaches nothing any more.
void objects_suspect(struct objects *o, uint64_t principal);

// What is known, for a file, and back: 0 or negative errno. After a failed load nothing is known.
enum { OBJECTS_VERSION = 1 };
int objects_save(const struct objects *o, FILE *out);
int objects_load(struct objects *o, FILE *in, size_t len, uint32_t version);
// One endpoint is learnt anew.
void objects_forget(struct objects *o, uint64_t endpoint);

// The identity of what a response gives or a request names.
uint64_t objects_id(uint64_t noun, uint64_t value, enum param_class class);

static inline bool objects_on(const struct objects *o)
{
	return o && o->options;
}
