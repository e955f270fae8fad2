// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// One line for each decision, in the order in which they fall: those of the flow side come through
// its trace, what it found through the event sink, what detection made of it through its observer,
// and what became of each packet from the differences of the counters. Runs in the one thread that
// is reader, worker and control thread. What was captured is cleaned for a terminal, and sensitive
// values are shown masked only: of a request's target the template, of a body its data types.

#include "dataplane/explain.h"

#include "detect/datatype.h"
#include "detect/detector.h"
#include "detect/text.h"
#include "flows/parser.h"
#include "flows/ws_header.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

enum { TEXT_BYTES = 200 };

#define CLEAN(s) clean((char[TEXT_BYTES]){0}, (s))

static const char *clean(char out[TEXT_BYTES], struct span s)
{
	text_clean(out, TEXT_BYTES, s.p, s.len);
	return out;
}

static void put_time(struct explain_print *e, uint64_t ns)
{
	time_t seconds = (time_t)(ns / UINT64_C(1000000000));
	uint64_t since = ns > e->first_ns ? ns - e->first_ns : 0;
	struct tm tm = {0};
	char text[40] = "?";

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(e->out, "%s.%06" PRIu64 " UTC (+%" PRIu64 ".%06" PRIu64 " s)", text,
		ns % UINT64_C(1000000000) / 1000, since / UINT64_C(1000000000),
		since % UINT64_C(1000000000) / 1000);
}

// Begins a line of what a stage says. Outside of packets it says so, but only once it does.
static void begin(struct explain_print *e, const char *stage)
{
	if (e->tick_ns) {
		fputs("time passes  ", e->out);
		put_time(e, e->tick_ns);
		fputc('\n', e->out);
	}
	e->tick_ns = 0;
	fprintf(e->out, "    %-9s ", stage);
}

__attribute__((format(printf, 3, 4))) static void say(struct explain_print *e, const char *stage,
						      const char *format, ...)
{
	va_list args;

	begin(e, stage);
	va_start(args, format);
	vfprintf(e->out, format, args);
	va_end(args);
	fputc('\n', e->out);
}

const char *explain_end_text(const uint8_t addr[16], uint16_t port, char out[EXPLAIN_END_BYTES])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = memcmp(addr, mapped, sizeof(mapped)) == 0;
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? addr + 12 : addr, text, sizeof(text));
	snprintf(out, EXPLAIN_END_BYTES, v4 ? "%s:%u" : "[%s]:%u", text, port);
	return out;
}

static const char *side_text(const struct explain_print *e, uint32_t side,
			     char out[EXPLAIN_END_BYTES])
{
	return explain_end_text(e->key.addr[side & 1], e->key.port[side & 1], out);
}

// ---- packets

static void put_flags(FILE *out, uint8_t flags)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
	const char *comma = "";

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (flags >> i & 1) {
			fprintf(out, "%s%s", comma, names[i]);
			comma = ",";
		}
	}
	fputs(*comma ? "" : "no flags", out);
}

void explain_print_packet(struct explain_print *e, uint64_t number, const struct pkt *pkt,
			  const struct packet_layers *layers)
{
	char from[EXPLAIN_END_BYTES], to[EXPLAIN_END_BYTES];

	e->pkt = pkt;
	e->key = pkt->key;
	if (e->first_ns == 0)
		e->first_ns = pkt->ts_ns;
	fprintf(e->out, "packet %" PRIu64 "  ", number);
	put_time(e, pkt->ts_ns);
	fprintf(e->out, "  %s > %s\n", side_text(e, pkt->src, from), side_text(e, !pkt->src, to));
	fprintf(e->out, "    %-9s", "layers");
	for (uint32_t i = 0; i < layers->n; i++)
		fprintf(e->out, " %s", layers->name[i]);
	fputs(" tcp", e->out);
	if (pkt->key.space_proto >> 8)
		fprintf(e->out, ", key of its virtual network %06x", pkt->key.space_proto >> 8);
	fprintf(e->out, "\n    %-9s ", "segment");
	put_flags(e->out, pkt->tcp_flags);
	fprintf(e->out, ", sequence %u, acknowledges %u, %u bytes of payload", pkt->seq, pkt->ack,
		pkt->payload_len);
	if (pkt->missing_len)
		fprintf(e->out, ", %u more cut off by the capture", pkt->missing_len);
	if (pkt->bad_checksum)
		fputs(pkt->bad_ip_checksum ? ", wrong checksum of IP" : ", wrong checksum", e->out);
	if (pkt->frag_overlap)
		fputs(", of fragments that contradict each other", e->out);
	fputc('\n', e->out);
}

