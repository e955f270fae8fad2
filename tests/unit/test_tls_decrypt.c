// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// TLS with keys: whole connections are sealed here and opened there, at every cut. What is lost,
// damaged or under other keys costs what it must; no byte that was not sent is ever given inside.

#include "tests/unit/tls_harness.h"
#include "tests/unit/tls_seal.h"

static struct buf msgs;
static struct sealer now[2], next[2]; // by direction
static uint8_t secrets[4][48];        // master, or: handshake C, S, traffic C, S
static struct tls_secret rows[4];
static struct tls_keys keys;

static void keys_of(const struct tls_suite *suite, bool is_13)
{
	static const uint8_t labels[4] = {TLS_LABEL_CLIENT_HANDSHAKE, TLS_LABEL_SERVER_HANDSHAKE,
					  TLS_LABEL_CLIENT_TRAFFIC, TLS_LABEL_SERVER_TRAFFIC};

	memset(rows, 0, sizeof(rows));
	for (uint32_t i = 0; i < 4; i++) {
		memset(secrets[i], (int)(17 * i + 3), 48);
		for (uint32_t r = 0; r < 32; r++)
			rows[i].random[r] = (uint8_t)(CLIENT_RANDOM_FIRST + r);
		rows[i].label = is_13 ? labels[i] : TLS_LABEL_MASTER;
		rows[i].len = (uint8_t)(is_13 ? tls_hash_len(suite->hash) : 48);
		memcpy(rows[i].bytes, secrets[i], rows[i].len);
	}
	keys = (struct tls_keys){.rows = rows, .n = is_13 ? 4 : 1};
	env.keys = &keys;
}

static void seal_turn(enum dir dir, uint8_t type, const char *text)
{
	talk_turn(dir);
	seal(&now[dir], &talk, type, span_make(text, strlen(text)));
	talk_done();
}

static void data(enum dir dir, const char *text)
{
	seal_turn(dir, TLS_DATA, text);
}

static void notify(enum dir dir)
{
	talk_turn(dir);
	seal(&now[dir], &talk, TLS_ALERT, SPAN_LIT("\1\0"));
	talk_done();
}

static void plain_messages(void)
{
	put_records(&talk, TLS_HANDSHAKE, whole_of(&msgs), 16384);
	msgs.n = 0;
}

static void finished(enum dir dir)
{
	talk_turn(dir);
	put_records(&talk, TLS_CHANGE_CIPHER, SPAN_LIT("\1"), 1);
	seal(&now[dir], &talk, TLS_HANDSHAKE, SPAN_LIT("\x14\0\0\x0c" "0123456789ab"));
	talk_done();
}

static void handshake_12(uint16_t cipher, const char *alpn, bool etm)
{
	const struct tls_suite *suite = tls_suite_find(cipher, false);
	uint8_t client[32], server[32];

	for (uint32_t i = 0; i < 32; i++) {
		client[i] = (uint8_t)(CLIENT_RANDOM_FIRST + i);
		server[i] = (uint8_t)(SERVER_RANDOM_FIRST + i);
	}
	keys_of(suite, false);
	seal_keys_12(now, suite, secrets[0], client, server, etm);
	talk_begin();
	talk_turn(CLIENT);
	msgs.n = 0;
	put_client_hello(&msgs, &(struct client_options){.sni = "a", .alpn = {alpn}});
	plain_messages();
	talk_done();
	talk_turn(SERVER);
	put_server_hello(&msgs, &(struct server_options){
					.version = 0x0303, .cipher = cipher, .alpn = alpn, .etm = etm});
	message_end(&msgs, message_begin(&msgs, TLS_SERVER_HELLO_DONE));
	plain_messages();
	talk_done();
	talk_turn(CLIENT);
	uint32_t at = message_begin(&msgs, 16);

	put(&msgs, client, 32);
	message_end(&msgs, at);
	plain_messages();
	talk_done();
	finished(CLIENT);
	finished(SERVER);
}

static void put_encrypted_extensions(const char *alpn)
{
	uint32_t at = message_begin(&msgs, TLS_ENCRYPTED_EXTENSIONS), all = begin(&msgs, 2);

	if (alpn) {
		uint32_t e = extension(&msgs, 16), list = begin(&msgs, 2);

		put_text(&msgs, alpn, 1);
		end(&msgs, list, 2);
		end(&msgs, e, 2);
	}
	end(&msgs, all, 2);
	message_end(&msgs, at);
}

