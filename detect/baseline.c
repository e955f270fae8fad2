// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// All numbers little end first:
//
//	magic (8)  crc32 (4) of all that follows  version (4)  seed check (8)  length (8)
//	sections of that length together, each:
//		length of the name (2)  version (4)  length (8)  name  bytes
//	"@endpoints": count (4), then each endpoint:
//		id, first_ns, last_ns, calls, ok, ok_with_credentials, status[6] (8 each),
//		lengths of host, method, template (4 each), the three texts
//	"@fields", …: the other parts that are the merger's own (baseline_parts.h)
//	"retrieval", …: what the detector of that name wrote
//
// A file is judged whole before anything of it is believed: no length in it is trusted, and
// crc32 finds what a disk did to it. Identities are hashes under the seed, so a file made with
// another seed would name nothing that is seen today: it is refused. A section of an unknown
// detector, or of a newer version of one, is skipped.
// Written beside, synced, renamed, and then the directory synced: after a power cut there is
// either the old file or the new one.

#include "detect/baseline.h"

#include "dataplane/log.h"
#include "detect/baseline_parts.h"
#include "detect/siphash.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
	BASELINE_VERSION = 1,
	BASELINE_HEADER = 32,
	BASELINE_CRC_AT = 8,      // where it stands; it covers what is behind it
	BASELINE_MAX = 1 << 30,   // bytes of a file
	BASELINE_NAME_MAX = 64,   // bytes of a section's name
	SECTION_LENGTH_AT = 6,    // in a section's header,
	SECTION_HEADER = 14,      // which is as long without the name
	ENDPOINTS_VERSION = 1,
	ENDPOINT_NUMBERS = 12,
	ENDPOINT_TEXT_MAX = 4096,
};

static const char baseline_magic[8] = "APITAPBL";
static const char endpoints_name[] = "@endpoints";

