#include "smtp/sasl_private.h"

#include "base/utf8.h"
#include "smtp/sasl_token.h"

#include <stdlib.h>

static Gsasl *library;

/* Whether the credentials are right is asked elsewhere, once they are complete. */
static int on_property(Gsasl *context, Gsasl_session *session, Gsasl_property property)
{
	return property == GSASL_VALIDATE_SIMPLE ? GSASL_OK : GSASL_NO_CALLBACK;
}

int sasl_init(void)
{
	if (library)
		return 0;
	if (gsasl_init(&library) != GSASL_OK)
		return -1;
	gsasl_callback_set(library, on_property);
	return 0;
}

static enum sasl_state token_server_step(struct sasl *sasl, struct gw_str in, struct gw_str *out);

/* CRAM-MD5 has the server keep the password in clear, and shows a listener what to guess at. */
static const struct mechanism mechanisms[] = {
	{ "SCRAM-SHA-256-PLUS", sasl_scram_server_step, sasl_scram_client_step, .bound = true },
	{ "SCRAM-SHA-256", sasl_scram_server_step, sasl_scram_client_step },
	{ "PLAIN", sasl_secret_server_step, sasl_library_client_step, .challenges = { "" },
	  .token_is_sound = sasl_plain_is_sound, .take = sasl_plain_take },
	{ "LOGIN", sasl_secret_server_step, sasl_library_client_step,
	  .challenges = { "VXNlcm5hbWU6", "UGFzc3dvcmQ6" }, .client_waits = true,
	  .token_is_sound = sasl_login_is_sound, .take = sasl_login_take },
	{ "OAUTHBEARER", token_server_step, NULL },
	{ "XOAUTH2", token_server_step, NULL },
	{ "CRAM-MD5", NULL, sasl_library_client_step, .client_waits = true },
};
#define MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

const char *sasl_mechanism(size_t nth)
{
	return nth < MECHANISMS ? mechanisms[nth].name : NULL;
}

bool sasl_server_has(size_t nth)
{
	return nth < MECHANISMS && mechanisms[nth].server;
}

int sasl_mechanism_number(struct gw_str name)
{
	size_t i;

	for (i = 0; i < MECHANISMS; i++)
		if (gw_str_ieq(gw_str(mechanisms[i].name), name))
			return (int)i;
	return -1;
}

static const struct mechanism *find_mechanism(struct gw_str name)
{
	int number = sasl_mechanism_number(name);

	return number < 0 ? NULL : &mechanisms[number];
}

bool sasl_is_bound(struct gw_str mechanism)
{
	const struct mechanism *found = find_mechanism(mechanism);

	return found && found->bound;
}

static int digit_value(char c)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* Only what an encoder writes: whole groups, padding nowhere but at the end, no bits set that say
 * nothing. */
static bool is_base64(struct gw_str text)
{
	size_t digits = text.len, pads, i;
	int unused;

	if (text.len > SASL_LINE_MAX || text.len % 4 != 0)
		return false;
	while (digits > 0 && text.len - digits < 2 && text.ptr[digits - 1] == '=')
		digits--;
	for (i = 0; i < digits; i++)
		if (digit_value(text.ptr[i]) < 0)
			return false;
	pads = text.len - digits;
	unused = pads == 0 ? 0 : pads == 1 ? 0x03 : 0x0f;
	return unused == 0 || (digit_value(text.ptr[digits - 1]) & unused) == 0;
}

void sasl_wipe_free(char *bytes, size_t len)
{
	if (!bytes)
		return;
	explicit_bzero(bytes, len);
	gsasl_free(bytes);
}

struct gw_str sasl_decode(struct gw_str line)
{
	char *bytes = NULL;
	size_t len = 0;

	if (!is_base64(line) || gsasl_base64_from(line.ptr, line.len, &bytes, &len) != GSASL_OK)
		return gw_str_n(NULL, 0);
	return gw_str_n(bytes, len);
}

static void forget_line(struct sasl *sasl)
{
	sasl_wipe_free(sasl->line, sasl->line_len);
	sasl->line = NULL;
	sasl->line_len = 0;
}

static bool keep_line(struct sasl *sasl, struct gw_str token)
{
	return gsasl_base64_to(token.ptr, token.len, &sasl->line, &sasl->line_len) == GSASL_OK;
}

