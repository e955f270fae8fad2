// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Names of operations in requests: what is found, what is taken for none, at every length of a body
// that was kept in part.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "detect/operation.c"

static struct http_tx tx;

static struct span name_of(const char *type, const char *body, uint32_t len)
{
	struct http_msg *msg = &tx.msg[CLIENT];

	msg->seen = true;
	msg->header[HEADER_CONTENT_TYPE] = span_make(type, strlen(type));
	msg->body = (uint8_t *)(uintptr_t)body;
	msg->body_kept = len;
	return operation_name(&tx, (struct span){0});
}

static void expect(const char *type, const char *body, const char *want)
{
	uint32_t len = (uint32_t)strlen(body);
	struct span name = name_of(type, body, len);

	if (name.len != strlen(want) || (name.len && memcmp(name.p, want, name.len)))
		fail_msg("%s: %.*s instead of %s", body, (int)name.len,
			 name.len ? (const char *)name.p : "", want);
	// A part of it names nothing else; no byte is read behind it.
	for (uint32_t n = 0; n < len; n++) {
		char *part = malloc(n + !n);

		memcpy(part, body, n);
		name = name_of(type, part, n);
		assert_true(name.len == 0 || strncmp((const char *)name.p, want, name.len) == 0 ||
			    span_eq(name, SPAN_LIT("query")) || strcmp(type, "text/xml") == 0 ||
			    span_eq(name, SPAN_LIT("Doc")));
		free(part);
	}
}

#define JSON "application/json"

static void test_graphql(void **)
{
	expect(JSON, "{\"operationName\":\"A\",\"query\":\"query B { x }\"}", "A");
	expect(JSON, "{\"query\":\"query Doc($id: ID!) { x }\",\"operationName\":\"Doc\"}", "Doc");
	expect(JSON, " { \"query\" : \"mutation B { x }\", \"variables\": {\"a\":[1,\"}\"]} }",
	       "B");
	expect(JSON, "{\"variables\":{\"a\":{}},\"query\":\"\\n# q\\nsubscription C @live { x }\"}",
	       "C");
	expect(JSON, "{\"operationName\":null,\"query\":\"{ me { id } }\"}", "query");
	expect(JSON, "{\"query\":\"mutation { x }\"}", "mutation");
	expect(JSON, "{\"operationName\":\"P\",\"extensions\":{\"persistedQuery\":{}}}", "P");
	expect(JSON, "[{\"operationName\":\"F\",\"query\":\"x\"},{}]", "F");
	expect("application/graphql", "query G { x }", "G");
}

static void test_others(void **)
{
	expect(JSON, "{\"query\":\"mutation testing\"}", "");
	expect(JSON, "{\"query\":\"query\"}", "");
	expect(JSON, "{\"query\":{\"match\":{}}}", "");
	expect(JSON, "{\"name\":\"x\",\"operationName\":\"A\"}", "");
	expect(JSON, "{\"method\":\"card\",\"amount\":5}", "");
	expect(JSON, "{\"id\":5,\"method\":\"card\"}", "");
	expect(JSON, "[1,2]", "");
	expect(JSON, "{}", "");
	expect(JSON, "", "");
	expect("text/plain", "{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", "");
}

static void test_jsonrpc(void **)
{
	expect(JSON,
	       "{\"jsonrpc\":\"2.0\",\"method\":\"user.get\",\"params\":[{\"a\":\"]\"}],\"id\":1}",
	       "user.get");
	expect(JSON, "{\"id\":\"x\",\"params\":{},\"method\":\"eth_call\",\"jsonrpc\":\"2.0\"}",
	       "eth_call");
	expect(JSON, "[{\"jsonrpc\":\"2.0\",\"method\":\"first\"},{}]", "first");
	char many[200] = "{\"jsonrpc\":\"2.0\",\"method\":\"";

	memset(many + strlen(many), 'm', 80);
	strcat(many, "\"}");
	assert_int_equal(name_of(JSON, many, (uint32_t)strlen(many)).len, 0);
}

static void test_soap(void **)
{
	static char head[] = "POST /s HTTP/1.1\r\nSOAPAction: \"urn:prices#GetPrice\"\r\n\r\n";
	static const char envelope[] =
		"<?xml version='1.0'?><s:Envelope xmlns:s='x'><s:Header/><s:Body a='b'>\n"
		"  <m:FindAll><id>1</id></m:FindAll></s:Body></s:Envelope>";

	expect("text/xml", envelope, "FindAll");
	expect("application/soap+xml; action=\"http://x/y/Put\"", envelope, "Put");
	expect("text/xml", "<a><Body><b/></Body></a>", "");
	expect("text/xml", "<Envelope><Body><b/></Body></Envelope>", "b");
	tx.msg[CLIENT].head = (uint8_t *)head;
	tx.msg[CLIENT].head_len = sizeof(head) - 1;
	expect("text/xml", envelope, "GetPrice");
	tx.msg[CLIENT].head_len = 0;
}

static void test_query(void **)
{
	tx.msg[CLIENT].body_kept = 0;
	tx.msg[CLIENT].seen = true;
	struct span name = operation_name(&tx, SPAN_LIT("query=%7Bx%7D&operationName=Q&a"));

	assert_true(span_eq(name, SPAN_LIT("Q")));
	assert_int_equal(operation_name(&tx, SPAN_LIT("operationName=Q&page=1")).len, 0);
	assert_int_equal(operation_name(&tx, SPAN_LIT("query=shoes")).len, 0);
	assert_int_equal(operation_name(&tx, SPAN_LIT("&&=&query")).len, 0);
}

// Any bytes end.
static void test_noise(void **)
{
	static const char bits[] = "{}[]\":,\\ #querymutationjsonrpcmethod0n";
	uint64_t random = 1;

	for (uint32_t turn = 0; turn < 200000; turn++) {
		char body[64];
		uint32_t len;

		for (len = 0; len < turn % 64; len++) {
			random = random * UINT64_C(6364136223846793005) + 1;
			body[len] = bits[(random >> 33) % (sizeof(bits) - 1)];
		}
		struct span name = name_of(turn & 1 ? JSON : "text/xml", body, len);

		assert_true(name.len <= len || name.len <= 12);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_graphql), cmocka_unit_test(test_others),
		cmocka_unit_test(test_jsonrpc), cmocka_unit_test(test_soap),
		cmocka_unit_test(test_query),   cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
