// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors

#include "detect/approved.h"

#include "detect/draft.h"
#include "detect/endpoint.h"
#include "detect/policy.h"

static bool is_listed(const struct conf_strs *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++) {
		if (policy_glob(list->v[i], span_make(text, strlen(text)), false))
			return true;
	}
	return false;
}

bool approved_user(struct approved *memo, const struct conf_strs *list,
		   const struct merged_principal *p)
{
	// Who it is may be told later.
	if (!memo->asked && p->user && p->user[0])
		*memo = (struct approved){true, is_listed(list, p->user)};
	return memo->yes;
}

bool approved_endpoint(struct approved *memo, const struct conf_strs *list,
		       const struct merged_endpoint *e)
{
	char text[ENDPOINT_METHOD + ENDPOINT_HOST + EXCHANGE_TEMPLATE + 3];

	if (!memo->asked) {
		draft_text(text, sizeof(text), "%s %s%s", e->method, e->host, e->template);
		*memo = (struct approved){true, is_listed(list, text)};
	}
	return memo->yes;
}
