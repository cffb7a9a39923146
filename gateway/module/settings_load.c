#include "module/load.h"

#include "loop/dns.h"
#include "loop/listener.h"

#include <arpa/inet.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <unistd.h>

/* A problem at a key of the gateway's fragment. */
static void wrong(struct load *load, bool fatal, const char *key, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void wrong(struct load *load, bool fatal, const char *key, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	problem_vadd(load->problems, fatal, load->gateway->path,
		     conf_line(load->gateway->group, key), format, args);
	va_end(args);
}

/* --- hostname --- */

/* The machine's name with its domain, where the machine knows one. */
static const char *machine_name(void)
{
	static char name[256];
	struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM }, *found;

	if (name[0] || gethostname(name, sizeof(name) - 1) < 0 || strchr(name, '.') ||
	    getaddrinfo(name, NULL, &hints, &found) != 0)
		return name;
	if (found->ai_canonname && strchr(found->ai_canonname, '.') &&
	    strlen(found->ai_canonname) < sizeof(name))
		strcpy(name, found->ai_canonname);
	freeaddrinfo(found);
	return name;
}

static void check_hostname(struct load *load)
{
	struct settings *settings = &load->snapshot->settings;

	if (!settings->hostname.len)
		settings->hostname = arena_str(load->context.arena, gw_str(machine_name()));
	if (!settings->hostname.ptr || settings->hostname.len > 253 ||
	    !is_word(settings->hostname, ".-"))
		wrong(load, true, "hostname",
		      "hostname must be a domain name: letters, digits, '.' and '-'");
}

/* --- the retry schedule --- */

static void check_retry(struct load *load)
{
	struct settings *settings = &load->snapshot->settings;
	const struct gw_list *words = &settings->queue.retry;
	int64_t *pauses = arena_alloc(load->context.arena, (words->count + 1) * sizeof(*pauses));

	if (!pauses || words->count == 0) {
		wrong(load, true, "queue.retry",
		      "queue.retry needs at least one pause, as in [\"5m\", \"1h\"]");
		return;
	}
	for (size_t i = 0; i < words->count; i++)
		if (option_parse_duration(words->items[i], &pauses[i]) < 0 || pauses[i] < 10)
			wrong(load, true, "queue.retry",
			      "queue.retry: \"%s\" is no pause, as \"15m\" is",
			      words->items[i].ptr);
	settings->queue.retry_ms = pauses;
	settings->queue.retry_count = words->count;
}

/* --- listeners --- */

static bool is_loopback(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
	return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
}

static void name_listener(struct load *load, struct listen_settings *listener)
{
	bool six = gw_str_find(listener->address, ':') < listener->address.len;

	listener->name = arena_printf(load->context.arena, six ? "[%s]:%d" : "%s:%d",
				      listener->address.ptr, (int)listener->port);
	if (!listener->name.ptr)
		listener->name = gw_str("");
}

/* A listener before this one that shows the same to the same: they share what is made of it, and
 * what is wrong with it is told once. */
static const struct listen_settings *server_like(const struct load *load,
						 const struct listen_settings *listener)
{
	const struct listen_settings *other = load->snapshot->settings.listeners.items;

	for (; other < listener && !listener->pair.certificate.len; other++)
		if (other->tls != TLS_NONE && !other->pair.certificate.len &&
		    other->client_certificate == listener->client_certificate &&
		    gw_str_eq(other->client_ca, listener->client_ca))
			return other;
	return NULL;
}

static struct tls_server_options server_options(const struct settings *settings,
						const struct listen_settings *listener)
{
	bool own = listener->pair.certificate.len > 0;
	const struct gw_groups *more = own ? &listener->pairs : &settings->tls.pairs;

	return (struct tls_server_options){
		.pair = own ? listener->pair : settings->tls.pair,
		.more = more->items,
		.more_count = more->count,
		.clients = (enum tls_clients)listener->client_certificate,
		.client_ca = listener->client_ca,
		.only_13 = settings->tls.minimum != 0,
		.ciphers = settings->tls.ciphers,
	};
}

static void make_server(struct load *load, struct listen_settings *listener)
{
	const struct listen_settings *like = server_like(load, listener);
	struct tls_server_options options = server_options(&load->snapshot->settings, listener);
	bool own = listener->pair.certificate.len > 0;

	if (!options.pair.certificate.len) {
		wrong(load, true, "listeners",
		      "listener %s has tls = \"%s\" and no certificate: set tls.certificate in gateway, certificate in the listener, or tls = \"none\"",
		      listener->name.ptr, listener->tls == TLS_IMPLICIT ? "implicit" : "starttls");
		return;
	}
	if (like) {
		listener->server = like->server ? tls_hold(like->server) : NULL;
		return;
	}
	size_t before = load->problems->errors;
	listener->server = tls_server_create(
		&options, load->gateway->path,
		conf_line(load->gateway->group, own ? "listeners" : "tls.certificate"),
		load->problems);
	load->apart += load->problems->errors - before;
}

/* What would not be looked at is not what was meant. */
static void check_clients(struct load *load, struct listen_settings *listener)
{
	if (listener->client_ca.len && listener->tls == TLS_NONE)
		wrong(load, true, "listeners",
		      "listener %s: client_ca needs TLS: a client without it shows no certificate",
		      listener->name.ptr);
	if (listener->pairs.count && !listener->pair.certificate.len)
		wrong(load, true, "listeners",
		      "listener %s: certificates stand beside a certificate of the listener's own, or are for all listeners as tls.certificates",
		      listener->name.ptr);
	if (listener->client_ca.len && listener->client_certificate == TLS_CLIENTS_UNASKED)
		listener->client_certificate = TLS_CLIENTS_ASKED;
}

