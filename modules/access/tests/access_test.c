/* access_test.c - who may send, in whose name, and which configurations are refused. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#define BODY "Subject: x\r\n\r\nhi\r\n"
#define PEER "192.0.2.7"

/* One client known by its network, bound to two domains. */
static struct testkit *kit_of(const char *const *options)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	testkit_option(kit, "clients[0].name", "crm");
	testkit_option(kit, "clients[0].networks", "192.0.2.0/24 2001:db8::/32");
	testkit_option(kit, "clients[0].domains", "example.com *.example.net");
	testkit_option(kit, "clients[0].type", "workflow");
	for (; options && options[0]; options += 2)
		testkit_option(kit, options[0], options[1]);
	return kit;
}

static struct gw_message *mail_from(struct testkit *kit, const char *peer, const char *login,
				    const char *sender, const char *bytes)
{
	struct gw_session *session = testkit_session(kit, peer);

	testkit_run_connect(kit, session);
	if (*login)
		testkit_session_fact(session, GW_SESSION_LOGIN, login);
	return testkit_message(kit, session, sender, bytes);
}

static void a_login_or_a_clients_network_may_send(void **state)
{
	static const struct {
		const char *logins, *login_too, *peer, *login;
		enum gw_verdict verdict;
	} rows[] = {
		{ "true", "false", PEER, "", GW_ACCEPT },
		{ "true", "false", "::ffff:192.0.2.7", "", GW_ACCEPT },
		{ "true", "false", "2001:db8::5", "", GW_ACCEPT },
		{ "true", "false", "198.51.100.1", "", GW_CONTINUE },
		{ "true", "false", "198.51.100.1", "jane", GW_ACCEPT },
		{ "false", "false", "198.51.100.1", "jane", GW_CONTINUE },
		{ "true", "true", PEER, "", GW_CONTINUE }, /* network and login, both */
		{ "false", "true", PEER, "jane", GW_ACCEPT },
		{ "false", "true", "198.51.100.1", "jane", GW_CONTINUE },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = kit_of((const char *[]){
			"logins", rows[i].logins, "clients[0].login", rows[i].login_too, NULL });
		struct gw_message *message;

		assert_int_equal(testkit_start(kit), 0);
		message = mail_from(kit, rows[i].peer, rows[i].login, "a@example.com", BODY);
		if (testkit_run_rcpt(kit, message, testkit_rcpt(message, "b@elsewhere.example")) !=
		    rows[i].verdict)
			fail_msg("row %zu", i);
		testkit_destroy(kit);
	}
}

static void a_login_may_be_bound_to_its_networks(void **state)
{
	static const struct {
		const char *peer, *login;
		enum gw_verdict verdict;
	} rows[] = {
		{ PEER, "crm", GW_ACCEPT },           { PEER, "CRM", GW_ACCEPT },
		{ "198.51.100.1", "crm", GW_REJECT }, { "198.51.100.1", "Crm", GW_REJECT },
		{ "203.0.113.9", "crm", GW_ACCEPT },  { "198.51.100.1", "jane", GW_ACCEPT },
		{ "no address", "crm", GW_REJECT },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = kit_of((const char *[]){
			"clients[0].logins", "crm erp", "clients[1].name", "b",
			"clients[1].networks", "203.0.113.0/24", "clients[1].domains",
			"example.org", "clients[1].logins", "crm", NULL });
		struct gw_message *message;

		assert_int_equal(testkit_start(kit), 0);
		message = mail_from(kit, rows[i].peer, rows[i].login, "a@example.com", BODY);
		if (testkit_run_rcpt(kit, message, testkit_rcpt(message, "b@elsewhere.example")) !=
		    rows[i].verdict)
			fail_msg("row %zu", i);
		testkit_destroy(kit);
	}
}

