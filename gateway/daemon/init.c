/* init.c - a first configuration, and what the configuration names and is not there yet:
 * certificate, signing keys, a login. What exists is never changed, so it may be run again.
 * Fragments are made with the rights of who asks; all else as the user that will serve. */
#include "daemon/daemon.h"

#include "conf/conf.h"
#include "loop/credentials.h"

#include <crypt.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define LOGIN "crm"
#define PASSWORD_LEN 20
#define HOST_EXAMPLE "# hostname = \"relay.example.com\";"

struct init {
	const struct arguments *arguments;
	char hostname[256];
	const char *domain; /* of its mail: "example.com" */
	struct conf *conf;
	struct buf next; /* what is left for people to do */
	int code;
};

static void fail(struct init *init, const char *path)
{
	fprintf(stderr, "gatewayd: %s: %s\n", path, strerror(errno));
	init->code = EX_CANTCREAT;
}

/* --- names --- */

static bool is_hostname(const char *name)
{
	return *name && strlen(name) < 254 &&
	       name[strspn(name,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")] ==
		       '\0';
}

static void find_hostname(struct init *init)
{
	struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM },
			*found = NULL;
	const char *given = init->arguments->hostname;
	if (given)
		snprintf(init->hostname, sizeof(init->hostname), "%s", given);
	else if (gethostname(init->hostname, sizeof(init->hostname) - 1) == 0 &&
		 !strchr(init->hostname, '.') &&
		 getaddrinfo(init->hostname, NULL, &hints, &found) == 0 && found->ai_canonname &&
		 strchr(found->ai_canonname, '.'))
		snprintf(init->hostname, sizeof(init->hostname), "%s", found->ai_canonname);
	if (found)
		freeaddrinfo(found);
}

/* "example.com" of "relay.example.com"; a name of two labels is a domain itself. */
static const char *domain_of(const char *hostname)
{
	const char *dot = strchr(hostname, '.');
	return dot && strchr(dot + 1, '.') ? dot + 1 : hostname;
}

/* --- fragments --- */

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);
	return name[0] != '.' && len > tail && strcmp(name + len - tail, suffix) == 0;
}

static bool has_fragments(const char *folder)
{
	DIR *dir = opendir(folder);
	bool found = false;
	for (struct dirent *entry; dir && !found && (entry = readdir(dir));)
		found = has_suffix(entry->d_name, ".conf");
	if (dir)
		closedir(dir);
	return found;
}

static void put_replaced(FILE *out, const char *text, const char *from, const char *to)
{
	for (const char *at; (at = strstr(text, from)); text = at + strlen(from)) {
		fwrite(text, 1, (size_t)(at - text), out);
		fputs(to, out);
	}
	fputs(text, out);
}

/* The shipped text with the names of this machine in it. */
static int write_fragment(const struct init *init, const char *name, const char *text,
			  const char *path)
{
	char said[300];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out)
		return -1;
	snprintf(said, sizeof(said), "hostname = \"%s\";", init->hostname);
	if (strcmp(name, "80-dkim.conf") == 0)
		put_replaced(out, text, "example.com", init->domain);
	else
		put_replaced(out, text, HOST_EXAMPLE, said);
	return fclose(out);
}

static int copy_fragment(const struct init *init, const char *from, const char *name)
{
	char path[PATH_MAX], text[64 * 1024];
	snprintf(path, sizeof(path), "%s/%s", from, name);
	FILE *in = fopen(path, "re");
	size_t len = in ? fread(text, 1, sizeof(text) - 1, in) : 0;
	if (!in)
		return -1;
	fclose(in);
	text[len] = '\0';
	snprintf(path, sizeof(path), "%s/%s", init->arguments->config, name);
	return write_fragment(init, name, text, path);
}

static int make_folder(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, mode) != 0 && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return mkdir(part, mode) != 0 && errno != EEXIST ? -1 : 0;
}

