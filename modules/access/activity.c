#include "activity.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUR (INT64_C(3600) * 1000)
#define DAY (24 * HOUR)
#define LEARNS (7 * DAY)
#define TIMES 2
#define TAGGED_LEAST 20
#define CHANGED_LEAST 5
#define RECORD_EVERY (60 * 1000)
#define RECORD_PREFIX "activity:"
#define RUNNING "running"
#define BRIEFLY (3 * RECORD_EVERY) /* a reload or restart is no time without it */

struct activities {
	pthread_mutex_t lock;
	int64_t began;    /* ms: the gateway runs since then */
	int64_t recorded; /* the last time */
	size_t count;
	struct activity list[CLIENTS_MOST];
};

/* --- a rhythm --- */

static void rhythm_pause(struct rhythm *rhythm, int64_t day, int64_t pause)
{
	size_t at = (size_t)(day % DAYS);

	if (rhythm->day[at] != day)
		rhythm->pause[at] = 0;
	rhythm->day[at] = day;
	if (pause > rhythm->pause[at])
		rhythm->pause[at] = pause;
}

static void rhythm_beat(struct rhythm *rhythm, int64_t began, int64_t now)
{
	int64_t since = rhythm->last > began ? rhythm->last : began;

	if (rhythm->first == 0)
		rhythm->first = now;
	else
		rhythm_pause(rhythm, now / DAY, now - since);
	rhythm->last = now;
	rhythm->quiet = false;
}

/* The longest pause that is usual; 0: it has no rhythm yet. */
static int64_t rhythm_usual(const struct rhythm *rhythm, int64_t now)
{
	int64_t longest = HOUR;
	size_t i;

	if (rhythm->first == 0 || rhythm->last - rhythm->first < LEARNS)
		return 0;
	for (i = 0; i < DAYS; i++)
		if (rhythm->day[i] > now / DAY - DAYS && rhythm->pause[i] > longest)
			longest = rhythm->pause[i];
	return longest;
}

/* True: it went quiet just now. */
static bool rhythm_ends(struct rhythm *rhythm, int64_t began, int64_t now)
{
	int64_t usual = rhythm_usual(rhythm, now),
		since = rhythm->last > began ? rhythm->last : began;

	if (rhythm->quiet || usual == 0 || now - since <= TIMES * usual)
		return false;
	rhythm->quiet = true;
	return true;
}

/* --- a client --- */

static void copy(char *out, size_t size, struct gw_str text)
{
	snprintf(out, size, "%.*s", (int)(text.len < size ? text.len : size - 1), text.ptr);
}

static struct activity *find(struct activities *activities, struct gw_str client)
{
	struct activity *activity;
	size_t i;

	for (i = 0; i < activities->count; i++)
		if (gw_str_eq(gw_str(activities->list[i].name), client))
			return &activities->list[i];
	if (activities->count == CLIENTS_MOST || client.len == 0 ||
	    client.len >= sizeof activities->list->name)
		return NULL;
	activity = &activities->list[activities->count++];
	copy(activity->name, sizeof activity->name, client);
	return activity;
}

static void begin_day(struct activity *activity, int64_t now)
{
	if (activity->today == now / DAY)
		return;
	activity->today = now / DAY;
	activity->mails = activity->refused = 0;
	memset(activity->by_type, 0, sizeof activity->by_type);
	memset(activity->types, 0, sizeof activity->types);
}

static void count_type(struct activity *activity, struct gw_str type)
{
	size_t i;

	if (type.len >= sizeof activity->types[0])
		return;
	for (i = 0; i < TYPES_MOST; i++) {
		if (!activity->types[i][0])
			copy(activity->types[i], sizeof activity->types[i], type);
		if (gw_str_eq(gw_str(activity->types[i]), type)) {
			activity->by_type[i]++;
			return;
		}
	}
}

