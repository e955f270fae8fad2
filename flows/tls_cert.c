// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The fields of a certificate stand in a fixed order (RFC 5280 section 4.1), so that the walk is a
// list of steps, each over one element of DER: tag, length, contents. Nothing is nested further
// than the functions below call each other.

#include "flows/tls_cert.h"

#include "flows/tls_read.h"
#include "flows/utf8.h"

enum der {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BITS = 0x03,
	DER_OCTETS = 0x04,
	DER_OID = 0x06,
	DER_UTC_TIME = 0x17,
	DER_GENERAL_TIME = 0x18,
	DER_BMP = 0x1e,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_VERSION = 0xa0,    // [0] of TBSCertificate
	DER_EXTENSIONS = 0xa3, // [3]
	SAN_MAIL = 0x81,       // RFC 5280 section 4.2.1.6
	SAN_DNS = 0x82,
	SAN_URI = 0x86,
	SAN_IP = 0x87,
};

// One element (X.690 section 8.1) with a definite length of at most four bytes.
static struct span element(struct tls_read *r, uint32_t *tag)
{
	*tag = tls_read_number(r, 1);
	uint32_t len = tls_read_number(r, 1);

	if ((*tag & 0x1f) == 0x1f || len == 0x80 || len > 0x84)
		r->bad = true;
	else if (len > 0x80)
		len = tls_read_number(r, len - 0x80);
	return r->bad ? (struct span){0} : tls_read_bytes(r, len);
}

// The contents of the next element, which must be of that tag.
static struct span expect(struct tls_read *r, uint32_t want)
{
	uint32_t tag;
	struct span v = element(r, &tag);

	if (r->bad || tag != want) {
		r->bad = true;
		return (struct span){0};
	}
	return v;
}

// ---- text

struct text {
	char *out;
	uint32_t room, len;
	bool cut;
};

static void text_put(struct text *t, const char *s, uint32_t n)
{
	if (n > t->room - t->len) {
		t->cut = true;
		return;
	}
	memcpy(t->out + t->len, s, n);
	t->len += n;
}

static void text_char(struct text *t, char c)
{
	text_put(t, &c, 1);
}

