// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Shared parts of the data types' checks. Pure functions, no state; called on workers with
// captured bytes, so every loop ends with its input.

#include "detect/check.h"

#define D (CLASS_DIGIT | CLASS_HEX)
#define U CLASS_UPPER
#define L CLASS_LOWER
#define H CLASS_HEX

const uint8_t check_class[256] = {
	['0'] = D,          ['1'] = D,         ['2'] = D,
	['3'] = D,          ['4'] = D,         ['5'] = D,
	['6'] = D,          ['7'] = D,         ['8'] = D,
	['9'] = D,          ['A'] = U | H,     ['B'] = U | H,
	['C'] = U | H,      ['D'] = U | H,     ['E'] = U | H,
	['F'] = U | H,      ['G'] = U,         ['H'] = U,
	['I'] = U,          ['J'] = U,         ['K'] = U,
	['L'] = U,          ['M'] = U,         ['N'] = U,
	['O'] = U,          ['P'] = U,         ['Q'] = U,
	['R'] = U,          ['S'] = U,         ['T'] = U,
	['U'] = U,          ['V'] = U,         ['W'] = U,
	['X'] = U,          ['Y'] = U,         ['Z'] = U,
	['a'] = L | H,      ['b'] = L | H,     ['c'] = L | H,
	['d'] = L | H,      ['e'] = L | H,     ['f'] = L | H,
	['g'] = L,          ['h'] = L,         ['i'] = L,
	['j'] = L,          ['k'] = L,         ['l'] = L,
	['m'] = L,          ['n'] = L,         ['o'] = L,
	['p'] = L,          ['q'] = L,         ['r'] = L,
	['s'] = L,          ['t'] = L,         ['u'] = L,
	['v'] = L,          ['w'] = L,         ['x'] = L,
	['y'] = L,          ['z'] = L,         ['_'] = CLASS_UNDERSCORE,
	['-'] = CLASS_DASH, ['.'] = CLASS_DOT, ['+'] = CLASS_PLUS,
	['/'] = CLASS_PLUS,
};

#undef D
#undef U
#undef L
#undef H

uint32_t check_right(const uint8_t *p, const uint8_t *end, uint8_t classes)
{
	const uint8_t *q = p;

	while (q < end && check_is(*q, classes))
		q++;
	return (uint32_t)(q - p);
}

uint32_t check_left(const uint8_t *start, const uint8_t *p, uint8_t classes)
{
	const uint8_t *q = p;

	while (q > start && check_is(q[-1], classes))
		q--;
	return (uint32_t)(p - q);
}

struct span check_token_at(struct span text, const uint8_t *p, uint32_t head, uint8_t classes,
			   uint32_t min, uint32_t max)
{
	const uint8_t *end = text.p + text.len;
	uint32_t n;

	if (p < text.p || head > (size_t)(end - p))
		return (struct span){0};
	// Left of a token stands neither a letter nor a digit, nor what joins words.
	if (p > text.p && check_is(p[-1], CLASS_WORD))
		return (struct span){0};
	n = check_right(p + head, end, classes);
	if (n < min || n > max)
		return (struct span){0};
	return (struct span){p, head + n};
}

struct span check_token(const struct candidate *c, uint32_t back, uint8_t classes, uint32_t min,
			uint32_t max)
{
	if (back > (size_t)(c->at - c->text.p))
		return (struct span){0};
	return check_token_at(c->text, c->at - back, back, classes, min, max);
}

