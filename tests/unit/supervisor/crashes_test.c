#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/crashes.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/crashes-test-XXXXXX";
static int folder;
static struct crashes crashes;

static struct place place(uint64_t id)
{
	return (struct place){
		.id = id, .hook = GW_HOOK_prepare, .inside = 1, .instance = "80 my dkim"
	};
}

static unsigned add(uint64_t id)
{
	struct place at = place(id);
	return crashes_add(&crashes, &at);
}

static int make(void **state)
{
	if (!mkdtemp(path))
		return -1;
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder < 0 ? -1 : 0;
}

static int empty(void **state)
{
	unlinkat(folder, "crashes", 0);
	unlinkat(folder, "crashes.new", 0);
	crashes_load(&crashes, folder);
	return crashes.count;
}

static int drop(void **state)
{
	empty(state);
	close(folder);
	return rmdir(path);
}

static void put_file(const char *text)
{
	int fd = openat(folder, "crashes", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void they_are_counted_by_message(void **state)
{
	assert_int_equal(add(1), 1);
	assert_int_equal(add(2), 1);
	assert_int_equal(add(1), 2);
	assert_int_equal(crashes.count, 2);
	assert_string_equal(crashes.items[0].instance, "80 my dkim");
	assert_string_equal(crashes.items[0].hook, "prepare");
}

static void a_file_remembers_them(void **state)
{
	struct stat info;
	add(1);
	add(1);
	add(77);
	assert_int_equal(fstatat(folder, "crashes", &info, 0), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	crashes_load(&crashes, folder);
	assert_int_equal(crashes.count, 2);
	assert_int_equal(crashes.items[0].id, 1);
	assert_int_equal(crashes.items[0].count, 2);
	assert_string_equal(crashes.items[0].instance, "80 my dkim");
	assert_int_equal(add(77), 2);
}

static void who_was_held_has_one_try_left(void **state)
{
	add(1);
	add(1);
	add(1);
	add(2);
	crashes_settle(&crashes);
	crashes_load(&crashes, folder);
	assert_int_equal(crashes.items[0].count, 1);
	assert_int_equal(crashes.items[1].count, 1);
	assert_int_equal(add(1), CRASHES_TO_HOLD);
}

static void the_oldest_makes_room(void **state)
{
	for (uint64_t id = 1; id <= CRASHES_MOST + 1; id++)
		add(id);
	assert_int_equal(crashes.count, CRASHES_MOST);
	assert_int_equal(crashes.items[0].id, 2);
	crashes_load(&crashes, folder);
	assert_int_equal(crashes.count, CRASHES_MOST);
	assert_int_equal(crashes.items[CRASHES_MOST - 1].id, CRASHES_MOST + 1);
}

static void lines_that_make_no_sense_are_left_out(void **state)
{
	put_file(
		"\n0000000000001 2 prepare a\nnonsense\n0000000000001 9 prepare twice\n0000000000002 0 prepare b\n"
		"0000000000003 x prepare c\nUUUUUUUUUUUUU 1 prepare d\n0000000000004 1 prepare\n0000000000005 1 route e");
	crashes_load(&crashes, folder);
	assert_int_equal(crashes.count, 2);
	assert_int_equal(crashes.items[0].id, 1);
	assert_int_equal(crashes.items[0].count, 2);
	assert_int_equal(crashes.items[1].id, 5);
}

/* The folder is the serving process's, the writer may be root. */
static void links_are_not_followed(void **state)
{
	char target[64];
	struct stat info;
	snprintf(target, sizeof(target), "%s/target", path);
	assert_int_equal(symlinkat(target, folder, "crashes.new"), 0);
	assert_int_equal(symlinkat(target, folder, "crashes"), 0);
	crashes_load(&crashes, folder);
	add(1);
	assert_int_equal(stat(target, &info), -1);
	assert_int_equal(fstatat(folder, "crashes", &info, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(info.st_mode));
}

static void without_a_folder_they_are_in_memory(void **state)
{
	crashes_load(&crashes, -1);
	assert_int_equal(add(1), 1);
	assert_int_equal(add(1), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(they_are_counted_by_message, empty),
		cmocka_unit_test_setup(a_file_remembers_them, empty),
		cmocka_unit_test_setup(who_was_held_has_one_try_left, empty),
		cmocka_unit_test_setup(the_oldest_makes_room, empty),
		cmocka_unit_test_setup(lines_that_make_no_sense_are_left_out, empty),
		cmocka_unit_test_setup(links_are_not_followed, empty),
		cmocka_unit_test_setup(without_a_folder_they_are_in_memory, empty),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