static void a_client_is_known_from_the_start(void **state)
{
	struct testkit *kit = kit_of(NULL);
	struct gw_session *session = testkit_session(kit, PEER),
			  *stranger = testkit_session(kit, "198.51.100.1");

	assert_int_equal(testkit_start(kit), 0);
	assert_int_equal(testkit_run_connect(kit, session), GW_CONTINUE);
	assert_string_equal(gw->session_fact(session, GW_SESSION_CLIENT).ptr, "crm");
	assert_string_equal(gw->session_fact(session, GW_SESSION_TYPE).ptr, "workflow");
	assert_string_equal(gw->session_fact(session, GW_SESSION_DOMAINS).ptr,
			    "example.com *.example.net");
	assert_int_equal(testkit_run_connect(kit, stranger), GW_CONTINUE);
	assert_string_equal(gw->session_fact(stranger, GW_SESSION_CLIENT).ptr, "");
	testkit_destroy(kit);
}

static void networks_say_who_may_connect_at_all(void **state)
{
	static const struct {
		const char *peer;
		enum gw_verdict verdict;
	} rows[] = {
		{ PEER, GW_CONTINUE }, /* a client's network */
		{ "203.0.113.4", GW_CONTINUE },
		{ "198.51.100.1", GW_REJECT },
	};
	struct testkit *kit = kit_of((const char *[]){ "networks", "203.0.113.0/29", NULL });
	size_t i;

	assert_int_equal(testkit_start(kit), 0);
	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(testkit_run_connect(kit, testkit_session(kit, rows[i].peer)),
				 rows[i].verdict);
	assert_int_equal(testkit_answer(kit)->code, 554);
	assert_string_equal(testkit_answer(kit)->text,
			    "198.51.100.1 is not among the networks that may connect here");
	testkit_destroy(kit);
}

static void mail_from_is_free_unless_domains_are_asked_for(void **state)
{
	static const struct {
		const char *rule, *sender;
		enum gw_verdict verdict;
	} rows[] = {
		{ "any", "bounce-17@crm.example", GW_CONTINUE },
		{ "domains", "bounce-17@crm.example", GW_REJECT },
		{ "domains", "a@EXAMPLE.com", GW_CONTINUE },
		{ "domains", "a@sub.example.net", GW_CONTINUE },
		{ "domains", "a@example.net", GW_REJECT }, /* "*.example.net" is what is below it */
		{ "domains", "a@example.com.evil.example", GW_REJECT },
		{ "domains", "", GW_CONTINUE },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = kit_of((const char *[]){ "sender", rows[i].rule, NULL });

		assert_int_equal(testkit_start(kit), 0);
		if (testkit_run_mail(kit, mail_from(kit, PEER, "", rows[i].sender, BODY)) !=
		    rows[i].verdict)
			fail_msg("%s %s", rows[i].rule, rows[i].sender);
		testkit_destroy(kit);
	}
}

static void the_refusal_names_domain_and_client(void **state)
{
	struct testkit *kit = kit_of((const char *[]){ "sender", "domains", NULL });

	assert_int_equal(testkit_start(kit), 0);
	assert_int_equal(testkit_run_mail(kit, mail_from(kit, PEER, "", "ceo@other.example", BODY)),
			 GW_REJECT);
	assert_int_equal(testkit_answer(kit)->code, 550);
	assert_string_equal(testkit_answer(kit)->enhanced, "5.7.1");
	assert_string_equal(testkit_answer(kit)->text,
			    "sender domain other.example is not allowed for client crm");
	assert_int_equal(testkit_metric(kit, "refused"), 1);
	testkit_destroy(kit);
}

#define OTHER(domain) "sender domain " domain " is not allowed for client crm"
#define SHOWN(domain)                                                                              \
	"a From name that shows an address of " domain " is not allowed for client crm"
#define NO_FROM "the message has no From field"
#define TWO_FROM "the message has more than one From field"
#define GROUP "the From field names a group"
#define SEVERAL "the From field has more than one address"
#define UNREADABLE "the From field has no address that can be read in one way only"