static void text_number(struct text *t, uint32_t value)
{
	char s[10];
	uint32_t at = sizeof(s);

	do {
		s[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	text_put(t, s + at, sizeof(s) - at);
}

static void text_hex(struct text *t, uint32_t value, uint32_t n_digits)
{
	for (uint32_t i = n_digits; i-- > 0;)
		text_char(t, "0123456789abcdef"[value >> 4 * i & 15]);
}

// "1.2.840.113549.1.9.1" (X.690 section 8.19)
static void text_oid(struct text *t, struct span oid)
{
	uint32_t part = 0;
	bool first = true;

	for (uint32_t i = 0; i < oid.len && !t->cut; i++) {
		part = part << 7 | (oid.p[i] & 0x7f);
		if (oid.p[i] & 0x80)
			continue;
		if (first) {
			uint32_t root = part < 80 ? part / 40 : 2;

			text_number(t, root);
			part -= 40 * root;
		}
		text_char(t, '.');
		text_number(t, part);
		first = false;
		part = 0;
	}
}

// A value as in RFC 4514 section 2.4.
static void text_escaped(struct text *t, struct span v)
{
	for (uint32_t i = 0; i < v.len && !t->cut; i++) {
		char c = (char)v.p[i];

		if (c != '\0' && strchr(",+\"\\<>;=", c))
			text_char(t, '\\');
		text_char(t, c);
	}
}

// UTF-16 as UTF-8; halves of pairs become question marks.
static void text_bmp(struct text *t, struct span v)
{
	for (uint32_t i = 0; i + 1 < v.len && !t->cut; i += 2) {
		uint32_t c = tls_u16(v.p + i);
		uint8_t utf8[UTF8_MOST];

		if (c >= 0xd800 && c < 0xe000)
			c = '?';
		text_escaped(t, span_make(utf8, utf8_put(utf8, c)));
	}
}

// ---- names

static void text_type(struct text *t, struct span oid)
{
	// id-at: 2.5.4.x
	static const struct {
		uint8_t last;
		char name[13];
	} known[] = {
		{3, "CN"}, {4, "SN"},          {5, "serialNumber"}, {6, "C"},      {7, "L"},
		{8, "ST"}, {9, "STREET"},      {10, "O"},           {11, "OU"},    {12, "title"},
		{42, "GN"},
	};
	static const uint8_t mail[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01};
	static const uint8_t component[] = {0x09, 0x92, 0x26, 0x89, 0x93,
					    0xf2, 0x2c, 0x64, 0x01, 0x19};

	for (uint32_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (oid.len == 3 && oid.p[0] == 0x55 && oid.p[1] == 4 && oid.p[2] == known[i].last) {
			text_put(t, known[i].name, (uint32_t)strlen(known[i].name));
			return;
		}
	}
	if (span_eq(oid, span_make(mail, sizeof(mail))))
		text_put(t, "emailAddress", 12);
	else if (span_eq(oid, span_make(component, sizeof(component))))
		text_put(t, "DC", 2);
	else
		text_oid(t, oid);
}

// One "type=value" of a relative name.
static bool attribute(struct tls_read *set, struct text *t)
{
	struct tls_read r = {.rest = expect(set, DER_SEQUENCE)};
	struct span oid = expect(&r, DER_OID);
	uint32_t tag;
	struct span value = element(&r, &tag);

	if (set->bad || r.bad)
		return false;
	text_type(t, oid);
	text_char(t, '=');
	if (tag == DER_BMP)
		text_bmp(t, value);
	else
		text_escaped(t, value);
	return true;
}

enum { RDNS = 64 }; // parts of a name

// The last part first (RFC 4514 section 2.1). A cut name ends where its last whole part does.
static bool name_text(struct span name, char *out, uint16_t *len, bool *cut)
{
	struct span parts[RDNS];
	uint32_t n = 0;
	struct tls_read r = {.rest = name};
	struct text t = {.out = out, .room = TLS_CERT_NAME};

	while (r.rest.len && !r.bad && n < RDNS)
		parts[n++] = expect(&r, DER_SET);
	if (r.bad)
		return false;
	*cut = r.rest.len > 0;
	while (n-- > 0 && !t.cut) {
		struct tls_read set = {.rest = parts[n]};
		uint32_t before = t.len;
		const char *join = t.len ? "," : "";

		while (set.rest.len) {
			text_put(&t, join, (uint32_t)strlen(join));
			if (!attribute(&set, &t))
				return false;
			join = "+";
		}
		if (t.cut)
			t.len = before;
	}
	*cut |= t.cut;
	*len = (uint16_t)t.len;
	return true;
}

// ---- time

static bool two(const uint8_t *p, uint32_t *value)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*value = (uint32_t)(p[0] - '0') * 10 + (uint32_t)(p[1] - '0');
	return true;
}

// Days from 1970-01-01 in the Gregorian calendar.
static int64_t days(int64_t year, uint32_t month, uint32_t day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (int64_t)(month + (month > 2 ? -3U : 9U)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

// "YYMMDDHHMMSSZ" or "YYYYMMDDHHMMSSZ" (RFC 5280 section 4.1.2.5).
static bool time_of(struct tls_read *r, int64_t *seconds)
{
	uint32_t tag, century = 0, v[6];
	struct span s = element(r, &tag);

	if (r->bad || (tag != DER_UTC_TIME && tag != DER_GENERAL_TIME))
		return false;
	if (tag == DER_GENERAL_TIME) {
		if (s.len < 2 || !two(s.p, &century))
			return false;
		s.p += 2;
		s.len -= 2;
	}
	if (s.len != 13 || s.p[12] != 'Z')
		return false;
	for (uint32_t i = 0; i < 6; i++) {
		if (!two(s.p + 2 * i, &v[i]))
			return false;
	}
	if (v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31 || v[3] > 23 || v[4] > 59 || v[5] > 60)
		return false;
	if (tag == DER_UTC_TIME)
		century = v[0] >= 50 ? 19 : 20;
	*seconds = days(century * 100 + v[0], v[1], v[2]) * 86400 + v[3] * 3600 + v[4] * 60 + v[5];
	return true;
}

// ---- key

static uint32_t integer_bits(struct span v)
{
	uint32_t bits;

	while (v.len && v.p[0] == 0) {
		v.p++;
		v.len--;
	}
	if (v.len == 0)
		return 0;
	bits = 8 * (v.len - 1);
	for (uint8_t top = v.p[0]; top; top >>= 1)
		bits++;
	return bits;
}

static const struct key_row {
	uint8_t len;
	uint8_t oid[9];
	uint8_t key; // enum tls_key
	uint16_t bits;
} keys[] = {
	{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1}, TLS_KEY_RSA, 0},
	{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10}, TLS_KEY_RSA_PSS, 0},
	{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 3, 1}, TLS_KEY_DH, 0},
	{7, {0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1}, TLS_KEY_EC, 0},
	{7, {0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1}, TLS_KEY_DSA, 0},
	{3, {0x2b, 0x65, 0x70}, TLS_KEY_ED25519, 256},
	{3, {0x2b, 0x65, 0x71}, TLS_KEY_ED448, 456},
	{6, {0x2a, 0x85, 0x03, 0x02, 0x02, 0x13}, TLS_KEY_GOST, 0},
	{8, {0x2a, 0x85, 0x03, 0x07, 1, 1, 1, 1}, TLS_KEY_GOST, 256},
	{8, {0x2a, 0x85, 0x03, 0x07, 1, 1, 1, 2}, TLS_KEY_GOST, 512},
};

