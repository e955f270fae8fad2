// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// TLS with keys. An input is a script: it picks a cipher suite, and then says what each side seals,
// sends in the clear, damages or loses. Every byte that arrives inside must have been sealed, in
// that order, whatever the cuts.
// fuzz: -len_control=10

#include "tests/fuzz/tls_fuzz.h"

#include "tests/unit/tls_seal.h"

#define CUTS_AT_MOST 64 // items of a script

static struct tls_secret rows[4];
static struct tls_keys keys = {.rows = rows};
static struct sealer now[2], next[2];
static struct buf sent[2]; // plaintext of each side
static uint32_t inside[2]; // how far of it has arrived

// ---- the inner parser

struct inner_state {
	uint64_t end[2];
};

static void inner_open(struct pctx *p)
{
	struct inner_state *s = p->state;

	s->end[0] = p->off[0];
	s->end[1] = p->off[1];
	tell("open%d ", p->conn->midstream);
}

static bool inner_data(struct pctx *p, enum dir dir, struct span bytes)
{
	struct inner_state *s = p->state;
	const struct buf *b = &sent[dir];
	const uint8_t *hit = memmem(b->p + inside[dir], b->n - inside[dir], bytes.p, bytes.len);

	FUZZ_CHECK(p->off[dir] == s->end[dir]);
	FUZZ_CHECK(hit);
	inside[dir] = (uint32_t)(hit - b->p) + bytes.len;
	s->end[dir] += bytes.len;
	tell("%c", "CS"[dir]);
	tell_bytes(bytes.p, bytes.len);
	return true;
}

static bool inner_gap(struct pctx *p, enum dir dir, uint64_t len)
{
	struct inner_state *s = p->state;

	FUZZ_CHECK(p->off[dir] == s->end[dir]);
	s->end[dir] += len;
	tell("gap%u ", (uint32_t)len);
	return true;
}

static void inner_fin(struct pctx *, enum dir dir)
{
	tell("fin%d ", dir);
}

static void inner_close(struct pctx *, enum close_reason why)
{
	tell("close%d ", why);
}

const struct parser http1_parser = {
	.name = "http1",
	.rank = 50,
	.size = sizeof(struct inner_state),
	.open = inner_open,
	.data = inner_data,
	.gap = inner_gap,
	.fin = inner_fin,
	.close = inner_close,
};
PARSER_REGISTER(http1_parser);

// ---- the script

static void handshake(struct fuzz_conn *c, uint8_t pick)
{
	static const uint16_t old[] = {0x009c, 0xc030, 0xcca8, 0xc09c, 0x002f, 0xc028};
	static const uint8_t labels[4] = {TLS_LABEL_CLIENT_HANDSHAKE, TLS_LABEL_SERVER_HANDSHAKE,
					  TLS_LABEL_CLIENT_TRAFFIC, TLS_LABEL_SERVER_TRAFFIC};
	static struct buf msgs, out;
	bool is_13 = pick & 1, etm = pick & 2;
	uint16_t cipher = is_13 ? (uint16_t)(0x1301 + (pick >> 2) % 5) : old[(pick >> 2) % 6];
	const struct tls_suite *suite = tls_suite_find(cipher, is_13);
	uint8_t client[32], server[32];

	memset(rows, 0, sizeof(rows));
	for (uint32_t i = 0; i < 32; i++) {
		client[i] = (uint8_t)(CLIENT_RANDOM_FIRST + i);
		server[i] = (uint8_t)(SERVER_RANDOM_FIRST + i);
	}
	for (uint32_t i = 0; i < 4; i++) {
		memcpy(rows[i].random, client, 32);
		memset(rows[i].bytes, (int)i + 5, 48);
		rows[i].label = is_13 ? labels[i] : TLS_LABEL_MASTER;
		rows[i].len = (uint8_t)(is_13 ? tls_hash_len(suite->hash) : 48);
	}
	keys.n = is_13 ? 4 : 1;
	env.keys = &keys;
	msgs.n = out.n = 0;
	put_client_hello(&msgs, &(struct client_options){.sni = "a", .alpn = {"http/1.1"}});
	put_records(&out, TLS_HANDSHAKE, whole_of(&msgs), 16384);
	fuzz_give(c, CLIENT, out.p, out.n);
	msgs.n = out.n = 0;
	put_server_hello(&msgs, &(struct server_options){.version = is_13 ? 0x0304 : 0x0303,
							 .cipher = cipher,
							 .etm = etm,
							 .alpn = is_13 ? NULL : "http/1.1"});
	if (!is_13)
		message_end(&msgs, message_begin(&msgs, TLS_SERVER_HELLO_DONE));
	put_records(&out, TLS_HANDSHAKE, whole_of(&msgs), 16384);
	put_records(&out, TLS_CHANGE_CIPHER, SPAN_LIT("\1"), 1);
	fuzz_give(c, SERVER, out.p, out.n);
	out.n = 0;
	put_records(&out, TLS_CHANGE_CIPHER, SPAN_LIT("\1"), 1);
	fuzz_give(c, CLIENT, out.p, out.n);
	if (!is_13) {
		seal_keys_12(now, suite, rows[0].bytes, client, server, etm);
		return;
	}
	for (uint32_t dir = 0; dir < 2; dir++) {
		seal_keys_13(&now[dir], suite, rows[dir].bytes);
		seal_keys_13(&next[dir], suite, rows[2 + dir].bytes);
	}
	// EncryptedExtensions with ALPN, so that it is clear what is inside.
	out.n = 0;
	seal(&now[SERVER], &out, TLS_HANDSHAKE,
	     SPAN_LIT("\x08\0\0\x11\0\x0f\0\x10\0\x0b\0\x09\x08http/1.1"));
	fuzz_give(c, SERVER, out.p, out.n);
}

