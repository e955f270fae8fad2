// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Multipart bodies, XML, tables, Protocol Buffers: the values in them, with their names, for every
// cutting; values longer than a window repeats; limits; damage; and what is tolerated.

#include "tests/unit/body_harness.h"

static const char form_type[] = "multipart/form-data; charset=x; boundary=\"x-7\"";

static bool anomaly(enum http_anomaly which)
{
	return msg->anomalies & UINT64_C(1) << which;
}

// Offsets are checked when values come.
static void strip_offsets(void)
{
	char *to = log_text;

	for (const char *p = log_text; *p;) {
		bool line = p == log_text || p[-1] == '\n';

		*to++ = *p++;
		if (line && *p == ' ' && p[1] >= '0' && p[1] <= '9')
			p += 1 + strspn(p + 1, "0123456789");
	}
	*to = 0;
}

// The same values for every size of pieces.
static void expect(const char *type, const void *text, size_t len, const char *log)
{
	limits_reset();
	for (size_t size = len; size > 0; size = size > 40 ? size * 2 / 3 : size - 1) {
		feed(type, NULL, text, len, size);
		strip_offsets();
		if (strcmp(log_text, log) != 0)
			fail_msg("pieces of %zu:\n%s\nexpected:\n%s", size, log_text, log);
		assert_int_equal(shown_to, len);
	}
}

static void expect_text(const char *type, const char *text, const char *log)
{
	expect(type, text, strlen(text), log);
}

// ---- multipart

#define PART(name) "--x-7\r\nContent-Disposition: form-data; name=\"" name "\"\r\n"

static void test_multipart(void **)
{
	expect_text(
		form_type,
		PART("card") "\r\n4111 1111 1111 1111\r\n" PART("empty") "\r\n\r\n" PART(
			"two lines") "\r\na\r\n--x-\r\nb\r\n--x-7--\r\nepilogue\r\n--x-7\r\n\r\nno",
		"s $|card=4111 1111 1111 1111\ns $|two lines=a\r\n--x-\r\nb\n");
	assert_false(anomaly(ANOMALY_BODY_MALFORMED));
	// A preamble, bare line feeds, padding, names that are none of the boundary.
	expect_text(
		form_type,
		"preamble\n--x-7 \t\ncontent-disposition:form-data;name=a\n\nv\n--x-77\n--x-7--",
		"s $|a=v\n--x-77\n");
	// No header at all; a header that ends with the part; no end.
	expect_text(form_type, "--x-7\r\n\r\nv1\r\n--x-7\r\nA: b\r\n--x-7\r\n\r\nv2",
		    "s $|=v1\nt $|=v2\n");
	assert_true(anomaly(ANOMALY_BODY_MALFORMED));
	// A header of a name alone, with white space behind it: no value is looked for.
	expect_text(form_type,
		    PART("t") "Content-Type \r\n\r\nv1\r\n"
			      "--x-7\r\nContent-Disposition\t\r\n\r\nv2\r\n--x-7--",
		    "s $|t=v1\ns $|=v2\n");
}

static void test_multipart_kinds(void **)
{
	expect_text(form_type,
		    PART(
			    "meta") "Content-Type: application/json\r\n\r\n"
				    "{\"ssn\":\"123-45-6789\",\"l\":[1,{\"a\":\"b\"}]}\r\n" PART("g"
												 "u"
												 "e"
												 "s"
												 "s") "\r\n  [\"x\"]\r\n" PART("doc\"; filename=\"d.xml") "Content-Type: text/xml\r\n\r\n<u><i>7</i></u>\r\n" PART(
					    "t") "Content-Type: "
						 "text/csv\r\n\r\nn,m\r\n1,2\r\n" PART("img") "Cont"
											      "ent-"
											      "Type"
											      ": "
											      "imag"
											      "e/"
											      "png"
											      "\r\n"
											      "\r\n"
											      "\x89"
											      "PNG "
											      "4111"
											      "1111"
											      "1111"
											      "1111"
											      "\r"
											      "\n" PART("odd") "Content-Type: application/json\r\n\r\nno json\r\n--x-7--",
		    "s $.meta|ssn=123-45-6789\nn $.meta.l[]|l=1\ns $.meta.l[]|a=b\n"
		    "s $.guess[]|guess=x\n"
		    "s $.doc|filename=d.xml\ns $.doc.u|i=7\n"
		    "s $.t[]|=n\ns $.t[]|=m\ns $.t[]|n=1\ns $.t[]|m=2\n"
		    "s $|odd=no json\n");
}

