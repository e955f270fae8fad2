// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-45: an endpoint, or one caller, suddenly gets many errors.
//
// Merger: windows of a minute. An endpoint's calls and errors (4xx and 5xx apart) of quiet windows
// are its baseline; those of the present window are judged by the chance of so many under it
// (beta-binomial: the share itself is only known as well as the baseline is large). A caller's
// errors are judged by the sum of what its calls would get from everybody's baselines:
//
//	endpoint │ calls  4xx  5xx │ callers with errors: one ► it is the caller's, many ► its own
//	caller   │ calls  errors  expected
//
// Errors that all callers of an endpoint get are one issue of the endpoint, not one of each caller.
// Windows that are told, and callers who are, teach nothing. A sign-in that was refused is no error:
// who tries passwords, and whether right ones are refused, is D-06's to judge.

#include "detect/blob.h"
#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/judge.h"
#include "detect/lru.h"
#include "detect/principal.h"
#include "detect/stats.h"
#include "detect/text.h"

enum {
	CLIENT_ERRORS = 0,
	SERVER_ERRORS,
	CLASSES,
	USERS = 4,             // callers with errors that are told apart
	BASELINE_MAX = 100000, // calls that are remembered
	PRIOR = 1000,          // calls that a caller's expectation stands for
};

#define WINDOW_NS UINT64_C(60000000000)

struct errors_options {
	bool enabled;
	uint32_t min_calls, min_calls_caller, min_baseline, callers;
	double chance;
};

struct errors_endpoint {
	uint64_t window; // number of the present one, and 1
	uint64_t told_window;
	double calls, errors[CLASSES]; // quiet ones
	uint32_t n, k[CLASSES];        // of the present window
	uint32_t check;                // judged anew when n is this
	uint8_t n_users[CLASSES];
	uint64_t user[CLASSES][USERS]; // those with errors,
	uint32_t of_user[CLASSES][USERS]; // and how many they had
};

struct errors_caller {
	uint64_t window, told_window;
	uint32_t n, k[CLASSES], check;
	double expected;
	uint64_t endpoint;               // that failed first in this window,
	uint32_t endpoint_n, endpoint_k; // and how often
};

struct errors {
	struct lru callers;
};

static const struct detector errors;

#define ERRORS_ROW(field, kind, ...)                                                               \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct errors_options, field),     \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row errors_rows[] = {
	ERRORS_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	ERRORS_ROW(min_calls, CONF_U32, .min = 5, .max = 1e9, .def = "30", .unit = "calls",
		   .help = "Calls of an endpoint within a minute before it is judged"),
	ERRORS_ROW(min_calls_caller, CONF_U32, .min = 5, .max = 1e9, .def = "20", .unit = "calls",
		   .help = "The same of a caller"),
	ERRORS_ROW(min_baseline, CONF_U32, .min = 10, .max = BASELINE_MAX, .def = "200",
		   .unit = "calls", .help = "Calls of an endpoint that must have been seen before"),
	ERRORS_ROW(chance, CONF_F64, .min = 1e-300, .max = 0.1, .def = "0.000001",
		   .help = "How improbable it must be that any endpoint (or any caller) has such "
			   "errors in a minute"),
	ERRORS_ROW(callers, CONF_U32, .min = 16, .max = 4e6, .def = "65536", .unit = "callers",
		   .help = "Callers that are followed at the same time, 100 bytes each"),
};
static const struct conf_section errors_section = {
	.path = "detect.errors",
	.help = "D-45: sudden errors of an endpoint or of one caller",
	.size = sizeof(struct errors_options),
	.rows = errors_rows,
	.n_rows = sizeof(errors_rows) / sizeof(errors_rows[0]),
};
CONF_SECTION(errors_section);

// ---- texts

struct errors_case {
	const struct call *call;
	uint32_t n, k, class;
	double usual, chance_ln, baseline; // share, of so many calls
	struct merged_endpoint *endpoint;
	struct merged_principal *principal; // NULL: all callers
	bool server;                        // most of them are its errors
};

