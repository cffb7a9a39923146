/* hello_test.c - the module in an ordinary program, with the testkit in place of a gateway. */
#undef NDEBUG
#include <gateway/testkit.h>

#include <assert.h>

static void domains_are_required(void)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	assert(testkit_start(kit) == -1);
	assert(testkit_has(kit, TESTKIT_PROBLEM, "domains: is missing"));
	testkit_destroy(kit);
}

static void votes_for_its_domains(void)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_message *message = testkit_message(kit, testkit_session(kit, "192.0.2.1"),
						     "a@example.com", "\r\nhi\r\n");

	testkit_option(kit, "domains", "example.net example.org");
	assert(testkit_start(kit) == 0);
	assert(testkit_run_rcpt(kit, message, testkit_rcpt(message, "b@EXAMPLE.org")) == GW_ACCEPT);
	assert(testkit_run_rcpt(kit, message, testkit_rcpt(message, "c@example.com")) ==
	       GW_CONTINUE);
	testkit_destroy(kit);
}

static void greets_what_goes_out(void)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_message *message = testkit_message(kit, NULL, "a@example.com",
						     "Subject: x\r\n\r\nhi\r\n");
	struct gw_delivery *delivery = testkit_delivery(message, testkit_relay(kit, "any"));

	testkit_option(kit, "domains", "example.net");
	assert(testkit_start(kit) == 0);
	assert(testkit_run_prepare(kit, delivery) == GW_CONTINUE);
	assert(gw_str_eq(testkit_sent(delivery),
			 gw_str("X-Hello: hello\r\nSubject: x\r\n\r\nhi\r\n")));
	assert(testkit_metric(kit, "greeted") == 1);

	testkit_fail(kit, "header_add", 1);
	assert(testkit_run_prepare(kit, delivery) == GW_FAILED);
	testkit_destroy(kit);
}

int main(void)
{
	domains_are_required();
	votes_for_its_domains();
	greets_what_goes_out();
	return 0;
}
