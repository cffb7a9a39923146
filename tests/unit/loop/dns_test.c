#include "knot.h"

static struct knot knot;
static char anchor[256], wrong_anchor[256]; /* files */

struct asked {
	struct dns_mx_question question;
	bool done;
	const struct dns_answer *answer;
};

struct fixture {
	struct worker *worker;
	struct dns *dns;
};

static void done(struct dns_mx_question *question, const struct dns_answer *answer)
{
	struct asked *asked = (struct asked *)question;

	asked->done = true;
	asked->answer = dns_hold(answer);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct dns_options options = { .local = true, .timeout_ms = 5000 };

	f->worker = worker_create(0);
	f->dns = knot_dns(f->worker, knot.server, options);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	dns_destroy(f->dns);
	worker_destroy(f->worker);
	free(f);
	return 0;
}

static void use(struct fixture *f, struct dns_options options)
{
	dns_destroy(f->dns);
	f->dns = knot_dns(f->worker, knot.server, options);
}

static void ask(struct fixture *f, const char *domain, struct asked *asked)
{
	*asked = (struct asked){ .question.done = done };
	assert_int_equal(dns_mx(f->dns, gw_str(domain), &asked->question), 0);
	assert_false(asked->done); /* never from inside the call */
}

static const struct dns_answer *look_up(struct fixture *f, const char *domain)
{
	struct asked asked;

	ask(f, domain, &asked);
	assert_true(run_until(f->worker, is_set, &asked.done));
	return asked.answer;
}

/* "10 mx1.plain.test 2001:db8::1 192.0.2.1; 20 ..." */
static const char *describe(const struct dns_answer *answer, char *text, size_t size)
{
	size_t i, j, len = 0;

	text[0] = '\0';
	for (i = 0; i < answer->count; i++) {
		const struct dns_host *host = &answer->hosts[i];
		len += (size_t)snprintf(text + len, size - len, "%s%u %s", i != 0 ? "; " : "",
					host->preference, host->name.ptr);
		for (j = 0; j < host->count; j++) {
			const union dns_address *address = &host->addresses[j];
			char number[INET6_ADDRSTRLEN];
			inet_ntop(address->any.sa_family,
				  address->any.sa_family == AF_INET6
					  ? (void *)&address->v6.sin6_addr
					  : (void *)&address->v4.sin_addr,
				  number, sizeof(number));
			len += (size_t)snprintf(text + len, size - len, " %s", number);
		}
	}
	return text;
}

/* --- what comes of a domain --- */

static const char test_zone[] =
	"$ORIGIN test.\n$TTL 300\n@ SOA ns h 1 3600 600 86400 300\n@ NS ns\nns A 127.0.0.1\n"
	"plain MX 20 mx2.plain\nplain MX 10 MX1.Plain\nmx1.plain AAAA 2001:db8::1\nmx1.plain A 192.0.2.1\nmx2.plain A 192.0.2.2\n"
	"equal MX 10 a.equal\nequal MX 10 b.equal\nequal MX 20 c.equal\na.equal A 192.0.2.1\nb.equal A 192.0.2.2\nc.equal A 192.0.2.3\n"
	"likewise MX 7 B.equal\nlikewise MX 9 c.equal\nlikewise MX 7 a.equal\n"
	"null MX 0 .\n"
	"nullandmore MX 0 .\nnullandmore MX 10 mx1.plain\n"
	"bare A 192.0.2.9\nbare AAAA 2001:db8::9\n"
	"six AAAA 2001:db8::6\n"
	"alias CNAME plain\n"
	"baretoo CNAME bare\n"
	"mxalias MX 10 other.mxalias\nother.mxalias CNAME mx2.plain\n"
	"loop CNAME pool\npool CNAME loop\n"
	"nothing TXT \"no mail here\"\n"
	"gone MX 10 mx.gone\n"
	"half MX 10 mx.gone\nhalf MX 20 mx2.plain\n"
	"inside MX 10 mx.inside\nmx.inside A 127.0.0.1\nmx.inside AAAA ::1\nmx.inside A 0.0.0.0\nmx.inside AAAA ::ffff:127.0.0.1\n"
	"twice MX 10 mx2.plain\ntwice MX 5 mx2.plain\n"
	"strange MX 10 no\\032host\n"
	"number MX 10 192.0.2.1.\nboth MX 10 192.0.2.1.\nboth MX 20 mx2.plain\n"
	"xn--bcher-kva MX 10 mx2.plain\n"
	"dead NS ns.dead\nns.dead A 127.0.0.9\n"
	"away MX 10 mx.broken\n"
	"partly MX 10 mx.broken\npartly MX 20 mx2.plain\n"
	"mx.crowd A 192.0.2.77\n"
	"crowd MX 0 mx.crowd\n";

