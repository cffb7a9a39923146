/* groups_test.c - no address of a mail, wherever it stands, takes the stack of who parses it. */
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../common/groups.h"

/* `count` times `part`, folded as a client has to. */
static void put_many(GString *mail, const char *part, unsigned count)
{
	size_t line = mail->len;

	while (count--) {
		if (mail->len - line > 400) {
			g_string_append(mail, "\r\n ");
			line = mail->len;
		}
		g_string_append(mail, part);
	}
}

static void *read_it(void *arg)
{
	const GString *mail = arg;
	struct words words;

	words_read(&words, gw_str_n(mail->str, mail->len), false);
	words_finish(&words);
	return NULL;
}

/* On a stack that is small, so that the test need not be large. */
static void read_on_a_small_stack(GString *mail)
{
	pthread_attr_t attributes;
	pthread_t thread;

	words_init();
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 512 * 1024);
	assert_int_equal(pthread_create(&thread, &attributes, read_it, mail), 0);
	pthread_attr_destroy(&attributes);
	pthread_join(thread, NULL);
	g_string_free(mail, TRUE);
}

static GString *mail_with(const char *before, const char *part)
{
	GString *mail = g_string_new(before);

	put_many(mail, part, 100000);
	g_string_append(mail, "a@example.com\r\n\r\nhello\r\n");
	return mail;
}

#define INNER                                                                                      \
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"

static void what_nests_ends(void **state)
{
	static const char *const fields[] = {
		"From: ", "To: ", "cc:", "Reply-To : ", "Resent-Bcc: ", "SENDER: ", "Resent-From:"
	};
	static const char *const parts[] = { "a:", "a:b@c,", "\"a\":", "(",
					     "<",  "((a)",   "\"\\",   "a:;" };
	size_t i;

	(void)state;
	for (i = 0; i < G_N_ELEMENTS(fields); i++)
		read_on_a_small_stack(mail_with(fields[i], "a:"));
	for (i = 0; i < G_N_ELEMENTS(parts); i++)
		read_on_a_small_stack(mail_with("To: ", parts[i]));
	read_on_a_small_stack(mail_with(INNER "From: ", "a:"));
	read_on_a_small_stack(mail_with(INNER INNER "To: ", "a:"));
	read_on_a_small_stack(mail_with("Subject: x\r\nFrom:\r\n ", "a:"));
}

static void mail_of_people_is_as_it_was(void **state)
{
	static const char mail[] =
		"From: Friends: \"Ann: A.\" <ann@example.com>, bob@[IPv6:2001:db8::1];\r\n"
		"Subject: a:b:c\r\nTo: (a:b) x@example.com,\r\n friends: y@example.com;\r\n\r\nTo: a:b\r\n";
	char copy[sizeof mail];
	struct words words;

	(void)state;
	memcpy(copy, mail, sizeof mail);
	groups_mask_mail(copy, sizeof mail - 1);
	assert_string_equal(copy, mail);
	words_init();
	words_read(&words, gw_str(mail), false);
	assert_int_equal(words.authors->len, 2);
	assert_string_equal(words.authors->pdata[0], "ann@example.com");
	words_finish(&words);
}

static void only_fields_of_addresses_lose_colons(void **state)
{
	GString *mail = g_string_new("Subject: ");
	size_t len, i, left = 0;

	(void)state;
	put_many(mail, "a:", 100);
	g_string_append(mail, "\r\nTo: ");
	put_many(mail, "a:", 100);
	g_string_append(mail, "\r\nX-Other: ");
	put_many(mail, "a:", 100);
	len = mail->len;
	groups_mask_mail(mail->str, mail->len);
	for (i = 0; i < mail->len; i++)
		left += mail->str[i] == ':';
	assert_int_equal(mail->len, len);
	assert_int_equal(left, 3 + 100 + GROUPS_MOST + 100);
	g_string_free(mail, TRUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nests_ends),
		cmocka_unit_test(mail_of_people_is_as_it_was),
		cmocka_unit_test(only_fields_of_addresses_lose_colons),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
