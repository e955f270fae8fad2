// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Whose objects are whose: what counts as given, what an answer to a question does not prove, what
// is concluded from absence when not all is known, and that with tables of any size nothing is
// called foreign that was given.

#include "tests/unit/authorization_fixture.h"

#include "detect/bound.c"
#include "detect/objects.c"

static enum objects_answer last_answer(void)
{
	assert_true(merger.store.n_views > 0);
	return merger.store.view[0].answer;
}

static const struct objects_view *asked(uint64_t who, uint64_t n)
{
	static struct call_param param;
	struct call call;

	param = number(n);
	call = call_make(who, 1, VERB_GET, 404, &param);
	call_send(&call);
	assert_int_equal(merger.store.n_views, 1);
	return &merger.store.view[0];
}

static void test_given(void **)
{
	struct call_param param = number(5);
	struct call call;

	merger_open("");
	list(1, 2, 5, 1);
	assert_int_equal(asked(1, 5)->answer, OBJECTS_GIVEN);
	assert_int_equal(asked(1, 5)->owner, 0); // one's own
	assert_int_equal(asked(1, 6)->answer, OBJECTS_FOREIGN);
	assert_int_equal(asked(1, 6)->owner, 0); // nobody knows it
	assert_int_equal(asked(2, 5)->answer, OBJECTS_FOREIGN);
	assert_int_equal(asked(2, 5)->owner, 1);
	assert_int_equal(asked(2, 5)->others, 1);
	assert_false(asked(2, 5)->weak);

	// A short number is met by chance: it must be of the same kind. A long one is not.
	param.noun = PATIENT;
	call = call_make(1, 1, VERB_GET, 200, &param);
	call_send(&call);
	assert_int_equal(last_answer(), OBJECTS_FOREIGN);
	give_class(1, PATIENT, 77, PARAM_UUID);
	param = (struct call_param){.noun = ORDER, .value = value_of(77), .class = PARAM_UUID};
	call = call_make(1, 1, VERB_GET, 200, &param);
	call_send(&call);
	assert_int_equal(last_answer(), OBJECTS_GIVEN);

	// The caller itself.
	param = number(900);
	call = call_make(1, 1, VERB_GET, 200, &param);
	call.subject = value_of(900);
	call_send(&call);
	assert_int_equal(last_answer(), OBJECTS_OWN);

	// What names nothing is none; nor are calls of nobody.
	param = (struct call_param){.noun = 0, .value = 1, .class = PARAM_INT};
	call = call_make(1, 1, VERB_GET, 200, &param);
	call_send(&call);
	assert_int_equal(merger.store.n_views, 0);
	param = (struct call_param){.noun = ORDER, .value = 1, .class = PARAM_BOOL};
	call_send(&call);
	assert_int_equal(merger.store.n_views, 0);
	param.class = PARAM_INT;
	call.principal = 0;
	call_send(&call);
	assert_int_equal(merger.store.n_views, 0);
	merger_close();
}

static void given_vaguely(uint64_t who, uint64_t n)
{
	objects_give(&merger.store, &(struct delta_object){
					    .time_ns = merger.now_ns,
					    .order = merger.order,
					    .principal = who,
					    .noun = PATIENT,
					    .value = value_of(n),
					    .class = PARAM_INT,
					    .vague = true,
				    });
}

// What "/inbox" gives out is asked for at "/orders", as long as nobody asks for an inbox.
static void test_vague(void **)
{
	struct call_param param = number(9);
	struct call call;

	merger_open("");
	list(2, 2, 5, 1);
	call = call_make(1, 2, VERB_GET, 200, NULL);
	call_send(&call);
	given_vaguely(1, 5);
	assert_int_equal(asked(1, 5)->answer, OBJECTS_GIVEN);
	assert_int_equal(asked(1, 6)->answer, OBJECTS_FOREIGN);
	assert_int_equal(asked(3, 5)->answer, OBJECTS_FOREIGN);

	// Refused, it says nothing of what there is.
	param.noun = PATIENT;
	call = call_make(1, 3, VERB_GET, 404, &param);
	call_send(&call);
	given_vaguely(1, 7);
	assert_int_equal(asked(1, 7)->answer, OBJECTS_GIVEN);
	call = call_make(1, 3, VERB_GET, 200, &param);
	call_send(&call);
	given_vaguely(1, 8);
	assert_int_equal(asked(1, 8)->answer, OBJECTS_FOREIGN);
	merger_close();
}