static void item(struct fuzz_conn *c, uint8_t op, struct span bytes)
{
	static struct buf out;
	enum dir dir = op & 1;

	out.n = 0;
	switch (op >> 1 & 7) {
	case 0:
	case 1:
		put(&sent[dir], bytes.p, bytes.len);
		seal(&now[dir], &out, TLS_DATA, bytes);
		break;
	case 2:
		seal(&now[dir], &out, TLS_ALERT, bytes);
		break;
	case 3: // handshake messages, such as updates of keys
		seal(&now[dir], &out, TLS_HANDSHAKE, bytes);
		break;
	case 4: // Finished
		seal(&now[dir], &out, TLS_HANDSHAKE, SPAN_LIT("\x14\0\0\2ab"));
		if (now[dir].is_13 && next[dir].suite)
			now[dir] = next[dir];
		break;
	case 5: // a damaged one
		seal(&now[dir], &out, TLS_DATA, bytes);
		out.p[op * 7u % out.n] ^= 0x10;
		break;
	case 6: // lost, whole or not
		put(&sent[dir], bytes.p, bytes.len);
		seal(&now[dir], &out, TLS_DATA, bytes);
		fuzz_lose(c, dir, op & 0x80 ? out.n : out.n / 2);
		fuzz_give(c, dir, out.p + out.n / 2, op & 0x80 ? 0 : out.n - out.n / 2);
		return;
	case 7: // as it is
		put(&out, bytes.p, bytes.len);
		break;
	}
	fuzz_give(c, dir, out.p, out.n);
}

static void run(struct fuzz_conn *c, const uint8_t *data, size_t size)
{
	sent[0].n = sent[1].n = 0;
	inside[0] = inside[1] = 0;
	memset(now, 0, sizeof(now));
	memset(next, 0, sizeof(next));
	if (size == 0)
		return;
	handshake(c, data[0]);
	data++;
	size--;
	for (uint32_t i = 0; i < CUTS_AT_MOST && size >= 2; i++) {
		uint8_t op = data[0];
		size_t n = data[1];

		data += 2;
		size -= 2;
		n = n < size ? n : size;
		item(c, op, span_make(data, n));
		data += n;
		size -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_text text[2];
	static struct fuzz_conn c;

	if (size < FUZZ_CUT_BYTES)
		return 0;
	fuzz_init();
	for (uint32_t i = 0; i < 2; i++) {
		fuzz_open(&c, &text[i], fuzz_cuts(data, i == 0));
		run(&c, data + FUZZ_CUT_BYTES, size - FUZZ_CUT_BYTES);
		fuzz_close(&c);
	}
	fuzz_same(&text[0], &text[1]);
	return 0;
}
