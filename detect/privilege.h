// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Names of properties that a client should not decide: rights, ownership, money, what somebody
// else approves. Worker and merger; pure.

#pragma once

#include "flows/span.h"

#include <stdint.h>

enum privilege_kind {
	PRIVILEGE_NONE = 0,
	PRIVILEGE_RIGHTS, // who may do what
	PRIVILEGE_OWNER,  // whose it is
	PRIVILEGE_MONEY,  // what it costs
	PRIVILEGE_STATE,  // what somebody else confirms
};

enum { PRIVILEGES_MAX = 128 }; // numbers are below it

// 0: none; else the number of the name that says it: "isAdmin" and "is_admin" are one, and so are
// "role" and "user_role".
uint8_t privilege_of(struct span key);
enum privilege_kind privilege_kind(uint8_t number);
// In words: "role", "credit limit".
const char *privilege_text(uint8_t number);
