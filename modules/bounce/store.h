/* store.h - what is remembered on disk: messages that left with a return path of ours, until their
 * tokens expire, and the bounces, for some days.
 *
 * SQLite in one file. Writes are for the pool: they block, and another thread may be writing. What
 * is written is safe from a kill at once, from a power cut a little later; that of store_mail() is
 * on disk when it returns. */
#ifndef BOUNCE_STORE_H
#define BOUNCE_STORE_H

#include "findings.h"

struct store;

#define SENT_HEADER_MAX 2048
#define SENT_RCPTS_MAX 8192

/* A message that left. */
struct sent {
	uint64_t id;
	int64_t until;            /* ms since 1970 UTC */
	char sender[ADDRESS_MAX]; /* the client's return path */
	char message_id[256], envelope_id[128], client[256], type[65], relay[256];
	char rcpts[SENT_RCPTS_MAX];   /* its recipients, as many as fit, each ended by '\n' */
	size_t rcpt_count;            /* all of them */
	char header[SENT_HEADER_MAX]; /* fields that its sender knows it by, CRLF line ends */
};

/* A bounce of one recipient; of a message that is not known any more `sent` has its id alone. */
struct record {
	int64_t time;
	const struct sent *sent;
	const struct finding *finding;
	enum source source;
	struct gw_str report; /* what came, as much of it as is kept; empty: a reply in a session */
	bool of_others;       /* of nobody whom the message went to, as far as is known */
};

#define REPORT_MAX (64 * 1024)

/* NULL: *why says why not, until the next call. */
struct store *store_open(const char *path, const char **why);
void store_close(struct store *store);

/* 0, or -1. */
int store_sent(struct store *store, const struct sent *sent);
/* 0; 1: it is not known; -1. */
int store_find(struct store *store, uint64_t id, struct sent *sent);
/* 1: it was not known yet; 0: a copy of one that is there, or one of others too many for its
 * message, and nothing changed; -1. */
int store_bounce(struct store *store, const struct record *record);
/* Those of one mail, with one sync: 0, and is_new of each says what store_bounce() would; -1: none
 * is kept. */
int store_mail(struct store *store, const struct record *records, size_t count, bool *is_new);
/* Forgets what is over, a part at a time; does nothing when it did so a little while ago. */
void store_forget(struct store *store, int64_t now, int64_t keep);

#define ROW_TEXTS 13

/* A row of the list, newest first. */
struct row {
	int64_t number, time;
	uint64_t id;
	int code;
	/* recipient kind reason status diagnostic source rule action client type relay message_id
	 * sender
	 */
	const char *texts[ROW_TEXTS];
	struct gw_str report; /* of store_get() alone */
};
extern const char *const row_names[ROW_TEXTS + 1]; /* of texts; NULL at the end */

/* Those whose columns are as asked for: `filters` beside row_names, NULL: any. -1: it failed. */
int store_list(struct store *store, const char *const filters[ROW_TEXTS], int64_t limit,
	       void (*each)(void *arg, const struct row *row), void *arg);
/* 0; 1: there is none of that number; -1. */
int store_get(struct store *store, int64_t number, void (*each)(void *arg, const struct row *row),
	      void *arg);

#endif
