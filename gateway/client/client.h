/* client.h - one connection to a next hop: the client's side of RFC 5321 as a table of places.
 * Inside client/ only.
 *
 * At each place at most one kind of reply is due; a reply that is not due, or is none, ends the
 * link and is not believed. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "client/relay_queue.h"
#include "loop/stream.h"
#include "smtp/framing.h"
#include "smtp/sasl.h"

enum client_at {
	AT_RESOLVE,
	AT_CONNECT,
	AT_TLS,
	AT_GREETING,
	AT_EHLO,
	AT_HELO,
	AT_STARTTLS,
	AT_LOGIN,
	AT_AUTH,
	AT_PROOF, /* a thread makes of the password what the next hop wants */
	AT_RSET,
	AT_MAIL,
	AT_RCPT,
	AT_DATA,
	AT_CHUNK,
	AT_BODY,
	AT_DOT,
	AT_TRY_MAIL,
	AT_TRY_RCPT,
	AT_TRY_RSET,
	AT_IDLE,
	AT_QUIT,
	AT_CLOSED,
};

/* What the next hop offers. */
enum client_offer {
	OFFER_PIPELINING = 1,
	OFFER_8BITMIME = 2,
	OFFER_SMTPUTF8 = 4,
	OFFER_DSN = 8,
	OFFER_SIZE = 16,
	OFFER_STARTTLS = 32,
	OFFER_AUTH = 64,
	OFFER_REQUIRETLS = 128,
	OFFER_CHUNKING = 256,
	OFFER_LIMITS = 512,
};

/* RFC 9422; 0: not said. Of more domains than CLIENT_DOMAINS no account is kept. */
struct client_limits {
	uint64_t mails, rcpts, domains;
};
#define CLIENT_DOMAINS 32

/* How much TLS a link is to have, and by whose word. */
enum link_wish { LINK_CLEAR, LINK_TRY, LINK_TLS };
struct link_level {
	enum link_wish wish;
	enum tls_check check; /* of LINK_TRY: looked at and told, not demanded */
	/* of DANE: in the answer that client->mx holds */
	const struct tls_tlsa *tlsa;
	size_t tlsa_count;
	bool sts; /* by the policy of the recipients' domain */
};

/* Of many dead addresses some are enough: the message has another turn. */
#define CLIENT_PLAN 20
struct client_target {
	const struct dns_host *host;
	const union dns_address *address;
};

/* A connection that is tried beside the first one, to another address of the same host. */
#define CLIENT_RIVALS 3
struct rival {
	struct stream *stream; /* NULL: there is none */
	union dns_address peer;
};

struct client {
	LIST_ENTRY(client) link; /* in a list of the relay queue, or of the dead */
	struct relay_queue *queue;
	struct attempt *attempt; /* NULL: it idles or quits */
	struct tap *tap;         /* who looks on; NULL: nobody */
	struct stream *stream;
	enum client_at at;
	int64_t since;       /* there since then, ms */
	int64_t timeout;     /* what the stream was told last */
	unsigned generation; /* of the snapshot it was opened for */
	bool established;    /* it can carry mail */
	bool reused;         /* it carried another attempt before */
	bool answered;       /* the next hop answered since this attempt came */
	bool pipelined;      /* the commands of the transaction are sent already */
	bool needs_rset;     /* a transaction may be open there: RSET first */
	bool chunked;        /* the message goes by BDAT, RFC 3030 */
	/* its content is on the way in this transaction: it can only go on */
	bool begun;
	bool showing;     /* so far only the first chunk of it, see AT_CHUNK */
	bool handed_over; /* the whole message, dot included, is in the stream */
	bool utf8_header; /* the message needs SMTPUTF8, whatever its addresses are */
	/* some address of the relay failed by itself, not for want of something here */
	bool blamed;
	int error;          /* why no connection could be begun, of errno; 0: one was */
	bool no_recipients; /* the dot closes a transaction without recipients */
	int64_t messages;   /* transactions so far */

	/* which of the relay's hosts and addresses is next */
	size_t host_at, address_at;
	struct resolve resolve;
	struct resolved *resolved;
	/* or, of an MX group, which of these; both are in its answer */
	const struct dns_answer *mx;
	const struct sts_policy *sts; /* of the domain, to be enforced; or NULL */
	const char *passed_over;      /* why some host was; NULL: none was */
	struct client_target plan[CLIENT_PLAN];
	size_t plan_count, plan_at;
	union dns_address peer; /* the one that client->stream goes to */
	struct rival rivals[CLIENT_RIVALS];
	struct timer race; /* the next rival's time */
	/* of client->peer */
	struct link_level level;
	/* TLS failed there: once more without, where the level allows it */
	bool clear;
	enum tls_check proven; /* by the certificate of the link */
	struct gw_str doubt;   /* why the link has less than it could; empty: it does not */

	/* found out about this link */
	struct arena arena;
	struct gw_str name, host, capabilities, mechanisms, tls;
	unsigned offers;
	uint64_t size_limit; /* 0: not said */
	struct client_limits limits;
	uint64_t mails; /* transactions begun on this link */

