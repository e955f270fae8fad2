// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-16: a response shows what a program says only to its makers: error messages of databases,
// stack traces, pages for developers, programs' texts, system files, paths, banners. The scanner
// found the marks (detect/marks.h); here the exchange's end judges them. Worker: one finding per
// endpoint and kind. The merger takes each as an issue.
//
// Error texts are also what documentation is about. So an answer that worked is silent when it is
// a program or style sheet, when its address says that it is for reading, or when it is a page
// with long prose, unless the sign would have been escaped there. Hints, which are ordinary words
// in other places, count in an error's answer only, or when one body has several of them.

#include <stdio.h>

#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/marks.h"
#include "detect/siphash.h"
#include "detect/text.h"
#include "detect/worker.h"

enum {
	PROSE_WORDS = 120,  // in the kept beginning of a page: somebody wrote it to be read
	PROSE_WORD_MIN = 2, // letters of a word
	ARG_PRODUCTS = 0,   // of struct finding: a bit for each
	ARG_KIND = 1,
};

struct error_text_options {
	bool enabled;
};

static const struct conf_row error_text_rows[] = {
	{.key = "enabled",
	 .type = CONF_BOOL,
	 .offset = offsetof(struct error_text_options, enabled),
	 .def = "true",
	 .help = "Whether this detector runs"},
};
static const struct conf_section error_text_section = {
	.path = "detect.error_text",
	.help = "D-16: database errors, stack traces and pages for developers in responses",
	.size = sizeof(struct error_text_options),
	.rows = error_text_rows,
	.n_rows = sizeof(error_text_rows) / sizeof(error_text_rows[0]),
};
CONF_SECTION(error_text_section);

// ---- worker

static bool holds(struct span s, const char *word)
{
	uint32_t n = (uint32_t)strlen(word);

	for (uint32_t i = 0; n <= s.len && i <= s.len - n; i++) {
		if (span_ieq(span_make(s.p + i, n), span_make(word, n)))
			return true;
	}
	return false;
}

static bool holds_any(struct span s, const char *const *words)
{
	for (; *words; words++) {
		if (holds(s, *words))
			return true;
	}
	return false;
}

// Programs, style sheets and the like hold messages for others.
static bool is_asset(struct span type)
{
	static const char *const words[] = {"javascript", "ecmascript", "text/css", "image/",
					    "font",       "wasm",       "video/",   NULL};

	return holds_any(type, words);
}

// "/docs/errors", "/blog/2024/why-ora-00942"
static bool is_reading(struct span path)
{
	static const char *const names[] = {
		"doc",       "docs",   "documentation", "blog",     "blogs",
		"help",      "kb",     "wiki",          "article",  "articles",
		"questions", "forum",  "forums",        "tutorial", "tutorials",
		"learn",     "manual", "changelog",     "readme",   NULL};
	struct span segment;

	for (uint32_t i = 0; i < ENDPOINT_DEPTH && endpoint_next(&path, &segment); i++) {
		for (uint32_t k = 0; names[k]; k++) {
			if (span_ieq(segment, span_make(names[k], strlen(names[k]))))
				return true;
		}
	}
	return false;
}

// Skips what is between `from` and the end of a script or style, or a tag.
static uint32_t skip_tag(struct span body, uint32_t at)
{
	static const char *const silent[] = {"<script", "<style", NULL};
	static const char *const ends[] = {"</script", "</style"};
	struct span rest = span_make(body.p + at, body.len - at);

	for (uint32_t i = 0; silent[i]; i++) {
		uint32_t n = (uint32_t)strlen(silent[i]), m = (uint32_t)strlen(ends[i]);

		if (rest.len < n || !span_ieq(span_make(rest.p, n), span_make(silent[i], n)))
			continue;
		for (uint32_t k = n; k + m <= rest.len; k++) {
			if (rest.p[k] == '<' &&
			    span_ieq(span_make(rest.p + k, m), span_make(ends[i], m)))
				return at + k + m;
		}
		return body.len;
	}
	return at + span_until(rest, '>').len + 1;
}

