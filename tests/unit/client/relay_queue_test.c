/* How attempts share connections: reuse, stale ones, the number at once, failures that speak for
 * others, two workers. */
#include "peer.c"
#include "rig.c"

#include <stdatomic.h>

#define TEXT "Subject: hello\r\n\r\nbody\r\n"
#define MANY 40

static struct sending *send_many(struct rig *rig, size_t count)
{
	struct sending *sendings = calloc(count, sizeof *sendings);
	size_t i;
	for (i = 0; i < count; i++) {
		sending_init(&sendings[i], rig, TEXT, "to@rcpt.example");
		rig_send(&sendings[i]);
	}
	return sendings;
}

static size_t count_status(const struct sending *sendings, size_t count, enum gw_status status)
{
	size_t i, found = 0;
	for (i = 0; i < count; i++)
		found += sendings[i].outcomes[0].status == status;
	return found;
}

static void free_many(struct sending *sendings, size_t count)
{
	size_t i;
	for (i = 0; i < count; i++)
		sending_finish(&sendings[i]);
	free(sendings);
}

static void end(struct rig *rig, struct peer *peer)
{
	rig_finish(rig);
	peer_stop(peer);
}

static struct relay_load load;
static const char *load_name;

static void keep_load(void *arg, const struct relay_load *seen)
{
	if (!strcmp(seen->name, load_name))
		load = *seen;
}

static struct relay_load load_of(struct rig *rig)
{
	load_name = rig->relay->name.ptr;
	transport_each(keep_load, NULL);
	return load;
}

static void peer_greets(struct peer *peer, const char *greeting)
{
	pthread_mutex_lock(&peer->lock);
	peer->script.greeting = greeting;
	pthread_mutex_unlock(&peer->lock);
}

static int peer_connections(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	int connections = peer->connections;
	pthread_mutex_unlock(&peer->lock);
	return connections;
}

static void one_connection_carries_many(void **state)
{
	struct peer peer;
	struct rig rig;
	struct sending *sendings;
	peer_start(&peer, NULL);
	rig_init(&rig, 0, peer.port);
	rig.relay->connections = 1;
	sendings = send_many(&rig, MANY);
	rig_run(&rig);
	assert_int_equal(count_status(sendings, MANY, GW_DELIVERED), MANY);
	assert_int_equal(peer.connections, 1);
	assert_int_equal(peer.rsets, 0);
	assert_int_equal(load_of(&rig).sent, MANY);
	assert_int_equal(load_of(&rig).connections, 1);
	assert_int_equal(load_of(&rig).idle, 1);
	assert_int_equal(load_of(&rig).waiting, 0);
	free_many(sendings, MANY);
	end(&rig, &peer);
}

/* MAIL, RCPT and DATA are one write, the message and its dot another. */
static void a_message_takes_two_writes(void **state)
{
	struct sending first, second;
	struct peer peer;
	struct rig rig;
	int before;
	peer_start(&peer, NULL);
	rig_init(&rig, 0, peer.port);
	rig_once(&rig, &first, TEXT, "a@x.example");
	before = peer.reads;
	rig_once(&rig, &second, TEXT, "a@x.example b@x.example c@x.example");
	assert_int_equal(peer.reads - before, 2);
	sending_finish(&first);
	sending_finish(&second);
	end(&rig, &peer);
}

static void a_connection_is_left_after_per_connection_messages(void **state)
{
	struct peer peer;
	struct rig rig;
	struct sending *sendings;
	peer_start(&peer, NULL);
	rig_init(&rig, 0, peer.port);
	rig.relay->connections = 1;
	rig.relay->per_connection = 10;
	sendings = send_many(&rig, MANY);
	rig_run(&rig);
	assert_int_equal(count_status(sendings, MANY, GW_DELIVERED), MANY);
	assert_int_equal(peer.connections, MANY / 10);
	assert_true(peer.quits >= MANY / 10 - 1);
	free_many(sendings, MANY);
	end(&rig, &peer);
}

