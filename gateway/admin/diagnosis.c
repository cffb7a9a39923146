#include "admin/diagnosis.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define STARTTLS_FIRST                                                                             \
	"The next hop wants TLS before anything else: set tls = \"starttls\", or \"implicit\" where it listens for that (465)."
#define WRONG_LOGIN                                                                                                                             \
	"The next hop does not take this user and password. Look at both for a slip; where the account has two-factor authentication, only an " \
	"app password works here."
#define APP_PASSWORD                                                                                                                           \
	"The account has two-factor authentication, so its own password is not taken: create an app password at the provider and put it into " \
	"auth.password, or log in via OAuth."
#define BASIC_IS_OFF                                                                                                                          \
	"The provider has switched off logins with user and password (basic authentication) for this account: log in via OAuth, or have the " \
	"provider's administrator allow authenticated SMTP for the mailbox."
#define NOT_THIS_SENDER                                                                                                                     \
	"The account may not send as this sender: use one of its own addresses, or have the provider allow this one (an alias, a verified " \
	"domain, the right to send as)."
#define NO_RELAYING                                                                                \
	"The next hop does not relay for us: it wants a login (auth), or our address has to be on its list of allowed hosts."

#define NO_ANSWER                                                                                  \
	"No answer at all: a firewall drops it on the way. Many networks block port 25 to the outside; 587 and 465 are mostly open."
#define NOT_TRUSTED                                                                                \
	"The certificate is not signed by an authority that this machine trusts: name its authority in `ca`, if it is yours."
#define ANOTHER_LOGIN                                                                              \
	"The next hop does not know the login mechanism that was tried: name those that it has in auth.mechanisms."
#define NO_COMMON_LOGIN                                                                            \
	"What the next hop offers to log in by, this gateway lacks, or the relay's auth.mechanisms or preset leaves out; both are named above."
#define LATER                                                                                      \
	"The next hop cannot look at logins now, or has had too many from us: wait, then try again."
#define LOGIN_FIRST "The next hop wants a login first: set auth.user and auth.password."

/* The first row that fits counts. Stage NONE: any; code 0: any; words: somewhere in the reply, in
 * any case, or "5.7.139" as its status. */
