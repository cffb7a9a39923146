/* message.c - the message in memory: its recipients, its notes, its header index, and loading it
 * again. */
#include "mail/message.h"

#include "base/log.h"

/* The message, one recipient and its strings fit, and malloc's own bytes make it a page. */
#define FIRST_BLOCK 4000
#define HEADER_READ (16u << 10) /* what is read first when the header is only in the log */

struct gw_message *message_create(struct worker *worker, struct snapshot *snapshot, uint64_t id)
{
	struct arena arena;
	struct gw_message *message;

	arena_init(&arena, FIRST_BLOCK);
	message = arena_alloc(&arena, sizeof *message);
	if (!message) {
		arena_finish(&arena);
		return NULL;
	}
	message->arena = arena;
	message->sender = message->client = message->login = message->type = message->domains =
		gw_str("");
	message->peer = message->helo = message->listener = message->tls = message->envid = gw_str(
		"");
	message->trace = message->hold_reason = message->wait_on = message->recorded.wait_on =
		gw_str("");
	message->id = id;
	message->worker = worker;
	message->snapshot = snapshot;
	return message;
}

void message_destroy(struct gw_message *message)
{
	struct arena arena;

	if (!message)
		return;
	log_forget(message->id);
	arena = message->arena; /* the message is in its own arena */
	arena_finish(&arena);
}

static int rcpts_grow(struct gw_message *message)
{
	size_t room = message->rcpt_room ? message->rcpt_room * 2 : 4;
	struct gw_rcpt **rcpts = arena_alloc(&message->arena, room * sizeof(struct gw_rcpt *));

	if (!rcpts)
		return -1;
	if (message->rcpt_count)
		memcpy(rcpts, message->rcpts, message->rcpt_count * sizeof(struct gw_rcpt *));
	message->rcpts = rcpts;
	message->rcpt_room = room;
	return 0;
}

/* A quoted local part may hold '@', and so may an address literal: it is the first '@' after the
 * quotes that counts. */
static struct gw_str domain_part(struct gw_str address)
{
	size_t at = 0;

	if (address.len && address.ptr[0] == '"') {
		for (at = 1; at < address.len && address.ptr[at] != '"'; at++)
			if (address.ptr[at] == '\\')
				at++;
	}
	at = at > address.len ? address.len : at;
	return gw_str_from(address, at + gw_str_find(gw_str_from(address, at), '@') + 1);
}

struct gw_rcpt *message_rcpt_add(struct gw_message *message, struct gw_str address,
				 struct gw_str orcpt, unsigned notify)
{
	struct gw_rcpt *rcpt;

	if (message->rcpt_count == message->rcpt_room && rcpts_grow(message) != 0)
		return NULL;
	rcpt = arena_alloc(&message->arena, sizeof *rcpt);
	if (!rcpt)
		return NULL;
	rcpt->address = arena_str(&message->arena, address);
	rcpt->orcpt = orcpt.len ? arena_str(&message->arena, orcpt) : gw_str("");
	if (!rcpt->address.ptr || !rcpt->orcpt.ptr)
		return NULL;
	rcpt->relay = rcpt->last_host = rcpt->last.text = gw_str("");
	rcpt->message = message;
	rcpt->domain = domain_part(rcpt->address);
	rcpt->notify = notify;
	rcpt->index = (unsigned)message->rcpt_count;
	message->rcpts[message->rcpt_count++] = rcpt;
	return rcpt;
}

size_t message_pending(const struct gw_message *message)
{
	size_t i, pending = 0;

	for (i = 0; i < message->rcpt_count; i++)
		pending += message->rcpts[i]->status == RCPT_PENDING;
	return pending;
}

static struct note *note_find(const struct gw_message *message, struct gw_str key)
{
	struct note *note;

	for (note = message->notes; note; note = note->next)
		if (gw_str_eq(note->key, key))
			return note;
	return NULL;
}

struct gw_str message_note(const struct gw_message *message, struct gw_str key)
{
	struct note *note = note_find(message, key);

	return note ? note->value : gw_str_n(NULL, 0);
}

/* At the end, so that notes keep their order over a restart. */
static struct note *note_add(struct gw_message *message, struct gw_str key)
{
	struct note **end = &message->notes, *note;
	size_t count = 0;

	for (; *end; end = &(*end)->next)
		count++;
	if (count >= NOTES_MAX || !(note = arena_alloc(&message->arena, sizeof *note)))
		return NULL;
	note->key = arena_str(&message->arena, key);
	if (!note->key.ptr)
		return NULL;
	*end = note;
	return note;
}

