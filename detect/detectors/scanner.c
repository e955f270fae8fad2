// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-44: somebody looks for what may be there: many different paths within a minute, most of which
// are refused or are not there.
//
// Merger: each source (address; of IPv6 the network) that was refused once is followed for as long
// as there is room. Time is cut into halves of a minute; what counts is the present half and the
// one before:
//
//	half n - 1: refused paths │ half n: refused paths, new ones  ► distinct in both
//	            calls         │         calls                    ► share that was refused
//
// Paths of few endpoints are no scan: a client with a list of things that are gone asks one
// endpoint for each of them, and an app that was built wrong asks one path for each of its users.
// Known probes are told by the endpoint's template, once for each endpoint; programs by the name
// that they give themselves. Both raise the confidence, neither is needed.

#include "detect/detector.h"
#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/few.h"
#include "detect/judge.h"
#include "detect/lru.h"
#include "detect/principal.h"
#include "detect/text.h"

enum {
	ENDPOINTS = 32, // different ones that are counted
	FOUND = 4,      // that are named
};

struct scanner_options {
	bool enabled;
	uint32_t min_paths, min_endpoints, sources;
	double min_share;
};

struct scanner_half {
	uint64_t number; // of the half, and 1
	uint32_t calls, refused;
	struct few paths;
};

struct scanner_source {
	struct scanner_half half[2]; // by their number
	uint32_t distinct;           // refused paths in both
	uint32_t n_endpoints, n_found;
	uint64_t endpoint[ENDPOINTS]; // refused, of the present scan
	uint64_t found[FOUND]; // answered, of those that are probes or were never called before
	uint64_t
		paths; // refused, since the scan began; what came twice within a minute counts once
	uint64_t probes; // of them, those that are known
	uint64_t told;   // paths when it was told last
	uint32_t told_found;
};

struct scanner_state {
	uint64_t key;
	struct lru sources;
};

// What the template says; zero: nobody looked yet.
struct scanner_endpoint {
	uint8_t looked, probe;
};

#define HALF_NS UINT64_C(30000000000)

static const struct detector scanner;

#define SCANNER_ROW(field, kind, ...)                                                              \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct scanner_options, field),    \
		__VA_ARGS__                                                                        \
	}
static const struct conf_row scanner_rows[] = {
	SCANNER_ROW(enabled, CONF_BOOL, .def = "true", .help = "Whether this detector runs"),
	SCANNER_ROW(min_paths, CONF_U32, .min = 2, .max = 1e6, .def = "30", .unit = "paths",
		    .help = "Different paths that one source may be refused within a minute (403, "
			    "404, 405)"),
	SCANNER_ROW(min_share, CONF_F64, .min = 0, .max = 1, .def = "0.7",
		    .help = "The share of its calls that must have been refused"),
	SCANNER_ROW(
		min_endpoints, CONF_U32, .min = 1, .max = ENDPOINTS, .def = "8",
		.unit = "endpoints",
		.help = "Different endpoints among them; fewer are a client whose things are gone"),
	SCANNER_ROW(sources, CONF_U32, .min = 16, .max = 1e6, .def = "16384", .unit = "sources",
		    .help = "Sources that are followed at the same time, about 1.5 KB each"),
};
static const struct conf_section scanner_section = {
	.path = "detect.scanner",
	.help = "D-44: sources that try many paths which are not there",
	.size = sizeof(struct scanner_options),
	.rows = scanner_rows,
	.n_rows = sizeof(scanner_rows) / sizeof(scanner_rows[0]),
};
CONF_SECTION(scanner_section);

// ---- what is known of probes and of programs

// Beginnings of path segments that API clients have no reason to ask for.
static const char *const probe_segments[] = {
	".env",           ".git",         ".svn",       ".hg",
	".aws",           ".ssh",         ".ds_store",  ".htaccess",
	".htpasswd",      ".vscode",      ".idea",      ".npmrc",
	".docker",        "wp-",          "wordpress",  "xmlrpc.php",
	"phpinfo",        "phpmyadmin",   "pma",        "adminer",
	"cgi-bin",        "actuator",     "heapdump",   "jolokia",
	"server-status",  "server-info",  "web.config", "web-inf",
	"id_rsa",         "etc",          "boaform",    "hnap1",
	"solr",           "struts",       "vendor",     "phpunit",
	"eval-stdin",     "telescope",    "_ignition",  "elmah.axd",
	"trace.axd",      "shell",        "backup",     "dump.sql",
	"db.sql",         "database.sql", "config.php", "config.json",
	"docker-compose", "console",      "manager",    "owa",
	"autodiscover",   "swagger",      "api-docs",   "graphiql",
	"debug",          "_profiler",
};

// Names that programs give themselves, anywhere in the User-Agent.
static const char *const scanner_agents[] = {
	"nikto",    "sqlmap",    "nuclei",  "gobuster",   "dirbuster", "dirb",       "feroxbuster",
	"ffuf",     "wfuzz",     "wpscan",  "nessus",     "openvas",   "acunetix",   "nmap",
	"masscan",  "zgrab",     "arachni", "w3af",       "burp",      "zaproxy",    "owasp",
	"whatweb",  "dirsearch", "katana",  "httpx",      "jaeles",    "netsparker", "qualys",
	"skipfish", "vega",      "commix",  "kiterunner",
};

