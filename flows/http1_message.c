// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What happens when a message of an HTTP/1 connection begins and ends: its exchange is made or
// found, its body is started and ended, the sink is told. An exchange ends when its response has
// ended and its request has, or when neither can any more. Worker code; see http1.c.

#include "flows/http1_message.h"

#include "flows/http_exchange.h"

// After that time without any sign of the server a request is reported when the next one comes.
#define ONE_SIDED_NS UINT64_C(1000000000)

struct http1_feed http1_feed(struct pctx *p, enum dir dir)
{
	struct http1 *conn = p->state;

	return (struct http1_feed){
		.p = p,
		.env = p->env,
		.conn = conn,
		.side = &conn->side[dir],
		.dir = dir,
		.off = conn->side[dir].next,
	};
}

void http1_gather_free(struct http1_feed *f)
{
	struct http1_side *side = f->side;

	if (side->gather)
		pool_put(side->big ? &f->env->head64k : &f->env->head4k, side->gather);
	side->gather = NULL;
	side->gathered = 0;
	side->big = false;
}

// Surely no request is pending or on its way.
static bool nothing_asked(const struct http1_feed *f)
{
	const struct pctx *p = f->p;
	const struct http_pair *pair = &f->conn->pair;

	return pair->anchored && !pair->broken && !pair->head && !pair->unfollowed &&
	       !p->lossy[CLIENT] && !p->lossy[SERVER] &&
	       p->acked[CLIENT] <= f->conn->side[CLIENT].next + 1;
}

// A second response rides with the one that ends here, as when a response was split by injection.
static bool more_than_asked(const struct http1_feed *f, uint32_t n)
{
	return f->side->paired && f->in.len - n >= 7 && memcmp(f->in.p + n, "HTTP/1.", 7) == 0 &&
	       nothing_asked(f);
}

// ---- exchanges

static struct http_tx *exchange_new(struct http1_feed *f)
{
	const struct conn_meta *meta = f->p->conn;
	struct http_tx *tx = http_exchange_new(f->env, meta, f->conn->index);

	if (tx && meta->midstream && f->conn->index == 0)
		tx->msg[CLIENT].anomalies |= ANOMALY_BIT(MIDSTREAM);
	f->conn->index++;
	return tx;
}

// What TCP saw belongs to all exchanges that are under way, and to no later one.
static void tcp_anomalies(const struct http1_feed *f, struct http_tx *tx)
{
	const struct http1 *conn = f->conn;

	tx->msg[CLIENT].anomalies |= http_exchange_tcp(f->p->anomalies);
	if (!conn->pair.head && conn->side[CLIENT].state == STATE_START &&
	    conn->side[SERVER].state == STATE_START)
		f->p->anomalies = 0;
}

static void exchange_end(const struct http1_feed *f, struct http_tx *tx)
{
	if (f->p->anomalies)
		tcp_anomalies(f, tx);
	if (!tx->msg[SERVER].seen && http1_silent(f->p, SERVER))
		tx->msg[CLIENT].anomalies |= ANOMALY_BIT(ASYMMETRIC);
	if (tx != f->env->hand.tx) // else the next parser sees it first
		http_exchange_end(f->env, tx);
}

// A request that was taken off the queue gets no response. It may still be arriving.
static void exchange_drop(const struct http1_feed *f, struct http_tx *tx)
{
	if (f->conn->side[CLIENT].tx != tx)
		exchange_end(f, tx);
}

// Requests that never get a response must not fill the queue.
static void make_room(struct http1_feed *f)
{
	struct http_pair *pair = &f->conn->pair;
	bool full = pair->n >= f->env->limits.pipeline;
	struct http_tx *tx;

	if (pair->n && http1_silent(f->p, SERVER) &&
	    (full || f->p->now_ns - pair->head->msg[CLIENT].last_ns > ONE_SIDED_NS)) {
		while ((tx = http_pair_give_up(pair)))
			exchange_end(f, tx);
	} else if (full && !pair->anchored && (tx = http_pair_give_up(pair))) {
		exchange_end(f, tx);
	}
}

static void keep_facts(struct http1_feed *f, const struct http1_head *head, struct span raw,
		       enum http1_cut cut)
{
	struct http_tx *tx = f->side->tx;
	struct http_msg *msg = &tx->msg[f->dir];

