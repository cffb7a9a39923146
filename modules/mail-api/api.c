#include "api.h"

#include <ctype.h>
#include <stdio.h>

#define MIB ((int64_t)1 << 20)

#define MAILBOX "the mailbox: bounces come back there, whatever MAIL FROM is"

/* Graph takes 4 MB of base64. Both mailboxes take 500 recipients a message. */
static const struct api apis[] = {
	[API_GRAPH] = { "Microsoft Graph", "https://graph.microsoft.com", "/v1.0/users/",
			"/sendMail", "text/plain", true, 3 * MIB, 500, .returns = MAILBOX },
	[API_GMAIL] = { "Gmail", "https://gmail.googleapis.com", "/upload/gmail/v1/users/",
			"/messages/send?uploadType=media", "message/rfc822", false, 35 * MIB, 500,
			.returns = MAILBOX },
	[API_AZURE] = { "Azure Communication Services Email", "", "", "", "application/json", false,
			10 * MIB, 50, .later = true,
			.returns =
				"the service's own: bounces are in Azure alone, whatever MAIL FROM is" },
};

#define CONF(member) offsetof(struct api_conf, member)
const struct gw_option api_options[] = {
	{ "ca_file", GW_OPTION_PATH, CONF(ca_file),
	  .help = "Certificates (PEM) that are trusted for APIs, instead of the system's." },
	{ "timeout", GW_OPTION_DURATION, CONF(timeout), .fallback = "2m",
	  .help = "How long a message may take until its answer is there.", .min = 100,
	  .max = 600000 },
	GW_OPTIONS_END
};

#define RELAY(member) offsetof(struct api_relay, member)
const struct gw_option api_relay_options[] = {
	{ "api", GW_OPTION_WORD, RELAY(api), .fallback = "none", .flags = GW_OPTION_NEXT_HOP,
	  .help = "The mail API that takes this relay's mail; the relay needs no host then.",
	  .words = "none|graph|gmail|azure" },
	{ "api_mailbox", GW_OPTION_STRING, RELAY(mailbox),
	  .help = "The mailbox to send from; empty: auth.user." },
	{ "api_url", GW_OPTION_STRING, RELAY(url),
	  .help = "Where the API is, as \"https://graph.microsoft.us\"; empty: the provider's." },
	{ "api_others", GW_OPTION_WORD, RELAY(others), .fallback = "refuse",
	  .help = "What is done with a message whose To or Cc names somebody to whom this delivery does not go, and to whom the API would send: the next relay has it, or the address is taken out.",
	  .words = "refuse|remove" },
	{ "api_from_name", GW_OPTION_WORD, RELAY(from_name), .fallback = "refuse",
	  .help = "azure: what is done with a message whose From has a name, since the API sends with the name that it has for the address: the next relay has it, or the name is left out.",
	  .words = "refuse|drop" },
	{ "auth.method", GW_OPTION_WORD, RELAY(method), .fallback = "password",
	  .help = "azure: with \"password\" auth.password is an access key, with \"oauth\" there is a token.",
	  .words = "password|oauth" },
	GW_OPTIONS_END
};

const struct api *api_of(const struct api_relay *conf)
{
	return conf && conf->api != API_NONE ? &apis[conf->api] : NULL;
}

/* --- its address --- */

static bool is_plain(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.' || c == '~';
}

static void encode(struct gw_str text, char *out, size_t size)
{
	size_t i, len = 0;

	for (i = 0; i < text.len && len + 4 < size; i++)
		len += (size_t)snprintf(out + len, size - len,
					is_plain(text.ptr[i]) ? "%c" : "%%%02X",
					(unsigned char)text.ptr[i]);
	out[len] = '\0';
}

bool api_url(const struct api *api, const struct api_relay *conf, struct gw_str mailbox, char *out,
	     size_t size)
{
	struct gw_str base = conf->url.len ? conf->url : gw_str(api->base);
	char encoded[1024];
	int len;

	while (base.len && base.ptr[base.len - 1] == '/')
		base.len--;
	encode(mailbox, encoded, sizeof encoded);
	len = snprintf(out, size, "%.*s%s%s%s", GW_STR_ARGS(base), api->before, encoded,
		       api->after);
	return len > 0 && (size_t)len < size;
}

struct gw_str api_host(struct gw_str url)
{
	struct gw_str rest = gw_str_from(url, strlen("https://"));

	return gw_str_n(rest.ptr, gw_str_find(rest, '/'));
}

/* --- what is wrong with it --- */

static bool is_https(struct gw_str url)
{
	return url.len > 8 && strncmp(url.ptr, "https://", 8) == 0;
}

bool api_relay_check(struct gw_call *call, const struct gw_relay *relay)
{
	const struct api_relay *conf = gw->relay_conf(call, relay);
	const struct api *api = api_of(conf);

	if (!api || is_https(conf->url) || (!conf->url.len && *api->base))
		return true;
	gw->problem_at(
		call, relay, "api_url", true, "relay \"%s\": api_url %s",
		gw->relay_fact(relay, GW_RELAY_NAME).ptr,
		conf->url.len
			? "begins with https://: mail and token go there"
			: "is missing: the resource's end point, as \"https://NAME.communication.azure.com\"");
	return false;
}