// Words in lower case that stand outside of tags. Linear in the kept body.
static bool is_prose(struct span body)
{
	uint32_t words = 0, letters = 0;

	for (uint32_t at = 0; at < body.len && words < PROSE_WORDS;) {
		uint8_t c = body.p[at];

		if (c == '<') {
			words += letters >= PROSE_WORD_MIN;
			letters = 0;
			at = skip_tag(body, at);
			continue;
		}
		if (c >= 'a' && c <= 'z') {
			letters++;
		} else {
			// A word of a sentence: nothing but a space or its punctuation follows.
			words += letters >= PROSE_WORD_MIN && (c == ' ' || c == ',' || c == '\n');
			letters = 0;
		}
		at++;
	}
	return words >= PROSE_WORDS;
}

static bool is_page(struct span type)
{
	static const char *const words[] = {"text/html", "xhtml", "markdown", NULL};

	return holds_any(type, words);
}

// The products of this answer that count.
static uint64_t products_of(const struct exchange *x)
{
	const struct marks *marks = &x->pending[SERVER].marks;
	const struct http_msg *msg = &x->tx->msg[SERVER];
	struct span type = http_header(x->tx, SERVER, HEADER_CONTENT_TYPE);
	uint64_t hints = marks->hint & (marks->sure | marks->again);

	if (!(marks->sure | marks->hint))
		return 0;
	// Tables of messages inside of programs.
	if (msg->body_kept && memchr(msg->body, '\0', msg->body_kept))
		return 0;
	if (!http_tx_ok(x->tx))
		return marks->sure | (x->tx->status >= 400 ? marks->hint : hints);
	hints &= ~(UINT64_C(1) << MARK_SERVER_PATH);
	if (is_asset(type))
		return 0;
	if (is_reading(x->path) ||
	    (is_page(type) && is_prose(span_make(msg->body, msg->body_kept))))
		return marks->sure & marks->raw;
	return marks->sure | hints;
}

static uint8_t kind_severity(enum mark_kind kind)
{
	switch (kind) {
	case MARK_INTRUDER:
		return SEVERITY_CRITICAL;
	case MARK_PATH:
	case MARK_BANNER:
		return SEVERITY_LOW;
	default:
		return SEVERITY_MEDIUM;
	}
}

static uint32_t term_add(struct finding *f, const char *name, int points)
{
	f->terms[f->n_terms++] = (struct issue_term){name, points};
	return (uint32_t)points;
}

static void error_text_kind(const struct detector *self, struct detect_worker *w,
			    const struct exchange *x, enum mark_kind kind, uint64_t products)
{
	uint64_t key = siphash_number(w->shared->seed, x->endpoint, 'E' + (uint64_t)kind);
	const struct marks *marks = &x->pending[SERVER].marks;
	struct finding *f = finding_add(w, self, key, x, 0);
	uint32_t sum = 0;

	if (f) {
		f->severity = kind_severity(kind);
		f->result = RESULT_SUCCEEDED;
		f->n_terms = 0;
		if (products & marks->sure)
			sum += term_add(f, "a text that only this software writes", 70);
		else
			sum += term_add(f, "several signs of one software", 50);
		if (x->tx->status >= 500)
			sum += term_add(f, "the server says that it failed", 20);
		else if (x->tx->status >= 400)
			sum += term_add(f, "the request was refused", 10);
		f->confidence = (uint8_t)sum;
	} else {
		f = finding_find(w, self, key);
	}
	if (!f)
		return;
	f->arg[ARG_PRODUCTS] |= products;
	f->arg[ARG_KIND] = kind;
}

static void error_text_exchange(const struct detector *self, const void *, struct detect_worker *w,
				const struct exchange *x)
{
	uint64_t kinds[MARK_KINDS] = {0}, products;

	// As a rule there are none.
	if (!(x->pending[SERVER].marks.sure | x->pending[SERVER].marks.hint))
		return;
	products = products_of(x);
	for (uint64_t left = products; left; left &= left - 1) {
		uint32_t product = (uint32_t)__builtin_ctzll(left);

		kinds[mark_kind(product)] |= UINT64_C(1) << product;
	}
	// A page for developers shows a trace, and a trace is full of paths: those are no findings
	// of their own.
	if (kinds[MARK_DEBUG])
		kinds[MARK_TRACE] = 0;
	if (kinds[MARK_TRACE] | kinds[MARK_DEBUG])
		kinds[MARK_PATH] = 0;
	for (uint32_t i = 0; i < MARK_KINDS; i++) {
		if (kinds[i])
			error_text_kind(self, w, x, i, kinds[i]);
	}
}

