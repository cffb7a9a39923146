/* box.h - a Maildir on disk: a message is written in tmp/, synced, and moved to new/, so that a
 * reader never sees half of one. */
#ifndef MAILDIR_BOX_H
#define MAILDIR_BOX_H

#include <gateway/module.h>

#define BOX_NAME_MAX 200

/* What is written: `front`, then the delivery as it goes out, which has `size` octets. */
struct letter {
	struct gw_delivery *delivery;
	int64_t size;
};

/* Stores a letter in the Maildir `folder`, which is made (0700) with the folder above it where
 * missing. 0: it is on disk, `name` says as what; else an errno, and nothing is left behind. */
int box_store(const char *folder, struct gw_str front, const struct letter *letter,
	      char name[BOX_NAME_MAX]);

#endif
