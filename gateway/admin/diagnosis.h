/* diagnosis.h - what the answer of a next hop means, in words that say what to do. */
#ifndef ADMIN_DIAGNOSIS_H
#define ADMIN_DIAGNOSIS_H

#include "client/outcome.h"

/* Never NULL. */
const char *diagnose(const struct outcome *outcome);

/* The exit code of `relay test`: 0, or 10 and more by stage. */
int diagnosis_code(const struct outcome *outcome);

#endif
