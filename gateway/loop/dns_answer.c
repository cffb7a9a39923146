/* dns_answer.c - what was found of a domain, packed into one piece of memory that its askers share.
 */
#include "loop/dns_private.h"

#include "base/list.h"

#include <stdio.h>
#include <stdlib.h>

#define DANE_MARK "#dane"

struct shared_answer {
	struct dns_answer answer;
	unsigned references;
};

static struct shared_answer *shared_of(const struct dns_answer *answer)
{
	return list_of(answer, struct shared_answer, answer);
}

const struct dns_answer *dns_hold(const struct dns_answer *answer)
{
	shared_of(answer)->references++;
	return answer;
}

void dns_release(const struct dns_answer *answer)
{
	if (answer && --shared_of(answer)->references == 0)
		free(shared_of(answer));
}

static size_t answer_size(const struct found *found)
{
	size_t size = sizeof(struct shared_answer) + found->count * sizeof(struct dns_host) +
		      strlen(found->text) + strlen(found->why) + 3;
	size_t i;

	for (i = 0; i < found->count; i++)
		size += (found->hosts[i].v6_count + found->hosts[i].v4_count) *
				sizeof(union dns_address) +
			found->hosts[i].tlsa.count * sizeof(struct tls_tlsa) +
			found->hosts[i].tlsa.used + 2 * (strlen(found->hosts[i].name) + 1) +
			sizeof(DANE_MARK);
	return size;
}

static struct gw_str pack_text(char **at, const char *text)
{
	size_t len = strlen(text);
	struct gw_str packed = gw_str_n(*at, len);

	memcpy(*at, text, len + 1);
	*at += len + 1;
	return packed;
}

static union dns_address *pack_addresses(const struct found_host *host, union dns_address *to)
{
	size_t i;

	for (i = 0; i < host->v6_count; i++, to++) {
		to->v6.sin6_family = AF_INET6;
		to->v6.sin6_addr = host->v6[i];
	}
	for (i = 0; i < host->v4_count; i++, to++) {
		to->v4.sin_family = AF_INET;
		to->v4.sin_addr = host->v4[i];
	}
	return to;
}

static const struct tls_tlsa *pack_tlsa(const struct found_tlsa *from, char **at)
{
	struct tls_tlsa *to = (struct tls_tlsa *)(void *)*at;

	memcpy(to, from->records, from->count * sizeof(*to));
	*at += from->count * sizeof(*to);
	return to;
}

static void pack_octets(const struct found_tlsa *from, struct dns_host *host, char **at)
{
	struct tls_tlsa *records = (struct tls_tlsa *)host->tlsa;

	memcpy(*at, from->octets, from->used);
	for (size_t i = 0; i < from->count; i++) {
		records[i].octets = (unsigned char *)*at;
		*at += records[i].len;
	}
}

static void mark(const struct found_host *host, char **at)
{
	if (host->tlsa.state == DNS_TLSA_NONE)
		return;
	(*at)--;
	pack_text(at, DANE_MARK);
}

static struct gw_str pack_key(const struct found *found, char **at)
{
	const char *start = *at;
	size_t i;

	for (i = 0; i < found->count; i++) {
		if (i != 0)
			(*at)[-1] = found->hosts[i].preference == found->hosts[i - 1].preference
					    ? ','
					    : '>';
		pack_text(at, found->hosts[i].name);
		mark(&found->hosts[i], at);
	}
	return gw_str_n(start, found->count != 0 ? (size_t)(*at - start) - 1 : 0);
}

/* Host structs first, then TLSA records, addresses, and text: each part is aligned at most as the
 * one before it. */
static void pack(const struct found *found, struct dns_answer *answer, struct dns_host *hosts)
{
	union dns_address *addresses;
	char *text = (char *)(hosts + found->count);
	const struct tls_tlsa *tlsa[DNS_HOSTS];
	size_t i;

	for (i = 0; i < found->count; i++)
		tlsa[i] = pack_tlsa(&found->hosts[i].tlsa, &text);
	addresses = (union dns_address *)(void *)text;
	for (i = 0; i < found->count; i++) {
		const struct found_host *from = &found->hosts[i];
		hosts[i] = (struct dns_host){ .preference = from->preference,
					      .security = from->security,
					      .incomplete = from->incomplete,
					      .tlsa_state = from->tlsa.state,
					      .tlsa_count = from->tlsa.count,
					      .tlsa = tlsa[i],
					      .count = from->v6_count + from->v4_count,
					      .addresses = addresses };
		addresses = pack_addresses(from, addresses);
	}
	text = (char *)addresses;
	for (i = 0; i < found->count; i++) {
		pack_octets(&found->hosts[i].tlsa, &hosts[i], &text);
		hosts[i].name = pack_text(&text, found->hosts[i].name);
	}
	answer->key = pack_key(found, &text);
	answer->text = gw_str_n(text, (size_t)sprintf(text, found->why[0] != '\0' ? "%s: %s" : "%s",
						      found->text, found->why));
}

const struct dns_answer *found_answer(const struct found *found)
{
	struct shared_answer *shared = calloc(1, answer_size(found));

	if (!shared)
		return NULL;
	shared->references = 1;
	shared->answer.outcome = found->outcome;
	shared->answer.security = found->security;
	shared->answer.count = found->count;
	shared->answer.hosts = (struct dns_host *)(shared + 1);
	pack(found, &shared->answer, (struct dns_host *)(shared + 1));
	return &shared->answer;
}

size_t dns_order(const struct dns_answer *answer, unsigned char order[DNS_HOSTS])
{
	size_t i, first = 0;

	for (i = 0; i < answer->count; i++) {
		size_t other;
		if (answer->hosts[i].preference != answer->hosts[first].preference)
			first = i;
		other = first + arc4random_uniform((uint32_t)(i - first + 1));
		order[i] = order[other];
		order[other] = (unsigned char)i;
	}
	return answer->count;
}
