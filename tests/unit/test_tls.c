// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// TLS without keys: one report for each handshake, whatever its records, cuts, holes and ends, and
// nothing that costs anything behind it.

#include "tests/unit/tls_harness.h"

static struct buf msgs; // handshake messages of a turn

static const struct client_options usual = {.sni = "api.example", .alpn = {"h2", "http/1.1"}};
static const struct cert_options certs[2] = {
	{"api.example", "ca", NULL, "240101000000Z", "340101000000Z", 2048, 1},
	{"ca", "ca", NULL, "240101000000Z", "340101000000Z", 0, 0},
};

static void client_turn(const struct client_options *o, uint32_t record)
{
	talk_turn(CLIENT);
	msgs.n = 0;
	put_client_hello(&msgs, o);
	put_records(&talk, TLS_HANDSHAKE, whole_of(&msgs), record);
	talk_done();
}

static void put_empty(uint8_t type)
{
	message_end(&msgs, message_begin(&msgs, type));
}

// The server's flight of TLS 1.2.
static void server_turn_12(bool asks, uint32_t record)
{
	talk_turn(SERVER);
	msgs.n = 0;
	put_server_hello(&msgs, &(struct server_options){
					.version = 0x0303, .cipher = 0xc02f, .alpn = "h2"});
	put_certificates(&msgs, certs, 2, false);
	uint32_t at = message_begin(&msgs, 12);

	put(&msgs, certs, sizeof(certs));
	message_end(&msgs, at);
	if (asks) {
		at = message_begin(&msgs, TLS_CERTIFICATE_REQUEST);
		put_number(&msgs, 0, 4);
		message_end(&msgs, at);
	}
	put_empty(TLS_SERVER_HELLO_DONE);
	put_records(&talk, TLS_HANDSHAKE, whole_of(&msgs), record);
	talk_done();
}

static void server_turn_13(uint32_t record)
{
	talk_turn(SERVER);
	msgs.n = 0;
	put_server_hello(&msgs, &(struct server_options){.version = 0x0304, .cipher = 0x1301});
	put_records(&talk, TLS_HANDSHAKE, whole_of(&msgs), record);
	put_records(&talk, TLS_CHANGE_CIPHER, SPAN_LIT("\1"), 1);
	put_records(&talk, TLS_DATA, SPAN_LIT("0123456789abcdef0123456789abcdef"), 100);
	talk_done();
}

#define CLIENT_TOLD  "sni=api.example"
#define OFFERED_TOLD "offered=h2;http/1.1"
#define CHAIN_TOLD   "cert=CN=api.example cert=CN=ca chain=2"
#define TOLD_12                                                                                    \
	"tls C S v=0303 c=c02f " CLIENT_TOLD " alpn=h2 " OFFERED_TOLD " " CHAIN_TOLD               \
	" asked=0 given=0\n"
#define TOLD_13 "tls C S v=0304 c=1301 " CLIENT_TOLD " " OFFERED_TOLD "\n"

static void test_12(void **)
{
	static const uint32_t sizes[] = {16384, 700, 64, 5, 1};

	for (uint32_t i = 0; i < 5; i++) {
		talk_begin();
		client_turn(&usual, sizes[i]);
		server_turn_12(false, sizes[i]);
		if (i < 2)
			talk_all_cuts(TOLD_12);
		talk_play(1, 0, CLOSE_END);
		assert_string_equal(got, TOLD_12);
		assert_false(alive); // nothing more is wanted
	}
}

static void test_13(void **)
{
	talk_begin();
	client_turn(&usual, 16384);
	server_turn_13(16384);
	talk_all_cuts(TOLD_13);
	assert_false(alive);
	talk_begin();
	client_turn(&usual, 3);
	server_turn_13(2);
	talk_all_cuts(TOLD_13);
}

