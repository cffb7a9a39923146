/* signer.h - an instance's configuration made ready: its keys by domain, and which fields are
 * signed. Read-only after the start. */
#ifndef DKIM_SIGNER_H
#define DKIM_SIGNER_H

#include "sign.h"

#define KEYS_A_DOMAIN 8
#define NAMES_MAX 64
/* Of one name in h=; with more fields than that, the lowest are signed, as RFC 6376 counts. */
#define MENTIONS_MAX 32

struct signed_name {
	struct gw_str name; /* as configured, without blanks */
	bool over;          /* named once more than there are fields, so that none can be added */
};

struct signer {
	struct dkim_lib *lib;
	struct key *keys; /* by domain, then in the order of the configuration */
	size_t key_count;
	struct signed_name names[NAMES_MAX];
	size_t name_count;
};

/* Puts the keys in their order, when all are there. NULL, or what is wrong with them together. */
const char *signer_order(struct signer *signer, char fault[400]);
void signer_destroy(struct signer *signer);

/* The keys that sign for a From domain: those of the domain, else those of the nearest parent that
 * signs for its subdomains; 0: none. */
size_t signer_keys(const struct signer *signer, struct gw_str domain, const struct key **keys);

/* Adds a name to those signed, or makes a known one oversigned. False: no name of a field,
 * DKIM-Signature, or too many. */
bool signer_add_name(struct signer *signer, struct gw_str name, bool over);

/* The index of a field's name among those signed, or -1. */
int signer_name(const struct signer *signer, struct gw_str name);

/* h= for fields of which `counts` says how many there are of each name, folded. */
void signer_names(const struct signer *signer, const unsigned *counts, struct text *out);

#endif