static void beat_domain(struct activity *activity, struct gw_str domain, int64_t began, int64_t now)
{
	size_t i, least = 0;

	if (domain.len == 0 || domain.len >= sizeof activity->domains[0])
		return;
	for (i = 0; i < DOMAINS_MOST; i++) {
		if (gw_str_ieq(gw_str(activity->domains[i]), domain))
			break;
		if (activity->domain_rhythms[i].last < activity->domain_rhythms[least].last)
			least = i;
	}
	if (i == DOMAINS_MOST) {
		i = least;
		memset(&activity->domain_rhythms[i], 0, sizeof activity->domain_rhythms[i]);
		copy(activity->domains[i], sizeof activity->domains[i], domain);
	}
	rhythm_beat(&activity->domain_rhythms[i], began, now);
}

/* A sign that parts a tag off, or a word with six digits or more in it. */
bool activity_is_tagged(struct gw_str sender)
{
	size_t end = gw_str_find(sender, '@'), i, digits = 0;

	for (i = 0; i < end; i++) {
		if (sender.ptr[i] == '=' || sender.ptr[i] == '+')
			return true;
		digits += sender.ptr[i] >= '0' && sender.ptr[i] <= '9';
	}
	return digits >= 6;
}

static void take_shape(struct activity *activity, struct gw_str sender)
{
	bool tagged = activity_is_tagged(sender);

	if (sender.len == 0)
		return;
	activity->tagged = tagged ? activity->tagged + 1 : 0;
	activity->plain = tagged ? 0 : activity->plain + 1;
	if (activity->tagged >= TAGGED_LEAST)
		activity->was_tagged = true;
	if (activity->tagged >= CHANGED_LEAST)
		activity->changed = false;
}

void activity_mail(struct activities *activities, struct gw_str client, struct gw_str type,
		   struct gw_str from_domain, struct gw_str sender, int64_t now)
{
	struct activity *activity;

	pthread_mutex_lock(&activities->lock);
	activity = find(activities, client);
	if (activity) {
		begin_day(activity, now);
		activity->mails++;
		activity->dirty = true;
		count_type(activity, type);
		rhythm_beat(&activity->rhythm, activities->began, now);
		beat_domain(activity, from_domain, activities->began, now);
		take_shape(activity, sender);
	}
	pthread_mutex_unlock(&activities->lock);
}

void activity_refused(struct activities *activities, struct gw_str client, int64_t now)
{
	struct activity *activity;

	pthread_mutex_lock(&activities->lock);
	activity = find(activities, client);
	if (activity) {
		begin_day(activity, now);
		activity->refused++;
		activity->dirty = true;
	}
	pthread_mutex_unlock(&activities->lock);
}

/* --- telling --- */

static void tell(struct gw_call *call, const struct activity *activity, const char *name,
		 const char *text)
{
	struct gw_event event = { .size = sizeof event,
				  .name = gw_str(name),
				  .text = gw_str(text),
				  .client = gw_str(activity->name) };

	gw->log(call, GW_LOG_WARNING, "%s", text);
	gw->emit(call, &event);
}

static int hours(int64_t ms)
{
	return (int)(ms / HOUR);
}

static void look_at(struct gw_call *call, struct activity *activity, int64_t began, int64_t now)
{
	char text[300];
	size_t i;

	if (rhythm_ends(&activity->rhythm, began, now)) {
		snprintf(text, sizeof text,
			 "client %s went quiet: no mail for %d hours, usual are %d", activity->name,
			 hours(now - activity->rhythm.last),
			 hours(rhythm_usual(&activity->rhythm, now)));
		tell(call, activity, "client-quiet", text);
	}
	for (i = 0; i < DOMAINS_MOST && !activity->rhythm.quiet; i++) {
		if (!rhythm_ends(&activity->domain_rhythms[i], began, now))
			continue;
		snprintf(text, sizeof text,
			 "client %s sends no mail from %s any more: for %d hours", activity->name,
			 activity->domains[i], hours(now - activity->domain_rhythms[i].last));
		tell(call, activity, "client-domain-quiet", text);
	}
	if (activity->was_tagged && activity->plain >= CHANGED_LEAST && !activity->changed) {
		activity->changed = true;
		activity->was_tagged = false;
		snprintf(
			text, sizeof text,
			"the return paths of client %s are not tagged any more: bounces cannot be told apart",
			activity->name);
		tell(call, activity, "client-shape", text);
	}
}

