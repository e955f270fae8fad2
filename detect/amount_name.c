// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors

#include "detect/amount_name.h"

#include "flows/span.h"

#include <string.h>

bool amount_name(const char *name)
{
	static const char *const amounts[] = {
		"limit",      "size",     "pagesize",  "perpage",   "count",   "top",
		"first",      "last",     "depth",     "take",      "rows",    "max",
		"maxresults", "num",      "pagelimit", "batchsize", "results", "maxitems",
		"levels",     "maxdepth", "maxcount",
	};
	const char *dot = name ? strrchr(name, '.') : NULL;
	char plain[16];
	uint32_t n = 0;

	if (!name)
		return false;
	for (const char *at = dot ? dot + 1 : name; *at && *at != '['; at++) {
		if (*at == '_' || *at == '-' || *at == '$')
			continue;
		if (n == sizeof(plain) - 1)
			return false;
		plain[n++] = (char)span_lower((uint8_t)*at);
	}
	plain[n] = '\0';
	for (uint32_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		if (!strcmp(plain, amounts[i]))
			return true;
	}
	return false;
}
