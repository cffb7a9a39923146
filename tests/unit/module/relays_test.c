/* What a relay takes from its provider's preset, how many relays there may be, and ports that are
 * odd. */
#include "../conf/fixture.h"

#include "fake.h"
#include "module/load.h"
#include "module/providers.h"

#define GATEWAY(more)                                                                              \
	"gateway: { hostname = \"relay.example.com\"; " more                                       \
	" listeners = ( { address = \"127.0.0.1\"; port = 2525; tls = \"none\"; } ); };\n"
#define PROVIDERS                                                                                                                \
	"providers = (\n"                                                                                                        \
	"  { name = \"big\"; host = \"smtp.big.example\"; port = 465; tls = \"implicit\"; daily = 2000; hint = \"be big\"; },\n" \
	"  { name = \"tight\"; host = \"smtp.tight.example\"; port = 587; connections = 3; per_minute = 30; },\n"                \
	"  { name = \"zone-{region}\"; host = \"smtp.{region}.zone.example\"; port = 465; tls = \"implicit\"; } );\n"

static struct snapshot *try_load(void)
{
	struct load_options options = { .config_dir = folder,
					.state_dir = "/tmp",
					.module_dir = "/nowhere",
					.services = &fake_services };

	return snapshot_load(&options, &problems);
}

static void preset_fills_in_what_the_relay_does_not_say(void **state)
{
	static const struct {
		const char *keys, *host;
		int64_t port, tls, connections, daily, per_minute;
	} rows[] = {
		{ "auth: { provider = \"big\"; };", "smtp.big.example", 465, TLS_IMPLICIT, 10, 2000,
		  0 },
		{ "auth: { provider = \"tight\"; };", "smtp.tight.example", 587, TLS_STARTTLS, 3, 0,
		  30 },
		{ "port = 587; tls = \"starttls\"; auth: { provider = \"big\"; };",
		  "smtp.big.example", 587, TLS_STARTTLS, 10, 2000, 0 },
		{ "host = \"mine.example\"; connections = 1; auth: { provider = \"tight\"; };",
		  "mine.example", 587, TLS_STARTTLS, 1, 0, 30 },
		{ "auth: { provider = \"zone-eu-west-1\"; };", "smtp.eu-west-1.zone.example", 465,
		  TLS_IMPLICIT, 10, 0, 0 },
		{ "host = \"h\"; port = 25; auth: { provider = \"other\"; };", "h", 25,
		  TLS_STARTTLS, 10, -1, -1 },
		{ "host = \"h\"; port = 25;", "h", 25, TLS_STARTTLS, 10, -1, -1 },
	};

	write_file("00-gateway.conf", GATEWAY(""));
	write_file("05-providers.conf", PROVIDERS);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[500];
		snprintf(text, sizeof(text), "relay: { name = \"r\"; %s };", rows[i].keys);
		write_file("50-r.conf", text);
		struct snapshot *snapshot = try_load();
		assert_string_equal(all_problems(), "");
		const struct gw_relay *relay = &snapshot->relays[0];
		assert_int_equal(relay->hosts.count, 1);
		assert_string_equal(relay->hosts.items[0].ptr, rows[i].host);
		assert_int_equal(relay->port, rows[i].port);
		assert_int_equal(relay->tls, rows[i].tls);
		assert_int_equal(relay->connections, rows[i].connections);
		assert_int_equal(relay->provider ? relay->provider->daily : -1, rows[i].daily);
		assert_int_equal(relay->provider ? relay->provider->per_minute : -1,
				 rows[i].per_minute);
		snapshot_release(snapshot);
	}
}

static void refuses(const char *name, const char *text, const char *expected)
{
	write_file(name, text);
	assert_null(try_load());
	assert_string_equal(all_problems(), expected);
	problems_finish(&problems);
	unlink(path_of(name));
}

static void unknown_provider_names_the_nearest(void **state)
{
	write_file("00-gateway.conf", GATEWAY(""));
	write_file("05-providers.conf", PROVIDERS);
	refuses("50-r.conf",
		"relay: { name = \"r\";\n host = \"h\"; auth: {\n provider = \"tigth\"; }; };",
		"50-r.conf:3: error: there is no provider \"tigth\", did you mean \"tight\"?; \"other\" is for those that are not listed, "
		"with host, port and tls given\n");
	refuses("50-r.conf",
		"relay: { name = \"r\"; host = \"h\"; auth: { provider = \"zone-\"; }; };",
		"50-r.conf:1: error: there is no provider \"zone-\"; \"other\" is for those that are not listed, with host, port and tls given\n");
	refuses("50-r.conf", "relay: { name = \"r\"; auth: { provider = \"other\"; }; };",
		"50-r.conf:1: error: relay r has no host\n");
}

