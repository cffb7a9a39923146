/* scene.h - an archive with mail in it, and the questions that tests ask of it. */
#ifndef ARCHIVE_TESTS_SCENE_H
#define ARCHIVE_TESTS_SCENE_H

#include "archive.h"

#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 20000

static struct testkit *kit;
static struct gw_relay *relay;

static void scene_begin(const struct gw_module *(*entry)(const struct gw_services *))
{
	kit = testkit_create(entry);
	relay = testkit_relay(kit, "out");
	testkit_option(kit, "folder", testkit_file(kit, "archive", NULL));
	testkit_option(kit, "sign_file", testkit_file(kit, "sign.key", NULL));
	testkit_option(kit, "delay", "1ms");
}

static int end(void **state)
{
	(void)state;
	testkit_destroy(kit);
	return 0;
}

static enum gw_verdict leave(struct gw_delivery *delivery)
{
	enum gw_verdict verdict = testkit_run_sealed(kit, delivery);

	return verdict == GW_PENDING ? testkit_resume(kit, WAIT_MS) : verdict;
}

/* Until the index has all of it. */
static void until_found(void)
{
	int rounds;

	for (rounds = 0; rounds < 4000; rounds++) {
		testkit_forget(kit);
		testkit_run_status(kit);
		if (testkit_has(kit, TESTKIT_STATUS, "index: has everything"))
			return;
		usleep(5000);
	}
	fail_msg("the index is never made");
}

/* The answer; a long command's is its last. */
static const char *ask(const char *words)
{
	const char *again;
	char next[40];

	testkit_forget(kit);
	testkit_run_control(kit, words, true);
	while ((again = strstr(testkit_line(kit, TESTKIT_REPLY, 0), "[\"archive\",\"job\",\"")) !=
	       NULL) {
		snprintf(next, sizeof next, "job %d", atoi(again + 18));
		usleep(2000);
		testkit_forget(kit);
		testkit_run_control(kit, next, true);
	}
	return testkit_line(kit, TESTKIT_REPLY, 0);
}

static size_t hits(const char *words)
{
	char text[300];
	const char *at;
	size_t count = 0;

	snprintf(text, sizeof text, "search %s", words);
	at = ask(text);
	if (testkit_lines(kit, TESTKIT_PROBLEM))
		fail_msg("%s: %s", words, testkit_line(kit, TESTKIT_PROBLEM, 0));
	for (; (at = strstr(at, "\"sender\":\"")) != NULL; at++)
		count++;
	return count;
}

static const char *id_of(struct gw_message *message)
{
	return gw->message_fact(message, GW_MESSAGE_ID).ptr;
}

#endif
