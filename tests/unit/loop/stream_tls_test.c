#include "stream_test.h"
#include "tls_test.h"

#include "loop/stream_private.h" /* whether a session was resumed is nobody else's business */

#include <openssl/err.h>
#include <openssl/ssl.h>

static struct made ca, good, expired, self_signed, address;

static int make_files(void **state)
{
	folder_create();
	ca = make_certificate((struct wanted){ .name = "ca", .days = 30 });
	good = make_certificate((struct wanted){
		.name = "good", .alt = "DNS:mail.example", .issuer = &ca, .days = 30 });
	expired = make_certificate((struct wanted){
		.name = "expired", .alt = "DNS:mail.example", .issuer = &ca, .days = -1 });
	self_signed = make_certificate(
		(struct wanted){ .name = "self", .alt = "DNS:mail.example", .days = 30 });
	address = make_certificate((struct wanted){
		.name = "address", .alt = "IP:127.0.0.1", .issuer = &ca, .days = 30 });
	return 0;
}

static int remove_files(void **state)
{
	made_finish(&ca);
	made_finish(&good);
	made_finish(&expired);
	made_finish(&self_signed);
	made_finish(&address);
	folder_remove();
	return 0;
}

static struct tls_context *server_of(const struct made *made)
{
	struct tls_server_options options = { .pair.certificate = gw_str(made->certificate_path),
					      .pair.key = gw_str(made->key_path) };
	struct problems problems;
	struct tls_context *tls;

	problems_init(&problems);
	tls = tls_server_create(&options, NULL, 0, &problems);
	assert_non_null(tls);
	problems_finish(&problems);
	return tls;
}

/* of the next handshake */
static enum tls_check client_check;
static bool client_only_looks;

static struct tls_context *client_of(bool verify, const struct made *own)
{
	struct tls_client_options options = { .verify = verify,
					      .ca = gw_str(verify ? ca.certificate_path : "") };
	struct problems problems;
	struct tls_context *tls;

	client_check = verify ? TLS_CHECK_NAME : TLS_CHECK_NOTHING;
	if (own != NULL) {
		options.pair.certificate = gw_str(own->certificate_path);
		options.pair.key = gw_str(own->key_path);
	}
	problems_init(&problems);
	tls = tls_client_create(&options, NULL, 0, &problems);
	assert_non_null(tls);
	problems_finish(&problems);
	return tls;
}

static bool both_settled(void *arg)
{
	struct pair *pair = arg;
	const unsigned *a = pair->a.count, *b = pair->b.count;

	return a[STREAM_CONNECTED] + a[STREAM_ERROR] > 0 &&
	       b[STREAM_CONNECTED] + b[STREAM_ERROR] + b[STREAM_EOF] > 0;
}

/* `a` is the client, `b` the server. The contexts are given up: the streams hold them. */
static void shake_with(struct pair *pair, struct tls_context *client, struct tls_context *server,
		       const char *name)
{
	assert_int_equal(stream_start_tls_server(pair->b.stream, server), 0);
	struct tls_demand demand = { .name = gw_str(name),
				     .check = client_check,
				     .required = !client_only_looks };
	assert_int_equal(stream_start_tls_client(pair->a.stream, client, &demand), 0);
	assert_string_equal(pair->a.told, "");
	assert_true(run_until(pair->worker, both_settled, pair));
}

static void shake(struct pair *pair)
{
	struct tls_context *client = client_of(true, NULL), *server = server_of(&good);

	shake_with(pair, client, server, "mail.example");
	tls_release(client);
	tls_release(server);
	assert_int_equal(pair->a.count[STREAM_CONNECTED], 1);
	assert_int_equal(pair->b.count[STREAM_CONNECTED], 1);
}

