/* http_memory.c - libcurl's memory, which has had tokens and secrets in it, is wiped before it is
 * given back. */
#include "loop/http_private.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void wipe_free(void *memory)
{
	if (memory)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

/* What realloc() leaves behind where it moves could not be wiped any more. */
static void *wipe_realloc(void *memory, size_t size)
{
	size_t old = memory ? malloc_usable_size(memory) : 0;
	void *other;

	if (old >= size && size)
		return memory;
	other = malloc(size);
	if (other && memory)
		memcpy(other, memory, old < size ? old : size);
	if (other)
		wipe_free(memory);
	return other;
}

void http_library_init(void)
{
	curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_free, wipe_realloc, strdup, calloc);
}
