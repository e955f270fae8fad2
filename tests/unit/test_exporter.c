// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The exporter whole, with its sockets and its spool, against a subscriber: nothing is published
// before it is on disk, everything can be had again, a full or stuck disk stops nobody, sockets are
// refused or made as promised. Only the configuration and the disk's faults are made up.

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/req.h>

static atomic_bool disk_full, disk_stuck;

static ssize_t fault_pwritev(int fd, const struct iovec *iov, int n, off_t off)
{
	if (atomic_load(&disk_full)) {
		errno = ENOSPC;
		return -1;
	}
	return pwritev(fd, iov, n, off);
}

static int fault_fdatasync(int fd)
{
	while (atomic_load(&disk_stuck))
		usleep(1000);
	return fdatasync(fd);
}

#define pwritev   fault_pwritev
#define fdatasync fault_fdatasync
#include "export/segment.c"
#include "export/spool.c"
#undef pwritev
#undef fdatasync
#include "export/exporter.c"
#include "export/issue.pb-c.h"
#include "export/pub.c"
#include "tests/unit/sample_issue.h"

static char dir[40], pub_url[96], replay_url[96], spool_dir[96], said[4096], why[512];
static struct export_conf settings;

void conf_section_add(const struct conf_section *)
{
}

const void *conf_get(const struct conf *, const struct conf_section *)
{
	return &settings;
}

static void hear(int, const char *text)
{
	size_t len = strlen(said);

	snprintf(said + len, sizeof(said) - len, "%s\n", text);
}