	struct reply_reader reader;
	struct sasl *sasl;
	unsigned challenges; /* of this login */
	/* a token was refused on this link, so; another was asked for */
	bool refused;
	struct outcome refusal;             /* in the attempt's arena */
	struct proof *proof;                /* at AT_PROOF, and until its thread is through */
	bool bound_refused;                 /* a login bound to this link was */
	const struct smtp_reply *challenge; /* during AUTH */

	/* the transaction */
	size_t window_kept;  /* of those answered: all but the left over */
	size_t window_taken; /* of those answered: with 2xx */
	size_t left_over;    /* of those answered: too many for this transaction */
	/* how many were taken before the first of them; 0: others were taken after it */
	size_t too_many_after;
	bool said_too_many; /* in so many words */
	struct gw_str domains[CLIENT_DOMAINS];
	size_t domain_count;
	size_t *window; /* recipients in it, as places in the attempt */
	size_t window_count, window_room, window_at, next_rcpt;
	uint64_t offset, size;
	struct data_writer writer;
};

/* One place. */
struct client_place {
	enum stage stage; /* what an outcome says that is decided here */
	size_t timeout;   /* in struct settings; 0: none or another */
	void (*begin)(struct client *);
	void (*reply)(struct client *, const struct smtp_reply *); /* NULL: no reply is due */
};
extern const struct client_place client_places[];

/* client.c */
/* a slot is taken; NULL: no memory */
struct client *client_create(struct relay_queue *queue, struct attempt *attempt);
void client_open(struct client *client); /* begins to connect */
void client_free(struct client *client);
/* an idle one gets to work */
void client_carry(struct client *client, struct attempt *attempt);
void client_enter(struct client *client, enum client_at at);
/* says QUIT; it carries nothing */
void client_quit(struct client *client);
/* at once; it carries nothing any more */
void client_close(struct client *client);
/* takes the attempt off, untold */
void client_detach(struct client *client);
stream_handler client_event;

/* client_end.c: every way for a link to end before its time. The attempt is settled, tried
 * elsewhere, or waits again. */
/* in our words, at the present stage */
void client_lost(struct client *client, struct gw_str why);
void client_failed(struct client *client, int error); /* a system call's */
/* silent: no name server answers */
void client_unresolved(struct client *client, const char *why, bool silent);
/* the next hop does not speak SMTP */
void client_broken(struct client *client, const char *why);
/* With the refusal that was kept: nobody has another login. */
void client_still_refused(struct client *client);
void client_refused(struct client *client, const struct smtp_reply *reply);
/* By us; the link is fine. */
void client_turned_down(struct client *client, enum gw_status status, bool link,
			const char *enhanced, const char *why);
/* the attempt is given up: what may have arrived is unknown */
void client_abandoned(struct client *client);
/* the message cannot be read */
void client_unreadable(struct client *client);
/* The link is of no more use, and nobody is to blame: recipients without an outcome go on over
 * another. */
void client_change_link(struct client *client);
void client_retire(struct client *client); /* the same, with QUIT */

/* client_connect.c */
/* the next address or host; false: there is none */
bool client_connect_next(struct client *client);
/* the next address of the same host; NULL: there is none */
const union dns_address *client_connect_more(const struct client *client);
void client_connect_skip(struct client *client); /* that one is taken */
/* NULL: client->error says why */
struct stream *client_connect_to(struct client *client, const union dns_address *peer);
void client_connect_name(struct client *client); /* after client->peer was set */
/* the same address without TLS; false: it may not, or was so already */
bool client_connect_clear(struct client *client, struct gw_str why);
void client_connected(struct client *client);
void client_disconnect(struct client *client); /* forgets the link and what it told */
void client_greeting_reply(struct client *client, const struct smtp_reply *reply);
void client_ehlo_begin(struct client *client);
void client_ehlo_reply(struct client *client, const struct smtp_reply *reply);
void client_helo_begin(struct client *client);
void client_helo_reply(struct client *client, const struct smtp_reply *reply);

/* client_tls.c */
/* of client->peer, and nothing is known of the link */
void client_tls_level(struct client *client);
/* TLS failed, for `why`: may the same address be tried without? */
bool client_tls_gives_up(struct client *client, struct gw_str why);
/* after EHLO: STARTTLS is next; false: the link stays as it is */
bool client_tls_follows(struct client *client);
void client_tls_begin(struct client *client);
void client_tls_stands(struct client *client);
struct gw_str client_tls_wanted(const struct client *client); /* "opportunistic"; stays */
struct gw_str client_tls_got(const struct client *client);    /* "name"; stays */
void client_starttls_begin(struct client *client);
void client_starttls_reply(struct client *client, const struct smtp_reply *reply);

/* client_link.c: tells who counts what becomes of TLS (attempt->links); does nothing where nobody
 * does. */
void client_link_stands(struct client *client);
/* STARTTLS is not offered, and the mail goes on without */
void client_link_clear(struct client *client);
/* it ended at STAGE_TLS */
void client_link_failed(struct client *client, const struct outcome *outcome);
/* a host is passed over for its policy */
void client_link_passed(struct client *client, const struct dns_host *host);

