/* queue_summary.c - queue summary: how many messages, by what holds them up, where they go, whose
 * they are, and for how long. */
#include "admin/queue_filter.h"

#include "base/clock.h"
#include "base/map.h"
#include "queue/wait.h"

#include <ctype.h>
#include <stdlib.h>

#define GROUPS_MOST 2000 /* by one thing, of one worker: what is beyond is one group */
#define SHOWN 10
#define SHOWN_MOST 1000
#define REASON_MOST 120

static const struct gw_str beyond = GW_STR("(others)");

struct group {
	struct gw_str key; /* first: of the map */
	uint64_t messages, rcpts, bytes;
	int64_t oldest; /* wall, ms */
	uint64_t last;  /* the id that was counted last: a message counts once */
};

/* What one message adds. */
struct share {
	const struct queue_entry *entry;
	const struct gw_message *message;
	const struct gw_rcpt *rcpt; /* pending; NULL: it has none, or cannot be read */
	int64_t now;
};

enum { BY_REASON, BY_RELAY, BY_DOMAIN, BY_CLIENT, BY_AGE, BYS };

/* Of one worker; the last of them is the sum. */
struct tally {
	struct arena arena;
	struct str_map groups[BYS];
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

/* --- what it counts under --- */

/* A word that names this message, or this recipient, and no cause. */
static bool is_of_one(struct gw_str word)
{
	size_t digits = 0;
	for (size_t i = 0; i < word.len; i++)
		digits += isdigit((unsigned char)word.ptr[i]) != 0;
	return gw_str_find(word, '@') < word.len || (word.len > 6 && digits > 1) || digits > 4;
}

static void put_words(struct buf *out, struct gw_str text)
{
	while (text.len && buf_len(out) < REASON_MOST) {
		size_t len = 0;
		while (len < text.len && text.ptr[len] != ' ' && text.ptr[len] != '\n')
			len++;
		buf_add_str(out, is_of_one(gw_str_n(text.ptr, len)) ? gw_str("...")
								    : gw_str_n(text.ptr, len));
		buf_add_text(out, len < text.len ? " " : "");
		text = gw_str_from(text, len + 1);
	}
	if (text.len)
		buf_add_text(out, "...");
}

static void put_reason(const struct share *share, struct buf *out)
{
	struct buf reason;
	buf_init(&reason, 0);
	queue_reason(share->entry, share->message, &reason);
	if (share->rcpt && share->rcpt->last.code && !share->message->held)
		buf_printf(out, "%d ", share->rcpt->last.code);
	put_words(out, buf_len(&reason) ? buf_str(&reason) : gw_str("not tried yet"));
	buf_finish(&reason);
}

/* Of a key that is about one: queue/wait.h. */
static struct gw_str relay_waited_for(const struct queue_entry *entry)
{
	struct gw_str key = queue_wait_key(entry, 0);
	size_t len = sizeof(WAIT_OPEN) - 1;
	if (key.len > len && memcmp(key.ptr, WAIT_OPEN, len) == 0)
		return gw_str_from(key, len);
	return gw_str_find(key, ':') < key.len ? gw_str("")
					       : gw_str_n(key.ptr, gw_str_find(key, '/'));
}

static void put_relay(const struct share *share, struct buf *out)
{
	struct gw_str moved = share->message ? message_note(share->message, gw_str("gateway.relay"))
					     : gw_str("");
	struct gw_str waited = relay_waited_for(share->entry),
		      last = share->rcpt ? share->rcpt->relay : gw_str("");
	buf_add_str(out, moved.len    ? moved
			 : waited.len ? waited
			 : last.len   ? last
				      : gw_str("(none yet)"));
}

static void put_domain(const struct share *share, struct buf *out)
{
	struct gw_str domain = share->rcpt ? share->rcpt->domain : gw_str("");
	for (size_t i = 0; i < domain.len; i++)
		buf_printf(out, "%c", tolower((unsigned char)domain.ptr[i]));
}

static void put_client(const struct share *share, struct buf *out)
{
	if (share->message)
		buf_add_str(out, share->message->own ? gw_str("(the gateway itself)")
						     : share->message->client);
}

static const struct {
	int64_t below;
	const char *name;
} ages[] = {
	{ 5, "under 5 min" },     { 60, "5 min to 1 h" },      { 360, "1 h to 6 h" },
	{ 1440, "6 h to 1 day" }, { 3 * 1440, "1 to 3 days" }, { INT64_MAX, "over 3 days" },
};

static void put_age(const struct share *share, struct buf *out)
{
	int64_t minutes = share->message ? (share->now - share->message->received_at) / 60000 : 0;
	size_t at = 0;
	while (minutes >= ages[at].below)
		at++;
	buf_add_text(out, ages[at].name);
}

static const struct {
	const char *name;
	void (*put)(const struct share *share, struct buf *out);
} bys[BYS] = {
	[BY_REASON] = { "reason", put_reason }, [BY_RELAY] = { "relay", put_relay },
	[BY_DOMAIN] = { "domain", put_domain }, [BY_CLIENT] = { "client", put_client },
	[BY_AGE] = { "age", put_age },
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

static void add(struct group *group, const struct share *share)
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

static void add_share(struct summary *summary, struct tally *tally, const struct share *share)
{
	struct buf key;
	add(&tally->all, share);
	buf_init(&key, 0);
	for (int by = 0; by < BYS; by++) {
		if (summary->by >= 0 && summary->by != by)
			continue;
		buf_clear(&key);
		bys[by].put(share, &key);
		struct group *group = group_of(tally, by, buf_str(&key));
		if (group)
			add(group, share);
	}
	buf_finish(&key);
}

static void add_message(struct summary *summary, struct tally *tally, const struct queue_look *look)
{
	struct share share = { .entry = look->entry,
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
		for (int by = 0; by < BYS; by++) {
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

static int by_count(const void *a, const void *b)
{
	const struct group *const *x = a, *const *y = b;
	if ((*x)->messages != (*y)->messages)
		return (*x)->messages < (*y)->messages ? 1 : -1;
	return strcmp((*x)->key.ptr, (*y)->key.ptr);
}

static int by_age(const void *a, const void *b)
{
	const struct group *const *x = a, *const *y = b;
	size_t at[2] = { 0, 0 };
	while (strcmp(ages[at[0]].name, (*x)->key.ptr) != 0)
		at[0]++;
	while (strcmp(ages[at[1]].name, (*y)->key.ptr) != 0)
		at[1]++;
	return at[0] < at[1] ? -1 : at[0] > at[1];
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
	qsort(groups, count, sizeof(*groups), by == BY_AGE ? by_age : by_count);
	for (size_t i = 0; i < count; i++) {
		if (i < summary->shown)
			json_array_append_new(rows, group_json(bys[by].name, groups[i]));
		else
			join(rest, groups[i]);
	}
	rest->key = arena_printf(&sum->arena, "(%zu more)",
				 count > summary->shown ? count - summary->shown : 0);
	if (count > summary->shown)
		json_array_append_new(rows, group_json(bys[by].name, rest));
}

static void summary_free(struct summary *summary)
{
	for (unsigned i = 0; summary->tallies && i <= runtime.worker_count; i++) {
		for (int by = 0; by < BYS; by++)
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
	for (int by = 0; by < BYS; by++)
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
	summary->by = by ? BYS : -1;
	for (int i = 0; by && i < BYS; i++)
		if (strcmp(bys[i].name, by) == 0)
			summary->by = i;
	bool number = summary->shown > 0 && summary->shown <= SHOWN_MOST &&
		      (!limit || strspn(limit, "0123456789") == strlen(limit));
	if (summary->by == BYS)
		request_usage(request,
			      "--by wants reason, relay, domain, client or age, not \"%.100s\"",
			      by);
	else if (!number)
		request_usage(request, "--limit wants a number from 1 to %d", SHOWN_MOST);
	return summary->by != BYS && number;
}

static int begin(struct summary *summary)
{
	summary->tallies = calloc(runtime.worker_count + 1, sizeof(*summary->tallies));
	if (!summary->tallies)
		return -1;
	for (unsigned i = 0; i <= runtime.worker_count; i++)
		for (int by = 0; by < BYS; by++)
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
