// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// apitap-issues: shows issues as the sensor publishes them, every one once and in order.
//
// The publish socket may lose messages, the replay socket never volunteers any; together they
// are complete. The rule: `place` is the last issue shown. A message whose number does not follow
// it, or a heartbeat that knows of a greater one, makes us ask for what lies between; whatever
// arrives twice is dropped by its number. The subscription is made first and the old issues are
// asked for afterwards, so nothing falls between the two. One thread; nng's own only fill queues.
//
// A new epoch, always a greater one, means that the sensor was started again. Its numbers go on
// after the last one on disk, so numbers of issues that never reached the disk may come again in
// it: order is by epoch first, and place knows the last durable number, from which a new epoch is
// asked for. An answer may already hold records of an epoch whose first message is still to come.

#include "export/card.h"
#include "export/issue.pb-c.h"
#include "export/json.h"
#include "export/wire.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/util/platform.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef APITAP_VERSION
#define APITAP_VERSION "0"
#endif

enum {
	EXIT_DONE = 0,
	EXIT_OUTPUT = 1,
	EXIT_USAGE = 2,
	EXIT_NO_SENSOR = 3,

	TICK_MS = 100,        // the longest wait before signals are looked at
	SILENCE_MS = 3500,    // heartbeats come each second
	START_TIMEOUT_S = 10, // with --since
	ASK_MS = 3000,        // for one replay reply
	ASK_TRIES = 3,
	ASK_PAUSE_MS = 10000, // when none came
	RECV_BUFFER = 8192,   // messages, nng's limit
};

struct place {
	uint64_t epoch, seq; // last shown; epoch 0: not known yet
	uint64_t durable;    // last known to be on the sensor's disk
};

struct follow {
	const char *url, *replay_url;
	bool json, since_given, timeout_given;
	uint64_t since, count, timeout_s;

	nng_socket sub, req;
	bool started; // place is set
	struct place place;
	uint64_t shown;
	uint64_t heard_ms, queue_dropped;
	bool away, spool_failing;
	uint64_t reply_epoch, reply_head; // of the last reply
	uint64_t ask_again_ms;            // the replay socket is dead: do not ask before
	int exit_code;
};

static atomic_bool stop;           // signal handler: rw, main: ro
static _Atomic uint32_t connected; // nng's threads: rw, main: ro

static const char help[] =
	"Usage: apitap-issues [OPTION]...\n"
	"Shows the issues that an apitap sensor finds, as they are found, each once and in order.\n"
	"\n"
	"  -j, --json             one JSON object per line instead of text for people\n"
	"  -s, --since SEQ        first show all issues from number SEQ on that the sensor still\n"
	"                         has, then go on; 1 means everything\n"
	"  -n, --count N          stop after N issues\n"
	"  -t, --timeout S        give up when no sensor is heard for S seconds, also later on\n"
	"                         (otherwise: 10 seconds at the start with --since, else never)\n"
	"  -u, --url URL          where issues are published [ipc:///run/apitap/issues]\n"
	"  -r, --replay-url URL   where missed issues are asked for [beside the socket of --url:\n"
	"                         its path with \"replay\" as the last part]\n"
	"  -h, --help             this text\n"
	"  -V, --version          the version\n"
	"\n"
	"Remarks about the sensor go to standard error: lost and back, issues that could not be "
	"had\n"
	"again. Ctrl-C ends the program.\n"
	"\n"
	"Exit status: 0 the wanted number was shown, or ended by a signal; 1 the output cannot be\n"
	"written; 2 wrong usage; 3 no sensor answers.\n"
	"\n"
	"Examples:\n"
	"  apitap-issues                                  watch\n"
	"  apitap-issues --since 1 --json >>issues.jsonl  everything there is, then follow\n"
	"  apitap-issues --json | jq -r 'select(.severity==\"High\") | .attacker.user'\n"
	"  apitap-issues --since 1 --count 1              the oldest issue kept\n"
	"  apitap-issues --url tcp://10.0.0.5:4100 --replay-url tcp://10.0.0.5:4101\n";

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	va_list args;

	fputs("apitap-issues: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	putc('\n', stderr);
}

static uint64_t now_ms(void)
{
	return nng_clock();
}

