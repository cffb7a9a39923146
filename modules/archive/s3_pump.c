#include "s3_pump.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FLYING_MOST 6 /* four uploads, and what commands ask */
#define BUSY_MS 10
#define IDLE_MS 200
#define BUSY_ROUNDS 100 /* after the last request */
#define DEADLINE_MS 300000
#define LOOK_NS 100000000

/* Of its asker and of the pump, until each is through with it. */
struct errand {
	struct errand *next;
	struct s3_pump *pump;
	unsigned users; /* under the pump's lock, as all of it that is not said once */
	char *method, *url;
	GPtrArray *headers;
	GBytes *body;
	uint32_t answer_max;
	bool done, unwanted;
	gw_http number;
	struct s3_answer answer;
};

struct s3_pump {
	char *ca_file;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool open;                    /* a worker looks after it */
	struct errand *first, **last; /* that nobody has sent */
	struct errand *flying[FLYING_MOST];
	int64_t now;
	unsigned idle; /* rounds without a request */
};

struct s3_pump *s3_pump_create(const char *ca_file)
{
	struct s3_pump *pump = calloc(1, sizeof *pump);

	if (!pump)
		return NULL;
	pump->ca_file = g_strdup(ca_file ? ca_file : "");
	pump->last = &pump->first;
	pthread_mutex_init(&pump->lock, NULL);
	pthread_cond_init(&pump->answered, NULL);
	return pump;
}

void s3_pump_destroy(struct s3_pump *pump)
{
	if (!pump)
		return;
	g_free(pump->ca_file);
	pthread_cond_destroy(&pump->answered);
	pthread_mutex_destroy(&pump->lock);
	free(pump);
}

int64_t s3_pump_now(struct s3_pump *pump)
{
	int64_t now;

	pthread_mutex_lock(&pump->lock);
	now = pump->now;
	pthread_mutex_unlock(&pump->lock);
	return now;
}

/* --- who asks --- */

static struct errand *errand_create(struct s3_pump *pump, const struct s3_http *http)
{
	struct errand *errand = g_new0(struct errand, 1);

	errand->pump = pump;
	errand->users = 2;
	errand->method = g_strdup(http->method);
	errand->url = g_strdup(http->url);
	errand->headers = g_ptr_array_ref(http->headers);
	errand->body = http->body ? g_bytes_ref(http->body) : NULL;
	errand->answer_max = http->answer_max;
	return errand;
}

/* Under the lock. */
static void release(struct errand *errand)
{
	if (--errand->users)
		return;
	g_free(errand->method);
	g_free(errand->url);
	g_ptr_array_unref(errand->headers);
	if (errand->body)
		g_bytes_unref(errand->body);
	s3_answer_finish(&errand->answer);
	g_free(errand);
}

/* Under the lock. False: the pump has it already. */
static bool take_back(struct s3_pump *pump, struct errand *errand)
{
	struct errand **at = &pump->first;

	while (*at && *at != errand)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = errand->next;
	if (!*at)
		pump->last = at;
	return true;
}

/* Looks at `stop` now and then: nobody wakes who waits because of it. */
static void wait_for(struct s3_pump *pump, const struct errand *errand, const atomic_bool *stop)
{
	struct timespec until;

	while (!errand->done && pump->open && !*stop) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += LOOK_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&pump->answered, &pump->lock, &until);
	}
}

static void ask(void *arg, const struct s3_http *http, struct s3_answer *answer)
{
	const struct s3_asking *asking = arg;
	struct s3_pump *pump = asking->pump;
	struct errand *errand = errand_create(pump, http);

	pthread_mutex_lock(&pump->lock);
	*pump->last = errand;
	pump->last = &errand->next;
	wait_for(pump, errand, asking->stop);
	if (errand->done) {
		*answer = errand->answer;
		errand->answer.body = NULL;
	} else {
		snprintf(answer->why, sizeof answer->why, "it was given up");
		if (take_back(pump, errand))
			release(errand);
		errand->unwanted = true;
	}
	release(errand);
	pthread_mutex_unlock(&pump->lock);
}

static int64_t now(void *arg)
{
	const struct s3_asking *asking = arg;

	return s3_pump_now(asking->pump);
}

void s3_asking_init(struct s3_asking *asking, struct s3_pump *pump, const atomic_bool *stop)
{
	*asking = (struct s3_asking){ pump, stop, { ask, now, asking } };
}

/* --- the worker --- */

/* The pump is through with it. Under the lock. */
static void end_errand(struct s3_pump *pump, struct errand *errand)
{
	size_t i;

	for (i = 0; i < FLYING_MOST; i++)
		if (pump->flying[i] == errand)
			pump->flying[i] = NULL;
	errand->done = true;
	pthread_cond_broadcast(&pump->answered);
	release(errand);
}

static long read_body(void *arg, uint64_t offset, void *out, size_t len)
{
	const struct errand *errand = arg;
	gsize size = 0;
	const char *octets = g_bytes_get_data(errand->body, &size);

	if (offset >= size)
		return 0;
	if (len > size - offset)
		len = size - offset;
	memcpy(out, octets + offset, len);
	return (long)len;
}

