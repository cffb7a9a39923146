/* A folder of fragments becomes a snapshot, or a list of everything that is wrong with it. */
#include "../conf/fixture.h"

#include "fake.h"

#include <pthread.h>

#define GATEWAY                                                                                    \
	"gateway: { hostname = \"relay.example.com\"; listeners = ( { address = \"127.0.0.1\"; port = 2525; tls = \"none\"; } ); };\n"
#define RELAY "relay: { name = \"out\"; host = \"smtp.example.net\"; tls = \"none\"; };\n"

static struct snapshot *try_load(bool start)
{
	struct load_options options = { .config_dir = folder,
					.state_dir = "/tmp",
					.module_dir = MODULES,
					.services = &fake_services,
					.start = start };

	return snapshot_load(&options, &problems);
}

static struct snapshot *must_load(void)
{
	struct snapshot *snapshot = try_load(true);

	assert_string_equal(all_problems(), "");
	assert_non_null(snapshot);
	return snapshot;
}

/* One bad fragment beside good ones, and all that is said about it. */
static void refuses(const char *text, const char *expected)
{
	write_file("50-bad.conf", text);
	assert_null(try_load(false));
	assert_string_equal(all_problems(), expected);
	problems_finish(&problems);
	unlink(path_of("50-bad.conf"));
}

static void good_files(void)
{
	write_file("00-gateway.conf", GATEWAY);
	write_file("90-relay.conf", RELAY);
}

/* --- the gateway --- */

static void defaults_are_sensible(void **state)
{
	good_files();
	struct snapshot *snapshot = must_load();
	const struct settings *settings = &snapshot->settings;
	const struct listen_settings *listener = settings->listeners.items;

	assert_string_equal(settings->hostname.ptr, "relay.example.com");
	assert_int_equal(settings->workers, 0);
	assert_string_equal(settings->default_type.ptr, "individual");
	assert_int_equal(settings->limits.message_size, 50 << 20);
	assert_int_equal(settings->limits.line, 4096);
	assert_int_equal(settings->timeouts.command, 300000);
	assert_int_equal(settings->queue.retry_count, 7);
	assert_int_equal(settings->queue.retry_ms[0], 60000);
	assert_int_equal(settings->queue.retry_ms[6], 4 * 3600000);
	assert_int_equal(settings->queue.expire, 5 * 86400000);
	assert_int_equal(settings->delivery.dot, 600000);
	assert_string_equal(settings->spool.path.ptr, "/tmp/spool");
	assert_string_equal(settings->log.path.ptr, "-");
	assert_int_equal(settings->log.level, 1);
	assert_int_equal(settings->control.socket.len, 0); /* control_socket.c finds one */
	assert_int_equal(settings->listeners.count, 1);
	assert_string_equal(listener->name.ptr, "127.0.0.1:2525");
	assert_null(listener->server);
	snapshot_release(snapshot);
}

static void machine_has_a_name(void **state)
{
	write_file(
		"00-gateway.conf",
		"gateway: { listeners = ( { address = \"::1\"; port = 25; tls = \"none\"; } ); };");
	write_file("90-relay.conf", RELAY);
	struct snapshot *snapshot = must_load();
	const struct listen_settings *listener = snapshot->settings.listeners.items;

	assert_true(snapshot->settings.hostname.len > 0);
	assert_string_equal(listener->name.ptr, "[::1]:25");
	snapshot_release(snapshot);
}

static void gateway_group_is_needed_once(void **state)
{
	char expected[300];

	snprintf(
		expected, sizeof(expected),
		"%s: error: no *.conf file in it has a gateway group, which says where to listen: gateway: { listeners = ( ... ); };",
		folder);
	write_file("90-relay.conf", RELAY);
	assert_null(try_load(false));
	char text[400];
	assert_string_equal(problem_format(problems.first, text, sizeof(text)), expected);
	assert_int_equal(problems.errors, 1);
	problems_finish(&problems);
	write_file("00-gateway.conf", GATEWAY);
	refuses(GATEWAY,
		"50-bad.conf:1: error: a second gateway group; the first is in 00-gateway.conf:1\n");
}

