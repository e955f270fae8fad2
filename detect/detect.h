// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The detection side as a whole. Workers feed their own half through an event sink and flip
// their delta when an epoch ends; the merger (one control thread) folds the flipped deltas,
// judges, and hands issues out. Nobody waits for anybody: a worker that is late is merged later.

#pragma once

#include "conf/conf.h"
#include "detect/exchange.h"
#include "detect/issue.h"
#include "flows/tls_handshake.h"
#include "flows/ws_frame.h"

struct detect;
struct merger;
struct detect_worker;

typedef void (*issue_fn)(void *arg, const struct issue *issue);
// Sees every ended exchange on the worker, after the detectors. findings: indexes of detectors
// that found something, with their confidence.
struct exchange_finding {
	const struct detector *detector;
	uint8_t confidence;
};
typedef void (*exchange_fn)(void *arg, uint32_t worker, const struct exchange *x,
			    const struct exchange_finding *findings, uint32_t n_findings);
// Called on workers; any function may be NULL.
struct detect_observer {
	void *arg;
	exchange_fn exchange;
	void (*ws)(void *arg, const struct conn_meta *conn, const struct ws_frame *frame);
	void (*tls)(void *arg, const struct conn_meta *conn, const struct tls_handshake *hello);
};

struct detect_stats {
	uint64_t exchanges, calls_lost, findings, findings_lost, names_lost;
	uint64_t issues_created, issues_updated, issues_lost;
	uint32_t endpoints, principals, endpoints_lost, principals_lost;
	uint32_t fields; // of which something is learnt
	uint64_t fields_forgotten, fields_lost;
	uint64_t exchange_pool_empty;
	uint64_t merges;
};

// n_exchanges: exchanges open at once per worker (the size of the flow side's tx pool).
// NULL with a sentence in why.
struct detect *detect_new(const struct conf *conf, uint32_t n_workers, uint32_t n_exchanges,
			  uint64_t seed, issue_fn fn, void *arg, char *why, size_t why_len);
void detect_free(struct detect *detect);
// Offline only, before the first packet.
void detect_observe(struct detect *detect, const struct detect_observer *observer);
// The sink of worker i; its ctx is a struct detect_worker *.
struct event_sink detect_sink(struct detect *detect, uint32_t i);

// Worker i, often (about every 32 bursts): flips when the merger wants it. Cheap.
void detect_poll(struct detect *detect, uint32_t i);

// Control thread. begin() asks for a flip, ready() tells whether all workers did, merge() folds
// and judges. now_ns is the packets' clock.
void detect_epoch_begin(struct detect *detect);
// Between two merges: other policies, which workers take when they begin the next epoch. Takes conf
// when it succeeds and frees it when nobody needs it any more. False: out of memory.
bool detect_policies(struct detect *detect, struct conf *conf);
bool detect_epoch_ready(const struct detect *detect);
void detect_merge(struct detect *detect, uint64_t now_ns);
// After the last merge of a capture or at shutdown: judges what is still open and hands out the
// final state of every issue that changed since it was last told.
void detect_finish(struct detect *detect, uint64_t now_ns);
// Every issue known, in order of first_seen and id, in its final state. Offline log.
void detect_foreach_issue(struct detect *detect, issue_fn fn, void *arg);
// Forgets all that was learnt and found. Workers must be idle.
void detect_reset(struct detect *detect);
// Learnt state in a directory: written beside, synced, renamed; a damaged file is put aside as
// *.corrupt with a message. 0 or negative errno.
int detect_save(struct detect *detect, const char *dir);
// What is known, for whoever writes it down; while no merge runs.
struct merger *detect_merger(struct detect *detect);
int detect_load(struct detect *detect, const char *dir);
void detect_stats(const struct detect *detect, struct detect_stats *out);
