/* reader.h - mail read back out of the archive's files. */
#ifndef ARCHIVE_READER_H
#define ARCHIVE_READER_H

#include "index.h"

#include <gateway/module.h>

/* An open file, the last that was asked for. */
struct reader {
	const char *folder;
	const struct keys *keys;
	char name[SEGMENT_NAME];
	int file;
	struct opener opener;
};

void reader_init(struct reader *reader, const char *folder, const struct keys *keys);
void reader_finish(struct reader *reader);
/* Its file alone. */
void reader_close(struct reader *reader);
/* Its descriptor; -1: errno. */
int reader_file(struct reader *reader, const char *name);

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