static int setup(void **)
{
	snprintf(dir, sizeof(dir), "/tmp/test_exporter.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(pub_url, sizeof(pub_url), "ipc://%s/run/issues", dir);
	snprintf(replay_url, sizeof(replay_url), "ipc://%s/run/replay", dir);
	snprintf(spool_dir, sizeof(spool_dir), "%s/spool", dir);
	settings = (struct export_conf){
		.pub = pub_url,
		.replay = replay_url,
		.spool = spool_dir,
		.segment_mb = 1,
		.max_mb = 16,
		.sync_ms = 5,
		.queue = 1000,
		.queue_mb = 16,
		.buffer = 8192,
	};
	said[0] = why[0] = '\0';
	atomic_store(&disk_full, false);
	atomic_store(&disk_stuck, false);
	exporter_setup("dc1-a", hear);
	return 0;
}

static int teardown(void **)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static struct exporter *start(void)
{
	struct exporter *exporter = exporter_start(NULL, why, sizeof(why));

	if (!exporter)
		fail_msg("%s", why);
	return exporter;
}

static nng_socket subscribe(void)
{
	nng_socket sub;

	assert_int_equal(nng_sub0_open(&sub), 0);
	assert_int_equal(nng_socket_set_int(sub, NNG_OPT_RECVBUF, 8192), 0);
	assert_int_equal(nng_socket_set_ms(sub, NNG_OPT_RECVTIMEO, 5000), 0);
	assert_int_equal(nng_socket_set(sub, NNG_OPT_SUB_SUBSCRIBE, "", 0), 0);
	assert_int_equal(nng_dial(sub, pub_url, NULL, 0), 0);
	return sub;
}

static nng_socket asker(void)
{
	nng_socket req;

	assert_int_equal(nng_req0_open(&req), 0);
	assert_int_equal(nng_socket_set_ms(req, NNG_OPT_RECVTIMEO, 5000), 0);
	assert_int_equal(nng_dial(req, replay_url, NULL, 0), 0);
	return req;
}

static Apitap__Record *receive(nng_socket sub)
{
	Apitap__Record *record;
	nng_msg *message;

	assert_int_equal(nng_recvmsg(sub, &message, 0), 0);
	record = apitap__record__unpack(NULL, nng_msg_len(message), nng_msg_body(message));
	nng_msg_free(message);
	assert_non_null(record);
	assert_string_equal(record->sensor, "dc1-a");
	return record;
}

// The next issue or the next heartbeat.
static Apitap__Record *receive_what(nng_socket sub, Apitap__Record__WhatCase what)
{
	for (;;) {
		Apitap__Record *record = receive(sub);

		if (record->what_case == what)
			return record;
		apitap__record__free_unpacked(record, NULL);
	}
}

static void drop(Apitap__Record *record)
{
	apitap__record__free_unpacked(record, NULL);
}

static bool give(struct exporter *exporter)
{
	struct issue issue;

	sample_issue(&issue);
	return exporter_issue(exporter, &issue);
}

static Apitap__ReplayReply *ask_bytes(nng_socket req, const void *bytes, size_t len)
{
	Apitap__ReplayReply *reply;
	nng_msg *message;

	assert_int_equal(nng_send(req, (void *)(uintptr_t)bytes, len, 0), 0);
	assert_int_equal(nng_recvmsg(req, &message, 0), 0);
	assert_true(nng_msg_len(message) <= WIRE_MAX_REPLY);
	reply = apitap__replay_reply__unpack(NULL, nng_msg_len(message), nng_msg_body(message));
	nng_msg_free(message);
	assert_non_null(reply);
	return reply;
}

static Apitap__ReplayReply *ask(nng_socket req, uint64_t from, uint32_t max)
{
	struct wire_request request = {from, max};
	uint8_t bytes[32];
	size_t len = wire_request_pack(&request, bytes);

	return ask_bytes(req, bytes, len);
}

static void test_durable_before_published(void **)
{
	struct exporter *exporter = start();
	nng_socket sub = subscribe();
	struct exporter_stats stats;
	Apitap__Record *record = receive_what(sub, APITAP__RECORD__WHAT_HEARTBEAT);

	assert_int_equal(record->heartbeat->head_seq, 0);
	drop(record);
	for (int i = 0; i < 300; i++)
		assert_true(give(exporter));
	for (uint64_t seq = 1; seq <= 300; seq++) {
		struct spool_reader *reader = spool_reader_new(spool_dir);
		struct segment_record kept;
		Apitap__Record *same;

		record = receive_what(sub, APITAP__RECORD__WHAT_ISSUE);
		assert_int_equal(record->seq, seq);
		assert_true(record->durable);
		assert_string_equal(record->issue->detector, "retrieval");
		spool_reader_seek(reader, 0, seq);
		assert_int_equal(spool_reader_next(reader, UINT64_MAX, UINT32_MAX, &kept), 1);
		assert_int_equal(kept.seq, seq);
		same = apitap__record__unpack(NULL, kept.bytes.len, kept.bytes.p);
		assert_int_equal(same->seq, seq);
		assert_int_equal(same->epoch, record->epoch);
		drop(same);
		drop(record);
		spool_reader_free(reader);
	}
	record = receive_what(sub, APITAP__RECORD__WHAT_HEARTBEAT);
	assert_int_equal(record->heartbeat->head_seq, 300);
	assert_int_equal(record->heartbeat->durable_seq, 300);
	assert_int_equal(record->heartbeat->published, 300);
	assert_int_equal(record->seq, 300);
	drop(record);
	exporter_stats(exporter, &stats);
	assert_int_equal(stats.issues, 300);
	assert_int_equal(stats.durable, 300);
	assert_int_equal(stats.published, 300);
	assert_int_equal(stats.not_durable + stats.queue_dropped + stats.segments_dropped, 0);
	// What is queued at the end is still delivered, then comes the goodbye.
	assert_true(give(exporter));
	exporter_stop(exporter);
	record = receive_what(sub, APITAP__RECORD__WHAT_ISSUE);
	assert_int_equal(record->seq, 301);
	drop(record);
	record = receive_what(sub, APITAP__RECORD__WHAT_HEARTBEAT);
	assert_true(record->heartbeat->goodbye);
	assert_int_equal(record->heartbeat->head_seq, 301);
	drop(record);
	nng_close(sub);
}

static void test_numbers_go_on_after_restart(void **)
{
	struct exporter *exporter;
	uint64_t epoch = 0;

	for (uint64_t turn = 0; turn < 3; turn++) {
		Apitap__Record *record;
		nng_socket sub;

		exporter = start();
		sub = subscribe();
		drop(receive_what(sub, APITAP__RECORD__WHAT_HEARTBEAT));
		assert_true(give(exporter) && give(exporter));
		for (uint64_t i = 1; i <= 2; i++) {
			record = receive_what(sub, APITAP__RECORD__WHAT_ISSUE);
			assert_int_equal(record->seq, turn * 2 + i);
			assert_true(i == 2 ? record->epoch == epoch : record->epoch > epoch);
			epoch = record->epoch;
			drop(record);
		}
		exporter_stop(exporter);
		nng_close(sub);
	}
	assert_non_null(strstr(said, "the next has number 5."));
}

static void test_replay(void **)
{
	struct exporter *exporter = start();
	struct exporter_stats stats;
	nng_socket req = asker();
	Apitap__ReplayReply *reply;
	uint64_t next = 1;

	reply = ask(req, 1, 0);
	assert_null(reply->error);
	assert_int_equal(reply->n_records, 0);
	assert_int_equal(reply->head_seq, 0);
	assert_int_equal(reply->oldest_seq, 1);
	apitap__replay_reply__free_unpacked(reply, NULL);
	for (int i = 0; i < 900; i++)
		assert_true(give(exporter));
	do {
		exporter_stats(exporter, &stats);
		usleep(1000);
	} while (stats.published < 900);
	while (next <= 900) {
		reply = ask(req, next, next == 1 ? 10 : 1000000);
		assert_int_equal(reply->head_seq, 900);
		assert_true(reply->n_records > 0 && reply->n_records <= 256);
		assert_true(next > 1 || reply->n_records == 10);
		for (size_t i = 0; i < reply->n_records; i++) {
			Apitap__Record *record = apitap__record__unpack(NULL, reply->records[i].len,
									reply->records[i].data);

			assert_int_equal(record->seq, next++);
			assert_int_equal(record->epoch, reply->epoch);
			drop(record);
		}
		apitap__replay_reply__free_unpacked(reply, NULL);
	}
	reply = ask(req, 901, 0);
	assert_int_equal(reply->n_records, 0);
	apitap__replay_reply__free_unpacked(reply, NULL);
	reply = ask(req, UINT64_MAX, UINT32_MAX);
	assert_int_equal(reply->n_records, 0);
	apitap__replay_reply__free_unpacked(reply, NULL);
	exporter_stats(exporter, &stats);
	assert_int_equal(stats.replayed, 900);
	nng_close(req);
	exporter_stop(exporter);
}

// Records of the greatest size: a reply stays below its limit, and none is left out.
static void test_replay_of_long_records(void **)
{
	static uint8_t body[70000];
	struct exporter *exporter = start();
	struct exporter_stats stats;
	nng_socket req = asker();
	struct issue issue;
	uint64_t next = 1;

	sample_issue(&issue);
	for (int i = 0; i < 3; i++) {
		issue.evidence[i] = issue.evidence[0];
		issue.evidence[i].request.body = span_make(body, sizeof(body));
		issue.evidence[i].response.body = span_make(body, sizeof(body));
	}
	issue.n_evidence = 3;
	for (int i = 0; i < 8; i++)
		assert_true(exporter_issue(exporter, &issue));
	do {
		exporter_stats(exporter, &stats);
		usleep(1000);
	} while (stats.published < 8);
	while (next <= 8) {
		Apitap__ReplayReply *reply = ask(req, next, 0);

		assert_int_equal(reply->n_records, 2);
		next += reply->n_records;
		apitap__replay_reply__free_unpacked(reply, NULL);
	}
	nng_close(req);
	exporter_stop(exporter);
}

static void test_garbage_requests(void **)
{
	static uint8_t big[WIRE_MAX_REQUEST + 1];
	struct exporter *exporter = start();
	nng_socket req = asker();
	Apitap__ReplayReply *reply;
	uint64_t state = 7;
	int fd;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	reply = ask_bytes(req, "GET / HTTP/1.1\r\n\r\n", 18);
	assert_string_equal(reply->error, "not a replay request");
	apitap__replay_reply__free_unpacked(reply, NULL);
	reply = ask_bytes(req, big, sizeof(big));
	assert_string_equal(reply->error, "not a replay request");
	apitap__replay_reply__free_unpacked(reply, NULL);
	reply = ask_bytes(req, "", 0);
	assert_null(reply->error);
	apitap__replay_reply__free_unpacked(reply, NULL);
	for (int i = 0; i < 300; i++) {
		uint8_t bytes[24];

		for (size_t at = 0; at < sizeof(bytes); at++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			bytes[at] = (uint8_t)(state >> 56);
		}
		reply = ask_bytes(req, bytes, state >> 60);
		assert_int_equal(reply->n_records, 0);
		apitap__replay_reply__free_unpacked(reply, NULL);
	}
	// Those who do not even speak nng's language.
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", replay_url + 6);
	for (int i = 0; i < 200; i++) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(connect(fd, (const void *)&address, sizeof(address)), 0);
		if (i % 2)
			(void)!send(fd, "\x00SP\x00\xff\xff\xff\xff\xff\xff\xff\xff", 12,
				    MSG_NOSIGNAL);
		close(fd);
	}
	reply = ask(req, 1, 1);
	assert_null(reply->error);
	apitap__replay_reply__free_unpacked(reply, NULL);
	nng_close(req);
	exporter_stop(exporter);
}

