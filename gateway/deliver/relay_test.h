/* relay_test.h - tries a relay out: one attempt on the way that all mail takes (snapshot, source
 * address, TLS, login hook), with somebody who looks on, and no message; where a module delivers,
 * its hook probe. Made, begun and freed in
 * main; it runs on a worker. */
#ifndef DELIVER_RELAY_TEST_H
#define DELIVER_RELAY_TEST_H

#include "client/outcome.h"
#include "module/snapshot.h"

struct relay_test_line {
	struct relay_test_line *next;
	const char *stage; /* "resolve", ..., "quit" */
	char who;          /* '>' we said it, '<' the next hop did, '*' it happened */
	struct gw_str text;
};

struct relay_test {
	struct snapshot *snapshot; /* held by the asker */
	struct gw_relay *relay;
	struct gw_str sender; /* empty: the login's address, or postmaster at the gateway */
	struct gw_str rcpt;   /* empty: no MAIL, no RCPT */
	/* Told in main, once; the test is the asker's again. */
	void (*done)(struct relay_test *test, void *arg);
	void *arg;
	/* what came of it, until relay_test_finish */
	struct relay_test_line *lines;
	struct outcome outcome; /* DELIVERED: all is well */
	struct test_run *run;   /* its own */
};

/* -1: no memory; done will not run. */
int relay_test_begin(struct relay_test *test);
void relay_test_finish(struct relay_test *test);

#endif
