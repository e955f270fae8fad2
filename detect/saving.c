// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// What the thread works on is its own from pthread_create() until `written` is set; the control
// thread joins it then. Without a thread the control thread does the work itself.

#include "detect/saving.h"

#include "dataplane/log.h"
#include "detect/baseline.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct saving {
	struct baseline_saver saver;
	bool packing, writing;
	pthread_t thread;
	int rc;               // of the thread
	_Atomic bool written; // thread: release; control: acquire
};

struct saving *saving_new(void)
{
	return calloc(1, sizeof(struct saving));
}

static void *saving_write(void *arg)
{
	struct saving *s = arg;

	s->rc = baseline_end(&s->saver);
	atomic_store_explicit(&s->written, true, memory_order_release);
	return NULL;
}

static bool saving_told(const struct saving *s, int rc)
{
	if (rc)
		LOG(ERR, "what was learnt could not be saved to %s: %s", s->saver.dir,
		    strerror(-rc));
	return rc == 0;
}

// The thread is over, or will be.
static bool saving_take(struct saving *s)
{
	pthread_join(s->thread, NULL);
	s->writing = false;
	return saving_told(s, s->rc);
}

bool saving_begin(struct saving *s, struct merger *m, const char *dir)
{
	int rc;

	if (s->packing || s->writing)
		return false;
	rc = baseline_begin(&s->saver, m, dir);
	if (rc)
		LOG(ERR, "what was learnt cannot be saved to %s: %s", dir, strerror(-rc));
	s->packing = rc == 0;
	return s->packing;
}

void saving_turn(struct saving *s, struct merger *m)
{
	if (s->writing && atomic_load_explicit(&s->written, memory_order_acquire))
		saving_take(s);
	if (!s->packing || baseline_step(&s->saver, m))
		return;
	s->packing = false;
	atomic_store_explicit(&s->written, false, memory_order_relaxed);
	if (pthread_create(&s->thread, NULL, saving_write, s) == 0)
		s->writing = true;
	else
		saving_told(s, baseline_end(&s->saver));
}

bool saving_finish(struct saving *s, struct merger *m)
{
	if (s->packing) {
		s->packing = false;
		while (baseline_step(&s->saver, m))
			;
		return saving_told(s, baseline_end(&s->saver));
	}
	return !s->writing || saving_take(s);
}

void saving_free(struct saving *s)
{
	if (!s)
		return;
	if (s->writing)
		saving_take(s);
	if (s->packing) {
		s->saver.rc = -1; // nothing of it stays
		baseline_end(&s->saver);
	}
	free(s);
}
