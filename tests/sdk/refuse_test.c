/* Every bad module is refused with exactly this text. */
#include "../unit/module/fake.h"

#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[] = "/tmp/refuse-XXXXXX";

static void refused(const char *path, const char *expected)
{
	struct problems problems;
	char text[1000];

	problems_init(&problems);
	assert_null(module_load(&(struct module_source){ path, NULL, &fake_services },
				"conf.d/20-x.conf", 3, &problems));
	assert_int_equal(problems.errors, 1);
	snprintf(text, sizeof(text), "%s: %s", path, expected);
	assert_string_equal(problems.first->text, text);
	assert_string_equal(problems.first->file, "conf.d/20-x.conf");
	assert_int_equal(problems.first->line, 3);
	problems_finish(&problems);
}

static void bad_modules_are_refused(void **state)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "major", "is built for module ABI 2, this gateway speaks 1" },
		{ "newer", "newer 1.4 needs module ABI 1.7, this gateway has 1.0" },
		{ "nothing", "is not a gateway module: it has no symbol gw_module_v1" },
		{ "undefined", "cannot be loaded: undefined symbol: gateway_internal_function" },
		{ "othername", "says it is the module \"somebody\", \"othername\" was expected" },
		{ "null", "its entry gives no table" },
		{ "zero", "its table has 0 octets, at least 32 were expected" },
		{ "noname", "its table has no name or no version" },
		{ "outside",
		  "outside 1.0: its option \"beyond\" lies outside of the struct it fills" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[500];
		snprintf(path, sizeof(path), MODULES "/bad/%s.so", rows[i].name);
		refused(path, rows[i].text);
		/* and again: a refusal is not remembered as a success */
		refused(path, rows[i].text);
	}
}

static const char *write_file(const char *name, const void *bytes, size_t len, mode_t mode)
{
	static char path[500];

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	unlink(path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

/* The beginning of a good module. */
static size_t read_good(char *bytes, size_t size)
{
	FILE *file = fopen(MODULES "/probe.so", "r");

	assert_non_null(file);
	size_t len = fread(bytes, 1, size, file);
	fclose(file);
	return len;
}

static void broken_files_are_refused(void **state)
{
	char bytes[64];

	refused(write_file("cut.so", bytes, read_good(bytes, 10), 0644),
		"cannot be loaded: file too short");
	refused(write_file(
			"text.so",
			"this is no shared object, just words in a file, more of them than a header has\n",
			79, 0644),
		"cannot be loaded: invalid ELF header");
}

static void files_in_wrong_hands_are_refused(void **state)
{
	char folder[500], missing[500];

	refused(write_file("open.so", "x", 1, 0666),
		"everybody may write it (mode 666); a module must not be writable by others: chmod o-w");
	snprintf(missing, sizeof(missing), "%s/missing.so", scratch);
	refused(missing, "cannot be read: No such file or directory");
	snprintf(folder, sizeof(folder), "%s/folder.so", scratch);
	assert_int_equal(mkdir(folder, 0755), 0);
	refused(folder, "is no file");
	rmdir(folder);
	if (geteuid() != 0)
		return;
	const char *path = write_file("foreign.so", "x", 1, 0644);
	assert_int_equal(chown(path, 12345, 12345), 0);
	refused(path,
		"belongs to user 12345; a module must belong to root or to the gateway's user 0");
}

static void good_module_is_loaded_once(void **state)
{
	struct problems problems;

	problems_init(&problems);
	struct module *module = module_load(
		&(struct module_source){ MODULES "/probe.so", NULL, &fake_services }, NULL, 0,
		&problems);
	assert_non_null(module);
	assert_ptr_equal(
		module_load(&(struct module_source){ MODULES "/probe.so", NULL, &fake_services },
			    NULL, 0, &problems),
		module);
	assert_int_equal(problems.errors, 0);
	assert_string_equal(module->name, "probe");
	assert_string_equal(module->version, "1.0");
	assert_non_null(module->table.check);
}

/* What an older module does not know, it does not hook. */
static void older_module_is_loaded(void **state)
{
	struct problems problems;

	problems_init(&problems);
	struct module *module = module_load(
		&(struct module_source){ MODULES "/old/short.so", NULL, &fake_services }, NULL, 0,
		&problems);
	assert_non_null(module);
	assert_true(module->table.size < sizeof(struct gw_module));
	assert_non_null(module->table.mail);
	assert_null(module->table.tick);
	assert_null(module->table.check);
	assert_int_equal(problems.errors, 0);
}

static int make_scratch(void **state)
{
	return mkdtemp(scratch) ? 0 : -1;
}

static int remove_scratch(void **state)
{
	static const char *const names[] = { "cut.so", "text.so", "open.so", "foreign.so" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[500];
		snprintf(path, sizeof(path), "%s/%s", scratch, names[i]);
		unlink(path);
	}
	return rmdir(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_modules_are_refused),
		cmocka_unit_test(broken_files_are_refused),
		cmocka_unit_test(files_in_wrong_hands_are_refused),
		cmocka_unit_test(good_module_is_loaded_once),
		cmocka_unit_test(older_module_is_loaded),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
