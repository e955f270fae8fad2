// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Conversations for the HTTP/1 parser, and what is to be found in them. They are delivered whole,
// byte by byte and cut in two at every place, and must give the same exchanges.

#pragma once

#include "tests/unit/http1_harness.h"

struct step {
	char who; // c, s: bytes; G, H: a hole in the client's, server's stream; F: server's FIN; R: RST
	const char *bytes;
	uint32_t len; // of a hole
};

struct conversation {
	const char *name;
	const char *want;
	bool whole_only; // what is found depends on where pieces begin
	bool midstream;
	struct step steps[10];
};

#define C(text)                                                                                    \
	{                                                                                          \
		'c', text, 0                                                                       \
	}
#define S(text)                                                                                    \
	{                                                                                          \
		's', text, 0                                                                       \
	}
#define LOSE_C(n)                                                                                  \
	{                                                                                          \
		'G', NULL, n                                                                       \
	}
#define LOSE_S(n)                                                                                  \
	{                                                                                          \
		'H', NULL, n                                                                       \
	}
#define FIN                                                                                        \
	{                                                                                          \
		'F', NULL, 0                                                                       \
	}
#define RST                                                                                        \
	{                                                                                          \
		'R', NULL, 0                                                                       \
	}

// Plays a conversation; step `cut` is delivered in two pieces, the first of `at` bytes. cut -1: all
// whole; -2: all byte by byte.
static void play(const struct conversation *c, int cut, size_t at)
{
	enum close_reason why = CLOSE_FIN;

	conn_open(c->midstream);
	for (int i = 0; i < 10 && c->steps[i].who; i++) {
		const struct step *s = &c->steps[i];
		enum dir dir = s->who == 'c' || s->who == 'G' ? CLIENT : SERVER;

		if (s->who == 'F') {
			http1_parser.fin(&ctx, SERVER);
		} else if (s->who == 'R') {
			why = CLOSE_RST;
		} else if (!s->bytes) {
			lose(dir, s->len);
		} else if (cut == -2) {
			for (const char *p = s->bytes; *p; p++)
				give(dir, p, 1);
		} else {
			size_t len = strlen(s->bytes), first = cut == i ? at : len;

			give(dir, s->bytes, first);
			give(dir, s->bytes + first, len - first);
		}
	}
	conn_close(why);
}

enum zoo_way {
	ZOO_WHOLE,
	ZOO_BYTES,
	ZOO_TWO_PIECES, // cut in two at every place
};

static void play_all(const struct conversation *zoo, size_t n, enum zoo_way way)
{
	hide_unsolicited = true;
	for (size_t i = 0; i < n; i++) {
		const struct conversation *c = &zoo[i];

		if (way != ZOO_TWO_PIECES) {
			play(c, way == ZOO_BYTES ? -2 : -1, 0);
			if (way == ZOO_WHOLE || !c->whole_only)
				assert_told(c->name, c->want);
			continue;
		}
		for (int cut = 0; cut < 10 && c->steps[cut].who; cut++) {
			const char *bytes = c->steps[cut].bytes;

			for (size_t at = 1; bytes && at < strlen(bytes); at++) {
				play(c, cut, at);
				if (!c->whole_only)
					assert_told(c->name, c->want);
			}
		}
	}
}
