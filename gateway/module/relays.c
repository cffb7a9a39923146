#include "module/load.h"
#include "module/providers.h"
#include "module/relay_form.h"

#include "base/zone.h"
#include "loop/listener.h"
#include "smtp/sasl.h"

#include <stdarg.h>

static void wrong(struct load *load, const struct gw_relay *relay, const char *key,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));
static void wrong(struct load *load, const struct gw_relay *relay, const char *key,
		  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	problem_vadd(load->problems, true, relay->fragment->path,
		     conf_line(relay->fragment->group, key), format, args);
	va_end(args);
}

static void warn(struct load *load, const struct gw_relay *relay, const char *key,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));
static void warn(struct load *load, const struct gw_relay *relay, const char *key,
		 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	problem_vadd(load->problems, false, relay->fragment->path,
		     conf_line(relay->fragment->group, key), format, args);
	va_end(args);
}

static bool is_loopback(struct gw_str host)
{
	return gw_str_eq(host, gw_str("::1")) || gw_str_eq(host, gw_str("localhost")) ||
	       (host.len > 4 && memcmp(host.ptr, "127.", 4) == 0);
}

static bool is_far(const struct gw_relay *relay)
{
	for (size_t i = 0; i < relay->hosts.count; i++)
		if (!is_loopback(relay->hosts.items[i]))
			return true;
	return false;
}

/* --- one relay --- */

static void check_name(struct load *load, struct gw_relay *relay)
{
	const struct gw_relay *other = str_map_get(&load->snapshot->relay_map, relay->name);

	if (!is_word(relay->name, "._-"))
		wrong(load, relay, "name",
		      "relay name \"%s\": letters, digits, '.', '_' and '-' only", relay->name.ptr);
	else if (other)
		wrong(load, relay, "name", "there are two relays \"%s\": the other is in %s:%d",
		      relay->name.ptr, other->fragment->path,
		      conf_line(other->fragment->group, "name"));
	else if (str_map_put(&load->snapshot->relay_map, relay) < 0)
		wrong(load, relay, "name", "no memory");
}

static void check_link(struct load *load, struct gw_relay *relay)
{
	struct sockaddr_storage address;
	socklen_t len;

	if ((relay->tls == TLS_NONE || relay->tls == TLS_OPPORTUNISTIC) && relay->auth &&
	    !relay->clear_login)
		wrong(load, relay, "tls",
		      "relay %s logs in over a link without TLS: set tls = \"starttls\" or \"implicit\", or clear_login = true",
		      relay->name.ptr);
	if (relay->source.len && !listener_address(relay->source, 0, &address, &len))
		wrong(load, relay, "source", "source = \"%s\" is no IP address", relay->source.ptr);
	if (relay->helo.len && !is_word(relay->helo, ".-[]:"))
		wrong(load, relay, "helo", "helo = \"%s\" is no host name", relay->helo.ptr);
}

/* What gives a password away, on purpose or not. */
static void check_secret(struct load *load, struct gw_relay *relay)
{
	if (!relay->auth || !is_far(relay))
		return;
	if (relay->clear_login)
		warn(load, relay, "clear_login",
		     "relay %s: the password may go over the network in clear, for everybody on the way to read",
		     relay->name.ptr);
	else if (!relay->verify && !relay->pins.count)
		warn(load, relay, "verify",
		     "relay %s: with verify = false the password goes to whoever answers in the next hop's place; ca = \"FILE\" trusts a "
		     "certificate of its own",
		     relay->name.ptr);
}

static void check_timezone(struct load *load, struct gw_relay *relay)
{
	struct zone_day day;

	if (zone_day(relay->timezone, 0, &day) != 0)
		wrong(load, relay, "timezone",
		      "timezone = \"%s\": there is no such zone; zones are named as \"Europe/Berlin\" or \"UTC\"",
		      relay->timezone.ptr);
}

/* What the preset would give stands in a file that could not be read, perhaps. */
static bool has_unread_preset(const struct load *load, const struct gw_relay *relay)
{
	return relay->provider_name.len && conf_unread(load->snapshot->conf) > 0;
}

