// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Where a request comes from and what sent it: the client's address behind proxies that the
// operator named, its program without version numbers, its ClientHello. Worker. Anybody may write
// X-Forwarded-For, so it counts only when the connection comes from such a proxy, and of a list
// the last hop that is none: what stands before it, the client wrote.

#include "detect/principal.h"
#include "detect/siphash.h"

enum {
	LINES_MAX = 8, // fields of one name that are looked at, the last ones
	HOPS_MAX = 32, // of one list, from the end
	AGENT_MAX = 256,
};

static bool is_proxy(const struct principal *p, const uint8_t addr[16])
{
	for (uint32_t i = 0; i < p->n_proxies; i++) {
		if (network_has(&p->proxies[i], addr))
			return true;
	}
	return false;
}

// An address, perhaps with a port: "192.0.2.1:80", "[2001:db8::1]:80", quoted or not.
static bool address_parse(struct span text, uint8_t addr[16])
{
	struct network network;
	char copy[48];

	text = span_trim(text);
	if (text.len > 1 && text.p[0] == '"' && text.p[text.len - 1] == '"')
		text = span_make(text.p + 1, text.len - 2);
	if (text.len > 1 && text.p[0] == '[') {
		text = span_until(span_make(text.p + 1, text.len - 1), ']');
	} else {
		struct span host = span_until(text, ':');

		// One colon: a port is behind it. More: IPv6.
		if (host.len < text.len &&
		    !memchr(text.p + host.len + 1, ':', text.len - host.len - 1))
			text = host;
	}
	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.p, '/', text.len))
		return false;
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	if (!network_parse(copy, &network))
		return false;
	memcpy(addr, network.addr, 16);
	return true;
}

// Of an element of Forwarded (RFC 7239 section 4) the value of for=.
static struct span forwarded_for(struct span element)
{
	while (element.len) {
		struct span pair = span_until(element, ';');

		element = span_make(element.p + pair.len, element.len - pair.len);
		if (element.len)
			element = span_make(element.p + 1, element.len - 1);
		pair = span_trim(pair);
		if (pair.len > 4 && span_ieq(span_make(pair.p, 4), SPAN_LIT("for=")))
			return span_make(pair.p + 4, pair.len - 4);
	}
	return (struct span){0};
}

static struct span last_element(struct span *list)
{
	const uint8_t *comma = memrchr(list->p, ',', list->len);
	uint32_t from = comma ? (uint32_t)(comma - list->p) + 1 : 0;
	struct span element = span_make(list->p + from, list->len - from);

	list->len = comma ? from - 1 : 0;
	return element;
}

// Walks a list from its end while the hops are known proxies. True when it is known where to stop:
// at another hop, or at one that says no address.
static bool hops_walk(const struct principal *p, struct span list, bool is_forwarded,
		      uint32_t *hops, uint8_t client[16])
{
	while (list.len) {
		struct span element = last_element(&list);
		uint8_t addr[16];

		if (span_trim(element).len == 0)
			continue; // RFC 9110 section 5.6.1.2
		if (is_forwarded)
			element = forwarded_for(element);
		if (++*hops > HOPS_MAX || !address_parse(element, addr))
			return true;
		memcpy(client, addr, 16);
		if (!is_proxy(p, addr))
			return true;
	}
	return false;
}

// False: there is no such field.
static bool client_from(struct exchange *x, const struct principal *p, const char *header)
{
	struct span wanted = span_make(header, strlen(header)), name, value, line[LINES_MAX];
	bool is_forwarded = span_ieq(wanted, SPAN_LIT("Forwarded"));
	uint32_t pos = 0, n = 0, hops = 0;

	while (http_header_next(&x->tx->msg[CLIENT], &pos, &name, &value)) {
		if (span_ieq(name, wanted))
			line[n++ % LINES_MAX] = value;
	}
	// Several fields of a name are one list (RFC 9110 section 5.3).
	for (uint32_t i = 0; i < n && i < LINES_MAX; i++) {
		if (hops_walk(p, line[(n - 1 - i) % LINES_MAX], is_forwarded, &hops, x->client))
			break;
	}
	return n > 0;
}

// "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Firefox/120.0" and its next version are the same: what
// stands behind a slash goes, and all digits.
static uint64_t agent_hash(struct span agent, uint64_t seed)
{
	uint8_t text[AGENT_MAX];
	uint32_t n = 0;
	bool version = false;

	for (uint32_t i = 0; i < agent.len && n < AGENT_MAX; i++) {
		uint8_t c = agent.p[i];

		if (version && c != ' ' && c != ';' && c != ')' && c != ',')
			continue;
		version = c == '/';
		if ((c < '0' || c > '9') && c != '.' && c != '_')
			text[n++] = c;
	}
	return siphash_id(siphash(seed, 'G', span_make(text, n)));
}

// All browsers claim to be Mozilla and name an engine; so do few programs that do not want to pass
// for one.
static uint8_t agent_kind(struct span agent)
{
	bool mozilla = agent.len > 8 && memcmp(agent.p, "Mozilla/", 8) == 0;

	if (mozilla && (memmem(agent.p, agent.len, "AppleWebKit/", 12) ||
			memmem(agent.p, agent.len, "Gecko/", 6)) &&
	    !memmem(agent.p, agent.len, "bot", 3) && !memmem(agent.p, agent.len, "Bot", 3))
		return AGENT_BROWSER;
	return AGENT_PROGRAM;
}

void identity_client(struct exchange *x, struct principal *p, uint64_t seed)
{
	const struct conn_meta *conn = x->tx->conn;
	const struct conf_strs *forwarded = &p->options->forwarded;
	struct span agent = http_header(x->tx, CLIENT, HEADER_USER_AGENT);

	memcpy(x->client, conn->addr[CLIENT], sizeof(x->client));
	if (p->n_proxies && is_proxy(p, x->client)) {
		for (size_t i = 0; i < forwarded->n; i++) {
			if (client_from(x, p, forwarded->v[i]))
				break;
		}
	}
	if (conn->tls && conn->tls->ja4[0])
		x->ja4 = siphash_id(siphash(seed, 'J',
					    span_make(conn->tls->ja4, strlen(conn->tls->ja4))));
	if (agent.len) {
		uint64_t hash = principal_hash(agent, seed);
		struct principal_agent *known = &p->agents[hash % PRINCIPAL_AGENTS];

		if (known->hash != hash)
			*known = (struct principal_agent){hash, agent_hash(agent, seed),
							  agent_kind(agent)};
		x->agent = known->agent;
		x->agent_kind = known->kind;
	}
}
