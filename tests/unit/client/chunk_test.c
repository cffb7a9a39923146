/* The content of a message reaches a next hop as content or not at all: whatever the envelope's
 * length, and whatever the next hop makes of BDAT. The messages here are full of commands, so that
 * octets taken for commands show. */
#define RIG_RCPTS 1100
#include "peer.c"
#include "rig.c"

#define TRACE                                                                                      \
	"Received: from client.example by gateway.example; Sat, 28 Nov 2026 03:00:00 +0000\r\n"
#define EVIL                                                                                       \
	"RSET\r\nMAIL FROM:<evil@x.example>\r\nRCPT TO:<victim@x.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nboo\r\n"
#define CHUNKING                                                                                   \
	"250-peer.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 100000000\r\n250-CHUNKING\r\n250 DSN\r\n"
#define LOCK_STEP "250-peer.example\r\n250-CHUNKING\r\n250 DSN\r\n"
#define BY_DATA "250-peer.example\r\n250-PIPELINING\r\n250 DSN\r\n"

static char *evil_text(size_t size)
{
	char *text = malloc(size + sizeof(EVIL) + 64),
	     *at = text + sprintf(text, "Subject: evil\r\n\r\n");
	while ((size_t)(at - text) < size)
		at += sprintf(at, "%s", EVIL);
	return text;
}

static char *rcpt_list(size_t count)
{
	char *text = malloc(count * 40 + 1), *at = text;
	size_t i;
	for (i = 0; i < count; i++)
		at += sprintf(at, "%sr%06zu@rcpt.example", i ? " " : "", i);
	*at = 0;
	return text;
}

static void begin_sending(struct sending *sending, struct rig *rig, const char *text,
			  const char *rcpts)
{
	sending_init(sending, rig, text, rcpts);
	sending->message.trace = gw_str(TRACE);
}

static void send_it(struct sending *sending, struct rig *rig, const char *text, const char *rcpts)
{
	begin_sending(sending, rig, text, rcpts);
	rig_send(sending);
	rig_run(rig);
}

static void nothing_was_smuggled(struct peer *peer, const char *name)
{
	if (peer_saw(peer, "evil") || peer_saw(peer, "victim") || peer_saw(peer, "smuggled") ||
	    peer_saw(peer, "Received"))
		fail_msg("%s: content as commands: %.400s", name, peer->log.text);
}

/* --- every length of the envelope with every size of the message --- */

struct hop_kind {
	const char *name, *ehlo;
	int bdats; /* 0: it goes by DATA */
};
static const struct hop_kind kinds[] = { { "chunks", CHUNKING, 2 },
					 { "lock-step", LOCK_STEP, 2 },
					 { "data", BY_DATA, 0 } };

static void check_meant(struct peer *peer, const struct hop_kind *kind, size_t rcpts, size_t size,
			const struct sending *sending)
{
	char name[100];
	size_t i;
	snprintf(name, sizeof name, "%s, %zu recipients, %zu octets", kind->name, rcpts, size);
	nothing_was_smuggled(peer, name);
	if (peer_saw(peer, "MAIL FROM") != 1 || peer_saw(peer, "RCPT TO") != (int)rcpts ||
	    peer_saw(peer, "RSET") || peer->messages != 1 ||
	    peer_saw(peer, "BDAT") != kind->bdats || peer_saw(peer, "DATA") != !kind->bdats)
		fail_msg("%s: %d messages, %.400s", name, peer->messages, peer->log.text);
	for (i = 0; i < rcpts; i++)
		assert_int_equal(sending->outcomes[i].status, GW_DELIVERED);
}

static void one_size(const struct hop_kind *kind, size_t rcpts, const char *list,
		     struct gw_str orcpt, size_t size)
{
	static struct sending sending;
	char *text = evil_text(size);
	struct peer peer;
	struct rig rig;
	size_t i, sent = strlen(TRACE) + strlen(text);

	peer_start(&peer, &(struct peer_script){ .ehlo = kind->ehlo });
	rig_init(&rig, 0, peer.port);
	rig.relay->max_rcpts = RIG_RCPTS;
	begin_sending(&sending, &rig, text, list);
	for (i = 0; i < sending.attempt.count; i++)
		sending.rcpts[i].orcpt = orcpt;
	rig_send(&sending);
	rig_run(&rig);
	check_meant(&peer, kind, rcpts, size, &sending);
	assert_int_equal(peer.message.len, sent);
	assert_memory_equal(peer.message.text, TRACE, strlen(TRACE));
	assert_memory_equal(peer.message.text + strlen(TRACE), text, strlen(text));
	sending_finish(&sending);
	rig_finish(&rig);
	peer_stop(&peer);
	free(text);
}

