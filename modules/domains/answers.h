/* answers.h - what the DNS said in one look: asked once, kept to its end. Who works it out asks
 * here; what is not known yet becomes a question, and the work is done again when the answers are
 * there. So it is written as if all were known, and asks nobody itself. One thread at a time. */
#ifndef DOMAINS_ANSWERS_H
#define DOMAINS_ANSWERS_H

#include <gateway/dns.h>
#include <gateway/module.h>

#define ANSWERS_MOST 4000 /* questions of one look */

struct answers;

struct answers *answers_create(void); /* NULL: no memory */
void answers_destroy(struct answers *answers);

/* NULL: it is asked for now, or left out. What it points to lives as long as `answers`. */
const struct gw_dns_answer *answers_get(struct answers *answers, uint32_t type, struct gw_str name);

/* Hands out questions that were not handed out yet; `first` is the place of the first of them, for
 * answers_put(). Gives their number. */
size_t answers_take_questions(struct answers *answers, struct gw_dns_question *out, size_t most,
			      size_t *first);
void answers_put(struct answers *answers, size_t nth, const struct gw_dns_answer *answer);

/* Questions without an answer, handed out or not. */
size_t answers_open(const struct answers *answers);
/* There were more questions than ANSWERS_MOST. */
bool answers_are_cut(const struct answers *answers);
/* Whatever has no answer has none. */
void answers_give_up(struct answers *answers);

uint32_t answers_ttl(const struct answers *answers); /* the least of all; none: INT32_MAX */

#endif