bool check_alone(struct span text, struct span v)
{
	const uint8_t *end = text.p + text.len, *q = v.p + v.len;

	if (v.p > text.p) {
		uint8_t b = v.p[-1], b2 = v.p - text.p > 1 ? v.p[-2] : 0;

		if (b == '_')
			return false;
		if ((b == '.' || b == '-' || b == ',' || b == '/' || b == '*') &&
		    (check_is(b2, CLASS_DIGIT) || b2 == '*'))
			return false;
	}
	if (q < end) {
		uint8_t a = *q, a2 = end - q > 1 ? q[1] : 0;

		if (a == '_' || a == '@')
			return false;
		if ((a == '-' || a == '.') && check_is(a2, CLASS_ALNUM))
			return false;
		if ((a == '/' || a == ':') && check_is(a2, CLASS_DIGIT) &&
		    check_is(q[-1], CLASS_DIGIT))
			return false;
	}
	return true;
}

bool check_form(const struct candidate *c, const char *form, const char *seps, struct form *out)
{
	uint32_t k = 0;

	out->n = 0;
	out->separator = 0;
	for (const char *f = form; *f && *f != ' ';) {
		const struct run *r = &c->runs[k];
		uint32_t want = 0;
		char sep;

		while (*f >= '0' && *f <= '9')
			want = want * 10 + (uint32_t)(*f++ - '0');
		if (k == c->n_runs || r->len != want || want > FORM_MAX - out->n)
			return false;
		for (uint32_t i = 0; i < want; i++) {
			uint8_t b = r->p[i];

			out->text[out->n++] = b >= 'a' && b <= 'z' ? b & 0xdf : b;
		}
		k++;
		if (*f == 0 || *f == ' ')
			break;
		sep = *f++;
		if (!r->joined)
			return false;
		if (sep == '?') {
			if (out->separator == 0 && (r->after == 0 || !strchr(seps, r->after)))
				return false;
			if (out->separator && r->after != out->separator)
				return false;
			out->separator = r->after;
		} else if (r->after != (uint8_t)sep) {
			return false;
		}
	}
	out->n_runs = k;
	out->value.p = c->runs[0].p;
	out->value.len = (uint32_t)(c->runs[k - 1].p + c->runs[k - 1].len - c->runs[0].p);
	return check_alone(c->text, out->value);
}

bool check_forms(const struct candidate *c, const char *forms, const char *seps, struct form *out)
{
	while (*forms) {
		if (check_form(c, forms, seps, out))
			return true;
		while (*forms && *forms != ' ')
			forms++;
		while (*forms == ' ')
			forms++;
	}
	return false;
}

bool check_gather(const struct candidate *c, uint32_t want, const char *seps, struct form *out)
{
	const uint8_t *end = c->text.p + c->text.len, *p = c->at;

	out->n = 0;
	out->separator = 0;
	for (uint32_t k = 0; k < c->n_runs; k++) {
		const struct run *r = &c->runs[k];

		if (r->digits != r->len || r->len > want - out->n)
			return false;
		memcpy(out->text + out->n, r->p, r->len);
		out->n += r->len;
		p = r->p + r->len;
		if (out->n == want) {
			out->n_runs = k + 1;
			out->value.p = c->at;
			while (out->value.p > c->text.p &&
			       (out->value.p[-1] == '+' || out->value.p[-1] == '('))
				out->value.p--;
			out->value.len = (uint32_t)(p - out->value.p);
			return check_alone(c->text, out->value);
		}
		for (uint32_t i = 0; k + 1 < c->n_runs && p < r[1].p; i++, p++) {
			if (i == 2 || p == end || *p == 0 || !strchr(seps, *p))
				return false;
		}
	}
	return false;
}

bool check_all(const uint8_t *p, uint32_t n, uint8_t classes)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!check_is(p[i], classes))
			return false;
	}
	return true;
}

bool check_uniform(const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		if (p[i] != p[0])
			return false;
	}
	return true;
}

uint64_t check_number(const uint8_t *p, uint32_t n)
{
	uint64_t v = 0;

	for (uint32_t i = 0; i < n; i++)
		v = v * 10 + (uint64_t)(p[i] - '0');
	return v;
}

