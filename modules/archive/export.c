#include "export.h"

#include <stdio.h>
#include <time.h>

#define NAME_MOST 120
#define MAILS_AT_ONCE 100

struct exporting {
	struct job *job;
	struct export *export;
	struct index *index;
	struct reader reader;
	struct s3_fetching fetching;
	GString *manifest; /* "HASH  NAME" lines, as sha256sum has them */
	GChecksum *whole;  /* of the one file that grows */
	uint64_t length;   /* of it */
	uint64_t mails, files, failed;
	char why[256];     /* of the last that failed, where the bucket is why */
	GHashTable *names; /* that were given */
};

/* A mail that was found; it is read when the search is over. */
struct wanted {
	char id[32], number[32];
	int64_t time;
	char *sender;
	struct place arrived, left;
	bool has_left;
};

static void free_wanted(gpointer arg)
{
	struct wanted *wanted = arg;

	g_free(wanted->sender);
	g_free(wanted);
}

static void add_wanted(void *arg, const struct hit *hit)
{
	struct wanted *wanted = g_new0(struct wanted, 1);

	snprintf(wanted->id, sizeof wanted->id, "%s", hit->id);
	snprintf(wanted->number, sizeof wanted->number, "%s", hit->number);
	wanted->time = hit->time;
	wanted->sender = g_strdup(hit->sender);
	wanted->arrived = hit->place;
	g_ptr_array_add(arg, wanted);
}

static void take_left(void *arg, const struct trace *trace)
{
	struct wanted *wanted = arg;

	if (trace->is_outcome)
		return;
	wanted->left = trace->place;
	wanted->has_left = true;
}

static enum opened read_mail(struct exporting *exporting, struct wanted *wanted, struct bulk *out)
{
	index_traces(exporting->index, wanted->number, take_left, wanted);
	return exporting->export->arrived || !wanted->has_left
		       ? reader_arrived(&exporting->reader, &wanted->arrived, UINT64_MAX, out)
		       : reader_left(&exporting->reader, &wanted->arrived, &wanted->left, out);
}

/* --- files --- */

static void digest(GChecksum *sum, const struct bulk *octets)
{
	guchar piece[16384];
	uint64_t at = 0;
	long got;

	while ((got = bulk_read(octets, at, piece, sizeof piece)) > 0) {
		g_checksum_update(sum, piece, got);
		at += (uint64_t)got;
	}
}

static bool put_file(struct exporting *exporting, const char *name, struct bulk *octets)
{
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);

	digest(sum, octets);
	g_string_append_printf(exporting->manifest, "%s  %s\n", g_checksum_get_string(sum), name);
	g_checksum_free(sum);
	exporting->files++;
	return job_put(exporting->job, name, 0, octets);
}

char *export_safe_name(const char *name, unsigned number)
{
	const char *base = name, *at;
	GString *safe = g_string_new(NULL);

	for (at = name; *at; at++)
		if (*at == '/' || *at == '\\')
			base = at + 1;
	for (at = base; *at && safe->len < NAME_MOST; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);
		bool plain = g_unichar_isprint(c) && !(c < 128 && strchr("\"*:<>?|", (int)c));

		g_string_append_unichar(safe, plain ? c : '_');
	}
	g_strstrip(safe->str);
	safe->len = strlen(safe->str);
	if (safe->len == 0)
		g_string_printf(safe, "attachment-%u", number);
	if (safe->str[0] == '.' || safe->str[0] == '-')
		safe->str[0] = '_';
	return g_string_free(safe, FALSE);
}

/* "offer.pdf", then "2-offer.pdf". */
static char *new_name(struct exporting *exporting, const char *wanted)
{
	char *name = g_strdup(wanted);
	unsigned nth;

	for (nth = 2; !g_hash_table_add(exporting->names, g_ascii_strdown(name, -1)); nth++) {
		g_free(name);
		name = g_strdup_printf("%u-%s", nth, wanted);
	}
	return name;
}

