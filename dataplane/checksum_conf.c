// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What people say to the verification of checksums, and what it says to them. Control thread.

#include "dataplane/checksum.h"

#include <inttypes.h>

static const char *const mode_choices[] = {"auto", "on", "off", NULL};
struct checksums_options {
	uint32_t verify;
};
static const struct conf_row checksums_rows[] = {
	{"verify", CONF_ENUM, offsetof(struct checksums_options, verify), 0, 0, "\"auto\"",
	 mode_choices, NULL, NULL,
	 "Ignore segments with wrong checksums: unless offloading explains them, all, never",
	 false, NULL},
};
const struct conf_section checksums_section = {
	.path = "checksums",
	.help = "Checksums of TCP and IPv4",
	.size = sizeof(struct checksums_options),
	.rows = checksums_rows,
	.n_rows = 1,
};
CONF_SECTION(checksums_section);

uint32_t checksum_mode(const struct conf *conf)
{
	const struct checksums_options *options = conf_get(conf, &checksums_section);

	return options->verify;
}

void checksum_print(const struct checksum *c, FILE *out)
{
	if (c->wrong)
		fprintf(out,
			"  checksums: %" PRIu64 " verified, %" PRIu64 " wrong, of these %" PRIu64
			" by offloading%s\n",
			c->verified, c->wrong, c->tolerated,
			c->off ? "; most of the first were, no longer verified" : "");
}