static void lists_of_providers_are_checked(void **state)
{
	write_file("00-gateway.conf", GATEWAY(""));
	write_file("05-providers.conf", PROVIDERS);
	write_file("50-r.conf", "relay: { name = \"r\"; host = \"h\"; };");
	refuses("06-mine.conf",
		"providers = (\n { name = \"x\"; host = \"h\"; port = 25; dayly = 3; } );",
		"06-mine.conf:2: error: unknown key \"dayly\", did you mean \"daily\"?\n");
	refuses("06-mine.conf", "providers = ( { host = \"x\"; port = 25; } );",
		"06-mine.conf:1: error: \"name\" is missing, providers needs it: What auth.provider of a relay says.\n");
	refuses("06-mine.conf", "\nproviders = ( { name = \"big\"; host = \"h\"; port = 25; } );",
		"06-mine.conf:2: error: there are two providers \"big\"\n");
	refuses("06-mine.conf", "providers = 3;",
		"06-mine.conf:1: error: \"providers\" must be a list of groups: ( { ... }, { ... } )\n");
}

/* The fragments alone: whose keys `domains` are is no matter. */
static void check_bounds(int64_t domains, int64_t relays)
{
	struct snapshot snapshot = { 0 };
	struct gw_relay all[16] = { 0 };
	struct load load = { .snapshot = &snapshot, .problems = &problems };

	arena_init(&snapshot.arena, 0);
	load.context = (struct option_context){ .arena = &snapshot.arena, .problems = &problems };
	conf = conf_load(folder, &problems);
	snapshot.settings.limits.domains = domains;
	snapshot.settings.limits.relays_per_domain = relays;
	snapshot.relays = all;
	for (size_t i = 0; i < conf_count(conf); i++, snapshot.relay_count++)
		all[i] = (struct gw_relay){ .index = i, .fragment = conf_at(conf, i) };
	check_relay_bounds(&load);
	conf_destroy(conf);
	conf = NULL;
	arena_finish(&snapshot.arena);
}

static void domains_and_their_relays_are_bounded(void **state)
{
	write_file("50-a.conf",
		   "relay: { domains = [\"a.example\", \"b.example\", \"A.example\"]; };");
	write_file("51-b.conf", "relay: {\n domains = [\"*.a.example\", \"B.example\"]; };");
	write_file("52-c.conf", "relay: { domains = \"*\"; };");
	write_file("53-d.conf", "relay: { name = \"d\"; };");
	check_bounds(4, 2);
	assert_string_equal(all_problems(), "");
	check_bounds(0, 0);
	assert_string_equal(all_problems(), "");
	check_bounds(3, 1);
	assert_string_equal(
		all_problems(),
		"51-b.conf:2: error: one relay too many for B.example: limits.relays_per_domain of the gateway is 1 "
		"(0: as many as there are)\n"
		"52-c.conf:1: error: * is one sender domain too many: limits.domains of the gateway is 3 (0: as many as there are)\n");
}

static void five_are_the_default(void **state)
{
	write_file("00-gateway.conf", GATEWAY(""));
	write_file("50-r.conf", "relay: { name = \"r\"; host = \"h\"; };");
	struct snapshot *snapshot = try_load();
	assert_int_equal(snapshot->settings.limits.domains, 5);
	assert_int_equal(snapshot->settings.limits.relays_per_domain, 5);
	snapshot_release(snapshot);
}

static void odd_port_is_a_warning(void **state)
{
	static const struct {
		const char *keys;
		bool odd;
	} rows[] = {
		{ "host = \"h\"; port = 26;", true },
		{ "host = \"h\"; port = 25;", false },
		{ "host = \"h\"; port = 11025;", false },
		{ "host = \"h\";", false },
		{ "host = \"127.0.0.9\"; port = 26;", false },
		{ "host = \"::1\"; port = 26;", false },
	};

	write_file("00-gateway.conf", GATEWAY(""));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[200];
		snprintf(text, sizeof(text), "relay: { name = \"r\"; %s };", rows[i].keys);
		write_file("50-r.conf", text);
		struct snapshot *snapshot = try_load();
		assert_non_null(snapshot);
		assert_int_equal(problems.warnings, rows[i].odd);
		assert_int_equal(problems.first &&
					 strncmp(problems.first->text, "W-PORT: ", 8) == 0,
				 rows[i].odd);
		problems_finish(&problems);
		snapshot_release(snapshot);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(preset_fills_in_what_the_relay_does_not_say),
		TEST(unknown_provider_names_the_nearest),
		TEST(lists_of_providers_are_checked),
		TEST(domains_and_their_relays_are_bounded),
		TEST(five_are_the_default),
		TEST(odd_port_is_a_warning),
	};
#undef TEST
	return cmocka_run_group_tests_name("relays", tests, NULL, NULL);
}
