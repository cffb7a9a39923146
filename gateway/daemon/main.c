/* main.c - gatewayd: reads its arguments, then checks or serves under a supervisor. */
#include "daemon/daemon.h"

#include "supervisor/supervisor.h"
#include "loop/worker.h"
#include "smtp/sasl.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sysexits.h>

void print_problems(const struct problems *problems)
{
	char text[4096];
	size_t errors = 0;
	for (const struct problem *problem = problems->first; problem; problem = problem->next) {
		errors += problem->fatal;
		fprintf(stderr, "%s\n", problem_format(problem, text, sizeof(text)));
	}
	if (errors < problems->errors)
		fputs("error: out of memory\n", stderr); /* what is counted could not be kept */
}

static int check(const struct arguments *arguments)
{
	struct problems problems;
	problems_init(&problems);
	struct snapshot *snapshot = configuration_load(&problems);
	if (snapshot)
		precheck(arguments, &snapshot->settings, &problems);
	print_problems(&problems);
	bool fine = problems.errors == 0;
	if (fine)
		printf("the configuration is fine: %zu modules, %zu relays, %zu listeners\n",
		       snapshot->instance_count, snapshot->relay_count,
		       snapshot->settings.listeners.count);
	else
		fprintf(stderr, "%zu error%s, %zu warning%s\n", problems.errors,
			problems.errors == 1 ? "" : "s", problems.warnings,
			problems.warnings == 1 ? "" : "s");
	snapshot_release(snapshot);
	problems_finish(&problems);
	return fine ? EX_OK : EX_CONFIG;
}

/* The spool may lie elsewhere than in the state folder: the configuration says where. */
static int check_spool(void)
{
	struct problems problems;
	problems_init(&problems);
	struct snapshot *snapshot = configuration_load(&problems);
	print_problems(&problems);
	int damaged = snapshot ? spool_check(snapshot->settings.spool.path.ptr, stdout) : -1;
	bool known = snapshot != NULL;
	snapshot_release(snapshot);
	problems_finish(&problems);
	if (!known)
		return EX_CONFIG;
	return damaged < 0 ? EX_UNAVAILABLE : damaged > 0 ? EX_DATAERR : EX_OK;
}

static int start_libraries(const struct arguments *arguments)
{
	if (loop_init() != 0 || sasl_init() != 0) {
		fputs("gatewayd: a library does not start\n", stderr);
		return EX_OSERR;
	}
	configuration_init(arguments);
	return EX_OK;
}

/* A configuration can name programs, and its files may be those of the gateway's user: nothing of
 * it is read with more rights than the serving process has, which also makes what is found what the
 * serving process will find. */
static int look(const struct arguments *arguments)
{
	int code = start_libraries(arguments);
	if (code == EX_OK && arguments->answer)
		return offline_answer(arguments);
	return code != EX_OK ? code : arguments->check ? check(arguments) : check_spool();
}

static int look_only(const struct arguments *arguments)
{
	int code = privileges_drop();
	return code != EX_OK ? code : rehearsal_run(look, arguments);
}

/* --- the two halves of the serving process --- */

static int become(void *arg)
{
	return privileges_drop();
}

static int begin(void *arg)
{
	int code = start_libraries(arg);
	return code == EX_OK ? serve(arg) : code;
}

/* More descriptors than the shell gives: a listener has one for each worker. */
static void raise_limits(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	static struct arguments arguments; /* what it points to lasts as long as the process */
	arguments_parse(&arguments, argc, argv);
	int code = privileges_choose(&arguments);
	if (code == EX_OK && (arguments.check || arguments.check_spool || arguments.answer))
		return look_only(&arguments);
	if (code == EX_OK && arguments.init)
		return init_run(&arguments);
	if (code == EX_OK)
		code = privileges_hand_over(&arguments);
	if (code != EX_OK)
		return code;
	raise_limits();
	return supervise(&(struct supervisor_options){ .state = arguments.state,
						       .worker_timeout = arguments.worker_timeout,
						       .foreground = arguments.foreground,
						       .become = become,
						       .serve = begin,
						       .arg = &arguments });
}
