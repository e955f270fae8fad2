// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The exporter's thread:
//
//   exporter_issue ─► queue ─► number ─► append ─► pending ─► fdatasync ─► publish
//   (packs, merger's thread)            (spool)    (a list)   (in groups)   (nng)
//
// Nobody is told of an issue before it is on disk. If the disk refuses it, it is told with
// durable = false and the disk is tried again half a second later. Back-pressure ends at the
// queue, which is bounded in issues and in bytes: what does not fit is counted, and each heartbeat
// says so. The thread opens the sockets itself (see export/pub.c) and owns everything but the
// queue, which a mutex guards, and the counters, which are atomics with one writer each.

#include "export/exporter.h"

#include "dataplane/log.h"
#include "export/pub.h"
#include "export/rep.h"
#include "export/spool.h"
#include "export/wire.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#ifndef APITAP_VERSION
#define APITAP_VERSION "0"
#endif

enum {
	GROUP_BYTES = 1024 * 1024, // a group is synced early when it has grown to this,
	GROUP_RECORDS = 4096,      // or to this
	HEARTBEAT_MS = 1000,
	TURN_RECORDS = 256, // taken from the queue at once
	RETRY_MS = 500,     // after the spool failed
	TELL_MS = 60000,    // between two sentences about that
	LINGER_MS = 200,    // for the last messages at the end
};

static const uint64_t ns_per_ms = 1000000;

struct export_conf {
	const char *pub, *replay, *spool;
	uint32_t segment_mb, max_mb, sync_ms, queue, queue_mb, buffer;
	bool insecure;
};

#define FIELD(name) offsetof(struct export_conf, name)

static const struct conf_row rows[] = {
	{.key = "pub",
	 .type = CONF_STR,
	 .offset = FIELD(pub),
	 .min = 1,
	 .max = 255,
	 .def = "\"ipc:///run/apitap/issues\"",
	 .help = "Where issues are published: ipc:// and the path of a socket, or tcp:// with "
		 "insecure."},
	{.key = "replay",
	 .type = CONF_STR,
	 .offset = FIELD(replay),
	 .min = 1,
	 .max = 255,
	 .def = "\"ipc:///run/apitap/replay\"",
	 .help = "Where subscribers ask for issues they have missed."},
	{.key = "spool",
	 .type = CONF_STR,
	 .offset = FIELD(spool),
	 .min = 1,
	 .max = 4000,
	 .def = "\"/var/lib/apitap/spool\"",
	 .help = "Directory in which every issue is kept before it is published."},
	{.key = "segment_mb",
	 .type = CONF_U32,
	 .offset = FIELD(segment_mb),
	 .min = 1,
	 .max = 1024,
	 .def = "64",
	 .unit = "MiB",
	 .help = "Size of one file of the spool."},
	{.key = "max_mb",
	 .type = CONF_U32,
	 .offset = FIELD(max_mb),
	 .min = 2,
	 .max = 1048576,
	 .def = "1024",
	 .unit = "MiB",
	 .help = "Size of the whole spool; beyond it the oldest file is deleted, and counted."},
	{.key = "sync_ms",
	 .type = CONF_U32,
	 .offset = FIELD(sync_ms),
	 .min = 1,
	 .max = 10000,
	 .def = "100",
	 .unit = "ms",
	 .help = "Longest time an issue waits for others to be written to disk together with it."},
	{.key = "queue",
	 .type = CONF_U32,
	 .offset = FIELD(queue),
	 .min = 16,
	 .max = 1048576,
	 .def = "65536",
	 .unit = "issues",
	 .help = "Issues that may wait for the disk in memory."},
	{.key = "queue_mb",
	 .type = CONF_U32,
	 .offset = FIELD(queue_mb),
	 .min = 1,
	 .max = 65536,
	 .def = "64",
	 .unit = "MiB",
	 .help = "Memory that waiting issues may take."},
	{.key = "buffer",
	 .type = CONF_U32,
	 .offset = FIELD(buffer),
	 .min = 1,
	 .max = 8192,
	 .def = "8192",
	 .unit = "issues",
	 .help = "Issues kept for each slow subscriber before it loses the oldest and must ask "
		 "again."},
	{.key = "insecure",
	 .type = CONF_BOOL,
	 .offset = FIELD(insecure),
	 .def = "false",
	 .help = "Allow tcp:// sockets, which are neither encrypted nor protected by a password."},
};

