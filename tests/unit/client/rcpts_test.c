/* How many recipients a next hop takes at once: what it says, in its greeting or by refusing, is
 * obeyed at once and remembered. */
#define RIG_RCPTS 1000
#include "peer.c"
#include "rig.c"

#define TEXT "Subject: many\r\n\r\n"
#define PIPELINED "250-peer.example\r\n250 PIPELINING\r\n"

struct many {
	const char *name;
	struct peer_script script;
	size_t count;
	size_t domains;        /* the recipients are of so many */
	int mails, most_mails; /* transactions, from and to */
	int connections;
};
static const struct many cases[] = {
	{ "too many, 452",
	  { .ehlo = PIPELINED, .rcpt_most = 10, .too_many = "452 4.5.3 too many\r\n" },
	  1000,
	  1,
	  100,
	  110,
	  1 },
	{ "too many, 552",
	  { .ehlo = PIPELINED, .rcpt_most = 10, .too_many = "552 too many\r\n" },
	  1000,
	  1,
	  100,
	  110,
	  1 },
	{ "lock-step",
	  { .ehlo = "250 peer.example\r\n", .rcpt_most = 10, .too_many = "452 4.5.3 too many\r\n" },
	  100,
	  1,
	  10,
	  11,
	  1 },
	{ "RCPTMAX",
	  { .ehlo = "250-a\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=7\r\n" },
	  70,
	  1,
	  10,
	  10,
	  1 },
	{ "MAILMAX",
	  { .ehlo = "250-a\r\n250-PIPELINING\r\n250 LIMITS MAILMAX=3 RCPTMAX=5\r\n" },
	  45,
	  1,
	  9,
	  9,
	  3 },
	{ "RCPTDOMAINMAX",
	  { .ehlo = "250-a\r\n250-PIPELINING\r\n250 LIMITS RCPTDOMAINMAX=2\r\n" },
	  60,
	  6,
	  3,
	  3,
	  1 },
};

static void send_many(const struct many *many)
{
	static struct sending sending;
	char *list = malloc(many->count * 40), *at = list;
	struct peer peer;
	struct rig rig;
	size_t i;

	for (i = 0; i < many->count; i++)
		at += sprintf(at, "%sr%zu@d%zu.example", i ? " " : "", i, i % many->domains);
	peer_start(&peer, &many->script);
	rig_init(&rig, 0, peer.port);
	rig.relay->per_connection = 0;
	rig_once(&rig, &sending, TEXT, list);
	for (i = 0; i < many->count; i++)
		if (sending.outcomes[i].status != GW_DELIVERED)
			fail_msg("%s: %zu is %s: %s", many->name, i,
				 event_name(status_event(sending.outcomes[i].status)),
				 sending.outcomes[i].reply.text.ptr);
	if (peer_saw(&peer, "MAIL FROM") < many->mails ||
	    peer_saw(&peer, "MAIL FROM") > many->most_mails ||
	    peer.connections != many->connections)
		fail_msg("%s: %d transactions, %d connections", many->name,
			 peer_saw(&peer, "MAIL FROM"), peer.connections);
	sending_finish(&sending);
	rig_finish(&rig);
	peer_stop(&peer);
	free(list);
}

static void as_many_as_the_next_hop_takes(void **state)
{
	size_t i;
	for (i = 0; i < sizeof cases / sizeof *cases; i++)
		send_many(&cases[i]);
}

/* One whose mailbox is full is refused with the same code. */
static void a_full_mailbox_is_no_limit(void **state)
{
	struct peer_script script = { .ehlo = PIPELINED,
				      .rcpt_most = 2,
				      .too_many = "452 4.2.2 mailbox full\r\n" };
	static struct sending sending;
	struct peer peer;
	struct rig rig;

	peer_start(&peer, &script);
	rig_init(&rig, 0, peer.port);
	rig_once(&rig, &sending, TEXT, "a@x.example b@x.example full@x.example");
	assert_int_equal(sending.outcomes[1].status, GW_DELIVERED);
	assert_int_equal(sending.outcomes[2].status, GW_DEFERRED);
	assert_int_equal(sending.outcomes[2].stage, STAGE_RCPT);
	assert_int_equal(peer_saw(&peer, "MAIL FROM"), 1);
	sending_finish(&sending);
	rig_finish(&rig);
	peer_stop(&peer);
}

/* What one worker was told, the others know. */
static void another_worker_knows_it(void **state)
{
	struct peer_script script = { .ehlo = PIPELINED,
				      .rcpt_most = 2,
				      .too_many = "452 4.5.3 too many\r\n" };
	static struct sending sending;
	struct peer peer;
	struct rig first, second;
	int refused;

	peer_start(&peer, &script);
	rig_init(&first, 0, peer.port);
	rig_share(&second, 1, &first);
	rig_once(&first, &sending, TEXT, "a@x.example b@x.example c@x.example d@x.example");
	sending_finish(&sending);
	refused = peer_saw(&peer, "RCPT TO") - 4;
	assert_true(refused > 0);
	rig_once(&second, &sending, TEXT, "e@x.example f@x.example g@x.example h@x.example");
	assert_int_equal(sending.outcomes[3].status, GW_DELIVERED);
	assert_int_equal(peer_saw(&peer, "RCPT TO"), 8 + refused);
	sending_finish(&sending);
	rig_finish(&second);
	rig_finish(&first);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_as_the_next_hop_takes),
		cmocka_unit_test(a_full_mailbox_is_no_limit),
		cmocka_unit_test(another_worker_knows_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
