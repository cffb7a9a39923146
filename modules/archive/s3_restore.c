#include "s3_restore.h"

#include "s3_publish.h"
#include "stub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((uint64_t)1024 * 1024) /* what an answer copies is the time of a worker */
#define FAULTS_SHOWN 1000

void s3_work_fault(struct s3_work *work, const char *format, ...)
{
	va_list args;

	if (work->faults++ >= FAULTS_SHOWN)
		return;
	va_start(args, format);
	g_string_append_vprintf(work->text, format, args);
	va_end(args);
	g_string_append_c(work->text, '\n');
}

/* --- what there is --- */

struct finding {
	GArray *list;
	const char *kind;
};

static void take(void *arg, const struct s3_object *object)
{
	struct finding *finding = arg;
	struct s3_found found = { .size = object->size };

	if (!s3_key_read(object->key, finding->kind, &found.span))
		return;
	snprintf(found.etag, sizeof found.etag, "%s", object->etag);
	g_array_append_val(finding->list, found);
}

static gint compare(gconstpointer left, gconstpointer right)
{
	const struct s3_span *one = &((const struct s3_found *)left)->span;
	const struct s3_span *two = &((const struct s3_found *)right)->span;
	int order = segments_compare(one->name, two->name);

	if (order)
		return order;
	if (one->from != two->from)
		return one->from < two->from ? -1 : 1;
	return one->end < two->end ? 1 : one->end > two->end ? -1 : 0;
}

GArray *s3_found_list(struct s3_work *work, const char *kind)
{
	struct finding finding = { g_array_new(FALSE, TRUE, sizeof(struct s3_found)), kind };
	char *begin = g_strconcat(kind, "/", NULL);
	struct s3_answer answer;

	if (!s3_list(work->target, begin, take, &finding, &answer)) {
		s3_work_fault(work, "the bucket cannot be listed: %s", answer.why);
		g_array_unref(finding.list);
		finding.list = NULL;
	} else {
		g_array_sort(finding.list, compare);
	}
	s3_answer_finish(&answer);
	g_free(begin);
	return finding.list;
}

/* --- a file --- */

static bool fetch_piece(struct s3_work *work, int file, const struct s3_found *found,
			const char *key, uint64_t at)
{
	uint64_t left = found->size - at;
	struct s3_request request = { "GET",
				      key,
				      NULL,
				      NULL,
				      .from = at,
				      .len = left < PIECE ? left : PIECE,
				      .answer_max = (uint32_t)PIECE + 1024 };
	struct s3_answer answer;
	bool good = s3_ask(work->target, &request, &answer) && answer.body &&
		    g_bytes_get_size(answer.body) == request.len;
	int error = 0;

	if (good)
		error = file_write(file, found->span.from + at, g_bytes_get_data(answer.body, NULL),
				   request.len);
	if (!good || error)
		s3_work_fault(work, "%s cannot be fetched: %s", key,
			      error ? strerrordesc_np(error) : answer.why);
	s3_answer_finish(&answer);
	return good && !error;
}

struct slots {
	int file;
	const struct s3_span *span;
};

static bool put_slot(void *arg, uint64_t at, const unsigned char *slot)
{
	const struct slots *slots = arg;
	struct record record;

	return at >= slots->span->from && at < slots->span->end &&
	       record_read(slots->file, at, &record) == 1 && !(record.flags & RECORD_PLAIN) &&
	       file_write(slots->file, at + RECORD_SLOT, slot, SLOT_SIZE) == 0;
}

/* Mail whose keys are not there is proof without its words: verify tells. */
static bool fetch_keys(struct s3_work *work, int file, const struct s3_span *span)
{
	struct slots slots = { file, span };
	struct s3_answer answer;
	char key[S3_KEY];
	bool good, none;

	s3_key_write(key, "keys", span);
	good = s3_ask(work->target,
		      &(struct s3_request){ "GET", key, NULL, NULL, .answer_max = S3_KEYS_MOST },
		      &answer);
	none = !good && s3_answer_is_none(&answer);
	if (good)
		good = answer.body &&
		       s3_slots_each(g_bytes_get_data(answer.body, NULL),
				     g_bytes_get_size(answer.body), put_slot, &slots);
	if (!good && !none)
		s3_work_fault(work, "%s cannot be used: %s", key, answer.why);
	s3_answer_finish(&answer);
	return good || none;
}

static bool fetch_span(struct s3_work *work, int file, const struct s3_found *found)
{
	char key[S3_KEY];
	bool good = found->size == found->span.end - found->span.from;
	uint64_t at;

	s3_key_write(key, "data", &found->span);
	if (!good)
		s3_work_fault(work, "%s has another size", key);
	for (at = 0; good && at < found->size && !*work->stop; at += PIECE)
		good = fetch_piece(work, file, found, key, at);
	good = good && !*work->stop && fetch_keys(work, file, &found->span);
	work->objects += good;
	work->octets += good ? found->size : 0;
	return good;
}

