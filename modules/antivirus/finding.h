/* finding.h - what is known of a message's content. */
#ifndef ANTIVIRUS_FINDING_H
#define ANTIVIRUS_FINDING_H

#include <gateway/str.h>

enum scan {
	SCAN_FAILED, /* nobody looked at all of it */
	SCAN_CLEAN,
	SCAN_INFECTED,
	SCAN_ENCRYPTED, /* there is something in it that nobody can look into */
	SCAN_OVERSIZE,  /* it, or something in it, is larger than the scanner takes */
	SCANS
};

struct finding {
	enum scan scan;
	char words[160]; /* the signature, or what went wrong: printable ASCII */
};

/* `format` as printf's; what is not printable in the result becomes '?'. */
void finding_set(struct finding *finding, enum scan scan, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Something was found that is called so: a virus, or by its name what else it is. */
void finding_named(struct finding *finding, struct gw_str signature);

/* What clamd's whole answer to FILDES or INSTREAM means, without the NUL that ends it. Clean is
 * exactly "stream: OK" or "fd[N]: OK"; what is not understood is SCAN_FAILED. */
void finding_read(struct finding *finding, struct gw_str answer);

#endif