static void test_full_disk(void **)
{
	struct exporter *exporter = start();
	nng_socket sub = subscribe(), req = asker();
	struct exporter_stats stats;
	Apitap__ReplayReply *reply;
	Apitap__Record *record;
	uint64_t seq;

	drop(receive_what(sub, APITAP__RECORD__WHAT_HEARTBEAT));
	for (seq = 1; seq <= 5; seq++) {
		assert_true(give(exporter));
		record = receive_what(sub, APITAP__RECORD__WHAT_ISSUE);
		assert_true(record->durable);
		drop(record);
	}
	atomic_store(&disk_full, true);
	for (; seq <= 10; seq++) {
		assert_true(give(exporter));
		record = receive_what(sub, APITAP__RECORD__WHAT_ISSUE);
		assert_int_equal(record->seq, seq);
		assert_false(record->durable);
		drop(record);
	}
	record = receive_what(sub, APITAP__RECORD__WHAT_HEARTBEAT);
	assert_true(record->heartbeat->spool_failing);
	assert_int_equal(record->heartbeat->head_seq, 10);
	assert_int_equal(record->heartbeat->durable_seq, 5);
	assert_int_equal(record->heartbeat->not_durable, 5);
	drop(record);
	assert_non_null(strstr(said, "cannot be written: No space left on device."));
	atomic_store(&disk_full, false);
	usleep((RETRY_MS + 50) * 1000);
	assert_true(give(exporter));
	record = receive_what(sub, APITAP__RECORD__WHAT_ISSUE);
	assert_int_equal(record->seq, 11);
	assert_true(record->durable);
	drop(record);
	assert_non_null(strstr(said, "can be written again; 5 issues are not in it."));
	reply = ask(req, 1, 0);
	assert_int_equal(reply->n_records, 6);
	assert_int_equal(reply->head_seq, 11);
	apitap__replay_reply__free_unpacked(reply, NULL);
	exporter_stats(exporter, &stats);
	assert_int_equal(stats.not_durable, 5);
	assert_int_equal(stats.durable, 6);
	nng_close(sub);
	nng_close(req);
	exporter_stop(exporter);
}

