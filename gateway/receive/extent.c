#include "receive/reception.h"

#include <stdlib.h>

/* An extent on its way to the disk; freed when it is there. */
struct extent_write {
	struct spool_append append;
	struct reception *reception;
	unsigned index;
	struct buf bytes;
};

struct reception *reception_create(struct gw_session *session)
{
	struct reception *reception = calloc(1, sizeof(*reception));
	if (!reception)
		return NULL;
	reception->session = session;
	reception->worker = session->worker;
	reception->id = session->message->id;
	reception->extent_size = (size_t)session->snapshot->settings.limits.extent;
	data_reader_init(&reception->reader);
	buf_init(&reception->bytes, 0);
	buf_init(&reception->envelope, 0);
	session->reception = reception;
	return reception;
}

void reception_free(struct reception *reception)
{
	buf_finish(&reception->bytes);
	buf_finish(&reception->envelope);
	free(reception->extents);
	free(reception);
}

void reception_abandon(struct reception *reception)
{
	if (reception->extent_count)
		spool_abandon(runtime.spool, reception->id, reception->extents, reception->extent_count);
	reception_free(reception);
}

static void extent_written(struct post *post)
{
	struct extent_write *write = (struct extent_write *)post;
	struct reception *reception = write->reception;
	reception->in_flight--;
	if (write->append.result > reception->result)
		reception->result = write->append.result;
	reception->extents[write->index] = write->append.extent;
	buf_finish(&write->bytes);
	free(write);
	if (reception->session && reception->session->busy && !reception->ended)
		session_ready(reception->session);
	else if (reception->in_flight == 0 && !reception->session)
		reception_abandon(reception);
	else if (reception->in_flight == 0 && reception->ended)
		reception_complete(reception);
}

static int extent_slot(struct reception *reception)
{
	if (reception->extent_count < reception->extent_room)
		return 0;
	unsigned room = reception->extent_room ? reception->extent_room * 2 : 16;
	struct spool_extent *extents = reallocarray(reception->extents, room, sizeof(*extents));
	if (!extents)
		return -1;
	reception->extents = extents;
	reception->extent_room = room;
	return 0;
}

void reception_flush(struct reception *reception)
{
	struct extent_write *write = calloc(1, sizeof(*write));
	if (!write || extent_slot(reception) != 0) {
		free(write);
		reception->result = SPOOL_FAILED;
		buf_clear(&reception->bytes);
		return;
	}
	write->reception = reception;
	write->index = reception->extent_count++;
	memset(&reception->extents[write->index], 0, sizeof(struct spool_extent));
	write->bytes = reception->bytes;
	buf_init(&reception->bytes, 0);
	write->append = (struct spool_append){
		.post.run = extent_written, .worker = reception->worker, .type = SPOOL_EXTENT, .id = reception->id, .data = buf_str(&write->bytes),
	};
	reception->in_flight++;
	spool_append(runtime.spool, &write->append);
}

