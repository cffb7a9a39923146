#include "writer.h"

#include "store_private.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define GAP_MS 20 /* between two syncs */
#define LATER_MS 100

STAILQ_HEAD(writings, writing);

struct writer {
	struct store *store;
	pthread_mutex_t lock;
	pthread_cond_t change;
	pthread_t thread;
	bool runs, stops;
	struct writings durable, others;
	int64_t durable_due, due; /* ms of the monotonic clock: not before, where some wait */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- one transaction --- */

static int work_all(struct store *store, struct writings *writings)
{
	struct writing *writing;

	STAILQ_FOREACH(writing, writings, link)
	{
		if (writing->work(store, writing) != 0)
			return -1;
	}
	return 0;
}

/* All or none. `*begun`: it came to them. */
static bool commit(struct store *store, struct writings *writings, bool durable, bool *begun)
{
	bool kept = false;

	pthread_mutex_lock(&store->lock);
	*begun = store_set_durable(store, durable) && store_does(store, BEGIN);
	if (*begun) {
		kept = work_all(store, writings) == 0 && store_does(store, COMMIT);
		if (!kept)
			store_does(store, ROLLBACK);
	}
	pthread_mutex_unlock(&store->lock);
	return kept;
}

static void tell(struct store *store, struct writings *writings, bool kept)
{
	struct writing *writing;

	while ((writing = STAILQ_FIRST(writings)) != NULL) {
		STAILQ_REMOVE_HEAD(writings, link);
		writing->done(store, writing, kept);
	}
}

static bool is_one(const struct writings *writings)
{
	return !STAILQ_NEXT(STAILQ_FIRST(writings), link);
}

/* One that cannot be written costs only itself. */
static void write_each(struct store *store, struct writings *writings)
{
	struct writing *writing;
	struct writings alone;
	bool begun, kept;

	while ((writing = STAILQ_FIRST(writings)) != NULL) {
		STAILQ_REMOVE_HEAD(writings, link);
		STAILQ_INIT(&alone);
		STAILQ_INSERT_TAIL(&alone, writing, link);
		kept = commit(store, &alone, writing->urgency == WRITE_DURABLE, &begun);
		tell(store, &alone, kept);
		if (!begun)
			tell(store, writings, false);
	}
}

/* A store that somebody else has locked is waited for once, and not once for each. */
static void write_together(struct store *store, struct writings *writings, bool durable)
{
	bool begun, kept = commit(store, writings, durable, &begun);

	if (kept || !begun || is_one(writings))
		tell(store, writings, kept);
	else
		write_each(store, writings);
}

/* --- the thread; under the lock --- */

static bool is_due(const struct writer *writer, const struct writings *writings, int64_t due,
		   int64_t now)
{
	return !STAILQ_EMPTY(writings) && (writer->stops || now >= due);
}

static void wait_for(struct writer *writer)
{
	int64_t until = INT64_MAX;
	struct timespec time;

	if (!STAILQ_EMPTY(&writer->durable))
		until = writer->durable_due;
	if (!STAILQ_EMPTY(&writer->others) && writer->due < until)
		until = writer->due;
	if (until == INT64_MAX) {
		pthread_cond_wait(&writer->change, &writer->lock);
		return;
	}
	time = (struct timespec){ until / 1000, until % 1000 * 1000000 };
	pthread_cond_timedwait(&writer->change, &writer->lock, &time);
}

/* What goes along costs no sync of its own; what has to be on disk waits for its time. */
static bool take(struct writer *writer, struct writings *taken, bool *durable)
{
	int64_t now = now_ms();

	STAILQ_INIT(taken);
	*durable = is_due(writer, &writer->durable, writer->durable_due, now);
	if (!*durable && !is_due(writer, &writer->others, writer->due, now))
		return false;
	if (*durable)
		STAILQ_CONCAT(taken, &writer->durable);
	STAILQ_CONCAT(taken, &writer->others);
	return true;
}

static void *run(void *arg)
{
	struct writer *writer = arg;
	struct writings taken;
	bool durable;

	pthread_setname_np(pthread_self(), "bounce-writer");
	pthread_mutex_lock(&writer->lock);
	for (;;) {
		if (take(writer, &taken, &durable)) {
			pthread_mutex_unlock(&writer->lock);
			write_together(writer->store, &taken, durable);
			pthread_mutex_lock(&writer->lock);
			if (durable)
				writer->durable_due = now_ms() + GAP_MS;
		} else if (writer->stops) {
			break;
		} else {
			wait_for(writer);
		}
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

/* --- from the others --- */

/* Under the lock: whether the thread has to look. */
static bool add(struct writer *writer, struct writing *writing)
{
	struct writings *to = writing->urgency == WRITE_DURABLE ? &writer->durable
								: &writer->others;
	bool first = STAILQ_EMPTY(to), sooner;
	int64_t due = now_ms() + (writing->urgency == WRITE_LATER ? LATER_MS : 0);

	STAILQ_INSERT_TAIL(to, writing, link);
	if (writing->urgency == WRITE_DURABLE)
		return first;
	sooner = first || due < writer->due;
	if (sooner)
		writer->due = due;
	return sooner;
}

/* Under the lock. The thread begins when there is something to do. */
static bool runs(struct writer *writer)
{
	sigset_t all, before;

	if (writer->runs)
		return true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	writer->runs = pthread_create(&writer->thread, NULL, run, writer) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return writer->runs;
}

void store_write(struct store *store, struct writing *writing)
{
	struct writer *writer = store->writer;
	bool good;

	pthread_mutex_lock(&writer->lock);
	good = runs(writer);
	if (good && add(writer, writing))
		pthread_cond_signal(&writer->change);
	pthread_mutex_unlock(&writer->lock);
	if (!good)
		writing->done(store, writing, false);
}

struct writer *writer_create(struct store *store)
{
	struct writer *writer = calloc(1, sizeof *writer);
	pthread_condattr_t attributes;

	if (!writer)
		return NULL;
	writer->store = store;
	STAILQ_INIT(&writer->durable);
	STAILQ_INIT(&writer->others);
	pthread_mutex_init(&writer->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&writer->change, &attributes);
	pthread_condattr_destroy(&attributes);
	return writer;
}

void writer_destroy(struct writer *writer)
{
	if (!writer)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->stops = true;
	pthread_cond_signal(&writer->change);
	pthread_mutex_unlock(&writer->lock);
	if (writer->runs)
		pthread_join(writer->thread, NULL);
	pthread_cond_destroy(&writer->change);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
}
