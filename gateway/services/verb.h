/* verb.h - a verb that a module runs for somebody, until it is answered: from any thread to the
 * main thread, where a later room knows the verbs. */
#ifndef SERVICES_VERB_H
#define SERVICES_VERB_H

#include "module/snapshot.h"

struct verb_run {
	struct post post;
	struct snapshot *snapshot; /* held: the instance lives until it has its answer */
	struct gw_list words;      /* behind it, in the same memory, ended by NULs */
	const char *by;            /* "40-http/crm" */
	bool admin;
	void (*answered)(void *arg, struct gw_str json);
	void *arg;
};

/* Who runs them from now on, and answers each once; NULL: nobody, and those that wait are told that
 * there is no answer. Main thread. */
void verb_set_runner(void (*run)(struct verb_run *verb, void *arg), void *arg);

/* Tells the module, and frees; ptr NULL: there is no answer. Main thread. */
void verb_answer(struct verb_run *verb, struct gw_str json);

#endif
