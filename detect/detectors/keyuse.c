// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-07: a key, token or session is used in a way that it never was.
//
// Merger. Each credential has a habit (habit.h) of places, programs, endpoints and hours. A call
// from a place that is not in it, by a program that is not, or from another country, is a stray
// use: it is kept apart and teaches nothing for an hour. It is an issue when
//
//	the habit is old enough, and what is new about the stray use sums up to many bits, or
//	it takes turns with the usual use, within minutes and far away: two hold the credential.
//
// A place alone is none: phones roam, and services leave a cloud by many addresses, which makes
// their habit one of many places. People change their devices, too: what is signed in by a user
// needs more than a key of a program.

#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/habit.h"
#include "detect/principal.h"
#include "detect/siphash.h"
#include "detect/text.h"

#include <errno.h>
#include <stdio.h>

struct keyuse_options {
	bool enabled;
	uint32_t min_calls, min_days, min_together, switches, window_s, max_keys;
	double surprise, surprise_user;
};

struct keyuse_stray {
	uint64_t place, agent, first_ns, last_ns;
	uint64_t turn_ns; // of the first turn between it and usual use that counts
	uint32_t calls, ok, turns, endpoints_new;
	double bits, endpoint_bits;
	bool last;   // the call before was one of it
	bool far;    // away from where the usual use was last
	bool abroad; // another country or operator, by the files
	bool agent_new, ja4_new, kind_new;
	uint8_t addr[16], usual_addr[16];
	char country[3], usual_country[3];
	uint32_t asn, usual_asn;
};

struct keyuse_key {
	struct habit habit;
	struct location last; // of usual use
	uint8_t last_addr[16];
	uint64_t told_ns; // 0: no issue
	struct keyuse_stray stray;
};

struct keyuse {
	struct lru keys; // by principal
};

#define KEYUSE_ROW(field, kind, ...)                                                               \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct keyuse_options, field),     \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row keyuse_rows[] = {
	KEYUSE_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	KEYUSE_ROW(min_calls, CONF_U32, .min = 50, .max = 1e9, .def = "1000", .unit = "calls",
		   .help = "Calls of a credential before another use of it can be surprising"),
	KEYUSE_ROW(min_days, CONF_U32, .min = 1, .max = 365, .def = "7", .unit = "days",
		   .help = "Or days for which it is known, with a tenth of the calls"),
	KEYUSE_ROW(surprise, CONF_F64, .min = 4, .max = 200, .def = "18.0", .unit = "bits",
		   .help = "Surprise that makes an issue of a program's key: minus the logarithm of "
			   "the chance"),
	KEYUSE_ROW(surprise_user, CONF_F64, .min = 4, .max = 200, .def = "28.0", .unit = "bits",
		   .help = "The same of what a user signed in by"),
	KEYUSE_ROW(min_together, CONF_U32, .min = 10, .max = 1e9, .def = "50", .unit = "calls",
		   .help = "Calls of a credential before its use at two places at once is an issue"),
	KEYUSE_ROW(switches, CONF_U32, .min = 2, .max = 1e6, .def = "3", .unit = "times",
		   .help = "How often two places must take turns"),
	KEYUSE_ROW(window_s, CONF_U32, .min = 10, .max = 86400, .def = "600", .unit = "s",
		   .help = "Within this time"),
	KEYUSE_ROW(max_keys, CONF_U32, .min = 64, .max = 1 << 22, .def = "65536",
		   .unit = "credentials",
		   .help = "Credentials whose use is known; the one idle longest is forgotten"),
};
static const struct conf_section keyuse_section = {
	.path = "detect.keyuse",
	.help = "D-07: keys, tokens and sessions that are used as never before",
	.size = sizeof(struct keyuse_options),
	.rows = keyuse_rows,
	.n_rows = sizeof(keyuse_rows) / sizeof(keyuse_rows[0]),
};
CONF_SECTION(keyuse_section);

static const struct detector keyuse;
static const uint64_t hour_ns = UINT64_C(3600000000000);

// By the operator of the network where a file tells it: its addresses are one place.
static uint64_t place_of(const struct location *where)
{
	return where->asn ? siphash_id(siphash_number('A', where->asn, 0)) : where->wide;
}

