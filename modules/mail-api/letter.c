#include "letter.h"
#include "azure.h"
#include "head.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD_MOST ((int64_t)4 << 20)

/* --- making it --- */

static int refuse(struct refusal *refusal, const char *enhanced, const char *text)
{
	refusal->enhanced = enhanced;
	snprintf(refusal->text, sizeof refusal->text, "%s", text);
	return 1;
}

static int refuse_size(struct refusal *refusal, const struct api *api, int64_t size)
{
	refusal->enhanced = "5.3.4";
	snprintf(refusal->text, sizeof refusal->text,
		 "the message has %lld octets, and %s takes %lld", (long long)size, api->name,
		 (long long)api->most);
	return 1;
}

static bool read_head(struct letter *letter, uint64_t size)
{
	uint64_t done = 0;

	letter->head = malloc(size + 1);
	while (letter->head && done < size) {
		long got = gw->delivery_read(letter->delivery, done, letter->head + done,
					     (size_t)(size - done));

		if (got <= 0)
			return false;
		done += (uint64_t)got;
	}
	return letter->head != NULL;
}

/* Its own head's octets go out where nothing is to be changed. */
static int make_head(struct letter *letter, struct gw_call *call, const struct api_relay *conf,
		     uint64_t size, struct refusal *refusal)
{
	char *text;
	size_t len;
	int made;

	if (!read_head(letter, size))
		return -1;
	made = head_make(call, letter->delivery, gw_str_n(letter->head, (size_t)size),
			 conf->others == OTHERS_REMOVE, &text, &len, refusal->text,
			 sizeof refusal->text);
	refusal->enhanced = "5.3.3";
	if (made != 0)
		return made;
	free(letter->head);
	letter->head = text;
	letter->head_len = len;
	letter->skipped = size;
	return 0;
}

int letter_make(struct letter *letter, struct gw_call *call, struct gw_delivery *delivery,
		const struct api *api, const struct api_relay *conf, struct refusal *refusal)
{
	int64_t size = gw->delivery_number(delivery, GW_DELIVERY_SIZE),
		body = gw->delivery_number(delivery, GW_DELIVERY_BODY_SIZE);
	int made;

	*letter = (struct letter){ .delivery = delivery, .base64 = api->base64 };
	if (!gw->delivery_fact(delivery, GW_DELIVERY_RETURN_PATH).len)
		return refuse(
			refusal, "5.3.3",
			api->later
				? "a message from the null sender, such as a report, cannot go through an API that gives it a return path"
				: "a message from the null sender, such as a report, cannot go through a mailbox: its bounces would come back there");
	if (size > api->most)
		return refuse_size(refusal, api, size);
	if (size < body || size - body > HEAD_MOST)
		return refuse(refusal, "5.3.4", "its header is too large");
	made = make_head(letter, call, conf, (uint64_t)(size - body), refusal);
	if (made != 0)
		return made;
	letter->size = letter->head_len + (uint64_t)body;
	return (int64_t)letter->size > api->most ? refuse_size(refusal, api, (int64_t)letter->size)
						 : 0;
}

int letter_make_probe(struct letter *letter, const struct api *api)
{
	*letter = (struct letter){ .base64 = api->base64 };
	letter->head = strdup("Subject: relay test\r\n\r\nTo nobody.\r\n");
	letter->size = letter->head_len = letter->head ? strlen(letter->head) : 0;
	return letter->head ? 0 : -1;
}

void letter_finish(struct letter *letter)
{
	free(letter->head);
	*letter = (struct letter){ 0 };
}

/* --- giving it --- */

static long read_plain(const struct letter *letter, uint64_t offset, void *out, size_t len)
{
	if (offset < letter->head_len) {
		size_t left = letter->head_len - (size_t)offset;

		len = len < left ? len : left;
		memcpy(out, letter->head + offset, len);
		return (long)len;
	}
	if (!letter->delivery)
		return -1;
	return gw->delivery_read(letter->delivery, letter->skipped + offset - letter->head_len, out,
				 len);
}

/* Whole groups, wherever the pieces of the body end. */
static long read_all(const struct letter *letter, uint64_t offset, unsigned char *out, size_t len)
{
	size_t done = 0;

	while (done < len && offset + done < letter->size) {
		long got = read_plain(letter, offset + done, out + done, len - done);

		if (got <= 0)
			return -1;
		done += (size_t)got;
	}
	return (long)done;
}

int letter_tell(struct letter *letter, const struct api_relay *conf, struct refusal *refusal)
{
	unsigned char *octets = malloc(letter->size + 1);
	char *json = NULL;
	size_t len = 0;
	long got = octets ? read_all(letter, 0, octets, letter->size) : -1;
	int made = -1;

	if (got >= 0 && (uint64_t)got == letter->size)
		made = azure_make(gw_str_n(octets, letter->size), conf->from_name == FROM_NAME_DROP,
				  &json, &len, refusal);
	free(octets);
	if (made != 0)
		return made;
	free(letter->head);
	letter->head = json;
	letter->head_len = letter->size = len;
	return 0;
}

#define GROUPS 4096

/* `offset` may stand in the middle of a group of four. */
static long read_base64(const struct letter *letter, uint64_t offset, char *out, size_t len)
{
	unsigned char plain[3 * GROUPS];
	unsigned char text[4 * GROUPS + 1];
	size_t skip = (size_t)(offset % 4), count;
	long got = read_all(letter, offset / 4 * 3, plain, sizeof plain);

	if (got <= 0)
		return -1;
	count = (size_t)EVP_EncodeBlock(text, plain, (int)got) - skip;
	count = count < len ? count : len;
	memcpy(out, text + skip, count);
	return (long)count;
}

uint64_t letter_sent_size(const struct letter *letter)
{
	return letter->base64 ? (letter->size + 2) / 3 * 4 : letter->size;
}

long letter_read(const struct letter *letter, uint64_t offset, void *out, size_t len)
{
	return letter->base64 ? read_base64(letter, offset, out, len)
			      : read_plain(letter, offset, out, len);
}