static int64_t change(const uint64_t *before, const uint64_t *after, enum fate fate)
{
	return (int64_t)(after[fate] - before[fate]);
}

// What TCP made of the segment.
static void say_order(struct explain_print *e, const struct fates *before,
		      const struct fates *after)
{
	int64_t held = change(before->pkts, after->pkts, FATE_HELD);
	int64_t parsed = change(before->bytes, after->bytes, FATE_PARSED) +
			 change(before->bytes, after->bytes, FATE_OPAQUE);
	int64_t again = change(before->bytes, after->bytes, FATE_DUPLICATE);

	if (!e->pkt)
		return;
	if (parsed > 0 && held < 0)
		say(e, "tcp", "in its place, and with it what was held behind it");
	else if (parsed > 0)
		say(e, "tcp", "in its place");
	else if (held > 0)
		say(e, "tcp", "ahead of its turn: held until what is before it has come");
	if (again > 0)
		say(e, "tcp", "%" PRId64 " bytes of it were seen before", again);
}

void explain_print_fates(struct explain_print *e, const struct fates *before,
			 const struct fates *after)
{
	const char *comma = "";

	say_order(e, before, after);
	begin(e, "fate");
	for (uint32_t i = 0; i < FATE_N; i++) {
		int64_t pkts = (int64_t)(after->pkts[i] - before->pkts[i]);
		int64_t bytes = (int64_t)(after->bytes[i] - before->bytes[i]);

		if (!pkts && !bytes)
			continue;
		fprintf(e->out, "%s%s", comma, fate_names[i]);
		if (pkts)
			fprintf(e->out, " %+" PRId64 " packet%s", pkts,
				pkts == 1 || pkts == -1 ? "" : "s");
		if (bytes)
			fprintf(e->out, " %+" PRId64 " bytes", bytes);
		comma = ", ";
	}
	fputs(*comma ? "\n" : "unchanged\n", e->out);
}

