#include "sent.h"

#include <stdlib.h>
#include <string.h>

struct sent_packed {
	struct path path;
	int64_t until, received, size;
	size_t rcpt_count;
	bool is_named;
	char texts[]; /* one after the other, each with its end */
};

#define TEXT(name)                                                                                 \
	{                                                                                          \
		offsetof(struct sent, name), sizeof((struct sent *)NULL)->name                     \
	}

static const struct {
	size_t offset, room;
} places[] = { TEXT(queue_id), TEXT(sender), TEXT(author), TEXT(message_id), TEXT(envelope_id),
	       TEXT(client),   TEXT(type),   TEXT(relay),  TEXT(rcpts),      TEXT(header) };
#define TEXTS (sizeof places / sizeof *places)

struct sent_packed *sent_pack(const struct sent *sent)
{
	const char *texts[TEXTS];
	size_t lengths[TEXTS], all = 0, i;
	struct sent_packed *packed;
	char *at;

	for (i = 0; i < TEXTS; i++) {
		texts[i] = (const char *)sent + places[i].offset;
		lengths[i] = strnlen(texts[i], places[i].room - 1);
		all += lengths[i] + 1;
	}
	packed = malloc(sizeof *packed + all);
	if (!packed)
		return NULL;
	*packed = (struct sent_packed){ .path = sent->path,
					.until = sent->until,
					.received = sent->received,
					.size = sent->size,
					.rcpt_count = sent->rcpt_count,
					.is_named = sent->is_named };
	for (i = 0, at = packed->texts; i < TEXTS; i++) {
		at = mempcpy(at, texts[i], lengths[i]);
		*at++ = '\0';
	}
	return packed;
}

void sent_unpack(const struct sent_packed *packed, struct sent *sent)
{
	const char *at = packed->texts;
	size_t i;

	sent->path = packed->path;
	sent->until = packed->until;
	sent->received = packed->received;
	sent->size = packed->size;
	sent->rcpt_count = packed->rcpt_count;
	sent->is_named = packed->is_named;
	for (i = 0; i < TEXTS; i++) {
		size_t size = strlen(at) + 1;

		memcpy((char *)sent + places[i].offset, at, size);
		at += size;
	}
}
