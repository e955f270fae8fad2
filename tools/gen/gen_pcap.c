// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Binary heap of frames by (time, order of arrival) in front of a buffered file.

#include "tools/gen/gen_pcap.h"

#include "tools/gen/gen_buffer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct frame {
	uint64_t time_ns, order;
	uint8_t *bytes;
	uint32_t len;
};

struct gen_pcap {
	FILE *file;
	const char *path; // borrowed from the command line
	bool nanosecond;
	struct frame *heap;
	size_t n, cap;
	uint64_t order;
	struct gen_pcap_totals totals;
};

struct pcap_file_head {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snap_length, link_type;
};

struct pcap_packet_head {
	uint32_t seconds, fraction, captured, length;
};

static bool frame_before(const struct frame *a, const struct frame *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->order < b->order;
}

struct gen_pcap *gen_pcap_new(const char *path, bool nanosecond)
{
	struct pcap_file_head head = {
		.magic = nanosecond ? 0xa1b23c4d : 0xa1b2c3d4,
		.major = 2,
		.minor = 4,
		.snap_length = 262144,
		.link_type = 1, // Ethernet
	};
	struct gen_pcap *pcap = calloc(1, sizeof(*pcap));

	if (!pcap)
		gen_fatal("out of memory");
	pcap->file = strcmp(path, "-") ? fopen(path, "wb") : stdout;
	if (!pcap->file)
		gen_fatal("%s: %s", path, strerror(errno));
	setvbuf(pcap->file, NULL, _IOFBF, 1 << 20);
	pcap->path = path;
	pcap->nanosecond = nanosecond;
	fwrite(&head, sizeof(head), 1, pcap->file);
	return pcap;
}

void gen_pcap_add(struct gen_pcap *pcap, uint64_t time_ns, const uint8_t *frame, size_t len)
{
	struct frame add = {time_ns, pcap->order++, malloc(len), (uint32_t)len};
	size_t i = pcap->n;

	if (pcap->n == pcap->cap) {
		pcap->cap = pcap->cap ? pcap->cap * 2 : 1024;
		pcap->heap = realloc(pcap->heap, pcap->cap * sizeof(pcap->heap[0]));
	}
	if (!pcap->heap || !add.bytes)
		gen_fatal("out of memory for %zu frames", pcap->n);
	memcpy(add.bytes, frame, len);
	pcap->n++;
	while (i && frame_before(&add, &pcap->heap[(i - 1) / 2])) {
		pcap->heap[i] = pcap->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	pcap->heap[i] = add;
}

static struct frame heap_take(struct gen_pcap *pcap)
{
	struct frame top = pcap->heap[0], last = pcap->heap[--pcap->n];
	size_t i = 0;

	for (size_t child; (child = 2 * i + 1) < pcap->n; i = child) {
		if (child + 1 < pcap->n && frame_before(&pcap->heap[child + 1], &pcap->heap[child]))
			child++;
		if (!frame_before(&pcap->heap[child], &last))
			break;
		pcap->heap[i] = pcap->heap[child];
	}
	pcap->heap[i] = last;
	return top;
}

void gen_pcap_horizon(struct gen_pcap *pcap, uint64_t time_ns)
{
	while (pcap->n && pcap->heap[0].time_ns < time_ns) {
		struct frame frame = heap_take(pcap);
		uint64_t fraction = frame.time_ns % 1000000000u;
		struct pcap_packet_head head = {
			.seconds = (uint32_t)(frame.time_ns / 1000000000u),
			.fraction = (uint32_t)(pcap->nanosecond ? fraction : fraction / 1000),
			.captured = frame.len,
			.length = frame.len,
		};

		fwrite(&head, sizeof(head), 1, pcap->file);
		fwrite(frame.bytes, frame.len, 1, pcap->file);
		free(frame.bytes);
		if (!pcap->totals.packets)
			pcap->totals.first_ns = frame.time_ns;
		pcap->totals.last_ns = frame.time_ns;
		pcap->totals.packets++;
		pcap->totals.bytes += frame.len;
	}
}

void gen_pcap_finish(struct gen_pcap *pcap, struct gen_pcap_totals *totals)
{
	gen_pcap_horizon(pcap, UINT64_MAX);
	// ferror() remembers a failure of any of the writes above.
	if (ferror(pcap->file) || fclose(pcap->file))
		gen_fatal("%s: could not write all of it: %s", pcap->path, strerror(errno));
	*totals = pcap->totals;
	free(pcap->heap);
	free(pcap);
}
