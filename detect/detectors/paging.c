// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-48: a parameter that says how much is asked for (limit, size, count, depth, …) far above
// everything that the endpoint ever answered.
//
// Merger: of each number in a request that names nothing (noun.h), the greatest and least values
// that were answered, and the largest answer. Whether it is one that says how much is decided once,
// by its name. Values far beyond are never learnt, unless several callers were answered with them:
// then the clients changed.

#include "detect/amount_name.h"
#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/judge.h"
#include "detect/lru.h"
#include "detect/mix.h"
#include "detect/principal.h"
#include "detect/record.h"
#include "detect/text.h"

enum { CALLERS = 4, GREW = 3 };

struct paging_options {
	bool enabled;
	uint32_t min_calls, floor, fields;
	double factor;
};

enum { NAME_UNKNOWN = 0, NAME_AMOUNT, NAME_OTHER };

struct paging_field {
	uint64_t n; // values that were answered
	double max, min;
	uint64_t max_bytes; // of an answer
	uint8_t name;
	uint8_t n_callers;
	uint32_t endpoint;        // in short
	uint64_t caller[CALLERS]; // who went beyond and was answered
};

struct paging {
	struct lru fields;
};

static const struct detector paging;

#define PAGING_ROW(field, kind, ...)                                                               \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct paging_options, field),     \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row paging_rows[] = {
	PAGING_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	PAGING_ROW(min_calls, CONF_U32, .min = 10, .max = 1e9, .def = "1000", .unit = "calls",
		   .help = "Answered calls with the parameter before it is judged"),
	PAGING_ROW(factor, CONF_F64, .min = 1, .max = 1e6, .def = "10.0", .unit = "x",
		   .help = "How many times the greatest value answered before is too much"),
	PAGING_ROW(floor, CONF_U32, .min = 1, .max = 1e9, .def = "100",
		   .help = "Values up to this are never too much"),
	PAGING_ROW(fields, CONF_U32, .min = 16, .max = 1e6, .def = "32768", .unit = "parameters",
		   .help = "Parameters that are followed, about 90 bytes each"),
};
static const struct conf_section paging_section = {
	.path = "detect.paging",
	.help = "D-48: parameters that ask for far more than ever before",
	.size = sizeof(struct paging_options),
	.rows = paging_rows,
	.n_rows = sizeof(paging_rows) / sizeof(paging_rows[0]),
};
CONF_SECTION(paging_section);

static bool field_is_amount(struct merger *m, struct paging_field *f, uint64_t endpoint,
			    uint64_t field)
{
	if (f->name == NAME_UNKNOWN) {
		const char *name = merger_param_name(m, endpoint, field);

		if (name)
			f->name = amount_name(name) ? NAME_AMOUNT : NAME_OTHER;
	}
	return f->name == NAME_AMOUNT;
}

// ---- judging

static void paging_texts(struct issue_draft *draft, struct merger *m, const struct paging_field *f,
			 const struct call *call, const struct call_param *param)
{
	char user[EXCHANGE_USER + 1], where[384], name[80], n[32], bytes[32], max[32];
	const char *known = merger_param_name(m, call->endpoint, param->field);
	bool grew = draft->result == RESULT_SUCCEEDED;

	principal_text(merger_principal(m, call->principal), user, sizeof(user));
	endpoint_text(merger_target(m, call->endpoint), where, sizeof(where));
	text_clean(name, sizeof(name), known ? known : "a parameter",
		   known ? strlen(known) : strlen("a parameter"));
	draft_text(
		draft->description, sizeof(draft->description),
		"%s asked %s for %.0f by %s. The %s calls answered before asked for %.0f to %.0f. "
		"The answer (%u) had %s bytes, the largest before %s.%s",
		user, where, param->number, name, text_count(n, f->n), f->min, f->max, call->status,
		text_count(bytes, call->resp_bytes), text_count(max, f->max_bytes),
		grew ? " So the endpoint has no limit of its own." : "");
	draft_text(draft->impact, sizeof(draft->impact), "%s",
		   grew ? "One call took what is meant for many pages: data leave faster than any "
			  "limit "
			  "on calls allows for, and the server works for all of it at once."
			: "Somebody tries whether the amount is limited. Where it is not, one call "
			  "can "
			  "take the whole collection and keep the server busy.");
	draft_text(
		draft->remediation, sizeof(draft->remediation),
		"Set a greatest value for this parameter on the server, and refuse or cut what is "
		"above it and what is negative.");
}

