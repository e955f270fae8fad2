// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// See geo.h. The files are mapped once at the start; an address costs a walk down a binary tree
// per file, so whoever asks keeps the answer.

#include "detect/geo.h"

#include "detect/draft.h"

#include <math.h>

double geo_apart_km(const struct geo_point *a, const struct geo_point *b)
{
	const double turn = M_PI / 18000, earth_km = 6371;
	double sin_lat, sin_lon, half;

	if (!a->radius_km || !b->radius_km)
		return 0;
	// The haversine formula, on a sphere: half a percent off at most.
	sin_lat = sin((b->lat - a->lat) * turn / 2);
	sin_lon = sin((b->lon - a->lon) * turn / 2);
	half = sin_lat * sin_lat + cos(a->lat * turn) * cos(b->lat * turn) * sin_lon * sin_lon;
	return fmax(0, 2 * earth_km * asin(fmin(1, sqrt(half))) - a->radius_km - b->radius_km);
}

#ifdef APITAP_GEO
#include <arpa/inet.h>
#include <maxminddb.h>
#include <string.h>

enum { GEO_FILES = 4, RADIUS_KM = 100 /* where a file has coordinates without one */ };

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
		draft_text(why, why_len, "detect.sources.geo_files: %zu files, at most %d", files->n,
			   GEO_FILES);
		return NULL;
	}
	geo = draft_alloc(1, sizeof(*geo));
	if (!geo) {
		draft_text(why, why_len, "detect.sources.geo_files: no memory");
		return NULL;
	}
	for (size_t i = 0; i < files->n; i++) {
		int rc = MMDB_open(files->v[i], MMDB_MODE_MMAP, &geo->db[i]);

		if (rc != MMDB_SUCCESS) {
			draft_text(why, why_len, "detect.sources.geo_files: %s cannot be used: %s",
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

static bool number_read(MMDB_entry_s *entry, const char *const path[3], double *out)
{
	MMDB_entry_data_s data;

	if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data)
		return false;
	switch (data.type) {
	case MMDB_DATA_TYPE_DOUBLE:
		*out = data.double_value;
		return true;
	case MMDB_DATA_TYPE_FLOAT:
		*out = (double)data.float_value;
		return true;
	case MMDB_DATA_TYPE_UINT16:
		*out = data.uint16;
		return true;
	case MMDB_DATA_TYPE_UINT32:
		*out = data.uint32;
		return true;
	default:
		return false;
	}
}

// GeoIP2 and GeoLite2 City, and the flat form.
static void point_read(MMDB_entry_s *entry, struct geo_point *out)
{
	static const char *const lat_names[][3] = {{"location", "latitude", NULL},
						   {"latitude", NULL, NULL}};
	static const char *const lon_names[][3] = {{"location", "longitude", NULL},
						   {"longitude", NULL, NULL}};
	static const char *const radius_names[] = {"location", "accuracy_radius", NULL};
	double lat, lon, radius;

	for (uint32_t i = 0; i < 2; i++) {
		// A damaged file may hold anything, what is no number included.
		if (!number_read(entry, lat_names[i], &lat) ||
		    !number_read(entry, lon_names[i], &lon) || !(fabs(lat) <= 90) ||
		    !(fabs(lon) <= 180))
			continue;
		if (!number_read(entry, radius_names, &radius) || !(radius >= 1))
			radius = RADIUS_KM;
		out->lat = (int16_t)lround(lat * 100);
		out->lon = (int16_t)lround(lon * 100);
		out->radius_km = (uint16_t)fmin(radius, 20000);
		return;
	}
}

void geo_find(const struct geo *geo, const uint8_t addr[16], char country[3], uint32_t *asn,
	      struct geo_point *point)
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
		if (rc != MMDB_SUCCESS || !found.found_entry)
			continue;
		entry_read(&found.entry, country, asn);
		point_read(&found.entry, point);
	}
}

#else

struct geo *geo_open(const struct conf_strs *files, char *why, size_t why_len)
{
	why[0] = '\0';
	if (files->n)
		draft_text(why, why_len,
			   "detect.sources.geo_files: this program was built without libmaxminddb and "
			   "cannot read %s",
			   files->v[0]);
	return NULL;
}

void geo_close(struct geo *)
{
}

void geo_find(const struct geo *, const uint8_t[16], char[3], uint32_t *, struct geo_point *)
{
}

#endif
