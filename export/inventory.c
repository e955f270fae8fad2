// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Endpoints in the order of host, path and method, as a table.

#include "export/openapi.h"

#include "detect/datatype.h"
#include "detect/hll.h"
#include "detect/merge.h"
#include "export/json.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int compare_endpoints(const void *a, const void *b)
{
	const struct merged_endpoint *x = *(const struct merged_endpoint *const *)a;
	const struct merged_endpoint *y = *(const struct merged_endpoint *const *)b;
	size_t n = strcspn(x->template, "#"), k = strcspn(y->template, "#");
	int order = strcmp(x->host, y->host);

	order = order ? order : memcmp(x->template, y->template, n < k ? n : k);
	order = order ? order : (n > k) - (n < k);
	order = order ? order : strcmp(x->method, y->method);
	return order ? order : strcmp(x->template, y->template);
}

static void json_text(FILE *out, const char *text)
{
	json_string(out, text, strlen(text));
}

static bool has_type(const struct inventory_endpoint *f, uint32_t dir, uint32_t type)
{
	return type < 64 * INVENTORY_TYPES && (f->types[dir][type / 64] >> type % 64 & 1);
}

static void put_types(FILE *out, const struct inventory_endpoint *f, uint32_t dir)
{
	const char *comma = "";

	fputc('[', out);
	for (uint32_t i = 0; i < datatype_count(); i++) {
		if (!has_type(f, dir, i))
			continue;
		fputs(comma, out);
		json_text(out, datatype_get(i)->id);
		comma = ",";
	}
	fputc(']', out);
}

static void put_quantiles(FILE *out, const char *key, const struct ddsketch *s,
			  const uint32_t *bins, double unit)
{
	static const struct {
		const char *name;
		double q;
	} list[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}};
	const char *comma = "";

	if (s->count == 0)
		return;
	fprintf(out, ",\"%s\":{", key);
	for (uint32_t i = 0; i < 3; i++) {
		double value = ddsketch_quantile(s, bins, DDSKETCH_SMALL, list[i].q);

		if (isnan(value))
			continue;
		fprintf(out, "%s\"%s\":%.6g", comma, list[i].name, value / unit);
		comma = ",";
	}
	fprintf(out, "%s\"n\":%" PRIu64 "}", comma, s->count);
}

static void put_status(FILE *out, const struct inventory_endpoint *f)
{
	const char *comma = "";

	fputs(",\"status\":{", out);
	for (uint32_t i = 0; i < INVENTORY_STATUSES; i++) {
		if (!f->status[i].calls)
			continue;
		fprintf(out, "%s\"%u\":%" PRIu64, comma, f->status[i].status, f->status[i].calls);
		comma = ",";
	}
	if (f->status_other)
		fprintf(out, "%s\"other\":%" PRIu64, comma, f->status_other);
	fputc('}', out);
}

static void put_kinds(FILE *out, const struct inventory_endpoint *f)
{
	const char *comma = "";

	fputs(",\"users_told_by\":{", out);
	for (uint32_t k = 0; k < INVENTORY_KINDS; k++) {
		if (!f->kinds[k])
			continue;
		// The schema's numbers begin with "unknown".
		fprintf(out, "%s\"%s\":%" PRIu64, comma, json_user_kind((int)k + 1), f->kinds[k]);
		comma = ",";
	}
	fputc('}', out);
}

void inventory_facts_json(FILE *out, struct merger *m, const struct merged_endpoint *e)
{
	const struct inventory_endpoint *f = merger_facts(e);
	char first[32], last[32];

	json_time(first, e->first_ns);
	json_time(last, e->last_ns);
	fprintf(out,
		"{\"first_seen\":\"%s\",\"last_seen\":\"%s\",\"calls\":%" PRIu64
		",\"successful\":%" PRIu64 ",\"learnt\":%s,\"template_from\":\"%s\"",
		first, last, e->calls, e->ok, idset_has(&m->learnt, e->id) ? "true" : "false",
		template_origin_name(templates_origin(&m->templates, e)));
	if (f) {
		fprintf(out,
			",\"api\":\"%s\",\"exposure\":\"%s\",\"users\":%" PRIu64
			",\"calls_with_credentials\":%" PRIu64 ",\"calls_over_tls\":%" PRIu64,
			inventory_api_name(inventory_api(f)),
			inventory_exposure_name(inventory_exposure(f)),
			hll_count(f->users, INVENTORY_USERS), f->with_credentials, f->tls);
		put_status(out, f);
		put_kinds(out, f);
		put_quantiles(out, "wait_ms", &f->wait, f->wait_bins, 1000);
		put_quantiles(out, "response_bytes", &f->size, f->size_bins, 1);
		fputs(",\"data_types\":{\"in\":", out);
		put_types(out, f, CLIENT);
		fputs(",\"out\":", out);
		put_types(out, f, SERVER);
		fputc('}', out);
	}
	fputc('}', out);
}

static void line_json(FILE *out, struct merger *m, const struct merged_endpoint *e)
{
	fputs("{\"host\":", out);
	json_text(out, e->host);
	fputs(",\"method\":", out);
	json_text(out, e->method);
	fputs(",\"template\":", out);
	json_text(out, e->template);
	fputs(",\"facts\":", out);
	inventory_facts_json(out, m, e);
	fputs("}\n", out);
}

