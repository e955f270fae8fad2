// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Client addresses: identities of addresses and networks, counts, what is forgotten first, and
// places by files of countries and autonomous systems.

#include "tests/unit/detect_fixture.h"

#include "detect/sources.c"
#include "tests/unit/geo_fixture.h"

static struct sources sources;
static struct conf *conf;

static void begin(const char *lines)
{
	char why[256] = "";

	conf = fixture_conf(lines);
	assert_non_null(conf);
	assert_int_equal(sources_init(&sources, conf, 7, why, sizeof(why)), 0);
}

static void end(void)
{
	sources_fini(&sources);
	conf_free(conf);
}

static const uint8_t *v4(uint32_t addr)
{
	static uint8_t out[4][16];
	static uint32_t turn;
	uint8_t *p = out[turn++ % 4];

	memset(p, 0, 16);
	p[10] = p[11] = 0xff;
	for (uint32_t i = 0; i < 4; i++)
		p[12 + i] = (uint8_t)(addr >> (24 - 8 * i));
	return p;
}

static void call(const uint8_t addr[16], uint64_t time_ns, uint16_t status)
{
	struct call one = {.time_ns = time_ns, .status = status};

	memcpy(one.client, addr, 16);
	sources_call(&sources, &one);
}

static void test_counts(void **unused)
{
	const struct source *s;

	assert_non_null(unused);
	begin("");
	assert_null(sources_address(&sources, v4(0x0a000001)));
	call(v4(0x0a000001), 50, 200);
	call(v4(0x0a000001), 40, 404);
	call(v4(0x0a000002), 60, 500);
	call(v4(0x0a000102), 70, 201);
	s = sources_address(&sources, v4(0x0a000001));
	assert_int_equal(s->calls, 2);
	assert_int_equal(s->ok, 1);
	assert_int_equal(s->refused, 1);
	assert_int_equal(s->first_ns, 40);
	assert_int_equal(s->last_ns, 50);
	assert_memory_equal(s->addr, v4(0x0a000001), 16);
	s = sources_prefix(&sources, v4(0x0a0000ff));
	assert_int_equal(s->calls, 3);
	assert_int_equal(s->last_ns, 60);
	assert_memory_equal(s->addr, v4(0x0a000000), 16);
	// Nobody's address is none, and a message of a socket is no exchange.
	call((uint8_t[16]){0}, 80, 200);
	assert_int_equal(sources.addresses.n, 3);
	sources_call(&sources, &(struct call){.time_ns = 90, .status = 101, .flags = CALL_MESSAGE,
					      .client = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}});
	s = sources_address(&sources, v4(0x0a000001));
	assert_int_equal(s->calls, 2);
	assert_int_equal(s->last_ns, 90);
	sources_clear(&sources);
	assert_null(sources_address(&sources, v4(0x0a000001)));
	end();
}

static void test_places(void **unused)
{
	struct location a, b;
	uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4, 5}, other[16];
	char text[64];

	assert_non_null(unused);
	begin("detect: { sources: { prefix_v4 = 20; prefix_v6 = 60; }; };");
	sources_locate(&sources, v4(0xc0a80f01), &a);
	sources_locate(&sources, v4(0xc0a80001), &b);
	assert_true(a.address != b.address && a.prefix == b.prefix && a.wide == b.wide);
	assert_false(location_far(&a, &b));
	sources_locate(&sources, v4(0xc0a81001), &b);
	assert_true(a.prefix != b.prefix && a.wide == b.wide);
	sources_locate(&sources, v4(0xc0a90f01), &b);
	assert_true(a.wide != b.wide);
	assert_true(location_far(&a, &b));
	sources_locate(&sources, six, &a);
	memcpy(other, six, 16);
	other[7] ^= 0x0f; // the last bits of 64
	sources_locate(&sources, other, &b);
	assert_int_equal(a.bits, 60);
	assert_true(a.prefix == b.prefix && a.address != b.address);
	other[7] ^= 0x10;
	sources_locate(&sources, other, &b);
	assert_true(a.prefix != b.prefix && a.wide == b.wide);
	other[3] ^= 1;
	sources_locate(&sources, other, &b);
	assert_true(a.wide != b.wide);
	assert_string_equal(source_text(v4(0xc0a80f01), 20, text), "192.168.0.0/20");
	assert_string_equal(source_text(v4(0xc0a80f01), 0, text), "192.168.15.1");
	assert_string_equal(source_text(six, 32, text), "2001:db8::/32");
	end();
}

// A prefix full of addresses pushes out only addresses.
static void test_bounded(void **unused)
{
	uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8};

	assert_non_null(unused);
	begin("detect: { sources: { max_addresses = 64; max_prefixes = 64; }; };");
	call(v4(0x0a000001), 1, 200);
	for (uint32_t i = 0; i < 100000; i++) {
		memcpy(six + 12, &i, 4);
		call(six, 2 + i, 401);
	}
	assert_int_equal(sources.addresses.n, 64);
	assert_int_equal(sources.prefixes.n, 2);
	assert_null(sources_address(&sources, v4(0x0a000001)));
	assert_int_equal(sources_prefix(&sources, v4(0x0a000001))->ok, 1);
	assert_int_equal(sources_prefix(&sources, six)->refused, 100000);
	end();
}

