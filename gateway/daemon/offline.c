/* offline.c - what gatewayctl asks where no gateway runs. */
#include "daemon/daemon.h"

#include "base/log.h"
#include "supervisor/hang.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

/* With errors in it there is no snapshot: what is not of modules can be told all the same. */
static void read_configuration(const struct arguments *arguments)
{
	struct problems problems;
	problems_init(&problems);
	struct snapshot *snapshot = configuration_read(&problems);
	if (snapshot)
		snapshot_publish(snapshot);
	else if (access(arguments->config, F_OK) != 0)
		fprintf(stderr,
			"gatewayd: verbs and options of modules are missing here, since there is no folder %s: "
			"gatewayd --init makes it, --config names another\n",
			arguments->config);
	else
		fprintf(stderr,
			"gatewayd: verbs and options of modules are missing here, since %s has errors: "
			"gatewayd --config %s --check tells them\n",
			arguments->config, arguments->config);
	problems_finish(&problems);
}

int offline_answer(const struct arguments *arguments)
{
	const struct admin_operations operations = {
		.release = GATEWAY_RELEASE,
		.config_dir = arguments->config,
		.module_dir = arguments->modules,
		.notes = configuration_notes(),
	};
	struct worker *main = worker_create(HANG_MAIN);
	if (!main)
		return EX_OSERR;
	read_configuration(arguments);
	/* a person's terminal is the log here: hints for the authors of modules say nothing to him
	 */
	log_set_level(LOG_LEVEL_ERROR);
	int code = admin_answer_alone(main, &operations, (const char *const *)arguments->answer);
	snapshot_publish(NULL);
	worker_destroy(main);
	return code;
}
