// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Tokens of services that begin with a prefix of their own: the prefix, the alphabet and the
// length that each publishes or is known to give, and enough different characters that it is not
// the placeholder of a manual. Anchors have four bytes and more: with three, the matcher's
// filter lets so much of ordinary JSON through that the scan takes twice the time.

#include "detect/types/token.h"

// What follows a token of a fixed length must not go on with its alphabet.
static struct span whole(const struct candidate *c, uint32_t back, uint8_t classes, uint32_t len)
{
	return token_whole(c, back, classes, len, len, ENTROPY(3));
}

// Keys of example projects, which the Firebase SDKs publish with their sources; told by their ends.
static bool is_published(struct span v)
{
	static const char *const ends[] = {
		"vwxyz1234567", "CxoX-oo6YyIs", "itrUEke8agEM", "myCgHIAODrlU", "nHZRR_znhrh0",
		"ITYefhixbX4A", "GBdi_UUPwX7c", "cQ9CKctWmLd4", "kOPjjaXeDQgY", "RLJv_a_p4wtM",
		"Lt1sjmdnP5sQ", "KRhhrOq1cS7g", "fd2AFnzAvvuU", "Cu4MJmprNXsw", "5ucxaOi4FmqE",
		"11srVL_n0nvY", NULL,
	};

	for (uint32_t i = 0; ends[i]; i++) {
		if (v.len > 12 && memcmp(v.p + v.len - 12, ends[i], 12) == 0)
			return true;
	}
	return false;
}

static struct span check_gcp(const struct candidate *c)
{
	struct span v = whole(c, 4, CLASS_URL64, 35);

	return v.len && !is_published(v) ? v : (struct span){0};
}

static struct span check_github(const struct candidate *c)
{
	if (c->at[-2] == 't') { // github_pat_
		if (c->at - c->text.p < 11 || memcmp(c->at - 11, "github", 6) != 0)
			return (struct span){0};
		return token_accept(check_token(c, 11, CLASS_WORD, 60, 90), 11, ENTROPY(3));
	}
	return whole(c, 4, CLASS_ALNUM, 36);
}

static struct span check_gitlab(const struct candidate *c)
{
	if (c->at[-1] == '1') // a runner's registration token
		return token_accept(check_token(c, 9, CLASS_URL64, 20, 20), 9, ENTROPY(3));
	for (uint32_t back = 5; back <= 6; back++) {
		if ((size_t)(c->at - c->text.p) >= back && memcmp(c->at - back, "gl", 2) == 0)
			return token_accept(check_token(c, back, CLASS_URL64, 20, 60), back,
					    ENTROPY(3));
	}
	return (struct span){0};
}

// "xoxb-482739164827-482739164827-q7T4zK…": groups, of which the first is an account.
static struct span check_slack(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len;
	struct span v =
		token_accept(check_token(c, 5, CLASS_ALNUM | CLASS_DASH, 20, 250), 5, ENTROPY(2));

	if (v.len == 0 || check_right(v.p + 5, v.p + v.len, CLASS_ALNUM) < 9)
		return (struct span){0};
	// Masked by whoever wrote it.
	return v.p + v.len < end && (v.p[v.len] == '#' || v.p[v.len] == '*') ? (struct span){0} : v;
}

static struct span check_webhook(const struct candidate *c)
{
	static const char *const paths[] = {"ack.com/services/", "ack.com/workflows/",
					    "ack.com/triggers/", NULL};
	const uint8_t *end = c->text.p + c->text.len;

	for (uint32_t i = 0; paths[i]; i++) {
		size_t n = strlen(paths[i]);
		uint32_t tail;

		if ((size_t)(end - c->at) < n || memcmp(c->at, paths[i], n) != 0)
			continue;
		tail = check_right(c->at + n, end, CLASS_ALNUM | CLASS_PLUS);
		return tail >= 40 && tail <= 90 ? token_accept(span_make(c->at - 8, 8 + n + tail),
							       (uint32_t)n + 8, ENTROPY(3))
						: (struct span){0};
	}
	return (struct span){0};
}

static struct span check_stripe(const struct candidate *c)
{
	if (c->at[-1] == '_') // whsec_
		return token_accept(check_token(c, 6, CLASS_ALNUM | CLASS_PLUS, 24, 80), 6,
				    ENTROPY(3));
	// sk_live_, rk_test_, sk_prod_: at stands behind the first letters of the second word
	if (c->text.p + c->text.len - c->at < 2 || c->at[1] != '_' || c->at - c->text.p < 6 ||
	    (memcmp(c->at - 3, "liv", 3) != 0 && memcmp(c->at - 3, "tes", 3) != 0 &&
	     memcmp(c->at - 3, "pro", 3) != 0))
		return (struct span){0};
	return token_accept(check_token_at(c->text, c->at - 6, 8, CLASS_ALNUM, 10, 120), 8,
			    ENTROPY(3));
}

