/* What is remembered of a message, packed and unpacked. */
#include "sent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void fill(char *text, size_t size, char letter)
{
	memset(text, letter, size - 1);
	text[size - 1] = '\0';
}

#define FILL(name, letter) fill(sent->name, sizeof sent->name, letter)

static struct sent *full(void)
{
	struct sent *sent = calloc(1, sizeof *sent);

	assert_non_null(sent);
	sent->path = (struct path){ UINT64_MAX, UINT16_MAX };
	sent->until = INT64_MAX;
	sent->received = 7;
	sent->size = 8;
	sent->rcpt_count = 9;
	sent->is_named = true;
	FILL(queue_id, 'a');
	FILL(sender, 'b');
	FILL(author, 'c');
	FILL(message_id, 'd');
	FILL(envelope_id, 'e');
	FILL(client, 'f');
	FILL(type, 'g');
	FILL(relay, 'h');
	FILL(rcpts, 'i');
	FILL(header, 'j');
	return sent;
}

static void assert_comes_back(const struct sent *sent)
{
	struct sent_packed *packed = sent_pack(sent);
	struct sent *back = calloc(1, sizeof *back);

	assert_non_null(packed);
	assert_non_null(back);
	sent_unpack(packed, back);
	assert_true(back->path.id == sent->path.id && back->path.nth == sent->path.nth);
	back->path = sent->path; /* what is between its members is nobody's */
	assert_memory_equal(back, sent, sizeof *back);
	free(packed);
	free(back);
}

static void all_of_it_comes_back(void **state)
{
	struct sent *sent = full();

	(void)state;
	assert_comes_back(sent);
	memset(sent, 0, sizeof *sent);
	assert_comes_back(sent);
	strcpy(sent->rcpts, "jane@customer.example\n");
	assert_comes_back(sent);
	free(sent);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_of_it_comes_back) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
