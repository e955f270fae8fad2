// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors

#include "flows/wheel.h"

void wheel_add(struct wheel *w, struct table *t, struct flow *flow, uint32_t due_s)
{
	uint32_t index = table_index(t, flow) + 1;

	// Never in the slot that is being emptied, never a whole turn ahead.
	if (due_s <= w->now_s)
		due_s = w->now_s + 1;
	if (due_s - w->now_s >= WHEEL_SLOTS)
		due_s = w->now_s + WHEEL_SLOTS - 1;
	flow->wheel_slot = (uint16_t)(due_s % WHEEL_SLOTS);
	flow->prev = 0;
	flow->next = w->head[flow->wheel_slot];
	if (flow->next)
		t->flows[flow->next - 1].prev = index;
	w->head[flow->wheel_slot] = index;
}

void wheel_remove(struct wheel *w, struct table *t, struct flow *flow)
{
	if (flow->prev)
		t->flows[flow->prev - 1].next = flow->next;
	else
		w->head[flow->wheel_slot] = flow->next;
	if (flow->next)
		t->flows[flow->next - 1].prev = flow->prev;
	flow->next = 0;
	flow->prev = 0;
}

struct flow *wheel_due(struct wheel *w, struct table *t, uint32_t now_s)
{
	if (now_s < w->now_s)
		return NULL;
	// After a long silence one turn covers every slot.
	if (now_s - w->now_s > WHEEL_SLOTS)
		w->now_s = now_s - WHEEL_SLOTS;
	for (; w->now_s < now_s; w->now_s++) {
		uint32_t index = w->head[w->now_s % WHEEL_SLOTS];

		if (index) {
			struct flow *flow = &t->flows[index - 1];

			wheel_remove(w, t, flow);
			return flow;
		}
	}
	return NULL;
}