static const struct {
	const char *header, *refusal;
} froms[] = {
	{ "From: a@example.com", NULL },
	{ "from:\r\n  A Name <a@EXAMPLE.com>", NULL },
	{ "From: \"Name, Surname\" <a@sub.example.net> (a comment)", NULL },
	{ "From: a@example.com (Jane (from home))", NULL },
	{ "From: \"a b\"@example.com", NULL },
	{ "From: =?utf-8?Q?J=C3=A4ne?= <a@example.com>", NULL },
	{ "From: jane@example.com <jane@example.com>", NULL },
	{ "From: Meet @ noon <a@example.com>", NULL },
	{ "From: ceo@other.example", OTHER("other.example") },
	{ "From: <ceo@example.com.other.example>", OTHER("example.com.other.example") },
	{ "From: a@example.net", OTHER("example.net") },
	{ "From: a@[192.0.2.1]", OTHER("[192.0.2.1]") },
	{ "Subject: nothing", NO_FROM },
	{ "From: a@example.com\r\nfrom: ceo@other.example", TWO_FROM },
	{ "From: a@example.com\r\nFrom : ceo@other.example", TWO_FROM },
	{ "From: a@example.com, b@example.com", SEVERAL },
	{ "From: a@example.com, ceo@other.example", SEVERAL },
	{ "From: undisclosed:;", GROUP },
	{ "From: us: a@example.com;", GROUP },
	{ "From: \"ceo@other.example\" <a@example.com>", SHOWN("other.example") },
	{ "From: ceo@other.example <a@example.com>", SHOWN("other.example") },
	{ "From: a@example.com (ceo@other.example)", SHOWN("other.example") },
	{ "From: =?utf-8?Q?ceo=40other.example?= <a@example.com>", SHOWN("other.example") },
	{ "From: =?UTF-8?B?Y2VvQG90aGVyLmV4YW1wbGU=?= <a@example.com>", SHOWN("other.example") },
	{ "From: ", UNREADABLE },
	{ "From: a name", UNREADABLE },
	{ "From: <>", UNREADABLE },
	{ "From: @example.com", UNREADABLE },
	{ "From: <ceo@other.example> <a@example.com>", UNREADABLE },
	{ "From: <ceo@other.example@example.com>", UNREADABLE },
	{ "From: <@other.example:a@example.com>", UNREADABLE },
	{ "From: <a@example.com", UNREADABLE },
	{ "From: a@example.com>", UNREADABLE },
	{ "From: \"a@example.com", UNREADABLE },
	{ "From: (a@example.com", UNREADABLE },
	{ "From: ceo@other.example a@example.com", UNREADABLE },
	{ "From: a@example.com other", UNREADABLE },
	{ "From: a@exa(mple)mple.com\x01", UNREADABLE },
	{ "From: \"a\" b@example.com", UNREADABLE },
	/* what readers put together and decode */
	{ "From: =?utf-8?Q?ceo=40other?= =?utf-8?Q?.example?= <a@example.com>",
	  SHOWN("other.example") },
	{ "From: =?utf-8?Q?ceo=40other?=\r\n =?utf-8?B?LmV4YW1wbGU=?= <a@example.com>",
	  SHOWN("other.example") },
	{ "From: =?utf-8*en?Q?ceo=40other.example?= <a@example.com>", SHOWN("other.example") },
	{ "From: =?utf-8?Q?=EF=BC?= =?utf-8?Q?=A0other.example?= <a@example.com>",
	  SHOWN("other.example") },
	{ "From: =?big5?Q?ceo=A2=49other=2Eexample?= <a@example.com>", SHOWN("other.example") },
	{ "From: \"ceo@other\\.example\" <a@example.com>", SHOWN("other.example") },
	{ "From: ceo@\"other.example\" <a@example.com>", SHOWN("other.example") },
	{ "From: \"ceo\xef\xbc\xa0other.example\" <a@example.com>", SHOWN("other.example") },
	{ "From: \"ceo\xef\xb9\xab"
	  "other\xe3\x80\x82"
	  "example\" <a@example.com>",
	  SHOWN("other.example") },
	{ "From: \"ceo\xe2\x80\x8b@\xe2\x80\x8bother.exa\xc2\xadmple\" <a@example.com>",
	  SHOWN("other.example") },
	{ "From: =?utf-8?Q?J=C3=A4ne?= =?utf-8?Q?_D=C3=B6?= <a@example.com>", NULL },
	{ "From: =?iso-8859-1?Q?J=E4ne?= (=?windows-1252?Q?D=F6?=) <a@example.com>", NULL },
	{ "From: =?utf-8?Q?J=C3?= =?utf-8?Q?=A4ne?= <a@example.com>", NULL },
	{ "From: =?iso-2022-jp?B?GyRCO3NFRBsoQg==?= <a@example.com>", NULL },
	{ "From: \"J\xc3\xa4ne\" <a@example.com>", NULL },
	/* what they could show in another way than we */
	{ "From: =?utf-16?B?AGMAZQBv?= <a@example.com>", UNREADABLE },
	{ "From: =?utf-7?Q?ceo+AEA-other.example?= <a@example.com>", UNREADABLE },
	{ "From: =?ebcdic-us?Q?ceo?= <a@example.com>", UNREADABLE },
	{ "From: =?utf-8?B?Y2V*?= <a@example.com>", UNREADABLE },
	{ "From: =?utf-8?X?ceo?= <a@example.com>", UNREADABLE },
	{ "From: =?utf-8?Q?ceo <a@example.com>", UNREADABLE },
	{ "From: =?utf-8?Q?=FF?= <a@example.com>", UNREADABLE },
	{ "From: \"J\xe4ne\" <a@example.com>", UNREADABLE },
	{ "From: \"\xe2\x80\xae"
	  "elpmaxe\" <a@example.com>",
	  UNREADABLE },
	{ "From: \"ceo@other.example\"@example.com", UNREADABLE },
	{ "From: <=?utf-8?Q?ceo=40other.example?=@example.com>", UNREADABLE },
	{ "From: \"a\x1b$B\" <a@example.com>", UNREADABLE },
};

