// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Exchanges that are kept for later: found again as they were, masked on their way out, gone when
// the ring has come round; and what an issue gets that was raised about one of them.

#include "tests/unit/worker_fixture.h"

#include "detect/captures.h"
#include "detect/worker_state.h"

enum { MB = 1 << 20 };

static void open_with(const char *lines)
{
	work_open(lines, 1, 64);
}

static void call_number(uint32_t i)
{
	char request[256];

	snprintf(request, sizeof(request),
		 "GET /api/orders/%u?token=sekret-abcdef-%u HTTP/1.1\r\nHost: shop.example\r\n"
		 "User-Agent: tester/1.0\r\nAuthorization: Bearer tok-%u-abcdefghijkl\r\n\r\n",
		 i, i, i);
	SEND(request, NULL, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
	     "{\"id\":17,\"ssn\":\"856-45-6789\",\"password\":\"hunter2hunter2\"}",
	     .time_ns = i * (uint64_t)NS, .conn = i);
}

static struct capture_id id_of(uint32_t i)
{
	return (struct capture_id){i * (uint64_t)NS,
				   (i + 1) * UINT64_C(0x9e3779b97f4a7c15) & ~UINT64_C(0xffffff)};
}

static bool has(struct span s, const char *text)
{
	return s.len && memmem(s.p, s.len, text, strlen(text)) != NULL;
}

static void test_found_and_masked(void **)
{
	const struct finding *f;

	open_with("");
	for (uint32_t i = 1; i <= 5; i++)
		call_number(i);
	f = detect_worker_capture(work[0], id_of(3));
	assert_non_null(f);
	assert_int_equal(f->time_ns, 3 * (uint64_t)NS);
	assert_int_equal(f->status, 200);
	assert_true(has(f->evidence.request.head, "GET /api/orders/3?token="));
	assert_true(has(f->evidence.request.head, "Host: shop.example"));
	assert_true(has(f->path, "/api/orders/3"));
	assert_true(has(f->user_agent, "tester/1.0"));
	assert_true(has(f->evidence.response.body, "\"id\":17"));
	assert_true(has(f->evidence.response.body, "***-**-6789"));
	assert_false(has(f->evidence.response.body, "856-45"));
	assert_false(has(f->evidence.response.body, "hunter2"));
	assert_false(has(f->evidence.request.head, "sekret-abcdef"));
	assert_false(has(f->evidence.request.head, "tok-3-abcd"));
	assert_null(detect_worker_capture(work[0], id_of(6))); // never was
	assert_null(detect_worker_capture(work[0], (struct capture_id){3 * (uint64_t)NS, 1}));
	work_close();
}

// A ring of 1 MiB holds some hundreds of them: the oldest go, the newest stay, all that is found is
// what was asked for.
static void test_overwritten(void **)
{
	struct captures *c;
	uint32_t found = 0;

	open_with("evidence: { capture_mb = 1; };");
	for (uint32_t i = 1; i <= 5000; i++)
		call_number(i);
	c = &((struct worker_state *)work[0]->state)->captures;
	assert_int_equal(c->size, MB);
	for (uint32_t i = 1; i <= 5000; i++) {
		const struct capture *capture = captures_find(c, id_of(i));
		char path[64];

		if (!capture)
			continue;
		found++;
		if (i < 5000 - 16)
			continue;
		const struct finding *f = detect_worker_capture(work[0], id_of(i));
		snprintf(path, sizeof(path), "/api/orders/%u?", i);
		if (f)
			assert_true(has(f->evidence.request.head, path));
	}
	assert_true(found > 100 && found < 5000);
	assert_non_null(captures_find(c, id_of(5000)));
	assert_null(captures_find(c, id_of(1)));
	detect_worker_reset(work[0]);
	assert_null(captures_find(c, id_of(5000)));
	work_close();
}

// All that are still in the ring and not long gone are found, though their places are drawn by chance.
static void test_newest(void **)
{
	struct captures *c;

	open_with("");
	for (uint32_t i = 1; i <= 8000; i++)
		call_number(i);
	c = &((struct worker_state *)work[0]->state)->captures;
	for (uint32_t i = 1; i <= 8000; i++)
		assert_non_null(captures_find(c, id_of(i)));
	work_close();
}

static void test_off(void **)
{
	open_with("evidence: { capture_mb = 0; };");
	call_number(1);
	assert_null(detect_worker_capture(work[0], id_of(1)));
	work_close();
}

// Wishes of a snapshot are answered once, with the next epoch's delta.
static void test_answers(void **)
{
	struct snapshot s = {.wanted_turn = 1, .n_wanted = 2, .wanted = {id_of(2), id_of(9)}};

	open_with("");
	call_number(1);
	call_number(2);
	atomic_store(&work_shared->snapshot, &s);
	atomic_store(&work_shared->epoch_wanted, 1);
	detect_worker_poll(work[0]);
	assert_int_equal(work[0]->delta[work[0]->active].n_captures, 1);
	assert_int_equal(work[0]->delta[work[0]->active].captures[0].time_ns, 2 * (uint64_t)NS);
	atomic_store(&work_shared->epoch_wanted, 2);
	detect_worker_poll(work[0]);
	assert_int_equal(work[0]->delta[work[0]->active].n_captures, 0);
	work_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_and_masked),
		cmocka_unit_test(test_overwritten),
		cmocka_unit_test(test_newest),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
