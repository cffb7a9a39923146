/* Lines to the reader, and the text of each reply, and the input itself, through the writer and the
 * reader again. */
#include "fuzz.h"
#include "smtp/reply.h"
#include "base/utf8.h"

static void check_text(struct gw_str text)
{
	must(text.len <= REPLY_TEXT_MAX);
	must(text.ptr[text.len] == '\0');
	while (text.len > 0) {
		size_t octets = utf8_char(text);
		must(octets > 0);
		must(octets > 1 || text.ptr[0] == '\n' ||
		     (text.ptr[0] >= ' ' && text.ptr[0] < 127));
		text = gw_str_from(text, octets);
	}
}

static enum reply_state read_written(struct reply_reader *reader, struct gw_str written,
				     struct smtp_reply *reply)
{
	enum reply_state state = REPLY_MORE;

	while (written.len > 0) {
		size_t end = gw_str_find(written, '\n');
		must(state == REPLY_MORE);
		must(end >= 1 && end <= 501 && end < written.len && written.ptr[end - 1] == '\r');
		state = reply_reader_line(reader, gw_str_n(written.ptr, end - 1), reply);
		written = gw_str_from(written, end + 1);
	}
	return state;
}

static void check_written(int code, const char *enhanced, struct gw_str text)
{
	struct reply_reader reader;
	struct smtp_reply reply;
	struct buf out;

	buf_init(&out, 0);
	reply_reader_init(&reader);
	must(reply_write(&out, code, enhanced, text) == 0);
	must(read_written(&reader, buf_str(&out), &reply) == REPLY_DONE);
	must(reply.code == code);
	must(!enhanced || reply.enhanced[0] == code / 100);
	check_text(reply.text);
	reply_reader_finish(&reader);
	buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_str text = gw_str_n(data, size);
	struct reply_reader reader;
	struct smtp_reply reply;

	if (size == 0)
		return 0;
	check_written(250, NULL, text);
	check_written(550, "5.7.1", text);
	reply_reader_init(&reader);
	while (text.len > 0) {
		size_t end = gw_str_find(text, '\n');
		enum reply_state state = reply_reader_line(&reader, gw_str_n(text.ptr, end),
							   &reply);
		text = gw_str_from(text, end + 1);
		if (state == REPLY_BAD)
			break;
		if (state == REPLY_MORE)
			continue;
		must(reply.code >= 200 && reply.code <= 599);
		must(reply.enhanced[0] == 0 || reply.enhanced[0] == reply.code / 100);
		check_text(reply.text);
		check_written(reply.code, NULL, reply.text);
	}
	reply_reader_finish(&reader);
	return 0;
}