static void a_client_believes_only_the_right_certificate(void **state)
{
	static const struct {
		const struct made *made;
		bool verify;
		const char *name;
		const char *error; /* NULL: believed */
	} cases[] = {
		{ &good, true, "mail.example", NULL },
		{ &good, true, "mail.example.", NULL },
		{ &good, true, "MAIL.example", NULL },
		{ &good, true, "other.example", "certificate verify failed: hostname mismatch" },
		{ &good, true, "127.0.0.1", "certificate verify failed: IP address mismatch" },
		{ &address, true, "127.0.0.1", NULL },
		{ &address, true, "127.0.0.2", "certificate verify failed: IP address mismatch" },
		{ &expired, true, "mail.example",
		  "certificate verify failed: certificate has expired" },
		{ &self_signed, true, "mail.example",
		  "certificate verify failed: self-signed certificate" },
		{ &self_signed, false, "any.example", NULL },
		{ &expired, false, "127.0.0.1", NULL },
	};
	struct tls_context *client, *server;
	struct pair *pair;
	void *made;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pair = pair_create(false);
		made = pair;
		client = client_of(cases[i].verify, NULL);
		server = server_of(cases[i].made);
		shake_with(pair, client, server, cases[i].name);
		tls_release(client);
		tls_release(server);
		assert_string_equal(pair->a.error, cases[i].error != NULL ? cases[i].error : "");
		assert_int_equal(stream_is_tls(pair->a.stream), cases[i].error == NULL);
		tear_down_pair(&made);
	}
}

static void both_sides_know_what_was_agreed(void **state)
{
	struct pair *pair = *state;

	assert_false(stream_is_tls(pair->a.stream));
	assert_string_equal(stream_tls_text(pair->a.stream).ptr, "");
	shake(pair);
	assert_true(stream_is_tls(pair->b.stream));
	assert_memory_equal(stream_tls_text(pair->a.stream).ptr, "TLSv1.3 TLS_", 12);
	assert_string_equal(stream_tls_text(pair->a.stream).ptr,
			    stream_tls_text(pair->b.stream).ptr);
}

static void a_megabyte_goes_both_ways(void **state)
{
	struct pair *pair = *state;
	size_t len = 1 << 20;
	char *bytes = pattern(len);
	struct iovec pieces[2] = { { bytes, len / 2 }, { bytes + len / 2, len - len / 2 } };

	shake(pair);
	assert_int_equal(stream_write(pair->a.stream, gw_str_n(bytes, len)), 0);
	assert_int_equal(stream_writev(pair->b.stream, pieces, 2), 0);
	await_length(&pair->b, len);
	await_length(&pair->a, len);
	assert_memory_equal(buf_ptr(&pair->a.got), bytes, len);
	assert_memory_equal(buf_ptr(&pair->b.got), bytes, len);
	await_event(&pair->a, STREAM_DRAINED);
	free(bytes);
}

static void pause_each_time(struct side *side, enum stream_event event)
{
	if (event == STREAM_DATA)
		stream_pause(side->stream);
}

static void resume_if_told(struct timer *timer)
{
	struct side *side = ((void **)(timer + 1))[0];

	stream_resume(side->stream);
	timer_set(side->worker, timer, 1, resume_if_told);
}

/* What OpenSSL has decrypted is not seen by epoll, so a pause at the wrong moment could leave it
 * there for ever. */
static void nothing_is_forgotten_by_a_pause(void **state)
{
	struct {
		struct timer timer;
		struct side *side;
	} resumer = { .side = NULL };
	struct pair *pair = *state;
	size_t len = 400000;
	char *bytes = pattern(len);
	struct side *side = &pair->b;

	shake(pair);
	resumer.side = side;
	side->event = pause_each_time;
	timer_set(pair->worker, &resumer.timer, 1, resume_if_told);
	stream_write(pair->a.stream, gw_str_n(bytes, len));
	await_length(side, len);
	assert_memory_equal(buf_ptr(&side->got), bytes, len);
	timer_clear(&resumer.timer);
	free(bytes);
}

static void take_a_little(struct side *side, enum stream_event event)
{
	struct gw_str input = stream_input(side->stream);

	if (event != STREAM_DATA)
		return;
	input.len = input.len > 700 ? 700 : input.len;
	buf_add_str(&side->got, input);
	stream_consume(side->stream, input.len);
	stream_resume(side->stream);
}

