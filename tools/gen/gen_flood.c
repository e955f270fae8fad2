// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The command "apitap-gen flood": traffic that is meant to use up a sensor's memory or time, and
// beside it exchanges of ordinary clients, all of which a sensor must still find.

#include "tools/gen/gen.h"
#include "tools/gen/gen_buffer.h"
#include "tools/gen/gen_flood.h"
#include "tools/gen/gen_tcp.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPT_COUNT = 256,
	OPT_SEED,
	LAYERS = 60,
	HOLES = 2000,
	FRAME = 2048,
	LIVE_BODY = 3000, // two frames on an ordinary link: it is sent in fragments
};

#define START_NS (1767225600 * GEN_SECOND_NS)
#define MINUTE_NS (60 * GEN_SECOND_NS)

struct flood {
	uint64_t count;
	struct gen_pcap *pcap;
	struct gen_random random;
	uint64_t now_ns;
	uint64_t exchanges; // of the ordinary clients
	uint32_t clients;
	bool coded; // what ordinary clients get is compressed
	struct gen_buffer text;
};

struct flood_kind {
	const char *name, *summary;
	uint64_t count; // when not given
	void (*run)(struct flood *flood);
};

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"count", required_argument, NULL, OPT_COUNT},
	{"seed", required_argument, NULL, OPT_SEED},
	{0},
};

// ---- ordinary clients

// The next client, from 10.200.0.0 on.
static struct gen_conn *live_open(struct flood *flood, struct gen_conn *conn)
{
	uint32_t number = flood->clients++;

	gen_conn_init(conn, gen_address_v4(0x0ac80000 + number / 50000), 1024 + number % 50000,
		      gen_address_v4(0x0a640001), 80);
	conn->now_ns = flood->now_ns;
	gen_conn_open(flood->pcap, conn);
	return conn;
}

// A coding, what a body in it begins with, and {"found":true} in it, stored.
struct coding {
	const char *name;
	uint8_t first, len; // bytes of the beginning, of all
	uint8_t body[40];
};

static const struct coding codings[] = {
	{"gzip",
	 10,
	 37,
	 {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 3, 1, 14, 0, 0xf1, 0xff, '{', '"', 'f', 'o', 'u', 'n', 'd',
	  '"', ':', 't', 'r', 'u', 'e', '}', 0xd2, 4, 0x4e, 0x27, 14, 0, 0, 0}},
	// A window of 64 KiB, one block that is not compressed, the end (RFC 7932 section 9).
	{"br",
	 3,
	 18,
	 {0xd0, 0, 0x10, '{', '"', 'f', 'o', 'u', 'n', 'd', '"', ':', 't', 'r', 'u', 'e', '}', 3}},
	// One segment, its size, a raw block (RFC 8878 section 3.1.1).
	{"zstd",
	 6,
	 23,
	 {0x28, 0xb5, 0x2f, 0xfd, 0x20, 14, 0x71, 0, 0, '{', '"', 'f', 'o', 'u', 'n', 'd', '"', ':',
	  't', 'r', 'u', 'e', '}'}},
};

enum { N_CODINGS = sizeof(codings) / sizeof(codings[0]) };

static void coded_response(struct flood *flood, struct gen_conn *conn, const struct coding *coding,
			   uint32_t len, uint32_t sent)
{
	char head[256];

	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: %s\r\n"
		 "Content-Length: %u\r\n\r\n",
		 coding->name, len);
	gen_buffer_reset(&flood->text);
	gen_buffer_text(&flood->text, head);
	gen_buffer_add(&flood->text, coding->body, sent);
	gen_conn_send(flood->pcap, conn, GEN_SERVER, flood->text.p, flood->text.len);
}