// ISO/IEC 7812-1, annex B: every second digit from the right is doubled, cross sums, mod 10.
bool check_luhn(const uint8_t *p, uint32_t n)
{
	static const uint8_t twice[10] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t d = (uint32_t)(p[n - 1 - i] - '0');

		sum += i & 1 ? twice[d] : d;
	}
	return n && sum % 10 == 0;
}

uint32_t check_weighted(const uint8_t *p, const uint8_t *weights, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += (uint32_t)(p[i] - '0') * weights[i];
	return sum;
}

// J. Verhoeff, Error detecting decimal codes, 1969: the dihedral group D5 and a permutation of
// order 8.
bool check_verhoeff(const uint8_t *p, uint32_t n)
{
	static const uint8_t d5[10][10] = {
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5},
		{2, 3, 4, 0, 1, 7, 8, 9, 5, 6}, {3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
		{4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
		{6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
		{8, 7, 6, 5, 9, 3, 2, 1, 0, 4}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
	};
	static const uint8_t permutation[8][10] = {
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4},
		{5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
		{9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
		{2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8},
	};
	uint32_t c = 0;

	for (uint32_t i = 0; i < n; i++)
		c = d5[c][permutation[i % 8][p[n - 1 - i] - '0']];
	return n && c == 0;
}

bool check_mod11_10(const uint8_t *p, uint32_t n)
{
	uint32_t product = 10;

	if (n < 2)
		return false;
	for (uint32_t i = 0; i + 1 < n; i++) {
		uint32_t sum = (product + (uint32_t)(p[i] - '0')) % 10;

		product = (sum ? sum : 10) * 2 % 11;
	}
	return (product + (uint32_t)(p[n - 1] - '0')) % 10 == 1;
}

bool check_mod11_2(const uint8_t *p, uint32_t n)
{
	uint32_t sum = 0, last;

	if (n < 2)
		return false;
	for (uint32_t i = 0; i + 1 < n; i++)
		sum = (sum + (uint32_t)(p[i] - '0')) * 2 % 11;
	last = (p[n - 1] | 0x20) == 'x' ? 10 : (uint32_t)(p[n - 1] - '0');
	return (sum + last) % 11 == 1;
}

uint32_t check_mod97(uint32_t start, const uint8_t *p, uint32_t n)
{
	uint32_t m = start;

	for (uint32_t i = 0; i < n; i++) {
		if (check_is(p[i], CLASS_DIGIT))
			m = (m * 10 + (uint32_t)(p[i] - '0')) % 97;
		else
			m = (m * 100 + (uint32_t)((p[i] & 0xdf) - 'A' + 10)) % 97;
	}
	return m;
}

uint32_t check_icao(const uint8_t *p, uint32_t n)
{
	static const uint8_t weights[3] = {7, 3, 1};
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t v = 0;

		if (check_is(p[i], CLASS_DIGIT))
			v = (uint32_t)(p[i] - '0');
		else if (check_is(p[i], CLASS_ALPHA))
			v = (uint32_t)((p[i] & 0xdf) - 'A' + 10);
		sum += v * weights[i % 3];
	}
	return sum % 10;
}

bool check_country(const uint8_t *p)
{
	// By the first letter, the second ones.
	static const char *const second[26] = {
		"DEFGILMOQRSTUWXZ",
		"ABDEFGHIJLMNOQRSTVWYZ",
		"ACDFGHIKLMNORUVWXYZ",
		"EJKMOZ",
		"CEGHRST",
		"IJKMOR",
		"ABDEFGHILMNPQRSTUWY",
		"KMNRTU",
		"DELMNOQRST",
		"EMOP",
		"EGHIMNPRWYZ",
		"ABCIKRSTUVY",
		"ACDEFGHKLMNOPQRSTUVWXYZ",
		"ACEFGILOPRUZ",
		"M",
		"AEFGHKLMNRSTWY",
		"A",
		"EOSUW",
		"ABCDEGHIJKLMNORSTVXYZ",
		"CDFGHJKLMNORTVWZ",
		"AGMSYZ",
		"ACEGINU",
		"FS",
		"K",
		"ET",
		"AMW",
	};

	if (!check_is(p[0], CLASS_ALPHA) || !check_is(p[1], CLASS_ALPHA))
		return false;
	return strchr(second[(p[0] & 0xdf) - 'A'], p[1] & 0xdf) != NULL;
}

bool check_date(uint32_t year, uint32_t month, uint32_t day)
{
	static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (month < 1 || month > 12 || day < 1)
		return false;
	return day <= days[month - 1] || (month == 2 && day == 29 && leap);
}

// log2(n) in 1/256.
static const uint16_t check_log2[256] = {
	0,    0,    256,  406,  512,  594,  662,  719,  768,  812,  850,  886,  918,  947,  975,
	1000, 1024, 1046, 1068, 1087, 1106, 1124, 1142, 1158, 1174, 1189, 1203, 1217, 1231, 1244,
	1256, 1268, 1280, 1291, 1302, 1313, 1324, 1334, 1343, 1353, 1362, 1372, 1380, 1389, 1398,
	1406, 1414, 1422, 1430, 1437, 1445, 1452, 1459, 1466, 1473, 1480, 1487, 1493, 1500, 1506,
	1512, 1518, 1524, 1530, 1536, 1542, 1547, 1553, 1558, 1564, 1569, 1574, 1580, 1585, 1590,
	1595, 1599, 1604, 1609, 1614, 1618, 1623, 1628, 1632, 1636, 1641, 1645, 1649, 1654, 1658,
	1662, 1666, 1670, 1674, 1678, 1682, 1686, 1690, 1693, 1697, 1701, 1705, 1708, 1712, 1715,
	1719, 1722, 1726, 1729, 1733, 1736, 1739, 1743, 1746, 1749, 1752, 1756, 1759, 1762, 1765,
	1768, 1771, 1774, 1777, 1780, 1783, 1786, 1789, 1792, 1795, 1798, 1801, 1803, 1806, 1809,
	1812, 1814, 1817, 1820, 1822, 1825, 1828, 1830, 1833, 1836, 1838, 1841, 1843, 1846, 1848,
	1851, 1853, 1855, 1858, 1860, 1863, 1865, 1867, 1870, 1872, 1874, 1877, 1879, 1881, 1884,
	1886, 1888, 1890, 1892, 1895, 1897, 1899, 1901, 1903, 1905, 1908, 1910, 1912, 1914, 1916,
	1918, 1920, 1922, 1924, 1926, 1928, 1930, 1932, 1934, 1936, 1938, 1940, 1942, 1944, 1946,
	1947, 1949, 1951, 1953, 1955, 1957, 1959, 1961, 1962, 1964, 1966, 1968, 1970, 1971, 1973,
	1975, 1977, 1978, 1980, 1982, 1984, 1985, 1987, 1989, 1990, 1992, 1994, 1995, 1997, 1999,
	2000, 2002, 2004, 2005, 2007, 2008, 2010, 2012, 2013, 2015, 2016, 2018, 2020, 2021, 2023,
	2024, 2026, 2027, 2029, 2030, 2032, 2033, 2035, 2036, 2038, 2039, 2041, 2042, 2044, 2045,
	2047,
};

uint32_t check_entropy(struct span s)
{
	uint8_t count[256] = {0};
	uint32_t n = s.len < 255 ? s.len : 255, sum = 0;

	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		count[s.p[i]]++;
	for (uint32_t i = 0; i < n; i++) {
		sum += (uint32_t)count[s.p[i]] * check_log2[count[s.p[i]]];
		count[s.p[i]] = 0;
	}
	return check_log2[n] - sum / n;
}

static int check_base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

uint32_t check_base64(struct span s, uint8_t *out, uint32_t max)
{
	uint32_t n = 0, bits = 0, have = 0;

	while (s.len && s.p[s.len - 1] == '=')
		s.len--;
	if (s.len % 4 == 1)
		return 0;
	for (uint32_t i = 0; i < s.len; i++) {
		int v = check_base64_value(s.p[i]);

		if (v < 0)
			return 0;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (n == max)
			return 0;
		out[n++] = (uint8_t)(bits >> have);
	}
	return n;
}

bool check_starts(struct span s, const char *what)
{
	uint32_t i = 0;

	while (i < s.len && what[i] && span_lower(s.p[i]) == (uint8_t)what[i])
		i++;
	return what[i] == 0;
}

bool check_holds(struct span s, const char *what)
{
	uint8_t first = (uint8_t)what[0], small = first >= 'a' && first <= 'z' ? 0x20 : 0;

	for (; s.len; s.p++, s.len--) {
		if ((s.p[0] | small) == first && check_starts(s, what))
			return true;
	}
	return false;
}

bool check_equals(struct span s, const char *what)
{
	for (uint32_t i = 0; i < s.len; i++) {
		if (span_lower(s.p[i]) != (uint8_t)what[i])
			return false;
	}
	return what[s.len] == 0;
}

enum { PLACEHOLDER_LOOK = 64 };

bool check_placeholder(struct span s)
{
	static const char *const whole[] = {
		"null",  "none",     "nil",    "undefined", "true",     "false",   "secret",
		"token", "password", "string", "redacted",  "hidden",   "masked",  "n/a",
		"na",    "yes",      "no",     "required",  "optional", "unknown", "test",
		"todo",  "value",    "empty",  NULL,
	};
	static const char *const part[] = {
		"xxxx",        "****",       "....",         "example", "changeme", "change_me",
		"placeholder", "redacted",   "filtered",     "your_",   "your-",    "yourapi",
		"yourtoken",   "yoursecret", "dummy",        "insert",  "replace",  "abcdefgh",
		"12345678",    "00000000",   "\xe2\x80\xa2", "${",      "{{",       "}}",
		"<%",          "%>",         "$(",           NULL,
	};

	if (s.len == 0 || check_uniform(s.p, s.len))
		return true;
	if (s.len > PLACEHOLDER_LOOK)
		s.len = PLACEHOLDER_LOOK;
	if ((s.p[0] == '<' && s.p[s.len - 1] == '>') || (s.p[0] == '[' && s.p[s.len - 1] == ']') ||
	    (s.p[0] == '{' && s.p[s.len - 1] == '}'))
		return true;
	for (uint32_t i = 0; whole[i]; i++) {
		if (check_equals(s, whole[i]))
			return true;
	}
	for (uint32_t i = 0; part[i]; i++) {
		if (check_holds(s, part[i]))
			return true;
	}
	return false;
}

bool check_test_card(struct span s)
{
	// Numbers that card networks and payment services print in their integration manuals.
	static const char *const cards[] = {
		"4111111111111111", "4012888888881881", "4242424242424242",
		"4222222222222",    "4000056655665556", "4000000000000002",
		"4000000000000077", "4917610000000000", "5555555555554444",
		"5105105105105100", "5200828282828210", "2223003122003222",
		"2223000048400011", "378282246310005",  "371449635398431",
		"378734493671000",  "6011111111111117", "6011000990139424",
		"6011000000000004", "30569309025904",   "38520000023237",
		"36227206271667",   "3530111333300000", "3566002020360505",
		"6200000000000005", "6759649826438453", NULL,
	};
	uint8_t digits[20];
	uint32_t n = 0;

	for (uint32_t i = 0; i < s.len; i++) {
		if (!check_is(s.p[i], CLASS_DIGIT))
			continue;
		if (n == sizeof(digits) - 1)
			return false;
		digits[n++] = s.p[i];
	}
	for (uint32_t i = 0; cards[i]; i++) {
		if (strlen(cards[i]) == n && memcmp(cards[i], digits, n) == 0)
			return true;
	}
	return false;
}
