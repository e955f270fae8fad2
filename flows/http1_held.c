// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Requests that arrive for so long that their sender may mean them to never end: they are told of while
// they are open. Runs on the worker, with each piece of a request.

#include "flows/http1_message.h"
#include "flows/http_exchange.h"

void http1_head_held(struct http1_feed *f)
{
	const struct http1_side *side = f->side;

	if (f->dir == CLIENT && side->start_line && !side->strict && !side->upgrade &&
	    f->p->now_ns - side->start_ns >= REQUEST_HELD_NS)
		http1_message_head(f, span_make(side->gather, side->gathered), f->in.len,
				   CUT_TOO_LONG);
}

void http1_request_held(const struct http1_feed *f)
{
	// A server of which nothing is seen may have answered.
	if (f->dir == CLIENT && f->side->tx && http1_in_message(f->side) &&
	    !http1_silent(f->p, SERVER))
		http_exchange_held(f->env, f->side->tx, f->p->now_ns);
}
