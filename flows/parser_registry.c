// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The parsers of this program. They arrive before main(), from constructors in any order, and
// never change after it, so any thread may read. A wrong registration is a mistake of a programmer
// and aborts the start.

#include "flows/parser.h"

#include <stdio.h>
#include <stdlib.h>

static const struct parser *parsers[FLOW_PARSERS];
static uint32_t n_parsers;

void parser_add(const struct parser *parser)
{
	uint32_t place = n_parsers;

	if (n_parsers == FLOW_PARSERS || parser->size > PARSER_STATE) {
		fprintf(stderr, "parser %s: %s\n", parser->name,
			n_parsers == FLOW_PARSERS ? "one too many" : "its state is too large");
		abort();
	}
	for (; place && parsers[place - 1]->rank >= parser->rank; place--) {
		if (parsers[place - 1]->rank == parser->rank) {
			fprintf(stderr, "parsers %s and %s: the same rank\n", parser->name,
				parsers[place - 1]->name);
			abort();
		}
		parsers[place] = parsers[place - 1];
	}
	parsers[place] = parser;
	n_parsers++;
}

uint32_t parser_count(void)
{
	return n_parsers;
}

const struct parser *parser_get(uint32_t i)
{
	return i < n_parsers ? parsers[i] : NULL;
}
