// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The world of a scenario: what stands still (servers, objects, endpoints) and who lives in it
// (groups). Flows and attacks are read in gen_play_steps.c. A key that is not known is a mistake:
// a scenario that means something else than it says would give wrong truth.

#include "tools/gen/gen_play_read.h"

#include "tools/gen/gen_play_form.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char root_keys[] =
	"seed start duration lose direction servers objects endpoints groups "
	"flows attacks";

void play_fail(const struct play_reader *reader, const config_setting_t *where, const char *format,
	       ...)
{
	char message[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	play_text_fatal(&reader->text, config_setting_source_line(where), "%s", message);
}

void *play_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		gen_fatal("out of memory");
	return p;
}

// ---- typed access

static bool in_words(const char *words, const char *word, size_t len)
{
	for (const char *p = words; (p = strstr(p, word)); p++) {
		if ((p == words || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return true;
	}
	return false;
}

void play_keys(const struct play_reader *reader, const config_setting_t *group, const char *keys)
{
	if (!config_setting_is_group(group))
		play_fail(reader, group, "{ … } is expected");
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
		const char *name = config_setting_name(member);

		if (!in_words(keys, name, strlen(name)))
			play_fail(reader, member, "%s: not a key here; there are %s", name, keys);
	}
}

const char *play_string(const struct play_reader *reader, const config_setting_t *group,
			const char *key, const char *def)
{
	const config_setting_t *member = config_setting_get_member(group, key);

	if (!member)
		return def;
	if (config_setting_type(member) != CONFIG_TYPE_STRING)
		play_fail(reader, member, "%s: a string is expected", key);
	return config_setting_get_string(member);
}

const char *play_needed(const struct play_reader *reader, const config_setting_t *group,
			const char *key)
{
	const char *text = play_string(reader, group, key, NULL);

	if (!text || !*text)
		play_fail(reader, group, "%s is missing", key);
	return text;
}

double play_number(const struct play_reader *reader, const config_setting_t *group, const char *key,
		   double def, double least, double most)
{
	const config_setting_t *member = config_setting_get_member(group, key);
	double value;

	if (!member)
		return def;
	if (!config_setting_is_number(member))
		play_fail(reader, member, "%s: a number is expected", key);
	value = config_setting_type(member) == CONFIG_TYPE_FLOAT
			? config_setting_get_float(member)
			: (double)config_setting_get_int64(member);
	if (value < least || value > most)
		play_fail(reader, member, "%s: %.9g is not within %.9g and %.9g", key, value, least,
			  most);
	return value;
}

bool play_flag(const struct play_reader *reader, const config_setting_t *group, const char *key,
	       bool def)
{
	const config_setting_t *member = config_setting_get_member(group, key);

	if (!member)
		return def;
	if (config_setting_type(member) != CONFIG_TYPE_BOOL)
		play_fail(reader, member, "%s: true or false is expected", key);
	return config_setting_get_bool(member);
}

// Numbers are seconds.
static bool dist_setting(const config_setting_t *member, struct play_dist *out)
{
	if (config_setting_type(member) == CONFIG_TYPE_STRING)
		return play_dist(config_setting_get_string(member), out);
	*out = (struct play_dist){.a = config_setting_type(member) == CONFIG_TYPE_FLOAT
					       ? config_setting_get_float(member)
					       : (double)config_setting_get_int64(member)};
	return config_setting_is_number(member) && out->a >= 0;
}

double play_time(const struct play_reader *reader, const config_setting_t *group, const char *key,
		 double def)
{
	const config_setting_t *member = config_setting_get_member(group, key);
	struct play_dist dist;

	if (!member)
		return def;
	if (!dist_setting(member, &dist) || dist.shape != PLAY_FIXED)
		play_fail(reader, member,
			  "%s: a length of time is expected: \"90s\", \"5m\", \"1.5h\"", key);
	return dist.a;
}

struct play_dist play_dist_of(const struct play_reader *reader, const config_setting_t *group,
			      const char *key, const char *def)
{
	const config_setting_t *member = config_setting_get_member(group, key);
	struct play_dist dist;

	if (member ? !dist_setting(member, &dist) : !play_dist(def, &dist))
		play_fail(
			reader, member ? member : group,
			"%s: a length of time, \"uniform 1s 5s\", \"exp 20s\" or \"lognormal 40ms "
			"0.5\" is expected",
			key);
	return dist;
}

static uint32_t choice_of(const struct play_reader *reader, const config_setting_t *group,
			  const char *key, const char *words)
{
	const char *text = play_string(reader, group, key, NULL);
	uint32_t n = 0;

	if (!text)
		return 0;
	for (const char *p = words; *p; n++) {
		size_t len = strcspn(p, " ");

		if (strlen(text) == len && !memcmp(p, text, len))
			return n;
		p += len;
		p += strspn(p, " ");
	}
	play_fail(reader, config_setting_get_member(group, key), "%s: \"%s\" is none of %s", key,
		  text, words);
}

uint32_t play_group_of(const struct play_reader *reader, const config_setting_t *group,
		       const char *key)
{
	const struct play_scenario *scenario = reader->scenario;
	const char *name = play_string(reader, group, key, NULL);

	if (!name)
		return PLAY_NONE;
	for (uint32_t i = 0; i < scenario->n_groups; i++) {
		if (!strcmp(scenario->group[i].name, name))
			return i;
	}
	play_fail(reader, config_setting_get_member(group, key), "%s: there is no group \"%s\"",
		  key, name);
}

uint32_t play_kind_named(const struct play_reader *reader, const char *name, size_t len)
{
	const struct play_scenario *scenario = reader->scenario;

	for (uint32_t i = 0; i < scenario->n_kinds; i++) {
		if (scenario->kind[i].name && strlen(scenario->kind[i].name) == len &&
		    !memcmp(scenario->kind[i].name, name, len))
			return i;
	}
	return PLAY_NONE;
}

// A string, or an array or list of them. Returns their number.
static uint32_t strings_of(const struct play_reader *reader, const config_setting_t *group,
			   const char *key, const char ***out)
{
	const config_setting_t *member = config_setting_get_member(group, key);
	int n = member ? 1 : 0;

	if (member && config_setting_is_aggregate(member))
		n = config_setting_length(member);
	*out = play_alloc((size_t)n, sizeof(**out));
	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_is_aggregate(member)
						    ? config_setting_get_elem(member, (unsigned)i)
						    : member;

		(*out)[i] = config_setting_get_string(e);
		if (!(*out)[i])
			play_fail(reader, e, "%s: strings are expected", key);
	}
	return (uint32_t)n;
}

