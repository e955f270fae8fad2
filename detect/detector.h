// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A detector: one file in detect/detectors, one const struct, one registration, no writable
// globals. Its worker half looks at each ended exchange; its merger half sees all calls of all
// workers in time order and may judge at the end of each epoch. Both halves are optional.

#pragma once

#include "conf/conf.h"
#include "detect/delta.h"
#include "detect/issue.h"
#include "detect/sources.h"

struct detect_worker;
struct merger;
struct merged_endpoint;
struct merged_principal;
struct objects;

enum { DETECTOR_MAX = 64 };

// What a finding or a judgement becomes; the merger fills in all that it knows by itself
// (attacker, target, evidence, history, times, codes, count, id).
struct issue_draft {
	const struct finding *finding; // NULL when raised by evaluate()
	enum severity severity;
	enum incident_result result;
	uint32_t confidence;
	struct issue_term terms[ISSUE_MAX_TERMS];
	uint32_t n_terms;
	struct issue_metric metric;
	char description[1024], impact[1024], remediation[1024];
};

struct detector {
	const char *id;     // "D-10"
	const char *name;   // "retrieval": section detect.<name> of the configuration
	const char *title;  // "Excessive Data Retrieval"
	const char *module; // "Runtime" or "Posture"
	uint32_t version;
	const char *owasp[ISSUE_MAX_OWASP]; // primary first
	// Its issues tell of an API's fault: they do not accuse the caller (incident.h). Modules
	// "Posture" do so anyhow.
	bool about_api;
	const struct conf_section *section; // first field of its struct: bool enabled

	// Worker. Called once per ended exchange, hits and identity complete. Reports through
	// finding_add(). options: the section's struct.
	void (*exchange)(const struct detector *self, const void *options, struct detect_worker *w,
			 const struct exchange *x);

	// Merger thread. Adds the arg[] of another worker's finding of the same key. NULL: those of the
	// exchange that stands for the key remain.
	void (*join)(struct finding *into, const struct finding *other);

	// Merger thread. state: state_size bytes, zeroed at start; endpoint and principal areas
	// likewise, one per endpoint or principal known.
	size_t state_size, endpoint_size, principal_size;
	int (*init)(void *state, const void *options);
	void (*fini)(void *state);
	// Bytes that it takes at most under this configuration beside state and areas: its tables
	// (lru_bytes(), number of entries by size), whoever sends what. NULL: none.
	size_t (*memory)(const void *options, const struct conf *conf);
	void (*call)(const struct detector *self, const void *options, struct merger *m, void *state,
		     const struct call *call);
	// Of a request that has been held open for a minute and has not come to its end, once. Its call
	// comes when it ends. NULL: nothing.
	void (*held)(const struct detector *self, const void *options, struct merger *m, void *state,
		     const struct call *call);
	// An identifier that a response gave to somebody; those of an exchange come after its call.
	void (*object)(const struct detector *self, const void *options, struct merger *m,
		       void *state, const struct delta_object *object);
	// Shall this finding become (or join) an issue? NULL: yes.
	bool (*accept)(const struct detector *self, const void *options, struct merger *m,
		       void *state, const struct finding *finding);
	void (*evaluate)(const struct detector *self, const void *options, struct merger *m,
			 void *state, uint64_t now_ns, bool last);
	// Texts with their numbers. endpoint and principal may be NULL.
	void (*describe)(const struct detector *self, const void *options,
			 const struct merged_endpoint *endpoint,
			 const struct merged_principal *principal, struct issue_draft *draft);
	// One endpoint is to be learnt anew: what is known of it beside its area goes. NULL: nothing.
	void (*forget)(void *state, struct merger *m, uint64_t endpoint);
	// Adds the area of an endpoint that becomes a part of another: both saw a part of the same calls.
	// NULL: there is no such sum (what is learnt of a path's values, and all that is looked up by
	// the identity of the endpoint); the joined endpoint's area begins anew.
	void (*join_area)(void *into, const void *from);
	// What was learnt, one blob; NULL: nothing to keep.
	int (*save)(const void *state, const struct merger *m, FILE *out);
	int (*load)(void *state, struct merger *m, FILE *in, size_t len, uint32_t version);
};

void detector_add(const struct detector *detector);
#define DETECTOR_REGISTER(sym)                                                                     \
	__attribute__((constructor, used)) static void detector_register_##sym(void)               \
	{                                                                                          \
		detector_add(&sym);                                                                \
	}
uint32_t detector_count(void);
const struct detector *detector_get(uint32_t i); // sorted by id

