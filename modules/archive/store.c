#include "store.h"

#include "spill.h"
#include "stub.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define ROOM ((uint64_t)64 * 1024 * 1024)
#define BATCH_FULL ((uint64_t)8 * 1024 * 1024) /* is not waited for any longer */
#define AGAIN_MS 1000                          /* a disk that failed is tried again */
#define BRING_AGAIN_MS 10000                   /* as is a spill that could not be brought */

/* Whoever reads mail with keys may go on with those that were before. */
struct keyring {
	struct keyring *before;
	struct keys keys;
};

struct store {
	struct store *next; /* among all; `users` too is under their lock */
	unsigned users;
	char *folder;
	int lock_file;

	pthread_t writer;
	pthread_mutex_t lock;
	pthread_cond_t wanted, written;
	struct keyring *ring;
	int level;
	int64_t delay_ms;
	struct item *first, **last; /* that wait for their batch */
	uint64_t weight, fresh;     /* of all that is held; of what no batch was tried with */
	bool stopping, flushing, writing, open; /* flushing: `first` is not waited for */
	unsigned rounds;                        /* batches that were tried */
	int64_t newest, clock;                  /* time of what was added last; what time it is */
	struct watch watch;
	struct store_state state;

	const char *spill_folder; /* interned; NULL: none */
	int64_t bring_at;         /* of up_ms(): before it no spill is brought; the writer's own */

	struct presses presses;
	struct segment segment; /* the writer's own */
	struct spill *spill;    /* its own too */
};

/* Instances before and after a reload share what they write into. */
static pthread_mutex_t stores_lock = PTHREAD_MUTEX_INITIALIZER;
static struct store *stores;

/* --- the writer --- */

static struct timespec in_ms(int64_t ms)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec += ms / 1000;
	time.tv_nsec += ms % 1000 * 1000000;
	if (time.tv_nsec >= 1000000000) {
		time.tv_sec++;
		time.tv_nsec -= 1000000000;
	}
	return time;
}

/* Goes on while the machine sleeps. */
static int64_t up_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_BOOTTIME, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static bool is_urgent(const struct store *store)
{
	return store->stopping || store->flushing || store->fresh > BATCH_FULL;
}

/* How long a first item is waited for, ms; -1: there is nothing else to do. */
static int64_t patience(const struct store *store)
{
	if (store->state.error)
		return AGAIN_MS;
	return store->state.spilled ? MAX(store->bring_at - up_ms(), 0) : -1;
}

/* Under the lock: waits for a first item, then for those that come soon after it. What the disk did
 * not take waits for them, or for its time. */
static void gather(struct store *store)
{
	int64_t most = patience(store);
	struct timespec until = in_ms(MAX(most, 0));
	int error = 0;

	while (!store->fresh && !is_urgent(store) && error == 0)
		error = most < 0 ? pthread_cond_wait(&store->wanted, &store->lock)
				 : pthread_cond_timedwait(&store->wanted, &store->lock, &until);
	until = in_ms(store->delay_ms);
	for (error = 0; store->fresh && !is_urgent(store) && error == 0;)
		error = pthread_cond_timedwait(&store->wanted, &store->lock, &until);
}

static int take_lock(struct store *store)
{
	char *path;

	if (store->lock_file >= 0)
		return 0;
	if (mkdir(store->folder, 0700) != 0 && errno != EEXIST)
		return errno;
	path = g_build_filename(store->folder, "lock", NULL);
	store->lock_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	g_free(path);
	if (store->lock_file < 0)
		return errno;
	if (flock(store->lock_file, LOCK_EX | LOCK_NB) == 0)
		return 0;
	close(store->lock_file);
	store->lock_file = -1;
	return EBUSY;
}

static int open_segment(struct store *store)
{
	int error = take_lock(store);

	if (error || store->open)
		return error;
	error = segment_open(&store->segment, store->folder, store_keys(store));
	store->open = error == 0;
	return error;
}

static void close_segment(struct store *store)
{
	if (store->open)
		segment_close(&store->segment);
	store->open = false;
}

/* The records of an item that cannot be read are no part of the batch, which is begun anew then. A
 * batch of nothing is a look whether the disk is there again. */
