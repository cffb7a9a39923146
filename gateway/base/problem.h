/* problem.h - a list of things that are wrong, each with the place where: collected, then printed
 * together. */
#ifndef BASE_PROBLEM_H
#define BASE_PROBLEM_H

#include <gateway/str.h>
#include <stdarg.h>

struct problem {
	struct problem *next;
	char *file; /* NULL: no file */
	int line;   /* 0: no line */
	bool fatal; /* an error; else a warning */
	/* a sentence without the place: "unknown key \"selectr\", did you mean \"selector\"?" */
	char *text;
};

struct problems {
	struct problem *first, **last;
	size_t errors, warnings;
};

void problems_init(struct problems *problems);
void problems_finish(struct problems *problems);
void problem_add(struct problems *problems, bool fatal, const char *file, int line,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));
void problem_vadd(struct problems *problems, bool fatal, const char *file, int line,
		  const char *format, va_list args);

/* "conf.d/80-dkim.conf:12: error: unknown key ..." into `text`, cut at size; gives `text`. */
char *problem_format(const struct problem *problem, char *text, size_t size);

#endif
