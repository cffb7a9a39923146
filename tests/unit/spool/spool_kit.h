/* spool_kit.h - what the tests of the spool share: a folder that is removed, appends that are
 * waited for, messages whose content tells what it must be. */
#ifndef TESTS_SPOOL_KIT_H
#define TESTS_SPOOL_KIT_H

#include "base/crc32c.h"
#include "base/log.h"
#include "spool/header.h"
#include "spool/spool_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define KIT_PATH 256
#define unused_fn __attribute__((unused))

struct kit {
	char root[64];       /* temporary */
	char path[KIT_PATH]; /* of the spool, in it */
	struct spool_options options;
	struct spool *spool;
	struct problems problems;
	/* what the last recovery found */
	uint64_t found[4096];
	char states[4096][32];
	size_t found_count;
};

static unused_fn void kit_init(struct kit *kit)
{
	memset(kit, 0, sizeof(*kit));
	snprintf(kit->root, sizeof(kit->root), "/tmp/spool-test-XXXXXX");
	assert_non_null(mkdtemp(kit->root));
	snprintf(kit->path, sizeof(kit->path), "%s/spool", kit->root);
	kit->options.path = kit->path;
	kit->options.segment_size = 1 << 20;
	problems_init(&kit->problems);
}

static unused_fn void kit_remove(const char *folder)
{
	char path[KIT_PATH * 2];
	struct dirent *item;
	DIR *dir = opendir(folder);

	while (dir && (item = readdir(dir))) {
		if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, item->d_name);
		if (unlink(path) < 0)
			kit_remove(path);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

static unused_fn void kit_found(void *arg, const struct spool_found *found)
{
	struct kit *kit = arg;
	size_t len = found->state.len < 31 ? found->state.len : 31;

	if (kit->found_count >= 4096)
		return;
	memcpy(kit->states[kit->found_count], found->state.ptr, len);
	kit->states[kit->found_count][len] = '\0';
	kit->found[kit->found_count++] = found->id;
}

static unused_fn void kit_open(struct kit *kit)
{
	kit->found_count = 0;
	kit->spool = spool_open(&kit->options, kit_found, kit, &kit->problems);
}

static unused_fn void kit_close(struct kit *kit)
{
	spool_close(kit->spool);
	kit->spool = NULL;
}

static unused_fn void kit_reopen(struct kit *kit)
{
	kit_close(kit);
	kit_open(kit);
	assert_non_null(kit->spool);
}

static unused_fn void kit_finish(struct kit *kit)
{
	kit_close(kit);
	problems_finish(&kit->problems);
	kit_remove(kit->root);
}

static unused_fn bool kit_has(const struct kit *kit, uint64_t id)
{
	for (size_t i = 0; i < kit->found_count; i++)
		if (kit->found[i] == id)
			return true;
	return false;
}

static unused_fn const char *kit_state(const struct kit *kit, uint64_t id)
{
	for (size_t i = 0; i < kit->found_count; i++)
		if (kit->found[i] == id)
			return kit->states[i];
	return NULL;
}

/* --- appends --- */

struct waited {
	struct spool_append append;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool finished;
};

static unused_fn void waited_run(struct post *post)
{
	struct waited *waited = (struct waited *)(void *)((char *)post -
							  offsetof(struct waited, append.post));

	pthread_mutex_lock(&waited->lock);
	waited->finished = true;
	pthread_cond_signal(&waited->done);
	pthread_mutex_unlock(&waited->lock);
}

static unused_fn void waited_start(struct spool *spool, struct waited *waited)
{
	pthread_mutex_init(&waited->lock, NULL);
	pthread_cond_init(&waited->done, NULL);
	waited->finished = false;
	waited->append.post.run = waited_run;
	spool_append(spool, &waited->append);
}

static unused_fn bool waited_is_over(struct waited *waited)
{
	pthread_mutex_lock(&waited->lock);
	bool over = waited->finished;
	pthread_mutex_unlock(&waited->lock);
	return over;
}

static unused_fn enum spool_result waited_end(struct waited *waited)
{
	pthread_mutex_lock(&waited->lock);
	while (!waited->finished)
		pthread_cond_wait(&waited->done, &waited->lock);
	pthread_mutex_unlock(&waited->lock);
	pthread_mutex_destroy(&waited->lock);
	pthread_cond_destroy(&waited->done);
	return waited->append.result;
}

static unused_fn enum spool_result kit_append(struct spool *spool, struct waited *waited)
{
	waited_start(spool, waited);
	return waited_end(waited);
}

/* --- messages: each octet follows from the id and its offset --- */

static unused_fn void kit_fill(uint64_t id, uint64_t offset, char *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t at = (offset + i) / 8,
			 word = (id * 0x9e3779b97f4a7c15u) ^ (at * 0xbf58476d1ce4e5b9u);
		word ^= word >> 29;
		out[i] = (char)(word >> (8 * ((offset + i) % 8)));
	}
}

