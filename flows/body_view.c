// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Decoded bytes of a body through its view to windows and walkers; see view.h. Which bodies are
// UTF-16 is known by their first two bytes, so that all others pay for a look at those alone. Each
// message of gRPC is walked on its own. Worker code.

#include "flows/body_state.h"

#include "flows/decoder.h"

// A message of gRPC has ended: the next one has nothing to do with it.
static void body_message(struct flow_env *env, struct body *body)
{
	body_scan_end(env, body, true);
	body->held = body->tail_len = 0;
	body->kind = media_doubtful(&body->media) ? MEDIA_SNIFF : (uint8_t)body->media.kind;
	if (body->kind == MEDIA_WALKED && !body->over)
		body_walk_begin(env, body, body->media.walker);
}

void body_view_lost(struct flow_env *env, struct body *body)
{
	body_scan_end(env, body, false);
	body->tail_len = 0;
	view_end(env, &body->view);
}

static void body_view_bytes(struct flow_env *env, struct body *body, struct span in)
{
	struct view *view = &body->view;
	enum view_result result;
	uint8_t out[VIEW_PIECE];
	uint32_t n;

	if (view->decoder)
		decoder_heard(env, (enum decoder_format)view->format, view->decoder,
			      body_heard_ns(body));
	// Each turn but the last writes something, ends a message, or ends this.
	do {
		uint64_t passed = view->passed;

		result = view_more(env, view, body, &in, out, sizeof(out), &n);
		env->stats.body_bytes += view->passed - passed;
		env->stats.body_skipped_bytes += view->passed - passed;
		body->msg->view_len += n;
		if (n)
			body_shown(env, body, out, n);
		switch (result) {
		case VIEW_MORE:
		case VIEW_FULL:
			break;
		case VIEW_MESSAGE:
			if (view->status >= 0 && body->dir == SERVER)
				body->tx->grpc_status = view->status;
			body_message(env, body);
			break;
		case VIEW_DAMAGED:
			body_coding_error(env, body);
			break;
		case VIEW_UNKNOWN:
			body_coding_unknown(env, body);
			break;
		case VIEW_BOMB:
			body_bomb(env, body);
			body_view_lost(env, body);
			return;
		case VIEW_BAD:
			body->msg->anomalies |= UINT64_C(1) << ANOMALY_BODY_MALFORMED;
			env->stats.body_broken++;
			body_view_lost(env, body);
			return;
		}
	} while (result != VIEW_MORE);
}

// False: not yet, the bytes are held.
static bool body_view_decide(struct flow_env *env, struct body *body, struct span in)
{
	struct view *view = &body->view;
	uint8_t first[VIEW_FIRST] = {view->held[0], in.p[0]};
	bool wide = body->kind == MEDIA_WALKED && body->walker->wide;

	if (!view->n_held && in.len < VIEW_FIRST) {
		view->held[view->n_held++] = in.p[0];
		return false;
	}
	if (!view->n_held)
		memcpy(first, in.p, VIEW_FIRST);
	view->kind = (uint8_t)view_detect(first, !wide);
	if (view->kind == VIEW_NONE && view->n_held)
		body_shown(env, body, view->held, view->n_held);
	return true;
}

// Out of the way of the windows that are made of it.
static struct span aside(struct flow_env *env, struct span in)
{
	if (in.p != env->window + WINDOW_TAIL)
		return in;
	memcpy(env->inflate_out, in.p, in.len);
	return span_make(env->inflate_out, in.len);
}

void body_view(struct flow_env *env, struct body *body, struct span in)
{
	struct view *view = &body->view;
	uint8_t plain[3 * 256];

	if (view->n_held || view->kind != VIEW_DETECT)
		in = aside(env, in);
	if (view->kind == VIEW_DETECT && !body_view_decide(env, body, in))
		return;
	if (likely(view->kind == VIEW_NONE)) {
		body_shown(env, body, in.p, in.len);
		return;
	}
	if (view->kind == VIEW_LOST || body->over) {
		env->stats.body_bytes += in.len;
		env->stats.body_skipped_bytes += in.len;
		return;
	}
	body->msg->viewed = true;
	in = aside(env, in);
	if (view->kind != VIEW_GRPC_TEXT) {
		body_view_bytes(env, body, in);
		return;
	}
	while (in.len && view->kind == VIEW_GRPC_TEXT) {
		uint32_t n = view_base64(view, &in, plain, sizeof(plain));

		body_view_bytes(env, body, span_make(plain, n));
	}
}

void body_view_end(struct flow_env *env, struct body *body)
{
	struct view *view = &body->view;
	bool held = view->kind == VIEW_DETECT && view->n_held;

	if (held) {
		view->kind = VIEW_NONE;
		body_shown(env, body, view->held, view->n_held);
	}
	view_end(env, view);
}
