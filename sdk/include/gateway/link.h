/* gateway/link.h - what became of TLS on a connection to a mail host of a recipients' domain: what
 * the hook `link` is told, in the terms of RFC 8460. */
#ifndef GATEWAY_LINK_H
#define GATEWAY_LINK_H

#include <gateway/str.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gw_link_policy {
	GW_LINK_NO_POLICY, /* the domain demands nothing */
	GW_LINK_DANE,      /* TLSA records of the mail host */
	GW_LINK_STS,       /* the domain's MTA-STS policy, in force or in testing */
};

struct gw_link {
	uint32_t size;               /* sizeof(struct gw_link) */
	enum gw_link_policy policy;  /* what counts for the connection */
	struct gw_str domain;        /* of the recipients: lower case, A-labels */
	struct gw_str policy_domain; /* where the policy is: the domain, or (DANE) the mail host */
	/* the policy line by line, "mode: enforce", or each usable TLSA record, "3 1 1 AB...";
	 * empty where it could not be had */
	struct gw_list policy_text;
	struct gw_list policy_hosts; /* the mail hosts that it is about: "*.example.net" */
	struct gw_str host;          /* the mail host; empty: none was reached for want of one */
	struct gw_str address;       /* its address; empty: it was passed over */
	struct gw_str source;        /* ours, empty where it is not known */
	/* the result type of RFC 8460: "certificate-expired"; empty: it is as the policy wants it.
	 * A failure says nothing about the mail: a policy in testing is not kept to, and where none
	 * demands TLS the mail goes on without */
	struct gw_str failure;
	struct gw_str reason; /* of a failure, in words */
};

#ifdef __cplusplus
}
#endif
#endif