// A request with a name of its own. In fragments: one datagram that is more than a link takes.
static void live_request(struct flood *flood, struct gen_conn *conn, bool fragments)
{
	char head[256];

	if (conn->now_ns < flood->now_ns)
		conn->now_ns = flood->now_ns;
	gen_buffer_reset(&flood->text);
	if (fragments) {
		snprintf(head, sizeof(head),
			 "POST /live/%llu HTTP/1.1\r\nHost: api.example\r\n"
			 "Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n",
			 (unsigned long long)flood->exchanges, LIVE_BODY);
		gen_buffer_text(&flood->text, head);
		for (uint32_t i = 0; i < LIVE_BODY / 10; i++)
			gen_buffer_text(&flood->text, "0123456789");
		conn->mss = LIVE_BODY * 2;
		conn->mtu = 1500;
	} else {
		snprintf(head, sizeof(head), "GET /live/%llu HTTP/1.1\r\nHost: api.example\r\n\r\n",
			 (unsigned long long)flood->exchanges);
		gen_buffer_text(&flood->text, head);
	}
	gen_conn_send(flood->pcap, conn, GEN_CLIENT, flood->text.p, flood->text.len);
	flood->exchanges++;
}

static void live_response(struct flood *flood, struct gen_conn *conn)
{
	static const char body[] = "{\"found\":true}";
	char head[256];

	if (conn->now_ns < flood->now_ns)
		conn->now_ns = flood->now_ns;
	if (flood->coded) {
		const struct coding *coding = &codings[flood->exchanges % N_CODINGS];

		coded_response(flood, conn, coding, coding->len, coding->len);
	} else {
		snprintf(head, sizeof(head),
			 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			 "Content-Length: %zu\r\n\r\n%s",
			 sizeof(body) - 1, body);
		gen_conn_send(flood->pcap, conn, GEN_SERVER, head, strlen(head));
	}
}

static void live_exchange(struct flood *flood, struct gen_conn *conn, bool fragments)
{
	live_request(flood, conn, fragments);
	live_response(flood, conn);
}

// A client that comes, asks once and goes.
static void live_visit(struct flood *flood)
{
	struct gen_conn conn;

	live_exchange(flood, live_open(flood, &conn), false);
	gen_conn_close(flood->pcap, &conn, GEN_CLIENT);
}

// ---- floods

static void flood_tick(struct flood *flood, uint64_t ns)
{
	flood->now_ns += ns;
	gen_pcap_horizon(flood->pcap, flood->now_ns);
}

// Someone outside, of whom nothing need be true.
static void forge(struct flood *flood, struct gen_conn *conn)
{
	uint64_t number = gen_random_next(&flood->random);

	gen_conn_init(conn, gen_address_v4(0x2c000000 | (number & 0xffffff)),
		      1024 + (number >> 32) % 60000, gen_address_v4(0x0a640001), 80);
	conn->now_ns = flood->now_ns;
}

static void run_syn(struct flood *flood)
{
	enum { LIVE = 1000, ROUNDS = 10 };
	struct gen_conn *live = calloc(LIVE, sizeof(*live)), conn;
	uint64_t asked = 0;

	if (!live)
		gen_fatal("out of memory");
	for (uint32_t i = 0; i < LIVE; i++) {
		live_open(flood, &live[i]);
		flood_tick(flood, GEN_SECOND_NS / LIVE);
	}
	for (uint64_t i = 0; i < flood->count; i++) {
		forge(flood, &conn);
		gen_conn_segment(flood->pcap, &conn, GEN_CLIENT, -1, NULL, 0, GEN_TCP_SYN);
		for (; asked < LIVE * ROUNDS * (i + 1) / flood->count; asked++)
			live_exchange(flood, &live[asked % LIVE], false);
		flood_tick(flood, MINUTE_NS / flood->count);
	}
	free(live);
}

// Each is one packet, in the middle of a connection that does not exist. Ordinary answers come three
// seconds behind their requests.
static void run_forged(struct flood *flood)
{
	enum { LIVE = 200, ROUNDS = 10 };
	static const char request[] = "GET /forged HTTP/1.1\r\nHost: api.example\r\n\r\n";
	static struct gen_conn live[LIVE];
	struct gen_conn conn;
	uint64_t turn = 0;

	for (uint32_t i = 0; i < LIVE; i++)
		live_open(flood, &live[i]);
	flood_tick(flood, GEN_SECOND_NS);
	for (uint64_t i = 0; i < flood->count; i++) {
		forge(flood, &conn);
		gen_conn_segment(flood->pcap, &conn, GEN_CLIENT, 0, request, sizeof(request) - 1,
				 GEN_TCP_ACK);
		for (; turn < LIVE * ROUNDS * (i + 1) / flood->count; turn++) {
			if (turn < LIVE * (ROUNDS - 1))
				live_request(flood, &live[turn % LIVE], false);
			if (turn >= LIVE / 2 && turn < LIVE * (ROUNDS - 1) + LIVE / 2)
				live_response(flood, &live[(turn - LIVE / 2) % LIVE]);
		}
		flood_tick(flood, MINUTE_NS / flood->count);
	}
}

