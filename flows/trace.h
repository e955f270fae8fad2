// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the flow side decides about a connection beside events, for somebody who watches it decide
// (apitap explain). Off in service: one predictable branch at places that are not passed for each
// packet. Whoever sets flow_env.trace is called on the worker, and must not keep what it is shown.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

struct parser;

enum trace_kind {
	TRACE_PROBE = 0, // first bytes were shown to a parser
	TRACE_PARSER,    // the connection has one now
	TRACE_HANDOVER,  // … another one; parser NULL: its bytes are looked at anew
	TRACE_OPAQUE,    // it will not have one any more
	TRACE_GAP,       // bytes are taken for lost
	TRACE_FIN,       // a direction ended in order
	TRACE_CLOSE,     // the connection is forgotten
};

struct trace_event {
	enum trace_kind kind;
	enum dir dir; // who sends the bytes, or is taken to (PROBE)
	const struct parser *parser;
	uint32_t result;    // PROBE: enum probe; CLOSE: enum close_reason
	uint32_t side;      // of the flow key, PROBE and PARSER: the sender, the client
	uint64_t off, len;  // GAP: where in the stream, how much
	uint64_t acked;     // GAP: the receiver has acknowledged up to here
	uint64_t waited_ns; // GAP: since it was noticed
	uint32_t n_held;    // GAP: segments behind it that were held
};

struct flow_trace {
	void *ctx;
	void (*event)(void *ctx, const struct trace_event *event);
};

static inline void trace_parser(const struct flow_trace *trace, enum trace_kind kind,
				const struct parser *parser, enum dir dir)
{
	struct trace_event event = {.kind = kind, .dir = dir, .parser = parser};

	trace->event(trace->ctx, &event);
}
