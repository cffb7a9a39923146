/* phrases.h - what machines that deliver, and machines that answer, write in languages other than
 * English: UTF-8, ASCII capitals or not. Each ends with NULL. */
#ifndef BOUNCE_PHRASES_H
#define BOUNCE_PHRASES_H

/* In a text: it was not delivered. */
extern const char *const phrases_fails[];
/* In a subject: the same. */
extern const char *const phrases_failing_subject[];
/* In a text: not yet. */
extern const char *const phrases_delay[];
/* At the beginning of a subject: a machine answers for somebody. */
extern const char *const phrases_answer[];

#endif