static void nothing_is_forgotten_at_the_input_limit(void **state)
{
	struct pair *pair = *state;
	size_t len = 100000;
	char *bytes = pattern(len);
	int fds[2];

	side_finish(&pair->b);
	side_finish(&pair->a);
	tcp_pair(fds);
	pair->b.limits.input = 1000;
	side_accept(pair, &pair->a, fds[0]);
	side_accept(pair, &pair->b, fds[1]);
	shake(pair);
	pair->b.keep = true;
	pair->b.event = take_a_little;
	stream_write(pair->a.stream, gw_str_n(bytes, len));
	await_length(&pair->b, len);
	assert_memory_equal(buf_ptr(&pair->b.got), bytes, len);
	free(bytes);
}

static void start_server(struct side *side, enum stream_event event)
{
	struct tls_context *tls;

	if (event != STREAM_DATA || side->count[STREAM_DATA] != 1)
		return;
	assert_int_equal(stream_input(side->stream).len > 10, side->number);
	stream_consume(side->stream, 10);
	stream_write(side->stream, gw_str("220 go ahead\r\n"));
	tls = server_of(&good);
	assert_int_equal(stream_start_tls_server(side->stream, tls), side->number);
	tls_release(tls);
	side->keep = false;
}

static void start_client(struct side *side, enum stream_event event)
{
	struct tls_context *tls;

	if (event != STREAM_DATA || side->count[STREAM_DATA] != 1)
		return;
	assert_got(side, "220 go ahead\r\n");
	buf_clear(&side->got);
	tls = client_of(true, NULL);
	struct tls_demand demand = { .name = gw_str("mail.example") };
	assert_int_equal(stream_start_tls_client(side->stream, tls, &demand), 0);
	tls_release(tls);
	stream_write(side->stream, gw_str("EHLO again\r\n")); /* waits for the handshake */
}

static void tls_starts_after_the_reply_in_clear(void **state)
{
	struct pair *pair = *state;

	pair->b.keep = true;
	pair->b.event = start_server;
	pair->a.event = start_client;
	stream_write(pair->a.stream, gw_str("STARTTLS\r\n"));
	await_length(&pair->b, 12);
	assert_got(&pair->b, "EHLO again\r\n");
	assert_int_equal(pair->a.count[STREAM_ERROR] + pair->b.count[STREAM_ERROR], 0);
}

static void clear_text_before_tls_is_dropped_and_told(void **state)
{
	struct pair *pair = *state;

	pair->b.keep = true;
	pair->b.number = 1; /* there is more than the command */
	pair->b.event = start_server;
	pair->a.event = start_client;
	stream_write(pair->a.stream, gw_str("STARTTLS\r\nMAIL FROM:<evil@example>\r\n"));
	await_length(&pair->b, 12);
	assert_got(&pair->b, "EHLO again\r\n");
}

static void a_cut_without_goodbye_is_the_end_as_well(void **state)
{
	struct pair *pair = *state;

	shake(pair);
	stream_write(pair->a.stream, gw_str("DATA half"));
	await_length(&pair->b, 9);
	stream_destroy(pair->a.stream); /* closes without close_notify */
	pair->a.stream = NULL;
	await_event(&pair->b, STREAM_EOF);
	assert_int_equal(pair->b.count[STREAM_ERROR], 0);
}

static void a_finished_stream_says_goodbye(void **state)
{
	struct pair *pair = *state;
	char *bytes = pattern(1 << 20);

	shake(pair);
	stream_pause(pair->b.stream);
	stream_write(pair->a.stream, gw_str_n(bytes, 1 << 20));
	stream_finish(pair->a.stream, 10000);
	pair->a.stream = NULL;
	run_for(pair->worker, 10);
	stream_resume(pair->b.stream);
	await_event(&pair->b, STREAM_EOF);
	assert_int_equal(buf_len(&pair->b.got), 1 << 20);
	free(bytes);
}

static void garbage_instead_of_a_handshake_is_an_error(void **state)
{
	struct tls_context *server = server_of(&good);
	struct pair *pair = *state;

	assert_int_equal(stream_start_tls_server(pair->b.stream, server), 0);
	tls_release(server);
	stream_write(pair->a.stream, gw_str("QUIT\r\nQUIT\r\nQUIT\r\n"));
	await_event(&pair->b, STREAM_ERROR);
	assert_memory_equal(pair->b.error, "TLS: ", 5);
	assert_string_equal(pair->b.told, "X");
}