static void no_more_connections_than_the_relay_allows(void **state)
{
	struct peer peer;
	struct rig rig;
	struct sending *sendings;
	peer_start(&peer, &(struct peer_script){ .slow_ms = 2 });
	rig_init(&rig, 0, peer.port);
	rig.relay->connections = 3;
	sendings = send_many(&rig, MANY);
	rig_run(&rig);
	assert_int_equal(count_status(sendings, MANY, GW_DELIVERED), MANY);
	assert_int_equal(peer.most_open, 3);
	free_many(sendings, MANY);
	end(&rig, &peer);
}

/* The first connection dies in the pool; the second message does not notice. */
static void a_stale_connection_is_no_failure(void **state)
{
	struct sending first, second;
	struct peer peer;
	struct rig rig;
	peer_start(&peer, &(struct peer_script){ .idle_close = true });
	rig_init(&rig, 0, peer.port);
	assert_int_equal(rig_once(&rig, &first, TEXT, "a@x.example").status, GW_DELIVERED);
	assert_int_equal(rig_once(&rig, &second, TEXT, "b@x.example").status, GW_DELIVERED);
	assert_int_equal(peer.connections, 2);
	sending_finish(&first);
	sending_finish(&second);
	end(&rig, &peer);
}

/* A next hop that answers each second MAIL with 421: once is forgiven, on a new connection it
 * counts. */
static void a_421_on_a_reused_connection_is_tried_again_once(void **state)
{
	struct sending first, second, third;
	struct peer peer;
	struct rig rig;
	peer_start(&peer, NULL);
	rig_init(&rig, 0, peer.port);
	assert_int_equal(rig_once(&rig, &first, TEXT, "a@x.example").status, GW_DELIVERED);
	pthread_mutex_lock(&peer.lock);
	peer.script.mail = "421 4.4.2 idle too long\r\n";
	peer.script.once = true;
	pthread_mutex_unlock(&peer.lock);
	assert_int_equal(rig_once(&rig, &second, TEXT, "b@x.example").status, GW_DELIVERED);
	assert_int_equal(peer.connections, 2);
	pthread_mutex_lock(&peer.lock);
	peer.script.once = false;
	pthread_mutex_unlock(&peer.lock);
	rig_once(&rig, &third, TEXT, "c@x.example");
	assert_int_equal(third.outcomes[0].status, GW_DEFERRED);
	assert_int_equal(third.outcomes[0].reply.code, 421);
	assert_true(third.outcomes[0].link);
	sending_finish(&first);
	sending_finish(&second);
	sending_finish(&third);
	end(&rig, &peer);
}

static void an_idle_connection_says_quit_in_time(void **state)
{
	struct sending sending;
	struct peer peer;
	struct rig rig;
	peer_start(&peer, NULL);
	rig_init(&rig, 0, peer.port);
	rig.snapshot->settings.delivery.idle = 20;
	rig_once(&rig, &sending, TEXT, "a@x.example");
	while (load_of(&rig).connections > 0)
		rig_wait(&rig, 10);
	assert_int_equal(peer.quits, 1);
	assert_int_equal(load_of(&rig).idle, 0);
	sending_finish(&sending);
	end(&rig, &peer);
}

/* What was opened for an older configuration is not used for a newer one. */
static void a_reload_ends_idle_connections(void **state)
{
	struct sending first, second;
	struct snapshot newer;
	struct peer peer;
	struct rig rig;
	peer_start(&peer, NULL);
	rig_init(&rig, 0, peer.port);
	rig.relay->connections = 1;
	rig_once(&rig, &first, TEXT, "a@x.example");
	newer = *rig.snapshot;
	newer.generation++;
	rig.snapshot = &newer;
	assert_int_equal(rig_once(&rig, &second, TEXT, "b@x.example").status, GW_DELIVERED);
	assert_int_equal(peer.connections, 2);
	assert_int_equal(load_of(&rig).connections, 1);
	sending_finish(&first);
	sending_finish(&second);
	end(&rig, &peer);
}

static unsigned short dead_port(void)
{
	struct peer peer;
	peer_start(&peer, NULL);
	peer_stop(&peer);
	return peer.port;
}

/* One is told by the socket; nothing was tried for the others, which wait until the relay is tried
 * again. */
