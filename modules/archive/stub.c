#include "stub.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD 32
#define SPAN 16
#define ROW 144
#define ROW_HEAD 48 /* in a row */
#define TARGET_MOST 4096
#define SPANS_MOST 1000000

/* --- names --- */

void stub_path(char out[SEGMENT_PATH], const char *folder, const char *name)
{
	if (snprintf(out, SEGMENT_PATH, "%s/%.7s/%s.gws", folder, name, name) >= SEGMENT_PATH)
		out[0] = '\0';
}

GPtrArray *stubs_list(const char *folder)
{
	return segments_list_of(folder, ".gws");
}

static gint compare(gconstpointer left, gconstpointer right)
{
	return segments_compare(*(const char *const *)left, *(const char *const *)right);
}

GPtrArray *holdings_list(const char *folder)
{
	GPtrArray *names = segments_list(folder), *stubs = names ? stubs_list(folder) : NULL;
	guint i;

	if (!stubs) {
		if (names)
			g_ptr_array_unref(names);
		return NULL;
	}
	for (i = 0; i < stubs->len; i++)
		g_ptr_array_add(names, g_strdup(stubs->pdata[i]));
	g_ptr_array_sort(names, compare);
	for (i = 1; i < names->len;)
		if (strcmp(names->pdata[i - 1], names->pdata[i]) == 0)
			g_ptr_array_remove_index(names, i);
		else
			i++;
	g_ptr_array_unref(stubs);
	return names;
}

/* --- reading --- */

static uint64_t number_at(const unsigned char *octets)
{
	uint64_t number;

	memcpy(&number, octets, sizeof number);
	return le64toh(number);
}

static uint64_t rows_at(const struct stub *stub)
{
	return HEAD + stub->spans * SPAN;
}

static bool read_target(struct stub *stub, uint32_t len)
{
	uint64_t at = rows_at(stub) + stub->rows * ROW;

	if (len > TARGET_MOST)
		return false;
	stub->target = g_malloc0((gsize)len + 1);
	return file_read(stub->file, at, stub->target, len) == (long)len;
}

static bool read_head(struct stub *stub)
{
	unsigned char head[HEAD];
	struct stat status;
	uint32_t len;

	if (fstat(stub->file, &status) != 0 ||
	    file_read(stub->file, 0, head, sizeof head) != (long)sizeof head ||
	    memcmp(head, "GWS1", 4) != 0)
		return false;
	memcpy(&len, head + 4, sizeof len);
	stub->size = number_at(head + 8);
	stub->rows = number_at(head + 16);
	stub->spans = number_at(head + 24);
	return stub->spans <= SPANS_MOST && stub->rows <= (uint64_t)status.st_size / ROW &&
	       read_target(stub, le32toh(len));
}

bool stub_open(struct stub *stub, const char *folder, const char *name)
{
	char path[SEGMENT_PATH];

	*stub = (struct stub){ .file = -1 };
	stub_path(path, folder, name);
	snprintf(stub->name, sizeof stub->name, "%s", name);
	stub->file = open(path, O_RDWR | O_CLOEXEC);
	if (stub->file < 0)
		return false;
	if (read_head(stub))
		return true;
	errno = EBADMSG;
	return false;
}

void stub_close(struct stub *stub)
{
	if (stub->file >= 0)
		close(stub->file);
	g_free(stub->target);
	*stub = (struct stub){ .file = -1 };
}

bool stub_row(const struct stub *stub, uint64_t nth, struct stub_row *row)
{
	unsigned char octets[ROW_HEAD];
	uint64_t at = rows_at(stub) + nth * ROW;

	if (nth >= stub->rows ||
	    file_read(stub->file, at, octets, sizeof octets) != (long)sizeof octets)
		return false;
	row->at = number_at(octets);
	row->where = number_at(octets + 8);
	memcpy(row->hash, octets + 16, HASH_SIZE);
	row->here = row->where ? row->where : at + ROW_HEAD;
	return true;
}

uint64_t stub_find(const struct stub *stub, uint64_t at)
{
	uint64_t low = 0, high = stub->rows;
	struct stub_row row;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (!stub_row(stub, middle, &row))
			return stub->rows;
		if (row.at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool stub_span(const struct stub *stub, uint64_t at, struct stub_span *span)
{
	unsigned char octets[SPAN];
	uint64_t i;

	for (i = 0; i < stub->spans; i++) {
		if (file_read(stub->file, HEAD + i * SPAN, octets, SPAN) != SPAN)
			return false;
		*span = (struct stub_span){ number_at(octets), number_at(octets + 8) };
		if (at >= span->from && at < span->end)
			return true;
	}
	return false;
}

/* --- heads --- */

bool heads_open(struct heads *heads, const char *folder, const char *name, bool writes)
{
	char path[SEGMENT_PATH];
	struct stat status;

	*heads = (struct heads){ .file = -1, .stub = { .file = -1 } };
	segment_path(path, folder, name);
	heads->file = open(path, (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (heads->file >= 0) {
		heads->size = fstat(heads->file, &status) == 0 ? (uint64_t)status.st_size : 0;
		return true;
	}
	if (errno != ENOENT || !stub_open(&heads->stub, folder, name))
		return false;
	heads->is_stub = true;
	heads->file = heads->stub.file;
	heads->size = heads->stub.size;
	return true;
}

void heads_close(struct heads *heads)
{
	if (!heads->is_stub && heads->file >= 0)
		close(heads->file);
	stub_close(&heads->stub);
	heads->file = -1;
}

void heads_seek(struct heads *heads, uint64_t at)
{
	heads->next = at;
	heads->nth = heads->is_stub ? stub_find(&heads->stub, at) : 0;
}

bool heads_next(struct heads *heads, struct record *record)
{
	struct stub_row row = { .at = heads->next, .here = heads->next };

	if (heads->next >= heads->size ||
	    (heads->is_stub && !stub_row(&heads->stub, heads->nth++, &row)) ||
	    record_read(heads->file, row.here, record) != 1)
		return false;
	memcpy(heads->hash, row.hash, HASH_SIZE);
	heads->at = row.at;
	heads->here = row.here;
	heads->next = row.at + record_size(record);
	return heads->next > heads->at && heads->next <= heads->size;
}

static void take_link(const struct heads *heads, const struct record *record,
		      const struct keys *keys, struct link *link)
{
	GByteArray *octets = g_byte_array_new();
	struct commit commit;

	if (record_meta(heads->file, heads->here, record, NULL, NULL, octets) == OPENED &&
	    commit_read(&commit, keys, octets->data, octets->len) && commit.is_signed)
		*link = commit.link;
	g_byte_array_unref(octets);
}

bool stubs_link(const char *folder, const struct keys *keys, struct link *link)
{
	GPtrArray *names = stubs_list(folder);
	struct link last = { .number = 0 };
	struct record record;
	struct heads heads;
	guint i;

	for (i = names ? names->len : 0; i-- > 0 && !last.number;) {
		if (heads_open(&heads, folder, names->pdata[i], false))
			while (heads_next(&heads, &record))
				if (record.kind == RECORD_COMMIT)
					take_link(&heads, &record, keys, &last);
		heads_close(&heads);
	}
	if (names)
		g_ptr_array_unref(names);
	if (last.number)
		*link = last;
	return last.number != 0;
}
