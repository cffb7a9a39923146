/* icap.c - RFC 3507: the message is handed to a scanner as the body of a response (RESPMOD), which
 * it may say 204 to. Only that is clean; what it found stands in X-Infection-Found or X-Virus-ID.
 */
#include "protocol.h"
#include "server.h"

#include <gateway/hash.h>

#include <stdio.h>

#define REQUEST "GET http://gateway.invalid/message.eml HTTP/1.1\r\nHost: gateway.invalid\r\n\r\n"
#define RESPONSE "HTTP/1.1 200 OK\r\nContent-Type: message/rfc822\r\n\r\n"
#define BLANK "\r\n\r\n"

static size_t written(int len, size_t room)
{
	return len > 0 && (size_t)len < room ? (size_t)len : 0;
}

static size_t question(const struct server *server, bool look, char *out, size_t room)
{
	if (look)
		return written(
			snprintf(
				out, room,
				"OPTIONS %s ICAP/1.0\r\nHost: %s\r\nEncapsulated: null-body=0" BLANK,
				server->name, server->host),
			room);
	return written(
		snprintf(
			out, room,
			"RESPMOD %s ICAP/1.0\r\nHost: %s\r\nAllow: 204\r\nConnection: close\r\n"
			"Encapsulated: req-hdr=0, res-hdr=%zu, res-body=%zu" BLANK REQUEST RESPONSE,
			server->name, server->host, sizeof(REQUEST) - 1,
			sizeof(REQUEST) - 1 + sizeof(RESPONSE) - 1),
		room);
}

static size_t head(size_t len, char out[FRAME_MOST])
{
	return written(snprintf(out, FRAME_MOST, "%zx\r\n", len), FRAME_MOST);
}

/* The last chunk is empty, and so is its trailer. */
static size_t tail(size_t len, char out[FRAME_MOST])
{
	(void)len;
	memcpy(out, "\r\n", 2);
	return 2;
}

/* The header says all; a page for a browser may follow it, which is not read. */
static enum whole whole(const char *in, size_t len, struct gw_str *text)
{
	const char *end = memmem(in, len, BLANK, sizeof(BLANK) - 1);

	if (!end)
		return WHOLE_NOT_YET;
	*text = gw_str_n(in, (size_t)(end - in));
	return WHOLE_YET;
}

/* The line that begins at *at, without its end; false: there is no further one. */
static bool next_line(struct gw_str text, size_t *at, struct gw_str *line)
{
	const char *begin = text.ptr + *at, *end;

	if (*at >= text.len)
		return false;
	end = memmem(begin, text.len - *at, "\r\n", 2);
	*line = gw_str_n(begin, end ? (size_t)(end - begin) : text.len - *at);
	*at += line->len + 2;
	return true;
}

/* The value of the first such field that has one; ptr NULL: there is none. */
static struct gw_str field(struct gw_str text, const char *name)
{
	struct gw_str line, value = { NULL, 0 };
	size_t at = 0;

	while (!value.ptr && next_line(text, &at, &line)) {
		size_t colon = gw_str_find(line, ':');

		if (colon < line.len && gw_str_ieq(gw_str_n(line.ptr, colon), gw_str(name)))
			value = gw_str_trim(gw_str_from(line, colon + 1));
	}
	return value;
}

/* "ICAP/1.0 204 No Content": 204; 0: no such line. */
static int status(struct gw_str text)
{
	const char *code = text.ptr + 9;

	if (text.len < 12 || memcmp(text.ptr, "ICAP/1.", 7) != 0 || text.ptr[8] != ' ')
		return 0;
	for (int i = 0; i < 3; i++)
		if (code[i] < '0' || code[i] > '9')
			return 0;
	return (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
}

static bool has_word(struct gw_str list, const char *word)
{
	return memmem(list.ptr, list.len, word, strlen(word)) != NULL;
}

/* The tag of the service, which RFC 3507 wants changed with the signatures. */
static struct gw_str version(struct gw_str text)
{
	struct gw_str methods = field(text, "Methods"), tag = field(text, "ISTag");

	if (status(text) != 200 || !methods.ptr || !has_word(methods, "RESPMOD"))
		return (struct gw_str){ NULL, 0 };
	return tag.ptr ? tag : gw_str("ICAP");
}

static uint64_t signatures(const char *version)
{
	return strcmp(version, "ICAP") != 0 && version[0] ? gw_str_hash(gw_str(version)) | 1 : 0;
}

/* "Type=0; Resolution=2; Threat=EICAR Test;": the part; ptr NULL: it is not there. */
static struct gw_str part(struct gw_str value, const char *name)
{
	size_t len = strlen(name);

	while (value.len) {
		struct gw_str one = gw_str_trim(gw_str_n(value.ptr, gw_str_find(value, ';')));

		if (one.len > len && one.ptr[len] == '=' &&
		    gw_str_ieq(gw_str_n(one.ptr, len), gw_str(name)))
			return gw_str_trim(gw_str_from(one, len + 1));
		value = gw_str_from(value, gw_str_find(value, ';') < value.len
						   ? gw_str_find(value, ';') + 1
						   : value.len);
	}
	return (struct gw_str){ NULL, 0 };
}

/* Type 2 is a container that cannot be looked into. */
static bool read_infection(struct finding *finding, struct gw_str text)
{
	struct gw_str found = field(text, "X-Infection-Found"), name = field(text, "X-Virus-ID");
	struct gw_str threat = found.ptr ? part(found, "Threat") : name;

	if (!found.ptr && !name.ptr && !field(text, "X-Violations-Found").ptr)
		return false;
	if (!threat.ptr || !threat.len)
		threat = name.ptr && name.len ? name : gw_str("unnamed");
	finding_named(finding, threat);
	if (found.ptr && gw_str_eq(part(found, "Type"), gw_str("2")))
		finding->scan = SCAN_ENCRYPTED;
	return true;
}

static void read_answer(struct finding *finding, struct gw_str text)
{
	struct gw_str line = gw_str_n(text.ptr, 0);
	size_t at = 0;

	next_line(text, &at, &line);
	if (gw_str_has_nul(text))
		finding_set(finding, SCAN_FAILED, "the scanner's answer has a NUL");
	else if (read_infection(finding, text))
		return;
	else if (status(text) == 204)
		finding_set(finding, SCAN_CLEAN, "clean");
	else if (status(text) == 200)
		finding_set(finding, SCAN_FAILED,
			    "the scanner changed the message and does not say why");
	else
		finding_set(finding, SCAN_FAILED, "the scanner says: %.*s", GW_STR_ARGS(line));
}

const struct protocol protocol_icap = { .question = question,
					.head = head,
					.tail = tail,
					.whole = whole,
					.version = version,
					.signatures = signatures,
					.read = read_answer };
