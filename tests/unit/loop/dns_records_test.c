#include "knot.h"

#include "loop/dns_records.h"

static struct knot knot;
static char anchor[256];

struct fixture {
	struct worker *worker;
	struct dns *dns;
	size_t told;
	char text[2048]; /* "FOUND secure 300: a|b" of the first answer */
};

static struct dns *make_dns(struct worker *worker, const char *server)
{
	struct dns_options options = { .local = true, .trust_anchor = gw_str(anchor) };

	return knot_dns(worker, server, options);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->worker = worker_create(0);
	f->dns = make_dns(f->worker, knot.server);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	dns_destroy(f->dns);
	assert_null(dns_of(f->worker));
	worker_destroy(f->worker);
	free(f);
	return 0;
}

/* The TTL of the zones below that this is what is left of: an answer out of the cache has aged. */
static unsigned given_ttl(uint32_t left)
{
	static const unsigned zone_ttls[] = { 0, 7, 60, 120, 300 };

	for (size_t i = 0; i < sizeof(zone_ttls) / sizeof(*zone_ttls); i++)
		if (left <= zone_ttls[i])
			return zone_ttls[i];
	return left;
}

static void ended(const struct gw_dns_answer *answer, void *arg)
{
	static const char *const names[] = { "?", "FOUND", "NONE", "NO_NAME", "FAILED" };
	struct fixture *f = arg;
	size_t i, len;

	if (f->told++ != 0)
		return; /* what the first was told is looked at */
	len = (size_t)snprintf(f->text, sizeof(f->text), "%s%s %u:%s", names[answer->status],
			       answer->secure ? " secure" : "", given_ttl(answer->ttl),
			       answer->error.ptr);
	for (i = 0; i < answer->records.count && len < sizeof(f->text); i++)
		len += (size_t)snprintf(f->text + len, sizeof(f->text) - len, "%s%.*s",
					i ? "|" : " ", GW_STR_ARGS(answer->records.items[i]));
}

static struct dns_query *ask_for(struct fixture *f, const struct gw_dns_question *wanted)
{
	struct gw_dns_question question = *wanted;
	size_t told = f->told;
	struct dns_query *query;

	assert_null(dns_records_wrong(&question));
	query = dns_records_ask(f->dns, &question, ended, f);
	assert_non_null(query);
	assert_int_equal(f->told, told); /* never from inside the call */
	return query;
}

static struct dns_query *ask(struct fixture *f, const char *name, enum gw_dns_type type,
			     uint32_t deadline)
{
	return ask_for(f, &(struct gw_dns_question){ .size = sizeof(struct gw_dns_question),
						     .type = type,
						     .name = gw_str(name),
						     .deadline_ms = deadline });
}

static bool has_told(void *arg)
{
	const struct fixture *f = arg;

	return f->told > 0;
}

static const char *look_up(struct fixture *f, const char *name, enum gw_dns_type type)
{
	f->told = 0;
	ask(f, name, type, 0);
	assert_true(run_until(f->worker, has_told, f));
	assert_int_equal(f->told, 1);
	return f->text;
}

static const char test_zone[] =
	"$ORIGIN test.\n$TTL 300\n@ SOA ns h 1 3600 600 86400 120\n@ NS ns\nns A 127.0.0.1\n"
	"plain A 192.0.2.1\nplain AAAA 2001:db8::1\nplain MX 20 b.plain\nplain MX 10 A.Plain\n"
	"plain TXT \"v=spf1 \" \"ip4:192.0.2.1 -all\"\nbrief 7 TXT \"x\"\n"
	"null MX 0 .\nalias CNAME plain\n1.2.0.192.in-addr PTR Host.Example.\n"
	"_25._tcp.plain TLSA 3 1 2 6162\n"
	"xn--bcher-kva TXT \"book\"\n"
	"odd\\043sign\\061x TXT \"odd\"\na\\032b TXT \"blank\"\n";