	http_exchange_head(f->env, tx, f->dir, head, raw);
	msg->head_truncated |= cut != CUT_NONE;
	msg->first_ns = f->side->start_ns;
	msg->last_ns = f->p->now_ns;
}

// A client that asks again does not take the response before for one that ends with the connection.
static void end_bad_length(struct http1_feed *f)
{
	struct http1_feed server = http1_feed(f->p, SERVER);
	const struct http_tx *tx = server.side->tx;

	if (server.side->state == STATE_CLOSE && tx &&
	    tx->msg[SERVER].anomalies & ANOMALY_BIT(BAD_LENGTH))
		http1_message_lost(&server, 0, false, 0);
}

static void request_begin(struct http1_feed *f, const struct http1_head *head, struct span raw,
			  enum http1_cut cut)
{
	struct flow_env *env = f->env;
	struct http1_side *side = f->side;
	struct http_pair *pair = &f->conn->pair;

	env->stats.http_requests++;
	end_bad_length(f);
	make_room(f);
	if (pair->unfollowed || (pair->n && pair->n >= env->limits.pipeline)) {
		env->stats.http_pipeline_full++;
		f->conn->index++;
	} else {
		side->tx = exchange_new(f);
	}
	if (!side->tx) {
		http_pair_skip(pair);
		return;
	}
	side->tx->kind = (uint8_t)head->kind;
	side->expect = head->header[HEADER_EXPECT].p;
	keep_facts(f, head, raw, cut);
	http_pair_request(pair, side->tx, side->start, side->start_ack);
	if (env->sink.request)
		env->sink.request(env->sink.ctx, side->tx);
}

// A response whose request nobody knows.
static struct http_tx *orphan_new(struct http1_feed *f, bool unsolicited)
{
	struct http_tx *tx = exchange_new(f);

	if (!tx)
		return NULL;
	if (http1_silent(f->p, CLIENT))
		tx->msg[SERVER].anomalies |= ANOMALY_BIT(ASYMMETRIC);
	else if (unsolicited)
		tx->msg[SERVER].anomalies |= ANOMALY_BIT(UNSOLICITED_RESPONSE);
	return tx;
}

// A response to a request whose head is not yet all there: the server refuses it early, or the tap
// sees it late. What is there is reported now; the rest goes by like that of a head too long.
static void answer_early(struct http1_feed *f)
{
	struct http1_feed client = http1_feed(f->p, CLIENT);
	const struct http1_side *side = client.side;
	const struct http_pair *pair = &f->conn->pair;

	if (side->state == STATE_HEAD && side->start_line && !side->strict && pair->anchored &&
	    !pair->head && !pair->unfollowed && !pair->broken && f->p->acked[CLIENT] > side->start)
		http1_message_head(&client, span_make(side->gather, side->gathered), 0,
				   CUT_TOO_LONG);
}

static enum http_pair_result response_pair(struct http1_feed *f)
{
	struct http_pair *pair = &f->conn->pair;
	const struct http1_side *client = &f->conn->side[CLIENT];

	answer_early(f);
	struct http_pair_view view = {
		.start = f->side->start,
		.before = f->side->start_ack,
		.acked = f->p->acked[CLIENT],
		.known = client->synced ? client->next : f->conn->lost_at,
		.client_lossy = f->p->lossy[CLIENT],
	};
	bool unsolicited = nothing_asked(f);
	struct http_tx *tx, *old;
	enum http_pair_result result = http_pair_response(pair, &view, &tx);

	if (result == PAIR_REQUEST) {
		while ((old = http_pair_pop(pair)) && old != tx)
			exchange_drop(f, old);
	} else if (result == PAIR_NONE) {
		while ((old = http_pair_stale(pair, view.start)))
			exchange_drop(f, old);
		tx = orphan_new(f, unsolicited);
	}
	f->side->tx = tx;
	f->side->paired = result != PAIR_NONE;
	return result;
}

// The bytes behind CONNECT are no tunnel's, or those behind a request to upgrade are HTTP.
static void leave_wait(struct http1_feed *f)
{
	struct http1_feed client = http1_feed(f->p, CLIENT);

	client.side->upgrade = false;
	if (client.side->state != STATE_WAIT)
		return;
	if (client.side->waited)
		http1_message_lost(&client, 0, false, 0);
	else
		client.side->state = STATE_START;
}

