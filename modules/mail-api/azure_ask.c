/* azure_ask.c - a request to Azure: where it goes, and signed with what. */
#include "send_private.h"

#include <stdio.h>
#include <stdlib.h>

#define VERSION "api-version=2023-03-31"

static bool asks_with_post(enum azure_step step)
{
	return step == AZURE_POST;
}

static bool make_url(const struct send *send, char *out, size_t size)
{
	struct gw_str base = send->conf->url;
	int len;

	while (base.len && base.ptr[base.len - 1] == '/')
		base.len--;
	len = asks_with_post(send->azure.step)
		      ? snprintf(out, size, "%.*s/emails:send?" VERSION, GW_STR_ARGS(base))
		      : snprintf(out, size, "%.*s/emails/operations/%s?" VERSION, GW_STR_ARGS(base),
				 send->azure.id);
	return len > 0 && (size_t)len < size;
}

/* The lines of a request's header, and what they are made of. */
struct lines {
	struct gw_str items[6];
	size_t count;
	struct azure_signature signature;
	char bearer[20000], id[64];
};

static void add_line(struct lines *lines, const char *text)
{
	lines->items[lines->count++] = gw_str(text);
}

static bool add_token(struct lines *lines, struct gw_str token)
{
	int len = snprintf(lines->bearer, sizeof lines->bearer, "Authorization: Bearer %.*s",
			   GW_STR_ARGS(token));

	add_line(lines, lines->bearer);
	return len > 0 && (size_t)len < sizeof lines->bearer;
}

static bool add_signature(struct gw_call *call, const struct send *send, struct lines *lines,
			  struct gw_str url, struct gw_str key)
{
	bool post = asks_with_post(send->azure.step);
	char none[AZURE_HASH];

	azure_hash(gw_str(""), none);
	if (!azure_sign(&lines->signature, post ? "POST" : "GET", url,
			post ? send->azure.hash : none, key, gw->now(call)))
		return false;
	add_line(lines, lines->signature.date);
	add_line(lines, lines->signature.hash);
	add_line(lines, lines->signature.authorization);
	return true;
}

static void add_letter(const struct send *send, struct lines *lines)
{
	snprintf(lines->id, sizeof lines->id, "Operation-Id: %s", send->azure.id);
	add_line(lines, lines->id);
	add_line(lines, "Content-Type: application/json");
}

/* With a token, or signed with the access key. */
static bool ask_with(struct gw_call *call, struct send *send, struct gw_str url,
		     struct gw_str secret)
{
	bool post = asks_with_post(send->azure.step), asked;
	struct lines *lines = calloc(1, sizeof *lines);

	if (!lines)
		return false;
	add_line(lines, "Accept: application/json");
	if (post)
		add_letter(send, lines);
	asked = send->conf->method == METHOD_OAUTH ? add_token(lines, secret)
						   : add_signature(call, send, lines, url, secret);
	asked = asked && send_ask(call, send, post ? "POST" : "GET", url,
				  (struct gw_list){ lines->items, lines->count });
	explicit_bzero(lines, sizeof *lines);
	free(lines);
	return asked;
}

bool azure_ask(struct gw_call *call, struct send *send, struct gw_str secret)
{
	char url[2048];

	if (!make_url(send, url, sizeof url) || !ask_with(call, send, gw_str(url), secret))
		return false;
	snprintf(send->host, sizeof send->host, "%.*s", GW_STR_ARGS(api_host(gw_str(url))));
	return true;
}
