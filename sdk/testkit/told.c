/* told.c - what the module told, line by line, and what it did that the contract forbids. */
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>

static void append(struct testkit *kit, enum testkit_line what, char *text)
{
	struct line *line = kit_alloc(kit, sizeof *line), **at;

	line->text = text;
	kit_lock();
	for (at = &kit->lines[what]; *at; at = &(*at)->next)
		;
	*at = line;
	kit_unlock();
}

void kit_tell(struct testkit *kit, enum testkit_line what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append(kit, what, kit_vformat(kit, format, args));
	va_end(args);
}

void kit_misuse(struct testkit *kit, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = kit_vformat(kit, format, args);
	va_end(args);
	append(kit, TESTKIT_MISUSE, text);
	if (kit->tolerant)
		return;
	fprintf(stderr, "testkit: %s: %s\n", kit->module.name ? kit->module.name : "module", text);
	abort();
}

bool kit_elsewhere(struct testkit *kit, const char *service)
{
	if (pthread_equal(pthread_self(), kit->worker))
		return false;
	kit_misuse(kit, "%s() on another thread than the call's: it is not marked [any]", service);
	return true;
}

bool kit_null(struct testkit *kit, const char *service, const void *argument)
{
	if (argument)
		return false;
	kit_misuse(kit, "%s() with NULL", service);
	return true;
}

bool kit_refused(const struct gw_call *call, const char *service, uint64_t hooks)
{
	if (kit_elsewhere(call->kit, service))
		return true;
	if (hooks & (UINT64_C(1) << call->hook))
		return false;
	kit_misuse(call->kit, "%s() is not for the hook %s", service, kit_hooks[call->hook].name);
	return true;
}

bool kit_unsized(const struct gw_call *call, const char *name, uint32_t size)
{
	if (size)
		return false;
	kit_misuse(call->kit, "struct %s without its size", name);
	return true;
}

bool kit_fails(struct testkit *kit, const char *service)
{
	bool fails;

	kit_lock();
	fails = kit->fail_in &&
		(strcmp(kit->fail_service, "any") == 0 ||
		 strcmp(kit->fail_service, service) == 0) &&
		--kit->fail_in == 0;
	kit->failed |= fails;
	kit_unlock();
	return fails;
}

void testkit_fail(struct testkit *kit, const char *service, unsigned nth)
{
	kit_lock();
	kit->fail_service = service;
	kit->fail_in = nth;
	kit->failed = false;
	kit_unlock();
}

bool testkit_failed(struct testkit *kit)
{
	bool failed;

	kit_lock();
	failed = kit->failed;
	kit_unlock();
	return failed;
}

void testkit_tolerate(struct testkit *kit)
{
	kit->tolerant = true;
}

size_t testkit_lines(struct testkit *kit, enum testkit_line what)
{
	const struct line *line;
	size_t count = 0;

	kit_lock();
	for (line = kit->lines[what]; line; line = line->next)
		count++;
	kit_unlock();
	return count;
}

const char *testkit_line(struct testkit *kit, enum testkit_line what, size_t nth)
{
	const struct line *line;

	kit_lock();
	for (line = kit->lines[what]; line && nth; line = line->next)
		nth--;
	kit_unlock();
	return line ? line->text : "";
}

bool testkit_has(struct testkit *kit, enum testkit_line what, const char *part)
{
	const struct line *line;

	kit_lock();
	for (line = kit->lines[what]; line && !strstr(line->text, part); line = line->next)
		;
	kit_unlock();
	return line != NULL;
}

void testkit_forget(struct testkit *kit)
{
	kit_lock();
	memset(kit->lines, 0, sizeof kit->lines);
	kit_unlock();
}
