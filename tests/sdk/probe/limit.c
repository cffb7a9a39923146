/* A second module for tests: keys of its own on relays, one of them shared with the probe, and a
 * record of who started and stopped. */
#include <gateway/module.h>

#include <stdio.h>
#include <stdlib.h>

struct limit_relay {
	int64_t daily;
	struct gw_str note, zone, user;
};

static const struct gw_option relay_options[] = {
	{ "daily_limit", GW_OPTION_INT, offsetof(struct limit_relay, daily), "0",
	  "Messages a day." },
	{ "probe_note", GW_OPTION_STRING, offsetof(struct limit_relay, note), NULL,
	  "The probe has this one too." },
	{ "limit.zone", GW_OPTION_STRING, offsetof(struct limit_relay, zone), NULL, "In a group." },
	{ "auth.user", GW_OPTION_STRING, offsetof(struct limit_relay, user), NULL, "A login." },
	GW_OPTIONS_END
};

struct limit_conf {
	struct gw_str journal;
	bool fail;
};

static const struct gw_option options[] = {
	{ "journal", GW_OPTION_STRING, offsetof(struct limit_conf, journal), NULL,
	  "File that start and stop write to." },
	{ "fail", GW_OPTION_BOOL, offsetof(struct limit_conf, fail), "false", "start() fails." },
	GW_OPTIONS_END
};

static void note(struct gw_call *call, const char *what)
{
	const struct limit_conf *conf = gw->conf(call);
	FILE *file = conf->journal.len ? fopen(conf->journal.ptr, "a") : NULL;

	if (!file)
		return;
	fprintf(file, "%s %s\n", what, gw->instance(call));
	fclose(file);
}

static int start(struct gw_call *call)
{
	const struct limit_conf *conf = gw->conf(call);

	note(call, "start");
	return conf->fail ? -1 : 0;
}

static void stop(struct gw_call *call)
{
	note(call, "stop");
}

static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	return GW_CONTINUE;
}

GW_MODULE(.name = "limit", .version = "1.0", .summary = "a second module", .options = options,
	  .conf_size = sizeof(struct limit_conf), .relay_options = relay_options,
	  .relay_conf_size = sizeof(struct limit_relay), .session_size = 8, .start = start,
	  .stop = stop, .mail = on_mail)
