/* peer.h - a next hop for tests: listens on 127.0.0.1 in a thread and answers as its script says.
 */
#ifndef TESTS_DELIVER_PEER_H
#define TESTS_DELIVER_PEER_H

#define CONF_MODULE openssl_conf_module /* the name is one of gateway/conf too */
#include <openssl/ssl.h>
#undef CONF_MODULE
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Answers instead of replies. */
#define PEER_CLOSE "!close"     /* closes */
#define PEER_SILENCE "!silence" /* says nothing until the client leaves */

struct peer_script {
	/* NULL: the usual */
	const char *greeting, *ehlo, *helo, *starttls, *auth, *rset, *mail, *rcpt, *data, *dot;
	const char *after_greeting; /* said unasked behind it */
	int messages;               /* closes after so many transactions; 0: never */
	bool once;                  /* the answers above hold for the first connection only */
	/* closes the first connection when the first message is done, after its reply */
	bool idle_close;
	bool chatters_after_354; /* sends "250 forged" in the segment of the 354 */
	SSL_CTX *tls;            /* implicit from the start, or for STARTTLS */
	bool implicit;
	int drip_us;              /* waits so long before each byte it sends */
	int slow_ms;              /* waits before it answers the dot */
	const char *login_prompt; /* to LOGIN, twice */
	const char *auth_again;   /* to the second AUTH of a connection; NULL: as the first */
	bool endless_login;       /* asks with each answer again */
	int rcpt_most;            /* so many are taken in a transaction, */
	const char *too_many;     /* and then this is said */
	/* said when `early_after` octets of the message came, which are the last read */
	const char *early;
	int early_after;
	bool early_once;  /* on the first connection only */
	bool early_close; /* closes after it; else it waits for the client to leave */
	int deaf_ms;      /* reads nothing for so long after 354, then leaves */
	/* the reply to each chunk; else its size as a number, or 503 without a recipient */
	const char *bdat;
	bool no_chunks;          /* the octets of a chunk that was not answered 2xx are commands */
	int messages_before_dot; /* so many are taken before `dot` holds */
	int chunks_before_bdat;  /* so many chunks are taken before `bdat` holds */
};

struct peer_text {
	char *text;
	size_t len, room;
};

struct peer {
	struct peer_script script;
	int listener;
	unsigned short port;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_t sessions[256];
	int fds[256];
	int session_count;
	bool stopping;
	/* what was seen */
	_Atomic int connections, open, most_open, messages, quits, rsets, reads;
	struct peer_text log;     /* the command lines that came */
	struct peer_text message; /* the last message, dots still doubled */
	_Atomic int chunks;       /* taken */
};

void peer_start(struct peer *peer, const struct peer_script *script);
void peer_stop(struct peer *peer);
int peer_saw(struct peer *peer, const char *text); /* how often the log has it */
SSL_CTX *peer_tls(void);

#endif
