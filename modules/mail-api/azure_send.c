/* azure_send.c - a mail that Azure is told, and asked for until it says what became of it.
 *
 *	not posted     NOTE, until that is on disk -> POST
 *	may be there   LOOKUP; 404: a pause, and once more -> it is not there: NOTE -> POST
 *	posted         POLL until it was sent, or failed; refused as wrong or as known: RECHECK
 *
 * What Azure may have goes nowhere else until there is a definite answer: every end before that is
 * GW_UNKNOWN. Definite are: a status of the operation that is final; a POST that it says it did not
 * take; 404 twice, with a pause between them, since an operation may be a while on its way to where
 * it is asked for. */
#include "azure_end.h"
#include "posting.h"
#include "send_private.h"

#include <stdio.h>

#define PAUSE_USUAL 5000 /* ms, where it does not say */
#define PAUSE_MOST 60000
#define LAG 30000 /* ms until 404 is believed */

static enum gw_verdict resumed(struct gw_call *call, void *arg);

/* --- a question, and a pause --- */

static enum gw_verdict hold(struct gw_call *call, struct send *send)
{
	const struct api_conf *conf = gw->conf(call);
	struct gw_async async = { resumed, send_dropped, (uint32_t)conf->timeout + MARGIN };
	struct gw_delivery *delivery = send->delivery;
	enum gw_verdict verdict = gw->hold(call, &async, send, &send->ticket);

	send->held = verdict == GW_PENDING;
	if (send->held)
		return verdict;
	send->delivery = send->letter.delivery = NULL;
	send_unref(send);
	return given_end(call, delivery, GW_UNKNOWN, "dot", "4.4.2", "no memory");
}

static enum gw_verdict ask(struct gw_call *call, struct send *send, enum azure_step step)
{
	struct gw_login login = { .size = sizeof login };
	bool doubt = send->azure.doubt, known = gw->login(call, send->delivery, &login);

	send->azure.step = step;
	if (known && azure_ask(call, send, login.secret)) {
		if (step == AZURE_POST || doubt)
			send_expect_nothing(call, send);
		return hold(call, send);
	}
	if (doubt)
		return azure_end_unknown(call, send, "it could not be asked");
	if (step == AZURE_POST)
		posting_forget(call, send->delivery);
	return known ? azure_end(call, send, GW_DEFERRED, "connect", "4.3.0",
				 "the request could not be begun, or the access key is not base64")
		     : azure_end(
			       call, send, GW_DEFERRED, "auth", "4.7.0",
			       "the relay has no auth group, and the API takes mail only with a key or a token");
}

/* Then resumed() goes on at `step`. */
static enum gw_verdict pause(struct gw_call *call, struct send *send, enum azure_step step,
			     int64_t ms)
{
	send->azure.step = step;
	send->timed = gw->timer_set(call, ms, 0, send) != 0;
	if (send->timed) {
		send_enlist(call, send);
		return hold(call, send);
	}
	if (send->azure.doubt)
		return azure_end_unknown(call, send, "there is no timer to wait for it");
	posting_forget(call, send->delivery);
	return azure_end(call, send, GW_DEFERRED, "connect", "4.3.0", "there is no timer");
}

static enum gw_verdict wait(struct gw_call *call, struct send *send)
{
	if (gw->now(call) + send->azure.pause > send->azure.until)
		return azure_end_unknown(call, send, "it has not said yet that it was sent");
	return pause(call, send, AZURE_WAIT, send->azure.pause);
}

/* --- the mail itself --- */

static enum gw_verdict not_kept(struct gw_call *call, struct send *send)
{
	posting_forget(call, send->delivery);
	return azure_end(call, send, GW_DEFERRED, "connect", "4.3.0",
			 "that it is posted could not be kept");
}

/* The mail goes when a kill does not lose any more that it went. */
static enum gw_verdict note(struct gw_call *call, struct send *send)
{
	struct azure_send *azure = &send->azure;
	struct posting posting = { .state = POSTING_MADE, .generation = azure->generation };

	azure->doubt = false;
	if (azure->made > 0) {
		posting_forget(call, send->delivery);
		return azure_end_refused(call, send);
	}
	if (!operation_id(send->delivery, azure->generation, azure->id))
		return send_end(send, GW_FAILED);
	snprintf(posting.id, sizeof posting.id, "%s", azure->id);
	send->azure.step = AZURE_NOTE;
	send->kept = posting_keep(call, send->delivery, &posting, send) == 0;
	if (!send->kept)
		return not_kept(call, send);
	send_enlist(call, send);
	return hold(call, send);
}

