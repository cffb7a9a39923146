/* spf_private.h - the machine of SPF, for spf.c (records, terms) and spf_terms.c (what a term asks
 * and what its answers mean). */
#ifndef COMMON_SPF_PRIVATE_H
#define COMMON_SPF_PRIVATE_H

#include "spf.h"
#include "spf_record.h"

#define LOOKUPS_MOST 10 /* terms that need the DNS; includes nest no deeper either */
#define VOIDS_MOST 2
#define NAMES_MOST 10 /* hosts of an MX, names of an address */
#define NETWORKS_MOST 8192

/* What the open question is about. */
enum spf_stage {
	STAGE_RECORD,
	STAGE_A,
	STAGE_A_SIX, /* of a list, the second family */
	STAGE_MX,
	STAGE_MX_HOST,
	STAGE_MX_HOST_SIX,
	STAGE_EXISTS,
	STAGE_PTR,
	STAGE_PTR_HOST,
	STAGE_EXPLANATION,
};

/* A record on its way: the first, or an included one; its at-th term is at work. */
struct frame {
	char domain[GW_DOMAIN_MAX + 1];
	struct spf_record record;
	bool redirected;
	size_t at;
};

struct names {
	char items[NAMES_MOST][GW_DOMAIN_MAX + 1];
	size_t count, at;
};

struct spf {
	bool lists, over, asks, six;
	struct network peer;
	char sender[512], local[256], sender_domain[GW_DOMAIN_MAX + 1], helo[GW_DOMAIN_MAX + 1];
	char nibbles[80], readable[64]; /* %{i}, %{c} */
	struct frame frames[LOOKUPS_MOST + 2];
	size_t depth;
	unsigned lookups, voids;
	enum spf_stage stage;
	uint32_t type;
	char name[GW_DOMAIN_MAX + 1];   /* of the question */
	char target[GW_DOMAIN_MAX + 1]; /* of the term at work */
	struct names hosts;             /* of an MX */
	bool names_known;               /* the address was looked up */
	struct names names;             /* of the address; those that are proved stay */
	size_t proved;
	struct network *networks;
	size_t count, room;
	enum spf_result result;
	bool explains; /* the result is there, its explanation not yet */
	char *words;   /* the explanation with its macros */
	char explanation[SPF_EXPLANATION_MAX + 1];
	char why[400];
	uint32_t ttl;
};

/* --- spf.c --- */
struct frame *spf_top(struct spf *spf);
struct spf_term *spf_term(struct spf *spf);
void spf_end(struct spf *spf, enum spf_result result, const char *why);
/* What is wrong, told of the record at work, or of the name that was asked for. */
void spf_permerror(struct spf *spf, const char *why);
void spf_temperror(struct spf *spf, const struct gw_dns_answer *answer);
void spf_ask(struct spf *spf, enum spf_stage stage, uint32_t type, const char *name);
/* The term at work holds for the peer; or not: the next one. */
void spf_matched(struct spf *spf);
void spf_next(struct spf *spf);
bool spf_count_lookup(struct spf *spf); /* false: it is over */
/* `spec` as a name; false: it is over, or the address has to be looked up first */
bool spf_expand(struct spf *spf, struct gw_str spec, char out[GW_DOMAIN_MAX + 1]);
/* What macros of `text` stand for now; false: the address has to be looked up first. */
bool spf_values(struct spf *spf, struct gw_str text, struct spf_values *values);
void spf_include(struct spf *spf, const char *domain);
/* The name is the domain, or below it. */
bool spf_is_within(const char *name, const char *domain);

/* --- spf_explain.c: what the record at the top says of a fail --- */

/* It failed: over, or the explanation has to be asked for. */
void spf_fail(struct spf *spf);
/* The next step of an explanation; over at its end. */
void spf_explain(struct spf *spf);
void spf_explain_answer(struct spf *spf, const struct gw_dns_answer *answer);

/* --- spf_terms.c --- */
void spf_term_begin(struct spf *spf);
void spf_term_answer(struct spf *spf, const struct gw_dns_answer *answer);

#endif
