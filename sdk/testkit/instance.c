/* instance.c - the kit itself: its folder and clock, and the one instance of the module from start
 * to stop. */
#include "kit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_TIME INT64_C(1767225600000) /* 2026-01-01 00:00:00 UTC */

static void make_folder(struct testkit *kit)
{
	const char *above = getenv("TMPDIR");

	kit->folder = kit_format(kit, "%s/gw_testkit.XXXXXX", above ? above : "/tmp");
	if (mkdtemp(kit->folder))
		return;
	perror("testkit: temporary folder");
	abort();
}

static int remove_one(const char *path, const struct stat *what, int kind, struct FTW *where)
{
	(void)what, (void)kind, (void)where;
	return remove(path);
}

struct testkit *testkit_create(const struct gw_module *(*entry)(const struct gw_services *services))
{
	struct testkit *kit = calloc(1, sizeof *kit);
	const struct gw_module *module = entry(&kit_services);

	if (!kit)
		abort();
	kit->entry = entry;
	kit->worker = pthread_self();
	kit->time = FIRST_TIME;
	kit->next_id = 1;
	memcpy(&kit->module, module,
	       module->size < sizeof kit->module ? module->size : sizeof kit->module);
	make_folder(kit);
	return kit;
}

void testkit_destroy(struct testkit *kit)
{
	if (!kit)
		return;
	testkit_stop(kit);
	nftw(kit->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	kit_free(kit);
	free(kit);
}

void testkit_option(struct testkit *kit, const char *key, const char *text)
{
	pair_set(kit, &kit->options, key, gw_str(text));
}

void testkit_relay_option(struct gw_relay *relay, const char *key, const char *text)
{
	pair_set(relay->kit, &relay->options, key, gw_str(text));
}

static size_t parse_all(struct testkit *kit)
{
	struct gw_relay *relay;
	size_t errors;

	kit->conf = kit_alloc(kit, kit->module.conf_size);
	errors = options_parse(kit, kit->module.name, kit->options, kit->module.options, kit->conf);
	for (relay = kit->relays; relay; relay = relay->next) {
		relay->conf = kit_alloc(kit, kit->module.relay_conf_size);
		errors += options_parse(kit, "a relay", relay->options, kit->module.relay_options,
					relay->conf);
	}
	return errors;
}

/* The call of start() lives as long as the instance: threads of the module's own have it. */
static void forget_begun(struct testkit *kit)
{
	if (kit->begun)
		call_destroy(kit->begun);
	kit->begun = NULL;
}

int testkit_start(struct testkit *kit)
{
	int result = 0;

	if (kit->started) {
		kit_misuse(kit, "testkit_start() of an instance that is started");
		return -1;
	}
	kit->instance_data = NULL;
	kit->generation++;
	if (parse_all(kit) != 0)
		return -1;
	if (kit->module.start) {
		kit->begun = call_create(kit, ON_start);
		result = kit->module.start(kit->begun);
	}
	kit->started = result == 0;
	if (kit->started)
		worker_begin(kit);
	else
		forget_begun(kit);
	return result == 0 ? 0 : -1;
}

void testkit_stop(struct testkit *kit)
{
	struct gw_call *call;

	testkit_drop(kit, NULL);
	if (kit->started)
		worker_end(kit);
	if (kit->started && kit->module.stop) {
		call = call_create(kit, ON_stop);
		kit->module.stop(call);
		call_destroy(call);
	}
	forget_begun(kit);
	kit->started = false;
}

int testkit_restart(struct testkit *kit)
{
	testkit_stop(kit);
	closures_forget(kit);
	return testkit_start(kit);
}

const char *testkit_folder(struct testkit *kit)
{
	return kit->folder;
}

const char *testkit_file(struct testkit *kit, const char *name, const char *text)
{
	const char *path = kit_format(kit, "%s/%s", kit->folder, name);
	FILE *file;

	if (!text)
		return path;
	file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
		perror(path);
		abort();
	}
	return path;
}

void testkit_set_time(struct testkit *kit, int64_t ms)
{
	timers_run(kit, ms);
	calls_past_deadline(kit);
}

void testkit_advance(struct testkit *kit, int64_t ms)
{
	testkit_set_time(kit, kit->time + ms);
}
