#include "html.h"

/* --- tokens --- */

static char at_most(struct gw_str html, size_t at)
{
	return at < html.len ? html.ptr[at] : '\0';
}

static bool begins_with(struct gw_str html, size_t at, const char *word)
{
	size_t len = strlen(word);

	return at <= html.len && len <= html.len - at &&
	       g_ascii_strncasecmp(html.ptr + at, word, len) == 0;
}

/* Ends the token behind the next `word`. */
static void end_behind(struct gw_str html, struct html_token *token, size_t from, const char *word)
{
	const char *found = from < html.len
				    ? memmem(html.ptr + from, html.len - from, word, strlen(word))
				    : NULL;

	token->open = !found;
	token->end = found ? (size_t)(found - html.ptr) + strlen(word) : html.len;
}

/* "<!-->" is one. */
static void take_comment(struct gw_str html, struct html_token *token)
{
	token->kind = HTML_OTHER;
	if (begins_with(html, token->at + 4, ">"))
		token->end = token->at + 5;
	else
		end_behind(html, token, token->at + 4, "-->");
}

static size_t skip_quoted(struct gw_str html, size_t at)
{
	const char *end = memchr(html.ptr + at + 1, html.ptr[at], html.len - at - 1);

	return end ? (size_t)(end - html.ptr) : html.len;
}

/* A quote counts where a value begins. */
static size_t end_of_tag(struct gw_str html, size_t at)
{
	char before = '\0';

	for (; at < html.len && html.ptr[at] != '>'; at++) {
		char c = html.ptr[at];

		if ((c == '"' || c == '\'') && before == '=')
			at = skip_quoted(html, at);
		if (!gw_is_space(c))
			before = c;
	}
	return at;
}

/* "</styles>" ends no style. */
static bool ends_name(char c)
{
	return gw_is_space(c) || c == '/' || c == '>';
}

static void take_tag(struct gw_str html, struct html_token *token)
{
	size_t from = token->at + 1 + (token->kind == HTML_END), end = from;

	while (end < html.len && !ends_name(html.ptr[end]))
		end++;
	token->name = gw_str_n(html.ptr + from, end - from);
	end = end_of_tag(html, end);
	token->open = end >= html.len;
	token->end = MIN(end + 1, html.len);
}

static void take_text(struct gw_str html, struct html_token *token)
{
	token->kind = HTML_TEXT;
	token->end = token->at + 1 + gw_str_find(gw_str_from(html, token->at + 1), '<');
	token->end = MIN(token->end, html.len);
}

/* What stands between these is no HTML. */
static bool is_raw(struct gw_str name)
{
	static const char *const names[] = { "style", "script", "title",   "textarea",
					     "xmp",   "iframe", "noembed", "noframes" };
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(names); i++)
		if (gw_str_ieq(name, gw_str(names[i])))
			return true;
	return false;
}

static size_t find_end_tag(struct gw_str html, size_t at, struct gw_str name)
{
	for (; at < html.len; at++) {
		at += gw_str_find(gw_str_from(html, at), '<');
		if (at_most(html, at + 1) == '/' && ends_name(at_most(html, at + 2 + name.len)) &&
		    gw_str_ieq(gw_str_n(html.ptr + at + 2, name.len), name))
			return at;
	}
	return html.len;
}

/* The raw text of the tag before; false: it has none. */
static bool take_raw(struct gw_str html, struct html_token *token)
{
	size_t end;

	if (token->kind != HTML_BEGIN || !is_raw(token->name))
		return false;
	end = find_end_tag(html, token->at, token->name);
	if (end == token->at)
		return false;
	token->kind = HTML_OTHER;
	token->open = end == html.len;
	token->end = end;
	return true;
}

bool html_next(struct gw_str html, struct html_token *token)
{
	char second;

	token->opened = token->at;
	token->at = token->end;
	if (token->at >= html.len)
		return false;
	if (take_raw(html, token))
		return true;
	token->opened = token->at;
	second = at_most(html, token->at + 1);
	token->open = false;
	token->kind = second == '/' ? HTML_END : HTML_BEGIN;
	if (html.ptr[token->at] != '<')
		take_text(html, token);
	else if (begins_with(html, token->at, "<!--"))
		take_comment(html, token);
	else if (second == '!' || second == '?') {
		token->kind = HTML_OTHER;
		end_behind(html, token, token->at, ">");
	} else if (g_ascii_isalpha(second) ||
		   (second == '/' && g_ascii_isalpha(at_most(html, token->at + 2))))
		take_tag(html, token);
	else
		take_text(html, token);
	return true;
}

/* --- places --- */

static bool is_tag(const struct html_token *token, enum html_kind kind, const char *name)
{
	return token->kind == kind && !token->open && gw_str_ieq(token->name, gw_str(name));
}

/* What came behind it would be no HTML: a tag that does not end, or a last one that begins raw
 * text. */
static bool leads_in(struct gw_str html, const struct html_token *token)
{
	return token->open ||
	       (token->kind == HTML_BEGIN && token->end == html.len && is_raw(token->name));
}

