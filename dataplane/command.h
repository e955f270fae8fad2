// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The subcommands of the program and what they share. Exit codes: 0 done, 1 failed or input was
// damaged, 2 wrong usage or configuration.

#pragma once

#include "conf/conf.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

int command_replay(int argc, char **argv);
int command_run(int argc, char **argv);
int command_check(int argc, char **argv);
int command_baseline(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_inventory(int argc, char **argv);
int command_types(int argc, char **argv);

extern const char command_version[];

// Set by SIGINT and SIGTERM once command_signals() was called.
extern _Atomic bool command_stop;
void command_signals(void);
// Set by SIGHUP once command_reload_signal() was called; whoever acts on it clears it.
extern _Atomic bool command_reload;
void command_reload_signal(void);

// Prints "apitap NAME: text" and a hint at --help. Returns EXIT_USAGE.
__attribute__((format(printf, 2, 3))) int command_usage(const char *name, const char *format, ...);
// An unsigned option value between min and max; false after a message.
bool command_number(const char *name, const char *option, const char *text, uint64_t min,
		    uint64_t max, uint64_t *out);

// "0@(0,2),1@(0,2)": lcores 0..n-1. Floating over all CPUs that the process may use, or each
// pinned to one of them in turn. text holds at least 4 KiB.
uint32_t command_cpus(void);
// What 'run' takes: its polling workers and its packet buffers.
uint32_t command_workers(const struct conf *conf);
uint32_t command_mbufs(const struct conf *conf);
void command_lcores(uint32_t n, bool pinned, char *text, size_t len);
uint64_t command_random(void);
// What other folders have to tell operators.
void command_log(int level, const char *text);
