// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// apitap inventory: a replay that tells of endpoints, not of issues.

#include "dataplane/command.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static void print_help(void)
{
	printf("usage: apitap inventory [options] CAPTURE...\n\n"
	       "Reads captures and writes down the APIs that they show.\n\n"
	       "      --openapi      one OpenAPI 3.1 document per host, one per line (default)\n"
	       "      --csv          a table of all endpoints\n"
	       "      --json         one JSON object per endpoint and line\n"
	       "  -o, --output F     to a file (default: standard output)\n"
	       "  -c, --config FILE  configuration; without it, all defaults\n"
	       "      --state DIR    begin with what is in DIR, and save to it at the end\n"
	       "      --keylog F     decrypt TLS, as replay does\n"
	       "  -h, --help         this text\n\n"
	       "exit codes: 0 all read, 1 a capture could not be read to its end, 2 usage or "
	       "configuration\n\n"
	       "examples:\n"
	       "  apitap inventory --csv -o endpoints.csv day1.pcap day2.pcap\n"
	       "  apitap inventory --state learnt traffic.pcapng | jq .paths\n");
}

int command_inventory(int argc, char **argv)
{
	enum { OPENAPI = 256, CSV, JSON, STATE, KEYLOG };
	static const struct option options[] = {
		{"openapi", no_argument, NULL, OPENAPI},
		{"csv", no_argument, NULL, CSV},
		{"json", no_argument, NULL, JSON},
		{"output", required_argument, NULL, 'o'},
		{"config", required_argument, NULL, 'c'},
		{"state", required_argument, NULL, STATE},
		{"keylog", required_argument, NULL, KEYLOG},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *format = "openapi", *output = "-";
	char **args = calloc(2 * (size_t)argc + 8, sizeof(char *));
	int n = 0, o, code;

	if (!args)
		return EXIT_FAILED;
	args[n++] = argv[0];
	args[n++] = (char *)"--quiet";
	while ((o = getopt_long(argc, argv, "o:c:h", options, NULL)) != -1) {
		switch (o) {
		case OPENAPI:
			format = "openapi";
			break;
		case CSV:
			format = "csv";
			break;
		case JSON:
			format = "json";
			break;
		case 'o':
			output = optarg;
			break;
		case 'c':
		case STATE:
		case KEYLOG:
			args[n++] = (char *)(o == 'c'     ? "--config"
					     : o == STATE ? "--state"
							  : "--keylog");
			args[n++] = optarg;
			break;
		case 'h':
			print_help();
			free(args);
			return EXIT_OK;
		default:
			free(args);
			return command_usage("inventory", "wrong option");
		}
	}
	if (optind == argc) {
		free(args);
		return command_usage("inventory", "no capture given");
	}
	args[n++] = (char *)"--inventory";
	args[n++] = (char *)(uintptr_t)output;
	args[n++] = (char *)"--inventory-format";
	args[n++] = (char *)(uintptr_t)format;
	args[n++] = (char *)"--";
	while (optind < argc)
		args[n++] = argv[optind++];
	optind = 1;
	code = command_replay(n, args);
	free(args);
	return code;
}
