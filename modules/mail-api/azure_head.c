/* azure_head.c - the header: each of its fields is told, is made anew by the service, or is a
 * reason to refuse the mail. None is left out in silence. */
#include "azure.h"
#include "field.h"

#include "../common/encoded_words.h"

/* What becomes of a field. */
enum fate {
	TOLD,   /* among the API's headers, by its name */
	FROM,   /* senderAddress */
	SENDER, /* must be From again */
	TO,     /* recipients and replyTo: people */
	CC,
	BCC,
	REPLY_TO,
	SUBJECT,
	MESSAGE_ID,
	VERSION,
	OF_PARTS, /* azure_parts.c looks at it */
	ANEW,     /* the service's own */
	TRACE,    /* of its way until here, and of octets that go no further */
	REFUSED,
	FATES
};

static const struct {
	const char *name; /* ending in *: and what follows */
	enum fate fate;
} fates[] = {
	{ "From", FROM },
	{ "Sender", SENDER },
	{ "To", TO },
	{ "Cc", CC },
	{ "Bcc", BCC },
	{ "Reply-To", REPLY_TO },
	{ "Subject", SUBJECT },
	{ "Message-ID", MESSAGE_ID },
	{ "Date", ANEW },
	{ "MIME-Version", VERSION },
	{ "Content-Type", OF_PARTS },
	{ "Content-Transfer-Encoding", OF_PARTS },
	{ "Content-*", REFUSED },
	{ "Received", TRACE },
	{ "X-Received", TRACE },
	{ "Return-Path", TRACE },
	{ "Delivered-To", TRACE },
	{ "Received-SPF", TRACE },
	{ "Authentication-Results", TRACE },
	{ "DKIM-Signature", TRACE },
	{ "DomainKey-Signature", TRACE },
	{ "ARC-*", TRACE },
	{ "Resent-*", REFUSED },
	{ "X-MS-ACSEmail-*", REFUSED }, /* it would steer the service */
};

struct head {
	struct refusal *refusal;
	char *values[FATES]; /* unfolded, of those that are there once; NULL: it is not there */
	GPtrArray *names;    /* of what is TOLD */
	GPtrArray *told;
	bool of_parts[2];
};

static bool name_is(struct gw_str name, const char *pattern)
{
	size_t len = strlen(pattern);

	if (pattern[len - 1] != '*')
		return gw_str_ieq(name, gw_str(pattern));
	return name.len >= len - 1 &&
	       gw_str_ieq(gw_str_n(name.ptr, len - 1), gw_str_n(pattern, len - 1));
}

static enum fate fate_of(struct gw_str name)
{
	size_t i;

	for (i = 0; i < sizeof fates / sizeof *fates; i++)
		if (name_is(name, fates[i].name))
			return fates[i].fate;
	return TOLD;
}

/* The blank that a fold begins with stays. */
static char *unfolded(struct gw_str value)
{
	GString *out = g_string_sized_new(value.len);
	size_t i;

	value = gw_str_trim(value);
	for (i = 0; i < value.len; i++)
		if (value.ptr[i] != '\r' && value.ptr[i] != '\n')
			g_string_append_c(out, value.ptr[i]);
	return g_string_free(out, FALSE);
}

/* --- reading it --- */

static int refuse_twice(struct head *head, struct gw_str name)
{
	return azure_refuse(head->refusal,
			    "its header has more than one %.*s field, and the API takes one",
			    GW_STR_ARGS(name));
}

static bool is_told(const struct head *head, struct gw_str name)
{
	guint i;

	for (i = 0; i < head->names->len; i++)
		if (gw_str_ieq(name, gw_str(head->names->pdata[i])))
			return true;
	return false;
}

/* JSON text that is no ASCII would have to be encoded again by the service, in a way of its own. */
static bool is_ascii_line(const char *value)
{
	for (; *value; value++)
		if ((*value < ' ' && *value != '\t') || *value == 127)
			return false;
	return true;
}

static int tell(struct head *head, struct gw_str name, struct gw_str value)
{
	char *text = unfolded(value);

	if (gw_str_has_nul(value) || !is_ascii_line(text)) {
		g_free(text);
		return azure_refuse(head->refusal, "its %.*s field is not ASCII",
				    GW_STR_ARGS(name));
	}
	if (is_told(head, name)) {
		g_free(text);
		return refuse_twice(head, name);
	}
	g_ptr_array_add(head->names, g_strndup(name.ptr, name.len));
	g_ptr_array_add(head->told, text);
	return 0;
}

static int take_of_parts(struct head *head, struct gw_str name)
{
	bool *seen = &head->of_parts[gw_str_ieq(name, gw_str("Content-Type"))];

	if (*seen)
		return refuse_twice(head, name);
	*seen = true;
	return 0;
}

static int take_field(struct head *head, struct gw_str field)
{
	struct gw_str name = field_name(field), value = field_value(field);
	enum fate fate = fate_of(name);

	switch (fate) {
	case TOLD:
		return tell(head, name, value);
	case TRACE:
		return 0;
	case OF_PARTS:
		return take_of_parts(head, name);
	case REFUSED:
		return azure_refuse(head->refusal, "the API cannot be told its %.*s field",
				    GW_STR_ARGS(name));
	default:
		break;
	}
	if (head->values[fate])
		return refuse_twice(head, name);
	head->values[fate] = unfolded(value);
	return gw_str_has_nul(value)
		       ? azure_refuse(head->refusal, "its %.*s field has a NUL", GW_STR_ARGS(name))
		       : 0;
}