static bool is_probe(const char *template)
{
	for (const char *at = template; at && *at; at = strchr(at, '/')) {
		at += *at == '/';
		for (uint32_t i = 0; i < sizeof(probe_segments) / sizeof(probe_segments[0]); i++) {
			if (judge_begins(at, probe_segments[i]))
				return true;
		}
	}
	return false;
}

// A word may not begin inside another one: "httpx" is one, "myhttpx" is not.
static const char *agent_program(const char *agent)
{
	uint8_t before = 0;

	for (const char *at = agent; at && *at; before = span_lower((uint8_t)*at), at++) {
		if (before >= 'a' && before <= 'z')
			continue;
		for (uint32_t i = 0; i < sizeof(scanner_agents) / sizeof(scanner_agents[0]); i++) {
			if (judge_begins(at, scanner_agents[i]))
				return scanner_agents[i];
		}
	}
	return NULL;
}

static bool endpoint_is_probe(struct merger *m, struct merged_endpoint *e)
{
	struct scanner_endpoint *area = e ? merger_endpoint_area(m, e, &scanner) : NULL;

	if (!area)
		return e && is_probe(e->template); // the server does not have it
	if (!area->looked) {
		area->looked = 1;
		area->probe = is_probe(e->template);
	}
	return area->probe;
}

// ---- counting

static void scan_begin(struct scanner_source *s)
{
	s->n_endpoints = s->n_found = 0;
	s->told = s->told_found = 0;
	s->paths = s->probes = 0;
}

// The half that this call is in; late ones count in the newest half.
static struct scanner_half *half_of(struct scanner_source *s, uint64_t time_ns, uint32_t *other)
{
	uint64_t number = time_ns / HALF_NS + 1;
	struct scanner_half *a = &s->half[0], *b = &s->half[1];
	uint64_t newest = a->number > b->number ? a->number : b->number;
	struct scanner_half *now = &s->half[number % 2];

	if (number <= newest) {
		*other = newest % 2 ? 0 : 1;
		return &s->half[newest % 2];
	}
	*other = !(number % 2);
	memset(now, 0, sizeof(*now));
	now->number = number;
	if (s->half[*other].number + 1 != number)
		memset(&s->half[*other], 0, sizeof(*now));
	s->distinct = (uint32_t)few_count(&s->half[*other].paths);
	// Half a minute without much of it: what comes next is another scan.
	if (s->distinct < 2)
		scan_begin(s);
	return now;
}

static bool listed(const uint64_t *list, uint32_t n, uint64_t id)
{
	for (uint32_t i = 0; i < n; i++) {
		if (list[i] == id)
			return true;
	}
	return false;
}

static void source_refused(struct merger *m, struct scanner_source *s, struct scanner_half *half,
			   uint32_t other, const struct call *call)
{
	half->refused++;
	if (s->n_endpoints < ENDPOINTS && !listed(s->endpoint, s->n_endpoints, call->endpoint))
		s->endpoint[s->n_endpoints++] = call->endpoint;
	if (few_add(&half->paths, call->path) &&
	    few_has(&s->half[other].paths, call->path) == FEW_NO) {
		s->distinct++;
		s->paths++;
		s->probes += endpoint_is_probe(m, merger_target(m, call->endpoint));
	}
}

static void source_answered(struct merger *m, struct scanner_source *s, const struct call *call)
{
	struct merged_endpoint *e = merger_endpoint(m, call->endpoint);

	if (!e || s->n_found == FOUND || listed(s->found, s->n_found, call->endpoint) ||
	    (call->flags & (CALL_LOGIN | CALL_MESSAGE)))
		return;
	if (endpoint_is_probe(m, e) || (e->first_ns == call->time_ns && s->distinct >= 2))
		s->found[s->n_found++] = call->endpoint;
}

// ---- judging

static void found_text(struct merger *m, const struct scanner_source *s, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < s->n_found && n < size; i++) {
		char where[160];

		endpoint_text(merger_target(m, s->found[i]), where, sizeof(where));
		n += (size_t)draft_text(out + n, size - n, "%s%s", i ? ", " : "", where);
	}
}

