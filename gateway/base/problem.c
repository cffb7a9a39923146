#include "base/problem.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void problems_init(struct problems *problems)
{
	memset(problems, 0, sizeof(*problems));
	problems->last = &problems->first;
}

void problems_finish(struct problems *problems)
{
	for (struct problem *p = problems->first, *next; p; p = next) {
		next = p->next;
		free(p->file);
		free(p->text);
		free(p);
	}
	problems_init(problems);
}

/* What EACCES says gets the user behind it who may not, and what to do: who asks is root mostly,
 * and may. */
static bool is_of_rights(const char *text)
{
	return geteuid() != 0 && strstr(text, strerrordesc_np(EACCES)) != NULL;
}

static const char *user_name(char name[64])
{
	char room[1024];
	struct passwd entry, *found = NULL;

	if (getpwuid_r(geteuid(), &entry, room, sizeof(room), &found) == 0 && found)
		snprintf(name, 64, "%s", found->pw_name);
	else
		snprintf(name, 64, "%u", (unsigned)geteuid());
	return name;
}

/* Without memory for it the text stays as it is. */
static void add_user(char **text)
{
	char name[64], *more;

	if (asprintf(
		    &more,
		    "%s (to the gateway's user, %s: what it reads wants chown root:%s, chmod 0640)",
		    *text, user_name(name), name) < 0)
		return;
	free(*text);
	*text = more;
}

/* Without memory the problem has no text but still counts: nobody may take silence for success. */
void problem_vadd(struct problems *problems, bool fatal, const char *file, int line,
		  const char *format, va_list args)
{
	struct problem *problem = calloc(1, sizeof(*problem));

	if (fatal)
		problems->errors++;
	else
		problems->warnings++;
	if (!problem)
		return;
	problem->fatal = fatal;
	problem->line = line;
	problem->file = file ? strdup(file) : NULL;
	if (vasprintf(&problem->text, format, args) < 0)
		problem->text = NULL;
	else if (is_of_rights(problem->text))
		add_user(&problem->text);
	*problems->last = problem;
	problems->last = &problem->next;
}

void problem_add(struct problems *problems, bool fatal, const char *file, int line,
		 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	problem_vadd(problems, fatal, file, line, format, args);
	va_end(args);
}

char *problem_format(const struct problem *problem, char *text, size_t size)
{
	const char *kind = problem->fatal ? "error" : "warning",
		   *what = problem->text ? problem->text : "out of memory";

	if (problem->file && problem->line)
		snprintf(text, size, "%s:%d: %s: %s", problem->file, problem->line, kind, what);
	else if (problem->file)
		snprintf(text, size, "%s: %s: %s", problem->file, kind, what);
	else
		snprintf(text, size, "%s: %s", kind, what);
	return text;
}
