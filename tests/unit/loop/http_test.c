#include "tls_test.h"

#include "loop/http.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

/* --- a server: one thread, one connection at a time, what it says is in the path --- */

#define ENDLESS (1u << 30)

struct served {
	const char *path, *head, *body;
	size_t times;     /* so often the body */
	const char *tail; /* may be NULL */
};

/* 61 octets: 1074 of them, a Content-Length of 20 and the empty line are 64 KiB. */
#define LINE_61 "X-Line: 012345678901234567890123456789012345678901234567890\r\n"

static const struct served pages[] = {
	{ "/ok", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nRetry-After:  7 \r\nX-Empty:\r\n\r\n",
	  "hello", 1 },
	{ "/none", "HTTP/1.1 204 No Content\r\n\r\n", "", 1 },
	{ "/interim",
	  "HTTP/1.1 100 Continue\r\nX-First: 1\r\n\r\nHTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nX-Second: 2\r\n\r\n",
	  "no", 1 },
	{ "/503", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\n", "busy", 1 },
	{ "/302", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", "", 1 },
	{ "/garbage", "\x01\x02 not a reply at all\r\n\r\n", "", 1 },
	{ "/huge", "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", "0123456789abcdef",
	  ENDLESS / 16 },
	{ "/endless", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", "0123456789abcdef",
	  ENDLESS / 16 },
	{ "/header", "HTTP/1.1 200 OK\r\n", "X-Line: and another one, and so on and on\r\n",
	  ENDLESS / 16 },
	{ "/full", "HTTP/1.1 200 OK\r\nContent-Length: 00\r\n", LINE_61, 1074, "\r\n" },
	{ "/over", "HTTP/1.1 200 OK\r\nContent-Length: 000\r\n", LINE_61, 1074, "\r\n" },
	/* the connection ends after the request, and no octet comes back */
	{ "/gone", "", "", 0 },
	{ "/cut", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "only this", 1 },
};

static struct made authority, good, stranger, expired;
static atomic_int served_count, accepted_count;
static char asked[70000]; /* the last request, whole */

struct server {
	int fd;
	uint16_t port;
	pthread_t thread;
	SSL_CTX *context;
};

static bool write_all(SSL *ssl, const char *bytes, size_t len)
{
	return len == 0 || SSL_write(ssl, bytes, (int)len) > 0;
}

static void serve_page(SSL *ssl, const struct served *page)
{
	bool written = write_all(ssl, page->head, strlen(page->head));

	for (size_t i = 0; i < page->times && written; i++)
		written = write_all(ssl, page->body, strlen(page->body));
	if (page->tail && written)
		write_all(ssl, page->tail, strlen(page->tail));
}

static size_t length_of_body(const char *request)
{
	const char *field = strstr(request, "Content-Length: ");

	return field != NULL ? strtoul(field + 16, NULL, 10) : 0;
}

/* False: the client is gone. */
static bool read_request(SSL *ssl)
{
	char text[sizeof(asked)] = "";
	size_t len = 0;
	const char *end = NULL;

	while (end == NULL || len < (size_t)(end + 4 - text) + length_of_body(text)) {
		int got = SSL_read(ssl, text + len, (int)(sizeof(text) - 1 - len));

		if (got <= 0)
			return false;
		text[len += (size_t)got] = '\0';
		end = strstr(text, "\r\n\r\n");
	}
	memcpy(asked, text, len + 1);
	return true;
}

static bool serve_one(SSL *ssl)
{
	char path[64];

	if (!read_request(ssl))
		return false;
	assert_int_equal(sscanf(asked, "%*s %63s", path), 1);
	served_count++;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (strcmp(pages[i].path, path) == 0) {
			serve_page(ssl, &pages[i]);
			return strstr(pages[i].head, "Content-Length") != NULL &&
			       strcmp(path, "/cut") != 0;
		}
	return read_request(ssl); /* "/slow": until the client leaves */
}

static void *serve(void *arg)
{
	struct server *server = arg;
	int fd;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		SSL *ssl = SSL_new(server->context);

		accepted_count++;
		SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) == 1)
			while (serve_one(ssl))
				continue;
		SSL_free(ssl);
		close(fd);
	}
	return NULL;
}