/* A body is read from where it lies: a copy of it would be the worker's time. */
static gw_http send(struct gw_call *call, const struct s3_pump *pump, struct errand *errand)
{
	struct gw_str *lines = g_new0(struct gw_str, errand->headers->len + 1);
	struct gw_http_request request = { .size = sizeof request,
					   .method = gw_str(errand->method),
					   .url = gw_str(errand->url),
					   .ca_file = gw_str(pump->ca_file),
					   .deadline_ms = DEADLINE_MS,
					   .answer_max = errand->answer_max };
	gw_http number;
	guint i;

	for (i = 0; i < errand->headers->len; i++)
		lines[i] = gw_str(errand->headers->pdata[i]);
	request.headers = (struct gw_list){ lines, errand->headers->len };
	if (errand->body && g_bytes_get_size(errand->body)) {
		request.body_size = g_bytes_get_size(errand->body);
		request.body_read = read_body;
	}
	number = gw->http_request(call, &request, errand);
	g_free(lines);
	return number;
}

/* The next that may be sent, with its place; NULL: none. Under the lock. */
static struct errand *take_next(struct s3_pump *pump)
{
	struct errand *errand = pump->first;
	size_t i;

	for (i = 0; errand && i < FLYING_MOST; i++)
		if (!pump->flying[i]) {
			take_back(pump, errand);
			return pump->flying[i] = errand;
		}
	return NULL;
}

static void close_pump(struct s3_pump *pump)
{
	pthread_mutex_lock(&pump->lock);
	pump->open = false;
	pthread_cond_broadcast(&pump->answered);
	pthread_mutex_unlock(&pump->lock);
}

static void set_timer(struct gw_call *call, struct s3_pump *pump)
{
	int64_t ms = pump->idle < BUSY_ROUNDS ? BUSY_MS : IDLE_MS;

	if (!gw->timer_set(call, ms, 0, pump))
		close_pump(pump);
}

/* Whoever goes on writes the same object: what was given up would come after it. And it has a place
 * for as long as a slow bucket likes. Under the lock. */
static void drop_unwanted(struct gw_call *call, struct s3_pump *pump)
{
	size_t i;

	for (i = 0; i < FLYING_MOST; i++)
		if (pump->flying[i] && pump->flying[i]->unwanted) {
			gw->http_cancel(call, pump->flying[i]->number);
			end_errand(pump, pump->flying[i]);
		}
}

void s3_pump_timer(struct gw_call *call, struct s3_pump *pump)
{
	struct errand *errand;
	gw_http number;

	pthread_mutex_lock(&pump->lock);
	pump->now = gw->now(call);
	pump->idle++;
	drop_unwanted(call, pump);
	while ((errand = take_next(pump)) != NULL) {
		pump->idle = 0;
		pthread_mutex_unlock(&pump->lock);
		number = send(call, pump, errand);
		pthread_mutex_lock(&pump->lock);
		errand->number = number;
		if (!number) {
			snprintf(errand->answer.why, sizeof errand->answer.why,
				 "the request was refused");
			end_errand(pump, errand);
		}
	}
	pthread_mutex_unlock(&pump->lock);
	set_timer(call, pump);
}

static void take_text(char *out, size_t size, const struct gw_http_answer *answer, const char *name)
{
	struct gw_str text = gw_http_field(answer, gw_str(name));

	snprintf(out, size, "%.*s", GW_STR_ARGS(text));
}

void s3_pump_http(struct gw_call *call, const struct gw_http_answer *from, void *arg)
{
	struct errand *errand = arg;
	struct s3_pump *pump = errand->pump;
	struct s3_answer *answer = &errand->answer;
	char length[24];

	(void)call;
	pthread_mutex_lock(&pump->lock);
	pump->idle = 0;
	answer->status = from->status;
	take_text(answer->etag, sizeof answer->etag, from, "ETag");
	s3_unquote(answer->etag);
	take_text(answer->date, sizeof answer->date, from, "Date");
	take_text(length, sizeof length, from, "Content-Length");
	answer->length = g_ascii_strtoull(length, NULL, 10);
	if (from->status)
		answer->body = g_bytes_new(from->body.ptr, from->body.len);
	else
		snprintf(answer->why, sizeof answer->why, "%.*s", GW_STR_ARGS(from->error));
	end_errand(pump, errand);
	pthread_mutex_unlock(&pump->lock);
}

void s3_pump_begin(struct gw_call *call, struct s3_pump *pump)
{
	pthread_mutex_lock(&pump->lock);
	pump->open = true;
	pump->now = gw->now(call);
	pthread_mutex_unlock(&pump->lock);
	set_timer(call, pump);
}

void s3_pump_end(struct gw_call *call, struct s3_pump *pump)
{
	size_t i;

	close_pump(pump);
	pthread_mutex_lock(&pump->lock);
	for (i = 0; i < FLYING_MOST; i++)
		if (pump->flying[i]) {
			gw->http_cancel(call, pump->flying[i]->number);
			end_errand(pump, pump->flying[i]);
		}
	pthread_mutex_unlock(&pump->lock);
}
