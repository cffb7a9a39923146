/* limit.c - limits from options, and the search for those that a message meets. */
#include "limit.h"

#include "ledger.h"

#define AT(member) offsetof(struct limit, member)

const struct gw_option limit_options[] = {
	{ .key = "name",
	  .type = GW_OPTION_STRING,
	  .offset = AT(name),
	  .flags = GW_OPTION_REQUIRED,
	  .help = "Name of the limit, which its count is kept under: letters, digits, '.', '_', '-'." },
	{ .key = "client",
	  .type = GW_OPTION_STRING,
	  .offset = AT(client),
	  .help = "Counts mail of this client; \"*\": of each client by itself; default: of all." },
	{ .key = "type",
	  .type = GW_OPTION_STRING,
	  .offset = AT(type),
	  .help = "Counts mail of this type; default: of all types." },
	{ .key = "daily",
	  .type = GW_OPTION_INT,
	  .offset = AT(daily),
	  .words = "unlimited",
	  .fallback = "unlimited",
	  .help = "Most that goes out in a day; 0: nothing." },
	{ .key = "per_minute",
	  .type = GW_OPTION_INT,
	  .offset = AT(per_minute),
	  .max = PACE_MAX,
	  .help = "Most messages in any 60 seconds; 0: as many as come." },
	{ .key = "counts",
	  .type = GW_OPTION_WORD,
	  .offset = AT(counts),
	  .words = "recipients|messages",
	  .fallback = "recipients",
	  .help = "What the daily limit counts." },
	{ .key = "window",
	  .type = GW_OPTION_WORD,
	  .offset = AT(window),
	  .words = "day|rolling",
	  .fallback = "day",
	  .help = "Counts the calendar day, or the last 24 hours." },
	{ .key = "timezone",
	  .type = GW_OPTION_STRING,
	  .offset = AT(zone),
	  .fallback = "UTC",
	  .help = "Time zone in which the day begins: \"Europe/Berlin\"." },
	{ .key = "on_limit",
	  .type = GW_OPTION_WORD,
	  .offset = AT(on_limit),
	  .words = "wait|refuse|next",
	  .fallback = "wait",
	  .help = "What becomes of mail over the daily limit: it waits, is refused when a client hands it in, or takes the next relay, and is not "
		  "counted there." },
	GW_OPTIONS_END,
};

const struct gw_option relay_limit_options[] = {
	{ .key = "daily_limit",
	  .type = GW_OPTION_INT,
	  .offset = AT(daily),
	  .words = "unlimited",
	  .fallback = "unlimited",
	  .help = "Most that goes out through this relay in a day; 0: nothing; \"unlimited\": what the provider takes." },
	{ .key = "limit_counts",
	  .type = GW_OPTION_WORD,
	  .offset = AT(counts),
	  .words = "recipients|messages",
	  .fallback = "recipients",
	  .help = "What daily_limit counts." },
	{ .key = "limit_window",
	  .type = GW_OPTION_WORD,
	  .offset = AT(window),
	  .words = "day|rolling",
	  .fallback = "day",
	  .help = "Counts the calendar day in the relay's timezone, or the last 24 hours." },
	{ .key = "per_minute",
	  .type = GW_OPTION_INT,
	  .offset = AT(per_minute),
	  .max = PACE_MAX,
	  .help = "Most messages through this relay in any 60 seconds; 0: what the provider takes." },
	{ .key = "counted_as",
	  .type = GW_OPTION_STRING,
	  .offset = AT(name),
	  .help = "Name its count is kept under, such as the one it had before; default: its own. Two relays with one name share a count." },
	GW_OPTIONS_END,
};

/* --- at the start --- */

static bool is_name(struct gw_str name)
{
	size_t i;

	for (i = 0; i < name.len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-",
			    name.ptr[i]))
			return false;
	return name.len != 0;
}

static bool is_limited(const struct limit *limit)
{
	return limit->daily != NO_LIMIT || limit->per_minute > 0;
}

static bool is_each_client(const struct limit *limit)
{
	return gw_str_eq(limit->client, gw_str("*"));
}

static bool is_known_zone(struct gw_call *call, struct limit *limit)
{
	struct gw_day day = { .size = sizeof day };

	return gw->day(call, limit->zone, gw->now(call), &day) == 0;
}