static void from_must_be_one_address_of_the_client(void **state)
{
	size_t i;

	for (i = 0; i < sizeof froms / sizeof *froms; i++) {
		struct testkit *kit = kit_of(NULL);
		char bytes[300];
		enum gw_verdict verdict;

		snprintf(bytes, sizeof bytes, "%s\r\n\r\nhi\r\n", froms[i].header);
		assert_int_equal(testkit_start(kit), 0);
		verdict = testkit_run_message(
			kit, mail_from(kit, PEER, "", "bounce@crm.example", bytes));
		if (verdict != (froms[i].refusal ? GW_REJECT : GW_CONTINUE))
			fail_msg("%s: %s", froms[i].header, testkit_answer(kit)->text);
		assert_string_equal(testkit_answer(kit)->text,
				    froms[i].refusal ? froms[i].refusal : "");
		testkit_destroy(kit);
	}
}

static void a_name_in_another_script_is_its_a_labels(void **state)
{
	static const struct {
		const char *domains, *address;
		enum gw_verdict verdict;
	} rows[] = {
		{ "m\xc3\xbcnchen.example", "a@xn--mnchen-3ya.example", GW_CONTINUE },
		{ "m\xc3\xbcnchen.example", "a@m\xc3\xbcnchen.example", GW_CONTINUE },
		{ "xn--mnchen-3ya.example", "a@M\xc3\xbcnchen.example", GW_CONTINUE },
		{ "*.m\xc3\xbcnchen.example", "a@www.xn--mnchen-3ya.example", GW_CONTINUE },
		{ "*.xn--mnchen-3ya.example", "a@www.m\xc3\xbcnchen.example", GW_CONTINUE },
		{ "*.m\xc3\xbcnchen.example", "a@xn--mnchen-3ya.example", GW_REJECT },
		{ "*.m\xc3\xbcnchen.example", "a@badxn--mnchen-3ya.example", GW_REJECT },
		{ "m\xc3\xbcnchen.example", "a@munchen.example", GW_REJECT },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = kit_of((const char *[]){
			"clients[0].domains", rows[i].domains, "sender", "domains", NULL });
		char bytes[200];
		struct gw_message *message;

		snprintf(bytes, sizeof bytes, "From: %s\r\n\r\nhi\r\n", rows[i].address);
		assert_int_equal(testkit_start(kit), 0);
		message = mail_from(kit, PEER, "", rows[i].address, bytes);
		if (testkit_run_mail(kit, message) != rows[i].verdict ||
		    testkit_run_message(kit, message) != rows[i].verdict)
			fail_msg("%s, %s", rows[i].domains, rows[i].address);
		testkit_destroy(kit);
	}
}

