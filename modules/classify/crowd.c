#include "crowd.h"

#include <pthread.h>
#include <sys/random.h>

#define SETS 1024
#define WAYS 4

/* Counted in windows: what the one before had counts for the part of it that is not over. */
struct entry {
	uint64_t key;
	int64_t began, seen; /* of this window; when it was looked at last; 0: free */
	int64_t now, before; /* recipients in this window and in the one before */
};

struct crowd {
	pthread_mutex_t lock;
	uint64_t seed; /* so that nobody outside can choose who shares a place */
	struct entry entries[SETS][WAYS];
};

struct crowd *crowd_make(struct gw_call *call)
{
	struct crowd *crowd = gw->alloc(call, sizeof *crowd);

	if (!crowd)
		return NULL;
	pthread_mutex_init(&crowd->lock, NULL);
	if (getrandom(&crowd->seed, sizeof crowd->seed, 0) != (ssize_t)sizeof crowd->seed)
		crowd->seed = (uint64_t)gw->now(call);
	return crowd;
}

static uint64_t mix(uint64_t hash, unsigned char c)
{
	hash = (hash ^ c) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

static uint64_t mix_text(uint64_t hash, struct gw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c > ' ' && !(c >= '0' && c <= '9'))
			hash = mix(hash, c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	return mix(hash, 0);
}

/* Without what answers put before it. */
static struct gw_str bare(struct gw_str subject)
{
	static const char *const marks[] = { "re:", "fw:", "fwd:", "aw:", "wg:" };
	size_t i;

	for (i = 0; i < sizeof marks / sizeof *marks; i++) {
		size_t len = strlen(marks[i]);

		if (subject.len < len || strncasecmp(subject.ptr, marks[i], len) != 0)
			continue;
		subject = gw_str_from(subject, len);
		while (subject.len && subject.ptr[0] == ' ')
			subject = gw_str_from(subject, 1);
		i = (size_t)-1;
	}
	return subject;
}

uint64_t crowd_key(const struct crowd *crowd, struct gw_str client, struct gw_str from,
		   struct gw_str subject)
{
	return mix_text(mix_text(mix_text(crowd->seed, client), from), bare(subject)) | 1;
}

static struct entry *entry_of(struct crowd *crowd, uint64_t key, int64_t now)
{
	struct entry *set = crowd->entries[key >> 32 & (SETS - 1)], *oldest = set;
	size_t i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].seen < oldest->seen)
			oldest = &set[i];
	}
	*oldest = (struct entry){ .key = key, .began = now };
	return oldest;
}

static void turn(struct entry *entry, int64_t now, int64_t within)
{
	int64_t over = now - entry->began;

	if (over >= 0 && over < within)
		return;
	entry->before = over >= within && over < 2 * within ? entry->now : 0;
	entry->began = entry->before ? entry->began + within : now;
	entry->now = 0;
}

int64_t crowd_size(struct crowd *crowd, uint64_t key, int64_t now, int64_t within, int64_t rcpts,
		   bool counts)
{
	struct entry *entry;
	int64_t size;

	pthread_mutex_lock(&crowd->lock);
	entry = entry_of(crowd, key, now);
	turn(entry, now, within);
	entry->seen = now;
	size = entry->now + entry->before * (within - (now - entry->began)) / within + rcpts;
	if (counts)
		entry->now += rcpts;
	pthread_mutex_unlock(&crowd->lock);
	return size;
}
