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
//
// Beside that, whatever the program says that it is:
//
//	one and the same token in two networks in turn, or further apart than anybody travels
//	(together.h): of networks that no file tells apart only when the programs differ, too
//	a key that only programs used, and now browsers in several networks, or the other way round

#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/habit.h"
#include "detect/principal.h"
#include "detect/siphash.h"
#include "detect/text.h"
#include "detect/together.h"

#include <errno.h>
#include <stdio.h>

struct keyuse_options {
	bool enabled;
	uint32_t min_calls, min_days, min_together, switches, switches_user, window_s, max_keys;
	uint32_t max_places, travel_km, travel_kmh, mix_places;
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

enum { MIX_PLACES = 8 };

// Browsers that use a key of programs, or programs one of browsers.
struct keyuse_mix {
	uint64_t first_ns, told_ns, place[MIX_PLACES];
	uint32_t n_places, calls;
};

struct keyuse_key {
	struct habit habit;
	struct location last; // of usual use
	uint8_t last_addr[16];
	uint64_t told_ns; // 0: no issue
	struct keyuse_stray stray;
	struct keyuse_mix mix;
	bool shared; // by more networks than max_places
};

// One key or token. A user may have several at once, each in a place of its own.
struct keyuse_token {
	struct together together;
	uint64_t told_ns, told_place; // 0: no issue
};

struct keyuse {
	struct lru keys;   // by principal
	struct lru tokens; // by the credential itself
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
	KEYUSE_ROW(switches_user, CONF_U32, .min = 2, .max = 1e6, .def = "10", .unit = "times",
		   .help = "The same of what a user signed in by, with one program in one country: "
			   "phones change networks"),
	KEYUSE_ROW(max_places, CONF_U32, .min = 2, .max = TOGETHER_PLACES - 1, .def = "4",
		   .unit = "networks",
		   .help = "A credential used in more networks is shared, and may be used anywhere"),
	KEYUSE_ROW(travel_km, CONF_U32, .min = 50, .max = 20000, .def = "500", .unit = "km",
		   .help = "Two places nearer than this are never too far apart, whatever the time "
			   "between"),
	KEYUSE_ROW(travel_kmh, CONF_U32, .min = 100, .max = 100000, .def = "1000", .unit = "km/h",
		   .help = "Faster than this nobody gets from one place to another"),
	KEYUSE_ROW(mix_places, CONF_U32, .min = 1, .max = MIX_PLACES, .def = "3",
		   .unit = "networks",
		   .help = "New networks in which browsers use a key of programs within a day that "
			   "are an issue, or programs one of browsers"),
	KEYUSE_ROW(window_s, CONF_U32, .min = 10, .max = 86400, .def = "600", .unit = "s",
		   .help = "Within this time"),
	KEYUSE_ROW(max_keys, CONF_U32, .min = 64, .max = 1 << 22, .def = "65536",
		   .unit = "credentials",
		   .help = "Credentials, and tokens of them, whose use is known; the one idle longest "
			   "is forgotten"),
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

static void keyuse_tell(struct merger *m, const struct call *call, struct issue_draft *draft)
{
	draft_text(draft->impact, sizeof(draft->impact),
		   "A credential in other hands opens everything that its owner may do, and no "
		   "password is asked for.");
	draft_text(draft->remediation, sizeof(draft->remediation),
		   "Ask its owner whether this use is known. If not, withdraw the credential at once "
		   "and issue a new one; bind it to networks or a client certificate, and give it "
		   "only the rights that it needs.");
	merger_raise(m, &keyuse, call->principal, merger_principal(m, call->principal),
		     merger_endpoint(m, call->endpoint), call->time_ns, draft);
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
	char user[EXCHANGE_USER + 1], here[96], usual[96], calls[32];

	principal_text(merger_principal(m, call->principal), user, sizeof(user));
	together_place_text(stray->addr, stray->country, stray->asn, here, sizeof(here));
	together_place_text(stray->usual_addr, stray->usual_country, stray->usual_asn, usual, sizeof(usual));
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
	keyuse_tell(m, call, &draft);
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
	together = stray->far && stray->turns >= o->switches && !k->shared &&
		   k->habit.calls >= o->min_together &&
		   (stray->agent_new || stray->ja4_new || stray->abroad);
	if (!surprising && !together && k->told_ns == 0)
		return;
	// Then once a minute while it goes on.
	if (k->told_ns == 0 || use->time_ns >= k->told_ns + hour_ns / 60)
		keyuse_raise(o, m, k, call, together);
}

// ---- Two places at once

// False: the call teaches nothing.
static bool token_call(struct keyuse *s, const struct keyuse_options *o, struct merger *m,
		       struct keyuse_key *k, const struct together_use *use,
		       const struct call *call)
{
	const struct together_limits limits = {
		.window_ns = o->window_s * UINT64_C(1000000000),
		.min_calls = o->min_together,
		.max_places = o->max_places,
		.turns = o->switches,
		.turns_user = o->switches_user,
		.travel_km = o->travel_km,
		.travel_kmh = o->travel_kmh,
	};
	const struct merged_principal *p = merger_principal(m, call->principal);
	struct keyuse_token *t = lru_touch(&s->tokens, call->session, NULL);
	struct issue_draft draft;
	char user[EXCHANGE_USER + 1];
	uint32_t seen;

	if (!t)
		return true;
	if (t->told_ns && use->time_ns >= t->told_ns + o->min_days * 24 * hour_ns)
		t->told_ns = t->told_place = 0;
	together_call(&t->together, use, &limits, habit_has(&k->habit.place, use->place));
	k->shared = t->together.n_places > o->max_places;
	seen = together_judge(&t->together, &limits, !p || !is_key(p->kind));
	// Then once a minute while it goes on.
	if (seen && (t->told_ns == 0 || use->time_ns >= t->told_ns + hour_ns / 60)) {
		draft = (struct issue_draft){
			.severity = seen & TOGETHER_TURNS || together_differs(&t->together)
					    ? SEVERITY_HIGH
					    : SEVERITY_MEDIUM,
			.result = RESULT_SUCCEEDED,
		};
		principal_text(p, user, sizeof(user));
		together_draft(&t->together, &limits, seen, user, &draft);
		keyuse_tell(m, call, &draft);
		t->told_ns = use->time_ns;
		t->told_place = t->together.other.place;
	}
	return t->told_place == 0 || use->place != t->told_place;
}

// ---- Browsers and programs

static void mix_raise(struct merger *m, struct keyuse_key *k, const struct call *call)
{
	const struct habit *h = &k->habit;
	struct issue_draft draft = {
		.severity = SEVERITY_HIGH,
		.result = RESULT_SUCCEEDED,
		.metric = {.present = true, .name = "networks_of_other_sort", .unit = "networks",
			   .window = "a day", .value = k->mix.n_places, .percentile = (double)NAN},
	};
	bool browser = call->agent_kind == AGENT_BROWSER;
	char user[EXCHANGE_USER + 1], from[96], calls[32];
	struct location where;

	merger_location(m, call->client, &where);
	principal_text(merger_principal(m, call->principal), user, sizeof(user));
	together_place_text(call->client, where.country, where.asn, from, sizeof(from));
	term(&draft, browser ? "a key of programs is used by browsers"
			     : "a key of browsers is used by programs", 40);
	term(&draft, "in several networks where it was never used", 20);
	draft_text(draft.description, sizeof(draft.description),
		   "The key of %s was used with success by %s in %u network%s where it was never "
		   "used, in %u call%s within a day, the last one from %s. All of its %s calls "
		   "before came from %s, in %u network%s.",
		   user, browser ? "browsers" : "programs", k->mix.n_places,
		   k->mix.n_places == 1 ? "" : "s", k->mix.calls, k->mix.calls == 1 ? "" : "s", from,
		   text_count(calls, h->calls), browser ? "programs" : "browsers",
		   h->place.different, h->place.different == 1 ? "" : "s");
	keyuse_tell(m, call, &draft);
	k->mix.told_ns = call->time_ns;
}

// A key that pages hold is in the hands of all who read them.
static void mix_call(const struct keyuse_options *o, struct merger *m, struct keyuse_key *k,
		     const struct habit_use *use, const struct call *call)
{
	const struct merged_principal *p = merger_principal(m, call->principal);
	uint32_t kinds = k->habit.agent_kinds & (1u << AGENT_BROWSER | 1u << AGENT_PROGRAM), i = 0;
	struct keyuse_mix *mix = &k->mix;

	if (use->agent_kind == AGENT_UNKNOWN || !kinds || kinds >> use->agent_kind & 1 || !p ||
	    !is_key(p->kind) || k->habit.calls < o->min_together ||
	    k->habit.place.different > o->max_places || habit_has(&k->habit.place, use->place))
		return;
	if (use->time_ns >= mix->first_ns + 24 * hour_ns)
		*mix = (struct keyuse_mix){.first_ns = use->time_ns, .told_ns = mix->told_ns};
	while (i < mix->n_places && mix->place[i] != use->place)
		i++;
	if (i == mix->n_places && i < MIX_PLACES)
		mix->place[mix->n_places++] = use->place;
	mix->calls++;
	if (mix->n_places >= o->mix_places &&
	    (mix->told_ns == 0 || use->time_ns >= mix->told_ns + hour_ns / 60))
		mix_raise(m, k, call);
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
	if (call_ok(call)) {
		struct together_use at = {
			.time_ns = call->time_ns,
			.place = use.place,
			.program = call->agent,
			.ja4 = call->ja4,
			.where = where,
		};

		memcpy(at.addr, call->client, sizeof(at.addr));
		mix_call(o, m, k, &use, call);
		if (!token_call(s, o, m, k, &at, call))
			return;
	}
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

static void bytes_put(FILE *out, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		putc(((const uint8_t *)bytes)[i], out);
}

static bool bytes_get(FILE *in, void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int c = getc(in);

		if (c == EOF)
			return false;
		((uint8_t *)bytes)[i] = (uint8_t)c;
	}
	return true;
}

// As they lie in memory: a file that was written by another layout has another size, and is not used.
static int keyuse_save(const void *state, const struct merger *, FILE *out)
{
	const struct keyuse *s = state;
	uint32_t head[2] = {s->keys.n, sizeof(struct habit)};

	bytes_put(out, head, sizeof(head));
	for (const struct keyuse_key *k = lru_first(&s->keys); k; k = lru_next(&s->keys, k)) {
		uint64_t id = lru_id(k);

		bytes_put(out, &id, sizeof(id));
		bytes_put(out, &k->habit, sizeof(k->habit));
	}
	return ferror(out) ? -EIO : 0;
}

static int keyuse_load(void *state, struct merger *, FILE *in, size_t len, uint32_t version)
{
	struct keyuse *s = state;
	uint32_t head[2];

	if (version != keyuse.version || len < sizeof(head) || !bytes_get(in, head, sizeof(head)) ||
	    head[1] != sizeof(struct habit) ||
	    (uint64_t)head[0] * (sizeof(uint64_t) + sizeof(struct habit)) != len - sizeof(head))
		return -EBADMSG;
	for (uint32_t i = 0; i < head[0]; i++) {
		struct keyuse_key *k;
		struct habit habit;
		uint64_t id;

		if (!bytes_get(in, &id, sizeof(id)) || !bytes_get(in, &habit, sizeof(habit)) ||
		    id == 0)
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

	if (lru_init(&s->keys, sizeof(struct keyuse_key), o->max_keys) ||
	    lru_init(&s->tokens, sizeof(struct keyuse_token), o->max_keys)) {
		lru_fini(&s->keys);
		return -1;
	}
	return 0;
}

static void keyuse_fini(void *state)
{
	struct keyuse *s = state;

	lru_fini(&s->keys);
	lru_fini(&s->tokens);
}

static size_t keyuse_memory(const void *opaque, const struct conf *)
{
	const struct keyuse_options *options = opaque;

	return lru_bytes(sizeof(struct keyuse_key), options->max_keys) +
	       lru_bytes(sizeof(struct keyuse_token), options->max_keys);
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
	.memory = keyuse_memory,
	.call = keyuse_call,
	.save = keyuse_save,
	.load = keyuse_load,
};
DETECTOR_REGISTER(keyuse);