int message_note_set(struct gw_message *message, struct gw_str key, struct gw_str value)
{
	struct note *note = note_find(message, key);
	struct gw_str copy;

	if (value.len > NOTE_MAX || key.len > NOTE_MAX)
		return -1;
	if (note && gw_str_eq(note->value, value))
		return 0;
	copy = arena_str(&message->arena, value);
	if (!copy.ptr || (!note && !(note = note_add(message, key))))
		return -1;
	note->value = copy;
	message->changed = true;
	return 0;
}

/* header_end() says 0 also where the first line is no field and the body begins at once. */
static bool header_complete(struct arena *arena, struct gw_str text)
{
	const char *crlf = memmem(text.ptr, text.len, "\r\n", 2);
	struct header_block first;

	if (!crlf)
		return false;
	if (header_end(text))
		return true;
	return header_parse(gw_str_n(text.ptr, (size_t)(crlf - text.ptr) + 2), arena, &first) ==
		       0 &&
	       first.odd;
}

static bool has_blank_line(struct gw_str text)
{
	return (text.len >= 2 && memcmp(text.ptr, "\r\n", 2) == 0) ||
	       memmem(text.ptr, text.len, "\r\n\r\n", 4);
}

/* Gives as much of the content as holds the header in one run of memory; false: damaged, no memory,
 * header too long. */
static bool header_text(struct gw_message *message, struct gw_str *text)
{
	const struct spool_content *content = &message->content;
	size_t size = HEADER_READ;

	if (!content->extent_count && content->tail.ptr) {
		*text = content->tail;
		return true;
	}
	/* A blank line ends the header, and what hides behind an odd line as well. */
	for (;; size *= 4) {
		char *bytes;

		if (size > MESSAGE_HEADER_MAX)
			size = MESSAGE_HEADER_MAX;
		if (size > content->size)
			size = (size_t)content->size;
		bytes = arena_alloc(&message->arena, size + 1);
		if (!bytes || spool_read(content, 0, bytes, size) != (long)size)
			return false;
		*text = gw_str_n(bytes, size);
		if (size == content->size || has_blank_line(*text))
			return true;
		if (size < MESSAGE_HEADER_MAX)
			continue;
		message->header_too_large = !header_complete(&message->arena, *text);
		return !message->header_too_large;
	}
}

const struct header_block *message_headers(struct gw_message *message)
{
	struct header_block *block;
	struct gw_str text;
	int parsed;

	if (message->headers || message->header_too_large)
		return message->headers;
	block = arena_alloc(&message->arena, sizeof *block);
	if (!block || !header_text(message, &text))
		return NULL;
	parsed = header_parse(text, &message->arena, block);
	message->header_too_large = block->count > HEADER_FIELDS_MAX ||
				    block->size > MESSAGE_HEADER_MAX;
	if (parsed != 0 || message->header_too_large)
		return NULL;
	message->headers = block;
	return block;
}

/* Without memory nothing is known of what was to be decoded. */
static int load_failed(const struct gw_message *message, const char *what)
{
	struct log_line *line = message->arena.failed ? NULL : log_open(EVENT_DAMAGED);

	log_id(line, message->id);
	log_text(line, KEY_TEXT, what);
	log_close(line);
	return message->arena.failed ? SPOOL_UNREADABLE : SPOOL_DAMAGED;
}

static int load_into(struct gw_message *message, struct spool *spool)
{
	struct gw_str envelope, state;
	int result = spool_load(spool, message->id, &message->arena, &envelope, &state,
				&message->content);

	if (result != 0)
		return result;
	if (message_decode_envelope(message, envelope) != 0)
		return load_failed(
			message,
			"the envelope in the spool cannot be read; the message is not sent");
	if (state.len && message_decode_state(message, state) != 0)
		return load_failed(
			message,
			"the delivery state in the spool cannot be read; the message is not sent");
	return 0;
}

int message_load(struct worker *worker, struct snapshot *snapshot, struct spool *spool, uint64_t id,
		 struct gw_message **message)
{
	struct gw_message *loaded = message_create(worker, snapshot, id);
	int result = loaded ? load_into(loaded, spool) : SPOOL_UNREADABLE;

	if (result == 0)
		*message = loaded;
	else if (loaded)
		message_destroy(loaded);
	return result;
}