// A value that no window holds comes in pieces; together they are it.
static void test_multipart_long(void **)
{
	static char text[5000], value[4000];
	int n;

	for (uint32_t i = 0; i < sizeof(value) - 1; i++)
		value[i] = (char)(i % 61 == 60 ? '\r' : i % 61 == 59 ? '\n' : 'a' + i % 23);
	n = snprintf(text, sizeof(text), "%s\r\n%s\r\n--x-7--", PART("long"), value);
	limits_reset();
	for (size_t size = 1; size < 5000; size += 1 + size / 5) {
		feed(form_type, NULL, text, (size_t)n, size);
		assert_true(n_values >= 1);
		assert_non_null(strstr(log_text, "$|long="));
		assert_false(anomaly(ANOMALY_BODY_MALFORMED));
	}
	// Header lines longer than is looked at.
	n = snprintf(
		text, sizeof(text),
		"--x-7\r\nX: %.700s\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--x-7--",
		(char *)memset(value, 'h', 1000));
	expect(form_type, text, (size_t)n, "s $|a=v\n");
}

// 100,000 parts need no more memory than one.
static void test_multipart_many(void **)
{
	size_t len = 0, most = 4 << 20;
	char *text = malloc(most);

	while (len + 100 < most)
		len += (size_t)sprintf(text + len, "--x-7\r\n\r\na\r\n");
	limits_reset();
	feed(form_type, NULL, text, len, 1460);
	assert_true(n_values > 100000);
	free(text);
	// A boundary that is none, or too long: the body is text.
	feed("multipart/mixed", NULL, "--a\r\n\r\nb", 8, 8);
	assert_int_equal(n_values, 0);
	assert_int_equal(as_text[7], 1);
	feed("multipart/mixed; boundary=00000000001111111111222222222233333333334444444444"
	     "555555555566666666667",
	     NULL, "--a\r\n\r\nb", 8, 8);
	assert_int_equal(n_values, 0);
}

// ---- XML

static void test_xml(void **)
{
	expect_text("application/soap+xml; charset=utf-8",
		    "\xef\xbb\xbf\n<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY b \"c>\">]>\n"
		    "<s:Env xmlns:s='u' xmlns=\"v\"><s:Body>\n <user id=\"7\" x:role='a>b' flag k "
		    "= \"\">"
		    "<mail>\n  a@b.c \n</mail><empty/> text &amp; more<![CDATA[1 < ]] > 2]]>"
		    "<!-- no <mail>x</mail> --><?pi <a>?></user></s:Body></s:Env>\n",
		    "s $.Env.Body.user|id=7\ns $.Env.Body.user|role=a>b\n"
		    "s $.Env.Body.user|mail=a@b.c\n"
		    "s $.Env.Body|user=text &amp; more\ns $.Env.Body|user=1 < ]] > 2\n");
	assert_false(anomaly(ANOMALY_BODY_MALFORMED));
	// What is tolerated.
	expect_text("text/xml", "<a b=c d>1 < 2 </x></a><e f=\"1\"/>3",
		    "s $.a|b=c\ns $|a=1\ns $|a=2\ns $.e|f=1\ns $|=3\n");
	expect_text("text/xml", "", "");
	// Guessed.
	expect_text("text/plain", "<?xml version='1.0'?><a>b</a>", "s $|a=b\n");
	expect_text("text/html", "<html><b>c</b></html>", "");
}

