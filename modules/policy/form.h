/* form.h - what receivers refuse in the form of a mail, found in its header: RFC 5322, RFC 2045,
 * RFC 2369 and RFC 8058 as the large receivers enforce them. */
#ifndef POLICY_FORM_H
#define POLICY_FORM_H

#include <gateway/module.h>

/* In the order in which they are told. */
enum flaw {
	FLAW_HEADER_END,   /* the header ends at a line that is no field */
	FLAW_FROM_MISSING, /* no From, or one without text */
	FLAW_TWICE,        /* a field that may stand once stands again */
	FLAW_EIGHT_BIT,    /* an octet over 127, and SMTPUTF8 was not asked for */
	FLAW_LINE_LENGTH,  /* a line of more than 998 octets */
	FLAW_HEADER_SIZE,  /* the whole header */
	FLAW_SUBJECT_SIZE, /* the Subject, unfolded */
	FLAW_HOPS,         /* Received fields: mail that goes round */
	FLAW_DATE_MISSING,
	FLAW_DATE_BAD, /* no date that exists */
	FLAW_MESSAGE_ID_MISSING,
	FLAW_MESSAGE_ID_BAD, /* not one <left@right> */
	FLAW_UNSUBSCRIBE,    /* mass mail without unsubscribing by one click */
	FLAWS,
};

/* The bounds of what is measured; 0: none. */
struct form_bounds {
	int64_t header_size, subject_size; /* octets */
	int64_t hops;
};

struct form_flaw {
	bool found;
	size_t line;    /* of the mail, from 1 on; 0: none is to blame */
	char text[200]; /* for the admin of the sending application: what is wrong, one line of
			   ASCII */
};

struct form {
	struct form_flaw flaws[FLAWS];
};

/* Looks at the header once, whatever its size; nothing is kept of the message. */
void form_look(struct gw_message *message, const struct form_bounds *bounds, struct form *form);

/* The option and the word for a flaw: "date_missing". */
const char *form_word(enum flaw);

#endif