// ---- CSV

// Spreadsheets take cells that begin so for formulas: a quote before them keeps them texts.
static void cell(FILE *out, const char *text, bool first)
{
	if (!first)
		fputc(',', out);
	fputc('"', out);
	if (*text && strchr("=+-@\t\r", *text))
		fputc('\'', out);
	for (; *text; text++) {
		uint8_t c = (uint8_t)*text;

		if (c == '"')
			fputc('"', out);
		fputc(c < 0x20 || c == 0x7f ? '?' : c, out);
	}
	fputc('"', out);
}

static void cell_types(FILE *out, const struct inventory_endpoint *f, uint32_t dir)
{
	const char *space = "";

	fputs(",\"", out);
	for (uint32_t i = 0; f && i < datatype_count(); i++) {
		if (!has_type(f, dir, i))
			continue;
		fprintf(out, "%s%s", space, datatype_get(i)->id);
		space = " ";
	}
	fputc('"', out);
}

static void line_csv(FILE *out, const struct merger *m, const struct merged_endpoint *e)
{
	const struct inventory_endpoint *f = merger_facts(e);
	char first[32], last[32];
	double p50, p99;

	json_time(first, e->first_ns);
	json_time(last, e->last_ns);
	cell(out, e->host, true);
	cell(out, e->method, false);
	cell(out, e->template, false);
	fprintf(out,
		",%s,%s,%s,%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64,
		f ? inventory_api_name(inventory_api(f)) : "",
		f ? inventory_exposure_name(inventory_exposure(f)) : "", first, last, e->calls,
		e->ok, e->status[4], e->status[5], f ? hll_count(f->users, INVENTORY_USERS) : 0,
		f ? f->with_credentials : 0);
	p50 = f ? ddsketch_quantile(&f->wait, f->wait_bins, DDSKETCH_SMALL, 0.5) : NAN;
	p99 = f ? ddsketch_quantile(&f->wait, f->wait_bins, DDSKETCH_SMALL, 0.99) : NAN;
	if (isnan(p50) || isnan(p99))
		fputs(",,", out);
	else
		fprintf(out, ",%.3f,%.3f", p50 / 1000, p99 / 1000);
	cell_types(out, f, CLIENT);
	cell_types(out, f, SERVER);
	fprintf(out, ",%s\r\n", template_origin_name(templates_origin(&m->templates, e)));
}

// ---- All of it

static bool write_openapi(FILE *out, struct merger *m, struct merged_endpoint **list, uint32_t n)
{
	for (uint32_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !strcmp(list[i]->host, list[end]->host);)
			end++;
		if (!openapi_host(out, m, list + i, end - i))
			return false;
	}
	return true;
}

bool inventory_write(FILE *out, struct merger *m, enum inventory_format format)
{
	uint32_t n = merger_endpoints(m);
	struct merged_endpoint **list = calloc(n ? n : 1, sizeof(struct merged_endpoint *));
	bool ok = list != NULL;

	for (uint32_t i = 0; ok && i < n; i++)
		list[i] = merger_endpoint_at(m, i);
	if (ok)
		qsort(list, n, sizeof(struct merged_endpoint *), compare_endpoints);
	if (ok && format == INVENTORY_CSV)
		fputs("host,method,template,api,exposure,first_seen,last_seen,calls,successful,"
		      "status_4xx,status_5xx,users,calls_with_credentials,wait_ms_p50,wait_ms_p99,"
		      "data_types_in,data_types_out,template_from\r\n",
		      out);
	for (uint32_t i = 0; ok && i < n && format == INVENTORY_CSV; i++)
		line_csv(out, m, list[i]);
	for (uint32_t i = 0; ok && i < n && format == INVENTORY_JSON; i++)
		line_json(out, m, list[i]);
	if (ok && format == INVENTORY_OPENAPI)
		ok = write_openapi(out, m, list, n);
	free(list);
	return ok && fflush(out) == 0 && !ferror(out);
}

int inventory_export(struct merger *m, const char *dir)
{
	static const char *const names[] = {
		[INVENTORY_OPENAPI] = "inventory.openapi.jsonl",
		[INVENTORY_CSV] = "inventory.csv",
		[INVENTORY_JSON] = "inventory.jsonl",
	};

	for (uint32_t i = 0; i < 3; i++) {
		char path[PATH_MAX], beside[PATH_MAX];
		FILE *out;
		bool ok;

		if (snprintf(path, sizeof(path), "%s/%s", dir, names[i]) >= PATH_MAX ||
		    snprintf(beside, sizeof(beside), "%s/%s.tmp", dir, names[i]) >= PATH_MAX)
			return -ENAMETOOLONG;
		unlink(beside);
		out = fopen(beside, "wxe");
		if (!out)
			return -errno;
		ok = inventory_write(out, m, (enum inventory_format)i);
		if (fclose(out) || !ok || rename(beside, path)) {
			unlink(beside);
			return -EIO;
		}
	}
	return 0;
}
