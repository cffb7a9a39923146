/* envelope.c - writes envelope and state as bytes. */
#include "mail/envelope_fields.h"

#define ENVELOPE(member) offsetof(struct gw_message, member)
const struct field envelope_fields[TAGS] = {
	[1] = { STR, ENVELOPE(sender) },      [2] = { STR, ENVELOPE(client) },
	[3] = { STR, ENVELOPE(login) },       [4] = { STR, ENVELOPE(type) },
	[5] = { STR, ENVELOPE(domains) },     [6] = { STR, ENVELOPE(peer) },
	[7] = { STR, ENVELOPE(helo) },        [8] = { STR, ENVELOPE(listener) },
	[9] = { STR, ENVELOPE(tls) },         [10] = { STR, ENVELOPE(envid) },
	[11] = { STR, ENVELOPE(trace) },      [12] = { INT64, ENVELOPE(received_at) },
	[13] = { UINT, ENVELOPE(body) },      [14] = { UINT, ENVELOPE(ret) },
	[15] = { BOOL, ENVELOPE(smtputf8) },  [16] = { BOOL, ENVELOPE(requiretls) },
	[17] = { BOOL, ENVELOPE(eight_bit) }, [18] = { BOOL, ENVELOPE(long_line) },
	[19] = { BOOL, ENVELOPE(own) },       [20] = { INT64, ENVELOPE(expires_at) },
};

const struct field state_fields[TAGS] = {
	[1] = { BOOL, ENVELOPE(held) },     [2] = { STR, ENVELOPE(hold_reason) },
	[3] = { UINT, ENVELOPE(attempts) }, [4] = { INT64, ENVELOPE(next_at) },
	[5] = { STR, ENVELOPE(wait_on) },   [6] = { BOOL, ENVELOPE(held_by_us) },
};

#define RCPT(member) offsetof(struct rcpt_record, member)
const struct field rcpt_fields[TAGS] = {
	[1] = { STR, RCPT(address) },  [2] = { STR, RCPT(orcpt) },
	[3] = { UINT, RCPT(notify) },  [4] = { UINT, RCPT(index) },
	[5] = { UINT, RCPT(status) },  [6] = { BOOL, RCPT(delay_told) },
	[7] = { BOOL, RCPT(suspect) }, [8] = { STR, RCPT(relay) },
	[9] = { UINT, RCPT(code) },    [10] = { UINT, RCPT(enhanced) },
	[11] = { STR, RCPT(text) },    [12] = { STR, RCPT(host) },
};

const struct field note_fields[TAGS] = {
	[1] = { STR, offsetof(struct note, key) },
	[2] = { STR, offsetof(struct note, value) },
};

/* --- sizes first, so that one reservation is enough --- */

static size_t length_size(size_t length)
{
	size_t size = 1;

	for (; length > 127; length >>= 7)
		size++;
	return size;
}

static size_t number_size(uint64_t number)
{
	return number ? (size_t)(64 - __builtin_clzll(number) + 7) / 8 : 0;
}

static uint64_t field_number(const struct field *field, const char *base)
{
	switch (field->kind) {
	case BOOL:
		return *(const bool *)(base + field->offset);
	case UINT:
		return *(const unsigned *)(base + field->offset);
	default:
		return (uint64_t) * (const int64_t *)(base + field->offset);
	}
}

static size_t value_size(const struct field *field, const char *base)
{
	return field->kind == STR ? ((const struct gw_str *)(base + field->offset))->len
				  : number_size(field_number(field, base));
}

static size_t fields_size(const struct field *fields, const void *base)
{
	size_t tag, size = 0;

	for (tag = 1; fields[tag].kind; tag++) {
		size_t value = value_size(&fields[tag], base);

		if (value)
			size += 1 + length_size(value) + value;
	}
	return size;
}

static char *put_head(char *at, size_t tag, size_t length)
{
	*at++ = (char)tag;
	for (; length > 127; length >>= 7)
		*at++ = (char)(length | 128);
	*at++ = (char)length;
	return at;
}

static char *put_number(char *at, uint64_t number)
{
	for (; number; number >>= 8)
		*at++ = (char)number;
	return at;
}

static char *put_fields(char *at, const struct field *fields, const void *base)
{
	size_t tag;

	for (tag = 1; fields[tag].kind; tag++) {
		const char *member = (const char *)base + fields[tag].offset;
		size_t value = value_size(&fields[tag], base);

		if (!value)
			continue;
		at = put_head(at, tag, value);
		if (fields[tag].kind == STR)
			at = (char *)memcpy(at, ((const struct gw_str *)member)->ptr, value) +
			     value;
		else
			at = put_number(at, field_number(&fields[tag], base));
	}
	return at;
}

