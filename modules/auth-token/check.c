#include "check.h"

#include <stdlib.h>

struct check *check_create(const struct token_conf *conf, const struct gw_login *login)
{
	struct check *check = calloc(1, sizeof *check);

	if (!check)
		return NULL;
	check->conf = conf;
	check->token = strndup(login->secret.ptr, login->secret.len);
	check->user = strndup(login->user.len ? login->user.ptr : "", login->user.len);
	if (check->token && check->user)
		return check;
	check_free(check);
	return NULL;
}

void check_free(void *arg)
{
	struct check *check = arg;

	if (check->token)
		explicit_bzero(check->token, strlen(check->token));
	keys_release(check->keys);
	free(check->token);
	free(check->user);
	free(check);
}

static bool no(struct check *check, enum verdict verdict, const char *why)
{
	check->finding.verdict = verdict;
	check->finding.why = why;
	return false;
}

/* --- the signature --- */

/* Of the algorithms that a header may name, these; what else a header says of keys is not believed.
 */
static bool find_key(struct check *check, cjose_header_t *header, const struct key **key)
{
	cjose_err error;
	const char *algorithm = cjose_header_get(header, CJOSE_HDR_ALG, &error),
		   *id = cjose_header_get(header, CJOSE_HDR_KID, &error);
	char *critical = cjose_header_get_raw(header, "crit", &error);
	bool rsa = algorithm && strcmp(algorithm, "RS256") == 0,
	     ec = algorithm && strcmp(algorithm, "ES256") == 0, understood = critical == NULL;

	free(critical);
	if (!understood)
		return no(check, CHECK_BAD, "it wants something understood that is not");
	if (!rsa && !ec)
		return no(check, CHECK_BAD, "it is signed by neither RS256 nor ES256");
	*key = keys_find(check->keys, id, rsa ? CJOSE_JWK_KTY_RSA : CJOSE_JWK_KTY_EC);
	return *key ||
	       no(check, CHECK_UNKNOWN, "it is signed with a key that its issuer does not tell");
}

static bool check_payload(struct check *check, cjose_jws_t *jws)
{
	struct gw_json_value *claims;
	uint8_t *text = NULL;
	size_t len = 0;
	cjose_err error;

	if (!cjose_jws_get_plaintext(jws, &text, &len, &error))
		return no(check, CHECK_BAD, "it has no claims");
	claims = gw->json_read(gw_str_n((const char *)text, len), NULL, 0);
	if (gw->json_kind(claims) == GW_JSON_OBJECT)
		claims_judge(check->conf, claims, check->now, &check->finding);
	else
		no(check, CHECK_BAD, "its claims are no JSON object");
	gw->json_free(claims);
	return true;
}

static bool check_signed(struct check *check, cjose_jws_t *jws)
{
	const struct key *key = NULL;
	cjose_err error;

	if (!find_key(check, cjose_jws_get_protected(jws), &key))
		return false;
	if (!cjose_jws_verify(jws, key->jwk, &error))
		return no(check, CHECK_BAD, "its signature is wrong");
	return check_payload(check, jws);
}

void check_run(void *arg)
{
	struct check *check = arg;
	cjose_err error;
	cjose_jws_t *jws = cjose_jws_import(check->token, strlen(check->token), &error);

	check->finding.verdict = CHECK_GOOD;
	if (!jws)
		no(check, CHECK_OTHER, "it is no signed JWT");
	else
		check_signed(check, jws);
	cjose_jws_release(jws);
}
