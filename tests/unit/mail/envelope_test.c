/* Envelope and state as bytes: what is written is what is read, and nothing malformed is believed.
 */
#include "mail/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define HEAD 7 /* octets before the fields */

static struct gw_message *make(void)
{
	struct gw_message *message = message_create(NULL, NULL, 42);

	assert_non_null(message);
	return message;
}

static void assert_same(struct gw_str a, struct gw_str b)
{
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.ptr, b.ptr, a.len);
}

static struct gw_message *full_message(void)
{
	struct gw_message *message = make();
	static char long_trace[300];

	memset(long_trace, 'r', sizeof long_trace);
	message->sender = gw_str("sender@example.com");
	message->client = gw_str("crm-eu");
	message->login = gw_str_n("log\0in", 6);
	message->type = gw_str("mass");
	message->domains = gw_str("example.com example.net");
	message->peer = gw_str("192.0.2.1");
	message->helo = gw_str("crm.example.com");
	message->listener = gw_str("0.0.0.0:587");
	message->tls = gw_str("TLSv1.3 TLS_AES_256_GCM_SHA384");
	message->envid = gw_str("QQ+3D");
	message->trace = gw_str_n(long_trace, sizeof long_trace);
	message->received_at = 1795456789123;
	message->expires_at = -1;
	message->body = 2;
	message->ret = 1;
	message->smtputf8 = message->requiretls = message->eight_bit = message->long_line =
		message->own = true;
	assert_non_null(message_rcpt_add(message, gw_str("a@example.org"),
					 gw_str("rfc822;a@example.org"), 6));
	assert_non_null(message_rcpt_add(message, gw_str("b@example.org"), gw_str(""), 0));
	assert_non_null(message_rcpt_add(message, gw_str("c@example.org"), gw_str(""), 1));
	return message;
}

static void add_state(struct gw_message *message)
{
	struct gw_rcpt *rcpt = message->rcpts[1];

	rcpt->status = RCPT_FAILED;
	rcpt->last.code = 550;
	rcpt->last.enhanced[0] = 5;
	rcpt->last.enhanced[1] = 1;
	rcpt->last.enhanced[2] = 255;
	rcpt->last.text = gw_str("no such user\nask the postmaster");
	rcpt->last_host = gw_str("mx.example.org [192.0.2.9]");
	rcpt->relay = gw_str("mass-eu");
	rcpt->suspect = rcpt->delay_told = true;
	message->rcpts[2]->status = RCPT_DELIVERED;
	message->held = true;
	message->hold_reason = gw_str("virus found");
	message->attempts = 300;
	message->next_at = 1795456799999;
	assert_int_equal(message_note_set(message, gw_str("routing.rule"), gw_str("7")), 0);
	assert_int_equal(message_note_set(message, gw_str("quota.day"), gw_str("")), 0);
}

static void encode(const struct gw_message *message, struct buf *envelope, struct buf *state)
{
	buf_init(envelope, 0);
	buf_init(state, 0);
	assert_int_equal(message_encode_envelope(message, envelope), 0);
	assert_int_equal(message_encode_state(message, state), 0);
}

static void assert_same_envelope(const struct gw_message *a, const struct gw_message *b)
{
	size_t i;

	assert_same(a->sender, b->sender);
	assert_same(a->client, b->client);
	assert_same(a->login, b->login);
	assert_same(a->type, b->type);
	assert_same(a->domains, b->domains);
	assert_same(a->peer, b->peer);
	assert_same(a->helo, b->helo);
	assert_same(a->listener, b->listener);
	assert_same(a->tls, b->tls);
	assert_same(a->envid, b->envid);
	assert_same(a->trace, b->trace);
	assert_int_equal(a->received_at, b->received_at);
	assert_int_equal(a->expires_at, b->expires_at);
	assert_int_equal(a->body, b->body);
	assert_int_equal(a->ret, b->ret);
	assert_int_equal(a->smtputf8, b->smtputf8);
	assert_int_equal(a->requiretls, b->requiretls);
	assert_int_equal(a->eight_bit, b->eight_bit);
	assert_int_equal(a->long_line, b->long_line);
	assert_int_equal(a->own, b->own);
	assert_int_equal(a->rcpt_count, b->rcpt_count);
	for (i = 0; i < a->rcpt_count; i++) {
		assert_same(a->rcpts[i]->address, b->rcpts[i]->address);
		assert_same(a->rcpts[i]->domain, b->rcpts[i]->domain);
		assert_same(a->rcpts[i]->orcpt, b->rcpts[i]->orcpt);
		assert_int_equal(a->rcpts[i]->notify, b->rcpts[i]->notify);
	}
}

