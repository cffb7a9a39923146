/* relay_mail.h - the mail that stands before a relay: parked for it, on its way to it, moved to it,
 * or last tried there. */
#ifndef ADMIN_RELAY_MAIL_H
#define ADMIN_RELAY_MAIL_H

#include "admin/tour.h"

struct relay_mail {
	const char *relay;
	void (*done)(struct relay_mail *mail); /* in main */
	struct id_list found;                  /* in order, each once */
	bool failed;                           /* memory was out: there may be more */
	struct tour tour;
	struct id_list *of_worker;
};

/* Looks on all workers, a few messages at a time. -1: no memory; done will not run. */
int relay_mail_find(struct relay_mail *mail);
void relay_mail_finish(struct relay_mail *mail);

/* On its worker, for the admin `uid`: from now on the message goes to that relay and no other, and
 * soon, unless it is on hold. False: there is no such message here, or it cannot be read. */
bool mail_move(struct worker *worker, uint64_t id, struct gw_str relay, int64_t uid);

#endif
