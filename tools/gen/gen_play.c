// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The command "apitap-gen play": options, then the scenario is read and played.

#include "tools/gen/gen_play_form.h"
#include "tools/gen/gen_play_main.h"
#include "tools/gen/gen_play_run.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_TRUTH = 256, OPT_SEED, OPT_SET, OPT_CHECK, MAX_SETS = 128 };

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"truth", required_argument, NULL, OPT_TRUTH},
	{"seed", required_argument, NULL, OPT_SEED},
	{"set", required_argument, NULL, OPT_SET},
	{"check", no_argument, NULL, OPT_CHECK},
	{0},
};

static void print_help(void)
{
	printf("usage: apitap-gen play FILE.scn OUT.pcap [options]\n"
	       "       apitap-gen play --check FILE.scn [options]\n"
	       "\n"
	       "Plays a scenario: users with their objects, what they do, and who attacks. The\n"
	       "capture is written in the order of time, '-' is standard output. The same file,\n"
	       "seed and sets make the same bytes. tools/README.md describes the language.\n"
	       "\n"
	       "options:\n"
	       "  --truth FILE        who attacked, when, where (OUT.pcap.truth.jsonl)\n"
	       "  --seed N            another seed makes other people, other times\n"
	       "  --set NAME=VALUE    instead of what \"@set NAME = …\" says in the file\n"
	       "  --check             read the file only\n"
	       "  --help              this text\n"
	       "\n"
	       "holes in paths, headers and bodies:\n"
	       "  KIND: the id of an object of that kind\n");
	play_form_help();
	printf("\n"
	       "examples:\n"
	       "  apitap-gen play tests/scenarios/bola.scn bola.pcap\n"
	       "  apitap-gen play tests/scenarios/day.scn - --set scale=0.1 | apitap replay -\n");
}

static void add_set(struct play_set *set, uint32_t *n, char *text)
{
	char *value = strchr(text, '=');

	if (!value || value == text)
		gen_fatal("--set %s: NAME=VALUE is expected", text);
	if (*n == MAX_SETS)
		gen_fatal("more than %d --set", MAX_SETS);
	*value = '\0';
	set[(*n)++] = (struct play_set){text, value + 1};
}

int play_main(int argc, char **argv)
{
	const char *truth = NULL, *seed = NULL;
	struct play_set set[MAX_SETS];
	static struct play_scenario scenario; // reachable to the end, with all that it owns
	bool check = false;
	uint32_t n_sets = 0;
	uint64_t exchanges;
	char path[4096], *end;
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (option) {
		case 'h':
			print_help();
			return 0;
		case OPT_TRUTH:
			truth = optarg;
			break;
		case OPT_SEED:
			seed = optarg;
			break;
		case OPT_SET:
			add_set(set, &n_sets, optarg);
			break;
		case OPT_CHECK:
			check = true;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != (check ? 1 : 2))
		gen_fatal("a scenario and an output file are needed; try play --help");
	play_read(&scenario, argv[optind], set, n_sets);
	if (seed) {
		errno = 0;
		scenario.seed = strtoull(seed, &end, 10);
		if (errno || end == seed || *end)
			gen_fatal("--seed: \"%s\" is not a number", seed);
	}
	if (check)
		return 0;
	if (!truth && strcmp(argv[optind + 1], "-")) {
		snprintf(path, sizeof(path), "%s.truth.jsonl", argv[optind + 1]);
		truth = path;
	}
	exchanges = play_run(&scenario, argv[optind + 1], truth);
	fprintf(stderr, "%s: %llu exchanges\n", argv[optind + 1], (unsigned long long)exchanges);
	return 0;
}