static const struct conf_section section = {
	.path = "export",
	.help = "Delivery of issues: spool, publication, replay.",
	.size = sizeof(struct export_conf),
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
};
CONF_SECTION(section)

struct records {
	struct wire_record *first, **last;
	uint64_t n, bytes;
};

enum counter {
	COUNT_ISSUES,        // merger: rw; the others exporter: rw; all: ro
	COUNT_QUEUE_DROPPED, // merger: rw
	COUNT_DURABLE,
	COUNT_PUBLISHED,
	COUNT_NOT_DURABLE,
	N_COUNTERS,
};

struct exporter {
	const struct export_conf *conf; // borrowed from the configuration
	char sensor[WIRE_MAX_SENSOR + 1];
	pthread_t thread;

	pthread_mutex_t mutex; // guards the fields of this block
	pthread_cond_t cond;   // told: queue filled, stop, state changed
	struct records queue;
	bool stop;
	enum { STARTING = 0, RUNNING, FAILED } state;

	struct spool *spool;
	struct pub *pub;
	struct rep *rep;
	struct records pending; // numbered, not yet published
	uint64_t epoch, seq;
	uint64_t pending_since, next_heartbeat; // monotonic ns; 0: not set
	uint64_t retry_at, tell_at;
	bool failing, told; // the last try to use the spool failed, and that was said
	char *why;          // the starter's, valid while STARTING
	size_t why_len;

	_Atomic uint64_t counters[N_COUNTERS];
};

// Set before the start, read by the exporter's thread.
static const char *sensor_name;
static void (*log_to)(int level, const char *text);

void exporter_setup(const char *sensor, void (*log)(int level, const char *text))
{
	sensor_name = sensor;
	log_to = log;
}

__attribute__((format(printf, 2, 3))) static void say(int level, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!log_to)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_to(level, text);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void count(struct exporter *exporter, enum counter counter, uint64_t n)
{
	atomic_fetch_add_explicit(&exporter->counters[counter], n, memory_order_relaxed);
}

static uint64_t counted(const struct exporter *exporter, enum counter counter)
{
	return atomic_load_explicit(&exporter->counters[counter], memory_order_relaxed);
}

static void records_init(struct records *records)
{
	*records = (struct records){.last = &records->first};
}

static void records_add(struct records *records, struct wire_record *record)
{
	record->next = NULL;
	*records->last = record;
	records->last = &record->next;
	records->n++;
	records->bytes += record->body_len + sizeof(*record) + WIRE_HEADROOM;
}

static struct wire_record *records_take(struct records *records)
{
	struct wire_record *record = records->first;

	if (!record)
		return NULL;
	records->first = record->next;
	if (!records->first)
		records->last = &records->first;
	records->n--;
	records->bytes -= record->body_len + sizeof(*record) + WIRE_HEADROOM;
	return record;
}

static struct span stamp(const struct exporter *exporter, struct wire_record *record, bool durable)
{
	struct wire_stamp fields = {
		.sensor = exporter->sensor,
		.epoch = exporter->epoch,
		.seq = record->seq,
		.durable = durable,
	};

	return wire_stamp(record, &fields);
}

static void publish(struct exporter *exporter, struct wire_record *record, bool durable)
{
	// Before a subscriber can ask for it.
	count(exporter, durable ? COUNT_DURABLE : COUNT_NOT_DURABLE, 1);
	if (pub_send(exporter->pub, stamp(exporter, record, durable)) == 0)
		count(exporter, COUNT_PUBLISHED, 1);
	free(record);
}

static void spool_failed(struct exporter *exporter, int error)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC);

	exporter->failing = true;
	exporter->retry_at = now + RETRY_MS * ns_per_ms;
	if (now < exporter->tell_at)
		return;
	exporter->told = true;
	exporter->tell_at = now + TELL_MS * ns_per_ms;
	say(LOG_ERR,
	    "Spool %s cannot be written: %s. Issues are published all the same, but cannot be "
	    "replayed.",
	    exporter->conf->spool, strerror(-error));
}