static void gateway_is_checked(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "listeners = ( { port = 25; } );",
		  "listener 0.0.0.0:25 has tls = \"starttls\" and no certificate: set tls.certificate in gateway, certificate in the listener, "
		  "or tls = \"none\"" },
		{ "listeners = ( { port = 25; tls = \"none\"; clear_login = true; } );",
		  "listener 0.0.0.0:25: clear_login is for loopback addresses only: passwords would travel in clear" },
		{ "listeners = ( { port = 25; tls = \"none\"; }, { port = 25; tls = \"none\"; } );",
		  "there are two listeners on 0.0.0.0:25" },
		{ "listeners = ( { address = \"here\"; port = 25; tls = \"none\"; } );",
		  "listener address \"here\" is no IP address" },
		{ "listeners = ( { port = 70000; tls = \"none\"; } );",
		  "\"port\" is 70000, but must be from 1 to 65535" },
		{ "hostname = \"a b\"; listeners = ( { port = 25; tls = \"none\"; } );",
		  "hostname must be a domain name: letters, digits, '.' and '-'" },
		{ "queue: { retry = [\"5m\", \"soon\"]; }; listeners = ( { port = 25; tls = \"none\"; } );",
		  "queue.retry: \"soon\" is no pause, as \"15m\" is" },
		{ "log: { path = \"log\"; }; listeners = ( { port = 25; tls = \"none\"; } );",
		  "log.path must be an absolute path, or \"-\" for standard error" },
		{ "limits: { line = 100; }; listeners = ( { port = 25; tls = \"none\"; } );",
		  "\"limits.line\" is 100, but must be from 512 to 64K" },
		{ "dns: { forward = [\"192.0.2.53@5300\", \"ns.example.net\"]; }; listeners = ( { port = 25; tls = \"none\"; } );",
		  "dns.forward: \"ns.example.net\" is no address with or without @port, as \"127.0.0.1@5300\" is" },
		{ "hostnme = \"x\"; listeners = ( { port = 25; tls = \"none\"; } );",
		  "unknown key \"hostnme\", did you mean \"hostname\"?" },
	};

	write_file("90-relay.conf", RELAY);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[500], expected[500];
		snprintf(text, sizeof(text), "gateway: { %s };\n", rows[i].text);
		snprintf(expected, sizeof(expected), "50-bad.conf:1: error: %s\n",
			 rows[i].expected);
		refuses(text, expected);
	}
}

static void nothing_to_listen_on_is_a_warning(void **state)
{
	write_file("00-gateway.conf", "gateway: { hostname = \"a.example\"; };");
	struct snapshot *snapshot = try_load(false);

	assert_non_null(snapshot);
	assert_int_equal(problems.warnings, 2);
	snapshot_release(snapshot);
}

/* --- modules --- */