static void how_strict_from_is_can_be_chosen(void **state)
{
	static const struct {
		const char *rule, *sender, *header;
		enum gw_verdict verdict;
	} rows[] = {
		{ "envelope", "a@example.com", "From: x@other.example", GW_CONTINUE },
		{ "envelope", "b@crm.example", "From: x@other.example", GW_REJECT },
		{ "envelope", "b@crm.example", "From: x@example.com", GW_CONTINUE },
		{ "envelope", "a@example.com", "Subject: no From", GW_REJECT },
		{ "off", "b@crm.example", "Subject: no From", GW_CONTINUE },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = kit_of(
			(const char *[]){ "from", rows[i].rule, "clients[0].login", "true", NULL });
		char bytes[200];

		snprintf(bytes, sizeof bytes, "%s\r\n\r\nhi\r\n", rows[i].header);
		assert_int_equal(testkit_start(kit), 0);
		if (testkit_run_message(kit, mail_from(kit, PEER, "jane", rows[i].sender, bytes)) !=
		    rows[i].verdict)
			fail_msg("row %zu", i);
		testkit_destroy(kit);
	}
}

static void a_login_without_domains_is_free_and_one_with_domains_is_not(void **state)
{
	struct testkit *kit = kit_of((const char *[]){ "sender", "domains", NULL });
	struct gw_message *message;

	assert_int_equal(testkit_start(kit), 0);
	message = mail_from(kit, "198.51.100.1", "jane", "x@any.example", "no header at all\r\n");
	assert_int_equal(testkit_run_mail(kit, message), GW_CONTINUE);
	assert_int_equal(testkit_run_message(kit, message), GW_CONTINUE);
	testkit_message_fact(message, GW_MESSAGE_DOMAINS, "example.org");
	assert_int_equal(testkit_run_mail(kit, message), GW_REJECT);
	assert_string_equal(testkit_answer(kit)->text,
			    "sender domain any.example is not allowed for client jane");
	assert_int_equal(testkit_run_message(kit, message), GW_REJECT);
	testkit_destroy(kit);
}

static void own_mail_of_the_gateway_passes(void **state)
{
	struct testkit *kit = kit_of((const char *[]){ "sender", "domains", NULL });
	struct gw_message *message;

	assert_int_equal(testkit_start(kit), 0);
	message = testkit_message(kit, NULL, "",
				  "From: postmaster@gateway.example\r\n\r\nsorry\r\n");
	testkit_message_fact(message, GW_MESSAGE_OWN, "1");
	testkit_message_fact(message, GW_MESSAGE_DOMAINS, "example.com");
	assert_int_equal(testkit_run_mail(kit, message), GW_CONTINUE);
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, "a@example.com")),
			 GW_ACCEPT);
	assert_int_equal(testkit_run_message(kit, message), GW_CONTINUE);
	testkit_destroy(kit);
}

static void the_first_client_in_the_file_wins(void **state)
{
	struct testkit *kit = kit_of((const char *[]){ "clients[1].name", "all-of-it",
						       "clients[1].networks", "192.0.0.0/16",
						       "clients[1].domains", "example.org", NULL });
	struct gw_session *inner = testkit_session(kit, PEER),
			  *outer = testkit_session(kit, "192.0.3.1");

	assert_int_equal(testkit_start(kit), 0);
	testkit_run_connect(kit, inner);
	testkit_run_connect(kit, outer);
	assert_string_equal(gw->session_fact(inner, GW_SESSION_CLIENT).ptr, "crm");
	assert_string_equal(gw->session_fact(outer, GW_SESSION_CLIENT).ptr, "all-of-it");
	testkit_destroy(kit);
}

static void who_asks_hears_of_each_client(void **state)
{
	struct testkit *kit = kit_of((const char *[]){
		"clients[1].name", "field", "clients[1].networks", "2001:db8::/32 192.0.3.1",
		"clients[1].login", "true", "clients[1].logins", "ann bob", NULL });
	const struct gw_client *first, *second;

	assert_int_equal(testkit_start(kit), 0);
	testkit_run_clients(kit);
	first = testkit_known(kit, 0);
	second = testkit_known(kit, 1);
	assert_string_equal(first->name.ptr, "crm");
	assert_string_equal(first->domains.ptr, "example.com *.example.net");
	assert_string_equal(first->peer.ptr, "192.0.2.0");
	assert_false(first->needs_login);
	assert_string_equal(second->name.ptr, "field");
	assert_string_equal(second->peer.ptr, "2001:db8::");
	assert_true(second->needs_login);
	assert_int_equal(second->logins.count, 2);
	assert_null(testkit_known(kit, 2));
	testkit_destroy(kit);
}

