#include "scrub.h"

#include "words.h"

#include <gateway/scrub.h>

/* "550-5.1.1 ...\n550 5.1.1 ...": lines become one, runs of blanks one blank. */
static size_t flatten(struct gw_str text, char out[SCRUB_MAX])
{
	size_t i, len = 0;

	for (i = 0; i < text.len && len < SCRUB_MAX - 1; i++) {
		char c = text.ptr[i];

		if (gw_scrub_is_blank(c) || c == '\0' || c == GW_SCRUB_MARK)
			c = ' ';
		if (c != ' ' || (len && out[len - 1] != ' '))
			out[len++] = c;
	}
	out[len] = '\0';
	return len;
}

static void scrub_form(char *text, size_t len)
{
	struct gw_str all = gw_str_n(text, len), address;
	const char *at = text;

	while ((address = words_address(all, at)).ptr) {
		at = address.ptr + address.len;
		gw_scrub_blot(text + (address.ptr - text), at);
	}
}

/* The host of a link may be a list's; its path is anything. */
static void scrub_links(char *text)
{
	char *at = text, *end;

	while ((at = strstr(at, "://")) != NULL) {
		for (at += 3; *at && !gw_scrub_is_blank(*at) && *at != '/' && *at != '?'; at++)
			;
		for (end = at; *end && !gw_scrub_is_blank(*end); end++)
			;
		gw_scrub_blot(at, end);
		at = end;
	}
}

struct gw_str scrub_copy(struct gw_str text, char out[SCRUB_MAX])
{
	size_t len = flatten(text, out);

	scrub_form(out, len);
	scrub_links(out);
	return gw_str_n(out, len);
}

struct gw_str scrub_close(char *text)
{
	size_t i, len = 0;

	for (i = 0; text[i]; i++) {
		char c = text[i] == GW_SCRUB_MARK || strchr("<>\"'`", text[i]) ? ' ' : text[i];

		if (c != ' ' || (len && text[len - 1] != ' '))
			text[len++] = c;
	}
	text[len] = '\0';
	return gw_str_n(text, len);
}
