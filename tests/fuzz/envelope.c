/* Envelope and state as they stand in the spool: of any octets what is read is written and read
 * again as the same. */
#include "fuzz.h"

#include "mail/message.h"

/* The driver has no spool. */
int spool_load(struct spool *spool, uint64_t id, struct arena *arena, struct gw_str *envelope,
	       struct gw_str *state, struct spool_content *content)
{
	return -1;
}

long spool_read(const struct spool_content *content, uint64_t offset, void *out, size_t len)
{
	return -1;
}

typedef int decoder(struct gw_message *message, struct gw_str bytes);

static struct gw_message *make(void)
{
	struct gw_message *message = message_create(NULL, NULL, 7);

	must(message != NULL);
	return message;
}

/* In memory of just its size, so that a step aside is seen. */
static int decode(decoder *of, struct gw_message *message, struct gw_str bytes)
{
	char *copy = malloc(bytes.len ? bytes.len : 1);
	int result;

	must(copy != NULL);
	memcpy(copy, bytes.ptr, bytes.len);
	result = of(message, gw_str_n(copy, bytes.len));
	free(copy);
	return result;
}

static struct gw_message *decode_both(struct gw_str envelope, struct gw_str state)
{
	struct gw_message *message = make();

	if (decode(message_decode_envelope, message, envelope) == 0 &&
	    (!state.len || decode(message_decode_state, message, state) == 0))
		return message;
	message_destroy(message);
	return NULL;
}

static void check_message(const struct gw_message *message)
{
	must(message->rcpt_count > 0);
	must(message_pending(message) <= message->rcpt_count);
	for (size_t i = 0; i < message->rcpt_count; i++) {
		const struct gw_rcpt *rcpt = message->rcpts[i];
		must(rcpt->index == i && rcpt->message == message && rcpt->address.len > 0);
		must(rcpt->status <= RCPT_FAILED && rcpt->last.code >= 0 && rcpt->last.code <= 999);
		must(rcpt->domain.len == 0 || (rcpt->domain.ptr > rcpt->address.ptr &&
					       rcpt->domain.ptr + rcpt->domain.len ==
						       rcpt->address.ptr + rcpt->address.len));
	}
	for (const struct note *note = message->notes; note; note = note->next)
		must(note->key.len > 0 && gw_str_eq(message_note(message, note->key), note->value));
}

static void write_both(const struct gw_message *message, struct buf *envelope, struct buf *state)
{
	buf_init(envelope, 0);
	buf_init(state, 0);
	must(message_encode_envelope(message, envelope) == 0);
	must(message_encode_state(message, state) == 0);
}

static void check_again(const struct gw_message *message)
{
	struct buf envelope, state, envelope_again, state_again;
	struct gw_message *again;

	write_both(message, &envelope, &state);
	again = decode_both(buf_str(&envelope), buf_str(&state));
	must(again != NULL && again->rcpt_count == message->rcpt_count);
	check_message(again);
	write_both(again, &envelope_again, &state_again);
	must(gw_str_eq(buf_str(&envelope), buf_str(&envelope_again)));
	must(gw_str_eq(buf_str(&state), buf_str(&state_again)));
	buf_finish(&envelope);
	buf_finish(&state);
	buf_finish(&envelope_again);
	buf_finish(&state_again);
	message_destroy(again);
}

/* The length in a record's head would keep most inputs out. */
static void correct_length(char *record, size_t len)
{
	for (int i = 0; len >= 7 && i < 4; i++)
		record[3 + i] = (char)((len - 7) >> (8 * i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_str input = gw_str_n(data, size), envelope, state;
	unsigned choice = take_byte(&input), split = take_byte(&input);
	size_t first = input.len * split / 256;
	struct gw_message *message;
	char *copy = malloc(input.len + 1);

	must(copy != NULL);
	memcpy(copy, input.ptr, input.len);
	envelope = gw_str_n(copy, first);
	state = gw_str_n(copy + first, input.len - first);
	if (choice & 1) {
		correct_length(copy, first);
		correct_length(copy + first, input.len - first);
	}
	message = decode_both(envelope, state);
	if (message) {
		check_message(message);
		check_again(message);
	}
	message_destroy(message);
	free(copy);
	return 0;
}
