/* store.h - what is remembered on disk: messages that left with a return path of ours, until their
 * tokens expire, the bounces, for some days, and whom no mail goes to.
 *
 * SQLite in one file, which one process has open once, however many instances ask for it. What is
 * written goes through store_write() (writer.h). Reads have a connection of their own, and wait for
 * no write. */
#ifndef BOUNCE_STORE_H
#define BOUNCE_STORE_H

#include "findings.h"
#include "token.h"

struct store;

#define DAY_MS (24 * 3600 * 1000LL)
#define SENT_HEADER_MAX 2048
#define SENT_RCPTS_MAX 8192

/* A message that left with a return path of its own: to the one recipient that this is of, or to
 * all of its. */
struct sent {
	struct path path;
	char queue_id[16];        /* the same, as the queue and the log have it */
	int64_t until;            /* ms since 1970 UTC */
	int64_t received, size;   /* 0: not known */
	char sender[ADDRESS_MAX]; /* the client's return path */
	char author[ADDRESS_MAX]; /* of its From field */
	char message_id[256], envelope_id[128], client[256], type[65], relay[256];
	/* they, as many as fit, each "address" or "address\tORCPT", ended by '\n' */
	char rcpts[SENT_RCPTS_MAX];
	bool is_named;                /* its Message-ID finds it too */
	size_t rcpt_count;            /* all of those */
	char header[SENT_HEADER_MAX]; /* fields that its sender knows it by, CRLF line ends */
};

/* A bounce of one recipient; of a message that is not known any more `sent` has its path alone. */
struct record {
	int64_t time;
	const struct sent *sent;
	const struct finding *finding;
	enum source source;
	const char *stage;     /* of the session; "", NULL: none */
	const char *reporting; /* who made the report; the same */
	uint32_t attempt;
	struct gw_str report; /* what came, as much of it as is kept; empty: a reply in a session */
	bool of_others;       /* of nobody whom the message went to, as far as is known */
	bool owed;            /* the client has to hear of it */
	bool suppresses;      /* nothing of this client and type goes to him any more */
	int64_t suppressed_until; /* ms since 1970 UTC; 0: until somebody takes it back */
};

#define REPORT_MAX (64 * 1024)

/* NULL: *why says why not, until the next call. To be closed as often as it was opened. */
struct store *store_open(const char *path, const char **why);
void store_close(struct store *store);

/* In work() of a writing: 0, or -1. */
int store_add_sent(struct store *store, const struct sent *sent);
/* 0; 1: it is not known; -1. */
int store_find(struct store *store, struct path path, struct sent *sent);
/* The same of the last one of that Message-ID which is_named. */
int store_find_named(struct store *store, const char *message_id, struct sent *sent);
/* In work() of a writing: those of one mail, or of one session: 0, and `numbers` of each is its
 * number, 0 where it is a copy of one that is there, or one of others too many for its message, and
 * nothing changed; -1. */
int store_add_records(struct store *store, const struct record *records, size_t count,
		      int64_t *numbers);
/* When they are kept: whom no mail goes to from now on. */
void store_learn(struct store *store, const struct record *records, size_t count,
		 const int64_t *numbers);
/* The same three in one, on disk when it returns, for who may wait: 0, or -1, and none is kept. */
int store_mail(struct store *store, const struct record *records, size_t count, int64_t *numbers);
/* Forgets what is over, a part at a time; does nothing when it did so a little while ago. */
void store_forget(struct store *store, int64_t now, int64_t keep);

#endif
