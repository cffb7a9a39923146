/* What recovery has not read it does not judge: files that are larger than a segment, and a disk
 * that does not answer. */
#include "pread.h"
#include "spool_kit.h"

#include "spool/janitor.h"

#include "base/crc32c.h"

/* Reads of [fail_from, fail_to) of every file end with that errno. */
static off_t fail_from = -1, fail_to;
static int fail_errno;

static ssize_t failing_pread(int fd, void *out, size_t len, off_t offset)
{
	if (fail_from >= 0 && offset < fail_to && offset + (off_t)len > fail_from) {
		if (offset >= fail_from) {
			errno = fail_errno;
			return -1;
		}
		len = (size_t)(fail_from - offset);
	}
	return syscall(SYS_pread64, fd, out, len, offset);
}

/* Files seem so much longer than they are. */
static off_t more_octets;

int fstat(int fd, struct stat *st)
{
	int result = fstatat(fd, "", st, AT_EMPTY_PATH);

	st->st_size += more_octets;
	return result;
}

static void fail_reads(off_t from, off_t to, int error)
{
	fail_from = from;
	fail_to = to;
	fail_errno = error;
}

static struct kit *kit_create(void)
{
	struct kit *kit = malloc(sizeof(*kit));

	kit_init(kit);
	return kit;
}

static void kit_destroy(struct kit *kit)
{
	fail_reads(-1, -1, 0);
	kit_finish(kit);
	free(kit);
}

static int open_segment(const struct kit *kit, unsigned number)
{
	char path[KIT_PATH * 2];
	int fd;

	snprintf(path, sizeof(path), "%s/%010u.seg", kit->path, number);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	return fd;
}

static off_t segment_size(const struct kit *kit, unsigned number)
{
	struct stat st = { .st_size = -1 };
	int fd = open_segment(kit, number);

	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	return st.st_size;
}

static uint32_t put_record(int fd, uint32_t at, struct record_head head, const char *meta,
			   const char *data)
{
	struct segment_key key = segment_key_old(1);

	head.meta_crc = crc32c(0, meta, head.meta_len);
	head.data_crc = data ? crc32c(0, data, head.data_len) : 0;
	record_seal(&head, &key, at);
	assert_int_equal(pwrite(fd, &head, sizeof(head), at), sizeof(head));
	assert_int_equal(pwrite(fd, meta, head.meta_len, at + RECORD_HEAD), head.meta_len);
	if (data)
		assert_int_equal(pwrite(fd, data, head.data_len, at + RECORD_HEAD + head.meta_len),
				 head.data_len);
	return at + record_size(&head);
}

/* A segment of three GiB, nearly all of it a hole, with one message at its end. */
static uint32_t make_large(struct kit *kit)
{
	static const char envelope[] = "envelope-7-100";
	struct message_meta message = { .size = 100 };
	struct seal_meta seal = { 0, 0, 0, 0 };
	char meta[sizeof(message) + sizeof(envelope)], data[100];
	uint32_t at;
	int fd;

	assert_int_equal(mkdir(kit->path, 0700), 0);
	fd = open_segment(kit, 1);
	at = put_record(
		fd, 0,
		(struct record_head){
			.type = RECORD_SEAL, .group = 1, .lag = 1, .meta_len = sizeof(seal) },
		(const char *)&seal, NULL);
	for (int i = 0; i < 6; i++)
		at = put_record(fd, at,
				(struct record_head){ .type = RECORD_EXTENT,
						      .group = 1,
						      .lag = 1,
						      .id = 5,
						      .data_len = 500 << 20 },
				"", NULL);
	memcpy(meta, &message, sizeof(message));
	memcpy(meta + sizeof(message), envelope, sizeof(envelope) - 1);
	kit_fill(7, 0, data, sizeof(data));
	at = put_record(fd, at,
			(struct record_head){ .type = RECORD_MESSAGE,
					      .group = 2,
					      .lag = 1,
					      .id = 7,
					      .meta_len = sizeof(meta) - 1,
					      .data_len = sizeof(data) },
			meta, data);
	assert_int_equal(ftruncate(fd, at), 0);
	close(fd);
	return at;
}

static void a_segment_over_a_gigabyte_is_read_to_its_end(void **state)
{
	struct kit *kit = kit_create();
	uint32_t end = make_large(kit);

	assert_true(end > 2 * SPOOL_SEGMENT_MAX);
	for (int start = 0; start < 3; start++) {
		kit_open(kit);
		assert_non_null(kit->spool);
		assert_true(kit_has(kit, 7));
		assert_whole(kit, 7);
		kit_message(kit, 100 + (uint64_t)start, 10, 1024);
		kit_close(kit);
	}
	kit_destroy(kit);
}