static void test_deep(void **)
{
	merger_open("");
	asked(1, 5);
	assert_true(merger.store.deep);
	list(1, 2, 5, 1);
	asked(1, 5);
	assert_false(merger.store.deep);
	merger.now_ns += UINT64_C(1800) * S;
	asked(1, 5);
	assert_true(merger.store.deep); // another session
	merger_close();
}

// Who asked first for what was in no list may be its owner, until somebody is given it.
static void test_weak(void **)
{
	merger_open("");
	ask(1, 1, VERB_GET, 200, 5);
	assert_int_equal(asked(1, 5)->answer, OBJECTS_GIVEN);
	assert_int_equal(asked(2, 5)->owner, 1);
	assert_true(asked(2, 5)->weak);
	list(3, 2, 5, 1);
	assert_int_equal(asked(2, 5)->owner, 3);
	assert_false(asked(2, 5)->weak);
	assert_int_equal(asked(1, 5)->owner, 3);
	// A PUT that makes what nobody had.
	ask(4, 1, VERB_PUT, 201, 40);
	assert_int_equal(asked(4, 40)->answer, OBJECTS_GIVEN);
	merger_close();
}

// Objects of a long answer are told before its call.
static void test_early(void **)
{
	struct call_param param = number(5);
	struct call call;

	merger_open("");
	list(1, 2, 5, 1);
	call = call_make(2, 1, VERB_GET, 200, &param);
	give(2, 5);
	call_send(&call);
	assert_int_equal(last_answer(), OBJECTS_FOREIGN);
	assert_int_equal(merger.store.view[0].owner, 1);
	merger_close();
}

static void test_roles(void **)
{
	struct call_param param = number(5);
	struct call call;

	merger_open("");
	for (uint64_t staff = 100; staff < 110; staff++) {
		call = call_make(staff, 2, VERB_GET, 200, NULL);
		call.role = 9;
		call_send(&call);
		give(staff, 5);
	}
	list(1, 2, 5, 1);
	assert_int_equal(asked(2, 5)->others, 1); // however many of the staff had it
	assert_false(asked(2, 5)->open);
	list(3, 2, 5, 1);
	list(4, 2, 5, 1);
	list(4, 2, 5, 1);
	assert_int_equal(asked(2, 5)->others, 3);
	assert_true(asked(2, 5)->open);
	assert_int_equal(asked(4, 5)->others, 2);
	for (uint64_t i = 10; i < 20; i++)
		list(i, 2, 5, 1);
	assert_int_equal(asked(2, 5)->others, OBJECTS_GETTERS + 1);
	call = call_make(50, 1, VERB_GET, 200, &param);
	call.role = 9;
	call_send(&call);
	assert_int_equal(merger.store.view[0].others, OBJECTS_GETTERS + 1);
	merger_close();
}

// Who asks for what another was given does not make it shared; who is given it does.
static void test_alone(void **)
{
	merger_open("");
	list(1, 2, 5, 1);
	assert_true(asked(1, 5)->alone);
	ask(2, 1, VERB_GET, 200, 5);
	assert_int_equal(asked(1, 5)->others, 1);
	assert_true(asked(1, 5)->alone);
	assert_false(asked(2, 5)->alone); // it only asked
	ask(3, 1, VERB_GET, 200, 5);
	assert_false(asked(1, 5)->alone); // so many ask for what is public
	merger_close();

	merger_open("");
	list(1, 2, 5, 1);
	ask(2, 1, VERB_GET, 200, 5);
	list(2, 2, 5, 1);
	assert_int_equal(asked(1, 5)->others, 1);
	assert_false(asked(1, 5)->alone);
	assert_false(asked(2, 5)->alone);
	merger_close();
}

