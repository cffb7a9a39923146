/* envelope_read.c - reads envelope and state from bytes that nobody vouches for. */
#include "mail/envelope_fields.h"

/* Takes the next field off `rest`: 1, 0 at the end, -1: malformed. */
static int next_field(struct gw_str *rest, unsigned *tag, struct gw_str *value)
{
	size_t at = 1, length = 0;
	unsigned shift = 0;

	if (!rest->len)
		return 0;
	*tag = (unsigned char)rest->ptr[0];
	do {
		if (at == rest->len || shift > 28)
			return -1;
		length |= (size_t)((unsigned char)rest->ptr[at] & 127) << shift;
		shift += 7;
	} while ((unsigned char)rest->ptr[at++] & 128);
	if (length > rest->len - at)
		return -1;
	*value = gw_str_n(rest->ptr + at, length);
	*rest = gw_str_from(*rest, at + length);
	return 1;
}

static int get_number(struct gw_str value, uint64_t *number)
{
	size_t i;

	*number = 0;
	for (i = 0; i < value.len; i++) {
		if (i == 8)
			return -1;
		*number |= (uint64_t)(unsigned char)value.ptr[i] << (8 * i);
	}
	return 0;
}

static int store_number(const struct field *field, void *member, uint64_t number)
{
	if (field->kind == UINT && number > UINT32_MAX)
		return -1;
	if (field->kind == BOOL)
		*(bool *)member = number != 0;
	else if (field->kind == UINT)
		*(unsigned *)member = (unsigned)number;
	else
		*(int64_t *)member = (int64_t)number;
	return 0;
}

static int copy(struct arena *arena, struct gw_str *to, struct gw_str from)
{
	*to = arena_str(arena, from);
	return to->ptr ? 0 : -1;
}

static int get_field(const struct field *field, void *base, struct gw_str value,
		     struct arena *arena)
{
	char *member = (char *)base + field->offset;
	uint64_t number;

	if (field->kind == STR && arena)
		return copy(arena, (struct gw_str *)member, value);
	if (field->kind == STR) {
		*(struct gw_str *)member = value;
		return 0;
	}
	return get_number(value, &number) != 0 ? -1 : store_number(field, member, number);
}

/* The strings of a nested record stay in the bytes read; what is kept of them is copied. */
static int get_nested(struct gw_str rest, const struct field *fields, void *base)
{
	struct gw_str value;
	unsigned tag;
	int more;

	while ((more = next_field(&rest, &tag, &value)) == 1)
		if (tag < TAGS && fields[tag].kind &&
		    get_field(&fields[tag], base, value, NULL) != 0)
			return -1;
	return more;
}

static int read_envelope_rcpt(struct gw_message *message, struct gw_str value)
{
	struct rcpt_record record = { .orcpt = { "", 0 } };

	if (get_nested(value, rcpt_fields, &record) != 0 || !record.address.len)
		return -1;
	return message_rcpt_add(message, record.address, record.orcpt, record.notify) ? 0 : -1;
}

static int read_state_rcpt(struct gw_message *message, struct gw_str value)
{
	struct rcpt_record record = { .index = 0 };
	struct gw_rcpt *rcpt;

	if (get_nested(value, rcpt_fields, &record) != 0 || record.index >= message->rcpt_count)
		return -1;
	if (record.status > RCPT_FAILED || record.code > 999)
		return -1;
	rcpt = message->rcpts[record.index];
	rcpt->status = (enum rcpt_status)record.status;
	rcpt->delay_told = record.delay_told;
	rcpt->suspect = record.suspect;
	rcpt->last.code = (int)record.code;
	rcpt->last.enhanced[0] = (uint8_t)(record.enhanced >> 16);
	rcpt->last.enhanced[1] = (uint8_t)(record.enhanced >> 8);
	rcpt->last.enhanced[2] = (uint8_t)record.enhanced;
	if (copy(&message->arena, &rcpt->relay, record.relay) != 0 ||
	    copy(&message->arena, &rcpt->last_host, record.host) != 0)
		return -1;
	return copy(&message->arena, &rcpt->last.text, record.text);
}

static int read_note(struct gw_message *message, struct gw_str value)
{
	struct note note = { .value = { "", 0 } };

	if (get_nested(value, note_fields, &note) != 0 || !note.key.len)
		return -1;
	return message_note_set(message, note.key, note.value);
}

typedef int nested_fn(struct gw_message *message, struct gw_str value);

static int get_record(struct gw_message *message, struct gw_str rest, const struct field *fields,
		      nested_fn *const nested[TAGS])
{
	struct gw_str value;
	unsigned tag;
	int more;

	while ((more = next_field(&rest, &tag, &value)) == 1) {
		int result = 0;

		if (tag < TAGS && nested[tag])
			result = nested[tag](message, value);
		else if (tag < TAGS && fields[tag].kind)
			result = get_field(&fields[tag], message, value, &message->arena);
		if (result != 0)
			return -1;
	}
	return more;
}

static int record_open(struct gw_str bytes, char kind, struct gw_str *fields)
{
	uint64_t size;

	if (bytes.len < ENVELOPE_HEAD || bytes.ptr[0] != kind || bytes.ptr[1] != ENVELOPE_MAJOR)
		return -1;
	get_number(gw_str_n(bytes.ptr + 3, 4), &size);
	*fields = gw_str_from(bytes, ENVELOPE_HEAD);
	return fields->len == size ? 0 : -1;
}

/* What is empty or false is not written: a state replaces all of an older one. */
static void forget_state(struct gw_message *message)
{
	message->notes = NULL;
	message->held = message->held_by_us = false;
	message->hold_reason = message->wait_on = gw_str("");
}

int message_decode_state(struct gw_message *message, struct gw_str bytes)
{
	static nested_fn *const nested[TAGS] = {
		[TAG_RCPT] = read_state_rcpt, [TAG_NOTE] = read_note
	};
	struct gw_str fields;

	forget_state(message);
	return record_open(bytes, 'S', &fields) != 0
		       ? -1
		       : get_record(message, fields, state_fields, nested);
}

int message_decode_envelope(struct gw_message *message, struct gw_str bytes)
{
	static nested_fn *const nested[TAGS] = {
		[TAG_RCPT] = read_envelope_rcpt, [TAG_STATE] = message_decode_state
	};
	struct gw_str fields;

	if (record_open(bytes, 'E', &fields) != 0 ||
	    get_record(message, fields, envelope_fields, nested) != 0)
		return -1;
	return message->rcpt_count ? 0 : -1;
}
