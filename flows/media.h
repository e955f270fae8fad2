// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What a body is: by its Content-Type and, where that says little, by its first bytes.

#pragma once

#include "flows/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	MEDIA_SNIFF_BYTES = 64, // looked at to tell the kind
};

enum media_kind {
	MEDIA_TEXT = 0,
	MEDIA_BINARY,
	MEDIA_JSON,
	MEDIA_FORM,
	MEDIA_OCTETS, // application/octet-stream: anything
	MEDIA_SNIFF,  // not known before the first bytes
};

// By the value of a Content-Type header; MEDIA_SNIFF for no or an unknown type.
enum media_kind media_kind(struct span content_type);
// TEXT, BINARY, JSON or FORM by the first bytes of a body announced as FORM, OCTETS or SNIFF;
// SNIFF when more of them are needed. start: they are from the body's very start; last: there
// are no more.
enum media_kind media_sniff(enum media_kind announced, bool start, bool last, struct span first);