static void errors_texts(struct issue_draft *draft, const struct errors_case *c)
{
	char where[384], user[EXCHANGE_USER + 1] = "", n[32], k[32], base[32];
	const char *what = c->principal ? (c->server ? "errors of the server (mostly 5xx)"
						     : "errors (mostly 4xx)")
			   : c->class == SERVER_ERRORS ? "errors of the server (5xx)"
						       : "refusals (4xx)";
	double ten = c->chance_ln / M_LN10;

	endpoint_text(c->endpoint, where, sizeof(where));
	if (c->principal)
		principal_text(c->principal, user, sizeof(user));
	draft_text(
		draft->description, sizeof(draft->description),
		"%s %s %s %s in %s calls within a minute (%.1f %%); %.2f %% are usual, known from "
		"%s earlier calls%s. By chance alone that happens in fewer than one of 10^%.0f "
		"minutes.%s%s.",
		c->principal ? user : where, c->principal ? "received" : "answered with",
		text_count(k, c->k), what, text_count(n, c->n), 100.0 * c->k / c->n, 100 * c->usual,
		text_count(base, (uint64_t)c->baseline),
		c->principal ? " of all callers to the same endpoints" : "",
		ten < -300 ? 300 : floor(-ten),
		c->principal ? " The last one came from " : " Several callers were concerned",
		c->principal ? where : "");
	if (c->principal)
		draft_text(
			draft->impact, sizeof(draft->impact), "%s",
			c->server
				? "Its requests make the server fail where those of others do not: "
				  "an input is tried that the program does not expect."
				: "It asks for what it may not have or what does not exist, again "
				  "and again: somebody tries something out, or a program is "
				  "broken.");
	else
		draft_text(draft->impact, sizeof(draft->impact), "%s",
			   c->class == SERVER_ERRORS
				   ? "Users of the endpoint are not served. That is more likely an "
				     "outage or a faulty release than an attack."
				   : "Requests of several callers are refused that were accepted "
				     "before: a changed interface, or many that try the same.");
	draft_text(draft->remediation, sizeof(draft->remediation), "%s",
		   c->principal
			   ? "Look through the requests of this caller that failed. Limit callers "
			     "whose requests mostly fail, and validate inputs before they are used."
			   : "Compare with the times of releases and of changes, and look through "
			     "the server's log of this minute.");
}

static void errors_raise(struct merger *m, uint64_t key, const struct errors_case *c)
{
	struct issue_draft draft = {
		.severity = c->principal ? SEVERITY_MEDIUM : SEVERITY_LOW,
		.result = !c->principal ? RESULT_UNKNOWN
			  : c->server   ? RESULT_SUCCEEDED
					: RESULT_ATTEMPTED,
		.metric = {.present = true,
			   .name = "error_share",
			   .unit = "%",
			   .window = "60 s",
			   .value = 100.0 * c->k / c->n,
			   .baseline_mean = 100 * c->usual,
			   .percentile = NAN},
	};

	judge_term(&draft, "errors that chance does not explain", 40);
	if (c->chance_ln < -20 * M_LN10)
		judge_term(&draft, "by far", 15);
	if (c->baseline >= 1000)
		judge_term(&draft, "a thousand earlier calls or more", 10);
	if (c->principal)
		judge_term(&draft, "others are answered as ever", 10);
	errors_texts(&draft, c);
	merger_raise(m, &errors, key, c->principal, c->endpoint, c->call->time_ns, &draft);
}

// Of a sign-in that was seen in part, whether it failed is not known, but that it was one.
static bool is_error(const struct call *call)
{
	return judge_failed(call) &&
	       (call->status >= 500 ||
		!(call->flags & CALL_LOGIN || call->login_result == LOGIN_FAILURE));
}

// ---- the endpoint

static double share_of(const struct errors_endpoint *e, uint32_t class)
{
	return (e->errors[class] + 1) / (e->calls + 2);
}

static void endpoint_close(struct errors_endpoint *e, uint64_t number)
{
	if (e->window && e->told_window != e->window) {
		double keep = e->calls + e->n > BASELINE_MAX ? 0.5 : 1;

		e->calls = e->calls * keep + e->n;
		for (uint32_t i = 0; i < CLASSES; i++)
			e->errors[i] = e->errors[i] * keep + e->k[i];
	}
	e->window = number;
	e->n = e->check = 0;
	for (uint32_t i = 0; i < CLASSES; i++)
		e->k[i] = e->n_users[i] = 0;
}

static void endpoint_user(struct errors_endpoint *e, uint32_t class, uint64_t user)
{
	uint32_t i = 0;

	while (i < e->n_users[class] && e->user[class][i] != user)
		i++;
	if (i == USERS)
		return;
	if (i == e->n_users[class]) {
		e->n_users[class]++;
		e->user[class][i] = user;
		e->of_user[class][i] = 0;
	}
	e->of_user[class][i]++;
}

// Without those of the caller who had most: several callers must be concerned.
static uint32_t errors_of_others(const struct errors_endpoint *e, uint32_t class)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < e->n_users[class]; i++)
		most = e->of_user[class][i] > most ? e->of_user[class][i] : most;
	return e->k[class] - most;
}

