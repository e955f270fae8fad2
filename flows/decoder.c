// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Which decoder, and from which pool. Worker code without state of its own.

#include "flows/decoder.h"

#include "flows/body.h"
#include "flows/brotli.h"
#include "flows/ws_deflate.h"
#include "flows/zstd_stream.h"

#define SILENT_NS UINT64_C(100000000)
#define HELD_NS   (30 * UINT64_C(1000000000))
#define KEPT_NS   (60 * UINT64_C(1000000000))

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

// ---- who has them

static struct decoder_lease *pool_leases(const struct flow_env *env, const struct pool *pool)
{
	return env->leases + (pool == &env->inflate  ? 0
			      : pool == &env->brotli ? env->inflate.n
						     : env->inflate.n + env->brotli.n);
}

// Only where there are leases.
static struct decoder_lease *lease_of(const struct flow_env *env, const struct pool *pool,
				      const void *decoder)
{
	size_t at = (size_t)((const uint8_t *)decoder - pool->base);

	return pool_leases(env, pool) + at / pool->size;
}

static uint64_t since(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

// NULL: nobody has one that others have waited for long enough.
static struct decoder_lease *lease_due(const struct flow_env *env, const struct pool *pool,
				       const struct body *body, uint64_t now_ns)
{
	struct decoder_lease *leases = pool_leases(env, pool), *silent = NULL, *longest = NULL;

	for (uint32_t i = 0; i < pool->n; i++) {
		struct decoder_lease *one = &leases[i];

		if (!one->body || one->body == body)
			continue;
		if (!silent || one->heard_ns < silent->heard_ns)
			silent = one;
		if (!longest || one->since_ns < longest->since_ns)
			longest = one;
	}
	if (silent && since(now_ns, silent->heard_ns) >= SILENT_NS)
		return silent;
	return longest && since(now_ns, longest->since_ns) >= HELD_NS ? longest : NULL;
}

static __attribute__((noinline, cold)) void *decoder_take(struct flow_env *env, struct pool *pool,
							  const struct body *body, uint64_t now_ns)
{
	struct decoder_lease *due = env->leases ? lease_due(env, pool, body, now_ns) : NULL;

	if (!due)
		return NULL;
	body_decoder_taken(env, due->body,
			   pool->base + pool->size * (size_t)(due - pool_leases(env, pool)));
	return pool_get(pool);
}

void *decoder_open(struct flow_env *env, enum decoder_format format, struct body *body)
{
	struct pool *pool = decoder_pool(env, format);
	uint64_t now_ns = body_heard_ns(body);
	void *decoder = pool_get(pool);

	if (!decoder)
		decoder = decoder_take(env, pool, body, now_ns);
	if (!decoder)
		return NULL;
	if (env->leases)
		*lease_of(env, pool, decoder) = (struct decoder_lease){body, NULL, now_ns, now_ns};
	if (format == DECODER_BROTLI)
		brotli_begin(decoder);
	else if (format == DECODER_ZSTD)
		zstd_stream_begin(decoder);
	else
		inflate_begin(decoder, format == DECODER_GZIP ? INFLATE_GZIP : INFLATE_DEFLATE);
	return decoder;
}

static __attribute__((noinline, cold)) void *kept_take(struct flow_env *env, uint64_t now_ns)
{
	struct decoder_lease *leases = pool_leases(env, &env->inflate), *silent = NULL;

	for (uint32_t i = 0; i < env->inflate.n; i++) {
		if (leases[i].ws && (!silent || leases[i].heard_ns < silent->heard_ns))
			silent = &leases[i];
	}
	if (!silent || since(now_ns, silent->heard_ns) < KEPT_NS)
		return NULL;
	ws_inflate_taken(env, silent->ws);
	return pool_get(&env->inflate);
}

void *decoder_keep(struct flow_env *env, struct ws_inflate *ws, uint64_t now_ns)
{
	struct pool *pool = &env->inflate;
	void *decoder = pool->used < pool->n / 2 ? pool_get(pool) : NULL;

	if (!decoder && env->leases)
		decoder = kept_take(env, now_ns);
	if (!decoder)
		return NULL;
	if (env->leases)
		*lease_of(env, pool, decoder) = (struct decoder_lease){NULL, ws, now_ns, now_ns};
	inflate_begin(decoder, INFLATE_RAW);
	return decoder;
}

void decoder_close(struct flow_env *env, enum decoder_format format, void *decoder)
{
	struct pool *pool = decoder_pool(env, format);

	if (env->leases)
		*lease_of(env, pool, decoder) = (struct decoder_lease){0};
	pool_put(pool, decoder);
}

void decoder_heard(struct flow_env *env, enum decoder_format format, const void *decoder,
		   uint64_t now_ns)
{
	if (env->leases)
		lease_of(env, decoder_pool(env, format), decoder)->heard_ns = now_ns;
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
