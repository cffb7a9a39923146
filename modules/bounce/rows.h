/* rows.h - the bounces that are remembered, as they are asked for. Numbers are given in the order
 * in which bounces are committed, one writer at a time, and never twice: so who asks for what is
 * after the last number that it saw hears of each bounce once. [any] */
#ifndef BOUNCE_ROWS_H
#define BOUNCE_ROWS_H

#include "store.h"

/* Columns that are texts, each of which may be asked for. */
/* clang-format off */
#define ROW_TEXTS(X) \
	X(recipient) X(original_recipient) X(domain) X(event) X(kind) X(reason) \
	X(status) X(diagnostic) X(source) X(stage) X(rule) X(action) X(remote_mta) \
	X(remote_ip) X(reporting_mta) X(client) X(type) X(relay) X(queue_id) \
	X(message_id) X(envelope_id) X(sender) X(author)
/* clang-format on */

enum row_text {
#define ROW_ENUM(name) ROW_##name,
	ROW_TEXTS(ROW_ENUM)
#undef ROW_ENUM
		ROW_TEXT_COUNT
};
extern const char *const row_names[ROW_TEXT_COUNT];

struct row {
	int64_t number, time, received, size;
	int code, attempt;
	bool is_infrastructure, is_unread, is_suppressed;
	int64_t report_number; /* 0: nothing that came is kept */
	const char *texts[ROW_TEXT_COUNT];
	struct gw_str report; /* of rows_get() alone */
};
typedef void row_function(void *arg, const struct row *row);

/* Which; what is NULL, 0 or false lets all pass. */
struct query {
	const char *texts[ROW_TEXT_COUNT];
	int64_t since, until; /* ms since 1970 UTC */
	bool unread, infrastructure;
	bool bare;             /* no table for people beside the items */
	bool ascending;        /* from after `after` on; else the newest first, before `before` */
	int64_t after, before; /* numbers */
	int64_t limit;
};

/* How far the answer goes: a question looks at a bounded number of rows. */
struct page {
	int64_t next;  /* the `after` of the next question; of the newest first, of what comes then
			*/
	int64_t older; /* of the newest first: the `before` of the next question; 0: none */
	int64_t newest;
	bool more; /* there is more to be asked for now */
};

/* 0; 1: `after` is a number that was never given; -1: it failed. */
int rows_list(struct store *store, const struct query *query, struct page *page, row_function *each,
	      void *arg);
/* 0; 1: there is none of that number; -1. */
int rows_get(struct store *store, int64_t number, row_function *each, void *arg);

/* What is ours to mend is unread until this was said of it; number 0: of all that there are. 0; 1:
 * there is none of that number; -1. */
int rows_read(struct store *store, int64_t number);
/* What is unread, counted up to a bound; -1. */
int64_t rows_unread(struct store *store);

/* --- what the client has to hear of yet --- */

/* A bounce mail, by what its report is called. */
struct report_name {
	struct path path;
	int64_t time;
};

/* Of before that time, the oldest first. 0, -1. */
int rows_owed_names(struct store *store, int64_t before, int64_t limit,
		    void (*each)(void *arg, const struct report_name *name), void *arg);
/* What one of them said. 0, -1. */
int rows_owed(struct store *store, const struct report_name *name, row_function *each, void *arg);

/* --- how many --- */

/* What they are counted by. */
#define TALLY_TEXTS(X) X(client) X(type) X(relay) X(domain) X(kind) X(reason)
enum tally_text {
#define TALLY_ENUM(name) TALLY_##name,
	TALLY_TEXTS(TALLY_ENUM)
#undef TALLY_ENUM
		TALLY_TEXT_COUNT
};
extern const char *const tally_names[TALLY_TEXT_COUNT];

struct tally {
	const char *texts[TALLY_TEXT_COUNT]; /* NULL: not by this one */
	int64_t day;                         /* since 1970, UTC; -1: not by day */
	int64_t count;
};

struct tally_query {
	const char *texts[TALLY_TEXT_COUNT]; /* NULL: any */
	bool by[TALLY_TEXT_COUNT], by_day;
	int64_t since, until; /* days, both counted */
	int64_t limit;
};

/* The most first. 0, -1. */
int rows_tally(struct store *store, const struct tally_query *query,
	       void (*each)(void *arg, const struct tally *tally), void *arg);

#endif