// So many are judged each minute: what must be improbable is that one of them looks so by chance
// (Bonferroni's inequality).
static double limit_ln(const struct errors_options *options, uint32_t judged)
{
	return log(options->chance) - log(fmax(1, judged));
}

static void endpoint_judge(const struct errors_options *options, struct merger *m,
			   struct merged_endpoint *pub, struct errors_endpoint *e,
			   const struct call *call)
{
	for (uint32_t i = 0; i < CLASSES; i++) {
		struct errors_case c = {.call = call,
					.n = e->n,
					.k = e->k[i],
					.class = i,
					.usual = share_of(e, i),
					.baseline = e->calls,
					.endpoint = pub};
		uint32_t k = errors_of_others(e, i);

		if (e->n_users[i] < USERS - 1 || k < 2 * c.usual * e->n)
			continue;
		c.chance_ln = stats_beta_binomial_ln(e->n, k, e->errors[i] + 1,
						     e->calls - e->errors[i] + 1);
		if (c.chance_ln >= limit_ln(options, merger_endpoints(m)))
			continue;
		e->told_window = e->window;
		errors_raise(m, judge_pair(pub->id, i), &c);
		return;
	}
}

static void endpoint_call(const struct errors_options *options, struct merger *m,
			  struct merged_endpoint *pub, struct errors_endpoint *e,
			  const struct call *call)
{
	uint64_t number = call->time_ns / WINDOW_NS + 1;

	if (number > e->window)
		endpoint_close(e, number);
	e->n++;
	if (is_error(call)) {
		uint32_t class = call->status >= 500 ? SERVER_ERRORS : CLIENT_ERRORS;

		e->k[class]++;
		endpoint_user(e, class, call->principal);
	}
	// A handful of judgements a window, however many calls there are.
	if (e->n < options->min_calls || e->n < e->check || e->calls < options->min_baseline ||
	    e->told_window == e->window)
		return;
	e->check = e->n + e->n / 8 + 1;
	endpoint_judge(options, m, pub, e, call);
}

// ---- the caller

// Do others get the same from the endpoint that failed for this caller?
static bool endpoint_fails(struct merger *m, const struct errors_caller *u)
{
	struct merged_endpoint *pub = merger_endpoint(m, u->endpoint);
	const struct errors_endpoint *e = pub ? merger_endpoint_area(m, pub, &errors) : NULL;
	uint32_t n, k;

	if (!e || e->window != u->window)
		return false;
	if (e->told_window == e->window)
		return true;
	n = e->n > u->endpoint_n ? e->n - u->endpoint_n : 0;
	k = e->k[0] + e->k[1] > u->endpoint_k ? e->k[0] + e->k[1] - u->endpoint_k : 0;
	return k >= 3 && k >= 0.2 * n;
}

static void caller_judge(const struct errors_options *options, struct merger *m,
			 const struct errors *t, struct merged_endpoint *pub, struct errors_endpoint *e,
			 struct errors_caller *u, const struct call *call)
{
	double usual = fmin(u->expected / u->n, 0.999), a = fmax(usual * PRIOR, 1);
	uint32_t k = u->k[CLIENT_ERRORS] + u->k[SERVER_ERRORS];
	struct errors_case c = {.call = call,
				.n = u->n,
				.k = k,
				.usual = usual,
				.baseline = e->calls,
				.endpoint = pub,
				.principal = merger_principal(m, call->principal),
				.server = u->k[SERVER_ERRORS] > k / 2};

	if (k < 2 * usual * u->n || !c.principal || endpoint_fails(m, u))
		return;
	c.chance_ln = stats_beta_binomial_ln(u->n, k, a, fmax(PRIOR - a, 1));
	if (c.chance_ln >= limit_ln(options, t->callers.n))
		return;
	u->told_window = u->window;
	errors_raise(m, call->principal, &c);
}

