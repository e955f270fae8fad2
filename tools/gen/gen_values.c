// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Makers of valid-looking values; see the header. Numbers known from documentation and tests
// are left out, since a careful reader of traffic ignores those.

#include "tools/gen/gen_values.h"

#include "tools/gen/gen_buffer.h"
#include "tools/gen/gen_digest.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

static const char *const first_names[] = {
	"Maria", "James", "Aiko",  "Peter", "Olivia", "Noah",   "Fatima", "Lucas", "Elena", "David",
	"Sofia", "Kenji", "Chloe", "Marco", "Ingrid", "Daniel", "Priya",  "Tomas", "Grace", "Henry",
};

static const char *const last_names[] = {
	"Keller",  "Tanaka", "Murphy", "Rossi",  "Novak",   "Silva",   "Jensen",
	"Carter",  "Dubois", "Hughes", "Sato",   "Moreno",  "Fischer", "Walker",
	"Bennett", "Larsen", "Costa",  "Foster", "Ramirez", "Patel",
};

static const char *const mail_domains[] = {
	"harborline.net",  "northgate-mail.com", "bluepost.org", "mail.stonebridge.io",
	"kestrelpost.com", "lakeside-web.net",   "postfach.de",  "correo-sur.es",
};

static const uint16_t area_codes[] = {212, 206, 303, 305, 312, 404, 415, 503, 602, 617, 713, 702};

const char *gen_value_name(enum gen_value value)
{
	static const char *const names[GEN_VALUES] = {"email", "phone", "us.ssn", "card.pan"};

	return names[value];
}

const char *gen_value_key(enum gen_value value)
{
	static const char *const keys[GEN_VALUES] = {"email", "phone", "ssn", "card_number"};

	return keys[value];
}

static void value_email(struct gen_random *random, char out[GEN_VALUE_BYTES])
{
	const char *first = first_names[gen_random_below(random, COUNT(first_names))];
	const char *last = last_names[gen_random_below(random, COUNT(last_names))];
	int n = snprintf(out, GEN_VALUE_BYTES, "%s.%s%u@%s", first, last,
			 gen_random_below(random, 9000) + 10,
			 mail_domains[gen_random_below(random, COUNT(mail_domains))]);

	for (int i = 0; i < n; i++)
		out[i] |= out[i] >= 'A' && out[i] <= 'Z' ? 0x20 : 0;
}

// NANP: exchange NXX, never N11 nor 555; a subscriber number of four digits.
static void value_phone(struct gen_random *random, char out[GEN_VALUE_BYTES])
{
	uint32_t area = area_codes[gen_random_below(random, COUNT(area_codes))];
	uint32_t exchange, line = 1000 + gen_random_below(random, 9000);

	do {
		exchange = 200 + gen_random_below(random, 800);
	} while (exchange % 100 == 11 || exchange == 555);
	if (gen_random_below(random, 2))
		snprintf(out, GEN_VALUE_BYTES, "+1 %u %u %u", area, exchange, line);
	else
		snprintf(out, GEN_VALUE_BYTES, "+1%u%u%u", area, exchange, line);
}

static void value_ssn(struct gen_random *random, char out[GEN_VALUE_BYTES])
{
	uint32_t area, group = 1 + gen_random_below(random, 99);
	uint32_t serial = 1 + gen_random_below(random, 9999);

	do {
		area = 1 + gen_random_below(random, 899);
	} while (area == 666);
	snprintf(out, GEN_VALUE_BYTES, "%03u-%02u-%04u", area, group, serial);
	if (!strcmp(out, "078-05-1120") || !strcmp(out, "219-09-9999") ||
	    !strcmp(out, "123-45-6789"))
		strcpy(out, "536-22-6788");
}

static void value_card(struct gen_random *random, char out[GEN_VALUE_BYTES])
{
	uint32_t sum = 0;

	if (gen_random_below(random, 2))
		snprintf(out, GEN_VALUE_BYTES, "4%03u", 100 + gen_random_below(random, 900));
	else
		snprintf(out, GEN_VALUE_BYTES, "5%u%02u", 1 + gen_random_below(random, 5),
			 10 + gen_random_below(random, 90));
	for (uint32_t i = 4; i < 15; i++)
		out[i] = (char)('0' + gen_random_below(random, 10));
	for (uint32_t i = 0; i < 15; i++) {
		uint32_t digit = (uint32_t)(out[i] - '0') << (i % 2 == 0);

		sum += digit > 9 ? digit - 9 : digit;
	}
	out[15] = (char)('0' + (10 - sum % 10) % 10);
	out[16] = '\0';
}

void gen_value_make(struct gen_random *random, enum gen_value value, char out[GEN_VALUE_BYTES])
{
	static void (*const makers[GEN_VALUES])(struct gen_random *, char[GEN_VALUE_BYTES]) = {
		[GEN_EMAIL] = value_email,
		[GEN_PHONE] = value_phone,
		[GEN_SSN] = value_ssn,
		[GEN_CARD] = value_card,
	};

	makers[value](random, out);
}

void gen_value_person(struct gen_random *random, char out[GEN_VALUE_BYTES])
{
	snprintf(out, GEN_VALUE_BYTES, "%s %s",
		 first_names[gen_random_below(random, COUNT(first_names))],
		 last_names[gen_random_below(random, COUNT(last_names))]);
}

void gen_value_secret(struct gen_random *random, char *out, size_t n)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < n; i++)
		out[i] = alphabet[gen_random_below(random, sizeof(alphabet) - 1)];
	out[n] = '\0';
}

void gen_value_token(const char *subject, uint64_t issued_s, uint64_t expires_s,
		     char out[GEN_TOKEN_BYTES])
{
	static const char head[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	uint8_t signature[GEN_SHA256_BYTES];
	char claims[128];
	size_t n;
	int len = snprintf(claims, sizeof(claims), "{\"sub\":\"%s\",\"iat\":%llu,\"exp\":%llu}",
			   subject, (unsigned long long)issued_s, (unsigned long long)expires_s);

	if (len < 0 || (size_t)len >= sizeof(claims))
		gen_fatal("subject \"%s\" is too long for a token", subject);
	n = gen_digest_base64url(head, sizeof(head) - 1, out);
	out[n++] = '.';
	n += gen_digest_base64url(claims, (size_t)len, out + n);
	gen_digest_hmac("made-up signing key of the generated API", out, n, signature);
	out[n++] = '.';
	gen_digest_base64url(signature, sizeof(signature), out + n);
}
