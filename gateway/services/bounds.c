/* bounds.c - what a module hands in is judged as if a client had sent it: a module is somebody
 * else's code, and often passes on what somebody else told it. */
#include "services/services.h"

#include "base/log.h"
#include "mail/message.h"
#include "module/load.h"
#include "smtp/address.h"
#include "smtp/framing.h"

#define NAME_MOST 255
#define TYPE_MOST 64
#define DOMAINS_MOST 4096
#define MEMORY_LEAST ((size_t)64 << 20)

void bounds_refuse(const struct gw_call *call, const char *service, const char *why)
{
	struct log_line *line = log_open(EVENT_MODULE_REFUSED);
	log_text(line, KEY_BY, call->instance ? call->instance->name : "nobody");
	log_text(line, KEY_SERVICE, service);
	log_text(line, KEY_REASON, why);
	if (call->message)
		log_id(line, call->message->id);
	log_close(line);
}

/* --- words --- */

static bool is_text(struct gw_str text, size_t most)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
			return false;
	return text.len <= most;
}

bool bounds_name(struct gw_str name)
{
	return name.len > 0 && is_text(name, NAME_MOST);
}

bool bounds_type(struct gw_str type)
{
	return type.len <= TYPE_MOST && is_word(type, "._-");
}

const char *bounds_identity(const struct gw_identity *identity)
{
	if (!is_text(identity->client, NAME_MOST))
		return "a client's name is up to 255 octets without control characters";
	if (identity->type.len && !bounds_type(identity->type))
		return "a type is a word of up to 64 letters, digits, '.', '_' and '-'";
	if (!is_text(identity->domains, DOMAINS_MOST))
		return "domains are up to 4096 octets without control characters";
	return NULL;
}

/* --- memory --- */

static size_t memory_most(const struct gw_call *call)
{
	return MEMORY_LEAST + 4 * (size_t)call->snapshot->settings.limits.message_size;
}

/* A configuration lives as long as its instance, and is read in the main thread: its size is the
 * admin's. */
bool bounds_memory(const struct gw_call *call, size_t size)
{
	size_t most = memory_most(call);
	if (call->hook == GW_HOOKS)
		return true;
	return size <= most && call->arena->total <= most - size;
}

/* --- a message --- */

static bool is_mailbox(struct gw_str address)
{
	struct address parsed;
	return address_mailbox(address, ADDRESS_UTF8_OK, &parsed);
}

static bool are_mailboxes(const struct gw_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!is_mailbox(list->items[i]))
			return false;
	return true;
}

static const char *bytes_problem(struct gw_str bytes, const struct settings *settings)
{
	struct data_reader reader;
	if (bytes.len > (size_t)settings->limits.message_size)
		return "the message is larger than limits.message_size";
	data_reader_init(&reader);
	data_scan(&reader, bytes);
	data_scan_end(&reader);
	if (reader.bare)
		return "a line ends with a CR or LF alone";
	return reader.nul         ? "the message has a NUL"
	       : reader.long_line ? "a line is longer than 998 octets"
				  : NULL;
}

const char *bounds_submission(const struct gw_submission *submission,
			      const struct settings *settings)
{
	if (submission->sender.len && !is_mailbox(submission->sender))
		return "the sender is no mailbox";
	if (!submission->rcpts.count)
		return "there is no recipient";
	if (submission->rcpts.count > (size_t)settings->limits.recipients)
		return "there are more recipients than limits.recipients";
	if (!are_mailboxes(&submission->rcpts))
		return "a recipient is no mailbox";
	if (submission->type.len && !bounds_type(submission->type))
		return "a type is a word of up to 64 letters, digits, '.', '_' and '-'";
	return bytes_problem(submission->bytes, settings);
}
