/* dns_txt.c - one TXT record among those of a name. */
#include "loop/dns_private.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <unbound-event.h>

/* libunbound cannot be told to forget a query, so this lives until it has come back. */
struct dns_txt_look_up {
	LIST_ENTRY(dns_txt_look_up) link;
	struct dns *dns;
	struct dns_txt *question; /* NULL: nobody waits any more */
	struct timer timer;       /* until it is over, then until it is told */
	bool answered;
	unsigned count; /* records that begin as wanted */
};

static void drop(struct dns_txt_look_up *look_up)
{
	LIST_REMOVE(look_up, link);
	timer_clear(&look_up->timer);
	free(look_up);
}

static void tell(struct timer *timer)
{
	struct dns_txt_look_up *look_up =
		(struct dns_txt_look_up *)(void *)((char *)timer -
						   offsetof(struct dns_txt_look_up, timer));
	struct dns_txt *question = look_up->question;

	look_up->question = NULL;
	question->look_up = NULL;
	if (look_up->answered)
		drop(look_up);
	question->done(question);
}

static void take(void *arg, struct gw_str text)
{
	struct dns_txt_look_up *look_up = arg;
	struct dns_txt *question = look_up->question;
	size_t len = strlen(question->prefix);

	if (text.len < len || memcmp(text.ptr, question->prefix, len) != 0)
		return;
	look_up->count++;
	snprintf(question->text, sizeof(question->text), "%.*s", GW_STR_ARGS(text));
}

static void came(void *arg, int rcode, void *packet, int len, int sec, char *why, int limited)
{
	struct dns_txt_look_up *look_up = arg;
	struct dns_txt *question = look_up->question;
	bool bogus = sec == 1;
	uint32_t ttl = UINT32_MAX;

	if (question == NULL) {
		drop(look_up);
		return;
	}
	look_up->answered = true;
	if (rcode == 0 && !bogus && packet_txt(packet, len, &ttl, take, look_up) != PACKET_FAILED)
		question->outcome = look_up->count == 1 ? DNS_TXT_FOUND : DNS_TXT_NONE;
	timer_set(look_up->dns->worker, &look_up->timer, 0, tell);
}

int dns_txt(struct dns *dns, const char *name, const char *prefix, int64_t ms,
	    struct dns_txt *question)
{
	struct dns_txt_look_up *look_up = calloc(1, sizeof(*look_up));

	if (look_up == NULL)
		return -1;
	look_up->dns = dns;
	look_up->question = question;
	question->look_up = look_up;
	question->outcome = DNS_TXT_FAILED;
	question->prefix = prefix;
	question->text[0] = '\0';
	LIST_INSERT_HEAD(&dns->txts, look_up, link);
	timer_set(dns->worker, &look_up->timer, ms, tell);
	if (ub_resolve_event(dns_follow(&dns->servers), name, ns_t_txt, ns_c_in, look_up, came,
			     NULL) != 0)
		came(look_up, ns_r_servfail, NULL, 0, 0, NULL, 0);
	return 0;
}

void dns_txt_cancel(struct dns_txt *question)
{
	struct dns_txt_look_up *look_up = question->look_up;

	if (look_up == NULL)
		return;
	question->look_up = NULL;
	look_up->question = NULL;
	timer_clear(&look_up->timer);
	if (look_up->answered)
		drop(look_up);
}

void dns_txt_end_all(struct dns *dns)
{
	while (!LIST_EMPTY(&dns->txts))
		drop(LIST_FIRST(&dns->txts));
}
