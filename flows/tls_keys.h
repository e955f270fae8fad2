// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Secrets of connections, from key logs in NSS format ("LABEL client_random secret"). The control
// side loads them before the first packet; workers read. Locked memory as far as the system allows,
// kept out of core dumps, wiped at the end; no secret is ever written anywhere.

#pragma once

#include "flows/span.h"

#include <stdio.h>

enum tls_label {
	TLS_LABEL_NONE = 0,
	TLS_LABEL_MASTER, // CLIENT_RANDOM: the master secret up to TLS 1.2
	TLS_LABEL_CLIENT_HANDSHAKE,
	TLS_LABEL_SERVER_HANDSHAKE,
	TLS_LABEL_CLIENT_TRAFFIC,
	TLS_LABEL_SERVER_TRAFFIC,
};

enum {
	TLS_SECRET_MOST = 48,
	TLS_KEYS_MOST = 600000, // lines that are kept: a hundred thousand connections
};

struct tls_secret {
	uint8_t random[32];
	uint8_t label; // enum tls_label
	uint8_t len;
	uint8_t bytes[TLS_SECRET_MOST];
};

struct tls_keys {
	struct tls_secret *rows; // sorted by random and label, no two of the same
	uint32_t n, room;
	uint32_t n_ignored;  // lines that are no secrets this program uses
	uint32_t n_damaged;  // lines that are cut or malformed
	uint32_t n_dropped;  // secrets beyond TLS_KEYS_MOST
	bool unlocked;       // the memory could not be locked
};

// Worker: NULL when it is not known.
const struct tls_secret *tls_keys_find(const struct tls_keys *keys, const uint8_t random[32],
				       enum tls_label label);

// Control, before workers run: a key log, or those inside of a pcapng capture. 0 or negative errno;
// -EILSEQ: a pcapng file is damaged.
int tls_keys_load(struct tls_keys *keys, const char *path);
// Lines of a key log in memory; the last one may lack its end. 0 or -ENOMEM.
int tls_keys_text(struct tls_keys *keys, struct span text);
// Sorts what was loaded. To be called once, behind all loading.
void tls_keys_ready(struct tls_keys *keys);
void tls_keys_fini(struct tls_keys *keys);
