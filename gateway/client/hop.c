#include "client/hop.h"

#include <string.h>

static bool is_at(const struct hop *hop, const union dns_address *address)
{
	if (hop->address.any.sa_family != address->any.sa_family)
		return false;
	if (address->any.sa_family != AF_INET6)
		return hop->address.v4.sin_port == address->v4.sin_port &&
		       hop->address.v4.sin_addr.s_addr == address->v4.sin_addr.s_addr;
	return hop->address.v6.sin6_port == address->v6.sin6_port &&
	       memcmp(&hop->address.v6.sin6_addr, &address->v6.sin6_addr,
		      sizeof(address->v6.sin6_addr)) == 0;
}

static struct hop *find(struct hop_list *list, const union dns_address *address)
{
	unsigned i;

	for (i = 0; i < list->count; i++)
		if (is_at(&list->hops[i], address))
			return &list->hops[i];
	return NULL;
}

static struct hop *find_or_add(struct hop_list *list, const union dns_address *address)
{
	struct hop *hop = find(list, address);

	if (hop != NULL)
		return hop;
	hop = &list->hops[list->next++ % HOPS_MOST];
	if (list->count < HOPS_MOST)
		list->count++;
	*hop = (struct hop){ .address = *address };
	return hop;
}

void hops_init(struct hop_list *list)
{
	pthread_mutex_init(&list->lock, NULL);
	list->count = list->next = 0;
}

struct hop hops_known(struct hop_list *list, const union dns_address *address)
{
	struct hop *hop, known = { .address = *address };

	pthread_mutex_lock(&list->lock);
	hop = find(list, address);
	if (hop != NULL)
		known = *hop;
	pthread_mutex_unlock(&list->lock);
	return known;
}

void hops_learn_chunks(struct hop_list *list, const union dns_address *address,
		       enum hop_chunks chunks)
{
	pthread_mutex_lock(&list->lock);
	find_or_add(list, address)->chunks = chunks;
	pthread_mutex_unlock(&list->lock);
}

void hops_learn_rcpts(struct hop_list *list, const union dns_address *address, unsigned max_rcpts)
{
	pthread_mutex_lock(&list->lock);
	find_or_add(list, address)->max_rcpts = max_rcpts;
	pthread_mutex_unlock(&list->lock);
}
