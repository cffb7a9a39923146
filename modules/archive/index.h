/* index.h - what a search asks: an SQLite file a month, FOLDER/index/2026-11.db, made of the
 * archive's files and made anew where it is missing.
 *
 * Nothing that is only here is ever needed: the files have all of it. What an index knows is whole
 * batches that are on disk. A message's row is in the month in which it arrived here, and what came
 * of it later too. */
#ifndef ARCHIVE_INDEX_H
#define ARCHIVE_INDEX_H

#include "segment.h"
#include "words.h"

#include <stdatomic.h>

struct index;

/* For one thread. `writes`: it may be made; else it is only read. */
struct index *index_open(const char *folder, bool writes);
void index_close(struct index *index);

/* --- adding: what was begun index_end() ends, whether it was good or not --- */

struct place {
	char name[SEGMENT_NAME];
	uint64_t at;
};

struct indexed_mail {
	const char *id; /* of the message */
	int64_t time;
	const char *sender, *client, *login, *type, *peer, *sha256;
	int64_t size, until;
	const char *const *rcpts; /* NULL at the end */
	const struct words *words;
	struct place place;
};

struct indexed_left {
	const char *id, *relay, *return_path, *sha256;
	int64_t time, size;
	struct place place;
};

struct indexed_outcome {
	const char *id, *rcpt, *relay, *status, *text;
	int64_t time, code;
	struct place place;
};

/* Up to where the file is indexed. */
uint64_t index_position(struct index *index, const char *name);
bool index_mail(struct index *index, const struct indexed_mail *mail);
bool index_left(struct index *index, const struct indexed_left *left);
bool index_outcome(struct index *index, const struct indexed_outcome *outcome);
/* Takes the message of that number (struct hit) out, before the keys of its records (struct place)
 * are destroyed: until index_destroyed() says of each that this is done they are remembered, over a
 * power cut too. The words are those it was added with; NULL: nobody knows them any more. */
bool index_drop(struct index *index, const char *number, const struct words *words,
		const GArray *places);
struct doomed {
	struct place place;
	char month[8]; /* that of the message */
};
bool index_destroyed(struct index *index, const struct doomed *doomed);
/* Adds those (struct doomed) of which it has not been said. */
bool index_doomed(struct index *index, GArray *out);
/* With up to where the file is indexed now. False: nothing of it is there. */
bool index_end(struct index *index, const char *name, uint64_t position);

/* Makes sure that nothing of what was taken out since index_owe_scrub() stands anywhere in its
 * files: that is owed until it was done, also by the next process. */
bool index_owe_scrub(struct index *index);
bool index_owes_scrub(const struct index *index);
void index_scrub(struct index *index, const atomic_bool *stop);

/* --- asking --- */

/* What a search is for; NULL or 0: anything. */
struct query {
	const char *sender, *recipient, *person; /* an address, or "@domain" */
	const char *subject, *words, *attachment, *message_id, *client, *type, *relay, *id;
	const char *mail;     /* the ID of the only one that is meant */
	int64_t since, until; /* ms; until: before that */
	int64_t ended;        /* ms: whose `until` is before this and not 0 */
	const char *before;   /* the last that is known: "2026-11/17" */
	int64_t limit;
	char bare[1000]; /* message_id without its brackets */
};

struct hit {
	char number[32]; /* "2026-11/17": newer ones are greater */
	const char *id, *sender, *client, *login, *type, *peer, *sha256, *subject, *message_id,
		*rcpts, *status;
	int64_t time, size, until, count; /* count: of recipients */
	struct place place;
};
/* The newest first; `each` asks this index nothing. False: it failed, or took too long. */
bool index_search(struct index *index, const struct query *query,
		  void (*each)(void *arg, const struct hit *hit), void *arg);

/* What is known of the hit: the forms in which it left, and what became of it. */
struct trace {
	bool is_outcome;
	const char *relay, *rcpt, *status, *text, *return_path, *sha256;
	int64_t time, code, size;
	struct place place;
};
bool index_traces(struct index *index, const char *number,
		  void (*each)(void *arg, const struct trace *trace), void *arg);

/* Adds where the hit was archived once more: two deliveries that left together, or a kill before
 * anybody knew of the first. For an index that may be made. */
bool index_copies(struct index *index, const char *number, GArray *places);

#endif
