/* run.c - one run of one hook: the subjects it has, the call of the module's function, the answer.
 */
#include "kit.h"

#include <stdlib.h>

static struct gw_call *begin(struct testkit *kit, enum kit_hook hook, struct gw_message *message,
			     struct gw_rcpt *rcpt)
{
	struct gw_call *call = call_create(kit, hook);

	if (!kit->started)
		kit_misuse(kit, "%s before testkit_start()", kit_hooks[hook].name);
	call->message = message;
	call->rcpt = rcpt;
	return call;
}

static struct gw_call *begin_receiving(struct testkit *kit, enum kit_hook hook,
				       struct gw_message *message, struct gw_rcpt *rcpt)
{
	struct gw_call *call = begin(kit, hook, message, rcpt);

	call->session = message->session;
	return call;
}

static struct gw_call *begin_session(struct testkit *kit, enum kit_hook hook,
				     struct gw_session *session)
{
	struct gw_call *call = begin(kit, hook, NULL, NULL);

	call->session = session;
	return call;
}

static struct gw_call *begin_delivery(struct testkit *kit, enum kit_hook hook,
				      struct gw_delivery *delivery)
{
	struct gw_call *call = begin(kit, hook, delivery->message, NULL);

	call->delivery = delivery;
	return call;
}

#define ASK(hook, ...)                                                                             \
	call_settle(call, kit->module.hook ? kit->module.hook(__VA_ARGS__) : GW_CONTINUE)

enum gw_verdict testkit_run_connect(struct testkit *kit, struct gw_session *session)
{
	struct gw_call *call = begin_session(kit, ON_connect, session);
	return ASK(connect, call, session);
}

enum gw_verdict testkit_run_ehlo(struct testkit *kit, struct gw_session *session)
{
	struct gw_call *call = begin_session(kit, ON_ehlo, session);
	return ASK(ehlo, call, session);
}

/* What the client gave lives for this one run of the hook; a module that keeps it past a hold is
 * seen by a sanitizer. */
static struct gw_login *copy_login(const struct gw_login *login, char **bytes)
{
	size_t size = login->mechanism.len + login->user.len + login->secret.len +
		      login->acting_as.len + 4;
	struct gw_login *copy = calloc(1, sizeof *copy);
	struct gw_str *parts[4];
	char *at = calloc(1, size);
	size_t i;

	if (!copy || !at)
		abort();
	*bytes = at;
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

enum gw_verdict testkit_run_auth_login(struct testkit *kit, struct gw_session *session,
				       const struct gw_login *login)
{
	struct gw_call *call = begin_session(kit, ON_auth, session);
	char *bytes;
	struct gw_login *copy = copy_login(login, &bytes);
	enum gw_verdict verdict = kit->module.auth ? kit->module.auth(call, session, copy)
						   : GW_CONTINUE;

	free(bytes);
	free(copy);
	return call_settle(call, verdict);
}

enum gw_verdict testkit_run_auth(struct testkit *kit, struct gw_session *session,
				 const char *mechanism, const char *user, const char *secret)
{
	struct gw_login login = { sizeof login, gw_str(mechanism), gw_str(user), gw_str(secret),
				  gw_str("") };

	return testkit_run_auth_login(kit, session, &login);
}

enum gw_verdict testkit_run_mail(struct testkit *kit, struct gw_message *message)
{
	struct gw_call *call = begin_receiving(kit, ON_mail, message, NULL);
	return ASK(mail, call, message);
}

enum gw_verdict testkit_run_rcpt(struct testkit *kit, struct gw_message *message,
				 struct gw_rcpt *rcpt)
{
	struct gw_call *call = begin_receiving(kit, ON_rcpt, message, rcpt);
	return ASK(rcpt, call, message, rcpt);
}

enum gw_verdict testkit_run_message(struct testkit *kit, struct gw_message *message)
{
	struct gw_call *call = begin_receiving(kit, ON_message, message, NULL);
	return ASK(message, call, message);
}

enum gw_verdict testkit_run_route(struct testkit *kit, struct gw_message *message,
				  struct gw_rcpt *rcpt)
{
	struct gw_call *call = begin(kit, ON_route, message, rcpt);

