/* chain_private.h - what the parts of the hook machine share: the walk (chain.c), what a verdict
 * means (verdict.c), waiting (hold.c), and the stay of a thread in module code (call_guard.c). */
#ifndef MODULE_CHAIN_PRIVATE_H
#define MODULE_CHAIN_PRIVATE_H

#include "module/chain.h"

/* One stay of a thread in the code of a module: watched, counted, timed. */
struct call_guard {
	struct chain_place place;
	struct instance *instance;
	int64_t began; /* ns */
};
void call_guard_begin(struct call_guard *guard, struct instance *instance, enum gw_hook hook,
		      uint64_t id);
void call_guard_end(struct call_guard *guard); /* on a loop: what took too long is logged */
void call_guard_end_offloaded(struct call_guard *guard);

/* The id of the message a call is about, 0: none. */
uint64_t call_id(const struct gw_call *call);

/* What a verdict means for the walk. */
enum chain_step { STEP_ON, STEP_END, STEP_HELD };
enum chain_step verdict_take(struct gw_call *call, enum gw_verdict verdict);

/* The module of this call failed, in words: what it becomes. */
enum chain_step verdict_broken(struct gw_call *call, const char *why);

/* Ends the walk with the hook's transient verdict, whatever on_error says: the gateway stops. */
void verdict_stop(struct gw_call *call);

void answer_clear(struct chain_answer *answer);
/* a reply of another class than the verdict is taken back */
void answer_finish(struct gw_call *call);

/* The walk goes on after a hold: asks the rest, tells done. */
void chain_go_on(struct gw_call *call, enum chain_step step);

/* Lets go of what is held without an answer: drops it, or resumes a woken one and ignores what it
 * says. */
void hold_abandon(struct gw_call *call);

/* Where offloaded work of the call's instance stands; NULL: nowhere. */
struct offload_line *hold_line(const struct gw_call *call);

#endif