static int write_items(struct store *store, struct item *items, int64_t now)
{
	struct batch batch;
	struct item *item;
	bool again = items || store->state.error;
	int error = open_segment(store);

	store->segment.keys = store_keys(store);
	while (!error && again) {
		again = false;
		batch_begin(&batch, &store->segment, now, store_level(store));
		for (item = items; item && !batch.error; item = item->next) {
			bool was = item->broken;

			if (!was)
				item_write(item, &batch);
			again |= item->broken && !was;
		}
		if (again)
			batch_cancel(&batch);
		else
			error = batch_end(&batch, now);
	}
	/* whoever has written nothing yet looks again what is there: a disk may have come since */
	if (error && store->open && !store->segment.end && !store->state.batches)
		close_segment(store);
	return error;
}

/* Nobody waits for it: it is held until it is written. */
static bool stays(const struct item *item, int error)
{
	return !item->ticket && error && !item->broken && !item->spilled;
}

/* Takes the lock. */
static void give_back(struct store *store, struct item *items, int error)
{
	struct item *item, *kept = NULL, **tail = &kept;

	while ((item = items) != NULL) {
		items = item->next;
		item->next = NULL;
		item->error = item->broken ? EIO : error;
		if (stays(item, error)) {
			*tail = item;
			tail = &item->next;
		} else if (!item->ticket || gw->wake(item->ticket) != 0) {
			item_free(item);
		}
	}
	pthread_mutex_lock(&store->lock);
	*tail = store->first;
	if (!store->first && kept)
		store->last = tail;
	store->first = kept ? kept : store->first;
}

/* The one that is set; but one where something waits is left when that is brought. */
static const char *turn_spill(struct store *store)
{
	const char *wanted = store_spill_folder(store);

	if (store->spill && (!wanted || strcmp(wanted, spill_folder(store->spill)) != 0) &&
	    !spill_waiting(store->spill)) {
		spill_destroy(store->spill);
		store->spill = NULL;
	}
	if (!store->spill && wanted)
		store->spill = spill_create(wanted);
	return wanted;
}

static int bring(struct store *store, int64_t now)
{
	int error = spill_bring(store->spill, store_keys(store), &store->segment, store->folder,
				now, store_level(store));

	store->bring_at = error ? up_ms() + BRING_AGAIN_MS : 0;
	return error;
}

/* What nobody waits for, while the disk does not take it, goes to another; and comes from there as
 * soon as it does, a little at a time: the mail of now waits for it. */
static void spill(struct store *store, struct item *items, int64_t now, int error)
{
	bool had = store->state.spilled != 0, is_new = !store->spill;
	const char *wanted = turn_spill(store);
	int failed = store->state.spill_error;

	if (!store->spill)
		return;
	if (error)
		failed = wanted ? spill_put(store->spill, store_keys(store), items, now,
					    store_level(store))
				: 0;
	else if (had && up_ms() >= store->bring_at)
		failed = bring(store, now);
	else if (!had)
		failed = 0;
	if (!error && !had && !is_new)
		return;
	pthread_mutex_lock(&store->lock);
	store->state.spilled = spill_waiting(store->spill);
	store->state.spill_error = failed;
	memcpy(store->state.spill_damaged, spill_damaged(store->spill), SEGMENT_NAME);
	pthread_mutex_unlock(&store->lock);
}

/* Before anybody is woken: who was knows what is on disk. */
static void note_state(struct store *store, const struct item *items, int error)
{
	struct store_state *state = &store->state;
	const struct item *item;

	pthread_mutex_lock(&store->lock);
	state->error = error;
	for (item = items; item; item = item->next) {
		state->records += error ? 0 : item->count;
		store->weight -= stays(item, error) ? 0 : item_weight(item);
	}
	if (!error) {
		state->batches++;
		state->end = store->segment.end;
		state->link = store->segment.link;
		state->torn = store->segment.torn;
		state->damaged = store->segment.damaged;
		memcpy(state->name, store->segment.name, sizeof state->name);
	}
	pthread_mutex_unlock(&store->lock);
}

/* Under the lock, which it gives away while it writes. */
static void write_batch(struct store *store)
{
	struct item *items = store->first;
	int64_t now = store->newest;
	int error;

	store->first = NULL;
	store->last = &store->first;
	store->fresh = 0;
	store->flushing = false;
	store->writing = true;
	pthread_mutex_unlock(&store->lock);
	error = write_items(store, items, now);
	spill(store, items, now, error);
	note_state(store, items, error);
	give_back(store, items, error);
	store->writing = false;
	store->rounds++;
	pthread_cond_broadcast(&store->written);
}