static void a_domain_has_hosts_or_a_reason(void **state)
{
	static const struct {
		const char *domain;
		enum dns_outcome outcome;
		const char *hosts;
	} cases[] = {
		{ "plain.test", DNS_FOUND,
		  "10 mx1.plain.test 2001:db8::1 192.0.2.1; 20 mx2.plain.test 192.0.2.2" },
		{ "PLAIN.Test", DNS_FOUND,
		  "10 mx1.plain.test 2001:db8::1 192.0.2.1; 20 mx2.plain.test 192.0.2.2" },
		{ "alias.test", DNS_FOUND,
		  "10 mx1.plain.test 2001:db8::1 192.0.2.1; 20 mx2.plain.test 192.0.2.2" },
		{ "mxalias.test", DNS_FOUND, "10 other.mxalias.test 192.0.2.2" },
		{ "twice.test", DNS_FOUND, "5 mx2.plain.test 192.0.2.2" },
		{ "nullandmore.test", DNS_FOUND, "10 mx1.plain.test 2001:db8::1 192.0.2.1" },
		{ "half.test", DNS_FOUND, "10 mx.gone.test; 20 mx2.plain.test 192.0.2.2" },
		{ "both.test", DNS_FOUND, "20 mx2.plain.test 192.0.2.2" },
		{ "partly.test", DNS_FOUND, "10 mx.broken.test; 20 mx2.plain.test 192.0.2.2" },
		{ "b\xc3\xbc"
		  "cher.test",
		  DNS_FOUND, "10 mx2.plain.test 192.0.2.2" },
		{ "B\xc3\x9c"
		  "CHER.test",
		  DNS_FOUND, "10 mx2.plain.test 192.0.2.2" },
		{ "xn--bcher-kva.test", DNS_FOUND, "10 mx2.plain.test 192.0.2.2" },
		{ "bare.test", DNS_IMPLICIT, "0 bare.test 2001:db8::9 192.0.2.9" },
		{ "baretoo.test", DNS_IMPLICIT, "0 baretoo.test 2001:db8::9 192.0.2.9" },
		{ "six.test", DNS_IMPLICIT, "0 six.test 2001:db8::6" },
		{ "[192.0.2.1]", DNS_LITERAL, "0 192.0.2.1 192.0.2.1" },
		{ "[IPv6:2001:db8::7]", DNS_LITERAL, "0 2001:db8::7 2001:db8::7" },
		{ "[ipv6:2001:DB8::7]", DNS_LITERAL, "0 2001:db8::7 2001:db8::7" },
		{ "null.test", DNS_NULL_MX, "" },
		{ "missing.test", DNS_NO_DOMAIN, "" },
		{ "", DNS_NO_DOMAIN, "" },
		{ "a..b", DNS_NO_DOMAIN, "" },
		{ "under the.test", DNS_NO_DOMAIN, "" },
		{ "\xff.test", DNS_NO_DOMAIN, "" },
		{ "[2001:db8::7]", DNS_NO_DOMAIN, "" },
		{ "[192.0.2.1", DNS_NO_DOMAIN, "" },
		{ "[]", DNS_NO_DOMAIN, "" },
		{ "nothing.test", DNS_NO_ADDRESS, "" },
		{ "gone.test", DNS_NO_ADDRESS, "" },
		{ "strange.test", DNS_NO_ADDRESS, "" },
		{ "loop.test", DNS_FAILED, "" },
		{ "number.test", DNS_FAILED, "" },
		{ "broken.test", DNS_FAILED, "" },
		{ "away.test", DNS_FAILED, "" },
		{ "dead.test", DNS_FAILED, "" },
	};
	struct fixture *f = *state;
	char text[1024];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct dns_answer *answer = look_up(f, cases[i].domain);
		if (answer->outcome != cases[i].outcome)
			print_error("%s: outcome %d, expected %d\n", cases[i].domain,
				    answer->outcome, cases[i].outcome);
		assert_int_equal(answer->outcome, cases[i].outcome);
		assert_string_equal(describe(answer, text, sizeof(text)), cases[i].hosts);
		assert_int_equal(answer->text.len == 0, answer->count != 0);
		assert_int_equal(answer->security, DNS_INSECURE);
		dns_release(answer);
	}
}

