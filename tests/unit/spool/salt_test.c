/* What tells a record from octets that look like one, and what becomes of a segment whose salt is
 * lost. */
#include "damage_kit.h"

#define FORGED 666
#define ENVELOPE "envelope of a forged message"
#define CONTENT "content of a forged message"

static struct kit *kit_create(void)
{
	struct kit *kit = malloc(sizeof(*kit));

	kit_init(kit);
	return kit;
}

static void kit_destroy(struct kit *kit)
{
	kit_finish(kit);
	free(kit);
}

/* A MESSAGE record as the gateway would write it at that place. */
static size_t forge(char *out, const struct segment_key *key, uint32_t offset)
{
	struct message_meta meta = { strlen(CONTENT), 0, 0 };
	struct record_head head = { .type = RECORD_MESSAGE, .id = FORGED, .group = 1, .lag = 1 };
	char *at = out + sizeof(head);

	memcpy(at, &meta, sizeof(meta));
	memcpy(at + sizeof(meta), ENVELOPE, strlen(ENVELOPE));
	head.meta_len = (uint32_t)(sizeof(meta) + strlen(ENVELOPE));
	head.data_len = (uint32_t)strlen(CONTENT);
	memcpy(at + head.meta_len, CONTENT, head.data_len);
	head.meta_crc = crc32c(0, at, head.meta_len);
	head.data_crc = crc32c(0, at + head.meta_len, head.data_len);
	record_seal(&head, key, offset);
	memcpy(out, &head, sizeof(head));
	return record_size(&head);
}

static const struct segment *current(struct kit *kit, uint32_t *end)
{
	const struct segment *segment;

	pthread_mutex_lock(&kit->spool->lock);
	segment = kit->spool->current;
	*end = segment->end;
	pthread_mutex_unlock(&kit->spool->lock);
	return segment;
}

static void flip(const struct kit *kit, const char *name, uint32_t offset)
{
	char path[KIT_PATH * 2], octet;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", kit->path, name);
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &octet, 1, offset), 1);
	octet ^= 1;
	assert_int_equal(pwrite(fd, &octet, 1, offset), 1);
	close(fd);
}

/* A message whose body has a record at the next place where recovery looks for one, and damage
 * before it. Whether it is found. */
static bool is_believed(struct kit *kit, const struct segment_key *wanted)
{
	char body[512] = "", envelope[] = "an envelope of 24 octets";
	struct waited waited = {
		.append = { .type = SPOOL_MESSAGE, .id = 2, .meta = gw_str(envelope) }
	};
	struct segment_key key;
	uint32_t end, content;
	bool found;

	kit_open(kit);
	kit_message(kit, 1, 100, 1024);
	key = wanted ? *wanted : current(kit, &end)->key;
	current(kit, &end);
	content = end + RECORD_HEAD + (uint32_t)(sizeof(struct message_meta) + strlen(envelope));
	assert_int_equal(content % 8, 0);
	waited.append.data = gw_str_n(body, forge(body, &key, content));
	assert_int_equal(kit_append(kit->spool, &waited), SPOOL_OK);
	kit_message(kit, 3, 100, 1024);
	kit_close(kit);
	flip(kit, "0000000001.seg", end + 10);
	kit_open(kit);
	assert_non_null(kit->spool);
	assert_whole(kit, 1);
	assert_whole(kit, 3);
	assert_false(kit_has(kit, 2));
	found = kit_has(kit, FORGED);
	kit_close(kit);
	kit_remove(kit->path);
	return found;
}

static void a_record_in_a_body_is_none(void **state)
{
	struct kit *kit = kit_create();
	const struct segment_key guesses[] = {
		segment_key_old(1),
		{ 1, RECORD_VERSION, { 0, 0 } },
		{ 1, RECORD_VERSION, { RECORD_MAGIC, 1 } },
		{ 1, RECORD_VERSION, { 0x12345678, 0x9abcdef0 } },
	};

	for (size_t i = 0; i < sizeof(guesses) / sizeof(*guesses); i++)
		assert_false(is_believed(kit, &guesses[i]));
	kit_destroy(kit);
}

