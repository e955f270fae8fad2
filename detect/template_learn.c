// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What was learnt of templates: the list of places, the set that is made of it, and the file.

#include "detect/template_learn.h"

#include "detect/detector.h"
#include "detect/endpoint.h"
#include "detect/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 5, TEXT_MAX = 256, KEPT_MAX = TEMPLATE_KEPT_MAX * EXCHANGE_TEMPLATE };

int templates_init(struct templates *t, const struct conf *conf, uint64_t seed, char *why,
		   size_t why_len)
{
	*t = (struct templates){.options = conf_get(conf, &template_section), .seed = seed};
	t->pins = malloc(sizeof(*t->pins));
	if (!t->pins) {
		snprintf(why, why_len, "no memory for templates");
		return -1;
	}
	if (template_pins_init(t->pins, t->options, seed, why, why_len))
		return -1;
	t->set = t->pins->set;
	return 0;
}

static void folds_clear(struct templates *t)
{
	for (uint32_t i = 0; i < t->n_folds; i++)
		free(t->folds[i].host);
	t->n_folds = 0;
}

void templates_reset(struct templates *t)
{
	folds_clear(t);
	if (t->pins)
		t->set = t->pins->set;
	t->changes++;
	t->looked = t->looked_at = t->learnt_at = t->folded = t->refused = 0;
}

void templates_fini(struct templates *t)
{
	folds_clear(t);
	free(t->folds);
	free(t->pins);
	t->folds = NULL;
	t->pins = NULL;
	t->folds_room = 0;
}

size_t templates_bytes(void)
{
	// The merger's own set and those of snapshots are a part of it. Words that stay are bounded by
	// the set, each with its text; what is in it else is shorter.
	return TEMPLATE_FOLDS * (sizeof(struct template_fold) + TEXTS * TEXT_MAX) +
	       IDSET_SLOTS / 2 * (size_t)EXCHANGE_TEMPLATE + sizeof(struct template_pins);
}

static struct span span_of(const char *text)
{
	return span_make(text, strlen(text));
}

// ---- Templates

// The next segment of a template, up to '/' or the operation behind '#'.
static bool segment_next(struct span *rest, struct span *segment)
{
	uint32_t n = 0;

	if (rest->len == 0 || rest->p[0] != '/')
		return false;
	rest->p++;
	rest->len--;
	while (n < rest->len && rest->p[n] != '/' && rest->p[n] != '#')
		n++;
	*segment = span_make(rest->p, n);
	rest->p += n;
	rest->len -= n;
	return n > 0;
}

static bool text_put(struct template_text *out, struct span s)
{
	if (sizeof(out->text) - out->len < s.len)
		return false;
	memcpy(out->text + out->len, s.p, s.len);
	out->len += s.len;
	return true;
}

// "{name}" where it was learnt.
static bool is_learnt(const struct template_table *table, uint64_t place, struct span segment)
{
	struct span name = SPAN_LIT("{name}"), ending;

	if (segment.len < name.len || memcmp(segment.p, name.p, name.len) != 0)
		return false;
	ending = span_make(segment.p + name.len, segment.len - name.len);
	return idset_has(table->set, template_key(place, TEMPLATE_FOLDED, ending));
}

bool templates_apply(const struct templates *t, struct span host, struct span method,
		     struct span template, struct template_text *out)
{
	struct template_table table = templates_table(t);
	uint64_t place = template_root(t->seed, host, method);
	struct span rest = template, segment, name;
	bool known = t->set.n > 0, fits = true;

	out->len = 0;
	out->origin = TEMPLATE_WORD;
	while (fits && segment_next(&rest, &segment)) {
		enum template_origin found,
			origin = template_is_value(segment) ? TEMPLATE_LEXICAL : TEMPLATE_WORD;
		uint32_t ending = 0, from;

		known = known && template_known(&table, place);
		if (known && is_learnt(&table, place, segment))
			origin = TEMPLATE_LEARNT;
		fits = text_put(out, SPAN_LIT("/"));
		from = out->len;
		found = known ? template_segment_is(&table, place, segment, &name, &ending)
			      : TEMPLATE_WORD;
		if (found == TEMPLATE_LEARNT || found == TEMPLATE_PINNED) {
			origin = found;
			fits = fits && text_put(out, name) &&
			       text_put(out, span_make(segment.p + segment.len - ending, ending));
		} else {
			fits = fits && text_put(out, segment);
		}
		out->origin = origin > out->origin ? origin : out->origin;
		segment = span_make(out->text + from, out->len - from);
		if (known)
			place = template_place(t->seed, place, segment);
	}
	fits = fits && text_put(out, rest);
	if (!fits)
		out->len = 0;
	return fits &&
	       (out->len != template.len || memcmp(out->text, template.p, template.len) != 0);
}

