#include "conf.h"

#include "peer.h"
#include "token.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define WEBHOOKS_MOST 16

#define TOKEN(member) offsetof(struct token_conf, member)
static const struct gw_option token_options[] = {
	{ "name", GW_OPTION_STRING, TOKEN(name), .flags = GW_OPTION_REQUIRED,
	  .help = "What it is called in the log and in the audit." },
	{ "hash", GW_OPTION_STRING, TOKEN(hash), .flags = GW_OPTION_REQUIRED,
	  .help = "\"sha256:...\", as `gatewayctl http token NAME` prints it: the token itself stands nowhere." },
	{ "scope", GW_OPTION_WORD, TOKEN(scope), .fallback = "read", .words = "read|write",
	  .help = "What it may: to look, or to change things too." },
	{ "clients", GW_OPTION_LIST, TOKEN(clients),
	  .help = "It sees the mail of these clients alone; empty: everybody's, and the gateway's own state." },
	GW_OPTIONS_END
};

#define WEBHOOK(member) offsetof(struct webhook_conf, member)
static const struct gw_option webhook_options[] = {
	{ "name", GW_OPTION_STRING, WEBHOOK(name), .flags = GW_OPTION_REQUIRED,
	  .help = "What it is called; what it has not been sent yet is remembered by that." },
	{ "url", GW_OPTION_STRING, WEBHOOK(url), .flags = GW_OPTION_REQUIRED,
	  .help = "Where events are sent: https://..., or http:// too where allow_private is set." },
	{ "secret", GW_OPTION_SECRET, WEBHOOK(secret), .flags = GW_OPTION_REQUIRED,
	  .help = "What it is signed with: at least 16 octets, which the receiver knows too." },
	{ "events", GW_OPTION_LIST, WEBHOOK(events),
	  .fallback = "bounce complaint auto_reply suppressed",
	  .help = "Names of the events that it is sent." },
	{ "clients", GW_OPTION_LIST, WEBHOOK(clients),
	  .help = "It is sent what is about these clients alone; empty: everything." },
	{ "batch", GW_OPTION_INT, WEBHOOK(batch), .fallback = "100", .min = 1, .max = 100,
	  .help = "So many events in one request at most." },
	{ "timeout", GW_OPTION_DURATION, WEBHOOK(timeout), .fallback = "10s", .min = 100,
	  .max = 600000, .help = "How long a request may take until its answer is there." },
	{ "allow_private", GW_OPTION_BOOL, WEBHOOK(allow_private), .fallback = "false",
	  .help = "It may go to an address that is not public, such as 127.0.0.1, and without TLS." },
	{ "ca_file", GW_OPTION_PATH, WEBHOOK(ca_file),
	  .help = "Certificates (PEM) that are trusted for it, instead of the system's." },
	GW_OPTIONS_END
};

