#include "services/services.h"

#include "deliver/delivery.h"
#include "receive/session.h"

/* --- private bytes --- */

/* One block for all instances, made when the first of them asks. */
static void *private_bytes(char **block, struct arena *arena, size_t size, size_t offset)
{
	if (!*block)
		*block = arena_alloc(arena, size);
	return *block ? *block + offset : NULL;
}

void *services_session_data(struct gw_call *call)
{
	struct gw_session *session = call->session;
	return session ? private_bytes(&session->data, &session->arena,
				       call->snapshot->session_bytes,
				       call->instance->session_offset)
		       : NULL;
}

void *services_message_data(struct gw_call *call)
{
	struct gw_message *message = call->message;
	return message ? private_bytes(&message->data, &message->arena,
				       call->snapshot->message_bytes,
				       call->instance->message_offset)
		       : NULL;
}

void *services_delivery_data(struct gw_call *call)
{
	struct gw_delivery *delivery = call->delivery;
	return delivery ? private_bytes(delivery_data(delivery), &delivery_message(delivery)->arena,
					call->snapshot->delivery_bytes,
					call->instance->delivery_offset)
			: NULL;
}

/* --- from one object to another --- */

struct gw_message *services_delivery_message(struct gw_delivery *delivery)
{
	return delivery_message(delivery);
}

struct gw_rcpt *services_message_rcpt(struct gw_message *message, size_t nth)
{
	return nth < message->rcpt_count ? message->rcpts[nth] : NULL;
}

struct gw_rcpt *services_delivery_rcpt(struct gw_delivery *delivery, size_t nth)
{
	const struct attempt *attempt = delivery_attempt(delivery);
	return nth < attempt->count ? attempt->rcpts[nth] : NULL;
}

struct gw_relay *services_relay_at(struct gw_call *call, size_t nth)
{
	return nth < call->snapshot->relay_count ? &call->snapshot->relays[nth] : NULL;
}

struct gw_relay *services_relay_named(struct gw_call *call, struct gw_str name)
{
	return snapshot_relay(call->snapshot, name);
}

long services_secret_again(struct gw_call *call, struct gw_str secret, char *out, size_t size)
{
	if (call->hook == GW_HOOK_tick)
		return secret_again(call->snapshot->secret_files, secret, out, size);
	bounds_refuse(call, "secret_again", "that is asked in tick");
	return 0;
}

void *services_relay_conf(struct gw_call *call, const struct gw_relay *relay)
{
	return relay->conf[call->instance->relay_slot];
}
