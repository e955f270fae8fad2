// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a body is: by its Content-Type and, where that says little, by its first bytes.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

struct walker;

enum {
	MEDIA_SNIFF_BYTES = 64, // looked at to tell the kind
};

enum media_kind {
	MEDIA_TEXT = 0,
	MEDIA_BINARY,
	MEDIA_WALKED, // into values
	MEDIA_OCTETS, // application/octet-stream: anything
	MEDIA_SNIFF,  // not known before the first bytes
};

struct media {
	enum media_kind kind;
	const struct walker *walker; // WALKED: how
};

// By the value of a Content-Type header; MEDIA_SNIFF for no or an unknown type.
struct media media_of(struct span content_type);
// The first bytes must say more.
bool media_doubtful(const struct media *announced);
// TEXT, BINARY or WALKED by the first bytes of a doubtful body; SNIFF when more of them are
// needed. start: they are from the body's very start; last: there are no more.
struct media media_sniff(const struct media *announced, bool start, bool last, struct span first);