/* So the place is the one that matters: only the salt makes the difference. */
static void with_the_salt_it_would_be_one(void **state)
{
	struct kit *kit = kit_create();

	assert_true(is_believed(kit, NULL));
	kit_destroy(kit);
}

static void each_segment_has_its_own(void **state)
{
	struct kit *kit = kit_create();
	struct segment_key keys[2];
	uint32_t end;

	kit_open(kit);
	kit_message(kit, 1, 100, 1024);
	keys[0] = current(kit, &end)->key;
	kit_reopen(kit);
	kit_message(kit, 2, 100, 1024);
	keys[1] = current(kit, &end)->key;
	assert_int_equal(keys[0].version, RECORD_VERSION);
	assert_memory_not_equal(keys[0].salt, keys[1].salt, sizeof(keys[0].salt));
	kit_destroy(kit);
}

/* --- the header is lost --- */

static void write_two_segments(struct kit *kit)
{
	kit_open(kit);
	kit_message(kit, 1, 100, 1024);
	kit_set_state(kit, 1, "tried");
	kit_reopen(kit);
	kit_message(kit, 2, 3000, 1024);
	kit_close(kit);
}

static void assert_both(struct kit *kit)
{
	assert_non_null(kit->spool);
	assert_whole(kit, 1);
	assert_whole(kit, 2);
	assert_string_equal(kit_state(kit, 1), "tried");
}

static void one_copy_of_the_header_is_enough(void **state)
{
	static const uint32_t places[] = { 0, 9, 17, 31, 4096, 4096 + 16 };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct kit *kit = kit_create();
		struct images images;

		write_two_segments(kit);
		images_load(kit, &images);
		for (size_t j = 0; j < images.count; j++)
			flip(kit, images.item[j].name, places[i]);
		kit_open(kit);
		assert_both(kit);
		assert_int_equal(kit_stats(kit).damaged, 0);
		images_free(&images);
		kit_destroy(kit);
	}
}

static void the_next_segment_knows_the_salt_too(void **state)
{
	struct kit *kit = kit_create();

	write_two_segments(kit);
	flip(kit, "0000000001.seg", 0);
	flip(kit, "0000000001.seg", 4096 + 20);
	for (int i = 0; i < 3; i++) {
		kit_open(kit);
		assert_both(kit);
		kit_close(kit);
	}
	kit_destroy(kit);
}

/* The last segment, without its salt: nothing in it is taken for a record, and nothing of it is
 * lost. */
static void without_any_salt_the_segment_stays(void **state)
{
	struct kit *kit = kit_create();
	struct images images;

	write_two_segments(kit);
	images_load(kit, &images);
	flip(kit, images.item[1].name, 12);
	flip(kit, images.item[1].name, 4096 + 20);
	for (int i = 0; i < 2; i++) {
		kit_open(kit);
		assert_non_null(kit->spool);
		assert_whole(kit, 1);
		assert_false(kit_has(kit, 2));
		kit_message(kit, 10 + (uint64_t)i, 100, 1024);
		kit_close(kit);
	}
	flip(kit, images.item[1].name, 12);
	kit_open(kit);
	assert_both(kit);
	assert_whole(kit, 10);
	assert_whole(kit, 11);
	images_free(&images);
	kit_destroy(kit);
}

