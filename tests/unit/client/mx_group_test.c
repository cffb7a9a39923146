/* A relay to mail hosts: relay queues that come and go with the domains, and are one for domains
 * with the same hosts. Address literals need no name server. */
#include "peer.c"
#include "rig.c"

#include "client/client.h"

#define TEXT "Subject: hello\r\n\r\nbody\r\n"
#define HERE "a@[127.0.0.1]"
#define MANY 40

static void give_dns(struct rig *rig)
{
	const struct dns_options options = { .local = true };
	struct problems problems;
	problems_init(&problems);
	assert_non_null(dns_create(rig->worker, &options, &problems));
	problems_finish(&problems);
}

static void mx_init(struct rig *rig, unsigned short port)
{
	rig_init(rig, 0, port);
	rig->hosts[0] = gw_str("mx");
	rig->relay->mx = true;
	give_dns(rig);
}

static void mx_finish(struct rig *rig)
{
	struct dns *dns = dns_of(rig->worker);
	dns_destroy(dns);
	rig_finish(rig);
}

static struct transport *transport_of_rig(struct rig *rig)
{
	return worker_get(rig->worker, SLOT_TRANSPORT);
}

static void domains_with_the_same_hosts_share_a_connection(void **state)
{
	struct sending first, second;
	struct peer peer;
	struct rig rig;
	peer_start(&peer, NULL);
	mx_init(&rig, peer.port);
	assert_int_equal(rig_once(&rig, &first, TEXT, "a@[127.0.0.1]").status, GW_DELIVERED);
	assert_int_equal(rig_once(&rig, &second, TEXT, "b@[127.0.0.1]").status, GW_DELIVERED);
	assert_int_equal(peer.connections, 1);
	assert_int_equal(transport_of_rig(&rig)->groups.count, 1);
	sending_finish(&first);
	sending_finish(&second);
	mx_finish(&rig);
	peer_stop(&peer);
}

static void a_group_that_nobody_sends_to_is_freed(void **state)
{
	struct sending first, second;
	struct peer peer;
	struct rig rig;
	struct transport *transport;
	int64_t now;
	peer_start(&peer, NULL);
	mx_init(&rig, peer.port);
	rig.snapshot->settings.delivery.idle = 20;
	transport = transport_of_rig(&rig);
	rig_once(&rig, &first, TEXT, HERE);
	now = worker_now(rig.worker);
	mx_group_sweep(transport, now + 2 * MX_GROUP_KEPT); /* its connection idles */
	assert_int_equal(transport->groups.count, 1);
	while (peer.open > 0)
		rig_wait(&rig, 10);
	rig_wait(&rig, 10);
	mx_group_sweep(transport, now + MX_GROUP_KEPT / 2);
	assert_int_equal(transport->groups.count, 1);
	mx_group_sweep(transport, now + 2 * MX_GROUP_KEPT);
	assert_int_equal(transport->groups.count, 0);
	assert_null(transport->queues);
	assert_int_equal(rig_once(&rig, &second, TEXT, HERE).status, GW_DELIVERED);
	assert_int_equal(peer.connections, 2);
	sending_finish(&first);
	sending_finish(&second);
	mx_finish(&rig);
	peer_stop(&peer);
}

static void what_the_dns_says_decides(void **state)
{
	static const struct {
		const char *rcpt;
		enum gw_status status;
		bool link;
		uint8_t enhanced[3];
	} cases[] = {
		{ "a@[127.0.0.1", GW_BOUNCED, false, { 5, 1, 2 } },
		{ "postmaster", GW_BOUNCED, false, { 5, 1, 2 } },
		{ "a@not a name", GW_BOUNCED, false, { 5, 1, 2 } },
	};
	struct rig rig;
	size_t i;
	mx_init(&rig, 1);
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sending sending;
		struct outcome outcome;
		sending_init(&sending, &rig, TEXT, "x@y");
		sending.rcpts[0].domain = gw_str(
			strchr(cases[i].rcpt, '@') ? strchr(cases[i].rcpt, '@') + 1 : "");
		rig_send(&sending);
		rig_run(&rig);
		outcome = sending.outcomes[0];
		assert_int_equal(outcome.status, cases[i].status);
		assert_int_equal(outcome.stage, STAGE_RESOLVE);
		assert_int_equal(outcome.link, cases[i].link);
		assert_memory_equal(outcome.reply.enhanced, cases[i].enhanced, 3);
		assert_int_equal(sending.attempt.way.len, 0);
		sending_finish(&sending);
	}
	mx_finish(&rig);
}

static void keep_load(void *arg, const struct relay_load *load)
{
	struct relay_load *kept = arg;
	if (load->groups)
		*kept = *load;
}

static void mail_for_a_group_that_cannot_be_reached_may_wait_for_it(void **state)
{
	struct relay_load load = { 0 };
	struct sending sending;
	struct peer peer;
	struct rig rig;
	peer_start(&peer, NULL);
	peer_stop(&peer);
	mx_init(&rig, peer.port);
	assert_int_equal(rig_once(&rig, &sending, TEXT, HERE).status, GW_DEFERRED);
	assert_true(sending.outcomes[0].link);
	assert_int_equal(sending.outcomes[0].stage, STAGE_CONNECT);
	assert_non_null(strstr(sending.attempt.way.ptr, "/127.0.0.1"));
	transport_each(keep_load, &load);
	assert_int_equal(load.groups, 1);
	assert_int_equal(load.groups_down, 1);
	assert_true(load.groups_next_try > 0);
	assert_int_equal(load.next_try, 0);
	sending_finish(&sending);
	mx_finish(&rig);
}