static void make_fragments(struct init *init)
{
	const char *to = init->arguments->config, *from = init->arguments->shipped;
	if (has_fragments(to))
		return;
	DIR *dir = make_folder(to, 0755) == 0 ? opendir(from) : NULL;
	if (!dir) {
		fail(init, from);
		return;
	}
	for (struct dirent *entry; (entry = readdir(dir));)
		if ((has_suffix(entry->d_name, ".conf") ||
		     has_suffix(entry->d_name, ".conf.off")) &&
		    copy_fragment(init, from, entry->d_name) != 0)
			fail(init, entry->d_name);
	closedir(dir);
	printf("made %s, from %s\n", to, from);
}

/* --- what fragments name --- */

/* The path as the options read it. */
static const char *path_of(const struct init *init, const char *text, char path[PATH_MAX])
{
	const char *config = init->arguments->config, *slash = strrchr(config, '/');
	if (text[0] == '/')
		snprintf(path, PATH_MAX, "%s", text);
	else if (strncmp(text, "STATE/", 6) == 0)
		snprintf(path, PATH_MAX, "%s/%s", init->arguments->state, text + 6);
	else
		snprintf(path, PATH_MAX, "%.*s/%s", slash ? (int)(slash - config) : 1,
			 slash ? config : ".", text);
	return path;
}

/* True: it is not there, and the folder it goes to is. */
static bool is_wanted(struct init *init, const char *path)
{
	char folder[PATH_MAX];
	if (access(path, F_OK) == 0) {
		printf("%s is there already\n", path);
		return false;
	}
	snprintf(folder, sizeof(folder), "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash && slash != folder) {
		*slash = '\0';
		if (make_folder(folder, 0700) != 0) {
			fail(init, folder);
			return false;
		}
	}
	return true;
}

static void make_certificate(struct init *init, const struct conf_fragment *gateway)
{
	char certificate[PATH_MAX], key[PATH_MAX];
	const char *named = conf_text(gateway->group, "tls.certificate", 0),
		   *named_key = conf_text(gateway->group, "tls.key", 0);
	if (!named || !named_key || !is_wanted(init, path_of(init, named, certificate)) ||
	    !is_wanted(init, path_of(init, named_key, key)))
		return;
	if (credentials_self_signed(init->hostname, certificate, key) != 0) {
		fail(init, certificate);
		return;
	}
	printf("made %s and its key, self-signed for %s\n", certificate, init->hostname);
	buf_printf(&init->next, "- put a certificate that your clients trust where %s is\n",
		   certificate);
}

/* As a zone file has a TXT record: strings of at most 255 octets. */
static void add_strings(struct buf *out, struct gw_str record)
{
	for (size_t at = 0; at < record.len; at += 255)
		buf_printf(out, "%s\"%.*s\"", at ? " " : "",
			   record.len - at < 255 ? (int)(record.len - at) : 255, record.ptr + at);
}

static void make_signing_key(struct init *init, const struct conf_fragment *fragment, size_t nth)
{
	char name[64], path[PATH_MAX];
	const char *values[3];
	static const char *const keys[] = { "domain", "selector", "key" };
	struct buf record;
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "keys[%zu].%s", nth, keys[i]);
		values[i] = conf_text(fragment->group, name, 0);
		if (!values[i])
			return;
	}
	buf_init(&record, 0);
	if (!is_wanted(init, path_of(init, values[2], path)))
		return;
	if (credentials_dkim(path, &record) != 0) {
		fail(init, path);
	} else {
		printf("made %s\n", path);
		buf_printf(
			&init->next,
			"- publish this TXT record, then mail of %s is signed and verifies:\n    %s._domainkey.%s. TXT ",
			values[0], values[1], values[0]);
		add_strings(&init->next, buf_str(&record));
		buf_add_text(&init->next, "\n");
	}
	buf_finish(&record);
}

static void make_signing_keys(struct init *init, const struct conf_fragment *fragment)
{
	char name[64];
	for (size_t nth = 0; nth < 100; nth++) {
		snprintf(name, sizeof(name), "keys[%zu].domain", nth);
		const char *domain = conf_text(fragment->group, name, 0);
		if (!domain)
			break;
		if (nth == 0)
			init->domain = domain;
		make_signing_key(init, fragment, nth);
	}
}

static bool make_password(char password[PASSWORD_LEN + 1])
{
	/* none that looks like another */
	static const char letters[] =
		"abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_.+=@:/";
	unsigned char random[PASSWORD_LEN];
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return false;
	for (size_t i = 0; i < PASSWORD_LEN; i++)
		password[i] = letters[random[i] % (sizeof(letters) - 1)];
	password[PASSWORD_LEN] = '\0';
	return true;
}