static void put_header(const struct kit *kit, unsigned number, uint32_t version, size_t octets,
		       off_t size)
{
	struct segment_key key = { number, version, { 1, 2 } };
	char path[KIT_PATH * 2];
	int fd;

	snprintf(path, sizeof(path), "%s/%010u.seg", kit->path, number);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(segment_header_write(fd, &key), 0);
	assert_int_equal(ftruncate(fd, (off_t)octets), 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static bool exists(const struct kit *kit, unsigned number)
{
	char path[KIT_PATH * 2];

	snprintf(path, sizeof(path), "%s/%010u.seg", kit->path, number);
	return access(path, F_OK) == 0;
}

static void a_header_that_was_torn_is_no_mail(void **state)
{
	static const size_t octets[] = { 0, 7, 31, 32, 4096 + 5, 8192 };

	for (size_t i = 0; i < sizeof(octets) / sizeof(*octets); i++) {
		struct kit *kit = kit_create();

		write_two_segments(kit);
		put_header(kit, 50, RECORD_VERSION, octets[i], 1 << 20);
		kit_open(kit);
		assert_both(kit);
		assert_false(exists(kit, 50));
		kit_destroy(kit);
	}
}

static void a_later_version_is_left_alone(void **state)
{
	struct kit *kit = kit_create();

	write_two_segments(kit);
	put_header(kit, 50, RECORD_VERSION + 1, 8192, 1 << 20);
	kit_open(kit);
	assert_both(kit);
	assert_true(exists(kit, 50));
	kit_reopen(kit);
	assert_true(exists(kit, 50));
	kit_destroy(kit);
}

/* --- the version before --- */

static uint32_t put_old(int fd, uint32_t at, struct record_head head, struct gw_str meta,
			struct gw_str data)
{
	struct segment_key key = segment_key_old(1);

	head.group = head.lag = 1;
	head.meta_len = (uint32_t)meta.len;
	head.data_len = (uint32_t)data.len;
	head.meta_crc = crc32c(0, meta.ptr, meta.len);
	head.data_crc = crc32c(0, data.ptr, data.len);
	record_seal(&head, &key, at);
	assert_int_equal(pwrite(fd, &head, sizeof(head), at), sizeof(head));
	assert_int_equal(pwrite(fd, meta.ptr, meta.len, at + RECORD_HEAD), meta.len);
	assert_int_equal(pwrite(fd, data.ptr, data.len, at + RECORD_HEAD + meta.len), data.len);
	return at + record_size(&head);
}

#define OLD_ENVELOPE "envelope-4-9"

/* One message and its state. */
static void write_old(const struct kit *kit)
{
	static const struct gw_str none = { "", 0 };
	struct seal_meta seal = { 0, 0, 0, 0 };
	struct message_meta message = { 9, 0, 0 };
	char path[KIT_PATH * 2], content[9], meta[sizeof(message) + sizeof(OLD_ENVELOPE)];
	uint32_t at;
	int fd;

	assert_int_equal(mkdir(kit->path, 0700), 0);
	snprintf(path, sizeof(path), "%s/0000000001.seg", kit->path);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	memcpy(meta, &message, sizeof(message));
	memcpy(meta + sizeof(message), OLD_ENVELOPE, sizeof(OLD_ENVELOPE));
	kit_fill(4, 0, content, sizeof(content));
	at = put_old(fd, 0, (struct record_head){ .type = RECORD_SEAL },
		     gw_str_n((char *)&seal, sizeof(seal)), none);
	at = put_old(fd, at, (struct record_head){ .type = RECORD_MESSAGE, .id = 4 },
		     gw_str_n(meta, sizeof(meta) - 1), gw_str_n(content, sizeof(content)));
	put_old(fd, at, (struct record_head){ .type = RECORD_STATE, .id = 4 }, gw_str("tried"),
		none);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	close(fd);
}

/* Also once a segment of this version describes it. */
static void the_version_before_is_read(void **state)
{
	struct kit *kit = kit_create();

	write_old(kit);
	for (uint64_t id = 10; id < 13; id++) {
		kit_open(kit);
		assert_non_null(kit->spool);
		assert_whole(kit, 4);
		assert_string_equal(kit_state(kit, 4), "tried");
		kit_message(kit, id, 100, 1024);
		assert_int_equal(kit_stats(kit).damaged, 0);
		kit_close(kit);
	}
	kit_open(kit);
	kit_final(kit, 4);
	kit_reopen(kit);
	assert_false(kit_has(kit, 4));
	assert_whole(kit, 12);
	kit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_in_a_body_is_none),
		cmocka_unit_test(with_the_salt_it_would_be_one),
		cmocka_unit_test(each_segment_has_its_own),
		cmocka_unit_test(one_copy_of_the_header_is_enough),
		cmocka_unit_test(the_next_segment_knows_the_salt_too),
		cmocka_unit_test(without_any_salt_the_segment_stays),
		cmocka_unit_test(a_header_that_was_torn_is_no_mail),
		cmocka_unit_test(a_later_version_is_left_alone),
		cmocka_unit_test(the_version_before_is_read),
	};
	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
