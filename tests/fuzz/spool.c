/* Files of the log that the input makes up, record by record, with right checksums or without:
 * recovery comes to an end, reads nothing beside them, and finds the same when it runs again. */
#include "fuzz.h"
#include "folder.h"

#include "base/crc32c.h"
#include "spool/group.h"
#include "spool/header.h"
#include "spool/record.h"
#include "spool/recover.h"
#include "spool/segment.h"
#include "spool/spool_private.h"

#define SEGMENTS 3
#define SEGMENT_MOST 24576
#define FOUND_MOST 512
#define CONTENT_MOST (1u << 20) /* extents may be named more than once */

/* Nobody waits for an answer here. */
void worker_post(struct worker *worker, struct post *post)
{
	abort();
}

void worker_post_chain(struct worker *worker, struct post *first)
{
	abort();
}

struct making {
	struct gw_str input;
	char bytes[SEGMENT_MOST];
	uint32_t segment, len, length_before;
	struct segment_key key, key_before;
	uint64_t group;
	struct spool_extent extents[16]; /* written so far */
	unsigned extent_count;
};

static struct gw_str take(struct making *making, size_t len)
{
	struct gw_str taken = gw_str_n(making->input.ptr,
				       len < making->input.len ? len : making->input.len);

	making->input = gw_str_from(making->input, taken.len);
	return taken;
}

/* What the meta of each type should be, or whatever the input has. */
static size_t make_meta(struct making *making, enum record_type type, size_t data_len, char *meta)
{
	unsigned choice = take_byte(&making->input);
	struct gw_str more = take(making, choice & 31);
	size_t len = 0;

	if (choice & 128) {
		memcpy(meta, more.ptr, more.len);
		return more.len;
	}
	if (type == RECORD_SEAL) {
		struct seal_meta seal = { .segment = making->segment - 1,
					  .length = making->length_before,
					  .gap_count = (uint32_t)more.len / 8 };
		memcpy(meta, &seal, len = sizeof(seal));
		memcpy(meta + len, more.ptr, more.len);
		len += more.len / 8 * 8;
		memcpy(meta + len, &making->key_before, sizeof(making->key_before));
		len += sizeof(making->key_before);
		more.len = 0;
	} else if (type == RECORD_FINAL) {
		struct final_meta final = { .segment = 1 + (choice >> 5 & 3) % making->segment };
		memcpy(meta, &final, len = sizeof(final));
		more.len = 0;
	} else if (type == RECORD_MESSAGE) {
		unsigned count = (choice >> 5 & 3) < making->extent_count ? choice >> 5 & 3
									  : making->extent_count;
		struct message_meta message = { .size = data_len, .extent_count = count };
		for (unsigned i = 0; i < count; i++)
			message.size += making->extents[i].length;
		memcpy(meta, &message, len = sizeof(message));
		memcpy(meta + len, making->extents, count * sizeof(making->extents[0]));
		len += count * sizeof(making->extents[0]);
	}
	memcpy(meta + len, more.ptr, more.len);
	return len + more.len;
}

static void remember(struct making *making, const struct record_head *head)
{
	if (head->type == RECORD_EXTENT && making->extent_count < 16)
		making->extents[making->extent_count++] = (struct spool_extent){
			making->segment, making->len, head->data_len, head->data_crc
		};
}

static void put_record(struct making *making, enum record_type type)
{
	unsigned id = take_byte(&making->input), time = take_byte(&making->input),
		 data_len = take_byte(&making->input);
	struct gw_str data = take(making, data_len);
	struct record_head head = { .type = (uint8_t)type,
				    .id = 1 + id % 8,
				    .data_len = (uint32_t)data.len };
	char meta[512];

	head.meta_len = (uint32_t)make_meta(making, type, data.len, meta);
	if (making->len + record_size(&head) > SEGMENT_MOST)
		return;
	making->group += time & 3;
	head.group = making->group;
	head.lag = (uint16_t)(time >> 2 & 7);
	head.meta_crc = crc32c(0, meta, head.meta_len) ^ (id >= 250);
	head.data_crc = crc32c(0, data.ptr, data.len) ^ (data_len >= 250);
	record_seal(&head, &making->key, making->len);
	remember(making, &head);
	memcpy(making->bytes + making->len, &head, sizeof(head));
	memcpy(making->bytes + making->len + sizeof(head), meta, head.meta_len);
	memcpy(making->bytes + making->len + sizeof(head) + head.meta_len, data.ptr, data.len);
	making->len += record_size(&head);
}

static void put_bytes(struct making *making)
{
	struct gw_str bytes = take(making, take_byte(&making->input));

	if (making->len + record_align(bytes.len) > SEGMENT_MOST)
		return;
	memcpy(making->bytes + making->len, bytes.ptr, bytes.len);
	making->len += record_align(bytes.len);
}

