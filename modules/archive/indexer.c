#include "indexer.h"

#include "expiry.h"
#include "pace.h"
#include "reader.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RECORDS_AT_ONCE 2000
#define AWAY_AT_ONCE 50 /* that are fetched, while others wait for the index */
#define LOOK_MS 1000
#define REST_LOOK_MS 10

struct indexer {
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock; /* held while it changes the index */
	atomic_bool stopping;
	atomic_ullong done; /* batches, all of whose records are found */
	struct index *index;
	struct reader reader;
	char from[SEGMENT_NAME]; /* files before this one are done */
	atomic_uint day;         /* of the file that is read */
	atomic_bool caught_up;   /* with what was there when it began */
	struct expiry expiry;
	struct pace pace;
	atomic_uint waiting; /* who waits until it has everything */
	int64_t worked_to;   /* of the processor, ms: what came before was rested for */
};

/* --- one record --- */

static const char *text_of(const struct gw_json_value *json, const char *key)
{
	struct gw_str text = gw->json_value_string(gw->json_member(json, key));

	return text.ptr ? text.ptr : "";
}

static int64_t number_of(const struct gw_json_value *json, const char *key)
{
	return gw->json_value_number(gw->json_member(json, key), 0);
}

static bool add_mail(struct indexer *indexer, const struct place *place,
		     const struct gw_json_value *json, int64_t time, const GPtrArray *rcpts)
{
	static const char *const nobody[] = { NULL };
	struct words words;
	struct indexed_mail mail = { .id = text_of(json, "id"),
				     .time = time,
				     .sender = text_of(json, "sender"),
				     .client = text_of(json, "client"),
				     .login = text_of(json, "login"),
				     .type = text_of(json, "type"),
				     .peer = text_of(json, "peer"),
				     .sha256 = text_of(json, "sha256"),
				     .size = number_of(json, "size"),
				     .until = number_of(json, "until"),
				     .rcpts = rcpts ? (const char *const *)rcpts->pdata : nobody,
				     .words = &words,
				     .place = *place };
	bool added;

	reader_words(&indexer->reader, place, &words);
	added = index_mail(indexer->index, &mail);
	words_finish(&words);
	return added;
}

static bool add_left(struct indexer *indexer, const struct place *place,
		     const struct gw_json_value *json, int64_t time)
{
	struct indexed_left left = { .id = text_of(json, "id"),
				     .relay = text_of(json, "relay"),
				     .return_path = text_of(json, "return_path"),
				     .sha256 = text_of(json, "sha256"),
				     .time = time,
				     .size = number_of(json, "size"),
				     .place = *place };

	return index_left(indexer->index, &left);
}

static bool add_outcome(struct indexer *indexer, const struct place *place,
			const struct gw_json_value *json, int64_t time)
{
	struct indexed_outcome outcome = { .id = text_of(json, "id"),
					   .rcpt = text_of(json, "rcpt"),
					   .relay = text_of(json, "relay"),
					   .status = text_of(json, "status"),
					   .text = text_of(json, "text"),
					   .code = number_of(json, "code"),
					   .time = time,
					   .place = *place };

	return index_outcome(indexer->index, &outcome);
}

/* What is damaged is for verify to tell: it cannot be found, and nothing waits for it. */
static bool add_record(struct indexer *indexer, const struct place *place,
		       const struct record *known)
{
	struct gw_json_value *json;
	GPtrArray *rcpts;
	bool added = true;

	if (known->flags & RECORD_PLAIN)
		return true;
	json = reader_envelope(&indexer->reader, place, &rcpts);
	if (json && known->kind == RECORD_ARRIVED)
		added = add_mail(indexer, place, json, known->time, rcpts);
	else if (json && known->kind == RECORD_LEFT)
		added = add_left(indexer, place, json, known->time);
	else if (json && known->kind == RECORD_OUTCOME)
		added = add_outcome(indexer, place, json, known->time);
	gw->json_free(json);
	if (rcpts)
		g_ptr_array_unref(rcpts);
	return added;
}

/* --- one file --- */

/* Of a stub: the octets have to come first. False: they may, later. */
static bool is_there(struct indexer *indexer, const struct place *place)
{
	return reader_has(&indexer->reader, place, true) || !indexer->reader.later;
}

