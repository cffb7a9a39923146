/* matrix_test.c - a notice is put into mails of every form (matrix.py makes them), and what comes
 * out is read back by Python's email: it is there once in each form of the text, and nothing else
 * changed. */
#include <gateway/testkit.h>

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const kinds[] = { "ascii", "latin", "wide" };

static void matrix(struct testkit *kit, const char *what)
{
	char command[512];

	snprintf(command, sizeof command, "/usr/bin/python3 " TEST_FOLDER "/matrix.py %s %s", what,
		 testkit_folder(kit));
	assert_int_equal(system(command), 0);
}

static void option(struct testkit *kit, const char *text, const char *format, ...)
{
	char key[80];
	va_list args;

	va_start(args, format);
	vsnprintf(key, sizeof key, format, args);
	va_end(args);
	testkit_option(kit, key, text);
}

/* For each text a notice at the bottom and one at the top, for mail of a domain of that name. */
static void configure(struct testkit *kit)
{
	size_t i;

	for (i = 0; i < 6; i++) {
		char name[20], domain[40], file[40];

		snprintf(name, sizeof name, "%s%s", kinds[i / 2], i % 2 ? "-top" : "");
		snprintf(domain, sizeof domain, "%s.example", name);
		snprintf(file, sizeof file, "STATE/%s.txt", kinds[i / 2]);
		option(kit, name, "notices[%zu].name", i);
		option(kit, file, "notices[%zu].text_file", i);
		option(kit, i % 2 ? "top" : "bottom", "notices[%zu].place", i);
		option(kit, name, "rules[%zu].notice", i);
		option(kit, domain, "rules[%zu].from", i);
	}
}

static char *slurp(const char *path, size_t *len)
{
	FILE *file = fopen(path, "r");
	char *bytes;

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	*len = (size_t)ftell(file);
	rewind(file);
	bytes = malloc(*len + 1);
	assert_int_equal(fread(bytes, 1, *len, file), *len);
	bytes[*len] = '\0';
	fclose(file);
	return bytes;
}

static void spill(const char *base, const char *end, struct gw_str bytes)
{
	char path[600];
	FILE *file;

	snprintf(path, sizeof path, "%s.%s", base, end);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
	fclose(file);
}

static bool has_eight_bit(const char *bytes, size_t len)
{
	while (len--)
		if (*bytes++ & 0x80)
			return true;
	return false;
}

static void put_in(struct testkit *kit, struct gw_relay *relay, const char *base)
{
	char path[600];
	size_t len;
	char *bytes;
	struct gw_message *message = testkit_message(kit, NULL, "a@example.com", "");
	struct gw_delivery *delivery;

	snprintf(path, sizeof path, "%s.eml", base);
	bytes = slurp(path, &len);
	testkit_message_bytes(message, bytes, len);
	testkit_message_fact(message, GW_MESSAGE_EIGHT_BIT, has_eight_bit(bytes, len) ? "1" : "0");
	testkit_rcpt(message, "b@example.org");
	delivery = testkit_delivery(message, relay);
	testkit_forget(kit);
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_CONTINUE);
	if (testkit_run_prepare(kit, delivery) != GW_CONTINUE)
		fail_msg("%s: %s", base, testkit_line(kit, TESTKIT_REASON, 0));
	spill(base, "out", testkit_sent(delivery));
	spill(base, "why", gw_str(testkit_line(kit, TESTKIT_REASON, 0)));
	free(bytes);
}

static void each_form_takes_the_notice_and_nothing_else_changes(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_relay *relay = testkit_relay(kit, "out");
	struct dirent *entry;
	DIR *folder;
	size_t count = 0;

	(void)state;
	matrix(kit, "make");
	configure(kit);
	if (testkit_start(kit) != 0)
		fail_msg("%s", testkit_line(kit, TESTKIT_PROBLEM, 0));
	folder = opendir(testkit_folder(kit));
	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL) {
		size_t len = strlen(entry->d_name);

		if (len < 5 || strcmp(entry->d_name + len - 4, ".eml") != 0)
			continue;
		entry->d_name[len - 4] = '\0';
		put_in(kit, relay, testkit_file(kit, entry->d_name, NULL));
		count++;
	}
	closedir(folder);
	assert_true(count > 600);
	matrix(kit, "check");
	testkit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_takes_the_notice_and_nothing_else_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