static void check_hosts(struct load *load, struct gw_relay *relay, const struct relay_form *form)
{
	if (!relay->hosts.count && !has_unread_preset(load, relay) &&
	    !relay_form_gives_next_hop(form, relay->fragment->group))
		wrong(load, relay, "host", "relay %s has no host", relay->name.ptr);
	for (size_t i = 0; i < relay->hosts.count; i++) {
		const char *flaw = relay_host_flaw(relay->hosts.items[i]);
		if (flaw)
			wrong(load, relay, "host", "host \"%s\" %s", relay->hosts.items[i].ptr,
			      flaw);
	}
}

/* Those of the standards, and those that CRMs take for a relay. */
static void check_port(struct load *load, const struct gw_relay *relay)
{
	static const int64_t usual[] = { 0, 25, 465, 587, 2525, 10025, 11025 };

	if (is_far(relay) && relay->port == 465 && relay->tls != TLS_IMPLICIT)
		warn(load, relay, "port",
		     "on port 465 TLS begins with the first octet: tls = \"implicit\" is usual there");
	if (is_far(relay) && (relay->port == 587 || relay->port == 25) &&
	    relay->tls == TLS_IMPLICIT)
		warn(load, relay, "port",
		     "on port %d TLS begins with STARTTLS: tls = \"starttls\" is usual there, and port 465 with \"implicit\"",
		     (int)relay->port);
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (relay->port == usual[i])
			return;
	if (relay->hosts.count && !is_loopback(relay->hosts.items[0]))
		problem_add(
			load->problems, false, relay->fragment->path,
			conf_line(relay->fragment->group, "port"),
			"W-PORT: mail is seldom taken on port %d; 25, 465 and 587 are usual, and 2525, 10025, 11025",
			(int)relay->port);
}

static bool is_mx(struct gw_str host)
{
	return gw_str_ieq(host, gw_str("mx"));
}

/* The word is the same in any case; from here on it is written in one way, for modules too. */
static void name_mx(struct load *load, struct gw_relay *relay)
{
	struct gw_str *hosts = arena_alloc(load->context.arena,
					   (relay->hosts.count + 1) * sizeof(*hosts));

	for (size_t i = 0; hosts && i < relay->hosts.count; i++)
		hosts[i] = is_mx(relay->hosts.items[i]) ? gw_str("mx") : relay->hosts.items[i];
	if (hosts)
		relay->hosts.items = hosts;
}

/* Of strangers' mail hosts no certificate and no login can be expected. */
static void check_mx(struct load *load, struct gw_relay *relay)
{
	for (size_t i = 0; i < relay->hosts.count; i++)
		relay->mx |= is_mx(relay->hosts.items[i]);
	if (!relay->mx)
		return;
	name_mx(load, relay);
	if (relay->hosts.count > 1)
		wrong(load, relay, "host",
		      "host = \"mx\" is for itself: other hosts go into a relay of their own, as a fallback of this one");
	if (relay->auth)
		wrong(load, relay, "auth",
		      "relay %s delivers to the recipients' mail hosts, which want no login",
		      relay->name.ptr);
	if (!option_given(relay->fragment->group, "tls"))
		relay->tls = TLS_OPPORTUNISTIC;
}

static bool has_login_of_others(const struct snapshot *snapshot)
{
	size_t count = 0;

	for (size_t i = 0; i < snapshot->instance_count; i++)
		count += snapshot->instances[i].module->table.login != NULL &&
			 strcmp(snapshot->instances[i].module->name, "auth-password") != 0;
	return count > 0;
}

/* The key is of a module; who logs in instead of it is another one. */
static void check_method(struct load *load, const struct gw_relay *relay)
{
	const char *method = conf_text(relay->fragment->group, "auth.method", 0);

	if (method && strcmp(method, "oauth") == 0 && !has_login_of_others(load->snapshot))
		warn(load, relay, "auth.method",
		     "relay %s: no module that fetches tokens is on, so nobody can log in there and its mail waits",
		     relay->name.ptr);
}

/* A preset tells what the provider takes, and the gateway need not have all of it; what the relay
 * names itself it should. */
