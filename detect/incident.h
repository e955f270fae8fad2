// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Incidents: what one actor did, as one story. Issues that accuse the same actor within a time
// become one incident, in the order in which they were first seen.
//
// An actor is a principal that traffic names (a token, a session, a key …), or else the address
// that the calls came from (of IPv6 the /64, RFC 7421: a host takes any address in it). Both meet:
// what an address did before it signed in belongs to the user who signs in from it next, and what
// it does without a name belongs to the user who was seen there last. Two users behind one address
// stay two actors.
//
// Issues that accuse an API and not its caller (module "Posture", struct detector about_api) open
// no incident: whoever calls a careless API is no attacker. They join that of an actor who is
// accused of something else, before or after, and who received what they tell of.
//
// Risk, 0 to 100, never falls:
//
//	w    = severity × result × confidence / 100
//	       severity: Info 0.02, Low 0.10, Medium 0.25, High 0.50, Critical 0.80
//	       result: succeeded 1, unknown 0.7, attempted 0.5
//	risk = 100 · (1 − Π (1 − w))
//
// where of each detector the issue with the greatest w counts in full and each other one a
// quarter: three different signs of an attack say more than one sign three times. Issues that are
// only summarised count a quarter as well.
//
// All is bounded: incidents, actors, issues of an incident. Merger's thread; the order of what
// comes in does not depend on the number of workers, so neither do incidents.

#pragma once

#include "conf/conf.h"
#include "detect/issue.h"
#include "detect/lru.h"

enum {
	INCIDENT_LINKS = ISSUE_MAX_RELATED + 1,
	INCIDENT_PENDING = 8, // issues about APIs that an actor may bring along
};

struct incident_link {
	uint64_t issue; // in the table of issues
	uint64_t first_ns;
	char id[33];
	const char *detector;
	uint8_t severity, result, confidence;
};

// The issues that made room for newer ones.
struct incident_summary {
	uint32_t n;
	uint64_t first_ns, last_ns; // first seen
	enum severity severity;     // the highest
	double left;                // Π (1 − w / 4) of them
};

struct incident {
	char id[33];
	uint64_t principal, address; // keyed hashes, 0: not known
	uint64_t first_ns, last_ns;  // of all its issues
	uint32_t risk;
	uint32_t n;                          // links, in order of first_ns and id
	struct incident_link link[INCIDENT_LINKS];
	struct incident_summary summary;
};

struct incident_actor {
	uint64_t principal; // one that traffic names; 0: none
	uint8_t addr[16];   // all zero: not known
};

struct incidents {
	uint64_t seed, idle_ns;
	struct lru table;   // of struct incident
	struct lru actors;  // hash of a principal or an address ► key of its last incident
	struct lru pending; // … ► issues about APIs that it received
};

struct incidents_options { // section "detect.incidents"
	uint32_t idle_s, max_incidents;
};
extern const struct conf_section incidents_section;

size_t incidents_bytes(const struct conf *conf);
int incidents_init(struct incidents *t, const struct conf *conf, uint64_t seed); // 0 or -ENOMEM
void incidents_fini(struct incidents *t);
void incidents_clear(struct incidents *t);

// The incident that this issue belongs to: a key for the functions below; 0: to none (yet).
// accuses: the actor, not an API. opened: whether it is new, or has a name now: then
// incidents_pending() may have more for it.
uint64_t incidents_join(struct incidents *t, const struct incident_actor *actor, bool accuses,
			uint64_t issue_key, const struct issue *issue, bool *opened);
// Takes an issue that waited for this actor to be accused of something; 0: no more.
uint64_t incidents_pending(struct incidents *t, const struct incident_actor *actor);
// Adds the issue when it is fresh, else takes its newest numbers. issue_key: where it stands in
// the table of issues.
void incidents_put(struct incidents *t, uint64_t incident, uint64_t issue_key,
		   const struct issue *issue, bool fresh);
// NULL: forgotten.
const struct incident *incidents_find(const struct incidents *t, uint64_t incident);
// What one issue is worth.
double incident_weight(enum severity severity, enum incident_result result, uint32_t confidence);