// Worker: a new finding with evidence copied and masked, or NULL when the same key was already
// found in this epoch (then its count went up) or no room is left (counted). The caller fills in
// severity, confidence, result, args and terms. hits: which of x->hits it is about (bit mask).
// A key found again (count > 1) is returned once more when x now stands for it: of each key the
// earliest exchange is kept, and of a key that is a principal the one with the most values, so
// that any number of workers tells the same. The caller fills it in anew.
struct finding *finding_add(struct detect_worker *w, const struct detector *detector, uint64_t key,
			    const struct exchange *x, uint32_t hits);
// Worker: the finding of that key in this epoch, for numbers that must grow with each exchange;
// NULL: none.
struct finding *finding_find(struct detect_worker *w, const struct detector *detector,
			     uint64_t key);

// Merger: what another worker found of the same key and detector becomes a part of this one. The
// result is the same in any order and for any number of parts.
void finding_join(struct finding *into, const struct finding *other);

// The same without evidence: for what is only learnt from.
struct finding *finding_note(struct detect_worker *w, const struct detector *detector, uint64_t key,
			     const struct exchange *x, uint32_t hits);

// Merger: what is known, for detectors' merger halves.
struct merged_endpoint {
	uint64_t id;
	char *host, *method, *template; // NUL-terminated copies, bytes as captured
	uint64_t first_ns, last_ns, calls;
	uint64_t ok;          // 2xx
	uint64_t ok_with_credentials;
	uint64_t status[6];   // by hundreds, [0]: none
	void *area[DETECTOR_MAX]; // by detector index
};

struct merged_principal {
	uint64_t id;
	enum principal_kind kind;
	uint8_t confidence; // 0..100
	uint8_t addr[16];
	char *user, *user_agent;
	uint64_t first_ns, last_ns, calls;
};

struct merged_endpoint *merger_endpoint(struct merger *m, uint64_t id);   // NULL: unknown
struct merged_principal *merger_principal(struct merger *m, uint64_t id); // NULL: unknown
// The same as merger_endpoint(), or what the server only ever called missing: texts, no areas.
struct merged_endpoint *merger_target(struct merger *m, uint64_t id);
// What a parameter (struct call_param) or a field is called: "query.limit", "path[2]",
// "$.items[].sku"; also of requests that were rejected. NULL: unknown. As captured: clean it.
const char *merger_param_name(struct merger *m, uint64_t endpoint, uint64_t field);
// What is known of a client address, and of the network that it lies in; NULL: nothing, or it was
// forgotten. The call that is looked at just now is counted.
const struct source *merger_source(struct merger *m, const uint8_t addr[16]);
const struct source *merger_source_prefix(struct merger *m, const uint8_t addr[16]);
// Where an address lies: also of one that is not known.
void merger_location(struct merger *m, const uint8_t addr[16], struct location *out);
// For detectors with sections of their own beside the one that they are given.
const struct conf *merger_conf(const struct merger *m);
uint32_t merger_endpoints(struct merger *m);
struct merged_endpoint *merger_endpoint_at(struct merger *m, uint32_t i);
uint32_t merger_principals(struct merger *m);
struct merged_principal *merger_principal_at(struct merger *m, uint32_t i);
// In the order of their last calls: the one idle longest for NULL; NULL: no more.
struct merged_principal *merger_principal_next(struct merger *m, const struct merged_principal *p);
void *merger_endpoint_area(struct merger *m, struct merged_endpoint *e, const struct detector *d);
void *merger_principal_area(struct merger *m, struct merged_principal *p, const struct detector *d);

// Merger: whose objects are whose, with what is known of the identifiers of the call that is looked
// at. Never NULL; see objects_on().
struct objects *merger_objects(struct merger *m);

// Merger: raise or update the issue (detector, key) without a finding: about a principal.
// The newest evidence that workers sent for a watched principal is attached.
void merger_raise(struct merger *m, const struct detector *d, uint64_t key,
		  struct merged_principal *p, struct merged_endpoint *e, uint64_t time_ns,
		  const struct issue_draft *draft);
// Merger: the issue shows this call, if its worker still has it; merger_raise() asks for the call
// that is being looked at by itself. time_ns, order: of the call.
void merger_capture(struct merger *m, const struct detector *d, uint64_t key, uint64_t time_ns,
		    uint64_t order);
// Merger: ask the workers to send evidence of this principal's next exchanges with sensitive
// values (from the next epoch on, until forgotten; at most 64 are watched).
void merger_watch(struct merger *m, uint64_t principal);
// Merger: tell the workers that learning is over for this endpoint (struct snapshot).
void merger_learnt(struct merger *m, uint64_t endpoint);
