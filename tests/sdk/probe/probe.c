#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const probe_names[PROBE_HOOKS] = {
#define ROW(name) [PROBE_##name] = #name,
	PROBE_DECIDES(ROW) PROBE_OBSERVES(ROW)
#undef ROW
};

#define VERDICTS "continue|accept|reject|tempfail|discard|hold|disconnect|next|wait|pending|failed"
#define WAYS "now|offload|timer|thread|hang|block|crash|both"
#define AT(hook, member)                                                                           \
	(offsetof(struct probe_conf, answers) + PROBE_##hook * sizeof(struct probe_answer) +       \
	 offsetof(struct probe_answer, member))
#define ROWS(hook)                                                                                 \
	{ #hook ".verdict", GW_OPTION_WORD, AT(hook, verdict),                                     \
	  "continue",       "The answer.",  .words = VERDICTS },                                   \
		{ #hook ".way", GW_OPTION_WORD,     AT(hook, way),                                 \
		  "now",        "How it is given.", .words = WAYS },                               \
		{ #hook ".delay", GW_OPTION_DURATION, AT(hook, delay), "10ms",                     \
		  "How late it is given." },                                                       \
		{ #hook ".deadline", GW_OPTION_DURATION, AT(hook, deadline), "0",                  \
		  "Deadline of the hold; 0: the instance's." },                                    \
		{ #hook ".code", GW_OPTION_INT, AT(hook, code), "0", "Reply code; 0: no reply." }, \
		{ #hook ".enhanced", GW_OPTION_STRING, AT(hook, enhanced), NULL,                   \
		  "Enhanced status code." },                                                       \
		{ #hook ".reply", GW_OPTION_STRING, AT(hook, reply), NULL, "Reply text." },

#define CONF(member) offsetof(struct probe_conf, member)
static const struct gw_option options[] = {
	/* clang-format off */
	PROBE_DECIDES(ROWS)
	/* clang-format on */
	{ "only", GW_OPTION_STRING, CONF(only), NULL, "Acts only where the sender contains this." },
	{ "client", GW_OPTION_STRING, CONF(client), NULL,
	  "Name given to the client in connect and auth." },
	{ "relays", GW_OPTION_LIST, CONF(relays), NULL, "Relays of every recipient, in order." },
	{ "notice", GW_OPTION_STRING, CONF(notice), NULL,
	  "Put in at the end of the body in prepare." },
	{ "relays_fallback", GW_OPTION_LIST, CONF(fallback), NULL,
	  "Relays that come next when one was left, in order." },
	{ "add_header", GW_OPTION_STRING, CONF(add_header), NULL,
	  "Field put in front of every delivery, \"Name: value\"." },
	{ "body", GW_OPTION_STRING, CONF(body), NULL, "Body of every delivery." },
	{ "return_path", GW_OPTION_STRING, CONF(return_path), NULL,
	  "Return path of every delivery; \"<>\" is the null sender." },
	{ "user", GW_OPTION_STRING, CONF(user), NULL, "Login at next hops." },
	{ "secret", GW_OPTION_SECRET, CONF(secret), NULL, "Its password." },
	{ "status", GW_OPTION_WORD, CONF(status), "delivered", "Outcome of deliver.",
	  .words = "delivered|deferred|bounced|unknown" },
	{ "log_events", GW_OPTION_BOOL, CONF(log_events), "false", "Logs every event." },
	{ "fail_start", GW_OPTION_BOOL, CONF(fail_start), "false", "start() fails." },
	{ "crash_start", GW_OPTION_BOOL, CONF(crash_start), "false", "start() crashes." },
	GW_OPTIONS_END
};

static const struct gw_option relay_options[] = {
	{ "probe_note", GW_OPTION_STRING, offsetof(struct probe_relay, note), NULL, "A text." },
	{ "probe_deliver", GW_OPTION_BOOL, offsetof(struct probe_relay, deliver), "false",
	  "The probe delivers.", GW_OPTION_NEXT_HOP },
	GW_OPTIONS_END
};

static int start(struct gw_call *call)
{
	const struct probe_conf *conf = gw->conf(call);
	struct probe *probe;

	if (conf->fail_start) {
		gw->problem(call, true, "the probe was told to fail");
		return -1;
	}
	if (conf->crash_start)
		abort();
	probe = calloc(1, sizeof(*probe));
	if (!probe || probe_thread_start(probe) != 0) {
		free(probe);
		return -1;
	}
	probe->conf = conf;
	gw->instance_data_set(call, probe);
	return 0;
}

static void stop(struct gw_call *call)
{
	struct probe *probe = gw->instance_data(call);

	probe_thread_stop(probe);
	free(probe);
}

static void count(struct gw_call *call, enum probe_hook hook)
{
	struct probe *probe = gw->instance_data(call);

	atomic_fetch_add(&probe->counts[hook], 1);
	gw->count(call, probe_names[hook], 1);
}

static bool is_meant(struct gw_call *call, const struct gw_message *message)
{
	const struct probe_conf *conf = gw->conf(call);

	return !conf->only.len || !message ||
	       strstr(gw->message_fact(message, GW_MESSAGE_SENDER).ptr, conf->only.ptr);
}

static enum gw_verdict decide(struct gw_call *call, enum probe_hook hook,
			      const struct gw_message *message)
{
	const struct probe_conf *conf = gw->conf(call);

	count(call, hook);
	return is_meant(call, message) ? probe_answer(call, &conf->answers[hook]) : GW_CONTINUE;
}

/* --- receiving --- */

static void identify(struct gw_call *call)
{
	const struct probe_conf *conf = gw->conf(call);
	struct gw_identity identity = { .size = sizeof(identity), .client = conf->client };

	if (conf->client.len)
		gw->identify(call, &identity);
}

static enum gw_verdict on_connect(struct gw_call *call, struct gw_session *session)
{
	identify(call);
	return decide(call, PROBE_connect, NULL);
}

static enum gw_verdict on_ehlo(struct gw_call *call, struct gw_session *session)
{
	return decide(call, PROBE_ehlo, NULL);
}

static enum gw_verdict on_auth(struct gw_call *call, struct gw_session *session,
			       const struct gw_login *login)
{
	identify(call);
	return decide(call, PROBE_auth, NULL);
}

static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	return decide(call, PROBE_mail, message);
}

static enum gw_verdict on_rcpt(struct gw_call *call, struct gw_message *message,
			       struct gw_rcpt *rcpt)
{
	return decide(call, PROBE_rcpt, message);
}

static enum gw_verdict on_message(struct gw_call *call, struct gw_message *message)
{
	return decide(call, PROBE_message, message);
}

/* --- sending --- */

static void add_relays(struct gw_call *call, struct gw_list names)
{
	for (size_t i = 0; i < names.count; i++) {
		const struct gw_relay *relay = gw->relay_named(call, names.items[i]);
		if (relay)
			gw->route_add(call, relay);
	}
}

static enum gw_verdict on_route(struct gw_call *call, struct gw_message *message,
				struct gw_rcpt *rcpt)
{
	const struct probe_conf *conf = gw->conf(call);

	add_relays(call, conf->relays);
	return decide(call, PROBE_route, message);
}

static enum gw_verdict on_admit(struct gw_call *call, struct gw_delivery *delivery,
				struct gw_relay *relay)
{
	return decide(call, PROBE_admit, gw->delivery_message(delivery));
}

static int edit(struct gw_call *call, struct gw_delivery *delivery, const struct probe_conf *conf)
{
	size_t colon = gw_str_find(conf->add_header, ':');
	struct gw_str path = conf->return_path;
	int failed = 0;

	if (colon < conf->add_header.len)
		failed |= gw->header_add(call, delivery, 0, gw_str_n(conf->add_header.ptr, colon),
					 gw_str_from(conf->add_header, colon + 2));
	if (conf->body.len)
		failed |= gw->body_replace(call, delivery, conf->body);
	if (conf->notice.len)
		failed |= gw->body_splice(
			call, delivery,
			(uint64_t)gw->delivery_number(delivery, GW_DELIVERY_BODY_SIZE), 0,
			conf->notice);
	if (path.len)
		failed |= gw->return_path_set(call, delivery,
					      gw_str_eq(path, gw_str("<>")) ? gw_str("") : path);
	return failed;
}

static enum gw_verdict on_prepare(struct gw_call *call, struct gw_delivery *delivery)
{
	const struct gw_message *message = gw->delivery_message(delivery);

	if (is_meant(call, message) && edit(call, delivery, gw->conf(call)) != 0)
		return GW_FAILED;
	return decide(call, PROBE_prepare, message);
}

/* What the file holds is what goes out, nobody can change it, and the time of edits is over. */
static bool is_sealed(struct gw_call *call, struct gw_delivery *delivery)
{
	char octets[4096], again[sizeof(octets)];
	int fd = gw->delivery_file(delivery);
	long got = fd < 0 ? -1 : pread(fd, octets, sizeof(octets), 0);
	bool is = got > 0 && gw->delivery_read(delivery, 0, again, sizeof(again)) == got &&
		  memcmp(octets, again, (size_t)got) == 0 && pwrite(fd, "x", 1, 0) < 0 &&
		  ftruncate(fd, 0) < 0 &&
		  gw->body_splice(call, delivery, 0, 0, gw_str("late\r\n")) == -1;
	if (fd >= 0)
		close(fd);
	return is;
}

static enum gw_verdict on_sealed(struct gw_call *call, struct gw_delivery *delivery)
{
	if (!is_sealed(call, delivery))
		return GW_FAILED;
	return decide(call, PROBE_sealed, gw->delivery_message(delivery));
}

static enum gw_verdict on_login(struct gw_call *call, struct gw_delivery *delivery,
				struct gw_relay *relay)
{
	const struct probe_conf *conf = gw->conf(call);
	struct gw_login login = { .size = sizeof(login),
				  .user = conf->user,
				  .secret = conf->secret };

	if (conf->user.len)
		gw->login_set(call, &login);
	return decide(call, PROBE_login, gw->delivery_message(delivery));
}

static enum gw_verdict on_deliver(struct gw_call *call, struct gw_delivery *delivery,
				  struct gw_relay *relay)
{
	const struct probe_conf *conf = gw->conf(call);
	const struct probe_answer *answer = &conf->answers[PROBE_deliver];
	struct gw_outcome outcome = {
		.size = sizeof(outcome),
		.status = (enum gw_status)(GW_DELIVERED + conf->status),
		.code = (int)answer->code,
		.text = answer->reply,
		.host = gw_str("probe"),
	};
	struct gw_rcpt *rcpt;

	if (answer->verdict == GW_ACCEPT)
		for (size_t i = 0; (rcpt = gw->delivery_rcpt(delivery, i)); i++)
			gw->outcome(call, delivery, rcpt, &outcome);
	return decide(call, PROBE_deliver, gw->delivery_message(delivery));
}

static enum gw_verdict on_bounce(struct gw_call *call, struct gw_message *message,
				 const struct gw_result *result)
{
	return decide(call, PROBE_bounce, message);
}

static enum gw_verdict on_fallback(struct gw_call *call, struct gw_delivery *delivery,
				   struct gw_relay *relay)
{
	const struct probe_conf *conf = gw->conf(call);

	add_relays(call, conf->fallback);
	return decide(call, PROBE_fallback, gw->delivery_message(delivery));
}

/* --- observing --- */

static void on_result(struct gw_call *call, struct gw_delivery *delivery,
		      const struct gw_result *result)
{
	count(call, PROBE_result);
}

static void on_event(struct gw_call *call, const struct gw_event *event)
{
	const struct probe_conf *conf = gw->conf(call);

	count(call, PROBE_event);
	if (conf->log_events)
		gw->log(call, GW_LOG_INFO, "event %s client=%s code=%d json=%s: %s",
			event->name.ptr, event->client.ptr ? event->client.ptr : "", event->code,
			event->json.ptr ? event->json.ptr : "",
			event->text.ptr ? event->text.ptr : "");
}

static void on_tick(struct gw_call *call)
{
	count(call, PROBE_tick);
}

static void on_status(struct gw_call *call)
{
	struct probe *probe = gw->instance_data(call);

	count(call, PROBE_status);
	for (int i = 0; i < PROBE_HOOKS; i++)
		gw->status_line(call, probe_names[i], "%lld",
				(long long)atomic_load(&probe->counts[i]));
}

static void on_control(struct gw_call *call, const struct gw_command *command)
{
	struct probe *probe = gw->instance_data(call);
	char json[1024] = "{";
	size_t len = 1;

	count(call, PROBE_control);
	if (command->words.count && gw_str_eq(command->words.items[0], gw_str("fail"))) {
		gw->problem(call, true, "the probe was told to fail");
		return;
	}
	for (int i = 0; i < PROBE_HOOKS; i++)
		len += (size_t)snprintf(json + len, sizeof(json) - len, "%s\"%s\":%lld",
					i ? "," : "", probe_names[i],
					(long long)atomic_load(&probe->counts[i]));
	len += (size_t)snprintf(json + len, sizeof(json) - len, "}");
	gw->answer(call, gw_str_n(json, len));
}

static void on_check(struct gw_call *call)
{
	count(call, PROBE_check);
}

static void on_leave(struct gw_call *call, struct gw_delivery *delivery, struct gw_relay *relay)
{
	count(call, PROBE_leave);
}

static void on_relay_status(struct gw_call *call, struct gw_relay *relay)
{
	const struct probe_relay *conf = gw->relay_conf(call, relay);

	count(call, PROBE_relay_status);
	gw->status_line(call, "note", "%s", conf->note.len ? conf->note.ptr : "none");
}

GW_MODULE(.name = "probe", .version = "1.0", .summary = "does what its options say, for tests",
	  .options = options, .conf_size = sizeof(struct probe_conf),
	  .relay_options = relay_options, .relay_conf_size = sizeof(struct probe_relay),
	  .session_size = 24, .message_size = 8, .delivery_size = 40, .verbs = "counts\nfail",
	  .start = start, .stop = stop, .connect = on_connect, .ehlo = on_ehlo, .auth = on_auth,
	  .mail = on_mail, .rcpt = on_rcpt, .message = on_message, .route = on_route,
	  .admit = on_admit, .prepare = on_prepare, .sealed = on_sealed, .login = on_login,
	  .deliver = on_deliver, .bounce = on_bounce, .result = on_result, .event = on_event,
	  .tick = on_tick, .status = on_status, .control = on_control, .check = on_check,
	  .fallback = on_fallback, .leave = on_leave, .relay_status = on_relay_status)
