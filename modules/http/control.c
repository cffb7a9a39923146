#include "control.h"

#include "token.h"

#include <openssl/crypto.h>

static bool is_name(struct gw_str name)
{
	size_t i;

	for (i = 0; i < name.len; i++)
		if ((unsigned char)name.ptr[i] <= ' ' || strchr("\"\\\177", name.ptr[i]))
			return false;
	return name.len > 0 && name.len <= 64;
}

/* It is shown once, and kept nowhere: the answer is all there is of it. */
static void make_token(struct gw_call *call, struct gw_list words)
{
	struct gw_json *json = gw->json_create();
	char token[TOKEN_TEXT], hash[TOKEN_HASH];

	if (words.count != 1 || !is_name(words.items[0]) || !token_make(token)) {
		gw->problem(call, true, "say token NAME");
		gw->json_destroy(json);
		return;
	}
	token_hash_write(gw_str(token), hash);
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_format(
		json, "text",
		"the token, which is shown this once:\n  %s\nits row for `tokens` in the fragment of http, then `gatewayctl reload`:\n  { name = \"%.*s\"; hash = \"%s\"; scope = \"read\"; }",
		token, GW_STR_ARGS(words.items[0]), hash);
	gw->json_begin(json, "data", GW_JSON_OBJECT);
	gw->json_string(json, "name", words.items[0]);
	gw->json_string(json, "token", gw_str(token));
	gw->json_string(json, "hash", gw_str(hash));
	gw->json_end(json);
	gw->json_end(json);
	gw->answer_json(call, json);
	OPENSSL_cleanse(token, sizeof token);
}

void control(struct gw_call *call, const struct gw_command *command)
{
	struct gw_list rest = command->words;
	struct gw_str verb = rest.count ? rest.items[0] : gw_str("");

	rest.items++;
	rest.count -= rest.count > 0;
	if (gw_str_eq(verb, gw_str("token")))
		make_token(call, rest);
	else
		gw->problem(call, true, "say token NAME");
}
