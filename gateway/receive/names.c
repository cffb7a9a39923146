/* names.c - what a session is called: by the client, and by modules. A name may be replaced as
 * often as the client likes. */
#include "receive/session.h"

#define REPLACED_MOST 4096 /* octets of names that nobody has any more */
#define NAMES 11

int session_set(struct gw_session *session, struct gw_str *member, struct gw_str value)
{
	if (gw_str_eq(*member, value))
		return 0;
	struct gw_str copy = arena_str(&session->names, value);
	if (!copy.ptr)
		return -1;
	*member = copy;
	return 0;
}

static size_t names_copy(struct gw_str *const *members, struct arena *to, struct gw_str *copies)
{
	for (size_t i = 0; i < NAMES; i++) {
		copies[i] = members[i]->len ? arena_str(to, *members[i]) : gw_str(NULL);
		if (members[i]->len && !copies[i].ptr)
			return i;
	}
	return NAMES;
}

static void names_renew(struct gw_session *session, struct gw_str *const *members)
{
	struct gw_str copies[NAMES];
	struct arena fresh;
	arena_init(&fresh, 512);
	if (names_copy(members, &fresh, copies) < NAMES) {
		arena_finish(&fresh);
		return;
	}
	for (size_t i = 0; i < NAMES; i++)
		*members[i] = copies[i];
	arena_finish(&session->names);
	session->names = fresh;
}

void session_names_tidy(struct gw_session *session)
{
	struct gw_str *const members[NAMES] = {
		&session->helo,
		&session->login,
		&session->client,
		&session->type,
		&session->domains,
		&session->known.client,
		&session->known.type,
		&session->known.domains,
		&session->before.known.client,
		&session->before.known.type,
		&session->before.known.domains,
	};
	size_t living = 0;
	for (size_t i = 0; i < NAMES; i++)
		living += members[i]->len + 1;
	/* Work that a module gave up on may still look at them. */
	if (session->names.total > 2 * living + REPLACED_MOST && !session->call.busy)
		names_renew(session, members);
}
