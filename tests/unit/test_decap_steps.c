// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Each encapsulation in its forms around the same segment: it is found whole, under the right
// virtual network; cut or damaged at any byte nothing behind the frame is read.

#include "dataplane/decap_ayiya.c"
#include "dataplane/decap_erspan.c"
#include "dataplane/decap_geneve.c"
#include "dataplane/decap_gre.c"
#include "dataplane/decap_gtpu.c"
#include "dataplane/decap_ip.c"
#include "dataplane/decap_mpls.c"
#include "dataplane/decap_nsh.c"
#include "dataplane/decap_pppoe.c"
#include "dataplane/decap_teredo.c"
#include "dataplane/decap_vxlan.c"
#include "dataplane/decap_wlan.c"

#include "packet_harness.h"

static uint32_t hello_at; // of the innermost IP header

static void hello4(void)
{
	hello_at = len;
	ipv4_hello();
}

static void hello6(void)
{
	hello_at = len;
	ipv6_hello();
}

static void bridged(void)
{
	ethernet(ETHERTYPE_IPV4);
	hello4();
}

// An outer header; its length is 0: all that there is.
static void outer4(uint8_t protocol)
{
	ethernet(ETHERTYPE_IPV4);
	ipv4_header(protocol, 0, 0);
}

static void outer6(uint8_t next)
{
	ethernet(ETHERTYPE_IPV6);
	ipv6_header(next);
}

static void udp(uint16_t sport, uint16_t dport)
{
	outer4(17);
	put16(sport);
	put16(dport);
	put32(0);
}

static void bytes(const char *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		put8((uint8_t)s[i]);
}
#define BYTES(s) bytes(s, sizeof(s) - 1)

// What a builder may be told.
static uint32_t vni;