static enum gw_verdict post(struct gw_call *call, struct send *send)
{
	const struct api_conf *conf = gw->conf(call);

	if (!send->azure.durable)
		return not_kept(call, send);
	send->azure.until = gw->now(call) + conf->timeout;
	return ask(call, send, AZURE_POST);
}

/* --- what it says --- */

/* Not by the mail's fault: as a mail server's reply before the content. */
static bool is_of_account(const struct said *said)
{
	return strcmp(said->stage, "mail") == 0 || strcmp(said->stage, "auth") == 0;
}

/* It is told once. The next operation of these recipients is another, else this one would be found
 * for ever. One that failed long ago says nothing of the account today. */
static enum gw_verdict failed(struct gw_call *call, struct send *send)
{
	struct azure_send *azure = &send->azure;
	struct posting posting = { .state = POSTING_OVER, .generation = azure->generation + 1 };

	if (!is_of_account(&send->said))
		return azure_end_not_taken(call, send);
	if (azure->step == AZURE_LOOKUP) {
		azure->generation++;
		return note(call, send);
	}
	snprintf(posting.id, sizeof posting.id, "%s", azure->id);
	posting_note(call, send->delivery, &posting); /* lost: it is found once more */
	return azure_end_said(call, send);
}

/* That it is there was not noted, or is noted no more. */
static void note_found(struct gw_call *call, struct send *send)
{
	struct posting posting = { .state = POSTING_MADE, .generation = send->azure.generation };

	snprintf(posting.id, sizeof posting.id, "%s", send->azure.id);
	posting_note(call, send->delivery, &posting);
}

/* It has the mail. */
static enum gw_verdict follow(struct gw_call *call, struct send *send)
{
	if (send->azure.step == AZURE_LOOKUP && !send->azure.doubt)
		note_found(call, send);
	send->azure.doubt = true;
	switch (send->azure.operation) {
	case OPERATION_SENT:
		posting_forget(call, send->delivery);
		azure_say_sent(send);
		return azure_end_said(call, send);
	case OPERATION_FAILED:
		return failed(call, send);
	default:
		return wait(call, send);
	}
}

/* 404 at a LOOKUP. Others than those of now may have been posted as this operation: it is never
 * posted for some of them alone, who would speak for the others; note() names it by who is here. */
static enum gw_verdict not_there(struct gw_call *call, struct send *send)
{
	struct azure_send *azure = &send->azure;
	int64_t left = (azure->until - gw->now(call)) / 2;

	if (azure->doubt && !azure->missed) {
		azure->missed = true;
		return pause(call, send, AZURE_LAG, left > LAG ? LAG : left > 0 ? left : 1);
	}
	return note(call, send);
}

/* A question that is refused is no answer about the mail. */
static enum gw_verdict looked_up(struct gw_call *call, struct send *send)
{
	struct said *said = &send->said;

	if (said->http == 404)
		return not_there(call, send);
	if (said->http / 100 == 2)
		return follow(call, send);
	if (send->azure.doubt)
		return azure_end_unknown(call, send, said->text);
	if (said->status != GW_UNKNOWN && is_of_account(said))
		return azure_end_said(call, send);
	return azure_end(call, send, GW_DEFERRED, "connect", "4.4.1", said->text);
}

static enum gw_verdict posted(struct gw_call *call, struct send *send)
{
	if (send->said.http / 100 == 2)
		return follow(call, send);
	if (send->said.status == GW_UNKNOWN)
		return azure_end_said(call, send);
	if (send->said.http != 400 && send->said.http != 409)
		return azure_end_not_taken(call, send);
	send->azure.refused = send->said;
	send->azure.doubt = true;
	return ask(call, send, AZURE_RECHECK);
}

/* 409 says that it is there, whatever is found. */
static enum gw_verdict rechecked(struct gw_call *call, struct send *send)
{
	if (send->said.http / 100 == 2)
		return follow(call, send);
	if (send->said.http != 404 || send->azure.refused.http == 409)
		return azure_end_unknown(call, send, send->said.text);
	send->said = send->azure.refused;
	return azure_end_not_taken(call, send);
}

/* 404 is what who knows us is told about a mail that there is not. */
static enum gw_verdict probed(struct gw_call *call, struct send *send)
{
	if (send->said.http != 404 && send->said.http / 100 != 2)
		return azure_end_said(call, send);
	azure_say_sent(send);
	snprintf(send->said.text, sizeof send->said.text,
		 "it takes the login; whether the sender's address is right only a mail shows");
	return azure_end_said(call, send);
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct send *send = arg;

