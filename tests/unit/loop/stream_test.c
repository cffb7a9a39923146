#include "stream_test.h"

#include <errno.h>

static void put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

static void bytes_arrive_both_ways(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(stream_write(pair->a.stream, gw_str("hello")), 0);
	assert_int_equal(pair->b.count[STREAM_DATA], 0);
	await_length(&pair->b, 5);
	assert_got(&pair->b, "hello");
	buf_printf(stream_output(pair->b.stream), "%d %s", 250, "ok");
	stream_flush_later(pair->b.stream);
	await_length(&pair->a, 6);
	assert_got(&pair->a, "250 ok");
	assert_int_equal(stream_bytes_read(pair->a.stream), 6);
	assert_ptr_equal(stream_worker(pair->a.stream), pair->worker);
}

static void many_small_writes_leave_as_one(void **state)
{
	struct pair *pair = *state;
	int i;

	for (i = 0; i < 100; i++)
		stream_write(pair->a.stream, gw_str("x"));
	assert_int_equal(stream_unwritten(pair->a.stream), 100);
	await_event(&pair->a, STREAM_DRAINED);
	assert_int_equal(stream_unwritten(pair->a.stream), 0);
	await_length(&pair->b, 100);
	assert_string_equal(pair->a.told, "W");
	assert_string_equal(pair->b.told, "D");
}

static void the_ends_have_addresses(void **state)
{
	struct pair *pair = *state;

	assert_string_equal(stream_peer(pair->a.stream).ptr, "127.0.0.1");
	assert_string_equal(stream_local(pair->a.stream).ptr, "127.0.0.1");
	assert_int_equal(stream_peer_port(pair->a.stream), stream_local_port(pair->b.stream));
	assert_int_equal(stream_local_port(pair->a.stream), stream_peer_port(pair->b.stream));
}

/* Lines: gathered as "<line>" into got, whatever the pieces they come in. */
static void take_lines(struct side *side, enum stream_event event)
{
	struct gw_str line;
	int result;

	while (event == STREAM_DATA && (result = stream_line(side->stream, 20, &line)) != 0) {
		if (result < 0) {
			buf_add_text(&side->got, "<too long>");
			stream_consume(side->stream, stream_input(side->stream).len);
			break;
		}
		buf_printf(&side->got, "<%.*s>", (int)line.len, line.ptr);
	}
}

static void lines_are_the_same_wherever_they_are_split(void **state)
{
	static const char text[] = "EHLO a\r\n\r\nbare\nlf\rcr\r\n\r\r\n.\r\n";
	static const char lines[] = "<EHLO a><><bare\nlf\rcr><\r><.>";
	struct pair *pair = *state;
	size_t at;

	pair->a.keep = true;
	pair->a.event = take_lines;
	for (at = 1; at < sizeof(text) - 1; at++) {
		buf_clear(&pair->a.got);
		send(pair->fd, text, at, 0);
		memset(pair->a.count, 0, sizeof(pair->a.count));
		await_event(&pair->a, STREAM_DATA);
		send(pair->fd, text + at, sizeof(text) - 1 - at, 0);
		await_length(&pair->a, sizeof(lines) - 1);
		assert_got(&pair->a, lines);
	}
}

static void a_line_has_a_greatest_length(void **state)
{
	static const struct {
		const char *text, *lines;
	} cases[] = {
		{ "12345678901234567890\r\n", "<12345678901234567890>" },
		{ "123456789012345678901\r\n", "<too long>" },
		{ "123456789012345678901", "<too long>" },
		{ "123456789012345678901\r", "<too long>" },
	};
	struct pair *pair = *state;
	size_t i;

	pair->a.keep = true;
	pair->a.event = take_lines;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&pair->a.got);
		put(pair->fd, cases[i].text);
		await_length(&pair->a, strlen(cases[i].lines));
		assert_got(&pair->a, cases[i].lines);
	}
	buf_clear(&pair->a.got);
	put(pair->fd, "12345678901234567890\r"); /* may still become a line */
	run_for(pair->worker, 10);
	assert_int_equal(buf_len(&pair->a.got), 0);
	put(pair->fd, "\n");
	await_length(&pair->a, 22);
}

static void pause_once(struct side *side, enum stream_event event)
{
	if (event == STREAM_DATA && side->count[STREAM_DATA] == 1)
		stream_pause(side->stream);
}

