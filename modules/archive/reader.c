#include "reader.h"

#include "rcpts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define PIECE 65536

void reader_init(struct reader *reader, const char *folder, const struct keys *keys)
{
	*reader = (struct reader){ .folder = folder, .keys = keys, .file = -1 };
}

void reader_close(struct reader *reader)
{
	if (reader->file >= 0)
		close(reader->file);
	reader->file = -1;
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
	snprintf(reader->name, sizeof reader->name, "%s", name);
	return reader->file;
}

static struct gw_json_value *read_meta(struct reader *reader, const struct place *place,
				       struct record *record, enum opened *opened,
				       GPtrArray **rcpts)
{
	int file = reader_file(reader, place->name);
	GByteArray *meta = g_byte_array_new();
	struct gw_json_value *json = NULL;

	*opened = OPENED_DAMAGED;
	if (file >= 0 && record_read(file, place->at, record) == 1)
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

	if (file < 0 || record_read(file, place->at, &record) != 1 || record.kind != RECORD_ARRIVED)
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
