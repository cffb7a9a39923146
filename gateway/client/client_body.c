/* client_body.c - the message, after 354 or as a chunk: from where it lies to the socket, copied
 * only where a dot is to be doubled. */
#include "client/client.h"

/* A next hop that reads slowly costs no more than this and one round. */
#define UNWRITTEN_MOST (256u << 10)
#define PIECE_MOST (64u << 10)
#define PIECES 32

/* Pieces that go out with the next write. */
struct round {
	struct iovec pieces[PIECES];
	size_t count;
	size_t bytes;
	char scratch[PIECE_MOST]; /* one piece that is read from disk may lie here */
	bool scratch_used;
};

static bool send_round(struct client *client, struct round *round)
{
	bool sent = round->count == 0 ||
		    stream_writev(client->stream, round->pieces, round->count) == 0;
	round->count = round->bytes = 0;
	round->scratch_used = false;
	return sent;
}

static void add_piece(struct round *round, struct gw_str piece)
{
	round->pieces[round->count++] = (struct iovec){ (void *)(uintptr_t)piece.ptr, piece.len };
	round->bytes += piece.len;
}

/* What data_write would have noted of a piece that goes as it is. */
static void note_end(struct data_writer *writer, struct gw_str piece)
{
	char last = piece.ptr[piece.len - 1];
	bool after_cr = piece.len > 1 ? piece.ptr[piece.len - 2] == '\r' : writer->after_cr;
	writer->mid_line = !(last == '\n' && after_cr);
	writer->after_cr = last == '\r';
}

static bool put_piece(struct client *client, struct round *round, struct gw_str piece)
{
	if (client->chunked) {
		add_piece(round, piece);
		return true;
	}
	if (data_written_size(&client->writer, piece) == piece.len) {
		note_end(&client->writer, piece);
		add_piece(round, piece);
		return true;
	}
	if (!send_round(client, round) ||
	    data_write(&client->writer, piece, stream_output(client->stream)) != 0)
		return false;
	stream_flush_later(client->stream);
	return true;
}

/* Takes the next piece of the message into the round: its length, or -1. */
static long take_piece(struct client *client, struct round *round)
{
	struct gw_str piece;
	long got = edits_piece(client->attempt->edits, client->offset, round->scratch,
			       sizeof round->scratch, &piece);

	if (got <= 0)
		return -1;
	client->offset += (uint64_t)got;
	round->scratch_used = piece.ptr >= round->scratch &&
			      piece.ptr < round->scratch + sizeof round->scratch;
	return put_piece(client, round, piece) ? got : -1;
}

static bool is_full(const struct client *client, const struct round *round)
{
	return stream_unwritten(client->stream) + round->bytes >= UNWRITTEN_MOST;
}

/* The dot leaves with the last of the message; a chunk was counted and has none. */
static void put_dot(struct client *client, struct round *round)
{
	if (!client->chunked)
		add_piece(round, client->writer.mid_line ? gw_str("\r\n.\r\n") : gw_str(".\r\n"));
}

/* Hands over as much as the stream may hold. False: it ended the link. */
static bool hand_over(struct client *client)
{
	struct round round;
	bool last;

	round.count = round.bytes = 0;
	round.scratch_used = false;

	while (client->offset < client->size && !is_full(client, &round) &&
	       stream_is_open(client->stream)) {
		if (take_piece(client, &round) < 0) {
			client_unreadable(client);
			return false;
		}
		/* one place is kept for the dot */
		if ((round.scratch_used || round.count == PIECES - 1) &&
		    client->offset < client->size && !send_round(client, &round))
			break;
	}
	last = client->offset >= client->size;
	if (last)
		put_dot(client, &round);
	if (!send_round(client, &round)) {
		client_lost(client, gw_str("out of memory"));
		return false;
	}
	/* A link that was lost drops what it is given. */
	client->handed_over = last && stream_is_open(client->stream);
	return true;
}

void client_body_more(struct client *client)
{
	if (hand_over(client) && client->handed_over && stream_unwritten(client->stream) == 0)
		client_enter(client, AT_DOT);
}

/* Octets of a message that was begun must never meet a next hop that waits for commands: a second
 * beginning ends the link. */
static bool begin(struct client *client)
{
	if (client->begun) {
		client_lost(client, gw_str("the message was begun twice"));
		return false;
	}
	client->begun = true;
	memset(&client->writer, 0, sizeof client->writer);
	client->offset = 0;
	client->size = client->no_recipients ? 0 : edits_size(client->attempt->edits);
	return true;
}

/* The first chunk at a next hop that has taken none yet is our own Received field and nothing that
 * a client wrote. */
void client_chunk_begin(struct client *client)
{
	struct gw_str trace = client->attempt->edits->message->trace;

	if (!client_may_speak(client) || !begin(client))
		return;
	client->showing = true;
	client->offset = trace.len;
	client_put(client, "BDAT %zu\r\n", trace.len);
	if (stream_write(client->stream, trace) != 0)
		client_lost(client, gw_str("out of memory"));
}

void client_body_begin(struct client *client)
{
	if (client_is_refusal(stream_input(client->stream))) /* the message is not even begun */
		return;
	if (!client_may_speak(client) || (!client->showing && !begin(client)))
		return;
	client->showing = false;
	if (client->chunked)
		buf_printf(stream_output(client->stream), "BDAT %llu LAST\r\n",
			   (unsigned long long)(client->size - client->offset));
	client_body_more(client);
}
