// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// TCP reassembly driven by a list of segments, against a model of what was sent. Each byte of a
// stream is a function of its direction, its offset and the version of the copy, so a delivered
// byte can be judged by where it is said to stand: it must have been sent there, nothing may be
// skipped without a word, nothing may come behind an end; without tricks and with room to hold, it
// is the first copy.
//
// Input: one byte of settings, then six bytes for each segment: flags, direction and version,
// offset (2), length, time.

#include "dataplane/hash.h"
#include "flows/tcp.h"
#include "tests/fuzz/fuzz.h"

#include <rte_eal.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

enum {
	STREAM = 1 << 16,
	HEADERS = 54,
	OPS_MAX = 400,
	SETTING_NARROW = 1,
	SETTING_WRAP = 2,
	SETTING_MIDSTREAM = 4,
};

struct model {
	uint8_t seen[STREAM];  // bit per version that was sent
	uint8_t first[STREAM]; // version of the first copy
	uint64_t end;          // delivered up to here
	bool started, fin;
};

static struct rte_mempool *pool;
static struct model models[2];
static bool strict; // the first copy must win
static bool is_open, is_closed;
static bool anchored[2]; // offsets of the tracker are those of the model

static uint8_t byte_of(uint32_t dir, uint64_t off, uint32_t version)
{
	static const char begins[2][4] = {"REQ ", "RSP "};

	if (off < 4) // the same in all versions, so that the protocol is known
		return (uint8_t)begins[dir][off];
	return (uint8_t)((hash_mix(off * 2 + dir) | 0x80) ^ version);
}

static enum probe fuzz_probe(struct span first, enum dir dir)
{
	const char *begin = dir == CLIENT ? "REQ " : "RSP ";
	uint32_t n = first.len < 4 ? first.len : 4;

	if (memcmp(first.p, begin, n) != 0)
		return PROBE_NO;
	return n == 4 ? PROBE_CERTAIN : PROBE_UNSURE;
}

static void fuzz_open(struct pctx *p)
{
	is_open = true;
	if (p->env->stats.flows_created > 1) // begins somewhere
		anchored[0] = anchored[1] = false;
	is_closed = false;
	// Another connection on the same ports begins at offsets of its own.
	for (uint32_t dir = 0; dir < 2; dir++)
		models[dir].started = models[dir].fin = false;
}

static struct model *enter(const struct pctx *p, enum dir dir)
{
	struct model *m = &models[dir];

	FUZZ_CHECK(is_open && !is_closed); // an event outside of open and close
	FUZZ_CHECK(!m->fin);               // an event behind the end
	if (!m->started)
		m->end = p->off[dir];
	m->started = true;
	FUZZ_CHECK(p->off[dir] == m->end); // bytes were skipped or repeated without a word
	return m;
}

// Was this byte sent at this offset? Strict: by the first copy.
static bool fits(const struct model *m, uint32_t dir, uint64_t off, uint8_t byte)
{
	for (uint32_t version = 0; version < 2; version++) {
		if ((m->seen[off % STREAM] >> version & 1) && byte_of(dir, off, version) == byte &&
		    (!strict || m->first[off % STREAM] == version || off < 4))
			return true;
	}
	return false;
}

static bool fuzz_data(struct pctx *p, enum dir dir, struct span bytes)
{
	struct model *m = enter(p, dir);

	FUZZ_CHECK(bytes.len > 0); // an empty piece
	for (uint32_t i = 0; i < bytes.len && anchored[dir]; i++)
		FUZZ_CHECK(fits(m, dir, m->end + i, bytes.p[i]));
	m->end += bytes.len;
	return true;
}

static bool fuzz_gap(struct pctx *p, enum dir dir, uint64_t len)
{
	struct model *m = enter(p, dir);

	FUZZ_CHECK(p->lossy[dir]); // a hole in a stream without loss
	if (len == 0)              // the stream goes on somewhere else
		anchored[dir] = false;
	m->end += len;
	return true;
}

static void fuzz_fin(struct pctx *p, enum dir dir)
{
	enter(p, dir)->fin = true;
}

static void fuzz_close(struct pctx *, enum close_reason)
{
	FUZZ_CHECK(is_open && !is_closed); // closed twice
	is_closed = true;
}

static const struct parser fuzz_parser = {
	.name = "fuzz",
	.rank = 0,
	.size = 8,
	.probe = fuzz_probe,
	.open = fuzz_open,
	.data = fuzz_data,
	.gap = fuzz_gap,
	.fin = fuzz_fin,
	.close = fuzz_close,
};
PARSER_REGISTER(fuzz_parser);

