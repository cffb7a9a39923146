/* html.h - HTML as people write it: where a notice is seen at the top or the bottom, and what text
 * is seen. Octets of any charset that has ASCII in it. */
#ifndef DISCLAIMER_HTML_H
#define DISCLAIMER_HTML_H

#include <gateway/str.h>

#include <glib.h>

enum html_kind {
	HTML_TEXT,
	HTML_BEGIN, /* a tag */
	HTML_END,   /* its end */
	HTML_OTHER, /* a comment, a declaration, what stands in <style> or <script> */
};

struct html_token {
	enum html_kind kind;
	size_t at, end;
	size_t opened;      /* where the tag begins whose style or script it is; else `at` */
	struct gw_str name; /* of a tag, as it is written */
	bool open;          /* nothing ends it: the rest of the document is in it */
};

/* Goes on behind the token; at first it is zeroed. False: that was the last. */
bool html_next(struct gw_str html, struct html_token *token);

/* At the top: behind <body>, or what stands for it. At the bottom: before the last </body>, else
 * before </html>, else at the end; never within a comment, a tag, a style or a script, also where
 * nothing ends them. */
size_t html_place(struct gw_str html, bool top);

/* Appends the text that is seen, in UTF-8 where `html` is; what stands apart is parted by a line
 * end. */
void html_text(GString *out, struct gw_str html);

/* Appends a text with what means something in HTML escaped; in attributes too. */
void html_escape(GString *out, struct gw_str text);

/* Appends it with all that is not ASCII as "&#228;". False: it is no UTF-8. */
bool html_ascii(GString *out, struct gw_str text);

#endif
