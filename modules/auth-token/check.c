#include "check.h"

#include <stdio.h>
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
	check->verdict = verdict;
	check->why = why;
	return false;
}

/* --- claims --- */

static bool has_word(struct gw_str list, struct gw_str word)
{
	while (list.len) {
		size_t len = gw_str_find(list, ' ');

		if (gw_str_eq(gw_str_n(list.ptr, len), word))
			return true;
		list = gw_str_from(list, len + 1);
	}
	return false;
}

/* The text is that, or one of an array is. */
static bool claim_is(const struct gw_json_value *claim, struct gw_str wanted)
{
	size_t i;

	if (gw->json_kind(claim) == GW_JSON_STRING)
		return gw_str_eq(gw->json_value_string(claim), wanted);
	for (i = 0; i < gw->json_count(claim); i++) {
		const struct gw_json_value *item = gw->json_item(claim, i);

		if (gw->json_kind(item) == GW_JSON_STRING &&
		    gw_str_eq(gw->json_value_string(item), wanted))
			return true;
	}
	return false;
}

static bool has_audience(const struct check *check, const struct gw_json_value *claims)
{
	size_t i;

	for (i = 0; i < check->conf->audience.count; i++)
		if (claim_is(gw->json_member(claims, "aud"), check->conf->audience.items[i]))
			return true;
	return false;
}

static bool has_scope(const struct check *check, const struct gw_json_value *claims)
{
	static const char *const names[] = { "scope", "scp", "roles" };
	struct gw_str wanted = check->conf->scope;
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names && wanted.len; i++) {
		const struct gw_json_value *claim = gw->json_member(claims, names[i]);

		if (claim_is(claim, wanted) || (gw->json_kind(claim) == GW_JSON_STRING &&
						has_word(gw->json_value_string(claim), wanted)))
			return true;
	}
	return !wanted.len;
}

#define NONE INT64_MIN

/* Seconds; NONE: there is no such claim. */
static int64_t time_of(const struct gw_json_value *claims, const char *name)
{
	return gw->json_value_number(gw->json_member(claims, name), NONE);
}

static bool check_times(struct check *check, const struct gw_json_value *claims)
{
	int64_t early = (check->now - check->conf->skew) / 1000,
		late = (check->now + check->conf->skew) / 1000, expires = time_of(claims, "exp"),
		begins = time_of(claims, "nbf"), issued = time_of(claims, "iat");

	if (expires == NONE)
		return no(check, CHECK_BAD, "it does not say when it ends");
	if (expires <= early)
		return no(check, CHECK_BAD, "it has expired");
	if (begins > late || issued > late)
		return no(check, CHECK_BAD, "it is not good yet: is a clock wrong?");
	return true;
}

/* --- whose it is --- */

static bool is_printable(struct gw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 127)
			return false;
	return text.len > 0;
}

static bool take_name(struct check *check, const struct gw_json_value *claims)
{
	const char *claim = check->conf->user_claim.ptr;
	struct gw_str name = gw->json_value_string(gw->json_member(claims, claim));
	const struct gw_json_value *verified = gw->json_member(claims, "email_verified");

	if (!is_printable(name) || name.len >= sizeof check->name)
		return no(check, CHECK_BAD, "it names no user in the claim that user_claim says");
	if (strcmp(claim, "email") == 0 && gw->json_kind(verified) != GW_JSON_NONE &&
	    !gw->json_value_bool(verified, false))
		return no(check, CHECK_BAD, "its address was never verified");
	memcpy(check->name, name.ptr, name.len);
	if (*check->user && !gw_str_ieq(gw_str(check->user), name))
		return no(check, CHECK_BAD, "it is another user's than the client says");
	return true;
}

static bool add_domain(struct check *check, struct gw_str domain)
{
	size_t len = strlen(check->domains);

	if (!is_printable(domain) || len + domain.len + 2 > sizeof check->domains)
		return false;
	snprintf(check->domains + len, sizeof check->domains - len, "%s%.*s", len ? " " : "",
		 GW_STR_ARGS(domain));
	return true;
}

static bool take_domains(struct check *check, const struct gw_json_value *claims)
{
	const struct gw_json_value *claim;
	size_t i;

	if (!check->conf->domains_claim.len)
		return true;
	claim = gw->json_member(claims, check->conf->domains_claim.ptr);
	if (gw->json_kind(claim) == GW_JSON_STRING)
		add_domain(check, gw->json_value_string(claim));
	for (i = 0; gw->json_kind(claim) == GW_JSON_ARRAY && i < gw->json_count(claim); i++)
		if (!add_domain(check, gw->json_value_string(gw->json_item(claim, i))))
			return no(check, CHECK_BAD, "its sender domains cannot be read");
	return *check->domains ||
	       no(check, CHECK_BAD,
		  "it names no sender domains in the claim that domains_claim says");
}

static bool check_claims(struct check *check, const struct gw_json_value *claims)
{
	if (!claim_is(gw->json_member(claims, "iss"), check->conf->issuer) ||
	    gw->json_kind(gw->json_member(claims, "iss")) != GW_JSON_STRING)
		return no(check, CHECK_OTHER, "it is of another issuer");
	if (!has_audience(check, claims))
		return no(check, CHECK_BAD, "it is for somebody else: its audience is not ours");
	if (!check_times(check, claims))
		return false;
	if (!has_scope(check, claims))
		return no(check, CHECK_SCOPE, "it lacks the scope");
	return take_name(check, claims) && take_domains(check, claims);
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
	bool good;

	if (!cjose_jws_get_plaintext(jws, &text, &len, &error))
		return no(check, CHECK_BAD, "it has no claims");
	claims = gw->json_read(gw_str_n((const char *)text, len), NULL, 0);
	good = gw->json_kind(claims) == GW_JSON_OBJECT
		       ? check_claims(check, claims)
		       : no(check, CHECK_BAD, "its claims are no JSON object");
	gw->json_free(claims);
	return good;
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

	check->verdict = CHECK_GOOD;
	if (!jws)
		no(check, CHECK_BAD, "it is no signed JWT");
	else
		check_signed(check, jws);
	cjose_jws_release(jws);
}