static void a_paused_stream_keeps_its_order(void **state)
{
	struct pair *pair = *state;

	pair->a.keep = true;
	pair->a.event = pause_once;
	put(pair->fd, "one ");
	await_event(&pair->a, STREAM_DATA);
	put(pair->fd, "two ");
	run_for(pair->worker, 10);
	put(pair->fd, "three");
	assert_false(stream_peer_closed(pair->a.stream));
	shutdown(pair->fd, SHUT_WR);
	run_for(pair->worker, 10);
	assert_string_equal(pair->a.told, "D");
	assert_true(stream_peer_closed(pair->a.stream)); /* though nothing was told yet */
	pair->a.keep = false;
	pair->a.event = NULL;
	stream_resume(pair->a.stream);
	assert_string_equal(pair->a.told, "D"); /* not from inside the call */
	await_event(&pair->a, STREAM_EOF);
	assert_got(&pair->a, "one two three");
	assert_int_equal(pair->a.told[strlen(pair->a.told) - 1], 'E');
}

static void resume_offers_what_was_left(void **state)
{
	struct pair *pair = *state;

	pair->a.keep = true;
	put(pair->fd, "left");
	await_event(&pair->a, STREAM_DATA);
	run_for(pair->worker, 10);
	assert_string_equal(pair->a.told, "D");
	pair->a.keep = false;
	stream_resume(pair->a.stream);
	await_length(&pair->a, 4);
}

static void reading_stops_at_the_limit(void **state)
{
	struct side side = { .limits = { .input = 1000 }, .keep = true };
	struct pair *pair = *state;
	char *bytes = pattern(300000);
	size_t sent = 0;
	ssize_t now;
	int fds[2];

	tcp_pair(fds);
	side_accept(pair, &side, fds[0]);
	while (sent < 300000 && (now = send(fds[1], bytes + sent, 300000 - sent, 0)) > 0)
		sent += (size_t)now;
	await_event(&side, STREAM_DATA);
	run_for(pair->worker, 10);
	assert_int_equal(stream_input(side.stream).len, 1000);
	side.keep = false;
	stream_resume(side.stream);
	await_length(&side, sent);
	assert_memory_equal(buf_ptr(&side.got), bytes, sent);
	side_finish(&side);
	close(fds[1]);
	free(bytes);
}

static void output_larger_than_the_socket_takes_waits_for_the_reader(void **state)
{
	struct pair *pair = *state;
	size_t len = 8 << 20;
	char *bytes = pattern(len);

	stream_pause(pair->b.stream);
	assert_int_equal(stream_write(pair->a.stream, gw_str_n(bytes, len)), 0);
	run_for(pair->worker, 20);
	assert_true(stream_unwritten(pair->a.stream) > 0);
	assert_int_equal(pair->a.count[STREAM_DRAINED], 0);
	stream_resume(pair->b.stream);
	await_length(&pair->b, len);
	await_event(&pair->a, STREAM_DRAINED);
	assert_memory_equal(buf_ptr(&pair->b.got), bytes, len);
	assert_string_equal(pair->a.told, "W");
	free(bytes);
}

static void pieces_go_after_what_was_appended(void **state)
{
	struct pair *pair = *state;
	size_t len = 4 << 20, i;
	char *bytes = pattern(len);
	char head[] = "ab", tail[] = "yz";
	struct iovec pieces[3] = { { head, 2 }, { bytes, len }, { tail, 2 } };

	stream_write(pair->a.stream, gw_str("first "));
	for (i = 0; i < 3; i++)
		assert_int_equal(stream_writev(pair->a.stream, pieces, 3), 0);
	await_length(&pair->b, 6 + 3 * (len + 4));
	assert_memory_equal(buf_ptr(&pair->b.got), "first ab", 8);
	for (i = 0; i < 3; i++) {
		assert_memory_equal(buf_ptr(&pair->b.got) + 6 + i * (len + 4), "ab", 2);
		assert_memory_equal(buf_ptr(&pair->b.got) + 8 + i * (len + 4), bytes, len);
		assert_memory_equal(buf_ptr(&pair->b.got) + 8 + i * (len + 4) + len, "yz", 2);
	}
	free(bytes);
}

static void pieces_that_went_directly_are_told_as_drained(void **state)
{
	struct pair *pair = *state;
	char *bytes = pattern(10000);
	struct iovec piece = { bytes, 10000 };

	assert_int_equal(stream_writev(pair->a.stream, &piece, 1), 0);
	assert_int_equal(stream_unwritten(pair->a.stream), 0);
	await_event(&pair->a, STREAM_DRAINED);
	assert_string_equal(pair->a.told, "W");
	free(bytes);
}