static void b_pppoe(void) { ethernet(0x8864); BYTES("\x11\0\0\1\0\0\0!"); hello4(); }
static void b_pppoe6(void) { ethernet(0x8864); BYTES("\x11\0\0\1\0\0\0W"); hello6(); }
static void b_ppp_mpls(void) { ethernet(0x8864); BYTES("\x11\0\0\1\0\0\x02\x81\0\x01\x11\x40"); hello4(); }
static void b_llc(void) { ethernet(60); BYTES("\xaa\xaa\3\0\0\0\x08\0"); hello4(); }
static void b_llc_ip(void) { ethernet(60); BYTES("\6\6\3"); hello4(); }
static void b_llc_bridged(void) { ethernet(60); BYTES("\xaa\xaa\3\0\x80\xc2\0\7"); bridged(); }
static void b_vlan_llc(void) { ethernet(0x8100); vlan_tag(1, 70); BYTES("\xaa\xaa\3\0\0\0\x86\xdd"); hello6(); }
static void b_gre(void) { outer4(47); BYTES("\0\0\x08\0"); hello4(); }
static void b_gre6(void) { outer6(47); BYTES("\0\0\x86\xdd"); hello6(); }
static void b_gre_all(void) { outer4(47); BYTES("\xb0\0\x08\0cc\0\0kkkkssss"); hello4(); }
static void b_gre_routes(void) { outer4(47); BYTES("\x40\0\x08\0cc\0\0\x08\0\0\4abcd\0\0\0\0"); hello4(); }
static void b_gre_bridged(void) { outer4(47); BYTES("\x20\0\x65\x58\0\0\0\x2a"); bridged(); }
static void b_gre_mirror(void) { outer4(47); BYTES("\x20\0\x65\x58\2\0\0\x2a"); bridged(); }
static void b_gre_mpls(void) { outer4(47); BYTES("\0\0\x88\x47\0\x01\x11\x40"); hello4(); }
static void b_gre_udp(void) { udp(50000, 4754); BYTES("\0\0\x08\0"); hello4(); }
static void b_nvgre(void) { outer4(47); BYTES("\x20\0\x65\x58"); put32((0x1000 + vni) << 8 | 7); bridged(); }
static void b_pptp(void) { outer4(47); BYTES("\x30\x81\x88\x0b\0\0\0\1ssssaaaa\xff\3\0!"); hello4(); }
static void b_vxlan(void) { udp(50000, 4789); BYTES("\x08\0\0\0"); put32(vni << 8); bridged(); }
static void b_vxlan_linux(void) { udp(50000, 8472); BYTES("\x08\0\0\0"); put32(vni << 8); bridged(); }
static void b_gpe(void) { udp(50000, 4790); BYTES("\x0c\0\0\1"); put32(vni << 8); hello4(); }
static void b_gpe_bridged(void) { udp(50000, 4790); BYTES("\x0c\0\0\3"); put32(vni << 8); bridged(); }
static void b_gpe_nsh(void)
{
	udp(50000, 4790);
	BYTES("\x04\0\0\4\0\0\0\0\x0f\xc2\2\3");
	put32(vni << 8 | 255);
	bridged();
}
static void b_geneve(void) { udp(50000, 6081); BYTES("\0\0\x65\x58"); put32(vni << 8); bridged(); }
static void b_geneve_ip(void) { udp(50000, 6081); BYTES("\0\0\x08\0"); put32(vni << 8); hello4(); }
static void b_geneve_options(void)
{
	udp(50000, 6081);
	BYTES("\5\x40\x86\xdd");
	put32(vni << 8);
	BYTES("\1\2\x80\1abcd\1\3\1\2abcdefgh");
	hello6();
}
static void b_geneve_cloud(void)
{
	udp(50000, 6081);
	BYTES("\3\0\x08\0\0\0\0\0\x01\x08\1\2\xff\xee\xdd\xcc");
	put32(vni);
	hello4();
}
static void b_erspan1(void) { outer4(47); BYTES("\0\0\x88\xbe"); bridged(); }
static void b_erspan2(void) { outer4(47); BYTES("\x10\0\x88\xbess\0\0\x10\1\0\1\0\0\0\1"); bridged(); }
static void b_erspan2_bare(void) { outer4(47); BYTES("\0\0\x88\xbe\x10\1\0\1\0\0\0\1"); bridged(); }
static void b_erspan3(void) { outer4(47); BYTES("\x10\0\x22\xebssss\x20\1\0\1tttt\0\0\0\0"); bridged(); }
static void b_erspan3_sub(void) { outer4(47); BYTES("\x10\0\x22\xebssss\x20\1\0\1tttt\0\0\0\1subsubsu"); bridged(); }
static void b_erspan3_ip(void) { outer4(47); BYTES("\x10\0\x22\xebssss\x20\1\0\1tttt\0\0\x08\0"); hello6(); }
static void b_mpls(void) { ethernet(0x8847); BYTES("\0\x01\x10\x40\0\x02\x10\x40\0\x03\x11\x40"); hello4(); }
static void b_mpls6(void) { ethernet(0x8848); BYTES("\0\x01\x11\x40"); hello6(); }
static void b_mpls_wire(void) { ethernet(0x8847); BYTES("\0\x01\x11\x40\0\0\0\5"); bridged(); }
static void b_mpls_bridged(void) { ethernet(0x8847); BYTES("\0\x01\x11\x40"); bridged(); }
static void b_mpls_bridged4(void) { b_mpls_bridged(); frame[18] = 0x45; }
static void b_mpls_bridged6(void) { b_mpls_bridged(); frame[18] = 0x60; frame[22] = 0xff; }
static void b_mpls_ip(void) { outer4(137); BYTES("\0\x01\x11\x40"); hello4(); }
static void b_mpls_udp(void) { udp(50000, 6635); BYTES("\0\x01\x11\x40"); hello6(); }
static void b_4in4(void) { outer4(4); hello4(); }
static void b_6in4(void) { outer4(41); hello6(); }
static void b_4in6(void) { outer6(4); hello4(); }
static void b_6in6(void) { outer6(41); hello6(); }
static void b_gtpu(void) { udp(2152, 2152); BYTES("\x30\xff\0\0\0\0\0\1"); hello4(); }
static void b_gtpu_sequence(void) { udp(2152, 2152); BYTES("\x32\xff\0\0\0\0\0\1\0\1\0\0"); hello6(); }
static void b_gtpu_extensions(void)
{
	udp(2152, 2152);
	BYTES("\x34\xff\0\0\0\0\0\1\0\0\0\x85\1\x10\1\xc0\2abcdef\0");
	hello4();
}
static void b_nsh(void) { ethernet(0x894f); BYTES("\x0f\xc6\1\3"); put32(vni << 8 | 255); fill(0, 16); bridged(); }
static void b_nsh_ip(void) { ethernet(0x894f); BYTES("\x0f\xc2\2\1"); put32(vni << 8 | 255); hello4(); }
static void b_nsh_twice(void)
{
	ethernet(0x894f);
	BYTES("\x0f\xc2\2\4\0\0\7\xff\x0f\xc2\2\2");
	put32(vni << 8 | 255);
	hello6();
}
static void b_nsh_tenant(void)
{
	ethernet(0x894f);
	BYTES("\x0f\xc7\2\1\0\0\7\xff\1\2\3\1x\0\0\0\0\0\5\4");
	put32(vni);
	BYTES("\0\0\6\0");
	hello4();
}
static void b_ayiya(void) { udp(50000, 5072); BYTES("\x41\x52\x11\x29tttt"); fill('i', 16 + 20); hello6(); }
static void b_ayiya_back(void) { udp(5072, 50000); BYTES("\x41\x52\x11\x29tttt"); fill('i', 16 + 20); hello6(); }
static void b_teredo(void) { udp(50000, 3544); hello6(); }
static void b_teredo_all(void)
{
	udp(3544, 50000);
	BYTES("\0\1\2\3iivvvnnnnnnnnc\0\0ppaaaa");
	hello6();
}
static void b_wlan(void)
{
	outer4(47);
	BYTES("\0\0\x82\0\x08\1");
	fill(0, 22);
	BYTES("\xaa\xaa\3\0\0\0\x08\0");
	hello4();
}

