// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Logins: who, with what, how they ended, which sessions they made.

#include "detect/identity_login.c"

#include "tests/unit/identity_fixture.h"

#define POST "POST /login HTTP/1.1\r\nHost: Shop.example\r\n"
#define OK "HTTP/1.1 200 OK\r\n"

static void login(const char *body, const char *response, const char *answer,
		  enum login_result result)
{
	identity_send(POST, body, response, answer);
	assert_int_equal(x.login_result, result);
}

static void test_who(void **)
{
	uint64_t user, secret;

	identity_open("");
	login("{\"email\":\"ann@shop.example\",\"password\":\"v7Qm-2rX\"}", NULL, NULL, LOGIN_UNKNOWN);
	user = x.login_user;
	secret = x.login_secret;
	assert_true(user && secret);
	login("email=Ann%40shop.example+&password=v7Qm%2D2rX", NULL, NULL, LOGIN_UNKNOWN);
	assert_true(x.login_user == user && x.login_secret == secret);
	login("{\"user\":{\"e\":1,\"email\":\"\\u0061nn@shop.example\"},\"Password\":\"other\"}", NULL,
	      NULL, LOGIN_UNKNOWN);
	assert_true(x.login_user == user && x.login_secret != secret);
	login("user%5Bemail%5D=x&user[email]=ann@shop.example", NULL, NULL, LOGIN_UNKNOWN);
	assert_true(x.login_user == user && x.login_secret == 0);
	login("{\"username\":\"ann", NULL, NULL, LOGIN_UNKNOWN); // cut off
	assert_true(x.login_user == 0);
	login("", NULL, NULL, LOGIN_UNKNOWN);
	assert_true(x.login_user == 0);
	identity_send("POST /orders HTTP/1.1\r\nHost: h\r\n", "username=ann&password=p", OK, "{}");
	assert_true(x.login_user == 0 && n_bindings == 0); // no login
	// Another salt: the secret's hash is another one, the user's is not.
	principal.salt++;
	login("{\"email\":\"ann@shop.example\",\"password\":\"v7Qm-2rX\"}", NULL, NULL, LOGIN_UNKNOWN);
	assert_true(x.login_user == user && x.login_secret != secret);
}

#define ANN "{\"username\":\"ann\",\"password\":\"p\"}"

static void test_results(void **)
{
	identity_open("");
	login(ANN, "HTTP/1.1 401 Unauthorized\r\n", "{}", LOGIN_FAILURE);
	login(ANN, "HTTP/1.1 400 Bad Request\r\n", "{}", LOGIN_FAILURE);
	login(ANN, "HTTP/1.1 422 Unprocessable\r\n", "{}", LOGIN_FAILURE);
	login(ANN, "HTTP/1.1 500 Oops\r\n", "{}", LOGIN_UNKNOWN);
	login(ANN, "HTTP/1.1 429 Slow down\r\n", "{}", LOGIN_UNKNOWN);
	login(ANN, OK, "{}", LOGIN_UNKNOWN);
	login(ANN, OK, "{\"success\":true}", LOGIN_SUCCESS);
	login(ANN, OK, "{\"success\":false}", LOGIN_FAILURE);
	login(ANN, OK, "{\"error\":\"bad password\"}", LOGIN_FAILURE);
	login(ANN, OK, "{\"error\":null,\"ok\":true}", LOGIN_SUCCESS);
	login(ANN, OK, "{\"status\":\"error\"}", LOGIN_FAILURE);
	login(ANN, OK, "{\"access_token\":\"0a1b2c3d4e5f6a7b8c9d\"}", LOGIN_SUCCESS);
	login(ANN, OK "Set-Cookie: sid=0a1b2c3d4e5f6a7b8c9d; HttpOnly\r\n", "{}", LOGIN_SUCCESS);
	login(ANN, OK "Set-Cookie: csrftoken=0a1b2c3d4e5f6a7b8c9d; HttpOnly\r\n", "{}",
	      LOGIN_UNKNOWN);
	// The form once more: the cookie was set for anybody.
	login(ANN,
	      OK "Content-Type: text/html\r\nSet-Cookie: sid=0a1b2c3d4e5f6a7b8c9d; HttpOnly\r\n",
	      "<form><input type=password></form>", LOGIN_UNKNOWN);
	login(ANN,
	      OK "Content-Type: text/html\r\nSet-Cookie: sid=0a1b2c3d4e5f6a7b8c9d; HttpOnly\r\n",
	      "<p>Hello", LOGIN_SUCCESS);
	login(ANN, "HTTP/1.1 302 Found\r\nLocation: /home\r\n", NULL, LOGIN_SUCCESS);
	login(ANN, "HTTP/1.1 302 Found\r\nLocation: https://shop.example/login?x\r\n", NULL,
	      LOGIN_FAILURE);
	login(ANN, "HTTP/1.1 303 See Other\r\nLocation: /?error=1\r\n", NULL, LOGIN_FAILURE);
	login(ANN, "HTTP/1.1 307 Again\r\nLocation: /home\r\n", NULL, LOGIN_UNKNOWN);
	login(ANN, "HTTP/1.1 302 Found\r\n", NULL, LOGIN_UNKNOWN);
	login("{\"a\":1}", OK, "{\"success\":true}", LOGIN_UNKNOWN); // nobody signed in
}