static struct span check_openai(const struct candidate *c)
{
	uint32_t left = check_left(c->text.p, c->at, CLASS_URL64), head = left;
	const uint8_t *p = c->at - left;
	struct span v;

	if (left < 8 + 3 + 20 || memcmp(p, "sk-", 3) != 0)
		return (struct span){0};
	v = check_token_at(c->text, p, head, CLASS_URL64, 20, 120);
	return token_accept(v, 3, ENTROPY(4));
}

static struct span check_anthropic(const struct candidate *c)
{
	struct span v = token_accept(check_token(c, 6, CLASS_URL64, 86, 120), 6, ENTROPY(3));

	return v.len && memcmp(v.p + v.len - 2, "AA", 2) == 0 ? v : (struct span){0};
}

static struct span check_google_oauth(const struct candidate *c)
{
	return token_accept(check_token(c, 5, CLASS_URL64 | CLASS_DOT, 20, 2048), 5, ENTROPY(3));
}

static struct span check_sendgrid(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len;

	if (end - c->at < 23 || c->at[22] != '.' || !check_all(c->at, 22, CLASS_URL64))
		return (struct span){0};
	return token_accept(check_token_at(c->text, c->at - 3, 26, CLASS_URL64, 43, 43), 3,
			    ENTROPY(3));
}

static struct span check_npm(const struct candidate *c)
{
	return whole(c, 4, CLASS_ALNUM, 36);
}

static struct span check_pypi(const struct candidate *c)
{
	return token_accept(check_token(c, 9, CLASS_URL64, 60, 1024), 9, ENTROPY(3));
}

static struct span check_shopify(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len;

	if (end - c->at < 2 || c->at[1] != '_' ||
	    (c->at[0] != 'a' && c->at[0] != 't' && c->at[0] != 's'))
		return (struct span){0};
	return token_accept(check_token_at(c->text, c->at - 4, 6, CLASS_HEX, 32, 32), 6,
			    ENTROPY(2.5));
}

static struct span check_square(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len;

	if (c->at[-1] == 'A')
		return token_accept(check_token(c, 4, CLASS_URL64, 22, 60), 4, ENTROPY(3.5));
	if (end - c->at < 3 || memcmp(c->at, c->at[-1] == 'a' ? "tp-" : "sp-", 3) != 0)
		return (struct span){0};
	return token_accept(check_token_at(c->text, c->at - 4, 7, CLASS_URL64, 22, 60), 7,
			    ENTROPY(3));
}

static struct span check_digitalocean(const struct candidate *c)
{
	if (c->at - c->text.p < 7 || memcmp(c->at - 7, "do", 2) != 0 || !strchr("opr", c->at[-5]))
		return (struct span){0};
	return token_accept(check_token(c, 7, CLASS_HEX, 64, 64), 7, ENTROPY(3));
}

// "hvs.", and "s." with 24 characters before version 1.10, whose form is weak: it must hold
// capitals, small letters and digits.
static struct span check_vault(const struct candidate *c)
{
	const struct run *r = c->runs;
	uint32_t kinds = 0;

	if (!r)
		return token_whole(c, 4, CLASS_URL64, 24, 160, ENTROPY(3.5));
	if (c->at - c->text.p < 2 || c->at[-2] != 's' || r[0].after == '.' || r[0].after == '(')
		return (struct span){0};
	for (uint32_t i = 0; i < r[0].len; i++)
		kinds |= check_class[r[0].p[i]] & CLASS_ALNUM;
	return kinds == CLASS_ALNUM && r[0].digits >= 2
		       ? token_accept(check_token_at(c->text, c->at - 2, 2, CLASS_WORD, 24, 24), 2,
				      ENTROPY(3.5))
		       : (struct span){0};
}

static struct span check_azure_storage(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len;
	uint32_t n = check_right(c->at, end, CLASS_BASE64);

	return n == 86 && end - c->at >= 88 && memcmp(c->at + 86, "==", 2) == 0
		       ? token_accept(span_make(c->at, 88), 0, ENTROPY(4))
		       : (struct span){0};
}

static const char *const context[] = {"token", "api key", "access token", "secret", NULL};

