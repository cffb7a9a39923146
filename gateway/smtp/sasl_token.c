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
