// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Networks as operators write them ("10.0.0.0/8", "2001:db8::/32", one address) and whether an
// address is in one. Addresses are those of struct conn_meta. Pure functions.

#pragma once

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// An address as in struct conn_meta and how many of its bits count.
struct network {
	uint8_t addr[16];
	uint32_t bits;
};

static inline bool network_parse(const char *text, struct network *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const char *slash = strchr(text, '/');
	char addr[64];
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	bool v4 = memchr(text, ':', len) == NULL;
	uint32_t most = v4 ? 32 : 128, bits = most, digits = 0;

	if (len >= sizeof(addr))
		return false;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (slash) {
		for (bits = 0; slash[1 + digits]; digits++) {
			if (slash[1 + digits] < '0' || slash[1 + digits] > '9' || digits == 3)
				return false;
			bits = bits * 10 + (uint32_t)(slash[1 + digits] - '0');
		}
		if (digits == 0 || bits > most)
			return false;
	}
	memcpy(out->addr, mapped, sizeof(mapped));
	out->bits = v4 ? bits + 96 : bits;
	return inet_pton(v4 ? AF_INET : AF_INET6, addr, v4 ? out->addr + 12 : out->addr) == 1;
}

static inline bool network_has(const struct network *network, const uint8_t addr[16])
{
	uint32_t whole = network->bits / 8, rest = network->bits % 8;

	if (memcmp(network->addr, addr, whole) != 0)
		return false;
	return rest == 0 || ((network->addr[whole] ^ addr[whole]) >> (8 - rest)) == 0;
}
