#include "loop_test.h"

#include "loop/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <time.h>

#define MOST 200

struct fixture {
	struct worker *worker;
	struct listener *listener;
	uint16_t port;
	int accepted[MOST];
	unsigned count, wanted;
	bool destroy;
};

static void accepted(int fd, const struct sockaddr *peer, socklen_t len, void *arg)
{
	struct fixture *f = arg;

	assert_int_equal(peer->sa_family, AF_INET);
	f->accepted[f->count++] = fd;
	if (f->destroy) {
		listener_destroy(f->listener);
		f->listener = NULL;
	}
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_in address = loopback(0);
	int fd = listener_bind((struct sockaddr *)&address, sizeof(address), false, 200);

	assert_true(fd >= 0);
	f->worker = worker_create(0);
	f->port = port_of(fd);
	f->listener = listener_create(f->worker, fd, accepted, f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	unsigned i;

	for (i = 0; i < f->count; i++)
		close(f->accepted[i]);
	listener_destroy(f->listener);
	worker_destroy(f->worker);
	free(f);
	return 0;
}

static bool has_wanted(void *arg)
{
	struct fixture *f = arg;

	return f->count == f->wanted;
}

static int call(struct fixture *f)
{
	struct sockaddr_in address = loopback(f->port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void what_is_accepted_is_ready_for_a_stream(void **state)
{
	struct fixture *f = *state;
	int fd = call(f), value = 0;
	socklen_t len = sizeof(value);

	f->wanted = 1;
	assert_true(run_until(f->worker, has_wanted, f));
	assert_true(fcntl(f->accepted[0], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(f->accepted[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(getsockopt(f->accepted[0], IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
	assert_int_not_equal(value, 0);
	close(fd);
}

static void many_at_once_are_all_accepted(void **state)
{
	struct fixture *f = *state;
	int fds[150], i;

	for (i = 0; i < 150; i++)
		fds[i] = call(f);
	f->wanted = 150;
	assert_true(run_until(f->worker, has_wanted, f));
	for (i = 0; i < 150; i++)
		close(fds[i]);
}

static void a_paused_listener_accepts_when_it_is_resumed(void **state)
{
	struct fixture *f = *state;
	int fd;

	listener_pause(f->listener);
	fd = call(f);
	run_for(f->worker, 20);
	assert_int_equal(f->count, 0);
	listener_resume(f->listener);
	f->wanted = 1;
	assert_true(run_until(f->worker, has_wanted, f));
	close(fd);
}

static void a_listener_may_be_destroyed_when_it_accepts(void **state)
{
	struct fixture *f = *state;
	int first = call(f), second = call(f);

	f->destroy = true;
	f->wanted = 1;
	assert_true(run_until(f->worker, has_wanted, f));
	assert_null(f->listener);
	close(first);
	close(second);
}

static int64_t cpu_ms(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

static void accepting_rests_while_descriptors_are_out(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, tight;
	int64_t before_ms;
	int fd = call(f), probe = dup(fd);

	getrlimit(RLIMIT_NOFILE, &before);
	tight = before;
	tight.rlim_cur = (rlim_t)probe;
	close(probe);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	assert_int_equal(dup(fd), -1);
	before_ms = cpu_ms();
	run_for(f->worker, 200);
	assert_true(cpu_ms() - before_ms < 100); /* it did not spin */
	assert_int_equal(f->count, 0);
	setrlimit(RLIMIT_NOFILE, &before);
	f->wanted = 1;
	assert_true(run_until(f->worker, has_wanted, f));
	close(fd);
}

static void a_taken_address_is_refused_unless_shared(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in address = loopback(f->port);
	int first, second;

	assert_int_equal(listener_bind((struct sockaddr *)&address, sizeof(address), false, 5), -1);
	assert_int_equal(errno, EADDRINUSE);
	address.sin_port = 0;
	first = listener_bind((struct sockaddr *)&address, sizeof(address), true, 5);
	address.sin_port = htons(port_of(first));
	second = listener_bind((struct sockaddr *)&address, sizeof(address), true, 5);
	assert_true(first >= 0 && second >= 0);
	close(first);
	close(second);
}

static void text_is_an_address_or_none(void **state)
{
	static const struct {
		const char *text;
		int family; /* 0: none */
	} cases[] = {
		{ "0.0.0.0", AF_INET },
		{ "192.0.2.255", AF_INET },
		{ "::", AF_INET6 },
		{ "2001:db8::1", AF_INET6 },
		{ "", 0 },
		{ "localhost", 0 },
		{ "192.0.2.256", 0 },
		{ "192.0.2.1 ", 0 },
		{ "::1%lo", 0 },
		{ "[::1]", 0 },
		{ "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001", 0 },
	};
	struct sockaddr_storage address;
	socklen_t len;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(listener_address(gw_str(cases[i].text), 25, &address, &len),
				 cases[i].family != 0);
		if (cases[i].family != 0)
			assert_int_equal(address.ss_family, cases[i].family);
	}
	assert_true(listener_address(gw_str_n("127.0.0.1:25", 9), 25, &address, &len));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_accepted_is_ready_for_a_stream),
		TEST(many_at_once_are_all_accepted),
		TEST(a_paused_listener_accepts_when_it_is_resumed),
		TEST(a_listener_may_be_destroyed_when_it_accepts),
		TEST(accepting_rests_while_descriptors_are_out),
		TEST(a_taken_address_is_refused_unless_shared),
		cmocka_unit_test(text_is_an_address_or_none),
	};

	if (loop_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
