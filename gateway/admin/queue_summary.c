/* queue_summary.c - queue summary: how many messages, by what holds them up, where they go, whose
 * they are, and for how long. */
#include "admin/queue_by.h"

#include "base/clock.h"
#include "base/map.h"

#include <stdlib.h>

#define GROUPS_MOST 2000 /* by one thing, of one worker: what is beyond is one group */
#define SHOWN 10
#define SHOWN_MOST 1000

static const struct gw_str beyond = GW_STR("(others)");

struct group {
	struct gw_str key; /* first: of the map */
	uint64_t messages, rcpts, bytes;
	int64_t oldest; /* wall, ms */
	uint64_t last;  /* the id that was counted last: a message counts once */
};

/* Of one worker; the last of them is the sum. */
struct tally {
	struct arena arena;
	struct str_map groups[QUEUE_BYS];
	struct group all;
	bool failed;
};

struct summary {
	struct tour tour; /* first */
	struct request *request;
	struct queue_filter filter;
	int by; /* -1: by each */
	size_t shown;
	struct tally *tallies;
};

/* --- counting --- */

static struct group *group_of(struct tally *tally, int by, struct gw_str key)
{
	struct str_map *map = &tally->groups[by];
	struct gw_str name = key.len ? key : gw_str("(none)");
	struct group *group = str_map_get(map, name);
	if (!group && map->count >= GROUPS_MOST)
		group = str_map_get(map, name = beyond);
	if (group)
		return group;
	group = arena_alloc(&tally->arena, sizeof(*group));
	if (group)
		group->key = arena_str(&tally->arena, name);
	if (group && group->key.ptr && str_map_put(map, group) == 0)
		return group;
	tally->failed = true;
	return NULL;
}

static void add(struct group *group, const struct queue_share *share)
{
	const struct gw_message *message = share->message;
	int64_t received = message ? message->received_at : share->now;
	group->rcpts += share->rcpt != NULL;
	if (group->last == share->entry->id)
		return;
	group->last = share->entry->id;
	group->messages++;
	group->bytes += message ? message->content.size : 0;
	if (!group->oldest || received < group->oldest)
		group->oldest = received;
}

static void add_share(struct summary *summary, struct tally *tally, const struct queue_share *share)
{
	struct buf key;
	add(&tally->all, share);
	buf_init(&key, 0);
	for (int by = 0; by < QUEUE_BYS; by++) {
		if (summary->by >= 0 && summary->by != by)
			continue;
		buf_clear(&key);
		queue_bys[by].put(share, &key);
		struct group *group = group_of(tally, by, buf_str(&key));
		if (group)
			add(group, share);
	}
	buf_finish(&key);
}

static void add_message(struct summary *summary, struct tally *tally, const struct queue_look *look)
{
	struct queue_share share = { .entry = look->entry,
				     .message = look->message,
				     .now = clock_wall() };
	bool any = false;
	for (size_t i = 0; look->message && i < look->message->rcpt_count; i++) {
		share.rcpt = look->message->rcpts[i];
		if (share.rcpt->status != RCPT_PENDING)
			continue;
		any = true;
		add_share(summary, tally, &share);
	}
	share.rcpt = NULL;
	if (!any)
		add_share(summary, tally, &share);
}

static bool visit(struct tour *tour, struct worker *worker, unsigned number,
		  struct queue_entry *entry)
{
	struct summary *summary = (struct summary *)tour;
	struct queue_look look;
	if (!queue_filter_takes_place(&summary->filter, entry))
		return true;
	queue_look_begin(&look, worker, entry, true);
	if (queue_filter_fits(&summary->filter, &look, tour, number))
		add_message(summary, &summary->tallies[number], &look);
	queue_look_end(&look);
	return true;
}

/* --- the sum of the workers --- */

static void join(struct group *into, const struct group *from)
{
	into->messages += from->messages;
	into->rcpts += from->rcpts;
	into->bytes += from->bytes;
	if (from->messages && (!into->oldest || from->oldest < into->oldest))
		into->oldest = from->oldest;
}

static void join_all(struct summary *summary)
{
	struct tally *sum = &summary->tallies[runtime.worker_count];
	for (unsigned i = 0; i < runtime.worker_count; i++) {
		join(&sum->all, &summary->tallies[i].all);
		sum->failed |= summary->tallies[i].failed;
		for (int by = 0; by < QUEUE_BYS; by++) {
			size_t at = 0;
			for (const struct group *from;
			     (from = str_map_next(&summary->tallies[i].groups[by], &at));) {
				struct group *into = group_of(sum, by, from->key);
				if (into)
					join(into, from);
			}
		}
	}
}

/* --- what is said --- */

static int by_age(const void *a, const void *b)
{
	const struct group *const *x = a, *const *y = b;
	size_t first = queue_age_rank((*x)->key), second = queue_age_rank((*y)->key);
	return first < second ? -1 : first > second;
}

static int by_count(const void *a, const void *b)
{
	const struct group *const *x = a, *const *y = b;
	if ((*x)->messages != (*y)->messages)
		return (*x)->messages < (*y)->messages ? 1 : -1;
	return strcmp((*x)->key.ptr, (*y)->key.ptr);
}