static void put_finished(void)
{
	uint32_t at = message_begin(&msgs, TLS_FINISHED);

	put(&msgs, rows, 32);
	message_end(&msgs, at);
}

// The messages in records of that size, then the keys of the data.
static void seal_messages(enum dir dir, uint32_t size)
{
	for (uint32_t at = 0; at < msgs.n; at += size)
		seal(&now[dir], &talk, TLS_HANDSHAKE,
		     span_make(msgs.p + at, msgs.n - at < size ? msgs.n - at : size));
	msgs.n = 0;
}

static const struct cert_options certificate = {
	"inner", "ca", NULL, "240101000000Z", "340101000000Z", 2048, 1};

static void hellos_13(uint16_t cipher, const struct client_options *o)
{
	const struct tls_suite *suite = tls_suite_find(cipher, true);

	keys_of(suite, true);
	for (uint32_t dir = 0; dir < 2; dir++) {
		seal_keys_13(&now[dir], suite, secrets[dir]);
		seal_keys_13(&next[dir], suite, secrets[2 + dir]);
	}
	talk_begin();
	talk_turn(CLIENT);
	msgs.n = 0;
	put_client_hello(&msgs, o);
	plain_messages();
	put_records(&talk, TLS_CHANGE_CIPHER, SPAN_LIT("\1"), 1);
	talk_done();
}

static void flights_13(uint16_t cipher, const char *alpn, bool asks, uint32_t size)
{
	talk_turn(SERVER);
	put_server_hello(&msgs, &(struct server_options){.version = 0x0304, .cipher = cipher});
	plain_messages();
	put_records(&talk, TLS_CHANGE_CIPHER, SPAN_LIT("\1"), 1);
	put_encrypted_extensions(alpn);
	if (asks) {
		uint32_t at = message_begin(&msgs, TLS_CERTIFICATE_REQUEST);

		put_number(&msgs, 0, 3);
		message_end(&msgs, at);
	}
	put_certificates(&msgs, &certificate, 1, true);
	put_finished();
	seal_messages(SERVER, size);
	now[SERVER] = next[SERVER];
	talk_done();
	talk_turn(CLIENT);
	if (asks)
		put_certificates(&msgs, &certificate, 1, true);
	put_finished();
	seal_messages(CLIENT, size);
	now[CLIENT] = next[CLIENT];
	talk_done();
}

static void handshake_13(uint16_t cipher, const char *alpn, uint32_t size)
{
	hellos_13(cipher, &(struct client_options){.sni = "a", .alpn = {alpn}});
	flights_13(cipher, alpn, false, size);
}

static void update(enum dir dir)
{
	talk_turn(dir);
	seal(&now[dir], &talk, TLS_HANDSHAKE, SPAN_LIT("\x18\0\0\1\0"));
	uint8_t secret[48];

	memcpy(secret, now[dir].secret, 48);
	tls_secret_update(now[dir].suite, secret);
	seal_keys_13(&now[dir], now[dir].suite, secret);
	talk_done();
}

static void exchanges(void)
{
	data(CLIENT, "GET /1\n");
	data(SERVER, "HTTP 1\n");
	data(CLIENT, "GET /2\n");
	data(SERVER, "HTTP 2,");
	data(SERVER, "more\n");
}

#define INSIDE  "open|C:GET /1\n|S:HTTP 1\n|C:GET /2\n|S:HTTP 2,more\n"
#define TLS_12(c, alpn) "tls C S v=0303 c=" c " sni=a" alpn " asked=0 given=0\n"
#define TLS_13(c, alpn) "tls C S v=0304 c=" c " sni=a" alpn " cert=CN=inner chain=1 asked=0 given=0\n"
#define ALPN    " alpn=http/1.1 offered=http/1.1"

static void test_12(void **)
{
	static const struct {
		uint16_t cipher;
		bool etm;
	} cases[] = {{0x009c, false}, {0xc030, false}, {0xcca8, false}, {0xc09c, false},
		     {0xc0af, false}, {0x002f, false}, {0x002f, true},  {0xc028, false},
		     {0xc028, true},  {0x003d, true}};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[512];

		handshake_12(cases[i].cipher, "http/1.1", cases[i].etm);
		exchanges();
		notify(CLIENT);
		snprintf(want, sizeof(want),
			 "tls C S v=0303 c=%04x sni=a" ALPN " asked=0 given=0\n" INSIDE
			 "|Cfin|close\n",
			 cases[i].cipher);
		talk_all_cuts(want);
	}
}

