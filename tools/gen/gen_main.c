// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// apitap-gen: makes captures of API traffic together with the truth about them. Parses the
// command line, runs one scenario from the table, writes OUT.truth.json. One thread, no state
// beyond main().

#include "tools/gen/gen.h"
#include "tools/gen/gen_flood.h"
#include "tools/gen/gen_play_main.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct gen_scenario *const scenarios[] = {
	&gen_retrieval, &gen_ssn,    &gen_fields, &gen_noauth, &gen_mixed_auth,
	&gen_url,       &gen_benign, &gen_demo,   &gen_hard,
	&gen_storm,     &gen_ws,     &gen_leak,
};

enum {
	N_SCENARIOS = sizeof(scenarios) / sizeof(scenarios[0]),
	OPT_LIST = 256,
	OPT_USERS,
	OPT_MINUTES,
	OPT_OFFENDER_RATE,
	OPT_MEAN,
	OPT_SEED,
	OPT_START,
	OPT_NANOSECOND,
};

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"list", no_argument, NULL, OPT_LIST},
	{"users", required_argument, NULL, OPT_USERS},
	{"minutes", required_argument, NULL, OPT_MINUTES},
	{"offender-rate", required_argument, NULL, OPT_OFFENDER_RATE},
	{"mean", required_argument, NULL, OPT_MEAN},
	{"seed", required_argument, NULL, OPT_SEED},
	{"start", required_argument, NULL, OPT_START},
	{"nanosecond", no_argument, NULL, OPT_NANOSECOND},
	{0},
};

static void print_list(void)
{
	for (uint32_t i = 0; i < N_SCENARIOS; i++) {
		printf("%-12s %s", scenarios[i]->name, scenarios[i]->summary);
		if (scenarios[i]->users)
			printf(" (%u users, %u minutes)", scenarios[i]->users,
			       scenarios[i]->minutes);
		putchar('\n');
	}
}

static void print_help(void)
{
	printf("usage: apitap-gen SCENARIO [options] OUT.pcap\n"
	       "       apitap-gen play FILE.scn OUT.pcap [options]\n"
	       "       apitap-gen flood KIND OUT.pcap [options]\n"
	       "       apitap-gen --list\n"
	       "\n"
	       "Makes a capture of API traffic. What is in it, and which issues a sensor should\n"
	       "report, is written to OUT.pcap.truth.json. The same options make the same bytes.\n"
	       "\n"
	       "scenarios:\n");
	for (uint32_t i = 0; i < N_SCENARIOS; i++)
		printf("  %-12s %s\n", scenarios[i]->name, scenarios[i]->summary);
	printf("\n"
	       "options:\n"
	       "  --users N          number of users (each scenario has its own default)\n"
	       "  --minutes M        length of the traffic (likewise)\n"
	       "  --offender-rate R  retrieval: values the offender receives in a minute (413)\n"
	       "  --mean X           retrieval: mean of the other users per minute (10.64)\n"
	       "  --seed N           another seed makes other people, other times (1)\n"
	       "  --start S          first second, counted from 1970 (1767225600)\n"
	       "  --nanosecond       time stamps in nanoseconds instead of microseconds\n"
	       "  --list             list the scenarios with their defaults\n"
	       "  --help             this text\n"
	       "\n"
	       "examples:\n"
	       "  apitap-gen retrieval retrieval.pcap\n"
	       "  apitap-gen retrieval --users 50 --minutes 4 small.pcap\n"
	       "  apitap-gen benign --users 3000 --seed 7 quiet.pcap\n"
	       "  apitap-gen hard hard.pcap      (also writes hard.pcap.expected.jsonl)\n"
	       "  apitap-gen play --help\n"
	       "  apitap-gen flood --help\n");
}

static uint64_t parse_uint(const char *name, const char *text, uint64_t most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value > most)
		gen_fatal("--%s: \"%s\" is not a number from 0 to %llu", name, text,
			  (unsigned long long)most);
	return value;
}

static double parse_double(const char *name, const char *text)
{
	double value;
	char *end;

	value = strtod(text, &end);
	if (end == text || *end || !isfinite(value) || value <= 0)
		gen_fatal("--%s: \"%s\" is not a positive number", name, text);
	return value;
}

// Fills options from the command line; returns the scenario's name, or NULL when a question was
// answered instead.
static const char *parse_options(int argc, char **argv, struct gen_options *options)
{
	const char *name;
	int option, row = 0;

	while ((option = getopt_long(argc, argv, "h", long_options, &row)) != -1) {
		switch (option) {
		case 'h':
			print_help();
			return NULL;
		case OPT_LIST:
			print_list();
			return NULL;
		case OPT_USERS:
			options->users = (uint32_t)parse_uint("users", optarg, 5000000);
			break;
		case OPT_MINUTES:
			options->minutes = (uint32_t)parse_uint("minutes", optarg, 10080);
			break;
		case OPT_OFFENDER_RATE:
			options->offender_rate =
				(uint32_t)parse_uint("offender-rate", optarg, 100000);
			break;
		case OPT_MEAN:
			options->mean = parse_double("mean", optarg);
			break;
		case OPT_SEED:
			options->seed = parse_uint("seed", optarg, UINT64_MAX);
			break;
		case OPT_START:
			// Early enough to leave a day for the traffic before 2106.
			options->start_s = parse_uint("start", optarg, UINT32_MAX - 864000);
			break;
		case OPT_NANOSECOND:
			options->nanosecond = true;
			break;
		default:
			exit(2);
		}
	}
	if (argc - optind != 2)
		gen_fatal("a scenario and an output file are needed; try --help");
	name = argv[optind];
	options->out = argv[optind + 1];
	if (!strcmp(options->out, "-"))
		gen_fatal("the truth is written beside the capture, which must be a file");
	return name;
}

