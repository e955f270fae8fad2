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
#include <time.h>

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

// Length of the UTF-8 sequence at p (RFC 3629 section 4); 0: none.
static uint32_t utf8_len(const uint8_t *p, uint32_t left)
{
	uint32_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (n == 0 || n > left || p[0] > 0xf4)
		return 0;
	for (uint32_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

static bool is_utf8(struct span s)
{
	for (uint32_t i = 0, n; i < s.len; i += n) {
		n = utf8_len(s.p + i, s.len - i);
		if (n == 0)
			return false;
	}
	return true;
}

// Bytes that are no UTF-8 are told one by one, as ISO 8859-1 (RFC 9110 section 5.5), so that none
// of them is lost.
static void put_bytes(FILE *out, struct span s)
{
	uint8_t *text = malloc(2 * (size_t)s.len + 1);
	uint32_t n = 0;

	if (!text || is_utf8(s)) {
		json_string(out, s.p, s.len);
		free(text);
		return;
	}
	for (uint32_t i = 0; i < s.len; i++) {
		if (s.p[i] >= 0x80)
			text[n++] = (uint8_t)(0xc0 | s.p[i] >> 6);
		text[n++] = s.p[i] < 0x80 ? s.p[i] : (uint8_t)(0x80 | (s.p[i] & 0x3f));
	}
	json_string(out, text, n);
	free(text);
}

static void put_string(FILE *out, const char *key, struct span s)
{
	fprintf(out, ",\"%s\":", key);
	if (s.p)
		put_bytes(out, s);
	else
		fputs("null", out);
}

static void put_address(FILE *out, const char *key, const uint8_t addr[16], bool v6)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? addr : addr + 12, text, sizeof(text));
	fprintf(out, ",\"%s\":\"%s\"", key, text);
}

// NULL: not known.
static void put_sha256(FILE *out, const uint8_t sha256[32])
{
	if (!sha256) {
		fputs("null", out);
		return;
	}
	fputc('"', out);
	for (uint32_t i = 0; i < 32; i++)
		fprintf(out, "%02x", sha256[i]);
	fputc('"', out);
}

// Locks the file and begins a line; put_end() ends it.
static void put_begin(struct txlog *log, const char *kind, const struct conn_meta *conn)
{
	FILE *out = log->out;

	flockfile(out);
	fputs("{\"pcap\":", out);
	json_string(out, log->capture ? log->capture : "", log->capture ? strlen(log->capture) : 0);
	fprintf(out, ",\"kind\":\"%s\",\"conn\":%" PRIu64, kind, conn->id);
	put_address(out, "src", conn->addr[CLIENT], conn->v6);
	fprintf(out, ",\"sport\":%u", conn->port[CLIENT]);
	put_address(out, "dst", conn->addr[SERVER], conn->v6);
	fprintf(out, ",\"dport\":%u", conn->port[SERVER]);
}

