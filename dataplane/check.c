// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// apitap check: is this configuration right, and what would it take?

#include "dataplane/command.h"
#include "dataplane/eal.h"
#include "dataplane/port.h"
#include "detect/own.h"
#include "detect/memory.h"
#include "detect/merge.h"
#include "detect/scan.h"
#include "detect/template_pin.h"
#include "flows/flow_conf.h"

#include <getopt.h>
#include <inttypes.h>

static void print_help(void)
{
	printf("usage: apitap check -c FILE\n"
	       "       apitap check --sample | --keys\n\n"
	       "  -c, --config FILE  report every mistake as file:line: key: what is wrong; exit 2\n"
	       "      --sample       print a sample configuration with all keys and defaults\n"
	       "      --keys         print a table of all keys\n"
	       "  -h, --help         this text\n\n"
	       "examples:\n"
	       "  apitap check --sample > apitap.conf\n"
	       "  apitap check -c apitap.conf\n");
}

static void print_row(const struct memory_row *row)
{
	char number[24] = "";

	if (row->n)
		snprintf(number, sizeof(number), "%" PRIu64, row->n);
	printf("  %-18s %9s %-12s %9.1f MiB\n", row->name, number, row->unit,
	       (double)row->bytes / (1 << 20));
}

// What a sensor with this configuration takes when all of its tables are full.
static void print_memory(const struct conf *conf)
{
	uint32_t n_workers = command_workers(conf), mbufs = command_mbufs(conf), n;
	struct memory_row rows[MEMORY_ROWS];
	struct flow_plan plan;
	uint64_t sum = 0;

	flow_plan(conf, n_workers, mbufs, false, &plan);
	n = memory_rows(conf, n_workers, plan.n_tx, rows);
	printf("memory at most, with %" PRIu32 " %s:\n", n_workers,
	       n_workers == 1 ? "worker" : "workers");
	for (uint32_t i = 0; i < n; i++) {
		print_row(&rows[i]);
		sum += rows[i].bytes;
	}
	print_row(&(struct memory_row){"connections", "workers", n_workers, plan.bytes * n_workers});
	print_row(&(struct memory_row){"packet buffers", "buffers", mbufs,
				       (uint64_t)eal_memory_mb(mbufs) << 20});
	sum += plan.bytes * n_workers + ((uint64_t)eal_memory_mb(mbufs) << 20);
	printf("  %-41s %9.1f MiB\n", "sum, without the program and its patterns",
	       (double)sum / (1 << 20));
}

int command_check(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"sample", no_argument, NULL, 's'},
		{"keys", no_argument, NULL, 'k'},         {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *file = NULL;
	struct ruleset *ruleset;
	struct flow_plan plan;
	struct conf *conf;
	char why[512];
	int o;

	while ((o = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			file = optarg;
			break;
		case 's':
			conf_print_sample(stdout);
			return EXIT_OK;
		case 'k':
			conf_print_help(stdout);
			return EXIT_OK;
		case 'h':
			print_help();
			return EXIT_OK;
		default:
			return command_usage("check", "wrong option");
		}
	}
	if (!file || optind != argc)
		return command_usage("check", "give one configuration file with -c");
	datatype_freeze();
	conf = conf_load(file, stderr);
	if (!conf)
		return EXIT_USAGE;
	ruleset = ruleset_new(conf, why, sizeof(why));
	if (!ruleset) {
		fprintf(stderr, "%s: %s\n", file, why);
		conf_free(conf);
		return EXIT_USAGE;
	}
	if (!sources_check(conf, why, sizeof(why))) {
		fprintf(stderr, "%s: %s\n", file, why);
		ruleset_free(ruleset);
		conf_free(conf);
		return EXIT_USAGE;
	}
	if (template_check(conf, why, sizeof(why))) {
		fprintf(stderr, "%s: %s\n", file, why);
		ruleset_free(ruleset);
		conf_free(conf);
		return EXIT_USAGE;
	}
	if (inventory_check(conf, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		ruleset_free(ruleset);
		conf_free(conf);
		return EXIT_USAGE;
	}
	flow_plan(conf, 1, 65536, false, &plan);
	own_notes(conf, stdout);
	printf("%s: valid; %zu ports, %u data types; connections of one worker take at most %" PRIu64
	       " MiB when it has them all\n",
	       file, conf_count(conf, &port_section), datatype_count(), plan.bytes >> 20);
	print_memory(conf);
	ruleset_free(ruleset);
	conf_free(conf);
	return EXIT_OK;
}