static void check_mechanisms(struct load *load, const struct gw_relay *relay)
{
	bool own = option_given(relay->fragment->group, "auth.mechanisms"),
	     any = relay->mechanisms.count == 0;

	for (size_t i = 0; i < relay->mechanisms.count; i++) {
		bool has = sasl_client_has(relay->mechanisms.items[i]);
		any |= has && !sasl_is_token(relay->mechanisms.items[i]);
		if (own && !has)
			warn(load, relay, "auth.mechanisms",
			     "relay %s: the gateway cannot log in by %s", relay->name.ptr,
			     relay->mechanisms.items[i].ptr);
	}
	if (!any && !has_login_of_others(load->snapshot))
		warn(load, relay, "auth.mechanisms",
		     "relay %s: of its login mechanisms the gateway has none, so its mail waits",
		     relay->name.ptr);
}

/* Who pins a certificate wants it seen on every link. */
static void check_pins(struct load *load, struct gw_relay *relay)
{
	unsigned char pin[TLS_PIN];

	for (size_t i = 0; i < relay->pins.count; i++)
		if (!tls_pin_read(relay->pins.items[i], pin))
			wrong(load, relay, "fingerprint",
			      "fingerprint \"%s\" is no SHA-256: 64 hexadecimal digits, with or without colons",
			      relay->pins.items[i].ptr);
	if (relay->pins.count && (relay->tls == TLS_NONE || relay->tls == TLS_OPPORTUNISTIC))
		wrong(load, relay, "fingerprint",
		      "relay %s names a fingerprint and would go without TLS: set tls = \"starttls\" or \"implicit\"",
		      relay->name.ptr);
	if (relay->pins.count && relay->mx)
		wrong(load, relay, "fingerprint",
		      "relay %s delivers to mail hosts of others, which have no certificate in common",
		      relay->name.ptr);
}

static enum tls_check check_of(const struct gw_relay *relay)
{
	if (relay->pins.count)
		return TLS_CHECK_PIN;
	if (!relay->verify)
		return TLS_CHECK_NOTHING;
	return relay->verify_name ? TLS_CHECK_NAME : TLS_CHECK_CHAIN;
}

static void make_client(struct load *load, struct gw_relay *relay)
{
	struct tls_client_options options = {
		.verify = relay->verify || (relay->mx && relay->mta_sts),
		.pins = relay->pins,
		.ca = relay->ca,
		.pair = relay->pair,
	};

	size_t before = load->problems->errors;
	if (relay->tls != TLS_NONE)
		relay->client = tls_client_create(&options, relay->fragment->path,
						  conf_line(relay->fragment->group, "tls"),
						  load->problems);
	load->apart += load->problems->errors - before;
}

static void load_relay(struct load *load, struct gw_relay *relay)
{
	struct relay_form form = relay_form_make(load, relay);

	if (!form.ready) {
		wrong(load, relay, "name", "no memory");
		return;
	}
	if (relay_form_parse(load, relay, &form) > 0)
		return;
	relay->auth = option_given(relay->fragment->group, "auth");
	relay->by_module = relay_form_gives_next_hop(&form, relay->fragment->group);
	provider_apply(load, relay);
	check_name(load, relay);
	check_hosts(load, relay, &form);
	check_mx(load, relay);
	check_link(load, relay);
	check_secret(load, relay);
	check_method(load, relay);
	if (relay->auth)
		check_mechanisms(load, relay);
	check_pins(load, relay);
	relay->check = check_of(relay);
	check_timezone(load, relay);
	check_port(load, relay);
	make_client(load, relay);
}

void load_relays(struct load *load)
{
	struct snapshot *snapshot = load->snapshot;
	size_t count = conf_count(snapshot->conf);

	snapshot->relays = arena_alloc(&snapshot->arena, (count + 1) * sizeof(*snapshot->relays));
	if (!snapshot->relays)
		problem_add(load->problems, true, NULL, 0, "no memory");
	for (size_t i = 0; snapshot->relays && i < count; i++) {
		const struct conf_fragment *fragment = conf_at(snapshot->conf, i);
		if (fragment->kind != CONF_RELAY)
			continue;
		struct gw_relay *relay = &snapshot->relays[snapshot->relay_count];
		relay->fragment = fragment;
		relay->index = snapshot->relay_count++;
		load_relay(load, relay);
	}
	check_relay_bounds(load);
	if (!snapshot->relay_count && conf_unread(snapshot->conf) == 0)
		problem_add(load->problems, false, load->options->config_dir, 0,
			    "there is no relay: mail can come in and not go out");
}

void release_relays(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->relay_count; i++)
		tls_release(snapshot->relays[i].client);
}
