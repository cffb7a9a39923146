#include "ctl/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_MOST (1024 * 1024)

bool input_wanted(const json_t *answer)
{
	return json_is_integer(json_object_get(answer, "input"));
}

/* From octets to characters, so that all of them pass through JSON. */
static json_t *encode(const unsigned char *octets, size_t len)
{
	char *text = malloc(2 * len + 1);
	size_t count = 0;
	for (size_t i = 0; text && i < len; i++) {
		if (octets[i] >= 0x80)
			text[count++] = (char)(0xc0 | octets[i] >> 6);
		text[count++] = (char)(octets[i] < 0x80 ? octets[i] : 0x80 | (octets[i] & 0x3f));
	}
	json_t *json = text ? json_stringn(text, count) : NULL;
	free(text);
	return json;
}

/* To the end, or as much as is wanted: the rest stays where it is. -1: it cannot be read. */
static ssize_t read_most(int fd, unsigned char *octets, size_t most)
{
	size_t len = 0;
	ssize_t got = 1;
	while (got != 0 && len < most) {
		got = read(fd, octets + len, most - len);
		if (got < 0 && errno != EINTR)
			return -1;
		len += got > 0 ? (size_t)got : 0;
	}
	return (ssize_t)len;
}

/* False: it was said why. */
static bool add_octets(json_t *request, int fd, const char *name, size_t room)
{
	unsigned char *octets = malloc(room);
	ssize_t len = octets ? read_most(fd, octets, room) : -1;
	if (len < 0)
		fprintf(stderr, "gatewayctl: %s cannot be read: %s\n", name, strerror(errno));
	else
		json_object_set_new(request, "input", encode(octets, (size_t)len));
	free(octets);
	return len >= 0;
}

static bool add_file(json_t *request, const char *file, size_t room)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "gatewayctl: %s: %s\n", file, strerror(errno));
		return false;
	}
	bool added = add_octets(request, fd, file, room);
	close(fd);
	return added;
}

bool input_add(json_t *request, const json_t *answer, const char *file)
{
	json_int_t most = json_integer_value(json_object_get(answer, "input"));
	size_t room = most > 0 && most < INPUT_MOST ? (size_t)most : INPUT_MOST;
	if (file && strcmp(file, "-") != 0)
		return add_file(request, file, room);
	if (isatty(STDIN_FILENO)) {
		fputs("gatewayctl: this reads its standard input: give it a file (< FILE)\n",
		      stderr);
		return false;
	}
	return add_octets(request, STDIN_FILENO, "the standard input", room);
}
