// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The merger: deltas of all workers in, issues out. The control thread gathers the deltas of an
// epoch and runs the merger over them; what comes out does not depend on how many workers the
// exchanges were spread over. Detectors reach it through the merger_ functions of detector.h.

#pragma once

#include "detect/incident.h"
#include "detect/inventory.h"
#include "detect/issues.h"
#include "detect/known.h"
#include "detect/learn.h"
#include "detect/objects.h"
#include "detect/params.h"
#include "detect/sessions.h"
#include "detect/sources.h"
#include "detect/template_learn.h"
#include "detect/worker.h"

enum {
	MERGER_SNAPSHOTS = 4,
	MERGER_WISHES = 64,
	MERGER_PATIENCE = 3, // merges until an answer is not expected any more
	MERGER_HELD = 256, // findings that wait for more values of their fields,
	MERGER_HOLD_S = 60, // at most so long
};

struct merger_options { // section "detect"
	uint32_t max_endpoints, max_principals, history, max_issues, update_s;
	uint32_t max_fields, field_values, field_share;
};
extern const struct conf_section merger_section;

struct merger_detector {
	const struct detector *detector;
	const void *options; // of its section
	void *state;         // owned
	bool enabled, started;
};

// A call of a delta, or objects that stand there one behind the other and are of one exchange, with
// what they are sorted by.
struct merger_call {
	uint64_t time_ns, order;
	union {
		const struct call *call;
		const struct delta_object *object;
	};
	uint32_t n; // objects
};

// A list of them, and one that sorting writes to. Owned.
struct merger_calls {
	struct merger_call *list, *other;
	uint32_t n, room, other_room;
};

struct merger_group {
	uint32_t detector;           // index
	uint32_t joined;             // index of the finding that stands for them
	uint64_t time_ns, order;     // of its exchange
	uint32_t history, n_history; // the principal's calls up to then
};

// A finding that outlives its delta: evidence about a watched principal.
struct merger_evidence;

struct merger_watch {
	uint64_t principal;
	uint64_t wanted;                               // merge in which somebody asked for it last
	struct merger_evidence *evidence[KNOWN_AREAS]; // owned; newest of each detector
};

// An issue that waits for evidence of a call.
struct merger_wish {
	const struct detector *detector;
	uint64_t key;
	struct capture_id id;
	uint64_t asked; // merge in which it was published; 0: not yet
};

struct merger_snapshot {
	struct snapshot snapshot;
	bool used;        // it was published once
	uint32_t retired; // epoch in which another one took its place
};

// Policies that were read after the start, with the configuration that they point into.
struct merger_policies {
	struct policies *policies; // owned
	struct conf *conf;         // owned
	struct merger_policies *older;
};

struct merger {
	struct detect_shared *shared;
	struct known known;
	struct learn learn;
	struct params params;
	struct inventory inventory;
	struct issues issues;
	struct incidents incidents;
	struct sessions sessions;
	struct objects store; // whose objects are whose
	struct sources sources;
	struct templates templates;
	uint64_t relieved; // endpoints that had been added when room was made last
	uint64_t refused, refused_at; // endpoints that only refuse; added when they were counted
	struct merger_detector detectors[KNOWN_AREAS];
	uint32_t n_detectors;
	uint32_t callers[KNOWN_AREAS], n_callers; // indexes of those that look at calls
	uint32_t turn;                            // … of the one that looked last
	uint32_t takers[KNOWN_AREAS], n_takers;   // … at objects
	uint64_t now_ns, merges;

	// What was gathered. Owned lists of pointers into deltas.
	struct merger_calls calls, objects;
	const struct delta_name **names;
	const struct delta_name **named; // the endpoints among them, by identity
	const struct finding **findings;
	struct finding *joined;
	struct merger_group *groups; // as many as joined
	struct known_call *history;  // of groups
	uint32_t n_names, n_named, n_findings, n_groups, n_history;
	uint32_t names_room, named_room, findings_room;
	uint32_t joined_room, groups_room, history_room;

	// The call that detectors look at just now: they ask for these two.
	struct known_endpoint *call_endpoint;
	struct known_principal *call_principal;