/* NULL, or what is wrong with it. */
static const char *what_is_wrong(struct gw_call *call, const struct config *config, size_t nth)
{
	struct limit *limit = &config->limits[nth];
	size_t i;

	if (!is_name(limit->name))
		return "a name is letters, digits, '.', '_' and '-'";
	for (i = 0; i < nth; i++)
		if (gw_str_eq(config->limits[i].name, limit->name))
			return "there are two of that name";
	if (!is_limited(limit))
		return "it limits nothing: it needs daily or per_minute";
	if (limit->on_limit != ON_LIMIT_WAIT && limit->daily == NO_LIMIT)
		return "on_limit is about a daily limit, and it has none: what is too much in a minute waits";
	if (!is_known_zone(call, limit))
		return "there is no such timezone; zones are named as \"Europe/Berlin\", \"Asia/Kolkata\" or \"UTC\"";
	return NULL;
}

static int make_ready(struct gw_call *call, struct limit *limit)
{
	pthread_mutex_init(&limit->lock, NULL);
	if (is_each_client(limit))
		return 0;
	limit->ledger = ledger_of(call, limit, gw_str(""));
	return limit->ledger ? 0 : -1;
}

static int start_limit(struct gw_call *call, struct config *config, size_t nth)
{
	struct limit *limit = &config->limits[nth];
	const char *wrong = what_is_wrong(call, config, nth);

	if (wrong) {
		gw->problem_at(call, NULL, "limits", true, "limit \"%.*s\": %s",
			       GW_STR_ARGS(limit->name), wrong);
		return -1;
	}
	config->refusing |= limit->on_limit == ON_LIMIT_REFUSE && limit->daily != NO_LIMIT;
	return make_ready(call, limit);
}

static int start_own(struct gw_call *call, struct config *config)
{
	size_t i;
	int result = 0;

	config->count = config->rows.count;
	config->limiting = config->count != 0;
	config->limits = gw->alloc(call, config->count * sizeof *config->limits + 1);
	if (!config->limits)
		return -1;
	if (config->count > LIMITS_MAX) {
		gw->problem_at(call, NULL, "limits", true, "there are %zu limits, and %d at most",
			       config->count, LIMITS_MAX);
		return -1;
	}
	if (config->count)
		memcpy(config->limits, config->rows.items, config->count * sizeof *config->limits);
	for (i = 0; i < config->count; i++)
		result |= start_limit(call, config, i);
	return result;
}

/* What a provider takes is a ceiling: an own limit above it would only teach the provider to refuse
 * us. */
static int64_t under(struct gw_call *call, const struct gw_relay *relay, const char *key,
		     int64_t own, bool set, int64_t ceiling)
{
	if (ceiling < 0 || (set && own <= ceiling))
		return own;
	if (set)
		gw->problem_at(call, relay, key, false,
			       "%s is %lld, and the provider takes %lld: that is the limit", key,
			       (long long)own, (long long)ceiling);
	return ceiling;
}

static int start_relay(struct gw_call *call, struct gw_relay *relay)
{
	struct limit *limit = gw->relay_conf(call, relay);

	if (limit->name.len && !is_name(limit->name)) {
		gw->problem_at(
			call, relay, "counted_as", true,
			"counted_as is the name of a relay: letters, digits, '.', '_' and '-'");
		return -1;
	}
	limit->of_relay = true;
	limit->daily = under(call, relay, "daily_limit", limit->daily, limit->daily != NO_LIMIT,
			     gw->relay_number(relay, GW_RELAY_PROVIDER_DAILY));
	limit->per_minute = under(call, relay, "per_minute", limit->per_minute,
				  limit->per_minute != 0,
				  gw->relay_number(relay, GW_RELAY_PROVIDER_MINUTE));
	limit->zone = gw->relay_fact(relay, GW_RELAY_TIMEZONE);
	if (!limit->name.len)
		limit->name = gw->relay_fact(relay, GW_RELAY_NAME);
	((struct config *)gw->conf(call))->limiting |= is_limited(limit);
	/* it is counted without a limit too: one that is set at noon knows the morning */
	return make_ready(call, limit);
}

int limits_start(struct gw_call *call)
{
	struct gw_relay *relay;
	size_t nth;
	int result = start_own(call, gw->conf(call));

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++)
		result |= start_relay(call, relay);
	return result;
}

