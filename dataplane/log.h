// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Messages for operators, on standard error. Control threads only; never customers' data.

#pragma once

enum log_level {
	LOG_ERR = 0, // someone must act
	LOG_WARNING, // degraded
	LOG_NOTICE,  // life cycle
	LOG_INFO,
	LOG_DEBUG,
};

void log_level_set(enum log_level level);
// One line; control bytes are escaped, so that no argument can forge a line or reach a terminal.
__attribute__((format(printf, 2, 3))) void log_write(enum log_level level, const char *format, ...);
#define LOG(level, ...) log_write(LOG_##level, __VA_ARGS__)
