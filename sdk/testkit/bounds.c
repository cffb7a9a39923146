/* bounds.c - what the gateway takes from a module: the same bounds, with the limits at their
 * defaults. What is over them is refused as there, and the refusal is a line of TESTKIT_LOG:
 * "warning submit() refused: ...". */
#include "kit.h"

#define NAME_MOST 255
#define TYPE_MOST 64
#define DOMAINS_MOST 4096
#define VALUE_MOST 65535
#define MESSAGE_MOST ((size_t)50 << 20) /* limits.message_size */
#define RCPTS_MOST 1000                 /* limits.recipients */
#define MEMORY_MOST (((size_t)64 << 20) + 4 * MESSAGE_MOST)
#define LINE_MOST 998
#define DOMAIN_MOST 255

static bool refused(struct testkit *kit, const char *service, const char *why)
{
	if (why)
		kit_tell(kit, TESTKIT_LOG, "warning %s() refused: %s", service, why);
	return why != NULL;
}

static bool is_text(struct gw_str text, size_t most)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return false;
	return text.len <= most;
}

static bool is_type(struct gw_str type)
{
	size_t i;

	for (i = 0; i < type.len; i++) {
		char c = type.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '.' || c == '_' || c == '-'))
			return false;
	}
	return type.len > 0 && type.len <= TYPE_MOST;
}

#define TYPE_WHY "a type is a word of up to 64 letters, digits, '.', '_' and '-'"

bool kit_name_refused(struct testkit *kit, const char *service, struct gw_str name)
{
	bool good = name.len > 0 && is_text(name, NAME_MOST);

	return refused(kit, service,
		       good ? NULL : "a name is 1 to 255 octets without control characters");
}

bool kit_publication_refused(struct testkit *kit, const struct gw_publication *publication)
{
	return kit_name_refused(kit, "publication", publication->name) ||
	       refused(kit, "publication",
		       publication->value.len > VALUE_MOST ||
				       publication->senders.len > DOMAINS_MOST
			       ? "senders are up to 4096 octets, a value 64 KiB"
			       : NULL);
}

bool kit_type_refused(struct testkit *kit, struct gw_str type)
{
	return refused(kit, "type_set", is_type(type) ? NULL : TYPE_WHY);
}

bool kit_identity_refused(struct testkit *kit, const char *service,
			  const struct gw_identity *identity)
{
	const char *why = NULL;

	if (!is_text(identity->client, NAME_MOST))
		why = "a client's name is up to 255 octets without control characters";
	else if (identity->type.len && !is_type(identity->type))
		why = TYPE_WHY;
	else if (!is_text(identity->domains, DOMAINS_MOST))
		why = "domains are up to 4096 octets without control characters";
	return refused(kit, service, why);
}

bool kit_memory_refused(struct gw_call *call, size_t size)
{
	size_t none = 0, *used = call->message   ? &call->message->allocated
				 : call->session ? &call->session->allocated
						 : &none;
	bool good = call->hook == ON_start || (size <= MEMORY_MOST && *used <= MEMORY_MOST - size);

	if (refused(call->kit, "alloc",
		    good ? NULL : "that is too much memory for one session or message"))
		return true;
	*used += size;
	return false;
}

/* --- a message --- */

/* Where the local part ends; 0: there is none. */
static size_t local_end(struct gw_str text)
{
	bool quoted = text.len && text.ptr[0] == '"';
	size_t at = quoted ? 1 : 0;

	for (; at < text.len; at++) {
		unsigned char c = (unsigned char)text.ptr[at];
		if (c < ' ' || c == 0x7f || (!quoted && strchr(" ()<>[]:;,\\\"", c)))
			return 0;
		if (!quoted && c == '@')
			return at;
		if (quoted && c == '\\')
			at++;
		else if (quoted && c == '"')
			return at + 1;
	}
	return 0;
}

static bool is_domain(struct gw_str text)
{
	bool literal = text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']';
	size_t i, label = 0;

	for (i = 0; !literal && i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c == '.' ? label == 0 || text.ptr[i - 1] == '-'
			     : c < 0x80 && !is_type(gw_str_n(text.ptr + i, 1)))
			return false;
		if (c == '_' || (c == '-' && label == 0))
			return false;
		label = c == '.' ? 0 : label + 1;
	}
	return literal || (text.len > 0 && text.len <= DOMAIN_MOST && label > 0 &&
			   text.ptr[text.len - 1] != '-');
}

static bool is_mailbox(struct gw_str address)
{
	size_t at = local_end(address);

	return at > 0 && at < address.len && address.ptr[at] == '@' &&
	       is_domain(gw_str_from(address, at + 1));
}

static const char *bytes_why(struct gw_str bytes)
{
	size_t i, line = 0;

	if (bytes.len > MESSAGE_MOST)
		return "the message is larger than limits.message_size";
	for (i = 0; i < bytes.len; i++, line++) {
		char c = bytes.ptr[i];
		if (c == '\0')
			return "the message has a NUL";
		if ((c == '\r' && (i + 1 == bytes.len || bytes.ptr[i + 1] != '\n')) ||
		    (c == '\n' && (i == 0 || bytes.ptr[i - 1] != '\r')))
			return "a line ends with a CR or LF alone";
		if (line >= LINE_MOST && c != '\r' && c != '\n')
			return "a line is longer than 998 octets";
		if (c == '\n')
			line = (size_t)-1;
	}
	return NULL;
}

static const char *submission_why(const struct gw_submission *submission)
{
	size_t i;

	if (submission->sender.len && !is_mailbox(submission->sender))
		return "the sender is no mailbox";
	if (!submission->rcpts.count)
		return "there is no recipient";
	if (submission->rcpts.count > RCPTS_MOST)
		return "there are more recipients than limits.recipients";
	for (i = 0; i < submission->rcpts.count; i++)
		if (!is_mailbox(submission->rcpts.items[i]))
			return "a recipient is no mailbox";
	if (submission->type.len && !is_type(submission->type))
		return TYPE_WHY;
	return bytes_why(submission->bytes);
}

bool kit_submission_refused(struct testkit *kit, const struct gw_submission *submission)
{
	return refused(kit, "submit", submission_why(submission));
}