void play_networks_of(const struct play_reader *reader, const config_setting_t *group,
		      struct play_network **out, uint32_t *n)
{
	const char **text;

	*n = strings_of(reader, group, "network", &text);
	*out = play_alloc(*n, sizeof(**out));
	for (uint32_t i = 0; i < *n; i++) {
		if (!play_network(text[i], &(*out)[i]))
			play_fail(reader, config_setting_get_member(group, "network"),
				  "network: \"%s\" is not like 10.1.0.0/16", text[i]);
	}
	free(text);
}

static bool is_section(const char *name, const char *section)
{
	size_t n = strlen(section);

	return !strncmp(name, section, n) && (!name[n] || name[n] == '_');
}

void play_each(struct play_reader *reader, const char *section,
	       void (*read)(struct play_reader *reader, config_setting_t *group, uint32_t i))
{
	config_setting_t *root = config_root_setting(&reader->config);
	uint32_t n = 0;

	for (int i = 0; i < config_setting_length(root); i++) {
		config_setting_t *list = config_setting_get_elem(root, (unsigned)i);

		if (!is_section(config_setting_name(list), section))
			continue;
		for (int k = 0; k < config_setting_length(list); k++)
			read(reader, config_setting_get_elem(list, (unsigned)k), n++);
	}
}

uint32_t play_count_section(const struct play_reader *reader, const char *section)
{
	const config_setting_t *root = config_root_setting(&reader->config);
	uint32_t n = 0;

	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *list = config_setting_get_elem(root, (unsigned)i);

		if (!is_section(config_setting_name(list), section))
			continue;
		if (!config_setting_is_list(list))
			play_fail(reader, list, "%s: a list is expected: ( { … }, { … } )",
				  section);
		n += (uint32_t)config_setting_length(list);
	}
	return n;
}

// ---- sections