static void caller_call(const struct errors_options *options, struct merger *m, struct errors *t,
			struct merged_endpoint *pub, struct errors_endpoint *e,
			const struct call *call)
{
	struct errors_caller *u = lru_touch(&t->callers, call->principal, NULL);
	uint64_t number = call->time_ns / WINDOW_NS + 1;
	bool failed = is_error(call);

	if (!u || number < u->window)
		return;
	if (number > u->window) {
		uint64_t told = u->told_window;

		*u = (struct errors_caller){.window = number, .told_window = told};
	}
	// Where nothing is known of an endpoint, any answer is as expected.
	if (e->calls < options->min_baseline)
		return;
	u->n++;
	u->expected += share_of(e, CLIENT_ERRORS) + share_of(e, SERVER_ERRORS);
	if (failed && u->endpoint == 0)
		u->endpoint = call->endpoint;
	if (u->endpoint == call->endpoint) {
		u->endpoint_n++;
		u->endpoint_k += failed;
	}
	if (failed)
		u->k[call->status >= 500 ? SERVER_ERRORS : CLIENT_ERRORS]++;
	if (!failed || u->n < options->min_calls_caller || u->n < u->check ||
	    u->told_window == u->window)
		return;
	u->check = u->n + u->n / 8 + 1;
	caller_judge(options, m, t, pub, e, u, call);
}

static void errors_call(const struct detector *, const void *opaque, struct merger *m, void *state,
			const struct call *call)
{
	const struct errors_options *options = opaque;
	struct errors *t = state;
	struct merged_endpoint *pub = merger_endpoint(m, call->endpoint);
	struct errors_endpoint *e = pub ? merger_endpoint_area(m, pub, &errors) : NULL;
	const struct errors_caller *u;

	// A response without its request is of no endpoint.
	if (!e || !*pub->method || call->status == 0 || (call->flags & (CALL_MESSAGE | CALL_GUESSED)) ||
	    call->time_ns / WINDOW_NS + 1 < e->window)
		return;
	if (call->principal)
		caller_call(options, m, t, pub, e, call);
	// Who was told of teaches nothing, in this minute and the next one.
	u = call->principal ? lru_get(&t->callers, call->principal) : NULL;
	if (u && u->told_window && u->told_window + 1 >= u->window)
		return;
	endpoint_call(options, m, pub, e, call);
}

static int errors_init(void *state, const void *opaque)
{
	const struct errors_options *options = opaque;

	return lru_init(&((struct errors *)state)->callers, sizeof(struct errors_caller),
			options->callers);
}

static void errors_fini(void *state)
{
	lru_fini(&((struct errors *)state)->callers);
}

// ---- what was learnt

enum { SAVED_ENDPOINT = 8 + 3 * 8 };

static int errors_save(const void *, const struct merger *m, FILE *out)
{
	struct merger *all = (struct merger *)(uintptr_t)m; // only read
	uint32_t n = merger_endpoints(all);

	blob_put(out, n, 4);
	for (uint32_t i = 0; i < n; i++) {
		struct merged_endpoint *pub = merger_endpoint_at(all, i);
		const struct errors_endpoint *e = merger_endpoint_area(all, pub, &errors);

		blob_put(out, pub->id, 8);
		blob_put_double(out, e->calls);
		blob_put_double(out, e->errors[CLIENT_ERRORS]);
		blob_put_double(out, e->errors[SERVER_ERRORS]);
	}
	return ferror(out) ? -EIO : 0;
}

static int errors_load(void *, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len};
	uint64_t n = version == errors.version ? blob_get(&r, 4) : UINT64_MAX;

	if (r.bad || n > UINT32_MAX || n * SAVED_ENDPOINT != r.left)
		return -EBADMSG;
	for (uint64_t i = 0; i < n; i++) {
		struct merged_endpoint *pub = merger_endpoint(m, blob_get(&r, 8));
		struct errors_endpoint *e = pub ? merger_endpoint_area(m, pub, &errors) : NULL;
		double calls = blob_get_double(&r), client = blob_get_double(&r),
		       server = blob_get_double(&r);

		if (r.bad || client < 0 || server < 0 || client + server > calls)
			return -EBADMSG;
		if (!e)
			continue;
		e->calls = calls;
		e->errors[CLIENT_ERRORS] = client;
		e->errors[SERVER_ERRORS] = server;
	}
	return 0;
}

static size_t errors_memory(const void *opaque, const struct conf *)
{
	const struct errors_options *options = opaque;

	return lru_bytes(sizeof(struct errors_caller), options->callers);
}

static const struct detector errors = {
	.id = "D-45",
	.name = "errors",
	.title = "Error Burst",
	.module = "Runtime",
	.version = 1,
	.owasp = {"API8:2023", "API4:2023"},
	.section = &errors_section,
	.state_size = sizeof(struct errors),
	.endpoint_size = sizeof(struct errors_endpoint),
	.init = errors_init,
	.fini = errors_fini,
	.memory = errors_memory,
	.call = errors_call,
	.save = errors_save,
	.load = errors_load,
};
DETECTOR_REGISTER(errors);
