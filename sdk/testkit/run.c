/* run.c - one run of one hook: the subjects it has, the call of the module's function, the answer.
 */
#include "kit.h"

#include <stdlib.h>

/* --- what the subjects of a hook are to its call --- */

static void about_session(struct gw_call *call, struct gw_session *session)
{
	call->session = session;
}

/* Where a message is received, its session is there too. */
static void about_message(struct gw_call *call, struct gw_message *message)
{
	static const uint64_t receiving = ON(mail) | ON(rcpt) | ON(message);

	call->message = message;
	if (receiving & UINT64_C(1) << call->hook)
		call->session = message->session;
}

static void about_rcpt(struct gw_call *call, struct gw_rcpt *rcpt)
{
	call->rcpt = rcpt;
}

static void about_delivery(struct gw_call *call, struct gw_delivery *delivery)
{
	call->delivery = delivery;
	call->message = delivery->message;
}

static void about_event(struct gw_call *call, const struct gw_event *event)
{
	call->message = (struct gw_message *)event->message;
}

/* What the client gave lives for this one run of the hook; a module that keeps it past a hold is
 * seen by a sanitizer. */
static struct gw_login *copy_login(const struct gw_login *login)
{
	size_t size = login->mechanism.len + login->user.len + login->secret.len +
		      login->acting_as.len + 4;
	struct gw_login *copy = calloc(1, sizeof *copy);
	struct gw_str *parts[4];
	char *at = calloc(1, size);
	size_t i;

	if (!copy || !at)
		abort();
	*copy = *login;
	parts[0] = &copy->mechanism, parts[1] = &copy->user, parts[2] = &copy->secret,
	parts[3] = &copy->acting_as;
	for (i = 0; i < 4; i++) {
		if (parts[i]->len)
			memcpy(at, parts[i]->ptr, parts[i]->len);
		parts[i]->ptr = at;
		at += parts[i]->len + 1;
	}
	return copy;
}

#define ABOUT_NONE
#define ABOUT_SESSION about_session(call, session);
#define ABOUT_LOGIN login = call->login = copy_login(login);
#define ABOUT_MESSAGE about_message(call, message);
#define ABOUT_RCPT about_rcpt(call, rcpt);
#define ABOUT_DELIVERY about_delivery(call, delivery);
#define ABOUT_RELAY
#define ABOUT_RESULT
#define ABOUT_EVENT about_event(call, event);
#define ABOUT_COMMAND
#define ABOUT_HTTP_ANSWER
#define ABOUT_DNS_ANSWER
#define ABOUT_LINK
#define ABOUT_KEPT
#define ABOUT_ARG

/* --- one run --- */

static struct gw_call *begin(struct testkit *kit, enum kit_hook hook)
{
	if (!kit->started && hook != ON_worker_start && hook != ON_worker_stop)
		kit_misuse(kit, "%s before testkit_start()", kit_hooks[hook].name);
	return call_create(kit, hook);
}

/* What the module will say anew. */
static void forget(struct gw_call *call)
{
	struct gw_delivery *delivery = call->delivery;

	switch (call->hook) {
	case ON_route:
		call->rcpt->route = kit_text(call->kit, "");
		break;
	case ON_fallback:
		delivery->fallback = kit_text(call->kit, "");
		if (!delivery->facts.text[GW_DELIVERY_CAUSE].ptr)
			testkit_delivery_fact(delivery, GW_DELIVERY_CAUSE, "1");
		break;
	case ON_clients:
		call->kit->known.count = 0;
		break;
	case ON_published:
		call->kit->published.count = 0;
		break;
	case ON_edits:
		call->kit->edited.count = 0;
		break;
	case ON_result:
		call->kit->fault = GW_FAULT_NONE;
		break;
	default:
		break;
	}
}

/* The hook has returned. */
static void over(struct gw_call *call)
{
	if (!call->login)
		return;
	free((char *)call->login->mechanism.ptr); /* the first of the copied parts */
	free(call->login);
	call->login = NULL;
}

#define GW_DECIDES(name, first, second, ...)                                                       \
	enum gw_verdict TESTKIT_RUN(name, first, second)(struct testkit *                          \
							 kit GW_PARAM_##first GW_PARAM_##second)   \
	{                                                                                          \
		struct gw_call *call = begin(kit, ON_##name);                                      \
		enum gw_verdict verdict = GW_CONTINUE;                                             \
		ABOUT_##first ABOUT_##second forget(call);                                         \
		if (kit->module.name)                                                              \
			verdict = kit->module.name(call GW_PASS_##first GW_PASS_##second);         \
		over(call);                                                                        \
		return call_settle(call, verdict);                                                 \
	}
#define GW_OBSERVES(name, first, second, ...)                                                      \
	void TESTKIT_RUN(name, first,                                                              \
			 second)(struct testkit * kit GW_PARAM_##first GW_PARAM_##second)          \
	{                                                                                          \
		struct gw_call *call = begin(kit, ON_##name);                                      \
		ABOUT_##first ABOUT_##second forget(call);                                         \
		if (kit->module.name)                                                              \
			kit->module.name(call GW_PASS_##first GW_PASS_##second);                   \
		over(call);                                                                        \
		call_destroy(call);                                                                \
	}
#include <gateway/hooks.def>

/* --- with less to write --- */

enum gw_verdict testkit_run_auth(struct testkit *kit, struct gw_session *session,
				 const char *mechanism, const char *user, const char *secret)
{
	struct gw_login login = { sizeof login,   gw_str(mechanism), gw_str(user),
				  gw_str(secret), gw_str(""),        GW_PROOF_NONE };

	return testkit_run_auth_login(kit, session, &login);
}

static struct gw_list split(struct testkit *kit, const char *words)
{
	struct gw_str *items = NULL;
	size_t count = 0, len;

	for (words += strspn(words, " "); *words; words += strspn(words, " ")) {
		len = strcspn(words, " ");
		items = kit_grow(kit, items, count, sizeof *items);
		items[count++] = kit_str(kit, gw_str_n(words, len));
		words += len;
	}
	return (struct gw_list){ items, count };
}

void testkit_run_control(struct testkit *kit, const char *words, bool admin)
{
	struct gw_command command = { .size = sizeof command,
				      .words = split(kit, words),
				      .admin = admin };

	testkit_run_control_command(kit, &command);
}

const struct testkit_answer *testkit_answer(struct testkit *kit)
{
	return &kit->answer;
}

void testkit_set_offload(struct testkit *kit, enum testkit_offload mode)
{
	kit->offload = mode;
}

void testkit_set_event_base(struct testkit *kit, void *base)
{
	kit->event_base = base;
}
