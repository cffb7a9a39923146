#include "give.h"
#include "notice.h"
#include "question.h"

#include <stdlib.h>

#define YOUNG 60000 /* a token that is younger is not replaced because the next hop refused it */

static bool has_word(struct gw_str list, struct gw_str word)
{
	while (list.len)
		if (gw_str_ieq(gw_str_cut(&list, ' '), word))
			return true;
	return false;
}

/* XOAUTH2 is what all providers have; OAUTHBEARER is the standard. */
static struct gw_str mechanism_for(const struct gw_delivery *delivery)
{
	struct gw_str offered = gw->delivery_fact(delivery, GW_DELIVERY_MECHANISMS);

	return has_word(offered, gw_str("OAUTHBEARER")) && !has_word(offered, gw_str("XOAUTH2"))
		       ? gw_str("OAUTHBEARER")
		       : gw_str("XOAUTH2");
}

static enum gw_verdict give(struct gw_call *call, struct gw_delivery *delivery,
			    struct gw_relay *relay, struct account *account)
{
	struct given *given = gw->delivery_data(call);
	struct gw_login login = { .size = sizeof login,
				  .mechanism = mechanism_for(delivery),
				  .user = oauth_relay(call, relay)->user,
				  .secret = gw_str(account->token.access) };

	if (given)
		given->generation = account->generation;
	gw->login_set(call, &login);
	return GW_ACCEPT;
}

static enum gw_verdict give_none(struct gw_call *call, const struct account *account)
{
	gw->reason(call, "there is no token for %s: %s", account->name,
		   account->error[0] ? account->error : "none came in time");
	return GW_NEXT;
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct waiter *waiter = arg;
	struct account *account = account_of(call, waiter->relay);
	enum gw_verdict verdict;

	account_lock(account);
	verdict = account_usable(account, gw->now(call))
			  ? give(call, waiter->delivery, waiter->relay, account)
			  : give_none(call, account);
	account_unlock(account);
	free(waiter);
	return verdict;
}

/* Under the lock, so that nobody is woken before he stands in the list. */
static enum gw_verdict wait(struct gw_call *call, struct gw_delivery *delivery,
			    struct gw_relay *relay, struct account *account)
{
	const struct oauth_conf *conf = gw->conf(call);
	struct gw_async async = { .resumed = resumed,
				  .deadline_ms = (uint32_t)conf->timeout + 10000 };
	struct waiter *waiter = calloc(1, sizeof *waiter);
	enum gw_verdict verdict = GW_FAILED;

	if (!waiter)
		return GW_FAILED;
	*waiter = (struct waiter){ .delivery = delivery, .relay = relay };
	verdict = gw->hold(call, &async, waiter, &waiter->ticket);
	if (verdict == GW_PENDING)
		account_wait(account, waiter);
	else
		free(waiter);
	return verdict;
}

/* The next hop did not take the token. True: it may be the token's fault, and another is to be had.
 */
static bool replace(struct gw_call *call, struct account *account)
{
	const struct given *given = gw->delivery_data(call);
	bool current = !given || given->generation == account->generation;

	if (!current)
		return true; /* there is another by now */
	if (!account->token.access || gw->now(call) - account->token.got < YOUNG) {
		gw->reason(call, "the token is new: another would not be taken either");
		return false;
	}
	account->refused = true;
	return true;
}

static enum gw_verdict find(struct gw_call *call, struct gw_delivery *delivery,
			    struct gw_relay *relay, struct account *account)
{
	struct gw_str refused = gw->delivery_fact(delivery, GW_DELIVERY_LOGIN_REFUSED);
	int64_t now = gw->now(call);

	if (refused.len && !replace(call, account))
		return GW_CONTINUE;
	if (account_usable(account, now))
		return give(call, delivery, relay, account);
	if (account_due(account, gw->conf(call), now))
		renew(call, relay, account);
	return account->busy != IDLE ? wait(call, delivery, relay, account)
				     : give_none(call, account);
}

enum gw_verdict on_login(struct gw_call *call, struct gw_delivery *delivery, struct gw_relay *relay)
{
	struct account *account = account_of(call, relay);
	enum gw_verdict verdict;

	if (!account)
		return GW_CONTINUE;
	account_lock(account);
	verdict = find(call, delivery, relay, account);
	account_unlock(account);
	return verdict;
}
