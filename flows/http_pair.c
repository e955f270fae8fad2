// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The reasoning, with r where a response begins and s = req_ack_off of a request:
//
// - A client that waits sends a request when it has the whole response before it, and the server
//   is silent until that request is there. So s is exactly the r of the request's own response.
// - A client that does not wait gives itself away: two requests with the same s, or a response
//   that begins behind the s of its request.
// - s may be too late, never too early, when the request was held back behind a hole. Then it may
//   equal the r of a later response; two requests claiming one r cancel each other out.
// - If a request is known to be missing just before this one and the client waits, the server had
//   acknowledged all of the missing one when it sent its response, which is before r. If the client
//   does not wait, r may be the response to the missing one, before which nothing acknowledges it.
//
// The queue is at most limits.pipeline long, and walked only while nothing is anchored.

#include "flows/http_pair.h"

void http_pair_open(struct http_pair *pair, bool midstream)
{
	*pair = (struct http_pair){
		.anchored = !midstream, .broken = midstream, .unseen = midstream};
}

bool http_pair_request(struct http_pair *pair, struct http_tx *tx, uint64_t start, uint64_t ack)
{
	tx->req_off = start;
	tx->req_ack_off = ack;
	tx->req_end_off = UINT64_MAX;
	tx->after_loss = pair->broken;
	tx->next = NULL;
	if (pair->requests && !pair->unseen && pair->last_ack == ack)
		pair->pipelined = true;
	pair->requests = true;
	pair->last_ack = ack;
	pair->broken = pair->unseen = false;
	// The server had acknowledged bytes of it with a response that is already reported.
	tx->pending = pair->anchored || start >= pair->orphan_ack;
	if (!tx->pending)
		return false;
	if (pair->tail)
		pair->tail->next = tx;
	else
		pair->head = tx;
	pair->tail = tx;
	pair->n++;
	return true;
}

void http_pair_skip(struct http_pair *pair)
{
	if (pair->anchored)
		pair->unfollowed++;
	else
		pair->broken = pair->unseen = true;
}

// Requests without a transaction can only be counted while the order is known.
static void forget_unfollowed(struct http_pair *pair)
{
	if (pair->unfollowed)
		pair->broken = pair->unseen = true;
	pair->unfollowed = 0;
}

void http_pair_lost(struct http_pair *pair, enum dir dir, bool whole)
{
	forget_unfollowed(pair);
	if (dir == SERVER) {
		pair->anchored = false;
	} else {
		pair->broken = pair->unseen = true;
		pair->whole |= whole;
	}
}

void http_pair_cut_off(struct http_pair *pair)
{
	forget_unfollowed(pair);
	pair->broken = true;
}

static enum http_pair_result by_order(struct http_pair *pair, const struct http_pair_view *view,
				      struct http_tx **out)
{
	if (pair->head && !pair->head->after_loss) {
		*out = pair->head;
		if (pair->head->req_ack_off < view->start)
			pair->pipelined = true;
		return PAIR_REQUEST;
	}
	if (!pair->head && pair->unfollowed) {
		pair->unfollowed--;
		return PAIR_UNFOLLOWED;
	}
	pair->anchored = false;
	return PAIR_NONE;
}

static struct http_tx *by_proof(const struct http_pair *pair, const struct http_pair_view *view)
{
	struct http_tx *found = NULL;

	// One more than is known may be acknowledged: a FIN counts as a byte.
	if (pair->pipelined || view->acked > view->known + 1)
		return NULL;
	for (struct http_tx *tx = pair->head; tx; tx = tx->next) {
		if (tx->after_loss && found)
			return NULL;
		if (tx->req_ack_off != view->start || tx->req_end_off > view->acked ||
		    (pair->whole && view->before < tx->req_off))
			continue;
		if (found && view->client_lossy)
			return NULL;
		if (!found)
			found = tx;
	}
	return pair->unseen ? NULL : found;
}

enum http_pair_result http_pair_response(struct http_pair *pair, const struct http_pair_view *view,
					 struct http_tx **out)
{
	enum http_pair_result result = PAIR_NONE;

	*out = NULL;
	if (pair->anchored)
		result = by_order(pair, view, out);
	if (result != PAIR_NONE)
		return result;
	forget_unfollowed(pair);
	*out = by_proof(pair, view);
	if (*out) {
		pair->anchored = true;
		pair->whole = false;
		(*out)->paired_by_guess = true;
		(*out)->after_loss = false;
		return PAIR_REQUEST;
	}
	if (view->acked > pair->orphan_ack)
		pair->orphan_ack = view->acked;
	return PAIR_NONE;
}

struct http_tx *http_pair_stale(struct http_pair *pair, uint64_t start)
{
	// Responses to come begin behind start, and s grows along the queue.
	return pair->head && pair->head->req_ack_off <= start ? http_pair_pop(pair) : NULL;
}

struct http_tx *http_pair_pop(struct http_pair *pair)
{
	struct http_tx *tx = pair->head;

	if (!tx)
		return NULL;
	pair->head = tx->next;
	if (!pair->head)
		pair->tail = NULL;
	pair->n--;
	tx->next = NULL;
	tx->pending = false;
	return tx;
}

struct http_tx *http_pair_give_up(struct http_pair *pair)
{
	forget_unfollowed(pair);
	pair->anchored = false;
	return http_pair_pop(pair);
}
