#include "operation.h"

#include <openssl/evp.h>
#include <stdio.h>

/* --- its number --- */

static void add_text(EVP_MD_CTX *hash, struct gw_str text)
{
	EVP_DigestUpdate(hash, text.ptr, text.len);
	EVP_DigestUpdate(hash, "\n", 1);
}

static void add_delivery(EVP_MD_CTX *hash, struct gw_delivery *delivery, unsigned generation)
{
	struct gw_message *message = gw->delivery_message(delivery);
	int64_t at = gw->message_number(message, GW_MESSAGE_RECEIVED_AT);
	struct gw_rcpt *rcpt;
	size_t nth;

	add_text(hash, gw_str("smtp-gateway operation 1"));
	add_text(hash, gw->message_fact(message, GW_MESSAGE_ID));
	add_text(hash, gw->message_fact(message, GW_MESSAGE_SENDER));
	EVP_DigestUpdate(hash, &at, sizeof at);
	EVP_DigestUpdate(hash, &generation, sizeof generation);
	for (nth = 0; (rcpt = gw->delivery_rcpt(delivery, nth)) != NULL; nth++)
		add_text(hash, gw->rcpt_fact(rcpt, GW_RCPT_ADDRESS));
}

bool operation_id(struct gw_delivery *delivery, unsigned generation, char out[OPERATION_ID])
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	unsigned char b[EVP_MAX_MD_SIZE] = { 0 };
	bool made = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL);

	if (made) {
		add_delivery(hash, delivery, generation);
		made = EVP_DigestFinal_ex(hash, b, NULL);
	}
	EVP_MD_CTX_free(hash);
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x80); /* RFC 9562, version 8 */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(out, OPERATION_ID,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
	return made;
}

/* --- what has become of it --- */

static const struct {
	const char *word;
	enum operation operation;
} states[] = {
	{ "NotStarted", OPERATION_RUNS }, { "Running", OPERATION_RUNS },
	{ "Succeeded", OPERATION_SENT },  { "Failed", OPERATION_FAILED },
	{ "Canceled", OPERATION_FAILED },
};

static enum operation state_of(struct gw_str word)
{
	size_t i;

	for (i = 0; i < sizeof states / sizeof *states; i++)
		if (gw_str_ieq(word, gw_str(states[i].word)))
			return states[i].operation;
	return OPERATION_UNKNOWN;
}

enum operation operation_read(const struct gw_http_answer *answer, struct said *said)
{
	struct gw_json_value *json = gw->json_read(answer->body, NULL, 0);
	struct gw_str word = gw->json_value_string(gw->json_member(json, "status"));
	enum operation operation = state_of(word.ptr ? word : gw_str(""));

	if (operation == OPERATION_FAILED)
		said_failed(said, json);
	gw->json_free(json);
	return operation;
}
