// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The control side's half of the table of secrets. A key log is as hostile as any file: lines are
// bounded, what is cut or unknown is counted and left out. Nothing that holds a secret goes through
// stdio or a sort that would copy it to the heap.

#include "flows/tls_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LINE_MOST = 512, // a label, 64 and 96 digits
	READ_BYTES = 64 << 10,
	FIRST_ROOM = 1024,
};

#define PCAPNG_SECTION     UINT32_C(0x0a0d0d0a)
#define PCAPNG_MAGIC       UINT32_C(0x1a2b3c4d)
#define PCAPNG_SECRETS     UINT32_C(0x0000000a)
#define PCAPNG_TLS_KEY_LOG UINT32_C(0x544c534b)

static const struct {
	const char *name;
	uint8_t label;
} labels[] = {
	{"CLIENT_RANDOM", TLS_LABEL_MASTER},
	{"CLIENT_HANDSHAKE_TRAFFIC_SECRET", TLS_LABEL_CLIENT_HANDSHAKE},
	{"SERVER_HANDSHAKE_TRAFFIC_SECRET", TLS_LABEL_SERVER_HANDSHAKE},
	{"CLIENT_TRAFFIC_SECRET_0", TLS_LABEL_CLIENT_TRAFFIC},
	{"SERVER_TRAFFIC_SECRET_0", TLS_LABEL_SERVER_TRAFFIC},
};

// Secrets are nobody's business: not in a core dump, not on a swap device.
static void *secret_map(struct tls_keys *keys, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, bytes, MADV_DONTDUMP); // best effort
	if (mlock(p, bytes) != 0)
		keys->unlocked = true;
	return p;
}

static void secret_unmap(void *p, size_t bytes)
{
	if (!p)
		return;
	explicit_bzero(p, bytes);
	munmap(p, bytes);
}