static void a_dead_relay_costs_one_connect(void **state)
{
	const struct outcome *got;
	struct rig rig;
	struct sending *sendings;
	size_t i;
	rig_init(&rig, 0, dead_port());
	rig.relay->connections = 1;
	sendings = send_many(&rig, MANY);
	rig_run(&rig);
	got = &sendings[0].outcomes[0];
	assert_int_equal(got->status, GW_DEFERRED);
	assert_int_equal(got->stage, STAGE_CONNECT);
	assert_true(got->link);
	assert_string_equal(got->reply.text.ptr, "Connection refused");
	assert_non_null(strstr(got->host.ptr, "[127.0.0.1]"));
	for (i = 1; i < MANY; i++) {
		assert_true(sendings[i].attempt.unserved);
		assert_int_equal(sendings[i].outcomes[0].status, 0);
	}
	assert_int_equal(load_of(&rig).failed, 1);
	assert_true(load_of(&rig).next_try > 0);
	assert_int_equal(load_of(&rig).connections, 0);
	free_many(sendings, MANY);
	rig_finish(&rig);
}

static void the_next_host_is_tried_at_once(void **state)
{
	static const char *const greetings[] = { "554 5.3.2 go away\r\n", "421 4.3.2 busy\r\n",
						 PEER_CLOSE, "nonsense\r\n" };
	struct sending sending;
	struct peer peer;
	struct rig rig;
	size_t i;
	for (i = 0; i < sizeof greetings / sizeof *greetings; i++) {
		peer_start(&peer, &(struct peer_script){ .greeting = greetings[i], .once = true });
		rig_init(&rig, 0, peer.port);
		rig.hosts[1] = gw_str("127.0.0.1");
		rig.relay->hosts.count = 2;
		assert_int_equal(rig_once(&rig, &sending, TEXT, "a@x.example").status,
				 GW_DELIVERED);
		assert_int_equal(peer.connections, 2);
		sending_finish(&sending);
		end(&rig, &peer);
	}
}

static void a_name_that_is_none_is_the_links_fault(void **state)
{
	struct sending sending;
	struct rig rig;
	rig_init(&rig, 0, 25);
	rig.hosts[0] = gw_str("no-such-host.invalid");
	rig_once(&rig, &sending, TEXT, "a@x.example");
	assert_int_equal(sending.outcomes[0].status, GW_DEFERRED);
	assert_int_equal(sending.outcomes[0].stage, STAGE_RESOLVE);
	assert_true(sending.outcomes[0].link);
	sending_finish(&sending);
	rig.relay->hosts.count = 0;
	rig.snapshot->generation++;
	rig_once(&rig, &sending, TEXT, "a@x.example");
	assert_int_equal(sending.outcomes[0].status, GW_DEFERRED);
	sending_finish(&sending);
	rig_finish(&rig);
}

/* The next hop allows one connection where we would open three: the others wait for it instead of
 * failing. */
static void too_many_connections_wait_for_those_that_stand(void **state)
{
	struct sending first, *sendings;
	struct peer peer;
	struct rig rig;
	peer_start(&peer, &(struct peer_script){ .slow_ms = 5 });
	rig_init(&rig, 0, peer.port);
	rig.relay->connections = 3;
	rig_once(&rig, &first, TEXT, "a@x.example");
	pthread_mutex_lock(&peer.lock);
	peer.script.greeting = "421 4.7.0 too many connections\r\n";
	pthread_mutex_unlock(&peer.lock);
	sendings = send_many(&rig, 10);
	rig_run(&rig);
	assert_int_equal(count_status(sendings, 10, GW_DELIVERED), 10);
	sending_finish(&first);
	free_many(sendings, 10);
	end(&rig, &peer);
}

/* --- giving up --- */

