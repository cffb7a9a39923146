#include "author.h"

#include "field.h"

#include <gmime/gmime.h>

static InternetAddress *first_mailbox(InternetAddressList *list, int depth)
{
	int i, count = list ? internet_address_list_length(list) : 0;

	for (i = 0; i < count && depth < 3; i++) {
		InternetAddress *address = internet_address_list_get_address(list, i);
		InternetAddress *member;

		if (INTERNET_ADDRESS_IS_MAILBOX(address))
			return address;
		member = first_mailbox(
			internet_address_group_get_members(INTERNET_ADDRESS_GROUP(address)),
			depth + 1);
		if (member)
			return member;
	}
	return NULL;
}

static InternetAddressList *parse(struct gw_str from)
{
	char *field = field_masked(from);
	InternetAddressList *list = internet_address_list_parse(NULL, field);

	g_free(field);
	return list;
}

void author_read(struct author *author, struct gw_str from)
{
	InternetAddressList *list = parse(from);
	InternetAddress *mailbox = first_mailbox(list, 0);
	const char *name = mailbox ? internet_address_get_name(mailbox) : NULL;
	const char *address = mailbox ? internet_address_mailbox_get_addr(
						INTERNET_ADDRESS_MAILBOX(mailbox))
				      : NULL;

	author->name = g_strdup(name ? name : "");
	author->address = g_strdup(address ? address : "");
	if (list)
		g_object_unref(list);
}

void author_finish(struct author *author)
{
	g_free(author->name);
	g_free(author->address);
}

struct gw_str domain_of(struct gw_str address)
{
	size_t at = address.len;

	while (at && address.ptr[at - 1] != '@')
		at--;
	return at ? gw_str_from(address, at) : gw_str("");
}
