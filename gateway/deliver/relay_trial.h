/* relay_trial.h - tries a relay out: one attempt on the way that all mail takes (snapshot, source
 * address, TLS, login hook), with somebody who looks on, and no message. Made, begun and freed in
 * main; it runs on a worker. */
#ifndef DELIVER_RELAY_TRIAL_H
#define DELIVER_RELAY_TRIAL_H

#include "client/outcome.h"
#include "module/snapshot.h"

struct relay_trial_line {
	struct relay_trial_line *next;
	const char *stage; /* "resolve", ..., "quit" */
	char who;          /* '>' we said it, '<' the next hop did, '*' it happened */
	struct gw_str text;
};

struct relay_trial {
	struct snapshot *snapshot; /* held by the asker */
	struct gw_relay *relay;
	struct gw_str sender; /* empty: the login's address, or postmaster at the gateway */
	struct gw_str rcpt;   /* empty: no MAIL, no RCPT */
	/* Told in main, once; the trial is the asker's again. */
	void (*done)(struct relay_trial *trial, void *arg);
	void *arg;
	/* what came of it, until trial_destroy */
	struct relay_trial_line *lines;
	struct outcome outcome; /* DELIVERED: all is well */
	struct run *run;        /* its own */
};

/* -1: no memory; done will not run. */
int relay_trial_begin(struct relay_trial *trial);
void relay_trial_finish(struct relay_trial *trial);

#endif
