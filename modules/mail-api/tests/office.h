/* office.h - a kit with a relay that is an API, a message, and the answers of the API. */
#ifndef MAIL_API_TESTS_OFFICE_H
#define MAIL_API_TESTS_OFFICE_H

#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define UNUSED __attribute__((unused))

struct office {
	struct testkit *kit;
	struct gw_relay *relay;
	struct gw_message *message;
	struct gw_delivery *delivery;
};

UNUSED static struct office office(const char *api)
{
	struct office office = { .kit = testkit_create(gw_module_v1) };

	office.relay = testkit_relay(office.kit, "m365-api");
	testkit_relay_option(office.relay, "api", api);
	testkit_relay_fact(office.relay, GW_RELAY_CONNECTIONS, "3");
	return office;
}

/* The message with these recipients, parted by blanks, on its way. */
UNUSED static void put_message(struct office *office, const char *bytes, const char *rcpts)
{
	char words[400], *word, *rest = words;

	office->message = testkit_message(office->kit, NULL, "relay@example.com", bytes);
	snprintf(words, sizeof words, "%s", rcpts);
	while ((word = strtok_r(rest, " ", &rest)) != NULL)
		testkit_rcpt(office->message, word);
	office->delivery = testkit_delivery(office->message, office->relay);
	testkit_set_login(office->delivery, "relay@example.com", "SECRET-token");
}

UNUSED static enum gw_verdict deliver(struct office *office)
{
	return testkit_run_deliver(office->kit, office->delivery, office->relay);
}

/* What was noted of the mail is on disk: it is posted. */
UNUSED static void pass_note(struct office *office)
{
	assert_int_equal(testkit_requests(office->kit), 0);
	assert_true(testkit_run_kept(office->kit, true));
	assert_int_equal(testkit_resume(office->kit, 1000), GW_PENDING);
	assert_int_equal(testkit_requests(office->kit), 1);
}

UNUSED static const struct gw_outcome *outcome(const struct office *office, size_t nth)
{
	const struct gw_outcome *found = testkit_outcome(office->delivery,
							 gw->delivery_rcpt(office->delivery, nth));

	assert_non_null(found);
	return found;
}

UNUSED static void assert_outcome(const struct gw_outcome *found, enum gw_status status, int code,
				  const char *enhanced, const char *stage)
{
	char text[20];

	assert_int_equal(found->status, status);
	assert_int_equal(found->code, code);
	snprintf(text, sizeof text, "%u.%u.%u", found->enhanced[0], found->enhanced[1],
		 found->enhanced[2]);
	assert_string_equal(text, enhanced);
	assert_string_equal(found->stage.ptr, stage);
}

UNUSED static int value_of(char c)
{
	const char *alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	return c == '=' ? 0 : (int)(strchr(alphabet, c) - alphabet);
}

/* What base64 says; the test's own. */
UNUSED static char *decode(struct gw_str text)
{
	char *out = malloc(text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i + 4 <= text.len; i += 4) {
		int bits = value_of(text.ptr[i]) << 18 | value_of(text.ptr[i + 1]) << 12 |
			   value_of(text.ptr[i + 2]) << 6 | value_of(text.ptr[i + 3]);

		out[len++] = (char)(bits >> 16);
		if (text.ptr[i + 2] != '=')
			out[len++] = (char)(bits >> 8);
		if (text.ptr[i + 3] != '=')
			out[len++] = (char)bits;
	}
	out[len] = '\0';
	return out;
}

#endif