static void who_gives_up_is_not_told(void **state)
{
	struct sending asking, other;
	struct peer peer;
	struct rig rig;
	peer_start(&peer, NULL);
	mx_init(&rig, peer.port);
	sending_init(&asking, &rig, TEXT, HERE);
	rig_send(&asking);
	transport_abandon(&asking.attempt);
	rig.waiting_for--;
	assert_int_equal(rig_once(&rig, &other, TEXT, HERE).status, GW_DELIVERED);
	assert_false(asking.done);
	assert_int_equal(peer.messages, 1);
	sending_finish(&asking);
	sending_finish(&other);
	mx_finish(&rig);
	peer_stop(&peer);
}

static void it_may_end_while_it_asks(void **state)
{
	struct sending asking;
	struct rig rig;
	mx_init(&rig, 1);
	sending_init(&asking, &rig, TEXT, HERE);
	rig_send(&asking);
	transport_abandon(&asking.attempt);
	mx_finish(&rig);
	sending_finish(&asking);
}

static void a_gateway_that_is_a_mail_host_itself_asks_only_better_ones(void **state)
{
	const struct dns_host hosts[] = {
		{ .name = gw_str("a.test"), .preference = 5 },
		{ .name = gw_str("b.test"), .preference = 10 },
		{ .name = gw_str("c.test"), .preference = 10 },
		{ .name = gw_str("d.test"), .preference = 20 },
	};
	const struct dns_answer mx = { .count = 4, .hosts = hosts };
	static const struct {
		const char *self;
		size_t count;
	} cases[] = { { "gateway.test", 4 },
		      { "D.test", 3 },
		      { "c.test", 1 },
		      { "b.test", 1 },
		      { "a.test", 0 } };
	size_t i;
	for (i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(mx_group_hosts(&mx, gw_str(cases[i].self)), cases[i].count);
}

/* --- two workers --- */

static _Atomic int halves_at_work;

struct half {
	struct rig rig;
	struct sending *sendings;
	pthread_t thread;
	int rounds;
};

static void send_round(struct half *half)
{
	size_t i;
	half->sendings = calloc(MANY, sizeof *half->sendings);
	for (i = 0; i < MANY; i++) {
		sending_init(&half->sendings[i], &half->rig, TEXT, HERE);
		rig_send(&half->sendings[i]);
	}
	rig_run(&half->rig);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(half->sendings[i].outcomes[0].status, GW_DELIVERED);
		sending_finish(&half->sendings[i]);
	}
	free(half->sendings);
}

/* Between rounds the relay queue goes, while the other worker still notifies its holder. */
static void *run_half(void *arg)
{
	struct half *half = arg;
	struct transport *transport = transport_of_rig(&half->rig);
	int i;
	for (i = 0; i < half->rounds; i++) {
		struct relay_queue *queue;
		send_round(half);
		transport_enter(transport);
		for (queue = transport->queues; queue; queue = queue->next)
			while (!LIST_EMPTY(
				&queue->idle)) /* the peer is told before the slot is free */
				client_quit(LIST_FIRST(&queue->idle));
		transport_leave(transport, false);
		mx_group_sweep(transport, worker_now(half->rig.worker) + 2 * MX_GROUP_KEPT);
	}
	/* A connection that still says QUIT holds its slot: the loop goes on while the other half
	 * may wait for it. */
	atomic_fetch_sub(&halves_at_work, 1);
	while (atomic_load(&halves_at_work) > 0)
		rig_wait(&half->rig, 5);
	return NULL;
}

static void workers_share_a_group_s_limit_and_leave_it_one_by_one(void **state)
{
	static struct half halves[2];
	struct relay_shared *shared;
	struct peer peer;
	int i;
	peer_start(&peer, NULL);
	mx_init(&halves[0].rig, peer.port);
	halves[0].rig.relay->connections = 2;
	rig_share(&halves[1].rig, 1, &halves[0].rig);
	give_dns(&halves[1].rig);
	halves_at_work = 2;
	for (i = 0; i < 2; i++) {
		halves[i].rounds = 5;
		pthread_create(&halves[i].thread, NULL, run_half, &halves[i]);
	}
	for (i = 0; i < 2; i++)
		pthread_join(halves[i].thread, NULL);
	assert_int_equal(peer.messages, 2 * 5 * MANY);
	assert_true(peer.most_open <= 2);
	for (i = 1; i >= 0; i--)
		mx_finish(&halves[i].rig);
	shared = mx_group_shared(halves[0].rig.relay, gw_str("relay/anew"));
	assert_int_equal(shared->references, 1);
	mx_group_release(shared);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domains_with_the_same_hosts_share_a_connection),
		cmocka_unit_test(a_group_that_nobody_sends_to_is_freed),
		cmocka_unit_test(what_the_dns_says_decides),
		cmocka_unit_test(mail_for_a_group_that_cannot_be_reached_may_wait_for_it),
		cmocka_unit_test(who_gives_up_is_not_told),
		cmocka_unit_test(it_may_end_while_it_asks),
		cmocka_unit_test(a_gateway_that_is_a_mail_host_itself_asks_only_better_ones),
		cmocka_unit_test(workers_share_a_group_s_limit_and_leave_it_one_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
