/* framing.h - the bytes of DATA (RFC 5321 section 4.5.2) off the wire and onto it. Pure functions.
 *
 * Only CRLF ends a line and only CRLF.CRLF ends a message. A CR without LF or an LF without CR is a
 * fault that the reader reports once the message is whole: such a message is refused as a whole (no
 * mail can be smuggled in another). */
#ifndef SMTP_FRAMING_H
#define SMTP_FRAMING_H

#include "base/buf.h"

/* Takes the dots off, keeps every other byte. Zero it to begin a message (the state is then "at the
 * start of a line"). */
struct data_reader {
	unsigned state; /* where in CRLF.CRLF */
	bool bare;      /* a bare CR or LF was seen */
	bool eight_bit; /* a byte over 127 was seen */
	bool nul;       /* a NUL was seen */
	bool long_line; /* a line of more than 998 octets was seen (RFC 5322 section 2.1.1) */
	uint32_t line;  /* octets in the present line */
	bool done;      /* the final dot was read */
};

void data_reader_init(struct data_reader *reader);

/* Reads from `in`, writes at most in.len + 4 bytes to `out`; gives how many bytes of `in` were
 * taken (all, or up to and with the end of data: then reader->done) and in `*written` how many were
 * written. Any split of the input gives the same output. */
size_t data_read(struct data_reader *reader, struct gw_str in, char *out, size_t *written);

/* The same look at bytes that come by number (BDAT): nothing is taken off and nothing ends them;
 * bare, eight_bit, nul and long_line are told. data_scan_end: no more come, so a CR that still
 * waits for its LF is bare. */
void data_scan(struct data_reader *reader, struct gw_str in);
void data_scan_end(struct data_reader *reader);

/* Adds dots. Zero it to begin; line_start is kept between pieces. */
struct data_writer {
	/* the last byte written did not end a line (zeroed: at the start of one) */
	bool mid_line;
	bool after_cr;
};

/* Appends `in` with its dots doubled. 0, or -1: buffer full. */
int data_write(struct data_writer *writer, struct gw_str in, struct buf *out);

/* How many bytes data_write would append at most for `in` that begins as `writer` says, without
 * writing: exact. */
size_t data_written_size(const struct data_writer *writer, struct gw_str in);

/* Appends what ends the message: ".\r\n", with CRLF before it where the last line has none. */
int data_finish(struct data_writer *writer, struct buf *out);

#endif