static void paging_raise(struct merger *m, const struct paging_field *f, const struct call *call,
			 const struct call_param *param)
{
	bool grew = call_ok(call) && call->resp_bytes > GREW * f->max_bytes;
	struct issue_draft draft = {
		.severity = grew ? SEVERITY_MEDIUM : SEVERITY_LOW,
		.result = grew ? RESULT_SUCCEEDED : RESULT_ATTEMPTED,
		.metric = {.present = true,
			   .name = "asked_for",
			   .unit = "items",
			   .window = "1 call",
			   .value = param->number,
			   .baseline_mean = f->max,
			   .percentile = NAN},
	};

	judge_term(&draft, "far more asked for than ever answered", 50);
	if (param->number < 0)
		judge_term(&draft, "a negative amount", 5);
	else if (param->number > 100 * f->max)
		judge_term(&draft, "more than a hundred times as much", 10);
	if (grew)
		judge_term(&draft, "the answer grew as well", 25);
	if (f->n >= 10000)
		judge_term(&draft, "10,000 calls were seen", 5);
	paging_texts(&draft, m, f, call, param);
	merger_raise(m, &paging,
		     judge_pair(judge_pair(call->principal, call->endpoint), param->field),
		     merger_principal(m, call->principal), merger_endpoint(m, call->endpoint),
		     call->time_ns, &draft);
}

// True: several callers were answered with so much.
static bool is_usual_now(struct paging_field *f, const struct call *call)
{
	for (uint32_t i = 0; i < f->n_callers; i++) {
		if (f->caller[i] == call->principal)
			return false;
	}
	if (f->n_callers == CALLERS)
		return true;
	f->caller[f->n_callers++] = call->principal;
	return false;
}

static void param_call(const struct paging_options *options, struct merger *m, struct paging *t,
		       const struct call *call, const struct call_param *param)
{
	struct paging_field *f =
		lru_touch(&t->fields, judge_pair(call->endpoint, param->field), NULL);
	bool much;

	if (!f)
		return;
	f->endpoint = mix_tag(call->endpoint);
	if (f->name == NAME_OTHER)
		return;
	if (!field_is_amount(m, f, call->endpoint, param->field))
		return;
	much = f->n >= options->min_calls &&
	       ((param->number > options->factor * f->max && param->number > options->floor) ||
		(param->number < 0 && f->min >= 0));
	if (much && call->status && !(call_ok(call) && is_usual_now(f, call))) {
		paging_raise(m, f, call, param);
		return;
	}
	if (!call_ok(call))
		return;
	f->n_callers = much ? 0 : f->n_callers;
	f->max = f->n && f->max > param->number ? f->max : param->number;
	f->min = f->n && f->min < param->number ? f->min : param->number;
	f->max_bytes = call->resp_bytes > f->max_bytes ? call->resp_bytes : f->max_bytes;
	f->n++;
}

static void paging_call(const struct detector *, const void *options, struct merger *m, void *state,
			const struct call *call)
{
	if (call->flags & (CALL_MESSAGE | CALL_GUESSED))
		return;
	for (uint32_t i = 0; i < call->n_params; i++) {
		const struct call_param *param = &call->params[i];

		if (param->class == PARAM_INT && param->noun == 0 && param->place != PLACE_PATH)
			param_call(options, m, state, call, param);
	}
}

static int paging_init(void *state, const void *opaque)
{
	const struct paging_options *options = opaque;

	return lru_init(&((struct paging *)state)->fields, sizeof(struct paging_field),
			options->fields);
}

static void paging_fini(void *state)
{
	lru_fini(&((struct paging *)state)->fields);
}

// ---- what was learnt

static const struct record_field field_fields[] = {
	RECORD_SMALL(struct paging_field, n, 0),
	RECORD_REAL(struct paging_field, max),
	RECORD_REAL(struct paging_field, min),
	RECORD_SMALL(struct paging_field, max_bytes, 0),
	RECORD_ONE(struct paging_field, name, NAME_OTHER),
	RECORD_ONE(struct paging_field, n_callers, CALLERS),
	RECORD_ONE(struct paging_field, endpoint, 0),
	RECORD_IDS(struct paging_field, caller),
};
static const struct record field_record = RECORD(struct paging_field, field_fields, NULL);

static int paging_save(const void *state, const struct merger *, FILE *out)
{
	return record_put_table(out, &field_record, &((const struct paging *)state)->fields);
}

static int paging_load(void *state, struct merger *, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != paging.version};
	int rc = record_get_table(&r, &field_record, &((struct paging *)state)->fields);

	return rc ? rc : record_end(&r);
}

static void paging_forget(void *state, struct merger *, uint64_t endpoint)
{
	struct paging *t = state;
	const struct paging_field *f = lru_first(&t->fields), *next;

	for (; f; f = next) {
		next = lru_next(&t->fields, f);
		if (f->endpoint == mix_tag(endpoint))
			lru_remove(&t->fields, lru_id(f));
	}
}

static size_t paging_memory(const void *opaque, const struct conf *)
{
	const struct paging_options *options = opaque;

	return lru_bytes(sizeof(struct paging_field), options->fields);
}

static const struct detector paging = {
	.id = "D-48",
	.name = "paging",
	.title = "Excessive Amount Requested",
	.module = "Runtime",
	.version = 2,
	.owasp = {"API4:2023", "API3:2023"},
	.section = &paging_section,
	.state_size = sizeof(struct paging),
	.init = paging_init,
	.fini = paging_fini,
	.memory = paging_memory,
	.call = paging_call,
	.forget = paging_forget,
	.save = paging_save,
	.load = paging_load,
};
DETECTOR_REGISTER(paging);
