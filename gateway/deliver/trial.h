/* trial.h - tries a relay out: one attempt on the way that all mail takes (snapshot, source address, TLS, login hook), with somebody who
 * looks on, and no message. Made, begun and freed in main; it runs on a worker. */
#ifndef DELIVER_TRIAL_H
#define DELIVER_TRIAL_H

#include "client/outcome.h"
#include "module/snapshot.h"

struct trial_line {
	struct trial_line *next;
	const char *stage;        /* "resolve", ..., "quit" */
	char who;                 /* '>' we said it, '<' the next hop did, '*' it happened */
	struct gw_str text;
};

struct trial {
	struct snapshot *snapshot; /* held by the asker */
	struct gw_relay *relay;
	struct gw_str sender;      /* empty: the login's address, or postmaster at the gateway */
	struct gw_str rcpt;        /* empty: no MAIL, no RCPT */
	/* Told in main, once; the trial is the asker's again. */
	void (*done)(struct trial *trial, void *arg);
	void *arg;
	/* what came of it, until trial_destroy */
	struct trial_line *lines;
	struct outcome outcome;    /* DELIVERED: all is well */
	struct run *run;           /* its own */
};

/* -1: no memory; done will not run. */
int trial_begin(struct trial *trial);
void trial_finish(struct trial *trial);

#endif