static void test_xml_broken(void **)
{
	expect_text("text/xml", "  {\"a\":\"b\"}", "");
	assert_true(anomaly(ANOMALY_BODY_MALFORMED));
	assert_int_equal(as_text[5], 1);
	assert_int_equal(env.stats.body_broken, 1);
	expect_text("text/xml", "<a><b>c", "s $.a|b=c\n");
	assert_true(anomaly(ANOMALY_BODY_MALFORMED));
	expect_text("text/plain", "<?xml <a>b", "");
	assert_false(anomaly(ANOMALY_BODY_MALFORMED));
}

// The name of a name space is no data, however long it is.
static void test_xml_long_namespace(void **)
{
	enum { LONG = 40000 };
	static char text[LONG + 64];
	size_t n = (size_t)sprintf(text, "<a xmlns:n='");

	memset(text + n, 'u', LONG);
	n += LONG;
	n += (size_t)sprintf(text + n, "' b='c'>d</a>");
	limits_reset();
	for (size_t size = 100; size < n; size += 1777) {
		feed("text/xml", NULL, text, n, size);
		assert_int_equal(n_values, 2);
		assert_false(anomaly(ANOMALY_BODY_MALFORMED));
	}
}

static void test_xml_deep(void **)
{
	static char text[3000];
	size_t n = 0;

	for (uint32_t i = 0; i < 64; i++)
		n += (size_t)sprintf(text + n, "<a>");
	n += (size_t)sprintf(text + n, "deepest");
	for (uint32_t i = 0; i < 64; i++)
		n += (size_t)sprintf(text + n, "</a>");
	limits_reset();
	for (size_t size = 1; size < n; size += 9) {
		feed("text/xml", NULL, text, n, size);
		assert_int_equal(n_values, 1);
		assert_false(anomaly(ANOMALY_XML_DEPTH));
	}
	memmove(text + 3, text, n);
	for (size_t size = 1; size < n; size += 9) {
		feed("text/xml", NULL, text, n + 3, size);
		assert_int_equal(n_values, 0);
		assert_true(anomaly(ANOMALY_XML_DEPTH));
		assert_int_equal(env.stats.body_too_deep, 1);
		assert_int_equal(shown_to, n + 3);
	}
}

// ---- tables

static void test_csv(void **)
{
	expect_text("text/csv; header=present",
		    "name;ssn;\"a "
		    "\"\"b\"\"\"\r\n\r\nAda;123-45-6789;\"x\r\n\"\"y\"\";\"\r\nBob;;z;more",
		    "s $[]|=name\ns $[]|=ssn\ns $[]|=a \"\"b\"\"\n"
		    "s $[]|name=Ada\ns $[]|ssn=123-45-6789\ns $[]|a \"\"b\"\"=x\r\n\"\"y\"\";\n"
		    "s $[]|name=Bob\ns $[]|a \"\"b\"\"=z\ns $[]|=more\n");
	// The first line is data: no names, and no data shown as a name.
	expect_text("text/csv", "Ada,ada@example.com\nBob,bob@example.com\n",
		    "s $[]|=Ada\ns $[]|=ada@example.com\ns $[]|=Bob\ns $[]|=bob@example.com\n");
	expect_text("text/csv", "Ada,123\nBob,4\n",
		    "s $[]|=Ada\ns $[]|=123\ns $[]|=Bob\ns $[]|=4\n");
	// One column; a separator of another kind is then text.
	expect_text("text/csv", "ssn\n1;2\n3,4\n", "s $[]|=ssn\ns $[]|ssn=1;2\ns $[]|ssn=3,4\n");
	expect_text("text/tab-separated-values", "a\tb\n1\t2",
		    "s $[]|=a\ns $[]|=b\ns $[]|a=1\ns $[]|b=2\n");
}

