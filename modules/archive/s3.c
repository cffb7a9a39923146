#include "s3_private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOK_US 100000
#define AGAIN_FIRST_MS 500
#define AGAIN_MOST_MS 300000

/* Instances before and after a reload have one archive. */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct s3 *all;

/* --- the thread --- */

/* False: it is to end. */
static bool rest(const struct s3 *s3, int64_t ms)
{
	for (; ms > 0 && !s3->stopping; ms -= LOOK_US / 1000)
		g_usleep(LOOK_US);
	return !s3->stopping;
}

/* What another thread or process has is waited for. -1: it is to end. */
static int take_lock(struct s3 *s3)
{
	char *place = g_build_filename(s3->folder, "s3", NULL);
	char *path = g_build_filename(place, "lock", NULL);
	int file = -1;

	do {
		if (file < 0 && (mkdir(s3->folder, 0700) == 0 || errno == EEXIST) &&
		    (mkdir(place, 0700) == 0 || errno == EEXIST))
			file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0)
			break;
	} while (rest(s3, LOOK_US / 1000));
	g_free(place);
	g_free(path);
	if (s3->stopping && file >= 0) {
		close(file);
		file = -1;
	}
	return file;
}

static void look_at_store(const struct s3 *s3, struct s3_upload *upload)
{
	struct store *store = *s3->store;
	struct store_state state;

	upload->now = s3_pump_now(s3->pump) + s3->target.skew;
	upload->keys = store ? store_keys(store) : NULL;
	if (!store)
		return;
	store_state(store, &state);
	memcpy(upload->reached, state.name, sizeof upload->reached);
	upload->end = state.end;
}

static uint64_t count_stubs(const char *folder)
{
	GPtrArray *names = stubs_list(folder);
	uint64_t count = names ? names->len : 0;

	if (names)
		g_ptr_array_unref(names);
	return count;
}

static void note(struct s3 *s3, const struct s3_upload *upload, enum s3_step step)
{
	struct report *report = &s3->report;
	uint64_t waiting = step == S3_MORE ? report->waiting : s3_upload_waiting(upload);
	uint64_t stubs = step == S3_MORE ? report->stubs : count_stubs(s3->folder);

	pthread_mutex_lock(&s3->lock);
	report->step = step;
	report->failures = step == S3_FAILED ? report->failures + 1 : 0;
	report->status = upload->status;
	report->waiting = waiting;
	report->stubs = stubs;
	report->agreed = s3->target.agreed;
	memcpy(report->stays, upload->stays_why, sizeof report->stays);
	report->objects = upload->objects;
	report->octets = upload->octets;
	if (step == S3_THERE && upload->keys)
		report->there = s3_pump_now(s3->pump);
	snprintf(report->why, sizeof report->why, "%s", upload->why);
	memcpy(report->damaged, upload->damaged, sizeof report->damaged);
	memcpy(report->name, upload->state.name, sizeof report->name);
	report->at = upload->state.at;
	pthread_mutex_unlock(&s3->lock);
	s3->may_begin = upload->state.target != NULL;
}

static int64_t again_in(const struct s3 *s3)
{
	unsigned failures = s3->report.failures < 12 ? s3->report.failures : 12;
	int64_t ms = (int64_t)AGAIN_FIRST_MS << (failures ? failures - 1 : 0);

	ms = ms < AGAIN_MOST_MS ? ms : AGAIN_MOST_MS;
	return ms / 2 + g_random_int_range(0, (gint32)ms / 2 + 1);
}

/* Up to the next interval, or until enough for an object has come together. */
static bool rest_for_more(const struct s3 *s3, const struct s3_upload *upload)
{
	int64_t until = s3_pump_now(s3->pump) + s3->conf->interval;
	struct store_state state;

	while (rest(s3, LOOK_US / 1000) && s3_pump_now(s3->pump) < until) {
		if (s3->look_anew || (!upload->keys && *s3->store))
			break;
		if (!*s3->store)
			continue;
		store_state(*s3->store, &state);
		if (strcmp(state.name, upload->state.name) == 0 &&
		    state.end - upload->state.at >= upload->piece)
			break;
	}
	return !s3->stopping;
}

static void begin_upload(struct s3 *s3, struct s3_upload *upload)
{
	s3_upload_init(upload, s3->folder, &s3->target);
	upload->stop = &s3->stopping;
}

static void look_anew(struct s3 *s3, struct s3_upload *upload)
{
	if (!s3->look_anew)
		return;
	s3->look_anew = false;
	s3_upload_finish(upload);
	begin_upload(s3, upload);
}

static enum s3_step do_step(struct s3 *s3, struct s3_upload *upload)
{
	enum s3_step step;

	pthread_mutex_lock(&s3->resting);
	look_anew(s3, upload);
	look_at_store(s3, upload);
	step = s3_upload_step(upload);
	pthread_mutex_unlock(&s3->resting);
	if (!s3->stopping)
		note(s3, upload, step);
	return step;
}

static void upload_all(struct s3 *s3)
{
	struct s3_upload upload;
	bool goes_on = true;

	stub_clean(s3->folder);
	begin_upload(s3, &upload);
	s3->may_begin = upload.state.target != NULL;
	while (goes_on && !s3->stopping)
		switch (do_step(s3, &upload)) {
		case S3_MORE:
			break;
		case S3_FAILED:
			goes_on = rest(s3, again_in(s3));
			break;
		case S3_THERE:
		case S3_FOREIGN:
			goes_on = rest_for_more(s3, &upload);
			break;
		}
	s3_upload_finish(&upload);
}

