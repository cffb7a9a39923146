/* corpus_test.c - a folder of bounces of others, where BOUNCE_CORPUS names one: what is made of
 * each, for score.py to compare. Without it there is nothing to do. */
#include "mails.h"

#include <setjmp.h>

#include <cmocka.h>

#include <dirent.h>

static void classify_file(struct testkit *kit, const char *folder, const char *name)
{
	char path[4096], *bytes;
	size_t len;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	bytes = mail_bytes(path, &len);
	printf("MAIL %s %s\n", name, mail_classify(kit, bytes, len));
	free(bytes);
}

static void each_is_classified(void **state)
{
	const char *folder = getenv("BOUNCE_CORPUS");
	struct testkit *kit;
	struct dirent *entry;
	DIR *files;

	(void)state;
	if (!folder)
		skip();
	kit = testkit_create(gw_module_v1);
	testkit_fragment(kit, SHIPPED);
	assert_int_equal(testkit_start(kit), 0);
	files = opendir(folder);
	while (files && (entry = readdir(files)))
		if (strstr(entry->d_name, ".eml"))
			classify_file(kit, folder, entry->d_name);
	closedir(files);
	testkit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_is_classified) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