static void instances_are_chained_in_name_order(void **state)
{
	good_files();
	write_file("30-b.conf", "module = \"limit\"; limit: { journal = \"\"; };");
	write_file("20-a.conf",
		   "module = \"probe\"; on_error = \"hold\"; deadline = \"250ms\";\n"
		   "probe: { mail: { verdict = \"reject\"; code = 550; reply = \"no\"; }; };");
	write_file("40-c.conf", "module = \"probe\";");
	write_file("50-off.conf.off", "module = \"nonsense\";");
	struct snapshot *snapshot = must_load();

	assert_int_equal(snapshot->instance_count, 3);
	assert_int_equal(snapshot->chain_length[GW_HOOK_mail], 3);
	assert_string_equal(snapshot->chains[GW_HOOK_mail][0]->name, "20-a");
	assert_string_equal(snapshot->chains[GW_HOOK_mail][1]->name, "30-b");
	assert_string_equal(snapshot->chains[GW_HOOK_mail][2]->name, "40-c");
	assert_int_equal(snapshot->chain_length[GW_HOOK_prepare], 2);
	assert_true(chain_empty(snapshot, GW_HOOK_prepare) == false);
	const struct instance *first = &snapshot->instances[0], *second = &snapshot->instances[1],
			      *third = &snapshot->instances[2];
	assert_ptr_equal(first->module, third->module);
	assert_ptr_not_equal(first->conf, third->conf);
	assert_int_equal(first->on_error, ON_ERROR_HOLD);
	assert_int_equal(first->deadline_ms, 250);
	assert_int_equal(second->on_error, ON_ERROR_DEFAULT);
	assert_int_equal(second->deadline_ms, 30000);
	assert_int_equal(first->session_offset, 0);
	assert_int_equal(second->session_offset, 32);
	assert_int_equal(third->session_offset, 48);
	assert_int_equal(snapshot->session_bytes, 80);
	assert_int_equal(snapshot->message_bytes, 32);
	assert_int_equal(snapshot->delivery_bytes, 96);
	snapshot_release(snapshot);
}

static void done(struct gw_call *call, void *arg) {}

static void loaded_module_answers(void **state)
{
	struct gw_call call;
	struct arena arena;

	good_files();
	write_file(
		"20-a.conf",
		"module = \"probe\"; probe: { mail: { verdict = \"reject\"; code = 550; reply = \"no\"; }; };");
	struct snapshot *snapshot = must_load();
	arena_init(&arena, 0);
	chain_init(&call, NULL, snapshot, &arena);
	assert_true(chain_run(&call, GW_HOOK_mail, done, NULL));
	assert_int_equal(call.answer.verdict, GW_REJECT);
	assert_int_equal(call.answer.code, 550);
	assert_string_equal(call.answer.text.ptr, "no");
	assert_string_equal(call.answer.instance, "20-a");
	arena_finish(&arena);
	snapshot_release(snapshot);
}

static void module_fragments_are_checked(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "module = \"missing\";",
		  "50-bad.conf:1: error: " MODULES
		  "/missing.so: cannot be read: No such file or directory\n" },
		{ "module = \"probe\"; on_error = \"explode\";",
		  "50-bad.conf:1: error: \"on_error\" is \"explode\", but must be default, continue, tempfail, wait, hold or reject\n" },
		{ "module = \"probe\";\ndeadline = \"2h\";",
		  "50-bad.conf:2: error: \"deadline\" is 2h, but must be from 10ms to 1h\n" },
		{ "module = \"probe\"; deadlin = 3;",
		  "50-bad.conf:1: error: unknown key \"deadlin\", did you mean \"deadline\"?\n" },
		{ "module = \"probe\";\nprobe: {\n  onli = \"x\";\n};",
		  "50-bad.conf:3: error: unknown key \"onli\", did you mean \"only\"?\n" },
	};

	good_files();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refuses(rows[i].text, rows[i].expected);
}

/* --- start and stop --- */

static const char *journal(void)
{
	static char text[500];
	FILE *file = fopen(path_of("journal"), "r");
	size_t len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[len] = '\0';
	if (file)
		fclose(file);
	return text;
}

static void write_limit(const char *name, bool fail)
{
	char text[500], file[300];

	snprintf(file, sizeof(file), "%s", path_of("journal"));
	snprintf(text, sizeof(text), "module = \"limit\"; limit: { journal = \"%s\"; fail = %s; };",
		 file, fail ? "true" : "false");
	write_file(name, text);
}

static void instances_stop_newest_first(void **state)
{
	good_files();
	write_limit("20-a.conf", false);
	write_limit("30-b.conf", false);
	struct snapshot *snapshot = must_load();
	assert_string_equal(journal(), "start 20-a\nstart 30-b\n");
	snapshot_hold(snapshot);
	snapshot_release(snapshot);
	assert_string_equal(journal(), "start 20-a\nstart 30-b\n");
	snapshot_release(snapshot);
	assert_string_equal(journal(), "start 20-a\nstart 30-b\nstop 30-b\nstop 20-a\n");
}