static void test_csv_bounds(void **)
{
	static char text[40000];
	size_t n = 0;

	// More columns than have names.
	for (uint32_t row = 0; row < 2; row++) {
		for (uint32_t i = 0; i < 200; i++)
			n += (size_t)sprintf(text + n, "%sc%u", i ? "," : "", i);
		text[n++] = '\n';
	}
	limits_reset();
	for (size_t size = 1; size < n; size += 37) {
		feed("text/csv", NULL, text, n, size);
		assert_int_equal(n_values, 400);
		assert_non_null(strstr(log_text, "$[]|c63=c63\n"));
		assert_non_null(strstr(log_text, "$[]|=c64\n"));
	}
	// Names longer than there is room for: later ones are left out.
	n = 0;
	for (uint32_t i = 0; i < 20; i++)
		n += (size_t)sprintf(text + n, "%sname%060u", i ? "," : "", i);
	n += (size_t)sprintf(text + n, "\n");
	for (uint32_t i = 0; i < 20; i++)
		n += (size_t)sprintf(text + n, "%s%u", i ? "," : "", i);
	for (size_t size = 1; size < n; size += 37) {
		feed("text/csv", NULL, text, n, size);
		assert_int_equal(n_values, 40);
		assert_non_null(strstr(log_text, "=19\n"));
	}
}

// ---- Protocol Buffers

static void test_protobuf(void **)
{
	static const char bytes[] = "\x08\x96\x01"  // 1: 150
				    "\x12\x05hello" // 2: "hello"
				    "\x1a\x10\x0a\x06street\x12\x06"
				    "a@b.cd"                               // 3: {1, 2}
				    "\x2a\x03\x01\xff\x02"                 // 5: bytes
				    "\x3d\x01\x02\x03\x04"                 // 7: fixed32
				    "\x41\x01\x02\x03\x04\x05\x06\x07\x08" // 8: fixed64
				    "\x82\x7d\x03xyz";                     // 2000: "xyz"

	expect("application/x-protobuf", bytes, sizeof(bytes) - 1,
	       "s $|f2=hello\ns $.f3|f1=street\ns $.f3|f2=a@b.cd\ns $|f2000=xyz\n");
	assert_false(anomaly(ANOMALY_BODY_MALFORMED));
	expect("application/x-protobuf", "\x0f junk", 6, "");
	assert_true(anomaly(ANOMALY_BODY_MALFORMED));
	assert_int_equal(as_text[3], 1);
	// A length beyond the end of the message that it is in.
	expect("application/x-protobuf", "\x0a\x04\x0a\x10zz\x12\x02ok", 10, "s $|f2=ok\n");
}

static void test_protobuf_deep(void **)
{
	uint8_t text[512];
	size_t n = 0;

	memcpy(text + 400,
	       "\x0a\x04"
	       "text",
	       6);
	for (n = 400; n > 200; n -= 2) {
		text[n - 2] = 0x0a;
		text[n - 1] = (uint8_t)(406 - n);
		if (406 - n >= 120)
			break;
	}
	n -= 2;
	limits_reset();
	for (size_t size = 1; size < 406 - n; size++) {
		feed("application/protobuf", NULL, text + n, 406 - n, size);
		// Sixteen levels are followed; a message below them is bytes.
		assert_true(n_values <= 1);
		assert_false(anomaly(ANOMALY_BODY_MALFORMED));
	}
}

static void test_grpc(void **)
{
	static const char frames[] = "\0\0\0\0\x07\x0a\x05hello"
				     "\1\0\0\0\x03zzz" // compressed
				     "\0\0\0\0\0"
				     "\0\0\0\0\x05\x12\x03you"
				     "\x80\0\0\0\x04k: v"; // trailers of gRPC-Web

	expect("application/grpc+proto", frames, sizeof(frames) - 1, "s $|f1=hello\ns $|f2=you\n");
	assert_false(anomaly(ANOMALY_BODY_MALFORMED));
	expect("application/grpc", "GET / HTTP", 10, "");
	assert_true(anomaly(ANOMALY_BODY_MALFORMED));
}

