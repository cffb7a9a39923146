#include "receive/transaction.h"

#include <stdlib.h>

/* An extent on its way to the disk; freed when it is there. */
struct extent_write {
	struct spool_append append;
	struct transaction *transaction;
	unsigned index;
	struct buf bytes;
};

struct transaction *transaction_create(struct gw_session *session)
{
	struct transaction *transaction = calloc(1, sizeof(*transaction));
	if (!transaction)
		return NULL;
	transaction->session = session;
	transaction->worker = session->worker;
	transaction->id = session->message->id;
	transaction->extent_size = (size_t)session->snapshot->settings.limits.extent;
	data_reader_init(&transaction->reader);
	buf_init(&transaction->bytes, 0);
	buf_init(&transaction->envelope, 0);
	session->transaction = transaction;
	return transaction;
}

void transaction_free(struct transaction *transaction)
{
	buf_finish(&transaction->bytes);
	buf_finish(&transaction->envelope);
	free(transaction->extents);
	free(transaction);
}

void transaction_abandon(struct transaction *transaction)
{
	if (transaction->extent_count)
		spool_abandon(runtime.spool, transaction->id, transaction->extents,
			      transaction->extent_count);
	transaction_free(transaction);
}

static void extent_written(struct post *post)
{
	struct extent_write *write = (struct extent_write *)post;
	struct transaction *transaction = write->transaction;
	transaction->in_flight--;
	if (write->append.result > transaction->result)
		transaction->result = write->append.result;
	transaction->extents[write->index] = write->append.extent;
	buf_finish(&write->bytes);
	free(write);
	if (transaction->session && transaction->session->busy && !transaction->ended)
		session_ready(transaction->session);
	else if (transaction->in_flight == 0 && !transaction->session)
		transaction_abandon(transaction);
	else if (transaction->in_flight == 0 && transaction->ended)
		transaction_check(transaction);
}

static int extent_slot(struct transaction *transaction)
{
	if (transaction->extent_count < transaction->extent_room)
		return 0;
	unsigned room = transaction->extent_room ? transaction->extent_room * 2 : 16;
	struct spool_extent *extents = reallocarray(transaction->extents, room, sizeof(*extents));
	if (!extents)
		return -1;
	transaction->extents = extents;
	transaction->extent_room = room;
	return 0;
}

void transaction_flush(struct transaction *transaction)
{
	struct extent_write *write = calloc(1, sizeof(*write));
	if (!write || extent_slot(transaction) != 0) {
		free(write);
		transaction->result = SPOOL_FAILED;
		buf_clear(&transaction->bytes);
		return;
	}
	write->transaction = transaction;
	write->index = transaction->extent_count++;
	memset(&transaction->extents[write->index], 0, sizeof(struct spool_extent));
	write->bytes = transaction->bytes;
	buf_init(&transaction->bytes, 0);
	write->append = (struct spool_append){
		.post.run = extent_written,
		.worker = transaction->worker,
		.type = SPOOL_EXTENT,
		.id = transaction->id,
		.data = buf_str(&write->bytes),
	};
	transaction->in_flight++;
	spool_append(runtime.spool, &write->append);
}
