/* A full disk: messages are refused, nothing is lost, deliveries are completed, and it goes on by
 * itself. On a small file system of its own, which takes root; skipped without. */
#include "spool_kit.h"

#include <sys/mount.h>

static int mount_small(struct kit *kit, const char *options)
{
	kit_init(kit);
	if (mount("tmpfs", kit->root, "tmpfs", 0, options) < 0) {
		kit_finish(kit);
		return -1;
	}
	return 0;
}

static void unmount(struct kit *kit)
{
	char root[64];

	kit_close(kit);
	memcpy(root, kit->root, sizeof(root));
	problems_finish(&kit->problems);
	umount2(root, MNT_DETACH);
	rmdir(root);
}

/* Sends until it is refused; gives how many were taken. */
static uint64_t fill(struct kit *kit, uint64_t from, enum spool_result *result)
{
	struct sent sent;
	uint64_t id = from;

	while ((*result = kit_send(kit->spool, id, 20000, 8000, &sent)) == SPOOL_OK)
		id++;
	return id - from;
}

static void a_full_disk_refuses_and_recovers(void **state)
{
	enum spool_result result;
	struct kit kit;
	uint64_t count;

	if (mount_small(&kit, "size=4m,mode=700") < 0)
		skip();
	kit_open(&kit);
	count = fill(&kit, 1, &result);
	assert_int_equal(result, SPOOL_FULL);
	assert_true(count > 100);
	wait_for(spool_room(kit.spool, 20000) == SPOOL_FULL);
	for (uint64_t id = 1; id <= count; id++)
		assert_whole(&kit, id);
	for (uint64_t id = 1; id <= count; id++) /* the reserve takes these */
		kit_set_state(&kit, id, "sent");
	for (uint64_t id = 1; id < count; id++)
		kit_final(&kit, id);
	wait_for(spool_room(kit.spool, 20000) == SPOOL_OK);
	assert_true(fill(&kit, 1000, &result) > 100);
	assert_int_equal(result, SPOOL_FULL);
	kit_reopen(&kit);
	assert_whole(&kit, count);
	assert_false(kit_has(&kit, 1));
	assert_whole(&kit, 1000);
	unmount(&kit);
}

/* When even the reserve is used up, what completes deliveries waits; a segment that nothing needs
 * makes room again. */
static void finals_wait_for_room_and_make_it(void **state)
{
	static struct waited finals[8000];
	enum spool_result result;
	struct kit kit;
	uint64_t count;

	if (mount_small(&kit, "size=3m,mode=700") < 0)
		skip();
	kit_open(&kit);
	count = fill(&kit, 1, &result);
	assert_int_equal(result, SPOOL_FULL);
	for (int i = 0; i < 8000; i++) {
		finals[i] = (struct waited){
			.append = { .type = SPOOL_STATE,
				    .id = 1,
				    .meta = GW_STR("a state of some length to use up the room") }
		};
		waited_start(kit.spool, &finals[i]);
	}
	for (uint64_t id = 1; id <= count; id++) {
		struct spool_append final = { .type = SPOOL_FINAL, .id = id };
		spool_append(kit.spool, &final);
	}
	for (int i = 0; i < 8000; i++)
		assert_int_equal(waited_end(&finals[i]), SPOOL_OK);
	wait_for(kit_stats(&kit).messages == 0);
	wait_for(spool_room(kit.spool, 20000) == SPOOL_OK);
	kit_reopen(&kit);
	assert_int_equal(kit.found_count, 0);
	unmount(&kit);
}

static void no_inodes_is_a_full_disk(void **state)
{
	enum spool_result result;
	struct kit kit;
	uint64_t count;

	if (mount_small(&kit, "size=40m,nr_inodes=7,mode=700") < 0)
		skip();
	kit_open(&kit);
	assert_non_null(kit.spool);
	count = fill(&kit, 1, &result);
	assert_int_equal(result, SPOOL_FULL);
	for (uint64_t id = 1; id <= count; id++)
		kit_final(&kit, id);
	wait_for(spool_room(kit.spool, 20000) == SPOOL_OK);
	assert_true(fill(&kit, 1000, &result) > 10);
	unmount(&kit);
}

static void it_opens_on_a_full_disk(void **state)
{
	static char zeros[1 << 16];
	enum spool_result result;
	char path[KIT_PATH];
	struct kit kit;
	uint64_t count;
	int fd;

	if (mount_small(&kit, "size=4m,mode=700") < 0)
		skip();
	kit_open(&kit);
	count = fill(&kit, 1, &result);
	kit_close(&kit);
	snprintf(path, sizeof(path), "%s/other", kit.root);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	while (write(fd, zeros, 512) > 0)
		;
	close(fd);
	kit_open(&kit);
	assert_non_null(kit.spool);
	assert_int_equal(kit.found_count, count);
	assert_whole(&kit, 1);
	assert_int_equal(spool_room(kit.spool, 100), SPOOL_FULL);
	assert_int_equal(unlink(path), 0);
	wait_for(spool_room(kit.spool, 100) == SPOOL_OK);
	kit_message(&kit, 5000, 100, 1024);
	unmount(&kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk_refuses_and_recovers),
		cmocka_unit_test(finals_wait_for_room_and_make_it),
		cmocka_unit_test(no_inodes_is_a_full_disk),
		cmocka_unit_test(it_opens_on_a_full_disk),
	};
	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
