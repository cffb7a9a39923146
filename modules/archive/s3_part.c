#include "s3_part.h"

#include "notices.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOTS_HEAD 16
#define NOTICES_MOST 500 /* the state has to name them */
#define SLOTS_ROW (8 + SLOT_SIZE)

/* --- keys --- */

void s3_key_write(char out[S3_KEY], const char *kind, const struct s3_span *span)
{
	snprintf(out, S3_KEY, "%.4s/%.*s/%015llu-%015llu", kind, SEGMENT_NAME, span->name,
		 (unsigned long long)span->from, (unsigned long long)span->end);
}

static bool is_name(const char *name, size_t len)
{
	static const char form[] = "0000-00-00.";
	size_t i;

	if (len < sizeof form || len >= SEGMENT_NAME)
		return false;
	for (i = 0; i < len; i++)
		if (i < sizeof form - 1 && form[i] != '0' ? name[i] != form[i]
							  : !g_ascii_isdigit(name[i]))
			return false;
	return true;
}

bool s3_key_read(const char *key, const char *kind, struct s3_span *span)
{
	size_t len = strlen(kind);
	const char *end;
	char again[S3_KEY];

	if (strncmp(key, kind, len) != 0 || key[len] != '/')
		return false;
	key += len + 1;
	end = strchr(key, '/');
	if (!end || !is_name(key, (size_t)(end - key)))
		return false;
	snprintf(span->name, sizeof span->name, "%.*s", (int)(end - key), key);
	span->from = strtoull(end + 1, NULL, 10);
	span->end = strchr(end, '-') ? strtoull(strchr(end, '-') + 1, NULL, 10) : 0;
	s3_key_write(again, kind, span);
	return strcmp(again + len + 1, key) == 0 && span->end > span->from;
}

/* --- finding --- */

void s3_part_init(struct s3_part *part)
{
	*part = (struct s3_part){ .slots = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
				  .notices = g_array_new(FALSE, FALSE, sizeof(uint64_t)) };
}

void s3_part_finish(struct s3_part *part)
{
	g_array_unref(part->slots);
	g_array_unref(part->notices);
}

/* A batch that is walked through: what is known of it counts when its COMMIT does. */
struct walk {
	struct s3_part *part;
	struct reader *reader;
	int file;
	GByteArray *hashes, *meta;
	GArray *slots, *notices;
	int64_t until;
};

static int64_t later(int64_t one, int64_t two)
{
	if (one == S3_UNTIL_FOREVER || two == S3_UNTIL_FOREVER)
		return S3_UNTIL_FOREVER;
	return one > two ? one : two;
}

/* What says nothing, or cannot be opened though its key is there, is kept for ever. */
static void take_until(struct walk *walk, uint64_t at)
{
	struct place place = { .at = at };
	enum opened opened = OPENED;
	struct record record;
	struct gw_json_value *json;
	int64_t until = 0;

	snprintf(place.name, sizeof place.name, "%s", walk->part->span.name);
	json = reader_meta(walk->reader, &place, &record, &opened);
	if (json)
		until = gw->json_value_number(gw->json_member(json, "until"), 0);
	if (json || opened != OPENED_DESTROYED)
		walk->until = later(walk->until, until ? until : S3_UNTIL_FOREVER);
	gw->json_free(json);
}

static void take_notice(struct walk *walk, uint64_t at, const struct record *record)
{
	struct gw_json_value *json = notice_read(walk->file, at, record);
	struct gw_str what = gw->json_value_string(gw->json_member(json, "what"));

	if (what.ptr && (gw_str_eq(what, gw_str("forgotten")) ||
			 gw_str_eq(what, gw_str("expired")) || gw_str_eq(what, gw_str("removed"))))
		g_array_append_val(walk->notices, at);
	gw->json_free(json);
}

