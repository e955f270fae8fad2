// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the readers of a scenario's sections share: the text for messages, and typed access to
// libconfig groups that ends the program with file, line and key when something is wrong.

#pragma once

#include "tools/gen/gen_play.h"
#include "tools/gen/gen_play_text.h"

#include <libconfig.h>

struct play_reader {
	struct play_scenario *scenario;
	struct play_text text;
	config_t config;
};

__attribute__((noreturn, format(printf, 3, 4))) void play_fail(const struct play_reader *reader,
							       const config_setting_t *where,
							       const char *format, ...);
__attribute__((malloc)) void *play_alloc(size_t n, size_t size);

// Every key of the group must be one of these, separated by blanks.
void play_keys(const struct play_reader *reader, const config_setting_t *group, const char *keys);
// NULL or the default when the key is not there.
const char *play_string(const struct play_reader *reader, const config_setting_t *group,
			const char *key, const char *def);
const char *play_needed(const struct play_reader *reader, const config_setting_t *group,
			const char *key);
double play_number(const struct play_reader *reader, const config_setting_t *group, const char *key,
		   double def, double least, double most);
bool play_flag(const struct play_reader *reader, const config_setting_t *group, const char *key,
	       bool def);
double play_time(const struct play_reader *reader, const config_setting_t *group, const char *key,
		 double def);
struct play_dist play_dist_of(const struct play_reader *reader, const config_setting_t *group,
			      const char *key, const char *def);
// The number of a group of users, or PLAY_NONE when the key is not there.
uint32_t play_group_of(const struct play_reader *reader, const config_setting_t *group,
		       const char *key);
uint32_t play_kind_named(const struct play_reader *reader, const char *name, size_t len);

// gen_play_steps.c: flows and attacks.
void play_read_flows(struct play_reader *reader);
void play_read_attacks(struct play_reader *reader);
struct play_credential play_credential_of(const struct play_reader *reader,
					  const config_setting_t *group);
// A string or a list of strings.
void play_networks_of(const struct play_reader *reader, const config_setting_t *group,
		      struct play_network **out, uint32_t *n);
// Calls read() for each element of all lists whose name is section or begins with section and "_".
uint32_t play_count_section(const struct play_reader *reader, const char *section);
void play_each(struct play_reader *reader, const char *section,
	       void (*read)(struct play_reader *reader, config_setting_t *group, uint32_t i));