static bool done(const struct follow *f)
{
	return atomic_load_explicit(&stop, memory_order_relaxed) || f->exit_code ||
	       (f->count && f->shown >= f->count);
}

static void show(struct follow *f, const Apitap__Record *record)
{
	if (f->json)
		json_issue(stdout, record);
	else
		card_print(stdout, record);
	f->shown++;
	if (fflush(stdout) != 0 || ferror(stdout)) {
		if (errno != EPIPE)
			note("Standard output: %s.", strerror(errno));
		f->exit_code = EXIT_OUTPUT;
	}
}

// Is the record one that was not shown before?
static bool is_new(const struct place *place, const Apitap__Record *record)
{
	return record->epoch == place->epoch ? record->seq > place->seq
					     : record->epoch > place->epoch;
}

static void note_lost(uint64_t first, uint64_t last)
{
	if (first == last)
		note("Issue %" PRIu64 " was published, but cannot be had again.", first);
	else
		note("Issues %" PRIu64 " to %" PRIu64
		     " were published or deleted, but cannot be had again.",
		     first, last);
}

// Shows the record unless it was, and moves place to it.
static void take(struct follow *f, const Apitap__Record *record)
{
	struct place *place = &f->place;

	if (!is_new(place, record) || done(f))
		return;
	if (record->epoch == place->epoch && record->seq != place->seq + 1)
		note_lost(place->seq + 1, record->seq - 1);
	place->epoch = record->epoch;
	place->seq = record->seq;
	if (record->durable && record->seq > place->durable)
		place->durable = record->seq;
	// Another kind of record, of a later version: it has its number, but we cannot show it.
	if (record->what_case == APITAP__RECORD__WHAT_ISSUE)
		show(f, record);
}

// One request, one reply. NULL: none came in time.
static Apitap__ReplayReply *ask_once(struct follow *f, uint64_t from)
{
	struct wire_request request = {.from_seq = from, .max = WIRE_MAX_REPLY_RECORDS};
	Apitap__ReplayReply *reply = NULL;
	uint64_t until = now_ms() + ASK_MS;
	uint8_t bytes[32];
	size_t len = wire_request_pack(&request, bytes);
	nng_msg *message;
	int r;

	do {
		r = nng_send(f->req, bytes, len, 0);
	} while (r == NNG_ETIMEDOUT && now_ms() < until && !done(f));
	if (r != 0)
		return NULL;
	do {
		r = nng_recvmsg(f->req, &message, 0);
	} while (r == NNG_ETIMEDOUT && now_ms() < until && !done(f));
	if (r != 0)
		return NULL;
	reply = apitap__replay_reply__unpack(NULL, nng_msg_len(message), nng_msg_body(message));
	nng_msg_free(message);
	if (reply && reply->error && reply->error[0]) {
		apitap__replay_reply__free_unpacked(reply, NULL);
		reply = NULL;
	}
	if (reply) {
		f->reply_epoch = reply->epoch;
		f->reply_head = reply->head_seq;
	}
	return reply;
}

static Apitap__ReplayReply *ask(struct follow *f, uint64_t from)
{
	Apitap__ReplayReply *reply = NULL;

	for (int i = 0; i < ASK_TRIES && !reply && !done(f); i++)
		reply = ask_once(f, from);
	return reply;
}

// Takes the records of a reply in order. Gives the number to ask for next; from: it held nothing.
static uint64_t take_reply(struct follow *f, const Apitap__ReplayReply *reply, uint64_t from)
{
	for (size_t i = 0; i < reply->n_records; i++) {
		Apitap__Record *record =
			apitap__record__unpack(NULL, reply->records[i].len, reply->records[i].data);

		if (!record) {
			note("A record of the replay cannot be understood.");
			continue;
		}
		if (record->seq >= from) {
			take(f, record);
			from = record->seq + 1;
		}
		apitap__record__free_unpacked(record, NULL);
	}
	return from;
}

