/* reply.h - replies of RFC 5321 section 4.2: reading a next hop's, writing ours. Pure functions. */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "base/buf.h"

/* A whole reply as a value: what an outcome, a DSN and a log line are made of. */
struct smtp_reply {
	int code;            /* 0: none yet */
	uint8_t enhanced[3]; /* RFC 3463 class.subject.detail; all 0: none was given */
	/* the lines' texts with '\n' between them, enhanced codes taken off; control characters
	 * other than '\n' are '?', bytes over 127 are kept only as valid UTF-8, else '?' */
	struct gw_str text;
};

/* Reads a reply line by line. */
struct reply_reader {
	struct buf text;
	int code;
	uint8_t enhanced[3];
	unsigned lines;
};

#define REPLY_LINES_MAX 512
#define REPLY_TEXT_MAX 16384 /* longer text is cut; the reply stays valid */
#define REPLY_LINE_MAX 65536 /* a longer line is a protocol error (the stream's limit) */

enum reply_state { REPLY_MORE, REPLY_DONE, REPLY_BAD };

void reply_reader_init(struct reply_reader *reader);
void reply_reader_finish(struct reply_reader *reader);

/* Feeds one line without its line end. DONE: *reply is whole and lives until the next line or
 * finish. BAD: no reply of the RFC (no three digits in 200..559 or so, codes that differ between
 * lines, too many lines): the link is to be given up. */
enum reply_state reply_reader_line(struct reply_reader *reader, struct gw_str line,
				   struct smtp_reply *reply);

/* Appends "250-first\r\n250 last\r\n" for a text whose lines are parted by '\n'; the enhanced code
 * ("2.1.0", may be NULL) stands in each line. Text is cleaned: control characters become '?', lines
 * are cut at 500 octets. 0, or -1: buffer full. */
int reply_write(struct buf *out, int code, const char *enhanced, struct gw_str text);

#endif