static void server_start(struct server *server, const struct made *made)
{
	struct sockaddr_in address = loopback(0);

	server->context = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(server->context, made->certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server->context, made->key), 1);
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server->fd, 16), 0);
	server->port = port_of(server->fd);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
	SSL_CTX_free(server->context);
}

/* --- a request and what came of it --- */

struct told {
	bool over;
	int status;
	char body[256], error[256], retry[32], first[32], second[32];
	size_t len;
	bool sent;
	int begun;
	/* the body that is read */
	uint64_t read, stop_at; /* stop_at 0: whole */
	size_t pieces;
};

static void copy_str(char *out, size_t size, struct gw_str text)
{
	assert_int_equal(text.ptr[text.len], '\0');
	snprintf(out, size, "%s", text.ptr);
}

static void ended(const struct gw_http_answer *answer, void *arg)
{
	struct told *told = arg;

	assert_false(told->over);
	told->over = true;
	told->status = answer->status;
	told->len = answer->body.len;
	told->sent = answer->sent;
	told->begun = answer->begun;
	copy_str(told->body, sizeof(told->body), answer->body);
	copy_str(told->error, sizeof(told->error), answer->error);
	copy_str(told->retry, sizeof(told->retry), gw_http_field(answer, gw_str("retry-after")));
	copy_str(told->first, sizeof(told->first), gw_http_field(answer, gw_str("X-First")));
	copy_str(told->second, sizeof(told->second), gw_http_field(answer, gw_str("X-Second")));
	assert_int_equal(gw_http_field(answer, gw_str("X-Empty")).len, 0);
}

struct scene {
	struct server server;
	struct worker *worker;
	char url[128];
};

static void scene_begin(struct scene *scene, const struct made *made)
{
	server_start(&scene->server, made);
	scene->worker = worker_create(0);
	accepted_count = served_count = 0;
}

static void scene_end(struct scene *scene)
{
	worker_destroy(scene->worker);
	server_stop(&scene->server);
}

static struct gw_http_request request_for(struct scene *scene, const char *path)
{
	snprintf(scene->url, sizeof(scene->url), "https://localhost:%u%s", scene->server.port,
		 path);
	return (struct gw_http_request){ .size = sizeof(struct gw_http_request),
					 .url = gw_str(scene->url),
					 .ca_file = gw_str(authority.certificate_path) };
}

static struct told fetch(struct scene *scene, const struct gw_http_request *request)
{
	struct told told = { 0 };

	assert_null(http_request_wrong(request));
	assert_non_null(http_begin(scene->worker, request, ended, &told));
	assert_false(told.over); /* never from inside a call */
	assert_true(run_until(scene->worker, is_set, &told.over));
	return told;
}

static struct told get(const char *path)
{
	struct scene scene;
	struct gw_http_request request;
	struct told told;

	scene_begin(&scene, &good);
	request = request_for(&scene, path);
	told = fetch(&scene, &request);
	scene_end(&scene);
	return told;
}

/* --- tests --- */

/* --- a body that is read while it is sent --- */

static long read_body(void *arg, uint64_t offset, void *out, size_t len)
{
	struct told *told = arg;

	assert_false(told->over);
	assert_int_equal(offset, told->read);
	if (told->stop_at && offset >= told->stop_at)
		return -1;
	len = len < 1000 ? len : 1000;
	memset(out, 'a' + (int)(told->pieces++ % 26), len);
	told->read += len;
	return (long)len;
}

static struct told post(struct scene *scene, const char *path, uint64_t size, uint64_t stop_at)
{
	struct told told = { .stop_at = stop_at };
	struct gw_http_request request = request_for(scene, path);

	request.body_size = size;
	request.body_read = read_body;
	assert_null(http_request_wrong(&request));
	assert_non_null(http_begin(scene->worker, &request, ended, &told));
	assert_true(run_until(scene->worker, is_set, &told.over));
	return told;
}

static void a_body_is_read_piece_by_piece(void **state)
{
	struct scene scene;
	struct told told;

	scene_begin(&scene, &good);
	told = post(&scene, "/ok", 50001, 0);
	assert_int_equal(told.status, 200);
	assert_true(told.sent);
	assert_int_equal(told.read, 50001);
	assert_non_null(strstr(asked, "Content-Length: 50001\r\n"));
	assert_int_equal(strlen(strstr(asked, "\r\n\r\n")), 50001 + 4);
	scene_end(&scene);
}

