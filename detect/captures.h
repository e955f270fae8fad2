// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The last exchanges of a worker, as they were: heads and the beginning of bodies, unmasked, in a
// ring of its own memory. What the merger finds out later about one of them ("this object is
// somebody else's") gets its evidence from here, if the ring has not come round since.
//
//	worker: end of an exchange ─► ring                     merger: raises an issue about a call
//	        next epoch: ring ─► masked copy ─► delta ◄──── snapshot: calls that are wanted
//
// Nothing leaves unmasked: a copy is made by evidence_copy(), from an exchange that is put together
// again as far as that needs.

#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	CAPTURES_SLOTS = 65536, // exchanges that can be found again
	CAPTURES_SET = 8,       // in sets of so many, of which the oldest goes: one cache line
	CAPTURES_WANTED = 16,   // … in one epoch
	CAPTURE_HEAD = 4096,    // bytes of a head,
	CAPTURE_BODY = 1024,    // and of a body
};

// Which exchange: as in struct call.
struct capture_id {
	uint64_t time_ns, order;
};

struct capture;
struct evidence;
struct exchange;
struct finding;

struct captures {
	uint8_t *ring; // owned; NULL: nothing is kept
	uint64_t size, at; // at: bytes ever written, with what was left free at the ring's end
	uint64_t *slots; // owned; in bytes ever written, and one; 0: unused
};

// 0 or -1: no memory. size 0: nothing is kept.
int captures_init(struct captures *c, uint64_t size);
void captures_fini(struct captures *c);
void captures_clear(struct captures *c);
// Copies what is kept of x.
void captures_keep(struct captures *c, const struct exchange *x, struct capture_id id);
// Fetches what captures_keep() is going to write to, while other things are done.
void captures_ahead(const struct captures *c, struct capture_id id);
// NULL: it was never kept, or is overwritten.
const struct capture *captures_find(const struct captures *c, struct capture_id id);
// Bytes that capture_show() writes at most.
uint32_t capture_room(const struct capture *capture);
// A masked copy to `to`, and all that a finding says of an exchange, but detector, key and types.
void capture_show(const struct capture *capture, const struct evidence *evidence, uint8_t *to,
		  struct finding *f);