static void abandoned_attempts_are_never_told(void **state)
{
	struct peer peer;
	struct rig rig;
	struct sending *sendings;
	size_t i;
	peer_start(&peer, &(struct peer_script){ .data = PEER_SILENCE });
	rig_init(&rig, 0, peer.port);
	rig.relay->connections = 2;
	sendings = send_many(&rig, 4);
	while (!peer_saw(&peer, "DATA"))
		rig_wait(&rig, 5);
	for (i = 0; i < 4; i++)
		transport_abandon(&sendings[i].attempt);
	rig_wait(&rig, 5);
	assert_int_equal(count_status(sendings, 4, 0), 4);
	assert_int_equal(load_of(&rig).connections, 0);
	assert_int_equal(load_of(&rig).waiting, 0);
	rig.waiting_for = 0;
	free_many(sendings, 4);
	end(&rig, &peer);
}

/* Up to where the next hop wants a login and none is there yet. */
static void begin_pending_login(struct rig *rig, struct peer *peer, struct sending *sending)
{
	peer_start(peer, &(struct peer_script){ .ehlo = "250-a\r\n250 AUTH PLAIN\r\n" });
	rig_init(rig, 0, peer->port);
	rig->relay->auth = true;
	rig->login = GW_PENDING;
	sending_init(sending, rig, TEXT, "a@x.example");
	rig_send(sending);
	while (sending->asked.len == 0)
		rig_wait(rig, 5);
}

static void abandoned_while_a_login_is_awaited(void **state)
{
	struct sending sending;
	struct peer peer;
	struct rig rig;
	begin_pending_login(&rig, &peer, &sending);
	assert_string_equal(sending.asked.ptr, "PLAIN");
	transport_abandon(&sending.attempt);
	sending_finish(&sending);
	end(&rig, &peer);
}

static void a_login_may_come_later(void **state)
{
	struct gw_login login = { .size = sizeof login,
				  .user = gw_str("user"),
				  .secret = gw_str("sesame") };
	struct sending sending;
	struct peer peer;
	struct rig rig;
	begin_pending_login(&rig, &peer, &sending);
	attempt_login(&sending.attempt, GW_ACCEPT, &login);
	rig_run(&rig);
	assert_int_equal(sending.outcomes[0].status, GW_DELIVERED);
	sending_finish(&sending);
	end(&rig, &peer);
}

static void after_the_stop_attempts_end_deferred(void **state)
{
	struct sending first, second;
	struct peer peer;
	struct rig rig;
	peer_start(&peer, NULL);
	rig_init(&rig, 0, peer.port);
	rig_once(&rig, &first, TEXT, "a@x.example");
	transport_stop(rig.worker);
	assert_int_equal(rig_once(&rig, &second, TEXT, "a@x.example").status, GW_DEFERRED);
	assert_false(second.outcomes[0].link);
	while (load_of(&rig).connections > 0)
		rig_wait(&rig, 5);
	assert_int_equal(peer.quits, 1);
	sending_finish(&first);
	sending_finish(&second);
	end(&rig, &peer);
}

/* --- two workers --- */

struct thread {
	struct rig rig;
	struct sending *sendings;
	pthread_t thread;
	size_t count;
};

static _Atomic int at_work;

/* Who is done first keeps its loop running, as a worker does: it holds connections that the other
 * one needs. */
static void *run_thread(void *arg)
{
	struct thread *thread = arg;
	thread->sendings = send_many(&thread->rig, thread->count);
	rig_wait(&thread->rig, 30000);
	at_work--;
	while (at_work > 0)
		rig_wait(&thread->rig, 2);
	return NULL;
}

/* The slots of one relay are shared; nobody starves, nobody opens too many. */
static void two_workers_share_the_connections(void **state)
{
	static const int64_t limits[] = { 1, 2, 5 };
	size_t i, n;
	for (i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct thread threads[2] = { { .count = 100 }, { .count = 100 } };
		struct peer peer;
		peer_start(&peer, NULL);
		rig_init(&threads[0].rig, 0, peer.port);
		rig_share(&threads[1].rig, 1, &threads[0].rig);
		threads[0].rig.relay->connections = limits[i];
		at_work = 2;
		for (n = 0; n < 2; n++)
			pthread_create(&threads[n].thread, NULL, run_thread, &threads[n]);
		for (n = 0; n < 2; n++)
			pthread_join(threads[n].thread, NULL);
		for (n = 0; n < 2; n++)
			assert_int_equal(count_status(threads[n].sendings, 100, GW_DELIVERED), 100);
		assert_true(peer.most_open <= limits[i]);
		assert_int_equal(load_of(&threads[0].rig).sent, 200);
		for (n = 0; n < 2; n++) {
			free_many(threads[n].sendings, 100);
			rig_finish(&threads[n].rig);
		}
		peer_stop(&peer);
	}
}