static void envelope_and_message_of_every_length(void **state)
{
	static const size_t counts[] = { 1, 245, 740, 1100 };
	static const size_t sizes[] = { 100,       4000,      64000,
					66000,     128 << 10, (128 << 10) + 500,
					255 << 10, 300000 };
	char orcpt[480] = "rfc822;";
	size_t kind, count, size, wide;

	memset(orcpt + 7, 'o', sizeof(orcpt) - 8);
	for (count = 0; count < sizeof counts / sizeof *counts; count++) {
		char *list = rcpt_list(counts[count]);
		for (kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
			for (wide = 0; wide < 2; wide++)
				for (size = 0; size < sizeof sizes / sizeof *sizes; size++)
					if (kind != 1 || counts[count] < 1000)
						one_size(&kinds[kind], counts[count], list,
							 gw_str(wide ? orcpt : ""), sizes[size]);
		free(list);
	}
}

/* --- next hops that do not take a chunk as one --- */

static void refusal_of_chunks(const char *reply, int taken_before, enum gw_status status, bool link,
			      int connections, bool to_data)
{
	static struct sending sending;
	char *text = evil_text(3000);
	struct peer peer;
	struct rig rig;

	peer_start(&peer, &(struct peer_script){ .ehlo = CHUNKING,
						 .bdat = reply,
						 .no_chunks = true,
						 .chunks_before_bdat = taken_before });
	rig_init(&rig, 0, peer.port);
	send_it(&sending, &rig, text, "a@x.example bad@x.example b@x.example");
	if (sending.outcomes[0].status != status || sending.outcomes[2].status != status ||
	    sending.outcomes[0].link != link)
		fail_msg("%s: %s, link %d: %s", reply,
			 event_name(status_event(sending.outcomes[0].status)),
			 sending.outcomes[0].link, sending.outcomes[0].reply.text.ptr);
	assert_int_equal(sending.outcomes[1].status, GW_BOUNCED);
	assert_int_equal(peer.connections, connections);
	assert_int_equal(peer_saw(&peer, "DATA\r\n") - peer_saw(&peer, "\r\nDATA\r\nSubject"),
			 to_data);
	if (!taken_before) /* the first chunk is ours alone */
		assert_int_equal(peer_saw(&peer, "evil"), 0);
	sending_finish(&sending);
	if (to_data) { /* and so from now on */
		send_it(&sending, &rig, text, "c@x.example");
		assert_int_equal(sending.outcomes[0].status, GW_DELIVERED);
		assert_int_equal(peer_saw(&peer, "BDAT"), 1 + taken_before);
		sending_finish(&sending);
	}
	rig_finish(&rig);
	peer_stop(&peer);
	free(text);
}

static void a_refused_chunk_is_judged_as_data_would_be(void **state)
{
	static const char *const unknown[] = { "500 5.5.2 what?\r\n", "501 5.5.4 no\r\n",
					       "502 5.5.1 not here\r\n", "503 5.5.1 order\r\n",
					       "504 no\r\n" };
	size_t i;
	for (i = 0; i < sizeof unknown / sizeof *unknown; i++)
		refusal_of_chunks(unknown[i], 0, GW_DELIVERED, false, 2, true);
	refusal_of_chunks("554 5.7.1 no\r\n", 0, GW_BOUNCED, false, 1, false);
	refusal_of_chunks("554 5.3.0 not today\r\n", 0, GW_DEFERRED, true, 1, false);
	refusal_of_chunks("451 4.3.0 later\r\n", 0, GW_DEFERRED, true, 1, false);
	refusal_of_chunks("452 4.2.0 later\r\n", 0, GW_DEFERRED, false, 1, false);
	refusal_of_chunks("421 4.3.0 closing\r\n", 0, GW_DEFERRED, true, 1, false);
	refusal_of_chunks(PEER_CLOSE, 0, GW_DEFERRED, true, 1, false);
}

/* One that reads chunks was shown to; its word about the whole message is a word about the message.
 */
static void a_refused_message_is_refused(void **state)
{
	static struct sending sending;
	char *text = evil_text(3000);
	struct peer peer;
	struct rig rig;

	peer_start(&peer, &(struct peer_script){ .ehlo = CHUNKING,
						 .bdat = "554 5.7.1 spam\r\n",
						 .chunks_before_bdat = 1 });
	rig_init(&rig, 0, peer.port);
	send_it(&sending, &rig, text, "a@x.example");
	assert_int_equal(sending.outcomes[0].status, GW_BOUNCED);
	assert_int_equal(sending.outcomes[0].stage, STAGE_DOT);
	nothing_was_smuggled(&peer, "refused");
	sending_finish(&sending);
	rig_finish(&rig);
	peer_stop(&peer);
	free(text);
}

static void no_chunk_where_nobody_was_taken(void **state)
{
	static struct sending sending;
	char *text = evil_text(3000);
	struct peer peer;
	struct rig rig;

	peer_start(&peer, &(struct peer_script){ .ehlo = CHUNKING,
						 .bdat = "502 5.5.1 no\r\n",
						 .no_chunks = true });
	rig_init(&rig, 0, peer.port);
	send_it(&sending, &rig, text, "bad@x.example");
	assert_int_equal(sending.outcomes[0].status, GW_BOUNCED);
	assert_int_equal(sending.outcomes[0].stage, STAGE_RCPT);
	assert_int_equal(peer_saw(&peer, "BDAT"), 0);
	nothing_was_smuggled(&peer, "nobody");
	sending_finish(&sending);
	rig_finish(&rig);
	peer_stop(&peer);
	free(text);
}

/* What it costs: one turn to show once, then as many as by DATA. An honest next hop reads once in
 * each. */
static void the_turns_of_a_message(void **state)
{
	static const struct {
		const char *ehlo;
		int first, later;
	} cases[] = { { CHUNKING, 3, 2 }, { BY_DATA, 2, 2 } };
	static struct sending sending;
	size_t i, nth;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct peer peer;
		struct rig rig;
		peer_start(&peer, &(struct peer_script){ .ehlo = cases[i].ehlo });
		rig_init(&rig, 0, peer.port);
		for (nth = 0; nth < 3; nth++) {
			int before = peer.reads + (nth == 0); /* EHLO */
			send_it(&sending, &rig, "Subject: turns\r\n\r\nbody\r\n",
				"a@x.example b@x.example");
			assert_int_equal(sending.outcomes[1].status, GW_DELIVERED);
			assert_int_equal(peer.reads - before,
					 nth == 0 ? cases[i].first : cases[i].later);
			sending_finish(&sending);
		}
		rig_finish(&rig);
		peer_stop(&peer);
	}
}