static json_t *group_json(const char *by, const struct group *group)
{
	char when[CLOCK_RFC3339];
	return json_pack("{s:s, s:o, s:I, s:I, s:I, s:o}", "by", by, "value", text_of(group->key),
			 "messages", (json_int_t)group->messages, "recipients",
			 (json_int_t)group->rcpts, "size", (json_int_t)group->bytes, "oldest",
			 group->oldest ? json_string(clock_rfc3339(group->oldest, when))
				       : json_null());
}

static void add_rows(struct summary *summary, int by, json_t *rows)
{
	struct tally *sum = &summary->tallies[runtime.worker_count];
	const struct str_map *map = &sum->groups[by];
	struct group **groups = arena_alloc(&sum->arena, (map->count + 1) * sizeof(*groups)),
		     *rest = arena_alloc(&sum->arena, sizeof(*rest));
	size_t count = 0, at = 0;
	for (struct group *group; groups && (group = str_map_next(map, &at));)
		groups[count++] = group;
	if (!groups || !rest)
		return;
	qsort(groups, count, sizeof(*groups), by == QUEUE_BY_AGE ? by_age : by_count);
	for (size_t i = 0; i < count; i++) {
		if (i < summary->shown)
			json_array_append_new(rows, group_json(queue_bys[by].name, groups[i]));
		else
			join(rest, groups[i]);
	}
	rest->key = arena_printf(&sum->arena, "(%zu more)",
				 count > summary->shown ? count - summary->shown : 0);
	if (count > summary->shown)
		json_array_append_new(rows, group_json(queue_bys[by].name, rest));
}

static void summary_free(struct summary *summary)
{
	for (unsigned i = 0; summary->tallies && i <= runtime.worker_count; i++) {
		for (int by = 0; by < QUEUE_BYS; by++)
			str_map_finish(&summary->tallies[i].groups[by]);
		arena_finish(&summary->tallies[i].arena);
	}
	tour_finish(&summary->tour);
	free(summary->tallies);
	free(summary);
}

static void counted(struct tour *tour)
{
	static const char *const columns[][2] = {
		{ "by", "BY" },     { "messages", "MESSAGES" }, { "recipients", "RECIPIENTS" },
		{ "size", "SIZE" }, { "oldest", "OLDEST" },     { "value", "WHAT" },
	};
	struct summary *summary = (struct summary *)tour;
	struct tally *sum = &summary->tallies[runtime.worker_count];
	join_all(summary);
	json_t *rows, *table = table_create(columns, sizeof(columns) / sizeof(columns[0]), &rows);
	json_array_append_new(rows, group_json("all", &sum->all));
	for (int by = 0; by < QUEUE_BYS; by++)
		if (summary->by < 0 || summary->by == by)
			add_rows(summary, by, rows);
	if (sum->failed || tour_failed(tour)) {
		json_decref(table);
		request_say(summary->request, EX_OSERR, "no memory for all of them");
	} else {
		request_answer(summary->request, table);
	}
	summary_free(summary);
}

/* --- the verb --- */

static bool take_words(struct summary *summary)
{
	struct request *request = summary->request;
	const char *by = request_option(request, "--by"),
		   *limit = request_option(request, "--limit");
	if (!queue_filter_take(&summary->filter, request))
		return false;
	summary->shown = limit ? strtoul(limit, NULL, 10) : SHOWN;
	summary->by = by ? QUEUE_BYS : -1;
	for (int i = 0; by && i < QUEUE_BYS; i++)
		if (strcmp(queue_bys[i].name, by) == 0)
			summary->by = i;
	bool number = summary->shown > 0 && summary->shown <= SHOWN_MOST &&
		      (!limit || strspn(limit, "0123456789") == strlen(limit));
	if (summary->by == QUEUE_BYS)
		request_usage(request,
			      "--by wants reason, relay, domain, client or age, not \"%.100s\"",
			      by);
	else if (!number)
		request_usage(request, "--limit wants a number from 1 to %d", SHOWN_MOST);
	return summary->by != QUEUE_BYS && number;
}

static int begin(struct summary *summary)
{
	summary->tallies = calloc(runtime.worker_count + 1, sizeof(*summary->tallies));
	if (!summary->tallies)
		return -1;
	for (unsigned i = 0; i <= runtime.worker_count; i++)
		for (int by = 0; by < QUEUE_BYS; by++)
			str_map_init(&summary->tallies[i].groups[by]);
	summary->tour = (struct tour){
		.visit = visit,
		.done = counted,
		.abandoned = &summary->request->abandoned,
		.relay = summary->filter.relay,
	};
	return tour_begin(&summary->tour);
}

void verb_queue_summary(struct request *request, const char *const *words, size_t count)
{
	struct summary *summary = calloc(1, sizeof(*summary));
	if (!summary) {
		request_say(request, EX_OSERR, "no memory");
		return;
	}
	summary->request = request;
	if (!take_words(summary)) {
		summary_free(summary);
	} else if (begin(summary) != 0) {
		request_say(request, EX_OSERR, "no memory");
		summary_free(summary);
	}
}