/* client_race.c */
void client_race_begin(struct client *client); /* client->stream began to connect */
void client_race_end(struct client *client);   /* closes all rivals */
/* client->stream failed: a rival is in its place; false: there is none */
bool client_race_goes_on(struct client *client);
/* an event of another stream than client->stream; true: that one is client->stream now */
bool client_race_won(struct client *client, struct stream *stream, enum stream_event event);

/* client_mx.c */
/* the host of client->peer; NULL: it is none of an MX group */
const struct dns_host *client_mx_host(const struct client *client);
void client_mx_begin(struct client *client, const struct dns_answer *mx);
/* sets its host's name too; NULL: there is none */
const union dns_address *client_mx_next(struct client *client);

/* client_hello.c */
void client_offers(struct client *client, struct gw_str text);

/* client_auth.c */
void client_login_begin(struct client *client);
void client_auth_reply(struct client *client, const struct smtp_reply *reply);

/* client_proof.c: sasl_salt on a thread of the pool; client_proven follows, unless the link ends
 * before. False: no memory. */
bool client_proof_begin(struct client *client, struct gw_str secret);
void client_proof_end(struct client *client); /* nobody waits for it any more */
/* client_auth.c; salted NULL: it could not be done */
void client_proven(struct client *client, const char *salted);

/* client_turn.c */
void client_established(struct client *client); /* the link stands: sends the attempt's message */
/* the next transaction, or the end of the attempt */
void client_transact(struct client *client);

/* client_window.c */
/* The next recipients that nothing is decided about, as many as the relay takes at once. -1: no
 * memory. */
int client_window_fill(struct client *client);
size_t client_window_taken(const struct client *client); /* how many the next hop took */
/* The reply to the present RCPT: true where the recipient is left for the next transaction; it has
 * no outcome then. */
bool client_window_leaves(struct client *client, const struct smtp_reply *reply);
void client_window_answered(struct client *client, const struct smtp_reply *reply); /* else */
/* All are answered, what is left stays in; how many were taken. */
size_t client_window_close(struct client *client);

/* client_mail.c */
void client_rset_begin(struct client *client);
void client_rset_reply(struct client *client, const struct smtp_reply *reply);
void client_mail_begin(struct client *client);
void client_mail_reply(struct client *client, const struct smtp_reply *reply);
void client_rcpt_begin(struct client *client);
void client_rcpt_reply(struct client *client, const struct smtp_reply *reply);
void client_data_begin(struct client *client);
void client_data_reply(struct client *client, const struct smtp_reply *reply);
void client_chunk_reply(struct client *client, const struct smtp_reply *reply);
void client_body_reply(struct client *client, const struct smtp_reply *reply);
void client_dot_reply(struct client *client, const struct smtp_reply *reply);

/* client_envelope.c: what MAIL and RCPT say, and who cannot be reached over this link */
/* settles recipients that need what the next hop does not offer */
void client_check(struct client *client);
void client_put_mail(struct client *client, struct buf *out);
void client_put_rcpt(struct client *client, size_t nth, struct buf *out);

/* client_tap.c: for who looks on, if anybody does */
void client_tell(struct client *client, char who, struct gw_str text);
void client_say(struct client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void client_tell_command(struct client *client, struct gw_str line);
void client_tell_place(struct client *client);
void client_tell_tls(struct client *client);
/* the link stands: asks what is to be asked, then QUIT */
void client_try(struct client *client);
void client_try_mail_begin(struct client *client);
void client_try_mail_reply(struct client *client, const struct smtp_reply *reply);
void client_try_rcpt_begin(struct client *client);
void client_try_rcpt_reply(struct client *client, const struct smtp_reply *reply);
void client_try_rset_begin(struct client *client);
void client_try_rset_reply(struct client *client, const struct smtp_reply *reply);

/* client_body.c */
/* a first chunk that shows whether the next hop reads chunks */
void client_chunk_begin(struct client *client);
void client_body_begin(struct client *client);
void client_body_more(struct client *client); /* the stream has room again */

/* Whether 4xx or 5xx begins there: all that a next hop may say before it has the last of a message.
 */
bool client_is_refusal(struct gw_str line);

/* May a command be sent now? Input that nobody waits for ends the link. */
bool client_may_speak(struct client *client);
void client_put(struct client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static inline const struct settings *client_settings(const struct client *client)
{
	return &client->attempt->snapshot->settings;
}

static inline struct outcome *client_windowed(const struct client *client, size_t at)
{
	return &client->attempt->outcomes[client->window[at]];
}

/* What is known of the machine at the other end. */
static inline struct hop client_hop(const struct client *client)
{
	return hops_known(&client->queue->shared->hops, &client->peer);
}

/* --- tls_required.c --- */

/* True: what DANE or MTA-STS demands of links to these hosts is not to count for this message,
 * since its sender says so (TLS-Required: No, RFC 8689). */
bool tls_not_required(const struct attempt *attempt, const struct dns_answer *mx);

#endif