static void domains_with_the_same_hosts_have_the_same_key(void **state)
{
	static const struct {
		const char *domain, *key;
	} cases[] = {
		{ "equal.test", "a.equal.test,b.equal.test>c.equal.test" },
		{ "likewise.test", "a.equal.test,b.equal.test>c.equal.test" },
		{ "six.test", "six.test" },
		{ "[IPv6:2001:db8::7]", "2001:db8::7" },
		{ "null.test", "" },
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct dns_answer *answer = look_up(f, cases[i].domain);
		assert_int_equal(answer->key.len, strlen(cases[i].key));
		assert_memory_equal(answer->key.ptr, cases[i].key, answer->key.len);
		dns_release(answer);
	}
}

static void what_an_outcome_means(void **state)
{
	static const struct {
		enum dns_outcome outcome;
		bool permanent;
		const char *enhanced;
	} cases[] = {
		{ DNS_NULL_MX, true, "5.1.10" },
		{ DNS_NO_DOMAIN, true, "5.1.2" },
		{ DNS_NO_ADDRESS, true, "5.4.4" },
		{ DNS_FAILED, false, "4.4.3" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(dns_verdicts[cases[i].outcome].permanent, cases[i].permanent);
		assert_string_equal(dns_verdicts[cases[i].outcome].enhanced, cases[i].enhanced);
	}
	assert_null(dns_verdicts[DNS_FOUND].enhanced);
}

static void equals_come_in_any_order(void **state)
{
	struct fixture *f = *state;
	const struct dns_answer *answer = look_up(f, "equal.test");
	unsigned char order[DNS_HOSTS];
	int first[3] = { 0 }, i;

	assert_int_equal(answer->count, 3);
	for (i = 0; i < 200; i++) {
		assert_int_equal(dns_order(answer, order), 3);
		assert_int_equal(order[2], 2);
		assert_int_equal(order[0] + order[1], 1);
		first[order[0]]++;
	}
	assert_true(first[0] > 20 && first[1] > 20);
	dns_release(answer);
}

static void of_many_hosts_the_best_and_of_many_addresses_both_families(void **state)
{
	struct fixture *f = *state;
	const struct dns_answer *answer = look_up(f, "hundred.test");
	size_t i, six = 0;

	assert_int_equal(answer->outcome, DNS_FOUND);
	assert_int_equal(answer->count, DNS_HOSTS);
	for (i = 0; i < answer->count; i++)
		assert_int_equal(answer->hosts[i].preference, i);
	dns_release(answer);
	answer = look_up(f, "crowd.test");
	assert_int_equal(answer->hosts[0].count, DNS_ADDRESSES);
	for (i = 0; i < DNS_ADDRESSES; i++)
		six += answer->hosts[0].addresses[i].any.sa_family == AF_INET6;
	assert_int_equal(six, DNS_ADDRESSES - 1);
	dns_release(answer);
}

static void mail_goes_to_no_loopback_address(void **state)
{
	struct fixture *f = *state;
	const struct dns_answer *answer = look_up(f, "inside.test");

	assert_int_equal(answer->hosts[0].count, 4);
	dns_release(answer);
	answer = look_up(f, "[127.0.0.1]");
	assert_int_equal(answer->outcome, DNS_LITERAL);
	dns_release(answer);

	use(f, (struct dns_options){ .local = false });
	answer = look_up(f, "[127.0.0.1]");
	assert_int_equal(answer->outcome, DNS_NO_ADDRESS);
	dns_release(answer);
	answer = look_up(f, "inside.example");
	assert_int_equal(answer->outcome, DNS_NO_ADDRESS);
	dns_release(answer);
}

/* --- time --- */

static void answers_are_kept_and_shared(void **state)
{
	struct fixture *f = *state;
	static const char *const domains[] = { "plain.test", "null.test", "missing.test",
					       "broken.test" };
	size_t i;

	for (i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
		const struct dns_answer *peeked = dns_peek(f->dns, gw_str(domains[i])),
					*first = look_up(f, domains[i]),
					*second = look_up(f, domains[i]);
		assert_null(peeked);
		assert_ptr_equal(first, second);
		assert_ptr_equal(first, dns_peek(f->dns, gw_str(domains[i])));
		dns_release(first);
		dns_release(second);
	}
}

static void who_asks_meanwhile_shares_the_look_up(void **state)
{
	struct fixture *f = *state;
	struct asked one, other;

	ask(f, "plain.test", &one);
	ask(f, "plain.test", &other);
	assert_true(run_until(f->worker, is_set, &other.done));
	assert_true(one.done);
	assert_ptr_equal(one.answer, other.answer);
	dns_release(one.answer);
	dns_release(other.answer);
}

static void an_answer_ends_with_its_ttl(void **state)
{
	struct fixture *f = *state;
	const struct dns_answer *first = look_up(f, "brief.example"), *second;

	run_for(f->worker, 1100); /* the least time that anything is kept */
	second = look_up(f, "brief.example");
	assert_ptr_not_equal(first, second);
	dns_release(first);
	dns_release(second);
}

static void an_answer_outlives_its_dns(void **state)
{
	struct fixture *f = *state;
	const struct dns_answer *answer = look_up(f, "plain.test");
	char text[256];

	dns_destroy(f->dns);
	f->dns = NULL;
	assert_string_equal(describe(answer, text, sizeof(text)),
			    "10 mx1.plain.test 2001:db8::1 192.0.2.1; 20 mx2.plain.test 192.0.2.2");
	dns_release(answer);
}

static void a_cancelled_question_is_not_answered(void **state)
{
	struct fixture *f = *state;
	struct asked cancelled, ready, kept;

	ask(f, "plain.test", &cancelled);
	ask(f, "[192.0.2.1]", &ready);
	ask(f, "plain.test", &kept);
	dns_cancel(&cancelled.question);
	dns_cancel(&ready.question);
	dns_cancel(&ready.question);
	assert_true(run_until(f->worker, is_set, &kept.done));
	assert_false(cancelled.done);
	assert_false(ready.done);
	dns_cancel(&kept.question);
	dns_release(kept.answer);
}

static void it_may_end_before_its_answers(void **state)
{
	struct fixture *f = *state;
	struct asked asked[2];

	ask(f, "plain.test", &asked[0]);
	ask(f, "[192.0.2.1]", &asked[1]);
	dns_cancel(&asked[0].question);
	dns_cancel(&asked[1].question);
	dns_destroy(f->dns);
	f->dns = NULL;
}

static void silence_is_a_failure_after_a_while(void **state)
{
	struct fixture *f = *state;
	struct dns_options options = { .local = true, .timeout_ms = 200 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in address = loopback(0);
	struct knot real = knot;
	const struct dns_answer *answer;

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	snprintf(knot.server, sizeof(knot.server), "127.0.0.1@%u", port_of(fd));
	use(f, options);
	knot = real;
	answer = look_up(f, "plain.test");
	assert_int_equal(answer->outcome, DNS_FAILED);
	assert_non_null(strstr(answer->text.ptr, "in time"));
	dns_release(answer);
	close(fd);
}

/* --- DNSSEC --- */

static void signed_answers_are_secure_and_forged_ones_are_not_used(void **state)
{
	struct fixture *f = *state;
	const struct dns_answer *answer;

	use(f, (struct dns_options){ .local = true, .trust_anchor = gw_str(anchor) });
	answer = look_up(f, "signed.test");
	assert_int_equal(answer->outcome, DNS_FOUND);
	assert_int_equal(answer->security, DNS_SECURE);
	assert_int_equal(answer->hosts[0].security, DNS_SECURE);
	dns_release(answer);
	answer = look_up(f, "missing.signed.test");
	assert_int_equal(answer->outcome, DNS_NO_DOMAIN);
	assert_int_equal(answer->security, DNS_SECURE);
	dns_release(answer);
	answer = look_up(f, "plain.test");
	assert_int_equal(answer->security, DNS_INSECURE);
	dns_release(answer);

	use(f, (struct dns_options){ .local = true, .trust_anchor = gw_str(wrong_anchor) });
	answer = look_up(f, "signed.test");
	assert_int_equal(answer->outcome, DNS_FAILED);
	assert_int_equal(answer->security, DNS_BOGUS);
	assert_non_null(strstr(answer->text.ptr, "DNSSEC"));
	dns_release(answer);
}

/* What of a host's TLSA records counts, by zone and host; "#dane" marks it in the key. */
static void tlsa_records_count_where_they_are_proven(void **state)
{
	static const struct {
		const char *domain;
		bool validate;
		enum dns_tlsa found;
		size_t usable, octets; /* of these together */
	} rows[] = {
		{ "signed.test", true, DNS_TLSA_NONE, 0, 0 },
		{ "ee.signed.test", true, DNS_TLSA_FOUND, 1, 32 },
		{ "many.signed.test", true, DNS_TLSA_FOUND, 2, 67 },
		{ "useless.signed.test", true, DNS_TLSA_FOUND, 0, 0 },
		{ "away.signed.test", true, DNS_TLSA_NONE, 0, 0 }, /* its host is not signed */
		{ "unsigned-tlsa.test", true, DNS_TLSA_NONE, 0, 0 },
		{ "ee.signed.test", false, DNS_TLSA_NONE, 0, 0 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct dns_answer *answer;
		const struct dns_host *host;
		size_t octets = 0;

		use(f,
		    (struct dns_options){ .local = true,
					  .trust_anchor = gw_str(rows[i].validate ? anchor : "") });
		answer = look_up(f, rows[i].domain);
		host = &answer->hosts[0];
		assert_int_equal(answer->count, 1);
		assert_int_equal(host->tlsa_state, rows[i].found);
		assert_int_equal(host->tlsa_count, rows[i].usable);
		assert_int_equal(strstr(answer->key.ptr, "#dane") != NULL,
				 rows[i].found != DNS_TLSA_NONE);
		for (size_t k = 0; k < host->tlsa_count; k++) {
			octets += host->tlsa[k].len;
			assert_int_equal(host->tlsa[k].octets[0], 0xab);
			assert_int_equal(host->tlsa[k].octets[host->tlsa[k].len - 1], 0xcd);
		}
		assert_int_equal(octets, rows[i].octets);
		dns_release(answer);
	}
}

static void what_cannot_be_used_is_said(void **state)
{
	struct fixture *f = *state;
	struct gw_str nonsense = gw_str("not an address");
	const struct dns_options wrong[] = {
		{ .forward = { &nonsense, 1 } },
		{ .trust_anchor = gw_str("/nonexistent/root.key") },
	};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct problems problems;
		problems_init(&problems);
		assert_null(dns_create(f->worker, &wrong[i], &problems));
		assert_int_equal(problems.errors, 1);
		problems_finish(&problems);
	}
}

static void servers_are_addresses_with_or_without_a_port(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "192.0.2.53", true },
		{ "192.0.2.53@5300", true },
		{ "2001:db8::53", true },
		{ "2001:db8::53@53", true },
		{ "system", true },
		{ "", false },
		{ "ns.example.net", false },
		{ "192.0.2.53:53", false },
		{ "192.0.2.53@", false },
		{ "192.0.2.53@0", false },
		{ "192.0.2.53@65536", false },
		{ "192.0.2.53@+53", false },
		{ "192.0.2.53@5x", false },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (dns_is_server(gw_str(cases[i].text)) != cases[i].good)
			fail_msg("%s", cases[i].text);
}

/* --- the server --- */

#define SHA256_OCTETS "ab000000000000000000000000000000000000000000000000000000000000cd"

static void write_zones(void)
{
	char text[16384];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", test_zone);
	int i;

	for (i = 99; i >= 0; i--)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"hundred MX %d m%d.hundred\nm%d.hundred A 192.0.2.%d\n", i,
					i, i, i + 1);
	len += (size_t)snprintf(text + len, sizeof(text) - len,
				"unsigned-tlsa MX 10 tlsa-host\ntlsa-host A 192.0.2.2\n"
				"_25._tcp.tlsa-host TLSA 3 1 1 " SHA256_OCTETS "\n");
	for (i = 0; i < 30; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"mx.crowd AAAA 2001:db8::%x\n", i + 1);
	knot_write(&knot, "test.zone", text);
	knot_write(
		&knot, "signed.zone",
		"$ORIGIN signed.test.\n$TTL 300\n@ SOA ns h 1 3600 600 86400 300\n@ NS ns\nns A 127.0.0.1\n"
		"@ MX 10 mx\nmx A 192.0.2.1\nmx AAAA 2001:db8::1\n"
		"ee MX 10 one\none A 192.0.2.2\n_25._tcp.one TLSA 3 1 1 " SHA256_OCTETS "\n"
		"many MX 10 two\ntwo A 192.0.2.2\n_25._tcp.two TLSA 3 1 2 " SHA256_OCTETS
			SHA256_OCTETS "\n_25._tcp.two TLSA 3 1 0 ab00cd\n"
		"_25._tcp.two TLSA 0 0 1 " SHA256_OCTETS "\n"
		"useless MX 10 three\nthree A 192.0.2.2\n_25._tcp.three TLSA 3 1 1 abcd\n"
		"_25._tcp.three TLSA 3 7 1 " SHA256_OCTETS "\n"
		"away MX 10 tlsa-host.test.\n");
	knot_write(
		&knot, "example.zone",
		"$ORIGIN example.\n$TTL 1\n@ SOA ns h 1 3600 600 86400 1\n@ NS ns\nns A 127.0.0.1\n"
		"brief MX 10 brief\nbrief A 192.0.2.1\n"
		"inside MX 10 mx.inside\nmx.inside A 127.0.0.1\nmx.inside AAAA ::1\nmx.inside A 0.0.0.0\n"
		"mx.inside AAAA ::ffff:127.0.0.1\n");
}

