// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Header blocks, with some of them lost. The input is a byte of options and blocks, each behind two
// bytes of length whose highest bit says that it is lost. Decoded whole and cut at random: both must
// tell the same, and the memory is bounded and comes back.

#include "flows/h2_conn.h"
#include "tests/fuzz/fuzz.h"

static struct flow_env env;
static _Alignas(16) uint8_t home[HPACK_HOME];
static uint64_t told;
static uint8_t touched;

static void fold(const void *p, size_t n)
{
	const uint8_t *bytes = p;

	for (size_t i = 0; i < n; i++)
		told = (told ^ bytes[i]) * UINT64_C(0x100000001b3);
}

static void on_field(void *arg, struct span name, struct span value, bool unknown)
{
	FUZZ_CHECK(arg == &env);
	fold(&unknown, sizeof(unknown));
	fold(&name.len, sizeof(name.len));
	fold(name.p, name.len);
	fold(value.p, value.len);
	touched ^= value.len ? value.p[value.len - 1] : 0;
}

static struct pool *blocks(void)
{
	uint32_t i = 0;

	while (parser_get(i) != &h2_parser)
		i++;
	return &env.blocks[i];
}

static void decode(const uint8_t *data, size_t size, bool cut)
{
	uint32_t random = data[0];
	struct hpack hpack;

	told = UINT64_C(0xcbf29ce484222325);
	hpack_open(&hpack, &env, home, data[0] & 1);
	for (size_t at = 1; size - at > 2;) {
		uint32_t n = (uint32_t)(data[at] & 0x7f) << 8 | data[at + 1];
		bool lost = data[at] & 0x80;
		enum hpack_result result = HPACK_GOOD;

		at += 2;
		n = n < size - at ? n : (uint32_t)(size - at);
		if (lost)
			hpack_missed(&hpack);
		for (uint32_t done = 0; done <= n && !lost;) {
			random = random * 1103515245 + 12345;
			uint32_t piece = cut ? (random >> 16) % 9 : n;

			piece = piece < n - done ? piece : n - done;
			uint8_t *copy = malloc(piece + !piece);

			FUZZ_CHECK(copy);
			memcpy(copy, data + at + done, piece);
			done += piece;
			enum hpack_result now = hpack_decode(&hpack, span_make(copy, piece),
							     done == n, on_field, &env);

			result = result == HPACK_GOOD ? now : result; // the first one counts
			free(copy);
			if (done == n)
				break;
		}
		fold(&result, sizeof(result));
		FUZZ_CHECK(blocks()->used <= HPACK_EXTRA);
		at += n;
	}
	hpack_close(&hpack);
	FUZZ_CHECK(!blocks()->used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	if (!blocks()->base)
		FUZZ_CHECK(!pool_init(blocks(), HPACK_BLOCK, HPACK_EXTRA));
	decode(data, size, false);
	uint64_t first = told;

	decode(data, size, true);
	FUZZ_CHECK(first == told);
	return 0;
}