static const struct {
	void (*build)(void);
	bool tenants; // vni tells them apart
} forms[] = {
	{b_pppoe, 0}, {b_pppoe6, 0}, {b_ppp_mpls, 0}, {b_llc, 0}, {b_llc_ip, 0}, {b_llc_bridged, 0},
	{b_vlan_llc, 0}, {b_gre, 0}, {b_gre6, 0}, {b_gre_all, 0}, {b_gre_routes, 0},
	{b_gre_bridged, 0}, {b_gre_mirror, 0}, {b_gre_mpls, 0}, {b_gre_udp, 0}, {b_nvgre, 1}, {b_pptp, 0}, {b_vxlan, 1},
	{b_vxlan_linux, 1}, {b_gpe, 1}, {b_gpe_bridged, 1}, {b_gpe_nsh, 1}, {b_geneve, 1},
	{b_geneve_ip, 1}, {b_geneve_options, 1}, {b_geneve_cloud, 1}, {b_erspan1, 0},
	{b_erspan2, 0}, {b_erspan2_bare, 0}, {b_erspan3, 0}, {b_erspan3_sub, 0}, {b_erspan3_ip, 0},
	{b_mpls, 0}, {b_mpls6, 0}, {b_mpls_wire, 0}, {b_mpls_bridged, 0}, {b_mpls_bridged4, 0},
	{b_mpls_bridged6, 0}, {b_mpls_ip, 0}, {b_mpls_udp, 0}, {b_4in4, 0}, {b_6in4, 0},
	{b_4in6, 0}, {b_6in6, 0}, {b_gtpu, 0}, {b_gtpu_sequence, 0}, {b_gtpu_extensions, 0},
	{b_nsh, 1}, {b_nsh_ip, 1}, {b_nsh_twice, 1}, {b_nsh_tenant, 1}, {b_ayiya, 0},
	{b_ayiya_back, 0}, {b_teredo, 0}, {b_teredo_all, 0}, {b_wlan, 0},
};
enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

static void build(uint32_t i, uint32_t network)
{
	begin();
	vni = network;
	forms[i].build();
}

static void test_found(void **)
{
	for (uint32_t i = 0; i < FORMS; i++) {
		build(i, 5);
		assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
		assert_int_equal(got()->l3_off, hello_at);
		assert_int_equal(got()->payload_len, 5);
		assert_int_equal(got()->missing_len, 0);
		assert_memory_equal(frame + got()->payload_off, "hello", 5);
		assert_int_equal(got()->key.space_proto & 0xff, PROTOCOL_TCP);
		assert_int_equal(got()->key.space_proto >> 8 != 0, forms[i].tenants);
		// Bytes behind it, which the inner header tells apart.
		fill(0xEE, 40);
		assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
		assert_int_equal(got()->payload_len, 5);
	}
}

static void test_tenants(void **)
{
	for (uint32_t i = 0; i < FORMS; i++) {
		struct flow_key a;

		build(i, 5);
		assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
		a = got()->key;
		build(i, 6);
		assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
		assert_int_equal(memcmp(&a, &got()->key, sizeof(a)) != 0, forms[i].tenants);
		build(i, 5);
		assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
		assert_memory_equal(&a, &got()->key, sizeof(a));
	}
}

