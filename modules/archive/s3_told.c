/* s3_told.c - what is told of the uploads: log, events, status. */
#include "s3_private.h"

#include <stdio.h>

#define FAILURES_TOLD 3

static void tell(struct gw_call *call, enum gw_log_level level, const char *name, const char *text)
{
	struct gw_event event = { .size = sizeof event,
				  .name = gw_str(name),
				  .text = gw_str(text) };

	gw->log(call, level, "%s", text);
	gw->emit(call, &event);
}

/* What another request would not change. */
static bool is_refusal(int status)
{
	return status >= 400 && status < 500 && status != 408 && status != 429;
}

static bool is_down(const struct report *report)
{
	return report->step == S3_FAILED &&
	       (report->failures >= FAILURES_TOLD || is_refusal(report->status));
}

static void tell_turn(struct gw_call *call, struct s3 *s3, const struct report *report)
{
	char text[400];

	if (!s3->told_down && is_down(report)) {
		snprintf(text, sizeof text, "s3 cannot be written, uploads wait: %s", report->why);
		tell(call, GW_LOG_ERROR, "archive-s3-down", text);
		s3->told_down = true;
	} else if (s3->told_down && report->step == S3_THERE) {
		tell(call, GW_LOG_INFO, "archive-s3-up", "s3 has everything again");
		s3->told_down = false;
	}
}

static void tell_late(struct gw_call *call, struct s3 *s3, const struct report *report)
{
	int64_t since = gw->now(call) - (report->there ? report->there : s3->began);
	char text[400];

	if (report->step == S3_THERE || since < s3->conf->warn_after) {
		s3->told_late = s3->told_late && report->step != S3_THERE;
	} else if (!s3->told_late) {
		snprintf(text, sizeof text,
			 "s3 has not had everything for %lld hours: %llu octets wait: %s",
			 (long long)(since / 3600000), (unsigned long long)report->waiting,
			 report->why);
		tell(call, GW_LOG_ERROR, "archive-s3-late", text);
		s3->told_late = true;
	}
}

static void tell_once(struct gw_call *call, struct s3 *s3, const struct report *report)
{
	char text[400];

	if (report->step == S3_FOREIGN && !s3->told_foreign) {
		snprintf(text, sizeof text, "nothing goes to s3: %s", report->why);
		tell(call, GW_LOG_ERROR, "archive-s3-down", text);
	}
	s3->told_foreign = report->step == S3_FOREIGN;
	if (report->damaged[0] && strcmp(report->damaged, s3->told_damage) != 0) {
		gw->log(call, GW_LOG_ERROR, "%s is damaged: what is behind that does not go to s3",
			report->damaged);
		memcpy(s3->told_damage, report->damaged, sizeof s3->told_damage);
	}
	if (report->stays[0] && strcmp(report->stays, s3->told_stays) != 0) {
		gw->log(call, GW_LOG_WARNING, "%s: archive verify --s3 tells", report->stays);
		memcpy(s3->told_stays, report->stays, sizeof s3->told_stays);
	}
}

static struct report report_of(struct s3 *s3)
{
	struct report report;

	pthread_mutex_lock(&s3->lock);
	report = s3->report;
	pthread_mutex_unlock(&s3->lock);
	return report;
}

int64_t s3_agreed(struct s3 *s3)
{
	return report_of(s3).agreed;
}

void s3_tick(struct gw_call *call, struct s3 *s3)
{
	struct report report = report_of(s3);

	if (s3->stopping)
		return;
	tell_turn(call, s3, &report);
	tell_late(call, s3, &report);
	tell_once(call, s3, &report);
}

/* With what has come since the thread looked. */
static uint64_t waiting_now(const struct s3 *s3, const struct report *report)
{
	struct store *store = *s3->store;
	struct store_state state;

	if (!store)
		return report->waiting;
	store_state(store, &state);
	if (!state.name[0])
		return report->waiting;
	if (strcmp(state.name, report->name) == 0)
		return state.end > report->at ? state.end - report->at : 0;
	return report->step == S3_THERE ? state.end : report->waiting;
}

void s3_status(struct gw_call *call, struct s3 *s3)
{
	static const char *const words[] = { [S3_THERE] = "has everything",
					     [S3_MORE] = "uploads",
					     [S3_FAILED] = "cannot be written",
					     [S3_FOREIGN] = "stands still" };
	struct report report = report_of(s3);
	uint64_t waiting = waiting_now(s3, &report);
	const char *word = report.step == S3_THERE && waiting ? "waits for more"
							      : words[report.step];

	if (is_down(&report) || report.step == S3_FOREIGN)
		gw->status_line(call, "WRONG", "s3 %s: %s", word, report.why);
	gw->status_line(call, "s3", "%s%s%s", word, report.why[0] ? ": " : "", report.why);
	gw->status_line(call, "s3 waiting", "%llu octets", (unsigned long long)waiting);
	gw->status_line(call, "s3 uploaded", "%llu objects, %llu octets",
			(unsigned long long)report.objects, (unsigned long long)report.octets);
	if (s3->conf->local_days >= 0 || report.stubs)
		gw->status_line(call, "s3 alone", "%llu files%s%s",
				(unsigned long long)report.stubs, report.stays[0] ? "; " : "",
				report.stays);
}
