/* user.c - a line of the file of users, as mkpasswd and `doveadm pw` help to write it, in the form
 * of Dovecot's passwd-file:
 *
 *     user:hash
 *     user:{SCHEME}hash:uid:gid:gecos:home:shell:domains=a.example,b.example type=mass
 * client=crm-eu
 *
 * Only the name, the hash and the words at the end are looked at. A line that could have been meant
 * to forbid something, and does not, is an error: nobody would notice a login that may do more than
 * it should. */
#include "users.h"

#include <gateway/domain.h>
#include <stdio.h>
#include <stdlib.h>

#define WORDS_FIELD 7

void users_tell(struct users_report *report, bool fatal, int line, const char *what,
		const char *why)
{
	char text[400];

	snprintf(text, sizeof text, "%s%s", what, why);
	report->faults += fatal;
	report->tell(report->arg, fatal, line, text);
}

static void complain(const struct user *user, const char *what, const char *why,
		     struct users_report *report)
{
	users_tell(report, true, user->line, what, why);
}

/* --- words: domains=, type=, client= --- */

/* The list, its commas made blanks. */
static struct gw_str read_domains(const struct user *user, char *list, struct users_report *report)
{
	char *at, *start = list;
	size_t named = 0;

	for (at = list;; at++) {
		bool last = *at == '\0';

		if (*at != ',' && !last)
			continue;
		*at = '\0';
		if (at > start && !gw_domain_is_pattern(gw_str(start)))
			complain(
				user,
				"domains= names what is no domain (as example.com, *.example.com or *): ",
				start, report);
		named += at > start;
		if (last)
			break;
		*at = ' ';
		start = at + 1;
	}
	if (named == 0)
		complain(user, "domains= names no domain; a login that may use all says domains=*",
			 "", report);
	return gw_str_n(list, (size_t)(at - list));
}

static struct gw_str read_name(const struct user *user, const char *word, const char *value,
			       struct users_report *report)
{
	if (value[0] == '\0' || strpbrk(value, "\"'"))
		complain(user, "a name without quotes must follow: ", word, report);
	return gw_str(value);
}

static char *value_of(char *word, const char *key)
{
	size_t len = strlen(key);

	return strncmp(word, key, len) == 0 ? word + len : NULL;
}

static void set_once(struct user *user, struct gw_str *value, struct gw_str said, const char *key,
		     struct users_report *report)
{
	if (value->ptr)
		complain(user, "this word stands twice in the line: ", key, report);
	*value = said;
}

/* A word that is not known may have been meant to forbid something, so it is not passed over. */
static void read_word(struct user *user, char *word, struct users_report *report)
{
	char *value;

	if ((value = value_of(word, "domains=")))
		set_once(user, &user->domains, read_domains(user, value, report),
			 "domains=", report);
	else if ((value = value_of(word, "type=")))
		set_once(user, &user->type, read_name(user, word, value, report), "type=", report);
	else if ((value = value_of(word, "client=")))
		set_once(user, &user->client, read_name(user, word, value, report),
			 "client=", report);
	else if (!value_of(word, "userdb_")) /* Dovecot's own business */
		complain(user, "unknown field, known are domains=, type= and client=: ", word,
			 report);
}

static void read_words(struct user *user, char *text, struct users_report *report)
{
	char *rest = NULL, *word;

	for (word = strtok_r(text, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
		read_word(user, word, report);
}

/* --- the line --- */

/* The field up to the next colon, and a NUL behind it; the last one keeps its colons. NULL: the
 * line is over. */
static char *take_field(char **rest, bool last)
{
	char *field = *rest, *colon = field && !last ? strchr(field, ':') : NULL;

	if (colon)
		*colon = '\0';
	*rest = colon ? colon + 1 : NULL;
	return field;
}

/* A word in front of its place would not be looked at. */
static void check_unread(const struct user *user, const char *field, struct users_report *report)
{
	if (strstr(field, "domains=") || strstr(field, "type=") || strstr(field, "client="))
		complain(
			user,
			"six colons stand between the hash and the words, as in NAME:HASH::::::domains=example.com; here are fewer before ",
			field, report);
}

static bool has_blank_end(const char *text)
{
	return text[0] == ' ' || text[0] == '\t' ||
	       (text[0] && strchr(" \t", text[strlen(text) - 1]));
}

static void read_login(struct user *user, const char *name, const char *hash,
		       struct users_report *report)
{
	const char *why;

	if (!name[0] || !hash) {
		complain(user, "a line is USER:HASH", "", report);
		return;
	}
	why = hash_parse(hash, &user->hash);
	if (has_blank_end(name) || (user->hash.kind != HASH_PLAIN && strpbrk(hash, " \t")))
		why = "no blank may stand beside the name or in the hash";
	if (why)
		complain(user, why, "", report);
	else if (user->hash.kind == HASH_PLAIN)
		check_unread(user, hash, report);
}

void user_read(struct user *user, char *text, struct users_report *report)
{
	char *rest = text, *name = take_field(&rest, false), *hash = take_field(&rest, false),
	     *field;
	size_t faults = report->faults;
	int i;

	user->name = gw_str(name);
	read_login(user, name, hash, report);
	for (i = 2; i < WORDS_FIELD && (field = take_field(&rest, false)); i++)
		check_unread(user, field, report);
	if (i == WORDS_FIELD && rest)
		read_words(user, rest, report);
	if (!user->client.ptr)
		user->client = user->name;
	if (!user->type.ptr)
		user->type = gw_str("");
	if (user->domains.ptr)
		return;
	user->domains = gw_str("");
	if (report->faults == faults)
		complain(
			user,
			"nothing says which domains this login may write mail of: ::::::domains=example.com behind the hash, domains=* for all",
			"", report);
}
