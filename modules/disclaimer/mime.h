/* mime.h - which parts a message has and where each of them lies, as offsets into its body.
 *
 * The body is read once, in pieces, and nothing of it is kept: memory is that of the parts, of
 * which there are MIME_PARTS at most. What a boundary is, is what mail programs take for one: a
 * line that begins with it, blanks behind it, of any multipart that is open, the innermost first.
 * What lies in a message/rfc822 is its content and not looked into. Field values are GMime's to
 * understand. */
#ifndef DISCLAIMER_MIME_H
#define DISCLAIMER_MIME_H

#include <gateway/str.h>

#include <gmime/gmime.h>

#define MIME_PARTS 2000
#define MIME_DEPTH 50           /* multiparts within each other */
#define MIME_HEADER (64 * 1024) /* octets of the header of one part */
#define MIME_NO_FIELD UINT64_MAX

/* Where a field stands: of the message itself the number of the field, of a part the offset of its
 * first octet. MIME_NO_FIELD: it has none. */
struct mime_field {
	uint64_t at;
	uint64_t size; /* of a part: octets, the line end included */
};

struct mime_part {
	int parent;      /* -1: the message itself */
	uint64_t header; /* where its header begins; of the message itself 0 */
	uint64_t content, end;
	bool closed; /* a blank line ended its header: else nothing can be put into it */
	bool bare;   /* nothing is in it, not even the line end that belongs to the boundary */
	char *type;  /* "text/plain", in lower case */
	/* parameters and fields; NULL: there is none */
	char *charset, *boundary, *method, *start, *id;
	GMimeContentType *content_type; /* NULL: it says none */
	GMimeContentEncoding encoding;
	bool encoding_unknown; /* it names one that nobody knows, or uuencode */
	bool attached;         /* an attachment */
	bool file;             /* it has a file's name, and may be shown all the same */
	bool flowed;
	bool versioned; /* it has a MIME-Version */
	struct mime_field type_field, encoding_field, md5_field;
};

struct mime {
	struct mime_part *parts; /* the message itself first, each before what is in it */
	size_t count;
};

enum mime_fault {
	MIME_READ, /* none */
	MIME_UNREADABLE,
	MIME_TOO_MANY_PARTS,
	MIME_TOO_DEEP,
	MIME_HEADER_TOO_LARGE,
};

/* Octets of the body at an offset, as gw->read(): fewer only at the end, -1: failed. */
typedef long mime_read_t(void *arg, uint64_t offset, void *out, size_t len);

/* What one field of a header says of its part; others are of no interest. `at`, `size` as in
 * struct mime_field. */
void mime_take_field(struct mime_part *part, struct gw_str name, struct gw_str value, uint64_t at,
		     uint64_t size);
/* A part of which no field was taken yet. */
void mime_part_init(struct mime_part *part, int parent);
/* Of one that mime_scan() does not get. */
void mime_part_finish(struct mime_part *part);

/* Finds the parts. `message` is the message itself, whose fields were taken, and becomes the first
 * part whatever comes of it. To be finished in any case. */
enum mime_fault mime_scan(struct mime *mime, struct mime_part message, mime_read_t *read, void *arg,
			  uint64_t size);
void mime_finish(struct mime *mime);

bool mime_is_multipart(const struct mime_part *part);

/* A sentence for people. */
const char *mime_fault_words(enum mime_fault fault);

#endif