static void run_idle(struct flood *flood)
{
	struct gen_conn conn;

	for (uint64_t i = 0; i < flood->count; i++) {
		forge(flood, &conn);
		gen_conn_open(flood->pcap, &conn);
		live_visit(flood);
		flood_tick(flood, GEN_SECOND_NS / 1000);
	}
}

static void run_fragments(struct flood *flood)
{
	enum { LIVE = 80 };
	static const char first[] = "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n";
	static struct gen_conn live[LIVE];
	struct gen_conn conn;
	uint32_t opened = 0, asked = 0;

	for (; opened < LIVE / 2; opened++)
		live_open(flood, &live[opened]);
	flood_tick(flood, GEN_SECOND_NS);
	for (uint64_t i = 0; i < flood->count; i++) {
		forge(flood, &conn);
		conn.mtu = 20 + 40; // the first part of a datagram whose rest never comes
		conn.n_fragments = 1;
		gen_conn_segment(flood->pcap, &conn, GEN_CLIENT, 0, first, sizeof(first) - 1,
				 GEN_TCP_ACK);
		for (; opened < LIVE / 2 + LIVE / 2 * 2 * (i + 1) / flood->count && opened < LIVE;
		     opened++)
			live_open(flood, &live[opened]);
		// Each asks once in the first half and once in the second, from the end of the
		// openings on.
		for (; asked < 2 * LIVE * (i + 1) / flood->count; asked++) {
			if (asked % LIVE < opened)
				live_exchange(flood, &live[asked % LIVE], true);
		}
		flood_tick(flood, MINUTE_NS / flood->count);
	}
}

// More layers than anyone looks into: nothing is inside the last one.
static void run_layers(struct flood *flood, uint16_t type, uint32_t layer_bytes,
		       void (*put)(uint8_t *layer, uint32_t i, uint32_t rest))
{
	static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	uint8_t frame[FRAME] = {0};
	uint32_t len = 14 + LAYERS * layer_bytes + 40;

	memcpy(frame, addresses, sizeof(addresses));
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
	for (uint32_t i = 0; i < LAYERS; i++)
		put(frame + 14 + i * layer_bytes, i, (LAYERS - i) * layer_bytes + 40);
	for (uint64_t i = 0; i < flood->count; i++) {
		gen_pcap_add(flood->pcap, flood->now_ns, frame, len);
		if (i % 1000 == 0)
			live_visit(flood);
		flood_tick(flood, MINUTE_NS / flood->count);
	}
}

static void put_vlan(uint8_t *layer, uint32_t i, uint32_t)
{
	layer[1] = (uint8_t)(i + 1);
	layer[2] = i + 1 < LAYERS ? 0x81 : 0x08;
}

static void put_mpls(uint8_t *layer, uint32_t i, uint32_t)
{
	layer[1] = (uint8_t)(i + 16);
	layer[2] = i + 1 == LAYERS; // bottom of the stack
	layer[3] = 64;
}

static void put_ip(uint8_t *layer, uint32_t i, uint32_t rest)
{
	uint32_t sum = 0;

	layer[0] = 0x45;
	layer[2] = (uint8_t)(rest >> 8);
	layer[3] = (uint8_t)rest;
	layer[8] = 64;
	layer[9] = i + 1 < LAYERS ? 4 : 6; // IP in IP, then TCP
	layer[12] = layer[16] = 10;
	layer[15] = (uint8_t)i;
	layer[19] = (uint8_t)(i + 1);
	for (uint32_t k = 0; k < 20; k += 2)
		sum += (uint32_t)layer[k] << 8 | layer[k + 1];
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	layer[10] = (uint8_t)(sum >> 8);
	layer[11] = (uint8_t)sum;
}

