/* activity.h - what each client sends: how much today, when last, from which domains; and that it
 * went quiet, or changed its shape.
 *
 * Quiet: a client, or a From domain of it, has a rhythm once it has sent for seven days: the
 * longest pause of the last fourteen days in which it sent, at least an hour. A pause twice as long
 * is told once, until it sends again. Time in which the gateway did not run is no pause.
 *
 * Shape: a client whose last twenty return paths were tagged, one for each mail (VERP), and whose
 * next five are not, has lost its tags. That is told once, until five are tagged again. */
#ifndef ACCESS_ACTIVITY_H
#define ACCESS_ACTIVITY_H

#include <gateway/module.h>

#define CLIENTS_MOST 256
#define TYPES_MOST 8
#define DOMAINS_MOST                                                                               \
	16 /* of a client; beyond it the one that was quiet for longest is forgotten               \
	    */
#define DAYS 14

struct rhythm {
	int64_t first, last; /* ms; 0: never */
	int64_t day[DAYS];   /* number of the day, and its longest pause, ms */
	int64_t pause[DAYS];
	bool quiet; /* it was told */
};

struct activity {
	char name[128];
	struct rhythm rhythm;
	int64_t today; /* number of the day that the counts are of */
	uint64_t mails, refused;
	char types[TYPES_MOST][32];
	uint64_t by_type[TYPES_MOST];
	char domains[DOMAINS_MOST][64];
	struct rhythm domain_rhythms[DOMAINS_MOST];
	unsigned tagged, plain; /* return paths in a row */
	bool was_tagged, changed;
	bool dirty; /* not recorded yet */
};

struct activities;

/* One for all that hold it: of a reload the next instance begins before the last one has ended, and
 * both count into it. The first takes up what was recorded, the last records what is new. NULL: no
 * memory. */
struct activities *activities_hold(struct gw_call *call);
void activities_release(struct gw_call *call, struct activities *activities);

void activity_mail(struct activities *activities, struct gw_str client, struct gw_str type,
		   struct gw_str from_domain, struct gw_str sender, int64_t now);
void activity_refused(struct activities *activities, struct gw_str client, int64_t now);

/* tick: tells what went quiet or changed, as an event each, and records what is new */
void activities_tick(struct gw_call *call, struct activities *activities);
/* status */
void activities_status(struct gw_call *call, struct activities *activities);

/* The nth; false: there are no more. */
bool activity_nth(struct activities *activities, size_t nth, struct activity *copy);

/* A return path that is another one in each mail. */
bool activity_is_tagged(struct gw_str sender);

#endif