#define PUMPED 200

/* Writes the next part when the last one is out, large and small in turn, as a body is relayed. */
static void pump(struct side *side, enum stream_event event)
{
	static char part[20000];
	struct iovec piece = { part, side->number % 2 != 0 ? sizeof(part) : 100 };

	if (event != STREAM_DRAINED || side->number == PUMPED)
		return;
	side->number++;
	assert_int_equal(stream_writev(side->stream, &piece, 1), 0);
}

static void each_write_is_followed_by_a_drain(void **state)
{
	struct pair *pair = *state;

	pair->a.event = pump;
	stream_write(pair->a.stream, gw_str("go"));
	await_length(&pair->b, 2 + PUMPED / 2 * (20000 + 100));
	assert_int_equal(pair->a.count[STREAM_DRAINED], PUMPED + 1);
}

static void output_has_a_limit(void **state)
{
	struct side side = { .limits = { .output = 10 } };
	struct pair *pair = *state;
	int fds[2];

	tcp_pair(fds);
	side_accept(pair, &side, fds[0]);
	assert_int_equal(stream_write(side.stream, gw_str("0123456789")), 0);
	assert_int_equal(stream_write(side.stream, gw_str("x")), -1);
	side_finish(&side);
	close(fds[1]);
}

static void one_that_is_given_up_says_farewell(void **state)
{
	struct side side = { .limits = { .farewell = "421 no memory" } };
	struct pair *pair = *state;
	char got[64] = "";
	int fds[2];

	tcp_pair(fds);
	side_accept(pair, &side, fds[0]);
	stream_write(side.stream, gw_str("250 ok, "));
	stream_give_up(side.stream);
	await_event(&side, STREAM_ERROR);
	assert_string_equal(side.error, "out of memory");
	assert_string_equal(side.told, "X");
	assert_int_equal(recv(fds[1], got, sizeof(got), 0), 21);
	assert_string_equal(got, "250 ok, 421 no memory");
	side_finish(&side);
	close(fds[1]);
}

static void the_end_of_the_peer_is_told_and_the_other_way_still_open(void **state)
{
	struct pair *pair = *state;
	char got[8];

	put(pair->fd, "bye");
	shutdown(pair->fd, SHUT_WR);
	await_event(&pair->a, STREAM_EOF);
	assert_string_equal(pair->a.told, "DE");
	stream_write(pair->a.stream, gw_str("221"));
	await_event(&pair->a, STREAM_DRAINED);
	assert_int_equal(recv(pair->fd, got, sizeof(got), 0), 3);
}

static void a_cut_is_an_error_and_nothing_follows(void **state)
{
	struct linger cut = { 1, 0 };
	struct pair *pair = *state;

	setsockopt(pair->fd, SOL_SOCKET, SO_LINGER, &cut, sizeof(cut));
	close(pair->fd);
	pair->fd = -1;
	await_event(&pair->a, STREAM_ERROR);
	assert_string_equal(pair->a.error, strerror(ECONNRESET));
	assert_int_equal(stream_write(pair->a.stream, gw_str("x")), 0);
	stream_timeout(pair->a.stream, 1);
	stream_resume(pair->a.stream);
	run_for(pair->worker, 20);
	assert_string_equal(pair->a.told, "X");
}

/* The peer answers and cuts while we write: the answer is what matters. */
static void last_words_come_before_the_error(void **state)
{
	struct linger cut = { 1, 0 };
	struct pair *pair = *state;

	put(pair->fd, "421 closing\r\n");
	setsockopt(pair->fd, SOL_SOCKET, SO_LINGER, &cut, sizeof(cut));
	close(pair->fd);
	pair->fd = -1;
	stream_write(pair->a.stream, gw_str("MAIL FROM:<>\r\n"));
	await_event(&pair->a, STREAM_ERROR);
	assert_got(&pair->a, "421 closing\r\n");
	assert_string_equal(pair->a.told, "DX");
}

static void destroy_on(struct side *side, enum stream_event event)
{
	if ((int64_t)event != side->number)
		return;
	stream_destroy(side->stream);
	side->stream = NULL;
}

