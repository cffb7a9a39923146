/* mail-api.c - relays that are no mail servers but HTTP APIs: Microsoft Graph, Gmail,
 * Azure Communication Services Email. README.md tells how they are set up. */
#include "posting.h"
#include "send.h"

#include <gmime/gmime.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ALONE 60000 /* ms: nobody told us that there is room, and there may be */

/* --- start and stop --- */

static void post_destroy(struct post *post)
{
	size_t i;

	for (i = 0; post && i < post->count; i++)
		lane_release(post->lanes[i]);
	if (post)
		free(post->lanes);
	free(post);
}

static bool take_relay(struct gw_call *call, struct post *post, struct gw_relay *relay)
{
	struct lane **lane = &post->lanes[post->count++];

	const struct api *api = api_of(gw->relay_conf(call, relay));

	if (!api)
		return true;
	post->later |= api->later;
	if (!api_relay_check(call, relay))
		return false;
	*lane = lane_hold(gw->relay_fact(relay, GW_RELAY_NAME));
	return *lane != NULL;
}

static int on_start(struct gw_call *call)
{
	struct post *post = calloc(1, sizeof *post);
	struct gw_relay *relay;
	bool good = true;
	size_t count = 0;

	g_mime_init();
	while (gw->relay_at(call, count))
		count++;
	if (!post || !(post->lanes = calloc(count + 1, sizeof *post->lanes))) {
		free(post);
		return -1;
	}
	while ((relay = gw->relay_at(call, post->count)) != NULL)
		good &= take_relay(call, post, relay);
	if (!good) {
		post_destroy(post);
		return -1;
	}
	post->began = gw->now(call);
	if (post->later)
		postings_sweep(call);
	gw->instance_data_set(call, post);
	return 0;
}

static void on_stop(struct gw_call *call)
{
	post_destroy(gw->instance_data(call));
}

static void on_worker_start(struct gw_call *call)
{
	gw->worker_data_set(call, calloc(1, sizeof(struct place)));
}

static void on_worker_stop(struct gw_call *call)
{
	struct place *place = gw->worker_data(call);

	sends_give_up(place);
	free(place);
}

/* --- how much at once, and when --- */

/* Of a delivery, from admit to leave. */
struct admitted {
	bool counted;
};

static const char *key_of(const struct lane *lane, char *out, size_t size)
{
	snprintf(out, size, "lane/%s", lane->name);
	return out;
}

static enum gw_verdict wait_for(struct gw_call *call, const struct lane *lane, int64_t until,
				const char *why)
{
	char key[300];

	gw->cause(call, GW_CAUSE_RATE);
	gw->wait_on(call, gw_str(key_of(lane, key, sizeof key)));
	gw->wait_until(call, until);
	gw->reason(call, "%s", why);
	return GW_WAIT;
}

/* Where that is no relay any more, or an admin has said where it goes, that is where it goes. */
static bool is_elsewhere(struct gw_call *call, struct gw_delivery *delivery,
			 const struct gw_relay *here, struct posting *posting)
{
	const struct gw_message *message = gw->delivery_message(delivery);
	const struct gw_relay *there;
	const struct api *api;

	*posting = posting_of(call, delivery, gw->delivery_rcpt(delivery, 0));
	if (posting->state != POSTING_MADE || gw->note(call, message, "gateway.relay").len)
		return false;
	there = gw->relay_named(call, gw_str(posting->relay));
	api = there && there != here ? api_of(gw->relay_conf(call, there)) : NULL;
	return api && api->later;
}

/* What Azure may have goes nowhere else, and with nobody who is not of the same operation. */
static enum gw_verdict keep_apart(struct gw_call *call, struct gw_delivery *delivery,
				  const struct gw_relay *relay)
{
	const struct post *post = gw->instance_data(call);
	struct posting posting;

	if (!post || !post->later)
		return GW_CONTINUE;
	if (posting_part(call, delivery) != 0)
		return GW_FAILED;
	if (!is_elsewhere(call, delivery, relay, &posting))
		return GW_CONTINUE;
	gw->reason(call, "%s may have it as operation %s, and is asked first", posting.relay,
		   posting.id);
	return GW_NEXT;
}

static enum gw_verdict on_admit(struct gw_call *call, struct gw_delivery *delivery,
				struct gw_relay *relay)
{
	struct lane *lane = lane_of(call, relay);
	const struct api *api = lane ? api_of(gw->relay_conf(call, relay)) : NULL;
	struct admitted *admitted = gw->delivery_data(call);
	int64_t now = gw->now(call), until;
	enum gw_verdict apart = keep_apart(call, delivery, relay);

	if (apart != GW_CONTINUE || !api)
		return apart;
	until = atomic_load(&lane->until);
	if (until > now)
		return wait_for(call, lane, until, "the API asked for a pause");
	if (gw->message_number(gw->delivery_message(delivery), GW_MESSAGE_DRY) == 1)
		return GW_CONTINUE;
	if (!admitted || gw->split(call, delivery, api->most_rcpts) != 0)
		return GW_FAILED;
	if (!lane_enter(lane, gw->relay_number(relay, GW_RELAY_CONNECTIONS)))
		return wait_for(call, lane, now + ALONE,
				"as many messages as the relay has connections are on their way");
	admitted->counted = true;
	return GW_CONTINUE;
}

static void on_leave(struct gw_call *call, struct gw_delivery *delivery, struct gw_relay *relay)
{
	struct admitted *admitted = gw->delivery_data(call);
	struct lane *lane = lane_of(call, relay);
	char key[300];

	if (!lane || !admitted || !admitted->counted)
		return;
	admitted->counted = false;
	lane_leave(lane);
	gw->notify(call, gw_str(key_of(lane, key, sizeof key)), 1);
}

/* --- what an admin sees --- */

static void on_relay_status(struct gw_call *call, struct gw_relay *relay)
{
	const struct api_relay *conf = gw->relay_conf(call, relay);
	const struct api *api = api_of(conf);
	const struct lane *lane = lane_of(call, relay);
	int64_t until = lane ? atomic_load(&lane->until) : 0;
	time_t seconds = (time_t)(until / 1000);
	char when[64] = "";
	struct tm tm;

	if (!api || !lane)
		return;
	gw->status_line(call, "api", "%s; messages up to %lld octets, %zu recipients", api->name,
			(long long)api->most, api->most_rcpts);
	gw->status_line(call, "return path", "%s", api->returns);
	gw->status_line(call, "on its way", "%lld of %lld", (long long)atomic_load(&lane->open),
			(long long)gw->relay_number(relay, GW_RELAY_CONNECTIONS));
	if (until <= gw->now(call))
		return;
	if (gmtime_r(&seconds, &tm))
		strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &tm);
	gw->status_line(call, "pause", "until %s, as the API asked", when);
}

GW_MODULE(.name = "mail-api", .version = "1.0", .summary = "relays that are mail APIs over HTTPS",
	  .options = api_options, .conf_size = sizeof(struct api_conf),
	  .relay_options = api_relay_options, .relay_conf_size = sizeof(struct api_relay),
	  .delivery_size = sizeof(struct admitted), .start = on_start, .stop = on_stop,
	  .admit = on_admit, .deliver = on_deliver, .probe = on_probe, .leave = on_leave,
	  .relay_status = on_relay_status, .worker_start = on_worker_start,
	  .worker_stop = on_worker_stop, .http = on_http, .timer = on_timer, .kept = on_kept)