static void assert_same_state(const struct gw_message *a, const struct gw_message *b)
{
	size_t i;

	for (i = 0; i < a->rcpt_count; i++) {
		const struct gw_rcpt *x = a->rcpts[i], *y = b->rcpts[i];

		assert_int_equal(x->status, y->status);
		assert_int_equal(x->suspect, y->suspect);
		assert_int_equal(x->delay_told, y->delay_told);
		assert_same(x->relay, y->relay);
		assert_same(x->last_host, y->last_host);
		assert_same(x->last.text, y->last.text);
		assert_int_equal(x->last.code, y->last.code);
		assert_memory_equal(x->last.enhanced, y->last.enhanced, 3);
	}
	assert_int_equal(a->held, b->held);
	assert_same(a->hold_reason, b->hold_reason);
	assert_int_equal(a->attempts, b->attempts);
	assert_int_equal(a->next_at, b->next_at);
	assert_same(message_note(a, gw_str("routing.rule")),
		    message_note(b, gw_str("routing.rule")));
	assert_same(message_note(a, gw_str("quota.day")), message_note(b, gw_str("quota.day")));
}

static void what_is_written_is_what_is_read(void **state)
{
	struct gw_message *message = full_message(), *read = make();
	struct buf envelope, states;

	encode(message, &envelope, &states);
	add_state(message);
	buf_clear(&states);
	assert_int_equal(message_encode_state(message, &states), 0);
	assert_int_equal(message_decode_envelope(read, buf_str(&envelope)), 0);
	assert_same_envelope(message, read);
	assert_int_equal(message_pending(read), 3);
	assert_int_equal(message_decode_state(read, buf_str(&states)), 0);
	buf_clear(&envelope);
	memset(buf_ptr(&states), 0, buf_len(&states)); /* nothing read may still point there */
	assert_same_state(message, read);
	assert_int_equal(message_pending(read), 1);
	buf_finish(&envelope);
	buf_finish(&states);
	message_destroy(read);
	message_destroy(message);
}

/* The 250 promises what modules said before it too; a later state is all there is then. */
static void what_was_said_before_the_commit_is_in_the_envelope(void **state)
{
	struct gw_message *message = full_message(), *read = make();
	struct buf envelope, states;

	message->held = true;
	message->hold_reason = gw_str("a virus");
	assert_int_equal(message_note_set(message, gw_str("antivirus.found"), gw_str("EICAR")), 0);
	encode(message, &envelope, &states);
	assert_int_equal(message_decode_envelope(read, buf_str(&envelope)), 0);
	assert_same_envelope(message, read);
	assert_true(read->held);
	assert_same(read->hold_reason, gw_str("a virus"));
	assert_same(message_note(read, gw_str("antivirus.found")), gw_str("EICAR"));
	message->held = false;
	message->hold_reason = gw_str("");
	message->notes = NULL;
	buf_clear(&states);
	assert_int_equal(message_encode_state(message, &states), 0);
	assert_int_equal(message_decode_state(read, buf_str(&states)), 0);
	assert_false(read->held);
	assert_null(message_note(read, gw_str("antivirus.found")).ptr);
	buf_finish(&envelope);
	buf_finish(&states);
	message_destroy(read);
	message_destroy(message);
}

