/* users.h - the file of users as a table. Once read it never changes; a changed file makes a new
 * one. */
#ifndef AUTH_USERS_H
#define AUTH_USERS_H

#include "hash.h"

#include <stdatomic.h>
#include <sys/stat.h>

struct user {
	struct gw_str name;
	struct hash hash;
	/* what identify() is told; client is the name where the line says nothing */
	struct gw_str client, type, domains;
	int line;
};

struct users {
	atomic_uint refs;
	char *text; /* what the users point into */
	size_t size;
	struct user *list; /* by name */
	size_t count, room;
	struct hash decoy;  /* the first user's hash: compared with where there is no such user */
	size_t scram_count; /* users that can log in by SCRAM */
	struct hash scram_decoy;  /* the first of theirs */
	const struct user *plain; /* the first user that cannot; NULL: all can */
};

/* Is told what is wrong in the file, by line (0: about the file). */
struct users_report {
	void (*tell)(void *arg, bool fatal, int line, const char *text);
	void *arg;
	unsigned faults;    /* fatal ones */
	bool may_be_absent; /* no file is a warning, and a table without users */
};

void users_tell(struct users_report *report, bool fatal, int line, const char *what,
		const char *why);

/* Reads the line into the user, whose line number is known; `text` is cut into pieces that the user
 * points into. */
void user_read(struct user *user, char *text, struct users_report *report);

/* Reads the file; NULL: the report was told why. `stamp` tells this file from the next one. */
struct users *users_read(const char *path, struct stat *stamp, struct users_report *report);

/* The file is not the one of the stamp any more. */
bool users_changed(const char *path, const struct stat *stamp);

struct users *users_hold(struct users *users);
void users_release(struct users *users);

/* Names are the same in any case of ASCII letters. NULL: no such user. */
const struct user *users_find(const struct users *users, struct gw_str name);

#endif