void activities_status(struct gw_call *call, struct activities *activities)
{
	const struct activity *activity;
	size_t i;

	pthread_mutex_lock(&activities->lock);
	for (i = 0; i < activities->count; i++) {
		activity = &activities->list[i];
		if (activity->rhythm.quiet || activity->changed)
			gw->status_line(call, activity->name, "%s",
					activity->rhythm.quiet
						? "went quiet"
						: "its return paths are not tagged any more");
	}
	pthread_mutex_unlock(&activities->lock);
}

bool activity_nth(struct activities *activities, size_t nth, struct activity *copy_r)
{
	bool there;

	pthread_mutex_lock(&activities->lock);
	there = nth < activities->count;
	if (there)
		*copy_r = activities->list[nth];
	pthread_mutex_unlock(&activities->lock);
	return there;
}

/* --- over a restart --- */

/* Of this program alone: another layout has another size, and is not taken up. */
static void record(struct gw_call *call, struct activity *activity)
{
	char key[160];

	activity->dirty = false;
	snprintf(key, sizeof key, RECORD_PREFIX "%s", activity->name);
	gw->record_put(call, gw_str(key), gw_str_n((const char *)activity, sizeof *activity));
}

static int take_up(void *arg, struct gw_str key, struct gw_str value)
{
	struct activities *activities = arg;
	struct activity *activity = &activities->list[activities->count];

	if (value.len != sizeof *activity || activities->count == CLIENTS_MOST)
		return 0;
	memcpy(activity, value.ptr, value.len);
	activity->name[sizeof activity->name - 1] = '\0';
	activities->count++;
	return 0;
}

static void record_running(struct gw_call *call, const struct activities *activities)
{
	char text[64];

	snprintf(text, sizeof text, "%lld %lld", (long long)activities->began,
		 (long long)activities->recorded);
	gw->record_put(call, gw_str(RUNNING), gw_str(text));
}

/* Since when it runs, but for moments. */
static int64_t running_since(struct gw_call *call, int64_t now)
{
	char text[64] = "";
	long long began, last;
	long size = gw->record_get(call, gw_str(RUNNING), text, sizeof text - 1);

	if (size <= 0 || size >= (long)sizeof text || sscanf(text, "%lld %lld", &began, &last) != 2)
		return now;
	return last <= now && now - last <= BRIEFLY ? began : now;
}

static void record_all(struct gw_call *call, struct activities *activities)
{
	size_t i;

	for (i = 0; i < activities->count; i++)
		if (activities->list[i].dirty)
			record(call, &activities->list[i]);
	record_running(call, activities);
}

void activities_tick(struct gw_call *call, struct activities *activities)
{
	int64_t now = gw->now(call);
	size_t i;

	pthread_mutex_lock(&activities->lock);
	for (i = 0; i < activities->count; i++)
		look_at(call, &activities->list[i], activities->began, now);
	if (now - activities->recorded >= RECORD_EVERY) {
		activities->recorded = now;
		record_all(call, activities);
	}
	pthread_mutex_unlock(&activities->lock);
}

/* --- whose they are --- */

static struct {
	pthread_mutex_t lock;
	struct activities *one; /* NULL: nobody holds it */
	unsigned held;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct activities *create(struct gw_call *call)
{
	struct activities *activities = calloc(1, sizeof *activities);

	if (!activities)
		return NULL;
	pthread_mutex_init(&activities->lock, NULL);
	activities->recorded = gw->now(call);
	activities->began = running_since(call, activities->recorded);
	gw->record_each(call, gw_str(RECORD_PREFIX), take_up, activities);
	return activities;
}

struct activities *activities_hold(struct gw_call *call)
{
	struct activities *held;

	pthread_mutex_lock(&shared.lock);
	if (!shared.one)
		shared.one = create(call);
	held = shared.one;
	shared.held += held != NULL;
	pthread_mutex_unlock(&shared.lock);
	return held;
}

static void destroy(struct gw_call *call, struct activities *activities)
{
	record_all(call, activities);
	pthread_mutex_destroy(&activities->lock);
	free(activities);
}

void activities_release(struct gw_call *call, struct activities *activities)
{
	if (!activities)
		return;
	pthread_mutex_lock(&shared.lock);
	if (--shared.held == 0) {
		destroy(call, activities);
		shared.one = NULL;
	}
	pthread_mutex_unlock(&shared.lock);
}
