/* relay_add.c - relay add: writes the fragment, takes it into use, or takes it away again. */
#include "admin/relays.h"

#include "admin/relay_text.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define USAGE "relay add NAME KEY=VALUE ...; `gatewayctl options relay` shows the keys"

struct adding {
	struct request *request;
	struct snapshot *snapshot;
	const char *name, *file; /* the file's name in the folder */
	struct relay_text text;
	struct problems problems;
};

/* --- the keys that a relay may have --- */

static struct option_set *make_sets(const struct adding *adding, size_t *count)
{
	const struct snapshot *snapshot = adding->snapshot;
	struct option_set *sets = arena_alloc(&adding->request->arena,
					      (snapshot->instance_count + 1) * sizeof(*sets));

	*count = 0;
	if (!sets)
		return NULL;
	sets[(*count)++] = (struct option_set){ "relay", relay_options, NULL };
	for (size_t i = 0; i < snapshot->instance_count; i++)
		sets[(*count)++] = (struct option_set){
			snapshot->instances[i].module->name,
			snapshot->instances[i].module->table.relay_options, NULL
		};
	return sets;
}

/* --- the file --- */

/* Complete under another name first: whoever reloads meanwhile sees it whole or not at all. */
static bool write_file(const struct adding *adding, int folder)
{
	char hidden[512];
	int fd;

	snprintf(hidden, sizeof(hidden), ".%s.new", adding->file);
	unlinkat(folder, hidden, 0);
	fd = openat(folder, hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    adding->text.secret ? 0600 : 0644);
	if (fd < 0)
		return false;
	bool fine = file_write(fd, buf_str(&adding->text.text)) == 0 && fsync(fd) == 0 &&
		    linkat(folder, hidden, folder, adding->file, 0) == 0 && fsync(folder) == 0;
	int error = errno;
	close(fd);
	unlinkat(folder, hidden, 0);
	errno = error;
	return fine;
}

/* --- what is said --- */

static bool is_ours(const struct adding *adding, const struct problem *problem)
{
	const char *slash = problem->file ? strrchr(problem->file, '/') : NULL;
	return slash && strcmp(slash + 1, adding->file) == 0;
}

/* At the argument, where there is one; of other files only errors are told. */
static void put_problem(struct buf *out, const struct adding *adding, const struct problem *problem)
{
	const struct relay_argument *argument = is_ours(adding, problem)
							? relay_text_at(&adding->text,
									problem->line)
							: NULL;
	char text[4096];

	if (argument)
		relay_text_point(out, argument, problem->text);
	else if (problem->fatal && is_ours(adding, problem))
		buf_printf(out, "%s: %s\n", adding->name, problem->text);
	else if (problem->fatal && !problem->file)
		buf_printf(out, "%s\n", problem->text);
	else if (problem->fatal)
		buf_printf(out, "%s\n", problem_format(problem, text, sizeof(text)));
	else if (is_ours(adding, problem))
		buf_printf(out, "warning: %s\n", problem->text);
}

static void say_problems(const struct adding *adding, const char *first)
{
	struct buf out;

	buf_init(&out, 0);
	buf_add_text(&out, first);
	for (const struct problem *problem = adding->problems.first; problem;
	     problem = problem->next)
		put_problem(&out, adding, problem);
	while (buf_len(&out) && buf_ptr(&out)[buf_len(&out) - 1] == '\n')
		out.end--;
	buf_add(&out, "", 1);
	request_say(adding->request, adding->problems.errors ? EX_CONFIG : EX_OK, "%s",
		    out.failed ? "no memory" : buf_ptr(&out));
	buf_finish(&out);
}

/* --- the verb --- */

static void use_file(struct adding *adding, int folder)
{
	const struct admin_operations *operations = adding->request->admin->operations;
	char first[1024];

	if (!write_file(adding, folder)) {
		request_say(adding->request, EX_CANTCREAT, "%s/%s cannot be written: %s%s",
			    operations->config_dir, adding->file, strerror(errno),
			    errno == EACCES || errno == EROFS ? FOLDER_HINT : "");
		return;
	}
	relay_switch_forget(gw_str(adding->name));
	if (operations->reload(operations->arg, true, &adding->problems)) {
		snprintf(first, sizeof(first), "relay %s is in use: %s/%s\n", adding->name,
			 operations->config_dir, adding->file);
	} else {
		unlinkat(folder, adding->file, 0);
		snprintf(first, sizeof(first), "nothing changed:\n");
	}
	say_problems(adding, first);
}

static void add(struct adding *adding, const char *const *words, size_t count)
{
	size_t set_count;
	const struct option_set *sets = make_sets(adding, &set_count);
	int folder = open(adding->request->admin->operations->config_dir,
			  O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (!sets || !adding->file || folder < 0)
		request_say(adding->request, EX_OSERR, "%s",
			    folder < 0 ? strerror(errno) : "no memory");
	else if (!relay_text_make(&adding->text, adding->name, sets, set_count, words, count,
				  &adding->problems))
		say_problems(adding, "nothing changed:\n");
	else
		use_file(adding, folder);
	if (folder >= 0)
		close(folder);
}

static bool is_name(const char *name)
{
	return name[0] && name[0] != '.' && strlen(name) < 200 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       strlen(name);
}

void verb_relay_add(struct request *request, const char *const *words, size_t count)
{
	struct adding adding = { .request = request };

	if (strchr(words[0], '=')) {
		request_usage(request, "the name comes first");
		return;
	}
	if (!is_name(words[0])) {
		request_say(request, EX_USAGE,
			    "\"%s\" is no name for a relay: letters, digits, '.', '_' and '-' only",
			    words[0]);
		return;
	}
	adding.snapshot = snapshot_current();
	adding.name = words[0];
	adding.file = arena_printf(&request->arena, "50-relay-%s.conf", words[0]).ptr;
	const struct gw_relay *there = snapshot_relay(adding.snapshot, gw_str(words[0]));
	problems_init(&adding.problems);
	buf_init(&adding.text.text, 0);
	if (there)
		request_say(request, EX_CANTCREAT, "there is a relay \"%s\" already, in %s",
			    words[0], there->fragment->path);
	else
		add(&adding, words + 1, count - 1);
	relay_text_finish(&adding.text);
	problems_finish(&adding.problems);
	snapshot_release(adding.snapshot);
}