static int grow(struct tls_keys *keys)
{
	uint32_t room = keys->room ? keys->room * 2 : FIRST_ROOM;

	room = room < TLS_KEYS_MOST ? room : TLS_KEYS_MOST;
	struct tls_secret *rows = secret_map(keys, room * sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	if (keys->n)
		memcpy(rows, keys->rows, keys->n * sizeof(*rows));
	secret_unmap(keys->rows, keys->room * sizeof(*rows));
	keys->rows = rows;
	keys->room = room;
	return 0;
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = span_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex(struct span text, uint8_t *out, uint32_t room, uint8_t *len)
{
	if (text.len % 2 || text.len / 2 > room)
		return false;
	for (uint32_t i = 0; i < text.len; i += 2) {
		int high = digit(text.p[i]), low = digit(text.p[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	*len = (uint8_t)(text.len / 2);
	return true;
}

// The next word; words are divided by one blank or more.
static struct span word(struct span *line)
{
	*line = span_trim(*line);
	struct span w = span_until(*line, ' ');

	line->p += w.len;
	line->len -= w.len;
	return w;
}

static int add_line(struct tls_keys *keys, struct span line)
{
	struct tls_secret row = {0};
	uint8_t n = 0;

	if (line.len && line.p[line.len - 1] == '\r')
		line.len--;
	struct span name = word(&line), random = word(&line), secret = word(&line);

	if (name.len == 0 || name.p[0] == '#')
		return 0;
	for (uint32_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		if (span_eq(name, span_make(labels[i].name, strlen(labels[i].name))))
			row.label = labels[i].label;
	}
	if (row.label == TLS_LABEL_NONE) {
		keys->n_ignored++;
		return 0;
	}
	bool good = hex(random, row.random, sizeof(row.random), &n) && n == sizeof(row.random) &&
		    hex(secret, row.bytes, sizeof(row.bytes), &row.len) &&
		    span_trim(line).len == 0;

	// Secrets have the length of a hash: a shorter one was cut.
	if (!good || (row.len != 48 && (row.len != 32 || row.label == TLS_LABEL_MASTER))) {
		keys->n_damaged++;
	} else if (keys->n == TLS_KEYS_MOST) {
		keys->n_dropped++;
	} else if (keys->n == keys->room && grow(keys) != 0) {
		explicit_bzero(&row, sizeof(row));
		return -ENOMEM;
	} else {
		keys->rows[keys->n++] = row;
	}
	explicit_bzero(&row, sizeof(row));
	return 0;
}

int tls_keys_text(struct tls_keys *keys, struct span text)
{
	while (text.len) {
		struct span line = span_until(text, '\n');
		uint32_t skip = line.len < text.len ? line.len + 1 : line.len;

		if (line.len > LINE_MOST)
			keys->n_damaged++;
		else if (add_line(keys, line) != 0)
			return -ENOMEM;
		text.p += skip;
		text.len -= skip;
	}
	return 0;
}

// Whole lines of what was read. Returns how much is left: the beginning of a line.
static int read_lines(struct tls_keys *keys, uint8_t *buf, uint32_t len, bool end, uint32_t *left)
{
	uint32_t whole = len;

	while (!end && whole && buf[whole - 1] != '\n')
		whole--;
	if (whole == 0 && len == READ_BYTES) // one line without an end
		whole = len;
	int rc = tls_keys_text(keys, span_make(buf, whole));

	*left = len - whole;
	memmove(buf, buf + whole, *left);
	return rc;
}

// The lines of at most `bytes` bytes from the file's present position on.
static int load_lines(struct tls_keys *keys, int fd, uint8_t *buf, uint64_t bytes)
{
	uint32_t len = 0;

	for (;;) {
		uint64_t room = READ_BYTES - len;
		ssize_t n = read(fd, buf + len, room < bytes ? room : bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes -= (uint64_t)n;
		int rc = read_lines(keys, buf, len + (uint32_t)n, n == 0, &len);

		if (rc != 0 || n == 0)
			return rc;
	}
}

static uint32_t u32_at(const uint8_t *p, bool swapped)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap32(v) : v;
}

// The key logs inside a capture: Decryption Secrets Blocks (draft-ietf-opsawg-pcapng section 4.7).
// A block is a type, its length, what it holds, its length again; all else is stepped over.
static int load_pcapng(struct tls_keys *keys, int fd, uint8_t *buf)
{
	bool swapped = false;
	uint8_t head[16];

	for (off_t at = 0; pread(fd, head, sizeof(head), at) == sizeof(head);) {
		uint32_t type = u32_at(head, swapped);

		if (type == PCAPNG_SECTION) // the same in either byte order
			swapped = u32_at(head + 8, false) != PCAPNG_MAGIC;
		uint32_t len = u32_at(head + 4, swapped), bytes = u32_at(head + 12, swapped);

		if (len < 12)
			return -EILSEQ;
		if (type == PCAPNG_SECRETS && u32_at(head + 8, swapped) == PCAPNG_TLS_KEY_LOG &&
		    len >= 20 && bytes <= len - 20) {
			if (lseek(fd, at + 16, SEEK_SET) < 0)
				return -errno;
			int rc = load_lines(keys, fd, buf, bytes);

			if (rc != 0)
				return rc;
		}
		at += len;
	}
	return 0;
}

int tls_keys_load(struct tls_keys *keys, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	struct stat st;
	uint8_t first[4];

	if (fd < 0)
		return -errno;
	uint8_t *buf = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? NULL
								 : secret_map(keys, READ_BYTES);

	if (!buf) {
		close(fd);
		return S_ISDIR(st.st_mode) ? -EISDIR : -ENOMEM;
	}
	// A pipe cannot be looked into in advance, and holds lines.
	if (pread(fd, first, sizeof(first), 0) == sizeof(first) &&
	    u32_at(first, false) == PCAPNG_SECTION)
		rc = load_pcapng(keys, fd, buf);
	else
		rc = load_lines(keys, fd, buf, UINT64_MAX);
	secret_unmap(buf, READ_BYTES);
	close(fd);
	return rc;
}

static int order(const struct tls_secret *a, const struct tls_secret *b)
{
	int diff = memcmp(a->random, b->random, sizeof(a->random));

	return diff ? diff : (int)a->label - (int)b->label;
}

static void swap(struct tls_secret *a, struct tls_secret *b)
{
	struct tls_secret kept = *a;

	*a = *b;
	*b = kept;
	explicit_bzero(&kept, sizeof(kept));
}

static void sift(struct tls_secret *rows, uint32_t at, uint32_t n)
{
	for (uint64_t child; (child = 2 * (uint64_t)at + 1) < n; at = (uint32_t)child) {
		if (child + 1 < n && order(&rows[child + 1], &rows[child]) > 0)
			child++;
		if (order(&rows[at], &rows[child]) >= 0)
			return;
		swap(&rows[at], &rows[child]);
	}
}

// In place: heap sort. Of two secrets under one name either may be kept, and only the right one
// opens a record.
void tls_keys_ready(struct tls_keys *keys)
{
	uint32_t kept = 0;

	for (uint32_t i = keys->n / 2; i-- > 0;)
		sift(keys->rows, i, keys->n);
	for (uint32_t i = keys->n; i-- > 1;) {
		swap(&keys->rows[0], &keys->rows[i]);
		sift(keys->rows, 0, i);
	}
	for (uint32_t i = 0; i < keys->n; i++) {
		if (kept && order(&keys->rows[kept - 1], &keys->rows[i]) == 0)
			continue;
		if (kept != i)
			keys->rows[kept] = keys->rows[i];
		kept++;
	}
	keys->n = kept;
}

void tls_keys_fini(struct tls_keys *keys)
{
	secret_unmap(keys->rows, keys->room * sizeof(*keys->rows));
	*keys = (struct tls_keys){0};
}
