#include "request.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

/* A text that holds secrets: wiped when it is freed. */
static char *secret_alloc(size_t size)
{
	return OPENSSL_zalloc(size);
}

static void secret_free(char *text, size_t size)
{
	OPENSSL_clear_free(text, size);
}

static bool is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("-._~", c));
}

bool is_token(struct gw_str token)
{
	size_t i;

	for (i = 0; i < token.len; i++)
		if (!is_plain(token.ptr[i]) && !(token.ptr[i] && strchr("+/=", token.ptr[i])))
			return false;
	return token.len > 0;
}

/* As a form has it; `out` has room for three octets for each, and a NUL. */
static char *put_encoded(char *out, struct gw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (is_plain(text.ptr[i]))
			*out++ = text.ptr[i];
		else
			out += sprintf(out, "%%%02X", (unsigned char)text.ptr[i]);
	*out = '\0';
	return out;
}

#define BASIC "Authorization: Basic "
#define BEARER "Authorization: Bearer "

/* The length of a header of that much room; 0: no memory. */
static size_t put_basic(char *out, const struct token_conf *conf, struct gw_str secret)
{
	size_t size = 3 * (conf->client_id.len + secret.len) + 2;
	char *pair = secret_alloc(size), *end;
	size_t len = 0;

	if (!pair)
		return 0;
	end = put_encoded(pair, conf->client_id);
	*end++ = ':';
	end = put_encoded(end, secret);
	strcpy(out, BASIC);
	len = strlen(BASIC) + (size_t)EVP_EncodeBlock((unsigned char *)out + strlen(BASIC),
						      (const unsigned char *)pair,
						      (int)(end - pair));
	secret_free(pair, size);
	return len;
}

static size_t put_authorization(char *out, const struct token_conf *conf, struct gw_str secret)
{
	if (!conf->bearer.len)
		return put_basic(out, conf, secret);
	return (size_t)sprintf(out, BEARER "%.*s", GW_STR_ARGS(secret));
}

static size_t authorization_room(const struct token_conf *conf, struct gw_str secret)
{
	return 4 * (conf->client_id.len + secret.len) + 64;
}

static bool send_form(struct gw_call *call, struct gw_str form, struct gw_str authorization,
		      void *arg)
{
	const struct token_conf *conf = gw->conf(call);
	struct gw_str headers[] = { GW_STR("Accept: application/json"),
				    GW_STR("Content-Type: application/x-www-form-urlencoded"),
				    authorization };
	struct gw_http_request request = { .size = sizeof request,
					   .url = conf->introspection_url,
					   .headers = { headers, 3 },
					   .body = form,
					   .ca_file = conf->ca_file,
					   .deadline_ms = (uint32_t)conf->timeout };

	return gw->http_request(call, &request, arg) != 0;
}

bool request_send(struct gw_call *call, struct gw_str secret, struct gw_str token, void *arg)
{
	static const char hint[] = "&token_type_hint=access_token";
	const struct token_conf *conf = gw->conf(call);
	size_t room = authorization_room(conf, secret),
	       size = 3 * token.len + sizeof "token=" + sizeof hint;
	char *header = secret_alloc(room), *form = secret_alloc(size), *end;
	size_t len = header ? put_authorization(header, conf, secret) : 0;
	bool sent = false;

	if (len && form) {
		end = put_encoded(stpcpy(form, "token="), token);
		end = stpcpy(end, hint);
		sent = send_form(call, gw_str_n(form, (size_t)(end - form)), gw_str_n(header, len),
				 arg);
	}
	secret_free(form, size);
	secret_free(header, room);
	return sent;
}