static void what_cannot_be_read_to_its_end_is_not_sent(void **state)
{
	struct scene scene;
	struct told told;

	scene_begin(&scene, &good);
	told = post(&scene, "/ok", 50001, 20000);
	assert_int_equal(told.status, 0);
	assert_false(told.sent);
	assert_int_equal(served_count, 0);
	scene_end(&scene);
}

/* libcurl begins again over a new connection, and does not get there: the server may have done what
 * was asked. */
static void a_body_that_was_read_is_never_sent_twice(void **state)
{
	struct scene scene;
	struct told told;

	scene_begin(&scene, &good);
	assert_int_equal(post(&scene, "/ok", 100, 0).status, 200);
	told = post(&scene, "/gone", 100, 0);
	assert_int_equal(told.status, 0);
	assert_true(told.sent);
	assert_int_equal(told.begun, 0);
	assert_int_equal(served_count, 2);
	scene_end(&scene);
}

static void an_answer_that_broke_off_says_how_it_began(void **state)
{
	struct scene scene;
	struct told told;

	scene_begin(&scene, &good);
	told = post(&scene, "/cut", 100, 0);
	assert_int_equal(told.status, 0);
	assert_int_equal(told.begun, 200);
	assert_true(told.sent);
	told = post(&scene, "/huge", 100, 0);
	assert_int_equal(told.begun, 200);
	scene_end(&scene);
	assert_int_equal(get("/503").begun, 0);
}

