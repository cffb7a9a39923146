#include "services/verb.h"

#include "base/list.h"
#include "module/on_worker.h"
#include "queue/runtime.h"
#include "services/services.h"

#include <stdio.h>
#include <stdlib.h>

#define WORDS_MOST 256
#define OCTETS_MOST ((size_t)64 * 1024)
#define BY_MOST 255
#define RUNNING_MOST 64

static struct {
	void (*run)(struct verb_run *verb, void *arg);
	void *arg;
} runner; /* the main thread's */
static _Atomic unsigned running;

void verb_set_runner(void (*run)(struct verb_run *verb, void *arg), void *arg)
{
	runner.run = run;
	runner.arg = arg;
}

void verb_answer(struct verb_run *verb, struct gw_str json)
{
	struct snapshot *snapshot = verb->snapshot;
	verb->answered(verb->arg, json);
	free(verb);
	atomic_fetch_sub(&running, 1);
	snapshot_release(snapshot);
}

static void begin(struct post *post)
{
	struct verb_run *verb = list_of(post, struct verb_run, post);
	if (runner.run)
		runner.run(verb, runner.arg);
	else
		verb_answer(verb, gw_str_n(NULL, 0));
}

/* --- what is asked --- */

static bool is_text(struct gw_str by)
{
	for (size_t i = 0; i < by.len; i++)
		if ((unsigned char)by.ptr[i] < ' ' || by.ptr[i] == 0x7f)
			return false;
	return by.len <= BY_MOST;
}

/* Octets of the words, with their ends; 0: they are out of bounds. */
static size_t size_of(struct gw_list words)
{
	size_t size = 0;
	if (words.count == 0 || words.count > WORDS_MOST)
		return 0;
	for (size_t i = 0; i < words.count; i++) {
		if (gw_str_has_nul(words.items[i]) || words.items[i].len > OCTETS_MOST)
			return 0;
		size += words.items[i].len + 1;
	}
	return size <= OCTETS_MOST ? size : 0;
}

static char *put(char **at, struct gw_str text)
{
	char *begins = *at;
	*at = mempcpy(begins, text.ptr, text.len);
	*(*at)++ = '\0';
	return begins;
}

static struct verb_run *verb_create(const struct gw_call *call, const struct gw_verb *asked,
				    size_t size)
{
	const char *instance = call->instance->name;
	size_t rows = asked->words.count * sizeof(struct gw_str),
	       by = strlen(instance) + asked->by.len + 2;
	struct verb_run *verb = malloc(sizeof(*verb) + rows + size + by);
	if (!verb)
		return NULL;
	struct gw_str *items = (struct gw_str *)(verb + 1);
	char *at = (char *)(items + asked->words.count);
	*verb = (struct verb_run){ .snapshot = call->instance->snapshot,
				   .words = { items, asked->words.count },
				   .admin = asked->admin };
	for (size_t i = 0; i < asked->words.count; i++)
		items[i] = gw_str_n(put(&at, asked->words.items[i]), asked->words.items[i].len);
	verb->by = at;
	snprintf(at, by, "%s/%.*s", instance, GW_STR_ARGS(asked->by));
	return verb;
}

static bool reserve(void)
{
	unsigned now = atomic_load(&running);
	while (now < RUNNING_MOST)
		if (atomic_compare_exchange_weak(&running, &now, now + 1))
			return true;
	return false;
}

int services_verb_run(const struct gw_call *call, const struct gw_verb *given,
		      void (*answered)(void *arg, struct gw_str json), void *arg)
{
	struct gw_verb asked = { 0 };
	memcpy(&asked, given, given->size < sizeof(asked) ? given->size : sizeof(asked));
	size_t size = size_of(asked.words);
	if (size == 0 || !is_text(asked.by)) {
		bounds_refuse(call, "verb_run",
			      "1 to 256 words of 64 KiB in all, without NUL, for a name");
		return -1;
	}
	if (!runtime.main || atomic_load(&runtime.stopping) || !reserve())
		return -1;
	struct verb_run *verb = verb_create(call, &asked, size);
	if (!verb || !on_worker_hold(verb->snapshot)) {
		free(verb);
		atomic_fetch_sub(&running, 1);
		return -1;
	}
	verb->answered = answered;
	verb->arg = arg;
	verb->post.run = begin;
	worker_post(runtime.main, &verb->post);
	return 0;
}