static const struct {
	enum stage stage;
	int code;
	const char *words, *sentence;
} rows[] = {
	{ STAGE_RESOLVE, 0, "",
	  "The name server knows no address for the host: is its name right, and does this machine's DNS work?" },
	{ STAGE_CONNECT, 0, "refused",
	  "Nothing listens there: is the port right (25, 465, 587), and does a firewall turn us away?" },
	{ STAGE_CONNECT, 0, "in time", NO_ANSWER },
	{ STAGE_CONNECT, 0, "timed out", NO_ANSWER },
	{ STAGE_CONNECT, 0, "assign requested",
	  "The address in `source` is none of this machine's." },
	{ STAGE_CONNECT, 0, "",
	  "The host cannot be reached from here: look at this machine's network and routes." },
	{ STAGE_GREETING, 0, "in time",
	  "It took the connection and says nothing: a port for implicit TLS (465) waits for TLS first; set tls = "
	  "\"implicit\" there." },
	{ STAGE_GREETING, 0, "closed",
	  "It hung up without a word: our address may not be welcome there, or the port is for implicit TLS." },
	{ STAGE_GREETING, 0, "no SMTP reply",
	  "What listens there is no mail server: is the port right?" },
	{ STAGE_GREETING, 0, "",
	  "The next hop does not want to talk to this address: it may be on a block list, or not on the next hop's list of "
	  "allowed hosts." },
	{ STAGE_TLS, 0, "STARTTLS is not offered",
	  "The next hop offers no STARTTLS on this port: try tls = \"implicit\" with port 465, or ask what it has." },
	{ STAGE_TLS, 0, "wrong version number",
	  "What answers there does not speak TLS from the first octet: set tls = \"starttls\"." },
	{ STAGE_TLS, 0, "mismatch",
	  "The certificate is another host's: use the host name that it is made out to. With verify = false anybody could "
	  "pose as the next hop." },
	{ STAGE_TLS, 0, "expired",
	  "The next hop's certificate has expired (or this machine's clock is wrong): its operator has to renew it." },
	{ STAGE_TLS, 0, "self-signed", NOT_TRUSTED },
	{ STAGE_TLS, 0, "self signed", NOT_TRUSTED },
	{ STAGE_TLS, 0, "unable to get", NOT_TRUSTED },
	{ STAGE_TLS, 0, "certificate",
	  "The next hop's certificate is not right, so the link is not trusted." },
	{ STAGE_TLS, 0, "", "No TLS could be agreed on: the gateway wants version 1.2 or newer." },
	{ STAGE_NONE, 0, "5.7.139", BASIC_IS_OFF },
	{ STAGE_AUTH, 0, "5.7.30", BASIC_IS_OFF }, /* elsewhere it is about DKIM */
	{ STAGE_NONE, 0, "basic auth", BASIC_IS_OFF },
	{ STAGE_NONE, 0, "must issue a starttls", STARTTLS_FIRST },
	{ STAGE_NONE, 530, "starttls", STARTTLS_FIRST },
	{ STAGE_NONE, 538, "", STARTTLS_FIRST },
	{ STAGE_NONE, 0, "app password", APP_PASSWORD },
	{ STAGE_NONE, 0, "app-specific", APP_PASSWORD },
	{ STAGE_NONE, 0, "application-specific", APP_PASSWORD },
	{ STAGE_NONE, 0, "secondfactor", APP_PASSWORD },
	{ STAGE_NONE, 0, "5.7.9", APP_PASSWORD },
	{ STAGE_NONE, 0, "5.7.14",
	  "The provider wants a person to confirm the login in a web browser first; then an app password, or OAuth." },
	{ STAGE_NONE, 0, "5.7.57",
	  "The provider saw no login: set auth, and have authenticated SMTP allowed for the mailbox." },
	{ STAGE_AUTH, 0, "in clear",
	  "A password is not sent over a link without TLS: set tls = \"starttls\" or \"implicit\"." },
	{ STAGE_AUTH, 0, "not offered",
	  "The next hop offers no login here: some do so only after TLS; or take `auth` out of the relay." },
	{ STAGE_AUTH, 0, "no login mechanism", NO_COMMON_LOGIN },
	{ STAGE_AUTH, 504, "", ANOTHER_LOGIN },
	{ STAGE_AUTH, 0, "no login for the relay",
	  "No module has a login for this relay: is the password there, or, with OAuth, has somebody consented (gatewayctl "
	  "oauth login)?" },
	{ STAGE_AUTH, 454, "", LATER },
	{ STAGE_AUTH, 421, "", LATER },
	{ STAGE_AUTH, 535, "", WRONG_LOGIN },
	{ STAGE_AUTH, 0, "",
	  "The login was not taken: look at user, password and what the provider asks for." },
	{ STAGE_NONE, 530, "", LOGIN_FIRST },
	{ STAGE_NONE, 0, "authentication required", LOGIN_FIRST },
	{ STAGE_NONE, 0, "5.4.5", "The account has used up what it may send today." },
	{ STAGE_NONE, 0, "5.7.60", NOT_THIS_SENDER },
	{ STAGE_NONE, 0, "sendasdenied", NOT_THIS_SENDER },
	{ STAGE_NONE, 0, "not verified", NOT_THIS_SENDER },
	{ STAGE_NONE, 0, "sender", NOT_THIS_SENDER },
	{ STAGE_NONE, 553, "relaying disallowed", NOT_THIS_SENDER }, /* Zoho's words for it */
	{ STAGE_MAIL, 553, "", NOT_THIS_SENDER },
	{ STAGE_NONE, 0, "relay", NO_RELAYING },
	{ STAGE_MAIL, 0, "",
	  "The next hop does not take mail from this sender now; its words say why." },
	{ STAGE_RCPT, 0, "5.7.1", NO_RELAYING },
	{ STAGE_RCPT, 0, "5.1.1", "The link is fine; this recipient does not exist there." },
	{ STAGE_RCPT, 0, "",
	  "The link is fine; this recipient is not taken now, its words say why." },
	{ STAGE_NONE, 0, "",
	  "The next hop does not answer as a mail server should; its words are above." },
};

static bool has_words(const struct outcome *outcome, const char *words)
{
	const struct smtp_reply *reply = &outcome->reply;
	char text[1200];
	int len = snprintf(text, sizeof(text), "%u.%u.%u %.*s", reply->enhanced[0],
			   reply->enhanced[1], reply->enhanced[2], (int)reply->text.len,
			   reply->text.ptr);
	const char *found = len > 0 ? strcasestr(text, words) : NULL;
	size_t end = strlen(words);

	/* 5.7.1 is not 5.7.139 */
	while (found && end && words[0] == '5' && found[end] >= '0' && found[end] <= '9')
		found = strcasestr(found + 1, words);
	return found != NULL;
}

const char *diagnose(const struct outcome *outcome)
{
	size_t i = 0, last = sizeof(rows) / sizeof(rows[0]) - 1;

	if (outcome->status == GW_DELIVERED)
		return "All is well.";
	while (i < last && !((rows[i].stage == STAGE_NONE || rows[i].stage == outcome->stage) &&
			     (!rows[i].code || rows[i].code == outcome->reply.code) &&
			     has_words(outcome, rows[i].words)))
		i++;
	return rows[i].sentence;
}

int diagnosis_code(const struct outcome *outcome)
{
	static const int codes[] = {
		[STAGE_RESOLVE] = 10, [STAGE_CONNECT] = 11, [STAGE_GREETING] = 12,
		[STAGE_EHLO] = 13,    [STAGE_TLS] = 14,     [STAGE_AUTH] = 15,
		[STAGE_MAIL] = 16,    [STAGE_RCPT] = 17,
	};
	size_t stage = (size_t)outcome->stage;

	if (outcome->status == GW_DELIVERED)
		return EX_OK;
	return stage < sizeof(codes) / sizeof(codes[0]) && codes[stage] ? codes[stage]
									: EX_TEMPFAIL;
}