static void a_peer_that_goes_during_the_handshake_is_an_error(void **state)
{
	struct tls_context *server = server_of(&good);
	struct pair *pair = *state;

	assert_int_equal(stream_start_tls_server(pair->b.stream, server), 0);
	tls_release(server);
	stream_destroy(pair->a.stream);
	pair->a.stream = NULL;
	await_event(&pair->b, STREAM_ERROR);
	assert_string_equal(pair->b.error, "connection closed during the TLS handshake");
}

static void a_stalled_handshake_times_out(void **state)
{
	struct tls_context *server = server_of(&good);
	struct pair *pair = *state;

	assert_int_equal(stream_start_tls_server(pair->b.stream, server), 0);
	tls_release(server);
	stream_timeout(pair->b.stream, 20);
	await_event(&pair->b, STREAM_TIMEOUT);
	assert_string_equal(pair->b.told, "T");
}

/* A bare OpenSSL client that offers no more than the version. */
static int shake_bare(struct pair *pair, int version, int *agreed)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct tls_context *server = server_of(&good);
	int64_t until = clock_monotonic() + PATIENCE_MS;
	SSL *ssl;
	int done;

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, version);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, pair->fd);
	assert_int_equal(stream_start_tls_server(pair->a.stream, server), 0);
	do {
		done = SSL_connect(ssl);
		run_for(pair->worker, 1);
	} while (done != 1 && SSL_get_error(ssl, done) == SSL_ERROR_WANT_READ &&
		 clock_monotonic() < until);
	*agreed = SSL_version(ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	tls_release(server);
	ERR_clear_error();
	return done;
}

static void old_versions_are_refused(void **state)
{
	struct pair *pair = *state;
	int agreed;

	assert_int_not_equal(shake_bare(pair, TLS1_1_VERSION, &agreed), 1);
	await_event(&pair->a, STREAM_ERROR);
	assert_string_equal(pair->a.told, "X");
}

static void version_1_2_is_taken(void **state)
{
	struct pair *pair = *state;
	int agreed;

	assert_int_equal(shake_bare(pair, TLS1_2_VERSION, &agreed), 1);
	assert_int_equal(agreed, TLS1_2_VERSION);
	await_event(&pair->a, STREAM_CONNECTED);
}

/* Let in or not; and is it known by its fingerprint, by its subject? */
static void a_client_certificate_is_what_it_is_worth(void **state)
{
	static const struct {
		enum tls_clients clients;
		bool with_ca;
		const struct made *own;
		bool accepted, fingerprint, subject;
	} cases[] = {
		{ TLS_CLIENTS_UNASKED, true, &good, true, false, false },
		{ TLS_CLIENTS_ASKED, true, NULL, true, false, false },
		{ TLS_CLIENTS_ASKED, true, &good, true, true, true },
		{ TLS_CLIENTS_ASKED, true, &self_signed, true, true, false },
		{ TLS_CLIENTS_ASKED, false, &good, true, true, false },
		{ TLS_CLIENTS_ASKED, false, &self_signed, true, true, false },
		{ TLS_CLIENTS_REQUIRED, true, NULL, false, false, false },
		{ TLS_CLIENTS_REQUIRED, true, &good, true, true, true },
		{ TLS_CLIENTS_REQUIRED, true, &self_signed, false, false, false },
		{ TLS_CLIENTS_REQUIRED, false, NULL, false, false, false },
		{ TLS_CLIENTS_REQUIRED, false, &self_signed, true, true, false },
	};
	struct tls_server_options options = { .pair.certificate = gw_str(good.certificate_path),
					      .pair.key = gw_str(good.key_path) };
	struct tls_context *client, *server;
	struct problems problems;
	struct pair *pair;
	void *made;
	size_t i;

	problems_init(&problems);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pair = pair_create(false);
		made = pair;
		options.clients = cases[i].clients;
		options.client_ca = gw_str(cases[i].with_ca ? ca.certificate_path : "");
		server = tls_server_create(&options, NULL, 0, &problems);
		client = client_of(true, cases[i].own);
		shake_with(pair, client, server, "mail.example");
		assert_int_equal(pair->b.count[STREAM_CONNECTED], cases[i].accepted);
		if (cases[i].accepted) {
			assert_int_equal(stream_tls_fingerprint(pair->b.stream).len,
					 cases[i].fingerprint ? 64 : 0);
			assert_string_equal(stream_tls_subject(pair->b.stream).ptr,
					    cases[i].subject ? "CN=good" : "");
		}
		tls_release(client);
		tls_release(server);
		tear_down_pair(&made);
	}
	problems_finish(&problems);
}