static size_t nested_size(const struct field *fields, const void *base)
{
	size_t size = fields_size(fields, base);

	return 1 + length_size(size) + size;
}

static char *put_nested(char *at, size_t tag, const struct field *fields, const void *base)
{
	return put_fields(put_head(at, tag, fields_size(fields, base)), fields, base);
}

static char *record_begin(struct buf *out, char kind, size_t size)
{
	char *at = size <= UINT32_MAX ? buf_reserve(out, ENVELOPE_HEAD + size) : NULL;
	int i;

	if (!at)
		return NULL;
	*at++ = kind;
	*at++ = ENVELOPE_MAJOR;
	*at++ = ENVELOPE_MINOR;
	for (i = 0; i < 4; i++)
		*at++ = (char)(size >> (8 * i));
	return at;
}

static struct rcpt_record envelope_rcpt(const struct gw_rcpt *rcpt)
{
	return (struct rcpt_record){ .address = rcpt->address,
				     .orcpt = rcpt->orcpt,
				     .notify = rcpt->notify };
}

static struct rcpt_record state_rcpt(const struct gw_rcpt *rcpt)
{
	const uint8_t *enhanced = rcpt->last.enhanced;

	return (struct rcpt_record){
		.index = rcpt->index,
		.status = rcpt->status,
		.delay_told = rcpt->delay_told,
		.suspect = rcpt->suspect,
		.relay = rcpt->relay,
		.code = (unsigned)rcpt->last.code,
		.enhanced = (unsigned)enhanced[0] << 16 | (unsigned)enhanced[1] << 8 | enhanced[2],
		.text = rcpt->last.text,
		.host = rcpt->last_host,
	};
}

static size_t rcpts_size(const struct gw_message *message,
			 struct rcpt_record (*record)(const struct gw_rcpt *))
{
	size_t i, size = 0;

	for (i = 0; i < message->rcpt_count; i++) {
		struct rcpt_record rcpt = record(message->rcpts[i]);
		size += nested_size(rcpt_fields, &rcpt);
	}
	return size;
}

static char *put_rcpts(char *at, const struct gw_message *message,
		       struct rcpt_record (*record)(const struct gw_rcpt *))
{
	size_t i;

	for (i = 0; i < message->rcpt_count; i++) {
		struct rcpt_record rcpt = record(message->rcpts[i]);
		at = put_nested(at, TAG_RCPT, rcpt_fields, &rcpt);
	}
	return at;
}

int message_encode_state(const struct gw_message *message, struct buf *out)
{
	size_t size = fields_size(state_fields, message) + rcpts_size(message, state_rcpt);
	const struct note *note;
	char *at;

	for (note = message->notes; note; note = note->next)
		size += nested_size(note_fields, note);
	at = record_begin(out, 'S', size);
	if (!at)
		return -1;
	at = put_rcpts(put_fields(at, state_fields, message), message, state_rcpt);
	for (note = message->notes; note; note = note->next)
		at = put_nested(at, TAG_NOTE, note_fields, note);
	buf_added(out, ENVELOPE_HEAD + size);
	return 0;
}

static size_t first_state_size(const struct buf *state)
{
	return buf_len(state) ? 1 + length_size(buf_len(state)) + buf_len(state) : 0;
}

static int encode_with(const struct gw_message *message, const struct buf *state, struct buf *out)
{
	size_t size = fields_size(envelope_fields, message) + rcpts_size(message, envelope_rcpt) +
		      first_state_size(state);
	char *at = record_begin(out, 'E', size);

	if (!at)
		return -1;
	at = put_rcpts(put_fields(at, envelope_fields, message), message, envelope_rcpt);
	if (buf_len(state))
		memcpy(put_head(at, TAG_STATE, buf_len(state)), buf_ptr(state), buf_len(state));
	buf_added(out, ENVELOPE_HEAD + size);
	return 0;
}

/* What modules said before the commit is promised with the message: a hold must not be forgotten in
 * a crash right after the 250. */
int message_encode_envelope(const struct gw_message *message, struct buf *out)
{
	struct buf state;
	int result = -1;

	buf_init(&state, 0);
	if ((!message->held && !message->notes) || message_encode_state(message, &state) == 0)
		result = encode_with(message, &state, out);
	buf_finish(&state);
	return result;
}