static void test_13(void **)
{
	static const uint16_t ciphers[] = {0x1301, 0x1302, 0x1303, 0x1304, 0x1305};

	for (uint32_t i = 0; i < 5; i++) {
		char want[512];

		handshake_13(ciphers[i], "http/1.1", i % 2 ? 100 : 16384);
		exchanges();
		notify(SERVER);
		snprintf(want, sizeof(want),
			 "tls C S v=0304 c=%04x sni=a" ALPN
			 " cert=CN=inner chain=1 asked=0 given=0\n" INSIDE "|Sfin|close\n",
			 ciphers[i]);
		talk_all_cuts(want);
	}
}

static void test_probed(void **)
{
	handshake_12(0xc02f, NULL, false);
	data(CLIENT, "G");
	data(CLIENT, "ET /1\n");
	data(SERVER, "HTTP 1\n");
	talk_all_cuts(TLS_12("c02f", "") "open|C:GET /1\n|S:HTTP 1\n|close\n");
	// The server speaks first.
	handshake_13(0x1301, NULL, 16384);
	data(SERVER, "HTTP 0\n");
	data(CLIENT, "GET /1\n");
	talk_all_cuts(TLS_13("1301", "") "open|S:HTTP 0\n|C:GET /1\n|close\n");
	// Nothing that anybody knows: given up after a while.
	handshake_13(0x1301, NULL, 16384);
	for (uint32_t i = 0; i < 10; i++) {
		static char text[1001];

		memset(text, 'x', 1000);
		data(CLIENT, text);
	}
	talk_all_cuts(TLS_13("1301", ""));
	assert_false(alive);
}

static void test_refused(void **)
{
	handshake_12(0xc02f, "http/1.1", false);
	data(CLIENT, "GET !\n");
	data(CLIENT, "GET 2\n");
	talk_all_cuts(TLS_12("c02f", ALPN) "open|C:GET !\n|close\n");
	assert_false(alive);
}

static void test_update(void **)
{
	handshake_13(0x1302, "http/1.1", 16384);
	data(CLIENT, "GET /1\n");
	update(CLIENT);
	data(SERVER, "HTTP 1\n");
	update(SERVER);
	data(CLIENT, "GET /2\n");
	update(CLIENT);
	data(SERVER, "HTTP 2,more\n");
	data(CLIENT, "GET /3\n");
	talk_all_cuts(TLS_13("1302", ALPN) INSIDE "|C:GET /3\n|close\n");
}

// What was agreed on is taken back: what is inside shows what it is.
static void test_extensions_again(void **)
{
	handshake_13(0x1301, "http/1.1", 16384);
	talk_turn(SERVER);
	seal(&now[SERVER], &talk, TLS_HANDSHAKE, SPAN_LIT("\x08\0\0\2\0\0"));
	talk_done();
	exchanges();
	talk_all_cuts(TLS_13("1301", ALPN) INSIDE "|close\n");
}

static void test_client_certificate(void **)
{
	hellos_13(0x1301, &(struct client_options){.sni = "a"});
	flights_13(0x1301, NULL, true, 300);
	talk_all_cuts("tls C S v=0304 c=1301 sni=a cert=CN=inner chain=1 asked=1 given=2\n");
}

// Early data are not read; what follows is, like a connection joined in its middle.
static void test_early(void **)
{
	struct sealer early;
	uint8_t secret[48] = {99};
	struct flow_stats before = env.stats;

	hellos_13(0x1301, &(struct client_options){.sni = "a", .early_data = true});
	seal_keys_13(&early, tls_suite_find(0x1301, true), secret);
	talk_turn(CLIENT);
	seal(&early, &talk, TLS_DATA, SPAN_LIT("GET /early\n"));
	talk_done();
	flights_13(0x1301, NULL, false, 16384);
	exchanges();
	talk_all_cuts(TLS_13("1301", "")
		      "open~|C:GET /1\n|S:HTTP 1\n|C:GET /2\n|S:HTTP 2,more\n|close\n");
	assert_true(early_data);
	assert_true(env.stats.tls_early_unread > before.tls_early_unread);
	assert_int_equal(env.stats.tls_early_unread - before.tls_early_unread,
			 env.stats.tls_decrypted - before.tls_decrypted);
}