static void spool_recovered(struct exporter *exporter)
{
	exporter->failing = false;
	if (exporter->told)
		say(LOG_NOTICE, "Spool %s can be written again; %llu issues are not in it.",
		    exporter->conf->spool,
		    (unsigned long long)counted(exporter, COUNT_NOT_DURABLE));
	exporter->told = false;
}

// Makes the pending records durable, then tells of them.
static void commit(struct exporter *exporter)
{
	struct wire_record *record;
	int r;

	if (exporter->pending.n == 0)
		return;
	r = spool_sync(exporter->spool);
	if (r < 0)
		spool_failed(exporter, r);
	else if (exporter->failing)
		spool_recovered(exporter);
	// Bounded by GROUP_RECORDS.
	while ((record = records_take(&exporter->pending)))
		publish(exporter, record, r == 0);
	exporter->pending_since = 0;
}

static void deliver(struct exporter *exporter, struct wire_record *record)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC);
	int r = 0;
	bool tried = now >= exporter->retry_at;

	record->seq = ++exporter->seq;
	if (tried)
		r = spool_append(exporter->spool, record->seq, stamp(exporter, record, true));
	if (!tried || r < 0) {
		// Those before it must be told of first: the numbers rise on the wire.
		commit(exporter);
		if (tried)
			spool_failed(exporter, r);
		publish(exporter, record, false);
		return;
	}
	if (!exporter->pending_since)
		exporter->pending_since = now;
	records_add(&exporter->pending, record);
	if (exporter->pending.n >= GROUP_RECORDS || exporter->pending.bytes >= GROUP_BYTES)
		commit(exporter);
}

static void heartbeat(struct exporter *exporter, bool goodbye)
{
	struct wire_heartbeat fields = {
		.time_ns = now_ns(CLOCK_REALTIME),
		.head_seq = exporter->seq - exporter->pending.n,
		.durable_seq = spool_durable_seq(exporter->spool),
		.oldest_seq = spool_oldest_seq(exporter->spool),
		.issues = counted(exporter, COUNT_ISSUES),
		.published = counted(exporter, COUNT_PUBLISHED),
		.not_durable = counted(exporter, COUNT_NOT_DURABLE),
		.queue_dropped = counted(exporter, COUNT_QUEUE_DROPPED),
		.segments_dropped = spool_dropped(exporter->spool),
		.spool_failing = exporter->failing,
		.goodbye = goodbye,
		.version = APITAP_VERSION,
	};
	struct wire_record *record = wire_heartbeat(&fields);

	if (!record)
		return;
	record->seq = fields.head_seq;
	// A heartbeat that is lost is followed by the next.
	pub_send(exporter->pub, stamp(exporter, record, true));
	free(record);
}

// Waits until there is something to do. Gives some of what is queued; true when that was the last
// and it is time to stop.
static bool wait_for_work(struct exporter *exporter, struct records *taken)
{
	uint64_t until = exporter->next_heartbeat, synced;
	struct timespec at;
	bool stop;

	if (exporter->pending_since) {
		synced = exporter->pending_since + exporter->conf->sync_ms * ns_per_ms;
		if (synced < until)
			until = synced;
	}
	at.tv_sec = (time_t)(until / 1000000000);
	at.tv_nsec = (long)(until % 1000000000);
	records_init(taken);
	pthread_mutex_lock(&exporter->mutex);
	while (!exporter->stop && exporter->queue.n == 0) {
		if (pthread_cond_timedwait(&exporter->cond, &exporter->mutex, &at) == ETIMEDOUT)
			break;
	}
	// Few at a time: what is taken here no longer counts against the queue's bounds.
	while (taken->n < TURN_RECORDS && exporter->queue.n)
		records_add(taken, records_take(&exporter->queue));
	stop = exporter->stop && exporter->queue.n == 0;
	pthread_mutex_unlock(&exporter->mutex);
	return stop;
}

