// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Japanese addresses: the name of a prefecture (ISO 3166-2:JP), and within a few characters a
// city, ward, town, village or district. Found in any text with Japanese in it, in UTF-8.

#include "detect/check.h"
#include "detect/issue.h"

enum { CHAR = 3, NAME_MAX = 12 * CHAR, REST_MAX = 20 * CHAR };

static const char *const prefectures[] = {
	"東京都", "北海道", "京都府", "大阪府", "青森県",   "岩手県",   "宮城県",   "秋田県",
	"山形県", "福島県", "茨城県", "栃木県", "群馬県",   "埼玉県",   "千葉県",   "新潟県",
	"富山県", "石川県", "福井県", "山梨県", "長野県",   "岐阜県",   "静岡県",   "愛知県",
	"三重県", "滋賀県", "兵庫県", "奈良県", "鳥取県",   "島根県",   "岡山県",   "広島県",
	"山口県", "徳島県", "香川県", "愛媛県", "高知県",   "福岡県",   "佐賀県",   "長崎県",
	"熊本県", "大分県", "宮崎県", "沖縄県", "神奈川県", "和歌山県", "鹿児島県", NULL,
};

// The prefecture whose last character is at p; its length or 0.
static uint32_t prefecture_at(const uint8_t *start, const uint8_t *p)
{
	if (p - start < 2 * CHAR)
		return 0;
	for (uint32_t i = 0; prefectures[i]; i++) {
		const char *name = prefectures[i];
		uint32_t n;

		// Of three or four characters; the second is the last but one of three.
		if ((uint8_t)name[2 * CHAR - 1] != p[-1] && (uint8_t)name[3 * CHAR - 1] != p[-1])
			continue;
		n = (uint32_t)strlen(name);
		if ((size_t)(p - start) + CHAR >= n && memcmp(p + CHAR - n, name, n) == 0)
			return n;
	}
	return 0;
}

static bool is_char(const uint8_t *p, const char *one)
{
	return memcmp(p, one, CHAR) == 0;
}

static bool is_break(const uint8_t *p)
{
	return p[0] < 0x21 || p[0] == '"' || p[0] == '\\' || p[0] == ',' || p[0] == '<' ||
	       is_char(p, "、") || is_char(p, "。") || is_char(p, "　");
}

// The end of the city's name behind a prefecture; NULL: there is none.
static const uint8_t *city(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *stop = end - p > NAME_MAX ? p + NAME_MAX : end;

	for (const uint8_t *q = p; stop - q >= CHAR; q++) {
		if (is_break(q))
			return NULL;
		if (q > p && (is_char(q, "市") || is_char(q, "区") || is_char(q, "町") ||
			      is_char(q, "村") || is_char(q, "郡")))
			return q + CHAR;
	}
	return NULL;
}

static struct span check(const struct candidate *c)
{
	const uint8_t *end = c->text.p + c->text.len;

	for (const uint8_t *p = c->at; end - p >= CHAR; p++) {
		const uint8_t *q, *stop;
		uint32_t n;

		if (*p < 0xe5 || (!is_char(p, "県") && !is_char(p, "都") && !is_char(p, "道") &&
				  !is_char(p, "府")))
			continue;
		n = prefecture_at(c->at, p);
		if (n == 0)
			continue;
		q = city(p + CHAR, end);
		if (!q)
			continue;
		stop = end - q > REST_MAX ? q + REST_MAX : end;
		while (stop - q >= CHAR && !is_break(q))
			q++;
		if (stop == end && end - q < CHAR)
			q = end;
		// Not in the middle of a character.
		while (q < end && (*q & 0xc0) == 0x80)
			q++;
		return span_make(p + CHAR - n, (size_t)(q - p) + n - CHAR);
	}
	return (struct span){0};
}

static const char *const context[] = {"address", "住所", "所在地", "居所", NULL};

static const struct type_sample samples[] = {
	{NULL, "東京都港区芝公園4-2-8", true},
	{"住所", "〒100-0001 神奈川県横浜市西区みなとみらい2-3-1", true},
	{NULL, "送付先: 北海道札幌市中央区北一条西2丁目、よろしく", true},
	{NULL, "東京都の天気は晴れです。市場は休みです", false},
	{NULL, "県道と市道の工事のお知らせです", false},
	{NULL, "Tokyo Minato", false},
	{0},
};

static const struct datatype address_jp = {
	.id = "address.jp",
	.title = "Japanese postal address",
	.group = GROUP_PERSONAL,
	.country = "JP",
	.tags = TAG_APPI,
	.rule = "JIS X 0401: prefectures",
	.reports = REPORTS_YES,
	.severity = SEVERITY_MEDIUM,
	.personal = true,
	.context = context,
	.wide = true,
	.check = check,
	.samples = samples,
};
DATATYPE_REGISTER(address_jp)
