// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// apitap baseline: look into what was learnt, and have one endpoint learnt anew. Works on the
// directory alone, while no sensor does: the lock says so.

#include "dataplane/command.h"
#include "dataplane/state.h"
#include "detect/baseline.h"
#include "detect/merge.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEXT_MAX = 4 * 512 };

struct baseline_command {
	const char *conf_file, *dir, *verb, *name;
	struct conf *conf;
	struct state state;
	struct merger *merger;
	struct detect_shared shared;
};

static void print_help(void)
{
	printf("usage: apitap baseline [-c FILE] --state DIR list\n"
	       "       apitap baseline [-c FILE] --state DIR reset 'METHOD HOST/TEMPLATE'\n\n"
	       "Shows what was learnt, or has one endpoint forgotten: it is learnt anew, as on its\n"
	       "first day. No sensor may work with DIR meanwhile.\n\n"
	       "      --state DIR    where state.dir of the sensor or --state of replay points to\n"
	       "  -c, --config FILE  configuration of the sensor; without it, all defaults\n"
	       "  -h, --help         this text\n\n"
	       "list prints for each endpoint: calls, answers 2xx in percent, first and last call, name.\n\n"
	       "exit codes: 0 done, 1 failed or no such endpoint, 2 usage or configuration\n\n"
	       "examples:\n"
	       "  apitap baseline --state /var/lib/apitap/state list\n"
	       "  apitap baseline --state /var/lib/apitap/state reset 'GET api.example.com/users/{id}'\n");
}

static int parse(struct baseline_command *b, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"state", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int o;

	while ((o = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			b->conf_file = optarg;
			break;
		case 's':
			b->dir = optarg;
			break;
		case 'h':
			print_help();
			exit(EXIT_OK);
		default:
			return command_usage("baseline", "wrong option");
		}
	}
	if (!b->dir)
		return command_usage("baseline", "give the directory with --state");
	b->verb = optind < argc ? argv[optind] : "";
	b->name = optind + 1 < argc ? argv[optind + 1] : NULL;
	if (strcmp(b->verb, "list") == 0 && optind + 1 == argc)
		return EXIT_OK;
	if (strcmp(b->verb, "reset") == 0 && optind + 2 == argc)
		return EXIT_OK;
	return command_usage("baseline", "say what to do: list, or reset and the endpoint's name");
}

// Names are from the wire: what is no printable ASCII is written as \xNN.
static void endpoint_name(const struct merged_endpoint *e, char out[TEXT_MAX])
{
	const char *parts[] = {e->method, " ", e->host, e->template};
	size_t n = 0;

	for (uint32_t i = 0; i < 4; i++) {
		for (const char *p = parts[i]; *p && n + 5 < TEXT_MAX; p++) {
			if (*p >= 0x20 && *p < 0x7f && *p != '\\')
				out[n++] = *p;
			else
				n += (size_t)snprintf(out + n, 5, "\\x%02x", (uint8_t)*p);
		}
	}
	out[n] = '\0';
}

static void print_time(uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char text[32] = "-";

	if (ns && gmtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("  %-20s", text);
}

static int baseline_list(struct baseline_command *b)
{
	char name[TEXT_MAX];

	for (uint32_t i = 0; i < merger_endpoints(b->merger); i++) {
		const struct merged_endpoint *e = merger_endpoint_at(b->merger, i);

		endpoint_name(e, name);
		printf("%10" PRIu64 " %5.1f %%", e->calls,
		       e->calls ? 100.0 * (double)e->ok / (double)e->calls : 0);
		print_time(e->first_ns);
		print_time(e->last_ns);
		printf("  %s\n", name);
	}
	return EXIT_OK;
}

static int baseline_forget(struct baseline_command *b)
{
	char name[TEXT_MAX];
	uint64_t id = 0;
	int rc;

	for (uint32_t i = 0; i < merger_endpoints(b->merger) && !id; i++) {
		const struct merged_endpoint *e = merger_endpoint_at(b->merger, i);

		endpoint_name(e, name);
		if (strcmp(name, b->name) == 0)
			id = e->id;
	}
	if (!id) {
		fprintf(stderr, "apitap baseline: no endpoint '%s' in %s; 'list' shows them\n", b->name,
			b->dir);
		return EXIT_FAILED;
	}
	if (b->merger->sections_skipped) {
		fprintf(stderr,
			"apitap baseline: %u parts belong to detectors that are off here, or did not fit, "
			"and would be lost; give the sensor's own configuration with -c\n",
			b->merger->sections_skipped);
		return EXIT_FAILED;
	}
	merger_forget(b->merger, id);
	rc = baseline_save(b->merger, b->dir);
	if (rc) {
		fprintf(stderr, "apitap baseline: %s: %s\n", b->dir, strerror(-rc));
		return EXIT_FAILED;
	}
	printf("%s is learnt anew from the next start on\n", b->name);
	return EXIT_OK;
}

static int baseline_work(struct baseline_command *b)
{
	char why[512];
	int rc;

	if (state_open(&b->state, b->dir, why, sizeof(why)) != 0) {
		fprintf(stderr, "apitap baseline: %s\n", why);
		return EXIT_FAILED;
	}
	b->shared.conf = b->conf;
	b->shared.seed = b->state.seed;
	b->merger = merger_new(&b->shared, NULL, NULL, why, sizeof(why));
	if (!b->merger) {
		fprintf(stderr, "apitap baseline: %s\n", why);
		return EXIT_FAILED;
	}
	rc = baseline_load(b->merger, b->dir);
	if (rc) {
		fprintf(stderr, "apitap baseline: %s: %s\n", b->dir, strerror(-rc));
		return EXIT_FAILED;
	}
	return strcmp(b->verb, "list") == 0 ? baseline_list(b) : baseline_forget(b);
}

int command_baseline(int argc, char **argv)
{
	struct baseline_command b = {.state = {.lock = -1}};
	int code = parse(&b, argc, argv);

	if (code)
		return code;
	datatype_freeze();
	b.conf = conf_load(b.conf_file, stderr);
	if (!b.conf)
		return EXIT_USAGE;
	code = baseline_work(&b);
	if (b.merger)
		merger_free(b.merger);
	state_close(&b.state);
	conf_free(b.conf);
	return code;
}
