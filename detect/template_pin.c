// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Rows of the configuration, and how a pin is read:
//
//	"GET api.example.com /users/{user}/orders"
//	 │    │               │      └ what stands here is a value, whatever it looks like
//	 │    └ a host        └ a word that is kept apart
//	 └ a method, or * for all that are usual
//
// A pin and a split speak of the places on their way, so what lies behind them is concerned, too. A
// split that ends in * keeps all words at its place apart.

#include "detect/template_pin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool pin_valid(const char *text, char *why, size_t why_len);
static bool split_valid(const char *text, char *why, size_t why_len);

#define TEMPLATE_ROW(field, ...)                                                                   \
	{                                                                                          \
		.key = #field, .offset = offsetof(struct template_options, field), __VA_ARGS__     \
	}
static const struct conf_row template_rows[] = {
	TEMPLATE_ROW(learn, .type = CONF_BOOL, .def = "true",
		     .help = "Whether parts of paths that look like words are learnt to be values "
			     "(names, slugs); {name} stands for them"),
	TEMPLATE_ROW(min_children, .type = CONF_U32, .min = 10, .max = 10000, .def = "30",
		     .unit = "words",
		     .help = "Different words in one place of a path, alike in what follows them and "
			     "in what they return, before they are values; of words that return "
			     "nothing to compare, two to eight times as many"),
	TEMPLATE_ROW(max_calls, .type = CONF_U32, .min = 2, .max = 1000000, .def = "20",
		     .unit = "calls",
		     .help = "When half of such words were called more often than that they are "
			     "names of the API and stay apart"),
	TEMPLATE_ROW(pin, .type = CONF_STRS, .min = 5, .max = 512, .def = "[ ]", .valid = pin_valid,
		     .help = "Templates that hold without learning, as \"GET api.example.com "
			     "/users/{user}/orders\"; * for a method means all usual ones"),
	TEMPLATE_ROW(split, .type = CONF_STRS, .min = 5, .max = 512, .def = "[ ]",
		     .valid = split_valid,
		     .help = "Paths whose words stay apart, as \"GET api.example.com "
			     "/users/top\"; a last /* keeps all words in that place apart"),
};
const struct conf_section template_section = {
	.path = "detect.templates",
	.help = "Templates of paths beyond the looks of their parts",
	.size = sizeof(struct template_options),
	.rows = template_rows,
	.n_rows = sizeof(template_rows) / sizeof(template_rows[0]),
};
CONF_SECTION(template_section);

enum { PIN_SEGMENTS = 16, PIN_HOST = 255 };

// A row, taken apart.
struct pin {
	struct span method, host, segment[PIN_SEGMENTS];
	uint32_t n;
	bool split;
	bool all; // a last *
};

static bool is_name(struct span s)
{
	if (s.len < 3 || s.len >= TEMPLATE_NAME || s.p[s.len - 1] != '}')
		return false;
	for (uint32_t i = 1; i + 1 < s.len; i++) {
		uint8_t c = s.p[i];

		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", c))
			return false;
	}
	return true;
}

static bool is_plain(struct span s, const char *forbidden)
{
	for (uint32_t i = 0; i < s.len; i++) {
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || strchr(forbidden, s.p[i]))
			return false;
	}
	return s.len > 0;
}

static bool is_method(struct span s)
{
	if (span_eq(s, SPAN_LIT("*")))
		return true;
	for (uint32_t i = 0; i < s.len; i++) {
		if (s.p[i] < 'A' || s.p[i] > 'Z')
			return false;
	}
	return s.len > 0 && s.len <= 32;
}

static struct span take(struct span *rest, uint8_t until)
{
	struct span word;

	while (rest->len && rest->p[0] == until) {
		rest->p++;
		rest->len--;
	}
	word = span_until(*rest, until);
	rest->p += word.len;
	rest->len -= word.len;
	return word;
}

static bool refuse(char *why, size_t why_len, const char *what)
{
	snprintf(why, why_len, "%s; allowed: METHOD host /path, as \"GET api.example.com "
			       "/users/{user}/orders\"",
		 what);
	return false;
}

