// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// apitap check: is this configuration right, and what would it take?

#include "dataplane/command.h"
#include "dataplane/port.h"
#include "detect/own.h"
#include "detect/merge.h"
#include "detect/scan.h"
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
	if (inventory_check(conf, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		ruleset_free(ruleset);
		conf_free(conf);
		return EXIT_USAGE;
	}
	flow_plan(conf, 1, 65536, false, &plan);
	own_notes(conf, stdout);
	printf("%s: valid; %zu ports, %u data types; connections of one worker take at most %" PRIu64
	       " MiB when it has them all; what is learnt of fields takes %zu MiB\n",
	       file, conf_count(conf, &port_section), datatype_count(), plan.bytes >> 20,
	       merger_fields_bytes(conf) >> 20);
	ruleset_free(ruleset);
	conf_free(conf);
	return EXIT_OK;
}
