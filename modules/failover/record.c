/* record.c - a book as text in the state store, one line for its closure, its backoff and each
 * failure:
 *
 *     1 <last counted>
 *     closed <cause> <until> <warned> <why>
 *     backoff <suspensions> <trial>
 *     failure <time> <code> <class>\t<stage>\t<host>\t<hint>\t<words, line ends as \r; the enhanced
 * code in front>
 *     last <the same, where it did not count>
 */
#include "book.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PREFIX "relay/"
#define RECORD_MAX 65536

static struct gw_str key_of(const struct book *book, char *out, size_t size)
{
	return gw_str_n(out, (size_t)snprintf(out, size, PREFIX "%s", book->name));
}

/* --- writing --- */

static void write_failure(FILE *out, const char *word, struct failure failure)
{
	text_swap(failure.text, '\n', '\r');
	fprintf(out, "%s %" PRId64 " %" PRId64 " %s\t%s\t%s\t%s\t%s\n", word, failure.time,
		failure.code, failure.class, failure.stage, failure.host, failure.hint,
		failure.text);
}

static void write_book(FILE *out, const struct book *book)
{
	const struct closure *closure = &book->closure;
	int64_t i;

	fprintf(out, "1 %" PRId64 "\n", book->last_counted);
	if (closure->cause)
		fprintf(out, "closed %d %" PRId64 " %d %s\n", (int)closure->cause, closure->until,
			closure->warned, closure->why);
	if (book->suspensions)
		fprintf(out, "backoff %" PRId64 " %d\n", book->suspensions, (int)book->trial);
	for (i = 0; i < book->count; i++)
		write_failure(out, "failure", book->failures[i]);
	if (book->last_error.time &&
	    (!book->count || book->last_error.time != book->failures[book->count - 1].time))
		write_failure(out, "last", book->last_error);
}

void book_write(const struct gw_call *call, const struct book *book)
{
	char key[300], *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool good;

	if (out)
		write_book(out, book);
	good = out && fclose(out) == 0 &&
	       gw->record_put(call, key_of(book, key, sizeof key), gw_str_n(text, len)) == 0;
	free(text);
	if (!good)
		gw->log(call, GW_LOG_WARNING,
			"what is known of relay %s could not be kept: a restart would forget it",
			book->name);
}

/* --- reading --- */

static void read_closure(struct closure *closure, const char *line)
{
	int cause, warned, at = 0;

	if (sscanf(line, "%d %" SCNd64 " %d %n", &cause, &closure->until, &warned, &at) < 3 ||
	    at == 0)
		return;
	closure->cause = (enum gw_cause)cause;
	closure->warned = warned != 0;
	text_keep(closure->why, sizeof closure->why, gw_str(line + at));
}

/* Up to the next tab. */
static char *take_word(char **at, char *out, size_t size)
{
	char *word = strsep(at, "\t");

	text_keep(out, size, gw_str(word));
	return word;
}

static void read_failure(struct book *book, char *line, bool counts)
{
	struct failure failure = { 0 };
	int at = 0;

	if ((counts && book->count == FAILURES_MAX) ||
	    sscanf(line, "%" SCNd64 " %" SCNd64 " %n", &failure.time, &failure.code, &at) < 2 ||
	    at == 0)
		return;
	line += at;
	take_word(&line, failure.class, sizeof failure.class);
	take_word(&line, failure.stage, sizeof failure.stage);
	take_word(&line, failure.host, sizeof failure.host);
	take_word(&line, failure.hint, sizeof failure.hint);
	text_swap(line ? line : failure.text, '\r', '\n');
	text_keep(failure.text, sizeof failure.text, gw_str(line));
	if (counts)
		book->failures[book->count++] = failure;
	book->last_error = failure;
}

static void read_backoff(struct book *book, const char *line)
{
	int64_t suspensions;
	int trial;

	if (sscanf(line, "%" SCNd64 " %d", &suspensions, &trial) < 2 || suspensions < 0)
		return;
	book->suspensions = suspensions;
	book->trial = trial != 0;
}

static void read_line(struct book *book, char *line)
{
	if (strncmp(line, "backoff ", 8) == 0)
		read_backoff(book, line + 8);
	else if (strncmp(line, "failure ", 8) == 0)
		read_failure(book, line + 8, true);
	else if (strncmp(line, "last ", 5) == 0)
		read_failure(book, line + 5, false);
	else if (strncmp(line, "closed ", 7) == 0)
		read_closure(&book->closure, line + 7);
	else if (strncmp(line, "1 ", 2) == 0)
		book->last_counted = strtoll(line + 2, NULL, 10);
}

void book_read(struct gw_call *call, struct book *book)
{
	char key[300], *text = malloc(RECORD_MAX + 1), *at = text, *line;
	long len = text ? gw->record_get(call, key_of(book, key, sizeof key), text, RECORD_MAX)
			: -1;

	if (len > 0) {
		text[len < RECORD_MAX ? len : RECORD_MAX] = '\0';
		while ((line = strsep(&at, "\n")))
			read_line(book, line);
	}
	book->kept_error = book->last_error.time;
	free(text);
}

/* --- relays that are gone --- */

struct sweep {
	struct gw_call *call;
	char gone[300]; /* one of them */
};

static int look_for_relay(void *arg, struct gw_str key, struct gw_str value)
{
	struct sweep *sweep = arg;

	(void)value;
	if (sweep->gone[0] || key.len >= sizeof sweep->gone ||
	    gw->relay_named(sweep->call, gw_str_from(key, strlen(PREFIX))))
		return 0;
	memcpy(sweep->gone, key.ptr, key.len);
	sweep->gone[key.len] = '\0';
	return 0;
}

/* One after the other: a record is not dropped while they are walked over. */
void books_sweep(struct gw_call *call)
{
	struct sweep sweep;

	do {
		sweep = (struct sweep){ .call = call };
		gw->record_each(call, gw_str(PREFIX), look_for_relay, &sweep);
	} while (sweep.gone[0] && gw->record_drop(call, gw_str(sweep.gone)) == 0);
}
