// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Ageing of flows: a wheel of one-second slots with lists through the flows themselves. A packet
// only writes flow.last_s; when a slot comes due, a flow that is still alive is linked again.

#pragma once

#include "flows/table.h"

#include <stdint.h>

enum { WHEEL_SLOTS = 512 };

struct wheel {
	uint32_t head[WHEEL_SLOTS]; // index + 1
	uint32_t now_s;             // slots before this second are done
};

void wheel_add(struct wheel *wheel, struct table *table, struct flow *flow, uint32_t due_s);
void wheel_remove(struct wheel *wheel, struct table *table, struct flow *flow);
// The next flow whose slot is due at now_s, taken out of the wheel; NULL: none is left.
struct flow *wheel_due(struct wheel *wheel, struct table *table, uint32_t now_s);
