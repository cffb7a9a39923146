/* talk.h - one conversation with the gateway over its control socket. */
#ifndef CTL_TALK_H
#define CTL_TALK_H

#include "ctl/choices.h"

#include <jansson.h>

/* The socket; -1, errno set: there is none, and it was said why, unless `alone`: somebody else
 * answers where no gateway listens. */
int talk_connect(const struct choices *choices, bool alone);

/* Asks in the words that were typed, and for all that the answer leads to: a person's yes, a file,
 * the parts of a long message, other questions. What comes before the last answer is printed, or
 * written into files. Takes the socket over. The last answer; NULL: it was said why. */
json_t *talk_over(int fd, char **words, const struct choices *choices);

#endif
