// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// libpcap reads classic and pcapng files of either byte order, micro- and nanoseconds.

#include "dataplane/source_pcap.h"

#include "dataplane/packet.h"
#include "dataplane/pkt.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct source {
	pcap_t *pcap;
	uint32_t link_type;
	off_t size; // 0: not a regular file
};

struct source *source_open(const char *path, char *why, size_t why_len)
{
	struct source *source = calloc(1, sizeof(*source));
	char error[PCAP_ERRBUF_SIZE] = "";
	struct stat st;
	FILE *file;

	if (!source) {
		snprintf(why, why_len, "out of memory");
		return NULL;
	}
	file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	if (!file) {
		snprintf(why, why_len, "%s", strerror(errno));
		goto err;
	}
	if (fstat(fileno(file), &st) == 0 && S_ISDIR(st.st_mode)) {
		snprintf(why, why_len, "is a directory");
		goto err_file;
	}
	source->size = S_ISREG(st.st_mode) ? st.st_size : 0;
	source->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO,
								error);
	if (!source->pcap) {
		snprintf(why, why_len, "%s", error);
		goto err_file;
	}
	source->link_type = (uint32_t)pcap_datalink(source->pcap);
	return source;

err_file:
	if (file != stdin)
		fclose(file);
err:
	free(source);
	return NULL;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	pcap_close(source->pcap);
	free(source);
}

// Chained buffers for what does not fit into one; the first is full before a second begins.
static struct rte_mbuf *source_fill(struct rte_mempool *pool, const uint8_t *data, uint32_t len)
{
	struct rte_mbuf *head = NULL, *last = NULL;

	do {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		if (!m || (head && head->nb_segs == UINT16_MAX)) {
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(head);
			return NULL;
		}
		uint32_t n = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(m));
		memcpy(rte_pktmbuf_mtod(m, void *), data, n);
		m->data_len = (uint16_t)n;
		m->pkt_len = n;
		if (head) {
			last->next = m;
			head->nb_segs++;
			head->pkt_len += n;
		} else {
			head = m;
		}
		last = m;
		data += n;
		len -= n;
	} while (len);
	return head;
}

enum source_status source_next(struct source *source, struct rte_mempool *pool,
			       struct rte_mbuf **m, uint32_t *wire_len)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	int status = pcap_next_ex(source->pcap, &header, &data);

	if (status == PCAP_ERROR_BREAK)
		return SOURCE_END;
	if (status != 1)
		return SOURCE_DAMAGED;
	*wire_len = header->len;
	*m = source_fill(pool, data, header->caplen);
	if (!*m)
		return SOURCE_NO_BUFFER;
	// Nanosecond precision was asked for: tv_usec holds nanoseconds. Negative or absurd stamps
	// of damaged files become 0 or large, never undefined.
	pkt_of(*m)->ts_ns = (uint64_t)(uint32_t)header->ts.tv_sec * UINT64_C(1000000000) +
			    (uint64_t)header->ts.tv_usec % UINT64_C(1000000000);
	return SOURCE_PACKET;
}

uint32_t source_link_type(const struct source *source)
{
	return source->link_type;
}

const char *source_error(const struct source *source)
{
	return pcap_geterr(source->pcap);
}

double source_progress(const struct source *source)
{
	FILE *file = pcap_file(source->pcap);
	off_t at = source->size && file ? ftello(file) : -1;

	return at < 0 ? -1 : (double)at / (double)source->size;
}
