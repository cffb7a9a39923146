#include "smtp/framing.h"

#define LINE_OCTETS_MAX 998

enum read_state { LINE_START, IN_TEXT, AFTER_CR, AFTER_DOT, AFTER_DOT_CR };

/* One call of data_read. Bytes that stay are copied in runs as long as possible: a run ends only
 * where a dot goes. */
struct reading {
	struct data_reader *reader;
	const char *at, *end;
	const char *run; /* first byte that is not copied yet */
	/* no CR stands in [at, cr); the next one, or end, stands at cr (void when behind `at`) */
	const char *cr;
	char *out;
};

void data_reader_init(struct data_reader *reader)
{
	memset(reader, 0, sizeof(*reader));
}

static void copy_run(struct reading *reading)
{
	size_t len = (size_t)(reading->at - reading->run);

	memcpy(reading->out, reading->run, len);
	reading->out += len;
	reading->run = reading->at;
}

static void count_octets(struct data_reader *reader, size_t octets)
{
	reader->line = octets > UINT32_MAX - reader->line ? UINT32_MAX
							  : reader->line + (uint32_t)octets;
	if (reader->line > LINE_OCTETS_MAX)
		reader->long_line = true;
}

/* The CR is looked for once, the LF only before it: however they are strewn, each byte is looked at
 * once for each. */
static const char *next_cr(struct reading *reading)
{
	if (reading->cr < reading->at) {
		const char *cr = memchr(reading->at, '\r', (size_t)(reading->end - reading->at));
		reading->cr = cr ? cr : reading->end;
	}
	return reading->cr;
}

static void read_text(struct reading *reading)
{
	struct data_reader *reader = reading->reader;
	const char *cr = next_cr(reading);
	const char *lf = memchr(reading->at, '\n', (size_t)(cr - reading->at));
	const char *stop = lf ? lf + 1 : cr;

	count_octets(reader, (size_t)(stop - reading->at));
	reader->state = IN_TEXT;
	reading->at = stop;
	if (lf) {
		reader->bare = true;
	} else if (cr < reading->end) {
		reader->state = AFTER_CR;
		reading->at++;
	}
}

static void read_line_start(struct reading *reading)
{
	reading->reader->line = 0;
	if (*reading->at != '.') {
		read_text(reading);
		return;
	}
	copy_run(reading);
	reading->run = ++reading->at;
	reading->reader->state = AFTER_DOT;
}

static void read_after_cr(struct reading *reading)
{
	struct data_reader *reader = reading->reader;

	if (*reading->at == '\n') {
		reader->state = LINE_START;
		reading->at++;
		return;
	}
	reader->bare = true;
	count_octets(reader, 1);
	read_text(reading);
}

/* The CR behind a dot is held back: with an LF it is no part of the message. */
static void read_after_dot(struct reading *reading)
{
	if (*reading->at != '\r') {
		read_text(reading);
		return;
	}
	reading->run = ++reading->at;
	reading->reader->state = AFTER_DOT_CR;
}

static void read_after_dot_cr(struct reading *reading)
{
	if (*reading->at == '\n') {
		reading->run = ++reading->at;
		reading->reader->done = true;
		return;
	}
	*reading->out++ = '\r';
	read_after_cr(reading);
}

static void (*const read_states[])(struct reading *) = {
	[LINE_START] = read_line_start,     [IN_TEXT] = read_text,
	[AFTER_CR] = read_after_cr,         [AFTER_DOT] = read_after_dot,
	[AFTER_DOT_CR] = read_after_dot_cr,
};

static bool has_high_bit(const char *bytes, size_t len)
{
	uint64_t words[4], any = 0;

	for (; len >= sizeof(words); bytes += sizeof(words), len -= sizeof(words)) {
		memcpy(words, bytes, sizeof(words));
		any |= (words[0] | words[1]) | (words[2] | words[3]);
	}
	for (; len > 0; bytes++, len--)
		any |= (unsigned char)*bytes;
	return (any & UINT64_C(0x8080808080808080)) != 0;
}