// The caller is the sensor: it must never wait for a disk, nor fill the memory.
static void test_stuck_disk(void **)
{
	struct exporter *exporter;
	struct exporter_stats stats;
	uint64_t taken = 0;
	Apitap__Record *record;
	nng_socket sub;

	settings.queue = 100;
	exporter = start();
	sub = subscribe();
	drop(receive_what(sub, APITAP__RECORD__WHAT_HEARTBEAT));
	atomic_store(&disk_stuck, true);
	assert_true(give(exporter));
	usleep(100000);
	for (int i = 1; i < 1000; i++) // one that waits for the disk waits for ever
		taken += give(exporter);
	assert_int_equal(taken, 100);
	assert_false(exporter_has_room(exporter));
	atomic_store(&disk_stuck, false);
	for (uint64_t seq = 1; seq <= 101; seq++) {
		record = receive_what(sub, APITAP__RECORD__WHAT_ISSUE);
		assert_int_equal(record->seq, seq);
		drop(record);
	}
	record = receive_what(sub, APITAP__RECORD__WHAT_HEARTBEAT);
	assert_int_equal(record->heartbeat->queue_dropped, 899);
	drop(record);
	assert_true(exporter_has_room(exporter));
	exporter_stats(exporter, &stats);
	assert_int_equal(stats.issues, 1000);
	assert_int_equal(stats.queue_dropped, 899);
	assert_int_equal(stats.durable, 101);
	nng_close(sub);
	exporter_stop(exporter);
}

