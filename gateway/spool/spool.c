/* spool.c - the folder: opened by one process, its threads, and what can be asked of it. */
#include "spool/spool_private.h"

#include "base/log.h"
#include "spool/append.h"
#include "spool/disk.h"
#include "spool/gather.h"
#include "spool/group.h"
#include "spool/header.h"
#include "spool/index.h"
#include "spool/janitor.h"
#include "spool/record.h"
#include "spool/recover.h"
#include "spool/refcount.h"
#include "spool/segment.h"
#include "spool/wake.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static void init_locks(struct spool *spool)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&spool->lock, NULL);
	pthread_mutex_init(&spool->prepare_lock, NULL);
	pthread_mutex_init(&spool->wake_lock, NULL);
	pthread_cond_init(&spool->wake, &attr);
	pthread_cond_init(&spool->janitor_wake, &attr);
	pthread_condattr_destroy(&attr);
}

struct spool *spool_new(const struct spool_options *options, struct problems *problems)
{
	struct spool *spool = calloc(1, sizeof(*spool));

	if (!spool)
		goto error_memory;
	spool->dir = spool->lock_file = -1;
	init_locks(spool);
	appends_init(&spool->line);
	appends_init(&spool->held);
	spool->options = *options;
	spool->commit_delay_us = options->gather_us;
	spool->path = strdup(options->path);
	spool->group.gather.scratch = malloc(GATHER_SCRATCH);
	if (!spool->path || !spool->group.gather.scratch || index_init(&spool->index) < 0)
		goto error_spool;
	spool->options.path = spool->path;
	return spool;

error_spool:
	spool_free(spool);
error_memory:
	problem_add(problems, true, options->path, 0, "no memory for the spool");
	return NULL;
}

void spool_free(struct spool *spool)
{
	segments_finish(&spool->segments);
	index_finish(&spool->index);
	free(spool->gaps);
	free(spool->group.gather.scratch);
	if (spool->dir >= 0)
		disk_close(spool->dir);
	if (spool->lock_file >= 0)
		disk_close(spool->lock_file);
	pthread_mutex_destroy(&spool->lock);
	pthread_mutex_destroy(&spool->prepare_lock);
	pthread_mutex_destroy(&spool->wake_lock);
	pthread_cond_destroy(&spool->wake);
	pthread_cond_destroy(&spool->janitor_wake);
	free(spool->path);
	free(spool);
}

/* --- the folder --- */

static int refuse(const struct spool *spool, struct problems *problems, const char *what)
{
	problem_add(problems, true, spool->path, 0, "%s: %s", what, strerror(errno));
	return -1;
}

/* The name of a folder made just now must be on the disk before a message is answered for. */
static int sync_parent(const struct spool *spool)
{
	int failed, parent = disk_openat(spool->dir, "..", O_RDONLY | O_DIRECTORY);

	if (parent < 0)
		return -1;
	failed = disk_fsync(parent);
	disk_close(parent);
	return failed;
}

static int open_folder(struct spool *spool, struct problems *problems)
{
	bool made = disk_mkdir(spool->path) == 0;
	struct stat st;

	if (!made && errno != EEXIST)
		return refuse(spool, problems, "the spool cannot be made");
	spool->dir = disk_open(spool->path);
	if (spool->dir < 0 || disk_fstat(spool->dir, &st) < 0)
		return refuse(spool, problems, "the spool cannot be opened");
	if (st.st_uid != geteuid()) {
		problem_add(problems, true, spool->path, 0,
			    "the spool belongs to user %u, not to user %u", (unsigned)st.st_uid,
			    (unsigned)geteuid());
		return -1;
	}
	if (st.st_mode & 077)
		problem_add(problems, false, spool->path, 0,
			    "others may look into the spool (mode %03o, better is 700)",
			    (unsigned)st.st_mode & 0777);
	return made && sync_parent(spool) < 0
		       ? refuse(spool, problems, "the spool's folder cannot be synced")
		       : 0;
}