static bool is_old(const struct keyuse_options *o, const struct habit *h, uint64_t now_ns)
{
	return h->calls >= o->min_calls ||
	       (h->calls >= o->min_calls / 10 &&
		now_ns >= h->first_ns + o->min_days * 24 * hour_ns);
}

static bool is_key(enum principal_kind kind)
{
	return kind == PRINCIPAL_API_KEY || kind == PRINCIPAL_BASIC || kind == PRINCIPAL_CONFIGURED;
}

// ---- Texts

static void term(struct issue_draft *draft, const char *name, int points)
{
	draft->terms[draft->n_terms++] = (struct issue_term){name, points};
	draft->confidence += (uint32_t)points;
}

static void place_text(const uint8_t addr[16], const char *country, uint32_t asn, char *out,
		       size_t size)
{
	char text[64];
	size_t n = (size_t)draft_text(out, size, "%s", source_text(addr, 0, text));

	if (country[0] && n < size)
		n += (size_t)draft_text(out + n, size - n, " (%s%s", country, asn ? "" : ")");
	if (asn && n < size)
		draft_text(out + n, size - n, "%sAS%u)", country[0] ? ", " : " (", asn);
}

static void keyuse_raise(const struct keyuse_options *o, struct merger *m, struct keyuse_key *k,
			 const struct call *call, bool together)
{
	const struct keyuse_stray *stray = &k->stray;
	double bits = stray->bits + stray->endpoint_bits;
	struct issue_draft draft = {
		.severity = stray->ok ? SEVERITY_HIGH : SEVERITY_MEDIUM,
		.result = stray->ok ? RESULT_SUCCEEDED : RESULT_ATTEMPTED,
		.metric = {.present = true, .name = "surprise", .unit = "bits", .window = "use",
			   .value = bits, .baseline_mean = o->surprise, .percentile = (double)NAN},
	};
	struct merged_principal *p = merger_principal(m, call->principal);
	char user[EXCHANGE_USER + 1], here[96], usual[96], calls[32];

	principal_text(p, user, sizeof(user));
	place_text(stray->addr, stray->country, stray->asn, here, sizeof(here));
	place_text(stray->usual_addr, stray->usual_country, stray->usual_asn, usual, sizeof(usual));
	if (together)
		term(&draft, "used at two distant places in turn, within minutes", 45);
	if (stray->agent_new)
		term(&draft, "by a program that never used it", 20);
	if (stray->kind_new)
		term(&draft, "a browser where only programs used it, or the other way round", 10);
	if (bits >= o->surprise && is_old(o, &k->habit, call->time_ns))
		term(&draft, "unlike all of its history", 25);
	if (stray->endpoints_new)
		term(&draft, "at endpoints where it was never used", 5);
	if (stray->abroad)
		term(&draft, "from another country or operator", 5);
	draft_text(draft.description, sizeof(draft.description),
		   "The credential of %s was used from %s%s%s, in %u call%s%s. Its %s calls before "
		   "came from %u network%s, the last one from %s, by %u program%s. This use is "
		   "surprising by %.1f bits%s.",
		   user, here, stray->agent_new ? ", by a program that never used it" : "",
		   stray->kind_new ? " and is of another sort (browser or not)" : "", stray->calls,
		   stray->calls == 1 ? "" : "s",
		   stray->endpoints_new ? ", some at endpoints where it was never used" : "",
		   text_count(calls, k->habit.calls), k->habit.place.different,
		   k->habit.place.different == 1 ? "" : "s", usual, k->habit.agent.different,
		   k->habit.agent.different == 1 ? "" : "s", bits,
		   together ? ", and it took turns with the usual one within minutes: two hold the "
			      "credential"
			    : "");
	draft_text(draft.impact, sizeof(draft.impact),
		   "A credential in other hands opens everything that its owner may do, and no "
		   "password is asked for.");
	draft_text(draft.remediation, sizeof(draft.remediation),
		   "Ask its owner whether this use is known. If not, withdraw the credential at once "
		   "and issue a new one; bind it to networks or a client certificate, and give it "
		   "only the rights that it needs.");
	merger_raise(m, &keyuse, call->principal, p, merger_endpoint(m, call->endpoint),
		     call->time_ns, &draft);
	k->told_ns = call->time_ns;
}

