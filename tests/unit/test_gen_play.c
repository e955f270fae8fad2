// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The parts that played scenarios stand on: notations of time and networks, distributions, packets
// whose checksums are verified by another rule, ids and owners of objects.

#include "tools/gen/gen_buffer.c"
#include "tools/gen/gen_digest.c"
#include "tools/gen/gen_play_text.c"
#include "tools/gen/gen_play_wire.c"
#include "tools/gen/gen_play_world.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { DRAWS = 20000, USERS = 30, EACH = 4 };

static void test_times(void **)
{
	static const struct {
		const char *text;
		double seconds; // negative: not a time
	} cases[] = {
		{"5", 5},       {"5s", 5},      {"40ms", 0.04}, {"3us", 3e-6}, {"2m", 120},
		{"1.5h", 5400}, {"2d", 172800}, {"", -1},       {"s", -1},     {"-5s", -1},
		{"5 s", -1},    {"5x", -1},     {"nan", -1},    {"1e400", -1},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double seconds = -1;
		bool good = play_seconds(cases[i].text, strlen(cases[i].text), &seconds);

		assert_int_equal(good, cases[i].seconds >= 0);
		if (good)
			assert_true(fabs(seconds - cases[i].seconds) < 1e-9);
	}
}

static void test_distributions(void **)
{
	static const struct {
		const char *text;
		double least, most, mean;
	} cases[] = {
		{"3s", 3, 3, 3},
		{"uniform 1s 5s", 1, 5, 3},
		{"exp 20s", 0, 1e3, 20},
		// The mean of a lognormal: the median times exp(sigma^2 / 2).
		{"lognormal 40ms 0.5", 0, 10, 0.04 * 1.1331},
	};
	static const char *const wrong[] = {
		"",           "soon",      "exp",          "uniform 5s 1s",
		"uniform 1s", "exp 1s 2s", "normal 1s 2s", "lognormal 1s"};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gen_random random = {i};
		struct play_dist dist;
		double sum = 0;

		assert_true(play_dist(cases[i].text, &dist));
		for (uint32_t n = 0; n < DRAWS; n++) {
			double seconds = play_dist_draw(&dist, &random);

			assert_true(seconds >= cases[i].least && seconds <= cases[i].most);
			sum += seconds;
		}
		assert_true(fabs(sum / DRAWS / cases[i].mean - 1) < 0.05);
	}
	for (uint32_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct play_dist dist;

		assert_false(play_dist(wrong[i], &dist));
	}
}

static void test_networks(void **)
{
	struct play_network network;

	assert_true(play_network("10.1.2.3/24", &network));
	assert_int_equal(network.base, 0x0a010201);
	assert_int_equal(network.hosts, 254);
	assert_true(play_network("192.0.2.9", &network));
	assert_int_equal(network.base, 0xc0000209);
	assert_int_equal(network.hosts, 1);
	assert_false(play_network("10.1.2/24", &network));
	assert_false(play_network("10.1.2.3/7", &network));
	assert_false(play_network("10.1.2.3/33", &network));
	assert_false(play_network("10.1.2.3/", &network));
}

