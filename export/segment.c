// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Reading trusts nothing: a length is used only when the bytes it asks for exist and their CRC
// agrees. Where a record is bad, every later byte is tried as the beginning of the next one, so a
// damaged length costs one record and not the rest of the file. All reads go through view(),
// which is also why a bad disk gives an error code here and not a SIGBUS.

#include "export/segment.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

static const char magic[8] = "APITAPSP";

static void put32(uint8_t *p, uint32_t value)
{
	value = htole32(value);
	memcpy(p, &value, sizeof(value));
}

static void put64(uint8_t *p, uint64_t value)
{
	value = htole64(value);
	memcpy(p, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return le32toh(value);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return le64toh(value);
}

static void header_put(uint8_t *p, const struct segment_info *info)
{
	memset(p, 0, SEGMENT_HEADER / 2);
	memcpy(p, magic, sizeof(magic));
	put32(p + 8, SEGMENT_VERSION);
	put32(p + 12, SEGMENT_HEADER);
	put64(p + 16, info->epoch);
	put64(p + 24, info->first_seq);
	put64(p + 32, info->salt);
	put32(p + 40, (uint32_t)crc32(0, p, 40));
}

// 0, -EBADMSG, -ENOTSUP
static int header_get(const uint8_t *p, struct segment_info *info)
{
	if (memcmp(p, magic, sizeof(magic)) != 0 || get32(p + 40) != crc32(0, p, 40))
		return -EBADMSG;
	if (get32(p + 8) != SEGMENT_VERSION || get32(p + 12) != SEGMENT_HEADER)
		return -ENOTSUP;
	info->epoch = get64(p + 16);
	info->first_seq = get64(p + 24);
	info->salt = get64(p + 32);
	return get32(p + 44) == 0 ? 0 : -EBADMSG;
}

static uint32_t record_crc(const struct segment_info *info, const uint8_t *head, struct span bytes)
{
	uint8_t salt[8];
	uLong crc;

	put64(salt, info->salt);
	crc = crc32(0, salt, sizeof(salt));
	crc = crc32(crc, head, 4);
	crc = crc32(crc, head + 8, 16);
	return (uint32_t)crc32(crc, bytes.p, bytes.len);
}

// Writes all of it or gives negative errno.
static int write_all(int fd, struct iovec *iov, int n, uint64_t off)
{
	while (n > 0) {
		ssize_t done = pwritev(fd, iov, n, (off_t)off);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		if (done == 0)
			return -EIO;
		off += (uint64_t)done;
		while (n > 0 && (size_t)done >= iov->iov_len) {
			done -= (ssize_t)iov->iov_len;
			iov++;
			n--;
		}
		if (n > 0) {
			iov->iov_base = (uint8_t *)iov->iov_base + done;
			iov->iov_len -= (size_t)done;
		}
	}
	return 0;
}

int segment_create(int dir_fd, const char *name, const struct segment_info *info)
{
	uint8_t header[SEGMENT_HEADER];
	struct iovec iov = {header, sizeof(header)};
	int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	header_put(header, info);
	header_put(header + SEGMENT_HEADER / 2, info);
	r = write_all(fd, &iov, 1, 0);
	if (r < 0) {
		close(fd);
		unlinkat(dir_fd, name, 0);
		return r;
	}
	return fd;
}

int segment_append(int fd, const struct segment_info *info, uint64_t *size, uint64_t seq,
		   struct span bytes)
{
	uint8_t head[SEGMENT_RECORD];
	struct iovec iov[2] = {{head, sizeof(head)}, {(void *)(uintptr_t)bytes.p, bytes.len}};
	int r;

	if (bytes.len == 0 || bytes.len > SEGMENT_MAX_RECORD)
		return -EMSGSIZE;
	put32(head, bytes.len);
	put64(head + 8, info->epoch);
	put64(head + 16, seq);
	put32(head + 4, record_crc(info, head, bytes));
	r = write_all(fd, iov, 2, *size);
	if (r < 0) {
		// When this fails too, the reader finds the half record by its CRC.
		if (ftruncate(fd, (off_t)*size) < 0)
			return -EIO;
		return r;
	}
	*size += SEGMENT_RECORD + bytes.len;
	return 0;
}

// need bytes at off, or NULL: they do not exist (*error 0) or cannot be read (*error < 0).
static const uint8_t *view(struct segment_cursor *cursor, uint64_t off, uint32_t need, int *error)
{
	*error = 0;
	if (off >= cursor->view_off && off - cursor->view_off <= cursor->view_len &&
	    need <= cursor->view_len - (off - cursor->view_off))
		return cursor->view + (off - cursor->view_off);
	cursor->view_off = off;
	cursor->view_len = 0;
	while (cursor->view_len < SEGMENT_VIEW) {
		ssize_t got =
			pread(cursor->fd, cursor->view + cursor->view_len,
			      SEGMENT_VIEW - cursor->view_len, (off_t)(off + cursor->view_len));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && cursor->view_len == 0)
			*error = -errno;
		if (got <= 0)
			break;
		cursor->view_len += (uint32_t)got;
	}
	return need <= cursor->view_len ? cursor->view : NULL;
}

