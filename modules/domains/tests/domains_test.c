/* domains_test.c - what receivers will conclude, told before mail leaves: over a DNS that is a
 * table. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A zone, a record a line: "name TYPE data"; data "!" is no answer. */
struct bench {
	struct testkit *kit;
	struct gw_relay *relay;
	const char *zone,
		*instead; /* what stands in `instead` comes before the zone, by name and type */
	char text[4096];  /* of the answer */
	struct gw_str items[32];
	unsigned asked;
};

#define KEY_P "MCowBQYDK2VwAyEA" /* whatever it is: it is compared */
#define KEY "v=DKIM1; k=ed25519; p=" KEY_P

static const char good[] = "example.com TXT v=spf1 ip4:192.0.2.10 -all\n"
			   "example.com MX mx.example.com\n"
			   "example.com SOA ns.example.com\n"
			   "_dmarc.example.com TXT v=DMARC1; p=reject; rua=mailto:d@example.com\n"
			   "s1._domainkey.example.com TXT " KEY "\n"
			   "bounce.example.com MX relay.example.com\n"
			   "bounce.example.com TXT v=spf1 ip4:192.0.2.10 -all\n"
			   "bounce.crm.example TXT v=spf1 ip4:198.51.100.0/24 -all\n"
			   "crm.example SOA ns.crm.example\n"
			   "bounce.crm.example MX mx.crm.example\n"
			   "10.2.0.192.in-addr.arpa PTR relay.example.com\n"
			   "relay.example.com A 192.0.2.10\n";

static const struct {
	const char *word;
	uint32_t type;
} types[] = { { "A", GW_DNS_A },     { "AAAA", GW_DNS_AAAA }, { "MX", GW_DNS_MX },
	      { "PTR", GW_DNS_PTR }, { "TXT", GW_DNS_TXT },   { "SOA", GW_DNS_SOA } };

static const char *word_of(uint32_t type)
{
	size_t i;

	for (i = 0; i < sizeof types / sizeof *types - 1 && types[i].type != type; i++)
		;
	return types[i].word;
}

/* Adds what the zone has of the question; true: there is a line of that name and type. */
static bool look_up(struct bench *bench, const char *zone, const struct gw_dns_question *question,
		    struct gw_dns_answer *answer)
{
	char begin[300], *at = bench->text;
	size_t len = (size_t)snprintf(begin, sizeof begin, "%.*s %s ", GW_STR_ARGS(question->name),
				      word_of(question->type));
	bool any = false;

	for (; zone && *zone; zone = strchr(zone, '\n') + 1) {
		size_t size = strcspn(zone, "\n");

		if (strncmp(zone, begin, len) != 0)
			continue;
		any = true;
		answer->status = GW_DNS_FOUND;
		memcpy(at, zone + len, size - len);
		at[size - len] = '\0';
		bench->items[answer->records.count++] = gw_str_n(at, size - len);
		at += size - len + 1;
	}
	return any;
}

static void answer_of(void *arg, const struct gw_dns_question *question,
		      struct gw_dns_answer *answer)
{
	struct bench *bench = arg;
	struct gw_str mark;

	bench->asked++;
	*answer = (struct gw_dns_answer){
		.size = sizeof *answer, .status = GW_DNS_NO_NAME, .ttl = 300, .error = gw_str("")
	};
	answer->records.items = bench->items;
	if (!look_up(bench, bench->instead, question, answer))
		look_up(bench, bench->zone, question, answer);
	mark = gw_str(answer->records.count ? bench->text : "");
	if (gw_str_eq(mark, gw_str("!"))) {
		answer->status = GW_DNS_FAILED;
		answer->error = gw_str("no answer");
	} else if (gw_str_eq(mark, gw_str("-"))) {
		answer->status = GW_DNS_NONE; /* taken away */
	} else if (gw_str_eq(mark, gw_str("."))) {
		bench->items[0] = gw_str("");
	}
	if (answer->status != GW_DNS_FOUND)
		answer->records.count = 0;
}

static void publish(struct bench *bench, uint32_t type, const char *name, const char *value,
		    const char *senders)
{
	const struct gw_publication publication = { .size = sizeof publication,
						    .type = type,
						    .name = gw_str(name),
						    .value = gw_str(value),
						    .senders = gw_str(senders) };

	testkit_publication(bench->kit, &publication);
}