/* That an earlier process left. */
static void look_for_spilled(struct store *store)
{
	uint64_t waiting = turn_spill(store) ? spill_waiting(store->spill) : 0;

	pthread_mutex_lock(&store->lock);
	store->state.spilled = waiting;
	pthread_mutex_unlock(&store->lock);
}

static void *run(void *arg)
{
	struct store *store = arg;

	pthread_setname_np(pthread_self(), "archive");
	look_for_spilled(store);
	pthread_mutex_lock(&store->lock);
	while (!store->stopping || store->first) {
		gather(store);
		if (store->first || store->state.error ||
		    (store->state.spilled && !store->stopping))
			write_batch(store);
		if (store->stopping && store->state.error)
			break;
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

/* --- handing over --- */

void store_add(struct store *store, struct item *item)
{
	uint64_t weight = item_weight(item);

	pthread_mutex_lock(&store->lock);
	item->next = NULL;
	*store->last = item;
	store->last = &item->next;
	if (item->time > store->newest)
		store->newest = item->time;
	store->weight += weight;
	store->fresh += weight;
	if (store->fresh == weight || store->fresh > BATCH_FULL)
		pthread_cond_signal(&store->wanted);
	pthread_mutex_unlock(&store->lock);
}

bool store_has_room(struct store *store, uint64_t octets)
{
	bool has;

	pthread_mutex_lock(&store->lock);
	has = store->weight + octets <= ROOM;
	pthread_mutex_unlock(&store->lock);
	return has;
}

int store_flush(struct store *store)
{
	unsigned rounds;
	int error;

	pthread_mutex_lock(&store->lock);
	rounds = store->rounds + store->writing + (store->first != NULL);
	store->flushing = store->first != NULL;
	pthread_cond_signal(&store->wanted);
	while ((int)(store->rounds - rounds) < 0)
		pthread_cond_wait(&store->written, &store->lock);
	error = store->state.error;
	pthread_mutex_unlock(&store->lock);
	return error;
}

void watch_look(struct watch *watch, int64_t clock, int64_t up)
{
	if (watch->clock && clock - watch->clock > up - watch->up + CLOCK_STEP_MS)
		watch->doubt = up + CLOCK_DOUBT_MS;
	watch->clock = clock;
	watch->up = up;
}

bool watch_believes(const struct watch *watch, int64_t up)
{
	return up >= watch->doubt;
}

bool store_clock_is_sure(struct store *store)
{
	bool sure;

	pthread_mutex_lock(&store->lock);
	sure = watch_believes(&store->watch, up_ms());
	pthread_mutex_unlock(&store->lock);
	return sure;
}

void store_set_clock(struct store *store, int64_t now)
{
	pthread_mutex_lock(&store->lock);
	watch_look(&store->watch, now, up_ms());
	store->clock = now;
	pthread_mutex_unlock(&store->lock);
}

int64_t store_clock(struct store *store)
{
	int64_t now;

	pthread_mutex_lock(&store->lock);
	now = store->clock;
	pthread_mutex_unlock(&store->lock);
	return now;
}

void store_state(struct store *store, struct store_state *state)
{
	pthread_mutex_lock(&store->lock);
	*state = store->state;
	state->waiting = store->weight;
	pthread_mutex_unlock(&store->lock);
}

bool store_wait(struct store *store, uint64_t batches, int64_t ms, const atomic_bool *stop)
{
	struct timespec until = in_ms(ms);
	bool goes_on;

	pthread_mutex_lock(&store->lock);
	while (!store->stopping && !*stop && store->state.batches == batches &&
	       pthread_cond_timedwait(&store->written, &store->lock, &until) == 0)
		;
	goes_on = !store->stopping && !*stop;
	pthread_mutex_unlock(&store->lock);
	return goes_on;
}

void store_wake(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	pthread_cond_broadcast(&store->written);
	pthread_mutex_unlock(&store->lock);
}

const char *store_folder(const struct store *store)
{
	return store->folder;
}

const char *store_work_folder(struct store *store)
{
	bool elsewhere;

	pthread_mutex_lock(&store->lock);
	elsewhere = store->spill_folder && store->state.error;
	pthread_mutex_unlock(&store->lock);
	return elsewhere ? store->spill_folder : store->folder;
}

const char *store_spill_folder(struct store *store)
{
	const char *folder;

	pthread_mutex_lock(&store->lock);
	folder = store->spill_folder;
	pthread_mutex_unlock(&store->lock);
	return folder;
}

const struct keys *store_keys(struct store *store)
{
	const struct keys *keys;

	pthread_mutex_lock(&store->lock);
	keys = &store->ring->keys;
	pthread_mutex_unlock(&store->lock);
	return keys;
}

struct presses *store_presses(struct store *store)
{
	return &store->presses;
}

int store_level(struct store *store)
{
	int level;

	pthread_mutex_lock(&store->lock);
	level = store->level;
	pthread_mutex_unlock(&store->lock);
	return level;
}

static const char *spill_of(const struct store_settings *settings)
{
	return settings->spill && *settings->spill ? g_intern_string(settings->spill) : NULL;
}

/* --- its keys --- */

static void free_ring(struct keyring *ring)
{
	struct keyring *before;

	for (; ring; ring = before) {
		before = ring->before;
		keys_finish(&ring->keys);
		free(ring);
	}
}

/* Objects that another key signed would all be called forged. */
static bool lacks_key(const struct store_settings *settings)
{
	GPtrArray *names = segments_list(settings->folder);
	bool lacks = names && names->len && access(settings->sign_file, F_OK) != 0;

	if (names)
		g_ptr_array_unref(names);
	return lacks;
}

/* Of the last record of the file that has its key: 1, a key file wrapped that; 0; -1: none has. */
static int is_sealed(const char *folder, const char *name, const struct keys *open)
{
	static const unsigned char zeros[SLOT_SIZE];
	unsigned char key[KEY_SIZE];
	struct opener opener = { NULL, NULL };
	struct record record, last = { .flags = RECORD_PLAIN };
	struct heads heads;
	int sealed = -1;

	if (heads_open(&heads, folder, name, false))
		while (heads_next(&heads, &record))
			if (!(record.flags & RECORD_PLAIN) &&
			    memcmp(record.octets + RECORD_SLOT, zeros, SLOT_SIZE) != 0)
				last = record;
	heads_close(&heads);
	if (!(last.flags & RECORD_PLAIN))
		sealed = record_key(&last, open, &opener, key) != SLOT_GOOD;
	opener_finish(&opener);
	OPENSSL_cleanse(key, sizeof key);
	return sealed;
}

/* With another one nobody would read what is there; and the one that is there no more, once it is
 * back, would not open what came meanwhile. */
static bool lacks_key_file(const struct store_settings *settings)
{
	struct keys open = { .count = 0 };
	GPtrArray *names;
	int sealed = -1;
	guint i;

	if (!*settings->wrap_file || access(settings->wrap_file, F_OK) == 0)
		return false;
	open.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	names = holdings_list(settings->folder);
	for (i = names ? names->len : 0; i-- > 0 && sealed < 0;)
		sealed = is_sealed(settings->folder, names->pdata[i], &open);
	if (names)
		g_ptr_array_unref(names);
	EVP_CIPHER_free(open.gcm);
	return sealed == 1;
}

static struct keyring *read_ring(const struct store_settings *settings, const char **why)
{
	struct keyring *ring = calloc(1, sizeof *ring);

	*why = "no memory";
	if (!ring)
		return NULL;
	if (lacks_key(settings))
		*why = "the key that signed the archive is not there";
	else if (lacks_key_file(settings))
		*why = "key_file, which seals the archive, is not there";
	else if (keys_read(&ring->keys, settings->wrap_file, settings->sign_file, why) == 0)
		return ring;
	free_ring(ring);
	return NULL;
}

static bool is_same(const struct keys *one, const struct keys *two)
{
	return one->count == two->count &&
	       CRYPTO_memcmp(one->wrap, two->wrap, sizeof one->wrap[0] * one->count) == 0;
}

/* What a reload brings. */
static bool take_settings(struct store *store, const struct store_settings *settings,
			  const char **why)
{
	struct keyring *ring = read_ring(settings, why);
	bool good = ring && EVP_PKEY_eq(ring->keys.sign, store->ring->keys.sign) == 1;

	if (ring && !good)
		*why = "sign_file is not the key that signs the archive";
	if (good) {
		pthread_mutex_lock(&store->lock);
		store->level = settings->level;
		store->delay_ms = settings->delay_ms;
		store->spill_folder = spill_of(settings);
		if (!is_same(&ring->keys, &store->ring->keys)) {
			ring->before = store->ring;
			store->ring = ring;
			ring = NULL;
		}
		pthread_mutex_unlock(&store->lock);
	}
	free_ring(ring);
	return good;
}

/* --- its life --- */

static void destroy(struct store *store)
{
	close_segment(store);
	if (store->lock_file >= 0)
		close(store->lock_file);
	spill_destroy(store->spill);
	free_ring(store->ring);
	presses_finish(&store->presses);
	pthread_cond_destroy(&store->wanted);
	pthread_cond_destroy(&store->written);
	pthread_mutex_destroy(&store->lock);
	g_free(store->folder);
	free(store);
}

static void init(struct store *store, const struct store_settings *settings)
{
	pthread_condattr_t clock;

	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&store->wanted, &clock);
	pthread_cond_init(&store->written, &clock);
	pthread_condattr_destroy(&clock);
	pthread_mutex_init(&store->lock, NULL);
	presses_init(&store->presses);
	store->folder = g_strdup(settings->folder);
	store->spill_folder = spill_of(settings);
	store->last = &store->first;
	store->lock_file = -1;
	store->users = 1;
	store->level = settings->level;
	store->delay_ms = settings->delay_ms;
}

static struct store *make(const struct store_settings *settings, const char **why)
{
	struct store *store = calloc(1, sizeof *store);

	*why = "no memory";
	if (!store)
		return NULL;
	init(store, settings);
	store->ring = read_ring(settings, why);
	if (store->ring && pthread_create(&store->writer, NULL, run, store) == 0)
		return store;
	destroy(store);
	return NULL;
}

struct store *store_open(const struct store_settings *settings, const char **why)
{
	struct store *store;

	pthread_mutex_lock(&stores_lock);
	for (store = stores; store; store = store->next)
		if (strcmp(store->folder, settings->folder) == 0)
			break;
	if (store) {
		store = take_settings(store, settings, why) ? store : NULL;
		if (store)
			store->users++;
	} else if ((store = make(settings, why)) != NULL) {
		store->next = stores;
		stores = store;
	}
	pthread_mutex_unlock(&stores_lock);
	return store;
}

/* What was sealed for the one can be read in the other. */
static bool opens_all_of(struct store *heir, struct store *store)
{
	const struct keys *mine = store_keys(store), *theirs = store_keys(heir);
	size_t i;

	for (i = 0; i < theirs->count && mine->count; i++)
		if (memcmp(theirs->wrap[i], mine->wrap[0], KEY_SIZE) == 0)
			return true;
	return !mine->count;
}

/* The one that a reload has put in its place. */
static struct store *heir_of(struct store *store)
{
	struct store *heir = stores;

	while (heir && !opens_all_of(heir, store))
		heir = heir->next;
	return heir;
}

/* What is still held when the writer has ended; gives how many mails nobody has any more. */
static size_t leave(struct store *store)
{
	struct store *heir;
	size_t lost = 0;

	pthread_mutex_lock(&stores_lock);
	heir = heir_of(store);
	while (store->first) {
		struct item *item = store->first;

		store->first = item->next;
		if (heir && store_has_room(heir, item_weight(item))) {
			item->store = item->store ? heir : NULL;
			store_add(heir, item);
		} else {
			lost += item->store != NULL;
			item_free(item);
		}
	}
	pthread_mutex_unlock(&stores_lock);
	return lost;
}

size_t store_close(struct store *store)
{
	struct store **at = &stores;
	size_t lost;
	bool last;

	pthread_mutex_lock(&stores_lock);
	last = --store->users == 0;
	for (; last && *at != store; at = &(*at)->next)
		;
	if (last)
		*at = store->next;
	pthread_mutex_unlock(&stores_lock);
	if (!last)
		return 0;
	pthread_mutex_lock(&store->lock);
	store->stopping = true;
	pthread_cond_broadcast(&store->wanted);
	pthread_cond_broadcast(&store->written);
	pthread_mutex_unlock(&store->lock);
	pthread_join(store->writer, NULL);
	lost = leave(store);
	destroy(store);
	return lost;
}
