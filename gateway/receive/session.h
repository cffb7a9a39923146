/* session.h - one client's SMTP session (RFC 5321 section 3), on one worker from accept to close.
 *
 * Commands are taken one at a time in the order they came; while a hook is held or the disk is
 * awaited the input is paused and what was pipelined waits in the stream. verbs.c has the table of
 * verbs, data.c the bytes of a message. */
#ifndef RECEIVE_SESSION_H
#define RECEIVE_SESSION_H

#include "base/list.h"
#include "base/log.h"
#include "loop/stream.h"
#include "mail/message.h"
#include "module/chain.h"
#include "queue/queue.h"
#include "receive/client_limits.h"
#include "smtp/command.h"
#include "smtp/framing.h"
#include "smtp/sasl.h"

enum session_mode {
	MODE_COMMAND, /* the next line is a command */
	MODE_SASL,    /* the next line answers a challenge */
	MODE_DATA,    /* the next bytes are a message */
	MODE_BDAT,    /* the next bytes are a chunk of one */
	MODE_CLOSING, /* said goodbye */
};

/* Where in the dialogue a client may be refused so that it matters: the event "refused" says so.
 * Nonsense is refused without it. */
enum session_phase {
	PHASE_NONE,
	PHASE_CONNECT,
	PHASE_EHLO,
	PHASE_AUTH,
	PHASE_MAIL,
	PHASE_RCPT,
	PHASE_DATA,
	PHASE_MESSAGE, /* all bytes are here, and the client waits for the answer */
	PHASE_LIMIT,
	PHASE_SESSIONS, /* before there is one: its address has too many */
};

#define SESSION_REJECTED "no service for you here, say QUIT"

struct transaction; /* a message whose bytes are coming in: transaction.h */

/* The present BDAT. */
struct chunk {
	uint64_t left; /* octets that are to come */
	bool last;
	int code; /* not 0: they are not kept, and this is the answer */
	const char *enhanced, *text;
};

/* How a message, or what is refused of one, comes in: it has to come with limits.data_rate. */
struct intake {
	int64_t since; /* monotonic ms, moved on by what the disk took; 0: nothing comes in */
	uint64_t octets;
};

/* Who a client is taken for. */
struct known {
	struct gw_str client, type, domains;
};

/* What an EHLO changes, to be put back where it is refused (RFC 5321 section 4.1.4). */
struct greeting {
	struct gw_str helo;
	struct known known;
	bool esmtp;
};

struct gw_session {
	struct list_link link; /* in the worker's list of sessions */
	struct post gone;      /* frees it, from the loop */
	struct worker *worker;
	struct stream *stream;     /* NULL once it is closed */
	struct snapshot *snapshot; /* held; each transaction begins with the newest */
	struct snapshot *entered;  /* held: of the connect, with the listener */
	const struct listen_settings *listener;
	/* what lives as long as it does, modules' private bytes among it */
	struct arena arena;
	/* the names below; made anew when those that were replaced take too much */
	struct arena names;
	struct arena scratch; /* of the ehlo hook, until the next one */
	char *data;           /* private bytes of instances; made when first asked for */
	struct gw_call call;
	/* the place it takes among those of its address; NULL: not counted */
	struct peer *peer;
	struct timer timer;
	/* monotonic ms: for the present command, or the whole message */
	int64_t deadline;
	int64_t since; /* when the deadline was set */
	int64_t began;
	int64_t busy_since;
	struct intake intake;
	int64_t timer_at; /* when the timer looks at it: not later */

	enum session_mode mode;
	enum session_phase phase; /* of the present command, until it is answered */
	bool busy;                /* a hook or the disk is awaited: input is paused */
	/* work that a module gave up on still looks at the message: it is awaited too */
	bool releasing;
	/* the client does not read its answers: nothing more is taken from it */
	bool choked;
	bool coming;   /* the spool was told that a message is on its way */
	bool esmtp;    /* EHLO, not HELO */
	bool eof;      /* the client closed its side */
	bool rejected; /* connect said REJECT: every command but QUIT gets 554 */
	unsigned junk, login_failures;
	/* since a message was taken: the first is in the log, the others are counted there */
	unsigned refusals;
	/* the transaction cost a useless command already: forgetting it costs none */
	bool counted;
	/* a chunk of the transaction was not kept: what comes after it is no message */
	bool chunk_lost;
	uint64_t messages;

	struct gw_str helo; /* empty: not yet */
	/* as modules said; the listener's type comes after `type` */
	struct gw_str login, client, type, domains;
	/* ... as they were when it was greeted: a login before STARTTLS does not count after it */
	struct known known;
	struct greeting before;  /* while the ehlo hook looks at another one */
	struct buf capabilities; /* EHLO lines while the ehlo hook edits them */
	struct {
		/* while the ehlo hook runs: bits by the number of a mechanism */
		unsigned named;
		const struct instance *instance; /* who named one last */
		size_t instances;                /* how many did */
	} naming;
	unsigned mechanisms; /* offered by the last EHLO */
	bool complained;     /* the client was told why its token is not taken, and answers */
	struct gw_str token_status, token_scope; /* as a module said; until the exchange ends */
	bool decoy;                      /* nobody knows who tries: what is proven is of nobody */
	struct sasl *sasl;               /* during AUTH */
	struct gw_login offered;         /* what the auth hook looks at; strings of `sasl` */
	struct gw_message *message;      /* during a transaction */
	struct transaction *transaction; /* from DATA or the first BDAT on */
	struct chunk chunk;
};