/* A relay to the world, with a key and a bounce domain, strict. */
static void bench_init(struct bench *bench, const char *return_path, bool has_key)
{
	*bench = (struct bench){ .zone = good };
	bench->kit = testkit_create(gw_module_v1);
	bench->relay = testkit_relay(bench->kit, "mass-eu");
	testkit_relay_fact(bench->relay, GW_RELAY_MX, "1");
	testkit_relay_option(bench->relay, "domains", "example.com");
	testkit_relay_option(bench->relay, "types", "workflow");
	testkit_relay_option(bench->relay, "return_path", return_path);
	testkit_option(bench->kit, "addresses", "192.0.2.10");
	testkit_option(bench->kit, "strict", "true");
	testkit_dns(bench->kit, answer_of, bench);
	if (has_key)
		publish(bench, GW_DNS_TXT, "s1._domainkey.example.com", KEY, "example.com");
	publish(bench, GW_DNS_MX, "bounce.example.com", "", "");
}

static bool has_problem(struct bench *bench, const char *text)
{
	return testkit_has(bench->kit, TESTKIT_PROBLEM, text);
}

/* --- what is predicted --- */

static void a_kept_return_path_without_a_key_is_an_error_with_both_fixes(void **state)
{
	struct bench bench;

	bench_init(&bench, "keep", false);
	testkit_relay_option(bench.relay, "return_path_domains", "bounce.crm.example");
	assert_int_equal(testkit_start(bench.kit), -1);
	assert_true(has_problem(
		&bench,
		"error: relay mass-eu: name: example.com through mass-eu (return path keep: bounce.crm.example) "
		"from 192.0.2.10: spf=fail dkim=none dmarc=fail (p=reject): receivers refuse it"));
	assert_true(has_problem(&bench, "fix: 1. sign as example.com: gatewayctl dkim keygen"));
	assert_true(has_problem(&bench, "2. let the return path be in example.com or below it"));
	assert_true(has_problem(&bench, "it belongs after access, bounce and dkim"));
	testkit_destroy(bench.kit);

	bench_init(&bench, "keep", true);
	testkit_relay_option(bench.relay, "return_path_domains", "bounce.crm.example");
	assert_int_equal(testkit_start(bench.kit), 0);
	testkit_destroy(bench.kit);
}

