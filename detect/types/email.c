// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// E-mail addresses: the parts that are in use of RFC 5321 section 4.1.2, found by their '@'. Not
// reported: names of image files ("logo@2x.png"), user names in URLs, addresses of package
// managers and version control ("git@host"), and what documentation puts in a form field.

#include "detect/check.h"
#include "detect/issue.h"

enum { LOCAL_MAX = 64, DOMAIN_MAX = 253, LABEL_MAX = 63 };

static bool local_byte(uint8_t c)
{
	return check_is(c, CLASS_WORD | CLASS_DASH | CLASS_DOT) || c == '+' || c == '%' ||
	       c == '\'';
}

// The domain's length; 0: none. The last label is letters, or an encoded one (RFC 5890).
static uint32_t domain(const uint8_t *p, const uint8_t *end)
{
	uint32_t best = 0, n = 0;

	for (uint32_t labels = 0; n < DOMAIN_MAX; labels++) {
		const uint8_t *label = p + n;
		uint32_t len = check_right(label, end, CLASS_ALNUM | CLASS_DASH);

		while (len && label[len - 1] == '-')
			len--;
		if (len == 0 || len > LABEL_MAX || label[0] == '-')
			break;
		n += len;
		if (labels && len >= 2 &&
		    (check_all(label, len, CLASS_ALPHA) ||
		     (len > 4 && check_starts(span_make(label, len), "xn--"))))
			best = n;
		if (p + n == end || p[n] != '.')
			break;
		n++;
	}
	return best;
}

// "Xk@IkmlSnO.VLS": nobody writes a domain so, but encoded bytes meet an '@' by chance. A word of one
// capital and small letters, as in "MyShop.com", or all in capitals, is a way to write one.
static bool is_scrambled(struct span host)
{
	uint32_t n = check_left(host.p, host.p + host.len, CLASS_ALNUM), turns = 0;

	if (!check_all(host.p + host.len - n, n, CLASS_UPPER))
		return false;
	for (uint32_t i = 1; i < host.len - n; i++)
		turns += check_is(host.p[i - 1], CLASS_LOWER) && check_is(host.p[i], CLASS_UPPER);
	return turns > 1;
}

static bool is_file(struct span host)
{
	static const char *const endings[] = {
		"png", "jpg",  "jpeg", "gif",   "svg",  "webp", "ico",  "js",
		"css", "json", "html", "htm",   "php",  "jsp",  "aspx", "txt",
		"xml", "pdf",  "map",  "local", "woff", "ttf",  NULL,
	};
	uint32_t n = check_left(host.p, host.p + host.len, CLASS_ALNUM);
	struct span last = span_make(host.p + host.len - n, n);

	for (uint32_t i = 0; endings[i]; i++) {
		if (check_equals(last, endings[i]))
			return true;
	}
	return false;
}

static bool is_placeholder(struct span local, struct span host)
{
	static const char *const names[] = {"user",    "email", "name",      "username",
					    "you",     "your",  "youremail", "your.email",
					    "someone", "foo",   NULL};
	struct span top = host;

	if (host.len < 11 || !check_starts(host, "example."))
		return false;
	top.p += 8;
	top.len -= 8;
	if (!check_equals(top, "com") && !check_equals(top, "org") && !check_equals(top, "net"))
		return false;
	for (uint32_t i = 0; names[i]; i++) {
		if (check_equals(local, names[i]))
			return true;
	}
	return false;
}

// "https://name:secret@host" and "ssh://git@host": not an address.
static bool in_url(const struct candidate *c, const uint8_t *p)
{
	const uint8_t *stop = p - c->text.p > LOCAL_MAX ? p - LOCAL_MAX : c->text.p;

	for (; p > stop && p[-1] > ' ' && p[-1] != '"' && p[-1] != '<'; p--) {
		if (p[-1] == '/' && p - stop > 1 && p[-2] == '/')
			return true;
	}
	return false;
}

static struct span check(const struct candidate *c)
{
	const uint8_t *at = c->at - 1, *p = at, *end = c->text.p + c->text.len;
	struct span local, host;

	while (p > c->text.p && at - p < LOCAL_MAX && local_byte(p[-1]))
		p--;
	while (p < at && (*p == '.' || *p == '\'' || *p == '-'))
		p++;
	local = span_make(p, (size_t)(at - p));
	if (local.len == 0 || at[-1] == '.' || !check_right(p, at, CLASS_WORD | CLASS_DASH))
		return (struct span){0};
	// "***ann@example.net": hidden by whoever wrote it.
	if (p > c->text.p && p[-1] == '*')
		return (struct span){0};
	host = span_make(c->at, domain(c->at, end));
	if (host.len < 4 || is_file(host) || is_scrambled(host) || is_placeholder(local, host))
		return (struct span){0};
	if (check_equals(local, "git") || in_url(c, p))
		return (struct span){0};
	return span_make(p, local.len + 1 + host.len);
}

// "j***@example.org"; a name of one letter is hidden.
static uint32_t mask(struct span value, uint8_t *out, uint32_t out_len)
{
	uint32_t n = value.len < out_len ? value.len : out_len;
	bool domain_part = false;

	for (uint32_t i = 0; i < n; i++) {
		bool first = i == 0 && value.len > 1 && value.p[1] != '@';

		domain_part |= value.p[i] == '@';
		out[i] = domain_part || first ? value.p[i] : '*';
	}
	return n;
}

static const char *const context[] = {"email", "mail", "e-mail", "メール", "邮箱", "이메일", NULL};

static const struct type_sample samples[] = {
	{NULL, "jane.doe@mail.example.org", true},
	{"note", "write to o'brien+news@shop.example.co.uk, please", true},
	{NULL, "a@xn--bcher-kva.example", true},
	{"contact", "mailto:info@bookshop.example", true},
	{NULL, "logo@2x.png", false},
	{NULL, "https://admin:hunter22@db.example.org/", false},
	{NULL, "git@code.example.org:team/repo.git", false},
	{NULL, "user@example.com", false},
	{NULL, "widget@3.5.2", false},
	{NULL, "nobody@localhost", false},
	{NULL, "@handle and more", false},
	{NULL, "CODED--v20eq_Rw41c@QkwTnB.VLS=w", false},
	{NULL, "Jane.Doe@MyBookShop.com", true},
	{NULL, "JANE.DOE@BOOKSHOP.EXAMPLE", true},
	{0},
};

static const struct datatype email = {
	.id = "email",
	.title = "E-mail address",
	.group = GROUP_CONTACT,
	.country = "any",
	.tags = TAG_GDPR | TAG_APPI | TAG_HIPAA,
	.reports = REPORTS_YES,
	.severity = SEVERITY_MEDIUM,
	.personal = true,
	.context = context,
	.pattern = "@",
	.check = check,
	.mask = mask,
	.samples = samples,
};
DATATYPE_REGISTER(email)
