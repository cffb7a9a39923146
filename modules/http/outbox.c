#include "outbox.h"

#include "records.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define WAITING_MOST 10000
#define AT_ONCE 1000
#define AGAIN_MS 1000 /* after a store that could not be written to */
#define FORGET_MS 60000

struct entry {
	struct entry *next;
	struct event event; /* its texts are behind it */
};

struct outbox {
	struct gw_call *call;
	const struct http_conf *conf;
	struct event_store *store;
	struct records *records;
	void (*kept)(void *arg);
	void *arg;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t change;
	/* under lock */
	struct entry *first, **last;
	size_t waiting;
	bool stops, full, failed;
	int64_t forgot;
	struct event batch[AT_ONCE]; /* the thread's */
};

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What is waited for: a clock that is set back does not make it longer. */
static int64_t now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

/* --- putting --- */

bool outbox_wants(const struct http_conf *conf, struct gw_str name)
{
	const struct webhook_conf *webhooks = conf->webhooks.items;
	size_t i;

	if (list_has(conf->events, name))
		return true;
	for (i = 0; i < conf->webhooks.count; i++)
		if (list_has(webhooks[i].events, name))
			return true;
	return false;
}

static struct gw_str keep(char **at, struct gw_str text)
{
	char *begins = *at;

	*at = mempcpy(begins, text.ptr, text.len);
	*(*at)++ = '\0';
	return gw_str_n(begins, text.len);
}

static struct entry *entry_create(const struct event *event)
{
	struct entry *entry = malloc(sizeof *entry + event->name.len + event->client.len +
				     event->json.len + 3);
	char *at = (char *)(entry + 1);

	if (!entry)
		return NULL;
	*entry = (struct entry){ .event = { .time = event->time } };
	entry->event.name = keep(&at, event->name);
	entry->event.client = keep(&at, event->client);
	entry->event.json = keep(&at, event->json);
	return entry;
}

static void tell_dropped(struct outbox *outbox, bool first)
{
	gw->count(outbox->call, "dropped", 1);
	if (first)
		gw->log(outbox->call, GW_LOG_ERROR,
			"events are dropped: %d wait to be kept; said once until there is room",
			WAITING_MOST);
}

void outbox_put(struct outbox *outbox, const struct event *event)
{
	struct entry *entry = entry_create(event);
	bool first, fits;

	pthread_mutex_lock(&outbox->lock);
	fits = entry && outbox->waiting < WAITING_MOST;
	first = !fits && !outbox->full;
	outbox->full = !fits;
	if (fits) {
		*outbox->last = entry;
		outbox->last = &entry->next;
		outbox->waiting++;
		pthread_cond_signal(&outbox->change);
	}
	pthread_mutex_unlock(&outbox->lock);
	if (fits)
		return;
	free(entry);
	tell_dropped(outbox, first);
}

void outbox_look(struct outbox *outbox)
{
	records_look(outbox->records);
	pthread_cond_signal(&outbox->change);
}

/* --- keeping --- */

/* The first ones, which stay where they are until they are kept: others only add behind them. */
static size_t gather(struct outbox *outbox, struct event *events, size_t most)
{
	struct entry *entry;
	size_t count = 0;

	pthread_mutex_lock(&outbox->lock);
	for (entry = outbox->first; entry && count < most; entry = entry->next)
		events[count++] = entry->event;
	pthread_mutex_unlock(&outbox->lock);
	return count;
}

static void drop_first(struct outbox *outbox, size_t count)
{
	struct entry *entry;

	pthread_mutex_lock(&outbox->lock);
	while (count-- > 0) {
		entry = outbox->first;
		outbox->first = entry->next;
		if (!outbox->first)
			outbox->last = &outbox->first;
		outbox->waiting--;
		free(entry);
	}
	pthread_mutex_unlock(&outbox->lock);
}

static void tell_failed(struct outbox *outbox, bool failed)
{
	if (failed && !outbox->failed)
		gw->log(outbox->call, GW_LOG_ERROR,
			"events cannot be kept in %.*s; they wait, and it is tried again",
			GW_STR_ARGS(outbox->conf->store));
	outbox->failed = failed;
}

/* How many; 0: none waited, or they could not be kept. */
static size_t keep_some(struct outbox *outbox)
{
	size_t count = gather(outbox, outbox->batch, AT_ONCE);

	if (count == 0)
		return 0;
	tell_failed(outbox, store_add(outbox->store, outbox->batch, count) != 0);
	if (outbox->failed)
		return 0;
	drop_first(outbox, count);
	outbox->kept(outbox->arg);
	return count;
}