/* What stands in the DNS instead, with or without a key, and what is told of it; NULL: nothing. */
static const struct {
	const char *return_path, *instead;
	bool has_key, starts;
	const char *problem;
} faults[] = {
	{ "own", NULL, false, true, NULL },
	{ "from", NULL, false, true, NULL },
	{ "keep", NULL, true, true, NULL },
	{ "bounces@example.com", NULL, true, true, NULL },
	/* SPF */
	{ "from", "example.com TXT v=spf1 -all\n", false, false,
	  "spf=fail dkim=none dmarc=fail (p=reject): receivers refuse it" },
	{ "from", "example.com TXT v=spf1 -all\n", false, false,
	  "2. add ip4:192.0.2.10 to the SPF record of example.com" },
	{ "from", "example.com TXT v=spf1 nonsense\n", true, false,
	  "spf=permerror dkim=pass dmarc=pass (p=reject): its SPF record is broken" },
	{ "from", "example.com TXT v=spf1 -all\n", true, true, NULL },
	/* DKIM */
	{ "keep", "s1._domainkey.example.com TXT -\n", true, false,
	  "s1._domainkey.example.com: dkim=fail: the key is not in the DNS" },
	{ "keep", "s1._domainkey.example.com TXT v=DKIM1; k=ed25519; p=AAAA\n", true, false,
	  "is another key in the DNS than the one that signs" },
	{ "keep", "s1._domainkey.example.com TXT v=DKIM1; p=\n", true, false,
	  "is revoked in the DNS" },
	{ "keep", "s1._domainkey.example.com TXT v=DKIM1; k=ed25519; t=s:y; p=" KEY_P "\n", true,
	  true, "warning: s1._domainkey.example.com: dkim=pass: the key says that it is a test" },
	{ "keep", "s1._domainkey.example.com TXT k=ed25519;p= MCowBQ YDK2VwAyEA ;\n", true, true,
	  NULL },
	{ "keep", "s1._domainkey.example.com TXT v=DKIM1; k=ed25519; s=other; p=" KEY_P "\n", true,
	  false, "is not for mail (s=)" },
	{ "keep", "s1._domainkey.example.com TXT v=DKIM1; k=ed25519; h=sha1; p=" KEY_P "\n", true,
	  false, "is for other hashes than SHA-256 (h=)" },
	/* DMARC */
	{ "from", "_dmarc.example.com TXT v=DMARC1; p=reject; t=y\nexample.com TXT v=spf1 -all\n",
	  false, false, "(p=reject, in test): nothing authenticates it" },
	{ "from", "_dmarc.example.com TXT -\n", true, true,
	  "warning: example.com has no DMARC record" },
	{ "from", "_dmarc.example.com TXT v=DMARC1; p=none; pct=10\n", true, true,
	  "warning: example.com: DMARC: pct, rf and ri mean nothing since RFC 9989" },
	{ "from", "_dmarc.example.com TXT v=DMARC1; p=none; rua=mailto:a@reports.example\n", true,
	  true, "no TXT record example.com._report._dmarc.reports.example that wants them" },
	{ "from",
	  "_dmarc.example.com TXT v=DMARC1; p=none; rua=mailto:a@reports.example!5m\n"
	  "example.com._report._dmarc.reports.example TXT v=DMARC1\n",
	  true, true, NULL },
	/* the fix is for what failed alone */
	{ "from", "_dmarc.example.com TXT v=DMARC1; p=reject\nexample.com TXT v=spf1 -all\n", false,
	  false, "fix: 1. sign as example.com" },
	{ "own", "bounce.example.com TXT v=spf1 ip4:192.0.2.11 -all extra:\n", true, false,
	  "; fix: add ip4:192.0.2.10 to the SPF record of bounce.example.com" },
	{ "own", "_dmarc.example.com TXT v=DMARC1; p=reject; aspf=s\n", false, false,
	  "spf=pass (not aligned) dkim=none dmarc=fail (p=reject)" },
	{ "keep", "_dmarc.example.com TXT v=DMARC1; p=reject; adkim=s\n", true, true, NULL },
	/* places */
	{ "own", "bounce.example.com MX -\n", true, false,
	  "bounce.example.com, the domain of the return path, has no MX: bounces are lost" },
	{ "own", "bounce.example.com MX .\n", true, false, "takes no mail (null MX): bounces" },
	{ "own", "example.com SOA -\n", true, false, "bounce.example.com is in no zone (no SOA)" },
	{ "keep", "example.com MX .\n", true, true,
	  "warning: example.com takes no mail (null MX)" },
	{ "keep", "example.com MX -\n", true, false, "example.com has neither MX nor address" },
	{ "keep", "10.2.0.192.in-addr.arpa PTR -\n", true, false, "192.0.2.10 has no name (PTR)" },
	{ "keep", "relay.example.com A 192.0.2.99\n", true, false,
	  "192.0.2.10 is called relay.example.com, which has other addresses" },
	/* what cannot be known is no error */
	{ "from", "example.com TXT !\n", true, true, NULL },
	{ "from", "_dmarc.example.com TXT !\n", true, true, NULL },
};

static void each_fault_is_told_with_its_place(void **state)
{
	size_t i;

	for (i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct bench bench;
		bool started;

		bench_init(&bench, faults[i].return_path, faults[i].has_key);
		bench.instead = faults[i].instead;
		started = testkit_start(bench.kit) == 0;
		if (started != faults[i].starts ||
		    (faults[i].problem ? !has_problem(&bench, faults[i].problem)
				       : testkit_lines(bench.kit, TESTKIT_PROBLEM) != 0))
			fail_msg("row %zu: started %d, %s", i, started,
				 testkit_line(bench.kit, TESTKIT_PROBLEM, 0));
		testkit_destroy(bench.kit);
	}
}