static void test_holes(void **)
{
	struct call call;

	merger_open("detect: { objects: { quiet_s = 100; }; };");
	list(1, 2, 5, 1);
	call = call_make(2, 2, VERB_GET, 200, NULL);
	call.flags = CALL_HALF;
	call_send(&call);
	assert_int_equal(asked(2, 5)->answer, OBJECTS_UNSURE);
	assert_int_equal(asked(3, 5)->answer, OBJECTS_FOREIGN); // who has no hole
	// What is made now cannot have been in it.
	call = call_make(1, 2, VERB_POST, 201, NULL);
	call_send(&call);
	objects_give(&merger.store, &(struct delta_object){.time_ns = merger.now_ns,
							   .order = merger.order,
							   .principal = 1,
							   .noun = ORDER,
							   .value = value_of(6),
							   .class = PARAM_INT,
							   .created = true});
	assert_int_equal(asked(2, 6)->answer, OBJECTS_FOREIGN);
	// A POST that only asks makes nothing.
	call = call_make(1, 2, VERB_POST, 200, NULL);
	call_send(&call);
	objects_give(&merger.store, &(struct delta_object){.time_ns = merger.now_ns,
							   .order = merger.order,
							   .principal = 1,
							   .noun = ORDER,
							   .value = value_of(7),
							   .class = PARAM_INT,
							   .created = true});
	assert_int_equal(asked(2, 7)->answer, OBJECTS_UNSURE);
	merger.now_ns += UINT64_C(101) * S;
	assert_int_equal(asked(2, 5)->answer, OBJECTS_FOREIGN);
	// Lost on the way: anybody's.
	objects_lost(&merger.store, merger.now_ns);
	assert_int_equal(asked(2, 5)->answer, OBJECTS_UNSURE);
	assert_int_equal(asked(3, 5)->answer, OBJECTS_UNSURE);
	merger.now_ns += UINT64_C(101) * S;
	assert_int_equal(asked(3, 5)->answer, OBJECTS_FOREIGN);
	// A response that was not seen at all.
	call = call_make(3, 2, VERB_GET, 0, NULL);
	call_send(&call);
	assert_int_equal(asked(3, 5)->answer, OBJECTS_UNSURE);
	objects_clear(&merger.store);
	assert_int_equal(asked(3, 5)->answer, OBJECTS_FOREIGN);
	assert_int_equal(asked(3, 5)->owner, 0);
	merger_close();
}

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 33) % n;
}

// Against a table that forgets nothing, with small ones that do, and answers that are not seen.
static void test_never_wrong(void **)
{
	enum { USERS = 200, OBJECTS = 400 };
	static bool given[USERS][OBJECTS];
	uint32_t foreign = 0, right = 0, known = 0, kept = 0;

	for (uint32_t round = 0; round < 6; round++) {
		static const char *const sizes[] = {"",
						    "max_relations = 3000;",
						    "max_relations = 300;",
						    "max_relations = 300; max_objects = 64;",
						    "max_objects = 100;",
						    "max_relations = 64;"};
		char lines[160];

		snprintf(lines, sizeof(lines), "detect: { objects: { quiet_s = 604800; %s }; };",
			 sizes[round]);
		merger_open(lines);
		memset(given, 0, sizeof(given));
		random_state = round + 1;
		for (uint32_t i = 0; i < 30000; i++) {
			uint32_t who = random_below(USERS), n = random_below(OBJECTS);
			struct call call;

			if (random_below(2)) {
				bool half = round % 2 && random_below(50) == 0;

				call = call_make(who + 1, 2, VERB_GET, 200, NULL);
				call.flags = half ? CALL_HALF : 0;
				call_send(&call);
				for (uint32_t k = 0; k < 3; k++) {
					n = (who * 3 + random_below(12)) % OBJECTS;
					given[who][n] = true;
					if (!half)
						give(who + 1, n);
				}
				continue;
			}
			if (random_below(2))
				n = (who * 3 + random_below(12)) % OBJECTS;
			asked(who + 1, n);
			known += given[who][n];
			kept += given[who][n] && last_answer() == OBJECTS_GIVEN;
			right += !given[who][n] && last_answer() == OBJECTS_FOREIGN;
			foreign += !given[who][n];
			if (given[who][n])
				assert_int_not_equal(last_answer(), OBJECTS_FOREIGN);
			else
				assert_int_not_equal(last_answer(), OBJECTS_GIVEN);
			assert_true(merger.store.relations.n <= merger.store.relations.max);
			assert_true(merger.store.objects.n <= merger.store.objects.max);
		}
		merger_close();
		if (round == 0) {
			assert_int_equal(kept, known);
			assert_int_equal(right, foreign);
		}
	}
	assert_true(kept < known && right < foreign);
}

// What is used is not what has to go.
static void test_used_stays(void **)
{
	merger_open("detect: { objects: { max_relations = 64; }; };");
	list(1, 2, 5, 1);
	for (uint64_t i = 0; i < 1000; i++) {
		list(2 + i % 50, 2, 1000 + i, 1);
		assert_int_equal(asked(1, 5)->answer, OBJECTS_GIVEN);
	}
	merger_close();
}

