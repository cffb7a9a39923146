#include "ctl/password.h"

#include <gateway/domain.h>

#include <crypt.h>
#include <errno.h>
#include <gsasl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#define PASSWORD_MAX 512 /* what crypt(3) takes, and more than anybody types */
#define SCRAM_ITERATIONS 65536
#define SCRAM_KEY 32
#define SALT_SIZE 16

static const char usage[] =
	"usage: gatewayctl password USER --domains A,B [--type TYPE] [--client NAME] [--scram]\n"
	"  makes a line for the file of users; the password is asked for, or is the first line of the input\n"
	"  --domains A,B  sender domains it may use; * is all of them\n"
	"  --type TYPE    the type of its mail\n"
	"  --client NAME  its name in logs, limits and rules\n"
	"  --scram        an entry for SCRAM-SHA-256 (PLAIN and LOGIN work with it too)\n";

static int complain(const char *what)
{
	fprintf(stderr, "gatewayctl: %s\n", what);
	return EX_DATAERR;
}

/* --- the words --- */

struct choice {
	const char *user, *domains, *type, *client;
	bool scram;
};

static bool take_value(struct choice *choice, const char *word, const char *value)
{
	const struct {
		const char *word, **value;
	} known[] = { { "--domains", &choice->domains },
		      { "--type", &choice->type },
		      { "--client", &choice->client } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(word, known[i].word) == 0 && value && !*known[i].value) {
			*known[i].value = value;
			return true;
		}
	return false;
}

static bool read_words(struct choice *choice, char **words)
{
	for (size_t i = 1; words[i]; i++) {
		if (strcmp(words[i], "--scram") == 0)
			choice->scram = true;
		else if (strncmp(words[i], "--", 2) == 0) {
			if (!take_value(choice, words[i], words[i + 1]))
				return false;
			i++;
		} else if (!choice->user)
			choice->user = words[i];
		else
			return false; /* a password is no argument: everybody reads those */
	}
	return choice->user != NULL;
}

/* What would be another field, another line, or a comment. The gateway looks at the rest. */
static bool is_field(const char *text)
{
	if (!text)
		return true;
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == 127 || strchr(":\"'", *at))
			return false;
	return *text != '\0' && *text != '#';
}

/* --- the password --- */

static struct termios before;

static void echo_again(void)
{
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

/* Whoever interrupts gets a terminal that shows what is typed. */
static void interrupted(int number)
{
	echo_again();
	signal(number, SIG_DFL);
	raise(number);
}

/* Not through stdio, whose buffer would keep it. False: nothing came, or too much. */
static bool read_line(char line[PASSWORD_MAX])
{
	size_t len = 0;
	ssize_t got;
	char next;

	while ((got = read(STDIN_FILENO, &next, 1)) == 1 && next != '\n') {
		if (len + 1 == PASSWORD_MAX)
			return false;
		line[len++] = next;
	}
	if (len && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	next = 0;
	return got >= 0 && len > 0 && strlen(line) == len;
}

static bool ask(const char *question, char line[PASSWORD_MAX])
{
	fputs(question, stderr);
	bool read = read_line(line);
	fputc('\n', stderr);
	return read;
}

static int ask_twice(char line[PASSWORD_MAX])
{
	char again[PASSWORD_MAX];
	struct termios silent;
	int code = EX_OK;

	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return complain(strerror(errno));
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	signal(SIGINT, interrupted);
	signal(SIGTERM, interrupted);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	if (!ask("password: ", line))
		code = complain("there is no password, or it is too long");
	else if (!ask("again: ", again) || strcmp(line, again) != 0)
		code = complain("the two are not the same");
	echo_again();
	explicit_bzero(again, sizeof(again));
	return code;
}

static int find_password(char line[PASSWORD_MAX])
{
	if (isatty(STDIN_FILENO))
		return ask_twice(line);
	return read_line(line) ? EX_OK
			       : complain("there is no password on the input, or it is too long");
}

/* --- the hash --- */

static bool put_yescrypt(const char *secret, char *out, size_t size)
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *made = NULL;

	if (data && crypt_gensalt_rn("$y$", 0, NULL, 0, salt, sizeof(salt)))
		made = crypt_rn(secret, salt, data, sizeof(*data));
	if (made)
		snprintf(out, size, "%s", made);
	if (data)
		explicit_bzero(data, sizeof(*data));
	free(data);
	return made != NULL;
}

static bool put_base64(const char *octets, size_t len, char separator, char *out, size_t size)
{
	size_t at = strlen(out);
	char *text = NULL;

	if (gsasl_base64_to(octets, len, &text, NULL) != GSASL_OK)
		return false;
	snprintf(out + at, size - at, "%c%s", separator, text);
	gsasl_free(text);
	return true;
}

static bool put_scram(const char *secret, char *out, size_t size)
{
	char salt[SALT_SIZE], salted[SCRAM_KEY], client[SCRAM_KEY], server[SCRAM_KEY],
		stored[SCRAM_KEY];
	bool made = getrandom(salt, sizeof(salt), 0) == sizeof(salt) &&
		    gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, secret, SCRAM_ITERATIONS,
						      salt, sizeof(salt), salted, client, server,
						      stored) == GSASL_OK;

	snprintf(out, size, "{SCRAM-SHA-256}%d", SCRAM_ITERATIONS);
	made = made && put_base64(salt, sizeof(salt), ',', out, size) &&
	       put_base64(stored, sizeof(stored), ',', out, size) &&
	       put_base64(server, sizeof(server), ',', out, size);
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client, sizeof(client));
	return made;
}

/* --- the line --- */

static void print_word(const char *key, const char *value, bool *any)
{
	if (!value)
		return;
	printf("%s%s=%s", *any ? " " : "::::::", key, value);
	*any = true;
}

static int print_line(const struct choice *choice, const char *hash)
{
	bool any = false;

	printf("%s:%s", choice->user, hash);
	print_word("domains", choice->domains, &any);
	print_word("type", choice->type, &any);
	print_word("client", choice->client, &any);
	putchar('\n');
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

static bool are_domains(const char *list)
{
	for (;; list++) {
		size_t len = strcspn(list, ",");
		if (!gw_domain_is_pattern(gw_str_n(list, len)))
			return false;
		list += len;
		if (!*list)
			return true;
	}
}

int password_run(char **words)
{
	struct choice choice = { 0 };
	char secret[PASSWORD_MAX], hash[512] = "";
	int code;

	if (!read_words(&choice, words)) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (!is_field(choice.user) || !is_field(choice.domains) || !is_field(choice.type) ||
	    !is_field(choice.client))
		return complain("no blank, colon, quote or control character may be in a name");
	if (!choice.domains)
		return complain(
			"--domains example.com says what it may write mail of; --domains '*' is all");
	if (!are_domains(choice.domains))
		return complain(
			"--domains wants domains with commas between them: example.com,*.example.net");
	code = find_password(secret);
	if (code == EX_OK && !(choice.scram ? put_scram(secret, hash, sizeof(hash))
					    : put_yescrypt(secret, hash, sizeof(hash))))
		code = complain("the hash could not be made");
	explicit_bzero(secret, sizeof(secret));
	return code == EX_OK ? print_line(&choice, hash) : code;
}