/* Up to where nothing is missing; 0: none of it. */
static uint64_t fetch_spans(struct s3_work *work, int file, const GArray *list, guint first,
			    guint end)
{
	uint64_t reach = 0;
	guint i;

	for (i = first; i < end && !*work->stop; i++) {
		const struct s3_found *found = &g_array_index(list, struct s3_found, i);

		if (found->span.end <= reach)
			continue;
		if (found->span.from > reach) {
			s3_work_fault(work, "%s: its octets %llu to %llu are not in the bucket",
				      found->span.name, (unsigned long long)reach,
				      (unsigned long long)found->span.from);
			break;
		}
		if (!fetch_span(work, file, found))
			break;
		reach = found->span.end;
	}
	return *work->stop ? 0 : reach;
}

static void restore_file(struct s3_work *work, const GArray *list, guint first, guint end)
{
	const char *name = g_array_index(list, struct s3_found, first).span.name;
	char *path = g_build_filename(work->folder, "s3", "restored", NULL);
	int file, error = 0;
	uint64_t reach;

	unlink(path);
	file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	reach = file < 0 ? 0 : fetch_spans(work, file, list, first, end);
	if (file < 0)
		error = errno;
	else if (reach && s3_is_to_be_stub(work, list, first, end))
		error = s3_publish_stub(work, file, reach, list, first, end);
	else if (reach)
		error = s3_publish_whole(work, file, reach, path, name);
	if (error)
		s3_work_fault(work, "%s cannot be written: %s", name, strerrordesc_np(error));
	work->files += reach && !error;
	if (file >= 0)
		close(file);
	unlink(path);
	g_free(path);
}

/* --- all of it --- */

static guint end_of(const GArray *list, guint first)
{
	const char *name = g_array_index(list, struct s3_found, first).span.name;
	guint end = first;

	while (end < list->len &&
	       strcmp(g_array_index(list, struct s3_found, end).span.name, name) == 0)
		end++;
	return end;
}

static bool is_here(const struct s3_work *work, const GArray *list, guint first, guint end)
{
	const char *name = g_array_index(list, struct s3_found, first).span.name;
	char path[SEGMENT_PATH];

	segment_path(path, work->folder, name);
	if (access(path, F_OK) == 0)
		return true;
	stub_path(path, work->folder, name);
	return access(path, F_OK) == 0 && s3_is_to_be_stub(work, list, first, end);
}

/* False: nobody knows what is held, and would expire when it is back. */
static bool restore_holds(struct s3_work *work)
{
	char *path = g_build_filename(work->folder, "holds", NULL);
	struct s3_answer answer = { .status = 0 };
	uint64_t before = work->faults;

	if (access(path, F_OK) != 0) {
		if (s3_ask(work->target,
			   &(struct s3_request){ "GET", "holds", NULL, NULL,
						 .answer_max = 16 << 20 },
			   &answer) &&
		    answer.body) {
			if (!g_file_set_contents(path, g_bytes_get_data(answer.body, NULL),
						 (gssize)g_bytes_get_size(answer.body), NULL))
				s3_work_fault(work, "the holds cannot be written");
		} else if (!s3_answer_is_none(&answer)) {
			s3_work_fault(work, "the holds cannot be fetched: %s", answer.why);
		}
	}
	s3_answer_finish(&answer);
	g_free(path);
	return work->faults == before;
}

/* Another archive here and that of the bucket would be neither. */
static bool may_mix(struct s3_work *work)
{
	GPtrArray *names = holdings_list(work->folder);
	struct s3_state state;
	bool may = names && !names->len;

	s3_state_init(&state);
	may |= s3_state_read(&state, work->folder, work->target->name);
	s3_state_finish(&state);
	if (names)
		g_ptr_array_unref(names);
	if (!may)
		s3_work_fault(
			work,
			"an archive has begun here that the bucket does not have: set another folder, and restore into that");
	return may;
}

/* What cannot be made shows when a file is written. */
static void make_folders(const struct s3_work *work)
{
	char *path = g_build_filename(work->folder, "s3", NULL);

	g_mkdir_with_parents(path, 0700);
	g_free(path);
}

void s3_restore_run(struct s3_work *work)
{
	GArray *list;
	guint first, end;
	bool goes_on;

	work->text = g_string_new(NULL);
	make_folders(work);
	list = may_mix(work) ? s3_found_list(work, "data") : NULL;
	/* the holds before what they hold */
	goes_on = list && restore_holds(work);
	for (first = 0; goes_on && first < list->len && !*work->stop; first = end) {
		end = end_of(list, first);
		if (!is_here(work, list, first, end))
			restore_file(work, list, first, end);
	}
	if (list)
		g_array_unref(list);
	g_string_append_printf(
		work->text,
		"%llu files were fetched, %llu octets: %llu faults\ngatewayctl archive verify proves what is here now",
		(unsigned long long)work->files, (unsigned long long)work->octets,
		(unsigned long long)work->faults);
}
