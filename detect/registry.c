// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The detectors of this program. They arrive before main(), from constructors in any order, and
// never change after it, so any thread may read. The order is by id: a detector's index is the
// same in every run. A wrong registration is a mistake of a programmer and aborts the start.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/detector.h"


static const struct detector *detectors[DETECTOR_MAX];
static uint32_t n_detectors;

void detector_add(const struct detector *detector)
{
	uint32_t place = n_detectors;

	if (n_detectors == DETECTOR_MAX || !detector->id || !detector->name ||
	    !detector->section) {
		fprintf(stderr, "detector %s: %s\n", detector->id ? detector->id : "without id",
			n_detectors == DETECTOR_MAX ? "one too many" : "needs id, name, section");
		abort();
	}
	while (place > 0 && strcmp(detectors[place - 1]->id, detector->id) >= 0) {
		if (!strcmp(detectors[place - 1]->id, detector->id)) {
			fprintf(stderr, "detector %s: registered twice\n", detector->id);
			abort();
		}
		place--;
	}
	memmove(&detectors[place + 1], &detectors[place],
		(n_detectors - place) * sizeof(detectors[0]));
	detectors[place] = detector;
	n_detectors++;
}

uint32_t detector_count(void)
{
	return n_detectors;
}

const struct detector *detector_get(uint32_t i)
{
	return i < n_detectors ? detectors[i] : NULL;
}
