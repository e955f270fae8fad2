// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What detectors ask the merger for that changes nothing in it: entries of its tables, their areas,
// places of addresses, the configuration. Control thread only.

#include "detect/merge.h"

const struct source *merger_source(struct merger *m, const uint8_t addr[16])
{
	return sources_address(&m->sources, addr);
}

const struct source *merger_source_prefix(struct merger *m, const uint8_t addr[16])
{
	return sources_prefix(&m->sources, addr);
}

void merger_location(struct merger *m, const uint8_t addr[16], struct location *out)
{
	sources_locate(&m->sources, addr, out);
}

const struct conf *merger_conf(const struct merger *m)
{
	return m->shared->conf;
}

uint32_t merger_endpoints(struct merger *m)
{
	return m->known.n_endpoints;
}

struct merged_endpoint *merger_endpoint_at(struct merger *m, uint32_t i)
{
	return i < m->known.n_endpoints ? &m->known.endpoints[i]->pub : NULL;
}

uint32_t merger_principals(struct merger *m)
{
	return m->known.n_principals;
}

struct merged_principal *merger_principal_next(struct merger *m, const struct merged_principal *p)
{
	struct known_principal *next = p ? ((const struct known_principal *)p)->newer
					 : m->known.oldest;

	return next ? &next->pub : NULL;
}

struct merged_principal *merger_principal_at(struct merger *m, uint32_t i)
{
	return i < m->known.n_principals ? &m->known.principals[i]->pub : NULL;
}

void *merger_endpoint_area(struct merger *m, struct merged_endpoint *e, const struct detector *d)
{
	int i = merge_detector(m, d);

	return i < 0 ? NULL : e->area[i];
}

void *merger_principal_area(struct merger *m, struct merged_principal *p, const struct detector *d)
{
	int i = merge_detector(m, d);

	return i < 0 ? NULL
		     : known_principal_area(&m->known, (struct known_principal *)p, (uint32_t)i);
}
