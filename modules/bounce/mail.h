/* mail.h - a mail that came back, taken apart: what people are told in it, what programs are told,
 * and the header of the mail it is about.
 *
 * GMime reads the MIME; a mail that is none, or a broken one, is its own body as it stands. Only
 * the first MAIL_MAX octets count: a report is at the front of what it returns. */
#ifndef BOUNCE_MAIL_H
#define BOUNCE_MAIL_H

#include <gateway/str.h>

#include <glib.h>

#define MAIL_MAX (256 * 1024)
#define MAIL_PARTS 64 /* parts that are looked at */
#define MAIL_DEPTH 8  /* of parts within parts */

struct mail {
	/* fields, decoded; "" where there is none, all NULL where it is no MIME */
	char *from, *to, *subject, *return_path, *failed, *auto_submitted, *precedence, *auto_reply,
		*apple_action, *in_reply_to, *list;
	GString *notice;   /* text for people, before the mail that is returned */
	GString *status;   /* message/delivery-status */
	GString *feedback; /* message/feedback-report */
	GString *receipt;  /* message/disposition-notification: somebody has read it, or not */
	GString *original; /* header of the mail it is about, maybe more of it */
	bool is_report;    /* multipart/report about a delivery */
	bool has_original; /* in a part of its own */
	unsigned parts;
};

/* Once, in the main thread, before any other. */
void mail_init(void);

void mail_read(struct mail *mail, struct gw_str bytes);
void mail_finish(struct mail *mail);

struct gw_str mail_text(const GString *text);

/* A field's value in a header as text, unfolded; "" where it is not there. To be freed. */
char *mail_field(struct gw_str header, const char *name);

/* From a program that delivers mail, by its address or name. */
bool mail_is_from_daemon(const struct mail *mail);

#endif
