/* segment.c - the files of the log: made ahead of need, pinned while they are read, removed. */
#include "spool/segment.h"

#include "base/clock.h"
#include "base/log.h"
#include "spool/disk.h"
#include "spool/header.h"
#include "spool/record.h"
#include "spool/spool_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SMALLEST (256u << 10)
#define RETRY_MS 100

char *segment_name(uint32_t number, char text[SEGMENT_NAME])
{
	snprintf(text, SEGMENT_NAME, "%010u.seg", number);
	return text;
}

uint32_t segment_number(const char *name)
{
	char again[SEGMENT_NAME];
	unsigned long number = strtoul(name, NULL, 10);

	if (number == 0 || number > UINT32_MAX)
		return 0;
	return strcmp(segment_name((uint32_t)number, again), name) == 0 ? (uint32_t)number : 0;
}

/* The first of at least that number. */
static size_t lower(const struct segments *segments, uint32_t number)
{
	size_t low = 0, high = segments->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (segments->items[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct segment *segment_find(const struct segments *segments, uint32_t number)
{
	size_t at = lower(segments, number);
	return at < segments->count && segments->items[at]->number == number ? segments->items[at]
									     : NULL;
}

bool segment_exists(const struct segments *segments, uint32_t number)
{
	const struct segment *segment = segment_find(segments, number);
	return segment && !segment->gone;
}

struct segment *segment_add(struct segments *segments, uint32_t number)
{
	struct segment *segment;
	size_t at = lower(segments, number);

	if (segments->count == segments->capacity) {
		size_t capacity = segments->capacity ? segments->capacity * 2 : 16;
		struct segment **items = realloc(segments->items, capacity * sizeof(*items));
		if (!items)
			return NULL;
		segments->items = items;
		segments->capacity = capacity;
	}
	segment = calloc(1, sizeof(*segment));
	if (!segment)
		return NULL;
	segment->number = number;
	segment->fd = -1;
	segment->lost = UINT32_MAX;
	memmove(segments->items + at + 1, segments->items + at,
		(segments->count - at) * sizeof(*segments->items));
	segments->items[at] = segment;
	segments->count++;
	return segment;
}

static void segment_destroy(struct segment *segment)
{
	if (segment->fd >= 0)
		disk_close(segment->fd);
	free(segment->refs);
	free(segment);
}

void segment_drop(struct segments *segments, struct segment *segment)
{
	size_t at = lower(segments, segment->number);

	memmove(segments->items + at, segments->items + at + 1,
		(segments->count - at - 1) * sizeof(*segments->items));
	segments->count--;
	segment_destroy(segment);
}

void segments_finish(struct segments *segments)
{
	for (size_t i = 0; i < segments->count; i++)
		segment_destroy(segments->items[i]);
	free(segments->items);
	memset(segments, 0, sizeof(*segments));
}

static struct segment_ref *find_ref(const struct segment *segment, uint32_t to)
{
	for (size_t i = segment->ref_count; i-- > 0;)
		if (segment->refs[i].segment == to)
			return &segment->refs[i];
	return NULL;
}

int segment_refer(struct segment *segment, uint32_t to, bool is_final, bool hard)
{
	struct segment_ref *ref;

	if (to == 0 || to == segment->number)
		return 0;
	ref = find_ref(segment, to);
	if (!ref) {
		struct segment_ref *refs = realloc(segment->refs,
						   (segment->ref_count + 1) * sizeof(*refs));
		if (!refs) {
			/* what cannot be ref cannot be waited for: the file stays until a restart
			 */
			segment->kept = true;
			segment->needed++;
			return -1;
		}
		segment->refs = refs;
		ref = &refs[segment->ref_count++];
		*ref = (struct segment_ref){ .segment = to };
	}
	ref->finals += is_final;
	ref->hard = ref->hard || hard;
	return 0;
}

uint64_t segment_finals_bytes(const struct segments *segments, const struct segment *segment)
{
	uint64_t finals = 0;

	for (size_t i = 0; i < segment->ref_count; i++)
		if (segment_exists(segments, segment->refs[i].segment))
			finals += segment->refs[i].finals;
	return finals * record_align(RECORD_HEAD + sizeof(struct final_meta));
}

bool segment_blocked(const struct segments *segments, const struct segment *segment, bool hard_only)
{
	for (size_t i = 0; i < segment->ref_count; i++)
		if ((segment->refs[i].hard || !hard_only) &&
		    segment_exists(segments, segment->refs[i].segment))
			return true;
	return false;
}

int segment_pin(struct spool *spool, struct segment *segment)
{
	char name[SEGMENT_NAME];

	if (segment->fd < 0)
		segment->fd = disk_openat(spool->dir, segment_name(segment->number, name),
					  O_RDONLY);
	if (segment->fd < 0)
		return -1;
	segment->pins++;
	return 0;
}

void segment_unpin(struct spool *spool, struct segment *segment)
{
	if (--segment->pins > 0)
		return;
	if (segment->fd >= 0)
		disk_close(segment->fd);
	segment->fd = -1;
	if (segment->gone)
		segment_drop(&spool->segments, segment);
}

struct segment *segment_hold(struct spool *spool, uint32_t number)
{
	struct segment *segment;

	pthread_mutex_lock(&spool->lock);
	segment = segment_find(&spool->segments, number);
	if (segment &&
	    (segment->aside || (segment->gone && segment->fd < 0) || segment_pin(spool, segment)))
		segment = NULL;
	pthread_mutex_unlock(&spool->lock);
	return segment;
}

void segment_release(struct spool *spool, struct segment *segment)
{
	pthread_mutex_lock(&spool->lock);
	segment_unpin(spool, segment);
	pthread_mutex_unlock(&spool->lock);
}

static int allocate(int fd, uint32_t size)
{
	int result;

	do
		result = disk_fallocate(fd, size);
	while (result < 0 && errno == EINTR);
	return result;
}

static bool is_full(int error)
{
	return error == ENOSPC || error == EDQUOT;
}

/* A file without records that is on stable storage with its name and its header, or -1 with errno
 * and no file. */
static int make_file(struct spool *spool, const struct segment_key *key, uint32_t size)
{
	char name[SEGMENT_NAME];
	int saved, fd = disk_openat(spool->dir, segment_name(key->number, name),
				    O_RDWR | O_CREAT | O_EXCL);

	if (fd < 0)
		return -1;
	if (allocate(fd, size) == 0 && segment_header_write(fd, key) == 0 && disk_fsync(fd) == 0 &&
	    disk_fsync(spool->dir) == 0)
		return fd;
	saved = errno;
	disk_unlinkat(spool->dir, name);
	disk_close(fd);
	errno = saved;
	return -1;
}

/* A disk without room for a whole segment may have it for a small one. */
static int make_smaller(struct spool *spool, const struct segment_key *key, uint32_t *size,
			uint32_t need)
{
	for (;;) {
		int fd = make_file(spool, key, *size);

		if (fd >= 0 || !is_full(errno) || *size / 2 < SMALLEST || *size / 2 < need)
			return fd;
		*size /= 2;
	}
}

static enum spool_result make_next(struct spool *spool, uint32_t need)
{
	uint32_t size = (uint32_t)spool->options.segment_size; /* at most SPOOL_SEGMENT_MAX */
	struct segment *segment;
	struct segment_key key;
	char name[SEGMENT_NAME];
	int fd;

	need += SEGMENT_HEADER;
	if (size < need)
		size = (need + SMALLEST - 1) / SMALLEST * SMALLEST;
	fd = segment_key_make(&key, ++spool->last_number) < 0
		     ? -1
		     : make_smaller(spool, &key, &size, need);
	if (fd < 0)
		return is_full(errno) ? SPOOL_FULL : SPOOL_FAILED;
	pthread_mutex_lock(&spool->lock);
	segment = segment_add(&spool->segments, key.number);
	if (segment) {
		segment->key = key;
		segment->end = SEGMENT_HEADER;
		segment->fd = fd;
		segment->pins = 1;
		segment->size = size;
		spool->next = segment;
	}
	pthread_mutex_unlock(&spool->lock);
	if (segment)
		return SPOOL_OK;
	disk_unlinkat(spool->dir, segment_name(key.number, name));
	disk_close(fd);
	return SPOOL_FAILED;
}

static void discard_next(struct spool *spool)
{
	struct segment *next;

	pthread_mutex_lock(&spool->lock);
	next = spool->next;
	spool->next = NULL;
	pthread_mutex_unlock(&spool->lock);
	segment_remove(spool, next);
	segment_release(spool, next);
}

/* After failed groups new messages are refused for a while, then tried again. */
static void set_state(struct spool *spool, enum spool_result state)
{
	pthread_mutex_lock(&spool->lock);
	if (state != SPOOL_OK || clock_monotonic() >= spool->fail_until)
		spool->state = state;
	pthread_mutex_unlock(&spool->lock);
}

/* The room in the prepared segment; 0: there is none. The commit thread may take it at any time;
 * only who has prepare_lock adds one. */
static uint32_t next_room(struct spool *spool)
{
	uint32_t size;

	pthread_mutex_lock(&spool->lock);
	size = spool->next ? spool->next->size - SEGMENT_HEADER : 0;
	pthread_mutex_unlock(&spool->lock);
	return size;
}

static enum spool_result prepare(struct spool *spool, uint32_t need)
{
	uint32_t room = next_room(spool);
	enum spool_result result;

	if (room && room >= need) {
		set_state(spool, SPOOL_OK);
		return SPOOL_OK;
	}
	if (room)
		discard_next(spool);
	if (clock_monotonic() < spool->retry_at)
		return spool->retry_result;
	result = make_next(spool, need);
	if (result != SPOOL_OK && spool->retry_result == SPOOL_OK)
		log_say(EVENT_SPOOL_NO_SEGMENT, "no new segment in %s: %s", spool->path,
			result == SPOOL_FULL ? "the disk is full" : "the disk failed");
	spool->retry_at = result == SPOOL_OK ? 0 : clock_monotonic() + RETRY_MS;
	spool->retry_result = result;
	set_state(spool, result);
	return result;
}

enum spool_result segment_prepare(struct spool *spool, uint32_t need)
{
	enum spool_result result;

	pthread_mutex_lock(&spool->prepare_lock);
	result = prepare(spool, need);
	pthread_mutex_unlock(&spool->prepare_lock);
	return result;
}

int segment_remove(struct spool *spool, struct segment *segment)
{
	char name[SEGMENT_NAME];

	if (disk_unlinkat(spool->dir, segment_name(segment->number, name)) < 0 && errno != ENOENT)
		return -1;
	if (disk_fsync(spool->dir) < 0)
		return -1;
	pthread_mutex_lock(&spool->lock);
	segment->gone = true;
	if (segment->pins == 0)
		segment_drop(&spool->segments, segment);
	pthread_mutex_unlock(&spool->lock);
	return 0;
}

int segment_read(const struct segment *segment, void *out, size_t len, uint64_t offset)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = disk_pread(segment->fd, (char *)out + got, len - got,
				       (off_t)(offset + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return SPOOL_UNREADABLE;
		if (n == 0)
			return SPOOL_DAMAGED;
		got += (size_t)n;
	}
	return 0;
}
