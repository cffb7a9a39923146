/* sources.h - networks that are listed elsewhere: in a file ("@/etc/gateway/crm.cidr", a network a
 * line) or in the SPF of a domain ("spf:crm.example").
 *
 * A source has the last good list, over failures of the DNS and bad lines in a file. A file is read
 * at the start and when it changes, by a thread of its own; SPF as often as its TTL says, by the
 * worker that ticks, and its list outlives a restart. All of it is shared by the workers. */
#ifndef ACCESS_SOURCES_H
#define ACCESS_SOURCES_H

#include "../common/network.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

enum source_kind { SOURCE_FILE, SOURCE_SPF };

struct source {
	struct source *next;
	enum source_kind kind;
	struct gw_str name;    /* path or domain */
	char key[48];          /* where it was written first */
	pthread_rwlock_t lock; /* of what follows */
	struct network *list;
	size_t count;
	bool known;      /* it has a list, if an empty one */
	char error[300]; /* of the last try; empty: it went well */
	bool told;       /* the error stands in the log */
	int64_t since;   /* ms: when the list was made */
	int64_t due;     /* SPF: when it is asked for again */
	bool asked;      /* SPF: it is on its way */
	bool idle;       /* no client has it: it serves hints alone */
	struct stat stamp;
};

struct sources {
	struct source *first;
	bool has_files;
	atomic_bool hints; /* idle ones are wanted, too */
	/* the thread that looks after files */
	pthread_mutex_t lock;
	pthread_cond_t change;
	pthread_t thread;
	bool runs, stops;
};

/* start: NULL: no memory, or it was told what is wrong. One that two clients name is one. */
struct source *source_of(struct gw_call *call, struct sources *sources, struct gw_str text,
			 const char *key);
/* One that was made already; NULL: none was. */
struct source *sources_find(const struct sources *sources, struct gw_str text);
/* Members of a row: how many networks it has, since when, what is wrong. */
void source_describe(struct source *source, struct gw_json *row);

/* Tells each network of the list, which is locked meanwhile; false: none has come yet. */
bool source_each(struct source *source, void (*each)(void *arg, const struct network *), void *arg);

/* "@..." or "spf:..." */
bool source_is_one(struct gw_str text);

enum source_answer { SOURCE_HAS_NOT, SOURCE_HAS, SOURCE_NOT_KNOWN };
enum source_answer source_has(struct source *source, const struct network *peer);

void sources_init(struct sources *sources);
/* stop: frees what they have */
void sources_finish(struct sources *sources);
/* on a worker, first: the files are looked after from now on */
void sources_watch(struct sources *sources);
/* tick: says in the log what changed, and asks for the SPF that is due */
void sources_tick(struct gw_call *call, struct sources *sources);

/* status: files that were not taken */
void sources_status(struct gw_call *call, struct sources *sources);

/* A new list, which is the source's from now on; NULL with `error`: it stays as it is. */
void source_take(struct source *source, struct network *list, size_t count, const char *error,
		 int64_t now);

/* --- sources_spf.c --- */
void source_load(struct gw_call *call, struct source *source); /* what a process before had */
void source_ask(struct gw_call *call, struct source *source);
/* It is time to; also where the clock was set back since that was put off. */
bool source_is_due(const struct source *source, int64_t now);

/* Wide networks are no client's, wherever they are listed. NULL: fine. */
const char *networks_flaw(const struct network *list, size_t count);

#endif
