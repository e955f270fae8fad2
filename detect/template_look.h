// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One look over all known endpoints, in the order of their paths, for places whose words are values.
// Merger's thread.

#pragma once

#include <stdbool.h>
#include <stdint.h>

struct merger;
struct known_endpoint;
struct template_child;

struct template_look {
	struct merger *m;
	struct known_endpoint **list; // owned
	bool *touched;                // owned: a place on its way was learnt in this look
	uint32_t n;
	struct template_child *children; // owned
	uint32_t room;
};

// False: no memory. To be ended in any case.
bool template_look_begin(struct template_look *l, struct merger *m);
void template_look_end(struct template_look *l);
// Tells the templates of the merger what was learnt. False: nothing.
bool template_look_all(struct template_look *l);
