// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The operations of a form, between its compiler and its renderer.

#pragma once

enum play_op_what {
	OP_LITERAL = 0,
	OP_OBJECT,
	OP_EACH,
	OP_INT,
	OP_PRICE,
	OP_BOOL,
	OP_UNIX,
	OP_ROUND,
	OP_ENUM,
	OP_UUID,
	OP_HEX,
	OP_DIGITS,
	OP_STRING,
	OP_TEXT,
	OP_NAME,
	OP_EMAIL,
	OP_PHONE,
	OP_SSN,
	OP_CARD,
	OP_USER,
	OP_PASSWORD,
	OP_GUESS,
	OP_VICTIM,
	OP_TOKEN,
	OP_NOW,
};