/* While any worker has a link there the relay is up: it wants no more of them, and nothing has
 * failed. */
static void a_link_of_another_worker_tells_that_the_relay_is_up(void **state)
{
	struct sending first, second;
	struct peer peer;
	struct rig one, other;
	peer_start(&peer, NULL);
	rig_init(&one, 0, peer.port);
	rig_share(&other, 1, &one);
	rig_once(&other, &first, TEXT, "a@x.example");
	peer_greets(&peer, "421 4.7.0 too many connections\r\n");
	sending_init(&second, &one, TEXT, "b@x.example");
	rig_send(&second);
	while (peer_connections(&peer) < 2)
		rig_wait(&one, 5);
	rig_wait(&one, 20);
	assert_false(second.done);
	assert_int_equal(load_of(&one).failed, 0);
	assert_int_equal(load_of(&one).next_try, 0);
	peer_greets(&peer, NULL);
	rig_wait(&other, 20); /* gives its idle one away */
	rig_run(&one);
	assert_int_equal(second.outcomes[0].status, GW_DELIVERED);
	assert_int_equal(load_of(&one).failed, 0);
	sending_finish(&first);
	sending_finish(&second);
	rig_finish(&other);
	end(&one, &peer);
}

/* A relay that turned one link away is asked for no more than it has, for a while. */
static void who_has_enough_links_is_asked_for_no_more(void **state)
{
	struct sending first, *sendings;
	struct peer peer;
	struct rig rig;
	peer_start(&peer, &(struct peer_script){ .slow_ms = 2 });
	rig_init(&rig, 0, peer.port);
	rig.relay->connections = 5;
	rig_once(&rig, &first, TEXT, "a@x.example");
	peer_greets(&peer, "421 4.7.0 too many connections\r\n");
	sendings = send_many(&rig, 5);
	rig_run(&rig);
	assert_int_equal(count_status(sendings, 5, GW_DELIVERED), 5);
	free_many(sendings, 5);
	int refused = peer_connections(&peer);
	sendings = send_many(&rig, MANY);
	rig_run(&rig);
	assert_int_equal(count_status(sendings, MANY, GW_DELIVERED), MANY);
	assert_int_equal(peer_connections(&peer), refused);
	sending_finish(&first);
	free_many(sendings, MANY);
	end(&rig, &peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_connection_carries_many),
		cmocka_unit_test(a_message_takes_two_writes),
		cmocka_unit_test(a_connection_is_left_after_per_connection_messages),
		cmocka_unit_test(no_more_connections_than_the_relay_allows),
		cmocka_unit_test(a_stale_connection_is_no_failure),
		cmocka_unit_test(a_421_on_a_reused_connection_is_tried_again_once),
		cmocka_unit_test(an_idle_connection_says_quit_in_time),
		cmocka_unit_test(a_reload_ends_idle_connections),
		cmocka_unit_test(a_dead_relay_costs_one_connect),
		cmocka_unit_test(the_next_host_is_tried_at_once),
		cmocka_unit_test(a_name_that_is_none_is_the_links_fault),
		cmocka_unit_test(too_many_connections_wait_for_those_that_stand),
		cmocka_unit_test(a_link_of_another_worker_tells_that_the_relay_is_up),
		cmocka_unit_test(who_has_enough_links_is_asked_for_no_more),
		cmocka_unit_test(abandoned_attempts_are_never_told),
		cmocka_unit_test(abandoned_while_a_login_is_awaited),
		cmocka_unit_test(a_login_may_come_later),
		cmocka_unit_test(after_the_stop_attempts_end_deferred),
		cmocka_unit_test(two_workers_share_the_connections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