// True: the connection is no longer HTTP behind this response.
static bool response_begin(struct http1_feed *f, const struct http1_head *head, struct span raw,
			   enum http1_cut cut)
{
	struct http1_side *side = f->side;
	enum http_pair_result result = response_pair(f);
	struct http_tx *tx = side->tx;
	uint32_t kind = tx ? tx->kind : METHOD_OTHER;
	bool tunnel = head->status == 101 || (kind == METHOD_CONNECT && head->status / 100 == 2);

	f->env->stats.http_responses++;
	side->bodyless =
		tunnel || kind == METHOD_HEAD || head->status == 204 || head->status == 304;
	if (!tunnel && (result != PAIR_REQUEST || kind == METHOD_CONNECT || !f->conn->pair.head))
		leave_wait(f);
	if (!tx)
		return tunnel;
	tx->status = head->status;
	keep_facts(f, head, raw, cut);
	if (head->status == 204 &&
	    (head->framing.coded || (head->framing.length && head->framing.content_length)))
		http1_mark(f, ANOMALY_BIT(BODY_ON_BODYLESS));
	if (f->env->sink.response)
		f->env->sink.response(f->env->sink.ctx, tx);
	return tunnel;
}

void http1_message_drain(struct http1_feed *f)
{
	struct http_tx *tx;

	for (uint32_t dir = 0; dir < 2; dir++) {
		struct http1_feed side = http1_feed(f->p, dir);

		if (http1_in_message(side.side))
			http1_message_end(&side, 0, false);
		http1_gather_free(&side);
	}
	while ((tx = http_pair_pop(&f->conn->pair)))
		exchange_end(f, tx);
}

// ---- bodies

// head: NULL when it is no longer there.
static void body_open(struct http1_feed *f, const struct http1_head *head)
{
	struct http1_side *side = f->side;
	struct http_tx *tx = side->tx;

	if (!tx)
		return;
	struct span *header = tx->msg[f->dir].header;

	if (tx->capture) {
		side->body = body_begin(f->env, tx, f->dir);
	} else if (head) { // nothing was kept: lend what body_begin reads
		memcpy(header, head->header, sizeof(head->header));
		side->body = body_begin(f->env, tx, f->dir);
		memset(header, 0, sizeof(head->header));
	}
}

// "GET" SP target and nothing else (RFC 1945 section 4.1); clients sent an empty line behind it.
static bool simple_line(struct span raw, struct http1_head *head)
{
	struct span line = span_until(raw, '\n');
	uint32_t rest = raw.len - line.len;

	if (rest > 1 && raw.p[line.len + 1] == '\r') // the empty line's
		rest--;
	return rest >= 1 && rest <= 2 && raw.p[raw.len - 1] == '\n' &&
	       http1_head_start(line, CLIENT, head) && head->no_version &&
	       !(head->anomalies & ANOMALY_BIT(BAD_REQUEST_LINE)) &&
	       span_eq(head->method, SPAN_LIT("GET")) && head->uri.len && head->uri.p[0] == '/' &&
	       !memchr(head->uri.p, ' ', head->uri.len);
}

bool http1_message_waits(const struct http1_feed *f, struct span raw)
{
	struct http1_head head = {0};

	return f->dir == CLIENT && f->conn->index == 0 && !f->conn->side[SERVER].seen &&
	       simple_line(raw, &head);
}

// Such a request, as all of a connection that is seen from its start, and received by the server.
static bool simple_request(const struct http1_feed *f, struct http1_head *head)
{
	const struct http1_side *side = &f->conn->side[CLIENT];

	return f->conn->index == 0 && !f->p->conn->midstream && !f->p->lossy[CLIENT] &&
	       !f->p->lossy[SERVER] && f->p->acked[CLIENT] >= side->next &&
	       side->state == STATE_HEAD && side->gather && !side->strict && !side->empty_lines &&
	       !f->side->empty_lines && simple_line(span_make(side->gather, side->gathered), head);
}