static void failed_start_unwinds(void **state)
{
	good_files();
	write_limit("20-a.conf", false);
	write_limit("30-b.conf", true);
	write_file("40-c.conf", "module = \"probe\"; probe: { fail_start = true; };");
	assert_null(try_load(true));
	assert_string_equal(all_problems(),
			    "30-b.conf:1: error: limit did not start and did not say why\n"
			    "40-c.conf:1: error: the probe was told to fail\n");
	assert_string_equal(journal(), "start 20-a\nstart 30-b\nstop 20-a\n");
}

static void nothing_starts_after_an_error(void **state)
{
	good_files();
	write_limit("20-a.conf", false);
	write_file("91-relay.conf", RELAY);
	assert_null(try_load(true));
	assert_string_equal(journal(), "");
}

/* --- relays --- */

struct limit_relay { /* as in limit.c */
	int64_t daily;
	struct gw_str note, zone, user;
};

static void modules_add_keys_to_relays(void **state)
{
	write_file("00-gateway.conf", GATEWAY);
	write_file("20-limit.conf", "module = \"limit\";");
	write_file("30-probe.conf", "module = \"probe\";");
	write_file(
		"50-a.conf",
		"relay: { name = \"a\"; host = [\"one.example\", \"192.0.2.1\"]; port = 587; tls = \"none\"; daily_limit = 7;\n"
		"probe_note = \"both\"; limit: { zone = \"UTC\"; }; };");
	write_file("51-b.conf",
		   "relay: { name = \"b\"; probe_deliver = true; tls = \"implicit\"; };");
	struct snapshot *snapshot = must_load();
	struct gw_relay *a = snapshot_relay(snapshot, gw_str("a")),
			*b = snapshot_relay(snapshot, gw_str("b"));
	assert_non_null(a);
	assert_non_null(b);
	assert_null(snapshot_relay(snapshot, gw_str("c")));
	assert_int_equal(a->index, 0);
	assert_int_equal(a->hosts.count, 2);
	assert_int_equal(a->port, 587);
	assert_int_equal(a->connections, 10);
	assert_true(a->verify && a->enabled && !a->auth);
	assert_null(a->client);
	assert_int_equal(b->port, 0);
	assert_non_null(b->client);
	const struct limit_relay *limit = a->conf[snapshot->instances[0].relay_slot];
	assert_int_equal(limit->daily, 7);
	assert_string_equal(limit->note.ptr, "both");
	assert_string_equal(limit->zone.ptr, "UTC");
	assert_string_equal(
		((const struct gw_str *)a->conf[snapshot->instances[1].relay_slot])->ptr, "both");
	assert_int_equal(((const struct limit_relay *)b->conf[0])->daily, 0);
	snapshot_release(snapshot);
}

