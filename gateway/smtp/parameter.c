/* The arguments of MAIL and RCPT: a path and parameters, each parameter a row of a table. */
#include "smtp/command.h"

#include "base/utf8.h"

#define ENVID_MAX 100 /* RFC 3461 section 4.4 */
#define XTEXT_MAX 500 /* RFC 3461 section 4.2, RFC 4954 section 5 */

/* One parameter as it is read. */
struct reading {
	struct gw_str value;
	bool bare; /* there was no '=' */
	unsigned offered;
	bool utf8;
	union {
		struct smtp_mail *mail;
		struct smtp_rcpt *rcpt;
	};
};

struct parameter {
	struct gw_str name;
	unsigned offered; /* known when one of these is */
	enum smtp_syntax (*read)(const struct reading *reading);
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool value_is(struct gw_str value, const char *word)
{
	return gw_str_ieq(value, gw_str(word));
}

static enum smtp_syntax read_size(const struct reading *reading)
{
	struct gw_str value = reading->value;
	bool fits = true;
	int64_t size = 0;
	size_t i;

	for (i = 0; i < value.len; i++) {
		int digit = value.ptr[i] - '0';
		if (digit < 0 || digit > 9)
			return SMTP_BAD_PARAMETER;
		fits = fits && size <= (INT64_MAX - digit) / 10;
		size = fits ? size * 10 + digit : size;
	}
	if (value.len == 0)
		return SMTP_BAD_PARAMETER;
	if (!fits)
		return SMTP_TOO_BIG;
	reading->mail->size = size;
	return SMTP_OK;
}

static enum smtp_syntax read_body(const struct reading *reading)
{
	static const struct {
		const char *word;
		enum smtp_body body;
		unsigned offered;
	} bodies[] = {
		{ "7BIT", SMTP_BODY_7BIT, SMTP_HAS_8BITMIME | SMTP_HAS_BINARYMIME },
		{ "8BITMIME", SMTP_BODY_8BITMIME, SMTP_HAS_8BITMIME },
		{ "BINARYMIME", SMTP_BODY_BINARYMIME, SMTP_HAS_BINARYMIME },
	};
	size_t i;

	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		if (!(reading->offered & bodies[i].offered) ||
		    !value_is(reading->value, bodies[i].word))
			continue;
		reading->mail->body = bodies[i].body;
		return SMTP_OK;
	}
	return SMTP_BAD_PARAMETER;
}

static enum smtp_syntax read_smtputf8(const struct reading *reading)
{
	reading->mail->smtputf8 = true;
	return reading->bare ? SMTP_OK : SMTP_BAD_PARAMETER;
}

static enum smtp_syntax read_requiretls(const struct reading *reading)
{
	reading->mail->requiretls = true;
	return reading->bare ? SMTP_OK : SMTP_BAD_PARAMETER;
}

static enum smtp_syntax read_ret(const struct reading *reading)
{
	bool full = value_is(reading->value, "FULL");

	if (!full && !value_is(reading->value, "HDRS"))
		return SMTP_BAD_PARAMETER;
	reading->mail->ret = full ? SMTP_RET_FULL : SMTP_RET_HDRS;
	return SMTP_OK;
}

/* xtext that may go into a field of a report once it is decoded. */
static bool is_printable_xtext(struct gw_str value, size_t max)
{
	char decoded[XTEXT_MAX];
	long len, i;

	if (value.len == 0 || value.len > max)
		return false;
	len = address_xtext_decode(value, decoded);
	for (i = 0; i < len; i++)
		if (decoded[i] < ' ' || decoded[i] >= 127)
			return false;
	return len > 0;
}

static enum smtp_syntax read_envid(const struct reading *reading)
{
	if (!is_printable_xtext(reading->value, ENVID_MAX))
		return SMTP_BAD_PARAMETER;
	reading->mail->envid = reading->value;
	return SMTP_OK;
}

static enum smtp_syntax read_auth(const struct reading *reading)
{
	if (!is_printable_xtext(reading->value, XTEXT_MAX))
		return SMTP_BAD_PARAMETER;
	reading->mail->auth = reading->value;
	return SMTP_OK;
}

