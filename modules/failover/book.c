#include "book.h"

#include <stdlib.h>

static struct {
	pthread_mutex_t lock;
	size_t holders;
	struct book *first;
} shelf = { .lock = PTHREAD_MUTEX_INITIALIZER };

void books_hold(void)
{
	pthread_mutex_lock(&shelf.lock);
	shelf.holders++;
	pthread_mutex_unlock(&shelf.lock);
}

static void book_destroy(struct book *book)
{
	if (!book)
		return;
	pthread_mutex_destroy(&book->lock);
	free(book->name);
	free(book);
}

bool books_release(void)
{
	struct book *book;
	bool last;

	pthread_mutex_lock(&shelf.lock);
	last = --shelf.holders == 0;
	while (last && (book = shelf.first)) {
		shelf.first = book->next;
		book_destroy(book);
	}
	pthread_mutex_unlock(&shelf.lock);
	return last;
}

static struct book *book_create(struct gw_str name)
{
	struct book *book = calloc(1, sizeof *book);

	if (!book)
		return NULL;
	book->name = strndup(name.ptr, name.len);
	if (!book->name || pthread_mutex_init(&book->lock, NULL) != 0) {
		free(book->name);
		free(book);
		return NULL;
	}
	return book;
}

struct book *book_find(struct gw_call *call, struct gw_str relay)
{
	struct book *book;

	pthread_mutex_lock(&shelf.lock);
	for (book = shelf.first; book && !gw_str_eq(gw_str(book->name), relay); book = book->next)
		;
	if (!book && (book = book_create(relay))) {
		book_lock(book);
		book_read(call, book);
		if (book->closure.cause && !book->closure.warned)
			book->read_time = gw->now(call);
		book_unlock(book);
		book->next = shelf.first;
		shelf.first = book;
	}
	pthread_mutex_unlock(&shelf.lock);
	return book;
}

void book_lock(struct book *book)
{
	pthread_mutex_lock(&book->lock);
}

void book_unlock(struct book *book)
{
	book->special = book->closure.cause != 0 || book->trial ||
			throttle_is_slow(&book->throttle);
	pthread_mutex_unlock(&book->lock);
}

/* --- failures --- */

void book_prune(struct book *book, int64_t since)
{
	size_t count = (size_t)book->count, old = 0;

	while (old < count && book->failures[old].time < since)
		old++;
	memmove(book->failures, book->failures + old, (count - old) * sizeof *book->failures);
	book->count = (int64_t)(count - old);
}

void book_add(struct book *book, const struct failure *failure)
{
	if (book->count == FAILURES_MAX) {
		memmove(book->failures, book->failures + 1,
			(FAILURES_MAX - 1) * sizeof *book->failures);
		book->count--;
	}
	book->failures[book->count++] = *failure;
	book->last_counted = failure->time;
}

void book_clear(struct book *book)
{
	book->count = 0;
	book->closure = (struct closure){ 0 };
}

bool book_closed(const struct book *book, int64_t now)
{
	return book->closure.cause != 0 && now < book->closure.until;
}
