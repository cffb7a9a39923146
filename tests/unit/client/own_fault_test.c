/* What this machine lacks is held against no relay: each kind, alone and beside a fault of the
 * relay's own. */
#include "peer.c"
#include "rig.c"

#include <errno.h>
#include <sys/resource.h>

#define TEXT "Subject: hello\r\n\r\nbody\r\n"
#define NOWHERE "224.0.0.1" /* ENETUNREACH for a TCP connection, without a packet */
#define NOT_OURS "192.0.2.77"

static struct relay_load load;
static const char *load_name;

static void keep_load(void *arg, const struct relay_load *seen)
{
	if (!strcmp(seen->name, load_name))
		load = *seen;
}

static void assert_nothing_is_held_against(struct rig *rig)
{
	load_name = rig->relay->name.ptr;
	transport_each(keep_load, NULL);
	assert_int_equal(load.failed, 0);
	assert_int_equal(load.failed_at, 0);
	assert_string_equal(load.error, "");
}

static void assert_local(const struct outcome *outcome, enum local local)
{
	assert_int_equal(outcome->status, GW_DEFERRED);
	assert_int_equal(outcome->stage, STAGE_CONNECT);
	assert_int_equal(outcome->local, local);
	assert_int_equal(outcome_fault(outcome), GW_FAULT_LOCAL);
}

static void each_error_has_its_kind(void **state)
{
	static const struct {
		int error;
		enum local local;
	} rows[] = {
		{ EMFILE, LOCAL_SHORT },
		{ ENFILE, LOCAL_SHORT },
		{ ENOBUFS, LOCAL_SHORT },
		{ ENOMEM, LOCAL_SHORT },
		{ EADDRNOTAVAIL, LOCAL_SHORT },
		{ ENETUNREACH, LOCAL_NETWORK },
		{ ENETDOWN, LOCAL_NETWORK },
		{ EPERM, LOCAL_NETWORK },
		{ EACCES, LOCAL_NETWORK },
		{ ECONNREFUSED, LOCAL_NONE },
		{ ETIMEDOUT, LOCAL_NONE },
		{ ECONNRESET, LOCAL_NONE },
		{ EHOSTUNREACH, LOCAL_NONE },
		{ EPIPE, LOCAL_NONE },
		{ 0, LOCAL_NONE },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(local_of(rows[i].error), rows[i].local);
}

static void a_source_that_is_not_ours(void **state)
{
	struct rig rig;
	struct sending sending;
	struct transport_own_fault before, after;

	transport_own_fault(&before);
	rig_init(&rig, 0, 25);
	rig.relay->source = gw_str(NOT_OURS);
	struct outcome outcome = rig_once(&rig, &sending, TEXT, "to@rcpt.example");
	assert_local(&outcome, LOCAL_SHORT);
	assert_nothing_is_held_against(&rig);
	transport_own_fault(&after);
	assert_int_equal(after.count, before.count + 1);
	assert_non_null(strstr(after.text, "connect: Cannot assign"));
	assert_string_equal(after.relay, rig.relay->name.ptr);
	sending_finish(&sending);
	rig_finish(&rig);
}

static void no_way_leads_there(void **state)
{
	struct rig rig;
	struct sending sending;

	rig_init(&rig, 0, 25);
	rig.hosts[0] = gw_str(NOWHERE);
	struct outcome outcome = rig_once(&rig, &sending, TEXT, "to@rcpt.example");
	assert_local(&outcome, LOCAL_NETWORK);
	assert_nothing_is_held_against(&rig);
	sending_finish(&sending);
	rig_finish(&rig);
}

static int open_all(int *fds, int most)
{
	int count = 0;
	while (count < most && (fds[count] = dup(0)) >= 0)
		count++;
	return count;
}

/* And it is tried again as soon as there are some. */
static void no_descriptors(void **state)
{
	struct peer peer;
	struct rlimit all, few;
	struct rig rig;
	struct sending sending, again;
	int fds[64], count;

	peer_start(&peer, &(struct peer_script){ 0 });
	rig_init(&rig, 0, peer.port);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	few = (struct rlimit){ 64, all.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	count = open_all(fds, 64);
	struct outcome outcome = rig_once(&rig, &sending, TEXT, "to@rcpt.example");
	while (count > 0)
		close(fds[--count]);
	setrlimit(RLIMIT_NOFILE, &all);
	assert_local(&outcome, LOCAL_SHORT);
	assert_nothing_is_held_against(&rig);
	sending_init(&again, &rig, TEXT, "to@rcpt.example");
	again.attempt.urgent = true;
	rig_send(&again);
	rig_run(&rig);
	assert_int_equal(again.outcomes[0].status, GW_DELIVERED);
	sending_finish(&again);
	sending_finish(&sending);
	rig_finish(&rig);
	peer_stop(&peer);
}

/* An address that refuses is the relay's failure, whatever was with the others. */
static void what_the_relay_did_is_the_relays(void **state)
{
	static const char *const orders[][2] = { { NOWHERE, "127.0.0.1" },
						 { "127.0.0.1", NOWHERE } };

	for (size_t i = 0; i < 2; i++) {
		struct rig rig;
		struct sending sending;
		rig_init(&rig, 0, 1); /* nobody listens there */
		rig.hosts[0] = gw_str(orders[i][0]);
		rig.hosts[1] = gw_str(orders[i][1]);
		rig.relay->hosts.count = 2;
		struct outcome outcome = rig_once(&rig, &sending, TEXT, "to@rcpt.example");
		assert_int_equal(outcome.local, LOCAL_NONE);
		assert_int_equal(outcome_fault(&outcome), GW_FAULT_RELAY);
		sending_finish(&sending);
		rig_finish(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_error_has_its_kind),
		cmocka_unit_test(a_source_that_is_not_ours),
		cmocka_unit_test(no_way_leads_there),
		cmocka_unit_test(no_descriptors),
		cmocka_unit_test(what_the_relay_did_is_the_relays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
