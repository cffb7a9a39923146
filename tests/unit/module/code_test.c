/* Code of modules that changes under a process: what runs stays as it is, what is loaded next is
 * what the file says now. */
#include "../module/fake.h"

#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch[] = "/tmp/code-XXXXXX";
static char file[200], copies[200];

/* As `cp` does it: the same inode gets other octets. */
static void overwrite(const char *from, size_t most)
{
	char octets[4096];
	FILE *in = fopen(from, "r"), *out = fopen(file, "w");
	assert_non_null(in);
	assert_non_null(out);
	for (size_t len;
	     most &&
	     (len = fread(octets, 1, most < sizeof(octets) ? most : sizeof(octets), in)) > 0;
	     most -= len)
		assert_int_equal(fwrite(octets, 1, len, out), len);
	fclose(in);
	fclose(out);
	assert_int_equal(chmod(file, 0755), 0);
}

static struct module *load(bool good)
{
	struct problems problems;
	problems_init(&problems);
	struct module *module = module_load(&(struct module_source){ file, copies, &fake_services },
					    "20-x.conf", 1, &problems);
	assert_int_equal(problems.errors, good ? 0 : 1);
	assert_int_equal(module != NULL, good);
	problems_finish(&problems);
	return module;
}

static bool is_mapped(const char *part)
{
	char line[1000];
	bool found = false;
	FILE *maps = fopen("/proc/self/maps", "r");
	while (!found && fgets(line, sizeof(line), maps))
		found = strstr(line, part) != NULL;
	fclose(maps);
	return found;
}

static void overwritten_file_is_loaded_and_old_code_runs_on(void **state)
{
	overwrite(MODULES "/fresh1/fresh.so", SIZE_MAX);
	struct module *first = load(true);
	assert_ptr_equal(load(true), first);
	overwrite(MODULES "/fresh2/fresh.so", SIZE_MAX);
	struct module *second = load(true);
	assert_ptr_not_equal(second, first);
	assert_string_equal(first->version, "1.0");
	assert_string_equal(second->version, "2.0");
	assert_int_equal(first->table.mail(NULL, NULL), GW_CONTINUE);
	assert_int_equal(second->table.mail(NULL, NULL), GW_REJECT);
}

static void cut_file_is_refused_and_the_mended_one_taken(void **state)
{
	overwrite(MODULES "/fresh1/fresh.so", 5000);
	load(false);
	overwrite(MODULES "/fresh1/fresh.so", SIZE_MAX);
	assert_int_equal(load(true)->table.mail(NULL, NULL), GW_CONTINUE);
}

static void refused_module_leaves_nothing(void **state)
{
	overwrite(MODULES "/bad/othername.so", SIZE_MAX); /* loads, and says it is somebody else */
	load(false);
	assert_false(is_mapped("othername"));
	unlink(file);
	snprintf(file, sizeof(file), "%s/newer.so", scratch);
	overwrite(MODULES "/bad/newer.so", SIZE_MAX);
	load(false);
	assert_false(is_mapped("newer.so"));
	unlink(file);
	snprintf(file, sizeof(file), "%s/fresh.so", scratch);
}

static void without_room_for_a_copy_the_file_itself_runs(void **state)
{
	struct problems problems;
	problems_init(&problems);
	overwrite(MODULES "/fresh2/fresh.so", SIZE_MAX);
	assert_non_null(
		module_load(&(struct module_source){ file, "/dev/null/copies", &fake_services },
			    "20-x.conf", 1, &problems));
	assert_int_equal(problems.errors, 0);
	assert_int_equal(problems.warnings, 1);
	problems_finish(&problems);
}

static void touch(const char *name)
{
	char path[300];
	snprintf(path, sizeof(path), "%s/%s", copies, name);
	assert_return_code(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
}

static bool is_there(const char *name)
{
	char path[300];
	snprintf(path, sizeof(path), "%s/%s", copies, name);
	return access(path, F_OK) == 0;
}

static void copies_of_the_dead_are_swept(void **state)
{
	char dead[50], alive[50];
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	snprintf(dead, sizeof(dead), "%d.1.x.so", (int)child);
	snprintf(alive, sizeof(alive), "%d.1.x.so", (int)getppid());
	touch(dead);
	touch(alive);
	touch("something");
	code_sweep(copies);
	assert_false(is_there(dead));
	assert_true(is_there(alive));
	assert_true(is_there("something"));
}

static int begin(void **state)
{
	if (!mkdtemp(scratch))
		return -1;
	snprintf(file, sizeof(file), "%s/fresh.so", scratch);
	snprintf(copies, sizeof(copies), "%s/copies", scratch);
	return 0;
}

static int end(void **state)
{
	char command[300];
	snprintf(command, sizeof(command), "rm -r %s", scratch);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overwritten_file_is_loaded_and_old_code_runs_on),
		cmocka_unit_test(cut_file_is_refused_and_the_mended_one_taken),
		cmocka_unit_test(refused_module_leaves_nothing),
		cmocka_unit_test(without_room_for_a_copy_the_file_itself_runs),
		cmocka_unit_test(copies_of_the_dead_are_swept),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