static void say_locked(const struct spool *spool, struct problems *problems)
{
	char pid[24] = "";
	ssize_t n = disk_pread(spool->lock_file, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	problem_add(problems, true, spool->path, 0, "the spool is in use by process %s",
		    *pid ? pid : "?");
}

static int lock_folder(struct spool *spool, struct problems *problems)
{
	char pid[24];
	int len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

	spool->lock_file = disk_openat(spool->dir, "lock", O_RDWR | O_CREAT);
	if (spool->lock_file < 0)
		return refuse(spool, problems, "the spool's lock cannot be opened");
	if (disk_flock(spool->lock_file, LOCK_EX | LOCK_NB) < 0) {
		say_locked(spool, problems);
		return -1;
	}
	/* The pid is for people: a disk too full for it is no reason to stay down. */
	if (disk_ftruncate(spool->lock_file, 0) < 0 ||
	    disk_pwrite(spool->lock_file, pid, (size_t)len, 0) != len)
		log_say(EVENT_SPOOL_LOCK, "%s/lock: %s", spool->path, strerror(errno));
	return 0;
}

static bool is_ours(const char *name)
{
	return strcmp(name, "lock") == 0 || strcmp(name, "quarantine") == 0;
}

#define NO_MEMORY 1

struct listing {
	struct spool *spool;
	struct problems *problems;
};

static int list_one(void *arg, const char *name)
{
	struct spool *spool = ((struct listing *)arg)->spool;
	struct problems *problems = ((struct listing *)arg)->problems;
	uint32_t number = segment_number(name);
	struct segment *segment;
	struct stat st;

	if (is_ours(name))
		return 0;
	if (!number) {
		problem_add(problems, false, spool->path, 0,
			    "%s is not the spool's, it is left alone", name);
		return 0;
	}
	segment = segment_add(&spool->segments, number);
	if (!segment)
		return NO_MEMORY;
	if (number > spool->last_number)
		spool->last_number = number;
	if (disk_fstatat(spool->dir, name, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid())
		return 0;
	segment->aside = segment->sealed = true;
	problem_add(problems, false, spool->path, 0,
		    "%s is set aside: it is not a plain file of user %u", name,
		    (unsigned)geteuid());
	return 0;
}

int spool_list(struct spool *spool, struct problems *problems)
{
	struct listing listing = { spool, problems };
	int result = disk_list(spool->dir, list_one, &listing);

	if (result < 0)
		return refuse(spool, problems, "the spool cannot be listed");
	if (result == NO_MEMORY)
		problem_add(problems, true, spool->path, 0, "no memory for the spool");
	return result ? -1 : 0;
}

/* --- open and close --- */

static bool size_allowed(const struct spool_options *options, struct problems *problems)
{
	if (options->segment_size > 0 && options->segment_size <= SPOOL_SEGMENT_MAX)
		return true;
	problem_add(problems, true, options->path, 0, "segments of %lld bytes cannot be made",
		    (long long)options->segment_size);
	return false;
}

struct spool *spool_open(const struct spool_options *options, spool_found_fn *found, void *arg,
			 struct problems *problems)
{
	struct spool *spool = size_allowed(options, problems) ? spool_new(options, problems) : NULL;

	if (!spool)
		return NULL;
	if (open_folder(spool, problems) < 0 || lock_folder(spool, problems) < 0 ||
	    spool_list(spool, problems) < 0 || recover_run(spool, found, arg, problems) < 0)
		goto error;
	segment_prepare(spool, 0);
	janitor_measure(spool);
	if (threads_start(spool) < 0) {
		refuse(spool, problems, "the spool's threads cannot be started");
		goto error;
	}
	return spool;

error:
	spool_free(spool);
	return NULL;
}

static void remove_empty(struct spool *spool, struct segment *segment)
{
	char name[SEGMENT_NAME];

	if (segment && segment->end == segment_begin(segment))
		disk_unlinkat(spool->dir, segment_name(segment->number, name));
}

void spool_stop(struct spool *spool)
{
	if (!spool || spool->is_stopped)
		return;
	threads_stop(spool);
	spool->is_stopped = true;
	remove_empty(spool, spool->current);
	remove_empty(spool, spool->next);
}

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	spool_stop(spool);
	commit_forget(spool);
	spool_free(spool);
}

void spool_wake_janitor(struct spool *spool)
{
	pthread_mutex_lock(&spool->wake_lock);
	spool->janitor_hurry = true;
	pthread_cond_signal(&spool->janitor_wake);
	pthread_mutex_unlock(&spool->wake_lock);
}

/* --- questions --- */

void spool_abandon(struct spool *spool, uint64_t id, const struct spool_extent *extents,
		   size_t count)
{
	(void)id;
	pthread_mutex_lock(&spool->lock);
	for (size_t i = 0; i < count; i++)
		refcount_referenced(spool, extents[i].segment,
				    record_align(RECORD_HEAD + (uint64_t)extents[i].length));
	pthread_mutex_unlock(&spool->lock);
}

/* Under `lock`. */
static enum spool_result room(const struct spool *spool, int64_t size)
{
	int64_t bytes = spool->current_room;

	if (spool->state != SPOOL_OK)
		return spool->state;
	if (spool->free_bytes < spool->options.min_free ||
	    spool->free_inodes < spool->options.min_free_inodes)
		return SPOOL_FULL;
	bytes += spool->next ? spool->next->size - SEGMENT_HEADER : 0;
	bytes += spool->free_bytes - spool->options.min_free;
	return size <= bytes ? SPOOL_OK : SPOOL_FULL;
}

enum spool_result spool_room(struct spool *spool, int64_t size)
{
	enum spool_result result;

	pthread_mutex_lock(&spool->lock);
	result = room(spool, size);
	pthread_mutex_unlock(&spool->lock);
	return result;
}

void spool_stats(struct spool *spool, struct spool_stats *stats)
{
	pthread_mutex_lock(&spool->lock);
	*stats = spool->stats;
	stats->messages = spool->index.count;
	stats->segments = stats->bytes = 0;
	for (size_t i = 0; i < spool->segments.count; i++) {
		const struct segment *segment = spool->segments.items[i];

		stats->segments += !segment->gone;
		stats->bytes += segment->gone ? 0 : segment->sealed ? segment->end : segment->size;
	}
	stats->free_bytes = spool->free_bytes;
	stats->free_inodes = spool->free_inodes;
	stats->state = room(spool, 0);
	pthread_mutex_unlock(&spool->lock);
}