static void a_bounce_domain_elsewhere_passes_and_is_not_aligned(void **state)
{
	struct bench bench;

	bench_init(&bench, "bounces@elsewhere.example", false);
	bench.instead = "elsewhere.example TXT v=spf1 ip4:192.0.2.10 -all\n"
			"elsewhere.example MX mx.elsewhere.example\nelsewhere.example SOA ns\n";
	assert_int_equal(testkit_start(bench.kit), -1);
	assert_true(has_problem(&bench, "spf=pass (not aligned) dkim=none dmarc=fail"));
	testkit_destroy(bench.kit);
}

static void a_providers_list_of_addresses_is_tried(void **state)
{
	static const struct {
		const char *record;
		bool starts;
	} rows[] = {
		{ "example.com TXT v=spf1 include:spf.provider.example -all\n", true },
		{ "example.com TXT v=spf1 ip4:203.0.113.0/24 -all\n", false }, /* one of two */
		{ "example.com TXT v=spf1 -all\n", false },
		{ "spf.provider.example TXT !\n", true }, /* not known now */
	};
	char zone[400];
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bench bench;

		bench_init(&bench, "from", false);
		snprintf(
			zone, sizeof zone,
			"%sspf.provider.example TXT v=spf1 ip4:203.0.113.0/24 ip6:2001:db8:5::/48 -all\n",
			rows[i].record);
		bench.instead = strstr(zone, "!") ? rows[i].record : zone;
		testkit_relay_fact(bench.relay, GW_RELAY_MX, "0");
		testkit_relay_option(bench.relay, "sends_from", "spf:spf.provider.example");
		assert_int_equal(testkit_start(bench.kit) == 0, rows[i].starts);
		if (!rows[i].starts)
			assert_true(
				has_problem(&bench, "from spf:spf.provider.example: spf=fail") &&
				has_problem(&bench,
					    "2. add include:spf.provider.example to the SPF"));
		testkit_destroy(bench.kit);
	}
}

static void mass_mail_has_to_pass_both(void **state)
{
	struct bench bench;

	bench_init(&bench, "keep", true);
	testkit_relay_option(bench.relay, "types", "mass");
	testkit_relay_option(bench.relay, "return_path_domains", "bounce.crm.example");
	assert_int_equal(testkit_start(bench.kit), 0);
	assert_true(has_problem(&bench, "Microsoft answers 550 5.7.515"));
	assert_true(has_problem(&bench, "with return_path = \"own\" it does"));
	testkit_destroy(bench.kit);

	bench_init(&bench, "own", true);
	testkit_relay_option(bench.relay, "types", "mass");
	assert_int_equal(testkit_start(bench.kit), 0);
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_PROBLEM), 0);
	testkit_destroy(bench.kit);
}

static void a_silent_dns_keeps_nobody_from_starting(void **state)
{
	struct bench bench;

	bench_init(&bench, "own", true);
	testkit_dns(bench.kit, NULL, NULL);
	assert_int_equal(testkit_start(bench.kit), 0);
	testkit_destroy(bench.kit);
}

static void bad_addresses_are_told_at_the_start(void **state)
{
	struct bench bench;

	bench_init(&bench, "own", true);
	testkit_relay_option(bench.relay, "sends_from", "192.0.2.300");
	assert_int_equal(testkit_start(bench.kit), -1);
	assert_true(has_problem(&bench, "sends_from: \"192.0.2.300\" is no IP address"));
	testkit_destroy(bench.kit);
}

/* --- on a worker --- */

/* Answers all that is asked until nothing is. */
static void answer_all(struct bench *bench)
{
	const struct gw_dns_question *question;

	while ((question = testkit_question(bench->kit)) != NULL) {
		struct gw_dns_answer answer;
		char text[4096] = "";
		size_t len = 0, i;

		assert_true(bench->asked < 5000);
		answer_of(bench, question, &answer);
		for (i = 0; i < answer.records.count; i++)
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s",
						i ? "\n" : "",
						GW_STR_ARGS(answer.records.items[i]));
		testkit_run_dns(bench->kit, answer.status, answer.ttl,
				answer.status == GW_DNS_FAILED ? "no answer" : text);
	}
}

static void look(struct bench *bench, int64_t later)
{
	testkit_advance(bench->kit, later);
	testkit_run_tick(bench->kit);
	answer_all(bench);
}

