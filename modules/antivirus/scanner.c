#include "scanner.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 5000
#define HASH_PIECE 32768

TAILQ_HEAD(row, job);

/* A question for a version that is under way. */
struct look {
	struct place *place;
	struct ask *ask;
};

struct place {
	struct scanner *scanner;
	struct event_base *base;
	struct event *pump; /* begins what is in the row, from the loop */
	struct row waiting, running;
	int64_t waiting_count, running_count;
	struct look looks[SERVERS_MOST];
};

static int64_t clock_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* --- a message --- */

struct job *job_create(struct scanner *scanner, struct place *place, struct gw_message *message)
{
	struct job *job = calloc(1, sizeof *job);

	if (!job)
		return NULL;
	job->scanner = scanner;
	job->place = place;
	job->message = message;
	job->file = -1;
	return job;
}

static void leave(struct job *job)
{
	struct place *place = job->place;

	if (job->state == JOB_WAITING) {
		TAILQ_REMOVE(&place->waiting, job, in_row);
		place->waiting_count--;
		atomic_fetch_sub(&job->scanner->waiting, 1);
	} else if (job->state == JOB_RUNNING) {
		TAILQ_REMOVE(&place->running, job, in_row);
		place->running_count--;
		atomic_fetch_sub(&job->scanner->running, 1);
		event_active(place->pump, EV_TIMEOUT, 0);
	}
	job->state = JOB_IDLE;
	if (job->late)
		event_free(job->late);
	job->late = NULL;
	ask_cancel(job->ask);
	job->ask = NULL;
}

void job_free(void *arg)
{
	struct job *job = arg;

	leave(job);
	if (job->file >= 0)
		close(job->file);
	free(job);
}

/* Read, not mapped: a bad sector is an error here, not the end of the process. */
static int hash_pieces(EVP_MD_CTX *hash, int file, uint64_t size)
{
	char piece[HASH_PIECE];
	uint64_t at = 0;
	ssize_t len;

	while (at < size) {
		len = pread(file, piece, sizeof piece, (off_t)at);
		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return len ? errno : EIO;
		if (EVP_DigestUpdate(hash, piece, (size_t)len) != 1)
			return ENOMEM;
		at += (uint64_t)len;
	}
	return 0;
}

static int hash_file(struct job *job, uint64_t size)
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	int error = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 ? 0 : ENOMEM;

	if (!error)
		error = hash_pieces(hash, job->file, size);
	if (!error && EVP_DigestFinal_ex(hash, job->hash, NULL) != 1)
		error = ENOMEM;
	EVP_MD_CTX_free(hash);
	return error;
}

void job_work(void *arg)
{
	struct job *job = arg;
	struct stat status;

	job->file = gw->message_file(job->message);
	if (job->file < 0 || fstat(job->file, &status) != 0) {
		job->error = errno ? errno : EIO;
		return;
	}
	if (job->scanner->cache_ms)
		job->error = hash_file(job, (uint64_t)status.st_size);
}

bool job_is_known(struct job *job, int64_t now)
{
	struct scanner *scanner = job->scanner;

	if (job->error) {
		finding_set(&job->finding, SCAN_FAILED, "the message cannot be read: %s",
			    strerrordesc_np(job->error));
		return true;
	}
	if (!scanner->cache_ms ||
	    !cache_find(scanner->cache, job->hash, now, scanner->cache_ms, &job->finding))
		return false;
	snprintf(job->by, sizeof job->by, "the cache");
	return true;
}

/* Only what is about the octets alone, and only where signatures that change are seen to. */
void job_remember(const struct job *job, int64_t now)
{
	struct scanner *scanner = job->scanner;
	enum scan scan = job->finding.scan;

	if (!scanner->cache_ms || !job->signatures || (scan != SCAN_CLEAN && scan != SCAN_INFECTED))
		return;
	cache_put(scanner->cache, job->hash, now, job->drops, &job->finding);
}

/* --- asking --- */

static void finish(struct job *job)
{
	leave(job);
	gw->wake(job->ticket);
}

static void late(evutil_socket_t fd, short what, void *arg)
{
	struct job *job = arg;

	(void)fd;
	(void)what;
	if (job->state == JOB_WAITING)
		finding_set(&job->finding, SCAN_FAILED, "no scanner had time for it");
	else
		finding_set(&job->finding, SCAN_FAILED, "no answer in time");
	finish(job);
}

static void ask_next(struct job *job);

static void told(void *arg, const struct ask_answer *answer)
{
	struct job *job = arg;
	struct servers *servers = &job->scanner->servers;

	job->ask = NULL;
	if (!answer->text.ptr) {
		servers_fail(servers, job->server, answer->why);
		finding_set(&job->finding, SCAN_FAILED, "%s", answer->why);
		ask_next(job);
		return;
	}
	servers->items[job->server].protocol->read(&job->finding, answer->text);
	if (answer->early && job->finding.scan == SCAN_CLEAN)
		finding_set(&job->finding, SCAN_FAILED, "it answered before it had all");
	if (job->finding.scan == SCAN_FAILED)
		ask_next(job);
	else
		finish(job);
}

