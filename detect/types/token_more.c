// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// More tokens of services with a prefix of their own, of a form that is one line each: clouds,
// repositories of packages and images, model hosts, monitoring, databases.

#include "detect/types/token.h"

static const char *const context[] = {"token", "api key", "access token", "secret", NULL};

// Prefixes end where c->at stands, and tails have one alphabet.
#define PLAIN(sym, back, classes, min, max, bits)                                                  \
	static struct span check_##sym(const struct candidate *c)                                  \
	{                                                                                          \
		return token_whole(c, back, classes, min, max, ENTROPY(bits));                     \
	}

PLAIN(huggingface, 3, CLASS_ALPHA, 34, 34, 3)
PLAIN(databricks, 4, CLASS_HEX | CLASS_DASH, 32, 34, 3)
PLAIN(docker, 9, CLASS_URL64, 27, 40, 3)
PLAIN(grafana, 5, CLASS_WORD, 41, 41, 3)
PLAIN(newrelic, 5, CLASS_UPPER | CLASS_DIGIT, 27, 27, 3)
PLAIN(postman, 5, CLASS_HEX | CLASS_DASH, 59, 59, 3)
PLAIN(atlassian, 6, CLASS_URL64, 150, 220, 4)
PLAIN(age, 16, CLASS_UPPER | CLASS_DIGIT, 58, 58, 3)
PLAIN(linear, 8, CLASS_ALNUM, 40, 40, 3)
PLAIN(rubygems, 9, CLASS_HEX, 48, 48, 3)
PLAIN(sentry, 7, CLASS_BASE64 | CLASS_UNDERSCORE, 60, 300, 3)
PLAIN(pulumi, 4, CLASS_HEX, 40, 40, 3)
PLAIN(supabase, 4, CLASS_HEX, 40, 40, 3)
PLAIN(groq, 4, CLASS_ALNUM, 52, 52, 4)
PLAIN(xai, 4, CLASS_ALNUM, 80, 80, 4)
PLAIN(notion, 4, CLASS_ALNUM, 40, 50, 4)

static struct span check_planetscale(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len;
	uint32_t word = check_right(c->at, end, CLASS_LOWER);

	if (c->at - c->text.p < 7 || word < 2 || word > 5 || c->at + word == end ||
	    c->at[word] != '_')
		return (struct span){0};
	return token_accept(
		check_token_at(c->text, c->at - 7, 7 + word + 1, CLASS_URL64 | CLASS_DOT, 32, 64),
		7 + word + 1, ENTROPY(3.5));
}

// Access keys of Alibaba Cloud: "LTAI" and twelve to twenty more.
static struct span check_alibaba(const struct candidate *c)
{
	struct span v = token_whole(c, 4, CLASS_ALNUM, 12, 20, ENTROPY(3));

	return v.len && (v.len == 16 || v.len == 24) ? v : (struct span){0};
}

// 32 digits of hex, "-us" and the number of a data centre.
static struct span check_mailchimp(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len, *p = c->at - 4;
	uint32_t n = check_right(c->at - 1, end, CLASS_DIGIT);

	if (n > 2 || check_left(c->text.p, p, CLASS_HEX) != 32 ||
	    (c->at - 1 + n < end && check_is(c->at[n - 1], CLASS_WORD)))
		return (struct span){0};
	return token_accept(check_token_at(c->text, p - 32, 32 + 3 + n, CLASS_WORD, 0, 0), 0,
			    ENTROPY(3));
}

// Account and key identities of Twilio: two letters and 32 digits of hex.
static struct span check_twilio(const struct candidate *c)
{
	const struct run *r = c->runs;
	struct span v = span_make(r[0].p, r[0].len);

	if (v.len != 34 || (memcmp(v.p, "SK", 2) != 0 && memcmp(v.p, "AC", 2) != 0) ||
	    !check_all(v.p + 2, 32, CLASS_HEX) || r[0].before == '_' || r[0].after == '_')
		return (struct span){0};
	return token_accept(v, 2, ENTROPY(3));
}

// Channel access tokens of LINE: base64 that only the name tells.
static struct span check_line(const struct candidate *c)
{
	struct span v = span_trim(c->text);

	if (v.len < 151 || v.len > 181 || v.p[v.len - 1] != '=' ||
	    !check_all(v.p, v.len - 1, CLASS_BASE64))
		return (struct span){0};
	return token_accept(v, 0, ENTROPY(4.5));
}

#define H40 H32 "3f7a1c9e"
#define U20 "Q7T4ZK2WMX5RVB3NLD8Y"