static void test_memory(void **)
{
	const struct objects_options *options;

	merger_open("");
	options = conf_get(merger.conf, &objects_section);
	assert_true(objects_bytes(options) > 4000000u * 32 + 1000000u * 64);
	assert_true(objects_bytes(options) < 600u << 20);
	merger_close();
	merger_open("detect: { objects: { max_relations = 0; }; };");
	options = conf_get(merger.conf, &objects_section);
	assert_int_equal(objects_bytes(options), 0);
	assert_false(objects_on(&merger.store));
	list(1, 2, 5, 1);
	ask(2, 1, VERB_GET, 200, 5);
	assert_int_equal(merger.store.n_views, 0);
	objects_suspect(&merger.store, 1);
	objects_clear(&merger.store);
	merger_close();
}

// ---- bound.h

static const struct bound_options bound_rows = {
	.share = 95, .exclusive = 99, .requests = 100, .users = 10, .crowd = 3};

static void learn(struct bound *b, uint64_t who, bool given, bool known, bool mine)
{
	struct bound_use use = {bound_id(1, 2, 3), who, 1000, given, known, mine, 1};

	bound_learn(b, &use);
}

static struct bound_view look(const struct bound *b)
{
	return bound_look(b, bound_id(1, 2, 3), 999, 1000);
}

static void test_bound(void **)
{
	struct bound b;

	assert_int_equal(bound_init(&b, &bound_rows, 64), 0);
	assert_false(look(&b).is);
	for (uint32_t i = 0; i < 99; i++)
		learn(&b, i % 20, true, true, true);
	assert_false(look(&b).is); // too few
	learn(&b, 1, true, true, true);
	assert_true(look(&b).is);
	assert_true(look(&b).users >= 16 && look(&b).users <= 24);
	for (uint32_t i = 0; i < 6; i++)
		learn(&b, i, false, false, false);
	assert_false(look(&b).share >= 0.95);
	// What callers know from elsewhere, but is never another's.
	assert_true(look(&b).is);
	learn(&b, 1, false, true, false);
	learn(&b, 1, false, true, false);
	assert_false(look(&b).is);
	bound_clear(&b);

	for (uint32_t i = 0; i < 1000; i++) // two users
		learn(&b, i % 2, true, true, true);
	assert_false(look(&b).is);
	bound_clear(&b);

	// A catalogue: all were given, and others have them as well.
	for (uint32_t i = 0; i < 1000; i++)
		learn(&b, i % 50, true, true, false);
	assert_false(look(&b).is);
	// It becomes something else, and is learnt anew.
	for (uint32_t i = 0; i < 20 * BOUND_HALVE; i++)
		learn(&b, i % 50, true, true, true);
	assert_true(look(&b).is);
	assert_true(look(&b).requests <= BOUND_HALVE);

	bound_clear(&b);

	// One takes what is not his all along; it stays the others'. What twenty do is usual.
	for (uint32_t takers = 1; takers <= 20; takers += 19) {
		for (uint32_t i = 0; i < 4 * BOUND_HALVE; i++) {
			if (i % 6 == 0)
				learn(&b, 100 + i / 6 % takers, false, true, false);
			learn(&b, i % 50, true, true, true);
		}
		assert_true(look(&b).is == (takers == 1));
		assert_true(look(&b).listed == (takers == 1));
		bound_clear(&b);
	}

	// So many do it.
	for (uint32_t i = 0; i < 1000; i++)
		learn(&b, i % 50, true, true, true);
	for (uint64_t i = 0; i < 3; i++) {
		assert_false(look(&b).crowded);
		bound_foreign(
			&b, &(struct bound_use){bound_id(1, 2, 3), 500 + i, 1000 + i, 0, 0, 0, 1});
		bound_foreign(
			&b, &(struct bound_use){bound_id(1, 2, 3), 500 + i, 1000 + i, 0, 0, 0, 1});
		bound_foreign(&b, &(struct bound_use){bound_id(1, 2, 3), 999, 1000, 0, 0, 0, 1});
	}
	assert_true(look(&b).crowded);
	assert_int_equal(look(&b).crowd, 3);
	assert_false(bound_look(&b, bound_id(1, 2, 3), 999, 1000 + 3600).crowded);
	assert_int_equal(bound_look(&b, bound_id(1, 2, 4), 1, 1000).requests, 0);
	bound_fini(&b);
}

// ---- Over a restart

static char *saved_bytes;
static size_t saved_len;

static void saved_make(void)
{
	FILE *out;

	free(saved_bytes);
	out = open_memstream(&saved_bytes, &saved_len);
	assert_int_equal(objects_save(&merger.store, out), 0);
	fclose(out);
}

