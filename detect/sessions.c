// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// See sessions.h. Merger's thread. Bindings are taken in by the packets' time before any call of
// the epoch counts, so it does not matter which worker saw the login. They are bounded: the one
// that was set first goes.

#include "detect/sessions.h"

#include "detect/blob.h"
#include "detect/memory.h"
#include "detect/merge.h"

#include <errno.h>

struct session {
	uint64_t id, user;
	struct session *next;
	uint8_t user_len;
	uint8_t text[EXCHANGE_USER];
};

size_t sessions_bytes(void)
{
	return SESSIONS_MAX * memory_block(sizeof(struct session)) + memory_map(SESSIONS_MAX);
}

void sessions_fini(struct sessions *s)
{
	while (s->first) {
		struct session *one = s->first;

		s->first = one->next;
		free(one);
	}
	idmap_fini(&s->map);
	free(s->gathered);
	*s = (struct sessions){0};
}

void sessions_gather(struct sessions *s, const struct delta *delta)
{
	uint32_t need = s->n_gathered + delta->n_bindings, room = s->room ? s->room : 64;

	s->lost += delta->bindings_lost;
	if (delta->n_bindings == 0)
		return;
	while (room < need)
		room *= 2;
	if (room != s->room) {
		void *wider = realloc(s->gathered, room * sizeof(*s->gathered));

		if (!wider) {
			s->lost += delta->n_bindings;
			return;
		}
		s->gathered = wider;
		s->room = room;
	}
	for (uint32_t i = 0; i < delta->n_bindings; i++)
		s->gathered[s->n_gathered++] = &delta->bindings[i];
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_bindings(const void *a, const void *b)
{
	const struct delta_binding *x = *(const struct delta_binding *const *)a;
	const struct delta_binding *y = *(const struct delta_binding *const *)b;
	int order = compare_numbers(x->time_ns, y->time_ns);

	order = order ? order : compare_numbers(x->order, y->order);
	return order ? order : compare_numbers(x->session, y->session);
}

static void session_drop_first(struct sessions *s)
{
	struct session *one = s->first;

	s->first = one->next;
	if (!s->first)
		s->last = NULL;
	idmap_remove(&s->map, one->id);
	free(one);
}

// The last login of a session counts; its place in the order of age stays.
static void session_bind(struct sessions *s, const struct delta_binding *binding)
{
	struct session *one = idmap_get(&s->map, binding->session);

	if (!one) {
		if (s->map.n >= SESSIONS_MAX)
			session_drop_first(s);
		one = calloc(1, sizeof(*one));
		if (!one || !idmap_add(&s->map, binding->session, one)) {
			free(one);
			s->lost++;
			return;
		}
		one->id = binding->session;
		if (s->last)
			s->last->next = one;
		else
			s->first = one;
		s->last = one;
	}
	one->user = binding->user;
	one->user_len = binding->user_len;
	memcpy(one->text, binding->text, sizeof(one->text));
}

static void name_learn(struct session_names *names, uint64_t name)
{
	for (uint32_t i = 0; i < SESSION_NAMES && name; i++) {
		uint64_t one = atomic_load_explicit(&names->name[i], memory_order_relaxed);

		if (one == name)
			return;
		if (one == 0) {
			atomic_store_explicit(&names->name[i], name, memory_order_relaxed);
			return;
		}
	}
}

uint64_t sessions_user(const struct sessions *s, uint64_t principal)
{
	const struct session *one = idmap_get(&s->map, principal);

	return one ? one->user : principal;
}

// The delta is the merger's alone until the fold ends: what it says is changed in its place.
static void call_give(const struct sessions *s, const struct call *call)
{
	const struct session *one = idmap_get(&s->map, call->principal);

	if (one)
		((struct call *)(uintptr_t)call)->principal = one->user;
}

static void object_give(const struct sessions *s, const struct delta_object *object)
{
	const struct session *one = idmap_get(&s->map, object->principal);

	if (one)
		((struct delta_object *)(uintptr_t)object)->principal = one->user;
}

static void finding_give(const struct sessions *s, const struct finding *finding)
{
	const struct session *one = idmap_get(&s->map, finding->principal);
	struct finding *f = (struct finding *)(uintptr_t)finding;

	if (!one)
		return;
	if (f->key == f->principal)
		f->key = one->user;
	f->principal = one->user;
}

static void name_give(const struct sessions *s, const struct delta_name *name)
{
	const struct session *one =
		name->is_endpoint ? NULL : idmap_get(&s->map, name->id);
	struct delta_name *to = (struct delta_name *)(uintptr_t)name;

	if (!one)
		return;
	to->id = one->user;
	to->kind = PRINCIPAL_SESSION;
	to->confidence = 90;
	if (one->user_len) // else what the session is shown as: its login was before a restart
		to->a = span_make(one->text, one->user_len);
}

void sessions_fold(struct merger *m)
{
	struct sessions *s = &m->sessions;

	if (s->n_gathered) {
		qsort(s->gathered, s->n_gathered, sizeof(*s->gathered), compare_bindings);
		for (uint32_t i = 0; i < s->n_gathered; i++) {
			session_bind(s, s->gathered[i]);
			name_learn(&m->shared->session_names, s->gathered[i]->cookie);
		}
		s->n_gathered = 0;
	}
	if (s->map.n == 0)
		return;
	for (uint32_t i = 0; i < m->calls.n; i++)
		call_give(s, m->calls.list[i].call);
	for (uint32_t i = 0; i < m->objects.n; i++)
		object_give(s, m->objects.list[i].object);
	for (uint32_t i = 0; i < m->n_findings; i++)
		finding_give(s, m->findings[i]);
	for (uint32_t i = 0; i < m->n_names; i++)
		name_give(s, m->names[i]);
}

// ---- Over a restart. Names of users are not written down: a login tells them anew.

int sessions_save(struct merger *m, FILE *out)
{
	const struct session_names *names = &m->shared->session_names;

	for (uint32_t i = 0; i < SESSION_NAMES; i++)
		blob_put(out, atomic_load_explicit(&names->name[i], memory_order_relaxed), 8);
	blob_put(out, m->sessions.map.n, 4);
	for (const struct session *one = m->sessions.first; one; one = one->next) {
		blob_put(out, one->id, 8);
		blob_put(out, one->user, 8);
	}
	return ferror(out) ? -EIO : 0;
}

int sessions_load(struct merger *m, FILE *in, size_t len, uint32_t version)
{
	struct blob_reader r = {.in = in, .left = len, .bad = version != SESSIONS_VERSION};
	uint64_t names[SESSION_NAMES], n;

	for (uint32_t i = 0; i < SESSION_NAMES; i++)
		names[i] = blob_get(&r, 8);
	n = blob_get(&r, 4);
	for (uint64_t i = 0; i < n && !r.bad; i++) {
		struct delta_binding one = {.session = blob_get(&r, 8), .user = blob_get(&r, 8)};

		r.bad |= one.session == 0 || one.user == 0;
		if (!r.bad)
			session_bind(&m->sessions, &one);
	}
	if (r.bad || r.left) {
		sessions_fini(&m->sessions);
		return -EBADMSG;
	}
	for (uint32_t i = 0; i < SESSION_NAMES; i++)
		name_learn(&m->shared->session_names, names[i]);
	return 0;
}