static void put_end(FILE *out)
{
	fputs("}\n", out);
	funlockfile(out);
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
	put_sha256(out, msg->hashed ? msg->sha256 : NULL);
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

static void put_grpc(FILE *out, const struct http_tx *tx)
{
	fprintf(out, ",\"grpc\":%s", tx->grpc ? "true" : "false");
	if (tx->grpc_status >= 0)
		fprintf(out, ",\"grpc_status\":\"%d\"", tx->grpc_status);
	else
		fputs(",\"grpc_status\":null", out);
	if (tx->grpc)
		fprintf(out, ",\"grpc_req_msgs\":%" PRIu64 ",\"grpc_resp_msgs\":%" PRIu64,
			tx->msg[CLIENT].grpc_messages, tx->msg[SERVER].grpc_messages);
}

// The half of an exchange that was HTTP/1: its request, and the 101 behind which the connection went
// on in HTTP/2 with the answer.
static void put_upgrade(struct txlog *log, const struct http_tx *tx)
{
	const struct http_msg *req = &tx->msg[CLIENT];
	FILE *out = log->out;

	put_begin(log, "http", tx->conn);
	fprintf(out, ",\"proto\":\"h1\",\"stream\":%u", tx->index);
	put_string(out, "method", tx->method);
	put_string(out, "uri", tx->uri);
	put_string(out, "host", req->header[HEADER_HOST]);
	put_version(out, req);
	fputs(",\"status\":101", out);
	put_string(out, "req_ctype", req->header[HEADER_CONTENT_TYPE]);
	fputs(",\"resp_ctype\":null", out);
	put_string(out, "req_enc", req->header[HEADER_CONTENT_ENCODING]);
	fputs(",\"resp_enc\":null", out);
	put_body(out, "req", req, log->hashes);
	fputs(",\"resp_len\":0", out);
	if (log->hashes)
		fputs(",\"resp_sha256\":null", out);
	fputs(",\"grpc\":false,\"grpc_status\":null", out);
	put_anomalies(out, req->anomalies);
	put_end(out);
}

void txlog_exchange(void *arg, uint32_t, const struct exchange *x,
		    const struct exchange_finding *findings, uint32_t n_findings)
{
	static const char *const kinds[] = {"none",    "address", "basic", "api_key",
					    "session", "jwt",     "configured", "certificate"};
	struct txlog *log = arg;
	const struct http_tx *tx = x->tx;
	const struct http_msg *req = &tx->msg[CLIENT], *resp = &tx->msg[SERVER];
	const struct http_msg *any = req->seen ? req : resp;
	FILE *out = log->out;

	// A response that nobody asked for belongs to no exchange; the one before it says so.
	if (!req->seen && resp->anomalies & UINT64_C(1) << ANOMALY_UNSOLICITED_RESPONSE)
		return;
	if (tx->proto == PROTO_WS) // its frames are in the log
		return;
	if (tx->upgraded)
		put_upgrade(log, tx);
	put_begin(log, "http", tx->conn);
	if (tx->proto == PROTO_H2)
		fprintf(out, ",\"proto\":\"h2\",\"stream\":%u", tx->stream);
	else
		fprintf(out, ",\"proto\":\"h1\",\"stream\":%u", tx->index);
	put_string(out, "method", tx->method);
	put_string(out, "uri", tx->uri);
	put_string(out, "host", req->header[HEADER_HOST]);
	if (tx->proto == PROTO_H2)
		fputs(",\"version\":\"HTTP/2\"", out);
	else
		put_version(out, any);
	if (resp->seen && http_tx_has_status(tx))
		fprintf(out, ",\"status\":%u", tx->status);
	else
		fputs(",\"status\":null", out);
	put_string(out, "req_ctype", req->header[HEADER_CONTENT_TYPE]);
	put_string(out, "resp_ctype", resp->header[HEADER_CONTENT_TYPE]);
	put_string(out, "req_enc", req->header[HEADER_CONTENT_ENCODING]);
	put_string(out, "resp_enc", resp->header[HEADER_CONTENT_ENCODING]);
	put_body(out, "req", req, log->hashes);
	put_body(out, "resp", resp, log->hashes);
	put_grpc(out, tx);
	put_anomalies(out, req->anomalies | resp->anomalies);
	put_string(out, "template", span_make(x->template, x->template_len));
	fprintf(out, ",\"user_kind\":\"%s\"", kinds[x->principal_kind]);
	put_types(out, x);
	fputs(",\"findings\":[", out);
	for (uint32_t i = 0; i < n_findings; i++)
		fprintf(out, "%s{\"detector\":\"%s\",\"class\":\"%s\",\"confidence\":%u}",
			i ? "," : "", findings[i].detector->id, findings[i].detector->name,
			findings[i].confidence);
	fputc(']', out);
	put_end(out);
}

void txlog_ws(void *arg, const struct conn_meta *conn, const struct ws_frame *frame)
{
	struct txlog *log = arg;
	FILE *out = log->out;

	put_begin(log, "ws", conn);
	fprintf(out, ",\"dir\":\"%s\",\"opcode\":%u,\"fin\":%s,\"len\":%" PRIu64,
		frame->dir == CLIENT ? "c2s" : "s2c", frame->opcode, frame->fin ? "true" : "false",
		frame->len);
	if (log->hashes) {
		fputs(",\"sha256\":", out);
		put_sha256(out, frame->hashed ? frame->sha256 : NULL);
	}
	put_anomalies(out, frame->anomalies);
	put_end(out);
}

static void put_text(FILE *out, const char *key, const char *text)
{
	put_string(out, key, span_make(text[0] ? text : NULL, strlen(text)));
}

static void put_number(FILE *out, const char *key, uint16_t number)
{
	if (number)
		fprintf(out, ",\"%s\":\"0x%04x\"", key, number);
	else
		fprintf(out, ",\"%s\":null", key);
}

static void put_time(FILE *out, const char *key, bool known, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char text[32];

	if (known && gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		fprintf(out, ",\"%s\":\"%s\"", key, text);
	else
		fprintf(out, ",\"%s\":null", key);
}

static void put_known(FILE *out, const char *key, uint8_t known)
{
	static const char *const words[] = {"null", "false", "true"};

	fprintf(out, ",\"%s\":%s", key, words[known]);
}

static void put_cert(FILE *out, const struct tls_cert *cert)
{
	const char *key = tls_key_name(cert->key);

	fputs("{\"subject\":", out);
	json_string(out, cert->subject, cert->subject_len);
	put_string(out, "issuer", span_make(cert->issuer, cert->issuer_len));
	put_string(out, "san", span_make(cert->n_san ? cert->san : NULL, cert->san_len));
	fprintf(out, ",\"n_san\":%u", cert->n_san);
	put_time(out, "not_before", cert->has_validity, cert->not_before_s);
	put_time(out, "not_after", cert->has_validity, cert->not_after_s);
	put_string(out, "key", span_make(key, key ? strlen(key) : 0));
	if (cert->key_bits)
		fprintf(out, ",\"key_bits\":%u", cert->key_bits);
	else
		fputs(",\"key_bits\":null", out);
	fprintf(out, ",\"self_signed\":%s}", cert->self_signed ? "true" : "false");
}

static void put_certs(FILE *out, const struct tls_handshake *hello)
{
	if (!hello->chain_len && !hello->chain_cut) {
		fputs(",\"certs\":null", out);
		return;
	}
	fputs(",\"certs\":[", out);
	for (uint32_t i = 0; i < hello->n_certs; i++) {
		fputs(i ? "," : "", out);
		put_cert(out, &hello->certs[i]);
	}
	fputs("]", out);
	if (hello->chain_cut)
		fputs(",\"n_certs\":null", out);
	else
		fprintf(out, ",\"n_certs\":%u", hello->chain_len);
}

void txlog_tls(void *arg, const struct conn_meta *conn, const struct tls_handshake *hello)
{
	struct txlog *log = arg;
	FILE *out = log->out;

	put_begin(log, "tls", conn);
	put_string(out, "sni", hello->sni);
	put_string(out, "alpn", hello->alpn);
	put_string(out, "alpn_offered", hello->alpn_offered);
	put_number(out, "version", hello->version);
	put_number(out, "cipher", hello->cipher);
	put_text(out, "ja3", hello->ja3);
	put_text(out, "ja3s", hello->ja3s);
	put_text(out, "ja4", hello->client->ja4);
	put_certs(out, hello);
	put_known(out, "client_cert_requested", hello->client_cert_request);
	put_known(out, "client_cert", hello->client_cert);
	if (hello->client_hello)
		fprintf(out, ",\"early_data\":%s", hello->early_data ? "true" : "false");
	else
		fputs(",\"early_data\":null", out);
	fputs(",\"client_cert_sha256\":", out);
	put_sha256(out, hello->client->has_cert ? hello->client->client_cert_sha256 : NULL);
	put_anomalies(out, hello->anomalies);
	put_end(out);
}
