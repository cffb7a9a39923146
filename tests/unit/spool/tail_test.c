/* A torn end of the log, at every octet of the last group: what was answered for before is whole,
 * what was not is whole or not there, and nobody is alarmed. */
#include "damage_kit.h"

enum tear { TEAR_CUT, TEAR_FLIP, TEAR_ZERO, TEAR_ZERO_ONE };

static void tear(struct image *image, size_t at, enum tear how)
{
	switch (how) {
	case TEAR_CUT:
		image->size = at;
		break;
	case TEAR_FLIP:
		image->bytes[at] ^= 0x10;
		break;
	case TEAR_ZERO:
		memset(image->bytes + at, 0, image->size - at);
		break;
	case TEAR_ZERO_ONE:
		image->bytes[at] = 0;
		break;
	}
}

static void check_torn(struct kit *kit)
{
	FILE *out;

	for (int restart = 0; restart < 2; restart++) {
		kit_open(kit);
		assert_non_null(kit->spool);
		assert_int_equal(kit_stats(kit).damaged, 0);
		assert_whole(kit, 1);
		assert_whole(kit, 2);
		assert_string_equal(kit_state(kit, 1), "kept");
		assert_int_equal(kit_load(kit->spool, 3),
				 kit_has(kit, 3) ? LOADED_GOOD : LOADED_REFUSED);
		kit_message(kit, 4, 100, 1024);
		kit_final(kit, 4);
		kit_close(kit);
	}
	out = fopen("/dev/null", "w");
	assert_int_equal(spool_check(kit->path, out), 0);
	fclose(out);
}

static void tear_everywhere(struct kit *kit, size_t from, enum tear how)
{
	struct images images, torn;

	images_load(kit, &images);
	assert_int_equal(images.count, 1);
	for (size_t at = from; at < images.item[0].size; at++) {
		torn = images;
		torn.item[0].bytes = malloc(images.item[0].size);
		memcpy(torn.item[0].bytes, images.item[0].bytes, images.item[0].size);
		tear(&torn.item[0], at, how);
		images_store(kit, &torn);
		check_torn(kit);
		images_free(&torn);
	}
	images_store(kit, &images);
	images_free(&images);
}

/* Messages 1 and 2 answered for, then a group of one record that nothing follows. */
static size_t write_log(struct kit *kit)
{
	struct sent sent;
	size_t from;

	kit_open(kit);
	kit_message(kit, 1, 100, 1024);
	kit_message(kit, 2, 3000, 1024);
	kit_set_state(kit, 1, "kept");
	assert_int_equal(kit_record(kit->spool, SPOOL_STATE, 2, "kept", true), SPOOL_OK);
	assert_int_equal(kit_send(kit->spool, 3, 9, 1024, &sent), SPOOL_OK);
	from = sent.tail.offset - sizeof(struct message_meta) - strlen("envelope-3-9");
	kit_close(kit);
	return from;
}

static void trim(struct kit *kit, size_t from)
{
	struct segment segment = { .number = 1 };
	char path[KIT_PATH * 2];
	struct record_head head;
	int fd;

	snprintf(path, sizeof(path), "%s/0000000001.seg", kit->path);
	segment.fd = fd = open(path, O_RDWR);
	assert_int_equal(segment_header_read(&segment, &segment.key), 1);
	assert_int_equal(pread(fd, &head, sizeof(head), (off_t)from), sizeof(head));
	assert_true(record_valid(&head, &segment.key, (uint32_t)from));
	assert_int_equal(ftruncate(fd, (off_t)(from + record_size(&head))), 0);
	close(fd);
}

static void torn(enum tear how)
{
	struct kit *kit = malloc(sizeof(*kit));
	size_t from;

	kit_init(kit);
	from = write_log(kit);
	trim(kit, from);
	tear_everywhere(kit, from, how);
	kit_finish(kit);
	free(kit);
}

static void cut_at_every_octet(void **state)
{
	torn(TEAR_CUT);
}
static void flipped_at_every_octet(void **state)
{
	torn(TEAR_FLIP);
}
static void zeroed_from_every_octet(void **state)
{
	torn(TEAR_ZERO);
}
static void one_octet_zeroed(void **state)
{
	torn(TEAR_ZERO_ONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_at_every_octet),
		cmocka_unit_test(flipped_at_every_octet),
		cmocka_unit_test(zeroed_from_every_octet),
		cmocka_unit_test(one_octet_zeroed),
	};
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
