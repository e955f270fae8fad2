// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What is known of a handshake: copied out of its messages when they are read, reported once.

#include "flows/tls.h"

#include "flows/http_exchange.h"
#include "flows/ja.h"
#include "flows/tls_read.h"

#include <nettle/sha2.h>

// False: it does not fit, and a part of a name would be a wrong name.
static bool keep(struct span v, uint8_t *to, size_t room, uint16_t *len)
{
	*len = 0;
	if (!v.p || v.len > room)
		return false;
	memcpy(to, v.p, v.len);
	*len = (uint16_t)v.len;
	return true;
}

static bool offered(struct span list, struct tls_facts *facts)
{
	struct tls_read r = {.rest = list};
	uint32_t n = 0;

	if (!list.p)
		return false;
	while (r.rest.len) {
		struct span name = tls_read_vector(&r, 1);

		if (r.bad || name.len + 1 > sizeof(facts->offered) - n)
			return false;
		if (n)
			facts->offered[n++] = ';';
		memcpy(facts->offered + n, name.p, name.len);
		n += name.len;
	}
	facts->offered_len = (uint16_t)n;
	return true;
}

void tls_fact_client_hello(struct tls_facts *facts, const struct tls_client_hello *hello)
{
	facts->client_hello = true;
	facts->offered_version = hello->legacy_version;
	facts->early_data = hello->early_data;
	if (hello->random.len == TLS_RANDOM)
		memcpy(facts->client_random, hello->random.p, TLS_RANDOM);
	facts->has_sni = keep(hello->sni, facts->sni, sizeof(facts->sni), &facts->sni_len);
	facts->has_offered = offered(hello->alpn, facts);
	if (hello->damaged)
		facts->anomalies |= UINT64_C(1) << ANOMALY_TLS_BAD_MESSAGE;
	else
		ja3_client(hello, facts->ja3);
	if (!hello->damaged && !hello->v2)
		ja4_client(hello, facts->client.ja4);
}

void tls_fact_alpn(struct tls_facts *facts, struct span alpn)
{
	facts->has_alpn = keep(alpn, facts->alpn, sizeof(facts->alpn), &facts->alpn_len);
}

void tls_fact_server_hello(struct tls_facts *facts, const struct tls_server_hello *hello)
{
	facts->server_hello = true;
	facts->retry = hello->retry;
	facts->version = hello->version;
	facts->cipher = hello->cipher;
	facts->encrypt_then_mac = hello->encrypt_then_mac;
	memcpy(facts->server_random, hello->random.p, TLS_RANDOM);
	tls_fact_alpn(facts, hello->alpn);
	// Of the server's first answer, as JA3 is of the client's first hello: a HelloRetryRequest
	// counts. Only types of extensions go into it, so that damage inside them does no harm.
	if (!facts->ja3s[0])
		ja3_server(hello, facts->ja3s);
	if (hello->damaged)
		facts->anomalies |= UINT64_C(1) << ANOMALY_TLS_BAD_MESSAGE;
}

static void certificate_hash(struct tls_facts *facts, struct span der, bool cut)
{
	struct sha256_ctx sha;

	if (cut || der.len == 0)
		return;
	sha256_init(&sha);
	sha256_update(&sha, der.len, der.p);
	sha256_digest(&sha, sizeof(facts->client.client_cert_sha256),
		      facts->client.client_cert_sha256);
	facts->client.has_cert = true;
}

// RFC 5246 section 7.4.2; RFC 8446 section 4.4.2 puts a context before the list and extensions
// behind each certificate.
void tls_fact_certificates(struct tls_facts *facts, enum dir dir, struct span body, bool cut)
{
	bool is_13 = tls_hello_is_13(facts->version);
	struct tls_read r = {.rest = body};

	if (is_13)
		tls_read_vector(&r, 1);
	uint32_t len = tls_read_number(&r, 3);

	if (dir == CLIENT) {
		bool there = len && !r.bad;
		struct span der = tls_read_vector(&r, 3);

		facts->client_cert = there ? TLS_YES : TLS_NO;
		certificate_hash(facts, der, r.bad);
		return;
	}
	facts->chain_cut = cut || (!cut && len != r.rest.len);
	facts->n_certs = facts->chain_len = 0;
	while (r.rest.len && !r.bad) {
		struct span der = tls_read_vector(&r, 3);

		if (r.bad)
			break;
		if (facts->n_certs < TLS_CERTS &&
		    tls_cert_parse(der, &facts->certs[facts->n_certs]))
			facts->n_certs++;
		else if (facts->n_certs < TLS_CERTS)
			facts->anomalies |= UINT64_C(1) << ANOMALY_TLS_BAD_MESSAGE;
		facts->chain_len++;
		if (is_13)
			tls_read_vector(&r, 2);
	}
	facts->chain_cut |= r.bad;
}

static struct span span_if(bool there, const void *p, size_t len)
{
	return there ? span_make(p, len) : (struct span){0};
}

static uint64_t anomalies(const struct pctx *p, const struct tls_facts *facts)
{
	uint64_t bits = facts->anomalies;

	if (p->lossy[CLIENT] || p->lossy[SERVER])
		bits |= UINT64_C(1) << (p->conn->midstream ? ANOMALY_MIDSTREAM : ANOMALY_GAP);
	return bits | http_exchange_tcp(p->anomalies);
}

void tls_report(struct pctx *p)
{
	struct tls *tls = tls_of(p);

	if (tls->reported || !tls->block)
		return;
	tls->reported = true;
	const struct tls_facts *f = &tls->block->facts;

	if (!f->client_hello && !f->server_hello)
		return;
	struct tls_handshake event = {
		.client_hello = f->client_hello,
		.server_hello = f->server_hello,
		.decrypted = f->decrypted,
		.early_data = f->early_data,
		.version = f->version,
		.cipher = f->cipher,
		.sni = span_if(f->has_sni, f->sni, f->sni_len),
		.alpn = span_if(f->has_alpn, f->alpn, f->alpn_len),
		.alpn_offered = span_if(f->has_offered, f->offered, f->offered_len),
		.client = &f->client,
		.certs = f->certs,
		.n_certs = f->n_certs,
		.chain_len = f->chain_len,
		.chain_cut = f->chain_cut,
		.client_cert_request = f->client_cert_request,
		.client_cert = f->client_cert,
		.anomalies = anomalies(p, f),
	};

	memcpy(event.ja3, f->ja3, sizeof(event.ja3));
	memcpy(event.ja3s, f->ja3s, sizeof(event.ja3s));
	p->anomalies = 0;
	p->env->stats.tls_handshakes++;
	if (p->env->sink.tls)
		p->env->sink.tls(p->env->sink.ctx, p->conn, &event);
}
