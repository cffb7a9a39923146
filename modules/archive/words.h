/* words.h - what a mail is found by: its authors, its subject, its text, the names of its
 * attachments.
 *
 * GMime reads the MIME. What has more parts than any mail of people is found by its header alone.
 */
#ifndef ARCHIVE_WORDS_H
#define ARCHIVE_WORDS_H

#include <gateway/str.h>

#include <glib.h>
#include <pthread.h>

#define WORDS_TEXT ((gsize)256 * 1024)          /* of the text that is searched */
#define WORDS_MAIL ((uint64_t)64 * 1024 * 1024) /* of a mail that is read for it */
#define WORDS_PARTS 1000                        /* parts that a mail may have to be looked into */
#define WORDS_AUTHORS 16
#define WORDS_NESTED 200 /* how deep they are looked for */

/* An attachment. */
struct piece {
	char *name;         /* as the mail says; never NULL */
	GByteArray *octets; /* decoded; NULL unless they were wanted */
};

struct words {
	char *subject, *message_id; /* decoded; never NULL */
	GPtrArray *authors; /* char *: addresses in From and Sender, WORDS_AUTHORS of them */
	GString *text;
	GPtrArray *pieces;
	unsigned parts;
};

/* Before any other; once is enough. */
void words_init(void);
/* Begins a thread that may read mail, however deep its parts nest. 0, or errno. */
int words_thread(pthread_t *thread, void *(*run)(void *arg), void *arg);
void words_read(struct words *words, struct gw_str mail, bool with_octets);
void words_finish(struct words *words);

#endif