// RFC 1071 the slow way: 16-bit big-endian words, carries folded; right packets give 0xffff.
static uint32_t plain_sum(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void check_packet(const uint8_t *packet, uint32_t len)
{
	const uint8_t *ip = packet + 14, *tcp = ip + 20;
	uint32_t tcp_len = len - 34, sum;

	assert_int_equal(plain_sum(0, ip, 20), 0xffff);
	assert_int_equal(ip[2] << 8 | ip[3], 20 + tcp_len);
	sum = plain_sum(6 + tcp_len, ip + 12, 8);
	assert_int_equal(plain_sum(sum, tcp, tcp_len), 0xffff);
}

static void test_wire(void **)
{
	char path[] = "/tmp/apitap-gen-play-XXXXXX", data[4000];
	struct play_conn conn = {
		.address = {0x0a000001, 0xfffefdfc}, .next = {0xfffffff0, 77}, .port = {40000, 80}};
	struct play_wire wire = {0};
	uint64_t in_file = 0, bytes = 0;
	int fd = mkstemp(path);
	uint8_t *file;
	ssize_t n;

	assert_true(fd >= 0);
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	play_wire_open(&wire, path);
	play_wire_segment(&wire, &conn, 0, 5000000000, NULL, 0, PLAY_SYN);
	play_wire_segment(&wire, &conn, 1, 5000000001, NULL, 0, PLAY_SYN | PLAY_ACK);
	for (uint32_t len = 1; len <= sizeof(data); len += 37, bytes += len)
		play_wire_send(&wire, &conn, len & 1, 5000000002 + len, data, len);
	wire.no_side[1] = true;
	play_wire_send(&wire, &conn, 1, 6000000000, data, 100);
	assert_int_equal(wire.lost, 1);
	play_wire_close(&wire);
	file = malloc(1 << 20);
	assert_non_null(file);
	n = read(fd, file, 1 << 20);
	assert_true(n > 24 && n < 1 << 20);
	for (ssize_t at = 24; at < n;) {
		uint32_t head[4];

		memcpy(head, file + at, sizeof(head));
		assert_int_equal(head[2], head[3]);
		check_packet(file + at + 16, head[2]);
		at += 16 + head[2];
		in_file++;
	}
	assert_int_equal(in_file, wire.packets);
	free(file);
	close(fd);
	unlink(path);
}

struct fixture {
	struct play_scenario scenario;
	struct play_group group;
	struct play_kind kind[5];
	struct play_world world;
	struct play_actor actor;
	uint32_t created[USERS * 5];
};

static void fixture_init(struct fixture *f)
{
	*f = (struct fixture){
		.group = {.name = "u", .count = USERS, .created = f->created},
		.scenario = {.seed = 3,
			     .group = &f->group,
			     .n_groups = 1,
			     .kind = f->kind,
			     .n_kinds = 5},
		.world.scenario = &f->scenario,
		.actor = {.group = &f->group, .user = 7, .random = {9}},
	};
	for (uint32_t i = 0; i < 5; i++)
		f->kind[i] = (struct play_kind){.prefix = i == 4 ? "ord_" : "",
						.ids = i % 4,
						.first = 1000,
						.each = EACH,
						.team = 1,
						.owners = USERS};
	f->kind[3].group = PLAY_NONE;
	f->kind[3].count = 9;
}

static void test_owners(void **)
{
	static struct fixture f;
	uint64_t index;

	fixture_init(&f);
	for (uint32_t i = 0; i < DRAWS; i++) {
		index = play_world_pick(&f.world, &f.actor, 0, PLAY_PICK_OWN, &f.actor.random);
		assert_true(index % USERS == 7 && index < USERS * EACH);
		index = play_world_pick(&f.world, &f.actor, 0, PLAY_PICK_FOREIGN, &f.actor.random);
		assert_true(index % USERS != 7 && index < USERS * EACH);
		index = play_world_pick(&f.world, &f.actor, 0, PLAY_PICK_MISSING, &f.actor.random);
		assert_true(index > USERS * EACH);
		index = play_world_pick(&f.world, &f.actor, 3, PLAY_PICK_OWN, &f.actor.random);
		assert_true(index < 9);
	}
	index = play_world_pick(&f.world, &f.actor, 0, PLAY_PICK_SEQUENCE, &f.actor.random);
	assert_int_equal(
		play_world_pick(&f.world, &f.actor, 0, PLAY_PICK_SEQUENCE, &f.actor.random),
		index + 1);
	// A new object is the user's own, and the one that the exchange is about.
	play_world_create(&f.world, &f.actor, 0);
	assert_int_equal(play_world_owned(&f.world, &f.actor, 0), EACH + 1);
	index = play_world_object(&f.world, &f.actor, 0, PLAY_PICK_RANDOM);
	assert_int_equal(index, USERS * EACH + 7);
	assert_int_equal(play_world_pick(&f.world, &f.actor, 0, PLAY_PICK_LISTED, &f.actor.random),
			 index);
	// What was not listed cannot be picked as listed: an own one is.
	assert_int_equal(play_world_pick(&f.world, &f.actor, 1, PLAY_PICK_LISTED, &f.actor.random) %
				 USERS,
			 7);
}

static void test_ids(void **)
{
	static struct fixture f;
	char text[PLAY_NAME_BYTES], other[PLAY_NAME_BYTES];

	fixture_init(&f);
	text[play_world_id(&f.world, 0, 12, text)] = '\0';
	assert_string_equal(text, "1012");
	text[play_world_id(&f.world, 4, 12, text)] = '\0';
	assert_string_equal(text, "ord_1012");
	assert_int_equal(play_world_id(&f.world, 1, 12, text), 10);
	assert_int_equal(play_world_id(&f.world, 2, 12, text), 36);
	assert_int_equal(play_world_id(&f.world, 3, 12, text), 24);
	// The same object has the same id, another one another.
	for (uint32_t kind = 1; kind < 4; kind++) {
		for (uint32_t i = 0; i < 300; i++) {
			uint32_t n = play_world_id(&f.world, kind, 500, text);

			assert_int_equal(play_world_id(&f.world, kind, 500 + i, other), n);
			assert_int_equal(!memcmp(text, other, n), i == 0);
		}
	}
}

static void test_tokens(void **)
{
	static struct fixture f;
	static const struct play_credential credential = {
		.kind = PLAY_CREDENTIAL_JWT, .alg = "none", .role = "r", .lifetime_s = 100};
	static const struct play_credential basic = {.kind = PLAY_CREDENTIAL_BASIC};
	struct gen_buffer out = {0};
	struct play_step step = {0};

	fixture_init(&f);
	f.actor.credential = &credential;
	f.actor.logged_in = true;
	play_world_credential(&f.world, &f.actor, &step, 5000000000, &out);
	gen_buffer_add(&out, "", 1);
	// {"alg":"none","typ":"JWT"} and {"sub":"u-7","role":"r","iat":5,"exp":105}
	assert_string_equal(out.p, "Authorization: Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0."
				   "eyJzdWIiOiJ1LTciLCJyb2xlIjoiciIsImlhdCI6NSwiZXhwIjoxMDV9.\r\n");
	gen_buffer_reset(&out);
	step.bare = true;
	play_world_credential(&f.world, &f.actor, &step, 5000000000, &out);
	assert_int_equal(out.len, 0);
	step.bare = false;
	free(f.actor.token);
	f.actor.token = NULL;
	f.actor.credential = &basic;
	play_world_credential(&f.world, &f.actor, &step, 5000000000, &out);
	assert_true(out.len > 30 && !memcmp(out.p, "Authorization: Basic dS03O", 26)); // "u-7:"
	free(f.actor.token);
	gen_buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),    cmocka_unit_test(test_distributions),
		cmocka_unit_test(test_networks), cmocka_unit_test(test_wire),
		cmocka_unit_test(test_owners),   cmocka_unit_test(test_ids),
		cmocka_unit_test(test_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