int segment_open(struct segment_cursor *cursor, int dir_fd, const char *name)
{
	struct segment_info copy;
	const uint8_t *p;
	struct stat st;
	int r, first, second;

	memset(cursor, 0, sizeof(*cursor));
	// O_NONBLOCK: a FIFO of that name must not hold us up.
	cursor->fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (cursor->fd < 0)
		return errno == ELOOP ? -EBADMSG : -errno;
	r = -EBADMSG;
	if (fstat(cursor->fd, &st) < 0 || !S_ISREG(st.st_mode))
		goto err;
	cursor->view = malloc(SEGMENT_VIEW);
	if (!cursor->view) {
		r = -ENOMEM;
		goto err;
	}
	p = view(cursor, 0, SEGMENT_HEADER, &r);
	if (!p) {
		r = r ? r : -EBADMSG;
		goto err;
	}
	first = header_get(p, &cursor->info);
	second = header_get(p + SEGMENT_HEADER / 2, &copy);
	if (first < 0)
		cursor->info = copy;
	r = first == 0 || second == 0 ? 0 : first == -ENOTSUP ? first : second;
	if (r < 0)
		goto err;
	cursor->header_damaged = first < 0 || second < 0;
	cursor->off = SEGMENT_HEADER;
	cursor->last_seq = cursor->info.first_seq - 1;
	return 0;
err:
	segment_close(cursor);
	return r;
}

// 1: a whole record at off; 0: not; negative errno.
static int probe(struct segment_cursor *cursor, uint64_t off, struct segment_record *out)
{
	int error;
	const uint8_t *p = view(cursor, off, SEGMENT_RECORD, &error);
	uint32_t len;

	if (!p)
		return error;
	len = get32(p);
	out->epoch = get64(p + 8);
	out->seq = get64(p + 16);
	if (len == 0 || len > SEGMENT_MAX_RECORD || out->epoch != cursor->info.epoch ||
	    out->seq <= cursor->last_seq)
		return 0;
	p = view(cursor, off, SEGMENT_RECORD + len, &error);
	if (!p)
		return error;
	out->bytes = span_make(p + SEGMENT_RECORD, len);
	return get32(p + 4) == record_crc(&cursor->info, p, out->bytes);
}

uint64_t segment_size(const struct segment_cursor *cursor)
{
	struct stat st;

	return fstat(cursor->fd, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

int segment_next(struct segment_cursor *cursor, struct segment_record *out)
{
	uint64_t off = cursor->off, size;
	int r = probe(cursor, off, out);

	if (r == 0) {
		// The writer may have gone on since the view was read.
		cursor->view_len = 0;
		r = probe(cursor, off, out);
	}
	if (r == 0) {
		size = segment_size(cursor);
		// Bounded by the file's size as it is now.
		while (r == 0 && off < size && size - off > SEGMENT_RECORD)
			r = probe(cursor, ++off, out);
	}
	if (r <= 0) {
		cursor->view_len = 0;
		return r;
	}
	cursor->damaged += off - cursor->off;
	cursor->off = off + SEGMENT_RECORD + out->bytes.len;
	cursor->last_seq = out->seq;
	return 1;
}

void segment_unread(struct segment_cursor *cursor, const struct segment_record *record,
		    uint64_t last_seq)
{
	cursor->off -= SEGMENT_RECORD + record->bytes.len;
	cursor->last_seq = last_seq;
}

void segment_close(struct segment_cursor *cursor)
{
	if (cursor->fd >= 0)
		close(cursor->fd);
	free(cursor->view);
	cursor->view = NULL;
	cursor->fd = -1;
}