static void look_at_bytes(struct data_reader *reader, struct gw_str taken)
{
	reader->nul = reader->nul || gw_str_has_nul(taken);
	reader->eight_bit = reader->eight_bit || has_high_bit(taken.ptr, taken.len);
}

size_t data_read(struct data_reader *reader, struct gw_str in, char *out, size_t *written)
{
	struct reading reading = { reader, in.ptr, NULL, in.ptr, NULL, out };
	size_t taken;

	*written = 0;
	if (in.len == 0 || reader->done)
		return 0;
	reading.end = in.ptr + in.len;
	reading.cr = memchr(in.ptr, '\r', in.len);
	if (!reading.cr)
		reading.cr = reading.end;
	while (reading.at < reading.end && !reader->done)
		read_states[reader->state](&reading);
	copy_run(&reading);
	*written = (size_t)(reading.out - out);
	taken = (size_t)(reading.at - in.ptr);
	look_at_bytes(reader, gw_str_n(in.ptr, taken));
	return taken;
}

void data_scan(struct data_reader *reader, struct gw_str in)
{
	struct reading reading = { .reader = reader, .at = in.ptr, .end = in.ptr + in.len };

	if (in.len == 0)
		return;
	reading.cr = memchr(in.ptr, '\r', in.len);
	if (!reading.cr)
		reading.cr = reading.end;
	while (reading.at < reading.end) {
		if (reader->state == AFTER_CR) {
			read_after_cr(&reading);
			continue;
		}
		if (reader->state == LINE_START)
			reader->line = 0;
		read_text(&reading);
	}
	look_at_bytes(reader, in);
}

void data_scan_end(struct data_reader *reader)
{
	if (reader->state == AFTER_CR)
		reader->bare = true;
}

static bool begins_line(const struct data_writer *writer, struct gw_str in, size_t at)
{
	if (at == 0)
		return !writer->mid_line;
	if (in.ptr[at - 1] != '\n')
		return false;
	return at == 1 ? writer->after_cr : in.ptr[at - 2] == '\r';
}

/* Where, from `at` on, the next dot stands that is to be doubled; in.len: nowhere. */
static size_t next_dot(const struct data_writer *writer, struct gw_str in, size_t at)
{
	while (at < in.len) {
		const char *dot = memchr(in.ptr + at, '.', in.len - at);
		if (!dot)
			break;
		at = (size_t)(dot - in.ptr);
		if (begins_line(writer, in, at))
			return at;
		at++;
	}
	return in.len;
}

size_t data_written_size(const struct data_writer *writer, struct gw_str in)
{
	size_t size = in.len, at = next_dot(writer, in, 0);

	for (; at < in.len; at = next_dot(writer, in, at + 1))
		size++;
	return size;
}

/* The copy from `from` on begins with the dot that ended the copy before it: so it is there twice.
 */
static void copy_doubled(const struct data_writer *writer, struct gw_str in, char *to)
{
	size_t from = 0, dot = next_dot(writer, in, 0);

	while (dot < in.len) {
		memcpy(to, in.ptr + from, dot + 1 - from);
		to += dot + 1 - from;
		from = dot;
		dot = next_dot(writer, in, dot + 1);
	}
	memcpy(to, in.ptr + from, in.len - from);
}

int data_write(struct data_writer *writer, struct gw_str in, struct buf *out)
{
	size_t size;
	char *to;
	bool line_ended;

	if (in.len == 0)
		return 0;
	size = data_written_size(writer, in);
	to = buf_reserve(out, size);
	if (!to)
		return -1;
	copy_doubled(writer, in, to);
	buf_added(out, size);
	line_ended = in.ptr[in.len - 1] == '\n' &&
		     (in.len == 1 ? writer->after_cr : in.ptr[in.len - 2] == '\r');
	writer->mid_line = !line_ended;
	writer->after_cr = in.ptr[in.len - 1] == '\r';
	return 0;
}

int data_finish(struct data_writer *writer, struct buf *out)
{
	if (buf_add_text(out, writer->mid_line ? "\r\n.\r\n" : ".\r\n") != 0)
		return -1;
	writer->mid_line = writer->after_cr = false;
	return 0;
}
