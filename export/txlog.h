// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The offline log of exchanges: one JSON object a line, for comparison with other decoders. It
// holds request targets and hosts as they were on the wire, so it is written on demand only.

#pragma once

#include "detect/detect.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct txlog;

// Takes the file. hashes: SHA-256 was computed. NULL: no memory.
struct txlog *txlog_new(FILE *out, bool hashes);
// Flushes and closes. False, with errno, when something could not be written.
bool txlog_free(struct txlog *log);
// The capture that the next exchanges are from. Not while exchanges are written.
void txlog_capture(struct txlog *log, const char *path);
// The functions of a struct detect_observer; arg is a struct txlog *. Any thread: whole lines only.
void txlog_exchange(void *arg, uint32_t worker, const struct exchange *x,
		    const struct exchange_finding *findings, uint32_t n_findings);
void txlog_ws(void *arg, const struct conn_meta *conn, const struct ws_frame *frame);
void txlog_tls(void *arg, const struct conn_meta *conn, const struct tls_handshake *hello);