static void bench_run(struct bench *bench, const char *return_path)
{
	bench_init(bench, return_path, true);
	testkit_option(bench->kit, "strict", "false");
	assert_int_equal(testkit_start(bench->kit), 0);
	assert_int_equal(bench->asked, 0); /* nobody waits for it */
	look(bench, 0);
}

static const char *say(struct bench *bench, const char *words)
{
	char all[300];

	snprintf(all, sizeof all, "domain %s", words);
	testkit_forget(bench->kit);
	testkit_run_control(bench->kit, all, true);
	return testkit_line(bench->kit, TESTKIT_REPLY, 0);
}

/* Asks, lets the look happen, and asks again as gatewayctl does. */
static const char *say_and_wait(struct bench *bench, const char *words)
{
	char again[200];
	const char *reply = strstr(say(bench, words), "\"again\",\"");

	assert_non_null(reply);
	snprintf(again, sizeof again, "%s again %llu", words, strtoull(reply + 9, NULL, 10));
	look(bench, 1000);
	return say(bench, again);
}

static void it_looks_by_itself_and_when_the_ttl_says(void **state)
{
	struct bench bench;
	unsigned asked;

	bench_run(&bench, "own");
	asked = bench.asked;
	assert_true(asked > 0);
	testkit_run_status(bench.kit);
	assert_true(testkit_has(bench.kit, TESTKIT_STATUS, "dns: 0 errors"));
	look(&bench, 299000);
	assert_int_equal(bench.asked, asked);
	look(&bench, 2000); /* 300 s */
	assert_int_equal(bench.asked, 2 * asked);
	testkit_destroy(bench.kit);
}

static void drift_is_told_once(void **state)
{
	struct bench bench;

	bench_run(&bench, "own");
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_EVENT), 0);
	bench.instead = "s1._domainkey.example.com TXT -\n";
	look(&bench, 301000);
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_EVENT), 1);
	assert_true(testkit_has(
		bench.kit, TESTKIT_EVENT,
		"domains-drift 1 new in the DNS: s1._domainkey.example.com: dkim=fail"));
	look(&bench, 301000);
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_EVENT), 1);
	testkit_forget(bench.kit);
	testkit_run_check(bench.kit);
	assert_true(has_problem(&bench, "error: s1._domainkey.example.com: dkim=fail"));
	bench.instead = NULL;
	look(&bench, 301000);
	assert_true(testkit_has(bench.kit, TESTKIT_EVENT, "domains-drift-over"));
	testkit_destroy(bench.kit);
}

static void what_the_dns_does_not_tell_is_as_it_was(void **state)
{
	struct bench bench;

	bench_run(&bench, "own");
	bench.instead = "s1._domainkey.example.com TXT -\n";
	look(&bench, 301000);
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_EVENT), 1);
	bench.instead = "s1._domainkey.example.com TXT !\n";
	look(&bench, 301000);
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_EVENT), 1);
	bench.instead = "s1._domainkey.example.com TXT -\n";
	look(&bench, 301000);
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_EVENT), 1);
	bench.instead = NULL;
	look(&bench, 301000);
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_EVENT), 2);
	assert_true(testkit_has(bench.kit, TESTKIT_EVENT, "domains-drift-over"));
	testkit_destroy(bench.kit);
}

static void what_was_known_before_a_restart_is_no_drift(void **state)
{
	struct bench bench;
	char record[64];

	bench_run(&bench, "own");
	bench.instead = "s1._domainkey.example.com TXT -\n";
	look(&bench, 301000);
	snprintf(record, sizeof record, "%s", testkit_record(bench.kit, "errors"));
	testkit_destroy(bench.kit);

	bench_init(&bench, "own", true);
	testkit_option(bench.kit, "strict", "false");
	testkit_set_record(bench.kit, "errors", record);
	bench.instead = "s1._domainkey.example.com TXT -\n";
	assert_int_equal(testkit_start(bench.kit), 0);
	look(&bench, 0);
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_EVENT), 0);
	testkit_destroy(bench.kit);
}

