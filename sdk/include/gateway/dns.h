/* gateway/dns.h - a question to the DNS, and its answer: what dns_ask() takes and the hook `dns` is
 * told.
 *
 * The gateway's own resolver is asked (`dns` in the fragment of the gateway), which keeps answers
 * as long as their TTL says: ask again rather than keep. A question ends once: with an answer, or,
 * when its deadline has passed, with GW_DNS_FAILED. */
#ifndef GATEWAY_DNS_H
#define GATEWAY_DNS_H

#include <gateway/str.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As IANA numbers them. What a record is in an answer: */
enum gw_dns_type {
	GW_DNS_A = 1,     /* "192.0.2.1" */
	GW_DNS_NS = 2,    /* "ns.example.com" */
	GW_DNS_CNAME = 5, /* the name that it stands for */
	GW_DNS_SOA = 6,   /* the name of its primary server */
	GW_DNS_PTR = 12,  /* "host.example.com" */
	GW_DNS_MX = 15,   /* "mx.example.com", the best first; empty: the null MX */
	GW_DNS_TXT = 16,  /* its strings, one behind the other with nothing between: octets */
	GW_DNS_AAAA = 28, /* "2001:db8::1" */
	GW_DNS_TLSA = 52, /* as on the wire: usage, selector, matching type, data */
};

enum gw_dns_status {
	GW_DNS_FOUND = 1, /* there are records */
	GW_DNS_NONE,      /* the name is there, without such a record */
	GW_DNS_NO_NAME,   /* there is no such name, or it can be none */
	GW_DNS_FAILED,    /* not known now: no answer, or DNSSEC proves it false */
};

struct gw_dns_question {
	uint32_t size;      /* sizeof(struct gw_dns_question); of the answer too */
	uint32_t type;      /* enum gw_dns_type */
	struct gw_str name; /* in any script; whatever octets in its labels, but a dot and a NUL */
	uint32_t deadline_ms; /* from now; 0: 10 s; at most a minute */
	/* Not 0: the name servers are asked, whatever was kept of an answer from before, but for
	 * some seconds. For a person who has just changed something, or before what was there is
	 * called gone; not for what is asked all the time. */
	uint32_t fresh;
};

struct gw_dns_answer {
	uint32_t size;
	enum gw_dns_status status;
	struct gw_list records; /* of the type, up to GW_DNS_RECORDS_MAX of them, names in lower
				   case without a final dot */
	uint32_t ttl;           /* seconds that it may be kept, of an absence too; FAILED: 0 */
	bool secure;            /* DNSSEC proves it, an absence too */
	struct gw_str error;    /* FAILED: why, for people */
};

#define GW_DNS_RECORDS_MAX 256

#ifdef __cplusplus
}
#endif
#endif