/* Under /8 in IPv4, under /16 in IPv6: nobody's own network. */
static bool is_wide(const struct network *network)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool v4 = network->bits >= 96 && memcmp(network->first.octets, mapped, sizeof(mapped)) == 0;

	return v4 ? network->bits < 96 + 8 : network->bits < 16;
}

static void name_balancers(struct load *load, struct listen_settings *listener)
{
	const struct gw_list *words = &listener->proxy_from;

	listener->balancers = arena_alloc(load->context.arena,
					  (words->count + 1) * sizeof(*listener->balancers));
	if (!listener->balancers) {
		wrong(load, true, "listeners", "listener %s: no memory", listener->name.ptr);
		return;
	}
	for (size_t i = 0; i < words->count; i++) {
		const char *why = network_parse(words->items[i], &listener->balancers[i]);
		if (why)
			wrong(load, true, "listeners", "listener %s: proxy_from: \"%s\" %s",
			      listener->name.ptr, words->items[i].ptr, why);
		else if (is_wide(&listener->balancers[i]))
			wrong(load, true, "listeners",
			      "listener %s: proxy_from: \"%s\" holds so much of the world that anybody could say to be anybody: only the load balancers",
			      listener->name.ptr, words->items[i].ptr);
	}
	listener->balancer_count = words->count;
}

static void check_listener(struct load *load, struct listen_settings *listener,
			   struct sockaddr_storage *address)
{
	socklen_t len;

	name_listener(load, listener);
	if (!listener_address(listener->address, (uint16_t)listener->port, address, &len)) {
		wrong(load, true, "listeners", "listener address \"%s\" is no IP address%s",
		      listener->address.ptr,
		      listener->address.len && *listener->address.ptr == '['
			      ? ": IPv6 stands here without brackets, as \"::1\""
			      : "");
		return;
	}
	name_balancers(load, listener);
	if (listener->clear_login && !is_loopback(address))
		wrong(load, true, "listeners",
		      "listener %s: clear_login is for loopback addresses only: passwords would travel in clear",
		      listener->name.ptr);
	check_clients(load, listener);
	if (listener->tls != TLS_NONE)
		make_server(load, listener);
}

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	return a->ss_family != AF_UNSPEC && memcmp(a, b, sizeof(*a)) == 0;
}

static void check_listeners(struct load *load)
{
	struct gw_groups *groups = &load->snapshot->settings.listeners;
	struct listen_settings *listeners = (struct listen_settings *)groups->items;
	struct sockaddr_storage *addresses = arena_alloc(load->context.arena,
							 (groups->count + 1) * sizeof(*addresses));

	if (groups->count == 0)
		wrong(load, false, "listeners", "there are no listeners: no client can connect");
	for (size_t i = 0; addresses && i < groups->count; i++) {
		check_listener(load, &listeners[i], &addresses[i]);
		for (size_t j = 0; j < i; j++)
			if (same_address(&addresses[i], &addresses[j]))
				wrong(load, true, "listeners", "there are two listeners on %s",
				      listeners[i].name.ptr);
	}
}

/* --- names --- */

static void check_dns(struct load *load)
{
	const struct gw_list *servers = &load->snapshot->settings.dns.forward;

	for (size_t i = 0; i < servers->count; i++)
		if (!dns_is_server(servers->items[i]))
			wrong(load, true, "dns.forward",
			      "dns.forward: \"%s\" is no address with or without @port, as \"127.0.0.1@5300\" is",
			      servers->items[i].ptr);
}

/* --- the fragment --- */

/* Nobody is in it then, and nothing says so but "Permission denied". */
static void check_group(struct load *load, const char *key, struct gw_str name)
{
	if (name.len && !getgrnam(name.ptr))
		wrong(load, false, key, "%s = \"%s\": there is no such group, so nobody is in it",
		      key, name.ptr);
}

static const struct conf_fragment *find_gateway(struct load *load)
{
	const struct conf *conf = load->snapshot->conf;
	const struct conf_fragment *found = NULL;

	for (size_t i = 0; i < conf_count(conf); i++) {
		const struct conf_fragment *fragment = conf_at(conf, i);
		if (fragment->kind != CONF_GATEWAY)
			continue;
		if (found)
			problem_add(load->problems, true, fragment->path, fragment->line,
				    "a second gateway group; the first is in %s:%d", found->path,
				    found->line);
		else
			found = fragment;
	}
	return found;
}

void load_settings(struct load *load)
{
	struct settings *settings = &load->snapshot->settings;
	struct option_set set = { "gateway", settings_options, settings };

	load->gateway = find_gateway(load);
	if (!load->gateway && conf_unread(load->snapshot->conf) > 0)
		return; /* it may stand in the file that is told of */
	if (!load->gateway) {
		problem_add(
			load->problems, true, load->options->config_dir, 0,
			"no *.conf file in it has a gateway group, which says where to listen: gateway: { listeners = ( ... ); };");
		return;
	}
	if (option_parse(&load->context, load->gateway->group, &set, 1, NULL) > 0)
		return;
	check_hostname(load);
	check_retry(load);
	check_listeners(load);
	check_dns(load);
	check_group(load, "control.admin_group", settings->control.admin_group);
	check_group(load, "control.view_group", settings->control.view_group);
	if (!gw_str_eq(settings->log.path, gw_str("-")) &&
	    (!settings->log.path.len || settings->log.path.ptr[0] != '/'))
		wrong(load, true, "log.path",
		      "log.path must be an absolute path, or \"-\" for standard error");
}

void release_settings(struct snapshot *snapshot)
{
	const struct listen_settings *listeners = snapshot->settings.listeners.items;

	for (size_t i = 0; i < snapshot->settings.listeners.count; i++)
		tls_release(listeners[i].server);
}