/* Hashing is for when nobody else wants the processor. Only this thread's: Linux has it for each.
 */
static void step_back(void)
{
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
}

static void *run(void *arg)
{
	struct s3 *s3 = arg;
	int lock;

	step_back();
	lock = take_lock(s3);

	if (lock >= 0) {
		upload_all(s3);
		close(lock);
	}
	return NULL;
}

/* --- its life --- */

struct s3 *s3_create(const struct s3_conf *conf, const char *folder, struct store *_Atomic *store)
{
	struct s3 *s3 = calloc(1, sizeof *s3);

	if (!s3)
		return NULL;
	s3->pump = s3_pump_create(conf->ca_file.ptr);
	if (!s3->pump) {
		free(s3);
		return NULL;
	}
	s3->conf = conf;
	s3->folder = g_strdup(folder);
	s3->store = store;
	s3->report.step = S3_MORE;
	pthread_mutex_init(&s3->lock, NULL);
	pthread_mutex_init(&s3->resting, NULL);
	s3_asking_init(&s3->asking, s3->pump, &s3->stopping);
	s3_target_init(&s3->target, conf, &s3->asking.transport);
	return s3;
}

static void leave_all(struct s3 *s3)
{
	struct s3 **at = &all;

	pthread_mutex_lock(&all_lock);
	while (*at && *at != s3)
		at = &(*at)->next;
	if (*at)
		*at = s3->next;
	pthread_mutex_unlock(&all_lock);
}

void s3_destroy(struct s3 *s3)
{
	if (!s3)
		return;
	s3->stopping = true;
	leave_all(s3);
	if (s3->started)
		pthread_join(s3->thread, NULL);
	s3_pump_destroy(s3->pump);
	s3_target_finish(&s3->target);
	pthread_mutex_destroy(&s3->lock);
	pthread_mutex_destroy(&s3->resting);
	g_free(s3->folder);
	free(s3);
}

/* The newest uploads: those before it end. */
static void join_all(struct s3 *s3)
{
	struct s3 *other;

	pthread_mutex_lock(&all_lock);
	for (other = all; other; other = other->next)
		if (strcmp(other->folder, s3->folder) == 0)
			other->stopping = true;
	s3->next = all;
	all = s3;
	pthread_mutex_unlock(&all_lock);
}

/* --- hooks --- */

void s3_worker_start(struct gw_call *call, struct s3 *s3)
{
	bool first;

	pthread_mutex_lock(&s3->lock);
	first = !s3->has_worker;
	s3->has_worker = true;
	if (first)
		s3->began = gw->now(call);
	pthread_mutex_unlock(&s3->lock);
	if (!first)
		return;
	gw->worker_data_set(call, s3);
	s3_pump_begin(call, s3->pump);
	join_all(s3);
	s3->started = words_thread(&s3->thread, run, s3) == 0;
	if (!s3->started)
		gw->log(call, GW_LOG_ERROR, "no thread for s3: nothing is uploaded");
}

void s3_worker_stop(struct gw_call *call, struct s3 *s3)
{
	if (gw->worker_data(call) != s3)
		return;
	s3->stopping = true;
	s3_pump_end(call, s3->pump);
}

void s3_timer(struct gw_call *call, struct s3 *s3)
{
	s3_pump_timer(call, s3->pump);
}

static bool has_any(GPtrArray *names)
{
	bool has = names && names->len;

	if (names)
		g_ptr_array_unref(names);
	return has;
}

/* An archive that is here goes on whatever is there; one of which only stubs are here has lost its
 * end. */
bool s3_may_begin(const struct s3 *s3)
{
	if (has_any(segments_list(s3->folder)))
		return true;
	return s3->may_begin && !has_any(stubs_list(s3->folder));
}

/* --- for commands --- */

const struct s3_conf *s3_conf(const struct s3 *s3)
{
	return s3->conf;
}

const char *s3_folder(const struct s3 *s3)
{
	return s3->folder;
}

struct s3_pump *s3_pump(struct s3 *s3)
{
	return s3->pump;
}

struct remote *s3_fetching_begin(struct s3_fetching *fetching, struct s3 *s3,
				 const atomic_bool *stop, uint64_t ahead)
{
	fetching->begun = s3 != NULL;
	if (!s3)
		return NULL;
	s3_asking_init(&fetching->asking, s3->pump, stop);
	s3_target_init(&fetching->target, s3->conf, &fetching->asking.transport);
	s3_fetch_init(&fetching->fetch, &fetching->target, ahead);
	return &fetching->fetch.remote;
}

void s3_fetching_end(struct s3_fetching *fetching)
{
	if (!fetching->begun)
		return;
	s3_fetch_finish(&fetching->fetch);
	s3_target_finish(&fetching->target);
	fetching->begun = false;
}

bool s3_pause(struct s3 *s3, const atomic_bool *stop)
{
	while (pthread_mutex_trylock(&s3->resting) != 0) {
		if (*stop)
			return false;
		g_usleep(LOOK_US / 10);
	}
	return true;
}

void s3_resume(struct s3 *s3)
{
	s3->look_anew = true;
	pthread_mutex_unlock(&s3->resting);
}
