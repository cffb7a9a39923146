/* A message from the spool: what was committed is what is loaded, and what goes out. */
#include "mail/edits.h"

#include "../spool/spool_kit.h"

#define EXTENT 65536u

/* Commits a message as receive/ does: extents, then envelope and tail. */
static void commit(struct kit *kit, uint64_t id, struct gw_str content, uint32_t extent,
		   struct gw_str envelope)
{
	struct spool_extent extents[64];
	struct waited last = { .append = { .type = SPOOL_MESSAGE,
					   .id = id,
					   .durable = true,
					   .meta = envelope,
					   .extents = extents } };
	size_t count = 0;

	for (; content.len > extent; content = gw_str_from(content, extent)) {
		struct waited waited = { .append = { .type = SPOOL_EXTENT,
						     .id = id,
						     .data = gw_str_n(content.ptr, extent) } };

		assert_int_equal(kit_append(kit->spool, &waited), SPOOL_OK);
		extents[count++] = waited.append.extent;
	}
	last.append.extent_count = count;
	last.append.data = content;
	assert_int_equal(kit_append(kit->spool, &last), SPOOL_OK);
}

static struct gw_message *queued(struct kit *kit, uint64_t id, struct gw_str content,
				 uint32_t extent)
{
	struct gw_message *message = message_create(NULL, NULL, id), *loaded = NULL;
	struct buf envelope;

	message->sender = gw_str("a@example.com");
	message->trace = gw_str("Received: by test\r\n");
	message_rcpt_add(message, gw_str("b@example.org"), gw_str(""), 0);
	buf_init(&envelope, 0);
	assert_int_equal(message_encode_envelope(message, &envelope), 0);
	commit(kit, id, content, extent, buf_str(&envelope));
	buf_finish(&envelope);
	message_destroy(message);
	assert_int_equal(message_load(NULL, NULL, kit->spool, id, &loaded), 0);
	return loaded;
}

/* Begins with `head`, then `part` until it is `size` octets long. */
static struct gw_str text_of(const char *head, const char *part, size_t size, const char *tail)
{
	char *text = malloc(size + strlen(head) + strlen(part) + strlen(tail) + 1),
	     *at = stpcpy(text, head);

	while ((size_t)(at - text) < size)
		at = stpcpy(at, part);
	at = stpcpy(at, tail);
	return gw_str_n(text, (size_t)(at - text));
}

/* What goes out is trace, then `expected`, in one read and in odd pieces. */
static void assert_out(struct gw_message *message, struct edits *edits, struct gw_str expected)
{
	size_t size = message->trace.len + expected.len, offset, i = 0;
	char *out = malloc(size + 1), scratch[7000];
	struct gw_str piece;

	assert_int_equal(edits_size(edits), size);
	assert_int_equal(edits_read(edits, 0, out, size + 1), size);
	assert_memory_equal(out, message->trace.ptr, message->trace.len);
	assert_memory_equal(out + message->trace.len, expected.ptr, expected.len);
	for (offset = 0; offset < size; offset += piece.len) {
		size_t len = 1 + (i++ * 2711) % sizeof scratch;
		long got = edits_piece(edits, offset, scratch, len, &piece);

		assert_in_range(got, 1, len);
		assert_memory_equal(piece.ptr, out + offset, (size_t)got);
	}
	assert_int_equal(edits_piece(edits, size, scratch, sizeof scratch, &piece), 0);
	free(out);
}

static void a_message_is_loaded_with_its_state(void **state)
{
	struct gw_message *message, *again = NULL;
	struct buf bytes;
	struct kit kit;

	kit_init(&kit);
	kit_open(&kit);
	message = queued(&kit, 7, gw_str("A: 1\r\n\r\nbody\r\n"), EXTENT);
	assert_int_equal(message->id, 7);
	assert_true(gw_str_eq(message->sender, gw_str("a@example.com")));
	assert_int_equal(message_pending(message), 1);
	message->rcpts[0]->status = RCPT_FAILED;
	message->attempts = 3;
	buf_init(&bytes, 0);
	assert_int_equal(message_encode_state(message, &bytes), 0);
	struct waited waited = {
		.append = { .type = SPOOL_STATE, .id = 7, .durable = true, .meta = buf_str(&bytes) }
	};
	assert_int_equal(kit_append(kit.spool, &waited), SPOOL_OK);
	message_destroy(message);
	kit_reopen(&kit);
	assert_int_equal(message_load(NULL, NULL, kit.spool, 7, &again), 0);
	assert_int_equal(again->attempts, 3);
	assert_int_equal(message_pending(again), 0);
	assert_int_equal(message_headers(again)->count, 1);
	message_destroy(again);
	buf_finish(&bytes);
	kit_finish(&kit);
}

