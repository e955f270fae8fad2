// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Forms: text and JSON with holes such as {order}, {int 1 5}, {enum open|paid}. Compiled once,
// rendered for each exchange.

#pragma once

#include "tools/gen/gen_play_read.h"
#include "tools/gen/gen_play_world.h"

// Text with holes. In a URL, blanks are written as plus signs.
struct play_form play_form_text(struct play_reader *reader, const config_setting_t *where,
				const char *text);
// A libconfig group as JSON object. Members of change (may be NULL) take the place of those of
// the same name or come after them.
struct play_form play_form_json(struct play_reader *reader, const config_setting_t *setting,
				const config_setting_t *change);
// The path as a sensor shows it: {id}, {uuid}. NULL when a hole is none of an object.
const char *play_form_template(const struct play_reader *reader, const struct play_form *path);

struct play_render {
	struct play_world *world;
	struct play_actor *actor;
	struct gen_random random;
	enum play_pick pick;
	uint64_t now_ns;
	uint32_t item_kind; // of the element of a list that is written; PLAY_NONE: none
	uint64_t item;
	bool url;
};

void play_form_render(struct play_render *render, const struct play_form *form,
		      struct gen_buffer *out);
// The names of all holes, for --help.
void play_form_help(void);
