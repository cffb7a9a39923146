/* session.h - who a session is, and whether it may send. */
#ifndef ACCESS_SESSION_H
#define ACCESS_SESSION_H

#include "access.h"

/* Once known it stays: a list that changes is for sessions that come. */
struct session {
	const struct client *network;   /* its address is of; NULL: nobody's */
	const struct client *certified; /* its certificate is of */
	const struct client *client;    /* who it is, from MAIL on */
	bool decided;
};

/* Whose message it is; NULL: none of the clients'. */
const struct client *session_client(struct gw_call *call, const struct gw_message *message);

/* Of the message: of its client, or of all. */
const struct rules *session_rules(struct gw_call *call, const struct gw_message *message);

/* The client's name, else the login. */
struct gw_str session_name(const struct gw_message *message);

/* Domains that the client is bound to; empty: it may write what it likes. */
struct gw_str session_domains(const struct gw_message *message);
struct gw_str session_sender_domain(const struct gw_message *message);

/* --- the hooks of these names --- */
enum gw_verdict session_connect(struct gw_call *call, struct gw_session *session);
enum gw_verdict session_ehlo(struct gw_call *call, struct gw_session *session);
enum gw_verdict session_mail(struct gw_call *call, struct gw_message *message);
enum gw_verdict session_rcpt(struct gw_call *call, struct gw_message *message,
			     struct gw_rcpt *rcpt);

/* letter.c: what a message says of itself */
enum gw_verdict letter_message(struct gw_call *call, struct gw_message *message);
enum gw_verdict letter_prepare(struct gw_call *call, struct gw_delivery *delivery);

/* return_path.c: what the SPF of MAIL FROM says, noted and, where the client needs it, judged */
enum gw_verdict return_path_check(struct gw_call *call, struct gw_message *message, bool is_needed);
#define NOTE_SPF "spf"

#endif