// The second hello of each side tells what was agreed.
static void test_retry(void **)
{
	talk_begin();
	client_turn(&usual, 16384);
	talk_turn(SERVER);
	msgs.n = 0;
	put_server_hello(&msgs, &(struct server_options){
					.version = 0x0304, .cipher = 0x1302, .retry = true});
	put_records(&talk, TLS_HANDSHAKE, whole_of(&msgs), 16384);
	put_records(&talk, TLS_CHANGE_CIPHER, SPAN_LIT("\1"), 1);
	talk_done();
	talk_turn(CLIENT);
	put_records(&talk, TLS_CHANGE_CIPHER, SPAN_LIT("\1"), 1);
	talk_done();
	client_turn(&usual, 16384);
	talk_play(UINT32_MAX / 2, 0, CLOSE_END);
	assert_string_equal(got, "tls C S v=0304 c=1302 " CLIENT_TOLD " " OFFERED_TOLD "\n");
	server_turn_13(16384);
	talk_all_cuts(TOLD_13);
}

static void client_certificate(bool given)
{
	talk_turn(CLIENT);
	msgs.n = 0;
	put_certificates(&msgs, certs, given, false);
	put_records(&talk, TLS_HANDSHAKE, whole_of(&msgs), 16384);
	put_records(&talk, TLS_CHANGE_CIPHER, SPAN_LIT("\1"), 1);
	talk_done();
}

#define TOLD_ASKED(n)                                                                              \
	"tls C S v=0303 c=c02f " CLIENT_TOLD " alpn=h2 " OFFERED_TOLD " " CHAIN_TOLD               \
	" asked=1 given=" #n "\n"

static void test_client_certificate(void **)
{
	talk_begin();
	client_turn(&usual, 16384);
	server_turn_12(true, 16384);
	talk_play(UINT32_MAX / 2, 0, CLOSE_END);
	assert_true(alive); // the answer is waited for
	assert_string_equal(got, TOLD_ASKED(0));
	client_certificate(true);
	memset(client_id, 0, sizeof(client_id));
	talk_all_cuts(TOLD_ASKED(2));
	struct sha256_ctx sha;
	uint8_t want[32];

	msgs.n = 0;
	put_cert(&msgs, &certs[0]);
	sha256_init(&sha);
	sha256_update(&sha, msgs.n, msgs.p);
	sha256_digest(&sha, sizeof(want), want);
	assert_memory_equal(client_id, want, sizeof(want));
	n_turns--;
	client_certificate(false);
	talk_play(UINT32_MAX / 2, 0, CLOSE_END);
	assert_string_equal(got, TOLD_ASKED(1));
}

// A resumed session of TLS 1.2: no certificates, ChangeCipherSpec behind the hello.
static void test_resumed(void **)
{
	talk_begin();
	client_turn(&usual, 16384);
	talk_turn(SERVER);
	msgs.n = 0;
	put_server_hello(&msgs, &(struct server_options){.version = 0x0303, .cipher = 0xc02f});
	put_records(&talk, TLS_HANDSHAKE, whole_of(&msgs), 16384);
	put_records(&talk, TLS_CHANGE_CIPHER, SPAN_LIT("\1"), 1);
	put_records(&talk, TLS_HANDSHAKE, SPAN_LIT("\2\0\0\4garbage"), 100);
	talk_done();
	talk_all_cuts("tls C S v=0303 c=c02f " CLIENT_TOLD " " OFFERED_TOLD "\n");
	assert_false(alive);
}

static void test_one_side(void **)
{
	talk_begin();
	client_turn(&usual, 16384);
	talk_all_cuts("tls C v=0000 c=0000 " CLIENT_TOLD " " OFFERED_TOLD "\n");
	assert_true(alive);
	talk_begin();
	server_turn_12(false, 16384);
	talk_all_cuts("tls S v=0303 c=c02f alpn=h2 " CHAIN_TOLD " asked=0 given=0\n");
	// Encrypted bytes of one side are not watched for long.
	talk_turn(SERVER);
	for (uint32_t i = 0; i < 3; i++) {
		msgs.n = 16000;
		put_records(&talk, TLS_DATA, whole_of(&msgs), 16384);
	}
	talk_done();
	talk_play(1400, 0, CLOSE_END);
	assert_false(alive);
}

static void test_nothing(void **)
{
	conn_open();
	conn_close(CLOSE_RST);
	assert_int_equal(n_reports, 0);
	talk_begin();
	talk_turn(CLIENT);
	put_records(&talk, TLS_HANDSHAKE, SPAN_LIT("\1\0\0\4"), 100);
	talk_done();
	talk_all_cuts("");
}

