/* The first eight bytes say how the rest is cut: any cutting reads and writes the same, and what is
 * written is read back. */
#include "fuzz.h"
#include "smtp/framing.h"

/* How a text is cut: pieces of 1 to 16 octets by the seed, or one piece where it is 0. */
static size_t next_piece(uint64_t *seed, size_t left)
{
	size_t len;

	if (*seed == 0)
		return left;
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	len = 1 + (size_t)(*seed >> 60);
	return len < left ? len : left;
}

/* Each piece is read from and into memory of just its size, so that a step aside is seen. Gives how
 * much was taken. */
static size_t read_pieces(struct data_reader *reader, struct gw_str text, uint64_t seed,
			  struct buf *result)
{
	size_t at = 0;

	data_reader_init(reader);
	while (at < text.len && !reader->done) {
		size_t len = next_piece(&seed, text.len - at), written, taken;
		char *in = malloc(len), *out = malloc(len + 4);
		must(in && out);
		memcpy(in, text.ptr + at, len);
		taken = data_read(reader, gw_str_n(in, len), out, &written);
		must(written <= len + 4 && (taken == len || reader->done));
		must(buf_add(result, out, written) == 0);
		at += taken;
		free(in);
		free(out);
	}
	return at;
}

static void check_cuts(struct gw_str text, uint64_t seed)
{
	struct data_reader whole, cut;
	struct buf a, b;

	buf_init(&a, 0);
	buf_init(&b, 0);
	must(read_pieces(&whole, text, 0, &a) == read_pieces(&cut, text, seed, &b));
	must(gw_str_eq(buf_str(&a), buf_str(&b)));
	must(whole.state == cut.state && whole.done == cut.done && whole.line == cut.line);
	must(whole.bare == cut.bare && whole.nul == cut.nul && whole.eight_bit == cut.eight_bit &&
	     whole.long_line == cut.long_line);
	buf_finish(&a);
	buf_finish(&b);
}

/* The shortest reader there can be says where the message ends. */
static void check_end(struct gw_str text)
{
	const char *end = memmem(text.ptr, text.len, "\r\n.\r\n", 5);
	bool at_once = text.len >= 3 && memcmp(text.ptr, ".\r\n", 3) == 0;
	size_t size = at_once ? 3 : end ? (size_t)(end - text.ptr) + 5 : text.len;
	struct data_reader reader;
	struct buf out;

	buf_init(&out, 0);
	must(read_pieces(&reader, text, 0, &out) == size);
	must(reader.done == (at_once || end));
	buf_finish(&out);
}

static void write_pieces(struct gw_str text, uint64_t seed, struct buf *out)
{
	struct data_writer writer = { 0 };
	size_t at = 0;

	while (at < text.len) {
		struct gw_str piece = gw_str_n(text.ptr + at, next_piece(&seed, text.len - at));
		size_t size = buf_len(out) + data_written_size(&writer, piece);
		must(data_write(&writer, piece, out) == 0);
		must(buf_len(out) == size);
		at += piece.len;
	}
	must(data_finish(&writer, out) == 0);
}

static void check_round_trip(struct gw_str text, uint64_t seed)
{
	bool ended = text.len == 0 ||
		     (text.len >= 2 && memcmp(text.ptr + text.len - 2, "\r\n", 2) == 0);
	struct buf out, cut, back;
	struct data_reader reader;

	buf_init(&out, 0);
	buf_init(&cut, 0);
	buf_init(&back, 0);
	write_pieces(text, 0, &out);
	write_pieces(text, seed, &cut);
	must(gw_str_eq(buf_str(&out), buf_str(&cut)));
	must(read_pieces(&reader, buf_str(&out), seed, &back) == buf_len(&out));
	must(reader.done);
	must(buf_len(&back) == text.len + (ended ? 0 : 2));
	must(gw_str_eq(gw_str_n(buf_str(&back).ptr, text.len), text));
	buf_finish(&out);
	buf_finish(&cut);
	buf_finish(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t seed;
	struct gw_str text;

	if (size < sizeof(seed))
		return 0;
	memcpy(&seed, data, sizeof(seed));
	text = gw_str_n(data + sizeof(seed), size - sizeof(seed));
	check_cuts(text, seed);
	check_end(text);
	check_round_trip(text, seed);
	return 0;
}
