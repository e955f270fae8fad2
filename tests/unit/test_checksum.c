// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Sums against the definition; who is believed when a checksum is wrong.

#include "dataplane/checksum.c"
#include "dataplane/checksum_conf.c"

#include "packet_harness.h"

static struct checksum check;
static uint16_t sum;

// RFC 1071, word by word.
static uint16_t slow_sum(const uint8_t *p, uint32_t n, uint32_t total)
{
	for (uint32_t i = 0; i < n; i++)
		total += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

// A segment of host, right, wrong, or as for a NIC to fill in.
enum kind { RIGHT, WRONG, OFFLOAD, OFFLOAD_CUT, IP_WRONG, IP_ZERO };

static void ip_checksum(uint32_t ip, enum kind kind)
{
	frame[ip + 10] = frame[ip + 11] = 0;
	uint16_t field = kind == IP_ZERO ? 0 : (uint16_t)~slow_sum(frame + ip, 20, 0);
	frame[ip + 10] = (uint8_t)(field >> 8) ^ (kind == IP_WRONG);
	frame[ip + 11] = (uint8_t)field;
}

static void segment(uint8_t host, enum kind kind, bool v6, uint32_t payload)
{
	begin();
	ethernet(v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	uint32_t ip = len, addresses = v6 ? 8 : 12, n = v6 ? 32 : 8;
	if (v6)
		ipv6_header(6);
	else
		ipv4_header(6, 0, 0x4000);
	frame[ip + addresses + (v6 ? 15 : 3)] = host;
	uint32_t tcp = len;
	tcp_header(12, TCP_ACK);
	for (uint32_t i = 0; i < payload; i++)
		put8((uint8_t)hash_mix(i));
	ip_end();
	uint32_t pseudo = slow_sum(frame + ip + addresses, n, 6);
	uint16_t field = (uint16_t)~slow_sum(frame + tcp, len - tcp, pseudo + len - tcp);
	if (kind == WRONG)
		field ^= 0x5555;
	else if (kind == OFFLOAD)
		field = slow_sum(NULL, 0, pseudo + len - tcp);
	else if (kind == OFFLOAD_CUT)
		field = (uint16_t)pseudo;
	frame[tcp + 16] = (uint8_t)(field >> 8);
	frame[tcp + 17] = (uint8_t)field;
	if (!v6)
		ip_checksum(ip, kind);
}

// What becomes of it: taken?
static bool taken(void)
{
	assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
	checksum_segment(&check, &fakes[0].m);
	return !got()->bad_checksum;
}

static bool takes(uint8_t host, enum kind kind)
{
	segment(host, kind, host & 1, 100);
	return taken();
}

static void fresh(uint32_t mode)
{
	checksum_init(&check, mode, 7);
}

static void test_sums(void **)
{
	uint8_t bytes[400];

	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i % 7 ? hash_mix(i) : 0xff);
	for (uint32_t from = 0; from < 9; from++) {
		for (uint32_t n = 0; from + n <= sizeof(bytes); n++) {
			// At the end of what can be read.
			struct rte_mbuf *m = place(0, bytes + from, n, 0);
			const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
			uint16_t slow = rte_cpu_to_be_16(slow_sum(p, n, 0));

			assert_int_equal(sum_fold(sum_scalar(p, n)) % 0xffff, slow % 0xffff);
			if (__builtin_cpu_supports("avx2"))
				assert_int_equal(sum_avx2(p, n), sum_scalar(p, n));
		}
	}
	memset(bytes, 0xff, sizeof(bytes)); // the largest
	assert_int_equal(sum_fold(sum_bytes(bytes, sizeof(bytes))), 0xffff);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(sum_fold(sum_bytes(bytes, sizeof(bytes))), 0);
}

// In any number of pieces, of odd lengths as well.
static void test_chained(void **)
{
	for (uint32_t v6 = 0; v6 < 2; v6++) {
		for (uint32_t payload = 0; payload < 260; payload += 37) {
			for (uint32_t round = 0; round < 40; round++) {
				segment(2, round & 1 ? WRONG : RIGHT, v6, payload);
				uint32_t l4 = 14 + (v6 ? 40 : 20), a = l4 + 32 + random_below(len - l4 - 31);
				uint32_t b = a + random_below(len - a + 1);
				struct rte_mbuf *m = place(0, frame, a, 0);
				m->next = place(1, frame + a, b - a, 0);
				m->next->next = place(2, frame + b, len - b, 0);
				m->nb_segs = 3;
				m->pkt_len = len;
				// As decoded, were there room to gather the headers.
				struct pkt *pkt = pkt_of(m);
				*pkt = (struct pkt){
					.l3_off = 14,
					.l4_off = (uint16_t)l4,
					.payload_off = (uint16_t)(l4 + 32),
					.payload_len = (uint16_t)(len - l4 - 32),
					.v6 = v6 & 1,
				};
				memset(pkt->key.addr, 0, 32);
				memcpy(pkt->key.addr[0], frame + (v6 ? 22 : 26), v6 ? 32 : 8);
				assert_int_equal(verdict_tcp(m, &sum), round & 1 ? VERDICT_WRONG : VERDICT_RIGHT);
			}
		}
	}
}

static void test_verdicts(void **)
{
	static const enum verdict tcp[] = {VERDICT_RIGHT,   VERDICT_WRONG, VERDICT_OFFLOAD,
					   VERDICT_OFFLOAD, VERDICT_RIGHT, VERDICT_RIGHT};

	for (uint32_t kind = RIGHT; kind <= IP_ZERO; kind++) {
		for (uint32_t payload = 0; payload < 1500; payload += 7) {
			for (uint32_t v6 = 0; v6 < 2; v6++) {
				segment(3, kind, v6, payload);
				assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
				assert_int_equal(verdict_tcp(&fakes[0].m, &sum), tcp[kind]);
				if (!v6)
					assert_int_equal(verdict_ipv4(&fakes[0].m, 14, &sum),
							 kind == IP_WRONG  ? VERDICT_WRONG :
							 kind == IP_ZERO ? VERDICT_EMPTY :
									   VERDICT_RIGHT);
			}
		}
	}
}

// Among right ones, wrong ones are not believed, unless merging explains them.
static void test_deceit(void **)
{
	for (uint32_t mode = CHECKSUM_AUTO; mode <= CHECKSUM_OFF; mode++) {
		for (uint32_t kind = WRONG; kind <= IP_ZERO; kind++) {
			fresh(mode);
			for (uint32_t i = 0; i < 300; i++) {
				assert_true(takes(8, RIGHT));
				assert_true(takes(4, RIGHT));
				bool believed = mode == CHECKSUM_OFF ||
						(mode == CHECKSUM_AUTO &&
						 (kind == OFFLOAD || kind == OFFLOAD_CUT));
				assert_int_equal(takes(4, kind), believed);
				assert_int_equal(got()->bad_ip_checksum, !believed && kind >= IP_WRONG);
			}
		}
	}
	// Nor does the first packet of somebody count when others' are right.
	fresh(CHECKSUM_AUTO);
	for (uint32_t i = 0; i < 10; i++)
		assert_true(takes(8, RIGHT));
	assert_false(takes(4, WRONG));
	assert_false(takes(4, WRONG));
	assert_true(takes(4, RIGHT));
}

// All of one sender's are wrong: taken, from the first when it looks like offloading.
static void test_offload(void **)
{
	for (uint32_t kind = WRONG; kind <= IP_ZERO; kind++) {
		bool looks = kind == OFFLOAD || kind == OFFLOAD_CUT || kind == IP_ZERO;

		fresh(CHECKSUM_AUTO);
		for (uint32_t i = 0; i < 2000; i++) {
			assert_true(takes(8, RIGHT));
			assert_int_equal(takes(4, kind), looks || i >= 2);
			assert_true(takes(10, RIGHT));
		}
		assert_false(check.off);
		assert_int_equal(check.verified, 6000);
		assert_int_equal(check.wrong, 2000);
		assert_int_equal(check.tolerated, looks ? 2000 : 1998);
		fresh(CHECKSUM_ON);
		for (uint32_t i = 0; i < 2000; i++)
			assert_false(takes(4, kind));
	}
}

// More than half of the first thousand: nothing is verified any longer.
static void test_off(void **)
{
	for (uint32_t wrong = 498; wrong <= 503; wrong++) {
		fresh(CHECKSUM_AUTO);
		for (uint32_t i = 0; i < FIRST_SEGMENTS; i++)
			takes(i < wrong ? 4 : 8, i < wrong ? WRONG : RIGHT);
		assert_int_equal(check.off, wrong > 500);
		assert_int_equal(takes(8, WRONG), wrong > 500);
		assert_int_equal(check.verified, 1000 + !check.off);
	}
	// A capture that is wrong from the first packet on: only that one is lost.
	fresh(CHECKSUM_AUTO);
	assert_false(takes(4, WRONG));
	for (uint32_t i = 0; i < 100; i++)
		assert_true(takes((uint8_t)(2 * i), WRONG));
}

// Addresses that were changed in the capture: both sums are out by the same.
static void test_rewritten(void **)
{
	for (uint32_t i = 0; i < 100; i++) {
		fresh(i & 1 ? CHECKSUM_ON : CHECKSUM_AUTO);
		for (uint32_t k = 0; k < 5; k++)
			assert_true(takes(4, RIGHT));
		segment(4, RIGHT, false, 100);
		frame[14 + 14] ^= (uint8_t)(i + 1);
		frame[14 + 17] ^= (uint8_t)(200 + i);
		assert_int_equal(taken(), !(i & 1));
		segment(4, RIGHT, false, 100); // not so when the payload is changed as well
		frame[14 + 14] ^= (uint8_t)(i + 1);
		frame[len - 2] ^= 1;
		assert_false(taken());
	}
	// One bit of an address damaged on its way.
	for (uint32_t bit = 0; bit < 64; bit++) {
		fresh(CHECKSUM_AUTO);
		for (uint32_t k = 0; k < 20; k++)
			assert_true(takes((uint8_t)(k & 8), RIGHT));
		segment(8, RIGHT, false, 100);
		frame[14 + 12 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(taken());
	}
}

static void test_not_verifiable(void **)
{
	fresh(CHECKSUM_ON);
	segment(4, WRONG, false, 100);
	assert_int_equal(decode_bytes(frame, len - 1, LINK_ETHERNET, len), FATE_PARSED);
	checksum_segment(&check, &fakes[0].m);
	assert_false(got()->bad_checksum);
	assert_int_equal(check.verified, 0);
	// Put together: the IP header is of one piece.
	segment(4, IP_WRONG, false, 100);
	assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
	pkt_of(&fakes[0].m)->joined = 1;
	checksum_segment(&check, &fakes[0].m);
	assert_false(got()->bad_checksum);
	assert_int_equal(check.verified, 1);
}

static void test_nic(void **)
{
	fresh(CHECKSUM_ON);
	for (uint32_t kind = WRONG; kind <= IP_WRONG; kind++) {
		uint64_t l4 = kind == IP_WRONG ? 0 : RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		uint64_t ip = kind == IP_WRONG ? RTE_MBUF_F_RX_IP_CKSUM_GOOD : 0;

		for (uint32_t i = 0; i < 4; i++) {
			segment(4, kind, false, 100);
			assert_int_equal(decode(LINK_ETHERNET), FATE_PARSED);
			fakes[0].m.ol_flags = i == 0 ? 0 : i == 3 && l4 ? RTE_MBUF_F_RX_L4_CKSUM_NONE : l4 | ip;
			pkt_of(&fakes[0].m)->tunnel = i == 1; // it looked at the outer headers
			checksum_segment(&check, &fakes[0].m);
			assert_int_equal(got()->bad_checksum, i < 2);
		}
	}
}

static void test_fragment(void **)
{
	for (uint32_t kind = RIGHT; kind <= IP_ZERO; kind++) {
		fresh(CHECKSUM_AUTO);
		takes(4, RIGHT);
		segment(4, kind, false, 96);
		frame[14 + 6] = 0x20;
		ip_checksum(14, kind);
		assert_int_equal(decode(LINK_ETHERNET), FATE_FRAGMENT);
		assert_int_equal(checksum_fragment(&check, &fakes[0].m), kind < IP_WRONG);
	}
}

// Senders that no one can count stay within their fields.
static void test_many(void **)
{
	fresh(CHECKSUM_ON);
	for (uint32_t i = 0; i < 70000; i++)
		takes((uint8_t)(4 + 2 * (i % 3)), i % 5 ? RIGHT : WRONG);
	for (uint32_t i = 0; i < CHECKSUM_SENDERS; i++)
		assert_true(check.senders[i].good + check.senders[i].bad < SENDER_HALVE);
	FILE *out = fopen("/dev/null", "w");
	checksum_print(&check, out);
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),     cmocka_unit_test(test_chained),
		cmocka_unit_test(test_verdicts), cmocka_unit_test(test_deceit),
		cmocka_unit_test(test_offload),  cmocka_unit_test(test_off),
		cmocka_unit_test(test_rewritten), cmocka_unit_test(test_not_verifiable), cmocka_unit_test(test_nic),
		cmocka_unit_test(test_fragment), cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
