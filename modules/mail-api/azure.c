#include "azure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int azure_refuse(struct refusal *refusal, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	refusal->enhanced = "5.3.3";
	vsnprintf(refusal->text, sizeof refusal->text, format, args);
	va_end(args);
	return 1;
}

static int put_all(struct gw_json *json, struct gw_str octets, bool drops_name,
		   struct refusal *refusal)
{
	char *subject = NULL;
	int put;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	put = azure_put_head(json, octets, drops_name, &subject, refusal);
	if (put == 0)
		put = azure_put_parts(json, octets, subject, refusal);
	gw->json_bool(json, "userEngagementTrackingDisabled", true); /* links stay as they are */
	g_free(subject);
	return put;
}

static int take_text(struct gw_json *json, char **out, size_t *len, struct refusal *refusal)
{
	struct gw_str text = gw->json_text(json);

	if (text.ptr && text.len > AZURE_MOST) {
		azure_refuse(refusal,
			     "the message is a request of %zu octets, and the API takes %zu",
			     text.len, AZURE_MOST);
		refusal->enhanced = "5.3.4";
		return 1;
	}
	*out = text.ptr ? malloc(text.len + 1) : NULL;
	if (!*out)
		return -1;
	memcpy(*out, text.ptr, text.len);
	(*out)[text.len] = '\0';
	*len = text.len;
	return 0;
}

int azure_make(struct gw_str octets, bool drops_name, char **json, size_t *len,
	       struct refusal *refusal)
{
	struct gw_json *writer = gw->json_create();
	int made = writer ? put_all(writer, octets, drops_name, refusal) : -1;

	if (made == 0)
		made = take_text(writer, json, len, refusal);
	gw->json_destroy(writer);
	return made;
}