static void test_v2(void **)
{
	talk_begin();
	talk_turn(CLIENT);
	put_number(&talk, 0x8000 | (9 + 3 + 16), 2);
	put(&talk, "\1\3\1\0\3\0\0\0\x10\0\0\x2f" "0123456789abcdef", 28);
	talk_done();
	server_turn_12(false, 16384);
	talk_all_cuts("tls C S v=0303 c=c02f alpn=h2 " CHAIN_TOLD " asked=0 given=0\n");
}

// All that will be known is known at the end of the first message, also when a second one lies in
// the same piece.
static void test_ends_between_messages(void **)
{
	talk_begin();
	talk_turn(SERVER);
	put(&talk, "no TLS at all, and no answer", 28);
	talk_done();
	talk_turn(CLIENT);
	msgs.n = 0;
	put_empty(TLS_CLIENT_HELLO);
	put_client_hello(&msgs, &usual);
	put_records(&talk, TLS_HANDSHAKE, whole_of(&msgs), 16384);
	talk_done();
	talk_all_cuts("");
}

// Longer than what is gathered: what follows is still read.
static void test_too_long(void **)
{
	struct client_options o = usual;
	char want[256];

	// Its length is known, its contents are not.
	snprintf(want, sizeof(want), "tls S v=0304 c=1301 +%u\n", ANOMALY_TLS_TOO_LONG);
	o.padding = 17000;
	talk_begin();
	client_turn(&o, 16384);
	server_turn_13(16384);
	talk_play(1460, 0, CLOSE_END);
	assert_string_equal(got, want);
	assert_false(alive);
	o.padding = 16000;
	talk_begin();
	client_turn(&o, 1000);
	server_turn_13(16384);
	talk_play(1460, 0, CLOSE_END);
	assert_string_equal(got, TOLD_13);
}

static void test_chain_too_long(void **)
{
	static struct cert_options many[12];

	for (uint32_t i = 0; i < 12; i++) {
		many[i] = certs[0];
		many[i].n_names = 90; // 2.6 KiB
	}
	talk_begin();
	client_turn(&usual, 16384);
	talk_turn(SERVER);
	msgs.n = 0;
	put_server_hello(&msgs, &(struct server_options){.version = 0x0303, .cipher = 0xc02f});
	put_certificates(&msgs, many, 12, false);
	put_empty(TLS_SERVER_HELLO_DONE);
	put_records(&talk, TLS_HANDSHAKE, whole_of(&msgs), 16384);
	talk_done();
	talk_play(1460, 0, CLOSE_END);
	assert_non_null(strstr(got, "cert=CN=api.example cert=CN=api.example cert=CN=api.example "
				    "cert=CN=api.example chain="));
	assert_non_null(strstr(got, "+ asked=0"));
}