static void a_small_envelope_is_small(void **state)
{
	struct gw_message *message = make(), *read = make();
	struct buf envelope, states;

	message_rcpt_add(message, gw_str("a@b.example"), gw_str(""), 0);
	encode(message, &envelope, &states);
	assert_int_equal(buf_len(&envelope), HEAD + 2 + 2 + 11);
	assert_int_equal(message_decode_envelope(read, buf_str(&envelope)), 0);
	assert_int_equal(read->sender.len, 0);
	assert_int_equal(message_decode_state(read, buf_str(&states)), 0);
	buf_finish(&envelope);
	buf_finish(&states);
	message_destroy(read);
	message_destroy(message);
}

static void a_thousand_recipients_fit(void **state)
{
	struct gw_message *message = make(), *read = make();
	struct buf envelope, states;
	int i;

	for (i = 0; i < 1000; i++) {
		struct gw_rcpt *rcpt = message_rcpt_add(message, gw_str("someone@example.org"),
							gw_str(""), 0);
		rcpt->status = (enum rcpt_status)(i % 3);
	}
	encode(message, &envelope, &states);
	assert_int_equal(message_decode_envelope(read, buf_str(&envelope)), 0);
	assert_int_equal(message_decode_state(read, buf_str(&states)), 0);
	assert_same_envelope(message, read);
	assert_same_state(message, read);
	buf_finish(&envelope);
	buf_finish(&states);
	message_destroy(read);
	message_destroy(message);
}

static void a_buffer_that_is_too_small_is_told(void **state)
{
	struct gw_message *message = full_message();
	struct buf small;

	buf_init(&small, 40);
	assert_int_equal(message_encode_envelope(message, &small), -1);
	assert_true(small.failed);
	buf_finish(&small);
	message_destroy(message);
}

/* Decodes a copy that ends where its memory ends, so that a sanitizer sees one octet too far. */
static int decode_copy(struct gw_str envelope, struct gw_str state, bool which)
{
	struct gw_message *read = make();
	struct gw_str bytes = which ? state : envelope;
	char *copy = malloc(bytes.len ? bytes.len : 1);
	int result = 0;

	memcpy(copy, bytes.ptr, bytes.len);
	if (which)
		result = message_decode_envelope(read, envelope);
	if (result == 0)
		result = which ? message_decode_state(read, gw_str_n(copy, bytes.len))
			       : message_decode_envelope(read, gw_str_n(copy, bytes.len));
	free(copy);
	message_destroy(read);
	return result;
}

static void what_is_cut_anywhere_is_refused(void **state)
{
	struct gw_message *message = full_message();
	struct buf envelope, states;
	size_t len;

	add_state(message);
	encode(message, &envelope, &states);
	for (len = 0; len < buf_len(&envelope); len++)
		assert_int_equal(
			decode_copy(gw_str_n(buf_ptr(&envelope), len), buf_str(&states), false),
			-1);
	for (len = 0; len < buf_len(&states); len++)
		assert_int_equal(
			decode_copy(buf_str(&envelope), gw_str_n(buf_ptr(&states), len), true), -1);
	buf_finish(&envelope);
	buf_finish(&states);
	message_destroy(message);
}

static void random_damage_does_no_harm(void **state)
{
	struct gw_message *message = full_message();
	struct buf envelope, states;
	int round;

	add_state(message);
	encode(message, &envelope, &states);
	srandom(20261123);
	for (round = 0; round < 20000; round++) {
		bool which = round & 1;
		struct buf *victim = which ? &states : &envelope;
		size_t at = (size_t)random() % buf_len(victim);
		char kept = buf_ptr(victim)[at];

		buf_ptr(victim)[at] = (char)random();
		decode_copy(buf_str(&envelope), buf_str(&states), which);
		if (random() % 4) /* some damage stays, so that it adds up */
			buf_ptr(victim)[at] = kept;
		if (round % 500 == 499) {
			buf_finish(&envelope);
			buf_finish(&states);
			encode(message, &envelope, &states);
		}
	}
	buf_finish(&envelope);
	buf_finish(&states);
	message_destroy(message);
}

