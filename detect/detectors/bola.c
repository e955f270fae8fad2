// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-02: a user reads an object that belongs to somebody else (broken object level authorization).
// What belongs to whom, and where that matters, is known by objects.h; when it is enough to tell,
// by foreign.h.

#include "detect/draft.h"
#include "detect/foreign.h"

struct bola_options {
	bool enabled;
	struct foreign_options foreign;
};

#define BOLA_ROW(name, ...)                                                                        \
	{                                                                                          \
		.key = #name, .type = CONF_U32,                                                    \
		.offset = offsetof(struct bola_options, foreign.name), __VA_ARGS__                 \
	}
static const struct conf_row bola_rows[] = {
	{.key = "enabled",
	 .type = CONF_BOOL,
	 .offset = offsetof(struct bola_options, enabled),
	 .def = "true",
	 .help = "Whether this detector runs"},
	BOLA_ROW(unknown, .min = 1, .max = FOREIGN_KEPT, .def = "3", .unit = "objects",
		 .help = "Objects read that were given to nobody as far as seen, before that is "
			 "told"),
	BOLA_ROW(refused, .min = 1, .max = FOREIGN_KEPT, .def = "5", .unit = "objects",
		 .help = "Objects of others asked for and refused, before that is told"),
	BOLA_ROW(max_suspects, .min = 64, .max = 1 << 24, .def = "65536", .unit = "suspects",
		 .help = "Users, at one endpoint each, whose foreign objects are counted at once"),
};
static const struct conf_section bola_section = {
	.path = "detect.bola",
	.help = "D-02: users who read objects of others",
	.size = sizeof(struct bola_options),
	.rows = bola_rows,
	.n_rows = sizeof(bola_rows) / sizeof(bola_rows[0]),
};
CONF_SECTION(bola_section);

static int bola_init(void *state, const void *opaque)
{
	return foreign_init(state, &((const struct bola_options *)opaque)->foreign);
}

static void bola_fini(void *state)
{
	foreign_fini(state);
}

static size_t bola_memory(const void *opaque, const struct conf *)
{
	return foreign_bytes(&((const struct bola_options *)opaque)->foreign);
}

static void bola_call(const struct detector *self, const void *opaque, struct merger *m,
		      void *state, const struct call *call)
{
	const struct bola_options *options = opaque;
	struct objects *objects = merger_objects(m);
	struct merged_endpoint *e;
	struct foreign_verdict v;
	struct issue_draft draft;

	if (!objects_on(objects) || objects->n_views == 0)
		return;
	e = merger_endpoint(m, call->endpoint);
	if (foreign_writes(call, e))
		return;
	v = foreign_judge(state, &options->foreign, objects, call, false);
	if (!v.raise)
		return;
	objects_suspect(objects, call->principal);
	draft = (struct issue_draft){.severity = v.success ? SEVERITY_HIGH : SEVERITY_LOW};
	foreign_draft(&draft, &v, m, call, "read");
	draft_text(
		draft.impact, sizeof(draft.impact), "%s",
		v.success
			? "Whoever is signed in can read what belongs to others by writing another "
			  "identifier into the request. With a loop around it that is the whole "
			  "table."
			: "The checks held here. Somebody is trying identifiers of others, and "
			  "will find the endpoint whose check is missing.");
	draft_text(
		draft.remediation, sizeof(draft.remediation),
		"Look the object up together with the user of the session (where id = ? and owner "
		"= ?) instead of by its identifier alone, in one place that all endpoints use, and "
		"answer 404 to everybody else. If the object was shared on purpose, mark the issue "
		"as legitimate.");
	merger_raise(m, self, foreign_key(call), merger_principal(m, call->principal), e,
		     call->time_ns, &draft);
}

static const struct detector bola = {
	.id = "D-02",
	.name = "bola",
	.title = "Broken Object Level Authorization",
	.module = "Runtime",
	.version = 1,
	.owasp = {"API1:2023"},
	.section = &bola_section,
	.state_size = sizeof(struct foreign),
	.init = bola_init,
	.fini = bola_fini,
	.memory = bola_memory,
	.call = bola_call,
};
DETECTOR_REGISTER(bola);