	switch (send->azure.step) {
	case AZURE_LOOKUP:
		return looked_up(call, send);
	case AZURE_LAG:
		return ask(call, send, AZURE_LOOKUP);
	case AZURE_NOTE:
		return post(call, send);
	case AZURE_POST:
		return posted(call, send);
	case AZURE_RECHECK:
		return rechecked(call, send);
	case AZURE_WAIT:
		return ask(call, send, AZURE_POLL);
	case AZURE_PROBE:
		return probed(call, send);
	default:
		return send->said.http / 100 == 2 ? follow(call, send) : wait(call, send);
	}
}

void azure_take_answer(struct send *send, const struct gw_http_answer *answer, int64_t now)
{
	struct azure_send *azure = &send->azure;

	azure->pause = said_retry_after(answer, now, PAUSE_USUAL);
	if (azure->pause > PAUSE_MOST)
		azure->pause = PAUSE_MOST;
	azure->operation = send->said.http / 100 == 2 ? operation_read(answer, &send->said)
						      : OPERATION_UNKNOWN;
	if (azure->step == AZURE_POLL || azure->step == AZURE_RECHECK)
		send->said.pause = 0; /* questions have a limit of their own */
}

/* --- how it begins --- */

static void tell(void *arg)
{
	struct send *send = arg;

	send->azure.made = letter_tell(&send->letter, send->conf, &send->azure.refusal);
	if (send->azure.made == 0)
		azure_hash(gw_str_n(send->letter.head, send->letter.head_len), send->azure.hash);
}

/* Nothing is noted where what was noted is lost; one question more costs little. */
static bool may_be_lost(struct gw_call *call, struct send *send)
{
	const struct post *post = gw->instance_data(call);
	struct gw_message *message = gw->delivery_message(send->delivery);

	return gw->message_number(message, GW_MESSAGE_ATTEMPTS) > 0 ||
	       (post && gw->message_number(message, GW_MESSAGE_RECEIVED_AT) < post->began);
}

static enum gw_verdict told(struct gw_call *call, void *arg)
{
	struct send *send = arg;
	struct azure_send *azure = &send->azure;

	if (azure->made < 0)
		return azure->doubt ? azure_end_unknown(call, send, "it cannot be told it now")
				    : send_end(send, GW_FAILED);
	if (azure->doubt)
		return ask(call, send, AZURE_LOOKUP);
	if (azure->made == 0 && azure->generation == 0 && may_be_lost(call, send))
		return ask(call, send, AZURE_LOOKUP);
	return note(call, send);
}

/* False: they were posted apart, and no admit has parted them. */
static bool take_posting(struct gw_call *call, struct send *send)
{
	struct azure_send *azure = &send->azure;
	struct gw_str relay = gw->delivery_fact(send->delivery, GW_DELIVERY_RELAY);
	struct posting posting;

	if (!posting_of_all(call, send->delivery, &posting))
		return false;
	azure->generation = posting.generation;
	azure->doubt = posting.state == POSTING_MADE && gw_str_eq(gw_str(posting.relay), relay);
	if (!azure->doubt)
		return operation_id(send->delivery, azure->generation, azure->id);
	snprintf(azure->id, sizeof azure->id, "%s", posting.id);
	return true;
}

enum gw_verdict azure_begin(struct gw_call *call, struct send *send, int made,
			    const struct refusal *refusal)
{
	const struct api_conf *conf = gw->conf(call);
	struct gw_async async = { told, send_dropped, (uint32_t)conf->timeout + MARGIN };
	enum gw_verdict verdict;

	send->azure.until = gw->now(call) + conf->timeout;
	send->azure.made = made;
	send->azure.refusal = *refusal;
	if (!take_posting(call, send))
		return send_end(send, GW_FAILED);
	if (send->azure.doubt) /* stands, whatever breaks from here on */
		send_expect_nothing(call, send);
	if (made != 0)
		return told(call, send);
	verdict = gw->offload(call, &async, tell, send);
	send->held = verdict == GW_PENDING;
	return send->held ? verdict : send_end(send, verdict);
}

enum gw_verdict azure_begin_probe(struct gw_call *call, struct send *send)
{
	snprintf(send->azure.id, sizeof send->azure.id, "00000000-0000-8000-8000-000000000000");
	return ask(call, send, AZURE_PROBE);
}
