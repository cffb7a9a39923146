/* fixture.h - a folder of fragments for one test, and its problems as one text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/conf_test.XXXXXX";
static struct problems problems;
static struct conf *conf;

static inline int set_up(void **state)
{
	problems_init(&problems);
	conf = NULL;
	strcpy(folder + sizeof(folder) - 7, "XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static inline int tear_down(void **state)
{
	char command[128];

	conf_destroy(conf);
	problems_finish(&problems);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static inline char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static inline void write_mode(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path_of(name), mode), 0);
}

static inline void write_file(const char *name, const char *text)
{
	write_mode(name, text, 0600);
}

/* Every problem on a line, the folder's name taken out. */
static inline const char *all_problems(void)
{
	static char all[8192];
	char one[1024], *at;

	all[0] = '\0';
	for (const struct problem *p = problems.first; p; p = p->next) {
		problem_format(p, one, sizeof(one));
		while ((at = strstr(one, folder)))
			memmove(at, at + strlen(folder) + 1, strlen(at + strlen(folder) + 1) + 1);
		strcat(all, one);
		strcat(all, "\n");
	}
	return all;
}

static inline void load(void)
{
	conf_destroy(conf);
	conf = conf_load(folder, &problems);
	assert_non_null(conf);
}