static void test_files(void **unused)
{
	char path[2][64], lines[256], why[256];

	assert_non_null(unused);
	snprintf(path[0], 64, "/tmp/apitap-geo-%d-a.mmdb", (int)getpid());
	snprintf(path[1], 64, "/tmp/apitap-geo-%d-b.mmdb", (int)getpid());
	snprintf(lines, sizeof(lines), "detect: { sources: { geo_files = [ \"%s\", \"%s\" ]; }; };",
		 path[0], path[1]);
	// A file that is not there, and one that is none.
	conf = fixture_conf(lines);
	assert_int_equal(sources_init(&sources, conf, 7, why, sizeof(why)), -1);
	assert_non_null(strstr(why, path[0]));
	assert_false(sources_check(conf, why, sizeof(why)));
#ifdef APITAP_GEO
	static struct geo_file g;
	struct location a, b, c;

	conf_free(conf);
	geo_begin(&g);
	geo_add(&g, 0x01000000, 8, "JP", 0);
	geo_add(&g, 0x02000000, 16, "DE", 0);
	geo_write(&g, path[0]);
	FILE *bad = fopen(path[1], "w");
	fputs("nothing of the kind", bad);
	fclose(bad);
	conf = fixture_conf(lines);
	assert_false(sources_check(conf, why, sizeof(why)));
	if (!strstr(why, path[1]))
		fail_msg("%s", why);
	geo_begin(&g);
	geo_add(&g, 0x01000000, 9, NULL, 64501);
	geo_add(&g, 0x01800000, 9, NULL, 64502);
	geo_write(&g, path[1]);
	assert_true(sources_check(conf, why, sizeof(why)));
	assert_int_equal(sources_init(&sources, conf, 7, why, sizeof(why)), 0);
	sources_locate(&sources, v4(0x01020304), &a);
	assert_string_equal(a.country, "JP");
	assert_int_equal(a.asn, 64501);
	sources_locate(&sources, v4(0x01f20304), &b);
	assert_string_equal(b.country, "JP");
	assert_int_equal(b.asn, 64502);
	assert_true(location_far(&a, &b)); // two operators
	sources_locate(&sources, v4(0x01660304), &b);
	assert_true(a.wide != b.wide);
	assert_false(location_far(&a, &b)); // one operator
	sources_locate(&sources, v4(0x02000304), &c);
	assert_string_equal(c.country, "DE");
	assert_int_equal(c.asn, 0);
	assert_true(location_far(&a, &c));
	assert_int_equal(c.point.radius_km, 0);
	sources_locate(&sources, v4(0x03000304), &c);
	assert_string_equal(c.country, "");
	sources_locate(&sources, (uint8_t[16]){0x20, 1}, &c); // not in files of IPv4
	assert_string_equal(c.country, "");
	sources_fini(&sources);
	// Coordinates: with a radius, without, flat, and what is none.
	geo_begin(&g);
	geo_place(&g, 0x01000000, 8, "JP", 64501, &(struct geo_where){35.68, 139.69, 20, false});
	geo_place(&g, 0x02000000, 8, NULL, 0, &(struct geo_where){-33.87, 151.21, 0, false});
	geo_place(&g, 0x03000000, 8, "US", 0, &(struct geo_where){40.71, -74.01, 0, true});
	geo_place(&g, 0x04000000, 8, "DE", 0, &(struct geo_where){(double)NAN, 8.68, 5, false});
	geo_place(&g, 0x05000000, 8, "DE", 0, &(struct geo_where){50.11, 1e300, 5, false});
	geo_write(&g, path[0]);
	assert_int_equal(sources_init(&sources, conf, 7, why, sizeof(why)), 0);
	sources_locate(&sources, v4(0x01020304), &a);
	assert_int_equal(a.point.lat, 3568);
	assert_int_equal(a.point.lon, 13969);
	assert_int_equal(a.point.radius_km, 20);
	assert_string_equal(a.country, "JP");
	sources_locate(&sources, v4(0x02020304), &b);
	assert_int_equal(b.point.lat, -3387);
	assert_int_equal(b.point.radius_km, 100);
	// Tokyo to Sydney: 7,820 km.
	assert_in_range((uint64_t)geo_apart_km(&a.point, &b.point), 7670, 7730);
	sources_locate(&sources, v4(0x03020304), &c);
	assert_int_equal(c.point.lon, -7401);
	// Sydney to New York, 15,990 km, over the line where the longitude changes its sign.
	assert_in_range((uint64_t)geo_apart_km(&b.point, &c.point), 15730, 15850);
	sources_locate(&sources, v4(0x01f20304), &b);
	assert_true(geo_apart_km(&a.point, &b.point) == 0);
	for (uint32_t i = 4; i < 7; i++) {
		sources_locate(&sources, v4(i << 24 | 1), &c);
		assert_int_equal(c.point.radius_km, 0);
		assert_true(geo_apart_km(&a.point, &c.point) == 0);
	}
	sources_fini(&sources);
#endif
	conf_free(conf);
	unlink(path[0]);
	unlink(path[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
