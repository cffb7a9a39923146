/* client_proof.c - what a login by SCRAM makes of the password: thousands of hashes, as many as the
 * next hop wants, and none of them on a worker. */
#include "client/client.h"

#include "queue/runtime.h"

#include <stdlib.h>

/* Owned by the pool until its post comes. */
struct proof {
	struct offload offload;
	struct client *client; /* NULL: nobody waits any more. Of the worker alone */
	struct sasl_salting salting;
	bool made;
	char salted[SASL_KEY];
	struct gw_str secret;
	char text[]; /* of the secret */
};

static void proof_destroy(struct proof *proof)
{
	explicit_bzero(proof, sizeof(*proof) + proof->secret.len);
	free(proof);
}

static void work(struct offload *offload)
{
	struct proof *proof = list_of(offload, struct proof, offload);

	proof->made = sasl_salt(&proof->salting, proof->secret, proof->salted);
}

static void returned(struct post *post)
{
	struct proof *proof = list_of(post, struct proof, offload.post);
	struct client *client = proof->client;
	struct transport *transport;

	if (client) {
		transport = client->queue->transport;
		client->proof = NULL;
		transport_enter(transport);
		client_proven(client, proof->made ? proof->salted : NULL);
		transport_leave(transport, false);
	}
	proof_destroy(proof);
}

bool client_proof_begin(struct client *client, struct gw_str secret)
{
	struct offload_line *line = offload_line(runtime.pool, "login");
	struct proof *proof = line ? calloc(1, sizeof(*proof) + secret.len + 1) : NULL;

	if (!proof)
		return false;
	memcpy(proof->text, secret.ptr, secret.len);
	proof->secret = gw_str_n(proof->text, secret.len);
	proof->salting = *sasl_salting(client->sasl);
	proof->offload = (struct offload){ .work = work, .post.run = returned };
	proof->client = client;
	if (!offload_run(line, client->queue->transport->worker, &proof->offload)) {
		proof_destroy(proof);
		return false;
	}
	client->proof = proof;
	return true;
}

void client_proof_end(struct client *client)
{
	struct proof *proof = client->proof;

	if (!proof)
		return;
	client->proof = NULL;
	proof->client = NULL;
	offload_drop(&proof->offload);
}