// A server that does not speak TLS.
static void test_answers_http(void **)
{
	talk_begin();
	client_turn(&usual, 16384);
	talk_turn(SERVER);
	put(&talk, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
	talk_done();
	talk_play(UINT32_MAX / 2, 0, CLOSE_HANDOVER);
	assert_true(handed_over);
	talk_play(1, 0, CLOSE_HANDOVER);
	assert_true(handed_over);
	assert_string_equal(got, "tls C v=0000 c=0000 " CLIENT_TOLD " " OFFERED_TOLD "\n");
}

// The answer to a request for TLS stands before the server's hello.
static void test_behind_answer(void **)
{
	talk_begin();
	client_turn(&usual, 16384);
	talk_turn(SERVER);
	put(&talk, "S", 1);
	talk_done();
	server_turn_13(16384);
	talk_all_cuts(TOLD_13);
	talk_begin();
	client_turn(&usual, 16384);
	talk_turn(SERVER);
	put(&talk, "something that is not TLS at all", 32);
	talk_done();
	talk_all_cuts("tls C v=0000 c=0000 " CLIENT_TOLD " " OFFERED_TOLD "\n");
	assert_false(alive);
}

// A hole anywhere: what is told is a part of the truth.
static void test_gaps(void **)
{
	uint32_t whole = 0;

	talk_begin();
	client_turn(&usual, 16384);
	server_turn_12(false, 800);
	for (uint32_t at = 0; at < talk.n; at += 3) {
		for (uint32_t len = 1; len < 2000; len = len * 5 + 1) {
			conn_open();
			for (uint32_t t = 0; t < n_turns; t++) {
				uint32_t from = turns[t].at, stop = from + turns[t].len;
				uint32_t hole = at > from && at < stop ? at : stop;
				uint32_t n = len < stop - hole ? len : stop - hole;

				give(turns[t].dir, span_make(talk.p + from, hole - from));
				lose(turns[t].dir, n);
				give(turns[t].dir,
				     span_make(talk.p + hole + n, stop - hole - n));
			}
			conn_close(CLOSE_FIN);
			assert_true(got_len == 0 || strstr(got, "v=0303 c=c02f") ||
				    strstr(got, "v=0000 c=0000"));
			assert_true(!strstr(got, "alpn=") || strstr(got, "alpn=h2") ||
				    strstr(got, "offered=h2;http/1.1"));
			assert_true(!strstr(got, "sni=") || strstr(got, "sni=api.example"));
			assert_true(!strstr(got, "cert=") || strstr(got, "cert=CN=api.example"));
			whole += strstr(got, CHAIN_TOLD) && strstr(got, OFFERED_TOLD);
		}
	}
	assert_true(whole > 100); // holes in what nobody reads
}

static void test_changed(void **)
{
	talk_begin();
	client_turn(&usual, 16384);
	server_turn_12(true, 16384);
	client_certificate(true);
	for (uint32_t i = 0; i < talk.n * 8; i++) {
		talk.p[i / 8] ^= (uint8_t)(1 << i % 8);
		conn_open();
		for (uint32_t t = 0; t < n_turns; t++)
			give(turns[t].dir, span_make(talk.p + turns[t].at, turns[t].len));
		tls_parser.close(&ctx, CLOSE_FIN);
		assert_true(n_reports <= 1);
		talk.p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void test_no_block(void **)
{
	struct pctx held[2];
	static _Alignas(16) uint8_t states[2][PARSER_STATE];

	conn_open();
	conn_close(CLOSE_END);
	for (uint32_t i = 0; i < 2; i++) {
		held[i] = (struct pctx){.env = &env, .conn = &meta, .state = states[i]};
		tls_parser.open(&held[i]);
	}
	ctx.state = memset(state, 0, sizeof(state));
	tls_parser.open(&ctx);
	assert_false(tls_parser.data(&ctx, CLIENT, SPAN_LIT("\x16\3\1")));
	assert_false(tls_parser.gap(&ctx, CLIENT, 10));
	tls_parser.close(&ctx, CLOSE_END);
	for (uint32_t i = 0; i < 2; i++)
		tls_parser.close(&held[i], CLOSE_END);
	assert_true(env.stats.parser_blocks_empty > 0);
}

static void test_probe(void **)
{
	static const uint8_t client[] = {22, 3, 1, 0, 50, 1, 0, 0}, server[] = {22, 3, 3, 0, 50, 2};

	for (uint32_t n = 1; n <= sizeof(client); n++)
		assert_int_equal(tls_probe(guarded(span_make(client, n)), CLIENT),
				 n < 6 ? PROBE_UNSURE : PROBE_CERTAIN);
	for (uint32_t n = 1; n <= sizeof(server); n++)
		assert_int_equal(tls_probe(guarded(span_make(server, n)), SERVER),
				 n < 6 ? PROBE_UNSURE : PROBE_CERTAIN);
	assert_int_equal(tls_probe(span_make(client, 8), SERVER), PROBE_NO);
	assert_int_equal(tls_probe(span_make(server, 6), CLIENT), PROBE_NO);
	assert_int_equal(tls_probe(SPAN_LIT("\x16\3\5"), CLIENT), PROBE_NO);
	assert_int_equal(tls_probe(SPAN_LIT("\x16\3\1\0\0\1"), CLIENT), PROBE_NO);
	assert_int_equal(tls_probe(SPAN_LIT("GET / HTTP/1.1\r\n"), CLIENT), PROBE_NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_12),
		cmocka_unit_test(test_13),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_client_certificate),
		cmocka_unit_test(test_resumed),
		cmocka_unit_test(test_one_side),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_ends_between_messages),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_chain_too_long),
		cmocka_unit_test(test_answers_http),
		cmocka_unit_test(test_behind_answer),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_no_block),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