int sasl_library_step(struct sasl *sasl, struct gw_str token, bool keep)
{
	char *answer = NULL;
	size_t len = 0;
	int result = gsasl_step(sasl->session, token.ptr, token.len, &answer, &len);

	if (keep && (result == GSASL_OK || result == GSASL_NEEDS_MORE) &&
	    !keep_line(sasl, gw_str_n(answer, len)))
		result = GSASL_MALLOC_ERROR;
	sasl_wipe_free(answer, len);
	return result;
}

struct gw_str sasl_property(const struct sasl *sasl, Gsasl_property which)
{
	return gw_str(gsasl_property_fast(sasl->session, which));
}

bool sasl_is_name(struct gw_str text)
{
	while (text.len) {
		unsigned char c = (unsigned char)text.ptr[0];
		size_t size = c > 127 ? utf8_printable(text) : c >= ' ' && c < 127;

		if (size == 0)
			return false;
		text = gw_str_from(text, size);
	}
	return true;
}

enum sasl_state sasl_step(struct sasl *sasl, struct gw_str in, struct gw_str *out)
{
	enum sasl_state state;

	*out = gw_str("");
	forget_line(sasl);
	if (sasl->over)
		return SASL_BAD;
	state = sasl->step(sasl, in, out);
	sasl->done = state == SASL_DONE;
	sasl->over = state == SASL_DONE || state == SASL_BAD;
	return state;
}

bool sasl_is_done(const struct sasl *sasl)
{
	return sasl->done || (sasl->token && !sasl->mechanism && !sasl->message);
}

static struct sasl *create(struct gw_str name,
			   int (*start)(Gsasl *, const char *, Gsasl_session **))
{
	const struct mechanism *mechanism = find_mechanism(name);
	struct sasl *sasl = mechanism && library ? calloc(1, sizeof(*sasl)) : NULL;

	if (!sasl)
		return NULL;
	sasl->mechanism = mechanism;
	sasl->login.mechanism = gw_str(mechanism->name);
	sasl->login.user = sasl->login.acting_as = sasl->login.secret = gw_str(NULL);
	if (start(library, mechanism->name, &sasl->session) == GSASL_OK)
		return sasl;
	free(sasl);
	return NULL;
}

Gsasl_session *sasl_server_session(const struct mechanism *mechanism)
{
	Gsasl_session *session;

	return gsasl_server_start(library, mechanism->name, &session) == GSASL_OK ? session : NULL;
}

/* The library has no part in it. */
static struct sasl *token_server_create(const struct mechanism *mechanism)
{
	struct sasl *sasl = calloc(1, sizeof(*sasl));

	if (!sasl)
		return NULL;
	sasl->mechanism = mechanism;
	sasl->token = sasl_token_find(gw_str(mechanism->name));
	sasl->login.mechanism = gw_str(mechanism->name);
	sasl->login.user = sasl->login.acting_as = sasl->login.secret = gw_str(NULL);
	return sasl;
}

struct sasl *sasl_server_create(struct gw_str mechanism)
{
	const struct mechanism *found = find_mechanism(mechanism);
	struct sasl *sasl = NULL;

	if (found && found->server == token_server_step)
		sasl = token_server_create(found);
	else if (found && found->server)
		sasl = create(mechanism, gsasl_server_start);

	if (sasl)
		sasl->step = found->server;
	return sasl;
}

bool sasl_client_has(struct gw_str mechanism)
{
	return find_mechanism(mechanism) != NULL || sasl_is_token(mechanism);
}

/* --- logins with a token --- */

bool sasl_is_token(struct gw_str mechanism)
{
	return sasl_token_find(mechanism) != NULL;
}

struct gw_str sasl_complaint(const struct sasl *sasl)
{
	return sasl->complaint.ptr != NULL ? sasl->complaint : gw_str("");
}

static void forget_message(struct sasl *sasl)
{
	if (sasl->message)
		explicit_bzero(sasl->message, strlen(sasl->message));
	free(sasl->message);
	sasl->message = NULL;
}

/* A challenge says what is wrong; the answer to it is there only so that the refusal follows. */
static enum sasl_state token_step(struct sasl *sasl, struct gw_str in, struct gw_str *out)
{
	if (!sasl->message) {
		sasl->complaint = sasl_decode(in);
		*out = gw_str(sasl->token->finish);
		return SASL_DONE;
	}
	if (!keep_line(sasl, gw_str(sasl->message)))
		return SASL_BAD;
	forget_message(sasl);
	*out = gw_str_n(sasl->line, sasl->line_len);
	return out->len <= SASL_LINE_MAX ? SASL_MORE : SASL_BAD;
}