static void answers_of_every_kind(void **state)
{
	static const struct {
		const char *path;
		int status;
		const char *body, *error;
	} cases[] = {
		{ "/ok", 200, "hello", "" },
		{ "/none", 204, "", "" },
		{ "/503", 503, "busy", "" },
		{ "/302", 302, "", "" }, /* followed by nobody */
		{ "/interim", 400, "no", "" },
		{ "/garbage", 0, "", "HTTP/0.9" },
		{ "/cut", 0, "", "transfer closed" },
		{ "/huge", 0, "", "larger than it may be" },
		{ "/endless", 0, "", "larger than it may be" },
		{ "/header", 0, "", "larger than it may be" },
		{ "/full", 200, "", "" },
		{ "/over", 0, "", "the answer's header is larger than it may be" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct told told = get(cases[i].path);

		assert_int_equal(told.status, cases[i].status);
		assert_string_equal(told.body, cases[i].body);
		if (strstr(told.error, cases[i].error) == NULL)
			fail_msg("%s: %s", cases[i].path, told.error);
		assert_int_equal(told.error[0] == '\0', cases[i].error[0] == '\0');
	}
}

static void fields_are_those_of_the_last_answer(void **state)
{
	struct told told = get("/interim");

	assert_string_equal(told.first, "");
	assert_string_equal(told.second, "2");
	told = get("/ok");
	assert_string_equal(told.retry, "7");
}

static void a_request_goes_out_as_it_was_given(void **state)
{
	struct gw_str headers[] = { GW_STR("Content-Type: application/x-www-form-urlencoded"),
				    gw_str_n("Accept: text/plain and more", 18) };
	struct scene scene;
	struct gw_http_request request;

	scene_begin(&scene, &good);
	request = request_for(&scene, "/ok");
	request.headers = (struct gw_list){ headers, 2 };
	request.body = gw_str_n("grant=one&two=three", 9);
	assert_int_equal(fetch(&scene, &request).status, 200);
	assert_ptr_equal(strstr(asked, "POST /ok HTTP/1.1\r\n"), asked);
	assert_non_null(strstr(asked, "Content-Type: application/x-www-form-urlencoded\r\n"));
	assert_non_null(strstr(asked, "Accept: text/plain\r\n"));
	assert_string_equal(strstr(asked, "\r\n\r\n"), "\r\n\r\ngrant=one");
	assert_null(strstr(asked, "Expect"));

	request.method = gw_str_n("PUTS", 3);
	request.headers.count = 0;
	assert_int_equal(fetch(&scene, &request).status, 200);
	assert_ptr_equal(strstr(asked, "PUT /ok HTTP/1.1\r\n"), asked);
	assert_null(strstr(asked, "Content-Type"));

	request.body = gw_str("");
	request.method = gw_str("DELETE");
	assert_int_equal(fetch(&scene, &request).status, 200);
	assert_ptr_equal(strstr(asked, "DELETE /ok HTTP/1.1\r\n"), asked);
	scene_end(&scene);
}

static void a_connection_is_used_again(void **state)
{
	struct scene scene;
	struct gw_http_request request;

	scene_begin(&scene, &good);
	request = request_for(&scene, "/ok");
	for (int i = 0; i < 5; i++)
		assert_int_equal(fetch(&scene, &request).status, 200);
	assert_int_equal(served_count, 5);
	assert_int_equal(accepted_count, 1);
	scene_end(&scene);
}

static void an_answer_up_to_its_bound_is_taken(void **state)
{
	struct scene scene;
	struct gw_http_request request;

	scene_begin(&scene, &good);
	request = request_for(&scene, "/ok");
	request.answer_max = 5;
	assert_string_equal(fetch(&scene, &request).body, "hello");
	request.answer_max = 4;
	assert_int_equal(fetch(&scene, &request).status, 0);
	scene_end(&scene);
}

static void a_silent_server_is_left_in_time(void **state)
{
	struct scene scene;
	struct gw_http_request request;
	struct told told;

	scene_begin(&scene, &good);
	request = request_for(&scene, "/slow");
	request.deadline_ms = 300;
	told = fetch(&scene, &request);
	assert_int_equal(told.status, 0);
	assert_non_null(strstr(told.error, "timed out"));
	scene_end(&scene);
}

static void a_certificate_has_to_be_right(void **state)
{
	const struct made *wrong[] = { &stranger, &expired };
	struct scene scene;
	struct gw_http_request request;

	for (size_t i = 0; i < 2; i++) {
		scene_begin(&scene, wrong[i]);
		request = request_for(&scene, "/ok");
		assert_non_null(strstr(fetch(&scene, &request).error, "certificate"));
		assert_int_equal(served_count, 0);
		scene_end(&scene);
	}
	scene_begin(&scene, &good); /* of localhost, and the URL says 127.0.0.1 */
	request = request_for(&scene, "/ok");
	snprintf(scene.url, sizeof(scene.url), "https://127.0.0.1:%u/ok", scene.server.port);
	request.url = gw_str(scene.url);
	assert_int_equal(fetch(&scene, &request).status, 0);
	request = request_for(&scene, "/ok"); /* and the system does not know the authority */
	request.ca_file = gw_str("");
	assert_int_equal(fetch(&scene, &request).status, 0);
	assert_int_equal(served_count, 0);
	scene_end(&scene);
}

static bool is_served(void *arg)
{
	return served_count > 0;
}

/* The first one leaves a connection that could be used again. */
static void what_others_named_goes_to_no_private_address(void **state)
{
	struct scene scene;
	struct gw_http_request request;
	struct told told;

	scene_begin(&scene, &good);
	request = request_for(&scene, "/ok");
	assert_int_equal(fetch(&scene, &request).status, 200);
	served_count = accepted_count = 0;
	request.public_only = true;
	told = fetch(&scene, &request);
	assert_int_equal(told.status, 0);
	assert_non_null(strstr(told.error, "private"));
	assert_int_equal(served_count + accepted_count, 0);
	scene_end(&scene);
}

static void a_cancelled_request_is_told_nobody(void **state)
{
	struct scene scene;
	struct gw_http_request request;
	struct told told = { 0 };
	struct http_transfer *transfer;

	scene_begin(&scene, &good);
	request = request_for(&scene, "/slow");
	transfer = http_begin(scene.worker, &request, ended, &told);
	http_cancel(transfer); /* at once */
	transfer = http_begin(scene.worker, &request, ended, &told);
	assert_true(run_until(scene.worker, is_served, NULL));
	http_cancel(transfer); /* on its way */
	request = request_for(&scene, "/ok");
	assert_int_equal(fetch(&scene, &request).status, 200);
	http_begin(scene.worker, &request, ended, &told); /* the worker goes */
	scene_end(&scene);
	assert_false(told.over);
}

/* Many at once, and each end begins another. */
struct relay_race {
	struct scene *scene;
	int left, running;
	bool over;
};

static void handed_on(const struct gw_http_answer *answer, void *arg)
{
	struct relay_race *race = arg;
	struct gw_http_request request = request_for(race->scene, "/none");

	assert_int_equal(answer->status, 204);
	race->running--;
	if (race->left > 0) {
		race->left--;
		race->running++;
		assert_non_null(http_begin(race->scene->worker, &request, handed_on, race));
	}
	race->over = race->running == 0;
}

static void an_end_may_begin_another(void **state)
{
	struct scene scene;
	struct gw_http_request request;
	struct relay_race race = { .scene = &scene, .left = 20 };

	scene_begin(&scene, &good);
	request = request_for(&scene, "/none");
	for (race.running = 0; race.running < 4; race.running++)
		assert_non_null(http_begin(scene.worker, &request, handed_on, &race));
	assert_true(run_until(scene.worker, is_set, &race.over));
	assert_int_equal(served_count, 24);
	scene_end(&scene);
}

static void what_cannot_be_asked_is_refused(void **state)
{
	static struct gw_str split = GW_STR("X: a\r\nY: b"), nameless = GW_STR(": a"),
			     bare = GW_STR("word");
	const struct gw_http_request wrong[] = {
		{ .url = gw_str("http://localhost/") },
		{ .url = gw_str("") },
		{ .url = gw_str("file:///etc/passwd") },
		{ .url = gw_str("https://localhost/a b") },
		{ .url = gw_str("https://localhost/\r\nX: y") },
		{ .url = gw_str_n("https://localhost/\0", 19) },
		{ .url = gw_str("https://localhost/"), .method = gw_str("GET /x") },
		{ .url = gw_str("https://localhost/"), .headers = { &split, 1 } },
		{ .url = gw_str("https://localhost/"), .headers = { &nameless, 1 } },
		{ .url = gw_str("https://localhost/"), .headers = { &bare, 1 } },
		{ .url = gw_str("https://localhost/"), .deadline_ms = 600001 },
		{ .url = gw_str("https://localhost/"), .answer_max = (64u << 20) + 1 },
		{ .url = gw_str("https://localhost/"), .body_size = 1 },
		{ .url = gw_str("https://localhost/"),
		  .body_size = (256u << 20) + 1,
		  .body_read = read_body },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_non_null(http_request_wrong(&wrong[i]));
}

static int set_up(void **state)
{
	loop_init();
	folder_create();
	authority = make_certificate((struct wanted){ .name = "authority", .days = 30 });
	good = make_certificate((struct wanted){
		.name = "good", .alt = "DNS:localhost", .issuer = &authority, .days = 30 });
	expired = make_certificate((struct wanted){
		.name = "expired", .alt = "DNS:localhost", .issuer = &authority, .days = -1 });
	stranger = make_certificate(
		(struct wanted){ .name = "stranger", .alt = "DNS:localhost", .days = 30 });
	return 0;
}

static int tear_down(void **state)
{
	made_finish(&authority);
	made_finish(&good);
	made_finish(&expired);
	made_finish(&stranger);
	folder_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_of_every_kind),
		cmocka_unit_test(a_body_is_read_piece_by_piece),
		cmocka_unit_test(what_cannot_be_read_to_its_end_is_not_sent),
		cmocka_unit_test(a_body_that_was_read_is_never_sent_twice),
		cmocka_unit_test(an_answer_that_broke_off_says_how_it_began),
		cmocka_unit_test(fields_are_those_of_the_last_answer),
		cmocka_unit_test(a_request_goes_out_as_it_was_given),
		cmocka_unit_test(a_connection_is_used_again),
		cmocka_unit_test(an_answer_up_to_its_bound_is_taken),
		cmocka_unit_test(a_silent_server_is_left_in_time),
		cmocka_unit_test(a_certificate_has_to_be_right),
		cmocka_unit_test(what_others_named_goes_to_no_private_address),
		cmocka_unit_test(a_cancelled_request_is_told_nobody),
		cmocka_unit_test(an_end_may_begin_another),
		cmocka_unit_test(what_cannot_be_asked_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
