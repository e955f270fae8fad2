// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Many principals and endpoints through the merger and all detectors, then a save and a start with
// what was saved.
//
//     state DIR [PRINCIPALS [ENDPOINTS [CALLS]]]
//     state DIR save SEED N      saves N different baselines one after the other, forever if N is 0
//     state DIR load SEED [PRINCIPALS ENDPOINTS]    loads: prints how many endpoints there were; 42 is
//                                the seed of the first
//
// The first fails when the process takes more than memory_rows() says of what is in it, when a
// table outgrows its row, or when what was loaded is not what was saved. CALLS is per principal.
// DIR "-" is a directory of its own, which is removed. Half as many principals and endpoints again as there is room for are sent: an attack on tables.

#include "conf/conf.h"
#include "detect/baseline.h"
#include "detect/datatype.h"
#include "detect/memory.h"
#include "detect/merge.h"
#include "detect/siphash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define NS UINT64_C(1000000000)

enum { NAMES = 8000, CALLS = 24000 };

static const uint64_t start_ns = UINT64_C(1700000000) * NS;
static struct detect_shared shared = {.seed = 42};
static struct merger *merger;
static struct delta delta;
static struct conf *conf;
static char dir[512];
static uint64_t now_ns;

static uint64_t id_of(char kind, uint64_t i)
{
	return siphash_id(siphash_number(shared.seed, (uint64_t)kind, i));
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

// Of the processor: what others do meanwhile does not count.
static double busy(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static uint64_t resident(void)
{
	FILE *in = fopen("/proc/self/statm", "r");
	unsigned long size = 0, pages = 0;

	if (in && fscanf(in, "%lu %lu", &size, &pages) != 2)
		pages = 0;
	if (in)
		fclose(in);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void conf_make(uint32_t principals, uint32_t endpoints)
{
	char path[600];
	FILE *out;

	snprintf(path, sizeof(path), "%s/apitap.conf", dir);
	out = fopen(path, "w");
	if (!out)
		exit(2);
	fprintf(out, "detect: { max_principals = %u; max_endpoints = %u; };\n", principals, endpoints);
	fclose(out);
	conf = conf_load(path, stderr);
	if (!conf)
		exit(2);
	shared.conf = conf;
}

static void merger_start(void)
{
	char why[256];

	merger = merger_new(&shared, NULL, NULL, why, sizeof(why));
	if (!merger) {
		fprintf(stderr, "%s\n", why);
		exit(2);
	}
}

static void delta_start(void)
{
	delta.calls = calloc(CALLS, sizeof(*delta.calls));
	delta.names = calloc(NAMES, sizeof(*delta.names));
	delta.fields = calloc(NAMES, sizeof(*delta.fields));
	delta.call_params = calloc(CALLS, sizeof(*delta.call_params));
	delta.objects = calloc(CALLS, sizeof(*delta.objects));
	delta.arena = malloc(NAMES * 512);
}

static struct span text(const char *format, uint64_t i)
{
	uint8_t *p = delta.arena + delta.arena_used;
	int n = snprintf((char *)p, 256, format, i);

	delta.arena_used += (uint32_t)n;
	return span_make(p, (uint32_t)n);
}

static void epoch(void)
{
	now_ns += NS / 4;
	merge_gather(merger, &delta);
	merger_run(merger, now_ns);
	delta.n_calls = delta.n_names = delta.n_fields = delta.n_call_params = delta.n_objects = 0;
	delta.arena_used = 0;
}

static void add_endpoint(uint64_t i)
{
	if (delta.n_names == NAMES || delta.n_fields == NAMES)
		epoch();
	delta.names[delta.n_names++] = (struct delta_name){
		.id = id_of('E', i),
		.is_endpoint = true,
		.a = text("host-%" PRIu64 ".example.com", i % 50),
		.b = text(i % 3 ? "GET" : "POST", 0),
		.c = text("/v1/area-%" PRIu64 "/things/{id}/parts", i),
		.time_ns = now_ns,
	};
	for (uint32_t k = 0; k < 4 && delta.n_fields < NAMES; k++) {
		struct delta_field *f = &delta.fields[delta.n_fields++];

		*f = (struct delta_field){
			.id = learn_id(id_of('E', i), id_of('F', k), (uint16_t)k, SERVER),
			.endpoint = id_of('E', i),
			.last_ns = now_ns,
			.type = (uint16_t)k,
		};
		for (uint32_t v = 0; v < 6; v++)
			sketch_add(f->sketch[PASSED], id_of('V', i * 8 + v));
		f->values[PASSED] = 6;
	}
}

static void add_principal(uint64_t i)
{
	if (delta.n_names == NAMES)
		epoch();
	delta.names[delta.n_names++] = (struct delta_name){
		.id = id_of('P', i),
		.kind = PRINCIPAL_JWT,
		.confidence = 90,
		.addr = {[10] = 0xff, 0xff, 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i},
		.a = text("somebody-with-a-name-%" PRIu64 "@example.com", i),
		.b = text("Mozilla/5.0 (X11; Linux x86_64; rv:%" PRIu64 ".0) Gecko/20100101", i % 200),
		.time_ns = now_ns,
	};
}

static void add_call(uint64_t principal, uint64_t endpoint, uint64_t n)
{
	struct call_param *param = &delta.call_params[delta.n_call_params];
	struct call *call = &delta.calls[delta.n_calls];

	if (delta.n_calls == CALLS) {
		epoch();
		param = delta.call_params;
		call = delta.calls;
	}
	delta.n_calls++;
	delta.n_call_params++;
	*param = (struct call_param){
		.field = id_of('I', endpoint),
		.noun = id_of('N', endpoint % 100),
		.value = id_of('O', principal * 4 + n % 4),
		.len = 8,
		.class = PARAM_INT,
		.place = PLACE_PATH,
		.index = 3,
	};
	*call = (struct call){
		.time_ns = now_ns + delta.n_calls * 1000,
		.order = id_of('C', n * 31 + principal),
		.principal = id_of('P', principal),
		.endpoint = id_of('E', endpoint),
		.resp_bytes = 1000 + n,
		.n_values = 1,
		.status = 200,
		.flags = CALL_CREDENTIALS,
		.verb = VERB_GET,
		.client = {[10] = 0xff, 0xff, 10, (uint8_t)(principal >> 16),
			   (uint8_t)(principal >> 8), (uint8_t)principal},
		.path = id_of('H', principal),
		.wait_us = 2000,
		.took_us = 3000,
		.n_given = 1,
		.n_params = 1,
		.params = param,
	};
	delta.objects[delta.n_objects++] = (struct delta_object){
		.time_ns = call->time_ns,
		.order = call->order,
		.principal = call->principal,
		.noun = param->noun,
		.value = param->value,
		.class = PARAM_INT,
	};
	delta.exchanges++;
}

// Of the merger only: there are no workers here.
static uint64_t stated(void)
{
	struct memory_row rows[MEMORY_ROWS];
	uint32_t n = memory_rows(conf, 1, 0, rows);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		bool worker = !strcmp(rows[i].name, "deltas") || !strcmp(rows[i].name, "captures") ||
			      !strcmp(rows[i].name, "exchanges");

		sum += worker ? 0 : rows[i].bytes;
	}
	return sum;
}

// Length of the baseline, and a checksum of it.
static int file_sum(uint64_t *len, uint64_t *sum)
{
	static uint8_t bytes[1 << 16];
	char path[600];
	size_t n;
	FILE *in;

	snprintf(path, sizeof(path), "%s/apitap.baseline", dir);
	in = fopen(path, "r");
	*len = 0;
	*sum = crc32_z(0, NULL, 0);
	if (!in)
		return -1;
	while ((n = fread(bytes, 1, sizeof(bytes), in))) {
		*len += n;
		*sum = crc32_z(*sum, bytes, n);
	}
	return fclose(in);
}

static int fill(uint64_t principals, uint64_t endpoints, uint64_t calls)
{
	uint64_t before, after, limit;
	uint64_t bytes = 0, sum = 0, bytes_again = 0, sum_again = 0;
	uint32_t n_endpoints, n_fields;
	double begin, saved, loaded, saved_busy, loaded_busy;
	int bad = 0;

	conf_make((uint32_t)principals, (uint32_t)endpoints);
	delta_start();
	memset(delta.arena, 0, NAMES * 512);
	before = resident();
	merger_start();
	limit = stated();
	now_ns = start_ns;
	begin = seconds();
	for (uint64_t i = 0; i < endpoints * 3 / 2; i++)
		add_endpoint(i);
	for (uint64_t i = 0; i < principals * 3 / 2; i++) {
		add_principal(i);
		for (uint64_t k = 0; k < calls; k++)
			add_call(i, (i * 7 + k) % (endpoints * 3 / 2), k);
	}
	epoch();
	after = resident();
	printf("%" PRIu64 " principals, %" PRIu64 " endpoints, %" PRIu64 " calls: %.1f s\n", principals,
	       endpoints, principals * 3 / 2 * calls, seconds() - begin);
	printf("known: %u principals, %u endpoints, %u fields; refused: %u endpoints; forgotten: %u "
	       "principals\n",
	       merger_principals(merger), merger_endpoints(merger), merger->learn.n,
	       merger->known.endpoints_lost, merger->known.principals_lost);
	printf("resident: %.1f MiB more than before, stated at most %.1f MiB\n",
	       (double)(after - before) / (1 << 20), (double)limit / (1 << 20));
	bad |= after - before > limit;
	bad |= merger_principals(merger) != principals || merger_endpoints(merger) != endpoints;
	n_endpoints = merger_endpoints(merger);
	n_fields = merger->learn.n;
	begin = seconds();
	saved_busy = -busy();
	bad |= baseline_save(merger, dir) != 0;
	saved_busy += busy();
	saved = seconds() - begin;
	bad |= file_sum(&bytes, &sum) != 0;
	merger_free(merger);
	merger_start();
	begin = seconds();
	loaded_busy = -busy();
	bad |= baseline_load(merger, dir) != 0;
	loaded_busy += busy();
	loaded = seconds() - begin;
	bad |= baseline_save(merger, dir) != 0;
	printf("saved in %.2f s (%.2f s of CPU), loaded in %.2f s (%.2f s of CPU): %u endpoints, %u "
	       "fields, %.1f MiB\n",
	       saved, saved_busy, loaded, loaded_busy, merger_endpoints(merger), merger->learn.n, (double)bytes / (1 << 20));
	bad |= merger_endpoints(merger) != n_endpoints || merger->learn.n != n_fields;
	// What came back is all that was written: written again it is the same, byte for byte.
	if (file_sum(&bytes_again, &sum_again) || bytes_again != bytes || sum_again != sum) {
		printf("the file is another one when it is saved again: %" PRIu64 " and %" PRIu64
		       " bytes\n",
		       bytes, bytes_again);
		bad = 1;
	}
	merger_free(merger);
	conf_free(conf);
	if (bad)
		printf("NOT within what is stated\n");
	return bad;
}

// Each baseline has one endpoint more than the one before; the number of the last that is on disk
// goes to standard output.
static int save(uint64_t rounds)
{
	conf_make(1000, 20000);
	delta_start();
	merger_start();
	now_ns = start_ns;
	baseline_load(merger, dir);
	for (uint64_t i = 0; rounds == 0 || i < rounds; i++) {
		for (uint32_t k = 0; k < 20; k++)
			add_endpoint(merger_endpoints(merger) + k);
		epoch();
		if (baseline_save(merger, dir))
			return 1;
		printf("%u\n", merger_endpoints(merger));
		fflush(stdout);
	}
	return 0;
}

static int load(uint32_t principals, uint32_t endpoints)
{
	double begin, begin_busy;

	conf_make(principals, endpoints);
	merger_start();
	begin = seconds();
	begin_busy = busy();
	if (baseline_load(merger, dir))
		return 1;
	fprintf(stderr, "%u principals in %.2f s (%.2f s of CPU)\n", merger_principals(merger),
		seconds() - begin, busy() - begin_busy);
	printf("%u\n", merger_endpoints(merger));
	return 0;
}

static void dir_remove(void)
{
	const char *names[] = {"apitap.conf", "apitap.baseline"};
	char path[600];

	for (uint32_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

int main(int argc, char **argv)
{
	bool made = false;
	int rc;

	if (argc < 2)
		return 2;
	snprintf(dir, sizeof(dir), "%s", argv[1]);
	datatype_freeze();
	if (!strcmp(dir, "-")) {
		strcpy(dir, "/tmp/apitap-state-XXXXXX");
		if (!mkdtemp(dir))
			return 2;
		made = true;
	}
	if (argc > 3 && !strcmp(argv[2], "save")) {
		shared.seed = strtoull(argv[3], NULL, 10);
		return save(argc > 4 ? strtoull(argv[4], NULL, 10) : 0);
	}
	if (argc > 3 && !strcmp(argv[2], "load")) {
		shared.seed = strtoull(argv[3], NULL, 10);
		return load(argc > 5 ? (uint32_t)strtoul(argv[4], NULL, 10) : 1000,
			    argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 20000);
	}
	rc = fill(argc > 2 ? strtoull(argv[2], NULL, 10) : 20000,
		  argc > 3 ? strtoull(argv[3], NULL, 10) : 2000,
		  argc > 4 ? strtoull(argv[4], NULL, 10) : 4);
	if (made)
		dir_remove();
	return rc;
}