static void a_file_longer_than_any_segment_is_left_as_it_is(void **state)
{
	struct kit *kit = kit_create();
	off_t size;

	kit_open(kit);
	kit_message(kit, 1, 100, 1024);
	kit_close(kit);
	size = segment_size(kit, 1);
	more_octets = (off_t)SEGMENT_READ_MAX;
	kit_open(kit);
	more_octets = 0;
	assert_non_null(kit->spool);
	assert_whole(kit, 1);
	assert_non_null(kit->problems.first);
	kit_final(kit, 1);
	janitor_reclaim(kit->spool);
	kit_close(kit);
	assert_int_equal(segment_size(kit, 1), size);
	kit_destroy(kit);
}

static void no_option_makes_what_recovery_cannot_read(void **state)
{
	static const int64_t refused[] = { 0, -1, SPOOL_SEGMENT_MAX + 1, INT64_C(4) << 30 };
	struct kit *kit = kit_create();

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		kit->options.segment_size = refused[i];
		kit_open(kit);
		assert_null(kit->spool);
	}
	assert_int_equal(kit->problems.errors, 4);
	kit_finish(kit);
	free(kit);
}

/* The disk does not answer where the last message lies, then it does. */
static void what_cannot_be_read_at_one_start_is_there_at_the_next(void **state)
{
	struct kit *kit = kit_create();
	struct sent sent;
	off_t at;

	kit_open(kit);
	kit_message(kit, 1, 100, 1024);
	assert_int_equal(kit_send(kit->spool, 2, 9000, 10000, &sent), SPOOL_OK);
	at = (sent.tail.offset + 8191) / 4096 * 4096;
	kit_message(kit, 3, 9000, 10000);
	kit_close(kit);
	fail_reads(at, at + (64 << 10), EIO);
	kit_open(kit);
	assert_non_null(kit->spool);
	assert_whole(kit, 1);
	assert_false(kit_has(kit, 3));
	kit_message(kit, 4, 100, 1024);
	kit_final(kit, 1);
	kit_close(kit);
	fail_reads(-1, -1, 0);
	kit_open(kit);
	assert_non_null(kit->spool);
	assert_whole(kit, 2);
	assert_whole(kit, 3);
	assert_whole(kit, 4);
	assert_false(kit_has(kit, 1));
	kit_destroy(kit);
}

static int load(struct kit *kit, uint64_t id)
{
	struct gw_str envelope, state;
	struct spool_content content;
	struct arena arena;
	int result;

	arena_init(&arena, 0);
	result = spool_load(kit->spool, id, &arena, &envelope, &state, &content);
	if (result == 0)
		result = spool_verify(&content);
	arena_finish(&arena);
	return result;
}

static void a_read_that_fails_is_not_damage(void **state)
{
	struct kit *kit = kit_create();
	struct sent sent;
	char octet;
	int fd;

	kit_open(kit);
	assert_int_equal(kit_send(kit->spool, 2, 90000, 100000, &sent), SPOOL_OK);
	assert_int_equal(load(kit, 1), SPOOL_GONE);
	assert_int_equal(load(kit, 2), 0);
	fail_reads(SEGMENT_HEADER, SEGMENT_HEADER + 4096, ENOMEM);
	assert_int_equal(load(kit, 2), SPOOL_UNREADABLE); /* the envelope */
	fail_reads(65536, 65536 + 4096, EIO);
	assert_int_equal(load(kit, 2), SPOOL_UNREADABLE); /* the content */
	assert_int_equal(kit_stats(kit).damaged, 0);
	fail_reads(-1, -1, 0);
	assert_int_equal(load(kit, 2), 0);
	fd = open_segment(kit, 1);
	assert_int_equal(pread(fd, &octet, 1, 65536), 1);
	octet ^= 1;
	assert_int_equal(pwrite(fd, &octet, 1, 65536), 1);
	close(fd);
	assert_int_equal(load(kit, 2), SPOOL_DAMAGED);
	assert_int_equal(kit_stats(kit).damaged, 1);
	kit_destroy(kit);
}

static void a_record_that_could_not_be_read_again_is_refused(void **state)
{
	struct kit *kit = kit_create();
	size_t size = RECORD_MAX + 1u;
	char *bytes = calloc(1, size); /* read alone, it takes no memory */
	struct waited waited = { .append = { .type = SPOOL_MESSAGE,
					     .id = 3,
					     .durable = true,
					     .meta = { "e", 1 },
					     .data = { bytes, size } } };

	assert_non_null(bytes);
	kit_open(kit);
	assert_int_equal(kit_append(kit->spool, &waited), SPOOL_FAILED);
	kit_message(kit, 1, 100, 1024);
	free(bytes);
	kit_reopen(kit);
	assert_whole(kit, 1);
	kit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_segment_over_a_gigabyte_is_read_to_its_end),
		cmocka_unit_test(a_file_longer_than_any_segment_is_left_as_it_is),
		cmocka_unit_test(no_option_makes_what_recovery_cannot_read),
		cmocka_unit_test(what_cannot_be_read_at_one_start_is_there_at_the_next),
		cmocka_unit_test(a_read_that_fails_is_not_damage),
		cmocka_unit_test(a_record_that_could_not_be_read_again_is_refused),
	};
	log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