static bool path_make(char out[PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s/apitap.baseline%s", dir, name);

	return n >= 0 && n < PATH_MAX;
}

static uint64_t seed_check(const struct merger *m)
{
	return siphash_number(m->shared->seed, 'B', BASELINE_VERSION);
}

// ---- Writing

static void put_16(FILE *out, uint16_t number)
{
	number = htole16(number);
	fwrite(&number, sizeof(number), 1, out);
}

static void put_32(FILE *out, uint32_t number)
{
	number = htole32(number);
	fwrite(&number, sizeof(number), 1, out);
}

static void put_64(FILE *out, uint64_t number)
{
	number = htole64(number);
	fwrite(&number, sizeof(number), 1, out);
}

static uint32_t text_len(const char *text)
{
	return (uint32_t)strnlen(text, ENDPOINT_TEXT_MAX);
}

static void put_endpoint(FILE *out, const struct merged_endpoint *e)
{
	const char *texts[] = {e->host, e->method, e->template};

	put_64(out, e->id);
	put_64(out, e->first_ns);
	put_64(out, e->last_ns);
	put_64(out, e->calls);
	put_64(out, e->ok);
	put_64(out, e->ok_with_credentials);
	for (uint32_t i = 0; i < 6; i++)
		put_64(out, e->status[i]);
	for (uint32_t i = 0; i < 3; i++)
		put_32(out, text_len(texts[i]));
	for (uint32_t i = 0; i < 3; i++)
		fwrite(texts[i], 1, text_len(texts[i]), out);
}

static int put_endpoints(FILE *out, struct merger *m)
{
	put_32(out, merger_endpoints(m));
	for (uint32_t i = 0; i < merger_endpoints(m); i++)
		put_endpoint(out, merger_endpoint_at(m, i));
	return 0;
}

// What one section is about: a detector, a part of the merger's own, or else the endpoints.
struct source_part {
	const char *name;
	uint32_t version;
	const struct merger_detector *d;
	const struct baseline_part *part;
};

// What cannot be saved is left out: the next part stands in its place.
static int put_section(FILE *out, struct merger *m, const struct source_part *s)
{
	off_t begin = ftello(out), end;
	int rc;

	put_16(out, (uint16_t)strlen(s->name));
	put_32(out, s->version);
	put_64(out, 0);
	fwrite(s->name, 1, strlen(s->name), out);
	rc = s->d      ? s->d->detector->save(s->d->state, m, out)
	     : s->part ? s->part->save(m, out)
		       : put_endpoints(out, m);
	if (ferror(out) || begin < 0)
		return errno ? -errno : -EIO;
	if (rc) {
		LOG(WARNING, "What was learnt by %s could not be saved.", s->name);
		return fseeko(out, begin, SEEK_SET) ? -errno : 0;
	}
	end = ftello(out);
	if (end > BASELINE_MAX)
		return -EFBIG;
	if (fseeko(out, begin + SECTION_LENGTH_AT, SEEK_SET))
		return -errno;
	put_64(out, (uint64_t)(end - begin) - SECTION_HEADER - strlen(s->name));
	return fseeko(out, end, SEEK_SET) ? -errno : 0;
}

// The part of that number. False: there are no more.
static bool part_at(const struct merger *m, uint32_t i, struct source_part *out)
{
	const struct baseline_part *part;
	uint32_t n = baseline_parts(&part);

	*out = (struct source_part){0};
	if (i == 0) {
		*out = (struct source_part){endpoints_name, ENDPOINTS_VERSION, NULL, NULL};
	} else if (i <= n) {
		*out = (struct source_part){part[i - 1].name, part[i - 1].version, NULL,
					    &part[i - 1]};
	} else if (i <= n + m->n_detectors) {
		const struct merger_detector *d = &m->detectors[i - n - 1];

		if (d->enabled && d->detector->save)
			*out = (struct source_part){d->detector->name, d->detector->version, d, NULL};
	} else {
		return false;
	}
	return true;
}

// checksum: of all behind it.
static void header_fill(uint8_t bytes[BASELINE_HEADER], uint64_t len, uint64_t seed)
{
	uint32_t version = htole32(BASELINE_VERSION);
	uint64_t check = htole64(seed), content = htole64(len - BASELINE_HEADER);

	memset(bytes, 0, BASELINE_HEADER);
	memcpy(bytes, baseline_magic, 8);
	memcpy(bytes + 12, &version, 4);
	memcpy(bytes + 16, &check, 8);
	memcpy(bytes + 24, &content, 8);
}

// Of what stands in the file behind the header's own checksum. 0 or negative errno.
static int saver_sum(struct baseline_saver *s, int fd, const uint8_t *header, uint32_t *crc)
{
	uint64_t at = BASELINE_HEADER;
	ssize_t n;

	*crc = (uint32_t)crc32_z(0, header + BASELINE_CRC_AT + 4,
				 BASELINE_HEADER - BASELINE_CRC_AT - 4);
	// All was flushed: its buffer is free.
	while ((n = pread(fd, s->buffer, sizeof(s->buffer), (off_t)at)) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			*crc = (uint32_t)crc32_z(*crc, (const uint8_t *)s->buffer, (size_t)n);
			at += (uint64_t)n;
		}
	}
	return 0;
}

static int saver_seal(struct baseline_saver *s)
{
	off_t len = fflush(s->out) ? -1 : ftello(s->out);
	uint8_t header[BASELINE_HEADER];
	int fd = fileno(s->out), rc;
	uint32_t crc;

	if (len < BASELINE_HEADER || ftruncate(fd, len))
		return errno ? -errno : -EIO;
	header_fill(header, (uint64_t)len, s->check);
	rc = saver_sum(s, fd, header, &crc);
	if (rc)
		return rc;
	crc = htole32(crc);
	memcpy(header + BASELINE_CRC_AT, &crc, 4);
	if (pwrite(fd, header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return errno ? -errno : -EIO;
	return fsync(fd) ? -errno : 0;
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd))
		rc = -errno;
	close(fd);
	return rc;
}