void limits_each(struct gw_call *call, void (*each)(void *arg, const struct applied *applied),
		 void *arg)
{
	const struct config *config = gw->conf(call);
	struct gw_relay *relay;
	size_t i;

	for (i = 0; (relay = gw->relay_at(call, i)) != NULL; i++)
		ledger_each(limit_of_relay(call, relay), each, arg);
	for (i = 0; i < config->count; i++)
		ledger_each(&config->limits[i], each, arg);
}

/* --- for a message --- */

int64_t limit_amount(const struct limit *limit, int64_t rcpts)
{
	return limit->counts == COUNT_MESSAGES && rcpts > 0 ? 1 : rcpts;
}

struct gw_day limit_day(const struct gw_call *call, struct limit *limit, int64_t when)
{
	struct gw_day day;

	pthread_mutex_lock(&limit->lock);
	limit->day.size = sizeof limit->day;
	if (when < limit->day.begins || when >= limit->day.ends)
		gw->day(call, limit->zone, when, &limit->day);
	day = limit->day;
	pthread_mutex_unlock(&limit->lock);
	return day;
}

struct limit *limit_of_relay(struct gw_call *call, const struct gw_relay *relay)
{
	return gw->relay_conf(call, relay);
}

static bool meets(const struct limit *limit, struct gw_str client, struct gw_str type)
{
	if (limit->type.len && !gw_str_ieq(limit->type, type))
		return false;
	return is_each_client(limit) ? client.len != 0
				     : !limit->client.len || gw_str_eq(limit->client, client);
}

static void add(struct gw_call *call, struct applies *applies, struct limit *limit,
		struct gw_str client)
{
	struct ledger *ledger = limit->ledger ? limit->ledger : ledger_of(call, limit, client);

	if (ledger)
		applies->items[applies->count++] = (struct applied){ limit, ledger };
	else
		applies->failed = true;
}

/* What a message that came in meets: those that refuse. A delivery meets all, but where the mail
 * that is over one takes the next relay, that one is for the first relay of the route alone. */
enum meeting { COMING_IN, COMING_IN_UNTYPED, FIRST_RELAY, LATER_RELAY };

static bool is_wanted(const struct limit *limit, enum meeting meeting)
{
	if (meeting == COMING_IN || meeting == COMING_IN_UNTYPED)
		return limit->on_limit == ON_LIMIT_REFUSE && limit->daily != NO_LIMIT &&
		       (meeting == COMING_IN || !limit->type.len);
	return meeting == FIRST_RELAY || limit->on_limit != ON_LIMIT_NEXT;
}

static void add_own(struct gw_call *call, const struct gw_message *message, enum meeting meeting,
		    struct applies *applies)
{
	const struct config *config = gw->conf(call);
	struct gw_str client = gw->message_fact(message, GW_MESSAGE_CLIENT),
		      type = gw->message_fact(message, GW_MESSAGE_TYPE);
	size_t i;

	for (i = 0; i < config->count; i++) {
		struct limit *limit = &config->limits[i];

		if (is_wanted(limit, meeting) && meets(limit, client, type))
			add(call, applies, limit, client);
	}
}

static bool is_own(const struct gw_message *message)
{
	return gw->message_number(message, GW_MESSAGE_OWN) == 1;
}

static bool is_first_relay(const struct gw_delivery *delivery)
{
	return gw->delivery_number(delivery, GW_DELIVERY_CAUSE) <= 0;
}

size_t limits_of(struct gw_call *call, struct gw_delivery *delivery, const struct gw_relay *relay,
		 struct applies *applies)
{
	const struct gw_message *message = gw->delivery_message(delivery);

	applies->count = 0;
	applies->failed = false;
	if (is_own(message))
		return 0;
	add_own(call, message, is_first_relay(delivery) ? FIRST_RELAY : LATER_RELAY, applies);
	add(call, applies, limit_of_relay(call, relay), gw_str(""));
	return applies->count + applies->failed;
}

size_t limits_refusing(struct gw_call *call, const struct gw_message *message, bool typed,
		       struct applies *applies)
{
	const struct config *config = gw->conf(call);

	applies->count = 0;
	applies->failed = false;
	if (config->refusing && !is_own(message))
		add_own(call, message, typed ? COMING_IN : COMING_IN_UNTYPED, applies);
	return applies->count;
}
