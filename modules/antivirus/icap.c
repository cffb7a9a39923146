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

/* The value of the next such field, and `text` is what follows; ptr NULL: there is none. A blank
 * before the colon hides no finding. */
static struct gw_str next_field(struct gw_str *text, const char *name)
{
	while (text->len) {
		struct gw_str line = gw_str_cut(text, '\n');
		size_t colon = gw_str_find(line, ':');

		if (colon < line.len &&
		    gw_str_ieq(gw_str_trim(gw_str_n(line.ptr, colon)), gw_str(name)))
			return gw_str_trim(gw_str_from(line, colon + 1));
	}
	return (struct gw_str){ NULL, 0 };
}

static struct gw_str field(struct gw_str text, const char *name)
{
	return next_field(&text, name);
}

/* "ICAP/1.0 204 No Content": 204; 0: no such line. */
static int status(struct gw_str text)
{
	struct gw_str line = gw_str_cut(&text, '\n'), version = gw_str_cut(&line, ' '),
		      code = gw_str_trim(gw_str_cut(&line, ' '));
	int number = 0;

	if (version.len != 8 || memcmp(version.ptr, "ICAP/1.", 7) != 0 || code.len != 3)
		return 0;
	for (size_t i = 0; i < code.len; i++) {
		if (code.ptr[i] < '0' || code.ptr[i] > '9')
			return 0;
		number = number * 10 + (code.ptr[i] - '0');
	}
	return number;
}

/* "REQMOD, RESPMOD" */
static bool has_method(struct gw_str methods, const char *method)
{
	while (methods.len)
		if (gw_str_eq(gw_str_trim(gw_str_cut(&methods, ',')), gw_str(method)))
			return true;
	return false;
}

/* The tag of the service, which RFC 3507 wants changed with the signatures. */
static struct gw_str version(struct gw_str text)
{
	struct gw_str methods = field(text, "Methods"), tag = field(text, "ISTag");

	if (status(text) != 200 || !methods.ptr || !has_method(methods, "RESPMOD"))
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
	while (value.len) {
		struct gw_str one = gw_str_cut(&value, ';'), key = gw_str_cut(&one, '=');

		if (gw_str_ieq(gw_str_trim(key), gw_str(name)))
			return gw_str_trim(one);
	}
	return (struct gw_str){ NULL, 0 };
}

/* A container that cannot be looked into. */
static bool is_sealed(struct gw_str found)
{
	return gw_str_eq(part(found, "Type"), gw_str("2"));
}

/* Of several findings one that is more than that. */
static struct gw_str worst(struct gw_str text)
{
	struct gw_str first = next_field(&text, "X-Infection-Found"), found = first;

	while (found.ptr && is_sealed(found))
		found = next_field(&text, "X-Infection-Found");
	return found.ptr ? found : first;
}

static bool read_infection(struct finding *finding, struct gw_str text)
{
	struct gw_str found = worst(text), name = field(text, "X-Virus-ID");
	struct gw_str threat = found.ptr ? part(found, "Threat") : name;

	if (!found.ptr && !name.ptr && !field(text, "X-Violations-Found").ptr)
		return false;
	if (!threat.ptr || !threat.len)
		threat = name.ptr && name.len ? name : gw_str("unnamed");
	finding_named(finding, threat);
	if (found.ptr && is_sealed(found))
		finding->scan = SCAN_ENCRYPTED;
	return true;
}

/* A body of its own, which "no modifications" has not. */
static bool has_body(struct gw_str text)
{
	struct gw_str parts = field(text, "Encapsulated");

	return parts.ptr && memmem(parts.ptr, parts.len, "res-body", 8);
}

static void read_answer(struct finding *finding, struct gw_str text)
{
	struct gw_str rest = text, line = gw_str_trim(gw_str_cut(&rest, '\n'));

	if (gw_str_has_nul(text))
		finding_set(finding, SCAN_FAILED, "the scanner's answer has a NUL");
	else if (read_infection(finding, text))
		return;
	else if (status(text) == 204 && !has_body(text))
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