/* The second connection to a name is short; another name begins anew. */
static void a_session_is_resumed_by_name(void **state)
{
	static const struct {
		const char *name;
		bool reused;
	} cases[] = { { "mail.example", false },
		      { "mail.example", true },
		      { "other.example", false },
		      { "mail.example", true } };
	struct tls_context *client = client_of(false, NULL), *server = server_of(&good);
	struct pair *pair;
	void *made;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pair = pair_create(false);
		made = pair;
		shake_with(pair, client, server, cases[i].name);
		assert_int_equal(SSL_session_reused(pair->a.stream->link->ssl), cases[i].reused);
		stream_write(pair->b.stream, gw_str("250 ok"));
		await_length(&pair->a, 6); /* the ticket came before it */
		tear_down_pair(&made);
	}
	tls_release(client);
	tls_release(server);
}

/* Whoever only looks takes any certificate; a link that demands one is not to profit from that. */
static void a_session_that_proved_nothing_is_no_proof(void **state)
{
	static const struct {
		bool looks, connected;
	} cases[] = { { true, true }, { false, false }, { true, true }, { false, false } };
	struct tls_context *client = client_of(true, NULL), *server = server_of(&self_signed);
	struct pair *pair;
	void *made;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pair = pair_create(false);
		made = pair;
		client_only_looks = cases[i].looks;
		shake_with(pair, client, server, "mail.example");
		assert_int_equal(pair->a.count[STREAM_CONNECTED], cases[i].connected);
		if (cases[i].connected) {
			assert_int_equal(stream_tls_proven(pair->a.stream), TLS_CHECK_NOTHING);
			assert_int_not_equal(stream_tls_doubt(pair->a.stream).len, 0);
			stream_write(pair->b.stream, gw_str("250 ok"));
			await_length(&pair->a, 6); /* the ticket came before it */
		}
		tear_down_pair(&made);
	}
	client_only_looks = false;
	tls_release(client);
	tls_release(server);
}

static void destroy_at_once(struct side *side, enum stream_event event)
{
	stream_destroy(side->stream);
	side->stream = NULL;
}

static void a_stream_may_be_destroyed_when_its_handshake_ends(void **state)
{
	struct tls_context *client = client_of(true, NULL), *server = server_of(&good);
	struct pair *pair = *state;

	pair->a.event = pair->b.event = destroy_at_once;
	shake_with(pair, client, server, "mail.example");
	assert_null(pair->a.stream);
	tls_release(client);
	tls_release(server);
}

#define PAIR(name) cmocka_unit_test_setup_teardown(name, set_up_pair, tear_down_pair)
#define BARE(name) cmocka_unit_test_setup_teardown(name, set_up_bare, tear_down_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_believes_only_the_right_certificate),
		PAIR(both_sides_know_what_was_agreed),
		PAIR(a_megabyte_goes_both_ways),
		PAIR(nothing_is_forgotten_by_a_pause),
		PAIR(nothing_is_forgotten_at_the_input_limit),
		PAIR(tls_starts_after_the_reply_in_clear),
		PAIR(clear_text_before_tls_is_dropped_and_told),
		PAIR(a_cut_without_goodbye_is_the_end_as_well),
		PAIR(a_finished_stream_says_goodbye),
		PAIR(garbage_instead_of_a_handshake_is_an_error),
		PAIR(a_peer_that_goes_during_the_handshake_is_an_error),
		PAIR(a_stalled_handshake_times_out),
		BARE(old_versions_are_refused),
		BARE(version_1_2_is_taken),
		cmocka_unit_test(a_client_certificate_is_what_it_is_worth),
		cmocka_unit_test(a_session_is_resumed_by_name),
		cmocka_unit_test(a_session_that_proved_nothing_is_no_proof),
		PAIR(a_stream_may_be_destroyed_when_its_handshake_ends),
	};

	if (loop_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
