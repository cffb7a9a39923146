/* transport.h - hands one message to one relay over SMTP: relay queues, a pool of connections, the
 * client's protocol.
 *
 * Each worker has a relay queue per relay (by name): attempts that wait, connections in use,
 * connections that idle. How many connections a relay has at once over all workers is counted in
 * atomics shared by name, which outlive reloads. A relay with host = "mx" has a relay queue per MX
 * group instead: per set of mail hosts, found by the domain of the attempt's recipients. An attempt
 * waits in its relay queue until a connection is free or may be opened, then runs MAIL, RCPT, DATA
 * there. A worker that holds idle connections gives one up when another worker waits for the relay.
 */
#ifndef CLIENT_TRANSPORT_H
#define CLIENT_TRANSPORT_H

#include "client/outcome.h"
#include "client/sts.h"
#include "loop/dns.h"
#include "mail/edits.h"
#include "module/snapshot.h"
#include "queue/runtime.h"

struct relay_queue;
struct tap;

/* What became of TLS on a connection, RFC 8460; in the attempt's arena. */
struct link_note {
	struct gw_link link;
	struct link_note *next;
};

/* One try of one message at one relay, embedded in a delivery. The owner fills in the first part
 * and calls transport_send. For a relay with host = "mx" all recipients are of one domain. */
struct attempt {
	struct worker *worker;
	struct snapshot *snapshot;
	struct gw_relay *relay;
	struct edits *edits; /* bytes and return path */
	struct arena *arena; /* for what is found out */
	struct gw_rcpt **rcpts;
	struct outcome *outcomes; /* one for each recipient, zeroed */
	size_t count;
	/* found out: it came back before its turn, and what has no outcome is to go by its route
	 * anew */
	bool unserved;
	bool sent_back; /* its turn is not to come: transport_send_back */
	/* somebody looks on, and nothing is sent: tap.h; else NULL */
	struct tap *tap;
	bool urgent; /* tried now, whatever is known about the relay */
	/* somebody counts what becomes of TLS at a domain's mail hosts: `links` has it */
	bool wants_links;
	/* The next hop wants a login and the relay has `auth`: the owner finds one and calls
	 * attempt_login, now or later. A token that is refused is asked for once more on the same
	 * link, with login_refused set. */
	void (*login)(struct attempt *attempt, struct gw_str mechanisms);
	/* Some outcomes are set, and the attempt goes on with another transaction. NULL: nobody
	 * wants to know. */
	void (*progress)(struct attempt *attempt);
	/* Every outcome is set; from the loop, never from inside transport_send. The attempt is the
	 * owner's again. */
	void (*done)(struct attempt *attempt);

	/* found out on the way, for facts and logs; in the arena or empty */
	struct gw_str host;         /* "mx.example.net [192.0.2.7]:25" */
	struct gw_str capabilities; /* EHLO keywords parted by '\n' */
	struct gw_str mechanisms;   /* parted by blanks */
	struct attempt_tls {
		struct gw_str text;   /* "TLSv1.3 TLS_AES_256_GCM_SHA384" */
		struct gw_str wanted; /* the words of GW_DELIVERY_TLS_WANTED */
		struct gw_str got;    /* what the certificate proved, of the same words */
		struct gw_str doubt;  /* why it is less than it could be */
	} tls;
	struct link_note *links; /* of connections made for it, the last first */
	/* "535 5.7.3 no", and the JSON that came before it; empty: no login was refused */
	struct gw_str login_refused;
	/* the relay queue, as the wait key of mail that waits for it; empty: it came to none */
	struct gw_str way;
	bool down; /* no link could be made there: it is woken when one can */
	/* monotonic ms: entered the relay queue, got a connection, done */
	int64_t queued_at, began_at, ended_at;

	struct attempt *next;             /* the transport's */
	struct relay_queue *queue;        /* the transport's: where it waits or is carried */
	struct dns_mx_question question;  /* the transport's: it waits for the answer */
	const struct dns_answer *mx;      /* the transport's */
	struct sts_question sts_question; /* the transport's */
	const struct sts_policy *sts;     /* the transport's: to be enforced; or NULL */
	/* the transport's: with wants_links, one in testing; or NULL */
	const struct sts_policy *sts_tested;
	/* the transport's: the connection that carries it, NULL while it waits */
	struct client *client;
	bool retried; /* the transport's: it met a stale connection once */
	/* the transport's: a next hop that offers BDAT did not know it */
	bool by_data;
};

/* Once on each worker, before it starts; 0, or -1. transport_stop (on the worker) closes what
 * idles; after it attempts that have no connection yet end deferred. transport_finish frees what
 * start made, when the loop no longer runs and no attempt is left. */
int transport_start(struct worker *worker);
void transport_stop(struct worker *worker);
void transport_finish(struct worker *worker);

void transport_send(struct attempt *attempt);

/* An attempt that waits comes back unserved; one that a connection carries goes on. */
void transport_send_back(struct attempt *attempt);

/* Relays were closed, or there is another configuration: what stands in a relay queue and may not
 * go from there comes back, and a relay of another configuration is no longer down, on all workers.
 * Whoever wakes what waits for relays calls this first. [any thread] */
void transport_look_again(void);

/* The owner gives up (shutdown): an attempt that waits is taken out; one that runs has its
 * connection closed, and recipients whose content is out without an answer are unknown. Outcomes
 * that are set stay. done will not run. */
void transport_abandon(struct attempt *attempt);

/* The answer to `login`: ACCEPT with what to log in as, or NEXT, WAIT, anything else: the attempt
 * ends, its outcomes deferred at STAGE_AUTH. */
void attempt_login(struct attempt *attempt, enum gw_verdict verdict, const struct gw_login *login);

/* For `gatewayctl status`: calls each with every relay's numbers over all workers. [any thread] */
struct relay_load {
	const char *name;
	int64_t connections, idle, waiting, sent, failed;
	int64_t succeeded_at, failed_at; /* wall ms; 0: never since the start */
	/* wall ms: no link could be made, and then another one is tried; 0: it is not so */
	int64_t next_try;
	/* with host = "mx": sets of mail hosts that are sent to, and as above of those of them to
	 * which no link can be made */
	int64_t groups, groups_down, groups_next_try;
	char error[256]; /* why it failed then */
};
void transport_each(void (*each)(void *arg, const struct relay_load *load), void *arg);

/* The attempts that this machine itself could not make, since the start, and why the last one. [any
 * thread] */
struct transport_own_fault {
	uint64_t count;
	int64_t at; /* wall ms */
	char relay[64], text[256];
};
void transport_own_fault(struct transport_own_fault *fault);

#endif
