// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Offline only, so the lock of the FILE does no harm. What is not known is null, never a guess:
// an incomplete body has neither length nor hash.

#include "export/txlog.h"

#include "detect/detector.h"
#include "export/json.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct txlog {
	FILE *out;
	char *capture;
	bool hashes;
};

struct txlog *txlog_new(FILE *out, bool hashes)
{
	struct txlog *log = calloc(1, sizeof(*log));

	if (log)
		*log = (struct txlog){.out = out, .hashes = hashes};
	return log;
}

bool txlog_free(struct txlog *log)
{
	bool good = !ferror(log->out);

	good = (log->out == stdout ? fflush(stdout) : fclose(log->out)) == 0 && good;
	free(log->capture);
	free(log);
	return good;
}

void txlog_capture(struct txlog *log, const char *path)
{
	free(log->capture);
	log->capture = strdup(path);
}

static void put_string(FILE *out, const char *key, struct span s)
{
	fprintf(out, ",\"%s\":", key);
	if (s.p)
		json_string(out, s.p, s.len);
	else
		fputs("null", out);
}

static void put_address(FILE *out, const char *key, const uint8_t addr[16], bool v6)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? addr : addr + 12, text, sizeof(text));
	fprintf(out, ",\"%s\":\"%s\"", key, text);
}

static void put_body(FILE *out, const char *name, const struct http_msg *msg, bool hashes)
{
	bool coded_right = !(msg->anomalies & (UINT64_C(1) << ANOMALY_CODING_UNKNOWN |
					       UINT64_C(1) << ANOMALY_CODING_ERROR |
					       UINT64_C(1) << ANOMALY_DECOMPRESSION_BOMB));

	// A hash is of a body as its receivers read it, whatever its label says.
	if (msg->seen && msg->complete && (coded_right || msg->hashed))
		fprintf(out, ",\"%s_len\":%" PRIu64, name, msg->body_len);
	else
		fprintf(out, ",\"%s_len\":null", name);
	if (!hashes)
		return;
	fprintf(out, ",\"%s_sha256\":", name);
	if (!msg->hashed) {
		fputs("null", out);
		return;
	}
	fputc('"', out);
	for (uint32_t i = 0; i < sizeof(msg->sha256); i++)
		fprintf(out, "%02x", msg->sha256[i]);
	fputc('"', out);
}

static void put_anomalies(FILE *out, uint64_t bits)
{
	const char *comma = "";

	fputs(",\"anomaly\":[", out);
	for (uint32_t i = 0; i < ANOMALY_N; i++) {
		if (bits >> i & 1) {
			fprintf(out, "%s\"%s\"", comma, http_anomaly_name(i));
			comma = ",";
		}
	}
	fputc(']', out);
}

// A version that is none, such as "HTTP/1.", as it stands at the end of a request line.
static void put_version(FILE *out, const struct http_msg *msg)
{
	struct span line = span_until(span_until(span_make(msg->head, msg->head_len), '\n'), '\r');
	uint32_t at = line.len;

	if (msg->version_major || msg->version_minor) {
		fprintf(out, ",\"version\":\"HTTP/%u.%u\"", msg->version_major,
			msg->version_minor);
		return;
	}
	while (at && line.p[at - 1] != ' ')
		at--;
	if (at && line.len - at >= 5 && memcmp(line.p + at, "HTTP/", 5) == 0)
		put_string(out, "version", span_make(line.p + at, line.len - at));
	else
		fputs(",\"version\":null", out);
}

static void put_types(FILE *out, const struct exchange *x)
{
	fputs(",\"data_types\":[", out);
	for (uint32_t i = 0; i < x->n_hits; i++) {
		const struct exchange_hit *hit = &x->hits[i];

		fprintf(out, "%s{\"type\":\"%s\",\"direction\":\"%s\",\"field\":", i ? "," : "",
			datatype_get(hit->type)->id, hit->dir == CLIENT ? "request" : "response");
		json_string(out, hit->name, hit->name_len);
		fprintf(out, ",\"count\":%u}", hit->count);
	}
	fputc(']', out);
}

void txlog_exchange(void *arg, uint32_t, const struct exchange *x,
		    const struct exchange_finding *findings, uint32_t n_findings)
{
	static const char *const kinds[] = {"none",    "address", "basic", "api_key",
					    "session", "jwt",     "configured"};
	struct txlog *log = arg;
	const struct http_tx *tx = x->tx;
	const struct http_msg *req = &tx->msg[CLIENT], *resp = &tx->msg[SERVER];
	const struct http_msg *any = req->seen ? req : resp;
	FILE *out = log->out;

	flockfile(out);
	fputs("{\"pcap\":", out);
	json_string(out, log->capture ? log->capture : "", log->capture ? strlen(log->capture) : 0);
	fprintf(out, ",\"kind\":\"http\",\"proto\":\"h1\",\"conn\":%" PRIu64 ",\"stream\":%u",
		tx->conn->id, tx->index);
	put_address(out, "src", tx->conn->addr[CLIENT], tx->conn->v6);
	fprintf(out, ",\"sport\":%u", tx->conn->port[CLIENT]);
	put_address(out, "dst", tx->conn->addr[SERVER], tx->conn->v6);
	fprintf(out, ",\"dport\":%u", tx->conn->port[SERVER]);
	put_string(out, "method", tx->method);
	put_string(out, "uri", tx->uri);
	put_string(out, "host", req->header[HEADER_HOST]);
	put_version(out, any);
	if (resp->seen && tx->status)
		fprintf(out, ",\"status\":%u", tx->status);
	else
		fputs(",\"status\":null", out);
	put_string(out, "req_ctype", req->header[HEADER_CONTENT_TYPE]);
	put_string(out, "resp_ctype", resp->header[HEADER_CONTENT_TYPE]);
	put_string(out, "req_enc", req->header[HEADER_CONTENT_ENCODING]);
	put_string(out, "resp_enc", resp->header[HEADER_CONTENT_ENCODING]);
	put_body(out, "req", req, log->hashes);
	put_body(out, "resp", resp, log->hashes);
	fputs(",\"grpc\":false,\"grpc_status\":null", out);
	put_anomalies(out, req->anomalies | resp->anomalies);
	put_string(out, "template", span_make(x->template, x->template_len));
	fprintf(out, ",\"user_kind\":\"%s\"", kinds[x->principal_kind]);
	put_types(out, x);
	fputs(",\"findings\":[", out);
	for (uint32_t i = 0; i < n_findings; i++)
		fprintf(out, "%s{\"detector\":\"%s\",\"class\":\"%s\",\"confidence\":%u}",
			i ? "," : "", findings[i].detector->id, findings[i].detector->name,
			findings[i].confidence);
	fputs("]}\n", out);
	funlockfile(out);
}