void http1_message_simple(struct http1_feed *f)
{
	struct http1_feed client = http1_feed(f->p, CLIENT);
	struct http1_head head = {.framing = HTTP1_FRAMING_INIT}, none = {0};
	struct http1_side *side = client.side;

	if (!simple_request(f, &head))
		return;
	head.anomalies = 0;
	head.version_minor = none.version_minor = 9;
	side->synced = true;
	side->tx = NULL;
	side->state = STATE_HEAD_SKIP;
	request_begin(&client, &head, span_make(side->gather, side->gathered), CUT_NONE);
	http1_message_end(&client, 0, true);
	http1_gather_free(&client);
	response_pair(f);
	f->env->stats.http_responses++;
	side = f->side;
	side->interim = side->bodyless = false;
	side->left = UINT64_MAX;
	side->state = STATE_CLOSE;
	if (!side->tx)
		return;
	keep_facts(f, &none, span_make("", 0), CUT_NONE); // there is no head
	side->tx->msg[SERVER].framing = FRAMING_CLOSE;
	side->tx->msg[SERVER].has_body = true;
	side->tx->msg[SERVER].content_length = UINT64_MAX;
	if (f->env->sink.response)
		f->env->sink.response(f->env->sink.ctx, side->tx);
	body_open(f, &none);
}

void http1_message_bytes(struct http1_feed *f, struct span bytes)
{
	struct http1_side *side = f->side;

	side->left -= bytes.len;
	if (!side->tx)
		return;
	struct http_msg *msg = &side->tx->msg[f->dir];

	msg->last_ns = f->p->now_ns;
	if (side->body)
		body_data(f->env, side->body, bytes);
	else
		msg->wire_len += bytes.len;
}

void http1_message_decided(struct http1_feed *f)
{
	struct http1_side *side = f->side;
	uint32_t n = side->gathered;

	side->gathered = 0;
	side->state = side->after;
	body_open(f, NULL);
	http1_message_bytes(f, span_make("HTTP/1.", n));
}

void http1_message_end(struct http1_feed *f, uint32_t n, bool complete)
{
	struct http1_side *side = f->side;

	if (side->state == STATE_DECIDE)
		http1_message_decided(f);
	struct http_tx *tx = side->tx;
	struct body *body = side->body;

	// Behind the last chunk nothing of the body is to come (RFC 9112 section 7.1.2).
	complete = (complete || side->state == STATE_TRAILER) && !side->gap;
	side->tx = NULL;
	side->body = NULL;
	side->gap = false;
	side->expect = false;
	side->state = STATE_START;
	if (body)
		body_end(f->env, body, complete);
	if (!tx)
		return;
	struct http_msg *msg = &tx->msg[f->dir];

	if (!body)
		msg->complete = complete && !msg->has_body;
	if (!complete)
		msg->anomalies |= ANOMALY_BIT(TRUNCATED);
	msg->last_ns = f->p->now_ns;
	if (f->dir == CLIENT)
		tx->req_end_off = f->off + n;
	else if (more_than_asked(f, n))
		msg->anomalies |= ANOMALY_BIT(UNSOLICITED_RESPONSE);
	// The other half may still be arriving, or the response not yet have begun.
	if (!tx->pending && f->conn->side[!f->dir].tx != tx)
		exchange_end(f, tx);
}

// From n bytes behind f->off on.
static void sync_begin(struct http1_feed *f, uint32_t n, uint64_t anomalies)
{
	struct http1_side *side = f->side;

	if (http1_in_message(side)) {
		http1_mark(f, anomalies);
		http1_message_end(f, n, false);
	}
	http1_gather_free(f);
	side->state = STATE_SYNC;
	side->synced = false;
	side->upgrade = false;
	side->strict = false;
	side->interim = false;
	side->blank = false;
}

void http1_message_lost(struct http1_feed *f, uint32_t n, bool whole, uint64_t anomalies)
{
	bool synced = f->side->synced;
	// Behind a cut-off request there may have been the next one.
	bool cut = !synced && f->dir == CLIENT && !f->conn->pair.unseen;

	sync_begin(f, n, anomalies);
	if (synced && f->dir == CLIENT)
		f->conn->lost_at = f->off + n;
	if (synced || whole || cut)
		http_pair_lost(&f->conn->pair, f->dir, whole || cut);
}

void http1_message_cut_off(struct http1_feed *f, uint64_t len)
{
	sync_begin(f, 0, ANOMALY_BIT(GAP));
	f->conn->lost_at = f->off + len;
	http_pair_cut_off(&f->conn->pair);
}

