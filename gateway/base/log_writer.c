/* The queue is two halves: callers fill one while the writer empties the other, so that a line
 * costs a caller one copy under a short lock. The writer is woken by the first line and naps before
 * it takes them, so that a busy gateway wakes it some hundred times a second and not once a line.
 */
#include "base/log_private.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NAP_MS 20
#define RETRY_MS 10       /* how soon a target that was full is looked at again */
#define SETTLE_MS 10000   /* the longest wait for the journal */
#define STOP_GRACE_MS 200 /* for a writer that hangs in a write when it should end */

struct writer {
	pthread_t thread;
	pthread_cond_t work, progress;
	struct log_memory_file file;
	struct log_halves halves; /* of its memory */
	uint64_t added, settled;  /* lines put in; lines the journal has or has dropped */
	uint64_t lost;            /* lines that found the front full, not yet told of */
	bool idle, hurry, reopen, stopping, ended, abandoned;
	int64_t stop_at;
	struct log_output output; /* the thread's own */
};

/* of `current` and of all in it but `output` */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct writer *current;
static _Atomic int target_level = LOG_LEVEL_INFO;
static _Atomic bool journal_on;
static _Atomic uint64_t journal_bound;
static _Atomic uint64_t dropped;

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&target_level, (int)level, memory_order_relaxed);
}

void log_set_journal_size(uint64_t octets)
{
	atomic_store_explicit(&journal_bound, octets, memory_order_relaxed);
}

uint64_t log_journal_bound(void)
{
	return atomic_load_explicit(&journal_bound, memory_order_relaxed);
}

unsigned log_destinations(enum log_level level, bool carries_id)
{
	unsigned where = level == LOG_LEVEL_AUDIT ||
					 (int)level >= atomic_load_explicit(&target_level,
									    memory_order_relaxed)
				 ? LOG_TO_TARGET
				 : 0;

	if (carries_id && level >= LOG_LEVEL_INFO &&
	    atomic_load_explicit(&journal_on, memory_order_relaxed))
		where |= LOG_TO_JOURNAL;
	return where;
}

bool log_enabled(enum log_level level)
{
	return log_destinations(level, true) != 0;
}

uint64_t log_dropped(void)
{
	return atomic_load_explicit(&dropped, memory_order_relaxed);
}

void log_count_dropped(uint64_t lines)
{
	atomic_fetch_add_explicit(&dropped, lines, memory_order_relaxed);
}

static int copy_fd = -1; /* of the one thread that writes directly */

void log_copy_to(int fd)
{
	if (copy_fd >= 0)
		close(copy_fd);
	copy_fd = fd;
}

static void write_directly(const char *line, size_t len)
{
	ssize_t copied = copy_fd >= 0 ? write(copy_fd, line, len) : 0;
	struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };

	(void)copied;
	if (poll(&ready, 1, 0) != 1 || write(STDERR_FILENO, line, len) != (ssize_t)len)
		log_count_dropped(1);
}

static void enqueue(struct writer *w, const char *line, size_t len, unsigned where)
{
	struct log_record record = { (uint16_t)len, (uint16_t)where };
	char *at;

	if (sizeof(record) + len > LOG_HALF_SIZE - w->halves.used) {
		w->lost++;
		log_count_dropped(1);
		return;
	}
	at = w->file.memory->half[w->halves.front] + w->halves.used;
	memcpy(at, &record, sizeof(record));
	memcpy(at + sizeof(record), line, len);
	w->halves.used += (uint32_t)(sizeof(record) + len);
	log_halves_store(w->file.memory, w->halves);
	w->added++;
	if (!w->hurry && w->halves.used > LOG_HALF_SIZE / 2)
		w->hurry = true;
	else if (!w->idle)
		return;
	w->idle = false;
	pthread_cond_signal(&w->work);
}

void log_put(const char *line, size_t len, unsigned where)
{
	struct writer *w;

	pthread_mutex_lock(&lock);
	w = current;
	if (w)
		enqueue(w, line, len, where);
	pthread_mutex_unlock(&lock);
	if (!w && (where & LOG_TO_TARGET))
		write_directly(line, len);
}

static struct timespec at_monotonic(int64_t ms)
{
	struct timespec at = { ms / 1000, ms % 1000 * 1000000 };

	return at;
}

/* With the lock held. A target that was full is looked at again soon, even without new lines. */
static void wait_for_lines(struct writer *w)
{
	struct timespec until;

	if (log_sink_waits(&w->output.target)) {
		pthread_mutex_unlock(&lock);
		log_output_wait(&w->output, RETRY_MS);
		pthread_mutex_lock(&lock);
		return;
	}
	w->idle = w->halves.used == 0;
	while (w->idle && !w->hurry && !w->stopping)
		pthread_cond_wait(&w->work, &lock);
	w->idle = false;
	until = at_monotonic(clock_monotonic() + NAP_MS);
	while (!w->hurry && !w->stopping && pthread_cond_timedwait(&w->work, &lock, &until) == 0)
		;
}

