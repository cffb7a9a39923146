/* ehlo.c - EHLO and HELO: the client's name, and what is offered to it. */
#include "receive/session.h"

#include "base/log.h"

#include <stdarg.h>

/* Windows machines have names beyond ASCII: those are taken. What would end the name in a Received
 * field is not. */
static bool name_clean(struct gw_str name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.ptr[i] <= ' ' || name.ptr[i] == 127 ||
		    strchr("()<>\"\\,;", name.ptr[i]))
			return false;
	return name.len <= 255;
}

static bool is_ascii(struct gw_str name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.ptr[i] > 127)
			return false;
	return true;
}

static void log_odd_name(struct gw_session *session, struct gw_str name)
{
	struct log_line *line = session_log(session, EVENT_ODD_NAME);
	log_str(line, KEY_HELO, name);
	log_close(line);
}

bool auth_offered(const struct gw_session *session)
{
	return stream_is_tls(session->stream) || session->listener->clear_login;
}

static void offer(struct gw_session *session)
{
	struct buf *lines = &session->capabilities;
	const struct gw_str host = session->snapshot->settings.hostname;
	buf_clear(lines);
	buf_printf(lines, "%.*s\nPIPELINING\nSIZE %lld", (int)host.len, host.ptr,
		   (long long)session->snapshot->settings.limits.message_size);
	/* libgsasl's tool overlooks one that stands last */
	if (session->listener->tls == TLS_STARTTLS && !stream_is_tls(session->stream))
		buf_add_text(lines, "\nSTARTTLS");
	buf_printf(lines,
		   "\n8BITMIME\nSMTPUTF8\nCHUNKING\nDSN\nENHANCEDSTATUSCODES\nLIMITS RCPTMAX=%lld",
		   (long long)session->snapshot->settings.limits.recipients);
	if (stream_is_tls(session->stream))
		buf_add_text(lines, "\nREQUIRETLS");
	if (auth_offered(session) && !session->login.len &&
	    !chain_empty(session->snapshot, GW_HOOK_auth))
		buf_add_text(lines, "\nAUTH");
	memset(&session->naming, 0, sizeof(session->naming));
}

/* --- mechanisms --- */

static unsigned mechanism_bit(const char *name)
{
	return 1u << sasl_mechanism_number(gw_str(name));
}

void session_mechanism(struct gw_session *session, const struct instance *instance,
		       struct gw_str name, bool offered)
{
	int number = sasl_mechanism_number(name);

	if (!instance->module->table.auth)
		return;
	session->naming.instances += session->naming.instance != instance;
	session->naming.instance = instance;
	if (offered && number >= 0 && sasl_server_has((size_t)number))
		session->naming.named |= 1u << number;
}

/* Those that say nothing check passwords. */
static unsigned named(const struct gw_session *session)
{
	unsigned bits = session->naming.named;
	char room[2][STREAM_BINDING_MAX];
	struct sasl_binding binding;

	if (session->naming.instances < session->snapshot->chain_length[GW_HOOK_auth])
		bits |= mechanism_bit("PLAIN") | mechanism_bit("LOGIN");
	for (size_t i = 0; sasl_mechanism(i); i++) {
		if (!(bits & 1u << i) || !sasl_is_bound(gw_str(sasl_mechanism(i))))
			continue;
		binding = session_binding(session, room);
		if (!binding.exporter.len && !binding.unique.len)
			bits &= ~(1u << i);
	}
	return bits;
}

/* Is the line for them still as it was put there? A module may have taken it away, or put its own
 * in its place. */
static bool has_auth_line(const struct gw_session *session)
{
	struct gw_str rest = buf_str(&session->capabilities);

	while (rest.len) {
		size_t len = gw_str_find(rest, '\n');

		if (gw_str_eq(gw_str_n(rest.ptr, len), gw_str("AUTH")))
			return true;
		rest = gw_str_from(rest, len + 1);
	}
	return false;
}

