// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Reading a blob ahead, in pieces. Control thread.

#include "detect/blob.h"

bool blob_more(struct blob_reader *r, uint32_t bytes)
{
	uint32_t have = r->end - r->at, room = BLOB_AHEAD - have;
	size_t rest = r->left - have;

	if (bytes > r->left)
		bytes = (uint32_t)r->left;
	if (have >= bytes)
		return true;
	memmove(r->ahead, r->ahead + r->at, have);
	r->at = 0;
	r->end = have + (uint32_t)fread(r->ahead + have, 1, rest < room ? rest : room, r->in);
	return r->end >= bytes;
}
