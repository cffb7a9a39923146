#include "groups.h"

#include <gateway/str.h>

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The fields that GMime reads as addresses. */
static bool is_of_addresses(struct gw_str name)
{
	static const struct gw_str names[] = { GW_STR("From"), GW_STR("Sender"), GW_STR("Reply-To"),
					       GW_STR("To"),   GW_STR("Cc"),     GW_STR("Bcc") };
	struct gw_str resent = GW_STR("Resent-");
	size_t i;

	if (name.len > resent.len && gw_str_ieq(gw_str_n(name.ptr, resent.len), resent))
		name = gw_str_from(name, resent.len);
	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (gw_str_ieq(name, names[i]))
			return true;
	return false;
}

/* The colon behind the name of such a field; NULL: the line begins none. */
static char *field_colon(char *line, size_t len)
{
	size_t most = len < 64 ? len : 64;
	char *colon = memchr(line, ':', most);
	struct gw_str name = { line, colon ? (size_t)(colon - line) : 0 };

	while (name.len && is_blank(name.ptr[name.len - 1]))
		name.len--;
	return colon && is_of_addresses(name) ? colon : NULL;
}

static void mask_line(char *at, const char *end, unsigned *count)
{
	while ((at = memchr(at, ':', (size_t)(end - at))) != NULL) {
		if (++*count > GROUPS_MOST)
			*at = ' ';
		at++;
	}
}

void groups_mask_mail(char *mail, size_t len)
{
	char *line = mail, *end = mail + len;
	bool within = false; /* such a field goes on in the lines that begin with a blank */
	unsigned count = 0;

	while (line < end) {
		char *stop = memchr(line, '\n', (size_t)(end - line));
		char *colon = is_blank(*line) ? NULL : field_colon(line, (size_t)(end - line));

		stop = stop ? stop : end;
		if (!is_blank(*line)) {
			within = colon && colon < stop;
			count = 0;
		}
		if (within)
			mask_line(colon ? colon + 1 : line, stop, &count);
		line = stop + 1;
	}
}