static size_t bottom(struct gw_str html)
{
	size_t body = SIZE_MAX, root = SIZE_MAX, end = html.len;
	struct html_token token = { 0 };

	while (html_next(html, &token)) {
		if (is_tag(&token, HTML_END, "body"))
			body = token.at;
		else if (is_tag(&token, HTML_END, "html"))
			root = token.at;
		if (leads_in(html, &token))
			end = token.opened;
	}
	if (body != SIZE_MAX)
		return body;
	return root != SIZE_MAX ? root : end;
}

static size_t top(struct gw_str html)
{
	size_t head = 0, root = 0, declaration = 0;
	struct html_token token = { 0 };

	while (html_next(html, &token)) {
		if (is_tag(&token, HTML_BEGIN, "body"))
			return token.end;
		if (is_tag(&token, HTML_END, "head") && !head)
			head = token.end;
		else if (is_tag(&token, HTML_BEGIN, "html") && !root)
			root = token.end;
		else if (begins_with(html, token.at, "<!doctype") && !token.open && !declaration)
			declaration = token.end;
	}
	if (head)
		return head;
	return root ? root : declaration;
}

size_t html_place(struct gw_str html, bool at_top)
{
	return at_top ? top(html) : bottom(html);
}

/* --- text --- */

/* U+00A0 to U+00FF, as HTML 4 names them. */
static const char *const latin[] = {
	"nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",
	"copy",   "ordf",   "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn",
	"sup2",   "sup3",   "acute",  "micro",  "para",   "middot", "cedil",  "sup1",   "ordm",
	"raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc",  "Atilde",
	"Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",   "Igrave",
	"Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde",
	"Ouml",   "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",
	"szlig",  "agrave", "aacute", "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil",
	"egrave", "eacute", "ecirc",  "euml",   "igrave", "iacute", "icirc",  "iuml",   "eth",
	"ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide", "oslash", "ugrave",
	"uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml",
};

static gunichar named(struct gw_str name)
{
	static const struct {
		const char *name;
		gunichar c;
	} others[] = { { "amp", '&' },  { "lt", '<' },    { "gt", '>' },
		       { "quot", '"' }, { "apos", '\'' }, { "euro", 0x20ac } };
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(others); i++)
		if (gw_str_eq(name, gw_str(others[i].name)))
			return others[i].c;
	for (i = 0; i < G_N_ELEMENTS(latin); i++)
		if (gw_str_eq(name, gw_str(latin[i])))
			return (gunichar)(0xa0 + i);
	return 0;
}

static gunichar numbered(struct gw_str digits)
{
	bool hex = digits.len && (*digits.ptr == 'x' || *digits.ptr == 'X');
	gunichar value = 0;
	size_t i;

	for (i = hex; i < digits.len && value < 0x110000; i++) {
		int digit = hex ? g_ascii_xdigit_value(digits.ptr[i])
				: g_ascii_digit_value(digits.ptr[i]);

		if (digit < 0)
			return 0;
		value = value * (hex ? 16 : 10) + (gunichar)digit;
	}
	return g_unichar_validate(value) ? value : 0;
}

/* Octets of the entity at the begin of `text`, which is appended; 0: it is none. */
static size_t take_entity(GString *out, struct gw_str text)
{
	size_t end = gw_str_find(gw_str_n(text.ptr, MIN(text.len, 12)), ';');
	gunichar c;

	if (end >= MIN(text.len, 12))
		return 0;
	c = text.ptr[1] == '#' ? numbered(gw_str_n(text.ptr + 2, end - 2))
			       : named(gw_str_n(text.ptr + 1, end - 1));
	if (c)
		g_string_append_unichar(out, c);
	return c ? end + 1 : 0;
}

static void add_text(GString *out, struct gw_str text)
{
	while (text.len) {
		size_t len = *text.ptr == '&' ? take_entity(out, text) : 0;

		if (!len) {
			len = *text.ptr == '&' ? 1 : gw_str_find(text, '&');
			g_string_append_len(out, text.ptr, (gssize)len);
		}
		text = gw_str_from(text, len);
	}
}

void html_text(GString *out, struct gw_str html)
{
	struct html_token token = { 0 };

	while (html_next(html, &token))
		if (token.kind == HTML_TEXT)
			add_text(out, gw_str_n(html.ptr + token.at, token.end - token.at));
		else if (token.kind != HTML_OTHER)
			g_string_append_c(out, '\n');
}

void html_escape(GString *out, struct gw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		switch (text.ptr[i]) {
		case '&':
			g_string_append(out, "&amp;");
			break;
		case '<':
			g_string_append(out, "&lt;");
			break;
		case '>':
			g_string_append(out, "&gt;");
			break;
		case '"':
			g_string_append(out, "&quot;");
			break;
		case '\'':
			g_string_append(out, "&#39;");
			break;
		default:
			g_string_append_c(out, text.ptr[i]);
		}
}

bool html_ascii(GString *out, struct gw_str text)
{
	const char *at = text.ptr, *end = text.ptr + text.len;

	if (!g_utf8_validate_len(text.ptr, text.len, NULL))
		return false;
	for (; at < end; at = g_utf8_next_char(at))
		if ((unsigned char)*at < 128)
			g_string_append_c(out, *at);
		else
			g_string_append_printf(out, "&#%u;", g_utf8_get_char(at));
	return true;
}