// Asks for everything from a number on until one has arrived, or until there is no more. False:
// no answer.
static bool catch_up(struct follow *f, uint64_t from, uint64_t until)
{
	// Live issues must not be held up for long each time one is missed.
	if (now_ms() < f->ask_again_ms)
		return false;
	while (!done(f) && from <= until) {
		Apitap__ReplayReply *reply = ask(f, from);
		uint64_t next;

		if (!reply) {
			f->ask_again_ms = now_ms() + ASK_PAUSE_MS;
			if (!done(f))
				note("The sensor does not answer at %s: missed issues cannot be "
				     "asked "
				     "for.",
				     f->replay_url);
			return false;
		}
		next = take_reply(f, reply, from);
		apitap__replay_reply__free_unpacked(reply, NULL);
		if (next == from)
			break;
		from = next;
	}
	return true;
}

// The sensor was started again. head: the last number it has given before what we just heard.
static void restarted(struct follow *f, uint64_t epoch, uint64_t head)
{
	if (head < f->place.durable) {
		note("The sensor's spool has begun anew: numbers start over.");
		f->place = (struct place){0};
	} else if (f->place.epoch) {
		note("The sensor was started again.");
	}
	f->queue_dropped = 0;
	catch_up(f, f->place.durable + 1, head);
	if (f->place.epoch < epoch)
		f->place = (struct place){epoch, head, head};
}

// A message of the sensor's earlier life, from a buffer of the old connection. Its start is known
// already, and what was on disk by then was asked for.
static bool is_stale(const struct place *place, uint64_t epoch, uint64_t seq)
{
	return epoch < place->epoch && seq <= place->seq;
}

static void on_issue(struct follow *f, const Apitap__Record *record)
{
	if (f->started && is_stale(&f->place, record->epoch, record->seq))
		return;
	if (!f->started) {
		f->started = true;
		f->place = (struct place){record->epoch, record->seq - 1, record->seq - 1};
	}
	if (record->epoch != f->place.epoch)
		restarted(f, record->epoch, record->seq - 1);
	if (record->epoch == f->place.epoch && record->seq > f->place.seq + 1)
		catch_up(f, f->place.seq + 1, record->seq - 1);
	take(f, record);
}

static void on_heartbeat(struct follow *f, const Apitap__Record *record)
{
	const Apitap__Heartbeat *heartbeat = record->heartbeat;
	uint64_t head = heartbeat->head_seq;

	if (f->started && is_stale(&f->place, record->epoch, head))
		return;
	if (!f->started) {
		f->started = true;
		f->place = (struct place){record->epoch, head, heartbeat->durable_seq};
	}
	if (record->epoch != f->place.epoch)
		restarted(f, record->epoch, head);
	if (head > f->place.seq) {
		catch_up(f, f->place.seq + 1, head);
		// What is still missing was never on disk, or is no longer.
		if (head > f->place.seq && !done(f)) {
			note_lost(f->place.seq + 1, head);
			f->place.seq = head;
		}
	}
	if (heartbeat->queue_dropped > f->queue_dropped)
		note("The sensor found more than it could write: %" PRIu64
		     " issues were dropped before they had a number.",
		     heartbeat->queue_dropped - f->queue_dropped);
	f->queue_dropped = heartbeat->queue_dropped;
	if (heartbeat->spool_failing != f->spool_failing)
		note(heartbeat->spool_failing ? "The sensor cannot write its spool: what is missed "
						"now cannot be had "
						"again."
					      : "The sensor can write its spool again.");
	f->spool_failing = heartbeat->spool_failing;
	if (heartbeat->goodbye) {
		note("The sensor has stopped; waiting for it to come back.");
		f->away = true;
	}
}

static void on_message(struct follow *f, nng_msg *message)
{
	Apitap__Record *record =
		apitap__record__unpack(NULL, nng_msg_len(message), nng_msg_body(message));

	nng_msg_free(message);
	if (!record) {
		note("A message cannot be understood: is something else at %s?", f->url);
		return;
	}
	f->heard_ms = now_ms();
	if (f->away) {
		note("The sensor is back.");
		f->away = false;
	}
	if (record->what_case == APITAP__RECORD__WHAT_HEARTBEAT)
		on_heartbeat(f, record);
	else
		on_issue(f, record);
	apitap__record__free_unpacked(record, NULL);
}