static int saved_load(size_t len, uint32_t version)
{
	FILE *in = fmemopen(saved_bytes, len ? len : 1, "r");
	int rc = objects_load(&merger.store, in, len, version);

	fclose(in);
	return rc;
}

// The sensor was off for so long.
static void restart(uint64_t seconds_off)
{
	saved_make();
	objects_clear(&merger.store);
	assert_int_equal(saved_load(saved_len, OBJECTS_VERSION), 0);
	merger.now_ns += seconds_off * S;
}

static enum objects_answer half_seen(uint64_t who)
{
	struct call_param param = number(5);
	struct call call = call_make(who, 1, VERB_GET, 200, &param);

	call.flags |= CALL_HALF;
	call_send(&call);
	return asked(who, 5)->answer;
}

static void test_restart(void **)
{
	struct call_param param = number(5);
	char *before;
	struct call call;
	size_t len;

	merger_open("");
	list(1, 2, 5, 1);
	list(2, 2, 6, 1);
	list(4, 2, 8, 1);
	asked(2, 5);
	restart(10);
	// All is there, and written again it is the same.
	before = saved_bytes;
	len = saved_len;
	saved_bytes = NULL;
	saved_make();
	assert_int_equal(saved_len, len);
	assert_memory_equal(saved_bytes, before, len);
	free(before);
	assert_int_equal(asked(1, 5)->answer, OBJECTS_GIVEN);
	assert_int_equal(asked(2, 5)->answer, OBJECTS_FOREIGN);
	assert_int_equal(asked(2, 5)->owner, 1);
	// It may have been given this one while nobody looked.
	assert_int_equal(asked(2, 99)->answer, OBJECTS_UNSURE);
	list(1, 2, 70, 1);
	assert_int_equal(asked(2, 70)->answer, OBJECTS_UNSURE);
	// Who is new may be somebody who was known by another session, unless a token says who it is.
	assert_int_equal(asked(3, 5)->answer, OBJECTS_UNSURE);
	call = call_make(5, 1, VERB_GET, 404, &param);
	call.subject = value_of(900);
	call_send(&call);
	assert_int_equal(last_answer(), OBJECTS_FOREIGN);
	// Connections that were cut: two responses are believed to be of the gap, not a third.
	assert_int_equal(half_seen(4), OBJECTS_FOREIGN);
	assert_int_equal(half_seen(4), OBJECTS_FOREIGN);
	assert_int_equal(half_seen(4), OBJECTS_UNSURE);
	merger.now_ns += (uint64_t)(3600 + GAP_MAX_S) * S;
	assert_int_equal(asked(2, 99)->answer, OBJECTS_FOREIGN);

	// Off for too long: nothing is concluded, for a while.
	restart(GAP_MAX_S + 1);
	assert_int_equal(asked(2, 5)->answer, OBJECTS_UNSURE);
	assert_int_equal(asked(1, 5)->answer, OBJECTS_GIVEN);
	merger.now_ns += (uint64_t)(3600 + GAP_MAX_S) * S;
	assert_int_equal(asked(2, 5)->answer, OBJECTS_FOREIGN);
	merger_close();
}

// Of a blob that is cut, too long or of another version nothing is believed.
static void test_restart_damaged(void **)
{
	merger_open("");
	list(1, 2, 5, 2);
	for (uint64_t i = 0; i < 30; i++)
		ask(1 + i % 2, 1, VERB_GET, 200, 5);
	saved_make();
	objects_clear(&merger.store);
	for (size_t cut = 0; cut < saved_len; cut++) {
		assert_int_not_equal(saved_load(cut, OBJECTS_VERSION), 0);
		assert_int_equal(merger.store.people.n + merger.store.objects.n, 0);
		assert_int_equal(merger.store.gap_from_s, 0);
	}
	assert_int_not_equal(saved_load(saved_len, OBJECTS_VERSION + 1), 0);
	assert_int_equal(saved_load(saved_len, OBJECTS_VERSION), 0);
	assert_true(merger.store.bound.params.n > 0);
	// One endpoint is learnt anew; what is known of the kind of object stays.
	objects_forget(&merger.store, 1);
	assert_int_equal(
		bound_look(&merger.store.bound, bound_id(1, number(5).field, 0), 1, 1).requests, 0);
	merger_close();
	free(saved_bytes);
	saved_bytes = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_vague),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_weak),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_never_wrong),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_used_stays),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_restart_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
