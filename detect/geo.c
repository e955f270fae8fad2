// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// See geo.h. The files are mapped once at the start; an address costs a walk down a binary tree
// per file, so whoever asks keeps the answer.

#include "detect/geo.h"

#include "detect/draft.h"

#ifdef APITAP_GEO
#include <arpa/inet.h>
#include <maxminddb.h>
#include <string.h>

enum { GEO_FILES = 4 };

struct geo {
	uint32_t n;
	MMDB_s db[GEO_FILES];
};

struct geo *geo_open(const struct conf_strs *files, char *why, size_t why_len)
{
	struct geo *geo;

	why[0] = '\0';
	if (files->n == 0)
		return NULL;
	if (files->n > GEO_FILES) {
		draft_text(why, why_len, "detect.geo_files: %zu files, at most %d", files->n,
			   GEO_FILES);
		return NULL;
	}
	geo = draft_alloc(1, sizeof(*geo));
	if (!geo) {
		draft_text(why, why_len, "detect.geo_files: no memory");
		return NULL;
	}
	for (size_t i = 0; i < files->n; i++) {
		int rc = MMDB_open(files->v[i], MMDB_MODE_MMAP, &geo->db[i]);

		if (rc != MMDB_SUCCESS) {
			draft_text(why, why_len, "detect.geo_files: %s cannot be used: %s",
				   files->v[i], MMDB_strerror(rc));
			geo_close(geo);
			return NULL;
		}
		geo->n++;
	}
	return geo;
}

void geo_close(struct geo *geo)
{
	if (!geo)
		return;
	for (uint32_t i = 0; i < geo->n; i++)
		MMDB_close(&geo->db[i]);
	draft_free(geo);
}

// Names of the format's usual databases: GeoIP2 and GeoLite2 Country, City and ASN, and the flat
// form that others publish.
static void entry_read(MMDB_entry_s *entry, char country[3], uint32_t *asn)
{
	static const char *const countries[][3] = {
		{"country", "iso_code", NULL}, {"country_code", NULL, NULL}, {"country", NULL, NULL}};
	MMDB_entry_data_s data;

	for (uint32_t i = 0; i < 3; i++) {
		if (MMDB_aget_value(entry, &data, (const char *const *)countries[i]) ==
			    MMDB_SUCCESS &&
		    data.has_data && data.type == MMDB_DATA_TYPE_UTF8_STRING &&
		    data.data_size == 2) {
			memcpy(country, data.utf8_string, 2);
			country[2] = '\0';
			break;
		}
	}
	if (MMDB_get_value(entry, &data, "autonomous_system_number", NULL) == MMDB_SUCCESS &&
	    data.has_data && data.type == MMDB_DATA_TYPE_UINT32)
		*asn = data.uint32;
}

void geo_find(const struct geo *geo, const uint8_t addr[16], char country[3], uint32_t *asn)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	bool is_v4 = memcmp(addr, mapped, sizeof(mapped)) == 0;
	const struct sockaddr *at = is_v4 ? (const struct sockaddr *)&v4
					  : (const struct sockaddr *)&v6;

	if (!geo)
		return;
	memcpy(&v4.sin_addr, addr + 12, 4);
	memcpy(&v6.sin6_addr, addr, 16);
	for (uint32_t i = 0; i < geo->n; i++) {
		int rc = MMDB_SUCCESS;
		MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&geo->db[i], at, &rc);

		// An error is that of a damaged file, or of an address that a file of IPv4 has not.
		if (rc == MMDB_SUCCESS && found.found_entry)
			entry_read(&found.entry, country, asn);
	}
}

#else

struct geo *geo_open(const struct conf_strs *files, char *why, size_t why_len)
{
	why[0] = '\0';
	if (files->n)
		draft_text(why, why_len,
			   "detect.geo_files: this program was built without libmaxminddb and "
			   "cannot read %s",
			   files->v[0]);
	return NULL;
}

void geo_close(struct geo *)
{
}

void geo_find(const struct geo *, const uint8_t[16], char[3], uint32_t *)
{
}

#endif
