/* alone.h - what is answered where no gateway runs: what is in the configuration can be told by the
 * program that reads it. */
#ifndef CTL_ALONE_H
#define CTL_ALONE_H

#include "ctl/choices.h"

bool is_answered_alone(char **words);

/* Prints the answer, or becomes gatewayd; the exit code. */
int ask_alone(char **words, const struct choices *choices);

#endif
