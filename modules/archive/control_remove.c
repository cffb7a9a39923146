/* control_remove.c - forget, rm, expire: mail that goes. */
#include "control.h"
#include "removal.h"

#include <errno.h>
#include <sysexits.h>

struct removing {
	struct removal removal;
	char *word; /* the address, or the ID */
	struct s3 *s3;
	struct s3_fetching fetching;
};

static void removing_release(void *arg)
{
	struct removing *removing = arg;

	g_free(removing->word);
	g_free(removing);
}

static void removing_say(struct job *job, const struct removing *removing, int files)
{
	const struct removal *removal = &removing->removal;

	if (removal->error == ECANCELED && removal->mails)
		job_say(job, EX_NOPERM,
			"%llu mails are gone; then the hold %s was set, and forbids it for the rest",
			(unsigned long long)removal->mails, removal->hold);
	else if (removal->error == ECANCELED || (removal->held && !removal->mails))
		job_say(job, EX_NOPERM, "nothing is removed: the hold %s forbids it",
			removal->hold);
	else if (removal->error == EHOSTUNREACH)
		job_say(job, EX_TEMPFAIL,
			"%llu mails are gone; the next is in the bucket, which has to be asked for its words, so that none stays in the index, and cannot be: %s; say it again",
			(unsigned long long)removal->mails, removal->remote->why);
	else if (removal->error || files < 0)
		job_say(job, EX_IOERR, "%llu mails are gone, then it failed: %s; say it again",
			(unsigned long long)removal->mails,
			removal->error ? strerrordesc_np(removal->error) : "a file stays");
	else if (!removal->mails && removal->query.ended)
		job_say(job, EX_NOPERM,
			"%s is not removed: there is no such mail, or it has to be kept for longer (archive show)",
			removing->word);
	else
		job_say(job, EX_OK, "%llu mails are gone: their keys are destroyed",
			(unsigned long long)removal->mails);
}

static void removing_work(struct job *job, void *arg)
{
	struct removing *removing = arg;
	struct removal *removal = &removing->removal;
	int files;

	removal->stop = job_stopping(job);
	removal->remote = s3_fetching_begin(&removing->fetching, removing->s3, removal->stop,
					    FETCH_ONE);
	if (indexer_wait(removal->indexer, removal->stop))
		removal_run(removal);
	else
		removal->error = EAGAIN;
	files = removal->error ? 0 : removal_of_files(removal->store, removal->time);
	removing_say(job, removing, files);
	s3_fetching_end(&removing->fetching);
}

void control_remove(struct gw_call *call, struct archive *archive, const struct gw_command *command,
		    struct gw_list words, bool forget)
{
	struct removing *removing;

	if (words.count != 1) {
		gw->problem(call, true, forget ? "say forget ADDRESS" : "say rm ID");
		return;
	}
	if (!forget && indexer_waits_for_clock(archive->indexer)) {
		gw->problem(call, true,
			    "nobody says that the clock is right: archive expire --now, if it is");
		return;
	}
	removing = g_new0(struct removing, 1);
	removing->word = g_strdup(words.items[0].ptr);
	removing->s3 = archive->s3;
	removing->removal = (struct removal){ .store = archive->store,
					      .indexer = archive->indexer,
					      .what = forget ? "forgotten" : "expired",
					      .by = command->uid,
					      .time = gw->now(call) };
	if (forget)
		removing->removal.query.person = removing->word;
	else
		removing->removal.query.id = removing->word;
	removing->removal.query.ended = forget ? 0 : gw->now(call);
	control_begin_job(call, archive, command->uid, removing_work, removing_release, removing,
			  NULL);
}

void control_expire(struct gw_call *call, struct archive *archive, struct gw_list words)
{
	bool sure = words.count == 1 && gw_str_eq(words.items[0], gw_str("--now"));

	if (words.count && !sure) {
		gw->problem(call, true, "say expire, or expire --now");
		return;
	}
	indexer_expire(archive->indexer, sure);
	control_text(call, "%s",
		     "what is over and not held is removed in a moment: gatewayctl status");
}
