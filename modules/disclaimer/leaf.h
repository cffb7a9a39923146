/* leaf.h - one text part of a mail: what it says, and a notice put into it. */
#ifndef DISCLAIMER_LEAF_H
#define DISCLAIMER_LEAF_H

#include "choose.h"
#include "code.h"
#include "plan.h"

/* The words of a notice for one mail, in UTF-8, lines ended by CRLF but for the last. */
struct wording {
	GString *text;
	GString *html; /* of a text/html part */
	GString *amp;  /* of an AMP part: the text, with nothing that AMP does not take */
	bool top;
};

struct leaf {
	const struct mime_part *part;
	enum text_kind kind;
	GString *raw;
	struct decoded *decoded;
	/* `decoded` without what only looks like ASCII; NULL: all of it is what it looks like */
	GString *shape;
	bool shifted;        /* it does not end in ASCII */
	const char *charset; /* iconv's name; NULL: unknown */
	bool as_named;       /* its octets are of that */
	GString *utf8;       /* what it says; NULL: it is not of its charset */
};

/* `raw`, which is the leaf's from now on, is the part's content. LEFT_ODD, LEFT_SIGNED or
 * LEFT_ENCRYPTED: nothing is to be put into it. To be finished in any case. */
enum left leaf_read(struct leaf *leaf, const struct mime_part *part, GString *raw);
void leaf_finish(struct leaf *leaf);

/* The letters of what is seen, as mark_is_in() takes them. */
GString *leaf_mark(const struct leaf *leaf);

/* Plans what puts the notice in. `eight_bit`: octets over 127 may be added where the part says
 * so. LEFT_ODD: it cannot be. */
enum left leaf_edit(const struct leaf *leaf, const struct wording *wording, bool eight_bit,
		    struct plan *plan);

#endif
