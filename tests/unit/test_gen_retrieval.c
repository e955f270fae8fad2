// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The retrieval scenario of apitap-gen, run whole with fifty users: the promised numbers, frames
// in the order of time with right checksums, and the same bytes for the same seed.

#include "tools/gen/gen_agenda.c"
#include "tools/gen/gen_buffer.c"
#include "tools/gen/gen_crowd.c"
#include "tools/gen/gen_digest.c"
#include "tools/gen/gen_http.c"
#include "tools/gen/gen_json.c"
#include "tools/gen/gen_pcap.c"
#include "tools/gen/gen_record.c"
#include "tools/gen/gen_retrieval.c"
#include "tools/gen/gen_session.c"
#include "tools/gen/gen_tcp.c"
#include "tools/gen/gen_truth.c"
#include "tools/gen/gen_values.c"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

struct made {
	uint8_t *bytes; // of the capture file
	size_t len;
	char truth[8192]; // facts and issues
	struct gen_pcap_totals totals;
	uint64_t calls;
};

static struct made make(uint64_t seed, uint32_t offender_rate)
{
	char path[] = "/tmp/apitap-gen-XXXXXX";
	struct gen_options options = {.users = 50,
				      .minutes = 3,
				      .offender_rate = offender_rate,
				      .mean = 10.64,
				      .seed = seed,
				      .start_s = 1767225600,
				      .out = path};
	struct gen gen = {.options = &options, .start_ns = options.start_s * GEN_SECOND_NS};
	struct made made = {0};
	int fd = mkstemp(path);
	FILE *file;
	long len;

	assert_true(fd >= 0);
	close(fd);
	gen.random.state = seed;
	gen_truth_init(&gen.truth);
	gen.pcap = gen_pcap_new(path, false);
	gen_retrieval.run(&gen);
	gen_pcap_finish(gen.pcap, &made.totals);
	made.calls = gen.truth.calls;
	snprintf(made.truth, sizeof(made.truth), "%.*s\n%.*s", (int)gen.truth.facts.out.len,
		 gen.truth.facts.out.p, (int)gen.truth.issues.out.len, gen.truth.issues.out.p);
	gen_truth_fini(&gen.truth);
	file = fopen(path, "rb");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	len = ftell(file);
	assert_true(len > 24);
	rewind(file);
	made.len = (size_t)len;
	made.bytes = malloc(made.len);
	assert_non_null(made.bytes);
	assert_int_equal(fread(made.bytes, 1, made.len, file), made.len);
	fclose(file);
	unlink(path);
	return made;
}

static void test_numbers(void **)
{
	struct made made = make(1, 413);

	assert_non_null(strstr(made.truth, "\"most_values_in_60_s\": 413"));
	assert_non_null(strstr(made.truth, "\"pages\": 59"));
	// 49 others: 521 values a minute are as near to 10.64 as whole numbers come.
	assert_non_null(strstr(made.truth, "\"mean_per_minute\": 10.6327"));
	assert_non_null(strstr(made.truth, "\"value\": 413"));
	assert_non_null(strstr(made.truth, "\"population\": 50"));
	free(made.bytes);
	// A number of values that does not fill its last page.
	made = make(2, 100);
	assert_non_null(strstr(made.truth, "\"most_values_in_60_s\": 100"));
	assert_non_null(strstr(made.truth, "\"pages\": 15"));
	free(made.bytes);
}

static void test_same_seed(void **)
{
	struct made one = make(7, 413), two = make(7, 413), other = make(8, 413);

	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.bytes, two.bytes, one.len);
	assert_true(one.len != other.len || memcmp(one.bytes, other.bytes, one.len) != 0);
	free(one.bytes);
	free(two.bytes);
	free(other.bytes);
}

static uint32_t sum16(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void test_frames(void **)
{
	struct made made = make(3, 413);
	uint64_t last_us = 0, packets = 0;
	size_t at = 24;

	while (at < made.len) {
		struct pcap_packet_head head;
		const uint8_t *ip;
		uint64_t time_us;
		size_t segment;

		assert_true(made.len - at >= sizeof(head));
		memcpy(&head, made.bytes + at, sizeof(head));
		at += sizeof(head);
		assert_true(head.captured <= made.len - at && head.captured >= 54);
		time_us = head.seconds * 1000000ull + head.fraction;
		assert_true(time_us >= last_us);
		last_us = time_us;
		ip = made.bytes + at + 14;
		assert_int_equal(ip[0], 0x45);
		segment = ((size_t)ip[2] << 8 | ip[3]) - 20;
		assert_int_equal(segment + 34, head.captured);
		// A sum over what a checksum covers, itself included, is all ones.
		assert_int_equal(sum16(0, ip, 20), 0xffff);
		assert_int_equal(sum16(sum16(6 + (uint32_t)segment, ip + 12, 8), ip + 20, segment),
				 0xffff);
		at += head.captured;
		packets++;
	}
	assert_int_equal(packets, made.totals.packets);
	assert_true(made.calls > 500);
	free(made.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_same_seed),
		cmocka_unit_test(test_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
