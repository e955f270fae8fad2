// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// A connection of HTTP/1 through the whole of detection, with all types, detectors and the rules of
// a sensor without a configuration: who called what, tokens and logins, values and their masks,
// evidence, merging, texts. What an issue says must be one line of JSON without control characters,
// and no exchange may be left behind. The input is a list of turns, as for http1.c.

// fuzz: -timeout=20

#include "detect/detect.h"
#include "export/json.h"
#include "flows/flow_conf.h"
#include "flows/parser.h"
#include "tests/fuzz/fuzz.h"

#include <stdalign.h>

enum {
	RUNS = 64,  // inputs that one state sees; then it forgets
	MERGED = 8, // … from one merge to the next
};

static struct flow_env env;
static struct detect *detect;
static uint64_t now_ns;
static uint32_t n_runs;

static void on_issue(void *, const struct issue *issue)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	FUZZ_CHECK(out && json_from_issue(out, issue, "fuzz", 1, 1));
	fclose(out);
	FUZZ_CHECK(len > 2 && text[0] == '{' && text[len - 2] == '}' && text[len - 1] == '\n');
	for (size_t i = 0; i < len - 1; i++)
		FUZZ_CHECK((uint8_t)text[i] >= 0x20 && text[i] != 0x7f);
	free(text);
}

static void init(void)
{
	struct flow_plan plan = {
		.limits = {.inflate_bytes = 1 << 18,
			   .inflate_ratio = 200,
			   .json_depth = 64,
			   .head_bytes = 8192,
			   .headers = 32,
			   .pipeline = 8,
			   .capture_head = 8192,
			   .capture_body = 4096},
		.n_tx = 64,
		.n_capture = 64,
		.n_head4k = 4,
		.n_head64k = 4,
		.n_body = 64,
		.n_gather = 4,
		.n_inflate = 8,
		.n_brotli = 8,
		.n_zstd = 8,
	};
	char why[256];
	struct conf *conf = conf_load(NULL, stderr);

	FUZZ_CHECK(conf);
	for (uint32_t i = 0; i < parser_count(); i++)
		plan.n_blocks[i] = 2;
	FUZZ_CHECK(flow_env_init(&env, &plan, 99, false) == 0);
	detect = detect_new(conf, 1, plan.n_tx, 99, on_issue, NULL, why, sizeof(why));
	if (!detect)
		fprintf(stderr, "ERROR: %s\n", why);
	FUZZ_CHECK(detect);
	env.sink = detect_sink(detect, 0);
}

static void merge(void)
{
	detect_epoch_begin(detect);
	detect_poll(detect, 0);
	FUZZ_CHECK(detect_epoch_ready(detect));
	detect_merge(detect, now_ns);
}

static void turns(const uint8_t *p, size_t len, struct fuzz_cuts cuts)
{
	static alignas(64) uint8_t state[PARSER_STATE];
	struct conn_meta meta = {.id = 1,
				 .addr = {[CLIENT] = {10, 1, 1, 1}, [SERVER] = {10, 2, 2, 2}}};
	struct pctx ctx = {.env = &env, .conn = &meta, .state = state};
	const struct parser *parser = &http1_parser;
	uint64_t next[2] = {0};
	bool going = true;

	memset(state, 0, sizeof(state));
	memset(&env.hand, 0, sizeof(env.hand));
	ctx.now_ns = now_ns;
	parser->open(&ctx);
	while (len >= 3 && going) {
		enum dir dir = p[0] & 1 ? SERVER : CLIENT;
		size_t n = (size_t)(p[1] | (p[2] & 0xf) << 8);

		n = n < len - 3 ? n : len - 3;
		ctx.acked[!dir] = next[!dir];
		// Some turns come an hour later.
		ctx.now_ns += p[0] & 0x40 ? UINT64_C(3600000000000) : UINT64_C(1000000);
		for (size_t done = 0; done < n && going;) {
			size_t piece = fuzz_cut(&cuts, n - done);
			uint8_t *copy = malloc(piece);

			memcpy(copy, p + 3 + done, piece);
			ctx.off[dir] = next[dir];
			going = parser->data(&ctx, dir, span_make(copy, piece)) && !env.hand.set;
			next[dir] += piece;
			done += piece;
			free(copy);
		}
		p += 3 + n;
		len -= 3 + n;
	}
	now_ns = ctx.now_ns;
	if (env.hand.set) {
		if (env.hand.tx)
			env.sink.end(env.sink.ctx, env.hand.tx);
		parser->close(&ctx, CLOSE_END);
		return;
	}
	if (going)
		parser->fin(&ctx, CLIENT);
	if (going)
		parser->fin(&ctx, SERVER);
	parser->close(&ctx, going ? CLOSE_FIN : CLOSE_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!detect)
		init();
	if (size < FUZZ_CUT_BYTES)
		return 0;
	now_ns += UINT64_C(1780000000000000000) * (now_ns == 0);
	turns(data + FUZZ_CUT_BYTES, size - FUZZ_CUT_BYTES, fuzz_cuts(data, false));
	n_runs++;
	if (n_runs % MERGED == 0 || env.hand.set)
		merge();
	if (env.hand.set) { // what was handed over stays with its blocks
		detect_free(detect);
		detect = NULL;
		flow_env_fini(&env);
		return 0;
	}
	if (n_runs % RUNS == 0) {
		detect_finish(detect, now_ns);
		detect_reset(detect);
	}
	return 0;
}
