/* envelope_fields.h - the fields of envelope and state, told once for the writer and for the
 * reader.
 *
 *     record = kind ('E' envelope, 'S' state), major, minor, 32-bit length of the rest (low octet
 * first), fields field  = tag, length (7 bits an octet, low first, high bit: more follow), octets
 *
 * A number is its octets, low first, without zero octets at the end. What is empty, 0 or false is
 * left out. A recipient and a note are fields whose octets are fields; the state that a message had
 * at its commit is a whole record in a field of the envelope, behind its recipients. A reader skips
 * tags it does not know: a newer minor version may add fields; a tag is never given another
 * meaning. */
#ifndef MAIL_ENVELOPE_FIELDS_H
#define MAIL_ENVELOPE_FIELDS_H

#include "mail/message.h"

#define ENVELOPE_MAJOR 1
#define ENVELOPE_MINOR 0
#define ENVELOPE_HEAD 7 /* octets before the fields */

enum field_kind { NONE, STR, BOOL, UINT, INT64 };

struct field {
	enum field_kind kind;
	size_t offset;
};

#define TAGS 64
enum { TAG_RCPT = 40, TAG_NOTE = 41, TAG_STATE = 42 };

/* A recipient as it stands in a record; a note stands as struct note. */
struct rcpt_record {
	struct gw_str address, orcpt, relay, text, host;
	unsigned notify, index, status, code, enhanced;
	bool delay_told, suspect;
};

/* By tag, from 1 on without a gap. */
extern const struct field envelope_fields[TAGS];
extern const struct field state_fields[TAGS];
extern const struct field rcpt_fields[TAGS];
extern const struct field note_fields[TAGS];

#endif