static void offer_mechanisms(struct gw_session *session)
{
	bool any = false;
	struct buf line;

	if (!has_auth_line(session))
		return;
	session->mechanisms = named(session);
	buf_init(&line, 0);
	buf_add_text(&line, "AUTH");
	for (size_t i = 0; sasl_mechanism(i); i++)
		if (session->mechanisms & 1u << i) {
			buf_printf(&line, " %s", sasl_mechanism(i));
			any = true;
		}
	session_capability(session, buf_str(&line), any);
	buf_finish(&line);
}

static void greeting_keep(struct gw_session *session)
{
	session->before = (struct greeting){ session->helo,
					     { session->client, session->type, session->domains },
					     session->esmtp };
}

static void greeting_restore(struct gw_session *session)
{
	session->helo = session->before.helo;
	session->esmtp = session->before.esmtp;
	session->client = session->before.known.client;
	session->type = session->before.known.type;
	session->domains = session->before.known.domains;
}

/* The transaction that may be open is none of the hook's; what modules allocate in it lives until
 * the next one. */
static void call_ehlo(struct gw_session *session)
{
	session_call_free(session);
	if (!session->call.busy) {
		arena_finish(&session->scratch);
		arena_init(&session->scratch, 512);
	}
	session->call.session = session;
	session->call.arena = &session->scratch;
}

static void judged(struct gw_session *session)
{
	const enum gw_verdict verdict = session->call.answer.verdict;
	if (verdict == GW_CONTINUE || verdict == GW_ACCEPT) {
		offer_mechanisms(session);
		session_reset(session);
		session_reply(session, 250, NULL,
			      session->esmtp ? buf_str(&session->capabilities)
					     : session->snapshot->settings.hostname);
	} else {
		session_answer(session, "550 5.7.1 not with this name",
			       "451 4.3.0 not now, try again later");
		greeting_restore(session);
		if (verdict == GW_DISCONNECT)
			session_close(session);
		else
			session_useless(session);
	}
	buf_clear(&session->capabilities);
	buf_release(&session->capabilities);
}

static void judged_later(struct gw_call *call, void *arg)
{
	struct gw_session *session = arg;
	judged(session);
	session_ready(session);
}

void ehlo_begin(struct gw_session *session, struct gw_str name, bool esmtp)
{
	if (!name_clean(name)) {
		session_reply(session, 501, "5.5.4", gw_str("that is no host name"));
		session_useless(session);
		return;
	}
	if (session->helo.len && !session_useless(session))
		return;
	if (!is_ascii(name))
		log_odd_name(session, name);
	greeting_keep(session);
	if (session_set(session, &session->helo, name) != 0) {
		session_reply(session, 451, "4.3.0", gw_str("no memory"));
		return;
	}
	session->esmtp = esmtp;
	offer(session);
	call_ehlo(session);
	if (chain_run(&session->call, GW_HOOK_ehlo, judged_later, session))
		judged(session);
	else
		session_busy(session);
}

/* Behind the service `capability`: adds a line, or takes the line of a keyword away. */
void session_capability(struct gw_session *session, struct gw_str line, bool offered)
{
	struct buf kept;
	buf_init(&kept, 8192);
	struct gw_str keyword = gw_str_n(line.ptr, gw_str_find(line, ' ')),
		      rest = buf_str(&session->capabilities);
	for (bool first = true; rest.len; first = false) {
		struct gw_str old = gw_str_n(rest.ptr, gw_str_find(rest, '\n'));
		bool same = !first && gw_str_ieq(gw_str_n(old.ptr, gw_str_find(old, ' ')), keyword);
		rest = gw_str_from(rest, old.len + 1);
		if (same)
			continue;
		if (!first)
			buf_add_text(&kept, "\n");
		buf_add_str(&kept, old);
	}
	if (offered) {
		buf_add_text(&kept, "\n");
		buf_add_str(&kept, line);
	}
	if (kept.failed) {
		buf_finish(&kept);
		return;
	}
	buf_finish(&session->capabilities);
	session->capabilities = kept;
}