static void refused(const char *reason)
{
	why[0] = '\0';
	assert_null(exporter_start(NULL, why, sizeof(why)));
	if (!strstr(why, reason))
		fail_msg("refused, but said: %s", why);
}

static void test_refusals(void **)
{
	struct exporter *exporter;
	char path[160];
	int fd;

	settings.pub = "tcp://127.0.0.1:47815";
	refused("export.insecure = true");
	settings.pub = pub_url;
	settings.replay = "tcp://127.0.0.1:47815";
	refused("export.replay");
	settings.replay = "abstract://apitap";
	refused("not allowed");
	settings.replay = "ipc://relative";
	refused("not allowed");
	settings.replay =
		"ipc:///aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	refused("too long");
	// Nothing was touched until now.
	assert_int_not_equal(access(spool_dir, F_OK), 0);
	settings.replay = replay_url;
	settings.max_mb = 1;
	refused("export.max_mb");
	settings.max_mb = 16;
	// Something else has the name.
	assert_int_equal(spool_make_dir(pub_url + 6, 0700), 0);
	refused("no socket has this name");
	rmdir(pub_url + 6);
	exporter = start();
	snprintf(path, sizeof(path), "%s/second", dir);
	refused("in use by another apitap");
	settings.spool = path;
	refused("in use by another process");
	settings.spool = spool_dir;
	exporter_stop(exporter);
	// A dead sensor's socket is in nobody's way.
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	{
		struct sockaddr_un address = {.sun_family = AF_UNIX};

		snprintf(address.sun_path, sizeof(address.sun_path), "%s", pub_url + 6);
		unlink(address.sun_path);
		assert_int_equal(bind(fd, (const void *)&address, sizeof(address)), 0);
	}
	close(fd);
	exporter = start();
	exporter_stop(exporter);
}

static void test_socket_modes(void **)
{
	struct exporter *exporter;
	mode_t mask = umask(0);
	struct stat st;

	exporter = start();
	assert_int_equal(stat(pub_url + 6, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(stat(replay_url + 6, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	*strrchr(pub_url, '/') = '\0';
	assert_int_equal(stat(pub_url + 6, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(stat(spool_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	exporter_stop(exporter);
	umask(mask);
}

static void test_tcp_when_told(void **)
{
	struct exporter *exporter;
	nng_socket sub;

	snprintf(pub_url, sizeof(pub_url), "tcp://127.0.0.1:%d", 20000 + getpid() % 20000);
	settings.insecure = true;
	exporter = start();
	assert_non_null(strstr(said, "unencrypted"));
	sub = subscribe();
	drop(receive_what(sub, APITAP__RECORD__WHAT_HEARTBEAT));
	nng_close(sub);
	exporter_stop(exporter);
}

static void test_sensor_names(void **)
{
	struct exporter exporter = {.conf = &settings};

	exporter_setup("Zürich 1\n", NULL);
	name_sensor(&exporter);
	assert_string_equal(exporter.sensor, "Z__rich_1_");
	exporter_setup(NULL, NULL);
	name_sensor(&exporter);
	assert_true(exporter.sensor[0] != '\0');
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_durable_before_published),
		TEST(test_numbers_go_on_after_restart),
		TEST(test_replay),
		TEST(test_replay_of_long_records),
		TEST(test_garbage_requests),
		TEST(test_full_disk),
		TEST(test_stuck_disk),
		TEST(test_refusals),
		TEST(test_socket_modes),
		TEST(test_tcp_when_told),
		TEST(test_sensor_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
