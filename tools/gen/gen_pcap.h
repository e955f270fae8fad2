// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Writes a capture in the order of time while connections are produced one exchange at a time:
// packets wait in a heap until the producer promises that nothing earlier will come. Memory is
// what one such horizon holds, whatever the length of the capture.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gen_pcap;

struct gen_pcap_totals {
	uint64_t packets, bytes; // bytes of the frames, without the file's own headers
	uint64_t first_ns, last_ns;
};

// Classic pcap, Ethernet, microseconds unless nanosecond; "-" is standard output. Ends
// the program when the file cannot be made.
struct gen_pcap *gen_pcap_new(const char *path, bool nanosecond);
// Copies the frame. Frames of one time keep the order in which they were added.
void gen_pcap_add(struct gen_pcap *pcap, uint64_t time_ns, const uint8_t *frame, size_t len);
// No frame before this time will be added any more.
void gen_pcap_horizon(struct gen_pcap *pcap, uint64_t time_ns);
// Writes what is left, closes, frees. Ends the program when the disk did not take all.
void gen_pcap_finish(struct gen_pcap *pcap, struct gen_pcap_totals *totals);
