#include "client/outcome.h"

#include "base/arena.h"

#include <errno.h>

/* What to report where the next hop said nothing: RFC 3463 subject and detail. */
static const struct {
	const char *name;
	uint8_t subject, detail;
} stages[] = {
	[STAGE_NONE] = { "none", 0, 0 },       [STAGE_RESOLVE] = { "resolve", 4, 4 },
	[STAGE_CONNECT] = { "connect", 4, 1 }, [STAGE_GREETING] = { "greeting", 4, 2 },
	[STAGE_EHLO] = { "ehlo", 4, 2 },       [STAGE_TLS] = { "tls", 7, 5 },
	[STAGE_AUTH] = { "auth", 7, 0 },       [STAGE_MAIL] = { "mail", 4, 2 },
	[STAGE_RCPT] = { "rcpt", 4, 2 },       [STAGE_DATA] = { "data", 4, 2 },
	[STAGE_BODY] = { "body", 4, 2 },       [STAGE_DOT] = { "dot", 4, 2 },
	[STAGE_MODULE] = { "module", 3, 0 },
};

const char *stage_name(enum stage stage)
{
	return (size_t)stage < sizeof stages / sizeof *stages ? stages[stage].name : "none";
}

enum stage stage_named(struct gw_str name)
{
	for (size_t i = 1; i < sizeof stages / sizeof *stages; i++)
		if (gw_str_eq(gw_str(stages[i].name), name))
			return (enum stage)i;
	return STAGE_MODULE;
}

bool stage_is_of_link(enum stage stage)
{
	return stage > STAGE_NONE && stage < STAGE_MAIL;
}

bool outcome_is_taken(const struct outcome *outcome)
{
	return outcome->status == GW_DELIVERED || outcome->status == GW_UNKNOWN;
}

enum event_id status_event(enum gw_status status)
{
	static const enum event_id events[] = {
		[GW_DELIVERED] = EVENT_DELIVERED,
		[GW_DEFERRED] = EVENT_DEFERRED,
		[GW_BOUNCED] = EVENT_BOUNCED,
		[GW_UNKNOWN] = EVENT_UNKNOWN,
	};
	return status >= GW_DELIVERED && status <= GW_UNKNOWN ? events[status] : EVENT_DEFERRED;
}

const char *fault_name(enum gw_fault fault)
{
	static const char *const names[] = {
		[GW_FAULT_NONE] = "none",       [GW_FAULT_RELAY] = "relay",
		[GW_FAULT_ACCOUNT] = "account", [GW_FAULT_RECIPIENT] = "recipient",
		[GW_FAULT_MESSAGE] = "message", [GW_FAULT_UNKNOWN] = "unknown",
		[GW_FAULT_LOCAL] = "local",
	};
	return (size_t)fault < sizeof names / sizeof *names ? names[fault] : "none";
}

static uint8_t status_class(enum gw_status status)
{
	return status == GW_DELIVERED ? 2 : status == GW_BOUNCED ? 5 : 4;
}

void outcome_enhanced(const struct outcome *outcome, uint8_t enhanced[3])
{
	if (outcome->reply.enhanced[0]) {
		memcpy(enhanced, outcome->reply.enhanced, 3);
		return;
	}
	enhanced[0] = status_class(outcome->status);
	enhanced[1] = enhanced[2] = 0;
	if (outcome->reply.code || outcome->status == GW_DELIVERED)
		return;
	if ((size_t)outcome->stage < sizeof stages / sizeof *stages) {
		enhanced[1] = stages[outcome->stage].subject;
		enhanced[2] = stages[outcome->stage].detail;
	}
}

enum gw_fault outcome_fault(const struct outcome *outcome)
{
	if (outcome->status == GW_DELIVERED)
		return GW_FAULT_NONE;
	if (outcome->status == GW_UNKNOWN)
		return GW_FAULT_UNKNOWN;
	if (outcome->local)
		return GW_FAULT_LOCAL;
	if (outcome->link)
		return outcome->stage == STAGE_AUTH ? GW_FAULT_ACCOUNT : GW_FAULT_RELAY;
	return outcome->stage == STAGE_RCPT ? GW_FAULT_RECIPIENT : GW_FAULT_MESSAGE;
}

enum local local_of(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EADDRNOTAVAIL:
	case EADDRINUSE:
		return LOCAL_SHORT;
	case ENETUNREACH:
	case ENETDOWN:
	case EPERM:
	case EACCES:
		return LOCAL_NETWORK;
	default:
		return LOCAL_NONE;
	}
}

void outcome_tell(const struct outcome *outcome, struct gw_outcome *told, struct gw_result *result)
{
	*told = (struct gw_outcome){
		.size = sizeof(*told),
		.status = outcome->unfit ? GW_DEFERRED : outcome->status,
		.code = outcome->reply.code,
		.text = outcome->reply.text,
		.host = outcome->host,
	};
	memcpy(told->enhanced, outcome->reply.enhanced, sizeof(told->enhanced));
	result->outcome = told;
	result->stage = gw_str(stage_name(outcome->stage));
	result->fault = outcome_fault(outcome);
}

static struct gw_str kept(struct arena *arena, struct gw_str text)
{
	struct gw_str copy = text.len ? arena_str(arena, text) : gw_str("");
	return copy.ptr ? copy : gw_str("");
}

static void parse_enhanced(const char *text, uint8_t enhanced[3])
{
	unsigned parts[3] = { 0 }, at = 0;
	for (; text && *text && at < 3; text++) {
		if (*text == '.')
			at++;
		else if (*text >= '0' && *text <= '9')
			parts[at] = parts[at] * 10 + (unsigned)(*text - '0');
	}
	for (at = 0; at < 3; at++)
		enhanced[at] = parts[at] < 256 ? (uint8_t)parts[at] : 0;
}

void outcome_set(struct outcome *outcome, struct arena *arena, enum gw_status status,
		 enum stage stage, bool link, int code, const char *enhanced, struct gw_str text,
		 struct gw_str host)
{
	*outcome = (struct outcome){ .status = status, .stage = stage, .link = link };
	outcome->reply.code = code;
	parse_enhanced(enhanced, outcome->reply.enhanced);
	outcome->reply.text = kept(arena, text);
	outcome->host = kept(arena, host);
}

void outcome_reply(struct outcome *outcome, struct arena *arena, enum gw_status status,
		   enum stage stage, bool link, const struct smtp_reply *reply, struct gw_str host)
{
	outcome_set(outcome, arena, status, stage, link, reply->code, NULL, reply->text, host);
	memcpy(outcome->reply.enhanced, reply->enhanced, sizeof reply->enhanced);
}
