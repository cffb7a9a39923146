/* maildir.c - a relay that is a folder: mail that goes through it is kept in a Maildir instead of
 * being sent. */
#include "job.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define DEADLINE_MS (10 * 60 * 1000) /* a slow disk is no reason to write a second copy */

static const struct gw_option options[] = {
	{ .key = "trace",
	  .type = GW_OPTION_BOOL,
	  .offset = offsetof(struct config, trace),
	  .fallback = "true",
	  .help = "Puts Return-Path and Delivered-To fields in front, which say what the envelope said." },
	{ .key = "split",
	  .type = GW_OPTION_WORD,
	  .offset = offsetof(struct config, split),
	  .words = "none|recipient",
	  .fallback = "none",
	  .help = "One Maildir for all, or one below it for each recipient, named by the address." },
	GW_OPTIONS_END,
};

struct relay_config {
	struct gw_str path;
};

static const struct gw_option relay_options[] = {
	{ .key = "maildir",
	  .type = GW_OPTION_PATH,
	  .offset = offsetof(struct relay_config, path),
	  .flags = GW_OPTION_NEXT_HOP,
	  .help = "Folder that keeps the mail of this relay; the relay needs no host then." },
	GW_OPTIONS_END,
};

/* --- what to tell --- */

static void tell_stored(struct gw_outcome *outcome, const struct copy *copy, char *text,
			size_t room)
{
	outcome->status = GW_DELIVERED;
	outcome->code = 250;
	outcome->enhanced[0] = 2;
	snprintf(text, room, "kept as %s/new/%s", copy->folder, copy->name);
}

/* Nothing about a disk is final: full or broken, it is tried again. */
static void tell_failed(struct gw_outcome *outcome, const struct copy *copy, char *text,
			size_t room)
{
	bool full = copy->error == ENOSPC || copy->error == EDQUOT;
	char why[100];

	outcome->status = GW_DEFERRED;
	outcome->code = full ? 452 : 451;
	outcome->enhanced[0] = 4;
	outcome->enhanced[1] = 3;
	outcome->enhanced[2] = full ? 1 : 0;
	snprintf(text, room, "cannot write to %s: %s", copy->folder,
		 strerror_r(copy->error, why, sizeof why));
}

static void tell(struct gw_call *call, struct gw_delivery *delivery, struct gw_rcpt *rcpt,
		 const struct copy *copy)
{
	struct gw_outcome outcome = { .size = sizeof outcome, .host = GW_STR("maildir") };
	char text[1024];

	if (copy->error)
		tell_failed(&outcome, copy, text, sizeof text);
	else
		tell_stored(&outcome, copy, text, sizeof text);
	outcome.text = gw_str(text);
	gw->outcome(call, delivery, rcpt, &outcome);
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct job *job = arg;
	struct gw_delivery *delivery = job->letter.delivery;
	struct gw_rcpt *rcpt;
	size_t nth;

	for (nth = 0; (rcpt = gw->delivery_rcpt(delivery, nth)) != NULL; nth++)
		tell(call, delivery, rcpt, job_copy(job, nth));
	job_free(job);
	return GW_ACCEPT;
}

static const struct gw_async disk = { resumed, job_free, DEADLINE_MS };

static enum gw_verdict on_deliver(struct gw_call *call, struct gw_delivery *delivery,
				  struct gw_relay *relay)
{
	const struct relay_config *relay_config = gw->relay_conf(call, relay);
	enum gw_verdict verdict;
	struct job *job;

	if (relay_config->path.len == 0)
		return GW_CONTINUE;
	job = job_create(gw->conf(call), relay_config->path, delivery);
	if (!job)
		return GW_FAILED;
	verdict = gw->offload(call, &disk, job_run, job);
	if (verdict != GW_PENDING)
		job_free(job);
	return verdict;
}

/* --- gatewayctl check --- */

static void on_check(struct gw_call *call)
{
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++) {
		const struct relay_config *config = gw->relay_conf(call, relay);
		struct gw_str name = gw->relay_fact(relay, GW_RELAY_NAME);

		if (config->path.len && access(config->path.ptr, W_OK | X_OK) != 0 &&
		    errno != ENOENT)
			gw->problem_at(call, relay, "maildir", true,
				       "relay %.*s: cannot write to %s: %s", GW_STR_ARGS(name),
				       config->path.ptr, strerror(errno));
	}
}

GW_MODULE(.name = "maildir", .version = "1.0",
	  .summary = "keeps mail in a folder instead of sending it", .options = options,
	  .conf_size = sizeof(struct config), .relay_options = relay_options,
	  .relay_conf_size = sizeof(struct relay_config), .deliver = on_deliver, .check = on_check)