static void spoil(struct making *making)
{
	unsigned at = take_byte(&making->input) << 8 | take_byte(&making->input);

	if (making->len)
		making->bytes[at % making->len] ^= (char)(1 + take_byte(&making->input));
}

static void put_header(struct making *making, uint32_t offset)
{
	uint32_t header[8] = { 0x50535747,          0x0a4c4f4f,          making->segment,
			       making->key.version, making->key.salt[0], making->key.salt[1] };

	header[7] = crc32c(0, header, 28);
	memcpy(making->bytes + offset, header, sizeof(header));
}

/* Of either version, or with a header that is not there, or not whole. */
static void begin_segment(struct making *making)
{
	unsigned choice = take_byte(&making->input);

	making->key = segment_key_old(making->segment);
	making->len = 0;
	if (choice % 4 == 0)
		return;
	making->key = (struct segment_key){ making->segment,
					    RECORD_VERSION + (choice >= 252),
					    { 0x11223344, making->segment } };
	making->len = SEGMENT_HEADER;
	if (choice % 4 & 1)
		put_header(making, 0);
	if (choice % 4 & 2)
		put_header(making, 4096);
}

static void end_segment(struct making *making)
{
	size_t zeros = take_byte(&making->input) * 8, room = SEGMENT_MOST - making->len;
	char name[SEGMENT_NAME];

	folder_write(segment_name(making->segment, name), making->bytes,
		     making->len + (zeros < room ? zeros : room));
	memset(making->bytes, 0, sizeof(making->bytes));
	making->length_before = making->len;
	making->key_before = making->key;
	making->segment++;
	begin_segment(making);
}

static void make_files(const uint8_t *data, size_t size)
{
	static struct making making;

	making = (struct making){ .input = gw_str_n(data, size), .segment = 1, .group = 1 };
	begin_segment(&making);
	while (making.input.len && making.segment <= SEGMENTS) {
		unsigned what = take_byte(&making.input) % 9;
		if (what < 6)
			put_record(&making, what ? (enum record_type)what : RECORD_MESSAGE);
		else if (what == 6)
			put_bytes(&making);
		else if (what == 7)
			spoil(&making);
		else
			end_segment(&making);
	}
	if (making.segment <= SEGMENTS)
		end_segment(&making);
}

struct finds {
	uint64_t ids[FOUND_MOST];
	uint32_t sums[FOUND_MOST];
	size_t count;
};

static void found(void *arg, const struct spool_found *message)
{
	struct finds *finds = arg;

	must(finds->count < FOUND_MOST && message->id != 0);
	finds->ids[finds->count] = message->id;
	finds->sums[finds->count++] = crc32c(
		crc32c((uint32_t)message->size, message->envelope.ptr, message->envelope.len),
		message->state.ptr, message->state.len);
}

/* As much as there is: the size that a record tells is not compared with what its extents have. */
static void read_all(const struct spool_content *content)
{
	char bytes[512];
	uint64_t at = 0;
	long got;

	while ((got = spool_read(content, at, bytes, sizeof(bytes))) > 0) {
		must((size_t)got <= sizeof(bytes));
		at += (uint64_t)got;
	}
	must(at <= CONTENT_MOST);
}

static void load(struct spool *spool, uint64_t id)
{
	struct spool_content content;
	struct gw_str envelope, state;
	struct arena arena;

	arena_init(&arena, 0);
	if (spool_load(spool, id, &arena, &envelope, &state, &content) == 0) {
		spool_verify(&content);
		read_all(&content);
	}
	arena_finish(&arena);
}

/* Without the threads: nothing is written. */
static bool recover(struct finds *finds, bool dry)
{
	struct spool_options options = { .path = folder_path(), .segment_size = 1 << 20 };
	struct problems problems;
	struct spool *spool;
	bool done;

	finds->count = 0;
	problems_init(&problems);
	spool = spool_new(&options, &problems);
	must(spool != NULL);
	spool->dry = dry;
	spool->report = dry ? fopen("/dev/null", "w") : NULL;
	spool->dir = open(options.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	done = spool_list(spool, &problems) == 0 &&
	       recover_run(spool, found, finds, &problems) == 0;
	for (size_t i = 0; done && i < finds->count; i++)
		load(spool, finds->ids[i]);
	if (spool->report)
		fclose(spool->report);
	spool_free(spool);
	problems_finish(&problems);
	return done;
}

static void must_be_same(const struct finds *a, const struct finds *b)
{
	must(a->count == b->count);
	must(memcmp(a->ids, b->ids, a->count * sizeof(a->ids[0])) == 0);
	must(memcmp(a->sums, b->sums, a->count * sizeof(a->sums[0])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct finds look, first, again;

	folder_clear(folder_path());
	make_files(data, size);
	bool looked = recover(&look, true), done = recover(&first, false);
	must(looked == done);
	if (!done)
		return 0;
	must_be_same(&look, &first);
	must(recover(&again, false));
	must_be_same(&first, &again);
	return 0;
}
