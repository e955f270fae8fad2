// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The worker's half of field learning: what exchanges say of their fields, which hits count, and
// that any number of workers says the same.

#include "tests/unit/worker_fixture.h"

#include "detect/learn_notes.c"
#include "detect/siphash.h"

#define GET "GET /people HTTP/1.1\r\nHost: h.example\r\n\r\n"
#define OK  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

static struct snapshot told;

static const struct delta_field *note_of(uint32_t worker, uint16_t type)
{
	const struct delta *d = &work[worker]->delta[work[worker]->active];

	for (uint32_t i = 0; i < d->n_fields; i++) {
		if (d->fields[i].type == type)
			return &d->fields[i];
	}
	return NULL;
}

static uint32_t masks(uint16_t type)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < observed.x.n_masks[SERVER]; i++)
		n += observed.x.masks[SERVER][i].type == type;
	return n;
}

static void people(uint32_t worker, uint32_t conn, const char *body)
{
	SEND(GET, NULL, OK, body, .time_ns = 5 * (uint64_t)NS + conn, .worker = worker, .conn = conn);
}

#define THREE                                                                                      \
	"{\"a\":[{\"name\":\"Ann\",\"mail\":\"ann@example.com\"},{\"name\":\"Bob\"},"                \
	"{\"name\":\"Ann\"},{\"name\":\"x\"}]}"

static void test_weak(void **)
{
	const struct delta_field *f;

	work_open("", 1, 8);
	people(0, 1, THREE);
	assert_int_equal(observed.x.n_hits, 1); // the names do not count …
	assert_int_equal(observed.x.hits[0].type, TYPE_EMAIL);
	assert_int_equal(masks(TYPE_NAME), 0);
	assert_int_equal(masks(TYPE_EMAIL), 1);
	assert_int_equal(observed.x.n_values, 1);
	f = note_of(0, TYPE_NAME); // … and are learnt from
	assert_non_null(f);
	assert_true(f->unsure);
	assert_int_equal(f->values[PASSED], 3);
	assert_int_equal(sketch_count(f->sketch[PASSED]), 2);
	assert_int_equal(f->values[REFUSED], 1);
	assert_true(f->endpoint == observed.endpoint);
	idset_add(&told.fields.is, f->id);
	work[0]->snapshot = &told;
	people(0, 2, THREE);
	assert_int_equal(observed.x.n_hits, 2);
	assert_int_equal(masks(TYPE_NAME), 3);
	assert_int_equal(masks(TYPE_EMAIL), 1);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(observed.x.hits[i].learnt, observed.x.hits[i].type == TYPE_NAME);
	assert_ptr_equal(note_of(0, TYPE_NAME), f); // one note for an epoch
	assert_int_equal(f->values[PASSED], 6);
	assert_int_equal(sketch_count(f->sketch[PASSED]), 2);
	// Another endpoint has fields of its own.
	SEND("GET /other HTTP/1.1\r\nHost: h.example\r\n\r\n", NULL, OK, THREE, .conn = 3);
	assert_int_equal(observed.x.n_hits, 1);
	memset(&told, 0, sizeof(told));
	work_close();
}

static void test_luck(void **)
{
	const struct delta_field *f;

	work_open("", 1, 8);
	people(0, 1, "{\"n\":[\"4111111111111111\",\"9111111111111112\",\"9111111111111113\","
		     "\"9111111111111113\"],\"mail\":\"ann@example.com\"}");
	f = note_of(0, TYPE_CARD);
	assert_non_null(f);
	assert_false(f->unsure);
	assert_int_equal(f->values[PASSED], 1);
	assert_int_equal(f->values[REFUSED], 3);
	assert_int_equal(sketch_count(f->sketch[REFUSED]), 2);
	assert_int_equal(observed.x.n_hits, 2);
	assert_int_equal(observed.x.n_values, 2);
	idset_add(&told.fields.is_not, f->id);
	work[0]->snapshot = &told;
	people(0, 2, "{\"n\":[\"4111111111111111\"],\"mail\":\"ann@example.com\"}");
	assert_int_equal(observed.x.n_hits, 1);
	assert_int_equal(observed.x.hits[0].type, TYPE_EMAIL);
	assert_int_equal(observed.x.n_values, 1);
	assert_int_equal(f->values[PASSED], 2);
	// A part of a text is not what the field is.
	people(0, 3, "{\"n\":[\"my card is 4111111111111111, please charge it and tell me so\"]}");
	assert_int_equal(observed.x.n_hits, 1);
	assert_int_equal(f->values[PASSED], 2);
	memset(&told, 0, sizeof(told));
	work_close();
}

