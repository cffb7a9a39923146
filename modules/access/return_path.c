/* return_path.c - the SPF of MAIL FROM, as RFC 7208 has it for the hop from the client to us. */
#include "asking.h"
#include "session.h"

#include <stdio.h>
#include <stdlib.h>

#define DEADLINE_MS 15000

/* A MAIL command that waits for its domain's SPF. */
struct waiting {
	struct gw_message *message; /* stays good while its call is held */
	struct asking *asking;      /* NULL: it has come */
	gw_ticket ticket;
	bool is_needed;
	enum spf_result result;
	char why[300];
};

/* --- what follows from it --- */

static void note_field(struct gw_call *call, struct gw_message *message,
		       const struct waiting *waiting)
{
	struct gw_str sender = gw->message_fact(message, GW_MESSAGE_SENDER),
		      peer = gw->message_fact(message, GW_MESSAGE_PEER),
		      helo = gw->message_fact(message, GW_MESSAGE_HELO);
	char text[1500];

	snprintf(text, sizeof text,
		 "%s (%s: %s)\r\n client-ip=%.*s; envelope-from=\"%.*s\"; helo=%.*s;",
		 spf_results[waiting->result], gw->hostname(call).ptr,
		 waiting->why[0] ? waiting->why : "no record", GW_STR_ARGS(peer),
		 GW_STR_ARGS(sender), GW_STR_ARGS(helo));
	gw->note_set(call, message, "received-spf", gw_str(text));
}

static enum gw_verdict refuse(struct gw_call *call, const struct gw_message *message,
			      const struct waiting *waiting)
{
	struct gw_str domain = session_sender_domain(message);
	bool later = waiting->result == SPF_TEMPERROR;

	gw->reply(call, later ? 451 : 550, later ? "4.7.24" : "5.7.23",
		  "the SPF of %.*s says %s of %.*s%s%s", GW_STR_ARGS(domain),
		  spf_results[waiting->result],
		  GW_STR_ARGS(gw->message_fact(message, GW_MESSAGE_PEER)),
		  waiting->why[0] ? ": " : "", waiting->why);
	gw->count(call, "refused", 1);
	gw->count(call, later ? "spf.later" : "spf.refused", 1);
	return later ? GW_TEMPFAIL : GW_REJECT;
}

static enum gw_verdict judge(struct gw_call *call, struct gw_message *message,
			     const struct waiting *waiting)
{
	const struct config *config = gw->conf(call);
	char metric[32];

	snprintf(metric, sizeof metric, "spf.%s", spf_results[waiting->result]);
	gw->count(call, metric, 1);
	gw->note_set(call, message, NOTE_SPF, gw_str(spf_results[waiting->result]));
	gw->reason(call, "spf=%s of %.*s%s%s", spf_results[waiting->result],
		   GW_STR_ARGS(session_sender_domain(message)), waiting->why[0] ? ": " : "",
		   waiting->why);
	if (waiting->is_needed && waiting->result != SPF_PASS)
		return refuse(call, message, waiting);
	if (config->spf == SPF_USE_FIELD)
		note_field(call, message, waiting);
	return GW_CONTINUE;
}

/* --- waiting for it --- */

static void take(struct waiting *waiting, const struct spf *spf)
{
	waiting->asking = NULL;
	waiting->result = spf_result(spf);
	snprintf(waiting->why, sizeof waiting->why, "%s", spf_why(spf));
}

static void came(struct gw_call *call, struct spf *spf, void *arg)
{
	struct waiting *waiting = arg;

	take(waiting, spf);
	gw->wake(waiting->ticket);
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct waiting *waiting = arg;
	enum gw_verdict verdict = judge(call, waiting->message, waiting);

	free(waiting);
	return verdict;
}

static void dropped(void *arg)
{
	struct waiting *waiting = arg;

	if (waiting->asking)
		asking_forget(waiting->asking);
	free(waiting);
}

static struct spf *begin(const struct gw_message *message)
{
	return spf_check(gw->message_fact(message, GW_MESSAGE_PEER),
			 gw->message_fact(message, GW_MESSAGE_HELO),
			 gw->message_fact(message, GW_MESSAGE_SENDER));
}

/* There is nothing to ask: the domain can be none. */
static enum gw_verdict judge_now(struct gw_call *call, struct gw_message *message, struct spf *spf,
				 bool is_needed)
{
	struct waiting waiting = { .is_needed = is_needed };

	take(&waiting, spf);
	spf_destroy(spf);
	return judge(call, message, &waiting);
}

enum gw_verdict return_path_check(struct gw_call *call, struct gw_message *message, bool is_needed)
{
	static const struct gw_async async = { .resumed = resumed,
					       .dropped = dropped,
					       .deadline_ms = DEADLINE_MS };
	struct waiting *waiting = calloc(1, sizeof *waiting);
	struct spf *spf = waiting ? begin(message) : NULL;
	struct gw_dns_question question;
	enum gw_verdict verdict;

	if (!spf) {
		free(waiting);
		return GW_FAILED;
	}
	*waiting = (struct waiting){ .message = message, .is_needed = is_needed };
	if (!spf_question(spf, &question)) {
		free(waiting);
		return judge_now(call, message, spf, is_needed);
	}
	verdict = gw->hold(call, &async, waiting, &waiting->ticket);
	if (verdict != GW_PENDING) {
		spf_destroy(spf);
		free(waiting);
		return verdict;
	}
	waiting->asking = asking_begin(call, spf, came, waiting);
	if (!waiting->asking) {
		waiting->result = SPF_TEMPERROR;
		gw->wake(waiting->ticket);
	}
	return verdict;
}