static void read_server(struct play_reader *reader, config_setting_t *group, uint32_t i)
{
	struct play_server *server = &reader->scenario->server[i];
	struct in_addr in;

	play_keys(reader, group, "name host address port");
	server->host = play_needed(reader, group, "host");
	server->name = play_string(reader, group, "name", server->host);
	server->port = (uint16_t)play_number(reader, group, "port", 80, 1, 65535);
	if (inet_pton(AF_INET, play_needed(reader, group, "address"), &in) != 1)
		play_fail(reader, group, "address: an IPv4 address is expected");
	server->address = ntohl(in.s_addr);
}

struct play_credential play_credential_of(const struct play_reader *reader,
					  const config_setting_t *group)
{
	const config_setting_t *at = config_setting_get_member(group, "credential");
	struct play_credential out = {0};

	if (!at)
		return out;
	play_keys(reader, at, "kind name role alg lifetime expired");
	out.kind = choice_of(reader, at, "kind", "none jwt opaque cookie key basic");
	out.name = play_string(reader, at, "name",
			       out.kind == PLAY_CREDENTIAL_KEY ? "X-API-Key" : "session");
	out.role = play_string(reader, at, "role", NULL);
	out.alg = play_string(reader, at, "alg", "HS256");
	out.lifetime_s = play_time(reader, at, "lifetime", 3600);
	out.expired = play_flag(reader, at, "expired", false);
	if (strlen(out.alg) > 16 || (out.role && strlen(out.role) > 64))
		play_fail(reader, at, "alg or role is too long");
	return out;
}

static void read_day(const struct play_reader *reader, const config_setting_t *group,
		     struct play_group *out)
{
	const config_setting_t *day = config_setting_get_member(group, "day");
	double most = 0;

	if (!day)
		return;
	if (!config_setting_is_aggregate(day) || config_setting_length(day) != 24)
		play_fail(reader, day, "day: 24 numbers are expected, one for each hour");
	out->day = play_alloc(24, sizeof(out->day[0]));
	for (uint32_t i = 0; i < 24; i++) {
		const config_setting_t *hour = config_setting_get_elem(day, i);

		out->day[i] = config_setting_type(hour) == CONFIG_TYPE_FLOAT
				      ? config_setting_get_float(hour)
				      : (double)config_setting_get_int64(hour);
		if (!config_setting_is_number(hour) || out->day[i] < 0)
			play_fail(reader, hour, "day: numbers from 0 up are expected");
		most = out->day[i] > most ? out->day[i] : most;
	}
	for (uint32_t i = 0; i < 24; i++)
		out->day[i] = most > 0 ? out->day[i] / most : 1;
}

static void read_group(struct play_reader *reader, config_setting_t *group, uint32_t i)
{
	struct play_group *out = &reader->scenario->group[i];

	play_keys(reader, group,
		  "name count network address agent credential every think from until "
		  "day keepalive");
	out->name = play_needed(reader, group, "name");
	if (strlen(out->name) > 64)
		play_fail(reader, group, "name is longer than 64 bytes");
	out->count = (uint32_t)play_number(reader, group, "count", 1, 1, 5000000);
	play_networks_of(reader, group, &out->network, &out->n_networks);
	if (!out->n_networks)
		play_fail(reader, group, "network is missing");
	out->address = choice_of(reader, group, "address", "own nat session");
	for (uint32_t k = 0; out->address == PLAY_ADDRESS_OWN && k < out->n_networks; k++) {
		if ((uint64_t)out->network[k].hosts * out->n_networks < out->count)
			play_fail(reader, group, "network: too small for %u own addresses",
				  out->count);
	}
	out->n_agents = strings_of(reader, group, "agent", &out->agent);
	if (!out->n_agents)
		play_fail(reader, group, "agent is missing");
	out->credential = play_credential_of(reader, group);
	out->every = play_dist_of(reader, group, "every", "exp 10m");
	out->think = play_dist_of(reader, group, "think", "exp 5s");
	out->from_s = play_time(reader, group, "from", 0);
	out->until_s = play_time(reader, group, "until", 1e15);
	out->keepalive = (uint32_t)play_number(reader, group, "keepalive", 100, 1, 1e6);
	read_day(reader, group, out);
}

