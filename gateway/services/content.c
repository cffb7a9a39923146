#include "services/services.h"

#include "deliver/delivery.h"
#include "smtp/address.h"

static void copy_header(const struct header_field *field, struct gw_header *header)
{
	header->name = field->name;
	header->value = field->value;
	header->whole = field->whole;
}

int services_header(struct gw_message *message, size_t nth, struct gw_header *header)
{
	const struct header_block *block = message_headers(message);
	if (!block || nth >= block->count)
		return -1;
	copy_header(&block->fields[nth], header);
	return 0;
}

int services_header_named(struct gw_message *message, struct gw_str name, size_t nth,
			  struct gw_header *header)
{
	const struct header_block *block = message_headers(message);
	const struct header_field *field = block ? header_find(block, name, nth) : NULL;
	if (!field)
		return -1;
	copy_header(field, header);
	return 0;
}

uint64_t services_body_offset(struct gw_message *message)
{
	const struct header_block *block = message_headers(message);
	return block ? block->size : 0;
}

long services_read(struct gw_message *message, uint64_t offset, void *out, size_t len)
{
	long got = spool_read(&message->content, offset, out, len);

	return got < 0 ? -1 : got;
}

int services_delivery_header(struct gw_delivery *delivery, size_t nth, struct gw_header *header)
{
	struct header_field field;
	if (!edits_header(delivery_edits(delivery), nth, &field))
		return -1;
	copy_header(&field, header);
	return 0;
}

long services_delivery_body(struct gw_delivery *delivery, uint64_t offset, void *out, size_t len)
{
	return edits_body_read(delivery_edits(delivery), offset, out, len);
}

/* Edits belong to prepare: anywhere else they would come too late or too early. */
static bool may_edit(const struct gw_call *call)
{
	return call->hook == GW_HOOK_prepare;
}

int services_header_add(struct gw_call *call, struct gw_delivery *delivery, size_t nth,
			struct gw_str name, struct gw_str value)
{
	return may_edit(call) ? edits_header_add(delivery_edits(delivery), nth, name, value) : -1;
}

int services_header_replace(struct gw_call *call, struct gw_delivery *delivery, size_t nth,
			    struct gw_str value)
{
	return may_edit(call) ? edits_header_replace(delivery_edits(delivery), nth, value) : -1;
}

int services_header_drop(struct gw_call *call, struct gw_delivery *delivery, size_t nth)
{
	return may_edit(call) ? edits_header_drop(delivery_edits(delivery), nth) : -1;
}

int services_body_replace(struct gw_call *call, struct gw_delivery *delivery, struct gw_str body)
{
	return may_edit(call) ? edits_body(delivery_edits(delivery), body) : -1;
}

int services_body_splice(struct gw_call *call, struct gw_delivery *delivery, uint64_t offset,
			 uint64_t drop, struct gw_str text)
{
	return may_edit(call) ? edits_splice(delivery_edits(delivery), offset, drop, text) : -1;
}

int services_return_path_set(struct gw_call *call, struct gw_delivery *delivery,
			     struct gw_str address)
{
	struct address parsed;
	bool fine = address.len == 0 ||
		    address_mailbox(address,
				    delivery_message(delivery)->smtputf8 ? ADDRESS_UTF8_OK : 0,
				    &parsed);
	return may_edit(call) && fine ? edits_return_path(delivery_edits(delivery), address) : -1;
}

long services_delivery_read(struct gw_delivery *delivery, uint64_t offset, void *out, size_t len)
{
	return edits_read(delivery_edits(delivery), offset, out, len);
}

/* Copies what the module's header knows of a struct into ours. */
static void copy_sized(void *to, size_t room, const void *from, uint32_t size)
{
	memset(to, 0, room);
	memcpy(to, from, size < room ? size : room);
}

void services_login_set(struct gw_call *call, const struct gw_login *login)
{
	struct gw_login given;
	if (!call->delivery || call->hook != GW_HOOK_login)
		return;
	copy_sized(&given, sizeof(given), login, login->size);
	given = (struct gw_login){
		.size = sizeof(given),
		.mechanism = arena_str(call->arena, given.mechanism),
		.user = arena_str(call->arena, given.user),
		.secret = arena_str(call->arena, given.secret),
		.acting_as = arena_str(call->arena, given.acting_as),
	};
	delivery_set_login(call->delivery, &given);
}

static bool delivers(const struct gw_call *call)
{
	return call->hook == GW_HOOK_deliver || call->hook == GW_HOOK_probe;
}

bool services_login(struct gw_call *call, struct gw_delivery *delivery, struct gw_login *login)
{
	const struct gw_login *given = delivers(call) ? delivery_login(delivery) : NULL;
	uint32_t size = login->size < sizeof(*given) ? login->size : (uint32_t)sizeof(*given);
	if (!given)
		return false;
	memcpy(login, given, size);
	login->size = size;
	return true;
}

void services_login_refused(struct gw_call *call, struct gw_delivery *delivery, struct gw_str text)
{
	if (delivers(call))
		delivery_refuse_login(delivery, text);
}

void services_outcome(struct gw_call *call, struct gw_delivery *delivery, struct gw_rcpt *rcpt,
		      const struct gw_outcome *outcome)
{
	struct gw_outcome given;
	if (!delivers(call))
		return;
	copy_sized(&given, sizeof(given), outcome, outcome->size);
	delivery_set_outcome(delivery, rcpt, &given);
}
