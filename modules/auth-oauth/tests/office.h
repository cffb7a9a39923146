/* office.h - a kit with one relay that logs in by token, and the answers of its end point. */
#ifndef OAUTH_TESTS_OFFICE_H
#define OAUTH_TESTS_OFFICE_H

#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define UNUSED __attribute__((unused))
#define MINUTE 60000
#define TURNS 2000 /* of 1 ms, for what a thread of the module does */

static struct gw_relay *relay;

UNUSED static struct testkit *office(const char *grant)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	testkit_option(kit, "warn_to", "admin@example.com");
	relay = testkit_relay(kit, "m365");
	testkit_relay_option(relay, "auth.method", "oauth");
	testkit_relay_option(relay, "auth.user", "relay@example.com");
	testkit_relay_option(relay, "auth.grant", grant);
	testkit_relay_option(relay, "auth.client_id", "app-1");
	testkit_relay_option(relay, "auth.client_secret", "SECRET-client");
	testkit_relay_option(relay, "auth.scope", "smtp.send offline");
	testkit_relay_option(relay, "auth.token_url", "https://login.example/token");
	testkit_relay_option(relay, "auth.device_url", "https://login.example/device");
	testkit_relay_option(relay, "auth.authorize_url", "https://login.example/page?x=1");
	testkit_relay_option(relay, "auth.revoke_url", "https://login.example/revoke");
	return kit;
}

UNUSED static struct gw_delivery *delivery_of(struct testkit *kit)
{
	struct gw_message *message = testkit_message(kit, NULL, "a@example.com",
						     "Subject: x\r\n\r\nhi\r\n");
	struct gw_delivery *delivery;

	testkit_rcpt(message, "b@example.net");
	delivery = testkit_delivery(message, relay);
	testkit_delivery_fact(delivery, GW_DELIVERY_MECHANISMS, "LOGIN XOAUTH2");
	return delivery;
}

UNUSED static enum gw_verdict log_in(struct testkit *kit, struct gw_delivery *delivery)
{
	return testkit_run_login(kit, delivery, relay);
}

/* The body of the oldest question has this. */
UNUSED static bool asked(struct testkit *kit, const char *part)
{
	return testkit_request(kit) && strstr(testkit_request(kit)->body.ptr, part);
}

UNUSED static void token(struct testkit *kit, const char *access, const char *refresh, int life)
{
	char json[400], more[200] = "";

	if (refresh)
		snprintf(more, sizeof more, ",\"refresh_token\":\"%s\"", refresh);
	snprintf(json, sizeof json,
		 "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%d%s}", access,
		 life, more);
	assert_true(testkit_run_http(kit, 200, "", json));
}

UNUSED static void no(struct testkit *kit, int status, const char *error)
{
	char json[300];

	snprintf(json, sizeof json, "{\"error\":\"%s\",\"error_description\":\"because\"}", error);
	assert_true(testkit_run_http(kit, status, "", json));
}

/* The token file, NULL: there is none. */
UNUSED static const char *file_text(struct testkit *kit)
{
	static char text[65536];
	FILE *file = fopen(testkit_file(kit, "oauth/m365.token", NULL), "r");
	size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;

	text[len] = '\0';
	if (file)
		fclose(file);
	return file ? text : NULL;
}

/* A turn of the clock's second until the file has it. */
UNUSED static bool file_gets(struct testkit *kit, const char *part)
{
	for (int turn = 0; turn < TURNS; turn++) {
		const char *text = file_text(kit);

		if (text && strstr(text, part))
			return true;
		usleep(1000);
	}
	return false;
}

/* Ticks, without the clock, until a login gets that token. */
UNUSED static bool gives(struct testkit *kit, const char *access)
{
	for (int turn = 0; turn < TURNS; turn++) {
		struct gw_delivery *delivery = delivery_of(kit);

		testkit_run_tick(kit);
		if (log_in(kit, delivery) == GW_ACCEPT &&
		    strcmp(testkit_login(delivery)->secret.ptr, access) == 0)
			return true;
		testkit_drop(kit, delivery);
		usleep(1000);
	}
	return false;
}

/* A kit that has the token "one" and the refresh token "SECRET-r1", for an hour. */
UNUSED static struct testkit *logged_in(const char *grant)
{
	struct testkit *kit = office(grant);
	char json[300];

	mkdir(testkit_file(kit, "oauth", NULL), 0700);
	snprintf(
		json, sizeof json,
		"{\"access_token\":\"SECRET-one\",\"refresh_token\":\"SECRET-r1\",\"got\":%lld,\"expires\":%lld}",
		1767225600000LL, 1767225600000LL + 60 * MINUTE);
	chmod(testkit_file(kit, "oauth/m365.token", json), 0600);
	assert_int_equal(testkit_start(kit), 0);
	return kit;
}

/* Nothing that was told has a secret in it. */
UNUSED static void keeps_secrets(struct testkit *kit)
{
	for (int what = 0; what < TESTKIT_LINES; what++)
		assert_false(testkit_has(kit, (enum testkit_line)what, "SECRET"));
	for (size_t i = 0; i < testkit_submissions(kit); i++)
		assert_null(strstr(testkit_submission(kit, i)->bytes.ptr, "SECRET"));
}

#endif