static const struct key_row curves[] = {
	{8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1}, 0, 192},
	{8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}, 0, 256},
	{5, {0x2b, 0x81, 4, 0, 33}, 0, 224},
	{5, {0x2b, 0x81, 4, 0, 10}, 0, 256}, // secp256k1
	{5, {0x2b, 0x81, 4, 0, 34}, 0, 384},
	{5, {0x2b, 0x81, 4, 0, 35}, 0, 521},
	{9, {0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7}, 0, 256}, // Brainpool
	{9, {0x2b, 0x24, 3, 3, 2, 8, 1, 1, 11}, 0, 384},
	{9, {0x2b, 0x24, 3, 3, 2, 8, 1, 1, 13}, 0, 512},
};

static const struct key_row *key_find(const struct key_row *rows, size_t n, struct span oid)
{
	for (size_t i = 0; i < n; i++) {
		if (span_eq(oid, span_make(rows[i].oid, rows[i].len)))
			return &rows[i];
	}
	return NULL;
}

// SubjectPublicKeyInfo (RFC 3279 section 2.3, RFC 8410).
static void public_key(struct span info, struct tls_cert *cert)
{
	struct tls_read r = {.rest = info};
	struct tls_read algorithm = {.rest = expect(&r, DER_SEQUENCE)};
	struct span oid = expect(&algorithm, DER_OID);
	struct tls_read bits = {.rest = expect(&r, DER_BITS)};
	const struct key_row *key = key_find(keys, sizeof(keys) / sizeof(keys[0]), oid), *curve;

	if (!key || r.bad || algorithm.bad)
		return;
	cert->key = key->key;
	cert->key_bits = key->bits;
	tls_read_number(&bits, 1); // unused bits
	struct tls_read parts = {0};

	switch ((enum tls_key)key->key) {
	case TLS_KEY_RSA:
	case TLS_KEY_RSA_PSS: // modulus, exponent
		parts.rest = expect(&bits, DER_SEQUENCE);
		cert->key_bits = integer_bits(expect(&parts, DER_INTEGER));
		break;
	case TLS_KEY_DSA:
	case TLS_KEY_DH: // the prime is the first parameter
		parts.rest = expect(&algorithm, DER_SEQUENCE);
		cert->key_bits = integer_bits(expect(&parts, DER_INTEGER));
		break;
	case TLS_KEY_EC:
		oid = expect(&algorithm, DER_OID);
		curve = key_find(curves, sizeof(curves) / sizeof(curves[0]), oid);
		cert->key_bits = curve ? curve->bits : 0;
		break;
	default:
		break;
	}
}