// Objects that are used as maps make one field, for refused values as well.
static void test_maps(void **)
{
	const struct delta_field *f;

	work_open("", 1, 8);
	people(0, 1, "{\"n\":{\"1207\":\"4111111111111111\",\"1208\":\"9111111111111112\","
		     "\"1209\":\"9111111111111113\"}}");
	f = note_of(0, TYPE_CARD);
	assert_non_null(f);
	assert_int_equal(work[0]->delta[work[0]->active].n_fields, 1);
	assert_int_equal(f->values[PASSED], 1);
	assert_int_equal(f->values[REFUSED], 2);
	work_close();
}

static void test_full(void **)
{
	const struct delta *d;
	char request[96];

	work_open("", 1, 8);
	d = &work[0]->delta[work[0]->active];
	for (uint32_t i = 0; i < DELTA_FIELDS + 100; i++) {
		snprintf(request, sizeof(request), "GET /w%c%c%c%c HTTP/1.1\r\nHost: h\r\n\r\n",
			 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676 % 26, 'a' + i / 17576);
		SEND(request, NULL, OK, "{\"mail\":\"ann@example.com\"}", .conn = i);
	}
	assert_int_equal(d->n_fields, DELTA_FIELDS);
	assert_int_equal(d->fields_lost, 100);
	work_close();
}

static char *learnt_by(uint32_t workers, size_t *len)
{
	struct learn learn;
	char *bytes = NULL;
	FILE *out = open_memstream(&bytes, len);

	work_open("", workers, 8);
	assert_int_equal(learn_init(&learn, &(struct learn_options){1000, 5, 80}), 0);
	for (uint32_t i = 0; i < 300; i++) {
		char body[256];

		snprintf(body, sizeof(body),
			 "{\"n\":\"%c%015u\",\"name\":\"%c%c\",\"to\":\"u%u@example.com\"}",
			 i % 10 ? '9' : '4', i, 'A' + i % 26, i % 7 ? 'b' : '"', i % 50);
		if (i % 7 == 0)
			snprintf(body, sizeof(body), "{\"name\":\"x\"}");
		people(i % workers, i, body);
		if (i % 100 != 99)
			continue;
		for (uint32_t k = 0; k < workers; k++) {
			learn_gather(&learn, &work[k]->delta[work[k]->active]);
			worker_epoch(work[k]);
		}
		learn_fold(&learn);
	}
	assert_int_equal(learn.n, 3);
	assert_int_equal(learn_save(&learn, out), 0);
	fclose(out);
	learn_fini(&learn);
	work_close();
	return bytes;
}

static void test_workers(void **)
{
	size_t len, other_len;
	char *bytes = learnt_by(1, &len), *other;

	for (uint32_t workers = 2; workers <= WORKERS_MAX; workers++) {
		other = learnt_by(workers, &other_len);
		assert_int_equal(other_len, len);
		assert_memory_equal(other, bytes, len);
		free(other);
	}
	free(bytes);
}

// Which exchanges are looked at more closely depends on nothing but the exchange.
static void test_probe(void **)
{
	struct conn_meta conn = {0};
	struct http_tx tx = {.conn = &conn};
	struct exchange x = {.tx = &tx, .endpoint = 5};
	uint32_t n[3] = {0};

	work_open("", 2, 8);
	for (uint32_t i = 0; i < 100000; i++) {
		uint8_t level;

		conn.hash = siphash_number(3, 1, i / 10);
		tx.index = i % 10;
		level = learn_probe(work[0], &x);
		assert_int_equal(level, learn_probe(work[1], &x));
		n[level]++;
	}
	assert_in_range(n[PROBE_ALL], 100000 / SHARE_ALL * 8 / 10, 100000 / SHARE_ALL * 12 / 10);
	assert_in_range(n[PROBE_WEAK], 100000 / SHARE_WEAK * 9 / 10, 100000 / SHARE_WEAK * 11 / 10);
	// All of an endpoint that has such a field.
	idset_add(&told.fields.probed, 5);
	work[0]->snapshot = &told;
	for (uint32_t i = 0; i < 100; i++) {
		conn.hash = siphash_number(3, 1, i);
		assert_true(learn_probe(work[0], &x) != PROBE_NONE);
	}
	idset_add(&told.fields.probed, ~UINT64_C(5));
	for (uint32_t i = 0; i < 100; i++) {
		conn.hash = siphash_number(3, 1, i);
		assert_int_equal(learn_probe(work[0], &x), PROBE_ALL);
	}
	memset(&told, 0, sizeof(told));
	work_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weak),    cmocka_unit_test(test_luck),
		cmocka_unit_test(test_maps),    cmocka_unit_test(test_full),
		cmocka_unit_test(test_workers), cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
