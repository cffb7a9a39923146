/* reader.h - mail read back out of the archive's files. */
#ifndef ARCHIVE_READER_H
#define ARCHIVE_READER_H

#include "index.h"
#include "stub.h"

#include <gateway/module.h>

/* Who has the octets of files of which only a stub is here. Asking blocks. */
struct remote {
	/* `len` octets of the file from `from` on. False: `why`; `later`: another time they may be
	 * there. */
	bool (*read)(struct remote *remote, const struct stub *stub, uint64_t from, void *out,
		     size_t len);
	char why[256];
	bool later;
};

/* An open file, the last that was asked for. Of a stub it is one without a name, into which what is
 * read comes first: the head from the stub, the rest from the remote. */
struct reader {
	const char *folder;
	const struct keys *keys;
	char name[SEGMENT_NAME];
	int file;
	struct opener opener;

	struct stub stub;
	struct remote *remote; /* NULL: nobody */
	bool proves;           /* what nobody can open any more is fetched too */
	uint64_t ready, reach; /* the record that is in the file, and up to where */
	/* why what was read last could not be had from the remote; "": it could. Whoever is told
	 * OPENED_DAMAGED looks here */
	char why[256];
	bool later; /* another time it may be */
};

void reader_init(struct reader *reader, const char *folder, const struct keys *keys);
void reader_finish(struct reader *reader);
/* Its file alone. */
void reader_close(struct reader *reader);
/* Its descriptor; -1: errno. Of a stub it has nothing until reader_has(). */
int reader_file(struct reader *reader, const char *name);
/* The octets of a record are in the file: its description, or (`content`) all of it, and then they
 * are those that were hashed when it was archived. False: they are not, `why`. */
bool reader_has(struct reader *reader, const struct place *place, bool content);
/* Whether its octets are elsewhere, so that reading it blocks. */
bool reader_is_away(struct reader *reader, const struct place *place);

/* The record's description, read as JSON, to be freed; NULL: *opened says why. Of thousands of
 * recipients it has the first. */
struct gw_json_value *reader_meta(struct reader *reader, const struct place *place,
				  struct record *record, enum opened *opened);
/* The same but for the recipients, which are all in `rcpts`, as rcpts_take() gives them. */
struct gw_json_value *reader_envelope(struct reader *reader, const struct place *place,
				      GPtrArray **rcpts);
/* The mail as it arrived, added to `out`, but no more than `most` octets. */
enum opened reader_arrived(struct reader *reader, const struct place *place, uint64_t most,
			   struct bulk *out);
/* What it is found by, to be finished whatever this gives: the same each time, so that the index
 * can take out again what it was given. */
enum opened reader_words(struct reader *reader, const struct place *arrived, struct words *words);
/* The mail as it left: `left` is the record of that, `arrived` of the message. */
enum opened reader_left(struct reader *reader, const struct place *arrived,
			const struct place *left, struct bulk *out);

#endif
