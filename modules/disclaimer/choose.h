/* choose.h - which parts of a message are the text that people read, and which messages are better
 * left alone. */
#ifndef DISCLAIMER_CHOOSE_H
#define DISCLAIMER_CHOOSE_H

#include "mime.h"

#define CHOSEN_MOST 16

enum left {
	LEFT_NOT,       /* there are parts to put the notice into */
	LEFT_SIGNED,    /* S/MIME or PGP: a change would break the signature */
	LEFT_ENCRYPTED, /* nobody can put anything into it */
	LEFT_CALENDAR,  /* the answer to an invitation: programs read it */
	LEFT_REPORT,    /* a report about another mail: programs read it */
	LEFT_NO_TEXT,   /* nothing in it is text for people */
	LEFT_ODD,       /* broken so that readers do not agree what is in it */
	LEFT_LARGE,     /* its text is over what is read */
	LEFT_PRESENT,   /* the notice is in it already */
	LEFT_DKIM,      /* its sender signed it, and the configuration says that it stays so */
	LEFT_COUNT
};

struct chosen {
	size_t parts[CHOSEN_MOST]; /* numbers in struct mime, in their order */
	size_t count;
};

/* Finds the text parts: the body of the message in each of its forms, never an attachment. All
 * else than LEFT_NOT: `chosen` is empty. */
enum left choose(const struct mime *mime, struct chosen *chosen);

enum text_kind { TEXT_PLAIN, TEXT_HTML, TEXT_AMP, TEXT_OTHER };

/* TEXT_OTHER: nothing can be put into it. */
enum text_kind text_kind(const struct mime_part *part);

/* "signed", and the sentence for people. */
const char *left_word(enum left left);
const char *left_words(enum left left);

#endif