enum template_origin templates_origin(const struct templates *t, const struct merged_endpoint *e)
{
	struct template_text text;

	templates_apply(t, span_of(e->host), span_of(e->method), span_of(e->template), &text);
	return text.origin;
}

const char *template_origin_name(enum template_origin origin)
{
	static const char *const names[] = {
		[TEMPLATE_WORD] = "words",
		[TEMPLATE_LEXICAL] = "lexical",
		[TEMPLATE_LEARNT] = "learnt",
		[TEMPLATE_PINNED] = "pinned",
	};

	return names[origin];
}

// ---- Places

static bool text_is(const char *text, struct span s)
{
	return span_eq(span_of(text), s);
}

static bool fold_is(const struct template_fold *f, struct span host, struct span parent,
		    struct span ending)
{
	return text_is(f->parent, parent) && text_is(f->ending, ending) && text_is(f->host, host);
}

bool templates_has(const struct templates *t, struct span host, struct span method,
		   struct span parent, struct span ending)
{
	for (uint32_t i = 0; i < t->n_folds; i++) {
		if (fold_is(&t->folds[i], host, parent, ending) &&
		    text_is(t->folds[i].method, method))
			return true;
	}
	return false;
}

bool templates_seen(const struct templates *t, struct span host, struct span method,
		    struct span parent, struct span ending)
{
	for (uint32_t i = 0; i < t->n_folds; i++) {
		if (fold_is(&t->folds[i], host, parent, ending) &&
		    !text_is(t->folds[i].method, method))
			return true;
	}
	return false;
}

// Puts a fold into the set. An operator who wants all words apart is obeyed there.
static void set_fill(struct templates *t, const struct template_fold *f)
{
	uint64_t place = template_root(t->seed, span_of(f->host), span_of(f->method));
	struct span rest = span_of(f->parent), segment;
	const char *word = f->kept;

	idset_add(&t->set, place);
	while (segment_next(&rest, &segment)) {
		place = template_place(t->seed, place, segment);
		idset_add(&t->set, place);
	}
	for (uint32_t i = 0; i < f->n_kept; i++) {
		idset_add(&t->set, template_key(place, TEMPLATE_KEPT, span_of(word)));
		word += strlen(word) + 1;
	}
	idset_add(&t->set, template_key(place, TEMPLATE_FOLDED, span_of(f->ending)));
}

static char *copy(char **to, const char *text)
{
	char *at = *to;
	size_t len = strlen(text) + 1;

	memcpy(at, text, len);
	*to += len;
	return at;
}

static bool folds_room(struct templates *t)
{
	uint32_t wider = t->folds_room ? 2 * t->folds_room : 16;
	struct template_fold *grown;

	if (t->n_folds < t->folds_room)
		return true;
	grown = realloc(t->folds, wider * sizeof(*grown));
	if (!grown)
		return false;
	t->folds = grown;
	t->folds_room = wider;
	return true;
}

bool templates_add(struct templates *t, const struct template_fold *fold)
{
	struct template_fold *to;
	char *block;

	// Whole or not at all: half of it would keep apart what is a value.
	if (t->n_folds == TEMPLATE_FOLDS || fold->n_kept > TEMPLATE_KEPT_MAX ||
	    t->set.n + fold->n_kept + ENDPOINT_DEPTH + 3 > IDSET_SLOTS / 2 || !folds_room(t))
		goto refused;
	block = malloc(strlen(fold->host) + strlen(fold->method) + strlen(fold->parent) +
		       strlen(fold->ending) + fold->kept_len + 4);
	if (!block)
		goto refused;
	to = &t->folds[t->n_folds++];
	*to = *fold;
	to->host = copy(&block, fold->host);
	to->method = copy(&block, fold->method);
	to->parent = copy(&block, fold->parent);
	to->ending = copy(&block, fold->ending);
	if (fold->kept_len)
		memcpy(block, fold->kept, fold->kept_len);
	to->kept = block;
	set_fill(t, to);
	t->changes++;
	return true;
refused:
	t->refused++;
	return false;
}

static bool words_have(const struct template_fold *words, const char *word)
{
	const char *one = words->kept;

	for (uint32_t i = 0; i < words->n_kept; i++) {
		if (strcmp(one, word) == 0)
			return true;
		one += strlen(one) + 1;
	}
	return false;
}

static void fold_unkeep(struct template_fold *f, const struct template_fold *words)
{
	char *to = (char *)(uintptr_t)f->kept; // its own block
	const char *word = f->kept, *next;
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->n_kept; i++) {
		size_t len = strlen(word) + 1;

		next = word + len;
		if (!words_have(words, word)) {
			memmove(to, word, len);
			to += len;
			n++;
		}
		word = next;
	}
	f->n_kept = n;
	f->kept_len = (uint32_t)(to - f->kept);
}