int baseline_begin(struct baseline_saver *s, const struct merger *m, const char *dir)
{
	static const uint8_t header[BASELINE_HEADER];
	int fd, rc;

	s->out = NULL;
	s->next = 0;
	s->rc = 0;
	s->check = seed_check(m);
	if (!path_make(s->path, dir, "") || !path_make(s->beside, dir, ".tmp"))
		return -ENAMETOOLONG;
	snprintf(s->dir, sizeof(s->dir), "%s", dir);
	if (unlink(s->beside) && errno != ENOENT)
		return -errno;
	fd = open(s->beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	s->out = fdopen(fd, "w+");
	if (!s->out) {
		rc = -errno;
		close(fd);
		unlink(s->beside);
		return rc;
	}
	setvbuf(s->out, s->buffer, _IOFBF, sizeof(s->buffer));
	fwrite(header, sizeof(header), 1, s->out);
	return 0;
}

bool baseline_step(struct baseline_saver *s, struct merger *m)
{
	struct source_part part;

	do {
		if (s->rc || !part_at(m, s->next, &part))
			return false;
		s->next++;
	} while (!part.name);
	errno = 0;
	s->rc = put_section(s->out, m, &part);
	return s->rc == 0;
}

int baseline_end(struct baseline_saver *s)
{
	int rc = s->rc;

	errno = 0;
	if (rc == 0)
		rc = saver_seal(s);
	if (fclose(s->out) && rc == 0)
		rc = errno ? -errno : -EIO;
	s->out = NULL;
	if (rc == 0 && rename(s->beside, s->path))
		rc = -errno;
	if (rc) {
		unlink(s->beside);
		return rc;
	}
	return sync_dir(s->dir);
}

int baseline_save(struct merger *m, const char *dir)
{
	struct baseline_saver *s = malloc(sizeof(*s));
	int rc = s ? baseline_begin(s, m, dir) : -ENOMEM;

	if (rc == 0) {
		while (baseline_step(s, m))
			;
		rc = baseline_end(s);
	}
	free(s);
	return rc;
}

// ---- Reading

// What is left of the bytes. Whoever takes more than there is gets zeros, and `bad` is set.
struct cursor {
	const uint8_t *p;
	size_t len;
	bool bad;
};

static struct span take(struct cursor *c, uint64_t len)
{
	struct span taken;

	if (c->bad || len > c->len) {
		c->bad = true;
		return (struct span){0};
	}
	taken = span_make(c->p, (size_t)len);
	c->p += len;
	c->len -= (size_t)len;
	return taken;
}

static uint64_t take_number(struct cursor *c, uint32_t bytes)
{
	struct span s = take(c, bytes);

	return span_rest(s, s.len);
}

struct section {
	struct span name, bytes;
	uint32_t version;
};

static bool take_section(struct cursor *c, struct section *s)
{
	uint16_t name_len = (uint16_t)take_number(c, 2);
	uint64_t len;

	s->version = (uint32_t)take_number(c, 4);
	len = take_number(c, 8);
	if (name_len == 0 || name_len > BASELINE_NAME_MAX)
		c->bad = true;
	s->name = take(c, name_len);
	s->bytes = take(c, len);
	return !c->bad;
}

static bool name_is(const struct section *s, const char *name)
{
	return span_eq(s->name, span_make(name, strlen(name)));
}

// m NULL: only looks whether all is well.
static bool take_endpoint(struct cursor *c, struct merger *m)
{
	uint64_t numbers[ENDPOINT_NUMBERS];
	uint32_t lens[3];
	struct span texts[3];
	struct known_endpoint *e;

	for (uint32_t i = 0; i < ENDPOINT_NUMBERS; i++)
		numbers[i] = take_number(c, 8);
	for (uint32_t i = 0; i < 3; i++) {
		lens[i] = (uint32_t)take_number(c, 4);
		if (lens[i] > ENDPOINT_TEXT_MAX)
			c->bad = true;
	}
	for (uint32_t i = 0; i < 3; i++)
		texts[i] = take(c, lens[i]);
	if (c->bad || numbers[0] == 0)
		return false;
	if (!m || known_endpoint(&m->known, numbers[0]))
		return true;
	e = known_endpoint_add(&m->known, numbers[0], texts[0], texts[1], texts[2]);
	if (!e) {
		m->sections_skipped++;
		return true; // more than there is room for now: counted
	}
	e->pub.first_ns = numbers[1];
	e->pub.last_ns = numbers[2];
	e->pub.calls = numbers[3];
	e->pub.ok = numbers[4];
	e->pub.ok_with_credentials = numbers[5];
	memcpy(e->pub.status, numbers + 6, sizeof(e->pub.status));
	return true;
}

static bool take_endpoints(const struct section *s, struct merger *m)
{
	struct cursor c = {s->bytes.p, s->bytes.len, false};
	uint32_t n = (uint32_t)take_number(&c, 4);

	// Each round takes bytes, so the loop ends with them whatever n says.
	for (uint32_t i = 0; i < n; i++) {
		if (!take_endpoint(&c, m))
			return false;
	}
	return !c.bad && c.len == 0;
}

static int find_detector(const struct merger *m, const struct section *s)
{
	for (uint32_t i = 0; i < m->n_detectors; i++) {
		const struct merger_detector *d = &m->detectors[i];

		if (d->enabled && d->detector->load && name_is(s, d->detector->name))
			return (int)i;
	}
	return -1;
}

static void load_detector(struct merger *m, const struct section *s)
{
	int i = find_detector(m, s);
	struct merger_detector *d = &m->detectors[i < 0 ? 0 : i];
	FILE *in;
	int rc;

	if (i < 0 || s->version > d->detector->version) {
		LOG(NOTICE, "What was learnt by '%.*s' version %u is not used: %s.",
		    (int)s->name.len, (const char *)s->name.p, s->version,
		    i < 0 ? "no such detector is on" : "it is newer than this program");
		m->sections_skipped++;
		return;
	}
	if (s->bytes.len == 0)
		return;
	in = fmemopen((void *)(uintptr_t)s->bytes.p, s->bytes.len, "r");
	rc = in ? d->detector->load(d->state, m, in, s->bytes.len, s->version) : -ENOMEM;
	if (in)
		fclose(in);
	if (rc == 0)
		return;
	m->sections_skipped++;
	LOG(WARNING, "Detector %s could not read what it had learnt; it starts anew.",
	    d->detector->id);
	merger_restart(m, (uint32_t)i);
}

static int find_part(const struct baseline_part *part, uint32_t n, const struct section *s)
{
	for (uint32_t i = 0; i < n; i++) {
		if (name_is(s, part[i].name))
			return (int)i;
	}
	return -1;
}

static void load_part(struct merger *m, const struct baseline_part *part, const struct section *s)
{
	FILE *in = s->bytes.len ? fmemopen((void *)(uintptr_t)s->bytes.p, s->bytes.len, "r") : NULL;
	int rc = in ? part->load(m, in, s->bytes.len, s->version) : -ENOMEM;

	if (in)
		fclose(in);
	m->sections_skipped += rc != 0;
	if (rc)
		LOG(WARNING, "What was learnt of %s cannot be used; it is learnt anew.", part->what);
}

static bool content_is_sound(struct cursor c)
{
	struct section s;

	while (c.len) {
		if (!take_section(&c, &s))
			return false;
		if (name_is(&s, endpoints_name) && s.version == ENDPOINTS_VERSION &&
		    !take_endpoints(&s, NULL))
			return false;
	}
	return true;
}

// Endpoints first: detectors may have something to say about them.
static void content_load(struct merger *m, const struct cursor *content)
{
	const struct baseline_part *part;
	uint32_t n_parts = baseline_parts(&part), parts_seen = 0;
	uint64_t seen = 0;
	struct section s;

	for (struct cursor c = *content; c.len && take_section(&c, &s);) {
		if (!name_is(&s, endpoints_name))
			continue;
		if (s.version == ENDPOINTS_VERSION)
			take_endpoints(&s, m);
		else
			LOG(NOTICE, "Endpoints in a form of version %u are not used.", s.version);
	}
	for (struct cursor c = *content; c.len && take_section(&c, &s);) {
		int i = find_detector(m, &s), k;

		if (name_is(&s, endpoints_name) || (i >= 0 && seen >> i & 1))
			continue;
		k = find_part(part, n_parts, &s);
		if (k >= 0) {
			if (!(parts_seen >> k & 1))
				load_part(m, &part[k], &s);
			parts_seen |= UINT32_C(1) << k;
			continue;
		}
		load_detector(m, &s);
		seen |= i >= 0 ? UINT64_C(1) << i : 0;
	}
	// The operator may have pinned other templates since.
	templates_conform(m);
	LOG(INFO, "Read a baseline of %u endpoints.", merger_endpoints(m));
}

// NULL: sound. Otherwise what is wrong; *suffix says how to put the file aside.
static const char *baseline_check(const struct merger *m, const uint8_t *bytes, size_t len,
				  struct cursor *content, const char **suffix)
{
	struct cursor c = {bytes, len, false};
	struct span magic = take(&c, 8);
	uint32_t crc = (uint32_t)take_number(&c, 4);
	uint32_t real = c.bad ? 0 : (uint32_t)crc32_z(0, c.p, c.len);
	uint32_t version = (uint32_t)take_number(&c, 4);
	uint64_t check = take_number(&c, 8), content_len = take_number(&c, 8);

	*suffix = ".corrupt";
	if (c.bad)
		return "is too short";
	if (!span_eq(magic, span_make(baseline_magic, 8)))
		return "is no baseline";
	if (crc != real)
		return "is damaged (checksum)";
	*suffix = ".refused";
	if (version != BASELINE_VERSION)
		return "was written by another version of this program";
	if (check != seed_check(m))
		return "was learnt under another seed, its identities mean nothing here";
	*suffix = ".corrupt";
	if (content_len != c.len || !content_is_sound(c))
		return "is damaged (structure)";
	*content = c;
	return NULL;
}

static void put_aside(const char *dir, const char *path, const char *what, const char *suffix)
{
	char aside[PATH_MAX];

	if (!path_make(aside, dir, suffix) || rename(path, aside))
		LOG(ERR, "%s %s and cannot be put aside (%s); starting with nothing learnt.", path,
		    what, strerror(errno));
	else
		LOG(ERR, "%s %s; put aside as %s, starting with nothing learnt.", path, what,
		    aside);
}

static int read_all(int fd, uint8_t *bytes, size_t len, size_t *got)
{
	for (*got = 0; *got < len;) {
		ssize_t n = read(fd, bytes + *got, len - *got);

		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return -errno;
		*got += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

// Opens without following a link or waiting for a pipe. *what: why it can be no baseline.
static int baseline_open(const char *path, size_t *len, const char **what)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0) {
		int rc = -errno;

		if (rc == -ELOOP || rc == -ENXIO)
			*what = "is no regular file";
		return rc;
	}
	if (fstat(fd, &st)) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	if (!S_ISREG(st.st_mode))
		*what = "is no regular file";
	else if (st.st_size > BASELINE_MAX)
		*what = "is too long";
	*len = *what ? 0 : (size_t)st.st_size;
	return fd;
}

int baseline_load(struct merger *m, const char *dir)
{
	const char *what = NULL, *suffix = ".corrupt";
	struct cursor content;
	char path[PATH_MAX];
	uint8_t *bytes = NULL;
	size_t len = 0;
	int fd, rc = 0;

	if (!path_make(path, dir, ""))
		return -ENAMETOOLONG;
	fd = baseline_open(path, &len, &what);
	if (fd < 0 && !what)
		return fd == -ENOENT ? 0 : fd;
	if (!what) {
		bytes = malloc(len ? len : 1);
		rc = bytes ? read_all(fd, bytes, len, &len) : -ENOMEM;
	}
	if (!what && rc == 0)
		what = baseline_check(m, bytes, len, &content, &suffix);
	if (fd >= 0)
		close(fd);
	if (what)
		put_aside(dir, path, what, suffix);
	else if (rc == 0)
		content_load(m, &content);
	free(bytes);
	return rc;
}