static void more_questions_than_a_look_may_have_are_a_warning(void **state)
{
	char senders[20000], name[60];
	size_t len = 0, i;
	struct bench bench;

	bench_init(&bench, "from", true);
	for (i = 0; i < 490; i++)
		len += (size_t)snprintf(senders + len, sizeof senders - len, "s%zu.example.com ",
					i);
	testkit_option(bench.kit, "senders", senders);
	testkit_option(bench.kit, "strict", "false");
	testkit_relay_option(bench.relay, "domains", "");
	for (i = 0; i < 1990; i++) {
		snprintf(name, sizeof name, "k%zu._domainkey.example.com", i);
		publish(&bench, GW_DNS_TXT, name, KEY, "other.example");
	}
	assert_int_equal(testkit_start(bench.kit), 0);
	look(&bench, 0);
	assert_int_equal(bench.asked, 4000);
	testkit_run_check(bench.kit);
	assert_true(
		has_problem(&bench, "there are more sender domains, relays, keys or addresses"));
	testkit_destroy(bench.kit);
}

/* --- verbs --- */

static void the_verb_check_asks_now(void **state)
{
	struct bench bench;
	const char *reply;

	bench_run(&bench, "own");
	reply = say_and_wait(&bench, "check");
	assert_non_null(strstr(reply, "\"text\":\"0 errors, 0 warnings\\n\""));
	assert_non_null(
		strstr(reply, "\"predicted\":\"spf=pass dkim=pass dmarc=pass (p=reject)\""));
	bench.instead = "bounce.example.com MX .\n";
	reply = say_and_wait(&bench, "check example.com");
	assert_non_null(strstr(reply, "1 errors"));
	assert_non_null(strstr(reply, "\"code\":78"));
	testkit_destroy(bench.kit);
}

/* A reload came between. */
static void who_waits_for_a_look_of_the_instance_before_gets_one_of_this(void **state)
{
	struct bench bench;

	bench_run(&bench, "own");
	assert_non_null(strstr(say(&bench, "check again 7"), "0 errors, 0 warnings"));
	testkit_destroy(bench.kit);
}

static void the_verb_spf_says_what_a_receiver_would(void **state)
{
	struct bench bench;
	const char *reply;

	bench_run(&bench, "own");
	reply = say_and_wait(&bench, "spf 192.0.2.10 h.example a@example.com");
	assert_non_null(strstr(reply, "\"result\":\"pass\""));
	bench.instead = "example.com TXT v=spf1 -all exp=why.example.com\n"
			"why.example.com TXT %{i} is not ours\n";
	reply = say_and_wait(&bench, "spf 192.0.2.99 h.example a@example.com");
	assert_non_null(strstr(reply, "\"result\":\"fail\""));
	assert_non_null(strstr(reply, "\"explanation\":\"192.0.2.99 is not ours\""));
	say(&bench, "spf nonsense h.example a@example.com");
	assert_true(has_problem(&bench, "is no address"));
	testkit_destroy(bench.kit);
}

static enum gw_verdict admit(struct bench *bench, const char *from)
{
	struct gw_message *message = testkit_message(bench->kit, NULL, "a@example.com",
						     "From: a@example.com\r\n\r\n");

	testkit_message_fact(message, GW_MESSAGE_FROM_DOMAIN, from);
	testkit_rcpt(message, "b@example.net");
	return testkit_run_admit(bench->kit, testkit_delivery(message, bench->relay), bench->relay);
}

static void a_strict_relay_takes_verified_domains_alone(void **state)
{
	struct bench bench;
	const char *reply;

	bench_init(&bench, "own", true);
	testkit_option(bench.kit, "strict", "false");
	testkit_relay_option(bench.relay, "strict", "true");
	assert_int_equal(testkit_start(bench.kit), 0);
	reply = say(&bench, "add Example.COM");
	assert_int_equal(testkit_verbs(bench.kit), 0); /* it has a key */
	assert_non_null(strstr(reply, "example.com is unverified"));
	assert_non_null(strstr(reply, "v=spf1 ip4:192.0.2.10 ~all"));
	assert_non_null(strstr(reply, KEY));
	assert_non_null(strstr(reply, "\"name\":\"bounce.example.com\",\"type\":\"MX\""));
	assert_int_equal(admit(&bench, "example.com"), GW_REJECT);
	assert_int_equal(testkit_answer(bench.kit)->code, 554);
	assert_string_equal(testkit_answer(bench.kit)->enhanced, "5.7.1");

	bench.instead = "s1._domainkey.example.com TXT -\n";
	reply = say_and_wait(&bench, "verify example.com");
	assert_non_null(strstr(reply, "example.com is unverified: mend the errors"));
	assert_int_equal(admit(&bench, "example.com"), GW_REJECT);

	bench.instead = NULL;
	reply = say_and_wait(&bench, "verify example.com");
	assert_non_null(strstr(reply, "example.com is verified"));
	assert_int_equal(admit(&bench, "Example.com"), GW_CONTINUE);
	assert_int_equal(admit(&bench, "other.example"), GW_REJECT);
	assert_non_null(strstr(say(&bench, "list"), "\"state\":\"verified\""));

	say(&bench, "rm example.com");
	assert_int_equal(admit(&bench, "example.com"), GW_REJECT);
	say(&bench, "rm example.com");
	assert_true(has_problem(&bench, "was not added"));
	testkit_destroy(bench.kit);
}