// Nothing has come for a moment: is the sensor still there?
static void on_silence(struct follow *f)
{
	uint64_t silent_ms = now_ms() - f->heard_ms;

	if (f->timeout_given && silent_ms >= f->timeout_s * 1000) {
		note("No sensor was heard at %s for %" PRIu64 " seconds: is apitap running?",
		     f->url, f->timeout_s);
		f->exit_code = EXIT_NO_SENSOR;
		return;
	}
	if (f->started && !f->away && silent_ms >= SILENCE_MS) {
		note("No heartbeat from the sensor at %s; waiting for it to come back.", f->url);
		f->away = true;
	}
}

// Shows everything from --since on. The subscription must stand before the first question.
static void begin_since(struct follow *f)
{
	uint64_t until = now_ms() + (f->timeout_given ? f->timeout_s : START_TIMEOUT_S) * 1000;
	uint64_t from = f->since ? f->since : 1;
	Apitap__ReplayReply *reply = NULL;

	while (!done(f) && now_ms() < until &&
	       !atomic_load_explicit(&connected, memory_order_relaxed))
		nng_msleep(10);
	if (done(f))
		return;
	if (!atomic_load_explicit(&connected, memory_order_relaxed)) {
		note("No sensor at %s: is apitap running, and may you use its socket?", f->url);
		f->exit_code = EXIT_NO_SENSOR;
		return;
	}
	while (!reply && !done(f) && now_ms() < until)
		reply = ask_once(f, from);
	if (done(f) && !reply)
		return;
	if (!reply) {
		note("The sensor at %s does not answer at %s, where old issues are asked for.",
		     f->url, f->replay_url);
		f->exit_code = EXIT_NO_SENSOR;
		return;
	}
	if (reply->head_seq < from - 1) {
		note("Number %" PRIu64 " is yet to come: the last issue has number %" PRIu64 ".",
		     from, reply->head_seq);
		from = reply->head_seq + 1;
	} else if (reply->oldest_seq > from && f->since > 1) {
		note("Issues before number %" PRIu64 " are no longer kept.", reply->oldest_seq);
	}
	f->started = true;
	f->place = (struct place){0, from - 1, from - 1};
	from = take_reply(f, reply, from);
	apitap__replay_reply__free_unpacked(reply, NULL);
	catch_up(f, from, UINT64_MAX);
	// All that was kept are of earlier starts: the running one has numbers after its head only.
	if (f->place.epoch != f->reply_epoch) {
		f->place.epoch = f->reply_epoch;
		if (f->reply_head > f->place.seq)
			f->place.seq = f->reply_head;
	}
	f->heard_ms = now_ms();
}

static void count_pipe(nng_pipe, nng_pipe_ev event, void *)
{
	if (event == NNG_PIPE_EV_ADD_POST)
		atomic_fetch_add_explicit(&connected, 1, memory_order_relaxed);
	else
		atomic_fetch_sub_explicit(&connected, 1, memory_order_relaxed);
}

static int dial(nng_socket socket, const char *url)
{
	nng_dialer dialer;
	int r = nng_dialer_create(&dialer, socket, url);

	if (r == 0)
		r = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, 50);
	if (r == 0)
		r = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, 1000);
	return r ? r : nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
}

static int open_sockets(struct follow *f)
{
	int r = nng_sub0_open(&f->sub);

	if (r == 0)
		r = nng_socket_set_int(f->sub, NNG_OPT_RECVBUF, RECV_BUFFER);
	if (r == 0)
		r = nng_socket_set_size(f->sub, NNG_OPT_RECVMAXSZ, WIRE_MAX_REPLY);
	if (r == 0)
		r = nng_socket_set_ms(f->sub, NNG_OPT_RECVTIMEO, TICK_MS);
	if (r == 0)
		r = nng_socket_set(f->sub, NNG_OPT_SUB_SUBSCRIBE, "", 0);
	if (r == 0)
		r = nng_pipe_notify(f->sub, NNG_PIPE_EV_ADD_POST, count_pipe, NULL);
	if (r == 0)
		r = nng_pipe_notify(f->sub, NNG_PIPE_EV_REM_POST, count_pipe, NULL);
	if (r == 0)
		r = dial(f->sub, f->url);
	if (r != 0) {
		note("%s: %s.", f->url, nng_strerror(r));
		return -1;
	}
	r = nng_req0_open(&f->req);
	if (r == 0)
		r = nng_socket_set_size(f->req, NNG_OPT_RECVMAXSZ, WIRE_MAX_REPLY);
	if (r == 0)
		r = nng_socket_set_ms(f->req, NNG_OPT_RECVTIMEO, TICK_MS);
	if (r == 0)
		r = nng_socket_set_ms(f->req, NNG_OPT_SENDTIMEO, TICK_MS);
	if (r == 0)
		r = dial(f->req, f->replay_url);
	if (r != 0) {
		note("%s: %s.", f->replay_url, nng_strerror(r));
		return -1;
	}
	return 0;
}