static void tell_forgotten(struct outbox *outbox, int64_t owed, int64_t dead)
{
	if (dead > 0) {
		gw->count(outbox->call, "dropped", dead);
		gw->log(outbox->call, GW_LOG_ERROR,
			"%lld dead letters are forgotten that were never taken: they are too old or too many (keep, most)",
			(long long)dead);
	}
	if (owed > 0) {
		gw->count(outbox->call, "dropped", owed);
		gw->log(outbox->call, GW_LOG_ERROR,
			"%lld events are forgotten that a webhook never had: they are too old or too many (keep, most)",
			(long long)owed);
	}
}

/* Where there is more than one part to forget, the next pass goes on with it. */
static void forget(struct outbox *outbox)
{
	const struct http_conf *conf = outbox->conf;
	int64_t now = now_ms(), before = clock_ms(CLOCK_REALTIME) - conf->keep, owed, dead;
	bool more, more_dead;

	if (outbox->forgot && now - outbox->forgot < FORGET_MS)
		return;
	owed = store_forget(outbox->store, before, conf->most, &more);
	dead = store_dead_forget(outbox->store, before, conf->most, &more_dead);
	tell_forgotten(outbox, owed, dead);
	if (!more && !more_dead)
		outbox->forgot = now;
}

/* --- the thread --- */

/* Until there is something, or it may be time for it. */
static bool wait_for_work(struct outbox *outbox)
{
	int64_t gap = records_gap(outbox->records, now_ms()),
		until = now_ms() + (gap ? gap : AGAIN_MS);
	struct timespec time = { until / 1000, until % 1000 * 1000000 };
	bool stops;

	pthread_mutex_lock(&outbox->lock);
	if (!outbox->stops && (!outbox->first || outbox->failed) &&
	    !records_due(outbox->records, now_ms()))
		pthread_cond_timedwait(&outbox->change, &outbox->lock, &time);
	stops = outbox->stops;
	pthread_mutex_unlock(&outbox->lock);
	return !stops;
}

static void *run(void *arg)
{
	struct outbox *outbox = arg;
	bool runs;

	pthread_setname_np(pthread_self(), "http-outbox");
	do {
		runs = wait_for_work(outbox);
		while (keep_some(outbox) == AT_ONCE)
			;
		if (records_step(outbox->records, now_ms()))
			outbox->kept(outbox->arg);
		forget(outbox);
	} while (runs);
	return NULL;
}

static void outbox_free(struct outbox *outbox)
{
	struct entry *entry, *next;

	for (entry = outbox->first; entry; entry = next) {
		next = entry->next;
		free(entry);
	}
	records_destroy(outbox->records);
	pthread_cond_destroy(&outbox->change);
	pthread_mutex_destroy(&outbox->lock);
	free(outbox);
}

static void wake(void *arg)
{
	struct outbox *outbox = arg;

	pthread_mutex_lock(&outbox->lock);
	pthread_cond_signal(&outbox->change);
	pthread_mutex_unlock(&outbox->lock);
}

static bool start_thread(struct outbox *outbox)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&outbox->thread, NULL, run, outbox);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

struct outbox *outbox_begin(struct gw_call *call, const struct http_conf *conf,
			    struct event_store *store, const struct ticks *ticks,
			    void (*kept)(void *arg), void *arg)
{
	struct outbox *outbox = calloc(1, sizeof *outbox);
	pthread_condattr_t attributes;

	if (!outbox)
		return NULL;
	outbox->call = call;
	outbox->conf = conf;
	outbox->store = store;
	outbox->kept = kept;
	outbox->arg = arg;
	outbox->last = &outbox->first;
	pthread_mutex_init(&outbox->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&outbox->change, &attributes);
	pthread_condattr_destroy(&attributes);
	outbox->records = records_create(call, conf, store, ticks, wake, outbox);
	if (outbox->records && start_thread(outbox))
		return outbox;
	outbox_free(outbox);
	return NULL;
}

void outbox_end(struct outbox *outbox)
{
	if (!outbox)
		return;
	pthread_mutex_lock(&outbox->lock);
	outbox->stops = true;
	pthread_cond_signal(&outbox->change);
	pthread_mutex_unlock(&outbox->lock);
	pthread_join(outbox->thread, NULL);
	outbox_free(outbox);
}