/* With the lock held at both ends: one turn of the halves. */
static void turn(struct writer *w)
{
	const char *batch = w->file.memory->half[w->halves.front];
	size_t len = w->halves.used;
	uint64_t upto = w->added, lost = w->lost;
	bool again = w->reopen;

	w->halves = (struct log_halves){ !w->halves.front, 0, (uint32_t)len };
	log_halves_store(w->file.memory, w->halves);
	w->lost = 0;
	w->hurry = w->reopen = false;
	pthread_mutex_unlock(&lock);
	if (again)
		log_output_reopen(&w->output);
	log_output_write(&w->output, batch, len, lost);
	pthread_mutex_lock(&lock);
	w->halves.taken = 0;
	log_halves_store(w->file.memory, w->halves);
	w->settled = upto;
	pthread_cond_broadcast(&w->progress);
}

static void writer_destroy(struct writer *w)
{
	log_output_finish(&w->output);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->progress);
	log_memory_close(&w->file, true);
	free(w);
}

static void *run(void *arg)
{
	struct writer *w = arg;
	bool abandoned;

	pthread_mutex_lock(&lock);
	while (!w->stopping || w->halves.used || w->lost) {
		wait_for_lines(w);
		turn(w);
	}
	pthread_mutex_unlock(&lock);
	log_output_drain(&w->output, w->stop_at);
	pthread_mutex_lock(&lock);
	w->ended = true;
	abandoned = w->abandoned;
	pthread_cond_broadcast(&w->progress);
	pthread_mutex_unlock(&lock);
	if (abandoned)
		writer_destroy(w);
	return NULL;
}

static void init_conditions(struct writer *w)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->work, &attr);
	pthread_cond_init(&w->progress, &attr);
	pthread_condattr_destroy(&attr);
}

static struct writer *writer_create(const char *path, const char *journal, unsigned journal_days)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	if (log_memory_open(&w->file, journal) != 0) {
		free(w);
		return NULL;
	}
	if (log_output_init(&w->output, path, journal, journal_days) != 0) {
		log_memory_close(&w->file, false);
		free(w);
		return NULL;
	}
	log_memory_recover(&w->file, &w->output);
	init_conditions(w);
	return w;
}

/* Signals are for the threads that know what to do with them. */
static int start_thread(struct writer *w)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		pthread_setname_np(w->thread, "log");
	return rc;
}

int log_start(const char *path, const char *journal, enum log_level level, unsigned journal_days)
{
	struct writer *w;
	int rc;

	if (current) {
		errno = EBUSY;
		return -1;
	}
	w = writer_create(path, journal, journal_days);
	if (!w)
		return -1;
	rc = start_thread(w);
	if (rc != 0) {
		writer_destroy(w);
		errno = rc;
		return -1;
	}
	log_set_level(level);
	atomic_store(&journal_on, journal != NULL);
	pthread_mutex_lock(&lock);
	current = w;
	pthread_mutex_unlock(&lock);
	return 0;
}

void log_stop(unsigned wait_ms)
{
	struct timespec until;
	struct writer *w;
	bool ended;

	pthread_mutex_lock(&lock);
	w = current;
	current = NULL;
	atomic_store(&journal_on, false);
	if (!w) {
		pthread_mutex_unlock(&lock);
		return;
	}
	w->stop_at = clock_monotonic() + wait_ms;
	w->stopping = true;
	pthread_cond_signal(&w->work);
	until = at_monotonic(w->stop_at + STOP_GRACE_MS);
	while (!w->ended && pthread_cond_timedwait(&w->progress, &lock, &until) == 0)
		;
	ended = w->ended;
	w->abandoned = !ended; /* it hangs in a write: it frees itself should it ever come back */
	pthread_mutex_unlock(&lock);
	if (!ended) {
		pthread_detach(w->thread);
		return;
	}
	pthread_join(w->thread, NULL);
	writer_destroy(w);
}

void log_reopen(void)
{
	pthread_mutex_lock(&lock);
	if (current) {
		current->reopen = current->hurry = true;
		current->idle = false;
		pthread_cond_signal(&current->work);
	}
	pthread_mutex_unlock(&lock);
}

char *log_settle_journal(void)
{
	struct timespec until = at_monotonic(clock_monotonic() + SETTLE_MS);
	char *folder = NULL;
	uint64_t want;
	int rc = 0;

	pthread_mutex_lock(&lock);
	errno = ENOENT;
	if (!current || !current->output.has_journal)
		goto out;
	want = current->added;
	while (rc == 0 && current && current->settled < want) {
		current->hurry = true;
		current->idle = false;
		pthread_cond_signal(&current->work);
		rc = pthread_cond_timedwait(&current->progress, &lock, &until);
	}
	if (rc == 0 && current)
		folder = strdup(current->output.journal.folder);
	else
		errno = rc ? rc : ESHUTDOWN;
out:
	pthread_mutex_unlock(&lock);
	return folder;
}
