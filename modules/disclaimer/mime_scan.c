/* mime_scan.c - goes through a body line by line, and finds where its parts begin and end. */
#include "mime.h"

#define PIECE 65536
#define LINE_SEEN 1100 /* of each line: boundaries and names of fields are no longer */

/* One line: its first octets, where it begins, and where the next one does. */
struct line {
	struct gw_str text; /* without its line end, cut to LINE_SEEN */
	uint64_t at, next;
	bool ended; /* by a line end, and not by the end of the body */
};

struct scan {
	struct mime *mime;
	mime_read_t *read;
	void *arg;
	uint64_t size, offset; /* of the body; of the octets in `piece` */
	size_t from, filled;   /* what is not looked at yet of `piece` */
	char before;           /* the octet before `piece`: a line end may lie across */
	bool failed;
	enum mime_fault fault;
	int open[MIME_DEPTH]; /* the multiparts whose boundary counts, by number */
	size_t depth;
	int current;       /* the part that the lines belong to; -1: none does */
	bool in_header;    /* of the current part */
	GString *header;   /* as far as it is read */
	uint64_t line_end; /* size of the line end before this line */
	char piece[PIECE];
};

/* --- lines --- */

static void refill(struct scan *scan)
{
	size_t kept = scan->filled - scan->from;
	long got;

	if (scan->from)
		scan->before = scan->piece[scan->from - 1];
	memmove(scan->piece, scan->piece + scan->from, kept);
	scan->offset += scan->from;
	scan->from = 0;
	scan->filled = kept;
	got = scan->read(scan->arg, scan->offset + kept, scan->piece + kept, PIECE - kept);
	scan->failed = got < 0 || (got == 0 && scan->offset + kept < scan->size);
	scan->filled += got > 0 ? (size_t)got : 0;
}

static bool is_whole(const struct scan *scan)
{
	return scan->offset + scan->filled >= scan->size;
}

/* Past the end of a line that is longer than what was kept of it. */
static void skip_to_end(struct scan *scan, struct line *line)
{
	const char *end = NULL;

	while (!scan->failed) {
		end = memchr(scan->piece + scan->from, '\n', scan->filled - scan->from);
		if (end || is_whole(scan))
			break;
		scan->from = scan->filled;
		refill(scan);
	}
	scan->from = end ? (size_t)(end + 1 - scan->piece) : scan->filled;
	line->ended = end != NULL;
}

/* False: there are no more. */
static bool next_line(struct scan *scan, struct line *line)
{
	const char *text, *end;
	size_t len;

	if (scan->filled - scan->from < LINE_SEEN && !is_whole(scan))
		refill(scan);
	len = MIN(scan->filled - scan->from, LINE_SEEN);
	if (scan->failed || len == 0)
		return false;
	text = scan->piece + scan->from;
	line->at = scan->offset + scan->from;
	end = memchr(text, '\n', len);
	len = end ? (size_t)(end - text) : len;
	line->text = gw_str_n(text, len && text[len - 1] == '\r' ? len - 1 : len);
	line->ended = end != NULL;
	scan->from += end ? len + 1 : len;
	return true;
}

/* The one before the line feed that was just passed. */
static char octet_before_end(const struct scan *scan)
{
	return scan->from >= 2 ? scan->piece[scan->from - 2] : scan->before;
}

/* To be called when the line was looked at: its text is gone then. */
static void end_line(struct scan *scan, struct line *line)
{
	if (!line->ended)
		skip_to_end(scan, line);
	line->next = scan->offset + scan->from;
	scan->line_end = line->ended ? 1 : 0;
	if (line->ended && octet_before_end(scan) == '\r')
		scan->line_end = 2;
}

/* --- boundaries --- */

enum delimiter { NO_DELIMITER, BEGINS_PART, ENDS_MULTIPART };

static enum delimiter delimiter_of(struct gw_str line, const char *boundary)
{
	size_t len = strlen(boundary);
	enum delimiter kind = BEGINS_PART;

	if (line.len < len + 2 || memcmp(line.ptr, "--", 2) != 0 ||
	    memcmp(line.ptr + 2, boundary, len) != 0)
		return NO_DELIMITER;
	line = gw_str_from(line, len + 2);
	if (line.len >= 2 && memcmp(line.ptr, "--", 2) == 0) {
		line = gw_str_from(line, 2);
		kind = ENDS_MULTIPART;
	}
	return gw_str_trim(line).len == 0 ? kind : NO_DELIMITER;
}

/* --- parts --- */

static struct mime_part *add_part(struct scan *scan, struct mime_part part)
{
	struct mime *mime = scan->mime;

	if (mime->count % 64 == 0)
		mime->parts = g_renew(struct mime_part, mime->parts, mime->count + 64);
	mime->parts[mime->count] = part;
	return &mime->parts[mime->count++];
}

/* What stands before a boundary ends with the line end that belongs to that. */
static void close_parts(struct scan *scan, int above, uint64_t at)
{
	int part = scan->current;

	for (; part >= 0 && part != above; part = scan->mime->parts[part].parent) {
		struct mime_part *closed = &scan->mime->parts[part];

		closed->end = at - MIN(scan->line_end, at - MIN(at, closed->content));
		closed->bare = closed->end == at && at < scan->size;
	}
	scan->current = -1;
}

