#include "file.h"

#include <glib.h>

char *file_read(const char *path, size_t most, size_t *len, char *why, size_t size)
{
	GError *error = NULL;
	char *text;

	if (!g_file_get_contents(path, &text, len, &error)) {
		g_snprintf(why, size, "%s", error->message);
		g_error_free(error);
		return NULL;
	}
	if (*len <= most)
		return text;
	g_snprintf(why, size, "%s: it is larger than %zu KiB", path, most / 1024);
	g_free(text);
	return NULL;
}