static void relays_are_checked(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "name = \"out\"; host = \"x\"; tls = \"none\";",
		  "there are two relays \"out\": the other is in 20-relay.conf:1" },
		{ "name = \"a b\"; host = \"x\"; tls = \"none\";",
		  "relay name \"a b\": letters, digits, '.', '_' and '-' only" },
		{ "host = \"x\";",
		  "\"name\" is missing, relay needs it: Name of the relay: letters, digits, '.', '_', '-'." },
		{ "name = \"n\"; tls = \"none\";", "relay n has no host" },
		{ "name = \"n\"; host = \"a b\"; tls = \"none\";",
		  "host \"a b\" is neither a host name nor an address" },
		{ "name = \"n\"; host = \"a..b\";",
		  "host \"a..b\" is neither a host name nor an address" },
		{ "name = \"n\"; host = \"smtp.example.net:587\";",
		  "host \"smtp.example.net:587\" has a port in it: that is an option of its own, port = 587" },
		{ "name = \"n\"; host = \"300.1.2.3\";", "host \"300.1.2.3\" is no IPv4 address" },
		{ "name = \"n\"; host = \"2001:db8::zz\";",
		  "host \"2001:db8::zz\" is no IPv6 address" },
		{ "name = \"n\"; host = \"[2001:db8::1]:25\";",
		  "host \"[2001:db8::1]:25\" has brackets: an IPv6 address stands here without them, and a port in port" },
		{ "name = \"n\"; host = \"x\"; port = 0;",
		  "\"port\" is 0, but must be from 1 to 65535" },
		{ "name = \"n\"; host = \"x\"; tls = \"none\"; source = \"here\";",
		  "source = \"here\" is no IP address" },
		{ "name = \"n\"; host = \"x\"; tls = \"none\"; timezone = \"Berlin\";",
		  "timezone = \"Berlin\": there is no such zone; zones are named as \"Europe/Berlin\" or \"UTC\"" },
		{ "name = \"n\"; host = [\"mx\", \"x\"];",
		  "host = \"mx\" is for itself: other hosts go into a relay of their own, as a fallback of this one" },
		{ "name = \"n\"; host = \"x\"; prt = 25;",
		  "unknown key \"prt\", did you mean \"port\"?" },
	};

	write_file("00-gateway.conf", GATEWAY);
	write_file("20-relay.conf", RELAY);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[500], expected[500];
		snprintf(text, sizeof(text), "relay: { %s };\n", rows[i].text);
		snprintf(expected, sizeof(expected), "50-bad.conf:1: error: %s\n",
			 rows[i].expected);
		refuses(text, expected);
	}
}

static void to_mail_hosts_tls_is_taken_where_it_is_offered(void **state)
{
	good_files();
	write_file("50-a.conf", "relay: { name = \"a\"; host = \"MX\"; };");
	write_file("51-b.conf", "relay: { name = \"b\"; host = \"mx\"; tls = \"none\"; };");
	struct snapshot *snapshot = must_load();
	assert_true(snapshot_relay(snapshot, gw_str("a"))->mx);
	assert_int_equal(snapshot_relay(snapshot, gw_str("a"))->tls, TLS_OPPORTUNISTIC);
	assert_non_null(snapshot_relay(snapshot, gw_str("a"))->client);
	assert_int_equal(snapshot_relay(snapshot, gw_str("b"))->tls, TLS_NONE);
	assert_false(snapshot_relay(snapshot, gw_str("out"))->mx);
	snapshot_release(snapshot);
}

static void no_login_at_mail_hosts(void **state)
{
	good_files();
	write_file("20-limit.conf", "module = \"limit\";");
	refuses("relay: { name = \"n\"; host = \"mx\"; tls = \"starttls\"; auth: { user = \"u\"; }; };",
		"50-bad.conf:1: error: relay n delivers to the recipients' mail hosts, which want no login\n");
}

static void login_needs_tls(void **state)
{
	good_files();
	write_file("20-limit.conf", "module = \"limit\";");
	refuses("relay: { name = \"n\"; host = \"x\"; tls = \"none\"; auth: { user = \"u\"; }; };",
		"50-bad.conf:1: error: relay n logs in over a link without TLS: set tls = \"starttls\" or \"implicit\", or clear_login = true\n");
	write_file(
		"50-a.conf",
		"relay: { name = \"a\"; host = \"127.0.0.1\"; tls = \"none\"; clear_login = true; auth: { user = \"u\"; }; };");
	write_file("51-b.conf", "relay: { name = \"b\"; host = \"x\"; auth: { user = \"u\"; }; };");
	struct snapshot *snapshot = must_load();
	assert_true(snapshot_relay(snapshot, gw_str("a"))->auth);
	assert_true(snapshot_relay(snapshot, gw_str("b"))->auth);
	assert_false(snapshot_relay(snapshot, gw_str("out"))->auth);
	snapshot_release(snapshot);
}