	struct merger_watch watch[WATCH_MAX];
	uint32_t n_watch;
	bool watch_changed;
	const struct call *call; // that detectors look at just now
	struct merger_wish wishes[MERGER_WISHES];
	uint32_t n_wishes;
	uint64_t wishes_lost; // issues without evidence because too many wished for some
	const struct finding **captures; // owned list; answers of workers
	uint32_t n_captures, captures_room;
	struct merger_evidence *held[MERGER_HELD]; // owned, in the order in which they came
	uint32_t n_held;
	struct idset learnt; // endpoints, as in snapshots
	uint32_t told_learnt, told_quiet, told_fields, told_templates; // of the published snapshot
	bool told_full;
	struct merger_snapshot snapshots[MERGER_SNAPSHOTS], *published;
	struct merger_policies *policies; // the newest first; NULL: those of the start
	bool policies_changed;

	uint32_t sections_skipped; // of the baseline that was loaded: not understood here
	uint64_t exchanges, calls_lost, findings_total, findings_lost, names_lost;
	uint64_t objects_lost, call_params_lost;
	uint64_t objects_lost_ns; // when the last one was lost; 0: never
};

// Publishes an empty snapshot. NULL with a sentence in why.
struct merger *merger_new(struct detect_shared *shared, issue_fn fn, void *arg, char *why,
			  size_t why_len);
void merger_free(struct merger *m);
// Forgets all. Workers are idle.
void merger_reset(struct merger *m);

// Memory of what is learnt of fields under this configuration, with the snapshots of it.
size_t merger_fields_bytes(const struct conf *conf);
// Memory of whose objects are whose.
size_t merger_objects_bytes(const struct conf *conf);
// Folds what was gathered, judges, hands out what is due.
void merger_run(struct merger *m, uint64_t now_ns);
// Judges for the last time and hands out all that changed.
void merger_finish(struct merger *m, uint64_t now_ns);
// A new snapshot when there is something new. epoch: the last one asked for; oldest: the last one
// that all workers did.
void merger_publish(struct merger *m, uint32_t epoch, uint32_t oldest);
// Other policies from the next snapshot on; takes conf when it succeeds. False: out of memory.
bool merger_policies(struct merger *m, struct conf *conf);
// Forgets what was learnt of one endpoint. No worker runs.
void merger_forget(struct merger *m, uint64_t endpoint);
// A detector's state and areas as at the start. False: it refused and is off now.
bool merger_restart(struct merger *m, uint32_t detector);

// merge_policies.c
const struct policies *merge_policies_newest(const struct merger *m); // NULL: those of the start
// Frees those that are neither the newest nor in use; all: every one.
void merge_policies_sweep(struct merger *m, uint32_t oldest, bool all);

// wishes.c
// Takes the answers that were gathered to the issues that wait for them.
void merge_wishes(struct merger *m);
// Is there one that no snapshot has told of?
bool merge_wishes_wait(const struct merger *m);
// Puts those into a snapshot. False: there are none.
bool merge_wishes_publish(struct merger *m, struct snapshot *s);
// Asks idle workers for what is still wished for; then nobody waits any more.
void merge_wishes_ask(struct merger *m);

// merge_gather.c
// Borrows a delta until merger_run() returns.
void merge_gather(struct merger *m, const struct delta *delta);
// Brings calls and objects into the order of time.
void merge_order(struct merger *m);
static inline bool merge_before(const struct merger_call *a, const struct merger_call *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->order < b->order;
}
// Room for need items in an owned list of so many bytes each. False: no memory, the list is as it was.
bool merge_room(void *list, uint32_t *room, uint32_t need, size_t size);

// Between merge.c and merge_fold.c.
// Index of a detector, or -1.
int merge_detector(const struct merger *m, const struct detector *detector);
// Keeps a copy of what was found, when it is about a watched principal.
void merge_evidence(struct merger *m, const struct finding *f, uint32_t detector);
// Keeps a copy of a finding until more is known. False: no room or memory.
bool merge_hold(struct merger *m, const struct finding *f);
// Judges those of the held findings for which it is time, or all.
void merge_release(struct merger *m, bool all);
// Takes a finding to its detector and to the issues.
void merge_judge(struct merger *m, const struct finding *f, const struct known_call *history,
		 uint32_t n_history);
// Folds what was gathered.
void merge_fold(struct merger *m);