// ---- Use

static void stray_begin(struct keyuse_key *k, const struct habit_use *use, const struct call *call,
			const struct location *where)
{
	struct habit *h = &k->habit;

	k->stray = (struct keyuse_stray){
		.place = use->place,
		.agent = use->agent,
		.first_ns = use->time_ns,
		.far = k->last.wide && location_far(where, &k->last),
		.abroad = (where->country[0] && k->last.country[0] &&
			   memcmp(where->country, k->last.country, 2) != 0) ||
			  (where->asn && k->last.asn && where->asn != k->last.asn),
		.agent_new = use->agent && h->agent.different && !habit_has(&h->agent, use->agent),
		.ja4_new = use->ja4 && h->ja4.different && !habit_has(&h->ja4, use->ja4),
		.kind_new = use->agent_kind && h->agent_kinds &&
			    !(h->agent_kinds >> use->agent_kind & 1),
		.bits = habit_surprise(h, &h->place, use->place) +
			habit_surprise(h, &h->agent, use->agent) +
			habit_surprise(h, &h->ja4, use->ja4) + habit_hour_surprise(h, use->time_ns),
		.asn = where->asn,
		.usual_asn = k->last.asn,
	};
	if (k->stray.kind_new)
		k->stray.bits += habit_unseen(h->calls, 1) / 2; // goes with another program
	memcpy(k->stray.addr, call->client, 16);
	memcpy(k->stray.usual_addr, k->last_addr, 16);
	memcpy(k->stray.country, where->country, 3);
	memcpy(k->stray.usual_country, k->last.country, 3);
}

// Usual and stray use took turns.
static void stray_turn(const struct keyuse_options *o, struct keyuse_stray *stray, uint64_t time_ns)
{
	if (stray->turns && time_ns >= stray->turn_ns + o->window_s * UINT64_C(1000000000))
		stray->turns = 0;
	if (stray->turns == 0)
		stray->turn_ns = time_ns;
	stray->turns++;
}

// Is this a use that must not be learnt before more is known?
static bool is_stray(const struct habit *h, const struct habit_use *use,
		     const struct location *where, const struct location *last)
{
	bool agent_new = use->agent && h->agent.different && !habit_has(&h->agent, use->agent);
	bool ja4_new = use->ja4 && h->ja4.different && !habit_has(&h->ja4, use->ja4);

	if (h->calls == 0 || habit_has(&h->place, use->place))
		return agent_new && !(h->agent_kinds >> use->agent_kind & 1);
	return agent_new || ja4_new ||
	       (where->country[0] && last->country[0] && memcmp(where->country, last->country, 2));
}

static void stray_call(const struct keyuse_options *o, struct merger *m, struct keyuse_key *k,
		       const struct habit_use *use, const struct call *call)
{
	struct keyuse_stray *stray = &k->stray;
	const struct merged_principal *p = merger_principal(m, call->principal);
	bool user = !p || !is_key(p->kind), together, surprising;
	double endpoint = habit_endpoint_surprise(&k->habit, use->endpoint);

	if (!stray->last)
		stray_turn(o, stray, use->time_ns);
	stray->last = true;
	stray->last_ns = use->time_ns;
	stray->calls++;
	stray->ok += call_ok(call);
	stray->endpoints_new += endpoint > 0;
	if (endpoint > stray->endpoint_bits)
		stray->endpoint_bits = endpoint;
	surprising = is_old(o, &k->habit, use->time_ns) &&
		     stray->bits + stray->endpoint_bits >= (user ? o->surprise_user : o->surprise);
	together = stray->far && stray->turns >= o->switches && k->habit.calls >= o->min_together &&
		   (stray->agent_new || stray->ja4_new || stray->abroad);
	if (!surprising && !together && k->told_ns == 0)
		return;
	// Then once a minute while it goes on.
	if (k->told_ns == 0 || use->time_ns >= k->told_ns + hour_ns / 60)
		keyuse_raise(o, m, k, call, together);
}