static void test_retry(void **)
{
	hellos_13(0x1301, &(struct client_options){.sni = "a"});
	talk_turn(SERVER);
	put_server_hello(&msgs, &(struct server_options){
					.version = 0x0304, .cipher = 0x1301, .retry = true});
	plain_messages();
	put_records(&talk, TLS_CHANGE_CIPHER, SPAN_LIT("\1"), 1);
	talk_done();
	talk_turn(CLIENT);
	put_client_hello(&msgs, &(struct client_options){.sni = "a"});
	plain_messages();
	talk_done();
	flights_13(0x1301, NULL, false, 16384);
	exchanges();
	talk_all_cuts(TLS_13("1301", "") INSIDE "|close\n");
}

static void test_wrong_keys(void **)
{
	handshake_13(0x1301, "http/1.1", 16384);
	exchanges();
	for (uint32_t i = 0; i < 4; i++)
		rows[i].bytes[5] ^= 1;
	talk_all_cuts(NULL);
	assert_null(strstr(got, "GET"));
	assert_null(strstr(got, "HTTP"));
	env.keys = NULL;
	talk_all_cuts("tls C S v=0304 c=1301 sni=a offered=http/1.1\n");
	assert_false(alive);
	keys.n = 2; // not all of them
	env.keys = &keys;
	talk_all_cuts("tls C S v=0304 c=1301 sni=a offered=http/1.1\n");
	handshake_12(0xc02f, "http/1.1", false);
	exchanges();
	rows[0].bytes[47] ^= 1;
	talk_all_cuts(NULL);
	assert_null(strstr(got, "GET"));
	rows[0].random[0] ^= 1;
	talk_all_cuts(TLS_12("c02f", ALPN));
	assert_false(alive);
}

// A second handshake inside the first.
static void test_renegotiation(void **)
{
	struct flow_stats before = env.stats;

	handshake_12(0xc02f, "http/1.1", false);
	data(CLIENT, "GET /1\n");
	talk_turn(CLIENT);
	seal(&now[CLIENT], &talk, TLS_HANDSHAKE, SPAN_LIT("\1\0\0\4abcd"));
	seal(&now[CLIENT], &talk, TLS_CHANGE_CIPHER, SPAN_LIT("\1"));
	talk_done();
	data(CLIENT, "GET /2\n");
	talk_all_cuts(TLS_12("c02f", ALPN) "open|C:GET /1\n|close\n");
	assert_false(alive);
	assert_false(early_data);
	assert_int_equal(env.stats.tls_rekeyed - before.tls_rekeyed,
			 env.stats.tls_decrypted - before.tls_decrypted);
}

// ---- loss

// Plays the talk without the bytes [at, at + len) of it, which may lie in several turns: of each
// side they are one hole.
static void play_without(uint32_t at, uint32_t len)
{
	uint32_t missing[2] = {0};

	conn_open();
	for (uint32_t t = 0; t < n_turns; t++) {
		enum dir dir = turns[t].dir;
		uint32_t from = turns[t].at, stop = from + turns[t].len;
		uint32_t a = at < from ? from : at > stop ? stop : at;
		uint32_t b = at + len < a ? a : at + len > stop ? stop : at + len;

		give(dir, span_make(talk.p + from, a - from));
		missing[dir] += b - a;
		if (b == stop)
			continue;
		lose(dir, missing[dir]);
		missing[dir] = 0;
		give(dir, span_make(talk.p + b, stop - b));
	}
	lose(CLIENT, missing[CLIENT]);
	lose(SERVER, missing[SERVER]);
	conn_close(CLOSE_FIN);
}

static void test_gap_in_record(void **)
{
	handshake_12(0xc02f, "http/1.1", false);
	exchanges();
	// TLS 1.2 shows how long the plaintext was.
	play_without(turns[7].at + 20, 3);
	assert_string_equal(got, TLS_12("c02f", ALPN)
			    "open|C:GET /1\n|S:HTTP 1\n|Cgap7|S:HTTP 2,more\n|close\n");
	// TLS 1.3 does not.
	handshake_13(0x1301, "http/1.1", 16384);
	exchanges();
	play_without(turns[5].at + 20, 3);
	assert_string_equal(got, TLS_13("1301", ALPN)
			    "open|C:GET /1\n|S:HTTP 1\n|close\nopen~|S:HTTP 2,more\n|close\n");
}

