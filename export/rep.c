// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One request, one reply, nothing remembered about who asks: what the subscriber has seen is the
// subscriber's business. Only durable records are given. A few readers of the spool are kept
// where they stopped, because whoever catches up asks next for what follows.
//
// Requests are hostile: at most WIRE_MAX_REQUEST bytes are looked at, and whatever they say, the
// reply has at most WIRE_MAX_REPLY_RECORDS records and WIRE_MAX_REPLY bytes.

#include "export/rep.h"

#include "export/pub.h"
#include "export/wire.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/supplemental/util/platform.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum {
	N_PLACES = 8,
	REPLY_ROOM = WIRE_MAX_REPLY - 4096, // for the records and their tags
	RECORD_TAG = 8,                     // more than a record's tag and length take
};

struct place {
	struct spool_reader *reader; // NULL: unused
	uint64_t next_seq;           // asked next, if the same subscriber asks again
	uint64_t used;               // turn of its last use
};

struct rep {
	nng_socket socket;
	pthread_t thread;
	const struct spool *spool; // borrowed
	char *dir;                 // owned
	uint8_t *room;             // owned, REPLY_ROOM bytes
	struct place places[N_PLACES];
	uint64_t turn;
	struct wire_reply reply;
	atomic_bool stop;          // whoever stops: rw, thread: ro
	_Atomic uint64_t replayed; // thread: rw, others: ro
};

// The reader that stands at seq, or else the one not used for longest.
static struct place *place_at(struct rep *rep, uint64_t seq)
{
	struct place *oldest = &rep->places[0];

	for (uint32_t i = 0; i < N_PLACES; i++) {
		struct place *place = &rep->places[i];

		if (place->reader && place->next_seq == seq)
			return place;
		if (place->used < oldest->used)
			oldest = place;
	}
	return oldest;
}

static void answer(struct rep *rep, const struct wire_request *request)
{
	struct wire_reply *reply = &rep->reply;
	uint64_t seq = request->from_seq ? request->from_seq : 1;
	uint32_t max = request->max, used = 0;
	struct place *place = place_at(rep, seq);
	struct segment_record record;
	int r = 1;

	if (max == 0 || max > WIRE_MAX_REPLY_RECORDS)
		max = WIRE_MAX_REPLY_RECORDS;
	if (!place->reader)
		place->reader = spool_reader_new(rep->dir);
	if (!place->reader) {
		reply->error = "the spool cannot be read";
		return;
	}
	place->used = ++rep->turn;
	spool_reader_seek(place->reader, 0, seq);
	while (reply->n_records < max && REPLY_ROOM - used > RECORD_TAG) {
		r = spool_reader_next(place->reader, reply->head_seq,
				      REPLY_ROOM - used - RECORD_TAG, &record);
		if (r != 1)
			break;
		memcpy(rep->room + used, record.bytes.p, record.bytes.len);
		reply->records[reply->n_records++] = span_make(rep->room + used, record.bytes.len);
		used += record.bytes.len + RECORD_TAG;
		seq = record.seq + 1;
	}
	place->next_seq = seq;
	if (r < 0 && r != -EMSGSIZE && reply->n_records == 0)
		reply->error = "the spool cannot be read";
}

static void handle(struct rep *rep, nng_msg *message)
{
	struct wire_reply *reply = &rep->reply;
	struct wire_request request;
	nng_msg *out;
	size_t len;

	reply->n_records = 0;
	reply->error = NULL;
	reply->epoch = spool_epoch(rep->spool);
	reply->oldest_seq = spool_oldest_seq(rep->spool);
	reply->head_seq = spool_durable_seq(rep->spool);
	if (nng_msg_len(message) > WIRE_MAX_REQUEST ||
	    !wire_request_unpack(span_make(nng_msg_body(message), nng_msg_len(message)), &request))
		reply->error = "not a replay request";
	else
		answer(rep, &request);
	nng_msg_free(message);
	len = wire_reply_size(reply);
	// No memory: the subscriber's own time limit makes it ask again.
	if (nng_msg_alloc(&out, len) != 0)
		return;
	wire_reply_pack(reply, nng_msg_body(out));
	if (nng_sendmsg(rep->socket, out, 0) != 0) {
		nng_msg_free(out);
		return;
	}
	atomic_fetch_add_explicit(&rep->replayed, reply->n_records, memory_order_relaxed);
}

static void *serve(void *arg)
{
	struct rep *rep = arg;
	nng_msg *message;

	prctl(PR_SET_NAME, "replay");
	while (!atomic_load_explicit(&rep->stop, memory_order_relaxed)) {
		int r = nng_recvmsg(rep->socket, &message, 0);

		if (r == 0)
			handle(rep, message);
		else if (r == NNG_ECLOSED)
			break;
		else if (r != NNG_ETIMEDOUT)
			nng_msleep(10);
	}
	return NULL;
}

static void rep_free(struct rep *rep)
{
	for (uint32_t i = 0; i < N_PLACES; i++) {
		if (rep->places[i].reader)
			spool_reader_free(rep->places[i].reader);
	}
	free(rep->room);
	free(rep->dir);
	free(rep);
}

struct rep *rep_start(const char *url, bool insecure, const struct spool *spool, const char *dir,
		      char *why, size_t why_len)
{
	struct rep *rep;
	int r;

	if (pub_url_check("replay", url, insecure, why, why_len) < 0)
		return NULL;
	rep = calloc(1, sizeof(*rep));
	if (rep) {
		rep->spool = spool;
		rep->dir = strdup(dir);
		rep->room = malloc(REPLY_ROOM);
	}
	r = rep && rep->dir && rep->room ? nng_rep0_open(&rep->socket) : NNG_ENOMEM;
	if (r != 0) {
		snprintf(why, why_len, "Replay socket: %s.", nng_strerror(r));
		if (rep)
			rep_free(rep);
		return NULL;
	}
	r = nng_socket_set_size(rep->socket, NNG_OPT_RECVMAXSZ, 1024 * 1024);
	if (r == 0)
		r = nng_socket_set_ms(rep->socket, NNG_OPT_RECVTIMEO, 100);
	if (r == 0)
		r = nng_socket_set_ms(rep->socket, NNG_OPT_SENDTIMEO, 1000);
	if (r != 0) {
		snprintf(why, why_len, "Replay socket: %s.", nng_strerror(r));
		goto err;
	}
	if (pub_listen(rep->socket, url, why, why_len) < 0)
		goto err;
	r = pthread_create(&rep->thread, NULL, serve, rep);
	if (r != 0) {
		snprintf(why, why_len, "Replay thread: %s.", strerror(r));
		goto err;
	}
	return rep;
err:
	nng_close(rep->socket);
	rep_free(rep);
	return NULL;
}

uint64_t rep_replayed(const struct rep *rep)
{
	return atomic_load_explicit(&rep->replayed, memory_order_relaxed);
}

void rep_stop(struct rep *rep)
{
	atomic_store_explicit(&rep->stop, true, memory_order_relaxed);
	pthread_join(rep->thread, NULL);
	nng_close(rep->socket);
	rep_free(rep);
}