static void keyuse_call(const struct detector *, const void *options, struct merger *m,
			void *state, const struct call *call)
{
	const struct keyuse_options *o = options;
	struct keyuse *s = state;
	struct location where;
	struct keyuse_key *k;

	if (!(call->flags & CALL_CREDENTIALS) || call->session == 0 ||
	    (call->flags & (CALL_LOGIN | CALL_MESSAGE | CALL_GUESSED)) || call->status == 0)
		return;
	k = lru_touch(&s->keys, call->principal, NULL);
	if (!k)
		return;
	// Nobody minded: then it is usual by now.
	if (k->told_ns && call->time_ns >= k->told_ns + o->min_days * 24 * hour_ns)
		k->told_ns = 0;
	merger_location(m, call->client, &where);
	struct habit_use use = {
		.time_ns = call->time_ns,
		.place = place_of(&where),
		.agent = call->agent,
		.ja4 = call->ja4,
		.endpoint = call->endpoint,
		.agent_kind = call->agent_kind,
	};
	if (is_stray(&k->habit, &use, &where, &k->last)) {
		struct keyuse_stray *stray = &k->stray;
		bool same = stray->calls && stray->place == use.place && stray->agent == use.agent;

		// Another one takes its place when it was silent for a while. What is new for an
		// hour and no issue becomes usual.
		if (!same && (stray->calls == 0 || use.time_ns >= stray->last_ns + hour_ns / 6)) {
			stray_begin(k, &use, call, &where);
			same = true;
		}
		if (same && (k->told_ns || use.time_ns < stray->first_ns + hour_ns)) {
			stray_call(o, m, k, &use, call);
			return;
		}
		if (!same || k->told_ns)
			return;
	}
	if (k->stray.last && k->stray.calls)
		stray_turn(o, &k->stray, use.time_ns);
	k->stray.last = false;
	// Only what the server takes is usual.
	if (!call_ok(call))
		return;
	habit_add(&k->habit, &use);
	k->last = where;
	memcpy(k->last_addr, call->client, sizeof(k->last_addr));
}

// ---- What is kept over restarts: habits, and nothing of stray uses

static int keyuse_save(const void *state, const struct merger *, FILE *out)
{
	const struct keyuse *s = state;
	uint32_t head[2] = {s->keys.n, sizeof(struct habit)};

	fwrite(head, sizeof(head), 1, out);
	for (const struct keyuse_key *k = lru_first(&s->keys); k; k = lru_next(&s->keys, k)) {
		uint64_t id = lru_id(k);

		fwrite(&id, sizeof(id), 1, out);
		fwrite(&k->habit, sizeof(k->habit), 1, out);
	}
	return ferror(out) ? -EIO : 0;
}

static int keyuse_load(void *state, struct merger *, FILE *in, size_t len, uint32_t version)
{
	struct keyuse *s = state;
	uint32_t head[2];

	if (version != keyuse.version || len < sizeof(head) ||
	    fread(head, sizeof(head), 1, in) != 1 || head[1] != sizeof(struct habit) ||
	    (uint64_t)head[0] * (sizeof(uint64_t) + sizeof(struct habit)) != len - sizeof(head))
		return -EBADMSG;
	for (uint32_t i = 0; i < head[0]; i++) {
		struct keyuse_key *k;
		struct habit habit;
		uint64_t id;

		if (fread(&id, sizeof(id), 1, in) != 1 ||
		    fread(&habit, sizeof(habit), 1, in) != 1 || id == 0)
			return -EBADMSG;
		k = lru_touch(&s->keys, id, NULL);
		if (!k)
			return -ENOMEM;
		k->habit = habit;
	}
	return 0;
}

static int keyuse_init(void *state, const void *opaque)
{
	const struct keyuse_options *o = opaque;
	struct keyuse *s = state;

	return lru_init(&s->keys, sizeof(struct keyuse_key), o->max_keys);
}

static void keyuse_fini(void *state)
{
	lru_fini(&((struct keyuse *)state)->keys);
}

static const struct detector keyuse = {
	.id = "D-07",
	.name = "keyuse",
	.title = "Stolen Credential",
	.module = "Runtime",
	.version = 1,
	.owasp = {"API2:2023"},
	.section = &keyuse_section,
	.state_size = sizeof(struct keyuse),
	.init = keyuse_init,
	.fini = keyuse_fini,
	.call = keyuse_call,
	.save = keyuse_save,
	.load = keyuse_load,
};
DETECTOR_REGISTER(keyuse);