void explain_print_stats(struct explain_print *e, const struct flow_stats *before,
			 const struct flow_stats *after)
{
#define X(name, help)                                                                              \
	if (after->name != before->name && strcmp(#name, "tcp_segments") != 0)                     \
		say(e, "counted", #name " %" PRIu64 ": " help, after->name - before->name);
	FLOW_STATS(X)
#undef X
	if (e->pkt && (e->pkt->tcp_flags & TCP_RST))
		say(e, "tcp",
		    after->tcp_bad_rst != before->tcp_bad_rst
			    ? "the reset is not believed: it does not stand where its receiver "
			      "would take it"
			    : "the reset is believed unless more of the stream follows");
	e->pkt = NULL;
}

// ---- the flow side's decisions

static const char *dir_text(enum dir dir)
{
	return dir == CLIENT ? "client" : "server";
}

static const char *gap_reason(const struct explain_print *e, const struct trace_event *t)
{
	if (e->pkt && e->pkt->missing_len && t->n_held == 0 && t->acked <= t->off)
		return "the capture cut them off";
	if (t->acked > t->off)
		return "their receiver has acknowledged what is behind them: it has them, the "
		       "capture lost them";
	if (t->n_held >= e->limits->gap_segments)
		return "enough came behind them";
	if (t->waited_ns >= (uint64_t)e->limits->gap_ms * 1000000)
		return "they were waited for long enough";
	return e->pkt ? "no more could be held for them" : "nothing will come any more";
}

static void on_trace(void *ctx, const struct trace_event *t)
{
	static const char *const probes[] = {"no", "not sure, needs more bytes", "yes"};
	static const char *const reasons[] = {"both directions ended", "reset",
					      "idle for too long",     "room was needed",
					      "the capture ends",      "another parser goes on"};
	struct explain_print *e = ctx;
	char text[EXPLAIN_END_BYTES];

	switch (t->kind) {
	case TRACE_PROBE:
		say(e, "probe", "%s, sent by a %s? %s", t->parser->name, dir_text(t->dir),
		    probes[t->result % 3]);
		break;
	case TRACE_PARSER:
		say(e, "parser", "%s takes the connection; %s is the client", t->parser->name,
		    side_text(e, t->side, text));
		break;
	case TRACE_HANDOVER:
		if (t->parser)
			say(e, "parser", "%s takes over behind the %s's message", t->parser->name,
			    dir_text(t->dir));
		else
			say(e, "parser", "a tunnel: what follows is looked at as a new connection");
		break;
	case TRACE_OPAQUE:
		if (t->parser)
			say(e, "parser", "%s gives the connection up; the rest is not looked at",
			    t->parser->name);
		else
			say(e, "parser", "no parser knows it; the rest is not looked at");
		break;
	case TRACE_GAP:
		say(e, "tcp", "%" PRIu64 " bytes of the %s are given up at offset %" PRIu64 ": %s",
		    t->len, dir_text(t->dir), t->off, gap_reason(e, t));
		break;
	case TRACE_FIN:
		say(e, "tcp", "the stream of %s ends in order", side_text(e, t->side, text));
		break;
	case TRACE_CLOSE:
		say(e, "tcp", "the connection is closed: %s",
		    reasons[t->result < 6 ? t->result : 4]);
		break;
	}
}

// ---- what the parsers found

static struct explain_body *body_of(struct explain_print *e, const struct http_tx *tx, bool make)
{
	for (uint32_t i = 0; i < EXPLAIN_OPEN; i++) {
		if (e->bodies[i].tx == tx)
			return &e->bodies[i];
	}
	for (uint32_t i = 0; make && i < EXPLAIN_OPEN; i++) {
		if (!e->bodies[i].tx) {
			e->bodies[i] = (struct explain_body){.tx = tx};
			return &e->bodies[i];
		}
	}
	return NULL;
}

static void put_anomalies(struct explain_print *e, uint64_t bits)
{
	for (uint32_t i = 0; i < ANOMALY_N; i++) {
		if (bits >> i & 1)
			fprintf(e->out, " +%s", http_anomaly_name(i));
	}
}

static void message_name(struct explain_print *e, const struct http_tx *tx, enum dir dir)
{
	const char *what = tx->proto == PROTO_WS ? "message"
			   : dir == CLIENT       ? "request"
						 : "response";

	begin(e, what);
	if (tx->proto == PROTO_WS)
		fprintf(e->out, "of the %s", dir_text(dir));
	else if (dir == CLIENT)
		fprintf(e->out, "%u, %s with a target of %u bytes", tx->index, CLEAN(tx->method),
			tx->uri.len);
	else
		fprintf(e->out, "to %u, status %u", tx->index, tx->status);
}

static void say_head(struct explain_print *e, const struct http_tx *tx, enum dir dir)
{
	const struct http_msg *msg = &tx->msg[dir];
	struct span type = msg->header[HEADER_CONTENT_TYPE];
	struct span coding = msg->header[HEADER_CONTENT_ENCODING];

	message_name(e, tx, dir);
	fprintf(e->out, ": head of %u bytes, HTTP/%u.%u, %u fields%s", msg->head_len,
		msg->version_major, msg->version_minor, msg->n_headers,
		msg->head_truncated ? ", cut" : "");
	if (type.len)
		fprintf(e->out, ", type %s", CLEAN(type));
	if (coding.len)
		fprintf(e->out, ", coding %s", CLEAN(coding));
	put_anomalies(e, msg->anomalies);
	fputc('\n', e->out);
}

static void on_request(void *ctx, struct http_tx *tx)
{
	struct explain_print *e = ctx;

	if (tx->proto != PROTO_WS)
		say_head(e, tx, CLIENT);
	if (e->inner.request)
		e->inner.request(e->inner.ctx, tx);
}

static void on_response(void *ctx, struct http_tx *tx)
{
	struct explain_print *e = ctx;

	say_head(e, tx, SERVER);
	if (!tx->msg[CLIENT].seen)
		say(e, "pairing", "its request is not known");
	if (e->inner.response)
		e->inner.response(e->inner.ctx, tx);
}

static void on_window(void *ctx, struct http_tx *tx, const struct window *window)
{
	struct explain_print *e = ctx;
	struct explain_body *body = body_of(e, tx, true);

	if (body) {
		body->windows[window->dir]++;
		body->structured[window->dir] |= window->values;
	}
	if (e->inner.window)
		e->inner.window(e->inner.ctx, tx, window);
}

static void on_value(void *ctx, struct http_tx *tx, const struct value *value)
{
	struct explain_print *e = ctx;
	struct explain_body *body = body_of(e, tx, true);

	if (body) {
		body->values[value->dir]++;
		body->nested[value->dir] |= value->parent.len > 0;
	}
	if (e->inner.value)
		e->inner.value(e->inner.ctx, tx, value);
}

static void say_message(struct explain_print *e, const struct http_tx *tx, enum dir dir,
			const struct explain_body *body)
{
	static const char *const framings[] = {"no body", "a body of known length",
					       "a chunked body", "a body until the end"};
	const struct http_msg *msg = &tx->msg[dir];
	const char *kind = "not searched";

	if (!msg->seen) {
		say(e, dir == CLIENT ? "request" : "response", "was not seen");
		return;
	}
	if (tx->proto == PROTO_WS && !msg->has_body)
		return;
	message_name(e, tx, dir);
	fprintf(e->out, " ends: %s",
		tx->proto == PROTO_WS ? "one or more frames" : framings[msg->framing & 3]);
	if (msg->has_body) {
		fprintf(e->out, ", %" PRIu64 " bytes", msg->wire_len);
		if (msg->body_len != msg->wire_len)
			fprintf(e->out, " that decode to %" PRIu64, msg->body_len);
		if (body && body->windows[dir])
			kind = !body->structured[dir] ? "searched as text"
			       : body->nested[dir]    ? "walked as JSON"
						      : "walked as a structure";
		fprintf(e->out, ", %s", kind);
		if (body && body->values[dir])
			fprintf(e->out, ", %" PRIu64 " value%s", body->values[dir],
				text_plural(body->values[dir]));
	}
	fputs(msg->complete ? ", complete" : ", incomplete", e->out);
	put_anomalies(e, msg->anomalies);
	fputc('\n', e->out);
}

static void on_end(void *ctx, struct http_tx *tx)
{
	struct explain_print *e = ctx;
	struct explain_body *body = body_of(e, tx, false);

	say_message(e, tx, CLIENT, body);
	say_message(e, tx, SERVER, body);
	if (tx->paired_by_guess)
		say(e, "pairing", "by TCP's acknowledgements, across a hole");
	e->n_exchanges += tx->proto != PROTO_WS;
	if (body)
		body->tx = NULL;
	if (e->inner.end)
		e->inner.end(e->inner.ctx, tx);
}

static void on_ws(void *ctx, const struct conn_meta *conn, const struct ws_frame *frame)
{
	static const char *const names[16] = {
		"continuation", "text", "binary", [8] = "close", "ping", "pong"};
	struct explain_print *e = ctx;
	const char *name = names[frame->opcode & 15];

	e->n_frames++;
	begin(e, "frame");
	fprintf(e->out, "of the %s: %s, %" PRIu64 " bytes%s%s", dir_text(frame->dir),
		name ? name : "of an unknown kind", frame->len, frame->fin ? ", final" : "",
		frame->complete ? "" : ", incomplete");
	put_anomalies(e, frame->anomalies);
	fputc('\n', e->out);
	if (e->inner.ws)
		e->inner.ws(e->inner.ctx, conn, frame);
}

static void on_tls(void *ctx, const struct conn_meta *conn, const struct tls_handshake *hello)
{
	struct explain_print *e = ctx;

	e->n_hellos++;
	begin(e, "tls");
	fprintf(e->out, "server name %s", hello->sni.p ? CLEAN(hello->sni) : "not given");
	if (hello->version)
		fprintf(e->out, ", version 0x%04x", hello->version);
	if (hello->cipher)
		fprintf(e->out, ", cipher 0x%04x", hello->cipher);
	if (hello->alpn.p)
		fprintf(e->out, ", protocol %s", CLEAN(hello->alpn));
	if (hello->client->ja4[0])
		fprintf(e->out, ", JA4 %s", hello->client->ja4);
	put_anomalies(e, hello->anomalies);
	fputc('\n', e->out);
	if (e->inner.tls)
		e->inner.tls(e->inner.ctx, conn, hello);
}

// ---- what detection made of it

static void on_exchange(void *arg, uint32_t, const struct exchange *x,
			const struct exchange_finding *findings, uint32_t n_findings)
{
	static const char *const kinds[] = {"unknown",           "an address", "Basic credentials",
					    "an API key",        "a session",  "a token",
					    "a configured field", "a certificate"};
	struct explain_print *e = arg;

	if (x->tx->msg[CLIENT].seen)
		say(e, "identity", "%s%s%s at %s%s, known by %s%s", x->user_len ? "user " : "",
		    x->user_len ? CLEAN(span_make(x->user, x->user_len)) : "a caller",
		    x->login ? " signing in" : "", x->host.len ? CLEAN(x->host) : "(no host)",
		    CLEAN(span_make(x->template, x->template_len)),
		    kinds[x->principal_kind <= PRINCIPAL_CERTIFICATE ? x->principal_kind : 0],
		    x->credentials ? "" : ", without credentials");
	for (uint32_t i = 0; i < x->n_hits; i++) {
		const struct exchange_hit *hit = &x->hits[i];

		say(e, "data", "%s in the %s, %s, %u value%s, such as %s",
		    datatype_get(hit->type)->id, hit->dir == CLIENT ? "request" : "response",
		    CLEAN(span_make(hit->name, hit->name_len)), hit->count, text_plural(hit->count),
		    CLEAN(span_make(hit->sample, hit->sample_len)));
	}
	if (x->hits_lost)
		say(e, "data", "values of %u more fields were not kept", x->hits_lost);
	for (uint32_t i = 0; i < n_findings; i++)
		say(e, "finding", "%s %s, confidence %u of 100", findings[i].detector->id,
		    findings[i].detector->title, findings[i].confidence);
	if (x->half)
		say(e, "detection",
		    "it was not seen as a whole: nothing is concluded from what "
		    "is not there");
}

void explain_print_attach(struct explain_print *e, struct sensor *sensor)
{
	struct flow_env *env = &sensor->workers[0]->env;

	e->limits = &sensor->plan.tracker;
	e->inner = env->sink;
	e->trace = (struct flow_trace){e, on_trace};
	env->trace = &e->trace;
	env->sink = (struct event_sink){
		.ctx = e,
		.request = on_request,
		.response = on_response,
		.window = on_window,
		.value = on_value,
		.end = on_end,
		.ws = on_ws,
		.tls = on_tls,
	};
	detect_observe(sensor->detect,
		       &(struct detect_observer){.arg = e, .exchange = on_exchange});
}
