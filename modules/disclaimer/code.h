/* code.h - transfer encodings of a text part: what it says, and where each octet of that stands in
 * the part as it is. */
#ifndef DISCLAIMER_CODE_H
#define DISCLAIMER_CODE_H

#include <gateway/str.h>

#include <gmime/gmime.h>

enum code { CODE_PLAIN, CODE_QUOTED, CODE_BASE64 };

struct decoded {
	enum code code;
	GString *text;
	GArray *places; /* QUOTED: uint32_t, the offset of each octet of `text` */
	size_t size;    /* of the part as it is */
	/* the part as it is ends within a soft line break: a line end is needed to end that */
	bool cut;
};

/* 7bit, 8bit and binary are CODE_PLAIN. */
enum code code_of(GMimeContentEncoding encoding);

/* NULL: it is no base64, or one with things behind its end. */
struct decoded *decode(enum code code, struct gw_str raw);
void decoded_free(struct decoded *decoded);

/* Where in the part as it is what stands at `at` of the text begins. Not of base64. */
size_t decoded_place(const struct decoded *decoded, size_t at);

/* Appends the text in that encoding, lines of 76 octets at most; CRLF are line ends. PLAIN: as it
 * is. */
void encode(GString *out, enum code code, struct gw_str text);

#endif
