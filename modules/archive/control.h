/* control.h - gatewayctl archive. */
#ifndef ARCHIVE_CONTROL_H
#define ARCHIVE_CONTROL_H

#include "archive.h"

#define CONTROL_VERBS                                                                                                                                                                    \
	"search\tfinds mail: --sender --recipient --person ADDRESS|@DOMAIN, --subject --words --attachment TEXT, --since --until DAY, --message-id --client --type --relay, --limit N\n" \
	"list\tthe same\n"                                                                                                                                                               \
	"show ID\twhat is known of a mail: envelope, how it left, what became of it\n"                                                                                                   \
	"get ID\tthe mail as it left, or with --arrived as it came; --attachments DIR writes its files\n"                                                                                \
	"export\tall that a search finds: --to DIR [--format eml|mbox|maildir] [--arrived], and the words of search\n"                                                                   \
	"verify\tproves that nothing was changed, removed or added; --link HEX: and that this was there; --s3: compares the bucket\n"                                                    \
	"!restore\tfetches from the bucket what is not here\n"                                                                                                                           \
	"!rm ID\tremoves a mail whose time is over\n"                                                                                                                                    \
	"!expire\tremoves mail whose time is over now, not within the hour; --now: though nobody but you says that the clock is right\n"                                                 \
	"!forget ADDRESS\tdestroys all mail from and to a person\n"                                                                                                                      \
	"!hold NAME\tforbids to remove what a search finds: hold NAME --client crm-eu ...\n"                                                                                             \
	"!unhold NAME\tends a hold\n"                                                                                                                                                    \
	"holds\twhat is held\n"                                                                                                                                                          \
	"job N\twhat a long command came to"

void control(struct gw_call *call, const struct gw_command *command);
void control_stop(struct archive *archive);

/* show ID, get ID, in control_mail.c; `asked`: all the words, with the verb. */
void control_show(struct gw_call *call, struct archive *archive, struct gw_list words,
		  struct gw_list asked);
void control_get(struct gw_call *call, struct archive *archive, const struct gw_command *command,
		 struct gw_list words);

/* verify, forget, rm, expire, hold, unhold, holds, export, in control_long.c. False: it is another.
 */
bool control_long(struct gw_call *call, struct archive *archive, const struct gw_command *command,
		  struct gw_str verb, struct gw_list rest);
/* forget ADDRESS, or rm ID; expire, in control_remove.c. */
void control_remove(struct gw_call *call, struct archive *archive, const struct gw_command *command,
		    struct gw_list words, bool forget);
void control_expire(struct gw_call *call, struct archive *archive, struct gw_list words);
/* Answers with a line, in which `name` stands. */
void control_text(struct gw_call *call, const char *format, const char *name);
/* restore, verify --s3, in control_s3.c: also of an archive that is not open. False: it is another.
 */
bool control_s3(struct gw_call *call, struct archive *archive, const struct gw_command *command,
		struct gw_str verb, struct gw_list rest);
/* Answers with the first that there is of it; `release` frees `arg` in any case. */
void control_begin_job(struct gw_call *call, struct archive *archive, int64_t uid,
		       void (*work)(struct job *, void *), void (*release)(void *), void *arg,
		       const char *folder);
/* job N: what a job has come to since. */
void control_ask_job(struct gw_call *call, struct archive *archive,
		     const struct gw_command *command, struct gw_list words);
/* get ID --attachments DIR */
void control_attachments(struct gw_call *call, struct archive *archive, int64_t uid, const char *id,
			 const char *folder);

#endif
