/* rotation.h - keys that `gatewayctl dkim rotate` made, and since when keys took over from others:
 * a file beside the keys, written anew, synced and renamed, so that what was said holds after any
 * kill. Main thread. */
#ifndef DKIM_ROTATION_H
#define DKIM_ROTATION_H

#include "signer.h"

#include <gateway/module.h>

#define ROTATION_MOST 1000
#define ROTATION_WAITS INT64_MAX /* from: until somebody says that it begins */

/* A line. */
struct turn {
	char domain[GW_DOMAIN_MAX + 1], selector[64];
	bool is_made;        /* the key is a file of ours; else it is the configuration's */
	int64_t from, until; /* as struct key's */
};

struct rotation {
	char folder[2048];
	struct turn *turns;
	size_t count;
};

/* Without a file it is empty. False: *why says what is wrong with it. */
bool rotation_read(struct rotation *rotation, const char *folder, const char **why);
void rotation_finish(struct rotation *rotation);
/* 0, on disk; -1: errno, and the file is as it was. */
int rotation_write(const struct rotation *rotation);

/* NULL: there is none. */
struct turn *rotation_find(const struct rotation *rotation, const char *domain,
			   const char *selector);
/* The one that is there, or a new one; NULL: no memory, or too many. */
struct turn *rotation_put(struct rotation *rotation, const char *domain, const char *selector);
void rotation_drop(struct rotation *rotation, struct turn *turn);

/* "FOLDER/DOMAIN-SELECTOR.pem", where a made key is. */
void rotation_path(const struct rotation *rotation, const struct turn *turn, char out[4096]);

#endif
