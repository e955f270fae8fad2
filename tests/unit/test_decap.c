// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The registry: who announces what, ports by configuration; the numbers of virtual networks.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/decap.c"
#include "dataplane/decap_ayiya.c"
#include "dataplane/decap_geneve.c"
#include "dataplane/decap_gre.c"
#include "dataplane/decap_vlan.c"
#include "dataplane/decap_vxlan.c"

#include <unistd.h>

static struct conf *conf_of(const char *lines)
{
	char path[] = "/tmp/test_decap.XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w"), *err = fopen("/dev/null", "w");

	assert_true(file && err);
	fputs(lines, file);
	fclose(file);
	struct conf *conf = conf_load(path, err);
	fclose(err);
	unlink(path);
	return conf;
}

static const char *by_udp(uint16_t src_port, uint16_t dst_port)
{
	const struct decap *decap = decap_by_udp(src_port, dst_port);

	return decap ? decap->name : "-";
}

static void test_lookup(void **)
{
	assert_string_equal(decap_by_ethertype(0x8100)->name, "vlan");
	assert_string_equal(decap_by_ethertype(0x9200)->name, "vlan");
	assert_null(decap_by_ethertype(0x0800));
	assert_null(decap_by_ethertype(0));
	assert_string_equal(decap_by_ip_protocol(47)->name, "gre");
	assert_null(decap_by_ip_protocol(6));
	assert_null(decap_by_ip_protocol(0));
	assert_string_equal(by_udp(1, 4789), "vxlan");
	assert_string_equal(by_udp(4789, 1), "-");
	assert_string_equal(by_udp(1, 5072), "ayiya");
	assert_string_equal(by_udp(5072, 1), "ayiya");
	assert_string_equal(by_udp(5072, 6081), "geneve");
	assert_string_equal(by_udp(0, 0), "-");
}

static void test_configured(void **)
{
	struct conf *conf = conf_of("tunnels = ( { type = \"vxlan\"; port = 5000; },"
					 "{ type = \"none\"; port = 8472; },"
					 "{ type = \"gre\"; port = 4789; },"
					 "{ type = \"ayiya\"; port = 6000; } );\n");

	assert_non_null(conf);
	decap_configure(conf);
	assert_string_equal(by_udp(1, 5000), "vxlan");
	assert_string_equal(by_udp(1, 8472), "-");
	assert_string_equal(by_udp(5072, 8472), "-"); // not by its source either
	assert_string_equal(by_udp(1, 4789), "gre");
	assert_string_equal(by_udp(6000, 1), "ayiya");
	assert_string_equal(by_udp(1, 6081), "geneve");
	conf_free(conf);
	conf = conf_of("");
	decap_configure(conf);
	assert_string_equal(by_udp(1, 5000), "-");
	assert_string_equal(by_udp(1, 8472), "vxlan");
	assert_string_equal(by_udp(1, 4789), "vxlan");
	conf_free(conf);
	assert_null(conf_of("tunnels = ( { type = \"vxlam\"; port = 5000; } );\n"));
	assert_null(conf_of("tunnels = ( { type = \"vlan\"; port = 5000; } );\n"));
	assert_null(conf_of("tunnels = ( { type = \"vxlan\"; port = 0; } );\n"));
}

// All 2^24 networks of a kind stay apart (but for one pair: none may be 0), at any depth.
static void test_space(void **)
{
	uint8_t *seen = calloc(1 << 21, 1);

	assert_non_null(seen);
	for (uint32_t round = 0; round < 4; round++) {
		uint32_t twice = 0;

		memset(seen, 0, 1 << 21);
		for (uint32_t id = 0; id < 1 << 24; id++) {
			struct walk walk = {.space = round / 2 * 12345};

			walk_space(&walk, round & 1 ? SPACE_GENEVE : SPACE_VXLAN, id);
			assert_true(walk.space > 0 && walk.space < 1 << 24);
			twice += seen[walk.space >> 3] >> (walk.space & 7) & 1;
			seen[walk.space >> 3] |= (uint8_t)(1 << (walk.space & 7));
		}
		assert_true(twice <= 1);
	}
	free(seen);
	// Small numbers, which are the common ones, of all kinds together.
	static uint32_t all[SPACE_ENDPOINT * 4096];
	uint32_t n = 0, same = 0;
	for (uint32_t kind = SPACE_VXLAN; kind <= SPACE_ENDPOINT; kind++) {
		for (uint32_t id = 0; id < 4096; id++) {
			struct walk walk = {0};

			walk_space(&walk, kind, id);
			all[n++] = walk.space;
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t k = i / 4096 * 4096; k-- > 0;)
			same += all[i] == all[k];
	}
	// 10 pairs of kinds, 2^24 pairs of numbers each, 2^24 values.
	assert_true(same <= 40);
}

static void test_likely(void **)
{
	uint8_t frame[40] = {[12] = 0x08};

	frame[14] = 0x45;
	assert_true(walk_ethernet_likely(frame, 40));
	assert_true(walk_ethernet_likely(frame, 15));
	assert_false(walk_ethernet_likely(frame, 14));
	assert_false(walk_ethernet_likely(frame, 0));
	frame[14] = 0x60;
	assert_false(walk_ethernet_likely(frame, 40));
	frame[12] = 0x86;
	frame[13] = 0xdd;
	assert_true(walk_ethernet_likely(frame, 40));
	frame[12] = 0x81;
	frame[13] = 0;
	assert_true(walk_ethernet_likely(frame, 40));
	frame[12] = 0;
	assert_false(walk_ethernet_likely(frame, 40));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_configured),
		cmocka_unit_test(test_space),
		cmocka_unit_test(test_likely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