static unsigned notify_of(struct gw_str word)
{
	static const struct {
		const char *word;
		unsigned notify;
	} words[] = {
		{ "NEVER", SMTP_NOTIFY_NEVER },
		{ "SUCCESS", SMTP_NOTIFY_SUCCESS },
		{ "FAILURE", SMTP_NOTIFY_FAILURE },
		{ "DELAY", SMTP_NOTIFY_DELAY },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (value_is(word, words[i].word))
			return words[i].notify;
	return 0;
}

static enum smtp_syntax read_notify(const struct reading *reading)
{
	struct gw_str rest = reading->value;
	unsigned all = 0, notify;
	bool more = true;

	while (more) {
		size_t end = gw_str_find(rest, ',');
		notify = notify_of(gw_str_n(rest.ptr, end));
		if (notify == 0)
			return SMTP_BAD_PARAMETER;
		all |= notify;
		more = end < rest.len;
		rest = gw_str_from(rest, end + 1);
	}
	if ((all & SMTP_NOTIFY_NEVER) && all != SMTP_NOTIFY_NEVER)
		return SMTP_BAD_PARAMETER;
	reading->rcpt->notify = all;
	return SMTP_OK;
}

static bool is_address_type(struct gw_str type)
{
	size_t i;

	for (i = 0; i < type.len; i++) {
		char c = type.ptr[i];
		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      c == '-'))
			return false;
	}
	return type.len > 0;
}

/* RFC 6533 section 3: its \x{...} is made of characters that are fine by themselves. */
static bool is_utf8_text(struct gw_str value, bool utf8)
{
	size_t at = 0, octets;

	while (at < value.len) {
		char c = value.ptr[at];
		octets = c > ' ' && c < 127 && c != '+' && c != '=' ? 1 : 0;
		if (octets == 0 && utf8)
			octets = utf8_printable(gw_str_from(value, at));
		if (octets == 0)
			return false;
		at += octets;
	}
	return value.len > 0;
}

static enum smtp_syntax read_orcpt(const struct reading *reading)
{
	struct gw_str value = reading->value;
	size_t end = gw_str_find(value, ';');
	struct gw_str type = gw_str_n(value.ptr, end), text = gw_str_from(value, end + 1);

	if (value.len > XTEXT_MAX || !is_address_type(type))
		return SMTP_BAD_PARAMETER;
	if (value_is(type, "utf-8") ? !is_utf8_text(text, reading->utf8)
				    : !is_printable_xtext(text, XTEXT_MAX))
		return SMTP_BAD_PARAMETER;
	reading->rcpt->orcpt = value;
	return SMTP_OK;
}

static const struct parameter mail_parameters[] = {
	{ GW_STR("SIZE"), SMTP_HAS_SIZE, read_size },
	{ GW_STR("BODY"), SMTP_HAS_8BITMIME | SMTP_HAS_BINARYMIME, read_body },
	{ GW_STR("SMTPUTF8"), SMTP_HAS_SMTPUTF8, read_smtputf8 },
	{ GW_STR("RET"), SMTP_HAS_DSN, read_ret },
	{ GW_STR("ENVID"), SMTP_HAS_DSN, read_envid },
	{ GW_STR("AUTH"), SMTP_HAS_AUTH, read_auth },
	{ GW_STR("REQUIRETLS"), SMTP_HAS_REQUIRETLS, read_requiretls },
	{ { NULL, 0 }, 0, NULL },
};

static const struct parameter rcpt_parameters[] = {
	{ GW_STR("NOTIFY"), SMTP_HAS_DSN, read_notify },
	{ GW_STR("ORCPT"), SMTP_HAS_DSN, read_orcpt },
	{ { NULL, 0 }, 0, NULL },
};

static const struct parameter *find_parameter(const struct parameter *row, struct gw_str name,
					      unsigned offered)
{
	for (; row->read; row++)
		if ((row->offered & offered) && gw_str_ieq(row->name, name))
			return row;
	return NULL;
}