static void read_kind(struct play_reader *reader, config_setting_t *group, uint32_t i)
{
	struct play_kind *kind = &reader->scenario->kind[i];

	play_keys(reader, group, "name ids prefix first count owner each team");
	kind->name = play_needed(reader, group, "name");
	kind->prefix = play_string(reader, group, "prefix", "");
	if (strlen(kind->prefix) > 32)
		play_fail(reader, group, "prefix is longer than 32 bytes");
	kind->ids = choice_of(reader, group, "ids", "sequential random uuid hex slug");
	kind->first = (uint64_t)play_number(reader, group, "first", 1000, 0, 1e15);
	kind->count = (uint32_t)play_number(reader, group, "count", 100, 1, 4e9);
	kind->group = play_group_of(reader, group, "owner");
	kind->each = (uint32_t)play_number(reader, group, "each", 3, 0, 1e6);
	kind->team = (uint32_t)play_number(reader, group, "team", 1, 1, 1e6);
	if (kind->group == PLAY_NONE)
		return;
	kind->owners = reader->scenario->group[kind->group].count;
	kind->owners = (kind->owners + kind->team - 1) / kind->team;
}

// "200" or "200:97 404:2 500:1".
static void read_status(const struct play_reader *reader, const config_setting_t *group,
			struct play_endpoint *endpoint)
{
	const char *p = play_string(reader, group, "status",
				    endpoint->creates != PLAY_NONE ? "201" : "200");
	double sum = 0;
	int used;

	for (; *p; p += used) {
		unsigned status;
		double share = 1;
		int more = 0;

		if (endpoint->n_statuses == PLAY_STATUSES ||
		    sscanf(p, " %u%n", &status, &used) != 1 || status < 200 || status > 599)
			play_fail(reader, group,
				  "status: \"200:97 404:2 500:1\" is expected, at most "
				  "%d of 200 to 599",
				  PLAY_STATUSES);
		if (p[used] == ':' && sscanf(p + used, ":%lf%n", &share, &more) != 1)
			play_fail(reader, group, "status: a share is expected behind the colon");
		used += more;
		used += (int)strspn(p + used, " ");
		sum += share;
		endpoint->status[endpoint->n_statuses].status = (uint16_t)status;
		endpoint->status[endpoint->n_statuses++].up_to = sum;
	}
	for (uint32_t i = 0; i < endpoint->n_statuses; i++)
		endpoint->status[i].up_to /= sum;
	if (!endpoint->n_statuses)
		play_fail(reader, group, "status is empty");
}

static struct play_form lines_of(struct play_reader *reader, const config_setting_t *group,
				 const char *key)
{
	struct gen_buffer out = {0};
	struct play_form form;
	const char **line;
	uint32_t n = strings_of(reader, group, key, &line);

	for (uint32_t i = 0; i < n; i++)
		gen_buffer_printf(&out, "%s\r\n", line[i]);
	gen_buffer_add(&out, "", 1);
	form = play_form_text(reader, group, out.p);
	gen_buffer_free(&out);
	free(line);
	return form;
}

static void read_endpoint(struct play_reader *reader, config_setting_t *group, uint32_t i)
{
	struct play_endpoint *endpoint = &reader->scenario->endpoint[i];
	const config_setting_t *body, *response;
	struct gen_buffer target = {0};
	const char *server, *creates, *query;

	play_keys(reader, group,
		  "name server method path query headers body response "
		  "response_headers status latency login creates");
	endpoint->name = play_needed(reader, group, "name");
	endpoint->method = play_string(reader, group, "method", "GET");
	server = play_string(reader, group, "server", NULL);
	while (server && endpoint->server < reader->scenario->n_servers &&
	       strcmp(reader->scenario->server[endpoint->server].name, server))
		endpoint->server++;
	if (endpoint->server == reader->scenario->n_servers)
		play_fail(reader, group, "server: there is no server \"%s\"", server);
	query = play_string(reader, group, "query", NULL);
	gen_buffer_printf(&target, "%s%s%s", play_needed(reader, group, "path"), query ? "?" : "",
			  query ? query : "");
	gen_buffer_add(&target, "", 1);
	endpoint->path = play_form_text(reader, group, target.p);
	gen_buffer_free(&target);
	endpoint->template = play_form_template(reader, &endpoint->path);
	endpoint->headers = lines_of(reader, group, "headers");
	endpoint->response_headers = lines_of(reader, group, "response_headers");
	body = config_setting_get_member(group, "body");
	endpoint->setting = body;
	endpoint->has_body = body != NULL;
	if (body)
		endpoint->body = play_form_json(reader, body, NULL);
	response = config_setting_get_member(group, "response");
	endpoint->has_response = response != NULL;
	if (response)
		endpoint->response = play_form_json(reader, response, NULL);
	creates = play_string(reader, group, "creates", NULL);
	endpoint->creates = creates ? play_kind_named(reader, creates, strlen(creates)) : PLAY_NONE;
	if (creates && endpoint->creates == PLAY_NONE)
		play_fail(reader, group, "creates: there is no object \"%s\"", creates);
	endpoint->login = play_flag(reader, group, "login", false);
	endpoint->latency = play_dist_of(reader, group, "latency", "lognormal 25ms 0.5");
	read_status(reader, group, endpoint);
}