static bool put_attachments(struct exporting *exporting, struct bulk *mail)
{
	struct gw_str text = bulk_text(mail);
	struct words words;
	bool goes_on = true;
	guint i;

	words_read(&words, text, true);
	for (i = 0; i < words.pieces->len && goes_on; i++) {
		const struct piece *piece = words.pieces->pdata[i];
		char *safe = export_safe_name(piece->name, i + 1);
		char *name = new_name(exporting, safe);
		struct bulk octets;

		bulk_init(&octets, exporting->export->folder);
		bulk_add(&octets, piece->octets->data, piece->octets->len);
		goes_on = put_file(exporting, name, &octets);
		bulk_finish(&octets);
		g_free(name);
		g_free(safe);
	}
	words_finish(&words);
	return goes_on;
}

/* --- mbox, of the kind whose quoting can be undone: "mboxrd" --- */

static bool is_from_line(struct gw_str line)
{
	while (line.len && *line.ptr == '>')
		line = gw_str_from(line, 1);
	return line.len >= 5 && memcmp(line.ptr, "From ", 5) == 0;
}

static void add_lines(struct bulk *out, struct gw_str mail)
{
	while (mail.len) {
		size_t len = gw_str_find(mail, '\n');
		struct gw_str line = gw_str_n(mail.ptr, len);

		mail = gw_str_from(mail, len + (len < mail.len));
		if (line.len && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (is_from_line(line))
			bulk_add(out, ">", 1);
		bulk_add(out, line.ptr, line.len);
		bulk_add(out, "\n", 1);
	}
	bulk_add(out, "\n", 1);
}

static bool put_mbox(struct exporting *exporting, const struct wanted *wanted, struct bulk *mail)
{
	time_t seconds = (time_t)(wanted->time / 1000);
	char first[400], when[32];
	struct bulk out;
	struct tm tm;
	uint64_t len;
	bool goes_on;

	bulk_init(&out, exporting->export->folder);
	gmtime_r(&seconds, &tm);
	strftime(when, sizeof when, "%a %b %e %H:%M:%S %Y", &tm);
	snprintf(first, sizeof first, "From %.300s %s\n",
		 *wanted->sender ? wanted->sender : "MAILER-DAEMON", when);
	bulk_add(&out, first, strlen(first));
	add_lines(&out, bulk_text(mail));
	digest(exporting->whole, &out);
	len = out.len;
	goes_on = job_put(exporting->job, "mail.mbox", exporting->length, &out);
	exporting->length += len;
	bulk_finish(&out);
	return goes_on;
}

/* --- one mail --- */

static bool put_mail(struct exporting *exporting, const struct wanted *wanted, struct bulk *mail)
{
	char name[100], when[32];
	time_t seconds = (time_t)(wanted->time / 1000);
	struct tm tm;

	switch (exporting->export->format) {
	case EXPORT_ATTACHMENTS:
		return put_attachments(exporting, mail);
	case EXPORT_MBOX:
		return put_mbox(exporting, wanted, mail);
	case EXPORT_MAILDIR:
		snprintf(name, sizeof name, "new/%lld.%s.gateway", (long long)seconds, wanted->id);
		break;
	case EXPORT_EML:
		gmtime_r(&seconds, &tm);
		strftime(when, sizeof when, "%Y-%m-%dT%H%M%SZ", &tm);
		snprintf(name, sizeof name, "%s-%s.eml", when, wanted->id);
		break;
	}
	return put_file(exporting, name, mail);
}

/* In memory where it is taken apart, or split into lines. */
static bool export_mail(struct exporting *exporting, struct wanted *wanted)
{
	bool apart = exporting->export->format == EXPORT_MBOX ||
		     exporting->export->format == EXPORT_ATTACHMENTS;
	struct bulk mail;
	bool goes_on = true;

	bulk_init(&mail, apart ? NULL : exporting->export->folder);
	exporting->mails++;
	if (read_mail(exporting, wanted, &mail) == OPENED)
		goes_on = put_mail(exporting, wanted, &mail);
	else {
		exporting->failed++;
		if (exporting->reader.why[0])
			memcpy(exporting->why, exporting->reader.why, sizeof exporting->why);
	}
	bulk_finish(&mail);
	return goes_on;
}

/* --- all of them --- */

static bool export_all(struct exporting *exporting)
{
	struct query query = exporting->export->query;
	char before[32] = "";
	bool goes_on = true;
	int64_t left = query.limit;
	guint count = 1, i;

	while (goes_on && count && left > 0) {
		GPtrArray *found = g_ptr_array_new_with_free_func(free_wanted);

		query.before = before[0] ? before : exporting->export->query.before;
		query.limit = left < MAILS_AT_ONCE ? left : MAILS_AT_ONCE;
		goes_on = index_search(exporting->index, &query, add_wanted, found);
		count = found->len;
		left -= count;
		for (i = 0; i < count && goes_on; i++)
			goes_on = export_mail(exporting, found->pdata[i]);
		if (count)
			snprintf(before, sizeof before, "%s",
				 ((struct wanted *)found->pdata[count - 1])->number);
		g_ptr_array_unref(found);
	}
	return goes_on;
}

/* A Maildir has three. */
static bool put_folders(struct exporting *exporting)
{
	static const char *const names[] = { "cur/", "new/", "tmp/" };
	bool goes_on = true;
	size_t i;

	for (i = 0; i < 3 && goes_on && exporting->export->format == EXPORT_MAILDIR; i++) {
		struct bulk nothing;

		bulk_init(&nothing, NULL);
		goes_on = job_put(exporting->job, names[i], 0, &nothing);
		bulk_finish(&nothing);
	}
	return goes_on;
}

static bool put_manifest(struct exporting *exporting)
{
	struct bulk octets;
	bool goes_on;

	if (exporting->length)
		g_string_append_printf(exporting->manifest, "%s  mail.mbox\n",
				       g_checksum_get_string(exporting->whole));
	bulk_init(&octets, NULL);
	bulk_add(&octets, exporting->manifest->str, exporting->manifest->len);
	goes_on = exporting->export->format == EXPORT_ATTACHMENTS ||
		  job_put(exporting->job, "SHA256SUMS", 0, &octets);
	bulk_finish(&octets);
	return goes_on;
}

static void tell(struct exporting *exporting, bool good)
{
	if (!good)
		job_say(exporting->job, 74, "the export failed after %llu mails",
			(unsigned long long)exporting->mails);
	else if (exporting->failed)
		job_say(exporting->job, 65, "%llu mails, of which %llu cannot be opened: %s",
			(unsigned long long)exporting->mails, (unsigned long long)exporting->failed,
			exporting->why[0] ? exporting->why
					  : "their keys were destroyed, or archive verify tells");
	else if (exporting->export->format == EXPORT_ATTACHMENTS)
		job_say(exporting->job, 0, "%llu files", (unsigned long long)exporting->files);
	else
		job_say(exporting->job, 0, "%llu mails; SHA256SUMS has their hashes",
			(unsigned long long)exporting->mails);
}

void export_work(struct job *job, void *arg)
{
	struct export *export = arg;
	struct exporting exporting = { .job = job, .export = export };
	bool good;

	exporting.index = index_open(export->folder, false);
	reader_init(&exporting.reader, export->folder, export->keys);
	exporting.reader.remote = s3_fetching_begin(&exporting.fetching, export->s3,
						    job_stopping(job), FETCH_ONE);
	exporting.manifest = g_string_new(NULL);
	exporting.whole = g_checksum_new(G_CHECKSUM_SHA256);
	exporting.names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	good = exporting.index && put_folders(&exporting) && export_all(&exporting) &&
	       put_manifest(&exporting);
	tell(&exporting, good);
	g_hash_table_unref(exporting.names);
	g_checksum_free(exporting.whole);
	g_string_free(exporting.manifest, TRUE);
	reader_finish(&exporting.reader);
	s3_fetching_end(&exporting.fetching);
	index_close(exporting.index);
}

void export_free(void *arg)
{
	struct export *export = arg;

	g_ptr_array_unref(export->words);
	g_free(export->folder);
	g_free(export);
}