/* A session over a connected socket that it takes over; NULL: no memory, the socket is still yours.
 * It frees itself. `peer`: who connected, or for whom a load balancer did. */
struct gw_session *session_create(struct worker *worker, int fd, struct snapshot *snapshot,
				  const struct listen_settings *listener,
				  const struct sockaddr *peer);

/* --- between the files of this room --- */
void session_reply(struct gw_session *session, int code, const char *enhanced, struct gw_str text);
void session_say(struct gw_session *session, int code, const char *enhanced, const char *format,
		 ...) __attribute__((format(printf, 4, 5)));
/* Says what a hook answered: its own words, or these. */
void session_answer(struct gw_session *session, const char *reject, const char *tempfail);
/* The same for REJECT as a text, in the message: "550 5.7.1 words"; ptr NULL: no memory. */
struct gw_str session_answer_text(struct gw_session *session, const char *reject);
void session_no_memory(struct gw_session *session); /* 421 and the end */
void session_time_out(struct gw_session *session);  /* the same */
/* the memory goes, from the loop: nobody looks at the session any more */
void session_released(struct gw_call *call, void *session);
/* flushes what was said, then ends; frees the session */
void session_close(struct gw_session *session);
void session_drop(struct gw_session *session);  /* ends at once */
void session_busy(struct gw_session *session);  /* something is awaited */
void session_ready(struct gw_session *session); /* it came: go on with what was pipelined */
/* forgets the transaction; the last thing a verb does with it */
void session_reset(struct gw_session *session);
/* tells the spool that a message is on its way in, or no longer */
void session_coming(struct gw_session *session, bool coming);
/* sets the deadline; while a message comes in, at most what is left for it */
void session_expect(struct gw_session *session, int64_t ms);
/* these came; 0: the first are awaited */
void session_intake(struct gw_session *session, uint64_t octets);
/* has said nothing for so long, and nothing useful before */
bool session_idle(const struct gw_session *session, int64_t ms);
/* commit.c: ends a session that stayed for too long, between two transactions */
void session_end_old(struct gw_session *session);
/* 421, between two transactions */
void session_goodbye(struct gw_session *session, const char *why);
struct log_line *session_log(struct gw_session *session, enum event_id event);
/* emit.c: at session->phase */
void emit_refused(struct gw_session *session, int code, struct gw_str text);
/* the session ends, with or without an answer that is due */
void emit_gone(struct gw_session *session);
/* Of a connection that became no session. */
void emit_turned_away(struct worker *worker, struct snapshot *snapshot, int code,
		      struct gw_str text, struct gw_str peer);
/* json "": nothing to add */
void emit_accepted(const struct gw_message *message, const char *json);
/* its client left while it was committed */
void emit_unanswered(const struct gw_message *message, bool kept);

/* bad_commands.c: counts a command that brought no message closer. False: it was one too many, 421
 * was said and the session is closed. */
bool session_useless(struct gw_session *session);
void session_useful(struct gw_session *session); /* takes one back */
/* The line of a refusal; NULL: one was written since the last message that was taken, and this is
 * only counted. */
struct log_line *session_log_refusal(struct gw_session *session, enum event_id event);
void session_refusals_end(struct gw_session *session); /* writes how many were only counted */
void session_taken(struct gw_session *session);        /* a message was taken: all is well again */
/* names.c: a copy */
int session_set(struct gw_session *session, struct gw_str *member, struct gw_str value);
/* names.c: where no hook looks at the session */
void session_names_tidy(struct gw_session *session);
void session_call_free(struct gw_session *session); /* its call is about no message any more */

void session_command(struct gw_session *session, struct gw_str line); /* verbs.c */
void session_sasl(struct gw_session *session, struct gw_str line);    /* auth.c */
void auth_begin(struct gw_session *session, struct gw_str args);
/* Behind the service `capability`: adds an EHLO line, or takes the line of a keyword away; in the
 * ehlo hook. */
void session_capability(struct gw_session *session, struct gw_str line, bool offered);
/* Behind the service `mechanism`. */
void session_mechanism(struct gw_session *session, const struct instance *instance,
		       struct gw_str name, bool offered);
/* auth.c: what the client is told of a token that is refused; the strings are in memory of the call
 */
void session_token_refused(struct gw_session *session, struct gw_str status, struct gw_str scope);
void session_proof_keys(struct gw_session *session, const struct gw_proof_keys *keys); /* auth.c */
/* auth.c: what the login is bound to, where the link has it; the octets are put into `room` */
struct sasl_binding session_binding(const struct gw_session *session,
				    char room[2][STREAM_BINDING_MAX]);
void session_starttls(struct gw_session *session);
bool auth_offered(const struct gw_session *session);
void ehlo_begin(struct gw_session *session, struct gw_str name, bool esmtp); /* ehlo.c */
void mail_begin(struct gw_session *session, struct gw_str args);             /* envelope.c */
void rcpt_begin(struct gw_session *session, struct gw_str args);
void data_begin(struct gw_session *session); /* data.c */
/* takes what the stream has; false: the session is gone or waits */
bool data_input(struct gw_session *session);
void bdat_begin(struct gw_session *session, struct gw_str args); /* bdat.c */
bool bdat_input(struct gw_session *session);
void data_abort(struct gw_session *session); /* the transaction is forgotten */

#endif