/* What the login has is in what the client said, which is kept until the exchange is destroyed. */
static enum sasl_state token_server_step(struct sasl *sasl, struct gw_str in, struct gw_str *out)
{
	struct gw_str message;

	if (sasl->steps++ == 0 && in.len == 0)
		return SASL_MORE;
	message = sasl_decode(in);
	sasl->kept = (char *)message.ptr;
	sasl->kept_len = message.len;
	if (!message.ptr ||
	    !sasl_token_parse(sasl->token, message, &sasl->login.user, &sasl->login.secret))
		return SASL_BAD;
	return sasl_is_name(sasl->login.user) ? SASL_DONE : SASL_BAD;
}

struct gw_str sasl_refuse_token(struct sasl *sasl, struct gw_str status, struct gw_str scope)
{
	char *text = sasl->token && sasl->mechanism ? sasl_token_refusal(sasl->token, status, scope)
						    : NULL;
	bool kept;

	forget_line(sasl);
	kept = text && keep_line(sasl, gw_str(text));
	free(text);
	return kept ? gw_str_n(sasl->line, sasl->line_len) : gw_str("");
}

static struct sasl *token_create(const struct sasl_token_mechanism *mechanism, struct gw_str user,
				 struct gw_str token)
{
	struct sasl *sasl = calloc(1, sizeof(*sasl));

	if (!sasl)
		return NULL;
	sasl->token = mechanism;
	sasl->step = token_step;
	sasl->login.mechanism = gw_str(mechanism->name);
	sasl->message = sasl_token_message(mechanism, user, token);
	if (sasl->message)
		return sasl;
	free(sasl);
	return NULL;
}

struct sasl *sasl_client_create(struct gw_str mechanism, struct gw_str user, struct gw_str secret)
{
	struct sasl *sasl;

	if (user.len == 0 || gw_str_has_nul(user) || gw_str_has_nul(secret))
		return NULL;
	if (sasl_is_token(mechanism))
		return token_create(sasl_token_find(mechanism), user, secret);
	sasl = create(mechanism, gsasl_client_start);
	if (!sasl)
		return NULL;
	sasl->step = sasl->mechanism->client;
	if (gsasl_property_set_raw(sasl->session, GSASL_AUTHID, user.ptr, user.len) == GSASL_OK &&
	    gsasl_property_set_raw(sasl->session, GSASL_PASSWORD, secret.ptr, secret.len) ==
		    GSASL_OK)
		return sasl;
	sasl_destroy(sasl);
	return NULL;
}

struct gw_str sasl_secret(const struct sasl *sasl)
{
	return sasl_property(sasl, GSASL_PASSWORD);
}

static int set_binding(struct sasl *sasl, Gsasl_property which, struct gw_str octets)
{
	char *text = NULL;
	size_t len;
	int result;

	if (octets.len == 0)
		return 0;
	if (gsasl_base64_to(octets.ptr, octets.len, &text, &len) != GSASL_OK)
		return -1;
	result = gsasl_property_set_raw(sasl->session, which, text, len);
	gsasl_free(text);
	return result == GSASL_OK ? 0 : -1;
}

int sasl_bind(struct sasl *sasl, const struct sasl_binding *binding)
{
	if (!sasl->session)
		return 0;
	return set_binding(sasl, GSASL_CB_TLS_EXPORTER, binding->exporter) ||
			       set_binding(sasl, GSASL_CB_TLS_UNIQUE, binding->unique)
		       ? -1
		       : 0;
}

void sasl_session_finish(Gsasl_session *session)
{
	static const Gsasl_property secrets[] = { GSASL_PASSWORD, GSASL_SCRAM_SALTED_PASSWORD,
						  GSASL_SCRAM_STOREDKEY, GSASL_SCRAM_SERVERKEY };
	size_t i;

	for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		const char *secret = gsasl_property_fast(session, secrets[i]);

		if (secret)
			explicit_bzero((char *)secret, strlen(secret));
	}
	gsasl_finish(session);
}

void sasl_destroy(struct sasl *sasl)
{
	if (!sasl)
		return;
	forget_line(sasl);
	forget_message(sasl);
	sasl_wipe_free((char *)sasl->complaint.ptr, sasl->complaint.len);
	sasl_wipe_free(sasl->kept, sasl->kept_len);
	if (sasl->session)
		sasl_session_finish(sasl->session);
	explicit_bzero(sasl, sizeof(*sasl));
	free(sasl);
}

const struct sasl_login *sasl_login(const struct sasl *sasl)
{
	return &sasl->login;
}