// ---- merger

static void error_text_join(struct finding *into, const struct finding *other)
{
	into->arg[ARG_PRODUCTS] |= other->arg[ARG_PRODUCTS];
	into->arg[ARG_KIND] = other->arg[ARG_KIND];
}

// "PostgreSQL, Java"
static void products_text(char *out, size_t size, uint64_t products)
{
	size_t n = 0;

	out[0] = '\0';
	for (; products && n < size; products &= products - 1)
		n += (size_t)draft_text(out + n, size - n, "%s%s", n ? ", " : "",
					mark_title((uint32_t)__builtin_ctzll(products)));
}

static void error_text_describe(const struct detector *, const void *,
				const struct merged_endpoint *endpoint,
				const struct merged_principal *, struct issue_draft *draft)
{
	static const struct {
		const char *what, *impact, *remediation;
	} kinds[MARK_KINDS] = {
		[MARK_SQL] =
			{"an error message of a database",
			 "It shows which database stands behind the endpoint and how its "
			 "statements are built. A message that changes with the input tells an "
			 "attacker that the input reaches the database, and whether an "
			 "injection works.",
			 "Answer failures with a general message and a number to look it up; "
			 "write the details to the log. Check that the statement takes its "
			 "values as parameters."},
		[MARK_TRACE] =
			{"a stack trace or an error of the language's runtime",
			 "It shows the program's parts, their versions and places, often with "
			 "the values they worked on. That is a map for the next attack.",
			 "Catch what is thrown at the outermost place and answer with a general "
			 "message; turn off the display of errors in production."},
		[MARK_DEBUG] = {"a page that is meant for developers",
				"Such pages show the program's text, its settings and variables, "
				"sometimes secrets; some run commands that are typed into them.",
				"Turn off the debug mode of the framework in production."},
		[MARK_SOURCE] = {"a program's text in place of its output",
				 "The text shows how the program works, and may hold passwords of "
				 "databases and other services.",
				 "Let the server run these files or keep them outside of what it "
				 "serves; replace the secrets in them."},
		[MARK_FILE] = {"a system file or the listing of a folder",
			       "Whoever reads files of the server by way of the endpoint may find "
			       "settings, keys and data.",
			       "Turn off listings, and let no part of a request name a file."},
		[MARK_PATH] = {"paths of the server's file system",
			       "Paths show how the server is set up and tell where to aim when a "
			       "file can be read or written.",
			       "Answer failures with a general message."},
		[MARK_BANNER] = {"the name and version of a server",
				 "Known weaknesses of that version can be looked up.",
				 "Use error pages of your own and turn off the signature."},
		[MARK_INTRUDER] =
			{"a page of a tool that intruders leave behind",
			 "Whoever knows its address runs commands on the server and reads "
			 "its files. The server must count as taken over.",
			 "Take the server off the network, keep its disk for the inquiry, "
			 "set it up anew and replace all its secrets."},
	};
	const struct finding *f = draft->finding;
	char where[384], count[32], products[512];

	if (!f || f->arg[ARG_KIND] >= MARK_KINDS)
		return;
	endpoint_text(endpoint, where, sizeof(where));
	products_text(products, sizeof(products), f->arg[ARG_PRODUCTS]);
	draft_text(draft->description, sizeof(draft->description),
		   "%s response%s of %s showed %s: %s. An example had the status %u.",
		   text_count(count, f->count), text_plural(f->count), where,
		   kinds[f->arg[ARG_KIND]].what, products, f->status);
	draft_text(draft->impact, sizeof(draft->impact), "%s", kinds[f->arg[ARG_KIND]].impact);
	draft_text(draft->remediation, sizeof(draft->remediation), "%s",
		   kinds[f->arg[ARG_KIND]].remediation);
}

static const struct detector error_text = {
	.id = "D-16",
	.name = "error_text",
	.title = "Internal Details in Response",
	.module = "Runtime",
	.about_api = true,
	.version = 1,
	.owasp = {"API8:2023"},
	.section = &error_text_section,
	.exchange = error_text_exchange,
	.join = error_text_join,
	.describe = error_text_describe,
};
DETECTOR_REGISTER(error_text);