/* "NAME" or "NAME=value" */
static enum smtp_syntax read_parameter(const struct parameter *table, struct gw_str text,
				       unsigned *seen, struct reading *reading)
{
	size_t equals = gw_str_find(text, '=');
	const struct parameter *row = find_parameter(table, gw_str_n(text.ptr, equals),
						     reading->offered);
	unsigned bit;

	if (!row)
		return SMTP_UNKNOWN_PARAMETER;
	bit = 1u << (row - table);
	if (*seen & bit)
		return SMTP_BAD_PARAMETER;
	*seen |= bit;
	reading->bare = equals == text.len;
	reading->value = gw_str_from(text, equals + 1);
	return row->read(reading);
}

static size_t skip_blanks(struct gw_str text, size_t at)
{
	while (at < text.len && is_blank(text.ptr[at]))
		at++;
	return at;
}

static enum smtp_syntax read_parameters(const struct parameter *table, struct gw_str text,
					struct reading *reading)
{
	size_t at = skip_blanks(text, 0), start;
	unsigned seen = 0;
	enum smtp_syntax syntax;

	if (at == 0 && text.len > 0)
		return SMTP_BAD_SYNTAX;
	while (at < text.len) {
		start = at;
		while (at < text.len && !is_blank(text.ptr[at]))
			at++;
		syntax = read_parameter(table, gw_str_n(text.ptr + start, at - start), &seen,
					reading);
		if (syntax != SMTP_OK)
			return syntax;
		at = skip_blanks(text, at);
	}
	return SMTP_OK;
}

/* "FROM:" or "TO:" and the path; what follows is left in *args. */
static enum smtp_syntax read_path(struct gw_str *args, const char *word, unsigned flags,
				  struct address *path)
{
	struct gw_str prefix = gw_str(word);
	size_t used;

	if (args->len < prefix.len || !gw_str_ieq(gw_str_n(args->ptr, prefix.len), prefix))
		return SMTP_BAD_SYNTAX;
	*args = gw_str_from(*args, skip_blanks(*args, prefix.len));
	if (!address_path(*args, flags, path, &used))
		return SMTP_BAD_ADDRESS;
	*args = gw_str_from(*args, used);
	return SMTP_OK;
}

static bool is_ascii(struct gw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] > 127)
			return false;
	return true;
}

/* Whether the sender may be UTF-8 is known only behind it. */
enum smtp_syntax smtp_mail_parse(struct gw_str args, unsigned offered, struct smtp_mail *mail)
{
	struct reading reading = { .offered = offered, .mail = mail };
	unsigned flags = ADDRESS_NULL_OK | (offered & SMTP_HAS_SMTPUTF8 ? ADDRESS_UTF8_OK : 0);
	enum smtp_syntax syntax;

	memset(mail, 0, sizeof(*mail));
	mail->size = -1;
	mail->envid = mail->auth = gw_str(NULL);
	syntax = read_path(&args, "FROM:", flags, &mail->path);
	if (syntax == SMTP_OK)
		syntax = read_parameters(mail_parameters, args, &reading);
	if (syntax == SMTP_OK && !mail->smtputf8 && !is_ascii(mail->path.whole))
		return SMTP_BAD_ADDRESS;
	return syntax;
}

enum smtp_syntax smtp_rcpt_parse(struct gw_str args, unsigned offered, bool utf8,
				 struct smtp_rcpt *rcpt)
{
	struct reading reading = { .offered = offered, .utf8 = utf8, .rcpt = rcpt };
	unsigned flags = ADDRESS_POSTMASTER | (utf8 ? ADDRESS_UTF8_OK : 0);
	enum smtp_syntax syntax;

	memset(rcpt, 0, sizeof(*rcpt));
	rcpt->orcpt = gw_str(NULL);
	syntax = read_path(&args, "TO:", flags, &rcpt->path);
	return syntax == SMTP_OK ? read_parameters(rcpt_parameters, args, &reading) : syntax;
}