static const struct gen_scenario *find_scenario(const char *name)
{
	for (uint32_t i = 0; i < N_SCENARIOS; i++) {
		if (!strcmp(scenarios[i]->name, name))
			return scenarios[i];
	}
	gen_fatal("there is no scenario \"%s\"; try --list", name);
}

static void write_time(struct gen_json *json, const char *key, uint64_t time_ns)
{
	time_t seconds = (time_t)(time_ns / GEN_SECOND_NS);
	char text[64];
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%06lluZ",
		 (unsigned long long)(time_ns % GEN_SECOND_NS / 1000));
	gen_json_string(json, key, text);
}

static void write_endpoints(struct gen_json *json, const struct gen_truth *truth)
{
	gen_json_array(json, "endpoints");
	for (uint32_t i = 0; i < truth->n_endpoints; i++) {
		const struct gen_truth_endpoint *endpoint = &truth->endpoint[i];

		gen_json_object(json, NULL);
		gen_json_string(json, "endpoint", endpoint->name);
		gen_json_uint(json, "calls", endpoint->calls);
		gen_json_uint(json, "without_credentials", endpoint->without_credentials);
		gen_json_uint(json, "errors", endpoint->errors);
		gen_json_object(json, "values");
		for (uint32_t v = 0; v < GEN_VALUES; v++) {
			if (endpoint->values[v])
				gen_json_uint(json, gen_value_name(v), endpoint->values[v]);
		}
		gen_json_end(json);
		gen_json_end(json);
	}
	gen_json_end(json);
}

// The members of an outermost object that was built elsewhere, to stand in another one.
static void write_members(struct gen_json *json, struct gen_json *from)
{
	const char *start, *end;

	while (from->depth)
		gen_json_end(from);
	start = strchr(from->out.p, '{') + 1;
	end = from->out.p + from->out.len - 1;
	while (end > start && end[-1] == '\n')
		end--;
	if (end > start) {
		gen_buffer_text(&json->out, ",");
		gen_buffer_add(&json->out, start, (size_t)(end - start));
	}
}

static void write_truth(struct gen *gen, const struct gen_scenario *scenario,
			const struct gen_pcap_totals *totals)
{
	struct gen_json json = {.indented = true};
	const char *base = strrchr(gen->options->out, '/');
	char path[4096];
	FILE *file;

	gen_json_object(&json, NULL);
	gen_json_string(&json, "scenario", scenario->name);
	gen_json_string(&json, "capture", base ? base + 1 : gen->options->out);
	gen_json_uint(&json, "seed", gen->options->seed);
	write_time(&json, "first_packet", totals->first_ns);
	write_time(&json, "last_packet", totals->last_ns);
	gen_json_uint(&json, "packets", totals->packets);
	gen_json_uint(&json, "frame_bytes", totals->bytes);
	gen_json_uint(&json, "connections", gen->truth.connections);
	gen_json_uint(&json, "exchanges", gen->truth.calls);
	write_endpoints(&json, &gen->truth);
	write_members(&json, &gen->truth.facts);
	write_members(&json, &gen->truth.issues);
	gen_json_end(&json);
	gen_buffer_text(&json.out, "\n");
	snprintf(path, sizeof(path), "%s.truth.json", gen->options->out);
	file = fopen(path, "w");
	if (!file || fwrite(json.out.p, json.out.len, 1, file) != 1 || fclose(file))
		gen_fatal("%s: %s", path, strerror(errno));
	gen_json_free(&json);
}

int main(int argc, char **argv)
{
	struct gen_options options = {
		.offender_rate = 413, .mean = 10.64, .seed = 1, .start_s = 1767225600};
	struct gen gen = {.options = &options};
	const struct gen_scenario *scenario;
	struct gen_pcap_totals totals;
	const char *name;

	if (argc > 1 && !strcmp(argv[1], "play"))
		return play_main(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "flood"))
		return flood_main(argc - 1, argv + 1);
	name = parse_options(argc, argv, &options);
	if (!name)
		return 0;
	scenario = find_scenario(name);
	if (!options.users)
		options.users = scenario->users;
	if (!options.minutes)
		options.minutes = scenario->minutes;
	gen.start_ns = options.start_s * GEN_SECOND_NS;
	gen.random.state = options.seed;
	gen_truth_init(&gen.truth);
	gen.pcap = gen_pcap_new(options.out, options.nanosecond);
	scenario->run(&gen);
	gen_pcap_finish(gen.pcap, &totals);
	write_truth(&gen, scenario, &totals);
	gen_truth_fini(&gen.truth);
	printf("%s: %llu packets, %llu connections, %llu exchanges\n", options.out,
	       (unsigned long long)totals.packets, (unsigned long long)gen.truth.connections,
	       (unsigned long long)gen.truth.calls);
	return 0;
}