static bool pin_read(const char *text, bool split, struct pin *pin, char *why, size_t why_len)
{
	struct span rest = span_make(text, strlen(text)), path;
	bool value = false;

	*pin = (struct pin){.method = take(&rest, ' '), .split = split};
	pin->host = take(&rest, ' ');
	path = take(&rest, ' ');
	if (!is_method(pin->method))
		return refuse(why, why_len, "has no method (capitals, or *)");
	if (!is_plain(pin->host, "/{}*:@?#\\") || pin->host.len > PIN_HOST)
		return refuse(why, why_len, "has no host (without port and wildcards)");
	if (path.len < 2 || path.p[0] != '/' || rest.len)
		return refuse(why, why_len, "has no path that begins with /");
	while (path.len && path.p[0] == '/') {
		struct span s = take(&path, '/');

		if (s.len == 0)
			break;
		if (pin->all)
			return refuse(why, why_len, "has * before its end");
		if (pin->n == PIN_SEGMENTS)
			return refuse(why, why_len, "has more than 16 segments");
		pin->all = split && span_eq(s, SPAN_LIT("*"));
		value = template_is_value(s);
		if (value && !is_name(s))
			return refuse(why, why_len, "has a {name} that is too long or not of letters, "
						  "digits, _ and -");
		if (!value && !pin->all && !is_plain(s, "{}*?#\"<>\\^`|"))
			return refuse(why, why_len, "has a segment with characters that no template "
						  "shows (write them as %XX)");
		pin->segment[pin->n++] = s;
	}
	if (split && value)
		return refuse(why, why_len, "ends with a value, which cannot be kept apart");
	for (uint32_t i = 0; !split && i < pin->n; i++) {
		if (template_is_value(pin->segment[i]))
			return true;
	}
	return split || refuse(why, why_len, "has no {name}; a path of words belongs to split");
}

static bool pin_valid(const char *text, char *why, size_t why_len)
{
	struct pin pin;

	return pin_read(text, false, &pin, why, why_len);
}

static bool split_valid(const char *text, char *why, size_t why_len)
{
	struct pin pin;

	return pin_read(text, true, &pin, why, why_len);
}

// Into the set, and the name beside it.
static bool place_name(struct template_pins *p, uint64_t place, struct span name, char *why,
		       size_t why_len)
{
	for (uint32_t i = 0; i < p->n; i++) {
		if (p->pin[i].place != place)
			continue;
		if (span_eq(name, span_make(p->pin[i].name, strlen(p->pin[i].name))))
			return true;
		snprintf(why, why_len, "templates.pin: the same place is called \"%s\" and \"%.*s\"",
			 p->pin[i].name, (int)name.len, (const char *)name.p);
		return false;
	}
	if (p->n == TEMPLATE_PINS) {
		snprintf(why, why_len, "templates.pin: more than %d parameters", TEMPLATE_PINS);
		return false;
	}
	p->pin[p->n].place = place;
	memcpy(p->pin[p->n].name, name.p, name.len);
	p->pin[p->n++].name[name.len] = '\0';
	idset_add(&p->set, template_key(place, TEMPLATE_NAMED, (struct span){0}));
	return true;
}

static bool pin_add(struct template_pins *p, const struct pin *pin, struct span method, char *why,
		    size_t why_len)
{
	uint8_t host[PIN_HOST];
	uint64_t place;

	for (uint32_t i = 0; i < pin->host.len; i++)
		host[i] = span_lower(pin->host.p[i]);
	place = template_root(p->seed, span_make(host, pin->host.len), method);
	for (uint32_t i = 0; i < pin->n; i++) {
		struct span s = pin->segment[i];

		// Half of the set is left to what is learnt.
		if (p->set.n > IDSET_SLOTS / 4) {
			snprintf(why, why_len, "templates: too many pins and splits");
			return false;
		}
		idset_add(&p->set, place);
		if (pin->all && i + 1 == pin->n)
			idset_add(&p->set, template_key(place, TEMPLATE_SPLIT, (struct span){0}));
		else if (!template_is_value(s))
			idset_add(&p->set, template_key(place, TEMPLATE_KEPT, s));
		else if (!pin->split && !place_name(p, place, s, why, why_len))
			return false;
		place = template_place(p->seed, place, s);
	}
	return true;
}

static bool row_add(struct template_pins *p, const char *text, bool split, char *why,
		    size_t why_len)
{
	static const char *const usual[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE",
					    "OPTIONS"};
	struct pin pin;

	if (!pin_read(text, split, &pin, why, why_len))
		return false;
	if (!span_eq(pin.method, SPAN_LIT("*")))
		return pin_add(p, &pin, pin.method, why, why_len);
	for (uint32_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (!pin_add(p, &pin, span_make(usual[i], strlen(usual[i])), why, why_len))
			return false;
	}
	return true;
}

static int compare_pins(const void *a, const void *b)
{
	const struct template_pin *x = a, *y = b;

	return x->place < y->place ? -1 : x->place > y->place;
}

int template_pins_init(struct template_pins *p, const struct template_options *options,
		       uint64_t seed, char *why, size_t why_len)
{
	*p = (struct template_pins){.seed = seed};
	for (size_t i = 0; i < options->pin.n; i++) {
		if (!row_add(p, options->pin.v[i], false, why, why_len))
			return -1;
	}
	for (size_t i = 0; i < options->split.n; i++) {
		if (!row_add(p, options->split.v[i], true, why, why_len))
			return -1;
	}
	qsort(p->pin, p->n, sizeof(p->pin[0]), compare_pins);
	return 0;
}

int template_check(const struct conf *conf, char *why, size_t why_len)
{
	struct template_pins *p = malloc(sizeof(*p));
	int rc = p ? template_pins_init(p, conf_get(conf, &template_section), 1, why, why_len) : -1;

	if (!p)
		snprintf(why, why_len, "out of memory");
	free(p);
	return rc;
}
