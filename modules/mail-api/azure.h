/* azure.h - a mail as Azure Communication Services Email is told it: no MIME but a JSON object, of
 * which the service makes a mail of its own.
 *
 * What such an object can say are a subject, one text as plain text or HTML or both, attachments
 * with a name and a type, people, and fields of the header. A mail that is more than that is
 * refused and goes another way: nothing of it is left out but what is made anew in any case, the
 * trace of its way (Received), signatures of octets that are no more (DKIM), and its Date. */
#ifndef MAIL_API_AZURE_H
#define MAIL_API_AZURE_H

#include "letter.h"

#include <glib.h>

#define AZURE_MOST ((size_t)10000000) /* octets of a request */

/* The mail `octets`, whose header names its recipients, Bcc among them, as JSON in memory of its
 * own (free()). `drops_name`: the name in From is left out, which the service has of its own. 0; 1:
 * `refusal` says what cannot be told; -1: no memory. g_mime_init() was called. [any thread] */
int azure_make(struct gw_str octets, bool drops_name, char **json, size_t *len,
	       struct refusal *refusal);

/* --- its parts --- */

/* Says why, and gives 1. */
int azure_refuse(struct refusal *refusal, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Writes sender, recipients, replyTo and headers; `subject` is g_free()d by the caller. */
int azure_put_head(struct gw_json *json, struct gw_str octets, bool drops_name, char **subject,
		   struct refusal *refusal);

/* Writes content, which has the subject, and attachments. */
int azure_put_parts(struct gw_json *json, struct gw_str octets, const char *subject,
		    struct refusal *refusal);

/* Writes the people of a field's value as an array; `name` is the field's. */
int azure_put_people(struct gw_json *json, const char *key, struct gw_str value, const char *name,
		     struct refusal *refusal);

/* The one mailbox of a field's value: its address, to be g_free()d, and whether it has a name. */
int azure_one_mailbox(struct gw_str value, const char *name, char **address, bool *named,
		      struct refusal *refusal);

#endif
