/* spf_record.h - a record of SPF (RFC 7208) as text and as terms; the whole of it is read before
 * any of it counts. */
#ifndef COMMON_SPF_RECORD_H
#define COMMON_SPF_RECORD_H

#include "network.h"

enum spf_mechanism {
	SPF_ALL,
	SPF_INCLUDE,
	SPF_A,
	SPF_MX,
	SPF_PTR,
	SPF_IP4,
	SPF_IP6,
	SPF_EXISTS,
	SPF_MECHANISMS
};

/* As records name them. */
extern const char *const spf_mechanisms[SPF_MECHANISMS];

struct spf_term {
	char qualifier; /* "+-~?" */
	enum spf_mechanism mechanism;
	struct gw_str spec;     /* with its macros; empty: the domain itself */
	unsigned four, six;     /* prefixes of A and MX */
	struct network network; /* of IP4 and IP6 */
};

struct spf_record {
	char *text;
	struct spf_term *terms;
	size_t count;
	struct gw_str redirect, explanation; /* empty: none */
};

/* Printable US-ASCII and nothing else. */
bool spf_is_printed(struct gw_str text);

/* "v=spf1", alone or before a blank. */
bool spf_is_record(struct gw_str text);

/* NULL: fine; else what is wrong. spf_record_finish() is due in any case. */
const char *spf_record_read(struct spf_record *record, struct gw_str text);
void spf_record_finish(struct spf_record *record);

/* --- spf_macro.c --- */

/* What macros stand for. */
struct spf_values {
	struct gw_str sender, local, sender_domain, domain, helo;
	struct gw_str validated; /* %{p} */
	struct gw_str address;   /* dotted: nibbles of an IPv6 address */
	bool six;
	/* of explanations alone: %{c}, %{r}, %{t} */
	struct gw_str readable, receiver, time;
};

/* NULL: a domain-spec (or, with `is_domain` false, any macro-string); else what is wrong. */
const char *spf_macro_flaw(struct gw_str text, bool is_domain);
bool spf_macro_has(struct gw_str text, char letter); /* of any case; 0: any macro at all */

/* The name that is meant, cut at its front to what fits. False: it can be none. */
bool spf_macro_expand(struct gw_str text, const struct spf_values *values,
		      char out[GW_DOMAIN_MAX + 1]);

/* An explanation: NUL-terminated text. False: it does not fit, or a value has octets that a reply
 * cannot carry. */
#define SPF_EXPLANATION_MAX 1000
bool spf_macro_explain(struct gw_str text, const struct spf_values *values,
		       char out[SPF_EXPLANATION_MAX + 1]);

#endif