static void a_stream_may_be_destroyed_in_each_event(void **state)
{
	struct linger cut = { 1, 0 };
	enum stream_event event;
	struct expected expected;
	struct side side;
	struct pair *pair = *state;
	int fds[2];

	for (event = STREAM_DATA; event <= STREAM_ERROR; event++) {
		side = (struct side){ .event = destroy_on, .number = (int64_t)event };
		tcp_pair(fds);
		side_accept(pair, &side, fds[0]);
		stream_write(side.stream, gw_str("out"));
		stream_timeout(side.stream, 5);
		put(fds[1], "in");
		if (event == STREAM_EOF)
			shutdown(fds[1], SHUT_WR);
		if (event == STREAM_ERROR) {
			setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &cut, sizeof(cut));
			close(fds[1]);
		}
		expected = (struct expected){ .side = &side, .event = event, .times = 1 };
		assert_true(run_until(pair->worker, has_event, &expected));
		assert_null(side.stream);
		if (event != STREAM_ERROR)
			close(fds[1]);
		buf_finish(&side.got);
	}
}

static void a_stream_is_given_to_another_owner(void **state)
{
	struct pair *pair = *state;

	pair->b = (struct side){ .worker = pair->worker, .stream = pair->a.stream };
	stream_set_handler(pair->a.stream, side_handler, &pair->b);
	pair->a.stream = NULL;
	put(pair->fd, "for b");
	await_length(&pair->b, 5);
	assert_string_equal(pair->a.told, "");
}

static void silence_is_told_once(void **state)
{
	struct pair *pair = *state;
	int64_t begin = clock_monotonic();

	stream_timeout(pair->a.stream, 30);
	await_event(&pair->a, STREAM_TIMEOUT);
	assert_true(clock_monotonic() - begin >= 25); /* the loop's clock is coarse */
	run_for(pair->worker, 60);
	assert_string_equal(pair->a.told, "T");
	stream_timeout(pair->a.stream, 10);
	run_for(pair->worker, 40);
	assert_string_equal(pair->a.told, "TT");
}

static void movement_puts_the_timeout_off(void **state)
{
	struct pair *pair = *state;
	int64_t begin = clock_monotonic();

	stream_timeout(pair->a.stream, 200);
	run_for(pair->worker, 100);
	put(pair->fd, "x");
	await_event(&pair->a, STREAM_TIMEOUT);
	assert_true(clock_monotonic() - begin >= 290);
	assert_string_equal(pair->a.told, "DT");
}

static void a_timeout_is_shortened_and_taken_back(void **state)
{
	struct pair *pair = *state;

	stream_timeout(pair->a.stream, 60000);
	stream_timeout(pair->a.stream, 10);
	await_event(&pair->a, STREAM_TIMEOUT);
	stream_timeout(pair->a.stream, 10);
	stream_timeout(pair->a.stream, 0);
	run_for(pair->worker, 30);
	assert_string_equal(pair->a.told, "T");
}

static void connecting_succeeds_or_says_why(void **state)
{
	struct sockaddr_in address = loopback(0), source = loopback(0);
	struct pair *pair = *state;
	struct side side = { .worker = pair->worker };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	bind(fd, (struct sockaddr *)&address, sizeof(address));
	address.sin_port = htons(port_of(fd));
	listen(fd, 1);
	side.stream = stream_connect(pair->worker, (struct sockaddr *)&address, sizeof(address),
				     (struct sockaddr *)&source, sizeof(source), &side.limits,
				     side_handler, &side);
	assert_non_null(side.stream);
	stream_write(side.stream, gw_str("early"));
	assert_string_equal(side.told, "");
	await_event(&side, STREAM_DRAINED);
	assert_string_equal(side.told, "CW");
	assert_string_equal(stream_local(side.stream).ptr, "127.0.0.2");
	assert_int_equal(stream_peer_port(side.stream), ntohs(address.sin_port));
	side_finish(&side);

	close(fd);
	side = (struct side){ .worker = pair->worker };
	side.stream = stream_connect(pair->worker, (struct sockaddr *)&address, sizeof(address),
				     NULL, 0, &side.limits, side_handler, &side);
	assert_string_equal(side.told, "");
	await_event(&side, STREAM_ERROR);
	assert_string_equal(side.told, "X");
	assert_string_equal(side.error, strerror(ECONNREFUSED));
	side_finish(&side);

	source.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1 is not ours */
	errno = 0;
	assert_null(stream_connect(pair->worker, (struct sockaddr *)&address, sizeof(address),
				   (struct sockaddr *)&source, sizeof(source), &side.limits,
				   side_handler, &side));
	assert_int_equal(errno, EADDRNOTAVAIL);
}

