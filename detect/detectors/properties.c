// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-15: a response has properties that are the program's own affair: hashes of passwords, flags of
// rights, notes of the staff, fields of the database beside those of the API. The scanner found
// their names (detect/marks_field.c); here the exchange's end judges them.
//
// A property that the request itself names is what the client asked for. One whose value is a
// secret that D-08 tells is left to it. Worker: one finding per endpoint with all its internal
// names; one for each name that counts only where it is rare. Merger: the latter become issues
// when the endpoint is well known and hardly any answer has the name.

#include <stdio.h>

#include "detect/datatype.h"
#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/marks.h"
#include "detect/record.h"
#include "detect/secret.h"
#include "detect/siphash.h"
#include "detect/text.h"
#include "detect/worker.h"

enum {
	ARG_NAMES = 0, // of struct finding: two words of bits
	ARG_RARE = 2,  // name and one; 0: the names are internal ones
	RARE_NAMES = 32,
};

struct properties_options {
	bool enabled;
	uint32_t rare_answers;
	double rare_percent;
};

// How many answers had a name.
struct properties_endpoint {
	uint64_t seen[RARE_NAMES];
};

#define PROPERTIES_ROW(field, kind, ...)                                                           \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct properties_options, field), \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row properties_rows[] = {
	PROPERTIES_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	PROPERTIES_ROW(rare_answers, CONF_U32, .min = 20, .max = 1e9, .def = "500",
		       .unit = "answers",
		       .help = "Answers of an endpoint before a property counts as rare there"),
	PROPERTIES_ROW(rare_percent, CONF_F64, .min = 0, .max = 50, .def = "1.0", .unit = "percent",
		       .help = "Share of the answers that may have a property which is rare"),
};
static const struct conf_section properties_section = {
	.path = "detect.properties",
	.help = "D-15: internal properties in responses, and sensitive ones that are rare there",
	.size = sizeof(struct properties_options),
	.rows = properties_rows,
	.n_rows = sizeof(properties_rows) / sizeof(properties_rows[0]),
};
CONF_SECTION(properties_section);

// ---- worker

// "$.users[].passwordHash" is of the name "password hash".
static bool is_of_name(struct span path, uint32_t name)
{
	uint32_t start = path.len;

	while (start && path.p[start - 1] != '.')
		start--;
	return mark_field_in(name, span_make(path.p + start, path.len - start));
}

static bool is_told_as_secret(const struct exchange *x, uint32_t name)
{
	for (uint32_t i = 0; i < x->n_hits; i++) {
		const struct exchange_hit *hit = &x->hits[i];

		if (hit->dir == SERVER && secret_never_answered(datatype_get(hit->type)) &&
		    is_of_name(span_make(hit->name, hit->name_len), name))
			return true;
	}
	return false;
}

static bool is_asked_for(const struct exchange *x, uint32_t name)
{
	const struct http_msg *request = &x->tx->msg[CLIENT];

	return mark_field_in(name, x->query) ||
	       mark_field_in(name, span_make(request->body, request->body_kept));
}

static bool has_id(const struct exchange *x)
{
	static const char id[] = "\"id\"";
	const struct http_msg *response = &x->tx->msg[SERVER];

	for (uint32_t i = 0; i + 4 <= response->body_kept; i++) {
		if (memcmp(response->body + i, id, 4) == 0)
			return true;
	}
	return false;
}

static void properties_add(const struct detector *self, struct detect_worker *w,
			   const struct exchange *x, const uint64_t names[2], uint32_t rare)
{
	uint64_t key = siphash_number(w->shared->seed, x->endpoint, 'P' + (uint64_t)rare);
	struct finding *f = finding_add(w, self, key, x, 0);

	if (f) {
		f->severity = SEVERITY_MEDIUM;
		f->result = RESULT_SUCCEEDED;
		f->terms[0] = rare ? (struct issue_term){"a sensitive name that is rare there", 55}
				   : (struct issue_term){"a name that programs use internally", 75};
		f->n_terms = 1;
		f->confidence = rare ? 55 : 75;
		f->tentative = rare != 0;
	} else {
		f = finding_find(w, self, key);
	}
	if (!f)
		return;
	f->arg[ARG_NAMES] |= names[0];
	f->arg[ARG_NAMES + 1] |= names[1];
	f->arg[ARG_RARE] = rare;
}