static void scanner_texts(struct issue_draft *draft, struct merger *m,
			  const struct scanner_source *s, const struct call *call, double share,
			  const char *program)
{
	char address[48], paths[32], all[32], probes[32], found[400], known[48], as[80] = "";

	endpoint_address(call->client, address);
	draft_text(known, sizeof(known), "%s %s",
		   s->probes ? text_count(probes, s->probes) : "none",
		   s->probes == 1 ? "is" : "are");
	if (program)
		draft_text(as, sizeof(as), " and calls itself %s", program);
	draft_text(
		draft->description, sizeof(draft->description),
		"%s asked for %s different paths within a minute that are not there or that it may "
		"not see (403, 404, 405), %.0f %% of its calls in that time%s. Of the %s since it "
		"began, "
		"%s known to be asked for by programs that look for weak spots.",
		address, text_count(paths, s->distinct), 100 * share, as, text_count(all, s->paths),
		known);
	if (s->n_found) {
		size_t n = strlen(draft->description);

		found_text(m, s, found, sizeof(found));
		draft_text(draft->description + n, sizeof(draft->description) - n,
			   " It found what others do not ask for: %s.", found);
	}
	draft_text(
		draft->impact, sizeof(draft->impact), "%s",
		s->n_found
			? "Something answered that was not meant to be found. Such endpoints are "
			  "often left over, without the checks that the others have."
			: "Nothing was found so far. Whoever looks for forgotten files, consoles "
			  "and "
			  "old versions comes back with what fits the server.");
	draft_text(draft->remediation, sizeof(draft->remediation), "%s",
		   s->n_found
			   ? "Close what was found, or put it behind a login, and look through "
			     "what it "
			     "answered. Limit or block sources whose requests mostly fail."
			   : "Limit or block sources whose requests mostly fail. Make sure that no "
			     "backups, consoles and build files are served.");
}

static void source_judge(const struct scanner_options *options, struct merger *m, uint64_t id,
			 struct scanner_source *s, const struct call *call)
{
	uint32_t calls = s->half[0].calls + s->half[1].calls;
	uint32_t refused = s->half[0].refused + s->half[1].refused;
	double share = calls ? (double)refused / calls : 0;
	struct merged_principal *p;
	const char *program;

	if (s->distinct <= options->min_paths || share <= options->min_share ||
	    s->n_endpoints < options->min_endpoints)
		return;
	// Told anew when it doubled, and when it began to succeed.
	if (s->told && s->paths < 2 * s->told && s->n_found <= s->told_found)
		return;
	s->told = s->paths;
	s->told_found = s->n_found;
	p = merger_principal(m, call->principal);
	program = p ? agent_program(p->user_agent) : NULL;
	struct issue_draft draft = {
		.severity = s->n_found ? SEVERITY_HIGH : SEVERITY_MEDIUM,
		.result = s->n_found ? RESULT_SUCCEEDED : RESULT_ATTEMPTED,
		.metric = {.present = true,
			   .name = "refused_paths_per_minute",
			   .unit = "paths/min",
			   .window = "60 s",
			   .value = s->distinct,
			   .percentile = NAN},
	};
	judge_term(&draft, "many different paths that are refused, within a minute", 50);
	if (share >= 0.9)
		judge_term(&draft, "nine in ten of its calls are refused", 10);
	if (s->n_endpoints == ENDPOINTS)
		judge_term(&draft, "no two of them alike", 10);
	if (s->probes)
		judge_term(&draft, "paths that only scanners ask for", s->probes >= 5 ? 20 : 10);
	if (program)
		judge_term(&draft, "a scanner's User-Agent", 15);
	scanner_texts(&draft, m, s, call, share, program);
	merger_raise(m, &scanner, id, p, merger_target(m, call->endpoint), call->time_ns, &draft);
}

static void scanner_call(const struct detector *, const void *opaque, struct merger *m, void *state,
			 const struct call *call)
{
	const struct scanner_options *options = opaque;
	struct scanner_state *t = state;
	bool refused = call->status == 403 || call->status == 404 || call->status == 405;
	uint64_t id = judge_source(&t->key, call);
	struct scanner_source *s = lru_get(&t->sources, id);
	struct scanner_half *half;
	uint32_t other;

	if (call->status == 0 || (!s && !refused))
		return;
	s = refused ? lru_touch(&t->sources, id, NULL) : s;
	if (!s)
		return;
	half = half_of(s, call->time_ns, &other);
	half->calls++;
	if (refused && !(call->flags & (CALL_HALF | CALL_GUESSED)))
		source_refused(m, s, half, other, call);
	else if (call_ok(call))
		source_answered(m, s, call);
	if (s->distinct > options->min_paths)
		source_judge(options, m, id, s, call);
}

static int scanner_init(void *state, const void *opaque)
{
	const struct scanner_options *options = opaque;

	return lru_init(&((struct scanner_state *)state)->sources, sizeof(struct scanner_source),
			options->sources);
}

static void scanner_fini(void *state)
{
	lru_fini(&((struct scanner_state *)state)->sources);
}

static size_t scanner_memory(const void *opaque, const struct conf *)
{
	const struct scanner_options *options = opaque;

	return lru_bytes(sizeof(struct scanner_source), options->sources);
}

static const struct detector scanner = {
	.id = "D-44",
	.name = "scanner",
	.title = "Forced Browsing",
	.module = "Runtime",
	.version = 1,
	.owasp = {"API8:2023", "API9:2023"},
	.section = &scanner_section,
	.state_size = sizeof(struct scanner_state),
	.endpoint_size = sizeof(struct scanner_endpoint),
	.init = scanner_init,
	.fini = scanner_fini,
	.memory = scanner_memory,
	.call = scanner_call,
};
DETECTOR_REGISTER(scanner);