static void what_would_be_an_open_relay_does_not_start(void **state)
{
	static const struct {
		const char *options[7];
		const char *problem;
	} rows[] = {
		{ { "clients[0].domains", "", NULL },
		  "clients[0].domains: client crm is known by its network alone" },
		{ { "clients[0].domains", "*", NULL }, "client crm is known by its network alone" },
		{ { "clients[0].domains", "example.com *", NULL },
		  "client crm is known by its network alone" },
		{ { "clients[0].networks", "0.0.0.0/0", NULL },
		  "client crm would be an open relay" },
		{ { "clients[0].networks", "192.0.2.0/24 ::/0", NULL },
		  "client crm would be an open relay" },
		{ { "clients[0].networks", "0.0.0.0/1 128.0.0.0/1", NULL },
		  "client crm would be an open relay" },
		{ { "from", "off", NULL }, "nobody would be held to its domains" },
		{ { "from", "flag", NULL }, "nobody would be held to its domains" },
		{ { "clients[0].from", "flag", NULL }, "nobody would be held to its domains" },
		{ { "clients[0].networks", "", NULL },
		  "clients[0].networks: client crm has neither networks" },
		{ { "clients[0].networks", "192.0.2.1/24", NULL },
		  "clients[0].networks: network \"192.0.2.1/24\" has address bits beyond its prefix" },
		{ { "networks", "home", NULL },
		  "networks: network \"home\" is no IP address or network" },
		{ { "clients[0].login", "true", "clients[0].networks", "0.0.0.0/0",
		    "clients[0].domains", "", NULL },
		  NULL },
		{ { "from", "off", "sender", "domains", NULL }, NULL },
		{ { "clients[0].from", "off", "clients[0].sender", "domains", NULL }, NULL },
		{ { "networks", "0.0.0.0/0", NULL }, NULL },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = kit_of(rows[i].options);

		if (testkit_start(kit) != (rows[i].problem ? -1 : 0) ||
		    (rows[i].problem && !testkit_has(kit, TESTKIT_PROBLEM, rows[i].problem)))
			fail_msg("row %zu: \"%s\"", i, testkit_line(kit, TESTKIT_PROBLEM, 0));
		testkit_destroy(kit);
	}
}

static void memory_that_is_out_is_told(void **state)
{
	unsigned nth;

	for (nth = 1; nth <= 5; nth++) {
		struct testkit *kit = kit_of(NULL);

		testkit_fail(kit, "alloc", nth);
		assert_int_equal(testkit_start(kit), -1);
		assert_true(testkit_failed(kit) && testkit_has(kit, TESTKIT_PROBLEM, "no memory"));
		testkit_destroy(kit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_or_a_clients_network_may_send),
		cmocka_unit_test(a_login_may_be_bound_to_its_networks),
		cmocka_unit_test(a_client_is_known_from_the_start),
		cmocka_unit_test(networks_say_who_may_connect_at_all),
		cmocka_unit_test(mail_from_is_free_unless_domains_are_asked_for),
		cmocka_unit_test(the_refusal_names_domain_and_client),
		cmocka_unit_test(from_must_be_one_address_of_the_client),
		cmocka_unit_test(a_name_in_another_script_is_its_a_labels),
		cmocka_unit_test(how_strict_from_is_can_be_chosen),
		cmocka_unit_test(a_login_without_domains_is_free_and_one_with_domains_is_not),
		cmocka_unit_test(own_mail_of_the_gateway_passes),
		cmocka_unit_test(the_first_client_in_the_file_wins),
		cmocka_unit_test(who_asks_hears_of_each_client),
		cmocka_unit_test(what_would_be_an_open_relay_does_not_start),
		cmocka_unit_test(memory_that_is_out_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
