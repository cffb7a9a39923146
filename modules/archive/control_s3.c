/* control_s3.c - gatewayctl archive, what concerns the bucket. */
#include "control.h"
#include "s3_restore.h"

#include <sysexits.h>

struct working {
	struct s3_work work;
	struct s3 *s3;
	struct s3_asking asking;
	struct s3_target target;
	bool restores;
};

static void working_work(struct job *job, void *arg)
{
	struct working *working = arg;
	struct s3_work *work = &working->work;

	work->stop = job_stopping(job);
	work->now = s3_pump_now(s3_pump(working->s3));
	s3_asking_init(&working->asking, s3_pump(working->s3), work->stop);
	s3_target_init(&working->target, s3_conf(working->s3), &working->asking.transport);
	work->target = &working->target;
	if (s3_pause(working->s3, work->stop)) {
		if (working->restores)
			s3_restore_run(work);
		else
			s3_verify_run(work);
		s3_resume(working->s3);
		job_say(job, work->faults ? EX_DATAERR : EX_OK, "%s", work->text->str);
		g_string_free(work->text, TRUE);
	}
	s3_target_finish(&working->target);
}

static void begin_working(struct gw_call *call, struct archive *archive, int64_t uid, bool restores)
{
	struct working *working;

	if (!archive->s3) {
		gw->problem(call, true, "there is no bucket: the option s3.bucket");
		return;
	}
	working = g_new0(struct working, 1);
	working->s3 = archive->s3;
	working->restores = restores;
	working->work.folder = s3_folder(archive->s3);
	working->work.keys = archive->store ? store_keys(archive->store) : NULL;
	control_begin_job(call, archive, uid, working_work, g_free, working, NULL);
}

bool control_s3(struct gw_call *call, struct archive *archive, const struct gw_command *command,
		struct gw_str verb, struct gw_list rest)
{
	bool restores = gw_str_eq(verb, gw_str("restore"));

	if (restores && rest.count)
		gw->problem(call, true, "say restore");
	else if (restores || (gw_str_eq(verb, gw_str("verify")) && rest.count == 1 &&
			      gw_str_eq(rest.items[0], gw_str("--s3"))))
		begin_working(call, archive, command->uid, restores);
	else
		return false;
	return true;
}
