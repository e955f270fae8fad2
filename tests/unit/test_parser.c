// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The hand-over of a connection from one parser to the next, at every cut; the Upgrade token; the
// blocks of parsers with a large state.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flows/parser.c"

// "first" reads up to a '|' and hands over to "second", which reads up to a '!' and makes the
// connection a new one, or to a '?', which it refuses.
struct fake {
	bool open;
};

static char told[256];
static struct flow_env env;

static uint32_t n_told;
static uint64_t next_off; // every byte is given once, at its offset

static void tell(char c)
{
	assert_true(n_told + 1 < sizeof(told));
	told[n_told++] = c;
	told[n_told] = '\0';
}

static void fake_open(struct pctx *p)
{
	struct fake *fake = p->state;

	assert_false(fake->open);
	fake->open = true;
	tell('<');
}

static void fake_close(struct pctx *p, enum close_reason why)
{
	assert_true(((struct fake *)p->state)->open);
	tell(why == CLOSE_HANDOVER ? '>' : '#');
}

static bool fake_data(struct pctx *p, struct span bytes, char mark, const struct parser *next)
{
	for (uint32_t i = 0; i < bytes.len; i++) {
		char c = (char)bytes.p[i];

		assert_int_equal(p->off[CLIENT] + i, next_off++);
		if (c == '?')
			return false;
		if (c == mark) {
			p->env->hand.set = true;
			p->env->hand.next = next;
			p->env->hand.rest = span_make(bytes.p + i + 1, bytes.len - i - 1);
			return true;
		}
		tell(c);
	}
	return true;
}

static bool second_data(struct pctx *p, enum dir, struct span bytes)
{
	return fake_data(p, bytes, '!', NULL);
}

static const struct parser second = {
	.name = "second",
	.rank = 1000,
	.upgrade = "second",
	.size = sizeof(struct fake),
	.block_bytes = 64,
	.flows_per_block = 1,
	.open = fake_open,
	.data = second_data,
	.close = fake_close,
};
PARSER_REGISTER(second);

static bool first_data(struct pctx *p, enum dir, struct span bytes)
{
	return fake_data(p, bytes, '|', &second);
}

static const struct parser first = {
	.name = "first",
	.rank = 999,
	.size = sizeof(struct fake),
	.open = fake_open,
	.data = first_data,
	.close = fake_close,
};
PARSER_REGISTER(first);

// Gives the text in two pieces. Returns what was left to be looked at anew.
static struct span run(const char *text, uint32_t cut, enum parser_result *result)
{
	_Alignas(16) uint8_t state[PARSER_STATE] = {0};
	struct pctx p = {.env = &env, .state = state};
	const struct parser *parser = &first;
	struct span pieces[2] = {span_make(text, cut), span_make(text + cut, strlen(text) - cut)};

	n_told = 0;
	next_off = 0;
	env.hand = (struct handover){0};
	parser->open(&p);
	*result = PARSER_GOES_ON;
	for (uint32_t i = 0; i < 2 && *result == PARSER_GOES_ON; i++) {
		p.off[CLIENT] = i ? cut : 0;
		*result = parser_data(&parser, &p, CLIENT, pieces[i]);
	}
	return env.hand.rest;
}

static void test_every_cut(void **)
{
	enum parser_result result;

	for (uint32_t cut = 0; cut <= 9; cut++) {
		struct span rest = run("abc|de!fg", cut, &result);
		uint32_t left = cut > 6 ? cut - 7 : 2;

		assert_int_equal(result, PARSER_PROBE);
		assert_string_equal(told, "<abc><de>");
		assert_int_equal(rest.len, left);
		assert_memory_equal(rest.p, "fg", left);
	}
}

static void test_refuses(void **)
{
	enum parser_result result;

	run("abc|d?", 4, &result);
	assert_int_equal(result, PARSER_REFUSES);
	assert_string_equal(told, "<abc><d");
	run("abc|", 2, &result);
	assert_int_equal(result, PARSER_GOES_ON);
	assert_string_equal(told, "<abc><");
}

static void test_upgrade(void **)
{
	assert_ptr_equal(parser_by_upgrade(SPAN_LIT("Second")), &second);
	assert_ptr_equal(parser_by_upgrade(SPAN_LIT("other/1.0 ,\tSECOND , x")), &second);
	assert_null(parser_by_upgrade(SPAN_LIT("secondary, sec,, ,")));
	assert_null(parser_by_upgrade((struct span){0}));
}

static void test_blocks(void **)
{
	uint32_t index = 0;

	while (parser_get(index) != &second)
		index++;
	assert_null(parser_block_get(&env, &second));
	assert_int_equal(env.stats.parser_blocks_empty, 1);
	assert_int_equal(pool_init(&env.blocks[index], 64, 1), 0);
	void *block = parser_block_get(&env, &second);

	assert_non_null(block);
	assert_null(parser_block_get(&env, &second));
	assert_int_equal(env.stats.parser_blocks_empty, 2);
	parser_block_put(&env, &second, block);
	assert_ptr_equal(parser_block_get(&env, &second), block);
	pool_fini(&env.blocks[index]);
}

static void test_ranks(void **)
{
	for (uint32_t i = 1; i < parser_count(); i++)
		assert_true(parser_get(i - 1)->rank < parser_get(i)->rank);
	assert_null(parser_get(parser_count()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cut), cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_upgrade),   cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_ranks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