static unsigned most_at_once(struct indexer *indexer, const struct place *place)
{
	return reader_is_away(&indexer->reader, place) ? AWAY_AT_ONCE : RECORDS_AT_ONCE;
}

static int64_t ms_of(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Under load it works seldom, and has much to do at once: what is indexed together is written
 * together. */
static void rest(struct indexer *indexer)
{
	int64_t began = ms_of(CLOCK_MONOTONIC), now = began;
	int64_t worked = ms_of(CLOCK_THREAD_CPUTIME_ID) - indexer->worked_to;
	struct store_state state;

	do {
		store_state(indexer->store, &state);
		pace_look(&indexer->pace, now, state.batches);
		if (now - began >= pace_rest(&indexer->pace, now, worked, indexer->waiting > 0))
			break;
		g_usleep(REST_LOOK_MS * 1000);
		now = ms_of(CLOCK_MONOTONIC);
	} while (!indexer->stopping);
	indexer->worked_to = ms_of(CLOCK_THREAD_CPUTIME_ID);
}

/* Some of the records between `*at` and `end`. False: the index cannot be written now. */
static bool add_some(struct indexer *indexer, const char *name, uint64_t *at, uint64_t end)
{
	struct place place = { .at = *at };
	int file = reader_file(&indexer->reader, name);
	unsigned count = 0, most;
	struct record record;
	bool good;

	/* a reload may have brought those that sealed what is read now */
	indexer->reader.keys = store_keys(indexer->store);
	snprintf(place.name, sizeof place.name, "%s", name);
	/* what is asked for here, and what comes with it, nobody waits for with the lock */
	good = file >= 0 && is_there(indexer, &place);
	most = most_at_once(indexer, &place);
	pthread_mutex_lock(&indexer->lock);
	while (good && place.at < end && count++ < most && !indexer->stopping) {
		if (!is_there(indexer, &place))
			break;
		if (record_read(file, place.at, &record) != 1 ||
		    place.at + record_size(&record) > end) {
			place.at = record_next(file, place.at + 1, end);
			continue;
		}
		good = add_record(indexer, &place, &record);
		place.at += record_size(&record);
	}
	good = index_end(indexer->index, good ? name : NULL, place.at) && good;
	pthread_mutex_unlock(&indexer->lock);
	good &= place.at > *at;
	*at = place.at;
	return good;
}

/* Where the file ends, of which `at` is indexed: as far as the writer has it on disk, or as its
 * last batch says. */
static uint64_t end_of(struct indexer *indexer, const char *name, uint64_t at,
		       const struct store_state *state)
{
	struct stat status;
	struct link link;
	uint64_t end = 0;
	bool damaged;
	int file;

	if (strcmp(name, state->name) == 0)
		return state->end;
	file = reader_file(&indexer->reader, name);
	if (file >= 0 && indexer->reader.stub.file >= 0)
		return indexer->reader.stub.size;
	if (file < 0 || fstat(file, &status) != 0 || (uint64_t)status.st_size <= at)
		return at;
	return segment_end(file, indexer->reader.keys, &end, &link, &damaged) == 0 ? end : at;
}

static bool add_file(struct indexer *indexer, const char *name, const struct store_state *state)
{
	uint64_t at = index_position(indexer->index, name), end = end_of(indexer, name, at, state);
	bool good = true;

	indexer->day = (unsigned)(atoi(name) * 10000 + atoi(name + 5) * 100 + atoi(name + 8));
	while (at < end && good && !indexer->stopping) {
		good = add_some(indexer, name, &at, end);
		rest(indexer);
	}
	return good && !indexer->stopping;
}

static bool add_all(struct indexer *indexer, const struct store_state *state)
{
	GPtrArray *names = holdings_list(store_folder(indexer->store));
	bool good = names != NULL;
	guint i;

	/* a file that came since is for the next time: nothing in it was counted */
	for (i = 0; names && i < names->len && !indexer->stopping; i++)
		if (segments_compare(names->pdata[i], indexer->from) >= 0 &&
		    (!state->name[0] || segments_compare(names->pdata[i], state->name) <= 0))
			good &= add_file(indexer, names->pdata[i], state);
	if (names)
		g_ptr_array_unref(names);
	good &= !indexer->stopping;
	if (good)
		memcpy(indexer->from, state->name, sizeof indexer->from);
	return good;
}

/* --- what need not be kept any longer --- */

static void expire(struct indexer *indexer)
{
	const struct removal removal = { .store = indexer->store,
					 .indexer = indexer,
					 .stop = &indexer->stopping,
					 .remote = indexer->reader.remote };

	expiry_look(&indexer->expiry, &removal);
}

/* --- the thread --- */

/* Only this thread's: Linux has both for each. A little: what it holds for a moment (the store's
 * lock, the kernel's of the process) others wait for, as a stop waits for it, and how much it takes
 * its pace decides. On a busy machine the lowest rank would be a two hundredth of a processor. */
static void step_back(void)
{
	struct sched_param none = { 0 };

	pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 5);
}

