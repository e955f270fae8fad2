// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which decoder, and from which pool. Worker code without state of its own.

#include "flows/decoder.h"

#include "flows/brotli.h"
#include "flows/zstd_stream.h"

// Those of the IANA registry, and those that browsers ask for.
enum decoder_format decoder_format(struct span name)
{
	static const struct {
		char name[16];
		uint8_t format;
	} codings[] = {
		{"gzip", DECODER_GZIP},        {"x-gzip", DECODER_GZIP},
		{"deflate", DECODER_DEFLATE},  {"br", DECODER_BROTLI},
		{"zstd", DECODER_ZSTD},        {"compress", DECODER_OTHER},
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

static struct pool *decoder_pool(struct flow_env *env, enum decoder_format format)
{
	return format == DECODER_BROTLI ? &env->brotli
	       : format == DECODER_ZSTD ? &env->zstd
					: &env->inflate;
}

void *decoder_open(struct flow_env *env, enum decoder_format format)
{
	void *decoder = pool_get(decoder_pool(env, format));

	if (!decoder)
		return NULL;
	if (format == DECODER_BROTLI)
		brotli_begin(decoder);
	else if (format == DECODER_ZSTD)
		zstd_stream_begin(decoder);
	else
		inflate_begin(decoder, format == DECODER_GZIP ? INFLATE_GZIP : INFLATE_DEFLATE);
	return decoder;
}

void decoder_close(struct flow_env *env, enum decoder_format format, void *decoder)
{
	pool_put(decoder_pool(env, format), decoder);
}

enum inflate_result decoder_more(enum decoder_format format, void *decoder, struct span *in,
				 uint8_t *out, uint32_t room, uint32_t *n)
{
	if (format == DECODER_BROTLI)
		return brotli_more(decoder, in, out, room, n);
	if (format == DECODER_ZSTD)
		return zstd_stream_more(decoder, in, out, room, n);
	return inflate_more(decoder, in, out, room, n);
}

bool decoder_finish(enum decoder_format format, void *decoder)
{
	if (format == DECODER_BROTLI)
		brotli_finish(decoder);
	else if (format == DECODER_ZSTD)
		zstd_stream_finish(decoder);
	else
		return false;
	return true;
}

bool decoder_may_end(enum decoder_format format, const void *decoder)
{
	return format == DECODER_BROTLI ? brotli_may_end(decoder)
	       : format == DECODER_ZSTD ? zstd_stream_may_end(decoder)
					: inflate_may_end(decoder);
}

bool decoder_is_plain(enum decoder_format format, const void *decoder)
{
	return format <= DECODER_DEFLATE && inflate_is_plain(decoder);
}

uint64_t decoder_taken(enum decoder_format format, const void *decoder)
{
	return format == DECODER_BROTLI ? brotli_taken(decoder)
	       : format == DECODER_ZSTD ? zstd_stream_taken(decoder)
					: inflate_taken(decoder);
}

uint64_t decoder_written(enum decoder_format format, const void *decoder)
{
	return format == DECODER_BROTLI ? brotli_written(decoder)
	       : format == DECODER_ZSTD ? zstd_stream_written(decoder)
					: inflate_written(decoder);
}
