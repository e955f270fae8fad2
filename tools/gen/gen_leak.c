// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Answers that give away what is inside of the program: an error of a database, a stack trace, a
// page for developers, keys of services. Beside them stand answers that look alike: a page that
// explains such an error, an error without details, ordinary calls.

#include "tools/gen/gen_crowd.h"

#include <stdio.h>
#include <string.h>

enum {
	WHAT_DATABASE = 0,
	WHAT_TRACE,
	WHAT_DEBUG_PAGE,
	WHAT_WARNING,
	WHAT_KEY,
	WHAT_TEST_KEY,
	WHAT_REFERER,
	WHAT_MEMBER,
	WHAT_DOCUMENT,
	WHAT_PLAIN_ERROR,
	WHAT_PRODUCTS,
	WHAT_ORDERS,
};

static const char trace[] =
	"java.lang.IllegalStateException: Ledger 7 is not open\n"
	"\tat net.harborline.ledger.Ledger.post(Ledger.java:118)\n"
	"\tat net.harborline.web.InvoiceController.show(InvoiceController.java:52)\n"
	"\tat java.base/java.lang.Thread.run(Thread.java:1583)\n";

static const char debug_page[] =
	"<!DOCTYPE html><html><head><title>DoesNotExist at /api/v1/shipments/</title></head>"
	"<body><h1>DoesNotExist at /api/v1/shipments/</h1><pre>Traceback (most recent call last):\n"
	"  File &quot;/srv/harborline/shipping/views.py&quot;, line 31, in show\n</pre>"
	"<p>You're seeing this error because you have <code>DEBUG = True</code> in your settings "
	"file.</p></body></html>\n";

static const char warning_page[] =
	"<br />\n<b>Warning</b>:  Undefined array key &quot;depot&quot; in "
	"<b>/var/www/harborline/depots.php</b> on line <b>17</b><br />\n"
	"<ul><li>North</li><li>South</li></ul>\n";

// Somebody wrote this for people to read.
static const char document[] =
	"<!DOCTYPE html><html><head><title>Troubleshooting</title></head><body><article>"
	"<h1>When an import does not finish</h1><p>Most imports end within a few minutes. When one "
	"of them stands still, the reason is often found in the log of the import, which can be "
	"read from the page of the job. Look for the last line that was written before it stopped, "
	"and compare it with the cases below.</p><p>If the line says <code>ORA-00942: table or "
	"view "
	"does not exist</code>, then the account of the import may not read the table that is "
	"named "
	"in the settings of the job. Ask whoever looks after the database for the right to read "
	"it, "
	"and start the job once more from the page. If it says <code>Traceback (most recent call "
	"last)</code>, then one of the rows could not be read: the lines below name the file and "
	"the row. Open the file, repair the row, and load it again. Nothing is lost in the "
	"meantime, "
	"because rows that were taken over before are left as they are.</p><p>When none of this "
	"helps, write to us and send the log along with the number of the job.</p></article></body>"
	"</html>\n";

static void leak_text(struct gen_crowd *crowd, const struct gen_step *step, const char *endpoint,
		      const char *target, uint32_t status, const char *type, const char *text)
{
	gen_crowd_body(crowd);
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = endpoint,
					 .target = target,
					 .status = status,
					 .receive_type = type,
					 .receive_text = text});
}

// Settings with a key of a payment service in them, of its real or its test mode.
static void leak_key(struct gen_crowd *crowd, const struct gen_step *step, bool test)
{
	struct gen_json *body = gen_crowd_body(crowd);
	char key[64] = "sk_";
	size_t n;

	strcat(key, test ? "test_" : "live_");
	n = strlen(key);
	gen_value_secret(&crowd->gen->random, key + n, 24);
	gen_json_string(body, "region", "north");
	gen_json_object(body, "payments");
	gen_json_string(body, "service_key", key);
	gen_json_end(body);
	gen_crowd_call(
		crowd, step,
		(struct gen_call){.endpoint = test ? "GET /api/v1/sandbox" : "GET /api/v1/settings",
				  .target = test ? "/api/v1/sandbox" : "/api/v1/settings"});
}

// A picture for a page of another site, whose address has a key in it.
static void leak_referer(struct gen_crowd *crowd, const struct gen_step *step)
{
	char key[40], referer[128];

	gen_value_secret(&crowd->gen->random, key, 32);
	snprintf(referer, sizeof(referer), "https://desk.lumen-office.test/boards?api_key=%s", key);
	gen_json_bool(gen_crowd_body(crowd), "ok", true);
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "GET /badges/status",
					 .target = "/badges/status",
					 .anonymous = true,
					 .referer = referer});
}

// A record as it is stored; beside it in the truth, the names that clients have no use for.
static void leak_member(struct gen_crowd *crowd, const struct gen_step *step)
{
	uint32_t id = 1 + gen_random_below(&crowd->gen->random, 500);
	struct gen_json *body = gen_crowd_body(crowd);
	char target[64];

	gen_json_uint(body, "id", id);
	gen_json_string(body, "club", "Harborline Rowing");
	gen_json_string(body, "debug", NULL); // says nothing
	gen_json_bool(body, "is_staff", id % 9 == 0);
	gen_json_string(body, "internalNotes", "paid late twice, call before March");
	gen_json_uint(body, "_id", 70000 + id);
	snprintf(target, sizeof(target), "/api/v1/members/%u", id);
	gen_crowd_call(crowd, step,
		       (struct gen_call){.endpoint = "GET /api/v1/members/{id}", .target = target});
}

