/* letter.h - a delivery as an API is given it: an API sends to whom the header names, so the header
 * is made to name those of the delivery, and nobody else.
 *
 * Recipients that To and Cc do not name go into a Bcc field, which the provider takes out before
 * anybody sees the message. A Bcc of the message's own is replaced by that. */
#ifndef MAIL_API_LETTER_H
#define MAIL_API_LETTER_H

#include "api.h"

struct letter {
	struct gw_delivery *delivery; /* NULL: it is gone, or there is none */
	char *head;                   /* owned; stands for the first `skipped` octets */
	size_t head_len;
	uint64_t skipped;
	uint64_t size; /* of head and rest */
	bool base64;
};

/* What the provider cannot carry, and whose fault that is not. */
struct refusal {
	const char *enhanced;
	char text[600];
};

/* 0; 1: `refusal` says why it cannot go this way; -1: no memory, or the message cannot be read. */
int letter_make(struct letter *letter, struct gw_call *call, struct gw_delivery *delivery,
		const struct api *api, const struct api_relay *conf, struct refusal *refusal);

/* azure: reads the whole of it and makes it what the API is told. As letter_make(); in offload's
 * work. */
int letter_tell(struct letter *letter, const struct api_relay *conf, struct refusal *refusal);

/* A message to nobody, which no provider can send. */
int letter_make_probe(struct letter *letter, const struct api *api);

void letter_finish(struct letter *letter);

/* Octets of what is sent, and some of them from `offset` on: how many, or -1. */
uint64_t letter_sent_size(const struct letter *letter);
long letter_read(const struct letter *letter, uint64_t offset, void *out, size_t len);

#endif
