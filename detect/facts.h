// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What behaviour is judged by: the parameters of a request, the objects that a response gives out,
// and which fields there are at all. Gathered on the worker while an exchange lasts; handed to the
// merger with its call.
//
//	target, request body ─► params of the exchange ─► behind its call in the delta
//	response body, links ─► objects given, at once ─► delta
//	first sight of a field (per class) ─────────────► names of fields in the delta
//
// An object is known by its noun and the keyed hash of its identifier, as the request that asks for
// it writes it and the response that gives it out: neither the endpoint nor the field is a part of
// that.

#pragma once

#include "detect/delta.h"
#include "flows/event.h"

#include <stdalign.h>

struct detect_worker;

enum {
	FACTS_KEYS = 4096,    // fields whose meaning a worker remembers
	FACTS_WORDS = 1024,   // words of paths, likewise
	FACTS_SEEN = 32768,   // fields that the merger is known to have
	FACTS_ID_MAX = 128,   // bytes of an identifier; longer values are none
	FACTS_HASHED = 1024,  // bytes of a value that are hashed
	FACTS_SHAPE = 4096,   // bytes of a response whose fields are always told,
	FACTS_SHARE = 16,     // of longer ones those of one exchange in so many,
	FACTS_CLOSELY = 8,    // there so many values of each;
	FACTS_NEW = 3,        // new ones of an exchange, when there are more than is remembered,
	FACTS_NEW_ALL = 24,   // and of one in FACTS_SHARE;
	FACTS_NEW_FIRST = 64, // of the first of an endpoint
};

// What a value of a response looks like to those who learn fields: its kind, of a literal the name.
enum fact_look { LOOK_STRING = VALUE_STRING, LOOK_NUMBER = VALUE_NUMBER, LOOK_BOOL, LOOK_NULL, LOOKS };

// A field of bodies that a worker met lately, and what it means.
struct facts_key {
	alignas(64) uint64_t field; // the flow side's; 0: free
	uint64_t renamed;           // field_name_id() of it
	uint64_t noun;              // 0: of the endpoint
	uint32_t told[LOOKS];       // the exchange that told last of a look of it
	uint8_t left;               // values that it looks at yet, when it tells all
	bool known;                 // what follows, and what is above, but for told
	uint8_t kind;               // enum noun_kind
	uint8_t privilege;          // privilege_of() the name
	uint8_t name_len;           // bytes of its name, which stands in struct facts_cache
	bool plain;    // no identifier, nor anything that a client should not decide: nearly all
	bool quiet[2]; // a value of a request, of a response, may be passed by (worker.c)
};

// A word of a path and what it names.
struct facts_word {
	uint64_t hash; // 0: free
	uint64_t noun;
};

struct facts_cache {
	// Sets of two, so that two fields that meet do not drive each other out.
	struct facts_key key[FACTS_KEYS];
	uint8_t name[FACTS_KEYS][EXCHANGE_NAME]; // of key[i]
	uint8_t newer[FACTS_KEYS / 2];           // of a set: the one that was taken last
	struct facts_word word[FACTS_WORDS];
	uint32_t seen[FACTS_SEEN]; // a part of their identities
};

// What is known of a field; NULL: it was not met, or is forgotten.
static inline struct facts_key *facts_key(struct facts_cache *cache, uint64_t field)
{
	struct facts_key *set = &cache->key[(field >> 20) % (FACTS_KEYS / 2) * 2];

	return set[0].field == field ? set : set[1].field == field ? set + 1 : NULL;
}

// Makes room for a field that is not there.
struct facts_key *facts_key_new(struct facts_cache *cache, uint64_t field);

// What a value looks like. Of a request that has one.
enum param_class facts_class(struct span value, double *number);
// Of an identifier that is given out: can it be met by chance? No more is asked.
enum param_class facts_id_class(struct span value);
enum call_verb facts_verb(struct span method);
// Does it begin with a scheme and "://"?
bool facts_is_url(struct span value);
// The identity of a value, and with its noun of an object.
uint64_t facts_value_hash(struct span value, uint64_t seed);

// The request's target: identifiers in its path, parameters of its query.
void facts_target(struct detect_worker *w, struct exchange *x);
// Fetches what facts_look() is going to ask of a value of a response, while other things are done.
void facts_ahead(struct detect_worker *w, const struct exchange *x, const struct value *value,
		 const struct facts_key *key);
// A value of a body that needs a closer look (worker.c), and its field. Of a request: there is room
// for one more parameter. told: the exchange told already what such a value looks like.
void facts_look(struct detect_worker *w, struct exchange *x, const struct value *value,
		struct facts_key *key, bool told);
// A value of 36 bytes of a response, which names an object wherever it stands when it is a UUID.
void facts_uuid(struct detect_worker *w, struct exchange *x, struct span value);
// The head of a response: a Location may name what was made.
void facts_response(struct detect_worker *w, struct exchange *x);
// At the end of an exchange: its parameters, and what its response showed, go into the delta behind
// the call.
void facts_end(struct detect_worker *w, struct exchange *x, struct call *call);