static void begin_part(struct scan *scan, uint64_t at)
{
	struct mime_part part;

	if (scan->mime->count == MIME_PARTS) {
		scan->fault = MIME_TOO_MANY_PARTS;
		return;
	}
	mime_part_init(&part, scan->open[scan->depth - 1]);
	part.header = part.content = part.end = at;
	scan->current = (int)scan->mime->count;
	add_part(scan, part);
	scan->in_header = true;
	g_string_truncate(scan->header, 0);
}

/* Whose parts follow: those of a multipart whose boundary is known. */
static void enter(struct scan *scan)
{
	const struct mime_part *part = &scan->mime->parts[scan->current];

	if (!mime_is_multipart(part) || !part->boundary)
		return;
	if (scan->depth == MIME_DEPTH)
		scan->fault = MIME_TOO_DEEP;
	else
		scan->open[scan->depth++] = scan->current;
}

/* --- headers --- */

/* The fields of a header, `at` being where it begins: each with its folded lines. */
static void take_fields(struct mime_part *part, struct gw_str header, uint64_t at)
{
	while (header.len) {
		size_t end = 0, colon;

		do {
			end += gw_str_find(gw_str_from(header, end), '\n') + 1;
			end = MIN(end, header.len);
		} while (end < header.len && (header.ptr[end] == ' ' || header.ptr[end] == '\t'));
		colon = gw_str_find(gw_str_n(header.ptr, end), ':');
		if (colon < end)
			mime_take_field(part, gw_str_n(header.ptr, colon),
					gw_str_n(header.ptr + colon + 1, end - colon - 1), at, end);
		at += end;
		header = gw_str_from(header, end);
	}
}

static bool is_field(struct gw_str line)
{
	size_t colon = gw_str_find(line, ':');
	struct gw_str name = gw_str_n(line.ptr, colon);

	if (line.len && (*line.ptr == ' ' || *line.ptr == '\t'))
		return true;
	return colon > 0 && colon < line.len && gw_str_find(name, ' ') == name.len;
}

static void end_header(struct scan *scan, uint64_t content, bool closed)
{
	struct mime_part *part = &scan->mime->parts[scan->current];

	take_fields(part, gw_str_n(scan->header->str, scan->header->len), part->header);
	part->content = part->end = content;
	part->closed = closed;
	scan->in_header = false;
	enter(scan);
}

/* A line of a header is kept whole, up to what a part may have. */
static void take_header_line(struct scan *scan, struct line *line)
{
	uint64_t at = line->at;

	if (line->text.len == 0 || !is_field(line->text)) {
		bool blank = line->text.len == 0;

		end_line(scan, line);
		end_header(scan, blank ? line->next : at, blank);
		return;
	}
	g_string_append_len(scan->header, line->text.ptr, (gssize)line->text.len);
	if ((!line->ended && line->text.len + 1 >= LINE_SEEN) || scan->header->len > MIME_HEADER)
		scan->fault = MIME_HEADER_TOO_LARGE;
	end_line(scan, line);
	g_string_append(scan->header, scan->line_end == 2 ? "\r\n" : "\n");
}

/* --- the whole --- */

static bool take_delimiter(struct scan *scan, struct line *line)
{
	enum delimiter kind = NO_DELIMITER;
	size_t depth = scan->depth;

	while (depth && kind == NO_DELIMITER)
		kind = delimiter_of(line->text, scan->mime->parts[scan->open[--depth]].boundary);
	if (kind == NO_DELIMITER)
		return false;
	if (scan->current >= 0 && scan->in_header)
		end_header(scan, line->at, false);
	close_parts(scan, scan->open[depth], line->at);
	scan->depth = depth + (kind == BEGINS_PART);
	end_line(scan, line);
	if (kind == BEGINS_PART)
		begin_part(scan, line->next);
	else
		scan->current = scan->open[depth];
	return true;
}

static void take_line(struct scan *scan, struct line *line)
{
	if (line->text.len >= 2 && line->text.ptr[0] == '-' && take_delimiter(scan, line))
		return;
	if (scan->current >= 0 && scan->in_header)
		take_header_line(scan, line);
	else
		end_line(scan, line);
}

enum mime_fault mime_scan(struct mime *mime, struct mime_part message, mime_read_t *read, void *arg,
			  uint64_t size)
{
	struct scan *scan = g_new0(struct scan, 1);
	enum mime_fault fault;
	struct line line;

	*mime = (struct mime){ 0 };
	scan->mime = mime;
	scan->read = read;
	scan->arg = arg;
	scan->size = size;
	scan->header = g_string_new(NULL);
	message.end = size;
	message.closed = true;
	add_part(scan, message);
	enter(scan);
	while (scan->depth && !scan->fault && next_line(scan, &line))
		take_line(scan, &line);
	if (scan->current >= 0 && scan->in_header && !scan->fault && scan->depth)
		end_header(scan, size, false);
	scan->line_end = 0;
	close_parts(scan, -1, size);
	fault = scan->failed ? MIME_UNREADABLE : scan->fault;
	g_string_free(scan->header, TRUE);
	g_free(scan);
	return fault;
}
