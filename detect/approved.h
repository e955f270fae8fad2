// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What an operator approved by name: users and endpoints in lists of patterns with * and ?.
// Merger's thread: it writes texts.

#pragma once

#include "conf/conf.h"
#include "detect/detector.h"

// The answer, once it was asked for.
struct approved {
	bool asked, yes;
};

// memo: in an area of the principal or endpoint.
bool approved_user(struct approved *memo, const struct conf_strs *list,
		   const struct merged_principal *p);
// As "GET api.example.com/export/{id}".
bool approved_endpoint(struct approved *memo, const struct conf_strs *list,
		       const struct merged_endpoint *e);