static bool take_record(struct walk *walk, uint64_t at, const struct record *record)
{
	unsigned char hash[HASH_SIZE];

	if (!record_hash(walk->file, at, record, hash))
		return false;
	g_byte_array_append(walk->hashes, hash, sizeof hash);
	if (!(record->flags & RECORD_PLAIN))
		g_array_append_val(walk->slots, at);
	if (record->kind == RECORD_NOTICE)
		take_notice(walk, at, record);
	if (record->kind == RECORD_ARRIVED && walk->reader->keys)
		take_until(walk, at);
	return true;
}

/* The COMMIT fits what stands before it. */
static bool ends_batch(struct walk *walk, uint64_t at, const struct record *record)
{
	struct commit commit;

	g_byte_array_set_size(walk->meta, 0);
	return record_meta(walk->file, at, record, NULL, NULL, walk->meta) == OPENED &&
	       commit_read(&commit, walk->reader->keys, walk->meta->data, walk->meta->len) &&
	       commit_fits(&commit, record) && (commit.is_signed || !walk->reader->keys) &&
	       (size_t)commit.count * HASH_SIZE == walk->hashes->len &&
	       (!commit.count || memcmp(commit.hashes, walk->hashes->data, walk->hashes->len) == 0);
}

static void reset(struct walk *walk)
{
	g_byte_array_set_size(walk->hashes, 0);
	g_array_set_size(walk->slots, 0);
	g_array_set_size(walk->notices, 0);
	walk->until = 0;
}

static void take_batch(struct walk *walk, uint64_t end)
{
	struct s3_part *part = walk->part;

	part->span.end = end;
	g_array_append_vals(part->slots, walk->slots->data, walk->slots->len);
	g_array_append_vals(part->notices, walk->notices->data, walk->notices->len);
	part->until = later(part->until, walk->until);
	reset(walk);
}

/* Goes to where the next record begins. False: nothing goes on from here. */
static bool pass_record(struct walk *walk, uint64_t *at, uint64_t limit, uint64_t most)
{
	struct s3_part *part = walk->part;
	struct record record;
	uint64_t next;
	bool good;

	if (*at >= limit)
		return false;
	good = record_read(walk->file, *at, &record) == 1;
	next = *at + (good ? record_size(&record) : 0);
	if (good && part->span.end > part->span.from &&
	    (next - part->span.from > most || part->notices->len > NOTICES_MOST))
		return false;
	good = good && next > *at && next <= limit;
	if (good && record.kind == RECORD_COMMIT)
		good = ends_batch(walk, *at, &record);
	else if (good)
		good = take_record(walk, *at, &record);
	if (good && record.kind == RECORD_COMMIT)
		take_batch(walk, next);
	part->damaged = !good;
	*at = next;
	return good;
}

bool s3_part_find(struct s3_part *part, struct reader *reader, const char *name, uint64_t from,
		  uint64_t limit, uint64_t most)
{
	struct walk walk = { .part = part,
			     .reader = reader,
			     .file = reader_file(reader, name),
			     .hashes = g_byte_array_new(),
			     .meta = g_byte_array_new(),
			     .slots = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
			     .notices = g_array_new(FALSE, FALSE, sizeof(uint64_t)) };
	uint64_t at = from;

	snprintf(part->span.name, sizeof part->span.name, "%s", name);
	part->span.from = part->span.end = from;
	while (walk.file >= 0 && pass_record(&walk, &at, limit, most))
		;
	g_byte_array_unref(walk.hashes);
	g_byte_array_unref(walk.meta);
	g_array_unref(walk.slots);
	g_array_unref(walk.notices);
	return walk.file >= 0;
}

/* --- octets --- */

