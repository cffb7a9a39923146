#include "presses.h"

void presses_init(struct presses *presses)
{
	pthread_mutex_init(&presses->lock, NULL);
	presses->count = 0;
}

void presses_finish(struct presses *presses)
{
	while (presses->count)
		press_destroy(presses->idle[--presses->count]);
	pthread_mutex_destroy(&presses->lock);
}

struct press *presses_take(struct presses *presses, int level)
{
	struct press *press = NULL;

	pthread_mutex_lock(&presses->lock);
	if (presses->count)
		press = presses->idle[--presses->count];
	pthread_mutex_unlock(&presses->lock);
	if (press && press->level == level)
		return press;
	press_destroy(press); /* of before a reload */
	return record_press(level);
}

void presses_give(struct presses *presses, struct press *press)
{
	pthread_mutex_lock(&presses->lock);
	if (press && presses->count < PRESSES_IDLE) {
		presses->idle[presses->count++] = press;
		press = NULL;
	}
	pthread_mutex_unlock(&presses->lock);
	press_destroy(press);
}
