/* clamd.c - FILDES to a local clamd, INSTREAM to others. */
#include "protocol.h"
#include "server.h"

#include <gateway/hash.h>

#include <arpa/inet.h>

static size_t question(const struct server *server, bool look, char *out, size_t room)
{
	const char *command = look ? "zVERSION" : server->local ? "zFILDES" : "zINSTREAM";
	size_t len = strlen(command) + 1;

	if (len > room)
		return 0;
	memcpy(out, command, len);
	return len;
}

/* A length and as many octets; the length 0 ends the stream. */
static size_t head(size_t len, char out[FRAME_MOST])
{
	uint32_t number = htonl((uint32_t)len);

	memcpy(out, &number, sizeof number);
	return sizeof number;
}

static size_t tail(size_t len, char out[FRAME_MOST])
{
	(void)len;
	(void)out;
	return 0;
}

/* What stands behind the NUL was not asked for: that is no answer. */
static enum whole whole(const char *in, size_t len, struct gw_str *text)
{
	const char *end = memchr(in, '\0', len);

	if (!end)
		return WHOLE_NOT_YET;
	*text = gw_str_n(in, (size_t)(end - in));
	return text->len + 1 == len ? WHOLE_YET : WHOLE_NEVER;
}

static struct gw_str version(struct gw_str text)
{
	return strncmp(text.ptr, "ClamAV ", 7) == 0 ? text : (struct gw_str){ NULL, 0 };
}

/* "ClamAV 1.4.3/27700/Mon Nov 23 10:00:00 2026"; without the database's number it is the same
 * whatever was loaded. */
static uint64_t signatures(const char *version)
{
	return strchr(version, '/') ? gw_str_hash(gw_str(version)) | 1 : 0;
}

const struct protocol protocol_clamd = { .question = question,
					 .head = head,
					 .tail = tail,
					 .whole = whole,
					 .version = version,
					 .signatures = signatures,
					 .read = finding_read };
