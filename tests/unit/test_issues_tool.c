// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// apitap-issues against a sensor that is only a list of records: whatever is lost on the way and
// however often the sensor starts again, every record is shown once and in order.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "export/issue.pb-c.h"
#include "export/json.h"

#include <nng/nng.h>

int issues_main(int argc, char **argv);
static void shown(const Apitap__Record *record);
static int fake_recvmsg(nng_msg **message);

#define main issues_main
#define json_issue(out, record) ((void)(out), shown(record))
#define nng_send(socket, bytes, len, flags) ((void)(bytes), (void)(len), 0)
#define nng_recvmsg(socket, message, flags) fake_recvmsg(message)
#include "tools/issues.c"
#undef main
#undef json_issue
#undef nng_send
#undef nng_recvmsg

enum { RECORDS = 64 };

struct key {
	uint64_t epoch, seq;
};

static struct key disk[RECORDS], told[RECORDS];
static uint32_t n_disk, n_told;
static uint64_t running;     // epoch
static uint64_t asked_from;  // what the next answer begins with
static bool silent;

static void shown(const Apitap__Record *record)
{
	assert_true(n_told < RECORDS);
	told[n_told++] = (struct key){record->epoch, record->seq};
}

static void record_init(Apitap__Record *record, Apitap__Issue *issue, struct key key)
{
	apitap__record__init(record);
	apitap__issue__init(issue);
	record->has_epoch = record->has_seq = record->has_durable = true;
	record->epoch = key.epoch;
	record->seq = key.seq;
	record->durable = true;
	record->what_case = APITAP__RECORD__WHAT_ISSUE;
	record->issue = issue;
}

static int fake_recvmsg(nng_msg **message)
{
	Apitap__ReplayReply reply = APITAP__REPLAY_REPLY__INIT;
	ProtobufCBinaryData records[RECORDS];
	static uint8_t packed[RECORDS][64], bytes[RECORDS * 80];

	if (silent)
		return NNG_ECLOSED;
	reply.has_epoch = reply.has_head_seq = true;
	reply.epoch = running;
	reply.head_seq = n_disk ? disk[n_disk - 1].seq : 0;
	reply.records = records;
	for (uint32_t i = 0; i < n_disk; i++) {
		Apitap__Record record;
		Apitap__Issue issue;

		if (disk[i].seq < asked_from)
			continue;
		record_init(&record, &issue, disk[i]);
		records[reply.n_records].data = packed[reply.n_records];
		records[reply.n_records].len = apitap__record__pack(&record, packed[reply.n_records]);
		reply.n_records++;
	}
	size_t len = apitap__replay_reply__pack(&reply, bytes);

	assert_int_equal(nng_msg_alloc(message, 0), 0);
	assert_int_equal(nng_msg_append(*message, bytes, len), 0);
	return 0;
}

static void hear(struct follow *f, uint64_t epoch, uint64_t seq)
{
	Apitap__Record record;
	Apitap__Issue issue;

	record_init(&record, &issue, (struct key){epoch, seq});
	asked_from = 0; // more than is asked for: what was shown is left out by its number
	on_issue(f, &record);
}

static void begin(struct follow *f)
{
	*f = (struct follow){.json = true, .url = "test:", .replay_url = "test:"};
	n_disk = n_told = 0;
	running = 1;
	silent = false;
}

static void keep(uint64_t epoch, uint64_t first, uint64_t last)
{
	for (uint64_t seq = first; seq <= last; seq++)
		disk[n_disk++] = (struct key){epoch, seq};
	running = epoch;
}

static void assert_told(const struct key *want, uint32_t n)
{
	assert_int_equal(n_told, n);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(told[i].epoch, want[i].epoch);
		assert_int_equal(told[i].seq, want[i].seq);
	}
}

static void test_hole(void **)
{
	struct follow f;

	begin(&f);
	keep(1, 1, 6);
	hear(&f, 1, 1);
	hear(&f, 1, 2);
	hear(&f, 1, 6);
	hear(&f, 1, 5);
	assert_told((struct key[]){{1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}, {1, 6}}, 6);
}

// The sensor is killed and back before the answer: it holds records of an epoch not heard yet, and
// messages of the epoch before are still queued.
static void test_answer_ahead_of_messages(void **)
{
	struct follow f;

	begin(&f);
	keep(1, 1, 2);
	hear(&f, 1, 1);
	hear(&f, 1, 2);
	keep(2, 3, 6);
	keep(3, 7, 8);
	hear(&f, 2, 5); // first heard of 2; 3 to 8 are in the answer
	hear(&f, 2, 6);
	hear(&f, 3, 7);
	hear(&f, 3, 8);
	keep(3, 9, 9);
	hear(&f, 3, 9);
	assert_told((struct key[]){{1, 1}, {1, 2}, {2, 3}, {2, 4}, {2, 5}, {2, 6}, {3, 7}, {3, 8},
				   {3, 9}},
		    9);
}

// What was published but never reached the disk leaves its numbers to the next start.
static void test_numbers_come_again(void **)
{
	struct follow f;

	begin(&f);
	keep(1, 1, 2);
	hear(&f, 1, 1);
	hear(&f, 1, 2);
	Apitap__Record record;
	Apitap__Issue issue;

	record_init(&record, &issue, (struct key){1, 3});
	record.durable = false;
	on_issue(&f, &record);
	keep(2, 3, 5);
	hear(&f, 2, 5);
	assert_told((struct key[]){{1, 1}, {1, 2}, {1, 3}, {2, 3}, {2, 4}, {2, 5}}, 6);
}

static void test_no_answer(void **)
{
	struct follow f;

	begin(&f);
	silent = true;
	hear(&f, 1, 1);
	hear(&f, 1, 4);
	hear(&f, 2, 5);
	hear(&f, 1, 4);
	assert_told((struct key[]){{1, 1}, {1, 4}, {2, 5}}, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hole),
		cmocka_unit_test(test_answer_ahead_of_messages),
		cmocka_unit_test(test_numbers_come_again),
		cmocka_unit_test(test_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
