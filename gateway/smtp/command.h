/* command.h - a command line of RFC 5321 taken apart. Pure functions; parts point into the line. */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include "smtp/address.h"

enum smtp_verb {
	SMTP_EHLO,
	SMTP_HELO,
	SMTP_STARTTLS,
	SMTP_AUTH,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_BDAT,
	SMTP_RSET,
	SMTP_NOOP,
	SMTP_VRFY,
	SMTP_EXPN,
	SMTP_HELP,
	SMTP_QUIT,
	SMTP_ETRN,
	SMTP_UNKNOWN,
};

struct smtp_command {
	enum smtp_verb verb;
	struct gw_str name; /* as written */
	struct gw_str args; /* after the blank that follows the verb; blanks at the end taken off */
};

/* Takes a line without its CRLF apart. False: it holds a NUL, a bare CR or LF (the answer is
 * 500 5.5.2). */
bool smtp_command_parse(struct gw_str line, struct smtp_command *command);

/* What MAIL and RCPT may carry. */
enum smtp_body { SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME };
enum smtp_notify {
	SMTP_NOTIFY_NEVER = 1,
	SMTP_NOTIFY_SUCCESS = 2,
	SMTP_NOTIFY_FAILURE = 4,
	SMTP_NOTIFY_DELAY = 8
};
enum smtp_ret { SMTP_RET_NONE, SMTP_RET_FULL, SMTP_RET_HDRS };

struct smtp_mail {
	struct address path;
	int64_t size; /* SIZE=, -1 when not given */
	enum smtp_body body;
	bool smtputf8, requiretls;
	enum smtp_ret ret;
	struct gw_str envid; /* xtext as written */
	struct gw_str auth;  /* xtext as written */
};

struct smtp_rcpt {
	struct address path;
	unsigned notify;     /* enum smtp_notify; 0: not given */
	struct gw_str orcpt; /* "type;xtext" as written */
};

/* Why a MAIL or RCPT line is refused; the receiver maps it to 501 5.5.4, 555 5.5.4, 552 5.3.4,
 * 501 5.1.7/5.1.3. */
enum smtp_syntax {
	SMTP_OK,
	SMTP_BAD_SYNTAX,
	SMTP_BAD_ADDRESS,
	SMTP_BAD_PARAMETER,
	SMTP_UNKNOWN_PARAMETER,
	SMTP_TOO_BIG
};

/* Which parameters were offered; others are UNKNOWN_PARAMETER. */
enum smtp_offered {
	SMTP_HAS_SIZE = 1,
	SMTP_HAS_8BITMIME = 2,
	SMTP_HAS_SMTPUTF8 = 4,
	SMTP_HAS_DSN = 8,
	SMTP_HAS_BINARYMIME = 16,
	SMTP_HAS_REQUIRETLS = 32,
	SMTP_HAS_AUTH = 64,
};

/* `args` of MAIL ("FROM:<a@b> SIZE=1") and RCPT. Blanks after the colon are accepted, a SIZE beyond
 * 2^63-1 is TOO_BIG. */
enum smtp_syntax smtp_mail_parse(struct gw_str args, unsigned offered, struct smtp_mail *mail);
enum smtp_syntax smtp_rcpt_parse(struct gw_str args, unsigned offered, bool utf8,
				 struct smtp_rcpt *rcpt);

/* `args` of BDAT ("1234 LAST"); false: malformed. */
bool smtp_bdat_parse(struct gw_str args, uint64_t *size, bool *last);

#endif
