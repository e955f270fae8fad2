// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// D-20: a user changes an object that belongs to somebody else. As D-02, with calls that write. An
// endpoint that writes is often called too seldom to be learnt by itself: then it counts how all
// endpoints that name such objects are used.

#include "detect/draft.h"
#include "detect/foreign.h"

struct tamper_options {
	bool enabled;
	struct foreign_options foreign;
};

#define TAMPER_ROW(name, ...)                                                                      \
	{                                                                                          \
		.key = #name, .type = CONF_U32,                                                    \
		.offset = offsetof(struct tamper_options, foreign.name), __VA_ARGS__               \
	}
static const struct conf_row tamper_rows[] = {
	{.key = "enabled",
	 .type = CONF_BOOL,
	 .offset = offsetof(struct tamper_options, enabled),
	 .def = "true",
	 .help = "Whether this detector runs"},
	TAMPER_ROW(refused, .min = 1, .max = FOREIGN_KEPT, .def = "3", .unit = "objects",
		   .help = "Writes to objects of others that were refused, before that is told"),
	TAMPER_ROW(
		max_suspects, .min = 64, .max = 1 << 24, .def = "65536", .unit = "suspects",
		.help = "Users, at one endpoint each, whose foreign objects are counted at once"),
};
static const struct conf_section tamper_section = {
	.path = "detect.tamper",
	.help = "D-20: users who change objects of others",
	.size = sizeof(struct tamper_options),
	.rows = tamper_rows,
	.n_rows = sizeof(tamper_rows) / sizeof(tamper_rows[0]),
};
CONF_SECTION(tamper_section);

static int tamper_init(void *state, const void *opaque)
{
	return foreign_init(state, &((const struct tamper_options *)opaque)->foreign);
}

static void tamper_fini(void *state)
{
	foreign_fini(state);
}

static size_t tamper_memory(const void *opaque, const struct conf *)
{
	return foreign_bytes(&((const struct tamper_options *)opaque)->foreign);
}

static void tamper_call(const struct detector *self, const void *opaque, struct merger *m,
			void *state, const struct call *call)
{
	struct foreign_options options = ((const struct tamper_options *)opaque)->foreign;
	struct objects *objects = merger_objects(m);
	struct merged_endpoint *e;
	struct foreign_verdict v;
	struct issue_draft draft;

	if (!objects_on(objects) || objects->n_views == 0)
		return;
	e = merger_endpoint(m, call->endpoint);
	if (!foreign_writes(call, e))
		return;
	// What nobody is known to have may be the caller's.
	options.unknown = UINT32_MAX;
	v = foreign_judge(state, &options, objects, call, true);
	if (!v.raise)
		return;
	objects_suspect(objects, call->principal);
	draft = (struct issue_draft){.severity = v.success ? SEVERITY_CRITICAL : SEVERITY_MEDIUM};
	foreign_draft(&draft, &v, m, call, "wrote to");
	draft_text(
		draft.impact, sizeof(draft.impact), "%s",
		v.success
			? "Data of one user was changed, or acted upon, by another. Its owner does "
			  "not know, and what the object says can no longer be relied upon."
			: "The checks held here. Somebody tries to change what belongs to others.");
	draft_text(
		draft.remediation, sizeof(draft.remediation),
		"Check on every write that the object belongs to the user of the session, before "
		"anything is changed. Compare the object with its last state that the owner made, "
		"and look through the other calls of this user.");
	merger_raise(m, self, foreign_key(call), merger_principal(m, call->principal), e,
		     call->time_ns, &draft);
}

static const struct detector tamper = {
	.id = "D-20",
	.name = "tamper",
	.title = "Data Tampering by a Non-Owner",
	.module = "Runtime",
	.version = 1,
	.owasp = {"API1:2023", "API3:2023"},
	.section = &tamper_section,
	.state_size = sizeof(struct foreign),
	.init = tamper_init,
	.fini = tamper_fini,
	.memory = tamper_memory,
	.call = tamper_call,
};
DETECTOR_REGISTER(tamper);
