#include "job.h"

#include "words.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WAITING_MOST ((uint64_t)8 * 1024 * 1024)
#define PAGE ((size_t)1024 * 1024)
#define PAGE_FILES 200
#define AFTER_MS 200
#define LEFT_MS 60000

struct parcel {
	char *name;
	uint64_t at;
	struct bulk octets;
	uint64_t sent;
};

struct job {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t fetched;
	void (*work)(struct job *job, void *arg);
	void (*release)(void *arg);
	void *arg;
	char *folder;
	atomic_bool stop;

	bool done;
	GString *text;
	int code;
	GQueue parcels;
	uint64_t waiting;
	int64_t asked; /* ms: when somebody did last */
};

/* --- the work --- */

static void *run(void *arg)
{
	struct job *job = arg;

	job->work(job, job->arg);
	pthread_mutex_lock(&job->lock);
	job->done = true;
	pthread_mutex_unlock(&job->lock);
	return NULL;
}

static void free_job(struct job *job)
{
	pthread_mutex_destroy(&job->lock);
	pthread_cond_destroy(&job->fetched);
	g_free(job->folder);
	g_string_free(job->text, TRUE);
	free(job);
}

struct job *job_start(void (*work)(struct job *job, void *arg), void (*release)(void *arg),
		      void *arg, const char *folder, int64_t now)
{
	struct job *job = calloc(1, sizeof *job);

	if (!job)
		return NULL;
	job->work = work;
	job->release = release;
	job->arg = arg;
	job->folder = g_strdup(folder);
	job->text = g_string_new(NULL);
	job->asked = now;
	g_queue_init(&job->parcels);
	pthread_mutex_init(&job->lock, NULL);
	pthread_cond_init(&job->fetched, NULL);
	if (words_thread(&job->thread, run, job) == 0)
		return job;
	free_job(job);
	return NULL;
}

static void free_parcel(struct parcel *parcel)
{
	g_free(parcel->name);
	bulk_finish(&parcel->octets);
	g_free(parcel);
}

void job_stop(struct job *job)
{
	struct parcel *parcel;

	if (!job)
		return;
	pthread_mutex_lock(&job->lock);
	job->stop = true;
	pthread_cond_broadcast(&job->fetched);
	pthread_mutex_unlock(&job->lock);
	pthread_join(job->thread, NULL);
	while ((parcel = g_queue_pop_head(&job->parcels)) != NULL)
		free_parcel(parcel);
	job->release(job->arg);
	free_job(job);
}

const atomic_bool *job_stopping(const struct job *job)
{
	return &job->stop;
}

void job_say(struct job *job, int code, const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&job->lock);
	va_start(args, format);
	g_string_vprintf(job->text, format, args);
	va_end(args);
	job->code = code;
	pthread_mutex_unlock(&job->lock);
}

bool job_put(struct job *job, const char *name, uint64_t at, struct bulk *octets)
{
	struct parcel *parcel = g_new0(struct parcel, 1);
	bool goes_on;

	parcel->name = g_strdup(name);
	parcel->at = at;
	parcel->octets = *octets;
	bulk_init(octets, octets->folder);
	pthread_mutex_lock(&job->lock);
	while (job->waiting > WAITING_MOST && !job->stop)
		pthread_cond_wait(&job->fetched, &job->lock);
	g_queue_push_tail(&job->parcels, parcel);
	job->waiting += parcel->octets.len;
	goes_on = !job->stop;
	pthread_mutex_unlock(&job->lock);
	return goes_on;
}

/* --- the answer --- */

void write_octets(struct gw_json *json, const struct bulk *from, uint64_t at, size_t len)
{
	unsigned char *octets = g_malloc(len + 1);
	char *text = g_malloc(2 * len + 1);
	long got = bulk_read(from, at, octets, len);
	size_t count = 0, i;

	for (i = 0; i < (size_t)(got > 0 ? got : 0); i++) {
		if (octets[i] >= 0x80)
			text[count++] = (char)(0xc0 | octets[i] >> 6);
		text[count++] = (char)(octets[i] < 0x80 ? octets[i] : 0x80 | (octets[i] & 0x3f));
	}
	gw->json_string(json, "octets", gw_str_n(text, count));
	g_free(octets);
	g_free(text);
}

static size_t write_part(struct gw_json *json, struct parcel *parcel, size_t room)
{
	uint64_t left = parcel->octets.len - parcel->sent;
	size_t len = left < room ? (size_t)left : room;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "name", gw_str(parcel->name));
	gw->json_number(json, "at", (int64_t)(parcel->at + parcel->sent));
	write_octets(json, &parcel->octets, parcel->sent, len);
	gw->json_end(json);
	parcel->sent += len;
	return len;
}

/* Under the lock: what is there, as much of it as one answer carries. */
static void write_files(struct gw_json *json, struct job *job)
{
	size_t room = PAGE;
	unsigned count = 0;
	struct parcel *parcel;

	gw->json_begin(json, "files", GW_JSON_OBJECT);
	gw->json_string(json, "folder", gw_str(job->folder));
	gw->json_begin(json, "parts", GW_JSON_ARRAY);
	while (room && count++ < PAGE_FILES &&
	       (parcel = g_queue_peek_head(&job->parcels)) != NULL) {
		room -= write_part(json, parcel, room);
		if (parcel->sent < parcel->octets.len)
			break;
		g_queue_pop_head(&job->parcels);
		job->waiting -= parcel->octets.len;
		free_parcel(parcel);
	}
	gw->json_end(json);
	gw->json_end(json);
	pthread_cond_broadcast(&job->fetched);
}

static void write_again(struct gw_json *json, unsigned number)
{
	gw->json_begin(json, "again", GW_JSON_ARRAY);
	gw->json_string(json, NULL, gw_str("archive"));
	gw->json_string(json, NULL, gw_str("job"));
	gw->json_format(json, NULL, "%u", number);
	gw->json_end(json);
	gw->json_number(json, "after", AFTER_MS);
}

bool job_answer(struct gw_call *call, struct job *job, unsigned number)
{
	struct gw_json *json = gw->json_create();
	bool over;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	pthread_mutex_lock(&job->lock);
	job->asked = gw->now(call);
	if (job->folder)
		write_files(json, job);
	over = job->done && g_queue_is_empty(&job->parcels);
	if (over) {
		gw->json_number(json, "code", job->code);
		gw->json_string(json, "text", gw_str(job->text->str));
	} else {
		write_again(json, number);
	}
	pthread_mutex_unlock(&job->lock);
	gw->answer_json(call, json);
	return over;
}

bool job_is_left(struct job *job, int64_t now)
{
	bool left;

	pthread_mutex_lock(&job->lock);
	left = job->done || now - job->asked > LEFT_MS;
	pthread_mutex_unlock(&job->lock);
	return left;
}
