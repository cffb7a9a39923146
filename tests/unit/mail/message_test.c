/* The message in memory: recipients, notes, the header index. */
#include "mail/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct gw_message *make(const char *content)
{
	struct gw_message *message = message_create(NULL, NULL, 1);

	assert_non_null(message);
	message->content.tail = gw_str(content);
	message->content.size = message->content.tail.len;
	return message;
}

static void assert_text(struct gw_str text, const char *expected)
{
	assert_int_equal(text.len, strlen(expected));
	assert_memory_equal(text.ptr, expected, text.len);
}

static void a_new_message_has_empty_strings_that_can_be_printed(void **state)
{
	struct gw_message *message = make("");

	assert_int_equal(message->id, 1);
	assert_string_equal(message->sender.ptr, "");
	assert_string_equal(message->trace.ptr, "");
	assert_string_equal(message->hold_reason.ptr, "");
	assert_int_equal(message_pending(message), 0);
	message_destroy(message);
	message_destroy(NULL);
}

static void the_domain_of_a_recipient_is_what_follows_its_at_sign(void **state)
{
	static const struct {
		const char *address, *domain;
	} rows[] = {
		{ "a@example.com", "example.com" },
		{ "\"a@b\"@example.com", "example.com" },
		{ "\"a\\\"@b\"@example.com", "example.com" },
		{ "a@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]" },
		{ "a@[tag:x@y]", "[tag:x@y]" },
		{ "postmaster", "" },
		{ "\"never ended", "" },
		{ "\"\\", "" },
		{ "", "" },
	};
	struct gw_message *message = make("");
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_rcpt *rcpt = message_rcpt_add(message, gw_str(rows[i].address),
							gw_str(""), 0);

		assert_text(rcpt->address, rows[i].address);
		assert_text(rcpt->domain, rows[i].domain);
		assert_int_equal(rcpt->index, i);
		assert_ptr_equal(rcpt->message, message);
		assert_ptr_equal(message->rcpts[i], rcpt);
	}
	message_destroy(message);
}

static void pending_counts_who_is_neither_delivered_nor_failed(void **state)
{
	struct gw_message *message = make("");
	int i;

	for (i = 0; i < 1000; i++)
		assert_non_null(message_rcpt_add(message, gw_str("a@example.com"),
						 gw_str("rfc822;a@example.com"), 4));
	assert_int_equal(message_pending(message), 1000);
	message->rcpts[0]->status = RCPT_DELIVERED;
	message->rcpts[999]->status = RCPT_FAILED;
	assert_int_equal(message_pending(message), 998);
	message_destroy(message);
}

static void a_note_is_kept_changed_and_bounded(void **state)
{
	struct gw_message *message = make("");
	static char long_value[NOTE_MAX + 1];

	assert_null(message_note(message, gw_str("routing.rule")).ptr);
	assert_int_equal(message_note_set(message, gw_str("routing.rule"), gw_str("first")), 0);
	assert_int_equal(message_note_set(message, gw_str("quota.day"), gw_str("")), 0);
	assert_text(message_note(message, gw_str("routing.rule")), "first");
	assert_text(message_note(message, gw_str("quota.day")), "");
	assert_non_null(message_note(message, gw_str("quota.day")).ptr);
	assert_int_equal(message_note_set(message, gw_str("routing.rule"), gw_str("second")), 0);
	assert_text(message_note(message, gw_str("routing.rule")), "second");
	assert_int_equal(message_note_set(message, gw_str("k"), gw_str_n(long_value, NOTE_MAX + 1)),
			 -1);
	assert_int_equal(message_note_set(message, gw_str("k"), gw_str_n(long_value, NOTE_MAX)), 0);
	message_destroy(message);
}

static void there_is_a_most_of_notes(void **state)
{
	struct gw_message *message = make("");
	char key[16];
	int i;

	for (i = 0; i < NOTES_MAX; i++) {
		snprintf(key, sizeof key, "key%d", i);
		assert_int_equal(message_note_set(message, gw_str(key), gw_str("v")), 0);
	}
	assert_int_equal(message_note_set(message, gw_str("one more"), gw_str("v")), -1);
	assert_int_equal(message_note_set(message, gw_str("key3"), gw_str("changed")), 0);
	message_destroy(message);
}

static void a_note_set_again_to_the_same_takes_no_memory(void **state)
{
	struct gw_message *message = make("");
	size_t total;
	int i;

	assert_int_equal(message_note_set(message, gw_str("k"), gw_str("same")), 0);
	total = message->arena.total;
	for (i = 0; i < 100000; i++)
		assert_int_equal(message_note_set(message, gw_str("k"), gw_str("same")), 0);
	assert_int_equal(message->arena.total, total);
	message_destroy(message);
}

static void the_header_is_indexed_whatever_the_message_looks_like(void **state)
{
	static const struct {
		const char *content;
		size_t count, size;
	} rows[] = {
		{ "A: 1\r\nB: 2\r\n 3\r\n\r\nbody\r\n", 2, 18 },
		{ "A: 1\r\n", 1, 6 },
		{ "A: 1\r\nno field here\r\n", 1, 6 },
		{ "no field here\r\n", 0, 0 },
		{ "\r\nbody\r\n", 0, 2 },
		{ "", 0, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_message *message = make(rows[i].content);
		const struct header_block *block = message_headers(message);

		assert_non_null(block);
		assert_int_equal(block->count, rows[i].count);
		assert_int_equal(block->size, rows[i].size);
		assert_ptr_equal(message_headers(message), block);
		message_destroy(message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_message_has_empty_strings_that_can_be_printed),
		cmocka_unit_test(the_domain_of_a_recipient_is_what_follows_its_at_sign),
		cmocka_unit_test(pending_counts_who_is_neither_delivered_nor_failed),
		cmocka_unit_test(a_note_is_kept_changed_and_bounded),
		cmocka_unit_test(there_is_a_most_of_notes),
		cmocka_unit_test(a_note_set_again_to_the_same_takes_no_memory),
		cmocka_unit_test(the_header_is_indexed_whatever_the_message_looks_like),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
