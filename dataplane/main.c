// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Finds the subcommand; holds what the subcommands share. See command.h.

#include "dataplane/command.h"
#include "dataplane/log.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

const char command_version[] = APITAP_VERSION;
_Atomic bool command_stop, command_reload;

// Read by jemalloc as it starts. What is known of callers, APIs and objects is looked up all over
// hundreds of MiB: with small pages each look costs a walk through the page table as well.
extern const char *malloc_conf;
const char *malloc_conf = "thp:always,metadata_thp:auto";

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"run", command_run, "watch mirrored traffic on DPDK ports"},
	{"replay", command_replay, "read captures (pcap, pcapng) and report their issues"},
	{"inventory", command_inventory, "read captures and write down the APIs they show"},
	{"explain", command_explain, "tell what was decided about one connection of a capture"},
	{"check", command_check, "validate a configuration; print a sample or all keys"},
	{"baseline", command_baseline, "show what was learnt, or have an endpoint learnt anew"},
	{"types", command_types, "list the data types, or try them on a text"},
	{"bench", command_bench, "measure one worker core with a capture"},
};

static void print_help(FILE *out)
{
	fprintf(out, "apitap %s - passive API security sensor\n\nusage: apitap COMMAND [options]\n\n",
		command_version);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\napitap COMMAND --help shows a command's options and examples.\n"
		     "Issues are read with apitap-issues, captures are made with apitap-gen.\n");
}

static void on_signal(int)
{
	atomic_store_explicit(&command_stop, true, memory_order_release);
}

void command_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void on_reload(int)
{
	atomic_store_explicit(&command_reload, true, memory_order_release);
}

void command_reload_signal(void)
{
	struct sigaction action = {.sa_handler = on_reload, .sa_flags = SA_RESTART};

	sigaction(SIGHUP, &action, NULL);
}

int command_usage(const char *name, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "apitap %s: ", name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry: apitap %s --help\n", name);
	return EXIT_USAGE;
}

bool command_number(const char *name, const char *option, const char *text, uint64_t min,
		    uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || *out < min || *out > max) {
		command_usage(name, "%s: '%s' is not a number between %" PRIu64 " and %" PRIu64,
			      option, text, min, max);
		return false;
	}
	return true;
}

uint32_t command_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
}

void command_lcores(uint32_t n, bool pinned, char *text, size_t len)
{
	uint32_t cpus[CPU_SETSIZE], n_cpus = 0;
	char all[2048] = "";
	cpu_set_t set;
	size_t at = 0;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		CPU_ZERO(&set);
	for (uint32_t i = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, &set))
			cpus[n_cpus++] = i;
	}
	if (n_cpus == 0)
		cpus[n_cpus++] = 0;
	for (uint32_t i = 0; i < n_cpus && at + 8 < sizeof(all); i++)
		at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%u", i ? "," : "", cpus[i]);
	at = 0;
	text[0] = '\0';
	for (uint32_t i = 0; i < n && at + sizeof(all) + 16 < len; i++) {
		if (pinned)
			at += (size_t)snprintf(text + at, len - at, "%s%u@%u", i ? "," : "", i,
					       cpus[i % n_cpus]);
		else
			at += (size_t)snprintf(text + at, len - at, "%s%u@(%s)", i ? "," : "", i,
					       all);
	}
}

uint64_t command_random(void)
{
	uint64_t value;

	if (getrandom(&value, sizeof(value), 0) != sizeof(value)) {
		fprintf(stderr, "apitap: no random numbers from the kernel: %s\n", strerror(errno));
		exit(EXIT_FAILED);
	}
	return value;
}

void command_log(int level, const char *text)
{
	log_write((enum log_level)level, "%s", text);
}

int main(int argc, char **argv)
{
	// Core dumps would hold customers' traffic.
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(argc < 2 ? stderr : stdout);
		return argc < 2 ? EXIT_USAGE : EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("apitap %s\n", command_version);
		return EXIT_OK;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].main(argc - 1, argv + 1);
	}
	fprintf(stderr, "apitap: unknown command '%s'\n", argv[1]);
	print_help(stderr);
	return EXIT_USAGE;
}
