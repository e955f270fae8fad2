// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The publish socket (nng PUB): each message is one packed Record, no topic in front. nng copies
// it to every subscriber's own queue and silently forgets what a slow one has no room for; the
// numbers in the records and the heartbeats let the subscriber see that, the spool lets it ask
// again. Belongs to the exporter's thread.

#pragma once

#include "flows/span.h"

#include <nng/nng.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pub;

// Binds the url; buffer counts messages kept per subscriber. NULL with a sentence in why.
struct pub *pub_open(const char *url, bool insecure, uint32_t buffer, char *why, size_t why_len);
// Copies and sends. Never blocks. 0 or a negative nng error.
int pub_send(struct pub *pub, struct span bytes);
// Number of subscribers connected now.
uint32_t pub_subscribers(const struct pub *pub);
// Gives what is queued up to linger_ms to leave, then closes.
void pub_close(struct pub *pub, uint32_t linger_ms);

// May this url be listened on? Only ipc:// with a path; tcp:// only when insecure is set. Checks
// without touching anything. 0, or -1 with a sentence in why.
int pub_url_check(const char *key, const char *url, bool insecure, char *why, size_t why_len);
// Binds a socket: makes the directory of an ipc socket, removes what a dead sensor left behind,
// lets only the owner and the group connect. 0, or -1 with a sentence in why.
int pub_listen(nng_socket socket, const char *url, char *why, size_t why_len);
