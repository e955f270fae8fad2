// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Names of the fates, and the check that nothing is unaccounted for.

#include "dataplane/fate.h"

const char *const fate_names[FATE_N] = {
#define X(name, text, help) text,
	FATES(X)
#undef X
};

const char *const fate_help[FATE_N] = {
#define X(name, text, help) help,
	FATES(X)
#undef X
};

void fate_add(struct fates *sum, const struct fates *one)
{
	for (uint32_t i = 0; i < FATE_N; i++) {
		sum->pkts[i] += one->pkts[i];
		sum->bytes[i] += one->bytes[i];
	}
	sum->rx_pkts += one->rx_pkts;
	sum->rx_bytes += one->rx_bytes;
}

bool fate_balanced(const struct fates *fates)
{
	uint64_t pkts = 0, bytes = 0;

	for (uint32_t i = 0; i < FATE_N; i++) {
		pkts += fates->pkts[i];
		bytes += fates->bytes[i];
	}
	return pkts == fates->rx_pkts && bytes == fates->rx_bytes;
}