static void a_finished_stream_says_its_last_words(void **state)
{
	struct pair *pair = *state;
	size_t len = 4 << 20;
	char *bytes = pattern(len);

	stream_pause(pair->b.stream);
	stream_write(pair->a.stream, gw_str_n(bytes, len));
	stream_finish(pair->a.stream, 10000);
	pair->a.stream = NULL;
	run_for(pair->worker, 10);
	stream_resume(pair->b.stream);
	await_event(&pair->b, STREAM_EOF);
	assert_int_equal(buf_len(&pair->b.got), len);
	assert_memory_equal(buf_ptr(&pair->b.got), bytes, len);
	assert_string_equal(pair->a.told, "");
	free(bytes);
}

/* A close with input unread would reset the connection and take the reply with it. */
static void the_last_words_reach_a_peer_that_still_talks(void **state)
{
	struct pair *pair = *state;
	char *bytes = pattern(1 << 20), got[64];
	ssize_t len;

	stream_pause(pair->a.stream);
	send(pair->fd, bytes, 1 << 20, 0);
	stream_write(pair->a.stream, gw_str("552 too much\r\n"));
	stream_finish(pair->a.stream, 10000);
	pair->a.stream = NULL;
	run_for(pair->worker, 20);
	assert_true(send(pair->fd, bytes, 10, MSG_NOSIGNAL) == 10);
	run_for(pair->worker, 20);
	len = recv(pair->fd, got, sizeof(got), 0);
	assert_int_equal(len, 14);
	assert_int_equal(recv(pair->fd, got, sizeof(got), 0), 0);
	free(bytes);
}

static void finishing_takes_no_longer_than_was_said(void **state)
{
	struct pair *pair = *state;
	char *bytes = pattern(8 << 20);

	stream_pause(pair->b.stream);
	stream_write(pair->a.stream, gw_str_n(bytes, 8 << 20));
	stream_finish(pair->a.stream, 20);
	pair->a.stream = NULL;
	run_for(pair->worker, 50);
	stream_resume(pair->b.stream);
	await_event(&pair->b, STREAM_EOF);
	assert_true(buf_len(&pair->b.got) < 8 << 20);
	free(bytes);
}

static void a_worker_that_ends_ends_what_lingers(void **state)
{
	struct pair *pair = *state;
	char *bytes = pattern(8 << 20);

	stream_write(pair->a.stream, gw_str_n(bytes, 8 << 20));
	stream_finish(pair->a.stream, 60000);
	pair->a.stream = NULL;
	run_for(pair->worker, 5);
	free(bytes);
}

#define PAIR(name) cmocka_unit_test_setup_teardown(name, set_up_pair, tear_down_pair)
#define BARE(name) cmocka_unit_test_setup_teardown(name, set_up_bare, tear_down_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAIR(bytes_arrive_both_ways),
		PAIR(many_small_writes_leave_as_one),
		PAIR(the_ends_have_addresses),
		BARE(lines_are_the_same_wherever_they_are_split),
		BARE(a_line_has_a_greatest_length),
		BARE(a_paused_stream_keeps_its_order),
		BARE(resume_offers_what_was_left),
		PAIR(reading_stops_at_the_limit),
		PAIR(output_larger_than_the_socket_takes_waits_for_the_reader),
		PAIR(pieces_go_after_what_was_appended),
		PAIR(pieces_that_went_directly_are_told_as_drained),
		PAIR(each_write_is_followed_by_a_drain),
		PAIR(output_has_a_limit),
		PAIR(one_that_is_given_up_says_farewell),
		BARE(the_end_of_the_peer_is_told_and_the_other_way_still_open),
		BARE(a_cut_is_an_error_and_nothing_follows),
		BARE(last_words_come_before_the_error),
		PAIR(a_stream_may_be_destroyed_in_each_event),
		BARE(a_stream_is_given_to_another_owner),
		BARE(silence_is_told_once),
		BARE(movement_puts_the_timeout_off),
		BARE(a_timeout_is_shortened_and_taken_back),
		PAIR(connecting_succeeds_or_says_why),
		PAIR(a_finished_stream_says_its_last_words),
		BARE(the_last_words_reach_a_peer_that_still_talks),
		PAIR(finishing_takes_no_longer_than_was_said),
		BARE(a_worker_that_ends_ends_what_lingers),
	};

	if (loop_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