static void properties_exchange(const struct detector *self, const void *, struct detect_worker *w,
				const struct exchange *x)
{
	const struct marks *marks = &x->pending[SERVER].marks;
	uint64_t names[2] = {0};

	if (!(marks->field[0] | marks->field[1]) || !http_tx_ok(x->tx))
		return;
	for (uint32_t word = 0; word < 2; word++) {
		for (uint64_t left = marks->field[word]; left; left &= left - 1) {
			uint32_t name = word * 64 + (uint32_t)__builtin_ctzll(left);
			enum mark_field_when when = mark_fields[name].when;
			uint64_t one[2] = {0};

			if (is_asked_for(x, name) || is_told_as_secret(x, name) ||
			    (when == FIELD_BESIDE_ID && !has_id(x)))
				continue;
			one[word] = left & -left;
			if (when == FIELD_RARE)
				properties_add(self, w, x, one, name + 1);
			else
				names[word] |= one[word];
		}
	}
	if (names[0] | names[1])
		properties_add(self, w, x, names, 0);
}

// ---- merger

static void properties_join(struct finding *into, const struct finding *other)
{
	into->arg[ARG_NAMES] |= other->arg[ARG_NAMES];
	into->arg[ARG_NAMES + 1] |= other->arg[ARG_NAMES + 1];
	into->arg[ARG_RARE] = other->arg[ARG_RARE];
}

// Place of a name among those that count only where they are rare.
static uint32_t rare_index(uint64_t name)
{
	uint32_t n = 0;

	for (uint64_t i = 0; i < name; i++)
		n += mark_fields[i].when == FIELD_RARE;
	return n;
}

static bool properties_accept(const struct detector *self, const void *opaque, struct merger *m,
			      void *, const struct finding *f)
{
	const struct properties_options *options = opaque;
	struct merged_endpoint *e = merger_endpoint(m, f->endpoint);
	struct properties_endpoint *area = e ? merger_endpoint_area(m, e, self) : NULL;
	uint32_t index;

	if (!f->arg[ARG_RARE])
		return true;
	index = rare_index(f->arg[ARG_RARE] - 1);
	if (!area || index >= RARE_NAMES)
		return false;
	area->seen[index] += f->count;
	return e->ok >= options->rare_answers &&
	       (double)area->seen[index] * 100 <= (double)e->ok * options->rare_percent;
}

static void names_text(char *out, size_t size, const struct finding *f)
{
	char title[64];
	size_t n = 0;

	out[0] = '\0';
	for (uint32_t word = 0; word < 2; word++) {
		for (uint64_t left = f->arg[ARG_NAMES + word]; left && n < size; left &= left - 1) {
			mark_field_title(word * 64 + (uint32_t)__builtin_ctzll(left), title,
					 sizeof(title));
			n += (size_t)draft_text(out + n, size - n, "%s%s", n ? ", " : "", title);
		}
	}
}

static void properties_describe(const struct detector *, const void *,
				const struct merged_endpoint *endpoint,
				const struct merged_principal *, struct issue_draft *draft)
{
	const struct finding *f = draft->finding;
	char where[384], count[32], names[512];

	if (!f)
		return;
	endpoint_text(endpoint, where, sizeof(where));
	names_text(names, sizeof(names), f);
	if (f->arg[ARG_RARE])
		draft_text(
			draft->description, sizeof(draft->description),
			"%s response%s of %s had the property %s, which hardly any other answer of "
			"this endpoint has.",
			text_count(count, f->count), text_plural(f->count), where, names);
	else
		draft_text(
			draft->description, sizeof(draft->description),
			"%s response%s of %s had properties that programs use internally: %s. The "
			"requests did not ask for them.",
			text_count(count, f->count), text_plural(f->count), where, names);
	draft_text(
		draft->impact, sizeof(draft->impact),
		"Objects are sent as they are stored. Callers see what is not meant for them, "
		"learn "
		"which properties exist, and may try to set them. What is stored next year will be "
		"sent as well.");
	draft_text(
		draft->remediation, sizeof(draft->remediation),
		"Build responses from a list of permitted properties for each endpoint and role, "
		"and check them against the schema of the API in tests.");
}

// ---- What was learnt

static const struct record_field endpoint_fields[] = {
	RECORD_MANY(struct properties_endpoint, seen, 0),
};
static const struct record endpoint_record =
	RECORD(struct properties_endpoint, endpoint_fields, NULL);
static const struct detector properties;

static int properties_save(const void *, const struct merger *m, FILE *out)
{
	return record_put_endpoints(out, &endpoint_record, m, &properties);
}

static int properties_load(void *, struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != properties.version};
	int rc = record_get_endpoints(&r, &endpoint_record, m, &properties);

	return rc ? rc : record_end(&r);
}

static const struct detector properties = {
	.id = "D-15",
	.name = "properties",
	.title = "Excessive Properties",
	.module = "Posture",
	.version = 1,
	.owasp = {"API3:2023"},
	.section = &properties_section,
	.exchange = properties_exchange,
	.join = properties_join,
	.endpoint_size = sizeof(struct properties_endpoint),
	.save = properties_save,
	.load = properties_load,
	.accept = properties_accept,
	.describe = properties_describe,
};
DETECTOR_REGISTER(properties);
