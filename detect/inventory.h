// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The inventory of endpoints: what an operator says about it.

#pragma once

#include "conf/conf.h"

struct inventory_options {
	uint32_t max_params, max_endpoint_params;
};

extern const struct conf_section inventory_section;
