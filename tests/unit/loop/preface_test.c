#include "loop_test.h"

#include "loop/preface.h"

#include <fcntl.h>
#include <string.h>

/* The preface of these tests ends with a dot and has no exclamation mark. */
struct fixture {
	struct worker *worker;
	struct preface *preface;
	struct preface_form form;
	int ours, theirs, taken;
	unsigned measured, ended;
	enum preface_end end;
	char bytes[32];
};

static ssize_t measure(struct gw_str bytes, void *arg)
{
	struct fixture *f = arg;
	size_t dot = gw_str_find(bytes, '.');

	f->measured++;
	if (gw_str_find(bytes, '!') < dot)
		return -1;
	return dot < bytes.len ? (ssize_t)dot + 1 : 0;
}

static void ended(struct preface *preface, enum preface_end end, void *arg)
{
	struct fixture *f = arg;

	assert_ptr_equal(preface, f->preface);
	f->ended++;
	f->end = end;
	snprintf(f->bytes, sizeof(f->bytes), "%.*s", (int)preface_bytes(preface).len,
		 preface_bytes(preface).ptr);
	if (end == PREFACE_READ)
		f->taken = preface_take(preface);
	preface_destroy(preface);
	f->preface = NULL;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	f->ours = ends[0];
	f->theirs = ends[1];
	f->taken = -1;
	f->worker = worker_create(0);
	f->form = (struct preface_form){
		.most = 8, .ms = PATIENCE_MS, .measure = measure, .ended = ended
	};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	preface_destroy(f->preface);
	if (f->taken >= 0)
		close(f->taken);
	if (f->theirs >= 0)
		close(f->theirs);
	worker_destroy(f->worker);
	free(f);
	return 0;
}

static void await(struct fixture *f)
{
	f->preface = preface_create(f->worker, f->ours, &f->form, f);
	assert_non_null(f->preface);
}

static void say(struct fixture *f, const char *text)
{
	assert_int_equal(send(f->theirs, text, strlen(text), 0), strlen(text));
}

static bool has_ended(void *arg)
{
	return ((struct fixture *)arg)->ended > 0;
}

static void expect_end(struct fixture *f, enum preface_end end, const char *bytes)
{
	assert_true(run_until(f->worker, has_ended, f));
	assert_int_equal(f->ended, 1);
	assert_int_equal(f->end, end);
	assert_string_equal(f->bytes, bytes);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void what_follows_stays_in_the_socket(void **state)
{
	struct fixture *f = *state;
	char rest[16] = "";

	say(f, "for.EHLO a");
	await(f);
	expect_end(f, PREFACE_READ, "for.");
	assert_int_equal(f->taken, f->ours);
	assert_int_equal(recv(f->taken, rest, sizeof(rest), 0), 6);
	assert_string_equal(rest, "EHLO a");
}

static bool has_measured(void *arg)
{
	return ((struct fixture *)arg)->measured > 0;
}

static void it_may_come_in_pieces(void **state)
{
	struct fixture *f = *state;

	await(f);
	for (const char *at = "1234567"; *at; at++) {
		char piece[2] = { *at };
		f->measured = 0;
		say(f, piece);
		assert_true(run_until(f->worker, has_measured, f));
		assert_int_equal(f->ended, 0);
	}
	say(f, ".x");
	expect_end(f, PREFACE_READ, "1234567.");
}

/* What is there already is not told again and again. */
static void waiting_does_not_spin(void **state)
{
	struct fixture *f = *state;

	await(f);
	say(f, "123");
	run_for(f->worker, 50);
	assert_int_equal(f->measured, 1);
}

static void a_wrong_one_ends_at_once(void **state)
{
	struct fixture *f = *state;

	await(f);
	say(f, "no!");
	expect_end(f, PREFACE_WRONG, "");
	assert_false(is_open(f->ours));
}

static void it_has_an_end(void **state)
{
	struct fixture *f = *state;

	await(f);
	say(f, "1234");
	assert_true(run_until(f->worker, has_measured, f));
	say(f, "5678.");
	expect_end(f, PREFACE_WRONG, "1234");
}

static void a_peer_may_leave(void **state)
{
	struct fixture *f = *state;

	await(f);
	say(f, "12");
	close(f->theirs);
	f->theirs = -1;
	expect_end(f, PREFACE_LOST, "12");
	assert_false(is_open(f->ours));
}

/* However slowly something comes, the time is that of the whole. */
static void it_has_to_come_in_time(void **state)
{
	struct fixture *f = *state;

	f->form.ms = 30;
	await(f);
	say(f, "1");
	expect_end(f, PREFACE_TIMEOUT, "1");
	assert_false(is_open(f->ours));
}

static void destroying_closes_without_a_word(void **state)
{
	struct fixture *f = *state;

	await(f);
	preface_destroy(f->preface);
	f->preface = NULL;
	assert_false(is_open(f->ours));
	assert_int_equal(f->ended, 0);
	preface_destroy(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_follows_stays_in_the_socket),
		TEST(it_may_come_in_pieces),
		TEST(waiting_does_not_spin),
		TEST(a_wrong_one_ends_at_once),
		TEST(it_has_an_end),
		TEST(a_peer_may_leave),
		TEST(it_has_to_come_in_time),
		TEST(destroying_closes_without_a_word),
	};
	loop_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
