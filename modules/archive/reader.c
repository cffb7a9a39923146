#include "reader.h"

#include "rcpts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define PIECE 65536

void reader_init(struct reader *reader, const char *folder, const struct keys *keys)
{
	*reader = (struct reader){
		.folder = folder, .keys = keys, .file = -1, .stub = { .file = -1 }
	};
}

void reader_close(struct reader *reader)
{
	if (reader->file >= 0)
		close(reader->file);
	reader->file = -1;
	reader->ready = reader->reach = 0;
	stub_close(&reader->stub);
}

void reader_finish(struct reader *reader)
{
	reader_close(reader);
	opener_finish(&reader->opener);
}

int reader_file(struct reader *reader, const char *name)
{
	char path[SEGMENT_PATH];

	if (reader->file >= 0 && strcmp(reader->name, name) == 0)
		return reader->file;
	reader_close(reader);
	segment_path(path, reader->folder, name);
	reader->file = open(path, O_RDONLY | O_CLOEXEC);
	if (reader->file < 0 && errno == ENOENT && stub_open(&reader->stub, reader->folder, name))
		reader->file = open(reader->folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	snprintf(reader->name, sizeof reader->name, "%s", name);
	return reader->file;
}

/* --- a stub --- */

static bool fail(struct reader *reader, const char *why, bool later)
{
	snprintf(reader->why, sizeof reader->why, "%s", why);
	reader->later = later;
	return false;
}

/* The head as it is in the stub now: its key may have been destroyed since. */
static bool put_head(struct reader *reader, const struct stub_row *row, struct record *record)
{
	if (reader->ready != row->at) {
		if (ftruncate(reader->file, 0) != 0)
			return false;
		reader->ready = row->at;
		reader->reach = 0;
	}
	return record_read(reader->stub.file, row->here, record) == 1 &&
	       file_write(reader->file, row->at, record->octets, RECORD_HEAD) == 0;
}

static bool put_octets(struct reader *reader, const struct stub_row *row, uint64_t from,
		       uint64_t end)
{
	unsigned char *piece = g_malloc(PIECE);
	bool good = true;

	while (good && from < end) {
		size_t len = end - from < PIECE ? (size_t)(end - from) : PIECE;

		if (row->where)
			good = file_read(reader->stub.file, row->where + (from - row->at), piece,
					 len) == (long)len ||
			       fail(reader, "its stub is damaged", false);
		else
			good = reader->remote->read(reader->remote, &reader->stub, from, piece,
						    len) ||
			       fail(reader, reader->remote->why, reader->remote->later);
		good = good && (file_write(reader->file, from, piece, len) == 0 ||
				fail(reader, "the archive's disk cannot be written", true));
		from += len;
	}
	g_free(piece);
	return good;
}

/* What a bucket gives is believed when it has the hash that was signed. */
static bool is_proved(struct reader *reader, const struct stub_row *row,
		      const struct record *record)
{
	unsigned char hash[HASH_SIZE];

	return row->where || (record_hash(reader->file, row->at, record, hash) &&
			      memcmp(hash, row->hash, HASH_SIZE) == 0);
}

static bool fetch(struct reader *reader, const struct stub_row *row, const struct record *record,
		  uint64_t end)
{
	static const unsigned char zeros[SLOT_SIZE];
	uint64_t from = reader->reach ? reader->reach : row->at + RECORD_HEAD;

	/* of what nobody can open nothing is fetched */
	if (from >= end || (!reader->proves && !(record->flags & RECORD_PLAIN) &&
			    memcmp(record->octets + RECORD_SLOT, zeros, SLOT_SIZE) == 0))
		return true;
	if (!row->where && !reader->remote)
		return fail(reader, "its octets are in the bucket alone, and there is no s3.bucket",
			    false);
	reader->reach = 0;
	if (!put_octets(reader, row, from, end))
		return false;
	if (end == row->at + record_size(record) && !is_proved(reader, row, record))
		return fail(reader, "the bucket has other octets than were archived", false);
	reader->reach = end;
	return true;
}

bool reader_has(struct reader *reader, const struct place *place, bool content)
{
	struct stub_row row;
	struct record record;

	reader->why[0] = '\0';
	reader->later = false;
	if (reader_file(reader, place->name) < 0)
		return false;
	if (reader->stub.file < 0)
		return true;
	if (!stub_row(&reader->stub, stub_find(&reader->stub, place->at), &row) ||
	    row.at != place->at || !put_head(reader, &row, &record))
		return fail(reader, "its stub is damaged", false);
	return fetch(reader, &row, &record,
		     row.at + RECORD_HEAD + record.meta_len + (content ? record.body_len : 0));
}

bool reader_is_away(struct reader *reader, const struct place *place)
{
	return reader_file(reader, place->name) >= 0 && reader->stub.file >= 0;
}

/* --- a record --- */

static struct gw_json_value *read_meta(struct reader *reader, const struct place *place,
				       struct record *record, enum opened *opened,
				       GPtrArray **rcpts)
{
	int file = reader_file(reader, place->name);
	GByteArray *meta = g_byte_array_new();
	struct gw_json_value *json = NULL;

	*opened = OPENED_DAMAGED;
	if (file >= 0 && reader_has(reader, place, false) &&
	    record_read(file, place->at, record) == 1)
		*opened = record_meta(file, place->at, record, reader->keys, &reader->opener, meta);
	if (*opened == OPENED) {
		if (rcpts)
			*rcpts = rcpts_take(meta);
		if (meta->len > GW_JSON_READ_MAX)
			rcpts_bound(meta);
		json = gw->json_read(gw_str_n(meta->data, meta->len), NULL, 0);
		*opened = json ? OPENED : OPENED_DAMAGED;
	}
	g_byte_array_unref(meta);
	return json;
}

struct gw_json_value *reader_meta(struct reader *reader, const struct place *place,
				  struct record *record, enum opened *opened)
{
	return read_meta(reader, place, record, opened, NULL);
}

struct gw_json_value *reader_envelope(struct reader *reader, const struct place *place,
				      GPtrArray **rcpts)
{
	struct record record;
	enum opened opened;

	*rcpts = NULL;
	return read_meta(reader, place, &record, &opened, rcpts);
}

enum opened reader_arrived(struct reader *reader, const struct place *place, uint64_t most,
			   struct bulk *out)
{
	int file = reader_file(reader, place->name);
	struct record record;

	if (file < 0 || !reader_has(reader, place, true) ||
	    record_read(file, place->at, &record) != 1 || record.kind != RECORD_ARRIVED)
		return OPENED_DAMAGED;
	return record_body(file, place->at, &record, reader->keys, &reader->opener, gw_str(""),
			   most, out);
}

enum opened reader_words(struct reader *reader, const struct place *arrived, struct words *words)
{
	struct bulk content;
	enum opened opened;

	bulk_init(&content, NULL);
	opened = reader_arrived(reader, arrived, WORDS_MAIL, &content);
	words_read(words, bulk_text(&content), false);
	bulk_finish(&content);
	return opened;
}

static void add_range(struct bulk *out, const struct bulk *from, uint64_t at, uint64_t len)
{
	char piece[PIECE];

	while (len && !out->error) {
		long got = bulk_read(from, at, piece, len < PIECE ? (size_t)len : PIECE);

		if (got <= 0) {
			out->error = EIO;
			return;
		}
		bulk_add(out, piece, (size_t)got);
		at += (uint64_t)got;
		len -= (uint64_t)got;
	}
}

/* What its description says of the message that it differs from. */
struct difference {
	uint64_t front, back;
	bool like;
};

static bool read_difference(struct reader *reader, const struct place *place, struct record *record,
			    enum opened *opened, struct difference *out)
{
	struct gw_json_value *json = reader_meta(reader, place, record, opened);

	if (!json)
		return false;
	out->front = (uint64_t)gw->json_value_number(gw->json_member(json, "front"), 0);
	out->back = (uint64_t)gw->json_value_number(gw->json_member(json, "back"), 0);
	out->like = gw->json_value_bool(gw->json_member(json, "like"), false);
	gw->json_free(json);
	return true;
}

/* The part between what is the same needs the message in memory where it was compressed so. */
static enum opened add_between(struct reader *reader, const struct place *left,
			       const struct record *record, const struct bulk *message, bool like,
			       struct bulk *out)
{
	GByteArray *octets = NULL;
	struct gw_str text = gw_str("");
	enum opened opened;

	if (!reader_has(reader, left, true))
		return OPENED_DAMAGED;
	if (like) {
		octets = g_byte_array_new();
		g_byte_array_set_size(octets, (guint)message->len);
		if (bulk_read(message, 0, octets->data, (size_t)message->len) != (long)message->len)
			out->error = EIO;
		text = gw_str_n(octets->data, octets->len);
	}
	opened = record_body(reader_file(reader, left->name), left->at, record, reader->keys,
			     &reader->opener, text, UINT64_MAX, out);
	if (octets)
		g_byte_array_unref(octets);
	return opened;
}

enum opened reader_left(struct reader *reader, const struct place *arrived,
			const struct place *left, struct bulk *out)
{
	struct difference difference;
	struct record record;
	struct bulk message;
	enum opened opened;

	bulk_init(&message, out->folder);
	opened = reader_arrived(reader, arrived, UINT64_MAX, &message);
	if (opened == OPENED && read_difference(reader, left, &record, &opened, &difference)) {
		if (difference.front > message.len || difference.back > message.len ||
		    (difference.like && message.len > G_MAXINT)) {
			opened = OPENED_DAMAGED;
		} else {
			add_range(out, &message, 0, difference.front);
			opened = add_between(reader, left, &record, &message, difference.like, out);
			add_range(out, &message, message.len - difference.back, difference.back);
		}
	}
	if (opened == OPENED && out->error)
		opened = OPENED_DAMAGED;
	bulk_finish(&message);
	return opened;
}
