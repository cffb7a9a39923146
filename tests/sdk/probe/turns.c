/* A module for tests: it says what it is told on each worker, has timers there, and asks one
 * question for many messages. */
#include <gateway/module.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct turns_conf {
	int64_t every, once;
	struct gw_str key, name, url, ca;
	bool crash, again;
};

static const struct gw_option options[] = {
	{ "every", GW_OPTION_DURATION, offsetof(struct turns_conf, every), "0",
	  "A timer on each worker, again and again." },
	{ "once", GW_OPTION_DURATION, offsetof(struct turns_conf, once), "0",
	  "A timer on each worker, once." },
	{ "gate", GW_OPTION_STRING, offsetof(struct turns_conf, key), NULL,
	  "Look-ups wait until this file is there." },
	{ "name", GW_OPTION_STRING, offsetof(struct turns_conf, name), "first",
	  "Said with each line." },
	{ "url", GW_OPTION_STRING, offsetof(struct turns_conf, url), NULL,
	  "Asked on each worker as it begins." },
	{ "ca", GW_OPTION_STRING, offsetof(struct turns_conf, ca), NULL, "Who is trusted there." },
	{ "crash", GW_OPTION_BOOL, offsetof(struct turns_conf, crash), "false",
	  "The timer crashes." },
	{ "again", GW_OPTION_BOOL, offsetof(struct turns_conf, again), "false",
	  "Each answer is followed by a question." },
	GW_OPTIONS_END
};

struct place {
	int number;
};

static void say(struct gw_call *call, const char *what)
{
	const struct turns_conf *conf = gw->conf(call);
	const struct place *place = gw->worker_data(call);

	gw->log(call, GW_LOG_INFO, "%s %s %d", what, conf->name.ptr, place ? place->number : -1);
}

static int on_start(struct gw_call *call)
{
	say(call, "start");
	return gw->timer_set(call, 1, 0, NULL) == 0 ? 0 : -1;
}

static void on_stop(struct gw_call *call)
{
	say(call, "stop");
}

static void ask(struct gw_call *call, const struct turns_conf *conf)
{
	struct gw_http_request request = { .size = sizeof request,
					   .url = conf->url,
					   .ca_file = conf->ca };

	if (gw->http_request(call, &request, (void *)"asked"))
		say(call, "asks");
}

static void on_http(struct gw_call *call, const struct gw_http_answer *answer, void *arg)
{
	const struct turns_conf *conf = gw->conf(call);
	char text[300];

	snprintf(text, sizeof text, "%s %d %.*s%.*s", (const char *)arg, answer->status,
		 GW_STR_ARGS(answer->body), GW_STR_ARGS(answer->error));
	say(call, text);
	if (conf->again)
		ask(call, conf);
}

static void on_worker_start(struct gw_call *call)
{
	static _Atomic int numbers;
	const struct turns_conf *conf = gw->conf(call);
	struct place *place = calloc(1, sizeof *place);

	if (!place)
		return;
	place->number = ++numbers;
	gw->worker_data_set(call, place);
	say(call, "worker_start");
	if (conf->every)
		gw->timer_set(call, conf->every, conf->every, (void *)"again");
	if (conf->once)
		gw->timer_set(call, conf->once, 0, (void *)"once");
	if (conf->url.len)
		ask(call, conf);
}

static void on_worker_stop(struct gw_call *call)
{
	if (gw->timer_set(call, 10, 0, (void *)"late"))
		say(call, "a timer was taken in worker_stop");
	ask(call, gw->conf(call));
	say(call, "worker_stop");
	free(gw->worker_data(call));
}

static void on_timer(struct gw_call *call, void *arg)
{
	const struct turns_conf *conf = gw->conf(call);

	if (conf->crash)
		abort();
	say(call, arg);
}

static void work(struct gw_call *call, struct gw_str key, void *result)
{
	const struct turns_conf *conf = gw->conf(call);

	gw->log(call, GW_LOG_INFO, "work %.*s", GW_STR_ARGS(key));
	while (conf->key.len && access(conf->key.ptr, F_OK) != 0)
		usleep(2000);
	*(size_t *)result = key.len;
}

static enum gw_verdict answered(struct gw_call *call, const void *result, void *arg)
{
	free(arg);
	gw->log(call, GW_LOG_INFO, "answered %zu", *(const size_t *)result);
	return GW_CONTINUE;
}

static enum gw_verdict on_rcpt(struct gw_call *call, struct gw_message *message,
			       struct gw_rcpt *rcpt)
{
	static const struct gw_lookup lookup = { .size = sizeof lookup,
						 .result_size = sizeof(size_t),
						 .work = work,
						 .answered = answered,
						 .dropped = free };
	void *arg = malloc(1);
	enum gw_verdict verdict;

	say(call, "asked");
	verdict = gw->lookup(call, &lookup, gw->rcpt_fact(rcpt, GW_RCPT_DOMAIN), arg);
	if (verdict != GW_PENDING)
		free(arg);
	return verdict;
}

GW_MODULE(.name = "turns", .version = "1.0", .summary = "what happens on each worker",
	  .options = options, .conf_size = sizeof(struct turns_conf), .start = on_start,
	  .stop = on_stop, .rcpt = on_rcpt, .worker_start = on_worker_start,
	  .worker_stop = on_worker_stop, .timer = on_timer, .http = on_http)
