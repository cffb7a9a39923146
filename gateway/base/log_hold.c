/* log_hold.c - lines of a message that was not accepted yet, kept from the journal until it is
 * known what becomes of it. A table of each thread: a message lives on one. */
#include "base/log_private.h"

#include <stdlib.h>

#define BUCKETS 256u
#define HELD_MAX (8u << 10) /* octets of one message */
/* Octets of a thread: who refuses a hundred thousand at once need not explain each. */
#define HELD_THREAD_MAX (8u << 20)

struct held {
	struct held *next;
	uint64_t id;
	size_t used, room;
	char *lines; /* each a struct log_record and its octets */
};

static __thread struct held *buckets[BUCKETS];
static __thread size_t held_octets;

static struct held **held_find(uint64_t id)
{
	struct held **at = &buckets[(id ^ id >> 17) % BUCKETS];

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

void log_hold(uint64_t id)
{
	struct held **at = held_find(id);

	if (*at)
		return;
	*at = calloc(1, sizeof(**at)); /* without memory its lines are not held, which costs disk
					  and no mail */
	if (*at)
		(*at)->id = id;
}

static bool held_grow(struct held *held, size_t need)
{
	size_t room = held->room ? held->room : 1024;
	char *lines;

	while (room < need)
		room *= 2;
	if (need > HELD_MAX || held_octets + room - held->room > HELD_THREAD_MAX)
		return false;
	lines = realloc(held->lines, room);
	if (!lines)
		return false;
	held_octets += room - held->room;
	held->lines = lines;
	held->room = room;
	return true;
}

bool log_hold_line(uint64_t id, const char *line, size_t len)
{
	struct log_record record = { (uint16_t)len, LOG_TO_JOURNAL };
	struct held *held = *held_find(id);
	size_t need;

	if (!held)
		return false;
	need = held->used + sizeof(record) + len;
	if (need > held->room && !held_grow(held, need))
		return true;
	memcpy(held->lines + held->used, &record, sizeof(record));
	memcpy(held->lines + held->used + sizeof(record), line, len);
	held->used = need;
	return true;
}

static void held_end(uint64_t id, bool keep)
{
	struct held **at = held_find(id), *held = *at;
	struct log_record record;

	if (!held)
		return;
	*at = held->next;
	for (size_t from = 0; keep && from < held->used; from += sizeof(record) + record.len) {
		memcpy(&record, held->lines + from, sizeof(record));
		log_put(held->lines + from + sizeof(record), record.len, LOG_TO_JOURNAL);
	}
	held_octets -= held->room;
	free(held->lines);
	free(held);
}

void log_keep(uint64_t id)
{
	held_end(id, true);
}

void log_forget(uint64_t id)
{
	held_end(id, false);
}
