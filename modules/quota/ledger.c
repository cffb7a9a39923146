/* ledger.c - the book of all counts, and the arithmetic of one. */
#include "ledger.h"

#include "tally.h"

#include <gateway/hash.h>

#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

struct ledger {
	struct ledger *next;
	struct gw_str name, client;
	bool of_relay;
	char *counter, *rate_key;

	pthread_mutex_t lock;
	struct tally tally;
	struct pace pace;
	int64_t handed_in;
	int64_t awaited; /* somebody may wait at the key until then */
};

static struct {
	pthread_mutex_t lock;
	void *tree; /* by name */
	struct ledger *first;
	size_t instances;
	unsigned runs;
	char run[48];
} book = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- the book --- */

static int compare_text(struct gw_str a, struct gw_str b)
{
	int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare(const void *a, const void *b)
{
	const struct ledger *x = a, *y = b;
	int order = compare_text(x->name, y->name);

	if (order == 0)
		order = compare_text(x->client, y->client);
	return order ? order : x->of_relay - y->of_relay;
}

static void destroy(struct ledger *ledger)
{
	free((char *)ledger->name.ptr);
	free((char *)ledger->client.ptr);
	free(ledger->counter);
	free(ledger->rate_key);
	tally_finish(&ledger->tally);
	free(ledger);
}

static struct gw_str copy(struct gw_str text)
{
	char *bytes = calloc(1, text.len + 1);

	if (bytes && text.len)
		memcpy(bytes, text.ptr, text.len);
	return gw_str_n(bytes, text.len);
}

/* The store has names of 255 octets at most; a bucket's is a little longer. */
#define NAME_MOST 200

/* A long name is cut, and stays another one than those that begin like it: longer, for one, than
 * all that are whole. Takes `text`. */
static char *shorten(char *text)
{
	char *cut;
	int len;

	if (strlen(text) <= NAME_MOST)
		return text;
	len = asprintf(&cut, "%.*s~%016" PRIx64, NAME_MOST, text, gw_str_hash(gw_str(text)));
	free(text);
	return len < 0 ? NULL : cut;
}

static char *name_counter(const struct ledger *ledger)
{
	char *text;
	int len = asprintf(&text, "%s/%.*s%s%.*s", ledger->of_relay ? "relay" : "limit",
			   GW_STR_ARGS(ledger->name), ledger->client.len ? "/" : "",
			   GW_STR_ARGS(ledger->client));

	return len < 0 ? NULL : shorten(text);
}

static char *name_rate_key(const struct ledger *ledger)
{
	const char *name = ledger->of_relay ? ledger->counter + sizeof "relay/" - 1
					    : ledger->counter;
	char *text;

	return asprintf(&text, "rate/%s", name) < 0 ? NULL : text;
}

static bool fill(struct gw_call *call, struct ledger *ledger, struct limit *limit)
{
	ledger->name = copy(ledger->name);
	ledger->client = copy(ledger->client);
	if (!ledger->name.ptr || !ledger->client.ptr)
		return false;
	ledger->counter = name_counter(ledger);
	ledger->rate_key = ledger->counter ? name_rate_key(ledger) : NULL;
	return ledger->rate_key && tally_init(call, limit, &ledger->tally, ledger->counter) == 0;
}

static struct ledger *make(struct gw_call *call, const struct ledger *key, struct limit *limit)
{
	struct ledger *ledger = malloc(sizeof *ledger);

	if (!ledger)
		return NULL;
	*ledger = *key;
	pthread_mutex_init(&ledger->lock, NULL);
	if (!fill(call, ledger, limit) || !tsearch(ledger, &book.tree, compare)) {
		destroy(ledger);
		return NULL;
	}
	ledger->next = book.first;
	book.first = ledger;
	return ledger;
}

struct ledger *ledger_of(struct gw_call *call, struct limit *limit, struct gw_str client)
{
	struct ledger key = { .name = limit->name, .client = client, .of_relay = limit->of_relay };
	struct ledger *ledger, **found;

	pthread_mutex_lock(&book.lock);
	found = tfind(&key, &book.tree, compare);
	ledger = found ? *found : make(call, &key, limit);
	pthread_mutex_unlock(&book.lock);
	return ledger;
}

static struct ledger *first_of(const struct limit *limit, struct ledger *ledger)
{
	while (ledger && (!gw_str_eq(ledger->name, limit->name) ||
			  ledger->of_relay != limit->of_relay || !ledger->client.len))
		ledger = ledger->next;
	return ledger;
}

/* None is ever taken out while there is an instance, so only the first step needs the lock. */
void ledger_each(const struct limit *limit, void (*each)(void *arg, const struct applied *applied),
		 void *arg)
{
	struct applied applied = { (struct limit *)limit, limit->ledger };

	if (applied.ledger) {
		each(arg, &applied);
		return;
	}
	pthread_mutex_lock(&book.lock);
	applied.ledger = book.first;
	pthread_mutex_unlock(&book.lock);
	while ((applied.ledger = first_of(limit, applied.ledger)) != NULL) {
		each(arg, &applied);
		applied.ledger = applied.ledger->next;
	}
}

bool ledgers_open(const struct gw_call *call)
{
	bool first;

	pthread_mutex_lock(&book.lock);
	first = book.instances++ == 0;
	if (first)
		snprintf(book.run, sizeof book.run, "%llx.%x", (unsigned long long)gw->now(call),
			 ++book.runs);
	pthread_mutex_unlock(&book.lock);
	return first;
}

const char *ledgers_run(void)
{
	return book.run;
}

static void keep_node(void *ledger) {}

/* True: nothing was on its way in any of them. */
static bool destroy_all(void)
{
	struct ledger *ledger, *next;
	bool idle = true;

	tdestroy(book.tree, keep_node);
	for (ledger = book.first; ledger; ledger = next) {
		next = ledger->next;
		idle &= ring_is_idle(ledger->tally.ring);
		destroy(ledger);
	}
	book.tree = NULL;
	book.first = NULL;
	return idle;
}

bool ledgers_close(void)
{
	bool idle;

	pthread_mutex_lock(&book.lock);
	idle = --book.instances == 0 && destroy_all();
	pthread_mutex_unlock(&book.lock);
	return idle;
}

struct gw_str ledger_client(const struct ledger *ledger)
{
	return ledger->client;
}

struct gw_str ledger_wait_key(const struct ledger *ledger)
{
	return gw_str(ledger->counter);
}

struct gw_str ledger_rate_key(const struct ledger *ledger)
{
	return gw_str(ledger->rate_key);
}

/* --- one --- */

static void look(const struct gw_call *call, const struct applied *applied, int64_t now,
		 struct view *view)
{
	struct tally *tally = &applied->ledger->tally;
	struct limit *limit = applied->limit;
	struct sum sum = tally_sum(call, limit, tally, now);

	*view = (struct view){ .handed_in = applied->ledger->handed_in };
	if (limit->per_minute > 0)
		view->pace_room = pace_room(&applied->ledger->pace, limit->per_minute, now);
	view->reserved = sum.reserved;
	view->used = sum.count - sum.reserved;
	view->full = limit->daily != NO_LIMIT && view->used >= limit->daily;
	view->began = tally_began(call, limit, tally, now);
	view->opens = tally_opens(call, limit, tally, now);
}

void ledger_view(const struct gw_call *call, const struct applied *applied, struct view *view)
{
	pthread_mutex_lock(&applied->ledger->lock);
	look(call, applied, gw->now(call), view);
	pthread_mutex_unlock(&applied->ledger->lock);
}

/* As much of `amount` as there is room for. */
static int64_t reserve(const struct gw_call *call, const struct applied *applied, int64_t now,
		       int64_t amount, bool dry, enum shortage *why)
{
	struct tally *tally = &applied->ledger->tally;
	struct limit *limit = applied->limit;
	struct sum sum = tally_sum(call, limit, tally, now);
	int64_t room = limit->daily == NO_LIMIT ? amount : limit->daily - sum.count;

	amount = amount < room ? amount : room;
	if (amount > 0 && (dry || tally_reserve(call, limit, tally, now, amount)))
		return amount;
	*why = sum.count - sum.reserved >= limit->daily ? SHORT_OF_ROOM : SHORT_OF_ANSWER;
	if (*why == SHORT_OF_ANSWER && !dry)
		applied->ledger->awaited = now + LOOK_AGAIN_MS;
	return 0;
}

static bool has_pace(const struct applied *applied, int64_t now)
{
	return applied->limit->per_minute == 0 ||
	       pace_room(&applied->ledger->pace, applied->limit->per_minute, now) > 0;
}

static int64_t take(const struct gw_call *call, const struct applied *applied, int64_t now,
		    int64_t rcpts, bool dry, enum shortage *why)
{
	const struct limit *limit = applied->limit;
	int64_t amount;

	if (!has_pace(applied, now)) {
		*why = SHORT_OF_PACE;
		return 0;
	}
	amount = reserve(call, applied, now, limit_amount(limit, rcpts), dry, why);
	if (amount == 0 || limit->counts == COUNT_RECIPIENTS)
		rcpts = amount;
	if (rcpts > 0 && limit->per_minute > 0 && !dry)
		pace_take(&applied->ledger->pace);
	return rcpts;
}

int64_t ledger_take(const struct gw_call *call, const struct applied *applied, int64_t now,
		    int64_t rcpts, bool dry, enum shortage *why)
{
	int64_t taken;

	pthread_mutex_lock(&applied->ledger->lock);
	taken = take(call, applied, now, rcpts, dry, why);
	pthread_mutex_unlock(&applied->ledger->lock);
	return taken;
}

void ledger_settle(const struct gw_call *call, const struct applied *applied, int64_t when,
		   int64_t amount, int64_t back)
{
	pthread_mutex_lock(&applied->ledger->lock);
	tally_settle(call, &applied->ledger->tally, when, amount, back);
	pthread_mutex_unlock(&applied->ledger->lock);
}

void ledger_landed(const struct gw_call *call, const struct applied *applied, bool sent)
{
	if (applied->limit->per_minute == 0)
		return;
	pthread_mutex_lock(&applied->ledger->lock);
	pace_landed(&applied->ledger->pace, gw->now(call), sent);
	pthread_mutex_unlock(&applied->ledger->lock);
}

/* Where what is over the limit need not wait until it opens. */
static bool goes_elsewhere(const struct limit *limit)
{
	return limit->of_relay || limit->on_limit == ON_LIMIT_NEXT;
}

size_t ledger_let_go(const struct gw_call *call, const struct applied *applied)
{
	int64_t now = gw->now(call), room = 0;
	struct view view;

	pthread_mutex_lock(&applied->ledger->lock);
	if (now <= applied->ledger->awaited) {
		look(call, applied, now, &view);
		room = !view.full ? applied->limit->daily - view.used - view.reserved
		       : goes_elsewhere(applied->limit) ? INT32_MAX
							: 0;
	}
	pthread_mutex_unlock(&applied->ledger->lock);
	return room > 0 ? (size_t)room : 0;
}

bool ledger_hand_in(const struct gw_call *call, const struct applied *applied, int64_t amount,
		    bool dry)
{
	struct view view;
	bool fits;

	pthread_mutex_lock(&applied->ledger->lock);
	look(call, applied, gw->now(call), &view);
	fits = view.used + view.handed_in + amount <= applied->limit->daily;
	if (fits && !dry)
		applied->ledger->handed_in += amount;
	pthread_mutex_unlock(&applied->ledger->lock);
	return fits;
}

void ledger_final(const struct applied *applied, int64_t amount)
{
	struct ledger *ledger = applied->ledger;

	pthread_mutex_lock(&ledger->lock);
	ledger->handed_in -= amount < ledger->handed_in ? amount : ledger->handed_in;
	pthread_mutex_unlock(&ledger->lock);
}
