// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Secrets and personal data in the wrong place: query strings and paths, which end up in logs,
// histories and Referer headers. All of these calls are answered 200. Beside them stand ordinary
// calls with harmless queries.

#include "tools/gen/gen_crowd.h"

#include <stdio.h>
#include <string.h>

enum {
	WHAT_API_KEY = 0,
	WHAT_EMAIL,
	WHAT_TOKEN,
	WHAT_SSN_PATH,
	WHAT_CARD,
	WHAT_PHONE,
	WHAT_PRODUCTS,
	WHAT_ORDERS,
};

static void url_call(struct gen_crowd *crowd, const struct gen_step *step, const char *endpoint,
		     const char *target, bool anonymous)
{
	gen_json_bool(gen_crowd_body(crowd), "ok", true);
	gen_crowd_call(
		crowd, step,
		(struct gen_call){.endpoint = endpoint, .target = target, .anonymous = anonymous});
}

// Percent-encodes what browsers encode in a query.
static void url_encode(const char *text, char *out, size_t size)
{
	size_t n = 0;

	for (const char *p = text; *p && n + 4 < size; p++) {
		if (strchr("@+ ", *p))
			n += (size_t)snprintf(out + n, size - n, "%%%02X", (unsigned char)*p);
		else
			out[n++] = *p;
	}
	out[n] = '\0';
}

static void url_step(struct gen_crowd *crowd, void *, const struct gen_step *step)
{
	struct gen_random *random = &crowd->gen->random;
	char value[GEN_TOKEN_BYTES], encoded[GEN_TOKEN_BYTES], target[GEN_TOKEN_BYTES + 64];
	char subject[GEN_SUBJECT_BYTES];

	switch (step->what) {
	case WHAT_API_KEY:
		gen_value_secret(random, value, 32);
		snprintf(target, sizeof(target), "/api/v1/reports?format=json&api_key=%s", value);
		url_call(crowd, step, "GET /api/v1/reports", target, true);
		break;
	case WHAT_EMAIL:
		gen_value_make(random, GEN_EMAIL, value);
		// Some clients encode the sign, some do not.
		url_encode(value, encoded, sizeof(encoded));
		snprintf(target, sizeof(target), "/api/v1/accounts/search?email=%s",
			 gen_random_below(random, 2) ? encoded : value);
		url_call(crowd, step, "GET /api/v1/accounts/search", target, false);
		break;
	case WHAT_TOKEN:
		gen_session_subject(step->user, subject);
		gen_value_token(subject, crowd->gen->options->start_s,
				crowd->gen->options->start_s + 7200, value);
		snprintf(target, sizeof(target), "/api/v1/downloads?file=7&token=%s", value);
		url_call(crowd, step, "GET /api/v1/downloads", target, true);
		break;
	case WHAT_SSN_PATH:
		gen_value_make(random, GEN_SSN, value);
		snprintf(target, sizeof(target), "/api/v1/users/by-ssn/%s", value);
		url_call(crowd, step, "GET /api/v1/users/by-ssn/{ssn}", target, false);
		break;
	case WHAT_CARD:
		gen_value_make(random, GEN_CARD, value);
		snprintf(target, sizeof(target), "/api/v1/payments?card=%s&limit=20", value);
		url_call(crowd, step, "GET /api/v1/payments", target, false);
		break;
	case WHAT_PHONE:
		gen_value_make(random, GEN_PHONE, value);
		url_encode(value, encoded, sizeof(encoded));
		snprintf(target, sizeof(target), "/api/v1/callbacks?phone=%s", encoded);
		url_call(crowd, step, "GET /api/v1/callbacks", target, false);
		break;
	case WHAT_PRODUCTS:
		gen_crowd_products(crowd, step, true);
		break;
	default:
		gen_crowd_orders(crowd, step);
	}
}

static void url_issue(struct gen *gen, const char *endpoint, const char *type, const char *field,
		      const char *severity)
{
	gen_truth_issue(&gen->truth, "sensitive-in-url", endpoint, severity);
	gen_json_string(&gen->truth.issues, "type", type);
	gen_json_string(&gen->truth.issues, "field", field);
	gen_json_end(&gen->truth.issues);
}

static void url_run(struct gen *gen)
{
	double end_s = gen->options->minutes * 60.0;
	uint32_t users = gen->options->users;
	struct gen_crowd crowd;

	gen_crowd_init(&crowd, gen, users);
	for (uint32_t what = WHAT_API_KEY; what <= WHAT_PHONE; what++)
		gen_crowd_spread(&crowd, 0, users, 1, 0, end_s, what);
	gen_crowd_spread(&crowd, 0, users, 4, 0, end_s, WHAT_PRODUCTS);
	gen_crowd_spread(&crowd, 0, users, 4, 0, end_s, WHAT_ORDERS);
	gen_crowd_run(&crowd, NULL, url_step);
	gen_crowd_fini(&crowd);

	gen_json_uint(&gen->truth.facts, "users", users);
	url_issue(gen, "GET /api/v1/reports", "apikey.generic", "query.api_key", "high");
	url_issue(gen, "GET /api/v1/accounts/search", "email", "query.email", "medium");
	url_issue(gen, "GET /api/v1/downloads", "jwt", "query.token", "high");
	url_issue(gen, "GET /api/v1/users/by-ssn/{ssn}", "us.ssn", "path", "medium");
	url_issue(gen, "GET /api/v1/payments", "card.pan", "query.card", "medium");
	url_issue(gen, "GET /api/v1/callbacks", "phone", "query.phone", "medium");
}

const struct gen_scenario gen_url = {
	.name = "url",
	.summary = "secrets and personal data in query strings and paths",
	.users = 30,
	.minutes = 2,
	.run = url_run,
};