#define CONF(member) offsetof(struct http_conf, member)
const struct gw_option http_options[] = {
	{ "listen", GW_OPTION_STRING, CONF(listen),
	  .help = "Where the API is: \"127.0.0.1:8025\", \"[::1]:8025\" or \"unix:/run/gateway/http.sock\"; empty: there is none." },
	{ "tokens", GW_OPTION_GROUPS, CONF(tokens), .group = token_options,
	  .group_size = sizeof(struct token_conf), .help = "Who may ask the API." },
	{ "connections", GW_OPTION_INT, CONF(connections), .fallback = "2000", .min = 1,
	  .max = 20000,
	  .help = "So many connections to the API at once; a further one takes the place of the slowest." },
	{ "timeout", GW_OPTION_DURATION, CONF(timeout), .fallback = "10s", .min = 100,
	  .max = 600000,
	  .help = "How long a request may take to arrive, and its answer to be ready, and to be taken." },
	{ "webhooks", GW_OPTION_GROUPS, CONF(webhooks), .group = webhook_options,
	  .group_size = sizeof(struct webhook_conf), .help = "Who is sent events." },
	{ "events", GW_OPTION_LIST, CONF(events),
	  .fallback =
		  "bounce complaint auto_reply suppressed bounced refused relay-off relay-on relay-resumed trouble trouble-over",
	  .help = "Names of the events that /v1/events has, beside those that a webhook wants." },
	{ "store", GW_OPTION_PATH, CONF(store), .fallback = "STATE/http.db",
	  .help = "The file in which events are kept until they are sent, and for /v1/events." },
	{ "keep", GW_OPTION_DURATION, CONF(keep), .fallback = "7d", .min = 60000,
	  .max = (int64_t)366 * 24 * 3600 * 1000,
	  .help = "How long events are kept, and dead letters." },
	{ "most", GW_OPTION_INT, CONF(most), .fallback = "1000000", .min = 1000, .max = 100000000,
	  .help = "So many events are kept at most, and as many dead letters." },
	{ "retry", GW_OPTION_DURATION, CONF(retry), .fallback = "10s", .min = 10, .max = 3600000,
	  .help = "How long after a request that failed it is sent again; three times as long after each further one, up to 4h." },
	{ "give_up", GW_OPTION_DURATION, CONF(give_up), .fallback = "24h", .min = 10,
	  .max = (int64_t)30 * 24 * 3600 * 1000,
	  .help = "A webhook that failed for so long: events that are as old become dead letters." },
	GW_OPTIONS_END
};

/* --- where --- */

static bool read_port(struct gw_str text, int *port)
{
	size_t i;

	*port = 0;
	for (i = 0; i < text.len && i < 5; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		*port = *port * 10 + (text.ptr[i] - '0');
	}
	return text.len == i && *port > 0 && *port < 65536;
}

static bool is_own(struct listen_address *address)
{
	struct in6_addr six;
	struct in_addr four;

	address->is_ipv6 = inet_pton(AF_INET6, address->host, &six) == 1;
	if (address->is_ipv6)
		return IN6_IS_ADDR_LOOPBACK(&six);
	return inet_pton(AF_INET, address->host, &four) == 1 && ntohl(four.s_addr) >> 24 == 127;
}

bool listen_address_read(struct gw_str text, struct listen_address *address)
{
	bool bracketed = text.len && text.ptr[0] == '[';
	struct gw_str host, port;
	size_t colon;

	*address = (struct listen_address){ 0 };
	if (text.len > 6 && strncmp(text.ptr, "unix:/", 6) == 0) {
		address->path = gw_str_from(text, 5);
		return address->path.len < 108 && !gw_str_has_nul(text);
	}
	colon = bracketed ? gw_str_find(text, ']') + 1 : gw_str_find(text, ':');
	host = gw_str_n(text.ptr + bracketed, colon - 2 * bracketed);
	port = gw_str_from(text, colon + 1);
	if (colon >= text.len || text.ptr[colon] != ':' || host.len >= sizeof address->host)
		return false;
	snprintf(address->host, sizeof address->host, "%.*s", GW_STR_ARGS(host));
	return read_port(port, &address->port) && is_own(address);
}

/* --- what is wrong --- */

static bool check_listen(struct gw_call *call, const struct http_conf *conf)
{
	struct listen_address address;

	if (!conf->listen.len || listen_address_read(conf->listen, &address))
		return true;
	gw->problem_at(
		call, NULL, "listen", true,
		"\"%.*s\": the API is on this machine alone, as \"127.0.0.1:8025\", \"[::1]:8025\" or \"unix:/run/gateway/http.sock\"; what others reach is a proxy with TLS before it",
		GW_STR_ARGS(conf->listen));
	return false;
}

static bool check_hash(struct gw_call *call, const struct token_conf *token, size_t nth)
{
	unsigned char digest[TOKEN_DIGEST];
	char key[64];

	if (token_hash_read(token->hash, digest))
		return true;
	snprintf(key, sizeof key, "tokens[%zu].hash", nth);
	gw->problem_at(
		call, NULL, key, true,
		"the hash of \"%.*s\" is not \"sha256:\" and 64 hexadecimal digits: `gatewayctl http token NAME` makes a token and prints its hash",
		GW_STR_ARGS(token->name));
	return false;
}