static void follow(struct follow *f)
{
	nng_msg *message;

	f->heard_ms = now_ms();
	if (f->since_given)
		begin_since(f);
	while (!done(f)) {
		int r = nng_recvmsg(f->sub, &message, 0);

		if (r == 0) {
			on_message(f, message);
			continue;
		}
		on_silence(f);
		if (r != NNG_ETIMEDOUT)
			nng_msleep(TICK_MS);
	}
}

static int usage(const char *what, const char *value)
{
	note("%s: %s. Try --help.", value, what);
	return EXIT_USAGE;
}

static bool number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && !*end && !errno && *out <= max;
}

static void on_signal(int)
{
	atomic_store_explicit(&stop, true, memory_order_relaxed);
}

// Beside ipc:///run/apitap/issues lies ipc:///run/apitap/replay. NULL: cannot be derived.
static char *replay_beside(const char *url)
{
	const char *slash = strrchr(url, '/');
	size_t len = slash ? (size_t)(slash - url) + 1 : 0;
	char *out;

	if (strncmp(url, "ipc:///", 7) != 0)
		return NULL;
	out = malloc(len + sizeof("replay"));
	if (out) {
		memcpy(out, url, len);
		memcpy(out + len, "replay", sizeof("replay"));
	}
	return out;
}

// EXIT_DONE: go on; otherwise the exit status. *show_only: help or version was asked for.
static int read_options(int argc, char **argv, struct follow *f, bool *show_only)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"since", required_argument, NULL, 's'},
		{"count", required_argument, NULL, 'n'},
		{"timeout", required_argument, NULL, 't'},
		{"url", required_argument, NULL, 'u'},
		{"replay-url", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "js:n:t:u:r:hV", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			f->json = true;
			break;
		case 's':
			f->since_given = true;
			if (!number(optarg, (uint64_t)1 << 62, &f->since))
				return usage("not an issue's number", optarg);
			break;
		case 'n':
			if (!number(optarg, UINT64_MAX, &f->count) || !f->count)
				return usage("not a number of issues", optarg);
			break;
		case 't':
			f->timeout_given = true;
			if (!number(optarg, 1000000000, &f->timeout_s) || !f->timeout_s)
				return usage("not a number of seconds", optarg);
			break;
		case 'u':
			f->url = optarg;
			break;
		case 'r':
			f->replay_url = optarg;
			break;
		case 'h':
		case 'V':
			fputs(c == 'h' ? help : "apitap-issues " APITAP_VERSION "\n", stdout);
			*show_only = true;
			return fflush(stdout) == 0 ? EXIT_DONE : EXIT_OUTPUT;
		default:
			fputs("Try apitap-issues --help.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		return usage("not an option", argv[optind]);
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct follow f = {.url = "ipc:///run/apitap/issues"};
	struct sigaction action = {.sa_handler = on_signal};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	char *beside = NULL;
	bool show_only = false;
	int code = read_options(argc, argv, &f, &show_only);

	if (code != EXIT_DONE || show_only)
		return code;
	if (!f.replay_url)
		f.replay_url = beside = replay_beside(f.url);
	if (!f.replay_url)
		return usage("give --replay-url too, it can be guessed for ipc:// only", f.url);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	// A reader that goes away is seen as a failed write.
	sigaction(SIGPIPE, &ignore, NULL);
	code = EXIT_USAGE;
	if (open_sockets(&f) == 0) {
		follow(&f);
		nng_close(f.sub);
		nng_close(f.req);
		code = f.exit_code;
	}
	free(beside);
	return code;
}
