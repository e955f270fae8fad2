// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// For the harnesses of the TLS parser: a connection of pieces and holes that an input describes,
// given in whole pieces and in cut ones; both must tell the same.
//
// An input, behind the bytes that say how it is cut, is a list of items: a byte with the sender
// (bit 0) and whether the bytes are lost (bits 1 to 3 all set), a length of two bytes, the bytes.

#pragma once

#include <stdbool.h>

#include "tests/fuzz/fuzz.h"

#define assert_true(what)         FUZZ_CHECK(what)
#define assert_int_equal(a, b)    FUZZ_CHECK((uint64_t)(a) == (uint64_t)(b))

#include "flows/tls.c"
#include "flows/tls_decrypt.c"
#include "flows/tls_inner.c"
#include "flows/tls_message.c"
#include "flows/tls_report.c"

#include <stdarg.h>

struct fuzz_text {
	char text[1 << 20];
	size_t len;
};

static struct flow_env env;
static struct fuzz_text *told;
static uint32_t n_reports;

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(told->text + told->len, sizeof(told->text) - told->len, format, args);
	va_end(args);
	FUZZ_CHECK(n >= 0 && (size_t)n < sizeof(told->text) - told->len);
	told->len += (size_t)n;
}

static void tell_bytes(const void *p, size_t n)
{
	const uint8_t *bytes = p;

	for (size_t i = 0; i < n; i++)
		tell("%02x", bytes[i]);
	tell(" ");
}

static void on_tls(void *, const struct conn_meta *, const struct tls_handshake *hello)
{
	n_reports++;
	tell("tls %d%d%d %04x %04x %s %s %s %u %u %d %d %d %llx ", hello->client_hello,
	     hello->server_hello, hello->decrypted, hello->version, hello->cipher, hello->ja3,
	     hello->ja3s, hello->client->ja4, hello->n_certs, hello->chain_len, hello->chain_cut,
	     hello->client_cert_request, hello->client_cert,
	     (unsigned long long)hello->anomalies);
	tell_bytes(hello->sni.p, hello->sni.len);
	tell_bytes(hello->alpn.p, hello->alpn.len);
	tell_bytes(hello->alpn_offered.p, hello->alpn_offered.len);
	for (uint32_t i = 0; i < hello->n_certs; i++) {
		const struct tls_cert *cert = &hello->certs[i];

		FUZZ_CHECK(cert->subject_len <= TLS_CERT_NAME &&
			   cert->issuer_len <= TLS_CERT_NAME && cert->san_len <= TLS_CERT_SAN);
		tell_bytes(cert->subject, cert->subject_len);
		tell_bytes(cert->san, cert->san_len);
	}
}

static void fuzz_init(void)
{
	env.sink.tls = on_tls;
	for (uint32_t i = 0; i < parser_count(); i++) {
		if (parser_get(i) == &tls_parser && !env.blocks[i].base)
			FUZZ_CHECK(pool_init(&env.blocks[i], sizeof(struct tls_block), 1) == 0);
	}
}

struct fuzz_conn {
	struct conn_meta meta;
	struct pctx p;
	uint64_t end[2];
	bool alive;
	struct fuzz_cuts cuts;
	_Alignas(16) uint8_t state[PARSER_STATE];
};

static void fuzz_open(struct fuzz_conn *c, struct fuzz_text *text, struct fuzz_cuts cuts)
{
	memset(c, 0, sizeof(*c));
	told = text;
	told->len = 0;
	told->text[0] = '\0';
	n_reports = 0;
	c->cuts = cuts;
	c->alive = true;
	c->p = (struct pctx){.env = &env, .conn = &c->meta, .state = c->state};
	tls_parser.open(&c->p);
}

static void fuzz_give(struct fuzz_conn *c, enum dir dir, const uint8_t *bytes, size_t n)
{
	while (n && c->alive) {
		size_t take = fuzz_cut(&c->cuts, n);
		// So that its end is guarded; not of the smallest, which would take most of the time.
		uint8_t *copy = take > 8 ? malloc(take) : NULL;

		if (copy)
			memcpy(copy, bytes, take);
		c->p.off[dir] = c->end[dir];
		c->p.acked[!dir] = c->end[!dir];
		c->end[dir] += take;
		c->alive = tls_parser.data(&c->p, dir, span_make(copy ? copy : bytes, take));
		free(copy);
		bytes += take;
		n -= take;
		if (env.hand.set)
			c->alive = false;
		env.hand = (struct handover){0};
	}
}

static void fuzz_lose(struct fuzz_conn *c, enum dir dir, uint64_t n)
{
	if (!c->alive || n == 0)
		return;
	c->p.lossy[dir] = true;
	c->p.off[dir] = c->end[dir];
	c->end[dir] += n;
	c->alive = tls_parser.gap(&c->p, dir, n);
}

static void fuzz_close(struct fuzz_conn *c)
{
	tls_parser.close(&c->p, CLOSE_FIN);
	FUZZ_CHECK(n_reports <= 1);
	for (uint32_t i = 0; i < FLOW_PARSERS; i++)
		FUZZ_CHECK(env.blocks[i].used == 0);
}

static void fuzz_same(const struct fuzz_text *a, const struct fuzz_text *b)
{
	if (a->len == b->len && memcmp(a->text, b->text, a->len) == 0)
		return;
	fprintf(stderr, "--- whole\n%s\n--- cut\n%s\n", a->text, b->text);
	FUZZ_CHECK(!"cuts change what is told");
}