#define KIT_EXTENTS 64
struct sent {
	struct spool_extent extents[KIT_EXTENTS];
	size_t count;
	struct spool_extent tail;
};

/* A message of `size` octets: extents of `piece` octets and a tail. */
static unused_fn enum spool_result kit_send(struct spool *spool, uint64_t id, uint64_t size,
					    uint32_t piece, struct sent *sent)
{
	uint64_t at = 0;
	char *bytes = malloc(piece + 1u), envelope[64];
	enum spool_result result = SPOOL_OK;

	sent->count = 0;
	for (; size - at > piece && result == SPOOL_OK; at += piece) {
		struct waited waited = {
			.append = { .type = SPOOL_EXTENT, .id = id, .data = { bytes, piece } }
		};

		kit_fill(id, at, bytes, piece);
		result = kit_append(spool, &waited);
		if (result == SPOOL_OK)
			sent->extents[sent->count++] = waited.append.extent;
	}
	if (result == SPOOL_OK) {
		struct waited waited = { .append = { .type = SPOOL_MESSAGE,
						     .id = id,
						     .durable = true,
						     .data = { bytes, (size_t)(size - at) } } };

		kit_fill(id, at, bytes, (size_t)(size - at));
		waited.append.meta = gw_str_n(envelope, (size_t)snprintf(envelope, sizeof(envelope),
									 "envelope-%llu-%llu",
									 (unsigned long long)id,
									 (unsigned long long)size));
		waited.append.extents = sent->extents;
		waited.append.extent_count = sent->count;
		result = kit_append(spool, &waited);
		sent->tail = waited.append.extent;
	}
	if (result != SPOOL_OK)
		spool_abandon(spool, id, sent->extents, sent->count);
	free(bytes);
	return result;
}

static unused_fn void kit_message(struct kit *kit, uint64_t id, uint64_t size, uint32_t piece)
{
	struct sent sent;
	assert_int_equal(kit_send(kit->spool, id, size, piece, &sent), SPOOL_OK);
}

static unused_fn enum spool_result kit_record(struct spool *spool, enum spool_type type,
					      uint64_t id, const char *meta, bool durable)
{
	struct waited waited = {
		.append = { .type = type, .id = id, .durable = durable, .meta = gw_str(meta) }
	};
	return kit_append(spool, &waited);
}

static unused_fn void kit_set_state(struct kit *kit, uint64_t id, const char *state)
{
	assert_int_equal(kit_record(kit->spool, SPOOL_STATE, id, state, false), SPOOL_OK);
}

static unused_fn void kit_final(struct kit *kit, uint64_t id)
{
	assert_int_equal(kit_record(kit->spool, SPOOL_FINAL, id, "", false), SPOOL_OK);
}

static unused_fn bool content_is(const struct spool_content *content, uint64_t id)
{
	char want[4096], got[4096];
	uint64_t at;
	long n = 0;

	for (at = 0; at < content->size; at += (uint64_t)n) {
		n = spool_read(content, at, got, sizeof(got));
		if (n <= 0)
			return false;
		kit_fill(id, at, want, (size_t)n);
		if (memcmp(want, got, (size_t)n) != 0)
			return false;
	}
	return spool_read(content, content->size, got, 1) == 0;
}

enum loaded {
	LOADED_GOOD,
	LOADED_REFUSED /* not loaded, or verify says damaged */,
	LOADED_ALTERED
};

/* Loads and verifies a message as a delivery does before it is sent. */
static unused_fn enum loaded kit_load(struct spool *spool, uint64_t id)
{
	enum loaded result = LOADED_REFUSED;
	struct gw_str envelope, state;
	struct spool_content content;
	struct arena arena;
	char want[64];

	arena_init(&arena, 0);
	if (spool_load(spool, id, &arena, &envelope, &state, &content) == 0 &&
	    spool_verify(&content) == 0) {
		snprintf(want, sizeof(want), "envelope-%llu-%llu", (unsigned long long)id,
			 (unsigned long long)content.size);
		result = gw_str_eq(envelope, gw_str(want)) && content_is(&content, id)
				 ? LOADED_GOOD
				 : LOADED_ALTERED;
	}
	arena_finish(&arena);
	return result;
}

#define assert_whole(kit, id) assert_int_equal(kit_load((kit)->spool, id), LOADED_GOOD)

/* Waits until the condition holds, at most some seconds. */
#define wait_for(condition)                                                                        \
	do {                                                                                       \
		int left_ = 1000;                                                                  \
		while (!(condition) && left_-- > 0)                                                \
			usleep(10000);                                                             \
		assert_true(condition);                                                            \
	} while (0)

static unused_fn struct spool_stats kit_stats(struct kit *kit)
{
	struct spool_stats stats;
	spool_stats(kit->spool, &stats);
	return stats;
}

#endif