static void read_root(struct play_reader *reader)
{
	const config_setting_t *root = config_root_setting(&reader->config);
	struct play_scenario *scenario = reader->scenario;
	uint32_t direction;

	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *member = config_setting_get_elem(root, (unsigned)i);
		const char *name = config_setting_name(member);

		if (!in_words(root_keys, name, strcspn(name, "_")) &&
		    !(config_setting_is_list(member) &&
		      (is_section(name, "servers") || is_section(name, "objects") ||
		       is_section(name, "endpoints") || is_section(name, "groups") ||
		       is_section(name, "flows") || is_section(name, "attacks"))))
			play_fail(reader, member, "%s: not a key here; there are %s", name,
				  root_keys);
	}
	scenario->seed = (uint64_t)play_number(reader, root, "seed", 1, 0, 1e15);
	scenario->start_ns =
		(uint64_t)play_number(reader, root, "start", 1767225600, 1e6, 4e9) * 1000000000;
	scenario->duration_s = play_time(reader, root, "duration", 600);
	scenario->lose = play_number(reader, root, "lose", 0, 0, 1);
	direction = choice_of(reader, root, "direction", "both requests responses");
	scenario->no_responses = direction == 1;
	scenario->no_requests = direction == 2;
}

void play_read(struct play_scenario *scenario, const char *path, const struct play_set *set,
	       uint32_t n_set)
{
	// Lives as long as the program: strings of the scenario are the tree's.
	struct play_reader *reader = play_alloc(1, sizeof(*reader));

	*scenario = (struct play_scenario){0};
	reader->scenario = scenario;
	scenario->reader = reader;
	play_text_read(&reader->text, path, set, n_set);
	config_init(&reader->config);
	config_set_auto_convert(&reader->config, CONFIG_FALSE);
	if (config_read_string(&reader->config, reader->text.out.p) != CONFIG_TRUE)
		play_text_fatal(&reader->text, (unsigned)config_error_line(&reader->config), "%s",
				config_error_text(&reader->config));
	read_root(reader);
	scenario->n_servers = play_count_section(reader, "servers");
	scenario->n_groups = play_count_section(reader, "groups");
	scenario->n_kinds = play_count_section(reader, "objects");
	scenario->n_endpoints = play_count_section(reader, "endpoints");
	if (!scenario->n_servers || !scenario->n_groups || !scenario->n_endpoints)
		gen_fatal("%s: servers, groups and endpoints are needed", path);
	if (scenario->n_kinds > PLAY_KINDS)
		gen_fatal("%s: more than %d kinds of objects", path, PLAY_KINDS);
	scenario->server = play_alloc(scenario->n_servers, sizeof(scenario->server[0]));
	scenario->group = play_alloc(scenario->n_groups, sizeof(scenario->group[0]));
	scenario->kind = play_alloc(scenario->n_kinds, sizeof(scenario->kind[0]));
	scenario->endpoint = play_alloc(scenario->n_endpoints, sizeof(scenario->endpoint[0]));
	play_each(reader, "servers", read_server);
	for (uint32_t i = 0; i < scenario->n_groups; i++)
		scenario->group[i].name = "";
	play_each(reader, "groups", read_group);
	play_each(reader, "objects", read_kind);
	play_each(reader, "endpoints", read_endpoint);
	for (uint32_t i = 0; i < scenario->n_groups; i++) {
		struct play_group *group = &scenario->group[i];

		group->created = play_alloc((size_t)group->count * scenario->n_kinds,
					    sizeof(group->created[0]));
		group->seen = play_alloc(group->count, sizeof(group->seen[0]));
	}
	play_read_flows(reader);
	play_read_attacks(reader);
}
