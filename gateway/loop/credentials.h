/* credentials.h - keys and certificates of a first start. Files are made with mode 0600, and never
 * over one that is there (EEXIST). */
#ifndef LOOP_CREDENTIALS_H
#define LOOP_CREDENTIALS_H

#include "base/buf.h"

/* A self-signed certificate of ten years for the host, and its key. 0, or -1 with errno. */
int credentials_self_signed(const char *hostname, const char *certificate, const char *key);

/* An RSA key to sign mail with; what to publish of it is added to `record`: "v=DKIM1; k=rsa;
 * p=...". 0, or -1 with errno. */
int credentials_dkim(const char *path, struct buf *record);

#endif