/* Of the time that is left each of those that may be asked yet has its part. */
static int64_t part_of_time(const struct job *job)
{
	int64_t left = job->ends - clock_ms();
	size_t i, others = 0;

	for (i = 0; i < job->scanner->servers.count; i++)
		others += !(job->tried >> i & 1);
	left /= (int64_t)others + 1;
	return left > 10 ? left : 10;
}

/* The finding of the one before stands when there is no other. */
static void ask_next(struct job *job)
{
	struct scanner *scanner = job->scanner;
	int next = servers_next(&scanner->servers, job->tried);
	const struct server *server;

	if (next < 0) {
		finish(job);
		return;
	}
	server = &scanner->servers.items[next];
	job->server = (size_t)next;
	job->tried |= 1U << next;
	job->drops = cache_drops(scanner->cache);
	job->signatures = servers_signatures(&scanner->servers, job->server);
	snprintf(job->by, sizeof job->by, "%s", server->name);
	job->ask = ask_begin(job->place->base, server, job->file, part_of_time(job), told, job);
	if (job->ask)
		return;
	finding_set(&job->finding, SCAN_FAILED, "no memory");
	finish(job);
}

static void pump(evutil_socket_t fd, short what, void *arg)
{
	struct place *place = arg;
	struct job *job;

	(void)fd;
	(void)what;
	while (place->running_count < place->scanner->connections &&
	       (job = TAILQ_FIRST(&place->waiting)) != NULL) {
		TAILQ_REMOVE(&place->waiting, job, in_row);
		TAILQ_INSERT_TAIL(&place->running, job, in_row);
		place->waiting_count--;
		place->running_count++;
		atomic_fetch_sub(&place->scanner->waiting, 1);
		atomic_fetch_add(&place->scanner->running, 1);
		job->state = JOB_RUNNING;
		ask_next(job);
	}
}

bool job_begin(struct job *job)
{
	struct place *place = job->place;
	int64_t ms = job->scanner->timeout_ms;
	struct timeval time = { ms / 1000, ms % 1000 * 1000 };

	if (place->waiting_count >= job->scanner->queue) {
		finding_set(&job->finding, SCAN_FAILED, "too many wait to be scanned");
		return false;
	}
	job->ends = clock_ms() + ms;
	job->late = evtimer_new(place->base, late, job);
	if (!job->late || evtimer_add(job->late, &time) != 0) {
		finding_set(&job->finding, SCAN_FAILED, "no memory");
		return false;
	}
	TAILQ_INSERT_TAIL(&place->waiting, job, in_row);
	place->waiting_count++;
	atomic_fetch_add(&job->scanner->waiting, 1);
	job->state = JOB_WAITING;
	event_active(place->pump, EV_TIMEOUT, 0);
	return true;
}

/* --- the worker --- */

struct place *place_create(struct scanner *scanner, struct event_base *base)
{
	struct place *place = calloc(1, sizeof *place);

	if (!place)
		return NULL;
	place->scanner = scanner;
	place->base = base;
	TAILQ_INIT(&place->waiting);
	TAILQ_INIT(&place->running);
	place->pump = evtimer_new(base, pump, place);
	if (place->pump)
		return place;
	free(place);
	return NULL;
}

void place_destroy(struct place *place)
{
	size_t i;

	if (!place)
		return;
	for (i = 0; i < SERVERS_MOST; i++)
		ask_cancel(place->looks[i].ask);
	event_free(place->pump);
	free(place);
}

static void looked(void *arg, const struct ask_answer *answer)
{
	struct look *look = arg;
	struct scanner *scanner = look->place->scanner;
	size_t which = (size_t)(look - look->place->looks);
	const struct protocol *protocol = scanner->servers.items[which].protocol;
	struct gw_str version = { NULL, 0 };

	look->ask = NULL;
	if (answer->text.ptr)
		version = protocol->version(answer->text);
	if (!answer->text.ptr)
		servers_fail(&scanner->servers, which, answer->why);
	else if (!version.ptr)
		servers_fail(&scanner->servers, which,
			     protocol == &protocol_icap
				     ? "what answers there is no ICAP service with RESPMOD"
				     : "what answers there is no clamd");
	else if (servers_answered(&scanner->servers, which, version))
		cache_drop(scanner->cache);
}

void place_look(struct place *place)
{
	struct servers *servers = &place->scanner->servers;
	size_t i;

	for (i = 0; i < servers->count; i++) {
		struct look *look = &place->looks[i];

		if (look->ask)
			continue;
		look->place = place;
		look->ask = ask_begin(place->base, &servers->items[i], -1, LOOK_MS, looked, look);
	}
}