void templates_unkeep(struct templates *t, const struct template_fold *fold)
{
	t->set = t->pins->set;
	for (uint32_t i = 0; i < t->n_folds; i++) {
		struct template_fold *f = &t->folds[i];

		if (fold_is(f, span_of(fold->host), span_of(fold->parent), span_of(fold->ending)) &&
		    strcmp(f->method, fold->method) == 0)
			fold_unkeep(f, fold);
		set_fill(t, f);
	}
	t->changes++;
}

// ---- The file

static void put_number(FILE *out, uint64_t number, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		putc((int)(number >> (8 * i) & 0xff), out);
}

int templates_save(const struct templates *t, FILE *out)
{
	put_number(out, t->n_folds, 4);
	for (uint32_t i = 0; i < t->n_folds; i++) {
		const struct template_fold *f = &t->folds[i];
		const char *texts[] = {f->host, f->method, f->parent, f->ending};

		put_number(out, f->time_ns, 8);
		put_number(out, f->children, 4);
		put_number(out, f->n_kept, 4);
		for (uint32_t k = 0; k < 4; k++)
			put_number(out, strlen(texts[k]), 4);
		put_number(out, f->kept_len, 4);
		for (uint32_t k = 0; k < 4; k++)
			fwrite(texts[k], 1, strlen(texts[k]), out);
		if (f->kept_len)
			fwrite(f->kept, 1, f->kept_len, out);
	}
	return 0;
}

struct reader {
	FILE *in;
	size_t left;
	bool bad;
};

static uint64_t take_number(struct reader *r, uint32_t bytes)
{
	uint64_t number = 0;

	if (r->left < bytes)
		r->bad = true;
	for (uint32_t i = 0; i < bytes && !r->bad; i++) {
		int c = getc(r->in);

		r->bad = c == EOF;
		number |= (uint64_t)(uint8_t)c << 8 * i;
	}
	r->left -= r->bad ? 0 : bytes;
	return r->bad ? 0 : number;
}

// The texts, each with a NUL behind it, in a block of the caller's. NULL: they are not sound.
static char *take_texts(struct reader *r, const uint32_t len[TEXTS], char *text[TEXTS])
{
	size_t all = TEXTS;
	char *block, *at;

	for (uint32_t i = 0; i < TEXTS; i++) {
		if (len[i] > (i == TEXTS - 1 ? (uint32_t)KEPT_MAX : TEXT_MAX))
			r->bad = true;
		all += len[i];
	}
	if (r->bad || all - TEXTS > r->left)
		return NULL;
	block = at = malloc(all);
	for (uint32_t i = 0; block && i < TEXTS; i++) {
		text[i] = at;
		if (fread(at, 1, len[i], r->in) != len[i] ||
		    (i < TEXTS - 1 && memchr(at, '\0', len[i]))) {
			free(block);
			return NULL;
		}
		at += len[i];
		*at++ = '\0';
		r->left -= len[i];
	}
	return block;
}

static uint32_t count_words(const char *kept, uint32_t len)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < len; i++)
		n += kept[i] == '\0';
	return len && kept[len - 1] ? UINT32_MAX : n;
}

static int load_fold(struct templates *t, struct reader *r)
{
	struct template_fold fold = {.time_ns = take_number(r, 8)};
	uint32_t len[TEXTS];
	char *text[TEXTS], *block;
	int rc = 0;

	fold.children = (uint32_t)take_number(r, 4);
	fold.n_kept = (uint32_t)take_number(r, 4);
	for (uint32_t i = 0; i < TEXTS; i++)
		len[i] = (uint32_t)take_number(r, 4);
	block = take_texts(r, len, text);
	if (!block)
		return -EINVAL;
	fold.host = text[0];
	fold.method = text[1];
	fold.parent = text[2];
	fold.ending = text[3];
	fold.kept = text[4];
	fold.kept_len = len[4];
	if (count_words(fold.kept, fold.kept_len) != fold.n_kept)
		rc = -EINVAL;
	else if (!templates_has(t, span_of(fold.host), span_of(fold.method), span_of(fold.parent),
				span_of(fold.ending)))
		templates_add(t, &fold); // no room any more: counted
	free(block);
	return rc;
}

int templates_load(struct templates *t, FILE *in, size_t len)
{
	struct reader r = {in, len, false};
	uint32_t n = (uint32_t)take_number(&r, 4);
	int rc = 0;

	// Each round takes bytes, so the loop ends with them whatever n says.
	for (uint32_t i = 0; i < n && rc == 0; i++)
		rc = load_fold(t, &r);
	if (rc == 0 && (r.bad || r.left))
		rc = -EINVAL;
	if (rc)
		templates_reset(t);
	return rc;
}