static const struct type_sample huggingface_samples[] = {
	{NULL,
	 "hf"
	 "_qTzKwMxRvBnLdYpHsGfJcUaEeWiOtQqZkm",
	 true},
	{NULL,
	 "hf"
	 "_qTzKwMxRvBnLdYpHsGfJcUaEe",
	 false},
	{NULL, "half_qTzKwMxRvBnLdYpHsGfJcUaEeWiOtQqZkm", false},
	{0},
};
TOKEN(huggingface, "huggingface", "Hugging Face token", SEVERITY_HIGH, "hf_")

static const struct type_sample databricks_samples[] = {
	{NULL,
	 "da"
	 "pi" H32,
	 true},
	{NULL,
	 "da"
	 "pi" H32 "-2",
	 true},
	{NULL,
	 "da"
	 "pi"
	 "00000000000000000000000000000000",
	 false},
	{NULL,
	 "rapid"
	 "api" H32,
	 false},
	{0},
};
TOKEN(databricks, "databricks", "Databricks token", SEVERITY_CRITICAL, "dapi")

static const struct type_sample docker_samples[] = {
	{NULL,
	 "dc"
	 "kr_pat_" T20 "p0-s6Gf",
	 true},
	{NULL,
	 "dc"
	 "kr_pat_short",
	 false},
	{0},
};
TOKEN(docker, "docker", "Docker access token", SEVERITY_CRITICAL, "dckr_[po]at_")

static const struct type_sample grafana_samples[] = {
	{NULL,
	 "gl"
	 "sa_" T20 "p0Hs6Gf1Jc9U_3f7a1c9e",
	 true},
	{NULL,
	 "gl"
	 "sa_" T20,
	 false},
	{0},
};
TOKEN(grafana, "grafana", "Grafana service account token", SEVERITY_HIGH, "glsa_")

static const struct type_sample newrelic_samples[] = {
	{NULL,
	 "NR"
	 "AK-" U20 "P0HS6GF",
	 true},
	{NULL,
	 "NR"
	 "AK-" U20,
	 false},
	{0},
};
TOKEN(newrelic, "newrelic", "New Relic user key", SEVERITY_HIGH, "NRAK-")

static const struct type_sample postman_samples[] = {
	{NULL,
	 "PM"
	 "AK-3f7a1c9e2b8d4f60a5c7e9b1-" H32 "3f",
	 true},
	{NULL,
	 "PM"
	 "AK-3f7a1c9e2b8d4f60a5c7e9b1",
	 false},
	{0},
};
TOKEN(postman, "postman", "Postman key", SEVERITY_HIGH, "PMAK-")

static const struct type_sample atlassian_samples[] = {
	{NULL,
	 "AT"
	 "ATT3xFfGF0" T36 T36 T36 T36 "-" T20 "_3F7A1C9E",
	 true},
	{NULL,
	 "AT"
	 "ATT3xFfGF0" T36,
	 false},
	{0},
};
TOKEN(atlassian, "atlassian", "Atlassian token", SEVERITY_CRITICAL, "ATATT3")

static const struct type_sample alibaba_samples[] = {
	{NULL,
	 "LT"
	 "AI" T20,
	 true},
	{NULL,
	 "LT"
	 "AI5tQ7T4zK2wM",
	 false},
	{NULL,
	 "VOLT"
	 "AI" T20,
	 false},
	{0},
};
TOKEN(alibaba, "alibaba", "Alibaba Cloud access key id", SEVERITY_HIGH, "LTAI")

static const struct type_sample age_samples[] = {
	{NULL,
	 "AGE-SECRET"
	 "-KEY-1" U20 "P0HS6GF2JC9UAEEW" U20 "P0",
	 true},
	{NULL,
	 "AGE-SECRET"
	 "-KEY-1" U20,
	 false},
	{0},
};
TOKEN(age, "age.key", "age secret key", SEVERITY_CRITICAL, "SECRET-KEY-1")

static const struct type_sample linear_samples[] = {
	{NULL,
	 "lin"
	 "_api_" T36 "iOtQ",
	 true},
	{NULL,
	 "lin"
	 "_api_version",
	 false},
	{0},
};
TOKEN(linear, "linear", "Linear key", SEVERITY_HIGH, "lin_api_")

static const struct type_sample rubygems_samples[] = {
	{NULL,
	 "ruby"
	 "gems_" H32 "3f7a1c9e2b8d4f60",
	 true},
	{NULL,
	 "ruby"
	 "gems_version",
	 false},
	{0},
};
TOKEN(rubygems, "rubygems", "RubyGems key", SEVERITY_CRITICAL, "rubygems_")

static const struct type_sample sentry_samples[] = {
	{NULL,
	 "sn"
	 "trys_eyJpYXQiOjE2ODgzODA5" T36 "_" T36,
	 true},
	{NULL,
	 "sn"
	 "tryu_" H32 H32,
	 true},
	{NULL,
	 "sn"
	 "trys_short",
	 false},
	{0},
};
TOKEN(sentry, "sentry", "Sentry token", SEVERITY_HIGH, "sntry[su]_")