static void test_gap_of_records(void **)
{
	for (uint32_t kind = 0; kind < 2; kind++) {
		if (kind)
			handshake_13(0x1301, "http/1.1", 16384);
		else
			handshake_12(0xc02f, "http/1.1", false);
		uint32_t first = n_turns;
		char text[16];

		for (uint32_t i = 0; i < 30; i++) {
			snprintf(text, sizeof(text), "GET /%u\n", i);
			data(CLIENT, text);
		}
		// From the middle of the third record to the middle of the twentieth.
		play_without(turns[first + 2].at + 9, turns[first + 19].at - turns[first + 2].at);
		assert_non_null(strstr(got, "|C:GET /0\nGET /1\n|close\nopen~"));
		assert_non_null(strstr(got, "|C:GET /20\nGET /21\n"));
		assert_non_null(strstr(got, "GET /29\n|close\n"));
		assert_null(strstr(got, "GET /19\n"));
	}
}

// Every hole: what is inside was sent, in that order.
static void check_inside(uint32_t n)
{
	const char *p = got;
	uint32_t next_number = 0, seen = 0;

	while ((p = strstr(p, "GET /"))) {
		unsigned int number;
		int used;

		assert_int_equal(sscanf(p, "GET /%u\n%n", &number, &used), 1);
		assert_true(number >= next_number && number < n);
		next_number = number + 1;
		seen++;
		p += used;
	}
	assert_true(seen <= n);
}

static void test_every_gap(void **)
{
	uint64_t found = 0, most = 0;

	for (uint32_t kind = 0; kind < 3; kind++) {
		if (kind == 0)
			handshake_13(0x1303, "http/1.1", 100);
		else
			handshake_12(kind == 1 ? 0xc02f : 0xc027, "http/1.1", false);
		uint32_t n = 12;
		char text[16];

		for (uint32_t i = 0; i < n; i++) {
			snprintf(text, sizeof(text), "GET /%u\n", i);
			data(CLIENT, text);
		}
		for (uint32_t at = 0; at < talk.n; at++) {
			for (uint32_t len = 1; len < 400; len = len * 4 + 1) {
				play_without(at, len);
				check_inside(n);
				found += strstr(got, "GET /11\n") != NULL;
				most++;
			}
		}
	}
	assert_true(found * 4 > most); // most holes leave the last record alone
}

static void test_every_change(void **)
{
	for (uint32_t kind = 0; kind < 2; kind++) {
		if (kind)
			handshake_13(0x1301, "http/1.1", 16384);
		else
			handshake_12(0xc027, "http/1.1", true);
		for (uint32_t i = 0; i < 6; i++) {
			char text[16];

			snprintf(text, sizeof(text), "GET /%u\n", i);
			data(CLIENT, text);
		}
		for (uint32_t i = 0; i < talk.n * 8; i++) {
			talk.p[i / 8] ^= (uint8_t)(1 << i % 8);
			conn_open();
			for (uint32_t t = 0; t < n_turns; t++)
				give(turns[t].dir, span_make(talk.p + turns[t].at, turns[t].len));
			conn_close(CLOSE_FIN);
			check_inside(6);
			talk.p[i / 8] ^= (uint8_t)(1 << i % 8);
		}
	}
}

// Records that never open cost a bounded number of tries.
static void test_bounded(void **)
{
	handshake_13(0x1301, "http/1.1", 16384);
	uint32_t first = n_turns;

	talk_turn(CLIENT);
	for (uint32_t i = 0; i < 200; i++)
		put_records(&talk, TLS_DATA, SPAN_LIT("0123456789abcdef0123456789abcdef"), 100);
	talk_done();
	play_without(turns[first].at + 1, 3000);
	assert_false(alive);
	assert_null(strstr(got, "GET"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_12),
		cmocka_unit_test(test_13),
		cmocka_unit_test(test_probed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_extensions_again),
		cmocka_unit_test(test_client_certificate),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_wrong_keys),
		cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_gap_in_record),
		cmocka_unit_test(test_gap_of_records),
		cmocka_unit_test(test_every_gap),
		cmocka_unit_test(test_every_change),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
