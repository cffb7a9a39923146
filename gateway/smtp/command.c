#include "smtp/command.h"

static const struct gw_str verbs[] = {
	[SMTP_EHLO] = GW_STR("EHLO"),         [SMTP_HELO] = GW_STR("HELO"),
	[SMTP_STARTTLS] = GW_STR("STARTTLS"), [SMTP_AUTH] = GW_STR("AUTH"),
	[SMTP_MAIL] = GW_STR("MAIL"),         [SMTP_RCPT] = GW_STR("RCPT"),
	[SMTP_DATA] = GW_STR("DATA"),         [SMTP_BDAT] = GW_STR("BDAT"),
	[SMTP_RSET] = GW_STR("RSET"),         [SMTP_NOOP] = GW_STR("NOOP"),
	[SMTP_VRFY] = GW_STR("VRFY"),         [SMTP_EXPN] = GW_STR("EXPN"),
	[SMTP_HELP] = GW_STR("HELP"),         [SMTP_QUIT] = GW_STR("QUIT"),
	[SMTP_ETRN] = GW_STR("ETRN"),
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static enum smtp_verb find_verb(struct gw_str name)
{
	int verb;

	for (verb = 0; verb < SMTP_UNKNOWN; verb++)
		if (gw_str_ieq(verbs[verb], name))
			return (enum smtp_verb)verb;
	return SMTP_UNKNOWN;
}

static bool is_one_line(struct gw_str text)
{
	return !gw_str_has_nul(text) && gw_str_find(text, '\r') == text.len &&
	       gw_str_find(text, '\n') == text.len;
}

bool smtp_command_parse(struct gw_str line, struct smtp_command *command)
{
	size_t at = 0;

	if (!is_one_line(line))
		return false;
	while (line.len > 0 && is_blank(line.ptr[line.len - 1]))
		line.len--;
	while (at < line.len && !is_blank(line.ptr[at]))
		at++;
	command->name = gw_str_n(line.ptr, at);
	command->verb = find_verb(command->name);
	while (at < line.len && is_blank(line.ptr[at]))
		at++;
	command->args = gw_str_from(line, at);
	return true;
}

/* The number at the start of `text`; its digits are counted in *digits. False: none, or over 64
 * bits. */
static bool read_number(struct gw_str text, uint64_t *number, size_t *digits)
{
	size_t i;

	*number = 0;
	for (i = 0; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
		uint64_t digit = (uint64_t)(text.ptr[i] - '0');
		if (*number > (UINT64_MAX - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	*digits = i;
	return i > 0;
}

bool smtp_bdat_parse(struct gw_str args, uint64_t *size, bool *last)
{
	static const struct gw_str word = GW_STR("LAST");
	size_t at;

	if (!read_number(args, size, &at))
		return false;
	*last = at < args.len;
	if (!*last)
		return true;
	if (!is_blank(args.ptr[at]))
		return false;
	while (at < args.len && is_blank(args.ptr[at]))
		at++;
	return gw_str_ieq(gw_str_from(args, at), word);
}
