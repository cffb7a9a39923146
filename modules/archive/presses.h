/* presses.h - presses that are lent: each worker makes the records of small mail itself, while it
 * has the mail at hand. [any] */
#ifndef ARCHIVE_PRESSES_H
#define ARCHIVE_PRESSES_H

#include "record.h"

#include <pthread.h>

#define PRESSES_IDLE 8 /* that are kept for the next */

struct presses {
	pthread_mutex_t lock;
	struct press *idle[PRESSES_IDLE];
	size_t count;
};

void presses_init(struct presses *presses);
void presses_finish(struct presses *presses);
/* Of that level, to be given back; NULL: no memory. */
struct press *presses_take(struct presses *presses, int level);
void presses_give(struct presses *presses, struct press *press);

#endif