static void run_vlan(struct flood *flood)
{
	run_layers(flood, 0x8100, 4, put_vlan);
}

static void run_mpls(struct flood *flood)
{
	run_layers(flood, 0x8847, 4, put_mpls);
}

static void run_ipip(struct flood *flood)
{
	run_layers(flood, 0x0800, 20, put_ip);
}

static struct gen_conn *open_all(struct flood *flood, uint64_t between_ns)
{
	struct gen_conn *conns = calloc(flood->count, sizeof(*conns));

	if (!conns)
		gen_fatal("out of memory");
	for (uint64_t i = 0; i < flood->count; i++) {
		gen_conn_init(&conns[i], gen_address_v4(0x2c000000 + (uint32_t)i / 60000),
			      1024 + i % 60000, gen_address_v4(0x0a640001), 80);
		conns[i].now_ns = flood->now_ns;
		gen_conn_open(flood->pcap, &conns[i]);
		flood_tick(flood, between_ns);
	}
	return conns;
}

static void run_holes(struct flood *flood)
{
	enum { PIECE = 8, STEP = 16 };
	struct gen_conn *conns = open_all(flood, GEN_SECOND_NS / 10000);
	uint64_t sent = 0;

	for (uint32_t hole = 0; hole < HOLES; hole++) {
		for (uint64_t i = 0; i < flood->count; i++) {
			conns[i].now_ns = flood->now_ns;
			gen_conn_segment(flood->pcap, &conns[i], GEN_CLIENT,
					 STEP + (int64_t)hole * STEP, "heldback", PIECE, GEN_TCP_ACK);
			if (sent++ % 1000 == 0)
				live_visit(flood);
			flood_tick(flood, 1000);
		}
	}
	free(conns);
}

static void run_slow(struct flood *flood)
{
	enum { PERIOD_S = 30, TURNS = 120 };
	static const char request[] = "GET /slow HTTP/1.1\r\nHost: api.example\r\nX-Filler: ";
	struct gen_conn *conns = open_all(flood, PERIOD_S * GEN_SECOND_NS / flood->count);

	for (uint32_t turn = 0; turn < TURNS; turn++) {
		for (uint64_t i = 0; i < flood->count; i++) {
			const char *byte = turn < sizeof(request) - 1 ? &request[turn] : "x";

			conns[i].now_ns = flood->now_ns;
			gen_conn_segment(flood->pcap, &conns[i], GEN_CLIENT, turn, byte, 1,
					 GEN_TCP_ACK);
			if (i % 1000 == 0)
				live_visit(flood);
			flood_tick(flood, PERIOD_S * GEN_SECOND_NS / flood->count);
		}
	}
	free(conns);
}

// A compressed answer begins and stops; the same for others, whose answers end.
static void run_coded(struct flood *flood)
{
	static const char request[] = "GET /held HTTP/1.1\r\nHost: api.example\r\n\r\n";
	struct gen_conn conn;

	flood->coded = true;
	for (uint64_t i = 0; i < flood->count; i++) {
		const struct coding *coding = &codings[i % N_CODINGS];

		forge(flood, &conn);
		gen_conn_open(flood->pcap, &conn);
		gen_conn_send(flood->pcap, &conn, GEN_CLIENT, request, sizeof(request) - 1);
		coded_response(flood, &conn, coding, 1000, coding->first);
		live_visit(flood);
		flood_tick(flood, GEN_SECOND_NS / 1000);
	}
}

