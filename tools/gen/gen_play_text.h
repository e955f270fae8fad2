// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// From scenario files to one text for libconfig, and back from its lines to files; and the small
// notations inside of strings: lengths of time, distributions, networks.

#pragma once

#include "tools/gen/gen_play.h"

enum { PLAY_FILES = 32, PLAY_PARTS = 4096, PLAY_VARIABLES = 256 };

struct play_text {
	struct gen_buffer out;
	struct {
		unsigned first; // line of the text
		char *file;     // owned
		unsigned line;
	} part[PLAY_PARTS];
	uint32_t n_parts, n_files, depth;
	struct {
		char *name, *value; // owned
	} variable[PLAY_VARIABLES];
	uint32_t n_variables;
	unsigned line;
};

void play_text_read(struct play_text *text, const char *path, const struct play_set *set,
		    uint32_t n_set);
// Ends the program: "apitap-gen: file:line: message".
__attribute__((noreturn, format(printf, 3, 4))) void play_text_fatal(const struct play_text *text,
								     unsigned line,
								     const char *format, ...);

// "5s", "40ms", "2h", "1.5d"; a number alone is seconds. Returns false when it is none of them.
bool play_seconds(const char *text, size_t len, double *out);
// A length of time, "uniform 1s 5s", "exp 20s", "lognormal 40ms 0.5".
bool play_dist(const char *text, struct play_dist *out);
// 10.1.0.0/16, or one address.
bool play_network(const char *text, struct play_network *out);
