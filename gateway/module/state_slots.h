/* state_slots.h - what counters stand at this instant, in a file that is mapped into memory: no
 * write and no sync, and yet kill -9 loses nothing. state_slots.c tells the rule. One caller at a
 * time. */
#ifndef MODULE_STATE_SLOTS_H
#define MODULE_STATE_SLOTS_H

#include <gateway/str.h>

#define PERIODS 2
#define STATE_KEY_MAX 1024

/* A counter's value in a period; the newest first, those in use before those that are not. */
struct state_period {
	int64_t period, value;
	bool used;
};

/* Where a counter has its slot; zeroes: it has none yet. */
struct slot_place {
	uint32_t line;
	uint64_t turn;
};

struct state_slots {
	char *path;
	int fd;
	unsigned char *map; /* NULL: there is no file, and slots_put does nothing */
	size_t lines, next; /* how many are mapped; the first that is free */
	uint32_t salt;
	/* the disk has no room for more, nobody tries again until that is cleared */
	bool full;
	bool is_cut; /* it had more when it was written: what is left of it is read */
};

void slots_init(struct state_slots *slots);

/* -1: `why` says it. A file of another layout is refused by its name, never read. */
int slots_open(struct state_slots *slots, const char *path, char *why, size_t size);
void slots_close(struct state_slots *slots, bool remove);

/* A number for the boot of the machine in which the values were put; 0 at first. */
uint64_t slots_boot(const struct state_slots *slots);
void slots_boot_set(struct state_slots *slots, uint64_t boot);

/* Every slot that the file has, once after slots_open; the place is then the counter's. -1: `each`
 * said so. Else how many could not be read. */
long slots_each(struct state_slots *slots,
		int (*each)(void *arg, struct gw_str key, struct slot_place place,
			    const struct state_period *periods),
		void *arg);

/* What the counter is from now on; finds it a slot at first. False: the disk has no room. */
bool slots_put(struct state_slots *slots, struct slot_place *place, struct gw_str key,
	       const struct state_period *periods);

#endif
