/* envelope.c - envelope and state as bytes.
 *
 *     record = kind ('E' envelope, 'S' state), major, minor, 32-bit length of the rest (low octet first), fields
 *     field  = tag, length (7 bits an octet, low first, high bit: more follow), octets
 *
 * A number is its octets, low first, without zero octets at the end. What is empty, 0 or false is left out. A recipient and a
 * note are fields whose octets are fields. A reader skips tags it does not know: a newer minor version may add fields; a tag is
 * never given another meaning. The tables below say both ways, so that what is written is what is read. */
#include "mail/message.h"

#define MAJOR 1
#define MINOR 0
#define HEAD 7

enum field_kind { NONE, STR, BOOL, UINT, INT64 };

struct field {
	enum field_kind kind;
	size_t offset;
};

#define TAGS 64
enum { TAG_RCPT = 40, TAG_NOTE = 41 };

#define ENVELOPE(member) offsetof(struct gw_message, member)
static const struct field envelope_fields[TAGS] = {
	[1] = { STR, ENVELOPE(sender) },       [2] = { STR, ENVELOPE(client) },      [3] = { STR, ENVELOPE(login) },
	[4] = { STR, ENVELOPE(type) },         [5] = { STR, ENVELOPE(domains) },     [6] = { STR, ENVELOPE(peer) },
	[7] = { STR, ENVELOPE(helo) },         [8] = { STR, ENVELOPE(listener) },    [9] = { STR, ENVELOPE(tls) },
	[10] = { STR, ENVELOPE(envid) },       [11] = { STR, ENVELOPE(trace) },      [12] = { INT64, ENVELOPE(received_at) },
	[13] = { UINT, ENVELOPE(body) },       [14] = { UINT, ENVELOPE(ret) },       [15] = { BOOL, ENVELOPE(smtputf8) },
	[16] = { BOOL, ENVELOPE(requiretls) }, [17] = { BOOL, ENVELOPE(eight_bit) }, [18] = { BOOL, ENVELOPE(long_line) },
	[19] = { BOOL, ENVELOPE(own) },
};

static const struct field state_fields[TAGS] = {
	[1] = { BOOL, ENVELOPE(held) },     [2] = { STR, ENVELOPE(hold_reason) },  [3] = { UINT, ENVELOPE(attempts) },
	[4] = { INT64, ENVELOPE(next_at) }, [5] = { INT64, ENVELOPE(expires_at) },
};

/* A recipient and a note as they stand in a record. */
struct rcpt_record {
	struct gw_str address, orcpt, relay, text, host;
	unsigned notify, index, status, code, enhanced;
	bool delay_told, suspect;
};
#define RCPT(member) offsetof(struct rcpt_record, member)
static const struct field rcpt_fields[TAGS] = {
	[1] = { STR, RCPT(address) }, [2] = { STR, RCPT(orcpt) },       [3] = { UINT, RCPT(notify) },  [4] = { UINT, RCPT(index) },
	[5] = { UINT, RCPT(status) }, [6] = { BOOL, RCPT(delay_told) }, [7] = { BOOL, RCPT(suspect) }, [8] = { STR, RCPT(relay) },
	[9] = { UINT, RCPT(code) },   [10] = { UINT, RCPT(enhanced) },  [11] = { STR, RCPT(text) },    [12] = { STR, RCPT(host) },
};

static const struct field note_fields[TAGS] = {
	[1] = { STR, offsetof(struct note, key) },
	[2] = { STR, offsetof(struct note, value) },
};

/* --- writing: sizes first, so that one reservation is enough --- */

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
	return field->kind == STR ? ((const struct gw_str *)(base + field->offset))->len : number_size(field_number(field, base));
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
			at = (char *)memcpy(at, ((const struct gw_str *)member)->ptr, value) + value;
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
	char *at = size <= UINT32_MAX ? buf_reserve(out, HEAD + size) : NULL;
	int i;

	if (!at)
		return NULL;
	*at++ = kind;
	*at++ = MAJOR;
	*at++ = MINOR;
	for (i = 0; i < 4; i++)
		*at++ = (char)(size >> (8 * i));
	return at;
}

static struct rcpt_record envelope_rcpt(const struct gw_rcpt *rcpt)
{
	return (struct rcpt_record){ .address = rcpt->address, .orcpt = rcpt->orcpt, .notify = rcpt->notify };
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

static size_t rcpts_size(const struct gw_message *message, struct rcpt_record (*record)(const struct gw_rcpt *))
{
	size_t i, size = 0;

	for (i = 0; i < message->rcpt_count; i++) {
		struct rcpt_record rcpt = record(message->rcpts[i]);
		size += nested_size(rcpt_fields, &rcpt);
	}
	return size;
}

static char *put_rcpts(char *at, const struct gw_message *message, struct rcpt_record (*record)(const struct gw_rcpt *))
{
	size_t i;

	for (i = 0; i < message->rcpt_count; i++) {
		struct rcpt_record rcpt = record(message->rcpts[i]);
		at = put_nested(at, TAG_RCPT, rcpt_fields, &rcpt);
	}
	return at;
}

int message_encode_envelope(const struct gw_message *message, struct buf *out)
{
	size_t size = fields_size(envelope_fields, message) + rcpts_size(message, envelope_rcpt);
	char *at = record_begin(out, 'E', size);

	if (!at)
		return -1;
	put_rcpts(put_fields(at, envelope_fields, message), message, envelope_rcpt);
	buf_added(out, HEAD + size);
	return 0;
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
	buf_added(out, HEAD + size);
	return 0;
}

/* --- reading --- */

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

static int get_field(const struct field *field, void *base, struct gw_str value, struct arena *arena)
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
		if (tag < TAGS && fields[tag].kind && get_field(&fields[tag], base, value, NULL) != 0)
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
	if (copy(&message->arena, &rcpt->relay, record.relay) != 0 || copy(&message->arena, &rcpt->last_host, record.host) != 0)
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

static int get_record(struct gw_message *message, struct gw_str rest, const struct field *fields, nested_fn *const nested[TAGS])
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

	if (bytes.len < HEAD || bytes.ptr[0] != kind || bytes.ptr[1] != MAJOR)
		return -1;
	get_number(gw_str_n(bytes.ptr + 3, 4), &size);
	*fields = gw_str_from(bytes, HEAD);
	return fields->len == size ? 0 : -1;
}

int message_decode_envelope(struct gw_message *message, struct gw_str bytes)
{
	static nested_fn *const nested[TAGS] = { [TAG_RCPT] = read_envelope_rcpt };
	struct gw_str fields;

	if (record_open(bytes, 'E', &fields) != 0 || get_record(message, fields, envelope_fields, nested) != 0)
		return -1;
	return message->rcpt_count ? 0 : -1;
}

int message_decode_state(struct gw_message *message, struct gw_str bytes)
{
	static nested_fn *const nested[TAGS] = { [TAG_RCPT] = read_state_rcpt, [TAG_NOTE] = read_note };
	struct gw_str fields;

	return record_open(bytes, 'S', &fields) != 0 ? -1 : get_record(message, fields, state_fields, nested);
}