// Two bodies for each exchange, neither of which ends.
static void run_halves(struct flood *flood)
{
	static const char request[] = "POST /held HTTP/1.1\r\nHost: api.example\r\n"
				      "Content-Type: text/plain\r\nContent-Length: 1000\r\n\r\nbegin";
	static const char response[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
				       "Content-Length: 1000\r\n\r\nbegin";
	struct gen_conn conn;

	for (uint64_t i = 0; i < flood->count; i++) {
		forge(flood, &conn);
		gen_conn_open(flood->pcap, &conn);
		gen_conn_send(flood->pcap, &conn, GEN_CLIENT, request, sizeof(request) - 1);
		gen_conn_send(flood->pcap, &conn, GEN_SERVER, response, sizeof(response) - 1);
		live_visit(flood);
		flood_tick(flood, GEN_SECOND_NS / 1000);
	}
}

static const struct flood_kind kinds[] = {
	{"syn", "SYN of forged senders within a minute, beside 1,000 connections in use", 10000000,
	 run_syn},
	{"forged", "requests without a connection within a minute, beside slow answers of 200 in use",
	 3000000, run_forged},
	{"idle", "connections that are opened and left, each followed by a client that asks", 65536,
	 run_idle},
	{"fragments", "first fragments without a second, beside clients who send in fragments",
	 1000000, run_fragments},
	{"vlan", "packets with 60 VLAN tags", 200000, run_vlan},
	{"mpls", "packets with 60 MPLS labels", 200000, run_mpls},
	{"ipip", "packets with 60 IPv4 headers", 200000, run_ipip},
	{"holes", "connections of which every second piece is missing, 2,000 times", 10000, run_holes},
	{"coded", "compressed answers that begin and never end, each followed by one that does", 100000,
	 run_coded},
	{"halves", "requests and answers that begin and never end, each followed by a client that asks",
	 100000, run_halves},
	{"slow", "connections that send one byte in 30 seconds for an hour", 100000, run_slow},
};

enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

// ---- command line

static void print_help(void)
{
	printf("usage: apitap-gen flood KIND OUT.pcap [options]\n"
	       "\n"
	       "Makes traffic that is meant to use up a sensor's memory or time, and beside it\n"
	       "exchanges of ordinary clients (/live/0, /live/1 ...), answered with 200, all of which\n"
	       "a sensor must still find. Their number is printed. '-' is standard output.\n"
	       "\n"
	       "kinds, with the usual count:\n");
	for (uint32_t i = 0; i < N_KINDS; i++)
		printf("  %-10s %s (%llu)\n", kinds[i].name, kinds[i].summary,
		       (unsigned long long)kinds[i].count);
	printf("\n"
	       "options:\n"
	       "  --count N   so many of them\n"
	       "  --seed N    other forged senders (1)\n"
	       "  --help      this text\n"
	       "\n"
	       "examples:\n"
	       "  apitap-gen flood holes --count 300 holes.pcap\n"
	       "  apitap-gen flood syn - | apitap replay --log-transactions log.jsonl -\n");
}

static uint64_t parse_number(const char *name, const char *text, uint64_t least, uint64_t most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value < least || value > most)
		gen_fatal("--%s: \"%s\" is not a number from %llu to %llu", name, text,
			  (unsigned long long)least, (unsigned long long)most);
	return value;
}

static const struct flood_kind *find_kind(const char *name)
{
	for (uint32_t i = 0; i < N_KINDS; i++) {
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	}
	gen_fatal("there is no flood \"%s\"; try flood --help", name);
}

int flood_main(int argc, char **argv)
{
	struct flood flood = {.now_ns = START_NS, .random.state = 1};
	const struct flood_kind *kind;
	struct gen_pcap_totals totals;
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (option) {
		case 'h':
			print_help();
			return 0;
		case OPT_COUNT:
			flood.count = parse_number("count", optarg, 1, 100000000);
			break;
		case OPT_SEED:
			flood.random.state = parse_number("seed", optarg, 0, UINT64_MAX);
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 2)
		gen_fatal("a kind and an output file are needed; try flood --help");
	kind = find_kind(argv[optind]);
	if (!flood.count)
		flood.count = kind->count;
	flood.pcap = gen_pcap_new(argv[optind + 1], false);
	kind->run(&flood);
	gen_pcap_finish(flood.pcap, &totals);
	gen_buffer_free(&flood.text);
	fprintf(stderr, "%s: %llu packets, %llu exchanges\n", argv[optind + 1],
		(unsigned long long)totals.packets, (unsigned long long)flood.exchanges);
	return 0;
}
