/* told.h - what other modules are told: which mail gets a notice, so that dkim can say where a key
 * is missing. */
#ifndef DISCLAIMER_TOLD_H
#define DISCLAIMER_TOLD_H

#include "conf.h"

/* edit_known() of all that the rules say. */
void told_edits(struct gw_call *call, const struct disclaimer *disclaimer);

#endif
