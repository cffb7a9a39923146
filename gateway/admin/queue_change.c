#include "admin/queue_change.h"

#include "base/id.h"

#include <stdlib.h>

struct changing {
	struct tour tour; /* first */
	struct request *request;
	struct queue_change change;
	struct queue_filter filter;
	struct id_list named;
	bool counts_only;                       /* the question before the change */
	_Atomic size_t found, changed, on_hold; /* the last: left as they are */
};

static void changing_free(struct changing *changing)
{
	tour_finish(&changing->tour);
	free(changing->named.ids);
	free(changing);
}

static bool visit(struct tour *tour, struct worker *worker, unsigned number,
		  struct queue_entry *entry)
{
	struct changing *changing = (struct changing *)tour;
	struct queue_look look;
	uint64_t id = entry->id;
	queue_look_begin(&look, worker, entry, changing->filter.reads);
	bool fits = queue_filter_fits(&changing->filter, &look, tour, number);
	queue_look_end(&look);
	bool leaves = fits && changing->change.order == ORDER_RETRY && entry->state == ENTRY_HELD;
	changing->on_hold += leaves;
	changing->found += fits && !leaves;
	if (fits && !leaves && !changing->counts_only)
		changing->changed += changing->change.change(&changing->change, worker, id);
	return true;
}

/* --- what came of it --- */

static void say_question(struct changing *changing)
{
	size_t count = changing->found;
	char text[256];
	snprintf(text, sizeof(text), "%zu message%s: %s. Go on?", count, count == 1 ? "" : "s",
		 changing->change.done);
	request_answer(changing->request, json_pack("{s:i, s:s, s:{s:I}}", "code", EX_OK, "confirm",
						    text, "data", "messages", (json_int_t)count));
}

/* A hold is ended by who says so, not by who only wants mail to go. */
static void say_on_hold(struct changing *changing)
{
	size_t held = changing->on_hold;
	request_say(
		changing->request, changing->changed ? EX_OK : EX_UNAVAILABLE,
		"%zu message%s: %s; %zu on hold stay%s there: `gatewayctl queue release` ends a hold",
		changing->changed, changing->changed == 1 ? "" : "s", changing->change.done, held,
		held == 1 ? "s" : "");
}

static void done(struct tour *tour)
{
	struct changing *changing = (struct changing *)tour;
	size_t count = changing->changed, named = changing->named.count;
	if (changing->counts_only)
		say_question(changing);
	else if (changing->on_hold && !(named && count + changing->on_hold < named))
		say_on_hold(changing);
	else if (named && count < named)
		request_say(changing->request, EX_UNAVAILABLE,
			    "%zu of %zu messages are not queued (any more)%s; %zu: %s",
			    named - count, named,
			    changing->filter.any ? ", or the other words do not fit" : "", count,
			    changing->change.done);
	else if (tour_failed(tour))
		request_say(changing->request, EX_OSERR, "no memory for all of them; %zu: %s",
			    count, changing->change.done);
	else
		request_say(changing->request, EX_OK, "%zu message%s: %s", count,
			    count == 1 ? "" : "s", changing->change.done);
	changing_free(changing);
}

/* --- which --- */

/* True: it is clear which are meant. Ids and filters together: those of the ids that fit. */
static bool take_ids(struct changing *changing)
{
	struct request *request = changing->request;
	bool all = request_option(request, "--all");
	for (size_t i = 0; i < request->name_count; i++) {
		uint64_t id = id_parse(gw_str(request->names[i]));
		if (!id) {
			request_usage(request,
				      "\"%.100s\" is no id; `gatewayctl queue list` shows them",
				      request->names[i]);
			return false;
		}
		id_list_add(&changing->named, id);
	}
	if (all && request->name_count)
		request_usage(request, "either --all or ids");
	else if (!all && !changing->filter.any && !request->name_count)
		request_usage(
			request,
			"which messages? Ids, words that choose them, or --all; `gatewayctl queue list` shows the ids");
	else
		return true;
	return false;
}

void queue_change_begin(struct request *request, const struct queue_change *change,
			const struct queue_filter *filter)
{
	struct changing *changing = calloc(1, sizeof(*changing));
	if (!changing) {
		request_say(request, EX_OSERR, "no memory");
		return;
	}
	changing->request = request;
	changing->change = *change;
	changing->change.uid = request->uid;
	changing->filter = *filter;
	if (!take_ids(changing)) {
		changing_free(changing);
		return;
	}
	id_list_sort(&changing->named);
	changing->counts_only = !changing->named.count && request->asks &&
				!request_option(request, "--yes");
	changing->tour = (struct tour){ .visit = visit,
					.done = done,
					.orders = true,
					.only = changing->named.count ? &changing->named : NULL,
					.relay = filter->relay };
	if (tour_begin(&changing->tour) == 0)
		return;
	request_say(request, EX_OSERR, "no memory");
	changing_free(changing);
}
