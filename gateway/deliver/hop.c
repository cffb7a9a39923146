#include "deliver/hop.h"

#include <string.h>

static bool is_at(const struct hop *hop, const union dns_address *address)
{
	if (hop->address.any.sa_family != address->any.sa_family)
		return false;
	if (address->any.sa_family != AF_INET6)
		return hop->address.v4.sin_port == address->v4.sin_port &&
		       hop->address.v4.sin_addr.s_addr == address->v4.sin_addr.s_addr;
	return hop->address.v6.sin6_port == address->v6.sin6_port &&
	       memcmp(&hop->address.v6.sin6_addr, &address->v6.sin6_addr, sizeof(address->v6.sin6_addr)) == 0;
}

struct hop *hop_find(struct hop_list *list, const union dns_address *address)
{
	struct hop *hop;
	unsigned i;

	for (i = 0; i < list->count; i++)
		if (is_at(&list->hops[i], address))
			return &list->hops[i];
	hop = &list->hops[list->next++ % HOPS_MOST];
	if (list->count < HOPS_MOST)
		list->count++;
	*hop = (struct hop){ .address = *address };
	return hop;
}
