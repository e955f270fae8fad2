// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What operators say about templates: parameters that are pinned, words that are kept apart. Read
// once at the start into the same set that learnt places go to, and immutable then.

#pragma once

#include "conf/conf.h"
#include "detect/template.h"

struct template_options { // section "detect.templates"
	bool learn;
	uint32_t min_children, max_calls;
	struct conf_strs pin, split;
};
extern const struct conf_section template_section;

struct template_pins {
	uint64_t seed;
	struct template_pin pin[TEMPLATE_PINS]; // by place
	uint32_t n;
	struct idset set;
};

// 0, or a sentence in why.
int template_pins_init(struct template_pins *p, const struct template_options *options,
		       uint64_t seed, char *why, size_t why_len);
// Only whether that would succeed.
int template_check(const struct conf *conf, char *why, size_t why_len);
