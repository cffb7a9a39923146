/* texts.h - mail that differs as people's does: few words stand often, most of them seldom, and no
 * mail is there twice. */
#ifndef BENCH_TEXTS_H
#define BENCH_TEXTS_H

#include <stddef.h>

/* Makes some mails of about so many octets, without a header, the final dot included; half of the
 * octets are text and half an attachment in base64 that compresses badly, as most of them do. */
void texts_make(size_t length);
/* One of them, by turns. */
const char *texts_next(unsigned nth, size_t *len);

#endif
