// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The parameters and fields of each endpoint: what they are called, what their values look like,
// and how many successful calls had them.
//
//	names:     field ─► text                    announced by workers; of any request
//	parameters: call() of a 2xx call ─► (endpoint, CLIENT, field)   exact, in the order of time
//	fields:    announcements         ─► (endpoint, SERVER, field)   of 2xx responses only
//
// A field's identity is the keyed hash of its name, so one name serves all endpoints. What only
// rejected requests hold is never a parameter; its name is kept among a fixed number of others,
// the oldest of which goes, so that a detector can say what it was. All tables are bounded: an
// endpoint that is full forgets now and then what hardly any call had. What comes out does not
// depend on the number of workers. Merger's thread.

#pragma once

#include "conf/conf.h"
#include "detect/delta.h"
#include "detect/idmap.h"

#include <stdio.h>

enum {
	PARAM_KINDS = 3,       // VALUE_STRING (and TEXT), VALUE_NUMBER, VALUE_LITERAL
	PARAMS_PENDING = 4096, // names that no parameter has
	PARAMS_NAME = 96,      // bytes of one, at most
	PARAMS_SWEEP_S = 60,   // an endpoint that is full is swept at most this often,
	PARAMS_RARE = 2,       // of what this many calls had at most,
	PARAMS_IDLE_S = 600,   // and none for so long
};

struct param_name {
	uint64_t field;
	uint32_t refs, len;
	struct param_name *older, *newer; // of those without refs
	char text[];                      // with a NUL behind it
};

struct param {
	uint64_t field;
	struct param_name *name; // NULL: not told yet
	struct param *next;      // of the same endpoint and direction
	uint64_t first_ns;
	uint64_t last_ns;              // fields of responses: within a day
	uint64_t calls;                // parameters: successful calls, seen whole, that had it
	uint64_t marked;               // the call that was counted last
	uint64_t kind_ns[PARAM_KINDS]; // fields: when the first value of each kind was seen
	uint16_t classes[PARAM_KINDS]; // bits of enum param_class, of each kind of value
	uint8_t first_class[PARAM_KINDS];
	uint8_t dir, place; // enum dir, enum hit_place
	uint8_t index;      // PATH: of the segment
	bool id;            // it names objects
};

struct params_endpoint {
	uint64_t id;
	struct param *first[2]; // by direction, the newest first
	uint32_t n, n_refused;
	uint64_t whole; // successful calls whose parameters are all known
	uint64_t swept_ns;
};

struct params {
	uint32_t max, max_endpoint, max_endpoints;
	struct idmap names, endpoints, list; // owned, as what they hold
	struct params_endpoint **endpoint;   // owned: in the order in which they came
	uint32_t endpoint_room;
	struct param_name *oldest, *newest; // of those without refs
	uint32_t n_pending;
	uint64_t refused; // no room or no memory
	uint64_t lost;    // announcements, by workers
};

void params_init(struct params *p, uint32_t max, uint32_t max_endpoint, uint32_t max_endpoints);
// What they take at most.
size_t params_bytes(uint32_t max, uint32_t max_endpoints);
// Forgets all; the bounds stay.
void params_clear(struct params *p);
// Names and fields of a delta. In any order.
void params_gather(struct params *p, const struct delta *delta);
// A successful call of a known endpoint, in the order of time.
void params_call(struct params *p, const struct call *call);
// NULL: never heard of it.
const char *params_name(const struct params *p, uint64_t field);
const struct params_endpoint *params_endpoint(const struct params *p, uint64_t endpoint);
const struct param *params_get(const struct params *p, uint64_t endpoint, enum dir dir,
			       uint64_t field);
// All classes of a kind of value.
uint32_t param_classes(const struct param *param, uint32_t kind);
// What one endpoint has becomes a part of another's.
void params_merge(struct params *p, uint64_t from, uint64_t into);
// One endpoint is learnt anew.
void params_forget(struct params *p, uint64_t endpoint);
// What is known, and back. All numbers little end first: count of endpoints (4), each: id, whole (8
// each), count of parameters (4), each: field, first_ns, last_ns, calls, kind_ns (8 each), classes
// (2 each), first_class, dir, place, index, id, length of the name (1 each), the name. 0 or negative
// errno; after a failed load the tables are empty.
int params_save(const struct params *p, FILE *out);
int params_load(struct params *p, FILE *in, size_t len);