static int write_login(const struct init *init, const char *path, const char *hash)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		return -1;
	fprintf(file, LOGIN ":%s:::::: domains=%s\n", hash, init->domain);
	return fclose(file);
}

static void make_login(struct init *init, const struct conf_fragment *fragment)
{
	char path[PATH_MAX], password[PASSWORD_LEN + 1];
	const char *named = conf_text(fragment->group, "users", 0);
	if (!named || !is_wanted(init, path_of(init, named, path)))
		return;
	const char *salt = crypt_gensalt("$y$", 0, NULL, 0),
		   *hash = salt && make_password(password) ? crypt(password, salt) : NULL;
	if (!hash || write_login(init, path, hash) != 0) {
		fail(init, path);
		return;
	}
	printf("made %s, with a login for mail from %s, whose password is shown once: " LOGIN
	       " %s\n",
	       path, init->domain, password);
	explicit_bzero(password, sizeof(password));
}

static void make_missing(struct init *init)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < conf_count(init->conf); i++) {
			const struct conf_fragment *fragment = conf_at(init->conf, i);
			const char *module = fragment->module ? fragment->module : "";
			if (pass == 0 && fragment->kind == CONF_GATEWAY)
				make_certificate(init, fragment);
			else if (pass == 0 && strcmp(module, "dkim") == 0)
				make_signing_keys(init, fragment);
			else if (pass == 1 && strcmp(module, "auth-password") == 0)
				make_login(init, fragment);
		}
}

/* --- all of it --- */

static void read_configuration(struct init *init)
{
	struct problems problems;
	problems_init(&problems);
	init->conf = conf_load(init->arguments->config, &problems);
	print_problems(&problems);
	if (!init->conf || problems.errors)
		init->code = EX_CONFIG;
	problems_finish(&problems);
}

/* Fragments that were there already know nothing of this machine. */
static void add_names(struct init *init)
{
	for (size_t i = 0; i < conf_count(init->conf); i++) {
		const struct conf_fragment *fragment = conf_at(init->conf, i);
		const char *named = fragment->kind == CONF_GATEWAY
					    ? conf_text(fragment->group, "hostname", 0)
					    : init->hostname;
		if (!named || strcmp(named, init->hostname) != 0)
			buf_printf(&init->next, "- set hostname = \"%s\" in %s\n", init->hostname,
				   fragment->path);
	}
	if (strcmp(init->domain, "example.com") == 0 &&
	    strcmp(domain_of(init->hostname), "example.com") != 0)
		buf_printf(
			&init->next,
			"- put your own domain where 80-dkim.conf and the login have example.com, then run this again\n");
}

static void say_next(const struct init *init)
{
	printf("\nNext:\n%.*s- look through %s, and give it a relay: 50-relay-example.conf.off and 50-relay-direct.conf.off are examples\n"
	       "- gatewayd --check, then systemctl enable --now gateway (or gatewayd), then gatewayctl status\n",
	       (int)buf_len(&init->next), buf_len(&init->next) ? buf_ptr(&init->next) : "",
	       init->arguments->config);
}

int init_run(const struct arguments *arguments)
{
	struct init init = { .arguments = arguments };
	find_hostname(&init);
	if (!is_hostname(init.hostname)) {
		fprintf(stderr, "gatewayd: \"%s\" is no host name; --hostname gives one\n",
			init.hostname);
		return EX_USAGE;
	}
	init.domain = domain_of(init.hostname);
	buf_init(&init.next, 0);
	make_fragments(&init);
	if (init.code == EX_OK)
		init.code = privileges_hand_over(arguments);
	if (init.code == EX_OK)
		init.code = make_folder(arguments->state, 0700) == 0 ? privileges_drop()
								     : EX_CANTCREAT;
	if (init.code == EX_OK)
		read_configuration(&init);
	if (init.code == EX_OK)
		make_missing(&init);
	if (init.code == EX_OK) {
		add_names(&init);
		say_next(&init);
	}
	conf_destroy(init.conf);
	buf_finish(&init.next);
	return init.code;
}
