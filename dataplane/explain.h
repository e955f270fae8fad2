// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Private to apitap explain: explain.c feeds one connection through the sensor, explain_print.c
// writes down what the sensor says about it.

#pragma once

#include "dataplane/fate.h"
#include "dataplane/packet.h"
#include "dataplane/pkt.h"
#include "dataplane/sensor.h"
#include "flows/trace.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
	EXPLAIN_OPEN = 64,      // exchanges whose bodies are watched at once
	EXPLAIN_END_BYTES = 64, // an address with its port as text
};

struct explain_end {
	uint8_t addr[16];
	uint16_t port;
};

// What was seen of the bodies of an exchange that is not yet at its end.
struct explain_body {
	const struct http_tx *tx;
	uint32_t windows[2];
	uint64_t values[2];
	bool structured[2], nested[2];
};

struct explain_print {
	FILE *out;
	const struct tracker_limits *limits;
	struct event_sink inner; // what is watched
	struct flow_trace trace;
	uint64_t first_ns;
	const struct pkt *pkt; // that is being worked on; NULL: time passes, or the capture ends
	uint64_t tick_ns;      // time passes outside of packets, and nothing was said yet
	struct flow_key key;   // of the latest packet
	uint64_t n_exchanges, n_frames, n_hellos;
	struct explain_body bodies[EXPLAIN_OPEN];
};

// "192.0.2.1:80" or "[2001:db8::1]:80".
const char *explain_end_text(const uint8_t addr[16], uint16_t port, char out[EXPLAIN_END_BYTES]);
// Puts itself between the flow side and the detection side of the sensor's only worker.
void explain_print_attach(struct explain_print *print, struct sensor *sensor);
// What packet_decode() found, before the packet goes on.
void explain_print_packet(struct explain_print *print, uint64_t number, const struct pkt *pkt,
			  const struct packet_layers *layers);
// What came of it, by the difference of the counters.
void explain_print_fates(struct explain_print *print, const struct fates *before,
			 const struct fates *after);
void explain_print_stats(struct explain_print *print, const struct flow_stats *before,
			 const struct flow_stats *after);