static void run(struct exporter *exporter)
{
	struct wire_record *record;
	struct records taken;
	uint64_t now;
	bool stop;

	do {
		stop = wait_for_work(exporter, &taken);
		while ((record = records_take(&taken))) {
			deliver(exporter, record);
			now = now_ns(CLOCK_MONOTONIC);
			if (now >= exporter->next_heartbeat) {
				heartbeat(exporter, false);
				exporter->next_heartbeat = now + HEARTBEAT_MS * ns_per_ms;
			}
		}
		now = now_ns(CLOCK_MONOTONIC);
		if (exporter->pending_since &&
		    now - exporter->pending_since >= exporter->conf->sync_ms * ns_per_ms)
			commit(exporter);
		if (now >= exporter->next_heartbeat) {
			heartbeat(exporter, false);
			exporter->next_heartbeat = now + HEARTBEAT_MS * ns_per_ms;
		}
	} while (!stop);
	commit(exporter);
	heartbeat(exporter, true);
}

static int open_spool(struct exporter *exporter)
{
	const struct export_conf *conf = exporter->conf;
	struct spool_options options = {
		.dir = conf->spool,
		.segment_bytes = (uint64_t)conf->segment_mb << 20,
		.max_bytes = (uint64_t)conf->max_mb << 20,
		.epoch = now_ns(CLOCK_REALTIME) / 1000,
	};
	struct spool_report report;

	exporter->spool = spool_open(&options, &report, exporter->why, exporter->why_len);
	if (!exporter->spool)
		return -1;
	exporter->epoch = spool_epoch(exporter->spool);
	exporter->seq = spool_last_seq(exporter->spool);
	say(LOG_NOTICE, "Spool %s: %llu issues in %llu segments; the next has number %llu.",
	    conf->spool, (unsigned long long)report.records, (unsigned long long)report.segments,
	    (unsigned long long)exporter->seq + 1);
	if (report.cut_bytes)
		say(LOG_WARNING, "Spool %s: a torn end of %llu bytes was cut off.", conf->spool,
		    (unsigned long long)report.cut_bytes);
	if (report.put_aside || report.left_damaged)
		say(LOG_ERR,
		    "Spool %s: %llu damaged segments were put aside as *.corrupt, %llu issues in "
		    "them were saved; %llu more could not be replaced.",
		    conf->spool, (unsigned long long)report.put_aside,
		    (unsigned long long)report.salvaged, (unsigned long long)report.left_damaged);
	return 0;
}

static int open_all(struct exporter *exporter)
{
	const struct export_conf *conf = exporter->conf;

	// Refused before anything is touched.
	if (pub_url_check("pub", conf->pub, conf->insecure, exporter->why, exporter->why_len) < 0 ||
	    pub_url_check("replay", conf->replay, conf->insecure, exporter->why,
			  exporter->why_len) < 0 ||
	    open_spool(exporter) < 0)
		return -1;
	exporter->pub =
		pub_open(conf->pub, conf->insecure, conf->buffer, exporter->why, exporter->why_len);
	if (!exporter->pub)
		return -1;
	exporter->rep = rep_start(conf->replay, conf->insecure, exporter->spool, conf->spool,
				  exporter->why, exporter->why_len);
	if (!exporter->rep)
		return -1;
	if (strncmp(conf->pub, "tcp", 3) == 0 || strncmp(conf->replay, "tcp", 3) == 0)
		say(LOG_WARNING,
		    "Issues are given unencrypted to everybody who can reach %s and %s "
		    "(export.insecure).",
		    conf->pub, conf->replay);
	return 0;
}

static void close_all(struct exporter *exporter)
{
	if (exporter->rep)
		rep_stop(exporter->rep);
	if (exporter->pub)
		pub_close(exporter->pub, LINGER_MS);
	if (exporter->spool)
		spool_close(exporter->spool);
}

static void *work(void *arg)
{
	struct exporter *exporter = arg;
	bool good;

	prctl(PR_SET_NAME, "exporter");
	good = open_all(exporter) == 0;
	pthread_mutex_lock(&exporter->mutex);
	exporter->state = good ? RUNNING : FAILED;
	pthread_cond_broadcast(&exporter->cond);
	pthread_mutex_unlock(&exporter->mutex);
	if (good)
		run(exporter);
	// The replay server and the counters are read until exporter_stop, which joins first.
	close_all(exporter);
	return NULL;
}