#define VALUE "0a1b2c3d4e5f6a7b8c9d"

static void test_bindings(void **)
{
	uint64_t user;

	identity_open("");
	login(ANN,
	      OK "Set-Cookie: _ga=GA1.2.0a1b2c3d4e5f6a7b; HttpOnly\r\n"
		 "Set-Cookie: __Host-sid=" VALUE "; Path=/; HttpOnly\r\n"
		 "Set-Cookie: lang=en\r\nSet-Cookie: AWSALB=" VALUE VALUE "; HttpOnly\r\n",
	      "{\"access_token\":\"" VALUE "ff\"}", LOGIN_SUCCESS);
	assert_int_equal(n_bindings, 2);
	user = bindings[0].user;
	assert_true(user && bindings[1].user == user);
	assert_span(span_make(bindings[0].text, bindings[0].user_len), "ann");
	assert_true(bindings[0].cookie == session_name(SPAN_LIT("SID")));
	assert_true(bindings[1].cookie == 0);
	// They are what requests with these credentials have.
	GET("Cookie: sid=" VALUE "\r\n");
	assert_true(x.principal == bindings[0].session);
	GET("Authorization: Bearer " VALUE "ff\r\n");
	assert_true(x.principal == bindings[1].session);
	// Any case is the same user, another host's is not.
	login("username=ANN&password=p", OK "Set-Cookie: sid=" VALUE "00\r\n", "{}", LOGIN_SUCCESS);
	assert_int_equal(n_bindings, 1);
	assert_true(bindings[0].user == user);
	identity_send("POST /login HTTP/1.1\r\nHost: other.example\r\n", ANN,
		      OK "Set-Cookie: sid=" VALUE "00\r\n", "{}");
	assert_int_equal(n_bindings, 1);
	assert_true(bindings[0].user != user);
	// A failure binds nothing.
	login(ANN, "HTTP/1.1 401 No\r\nSet-Cookie: sid=" VALUE "\r\n", "{}", LOGIN_FAILURE);
	assert_int_equal(n_bindings, 0);
	// Nothing new was set: the session that came is the user's now.
	identity_send(POST "Cookie: sid=" VALUE "\r\n", ANN, OK, "{\"success\":true}");
	assert_int_equal(n_bindings, 1);
	assert_true(bindings[0].session == x.principal);
	identity_open("principal = { show_users = false; };");
	login(ANN, OK "Set-Cookie: sid=" VALUE "\r\n", "{}", LOGIN_SUCCESS);
	assert_int_equal(bindings[0].user_len, 21);
	assert_memory_equal(bindings[0].text, "user:", 5);
}

// A cookie whose name says nothing counts once a login set it.
static void test_learnt_name(void **)
{
	struct session_names names = {0};

	identity_open("");
	login(ANN, OK "Set-Cookie: zz=" VALUE "; HttpOnly\r\n", "{}", LOGIN_SUCCESS);
	assert_int_equal(n_bindings, 1);
	GET("Cookie: zz=" VALUE "\r\n");
	expect(PRINCIPAL_ADDRESS, 40, NULL);
	atomic_store(&names.name[0], session_name(SPAN_LIT("zz")));
	principal_epoch(&principal, &names);
	login(ANN, OK "Set-Cookie: zz=" VALUE "; HttpOnly\r\n", "{}", LOGIN_SUCCESS);
	GET("Cookie: a=" VALUE "; zz=" VALUE "\r\n");
	expect(PRINCIPAL_SESSION, 70, NULL);
	assert_true(x.principal == bindings[0].session);
	GET("Cookie: zz=short1\r\n");
	expect(PRINCIPAL_ADDRESS, 40, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_learnt_name),
	};

	return cmocka_run_group_tests(tests, NULL, identity_close);
}
