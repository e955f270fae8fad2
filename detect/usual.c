// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Saves and loads what is usual of many. Merger's thread.

#include "detect/blob.h"
#include "detect/usual.h"

#include <errno.h>

int usual_save(const struct lru *table, FILE *out)
{
	blob_put(out, table->n, 4);
	for (const struct usual *u = lru_first(table); u; u = lru_next(table, u)) {
		blob_put(out, lru_id(u), 8);
		blob_put(out, u->day, 4);
		for (uint32_t i = 0; i < USUAL_DAYS; i++)
			blob_put(out, u->max[i], 4);
	}
	return ferror(out) ? -EIO : 0;
}

int usual_load(struct lru *table, struct blob_reader *r)
{
	uint64_t n = blob_get(r, 4);

	for (uint64_t i = 0; i < n && !r->bad; i++) {
		uint64_t id = blob_get(r, 8);
		struct usual one = {.day = (uint32_t)blob_get(r, 4)}, *u;

		for (uint32_t k = 0; k < USUAL_DAYS; k++)
			one.max[k] = (uint32_t)blob_get(r, 4);
		if (r->bad || id == 0)
			return -EBADMSG;
		u = lru_touch(table, id, NULL);
		if (!u)
			return -ENOMEM;
		*u = one;
	}
	return r->bad || r->left ? -EBADMSG : 0;
}