// Printable ASCII, or readers would refuse every record.
static void name_sensor(struct exporter *exporter)
{
	char *name = exporter->sensor;

	if (sensor_name && sensor_name[0])
		snprintf(name, sizeof(exporter->sensor), "%s", sensor_name);
	else if (gethostname(name, sizeof(exporter->sensor) - 1) < 0 || !name[0])
		snprintf(name, sizeof(exporter->sensor), "apitap");
	for (char *p = name; *p; p++) {
		if (*p <= ' ' || *p > '~')
			*p = '_';
	}
}

static void exporter_free(struct exporter *exporter)
{
	struct wire_record *record;

	while ((record = records_take(&exporter->queue)))
		free(record);
	pthread_cond_destroy(&exporter->cond);
	pthread_mutex_destroy(&exporter->mutex);
	free(exporter);
}

struct exporter *exporter_start(const struct conf *conf, char *why, size_t why_len)
{
	struct exporter *exporter = calloc(1, sizeof(*exporter));
	pthread_condattr_t attr;
	sigset_t all, before;
	bool good;
	int r;

	if (!exporter) {
		snprintf(why, why_len, "Exporter: no memory.");
		return NULL;
	}
	exporter->conf = conf_get(conf, &section);
	exporter->why = why;
	exporter->why_len = why_len;
	records_init(&exporter->queue);
	records_init(&exporter->pending);
	name_sensor(exporter);
	pthread_mutex_init(&exporter->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&exporter->cond, &attr);
	pthread_condattr_destroy(&attr);
	// Signals are the main thread's business; nng's threads inherit the mask.
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&exporter->thread, NULL, work, exporter);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		snprintf(why, why_len, "Exporter: %s.", strerror(r));
		exporter_free(exporter);
		return NULL;
	}
	pthread_mutex_lock(&exporter->mutex);
	while (exporter->state == STARTING)
		pthread_cond_wait(&exporter->cond, &exporter->mutex);
	good = exporter->state == RUNNING;
	pthread_mutex_unlock(&exporter->mutex);
	if (!good) {
		pthread_join(exporter->thread, NULL);
		exporter_free(exporter);
		return NULL;
	}
	return exporter;
}

bool exporter_has_room(struct exporter *exporter)
{
	bool room;

	pthread_mutex_lock(&exporter->mutex);
	room = exporter->queue.n < exporter->conf->queue &&
	       exporter->queue.bytes < (uint64_t)exporter->conf->queue_mb << 20;
	pthread_mutex_unlock(&exporter->mutex);
	return room;
}

bool exporter_issue(struct exporter *exporter, const struct issue *issue)
{
	// One caller: the room that is seen is still there when the issue is packed.
	struct wire_record *record = exporter_has_room(exporter) ? wire_issue(issue) : NULL;

	count(exporter, COUNT_ISSUES, 1);
	if (!record) {
		count(exporter, COUNT_QUEUE_DROPPED, 1);
		return false;
	}
	pthread_mutex_lock(&exporter->mutex);
	records_add(&exporter->queue, record);
	if (exporter->queue.n == 1)
		pthread_cond_signal(&exporter->cond);
	pthread_mutex_unlock(&exporter->mutex);
	return true;
}

void exporter_stats(const struct exporter *exporter, struct exporter_stats *out)
{
	*out = (struct exporter_stats){
		.issues = counted(exporter, COUNT_ISSUES),
		.durable = counted(exporter, COUNT_DURABLE),
		.published = counted(exporter, COUNT_PUBLISHED),
		.not_durable = counted(exporter, COUNT_NOT_DURABLE),
		.queue_dropped = counted(exporter, COUNT_QUEUE_DROPPED),
		.segments_dropped = spool_dropped(exporter->spool),
		.replayed = rep_replayed(exporter->rep),
	};
}

void exporter_stop(struct exporter *exporter)
{
	pthread_mutex_lock(&exporter->mutex);
	exporter->stop = true;
	pthread_cond_signal(&exporter->cond);
	pthread_mutex_unlock(&exporter->mutex);
	pthread_join(exporter->thread, NULL);
	exporter_free(exporter);
}
