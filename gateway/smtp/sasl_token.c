#include "smtp/sasl_token.h"

#include <stdio.h>
#include <stdlib.h>

static const struct sasl_token_mechanism mechanisms[] = {
	{ "XOAUTH2", "user=%s\001auth=Bearer %.*s\001\001", false, "" },
	{ "OAUTHBEARER", "n,a=%s,\001auth=Bearer %.*s\001\001", true, "AQ==" },
};

const struct sasl_token_mechanism *sasl_token_find(struct gw_str name)
{
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++)
		if (gw_str_ieq(gw_str(mechanisms[i].name), name))
			return &mechanisms[i];
	return NULL;
}

static bool is_visible(struct gw_str token)
{
	for (size_t i = 0; i < token.len; i++)
		if (token.ptr[i] <= ' ' || token.ptr[i] >= 0x7f)
			return false;
	return token.len > 0;
}

/* False: a control is in it, which could begin a field of its own. */
static bool write_user(FILE *out, struct gw_str user, bool escaped)
{
	for (size_t i = 0; i < user.len; i++) {
		unsigned char c = (unsigned char)user.ptr[i];

		if (c < ' ' || c == 0x7f)
			return false;
		if (escaped && (c == ',' || c == '='))
			fprintf(out, "=%02X", c);
		else
			putc(c, out);
	}
	return user.len > 0;
}

static char *user_text(struct gw_str user, bool escaped)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool good = out != NULL && write_user(out, user, escaped);

	if (out != NULL && fclose(out) == 0 && good)
		return text;
	free(text);
	return NULL;
}

char *sasl_token_message(const struct sasl_token_mechanism *mechanism, struct gw_str user,
			 struct gw_str token)
{
	char *name = is_visible(token) ? user_text(user, mechanism->escaped) : NULL, *message;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (name == NULL || asprintf(&message, mechanism->form, name, GW_STR_ARGS(token)) < 0)
		message = NULL;
#pragma GCC diagnostic pop
	free(name);
	return message;
}

/* --- the server's side --- */

/* The next field, up to \001; false: there is none. */
static bool next_field(struct gw_str *rest, struct gw_str *field)
{
	size_t len = gw_str_find(*rest, '\001');

	if (len == rest->len)
		return false;
	*field = gw_str_n(rest->ptr, len);
	*rest = gw_str_from(*rest, len + 1);
	return true;
}

static bool take_prefix(struct gw_str *text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (text->len < len || strncasecmp(text->ptr, prefix, len) != 0)
		return false;
	*text = gw_str_from(*text, len);
	return true;
}

/* "=2C" and "=3D", and no other use of '=' (RFC 5801 section 4). */
static bool unescape(struct gw_str *user)
{
	char *out = (char *)user->ptr;
	size_t len = 0;

	for (size_t i = 0; i < user->len; i++) {
		if (user->ptr[i] != '=') {
			out[len++] = user->ptr[i];
			continue;
		}
		if (i + 2 >= user->len ||
		    (memcmp(user->ptr + i, "=2C", 3) != 0 && memcmp(user->ptr + i, "=3D", 3) != 0))
			return false;
		out[len++] = user->ptr[i + 1] == '2' ? ',' : '=';
		i += 2;
	}
	user->len = len;
	return true;
}

/* "n,a=USER," or "n,,"; 'y' is a client that would bind to the link if we could. */
static bool take_gs2(struct gw_str header, struct gw_str *user)
{
	if (!take_prefix(&header, "n,") && !take_prefix(&header, "y,"))
		return false;
	*user = gw_str("");
	if (take_prefix(&header, "a=")) {
		*user = gw_str_n(header.ptr, gw_str_find(header, ','));
		header = gw_str_from(header, user->len);
		if (user->len == 0)
			return false;
	}
	return gw_str_eq(header, gw_str(",")) && unescape(user);
}

static bool take_user(const struct sasl_token_mechanism *mechanism, struct gw_str field,
		      struct gw_str *user)
{
	if (mechanism->escaped)
		return take_gs2(field, user);
	*user = field;
	return take_prefix(user, "user=") && user->len > 0;
}

bool sasl_token_parse(const struct sasl_token_mechanism *mechanism, struct gw_str message,
		      struct gw_str *user, struct gw_str *token)
{
	struct gw_str field;

	*token = gw_str("");
	if (gw_str_has_nul(message) || !next_field(&message, &field) ||
	    !take_user(mechanism, field, user))
		return false;
	while (next_field(&message, &field) && field.len > 0) {
		if (!take_prefix(&field, "auth="))
			continue; /* host, port, and what is to come */
		if (token->len > 0 || !take_prefix(&field, "Bearer "))
			return false;
		*token = field;
	}
	return message.len == 0 && is_visible(*token);
}

static void put_member(FILE *out, const char *name, struct gw_str value)
{
	fprintf(out, "\"%s\":\"", name);
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] >= ' ' && value.ptr[i] < 0x7f && !strchr("\"\\", value.ptr[i]))
			putc(value.ptr[i], out);
	putc('"', out);
}

char *sasl_token_refusal(const struct sasl_token_mechanism *mechanism, struct gw_str status,
			 struct gw_str scope)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	putc('{', out);
	put_member(out, "status", mechanism->escaped ? status : gw_str("401"));
	if (!mechanism->escaped)
		fputs(",\"schemes\":\"bearer\"", out);
	if (scope.len > 0) {
		putc(',', out);
		put_member(out, "scope", scope);
	}
	putc('}', out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}