static void name_servers_that_fail_take_no_verification_back(void **state)
{
	static const char silent[] = "_dmarc.example.com TXT !\n";
	struct bench bench;

	bench_init(&bench, "own", true);
	testkit_option(bench.kit, "strict", "false");
	testkit_relay_option(bench.relay, "strict", "true");
	assert_int_equal(testkit_start(bench.kit), 0);
	bench.instead = silent;
	assert_non_null(
		strstr(say_and_wait(&bench, "verify example.com"), "is unverified, as before"));
	bench.instead = NULL;
	assert_non_null(strstr(say_and_wait(&bench, "verify example.com"), "is verified\\n"));
	bench.instead = silent;
	assert_non_null(
		strstr(say_and_wait(&bench, "verify example.com"), "is verified, as before"));
	assert_int_equal(admit(&bench, "example.com"), GW_CONTINUE);
	bench.instead = "s1._domainkey.example.com TXT -\n_dmarc.example.com TXT !\n";
	assert_non_null(strstr(say_and_wait(&bench, "verify example.com"), "is unverified: mend"));
	assert_int_equal(admit(&bench, "example.com"), GW_REJECT);
	testkit_destroy(bench.kit);
}

static void a_clock_that_is_set_back_does_not_end_the_looks(void **state)
{
	struct bench bench;
	unsigned asked;

	bench_run(&bench, "own");
	asked = bench.asked;
	testkit_advance(bench.kit, -86400000);
	look(&bench, 1000);
	assert_int_equal(bench.asked, 2 * asked);
	look(&bench, 1000);
	assert_int_equal(bench.asked, 2 * asked);
	testkit_destroy(bench.kit);
}

static void no_record_is_said_that_forbids_all(void **state)
{
	struct bench bench;
	const char *reply;

	bench_init(&bench, "own", true);
	testkit_option(bench.kit, "strict", "false");
	testkit_option(bench.kit, "addresses", "");
	assert_int_equal(testkit_start(bench.kit), 0);
	reply = say(&bench, "add example.com");
	assert_null(strstr(reply, "v=spf1"));
	assert_non_null(strstr(reply, "so there is no SPF record yet"));
	testkit_destroy(bench.kit);
}

static void a_domain_without_a_key_gets_one(void **state)
{
	struct bench bench;
	const char *reply;

	bench_run(&bench, "own");
	reply = say(&bench, "add other.example");
	assert_non_null(
		strstr(reply, "\"again\":[\"domain\",\"add\",\"other.example\",\"again\",\"1\"]"));
	assert_non_null(strstr(testkit_verb(bench.kit), "dkim keygen other.example s1 "));
	assert_non_null(strstr(say(&bench, "add other.example again 1"), "\"again\""));
	assert_non_null(strstr(say(&bench, "add third.example"), "somebody else asked"));
	assert_int_equal(testkit_verbs(bench.kit), 1); /* one at a time */
	testkit_run_verb(
		bench.kit,
		"{\"code\":0,\"rows\":[{\"name\":\"s1._domainkey.other.example\",\"type\":\"TXT\","
		"\"value\":\"\\\"v=DKIM1; p=AA\\\"\"}]}");
	reply = say(&bench, "add other.example again 1");
	assert_non_null(strstr(reply, "\"name\":\"s1._domainkey.other.example\""));
	assert_non_null(strstr(reply, "A key was made"));

	say(&bench, "add third.example");
	testkit_run_verb(bench.kit, "{\"code\":65,\"text\":\"File exists\"}");
	reply = say(&bench, "add third.example again 2");
	assert_non_null(strstr(reply, "none was made: File exists"));
	assert_non_null(strstr(say(&bench, "add other.example again 1"), "somebody else asked"));
	testkit_destroy(bench.kit);
}