void http1_message_none(struct http1_feed *f, uint32_t n)
{
	bool expected = f->side->synced && !f->side->strict;

	f->env->stats.http_errors += expected;
	f->env->stats.http_skipped_bytes += n;
	http1_message_lost(f, n, expected, 0);
}

// head: NULL when it is no longer there.
static void body_start(struct http1_feed *f, const struct http1_framing *framing,
		       const struct http1_head *head, uint32_t n)
{
	struct http1_side *side = f->side;
	struct http_tx *tx = side->tx;
	enum http_framing how;
	bool known = f->dir == CLIENT ? http1_framing_request(framing, &how)
				      : http1_framing_response(framing, side->bodyless, &how);

	if (how == FRAMING_CLOSE && framing->bad_length && f->conn->pair.n)
		known = false; // more responses are expected behind it
	bool empty = how == FRAMING_NONE || (how == FRAMING_LENGTH && framing->content_length == 0);

	if (tx) {
		tx->msg[f->dir].framing = (uint8_t)how;
		tx->msg[f->dir].has_body = !known || !empty;
		if (known)
			tx->msg[f->dir].content_length =
				how == FRAMING_CLOSE ? UINT64_MAX : framing->content_length;
	}
	if (!known) {
		http1_message_lost(f, n, false, 0);
		return;
	}
	if (empty) {
		bool connect = f->dir == CLIENT && tx && tx->kind == METHOD_CONNECT;

		http1_message_end(f, n, true);
		side->waited = false;
		side->early_lost = false;
		side->upgrade = f->dir == CLIENT && head && head->header[HEADER_UPGRADE].p &&
				parser_by_upgrade(head->header[HEADER_UPGRADE]);
		if (connect)
			side->state = STATE_WAIT;
		return;
	}
	side->left = how == FRAMING_LENGTH ? framing->content_length : UINT64_MAX;
	side->state = how == FRAMING_LENGTH    ? STATE_LENGTH
		      : how == FRAMING_CHUNKED ? STATE_CHUNK_SIZE
					       : STATE_CLOSE;
	if (how == FRAMING_CHUNKED) {
		side->left = 0;
		side->digits = 0;
		side->cr = side->extension = side->blanks = false;
	} else if (f->dir == SERVER && (!tx || !tx->msg[CLIENT].seen)) {
		side->after = side->state;
		side->state = STATE_DECIDE;
		return;
	}
	body_open(f, head);
}

void http1_message_body(struct http1_feed *f, const struct http1_framing *framing, uint32_t n)
{
	body_start(f, framing, NULL, n);
}

// ---- heads

// What may be taken for a head where no message was expected. Of one that a snap length cut off the
// host may be in what is missing.
static bool credible(const struct http1_feed *f, const struct http1_head *head)
{
	const uint64_t bad = ANOMALY_BIT(BARE_LF) | ANOMALY_BIT(BARE_CR) |
			     ANOMALY_BIT(BAD_HEADER_LINE) | ANOMALY_BIT(BAD_HEADER_NAME) |
			     ANOMALY_BIT(BAD_HEADER_VALUE) | ANOMALY_BIT(BAD_REQUEST_LINE) |
			     ANOMALY_BIT(BAD_STATUS_LINE) | ANOMALY_BIT(BAD_VERSION) |
			     ANOMALY_BIT(NUL_IN_HEAD);

	bool host = head->version_minor == 0 || head->header[HEADER_HOST].p || f->p->cut_off;

	return !(head->anomalies & bad) &&
	       (f->dir == SERVER || (host && http1_head_known_method(head->method)));
}

// The connection is no longer HTTP behind this response: who understands what follows?
static void hand_over(struct http1_feed *f, const struct http1_head *head)
{
	struct handover *hand = &f->env->hand;
	struct http_tx *tx = f->side->tx;

	if (head->status != 101) { // to CONNECT
		hand->set = true;
		return;
	}
	struct span tokens = head->header[HEADER_UPGRADE];

	if (!tokens.p && tx)
		tokens = http_header(tx, CLIENT, HEADER_UPGRADE);
	hand->next = parser_by_upgrade(tokens);
	hand->set = hand->next;
	hand->tx = hand->set ? tx : NULL;
	struct http1_side *client = &f->conn->side[CLIENT];

	// The beginning of HTTP/2's first line may be there alone, as that of a head.
	if (hand->set && (client->state == STATE_WAIT ||
			  (client->state == STATE_HEAD && client->upgrade && client->gather))) {
		hand->early = client->gather;
		hand->early_len = client->gathered;
		hand->early_off = client->start;
		hand->early_lost = client->early_lost;
		client->gather = NULL;
		client->gathered = 0;
	}
}

