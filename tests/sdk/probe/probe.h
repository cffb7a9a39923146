/* probe.h - the probe: a module that hooks everything and does what its options say, in each of the
 * ways a module may answer. */
#ifndef PROBE_H
#define PROBE_H

#include <gateway/module.h>

#include <pthread.h>
#include <stdatomic.h>

/* The hooks that decide, then those that observe; name, subject. */
#define PROBE_DECIDES(X)                                                                           \
	X(connect)                                                                                 \
	X(ehlo)                                                                                    \
	X(auth)                                                                                    \
	X(mail)                                                                                    \
	X(rcpt)                                                                                    \
	X(message) X(route) X(admit) X(prepare) X(login) X(deliver) X(bounce) X(fallback) X(sealed)
#define PROBE_OBSERVES(X)                                                                          \
	X(result) X(event) X(tick) X(status) X(control) X(check) X(leave) X(relay_status)

enum probe_hook {
#define ROW(name) PROBE_##name,
	PROBE_DECIDES(ROW) PROBE_DECIDING,
	PROBE_before_observers = PROBE_DECIDING - 1,
	PROBE_OBSERVES(ROW) PROBE_HOOKS
#undef ROW
};

/* How an answer is given; as the words of the option `way`. */
enum probe_way {
	WAY_NOW,
	WAY_OFFLOAD, /* sleeps in the pool */
	WAY_TIMER,   /* holds, a libevent timer wakes */
	WAY_THREAD,  /* holds, a thread of the probe wakes */
	WAY_HANG,    /* holds, nobody wakes */
	WAY_BLOCK,   /* keeps the loop waiting */
	WAY_CRASH,
	WAY_BOTH, /* holds and answers: a bug */
};

struct probe_answer {
	int64_t verdict; /* enum gw_verdict */
	int64_t way;
	int64_t delay; /* ms */
	int64_t deadline;
	int64_t code;
	struct gw_str enhanced, reply;
};

struct probe_conf {
	struct probe_answer answers[PROBE_DECIDING];
	struct gw_str only;         /* act where the sender contains it */
	struct gw_str client;       /* connect, auth: identify */
	struct gw_list relays;      /* route */
	struct gw_list fallback;    /* fallback */
	struct gw_str add_header;   /* prepare: "Name: value" */
	struct gw_str body;         /* prepare */
	struct gw_str notice;       /* prepare: spliced in at the end of the body */
	struct gw_str return_path;  /* prepare; "<>": the null sender */
	struct gw_str user, secret; /* login */
	int64_t status;             /* deliver, from enum gw_status */
	bool log_events;
	bool fail_start, crash_start;
};

struct probe_relay {
	struct gw_str note;
	bool deliver;
};

/* One wait in progress. */
struct probe_wait {
	struct probe_wait *next;
	const struct probe_answer *answer;
	struct gw_call *call;
	gw_ticket ticket;
	void *timer;
	int64_t due; /* WAY_THREAD */
};

/* What an instance keeps. */
struct probe {
	const struct probe_conf *conf;
	_Atomic int64_t counts[PROBE_HOOKS];
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct probe_wait *waits; /* of the thread */
	pthread_t thread;
	bool ending;
};

extern const char *const probe_names[PROBE_HOOKS];

/* Gives the answer in the way it says. */
enum gw_verdict probe_answer(struct gw_call *call, const struct probe_answer *answer);

int probe_thread_start(struct probe *probe);
void probe_thread_stop(struct probe *probe);

#endif