static void *run(void *arg)
{
	struct indexer *indexer = arg;
	struct store_state state;
	int64_t began = ms_of(CLOCK_MONOTONIC);
	bool all;

	step_back();
	pthread_setname_np(pthread_self(), "archive-index");
	store_state(indexer->store, &state);
	pace_begin(&indexer->pace, began, state.batches);
	do {
		began = ms_of(CLOCK_MONOTONIC);
		store_state(indexer->store, &state);
		if (!indexer->index)
			indexer->index = index_open(store_folder(indexer->store), true);
		all = indexer->index && add_all(indexer, &state);
		if (all) {
			indexer->done = state.batches;
			indexer->caught_up = true;
			indexer->pace.whole_at = began;
			expire(indexer);
		} else {
			g_usleep(LOOK_MS * 100);
		}
		rest(indexer);
	} while (store_wait(indexer->store, all ? state.batches : UINT64_MAX, LOOK_MS,
			    &indexer->stopping));
	index_close(indexer->index);
	reader_finish(&indexer->reader);
	return NULL;
}

struct indexer *indexer_start(struct store *store, struct remote *remote)
{
	struct indexer *indexer = calloc(1, sizeof *indexer);

	if (!indexer)
		return NULL;
	indexer->store = store;
	reader_init(&indexer->reader, store_folder(store), store_keys(store));
	indexer->reader.remote = remote;
	pthread_mutex_init(&indexer->lock, NULL);
	if (words_thread(&indexer->thread, run, indexer) == 0)
		return indexer;
	pthread_mutex_destroy(&indexer->lock);
	free(indexer);
	return NULL;
}

void indexer_stop(struct indexer *indexer)
{
	if (!indexer)
		return;
	indexer->stopping = true;
	store_wake(indexer->store);
	pthread_join(indexer->thread, NULL);
	pthread_mutex_destroy(&indexer->lock);
	free(indexer);
}

bool indexer_wait(struct indexer *indexer, const atomic_bool *stop)
{
	struct store_state state;

	indexer->waiting++;
	store_state(indexer->store, &state);
	while ((!indexer->caught_up || indexer->done < state.batches) && !*stop &&
	       !indexer->stopping)
		g_usleep(LOOK_MS * 10);
	indexer->waiting--;
	return indexer->caught_up && indexer->done >= state.batches;
}

unsigned indexer_day(struct indexer *indexer)
{
	return indexer->day;
}

bool indexer_waits_for_clock(struct indexer *indexer)
{
	return indexer->expiry.waits_for_clock;
}

void indexer_confirm_clock(struct indexer *indexer, int64_t now)
{
	indexer->expiry.confirmed = now;
}

void indexer_expire(struct indexer *indexer, bool sure)
{
	if (sure)
		indexer->expiry.sure = true;
	indexer->expiry.asked = true;
}

uint64_t indexer_removed(struct indexer *indexer)
{
	return indexer->expiry.removed;
}

bool indexer_is_done(struct indexer *indexer)
{
	struct store_state state;

	store_state(indexer->store, &state);
	return indexer->caught_up && indexer->done == state.batches;
}

void indexer_pause(struct indexer *indexer)
{
	pthread_mutex_lock(&indexer->lock);
}

void indexer_resume(struct indexer *indexer)
{
	pthread_mutex_unlock(&indexer->lock);
}
