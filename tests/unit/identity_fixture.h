// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One exchange after the other under one configuration, and what is known of its caller. Included
// once by a test of a file of that.

#pragma once

#include "tests/unit/detect_fixture.h"
#include "tests/unit/token_fixture.h"

#include "detect/delta.h"
#include "detect/endpoint.h"
#include "detect/principal.h"

static struct conf *conf;
static struct principal principal;
static struct exchange x;
static struct tls_summary tls; // of the connection, when its ja4 is set
static uint8_t peer[4];        // its client, when the first is not 0
static struct delta_binding bindings[IDENTITY_BINDINGS];
static uint32_t n_bindings;
static uint64_t now_s;

static void identity_open(const char *lines)
{
	char why[256] = "";

	if (conf)
		conf_free(conf);
	conf = fixture_conf(lines);
	assert_non_null(conf);
	assert_true(principal_init(&principal, conf_get(conf, &principal_section), 99, why,
				   sizeof(why)));
	memset(&tls, 0, sizeof(tls));
	memset(peer, 0, sizeof(peer));
	now_s = 1000;
}

// The head's lines without the last, empty one. response may be NULL.
static inline void identity_send(const char *request, const char *body, const char *response,
				 const char *answer)
{
	static char head[2][16384];
	struct fixture f;

	snprintf(head[0], sizeof(head[0]), "%s\r\n", request);
	snprintf(head[1], sizeof(head[1]), "%s\r\n", response ? response : "");
	fixture_open(&f, head[0], body, response ? head[1] : NULL, answer);
	if (peer[0])
		memcpy(f.conn.addr[CLIENT] + 12, peer, 4);
	if (tls.ja4[0] || tls.has_cert)
		f.conn.tls = &tls;
	f.tx.msg[CLIENT].first_ns = now_s * UINT64_C(1000000000);
	memset(&x, 0, sizeof(x));
	x.tx = &f.tx;
	endpoint_split(&x);
	x.login = endpoint_is_login(x.path);
	principal_identify(&x, &principal, SEED);
	n_bindings = principal_end(&x, &principal, SEED, bindings);
	fixture_close(&f);
	x.tx = NULL;
}

#define HEAD "GET /a HTTP/1.1\r\nHost: h\r\n"
#define GET(lines) identity_send(HEAD lines, NULL, NULL, NULL)

static inline void expect(enum principal_kind kind, uint32_t confidence, const char *user)
{
	assert_int_equal(x.principal_kind, kind);
	assert_int_equal(x.user_confidence, confidence);
	assert_true(x.principal != 0);
	if (user)
		assert_span(span_make(x.user, x.user_len), user);
}

static inline void expect_hidden(const char *kind)
{
	assert_int_equal(x.user_len, strlen(kind) + 16);
	assert_memory_equal(x.user, kind, strlen(kind));
}

static int identity_close(void **)
{
	conf_free(conf);
	conf = NULL;
	return 0;
}
