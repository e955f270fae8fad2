// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Rows of the inventory.

#include "detect/inventory.h"

#define INVENTORY_ROW(field, ...)                                                                  \
	{                                                                                          \
		.key = #field, .offset = offsetof(struct inventory_options, field), __VA_ARGS__    \
	}
static const struct conf_row inventory_rows[] = {
	INVENTORY_ROW(max_params, .type = CONF_U32, .min = 1024, .max = 1 << 22, .def = "262144",
		      .unit = "parameters",
		      .help = "Parameters of requests and fields of responses known, of all "
			      "endpoints together; about 150 bytes each"),
	INVENTORY_ROW(max_endpoint_params, .type = CONF_U32, .min = 16, .max = 4096, .def = "512",
		      .unit = "parameters", .help = "The same of one endpoint"),
};
const struct conf_section inventory_section = {
	.path = "detect.inventory",
	.help = "What is known of each endpoint",
	.size = sizeof(struct inventory_options),
	.rows = inventory_rows,
	.n_rows = sizeof(inventory_rows) / sizeof(inventory_rows[0]),
};
CONF_SECTION(inventory_section);
