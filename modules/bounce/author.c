#include "author.h"

#include "../common/charsets.h"

#include <gmime/gmime.h>

#define FIELD_MAX 16384

/* The field's one mailbox; NULL: it has another number, or a group. */
static InternetAddressMailbox *only_mailbox(InternetAddressList *list)
{
	InternetAddress *address;

	if (!list || internet_address_list_length(list) != 1)
		return NULL;
	address = internet_address_list_get_address(list, 0);
	return INTERNET_ADDRESS_IS_MAILBOX(address) ? INTERNET_ADDRESS_MAILBOX(address) : NULL;
}

static bool is_ascii(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)text[i] >= 0x80)
			return false;
	return true;
}

static const char *take_address(struct gw_call *call, struct gw_message *message,
				const char *address, char out[AUTHOR_MAX])
{
	const char *at = address ? strrchr(address, '@') : NULL;
	size_t local = at ? (size_t)(at - address) : 0;
	char domain[GW_DOMAIN_MAX + 1];

	if (!local || local > 64 || gw->domain_ascii(call, gw_str(at + 1), domain) <= 0)
		return "its From address is none";
	if (!is_ascii(address, local) && gw->message_number(message, GW_MESSAGE_SMTPUTF8) != 1)
		return "its From address needs SMTPUTF8, which it was handed in without";
	if (local + strlen(domain) + 2 > AUTHOR_MAX)
		return "its From address is too long";
	memcpy(out, address, local);
	out[local] = '@';
	strcpy(out + local + 1, domain);
	return NULL;
}

static const char several[] = "neither From nor Sender name a single address";

static const char *from_value(struct gw_call *call, struct gw_message *message, struct gw_str value,
			      char out[AUTHOR_MAX])
{
	char *text = g_strndup(value.ptr, value.len);
	InternetAddressList *list;
	InternetAddressMailbox *mailbox;
	const char *why = several;

	charsets_mask_words(text, value.len);
	list = internet_address_list_parse(NULL, text);
	mailbox = only_mailbox(list);
	if (mailbox)
		why = take_address(call, message, internet_address_mailbox_get_addr(mailbox), out);
	if (list)
		g_object_unref(list);
	g_free(text);
	return why;
}

static bool only_field(struct gw_message *message, const char *name, struct gw_header *header)
{
	struct gw_header other = { .size = sizeof other };

	header->size = sizeof *header;
	return gw->header_named(message, gw_str(name), 0, header) == 0 &&
	       gw->header_named(message, gw_str(name), 1, &other) != 0 &&
	       header->value.len < FIELD_MAX && !gw_str_has_nul(header->value);
}

const char *author_read(struct gw_call *call, struct gw_message *message, char out[AUTHOR_MAX])
{
	struct gw_header header;
	const char *why;

	if (!only_field(message, "From", &header))
		return "it has no From field, or several";
	why = from_value(call, message, header.value, out);
	if (why != several)
		return why;
	if (!only_field(message, "Sender", &header))
		return "its From field names no single address, and it has no Sender field";
	return from_value(call, message, header.value, out);
}