int LLVMFuzzerInitialize(int *, char ***)
{
	char *args[] = {"fuzz", "--no-huge", "--no-shconf",    "-m",
			"64",   "--no-pci",  "--no-telemetry", "--log-level=error"};

	if (rte_eal_init(sizeof(args) / sizeof(args[0]), args) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("packets", 1023, 0, PKT_PRIV_SIZE,
				       2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return pool ? 0 : -1;
}

struct run {
	struct tracker *tracker;
	struct fates fates;
	struct flow_key key;
	uint32_t isn[2], sent[2];
	uint64_t now_ns;
};

static void put(struct run *run, uint32_t dir, uint8_t flags, uint32_t off, uint32_t len,
		uint32_t version, bool syn)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	FUZZ_CHECK(m != NULL); // buffers are gone
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(HEADERS + len));
	memset(p, 0, HEADERS);
	for (uint32_t i = 0; i < len; i++) {
		p[HEADERS + i] = byte_of(dir, off + i, version);
		if (!models[dir].seen[off + i])
			models[dir].first[off + i] = (uint8_t)version;
		models[dir].seen[off + i] |= (uint8_t)(1 << version);
	}
	*pkt_of(m) = (struct pkt){
		.key = run->key,
		.hash = hash_flow_key(&run->key, 7),
		.ts_ns = run->now_ns,
		.payload_off = HEADERS,
		.payload_len = (uint16_t)len,
		.seq = run->isn[dir] + off + !syn,
		.ack = flags & TCP_ACK ? run->isn[!dir] + 1 + run->sent[!dir] : 0,
		.tcp_flags = flags,
		.src = (uint8_t)dir,
	};
	run->fates.rx_pkts++;
	run->fates.rx_bytes += HEADERS + len;
	tracker_burst(run->tracker, &m, 1, &run->fates);
	FUZZ_CHECK(fate_balanced(&run->fates)); // fates do not add up
}

static void step(struct run *run, const uint8_t *op)
{
	static const uint8_t kinds[8] = {
		TCP_ACK, TCP_ACK, TCP_ACK, TCP_ACK, TCP_ACK, TCP_ACK, TCP_ACK | TCP_FIN, 0,
	};
	uint32_t dir = op[1] & 1, version = op[1] >> 1 & 1;
	uint32_t off = (uint32_t)(op[2] | op[3] << 8), len = (op[1] & 4) ? op[4] * 5u : op[4];
	uint8_t flags = kinds[op[0] & 7];

	if (op[1] & 8) // the next bytes of the stream
		off = run->sent[dir];
	if (off >= STREAM - 2048)
		return;
	if (flags == 0) { // tricks
		strict = false;
		flags = op[0] >> 3;
		if (flags & (TCP_SYN | TCP_RST))
			anchored[0] = anchored[1] = false;
	}
	if (flags & TCP_FIN)
		strict = false; // what comes behind an end is not taken
	run->now_ns += (uint64_t)op[5] * op[5] * 100000;
	put(run, dir, flags, off, len, version, false);
	if ((op[1] & 16) && off <= run->sent[dir] && off + len > run->sent[dir])
		run->sent[dir] = off + len;
	if (op[1] & 32)
		tracker_tick(run->tracker, run->now_ns, &run->fates);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tracker_limits limits = {
		.flows = 16,
		.conns = 8,
		.tcp_timeout_s = 300,
		.closed_timeout_s = 5,
		.embryonic_timeout_s = 10,
		.hold_segments = 500,
		.hold_bytes = 1 << 20,
		.hold_total = 900,
		.gap_ms = 3600 * 1000,
		.late_ms = 3600 * 1000,
		.gap_segments = 500,
	};
	static struct flow_env env;

	if (size < 1)
		return 0;
	uint8_t settings = data[0];
	uint32_t before = rte_mempool_avail_count(pool);

	strict = !(settings & (SETTING_NARROW | SETTING_MIDSTREAM));
	if (settings & SETTING_NARROW) {
		limits.hold_segments = 4;
		limits.hold_bytes = 2000;
		limits.hold_total = 6;
		limits.gap_ms = 20;
		limits.late_ms = 5;
		limits.gap_segments = 4;
	}
	memset(models, 0, sizeof(models));
	memset(&env, 0, sizeof(env));
	is_open = is_closed = false;
	anchored[0] = anchored[1] = !(settings & SETTING_MIDSTREAM);
	struct run run = {.now_ns = UINT64_C(1700000000000000000)};
	run.tracker = tracker_new(&limits, &env, 7);
	FUZZ_CHECK(run.tracker != NULL); // no memory
	run.key.port[0] = 20000;
	run.key.port[1] = 80;
	run.key.space_proto = 6;
	for (uint32_t dir = 0; dir < 2; dir++)
		run.isn[dir] = settings & SETTING_WRAP ? UINT32_MAX - 100 * (dir + 1) : 1000 + dir;
	if (!(settings & SETTING_MIDSTREAM)) {
		put(&run, 0, TCP_SYN, 0, 0, 0, true);
		put(&run, 1, TCP_SYN | TCP_ACK, 0, 0, 0, true);
	}
	for (size_t at = 1, n = 0; at + 6 <= size && n < OPS_MAX; at += 6, n++)
		step(&run, data + at);
	tracker_flush(run.tracker, &run.fates);
	FUZZ_CHECK(run.fates.pkts[FATE_HELD] == 0); // something is still held
	FUZZ_CHECK(!is_open || is_closed);          // open at the end
	tracker_free(run.tracker);
	FUZZ_CHECK(rte_mempool_avail_count(pool) == before); // a buffer was lost
	return 0;
}