static const char signed_zone[] =
	"$ORIGIN signed.test.\n$TTL 300\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n@ TXT \"proved\"\n";

static void records_are_text(void **state)
{
	static const struct {
		const char *name;
		enum gw_dns_type type;
		const char *answer;
	} rows[] = {
		{ "plain.test", GW_DNS_A, "FOUND 300: 192.0.2.1" },
		{ "PLAIN.test.", GW_DNS_AAAA, "FOUND 300: 2001:db8::1" },
		{ "plain.test", GW_DNS_MX, "FOUND 300: a.plain.test|b.plain.test" },
		{ "plain.test", GW_DNS_TXT, "FOUND 300: v=spf1 ip4:192.0.2.1 -all" },
		{ "alias.test", GW_DNS_A, "FOUND 300: 192.0.2.1" },
		{ "brief.test", GW_DNS_TXT, "FOUND 7: x" },
		{ "null.test", GW_DNS_MX, "FOUND 300: " },
		{ "1.2.0.192.in-addr.test", GW_DNS_PTR, "FOUND 300: host.example" },
		{ "_25._tcp.plain.test", GW_DNS_TLSA, "FOUND 300: \003\001\002ab" },
		{ "b\303\274cher.test", GW_DNS_TXT, "FOUND 300: book" },
		{ "odd+sign=x.test", GW_DNS_TXT, "FOUND 300: odd" },
		{ "null.test", GW_DNS_TXT, "NONE 120:" },
		{ "nobody.test", GW_DNS_TXT, "NO_NAME 120:" },
		{ "a..test", GW_DNS_TXT, "NO_NAME 0:" },
		{ "a b.test", GW_DNS_TXT, "FOUND 300: blank" },
		{ "a\\b.test", GW_DNS_TXT, "NO_NAME 120:" },
		{ "test", GW_DNS_NS, "FOUND 300: ns.test" },
		{ "test", GW_DNS_SOA, "FOUND 300: ns.test" },
		{ "plain.test", GW_DNS_SOA, "NONE 120:" },
		{ "alias.test", GW_DNS_CNAME, "FOUND 300: plain.test" },
		{ "", GW_DNS_TXT, "NO_NAME 0:" },
		{ "any.broken.test", GW_DNS_TXT, "FAILED 0:the name servers do not know it now" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(look_up(f, rows[i].name, rows[i].type), rows[i].answer);
}

static void what_dnssec_proves_is_secure(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(look_up(f, "signed.test", GW_DNS_TXT), "FOUND secure 300: proved");
	assert_string_equal(look_up(f, "nobody.signed.test", GW_DNS_TXT), "NO_NAME secure 60:");
}

static void other_questions_are_not_asked(void **state)
{
	const struct gw_dns_question any = { .size = sizeof(any), .type = 255 }, slow = {
		.size = sizeof(slow), .type = GW_DNS_A, .deadline_ms = 60001
	};

	assert_non_null(dns_records_wrong(&any));
	assert_non_null(dns_records_wrong(&slow));
}

/* A name server that says nothing. */
static int silent(struct fixture *f)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in address = loopback(0);
	char server[32];

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	snprintf(server, sizeof(server), "127.0.0.1@%u", port_of(fd));
	dns_destroy(f->dns);
	f->dns = make_dns(f->worker, server);
	return fd;
}

static void silence_ends_with_the_deadline(void **state)
{
	struct fixture *f = *state;
	int fd = silent(f);

	ask(f, "plain.test", GW_DNS_A, 50);
	assert_true(run_until(f->worker, has_told, f));
	assert_string_equal(f->text, "FAILED 0:the name servers did not answer in time");
	close(fd);
}

static const char *look_afresh(struct fixture *f, const char *name, uint32_t deadline)
{
	f->told = 0;
	ask_for(f, &(struct gw_dns_question){ .size = sizeof(struct gw_dns_question),
					      .type = GW_DNS_TXT,
					      .name = gw_str(name),
					      .deadline_ms = deadline,
					      .fresh = 1 });
	assert_true(run_until(f->worker, has_told, f));
	return f->text;
}

/* With servers that answer nobody: what was kept is known, and who asks afresh is not told it. */
static void who_asks_afresh_is_not_told_what_was_kept(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(look_up(f, "brief.test", GW_DNS_TXT), "FOUND 7: x");
	kill(knot.process, SIGSTOP);
	assert_string_equal(look_up(f, "brief.test", GW_DNS_TXT), "FOUND 7: x");
	assert_string_equal(look_afresh(f, "brief.test", 50),
			    "FAILED 0:the name servers did not answer in time");
	kill(knot.process, SIGCONT);
	assert_string_equal(look_afresh(f, "brief.test", 0), "FOUND 7: x");
}

/* More than may be on their way: one of the rest ends with its deadline, without having been asked.
 */
static void more_than_may_be_asked_wait_for_their_turn(void **state)
{
	struct fixture *f = *state;
	int fd = silent(f);
	struct dns_query *others[299];
	char name[32];

	for (int i = 0; i < 299; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		others[i] = ask(f, name, GW_DNS_A, 60000);
	}
	ask(f, "last.test", GW_DNS_A, 50);
	assert_true(run_until(f->worker, has_told, f));
	assert_string_equal(f->text, "FAILED 0:too many questions are asked of the DNS");
	for (int i = 0; i < 299; i++)
		dns_records_cancel(others[i]);
	close(fd);
}

static void a_cancelled_question_is_not_answered(void **state)
{
	struct fixture *f = *state;
	struct dns_query *asked = ask(f, "plain.test", GW_DNS_A, 0),
			 *ready = ask(f, "", GW_DNS_A, 0);

	dns_records_cancel(asked);
	dns_records_cancel(ready);
	assert_string_equal(look_up(f, "plain.test", GW_DNS_MX),
			    "FOUND 300: a.plain.test|b.plain.test");
}

static void it_may_end_before_its_answers(void **state)
{
	struct fixture *f = *state;

	dns_records_cancel(ask(f, "plain.test", GW_DNS_A, 0));
	dns_records_cancel(ask(f, "plain.test", GW_DNS_MX, 0));
}

static void write_anchor(void)
{
	char command[256], line[512] = "";
	FILE *keys;

	snprintf(command, sizeof(command), "keymgr -c %s/knot.conf signed.test. ds 2>/dev/null",
		 knot.folder);
	keys = popen(command, "r");
	assert_non_null(fgets(line, sizeof(line), keys));
	pclose(keys);
	knot_write(&knot, "anchor", line);
	snprintf(anchor, sizeof(anchor), "%s/anchor", knot.folder);
}

static int start_server(void **state)
{
	knot_prepare(&knot);
	knot_write(&knot, "test.zone", test_zone);
	knot_write(&knot, "signed.zone", signed_zone);
	knot_start(
		&knot,
		"policy:\n  - id: fast\n    single-type-signing: on\n"
		"zone:\n  - domain: test\n    file: test.zone\n  - domain: broken.test\n    file: there-is-none.zone\n"
		"  - domain: signed.test\n    file: signed.zone\n    dnssec-signing: on\n    dnssec-policy: fast\n");
	knot_await(&knot, "test");
	knot_await(&knot, "signed.test");
	write_anchor();
	return 0;
}

static int stop_server(void **state)
{
	knot_stop(&knot);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_are_text),
		TEST(what_dnssec_proves_is_secure),
		TEST(silence_ends_with_the_deadline),
		TEST(who_asks_afresh_is_not_told_what_was_kept),
		TEST(more_than_may_be_asked_wait_for_their_turn),
		TEST(a_cancelled_question_is_not_answered),
		TEST(it_may_end_before_its_answers),
		cmocka_unit_test(other_questions_are_not_asked),
	};

	if (!knot_is_there())
		return 77;
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
