/* relay_rm.c - relay rm: refused while mail stands before the relay, unless it is said what becomes of it. The fragment is hidden, the rest
 * is checked, the mail is told where to go, and only then the fragment is removed. */
#include "admin/relays.h"

#include "admin/relay_mail.h"
#include "queue/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define USAGE "relay rm NAME [--move-to RELAY | --requeue]"

struct removal {
	struct relay_mail mail;      /* first */
	struct request *request;
	const char *move_to;         /* NULL: not */
	bool requeue;
	char file[512], hidden[520]; /* in the folder of the configuration */
	_Atomic size_t moved;
};

static void removal_free(struct removal *removal)
{
	relay_mail_finish(&removal->mail);
	free(removal);
}

/* --- the file --- */

static bool rename_file(const struct removal *removal, const char *from, const char *to)
{
	int folder = open(removal->request->admin->operations->config_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool fine = folder >= 0 && renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0 && fsync(folder) == 0;
	int error = errno;
	if (folder >= 0)
		close(folder);
	errno = error;
	return fine;
}

static void remove_hidden(const struct removal *removal)
{
	int folder = open(removal->request->admin->operations->config_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return;
	unlinkat(folder, removal->hidden, 0);
	fsync(folder);
	close(folder);
}

/* True: the configuration is fine without the relay. False: all is as before, and it was said why. */
static bool reload_without(struct removal *removal, bool apply)
{
	struct problems problems;
	problems_init(&problems);
	bool fine = removal->request->admin->operations->reload(apply, &problems);
	if (!fine) {
		rename_file(removal, removal->hidden, removal->file);
		request_problems(removal->request, RELAY_REFUSED, &problems, "");
	}
	problems_finish(&problems);
	return fine;
}

/* --- the mail --- */

static void move_all(struct worker *worker, unsigned number, void *arg)
{
	struct removal *removal = arg;
	const struct mail_found *found = &removal->mail.found[number];
	for (size_t i = 0; i < found->count; i++)
		removal->moved += mail_move(worker, found->ids[i], gw_str(removal->move_to));
}

static void make_due(struct worker *worker, unsigned number, void *arg)
{
	struct removal *removal = arg;
	const struct mail_found *found = &removal->mail.found[number];
	for (size_t i = 0; i < found->count; i++) {
		const struct queue_entry *entry = queue_find(worker, found->ids[i]);
		if (entry && entry->place != ENTRY_HELD)
			queue_order(worker, found->ids[i], ORDER_RETRY);
	}
}

/* --- step by step --- */

static void say_done(void *arg)
{
	struct removal *removal = arg;
	const char *relay = removal->mail.relay;
	if (removal->move_to)
		request_say(removal->request, EX_OK, "relay %s is removed; messages moved to %s: %zu", relay, removal->move_to, (size_t)removal->moved);
	else if (removal->mail.count)
		request_say(removal->request, EX_OK, "relay %s is removed; messages that take another way now: %zu", relay, removal->mail.count);
	else
		request_say(removal->request, EX_OK, "relay %s is removed", relay);
	removal_free(removal);
}

static void remove_relay(void *arg)
{
	struct removal *removal = arg;
	if (!reload_without(removal, true)) {
		removal_free(removal);
		return;
	}
	remove_hidden(removal);
	relay_switch_forget(gw_str(removal->mail.relay));
	if (!removal->requeue || !removal->mail.count || on_each_worker(make_due, say_done, removal) != 0)
		say_done(removal);
}

static void hide_and_check(struct removal *removal)
{
	if (!rename_file(removal, removal->file, removal->hidden)) {
		request_say(removal->request, EX_CANTCREAT, "%s/%s cannot be removed: %s%s", removal->request->admin->operations->config_dir,
		            removal->file, strerror(errno), errno == EACCES || errno == EROFS ? FOLDER_HINT : "");
		removal_free(removal);
	} else if (!reload_without(removal, false)) {
		removal_free(removal);
	} else if (!removal->move_to || !removal->mail.count || on_each_worker(move_all, remove_relay, removal) != 0) {
		remove_relay(removal);
	}
}

static void found(struct relay_mail *mail)
{
	struct removal *removal = (struct removal *)mail;
	bool told = removal->move_to || removal->requeue;
	if (mail->failed) {
		request_say(removal->request, EX_OSERR, "no memory");
		removal_free(removal);
	} else if (mail->count && !told) {
		request_say(removal->request, RELAY_REFUSED,
		            "messages that wait for relay %s: %zu. Say what becomes of them: --move-to RELAY, or --requeue to let them take another way",
		            mail->relay, mail->count);
		removal_free(removal);
	} else {
		hide_and_check(removal);
	}
}

/* --- the words --- */

/* NULL: they are fine. */
static const char *read_words(struct removal *removal, const struct snapshot *snapshot, const char *const *words, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (strcmp(words[i], "--requeue") == 0)
			removal->requeue = true;
		else if (strcmp(words[i], "--move-to") == 0 && i + 1 < count)
			removal->move_to = words[++i];
		else
			return USAGE;
	}
	if (removal->requeue && removal->move_to)
		return USAGE;
	if (removal->move_to && !snapshot_relay(snapshot, gw_str(removal->move_to)))
		return "--move-to: there is no such relay; `gatewayctl relay list` shows them";
	if (removal->move_to && strcmp(removal->move_to, words[0]) == 0)
		return "--move-to: that is the relay to be removed";
	return NULL;
}

static void begin(struct request *request, const struct snapshot *snapshot, const struct gw_relay *relay, const char *const *words, size_t count)
{
	struct removal *removal = calloc(1, sizeof(*removal));
	const char *wrong = removal ? read_words(removal, snapshot, words, count) : NULL;
	const char *slash = strrchr(relay->fragment->path, '/');
	if (wrong || !removal) {
		request_say(request, wrong ? EX_USAGE : EX_OSERR, "%s", wrong ? wrong : "no memory");
		free(removal);
		return;
	}
	removal->request = request;
	removal->mail = (struct relay_mail){ .relay = words[0], .done = found };
	snprintf(removal->file, sizeof(removal->file), "%s", slash ? slash + 1 : relay->fragment->path);
	snprintf(removal->hidden, sizeof(removal->hidden), ".%s.rm", removal->file);
	if (relay_mail_find(&removal->mail) == 0)
		return;
	request_say(request, EX_OSERR, "no memory");
	removal_free(removal);
}

void verb_relay_rm(struct request *request, const char *const *words, size_t count)
{
	struct snapshot *snapshot = snapshot_current();
	const struct gw_relay *relay = count ? snapshot_relay(snapshot, gw_str(words[0])) : NULL;
	if (!count)
		request_say(request, EX_USAGE, USAGE);
	else if (!relay)
		relay_unknown(request, snapshot, words[0]);
	else
		begin(request, snapshot, relay, words, count);
	snapshot_release(snapshot);
}