// ---- all of them

// A value that is longer than any window can repeat, at every offset to the cuts.
static void test_long_values(void **)
{
	static const struct {
		const char *type, *before, *after, *name;
	} kinds[] = {
		{"text/xml", "<a><b>", "</b></a>", "$.a|b="},
		{"text/xml", "<a><b c=\"", "\"/></a>", "$.a.b|c="},
		{"text/xml", "<a><![CDATA[", "]]></a>", "$|a="},
		{"text/csv", "n,m\r\n1,", "\r\n2,3\r\n", "$[]|m="},
		{"text/csv", "n,m\r\n1,\"", "\"\r\n2,3\r\n", "$[]|m="},
		{"application/json-seq", "\x1e{\"a\":\"", "\"}\n\x1e{\"a\":1}\n", "$|a="},
		{"application/x-ndjson", "{\"a\":\"", "\"}\n{\"a\":1}\n", "$|a="},
		{"application/x-protobuf", "\x0a\xb8\x17", "\x12\x01x", "$|f1="},
	};
	static char text[4000], all[4000];

	limits_reset();
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		size_t before = strlen(kinds[k].before), n = before;

		memcpy(text, kinds[k].before, before);
		for (uint32_t i = 0; i < 3000; i++)
			text[n++] = (char)('A' + i * 7 % 53 % 26);
		memcpy(text + n, kinds[k].after, strlen(kinds[k].after));
		n += strlen(kinds[k].after);
		for (size_t size = 1; size <= n; size += 1 + size / 3) {
			uint32_t got = 0;

			feed(kinds[k].type, NULL, text, n, size);
			if (!strstr(log_text, kinds[k].name))
				fail_msg("%s %zu: %s", kinds[k].type, size, log_text);
			// Put the pieces together by their offsets.
			memset(all, 0, sizeof(all));
			for (char *line = log_text; *line; line = strchr(line, '\n') + 1) {
				char *value = strstr(line, kinds[k].name);
				size_t off = strtoul(line + 2, NULL, 10), len;

				if (!value || value > strchr(line, '\n'))
					continue;
				value += strlen(kinds[k].name);
				len = (size_t)(strchr(line, '\n') - value);
				if (off >= before && off + len <= before + 3000) {
					memcpy(all + off - before, value, len);
					got++;
				}
			}
			assert_true(got > 0);
			assert_memory_equal(all, text + before, 3000);
		}
	}
}

// Nothing is joined over a hole.
static void test_holes(void **)
{
	static const char *const types[] = {form_type, "text/xml", "text/csv", "application/grpc"};

	limits_reset();
	for (uint32_t i = 0; i < 4; i++) {
		struct body *body = begin(types[i], NULL);

		give(body, "<a>b,c\n--x-7\r\n\r\nv", 17);
		body_gap(&env, body, 100);
		give(body, "</a>", 4);
		finish(body, true);
		assert_false(msg->complete);
		assert_false(anomaly(ANOMALY_BODY_MALFORMED) && i == 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_multipart),
		cmocka_unit_test(test_multipart_kinds),
		cmocka_unit_test(test_multipart_long),
		cmocka_unit_test(test_multipart_many),
		cmocka_unit_test(test_xml),
		cmocka_unit_test(test_xml_broken),
		cmocka_unit_test(test_xml_long_namespace),
		cmocka_unit_test(test_xml_deep),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_csv_bounds),
		cmocka_unit_test(test_protobuf),
		cmocka_unit_test(test_protobuf_deep),
		cmocka_unit_test(test_grpc),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_holes),
	};

	return cmocka_run_group_tests_name("each piece", tests, setup, teardown) +
	       cmocka_run_group_tests_name("gathered", tests, setup_gathering, teardown);
}
