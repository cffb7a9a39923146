/* hosts_file.c - reads hosts(5): a line has an address and its names, '#' begins a comment. */
#include "loop/hosts_file.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

static bool read_address(const char *text, union dns_address *address)
{
	memset(address, 0, sizeof(*address));
	address->any.sa_family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	if (address->any.sa_family == AF_INET6)
		return inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1;
	return inet_pton(AF_INET, text, &address->v4.sin_addr) == 1;
}

/* Does the line, which is cut up, give the name an address? */
static bool read_line(char *line, const char *name, union dns_address *address)
{
	char *rest, *word;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, BLANKS, &rest);
	if (!word || !read_address(word, address))
		return false;
	while ((word = strtok_r(NULL, BLANKS, &rest)) != NULL)
		if (strcasecmp(word, name) == 0)
			return true;
	return false;
}

size_t hosts_file_find(const char *path, const char *name, union dns_address *to, size_t room)
{
	FILE *file = fopen(path, "re");
	size_t size = 0, count = 0;
	char *line = NULL;

	if (!file)
		return 0;
	while (count < room && getline(&line, &size, file) > 0)
		count += read_line(line, name, &to[count]);
	free(line);
	fclose(file);
	return count;
}