/* Of the places, the first from `at` on. */
static guint first_from(const GArray *places, uint64_t at)
{
	guint low = 0, high = places->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (g_array_index(places, uint64_t, middle) < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Of `len` octets that begin at `at` in the file, those between `from` and `end` there. */
static void blank(unsigned char *octets, uint64_t at, size_t len, uint64_t from, uint64_t end)
{
	if (from < at)
		from = at;
	if (end > at + len)
		end = at + len;
	if (from < end)
		memset(octets + (from - at), 0, (size_t)(end - from));
}

GBytes *s3_part_read(const struct s3_part *part, int file, uint64_t at, size_t len)
{
	unsigned char *octets = g_try_malloc(len);
	guint i;

	if (!octets || file_read(file, at, octets, len) != (long)len) {
		g_free(octets);
		return NULL;
	}
	for (i = first_from(part->slots, at > RECORD_HEAD ? at - RECORD_HEAD : 0);
	     i < part->slots->len; i++) {
		uint64_t slot = g_array_index(part->slots, uint64_t, i) + RECORD_SLOT;

		if (slot >= at + len)
			break;
		blank(octets, at, len, slot, slot + SLOT_SIZE);
	}
	return g_bytes_new_take(octets, len);
}

/* --- slots --- */

static bool is_in(const GArray *places, uint64_t at)
{
	guint i = places ? first_from(places, at) : 0;

	return places && i < places->len && g_array_index(places, uint64_t, i) == at;
}

static void add_slot(GByteArray *out, uint64_t at, const unsigned char *slot)
{
	uint64_t place = htole64(at);

	g_byte_array_append(out, (const guint8 *)&place, sizeof place);
	g_byte_array_append(out, slot, SLOT_SIZE);
}

GBytes *s3_slots_read(const char *folder, const struct s3_span *span, const GArray *gone)
{
	static const unsigned char zeros[SLOT_SIZE];
	unsigned char head[SLOTS_HEAD] = "GWK1";
	GByteArray *out = g_byte_array_new();
	struct heads heads;
	struct record record;
	uint64_t count = 0;
	bool good = heads_open(&heads, folder, span->name, false);

	g_byte_array_append(out, head, sizeof head);
	heads_seek(&heads, span->from);
	while (good && heads.next < span->end) {
		good = heads_next(&heads, &record);
		if (!good || record.flags & RECORD_PLAIN)
			continue;
		add_slot(out, heads.at,
			 is_in(gone, heads.at) ? zeros : record.octets + RECORD_SLOT);
		count++;
	}
	heads_close(&heads);
	count = htole64(count);
	memcpy(out->data + 8, &count, sizeof count);
	if (good)
		return g_byte_array_free_to_bytes(out);
	g_byte_array_unref(out);
	return NULL;
}

bool s3_slots_each(const void *octets, size_t len,
		   bool (*each)(void *arg, uint64_t at, const unsigned char *slot), void *arg)
{
	const unsigned char *row = octets;
	uint64_t count, at;

	if (len < SLOTS_HEAD || memcmp(row, "GWK1", 4) != 0)
		return false;
	memcpy(&count, row + 8, sizeof count);
	count = le64toh(count);
	if (count != (len - SLOTS_HEAD) / SLOTS_ROW || (len - SLOTS_HEAD) % SLOTS_ROW)
		return false;
	for (row += SLOTS_HEAD; count; count--, row += SLOTS_ROW) {
		memcpy(&at, row, sizeof at);
		if (!each(arg, le64toh(at), row + 8))
			return false;
	}
	return true;
}

struct blanking {
	GByteArray *out;
	const GArray *gone;
};

static bool blank_slot(void *arg, uint64_t at, const unsigned char *slot)
{
	static const unsigned char zeros[SLOT_SIZE];
	const struct blanking *blanking = arg;

	add_slot(blanking->out, at, is_in(blanking->gone, at) ? zeros : slot);
	return true;
}

GBytes *s3_slots_blank(GBytes *object, const GArray *gone)
{
	gsize len = 0;
	const void *octets = object ? g_bytes_get_data(object, &len) : NULL;
	struct blanking blanking = { g_byte_array_new(), gone };

	if (len >= SLOTS_HEAD)
		g_byte_array_append(blanking.out, octets, SLOTS_HEAD);
	if (s3_slots_each(octets, len, blank_slot, &blanking))
		return g_byte_array_free_to_bytes(blanking.out);
	g_byte_array_unref(blanking.out);
	return NULL;
}