static void leak_step(struct gen_crowd *crowd, void *, const struct gen_step *step)
{
	uint32_t id = 1 + gen_random_below(&crowd->gen->random, 900);
	char target[64];

	switch (step->what) {
	case WHAT_DATABASE:
		gen_json_string(gen_crowd_body(crowd), "error",
				"ERROR: syntax error at or near \"'\"\n  Position: 62");
		gen_crowd_call(crowd, step,
			       (struct gen_call){.endpoint = "GET /api/v1/search",
						 .target = "/api/v1/search?q=o'brien",
						 .status = 500});
		break;
	case WHAT_TRACE:
		snprintf(target, sizeof(target), "/api/v1/invoices/%u", id);
		gen_json_string(gen_crowd_body(crowd), "trace", trace);
		gen_crowd_call(crowd, step,
			       (struct gen_call){.endpoint = "GET /api/v1/invoices/{id}",
						 .target = target,
						 .status = 500});
		break;
	case WHAT_DEBUG_PAGE:
		leak_text(crowd, step, "GET /api/v1/shipments", "/api/v1/shipments", 500,
			  "text/html; charset=utf-8", debug_page);
		break;
	case WHAT_WARNING:
		leak_text(crowd, step, "GET /depots", "/depots", 200, "text/html", warning_page);
		break;
	case WHAT_KEY:
	case WHAT_TEST_KEY:
		leak_key(crowd, step, step->what == WHAT_TEST_KEY);
		break;
	case WHAT_REFERER:
		leak_referer(crowd, step);
		break;
	case WHAT_MEMBER:
		leak_member(crowd, step);
		break;
	case WHAT_DOCUMENT:
		leak_text(crowd, step, "GET /pages/imports", "/pages/imports", 200,
			  "text/html; charset=utf-8", document);
		break;
	case WHAT_PLAIN_ERROR:
		gen_json_string(gen_crowd_body(crowd), "error",
				"Something went wrong. The number of this failure is 20417.");
		gen_crowd_call(crowd, step,
			       (struct gen_call){.endpoint = "GET /api/v1/stock",
						 .target = "/api/v1/stock",
						 .status = 500});
		break;
	case WHAT_PRODUCTS:
		gen_crowd_products(crowd, step, false);
		break;
	default:
		gen_crowd_orders(crowd, step);
	}
}

static void leak_issue(struct gen *gen, const char *kind, const char *endpoint,
		       const char *severity, const char *names)
{
	gen_truth_issue(&gen->truth, kind, endpoint, severity);
	gen_json_string(&gen->truth.issues, "names", names);
	gen_json_end(&gen->truth.issues);
}

static void leak_type(struct gen *gen, const char *kind, const char *endpoint, const char *severity,
		      const char *type, const char *field)
{
	gen_truth_issue(&gen->truth, kind, endpoint, severity);
	gen_json_string(&gen->truth.issues, "type", type);
	gen_json_string(&gen->truth.issues, "field", field);
	gen_json_end(&gen->truth.issues);
}

static void leak_run(struct gen *gen)
{
	double end_s = gen->options->minutes * 60.0;
	uint32_t users = gen->options->users;
	struct gen_crowd crowd;

	gen_crowd_init(&crowd, gen, users);
	for (uint32_t what = 0; what <= WHAT_PLAIN_ERROR; what++)
		gen_crowd_spread(&crowd, 0, users, 1, 0, end_s, what);
	gen_crowd_spread(&crowd, 0, users, 4, 0, end_s, WHAT_PRODUCTS);
	gen_crowd_spread(&crowd, 0, users, 4, 0, end_s, WHAT_ORDERS);
	gen_crowd_run(&crowd, NULL, leak_step);
	gen_crowd_fini(&crowd);

	gen_json_uint(&gen->truth.facts, "users", users);
	leak_issue(gen, "internal-details", "GET /api/v1/search", "medium", "PostgreSQL");
	leak_issue(gen, "internal-details", "GET /api/v1/invoices/{id}", "medium", "Java");
	// The trace in the page is no issue beside it.
	leak_issue(gen, "internal-details", "GET /api/v1/shipments", "medium", "Django");
	leak_issue(gen, "internal-details", "GET /depots", "medium", "PHP");
	leak_issue(gen, "excessive-properties", "GET /api/v1/members/{id}", "medium",
		   "isStaff, internalNotes, _id");
	leak_type(gen, "credential-leak", "GET /api/v1/settings", "critical", "stripe",
		  "$.payments.service_key");
	leak_type(gen, "credential-leak", "GET /api/v1/sandbox", "low", "stripe",
		  "$.payments.service_key");
	leak_type(gen, "credential-leak", "GET /badges/status", "high", "apikey.generic",
		  "referer.api_key");
}

const struct gen_scenario gen_leak = {
	.name = "leak",
	.summary = "error texts, traces, keys and internal fields in responses",
	.users = 20,
	.minutes = 2,
	.run = leak_run,
};
