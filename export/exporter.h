// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Delivery of issues: spool first, then publication. One caller thread (the merger).

#pragma once

#include "conf/conf.h"
#include "detect/issue.h"

#include <stdint.h>

struct exporter;

struct exporter_stats {
	uint64_t issues;           // taken
	uint64_t durable;          // written and synced
	uint64_t published;        // handed to nng after that
	uint64_t not_durable;      // published though the spool refused them (disk full, I/O error)
	uint64_t queue_dropped;    // the queue was full: counted, told in a heartbeat
	uint64_t segments_dropped; // by the size cap, oldest first
	uint64_t replayed;         // sent again on request
};

// What the configuration of this folder does not say; call it before exporter_start. sensor is
// the name in every record (NULL: the host's name). log takes sentences about the exporter's state
// with a level of dataplane/log.h, without a newline, on the exporter's thread; NULL: not told.
void exporter_setup(const char *sensor, void (*log)(int level, const char *text));
// Opens the spool (recovers a torn tail, puts damaged segments aside as *.corrupt), binds the
// sockets and starts the exporter's and the replay server's threads. NULL with a sentence in why.
struct exporter *exporter_start(const struct conf *conf, char *why, size_t why_len);
// Copies the issue and queues it. Never blocks. False when the queue was full (counted).
bool exporter_issue(struct exporter *exporter, const struct issue *issue);
// Would exporter_issue take one more now? For callers that can wait, such as a replay.
bool exporter_has_room(struct exporter *exporter);
void exporter_stats(const struct exporter *exporter, struct exporter_stats *out);
// Writes, syncs and publishes what is queued, says goodbye in a last heartbeat, frees all.
void exporter_stop(struct exporter *exporter);
