#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool text_room(struct text *text, size_t len)
{
	size_t room = text->room ? text->room : 512;
	char *ptr;

	if (text->failed)
		return false;
	while (room - text->len <= len)
		room *= 2;
	if (room == text->room)
		return true;
	ptr = realloc(text->ptr, room);
	if (!ptr) {
		text->failed = true;
		return false;
	}
	text->ptr = ptr;
	text->room = room;
	return true;
}

/* A NUL stands behind the text, whatever is in it. */
void text_add(struct text *text, const void *bytes, size_t len)
{
	if (!text_room(text, len))
		return;
	if (len)
		memcpy(text->ptr + text->len, bytes, len);
	text->len += len;
	text->ptr[text->len] = '\0';
}

void text_print(struct text *text, const char *format, ...)
{
	char line[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof line)
		text->failed = true;
	else
		text_add(text, line, (size_t)len);
}

void text_finish(struct text *text)
{
	free(text->ptr);
	memset(text, 0, sizeof *text);
}
