/* secret.c - secrets that came from files, and are looked at again. */
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>

struct kit_secret {
	struct kit_secret *next;
	const char *secret, *path;
	const char *last; /* what was told last; NULL: that it cannot be read */
};

/* NULL: there is none. */
static const char *first_line(struct testkit *kit, const char *path)
{
	char line[4096] = "";
	FILE *file = fopen(path, "r");
	const char *text = file ? fgets(line, sizeof line, file) : NULL;

	if (file)
		(void)fclose(file);
	line[strcspn(line, "\r\n")] = '\0';
	return text && *line ? kit_text(kit, line) : NULL;
}

const char *kit_secret_file(struct testkit *kit, const char *path)
{
	struct kit_secret *secret = kit_alloc(kit, sizeof *secret);

	secret->path = kit_text(kit, path);
	secret->secret = secret->last = first_line(kit, path);
	secret->next = kit->secrets;
	kit->secrets = secret;
	return secret->secret;
}

static bool same(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) == 0 : one == other;
}

long kit_secret_again(struct gw_call *call, struct gw_str text, char *out, size_t size)
{
	struct kit_secret *secret = call->kit->secrets;
	const char *now;

	while (secret && secret->secret != text.ptr)
		secret = secret->next;
	now = secret ? first_line(call->kit, secret->path) : NULL;
	if (!secret || same(now, secret->last))
		return 0;
	secret->last = now;
	snprintf(out, size, "%s", now ? now : "the file cannot be read");
	return now ? (long)strlen(out) : -1;
}
