// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which decoder, and from which pool. Worker code without state of its own.

#include "flows/decoder.h"

#include "flows/brotli.h"

// Those of the IANA registry, and those that browsers ask for.
enum decoder_format decoder_format(struct span name)
{
	static const struct {
		char name[16];
		uint8_t format;
	} codings[] = {
		{"gzip", DECODER_GZIP},        {"x-gzip", DECODER_GZIP},
		{"deflate", DECODER_DEFLATE},  {"br", DECODER_BROTLI},
		{"zstd", DECODER_OTHER},       {"compress", DECODER_OTHER},
		{"x-compress", DECODER_OTHER}, {"dcb", DECODER_OTHER},
		{"dcz", DECODER_OTHER},        {"exi", DECODER_OTHER},
		{"aes128gcm", DECODER_OTHER},  {"pack200-gzip", DECODER_OTHER},
	};

	for (uint32_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
		if (span_ieq(name, span_make(codings[i].name, strlen(codings[i].name))))
			return (enum decoder_format)codings[i].format;
	}
	return DECODER_NONE;
}

void *decoder_open(struct flow_env *env, enum decoder_format format)
{
	void *decoder = pool_get(format == DECODER_BROTLI ? &env->brotli : &env->inflate);

	if (!decoder)
		return NULL;
	if (format == DECODER_BROTLI)
		brotli_begin(decoder);
	else
		inflate_begin(decoder, format == DECODER_GZIP ? INFLATE_GZIP : INFLATE_DEFLATE);
	return decoder;
}

void decoder_close(struct flow_env *env, enum decoder_format format, void *decoder)
{
	pool_put(format == DECODER_BROTLI ? &env->brotli : &env->inflate, decoder);
}

enum inflate_result decoder_more(enum decoder_format format, void *decoder, struct span *in,
				 uint8_t *out, uint32_t room, uint32_t *n)
{
	return format == DECODER_BROTLI ? brotli_more(decoder, in, out, room, n)
					: inflate_more(decoder, in, out, room, n);
}

bool decoder_finish(enum decoder_format format, void *decoder)
{
	if (format != DECODER_BROTLI)
		return false;
	brotli_finish(decoder);
	return true;
}

bool decoder_may_end(enum decoder_format format, const void *decoder)
{
	return format == DECODER_BROTLI ? brotli_may_end(decoder) : inflate_may_end(decoder);
}

bool decoder_is_plain(enum decoder_format format, const void *decoder)
{
	return format != DECODER_BROTLI && inflate_is_plain(decoder);
}

uint64_t decoder_taken(enum decoder_format format, const void *decoder)
{
	return format == DECODER_BROTLI ? brotli_taken(decoder) : inflate_taken(decoder);
}

uint64_t decoder_written(enum decoder_format format, const void *decoder)
{
	return format == DECODER_BROTLI ? brotli_written(decoder) : inflate_written(decoder);
}