	rcpt->route = kit_text(kit, "");
	return ASK(route, call, message, rcpt);
}

enum gw_verdict testkit_run_admit(struct testkit *kit, struct gw_delivery *delivery,
				  struct gw_relay *relay)
{
	struct gw_call *call = begin_delivery(kit, ON_admit, delivery);
	return ASK(admit, call, delivery, relay);
}

enum gw_verdict testkit_run_prepare(struct testkit *kit, struct gw_delivery *delivery)
{
	struct gw_call *call = begin_delivery(kit, ON_prepare, delivery);
	return ASK(prepare, call, delivery);
}

enum gw_verdict testkit_run_login(struct testkit *kit, struct gw_delivery *delivery,
				  struct gw_relay *relay)
{
	struct gw_call *call = begin_delivery(kit, ON_login, delivery);
	return ASK(login, call, delivery, relay);
}

enum gw_verdict testkit_run_deliver(struct testkit *kit, struct gw_delivery *delivery,
				    struct gw_relay *relay)
{
	struct gw_call *call = begin_delivery(kit, ON_deliver, delivery);
	return ASK(deliver, call, delivery, relay);
}

enum gw_verdict testkit_run_bounce(struct testkit *kit, struct gw_message *message,
				   const struct gw_result *result)
{
	struct gw_call *call = begin(kit, ON_bounce, message, NULL);
	return ASK(bounce, call, message, result);
}

enum gw_verdict testkit_run_fallback(struct testkit *kit, struct gw_delivery *delivery,
				     struct gw_relay *relay)
{
	struct gw_call *call = begin_delivery(kit, ON_fallback, delivery);

	delivery->fallback = kit_text(kit, "");
	if (!delivery->facts.text[GW_DELIVERY_CAUSE].ptr)
		testkit_delivery_fact(delivery, GW_DELIVERY_CAUSE, "1");
	return ASK(fallback, call, delivery, relay);
}

#define TELL(hook, ...)                                                                            \
	do {                                                                                       \
		if (kit->module.hook)                                                              \
			kit->module.hook(__VA_ARGS__);                                             \
		call_destroy(call);                                                                \
	} while (0)

void testkit_run_result(struct testkit *kit, struct gw_delivery *delivery,
			const struct gw_result *result)
{
	struct gw_call *call = begin_delivery(kit, ON_result, delivery);

	kit->fault = GW_FAULT_NONE;
	TELL(result, call, delivery, result);
}

void testkit_run_leave(struct testkit *kit, struct gw_delivery *delivery, struct gw_relay *relay)
{
	struct gw_call *call = begin_delivery(kit, ON_leave, delivery);
	TELL(leave, call, delivery, relay);
}

void testkit_run_event(struct testkit *kit, const struct gw_event *event)
{
	struct gw_call *call = begin(kit, ON_event, (struct gw_message *)event->message, NULL);
	TELL(event, call, event);
}

void testkit_run_tick(struct testkit *kit)
{
	struct gw_call *call = begin(kit, ON_tick, NULL, NULL);
	TELL(tick, call);
}

void testkit_run_status(struct testkit *kit)
{
	struct gw_call *call = begin(kit, ON_status, NULL, NULL);
	TELL(status, call);
}

void testkit_run_relay_status(struct testkit *kit, struct gw_relay *relay)
{
	struct gw_call *call = begin(kit, ON_relay_status, NULL, NULL);
	TELL(relay_status, call, relay);
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
	struct gw_call *call = begin(kit, ON_control, NULL, NULL);
	struct gw_command command = { sizeof command, split(kit, words), admin, 0 };

	TELL(control, call, &command);
}

void testkit_run_check(struct testkit *kit)
{
	struct gw_call *call = begin(kit, ON_check, NULL, NULL);
	TELL(check, call);
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