static void a_domain_that_no_relay_takes_is_not_verified(void **state)
{
	struct bench bench;

	bench_run(&bench, "own");
	assert_non_null(strstr(say_and_wait(&bench, "verify other.example"), "is unverified"));
	testkit_destroy(bench.kit);
}

/* --- many at Gmail --- */

static void told_result(struct bench *bench, const char *rcpt)
{
	struct gw_outcome outcome = { .size = sizeof outcome, .status = GW_DELIVERED };
	struct gw_message *message = testkit_message(bench->kit, NULL, "a@example.com", "\r\n");
	struct gw_result result = { .size = sizeof result, .outcome = &outcome };

	testkit_message_fact(message, GW_MESSAGE_FROM_DOMAIN, "news.example.com");
	result.rcpt = testkit_rcpt(message, rcpt);
	testkit_run_result(bench->kit, testkit_delivery(message, bench->relay), &result);
}

static void a_bulk_sender_is_warned_before_he_is_one(void **state)
{
	struct bench bench;
	unsigned i;

	bench_init(&bench, "own", true);
	testkit_option(bench.kit, "strict", "false");
	testkit_option(bench.kit, "senders", "news.example.com");
	testkit_relay_option(bench.relay, "domains", "");
	testkit_option(bench.kit, "bulk", "10");
	assert_int_equal(testkit_start(bench.kit), 0);
	look(&bench, 0);
	testkit_forget(bench.kit);
	told_result(&bench, "a@elsewhere.example");
	for (i = 0; i < 7; i++)
		told_result(&bench, "a@gmail.com");
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_EVENT), 0);
	told_result(&bench, "a@googlemail.com");
	assert_true(
		testkit_has(bench.kit, TESTKIT_EVENT,
			    "domains-bulk example.com has sent to 8 recipients at Gmail today"));
	assert_non_null(strstr(say(&bench, "list"), "\"gmail\":\"8/10\""));
	testkit_forget(bench.kit);
	told_result(&bench, "a@gmail.com");
	told_result(&bench, "a@gmail.com");
	told_result(&bench, "a@gmail.com");
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_EVENT), 1);
	testkit_destroy(bench.kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kept_return_path_without_a_key_is_an_error_with_both_fixes),
		cmocka_unit_test(each_fault_is_told_with_its_place),
		cmocka_unit_test(a_bounce_domain_elsewhere_passes_and_is_not_aligned),
		cmocka_unit_test(a_providers_list_of_addresses_is_tried),
		cmocka_unit_test(mass_mail_has_to_pass_both),
		cmocka_unit_test(a_silent_dns_keeps_nobody_from_starting),
		cmocka_unit_test(bad_addresses_are_told_at_the_start),
		cmocka_unit_test(it_looks_by_itself_and_when_the_ttl_says),
		cmocka_unit_test(drift_is_told_once),
		cmocka_unit_test(what_the_dns_does_not_tell_is_as_it_was),
		cmocka_unit_test(what_was_known_before_a_restart_is_no_drift),
		cmocka_unit_test(more_questions_than_a_look_may_have_are_a_warning),
		cmocka_unit_test(the_verb_check_asks_now),
		cmocka_unit_test(who_waits_for_a_look_of_the_instance_before_gets_one_of_this),
		cmocka_unit_test(the_verb_spf_says_what_a_receiver_would),
		cmocka_unit_test(a_strict_relay_takes_verified_domains_alone),
		cmocka_unit_test(name_servers_that_fail_take_no_verification_back),
		cmocka_unit_test(a_clock_that_is_set_back_does_not_end_the_looks),
		cmocka_unit_test(no_record_is_said_that_forbids_all),
		cmocka_unit_test(a_domain_without_a_key_gets_one),
		cmocka_unit_test(a_domain_that_no_relay_takes_is_not_verified),
		cmocka_unit_test(a_bulk_sender_is_warned_before_he_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
