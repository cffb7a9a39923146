/* quota.c - limits of relays, clients and types of mail: so many a day, so many a minute. README.md
 * tells it with examples. */
#include "admit.h"
#include "handed.h"
#include "ledger.h"
#include "report.h"

static const struct gw_option options[] = {
	{ .key = "limits",
	  .type = GW_OPTION_GROUPS,
	  .offset = offsetof(struct config, rows),
	  .group = limit_options,
	  .group_size = sizeof(struct limit),
	  .help = "Limits for clients, for types of mail, or for all mail." },
	GW_OPTIONS_END,
};

#define JUMP_MS 60000 /* so late no tick is */

/* A counter, because those outlive even a kill -9 at once: 1 while the gateway runs, and afterwards
 * when it did not end as it should. */
static const struct gw_str running = GW_STR("running");

/* Not at the start: there is no log yet. */
static void say_crashed(struct gw_call *call, struct config *config)
{
	if (config->crashed)
		gw->log(call, GW_LOG_WARNING,
			"the gateway did not end as it should: what was on its way then counts as sent");
	config->crashed = false;
}

static void on_stop(struct gw_call *call)
{
	say_crashed(call, gw->conf(call));
	if (ledgers_close())
		gw->counter_add(call, running, 0, -1, -1);
}

static int on_start(struct gw_call *call)
{
	struct config *config = gw->conf(call);

	if (ledgers_open(call))
		config->crashed = gw->counter_add(call, running, 0, 1, 1) < 0 &&
				  gw->counter_get(call, running, 0) > 0;
	if (limits_start(call) == 0) {
		/* the first message is not to find open what was full before */
		relays_close_full(call);
		return 0;
	}
	on_stop(call);
	return -1;
}

/* --- once a second --- */

/* The limit may be higher than it was when mail began to wait. */
static void notify_of_yesterday(void *arg, const struct applied *applied)
{
	struct gw_call *call = arg;
	struct view view;

	ledger_view(call, applied, &view);
	if (applied->limit->daily != NO_LIMIT && !view.full)
		gw->notify(call, ledger_wait_key(applied->ledger),
			   (size_t)(applied->limit->daily - view.used));
}

static void open_gates(void *arg, const struct applied *applied)
{
	struct gw_call *call = arg;
	struct view view;

	applied_notify(call, applied);
	if (applied->limit->per_minute == 0)
		return;
	ledger_view(call, applied, &view);
	if (view.pace_room > 0)
		gw->notify(call, ledger_rate_key(applied->ledger), (size_t)view.pace_room);
}

static void on_tick(struct gw_call *call)
{
	struct config *config = gw->conf(call);
	int64_t now = gw->now(call), since = now - config->ticked;

	config->ticked = now;
	say_crashed(call, config);
	relays_settle(call);
	if (!config->limiting)
		return;
	limits_each(call, open_gates, call);
	/* the first of this configuration, or the clock was set */
	if (since < 0 || since > JUMP_MS)
		limits_each(call, notify_of_yesterday, call);
}

GW_MODULE(.name = "quota", .version = "1.0",
	  .summary = "daily limits, and limits of pace, for relays, clients and types of mail",
	  .options = options, .conf_size = sizeof(struct config),
	  .relay_options = relay_limit_options, .relay_conf_size = sizeof(struct limit),
	  .delivery_size = sizeof(struct claim),
	  .verbs =
		  "[NAME]\tlimits and what is used of them, of all relays, clients and types, or of one",
	  .start = on_start, .stop = on_stop, .rcpt = on_rcpt, .message = on_message,
	  .admit = on_admit, .bounce = on_bounce, .result = on_result, .event = on_event,
	  .tick = on_tick, .status = on_status, .control = on_control, .leave = on_leave,
	  .relay_status = on_relay_status, .once = "would count all mail twice")