/* As a file for libunbound; `change` spoils the digest. */
static void write_anchor(char *path, size_t size, const char *name, bool change)
{
	char command[256], line[512] = "";
	FILE *keys;

	snprintf(command, sizeof(command), "keymgr -c %s/knot.conf signed.test. ds 2>/dev/null",
		 knot.folder);
	keys = popen(command, "r");
	assert_non_null(fgets(line, sizeof(line), keys));
	pclose(keys);
	if (change)
		line[strlen(line) - 5] = line[strlen(line) - 5] == 'a' ? 'b' : 'a';
	knot_write(&knot, name, line);
	snprintf(path, size, "%s/%s", knot.folder, name);
}

static int start_server(void **state)
{
	knot_prepare(&knot);
	write_zones();
	knot_start(
		&knot,
		"policy:\n  - id: fast\n    single-type-signing: on\n"
		"zone:\n  - domain: test\n    file: test.zone\n  - domain: example\n    file: example.zone\n"
		"  - domain: broken.test\n    file: there-is-none.zone\n"
		"  - domain: signed.test\n    file: signed.zone\n    dnssec-signing: on\n    dnssec-policy: fast\n");
	knot_await(&knot, "test");
	knot_await(&knot, "example");
	knot_await(&knot, "signed.test");
	write_anchor(anchor, sizeof(anchor), "anchor", false);
	write_anchor(wrong_anchor, sizeof(wrong_anchor), "wrong", true);
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
		TEST(a_domain_has_hosts_or_a_reason),
		cmocka_unit_test(what_an_outcome_means),
		TEST(domains_with_the_same_hosts_have_the_same_key),
		TEST(equals_come_in_any_order),
		TEST(of_many_hosts_the_best_and_of_many_addresses_both_families),
		TEST(mail_goes_to_no_loopback_address),
		TEST(answers_are_kept_and_shared),
		TEST(who_asks_meanwhile_shares_the_look_up),
		TEST(an_answer_ends_with_its_ttl),
		TEST(an_answer_outlives_its_dns),
		TEST(a_cancelled_question_is_not_answered),
		TEST(it_may_end_before_its_answers),
		TEST(silence_is_a_failure_after_a_while),
		TEST(signed_answers_are_secure_and_forged_ones_are_not_used),
		TEST(tlsa_records_count_where_they_are_proven),
		TEST(what_cannot_be_used_is_said),
		cmocka_unit_test(servers_are_addresses_with_or_without_a_port),
	};

	if (!knot_is_there())
		return 77;
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