const char *tls_key_name(enum tls_key key)
{
	static const char *const names[] = {NULL,	 "rsa", "rsa-pss", "ec",      "dsa",
					    "dh",	 "ed25519", "ed448", "gost"};

	return names[key];
}

// ---- alternative names

static void san_ip(struct text *t, struct span ip)
{
	if (ip.len == 4) {
		for (uint32_t i = 0; i < 4; i++) {
			if (i)
				text_char(t, '.');
			text_number(t, ip.p[i]);
		}
		return;
	}
	for (uint32_t i = 0; i + 1 < ip.len; i += 2) { // not shortened
		if (i)
			text_char(t, ':');
		text_hex(t, tls_u16(ip.p + i), 4);
	}
}

static void alternative_names(struct span names, struct tls_cert *cert)
{
	struct tls_read r = {.rest = names};
	struct text t = {.out = cert->san, .room = TLS_CERT_SAN};

	while (r.rest.len && !r.bad) {
		uint32_t tag, before = t.len;
		struct span v = element(&r, &tag);

		if (r.bad || (tag != SAN_DNS && tag != SAN_IP && tag != SAN_MAIL && tag != SAN_URI))
			continue;
		if (cert->n_san < UINT16_MAX)
			cert->n_san++;
		if (t.cut)
			continue;
		if (before)
			text_char(&t, ',');
		if (tag == SAN_IP)
			san_ip(&t, v);
		else
			text_escaped(&t, v);
		if (t.cut)
			t.len = before;
		else
			cert->n_san_kept++;
	}
	cert->san_len = (uint16_t)t.len;
}

static void extensions(struct span all, struct tls_cert *cert)
{
	static const uint8_t san[] = {0x55, 0x1d, 0x11}; // 2.5.29.17
	struct tls_read list = {.rest = all};
	struct tls_read r = {.rest = expect(&list, DER_SEQUENCE)};

	while (r.rest.len && !r.bad) {
		struct tls_read one = {.rest = expect(&r, DER_SEQUENCE)};
		struct span oid = expect(&one, DER_OID);

		if (r.bad || !span_eq(oid, span_make(san, sizeof(san))))
			continue;
		if (one.rest.len && one.rest.p[0] == DER_BOOLEAN)
			expect(&one, DER_BOOLEAN);
		struct tls_read value = {.rest = expect(&one, DER_OCTETS)};
		struct span names = expect(&value, DER_SEQUENCE);

		if (!value.bad && cert->n_san == 0)
			alternative_names(names, cert);
	}
}

bool tls_cert_parse(struct span der, struct tls_cert *cert)
{
	struct tls_read r = {.rest = der};
	struct tls_read outer = {.rest = expect(&r, DER_SEQUENCE)};
	struct tls_read tbs = {.rest = expect(&outer, DER_SEQUENCE)};
	uint32_t tag;

	memset(cert, 0, sizeof(*cert));
	if (tbs.rest.len && tbs.rest.p[0] == DER_VERSION)
		expect(&tbs, DER_VERSION);
	expect(&tbs, DER_INTEGER);  // serial number
	expect(&tbs, DER_SEQUENCE); // signature algorithm
	struct span issuer = expect(&tbs, DER_SEQUENCE);
	struct tls_read validity = {.rest = expect(&tbs, DER_SEQUENCE)};
	struct span subject = expect(&tbs, DER_SEQUENCE);
	struct span key = expect(&tbs, DER_SEQUENCE);

	if (r.bad || outer.bad || tbs.bad ||
	    !name_text(issuer, cert->issuer, &cert->issuer_len, &cert->issuer_cut) ||
	    !name_text(subject, cert->subject, &cert->subject_len, &cert->subject_cut))
		return false;
	cert->self_signed = span_eq(issuer, subject);
	cert->has_validity = time_of(&validity, &cert->not_before_s) &&
			     time_of(&validity, &cert->not_after_s);
	public_key(key, cert);
	while (tbs.rest.len && !tbs.bad) {
		struct span v = element(&tbs, &tag);

		if (!tbs.bad && tag == DER_EXTENSIONS)
			extensions(v, cert);
	}
	return true;
}
