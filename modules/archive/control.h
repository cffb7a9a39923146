/* control.h - gatewayctl archive. */
#ifndef ARCHIVE_CONTROL_H
#define ARCHIVE_CONTROL_H

#include "archive.h"

#define CONTROL_VERBS                                                                                                                                                                    \
	"search\tfinds mail: --sender --recipient --person ADDRESS|@DOMAIN, --subject --words --attachment TEXT, --since --until DAY, --message-id --client --type --relay, --limit N\n" \
	"list\tthe same\n"                                                                                                                                                               \
	"show ID\twhat is known of a mail: envelope, how it left, what became of it\n"                                                                                                   \
	"get ID\tthe mail as it left, or with --arrived as it came; ID is of a search, or its SHA-256"

void control(struct gw_call *call, const struct gw_command *command);
void control_stop(struct archive *archive);

#endif