// One number in two kinds of network is two networks; so is a network inside another.
static void test_kinds(void **)
{
	static void (*const kinds[])(void) = {b_vxlan, b_geneve, b_nsh, b_nvgre};
	uint32_t space[4];

	for (uint32_t i = 0; i < 4; i++) {
		begin();
		vni = 77;
		kinds[i]();
		assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
		space[i] = got()->key.space_proto;
		for (uint32_t k = 0; k < i; k++)
			assert_int_not_equal(space[i], space[k]);
	}
	begin();
	udp(1, 4789);
	BYTES("\x08\0\0\0");
	put32(1 << 8);
	b_vxlan();
	assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
	assert_int_not_equal(got()->key.space_proto, space[0]);
	// The two directions of a symmetric service path.
	begin();
	vni = 77 | 0x800000;
	b_nsh();
	assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
	assert_int_equal(got()->key.space_proto, space[2]);
}

static void test_cut(void **)
{
	for (uint32_t i = 0; i < FORMS; i++) {
		build(i, 5);
		for (uint32_t n = 0; n < len; n++) {
			enum fate fate = decode_bytes(frame, n, LINK_ETHERNET, n);

			// Without its end only what no length spoke of is gone.
			if (fate == FATE_PARSED)
				assert_true(n >= hello_at + 40);
			assert_true(fate == FATE_PARSED || fate == FATE_MALFORMED ||
				    fate == FATE_UNSUPPORTED);
		}
	}
}

static void test_damaged(void **)
{
	for (uint32_t round = 0; round < 200000; round++) {
		build(round % FORMS, random_below(1 << 23));
		for (uint32_t k = random_below(4); k < 4; k++)
			frame[random_below(RTE_MIN(len, hello_at + 20))] = (uint8_t)random_below(256);
		enum fate fate = decode(LINK_ETHERNET);
		assert_true(fate == FATE_PARSED || fate == FATE_MALFORMED || fate == FATE_NESTED ||
			    fate == FATE_UNSUPPORTED || fate == FATE_FRAGMENT);
	}
}

// Other versions, types and ports: well-formed, and none of these.
static void test_others(void **)
{
	static const struct {
		void (*build)(void);
		uint32_t at; // from the innermost IP header backwards
		uint8_t value;
	} others[] = {
		{b_pppoe, 7, 0x09},      {b_llc, 6, 0x13},      {b_llc, 8, 0xf0},
		{b_llc, 5, 9},           {b_gre, 3, 2},         {b_pptp, 20, 0x10},
		{b_vxlan, 22, 0},        {b_gpe, 8, 0x1c},      {b_gpe, 5, 9},
		{b_geneve_ip, 8, 0x40},  {b_geneve_ip, 7, 0x80}, {b_erspan3, 26, 0x30},
		{b_erspan3, 16, 0x7c},   {b_gtpu, 8, 0x50},     {b_gtpu, 7, 1},
		{b_nsh_ip, 8, 0x20},     {b_nsh_ip, 5, 200},    {b_ayiya, 42, 2},
		{b_ayiya, 41, 59},
	};

	for (uint32_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		begin();
		vni = 5;
		others[i].build();
		frame[hello_at - others[i].at] = others[i].value;
		assert_int_equal(decode(LINK_ETHERNET), FATE_UNSUPPORTED);
	}
}

// Any kind on top of itself, and far more than is followed: stopped, and soon.
static void test_nested(void **)
{
	for (uint32_t n = 1; n <= 200; n++) {
		begin();
		outer4(4);
		for (uint32_t i = 1; i < n; i++)
			ipv4_header(4, 0, 0);
		hello4();
		assert_int_equal(decode(LINK_ETHERNET),
				 n + 2 <= WALK_LAYERS ? FATE_PARSED : FATE_NESTED);
		begin();
		ethernet(0x8847);
		for (uint32_t i = 1; i < n; i++)
			put32(0x00010040);
		put32(0x00010140);
		hello4();
		assert_int_equal(decode(LINK_ETHERNET),
				 n + 2 <= WALK_LAYERS ? FATE_PARSED : FATE_NESTED);
		begin();
		for (uint32_t i = 0; i < n; i++) {
			udp(1, 4789);
			BYTES("\x08\0\0\0\0\0\1\0");
		}
		bridged();
		assert_int_equal(decode(LINK_ETHERNET),
				 n * 3 + 2 <= WALK_LAYERS ? FATE_PARSED : FATE_NESTED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),   cmocka_unit_test(test_tenants),
		cmocka_unit_test(test_kinds),   cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged), cmocka_unit_test(test_others),
		cmocka_unit_test(test_nested),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
