#include "verify.h"

#include "notices.h"
#include "stub.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <openssl/crypto.h>

#define FAULTS_SHOWN 1000

/* A record that was met since the last COMMIT. */
struct seen {
	uint64_t at;
	unsigned char hash[HASH_SIZE];
};

/* The file that is read. */
struct reading {
	struct verify *verify;
	const struct notices *notices;
	const char *name;
	bool is_stub;
	int file;
	uint64_t size;
	GArray *seen;
	struct opener *opener;
};

static void fault(struct verify *verify, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void fault(struct verify *verify, const char *format, ...)
{
	va_list args;

	if (verify->faults++ >= FAULTS_SHOWN)
		return;
	va_start(args, format);
	g_string_append_vprintf(verify->text, format, args);
	va_end(args);
	g_string_append_c(verify->text, '\n');
}

/* --- names: an object is called by its place, and by its message where it still says that --- */

static char *name_of(const struct reading *reading, uint64_t at)
{
	GString *name = g_string_new(NULL);
	GByteArray *meta = g_byte_array_new();
	struct gw_json_value *json = NULL;
	struct record record;

	g_string_printf(name, "%s:%llu", reading->name, (unsigned long long)at);
	if (!reading->is_stub && record_read(reading->file, at, &record) == 1 &&
	    record.kind != RECORD_COMMIT &&
	    record_meta(reading->file, at, &record, reading->verify->keys, reading->opener, meta) ==
		    OPENED)
		json = gw->json_read(gw_str_n(meta->data, meta->len), NULL, 0);
	if (gw->json_value_string(gw->json_member(json, "id")).ptr)
		g_string_append_printf(name, " (message %s)",
				       gw->json_value_string(gw->json_member(json, "id")).ptr);
	gw->json_free(json);
	g_byte_array_unref(meta);
	return g_string_free(name, FALSE);
}

static void fault_at(const struct reading *reading, uint64_t at, const char *what)
{
	char *name = name_of(reading, at);

	fault(reading->verify, "%s: %s", name, what);
	g_free(name);
}

/* --- keys --- */

static void check_key(const struct reading *reading, uint64_t at, const struct record *record)
{
	static const unsigned char zeros[SLOT_SIZE];
	unsigned char key[KEY_SIZE];
	bool said = notices_has(reading->notices, reading->name, at);
	enum slot_state slot = record_key(record, reading->verify->keys, reading->opener, key);

	OPENSSL_cleanse(key, sizeof key);
	if (record->flags & RECORD_PLAIN) {
		if (memcmp(record->octets + RECORD_SLOT, zeros, SLOT_SIZE) != 0)
			fault_at(reading, at, "it has a key, and needs none");
		return;
	}
	if (slot == SLOT_DESTROYED && !said)
		fault_at(reading, at, "its key was destroyed, and nothing says by whom");
	else if (slot == SLOT_DAMAGED)
		fault_at(reading, at, "its key is damaged, or not in key_file");
	else if (slot == SLOT_GOOD && said)
		fault_at(reading, at, "its key should be destroyed, and is there");
	reading->verify->destroyed += slot == SLOT_DESTROYED;
}

/* --- batches --- */

static bool has_hash(const struct commit *commit, const unsigned char *hash)
{
	uint32_t i;

	for (i = 0; i < commit->count; i++)
		if (memcmp(commit->hashes + (size_t)i * HASH_SIZE, hash, HASH_SIZE) == 0)
			return true;
	return false;
}

static bool was_seen(const struct reading *reading, const unsigned char *hash)
{
	guint i;

	for (i = 0; i < reading->seen->len; i++)
		if (memcmp(g_array_index(reading->seen, struct seen, i).hash, hash, HASH_SIZE) == 0)
			return true;
	return false;
}

static void name_missing(const struct reading *reading, const struct commit *commit)
{
	char hex[2 * HASH_SIZE + 1];
	uint32_t i;

	for (i = 0; i < commit->count; i++)
		if (!was_seen(reading, commit->hashes + (size_t)i * HASH_SIZE)) {
			hex_write(hex, commit->hashes + (size_t)i * HASH_SIZE);
			fault(reading->verify, "%s: batch %llu: its object %u is not there (%s)",
			      reading->name, (unsigned long long)commit->link.number, i + 1, hex);
		}
}

static bool is_again(const struct reading *reading, guint nth)
{
	const struct seen *seen = (const struct seen *)reading->seen->data;
	guint i;

	for (i = 0; i < nth; i++)
		if (memcmp(seen[i].hash, seen[nth].hash, HASH_SIZE) == 0)
			return true;
	return false;
}

/* As many as were signed: what does not fit was changed. Else it was added, or others removed. */
static void compare(const struct reading *reading, const struct commit *commit)
{
	bool as_many = reading->seen->len == commit->count;
	guint i;

	for (i = 0; i < reading->seen->len; i++) {
		const struct seen *seen = &g_array_index(reading->seen, struct seen, i);

		if (as_many &&
		    memcmp(seen->hash, commit->hashes + (size_t)i * HASH_SIZE, HASH_SIZE) == 0)
			continue;
		if (as_many || !has_hash(commit, seen->hash) || is_again(reading, i))
			fault_at(reading, seen->at,
				 as_many ? "it was changed, or moved" : "it was added, or changed");
	}
	if (!as_many)
		name_missing(reading, commit);
}

/* What was removed, and said so, is no gap. */
static void pass_removed(const struct reading *reading)
{
	struct verify *verify = reading->verify;
	const struct removed *removed;

	while ((removed = notices_after(reading->notices, &verify->link)) != NULL)
		verify->link = removed->last;
}

static void check_link(const struct reading *reading, const struct commit *commit)
{
	struct verify *verify = reading->verify;
	uint64_t next = verify->link.number + 1, number = commit->link.number;

	if (number != next || memcmp(commit->before, verify->link.hash, HASH_SIZE) != 0)
		pass_removed(reading);
	next = verify->link.number + 1;
	if (number > next)
		fault(verify, "%s: batches %llu to %llu are not there", reading->name,
		      (unsigned long long)next, (unsigned long long)number - 1);
	else if (number < next)
		fault(verify, "%s: batch %llu is there again", reading->name,
		      (unsigned long long)number);
	else if (memcmp(commit->before, verify->link.hash, HASH_SIZE) != 0)
		fault(verify, "%s: batch %llu does not follow the one before it", reading->name,
		      (unsigned long long)number);
}

/* `here`: where it stands in the file that is read. */
static void check_batch(const struct reading *reading, uint64_t at, uint64_t here,
			const struct record *record)
{
	struct verify *verify = reading->verify;
	GByteArray *octets = g_byte_array_new();
	struct commit commit;
	char hex[2 * HASH_SIZE + 1];

	if (record_meta(reading->file, here, record, NULL, NULL, octets) != OPENED ||
	    !commit_read(&commit, verify->keys, octets->data, octets->len) ||
	    !commit_fits(&commit, record)) {
		fault_at(reading, at, "the end of a batch is damaged");
	} else {
		if (!commit.is_signed)
			fault(verify, "%s: batch %llu is not signed by the archive's key",
			      reading->name, (unsigned long long)commit.link.number);
		check_link(reading, &commit);
		compare(reading, &commit);
		verify->link = commit.link;
		verify->batches++;
		hex_write(hex, commit.link.hash);
		verify->met |= verify->wanted && g_ascii_strcasecmp(hex, verify->wanted) == 0;
	}
	g_array_set_size(reading->seen, 0);
	g_byte_array_unref(octets);
}

/* --- files --- */

static bool is_kind(unsigned char kind)
{
	return kind && strchr("ALONC", kind) != NULL;
}

/* Where the next begins. */
static uint64_t check_record(const struct reading *reading, uint64_t at)
{
	struct verify *verify = reading->verify;
	struct record record;
	struct seen seen = { .at = at };

	if (record_read(reading->file, at, &record) != 1 || !is_kind(record.kind) ||
	    at + record_size(&record) > reading->size) {
		fault_at(reading, at, "no object begins here");
		return record_next(reading->file, at + 1, reading->size);
	}
	if (record.kind == RECORD_COMMIT) {
		check_batch(reading, at, at, &record);
		return at + record_size(&record);
	}
	if (!record_hash(reading->file, at, &record, seen.hash))
		fault_at(reading, at, "it cannot be read");
	g_array_append_val(reading->seen, seen);
	verify->records++;
	check_key(reading, at, &record);
	return at + record_size(&record);
}

/* Of the file that is written, as far as its last COMMIT: behind it the next batch is on its way.
 */
static uint64_t end_of(int file, uint64_t size)
{
	struct record record;
	uint64_t at = 0, end = 0;

	while (at < size && record_read(file, at, &record) == 1) {
		at += record_size(&record);
		if (record.kind == RECORD_COMMIT && at <= size)
			end = at;
	}
	return at < size ? size
			 : end; /* something else stands in the way: all of it is looked at */
}

static void check_whole(struct reading *reading, bool is_last)
{
	uint64_t at = 0;

	if (is_last)
		reading->size = end_of(reading->file, reading->size);
	while (at < reading->size && !*reading->verify->stop)
		at = check_record(reading, at);
}

/* The octets of mail are in the bucket; what they have to be is signed here. */
static void check_head(const struct reading *reading, const struct heads *heads,
		       const struct record *record)
{
	struct seen seen = { .at = heads->at };

	if (record->kind == RECORD_COMMIT) {
		check_batch(reading, heads->at, heads->here, record);
		return;
	}
	memcpy(seen.hash, heads->hash, HASH_SIZE);
	if (record->flags & RECORD_PLAIN &&
	    !record_hash(heads->file, heads->here, record, seen.hash))
		fault_at(reading, heads->at, "it cannot be read");
	g_array_append_val(reading->seen, seen);
	reading->verify->records++;
	reading->verify->away += !(record->flags & RECORD_PLAIN);
	check_key(reading, heads->at, record);
}

static void check_stub(struct reading *reading, struct heads *heads)
{
	struct record record;

	while (!*reading->verify->stop && heads_next(heads, &record))
		check_head(reading, heads, &record);
	if (!*reading->verify->stop && heads->next != heads->size)
		fault(reading->verify, "%s: its stub is damaged", reading->name);
}

static void check_file(struct verify *verify, const struct notices *notices, const char *name,
		       bool is_last)
{
	struct opener opener = { NULL, NULL };
	struct reading reading = {
		.verify = verify, .notices = notices, .name = name, .opener = &opener
	};
	struct heads heads;

	if (!heads_open(&heads, verify->folder, name, false)) {
		fault(verify, "%s: it cannot be read: %s", name, strerrordesc_np(errno));
		heads_close(&heads);
		return;
	}
	reading.seen = g_array_new(FALSE, FALSE, sizeof(struct seen));
	reading.size = heads.size;
	reading.file = heads.file;
	reading.is_stub = heads.is_stub;
	if (heads.is_stub)
		check_stub(&reading, &heads);
	else
		check_whole(&reading, is_last);
	if (reading.seen->len && !*verify->stop)
		fault(verify, "%s: its last %u objects are no batch", name, reading.seen->len);
	g_array_unref(reading.seen);
	opener_finish(&opener);
	heads_close(&heads);
}

static void tell_end(struct verify *verify)
{
	char hex[2 * HASH_SIZE + 1];

	if (verify->link.number < verify->reached.number)
		fault(verify, "the end is not there: batch %llu was written, %llu is the last",
		      (unsigned long long)verify->reached.number,
		      (unsigned long long)verify->link.number);
	if (verify->wanted && !verify->met)
		fault(verify, "no batch has the link %s", verify->wanted);
	if (verify->away)
		g_string_append_printf(
			verify->text,
			"the octets of %llu objects are in the bucket: verify --s3 reads them\n",
			(unsigned long long)verify->away);
	hex_write(hex, verify->link.hash);
	g_string_append_printf(
		verify->text,
		"%llu objects in %llu batches, the keys of %llu destroyed: %llu faults\nthe last is batch %llu, link %s",
		(unsigned long long)verify->records, (unsigned long long)verify->batches,
		(unsigned long long)verify->destroyed, (unsigned long long)verify->faults,
		(unsigned long long)verify->link.number, hex);
}

void verify_run(struct verify *verify)
{
	struct notices notices;
	GPtrArray *names;
	guint i;

	verify->text = g_string_new(NULL);
	if (!notices_read(&notices, verify->folder, verify->stop))
		fault(verify, "%s: it cannot be read", verify->folder);
	names = holdings_list(verify->folder);
	for (i = 0; names && i < names->len && !*verify->stop; i++)
		check_file(verify, &notices, names->pdata[i], i + 1 == names->len);
	if (names)
		g_ptr_array_unref(names);
	notices_finish(&notices);
	tell_end(verify);
}