static void what_is_not_there_or_not_readable_is_not_loaded(void **state)
{
	struct gw_message *message = NULL;
	struct kit kit;

	kit_init(&kit);
	kit_open(&kit);
	assert_int_equal(message_load(NULL, NULL, kit.spool, 99, &message), SPOOL_GONE);
	commit(&kit, 8, gw_str("A: 1\r\n"), EXTENT, gw_str("no envelope"));
	assert_int_equal(message_load(NULL, NULL, kit.spool, 8, &message), SPOOL_DAMAGED);
	assert_null(message);
	kit_finish(&kit);
}

static void contents_of_every_shape_go_out_as_they_came(void **state)
{
	static const struct {
		const char *head, *part, *tail;
		size_t size, fields;
		uint32_t extent;
	} rows[] = {
		{ "A: 1\r\nB: 2\r\n\r\n", "a line of the body\r\n", "", 100, 2, EXTENT },
		{ "A: 1\r\nB: 2\r\n\r\n", "a line of the body\r\n", "no end", 300000, 2, EXTENT },
		{ "Cc: a@example.com", ",\r\n\tb@example.org", "\r\nX: y\r\n\r\nbody\r\n", 200000,
		  2, 5000 },
		{ "", "X-Field: of a header that is all there is\r\n", "", 30000, 698, 1000 },
		{ "no field at all\r\n", "a line\r\n", "", 2500000, 0, 1u << 20 },
		{ "A: 1\r\nno field\r\n", "a line\r\n", "", 70000, 1, EXTENT },
	};
	struct kit kit;
	size_t i;

	kit_init(&kit);
	kit.options.segment_size = 8 << 20;
	kit_open(&kit);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_str content = text_of(rows[i].head, rows[i].part, rows[i].size,
						rows[i].tail),
			      edited;
		struct gw_message *message = queued(&kit, i + 1, content, rows[i].extent);
		const struct header_block *block;
		struct edits edits;
		char *with;

		edits_init(&edits, message, &message->arena);
		assert_out(message, &edits, content);
		block = message_headers(message);
		assert_non_null(block);
		assert_int_equal(block->count, rows[i].fields);

		with = malloc(content.len + 20);
		edited.ptr = with;
		edited.len = (size_t)sprintf(with, "New: 1\r\n");
		memcpy(with + edited.len, content.ptr, block->size);
		edited.len += block->size;
		memcpy(with + edited.len, content.ptr + block->size, content.len - block->size);
		edited.len += content.len - block->size;
		assert_int_equal(edits_header_add(&edits, 0, gw_str("New"), gw_str("1")), 0);
		assert_out(message, &edits, edited);

		free(with);
		free((char *)content.ptr);
		message_destroy(message);
	}
	kit_finish(&kit);
}

static void a_header_without_end_is_not_indexed_but_goes_out(void **state)
{
	struct gw_str content = text_of("", "X-Long: a line of it\r\n", MESSAGE_HEADER_MAX + 10,
					"\r\nbody\r\n");
	struct gw_message *message;
	struct header_field field;
	struct edits edits;
	struct kit kit;

	kit_init(&kit);
	kit.options.segment_size = 8 << 20;
	kit_open(&kit);
	message = queued(&kit, 1, content, 1u << 20);
	edits_init(&edits, message, &message->arena);
	assert_null(message_headers(message));
	assert_false(edits_header(&edits, 0, &field));
	assert_int_equal(edits_header_add(&edits, 0, gw_str("X"), gw_str("y")), -1);
	assert_int_equal(edits_body_read(&edits, 0, &field, 1), -1);
	assert_out(message, &edits, content);
	message_destroy(message);
	free((char *)content.ptr);
	kit_finish(&kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_loaded_with_its_state),
		cmocka_unit_test(what_is_not_there_or_not_readable_is_not_loaded),
		cmocka_unit_test(contents_of_every_shape_go_out_as_they_came),
		cmocka_unit_test(a_header_without_end_is_not_indexed_but_goes_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