/* --- a connection that was used before, lost with the message on its way --- */

static void what_may_have_been_taken_is_not_sent_again(void **state)
{
	static const char *const ehlos[] = { CHUNKING, BY_DATA };
	static struct sending sending;
	size_t i;

	for (i = 0; i < 2; i++) {
		struct peer peer;
		struct rig rig;
		peer_start(&peer, &(struct peer_script){ .ehlo = ehlos[i],
							 .dot = PEER_CLOSE,
							 .bdat = PEER_CLOSE,
							 .chunks_before_bdat = 3,
							 .messages_before_dot = 1 });
		rig_init(&rig, 0, peer.port);
		send_it(&sending, &rig, "Subject: one\r\n\r\n", "a@x.example");
		assert_int_equal(sending.outcomes[0].status, GW_DELIVERED);
		sending_finish(&sending);
		if (i == 0) {
			send_it(&sending, &rig, "Subject: two\r\n\r\n", "a@x.example");
			assert_int_equal(sending.outcomes[0].status, GW_DELIVERED);
			sending_finish(&sending);
		}
		send_it(&sending, &rig, "Subject: three\r\n\r\n", "a@x.example");
		assert_int_equal(sending.outcomes[0].status, GW_UNKNOWN);
		assert_int_equal(peer.connections, 1);
		sending_finish(&sending);
		rig_finish(&rig);
		peer_stop(&peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelope_and_message_of_every_length),
		cmocka_unit_test(a_refused_chunk_is_judged_as_data_would_be),
		cmocka_unit_test(a_refused_message_is_refused),
		cmocka_unit_test(no_chunk_where_nobody_was_taken),
		cmocka_unit_test(the_turns_of_a_message),
		cmocka_unit_test(what_may_have_been_taken_is_not_sent_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