static void key_of_a_module_that_is_off_says_so(void **state)
{
	char expected[400];

	good_files();
	write_file("20-limit.conf.off", "module = \"limit\";");
	refuses("relay: { name = \"n\"; host = \"x\"; tls = \"none\";\n daily_limit = 3; limit: { zone = \"UTC\"; }; };",
		"50-bad.conf:2: error: daily_limit belongs to limit, which is not on: 20-limit.conf.off\n"
		"50-bad.conf:2: error: limit.zone belongs to limit, which is not on: 20-limit.conf.off\n");
	unlink(path_of("20-limit.conf.off"));
	snprintf(
		expected, sizeof(expected),
		"daily_limit belongs to limit, which is not on: a file with module = \"limit\"; in %s turns it on",
		folder);
	write_file("50-bad.conf",
		   "relay: { name = \"n\"; host = \"x\"; tls = \"none\"; daily_limit = 3; };");
	assert_null(try_load(false));
	assert_int_equal(problems.errors, 1);
	assert_string_equal(problems.first->text, expected);
}

static void everything_wrong_is_told_at_once(void **state)
{
	write_file("00-gateway.conf", "gateway: { hostname = \"a b\"; };");
	write_file("20-a.conf", "module = \"missing\";");
	write_file("30-b.conf", "module = \"probe\"; probe: { onli = 3; };");
	write_file("40-c.conf", "relay: { name = \"c\"; hots = \"x\"; };");
	write_file("41-d.conf", "relay: { name = \"d\"; };");
	assert_null(try_load(true));
	assert_int_equal(problems.errors, 5);
}

/* --- the one in use --- */

static _Atomic unsigned unused_count;

static void unused(struct snapshot *snapshot)
{
	unused_count++;
}

static void *user(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		struct snapshot *snapshot = snapshot_current();
		assert_non_null(snapshot);
		assert_true(snapshot->generation > 0);
		snapshot_release(snapshot);
	}
	return NULL;
}

static void reload_swaps_while_others_use(void **state)
{
	struct snapshot *loaded[5];
	pthread_t threads[2];

	good_files();
	for (int i = 0; i < 5; i++) {
		loaded[i] = must_load();
		loaded[i]->unused = unused;
	}
	assert_true(loaded[1]->generation > loaded[0]->generation);
	assert_null(snapshot_current());
	snapshot_publish(loaded[0]);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, user, NULL);
	for (int i = 1; i < 5; i++)
		snapshot_publish(loaded[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(unused_count, 4);
	snapshot_publish(NULL);
	assert_int_equal(unused_count, 5);
	for (int i = 0; i < 5; i++)
		snapshot_destroy(loaded[i]);
}

static void counters_outlive_a_reload(void **state)
{
	good_files();
	write_file("20-counted.conf", "module = \"probe\";");
	struct snapshot *first = must_load(), *second = must_load();
	assert_ptr_equal(first->instances[0].counters, second->instances[0].counters);
	assert_string_equal(instance_counters_first()->name, "20-counted");
	snapshot_release(first);
	snapshot_release(second);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(defaults_are_sensible),
		TEST(machine_has_a_name),
		TEST(gateway_group_is_needed_once),
		TEST(gateway_is_checked),
		TEST(nothing_to_listen_on_is_a_warning),
		TEST(instances_are_chained_in_name_order),
		TEST(loaded_module_answers),
		TEST(module_fragments_are_checked),
		TEST(instances_stop_newest_first),
		TEST(failed_start_unwinds),
		TEST(nothing_starts_after_an_error),
		TEST(modules_add_keys_to_relays),
		TEST(relays_are_checked),
		TEST(to_mail_hosts_tls_is_taken_where_it_is_offered),
		TEST(no_login_at_mail_hosts),
		TEST(login_needs_tls),
		TEST(key_of_a_module_that_is_off_says_so),
		TEST(everything_wrong_is_told_at_once),
		TEST(reload_swaps_while_others_use),
		TEST(counters_outlive_a_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
