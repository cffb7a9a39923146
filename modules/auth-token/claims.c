#include "claims.h"

#include <stdio.h>

static bool no(struct finding *finding, enum verdict verdict, const char *why)
{
	finding->verdict = verdict;
	finding->why = why;
	return false;
}

/* --- claims --- */

/* By introspection, not by a signature. */
static bool is_told(const struct token_conf *conf)
{
	return conf->introspection_url.len > 0;
}

static bool has_word(struct gw_str list, struct gw_str word)
{
	while (list.len)
		if (gw_str_eq(gw_str_cut(&list, ' '), word))
			return true;
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

static bool has_audience(const struct token_conf *conf, const struct gw_json_value *claims)
{
	size_t i;

	for (i = 0; i < conf->audience.count; i++)
		if (claim_is(gw->json_member(claims, "aud"), conf->audience.items[i]))
			return true;
	return false;
}

static bool has_scope(const struct token_conf *conf, const struct gw_json_value *claims)
{
	static const char *const names[] = { "scope", "scp", "roles" };
	struct gw_str wanted = conf->scope;
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names && wanted.len; i++) {
		const struct gw_json_value *claim = gw->json_member(claims, names[i]);

		if (claim_is(claim, wanted) || (gw->json_kind(claim) == GW_JSON_STRING &&
						has_word(gw->json_value_string(claim), wanted)))
			return true;
	}
	return !wanted.len;
}

int64_t claims_time(const struct gw_json_value *claims, const char *name)
{
	return gw->json_value_number(gw->json_member(claims, name), NO_TIME);
}

static bool has(const struct gw_json_value *claims, const char *name)
{
	return gw->json_kind(gw->json_member(claims, name)) != GW_JSON_NONE;
}

static bool check_times(const struct token_conf *conf, const struct gw_json_value *claims,
			int64_t now, struct finding *finding)
{
	int64_t early = (now - conf->skew) / 1000, late = (now + conf->skew) / 1000,
		begins = claims_time(claims, "nbf"), issued = claims_time(claims, "iat");

	finding->expires = claims_time(claims, "exp");
	if (finding->expires == NO_TIME && (has(claims, "exp") || !is_told(conf)))
		return no(finding, CHECK_BAD, "it does not say when it ends");
	if (finding->expires != NO_TIME && finding->expires <= early)
		return no(finding, CHECK_BAD, "it has expired");
	if (begins > late || issued > late)
		return no(finding, CHECK_BAD, "it is not good yet: is a clock wrong?");
	return true;
}

static bool check_issuer(const struct token_conf *conf, const struct gw_json_value *claims,
			 struct finding *finding)
{
	const struct gw_json_value *issuer = gw->json_member(claims, "iss");

	if (!conf->issuer.len)
		return true;
	/* one that its issuer calls good is no other's to judge */
	if (is_told(conf) && !has(claims, "iss"))
		return no(finding, CHECK_BAD,
			  "the end point does not say who issued it, and issuer is set");
	if (gw->json_kind(issuer) != GW_JSON_STRING || !claim_is(issuer, conf->issuer))
		return no(finding, CHECK_OTHER, "it is of another issuer");
	return true;
}

static bool check_audience(const struct token_conf *conf, const struct gw_json_value *claims,
			   struct finding *finding)
{
	if (!conf->audience.count || has_audience(conf, claims))
		return true;
	return no(finding, CHECK_BAD,
		  has(claims, "aud") ? "it is for somebody else: its audience is not ours"
				     : "it does not say for whom it is, and audience is set");
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

static bool take_name(const struct token_conf *conf, const struct gw_json_value *claims,
		      struct finding *finding)
{
	const char *claim = conf->user_claim.ptr;
	struct gw_str name = gw->json_value_string(gw->json_member(claims, claim));
	const struct gw_json_value *verified = gw->json_member(claims, "email_verified");

	if (!is_printable(name) || name.len >= sizeof finding->name)
		return no(finding, CHECK_BAD, "it names no user in the claim that user_claim says");
	if (strcmp(claim, "email") == 0 && gw->json_kind(verified) != GW_JSON_NONE &&
	    !gw->json_value_bool(verified, false))
		return no(finding, CHECK_BAD, "its address was never verified");
	memcpy(finding->name, name.ptr, name.len);
	return true;
}

static bool add_domain(struct finding *finding, struct gw_str domain)
{
	size_t len = strlen(finding->domains);

	if (!is_printable(domain) || len + domain.len + 2 > sizeof finding->domains)
		return false;
	snprintf(finding->domains + len, sizeof finding->domains - len, "%s%.*s", len ? " " : "",
		 GW_STR_ARGS(domain));
	return true;
}

static bool take_domains(const struct token_conf *conf, const struct gw_json_value *claims,
			 struct finding *finding)
{
	const struct gw_json_value *claim;
	size_t i;

	if (!conf->domains_claim.len)
		return true;
	claim = gw->json_member(claims, conf->domains_claim.ptr);
	if (gw->json_kind(claim) == GW_JSON_STRING)
		add_domain(finding, gw->json_value_string(claim));
	for (i = 0; gw->json_kind(claim) == GW_JSON_ARRAY && i < gw->json_count(claim); i++)
		if (!add_domain(finding, gw->json_value_string(gw->json_item(claim, i))))
			return no(finding, CHECK_BAD, "its sender domains cannot be read");
	return *finding->domains ||
	       no(finding, CHECK_BAD,
		  "it names no sender domains in the claim that domains_claim says");
}

void claims_judge(const struct token_conf *conf, const struct gw_json_value *claims, int64_t now,
		  struct finding *finding)
{
	finding->verdict = CHECK_GOOD;
	finding->expires = NO_TIME;
	if (!check_issuer(conf, claims, finding) || !check_audience(conf, claims, finding) ||
	    !check_times(conf, claims, now, finding))
		return;
	if (!has_scope(conf, claims))
		no(finding, CHECK_SCOPE, "it lacks the scope");
	else if (take_name(conf, claims, finding))
		take_domains(conf, claims, finding);
}

/* --- the answer --- */

static enum gw_verdict refuse(struct gw_call *call, const struct token_conf *conf,
			      enum verdict verdict, const char *why)
{
	bool scope = verdict == CHECK_SCOPE;

	gw->log(call, GW_LOG_INFO, "a token is refused: %s", why);
	gw->token_refused(call, gw_str(scope ? "insufficient_scope" : "invalid_token"),
			  conf->scope);
	return GW_REJECT;
}

enum gw_verdict finding_answer(struct gw_call *call, const struct token_conf *conf,
			       const struct finding *finding, struct gw_str user)
{
	struct gw_identity identity = { .size = sizeof identity,
					.client = gw_str(finding->name),
					.type = gw_str(""),
					.domains = gw_str(finding->domains) };

	if (finding->verdict == CHECK_OTHER)
		return GW_CONTINUE;
	if (finding->verdict != CHECK_GOOD)
		return refuse(call, conf, finding->verdict, finding->why);
	if (user.len && !gw_str_ieq(user, identity.client))
		return refuse(call, conf, CHECK_BAD, "it is another user's than the client says");
	gw->identify(call, &identity);
	return GW_ACCEPT;
}
