/* relay_rm.c - relay rm: refused while mail stands before the relay, unless it is said what becomes
 * of it. The fragment is hidden, the rest is checked, the mail is told where to go, and only then
 * the fragment is set aside: a copy stays, for what somebody wrote into it. */
#include "admin/relays.h"

#include "admin/audit.h"
#include "admin/relay_mail.h"
#include "queue/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct removal {
	struct relay_mail mail; /* first */
	struct tour tour;
	struct request *request;
	const char *move_to; /* NULL: not */
	bool requeue;
	char file[512], hidden[520], kept[528]; /* in the folder of the configuration */
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
	int folder = open(removal->request->admin->operations->config_dir,
			  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool fine = folder >= 0 && renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0 &&
		    fsync(folder) == 0;
	int error = errno;
	if (folder >= 0)
		close(folder);
	errno = error;
	return fine;
}

/* In the place of an older copy. No fragment: it does not end in ".conf". */
static void keep_copy(const struct removal *removal)
{
	int folder = open(removal->request->admin->operations->config_dir,
			  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return;
	renameat(folder, removal->hidden, folder, removal->kept);
	fsync(folder);
	close(folder);
}

#define OURS "# gatewayctl relay add " /* what relay add writes first */

static bool is_by_hand(const char *path)
{
	char line[sizeof(OURS)] = "";
	FILE *file = fopen(path, "re");
	bool ours = file && fgets(line, sizeof(line), file) && strcmp(line, OURS) == 0;
	if (file)
		fclose(file);
	return !ours;
}

/* True: the configuration is fine without the relay. False: all is as before, and it was said why.
 */
static bool reload_without(struct removal *removal, bool apply)
{
	struct problems problems;
	problems_init(&problems);
	const struct admin_operations *operations = removal->request->admin->operations;
	bool fine = operations->reload(operations->arg, apply, &problems);
	if (!fine) {
		rename_file(removal, removal->hidden, removal->file);
		request_problems(removal->request, EX_CONFIG, &problems, "", "");
	}
	problems_finish(&problems);
	return fine;
}

/* --- the mail --- */

static bool move_one(struct tour *tour, struct worker *worker, unsigned number,
		     struct queue_entry *entry)
{
	struct removal *removal = list_of(tour, struct removal, tour);
	removal->moved += mail_move(worker, entry->id, gw_str(removal->move_to),
				    removal->request->uid);
	return true;
}

static bool make_due(struct tour *tour, struct worker *worker, unsigned number,
		     struct queue_entry *entry)
{
	const struct removal *removal = list_of(tour, struct removal, tour);
	if (entry->state == ENTRY_HELD)
		return true;
	audit_order(EVENT_RETRY_ORDERED, entry->id, removal->request->uid);
	queue_order(worker, entry->id, ORDER_RETRY);
	return true;
}

/* -1: no memory, nothing was done. */
static int for_each_found(struct removal *removal,
			  bool (*visit)(struct tour *tour, struct worker *worker, unsigned number,
					struct queue_entry *entry),
			  void (*done)(struct tour *tour))
{
	removal->tour = (struct tour){
		.visit = visit, .done = done, .orders = true, .only = &removal->mail.found
	};
	return tour_begin(&removal->tour);
}

/* --- step by step --- */

static void say_done(struct removal *removal)
{
	const char *relay = removal->mail.relay, *kept = removal->kept;
	if (removal->move_to)
		request_say(removal->request, EX_OK,
			    "relay %s is removed, a copy is %s; messages moved to %s: %zu", relay,
			    kept, removal->move_to, (size_t)removal->moved);
	else if (removal->mail.found.count)
		request_say(
			removal->request, EX_OK,
			"relay %s is removed, a copy is %s; messages that take another way now: %zu",
			relay, kept, removal->mail.found.count);
	else
		request_say(removal->request, EX_OK, "relay %s is removed, a copy is %s", relay,
			    kept);
	removal_free(removal);
}

static void made_due(struct tour *tour)
{
	struct removal *removal = list_of(tour, struct removal, tour);
	tour_finish(tour);
	say_done(removal);
}

static void remove_relay(struct removal *removal)
{
	if (!reload_without(removal, true)) {
		removal_free(removal);
		return;
	}
	keep_copy(removal);
	relay_switch_forget(gw_str(removal->mail.relay));
	if (!removal->requeue || !removal->mail.found.count ||
	    for_each_found(removal, make_due, made_due) != 0)
		say_done(removal);
}

static void all_moved(struct tour *tour)
{
	struct removal *removal = list_of(tour, struct removal, tour);
	tour_finish(tour);
	remove_relay(removal);
}

static void hide_and_check(struct removal *removal)
{
	if (!rename_file(removal, removal->file, removal->hidden)) {
		request_say(removal->request, EX_CANTCREAT, "%s/%s cannot be removed: %s%s",
			    removal->request->admin->operations->config_dir, removal->file,
			    strerror(errno), errno == EACCES || errno == EROFS ? FOLDER_HINT : "");
		removal_free(removal);
	} else if (!reload_without(removal, false)) {
		removal_free(removal);
	} else if (!removal->move_to || !removal->mail.found.count ||
		   for_each_found(removal, move_one, all_moved) != 0) {
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
	} else if (mail->found.count && !told) {
		request_say(
			removal->request, EX_TEMPFAIL,
			"messages that wait for relay %s: %zu. Say what becomes of them: --move-to RELAY, or --requeue to let them take another way",
			mail->relay, mail->found.count);
		removal_free(removal);
	} else {
		hide_and_check(removal);
	}
}

/* --- the words --- */

/* NULL: they are fine. */
static const char *wrong_words(const struct removal *removal, const struct snapshot *snapshot,
			       const char *name)
{
	if (removal->requeue && removal->move_to)
		return "either --move-to or --requeue";
	if (removal->move_to && !snapshot_relay(snapshot, gw_str(removal->move_to)))
		return "--move-to: there is no such relay; `gatewayctl relay list` shows them";
	if (removal->move_to && strcmp(removal->move_to, name) == 0)
		return "--move-to: that is the relay to be removed";
	return NULL;
}

static void begin(struct request *request, const struct snapshot *snapshot,
		  const struct gw_relay *relay, const char *const *words)
{
	struct removal *removal = calloc(1, sizeof(*removal));
	const char *slash = strrchr(relay->fragment->path, '/'), *wrong = NULL;
	if (removal) {
		removal->move_to = request_option(request, "--move-to");
		removal->requeue = request_option(request, "--requeue") != NULL;
		wrong = wrong_words(removal, snapshot, words[0]);
	}
	if (wrong || !removal) {
		if (wrong)
			request_usage(request, "%s", wrong);
		else
			request_say(request, EX_OSERR, "no memory");
		free(removal);
		return;
	}
	removal->request = request;
	removal->mail = (struct relay_mail){ .relay = words[0], .done = found };
	snprintf(removal->file, sizeof(removal->file), "%s",
		 slash ? slash + 1 : relay->fragment->path);
	snprintf(removal->hidden, sizeof(removal->hidden), ".%s.rm", removal->file);
	snprintf(removal->kept, sizeof(removal->kept), "%s.removed", removal->file);
	if (relay_mail_find(&removal->mail) == 0)
		return;
	request_say(request, EX_OSERR, "no memory");
	removal_free(removal);
}

/* Whoever wrote the file may have written more into it than this relay. */
static bool asks_first(struct request *request, const struct gw_relay *relay)
{
	char text[1024];
	if (!request->asks || request_option(request, "--yes") ||
	    !is_by_hand(relay->fragment->path))
		return false;
	snprintf(text, sizeof(text),
		 "%s was written by hand, and all of it goes (a copy stays beside it). Go on?",
		 relay->fragment->path);
	json_t *question = json_object();
	json_object_set_new(question, "code", json_integer(EX_OK));
	json_object_set_new(question, "confirm", text_of(gw_str(text)));
	request_answer(request, question);
	return true;
}

void verb_relay_rm(struct request *request, const char *const *words, size_t count)
{
	struct snapshot *snapshot = snapshot_current();
	const struct gw_relay *relay = snapshot_relay(snapshot, gw_str(words[0]));
	if (relay && !asks_first(request, relay))
		begin(request, snapshot, relay, words);
	else if (!relay)
		relay_unknown(request, snapshot, words[0]);
	snapshot_release(snapshot);
}