/* A record by hand: head and then the fields given. */
static int decode_fields(char kind, const char *fields, size_t len)
{
	struct gw_message *read = make();
	char record[256] = { kind, 1, 0, (char)len, 0, 0, 0 };
	int result;

	memcpy(record + HEAD, fields, len);
	if (kind == 'S')
		message_rcpt_add(read, gw_str("a@b"), gw_str(""), 0);
	result = kind == 'S' ? message_decode_state(read, gw_str_n(record, HEAD + len))
			     : message_decode_envelope(read, gw_str_n(record, HEAD + len));
	message_destroy(read);
	return result;
}

#define RCPT_A                                                                                     \
	"\x28\x05\x01\x03"                                                                         \
	"a@b"

static void malformed_and_newer_records(void **state)
{
	static const struct {
		const char *what;
		char kind;
		const char *fields;
		size_t len;
		int result;
	} rows[] = {
#define ROW(what, kind, fields, result) { what, kind, fields, sizeof(fields) - 1, result }
		ROW("one recipient is enough", 'E', RCPT_A, 0),
		ROW("no recipient", 'E', "\x01\x01x", -1),
		ROW("a recipient without an address", 'E', "\x28\x00", -1),
		ROW("a tag of a newer version", 'E', RCPT_A "\x3f\x02xx", 0),
		ROW("a tag above the table", 'E', RCPT_A "\xff\x02xx", 0),
		ROW("a tag of a newer version in a recipient", 'E',
		    "\x28\x07\x01\x03"
		    "a@b"
		    "\x20\x00",
		    0),
		ROW("a number of nine octets", 'E',
		    RCPT_A "\x0c\x09"
			   "123456789",
		    -1),
		ROW("a 33-bit number where 32 go", 'E',
		    RCPT_A "\x0d\x05"
			   "\x00\x00\x00\x00\x01",
		    -1),
		ROW("a length that never ends", 'E', RCPT_A "\x01\xff\xff\xff\xff\xff\xff", -1),
		ROW("a length over the end", 'E', RCPT_A "\x01\x02x", -1),
		ROW("a recipient that runs over its end", 'E',
		    "\x28\x05\x01\x04"
		    "a@bc",
		    -1),
		ROW("nothing is known", 'S', "", 0),
		ROW("an index past the recipients", 'S',
		    "\x29\x00"
		    "\x28\x03\x04\x01\x01",
		    -1),
		ROW("a status that is none", 'S', "\x28\x03\x05\x01\x03", -1),
		ROW("a reply code that is none", 'S', "\x28\x04\x09\x02\xe8\x03", -1),
		ROW("a note without a key", 'S', "\x29\x03\x02\x01v", -1),
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		int result = decode_fields(rows[i].kind, rows[i].fields, rows[i].len);
		if (result != rows[i].result)
			fail_msg("%s: %d", rows[i].what, result);
	}
}

static void a_record_of_another_kind_or_version_is_refused(void **state)
{
	struct gw_message *message = full_message(), *read = make();
	struct buf envelope, states;

	encode(message, &envelope, &states);
	assert_int_equal(message_decode_envelope(read, buf_str(&states)), -1);
	assert_int_equal(message_decode_state(read, buf_str(&envelope)), -1);
	buf_ptr(&envelope)[2] = 9; /* a newer minor */
	assert_int_equal(message_decode_envelope(read, buf_str(&envelope)), 0);
	buf_ptr(&envelope)[1] = 2; /* a newer major */
	assert_int_equal(message_decode_envelope(read, buf_str(&envelope)), -1);
	buf_finish(&envelope);
	buf_finish(&states);
	message_destroy(read);
	message_destroy(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_what_is_read),
		cmocka_unit_test(what_was_said_before_the_commit_is_in_the_envelope),
		cmocka_unit_test(a_small_envelope_is_small),
		cmocka_unit_test(a_thousand_recipients_fit),
		cmocka_unit_test(a_buffer_that_is_too_small_is_told),
		cmocka_unit_test(what_is_cut_anywhere_is_refused),
		cmocka_unit_test(random_damage_does_no_harm),
		cmocka_unit_test(malformed_and_newer_records),
		cmocka_unit_test(a_record_of_another_kind_or_version_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