static const struct type_sample pulumi_samples[] = {
	{NULL,
	 "pu"
	 "l-" H40,
	 true},
	{NULL,
	 "pu"
	 "l-request",
	 false},
	{NULL,
	 "im"
	 "pul-" H40,
	 false},
	{0},
};
TOKEN(pulumi, "pulumi", "Pulumi token", SEVERITY_HIGH, "pul-")

static const struct type_sample supabase_samples[] = {
	{NULL,
	 "sb"
	 "p_" H40,
	 true},
	{NULL,
	 "sb"
	 "p_project",
	 false},
	{0},
};
TOKEN(supabase, "supabase", "Supabase token", SEVERITY_CRITICAL, "sbp_")

static const struct type_sample groq_samples[] = {
	{NULL,
	 "gs"
	 "k_" T36 "iOtQqZk3Wm5Xy8BN",
	 true},
	{NULL,
	 "gs"
	 "k_" T36,
	 false},
	{0},
};
TOKEN(groq, "groq", "Groq key", SEVERITY_HIGH, "gsk_")

static const struct type_sample xai_samples[] = {
	{NULL,
	 "xa"
	 "i-" T36 T36 "iOtQqZk3",
	 true},
	{NULL,
	 "xa"
	 "i-" T36,
	 false},
	{0},
};
TOKEN(xai, "xai", "xAI key", SEVERITY_HIGH, "xai-")

static const struct type_sample notion_samples[] = {
	{NULL,
	 "nt"
	 "n_482739164827" T20 "p0Hs6Gf1Jc9UaE",
	 true},
	{NULL,
	 "nt"
	 "n_page",
	 false},
	{0},
};
TOKEN(notion, "notion", "Notion token", SEVERITY_HIGH, "ntn_")

static const struct type_sample planetscale_samples[] = {
	{NULL,
	 "pscale"
	 "_tkn_" T36,
	 true},
	{NULL,
	 "pscale"
	 "_pw_" T36,
	 true},
	{NULL,
	 "pscale"
	 "_branch_" T36,
	 false},
	{NULL,
	 "pscale"
	 "_tkn_short",
	 false},
	{0},
};
TOKEN(planetscale, "planetscale", "PlanetScale password or token", SEVERITY_CRITICAL, "pscale_")

static const struct type_sample mailchimp_samples[] = {
	{NULL,
	 H32 "-us"
	     "14",
	 true},
	{NULL,
	 "key=" H32 "-us"
	 "2;",
	 true},
	{NULL,
	 "3f7a1c9e-us"
	 "14",
	 false},
	{NULL,
	 H32 "-us"
	     "1445",
	 false},
	{0},
};
TOKEN(mailchimp, "mailchimp", "Mailchimp key", SEVERITY_HIGH, "-us[0-9]")

static const struct type_sample twilio_samples[] = {
	{NULL,
	 "S"
	 "K" H32,
	 true},
	{NULL,
	 "sid=A"
	 "C" H32 "&x",
	 true},
	{NULL, "SX" H32, false},
	{NULL,
	 "S"
	 "K00000000000000000000000000000000",
	 false},
	{NULL,
	 "S"
	 "K" H32 "3f",
	 false},
	{0},
};
static const struct datatype twilio = {
	.id = "twilio",
	.title = "Twilio account or key",
	.group = GROUP_SECRET,
	.country = "any",
	.reports = REPORTS_YES,
	.severity = SEVERITY_MEDIUM,
	.personal = false,
	.context = context,
	.run_mixed = RUN_LEN(34),
	.run_form = "AA",
	.run_first = "SA",
	.digits_min = 4,
	.check = check_twilio,
	.samples = twilio_samples,
};
DATATYPE_REGISTER(twilio)

static const char *const line_context[] = {"channel access token", "line token",
					   "line channel token", NULL};
static const struct type_sample line_samples[] = {
	{"channel_access_token", T36 T36 "+" T36 "/" T36 "iOtQqZk3Wm5Xy8BNuVsDfGhJ=", true},
	{NULL, T36 T36 "+" T36 "/" T36 "iOtQqZk3Wm5Xy8BNuVsDfGhJ=", false},
	{"channel_access_token", T36 "=", false},
	{0},
};
static const struct datatype line_token = {
	.id = "line.token",
	.title = "LINE channel access token",
	.group = GROUP_SECRET,
	.country = "JP",
	.rule = "LINE Developers: channel access token; an opaque string, in practice base64",
	.reports = REPORTS_CTX,
	.severity = SEVERITY_CRITICAL,
	.personal = false,
	.context = line_context,
	.key_only = true,
	.check = check_line,
	.samples = line_samples,
};
DATATYPE_REGISTER(line_token)