static const struct type_sample gcp_samples[] = {
	{NULL,
	 "AI"
	 "za" T20 "p0Hs6Gf1Jc9UaEe",
	 true},
	{NULL,
	 "key=AI"
	 "za" T20 "p0Hs6-f1Jc9U_Ee&x",
	 true},
	{NULL,
	 "AI"
	 "zaxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	 false},
	{NULL,
	 "AI"
	 "za" T36 "p",
	 false},
	{0},
};
TOKEN(gcp, "gcp.apikey", "Google API key", SEVERITY_HIGH, "AIza")

static const struct type_sample github_samples[] = {
	{NULL,
	 "gh"
	 "p_" T36,
	 true},
	{"token",
	 "token gh"
	 "s_" T36 ".",
	 true},
	{NULL,
	 "github"
	 "_pat_11" T36 "_" T20 "Zk3Wm",
	 true},
	{NULL,
	 "gh"
	 "p_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	 false},
	{NULL,
	 "gh"
	 "p_" T20,
	 false},
	{0},
};
TOKEN(github, "github.pat", "GitHub token", SEVERITY_CRITICAL, "gh[pousr]_|hub_pat_")

static const struct type_sample gitlab_samples[] = {
	{NULL,
	 "gl"
	 "pat-" T20,
	 true},
	{NULL,
	 "gl"
	 "rt-" T20,
	 true},
	{NULL,
	 "GR13"
	 "48941" T20,
	 true},
	{NULL,
	 "gl"
	 "pat-XXXXXXXXXXXXXXXXXXXX",
	 false},
	{NULL,
	 "gl"
	 "pat-short",
	 false},
	{0},
};
TOKEN(gitlab, "gitlab.pat", "GitLab token", SEVERITY_CRITICAL,
      "glpat-|gldt-|glrt-|glptt-|glcbt-|glft-|GR1348941")

static const struct type_sample slack_samples[] = {
	{NULL,
	 "xo"
	 "xb-482739164827-731048291735-" T20 "p0Hs",
	 true},
	{NULL,
	 "xo"
	 "xp-482739164827-731048291735-" H32,
	 true},
	{NULL,
	 "xo"
	 "xb-my-bot-token-goes-here-please",
	 false},
	{NULL,
	 "xo"
	 "xp-1234-1234-1234-" H32,
	 false},
	{NULL,
	 "xo"
	 "xb-482739",
	 false},
	{0},
};
TOKEN(slack, "slack.token", "Slack token", SEVERITY_CRITICAL, "xox[abeoprs]-")

static const struct type_sample webhook_samples[] = {
	{NULL,
	 "https://hooks.sl"
	 "ack.com/services/T4827391K/B7310482Q/" T20 "p0Hs",
	 true},
	{NULL,
	 "https://hooks.sl"
	 "ack.com/services/T4827391K",
	 false},
	{NULL,
	 "https://hooks.sl"
	 "ack.com/docs/",
	 false},
	{0},
};
TOKEN(webhook, "slack.webhook", "Slack webhook", SEVERITY_HIGH, "hooks\\.sl")

static const struct type_sample stripe_samples[] = {
	{NULL,
	 "sk_li"
	 "ve_" T20 "p0Hs",
	 true},
	{"key",
	 "rk_te"
	 "st_" T36,
	 true},
	{NULL,
	 "whs"
	 "ec_" T36,
	 true},
	{NULL,
	 "sk_li"
	 "ve_xxxxxxxxxxxxxxxxxxxxxxxx",
	 false},
	{NULL, "task_test_results_of_today", false},
	{0},
};
TOKEN(stripe, "stripe", "Stripe key", SEVERITY_CRITICAL, "[sr]k_[lpt][ier][vos]|whsec_")

static const struct type_sample openai_samples[] = {
	{NULL,
	 "sk"
	 "-proj-" T36 "T3Blbk"
	 "FJ" T36,
	 true},
	{NULL,
	 "sk"
	 "-" T20 "T3Blbk"
	 "FJ" T20,
	 true},
	{NULL,
	 T36 "T3Blbk"
	     "FJ" T36,
	 false},
	{0},
};
TOKEN(openai, "openai", "OpenAI key", SEVERITY_CRITICAL, "T3BlbkFJ")

static const struct type_sample anthropic_samples[] = {
	{NULL,
	 "sk-"
	 "ant-api03-" T36 T36 T20 "_AA",
	 true},
	{NULL,
	 "sk-"
	 "ant-api03-" T36 T36 T20 "_BB",
	 false},
	{NULL,
	 "sk-"
	 "ant-api03-" T36 "AA",
	 false},
	{0},
};
TOKEN(anthropic, "anthropic", "Anthropic key", SEVERITY_CRITICAL, "sk-ant")

static const struct type_sample google_oauth_samples[] = {
	{NULL,
	 "ya"
	 "29." T36,
	 true},
	{NULL,
	 "ya"
	 "29.short",
	 false},
	{NULL,
	 "xya"
	 "29." T36,
	 false},
	{0},
};
TOKEN(google_oauth, "google.oauth", "Google OAuth access token", SEVERITY_HIGH, "ya29\\.")

static const struct type_sample sendgrid_samples[] = {
	{NULL,
	 "SG"
	 "." T20 "p0." T36 "p0Hs6Gf",
	 true},
	{NULL,
	 "SG"
	 "." T20 "p0-" T36 "p0Hs6Gf",
	 false},
	{NULL, "the MSG.end of it", false},
	{0},
};
TOKEN(sendgrid, "sendgrid", "SendGrid key", SEVERITY_CRITICAL, "(?:^|[\"' =:>])SG\\.")

static const struct type_sample npm_samples[] = {
	{NULL,
	 "np"
	 "m_" T36,
	 true},
	{NULL,
	 "np"
	 "m_config_registry",
	 false},
	{0},
};
TOKEN(npm, "npm", "npm access token", SEVERITY_CRITICAL, "npm_")

static const struct type_sample pypi_samples[] = {
	{NULL,
	 "py"
	 "pi-AgEIcHlwaS5vcmc" T36 T20,
	 true},
	{NULL,
	 "py"
	 "pi-AgEIcHlwaS5vcmc",
	 false},
	{0},
};
TOKEN(pypi, "pypi", "PyPI token", SEVERITY_CRITICAL, "pypi-AgEI")

static const struct type_sample shopify_samples[] = {
	{NULL,
	 "sh"
	 "pat_" H32,
	 true},
	{NULL,
	 "sh"
	 "pss_" H32,
	 true},
	{NULL,
	 "sh"
	 "pat_00000000000000000000000000000000",
	 false},
	{NULL,
	 "sh"
	 "pat_short",
	 false},
	{0},
};
TOKEN(shopify, "shopify", "Shopify token", SEVERITY_HIGH, "shp[acps]")

static const struct type_sample square_samples[] = {
	{NULL,
	 "sq"
	 "0atp-" T20 "p0",
	 true},
	{NULL,
	 "EA"
	 "AA" T36 T20,
	 true},
	{NULL,
	 "sq"
	 "0abc-" T20 "p0",
	 false},
	{NULL,
	 "EA"
	 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	 false},
	{0},
};
TOKEN(square, "square", "Square token", SEVERITY_HIGH, "sq0[ac]|EAAA")

static const struct type_sample digitalocean_samples[] = {
	{NULL,
	 "do"
	 "p_v1_" H32 "c9a7f5d3b1e9c7a5604f8d2b9e1c7a3f",
	 true},
	{NULL, "api_v1_" H32 H32, false},
	{NULL,
	 "do"
	 "p_v1_" H32,
	 false},
	{0},
};
TOKEN(digitalocean, "digitalocean", "DigitalOcean token", SEVERITY_CRITICAL, "_v1_")

static const struct type_sample vault_samples[] = {
	{NULL,
	 "hv"
	 "s." T36 T36 T20,
	 true},
	{NULL,
	 "hv"
	 "s.xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	 false},
	{NULL, "token: s." T20 "p0Hs", true},
	{NULL, "this." T20 "p0Hs", false},
	{NULL, "s.somevariablewithname2024x", false},
	{0},
};
static const struct datatype vault = {
	.id = "vault",
	.title = "Vault token",
	.group = GROUP_SECRET,
	.country = "any",
	.reports = REPORTS_YES,
	.severity = SEVERITY_CRITICAL,
	.personal = false,
	.context = context,
	.pattern = "hvs\\.",
	.run_mixed = RUN_LEN(24),
	.run_before = '.',
	.digits_min = 2,
	.check = check_vault,
	.samples = vault_samples,
};
DATATYPE_REGISTER(vault)

static const struct type_sample azure_storage_samples[] = {
	{NULL,
	 "Account"
	 "Key=" T36 T36 "q7T4zK2wMx5RvB==;",
	 true},
	{NULL,
	 "Account"
	 "Key=" T36 ";",
	 false},
	{0},
};
TOKEN(azure_storage, "azure.storage", "Azure storage key", SEVERITY_CRITICAL, "AccountKey=")