static bool is_named_before(const struct token_conf *tokens, size_t nth)
{
	size_t i;

	for (i = 0; i < nth; i++)
		if (gw_str_eq(tokens[i].name, tokens[nth].name))
			return true;
	return false;
}

static bool check_tokens(struct gw_call *call, const struct http_conf *conf)
{
	const struct token_conf *tokens = conf->tokens.items;
	bool fine = true;
	char key[64];
	size_t i;

	for (i = 0; i < conf->tokens.count; i++) {
		fine &= check_hash(call, &tokens[i], i);
		if (!is_named_before(tokens, i))
			continue;
		snprintf(key, sizeof key, "tokens[%zu].name", i);
		gw->problem_at(call, NULL, key, true, "two tokens are called \"%.*s\"",
			       GW_STR_ARGS(tokens[i].name));
		fine = false;
	}
	return fine;
}

/* --- webhooks --- */

static bool refuse(struct gw_call *call, size_t nth, const char *key, const char *name,
		   const char *why)
{
	char place[64];

	snprintf(place, sizeof place, "webhooks[%zu].%s", nth, key);
	gw->problem_at(call, NULL, place, true, "webhook \"%s\": %s", name, why);
	return false;
}

/* What is wrong with it; NULL: nothing. */
static const char *url_wrong(const struct webhook_conf *webhook)
{
	CURLU *url = curl_url();
	char *scheme = NULL, *host = NULL;
	const char *wrong = NULL;

	if (!url || curl_url_set(url, CURLUPART_URL, webhook->url.ptr, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		wrong = "that is no URL; say \"https://host/path\"";
	else if (strcmp(scheme, "https") != 0 &&
		 (strcmp(scheme, "http") != 0 || !webhook->allow_private))
		wrong = "events go by https alone; http:// is for where allow_private = true";
	else if (!webhook->allow_private && peer_host_is_private(host))
		wrong = "that address is private: name a public one, or set allow_private = true";
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(url);
	return wrong;
}

static bool check_webhook(struct gw_call *call, const struct webhook_conf *webhooks, size_t nth)
{
	const struct webhook_conf *webhook = &webhooks[nth];
	const char *name = webhook->name.ptr, *wrong = url_wrong(webhook);
	bool fine = true;
	size_t i;

	if (wrong)
		fine = refuse(call, nth, "url", name, wrong);
	if (webhook->name.len == 0 || webhook->name.len > 255)
		fine = refuse(call, nth, "name", name, "a name has 1 to 255 octets");
	if (webhook->secret.len < 16)
		fine = refuse(call, nth, "secret", name,
			      "the secret is too short: `openssl rand -hex 32` makes a good one");
	for (i = 0; i < nth; i++)
		if (gw_str_eq(webhooks[i].name, webhook->name))
			fine = refuse(call, nth, "name", name, "two have that name");
	return fine;
}

static bool check_webhooks(struct gw_call *call, const struct http_conf *conf)
{
	bool fine = true;
	size_t i;

	if (conf->webhooks.count > WEBHOOKS_MOST)
		return refuse(call, WEBHOOKS_MOST, "name", "", "there are at most 16");
	for (i = 0; i < conf->webhooks.count; i++)
		fine &= check_webhook(call, conf->webhooks.items, i);
	return fine;
}

bool conf_check(struct gw_call *call, const struct http_conf *conf)
{
	bool fine = check_listen(call, conf);

	fine &= check_tokens(call, conf);
	fine &= check_webhooks(call, conf);
	if (fine && conf->listen.len && !conf->tokens.count)
		gw->problem_at(
			call, NULL, "listen", false,
			"nobody may ask the API: `gatewayctl http token NAME` makes a token");
	return fine;
}