static int read_head(struct head *head, struct gw_str octets)
{
	int taken = 0;

	while (taken == 0 && !field_is_end(octets)) {
		size_t len = field_length(octets);

		taken = take_field(head, gw_str_n(octets.ptr, len));
		octets = gw_str_from(octets, len);
	}
	return taken;
}

/* --- writing it --- */

/* The service sends with the name that it has for the address. */
static int put_sender(struct gw_json *json, struct head *head, bool drops_name)
{
	const char *from = head->values[FROM];
	char *address = NULL;
	bool named = false;
	int put = from ? azure_one_mailbox(gw_str(from), "From", &address, &named, head->refusal)
		       : azure_refuse(head->refusal, "it has no From field");

	if (put == 0 && named && !drops_name)
		put = azure_refuse(
			head->refusal,
			"its From field has a name, and the API sends with the name that it has for the address (api_from_name)");
	if (put == 0)
		gw->json_string(json, "senderAddress", gw_str(address));
	g_free(address);
	return put;
}

/* One that is somebody else cannot be told. */
static int check_sender(struct head *head)
{
	char *from = NULL, *sender = NULL;
	bool named;
	int put = 0;

	if (!head->values[SENDER])
		return 0;
	put = azure_one_mailbox(gw_str(head->values[FROM]), "From", &from, &named, head->refusal);
	if (put == 0)
		put = azure_one_mailbox(gw_str(head->values[SENDER]), "Sender", &sender, &named,
					head->refusal);
	if (put == 0 && !gw_str_ieq(gw_str(from), gw_str(sender)))
		put = azure_refuse(head->refusal, "its Sender is another than its From");
	g_free(from);
	g_free(sender);
	return put;
}

static int put_people(struct gw_json *json, struct head *head, enum fate fate, const char *key,
		      const char *name)
{
	const char *value = head->values[fate];

	return value ? azure_put_people(json, key, gw_str(value), name, head->refusal) : 0;
}

static int put_recipients(struct gw_json *json, struct head *head)
{
	int put = head->values[TO]
			  ? 0
			  : azure_refuse(head->refusal,
					 "its header names nobody in To, whom the API wants");

	gw->json_begin(json, "recipients", GW_JSON_OBJECT);
	if (put == 0)
		put = put_people(json, head, TO, "to", "To");
	if (put == 0)
		put = put_people(json, head, CC, "cc", "Cc");
	if (put == 0)
		put = put_people(json, head, BCC, "bcc", "Bcc");
	gw->json_end(json);
	return put;
}

/* "<1@example.com>"; the service replaces any other by one of its own. */
static bool is_message_id(const char *id)
{
	const char *at = strchr(id, '@');
	size_t len = strlen(id);

	return id[0] == '<' && at && at > id + 1 && id[len - 1] == '>' && strchr(at, '.') &&
	       strcspn(id, " \t\"()") == len && is_ascii_line(id);
}

static int put_told(struct gw_json *json, struct head *head)
{
	const char *id = head->values[MESSAGE_ID];
	guint i;

	if (id && !is_message_id(id))
		return azure_refuse(head->refusal,
				    "its Message-ID is one that the API would replace");
	gw->json_begin(json, "headers", GW_JSON_OBJECT);
	if (id)
		gw->json_string(json, "Message-ID", gw_str(id));
	for (i = 0; i < head->names->len; i++)
		gw->json_string(json, head->names->pdata[i], gw_str(head->told->pdata[i]));
	gw->json_end(json);
	return 0;
}

static int read_subject(struct head *head, char **subject)
{
	const char *value = head->values[SUBJECT];

	*subject = value ? encoded_words_decode(gw_str(value)) : NULL;
	if (!*subject || !**subject)
		return azure_refuse(
			head->refusal,
			value ? "its Subject is empty, or can be read in more than one way"
			      : "it has no Subject, which the API wants");
	for (const char *at = *subject; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			return azure_refuse(head->refusal, "its Subject has a control character");
	return 0;
}

static int put_all(struct gw_json *json, struct head *head, bool drops_name, char **subject)
{
	const char *version = head->values[VERSION];
	int put = version && strcmp(version, "1.0") != 0
			  ? azure_refuse(head->refusal, "its MIME-Version is not 1.0")
			  : put_sender(json, head, drops_name);

	if (put == 0)
		put = check_sender(head);
	if (put == 0)
		put = put_recipients(json, head);
	if (put == 0)
		put = put_people(json, head, REPLY_TO, "replyTo", "Reply-To");
	if (put == 0)
		put = put_told(json, head);
	return put == 0 ? read_subject(head, subject) : put;
}

int azure_put_head(struct gw_json *json, struct gw_str octets, bool drops_name, char **subject,
		   struct refusal *refusal)
{
	struct head head = { .refusal = refusal,
			     .names = g_ptr_array_new_with_free_func(g_free),
			     .told = g_ptr_array_new_with_free_func(g_free) };
	int put = read_head(&head, octets);
	size_t i;

	if (put == 0)
		put = put_all(json, &head, drops_name, subject);
	for (i = 0; i < FATES; i++)
		g_free(head.values[i]);
	g_ptr_array_free(head.names, TRUE);
	g_ptr_array_free(head.told, TRUE);
	return put;
}