// raw is as much of the head as was kept; the line it ends in goes on.
static void skip_begin(struct http1_feed *f, const struct http1_head *head, struct span raw)
{
	struct http1_side *side = f->side;
	struct http1_skipped skipped = {.framing = head->framing};
	uint32_t begin = raw.len;

	while (begin > 0 && raw.p[begin - 1] != '\n')
		begin--;
	uint32_t n = raw.len - begin;

	side->line = n < UINT16_MAX ? (uint16_t)n : UINT16_MAX;
	side->cr = n && raw.p[raw.len - 1] == '\r';
	if (!side->gather)
		return;
	memcpy(skipped.line, raw.p + begin, n < HTTP1_SKIPPED_LINE ? n : HTTP1_SKIPPED_LINE);
	memcpy(side->gather, &skipped, sizeof(skipped));
}

void http1_message_head(struct http1_feed *f, struct span raw, uint32_t n, enum http1_cut cut)
{
	struct http1_side *side = f->side;
	struct http1_head head;

	if (!http1_head_parse(raw, f->dir, f->env->limits.headers, &head) ||
	    (side->strict && !credible(f, &head))) {
		http1_message_none(f, n);
		return;
	}
	if (side->empty_lines)
		head.anomalies |= ANOMALY_BIT(LEADING_EMPTY_LINES);
	if (cut == CUT_TOO_LONG && raw.len >= f->env->limits.head_bytes) {
		head.anomalies |= ANOMALY_BIT(HEAD_TOO_LONG);
		f->env->stats.http_head_too_long++;
	}
	side->empty_lines = false;
	side->strict = false;
	side->synced = true;
	side->upgrade = false;
	side->interim = f->dir == SERVER && head.status / 100 == 1 && head.status != 101;
	side->bodyless = side->interim;
	side->paired = false;
	side->tx = NULL;
	side->state = STATE_HEAD_SKIP;
	if (f->dir == CLIENT) {
		request_begin(f, &head, raw, cut);
	} else if (!side->interim && response_begin(f, &head, raw, cut)) {
		if (cut == CUT_NONE)
			hand_over(f, &head);
		http1_message_end(f, n, cut != CUT_LOST);
		f->env->stats.http_upgrades++;
		f->conn->opaque = true;
		http1_message_drain(f);
		return;
	}
	if (cut == CUT_TOO_LONG) {
		skip_begin(f, &head, raw);
		return;
	}
	if (cut == CUT_NONE)
		body_start(f, &head.framing, &head, n);
	http1_gather_free(f);
}

bool http1_message_cut(struct http1_feed *f)
{
	struct http1_side *side = f->side;
	struct span raw = span_make(side->gather, side->gathered);
	struct http1_head head;

	if (side->state != STATE_HEAD || !side->start_line)
		return false;
	if (side->strict &&
	    (!http1_head_parse(raw, f->dir, f->env->limits.headers, &head) || !credible(f, &head)))
		return false;
	http1_message_head(f, raw, 0, CUT_LOST);
	return true;
}

uint32_t http1_holds(const void *state)
{
	const struct http1 *conn = state;
	const struct http1_side *client = &conn->side[CLIENT], *server = &conn->side[SERVER];

	return (conn->pair.n || client->tx || server->tx ? HOLDS_EXCHANGE : 0) |
	       (client->gather || server->gather ? HOLDS_HEAD : 0);
}

void http1_ahead(const struct pctx *p, enum dir dir, uint32_t len, bool near)
{
	const struct http1_side *side = &((const struct http1 *)p->state)->side[dir];

	if (!side->body || !side->tx)
		return;
	if (!near)
		__builtin_prefetch(&side->tx->detect);
	body_ahead(p->env, side->body, &side->tx->msg[dir], len, near);
}
