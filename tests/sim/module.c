/* module.c - a module whose answers the test gives: at once, when it is told to, or on the pool. */
#include "host.h"

#include "mail/message.h"
#include "module/chain.h"

#include <stdlib.h>

static struct held_call **held_at(struct held_call *held)
{
	struct held_call **at = &host.held;

	while (*at && *at != held)
		at = &(*at)->next;
	assert_non_null(*at);
	return at;
}

static void held_end(struct held_call *held)
{
	*held_at(held) = held->next;
	free(held);
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	enum gw_hook hook = ((struct held_call *)arg)->hook;

	held_end(arg);
	host.answered++;
	return host.says[hook].verdict;
}

static void dropped(void *arg)
{
	held_end(arg);
	host.dropped++;
}

/* It looks at what it was given to the end. */
static void work(void *arg)
{
	const struct held_call *held = arg;

	assert_ptr_equal(held->call->worker, host.worker);
	if (held->message)
		assert_int_equal(held->message->id, held->id);
}

static enum gw_verdict hold(struct gw_call *call, enum gw_hook hook)
{
	static const struct gw_async async = { .resumed = resumed, .dropped = dropped };
	struct held_call *held = calloc(1, sizeof(*held));

	held->hook = hook;
	held->call = call;
	held->message = call->message;
	held->id = call->message ? call->message->id : 0;
	held->on_pool = host.says[hook].on_pool;
	held->next = host.held;
	host.held = held;
	if (!held->on_pool)
		return call_hold(call, &async, held, &held->ticket);
	enum gw_verdict verdict = call_offload(call, &async, work, held);
	if (host.says[hook].begun)
		offload_begin();
	return verdict;
}

static enum gw_verdict say(struct gw_call *call, enum gw_hook hook)
{
	host.asked[hook]++;
	if (hook == GW_HOOK_message) {
		assert_in_range(host.checked_count, 0, HOST_SEEN - 1);
		host.checked[host.checked_count++] = call->message->id;
	}
	if (host.says[hook].later || host.says[hook].on_pool)
		return hold(call, hook);
	return host.says[hook].verdict;
}

static enum gw_verdict on_connect(struct gw_call *call, struct gw_session *session)
{
	return say(call, GW_HOOK_connect);
}

static enum gw_verdict on_ehlo(struct gw_call *call, struct gw_session *session)
{
	return say(call, GW_HOOK_ehlo);
}

static enum gw_verdict on_auth(struct gw_call *call, struct gw_session *session,
			       const struct gw_login *login)
{
	return say(call, GW_HOOK_auth);
}

static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	return say(call, GW_HOOK_mail);
}

static enum gw_verdict on_rcpt(struct gw_call *call, struct gw_message *message,
			       struct gw_rcpt *rcpt)
{
	return say(call, GW_HOOK_rcpt);
}

static enum gw_verdict on_message(struct gw_call *call, struct gw_message *message)
{
	return say(call, GW_HOOK_message);
}

static bool gw_str_has(struct gw_str text, const char *part)
{
	return text.len && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void on_event(struct gw_call *call, const struct gw_event *event)
{
	bool accepted = gw_str_eq(event->name, gw_str("accepted"));

	bool of_message = gw_str_has(event->json, "\"stage\":\"message\"");

	if (!accepted && !of_message) {
		host.refusals++;
		return;
	}
	assert_non_null(event->message);
	assert_in_range(host.told_count, 0, HOST_SEEN - 1);
	host.told[host.told_count++] = (struct told){
		.id = event->message->id,
		.accepted = accepted,
		.unanswered = gw_str_eq(event->json, gw_str("{\"answered\":false}")),
	};
}

static const struct gw_module module = {
	.connect = on_connect,
	.ehlo = on_ehlo,
	.auth = on_auth,
	.mail = on_mail,
	.rcpt = on_rcpt,
	.message = on_message,
	.event = on_event,
};

void host_module(struct rig *rig)
{
	static const enum gw_hook hooks[] = { GW_HOOK_ehlo, GW_HOOK_auth,    GW_HOOK_mail,
					      GW_HOOK_rcpt, GW_HOOK_message, GW_HOOK_event };
	struct instance *instance = rig_add(rig, "sim", GW_HOOK_connect, &module);

	instance->deadline_ms = 30000;
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		rig->chains[hooks[i]][0] = instance;
		rig->snapshot.chain_length[hooks[i]] = 1;
	}
}

/* --- an answer comes --- */

bool host_holds(void)
{
	return host.held != NULL;
}

/* In the worker's thread: as a module that was called back by its own event. */
struct answer {
	struct post post;
	gw_ticket ticket;
};

static void answer(struct post *post)
{
	call_wake(((struct answer *)post)->ticket);
}

void host_answer(void)
{
	struct held_call *oldest = host.held;

	while (oldest->next)
		oldest = oldest->next;
	struct answer waking = { .post.run = answer, .ticket = oldest->ticket };
	if (oldest->on_pool)
		offload_work();
	else
		worker_post(host.worker, &waking.post);
	host_settle();
}
