#include "daemon/daemon.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
	"usage: gatewayd --config DIR --state DIR [--user NAME] [--foreground] [--init] [--check] [--check-spool]\n"
	"  --config DIR    the folder of fragments (default " GATEWAY_CONFIG_DIR ")\n"
	"  --state DIR     spool, journal, state and control socket (default " GATEWAY_STATE_DIR
	")\n"
	"  --modules DIR   the folder of modules (default: beside the program, else " GATEWAY_MODULE_DIR
	")\n"
	"  --user NAME     whom the serving process runs as when this is started by root (default: gateway, where it exists)\n"
	"  --foreground    stay in the foreground; else a log.path of \"-\" is STATE/log\n"
	"  --worker-timeout SECONDS  a worker that hangs for this long is ended, and all start again (default 30; 0: never)\n"
	"  --core-dumps    let it dump core, keys and passwords included\n"
	"  --init [--hostname NAME]  make a first configuration where there is none, and what it names and is missing: certificate, DKIM keys, a login\n"
	"  --answer WORDS  answer gatewayctl's words (help, options, dkim keygen) of the configuration alone, as JSON, and exit\n"
	"  --check         check the configuration, say what is wrong, and exit\n"
	"  --check-spool   check the spool without changing it, and exit\n"
	"  --version\n";

/* A folder below the one above the program's, where there is one: of a build tree, or of the prefix
 * that the program was installed to. */
static const char *beside_program(const char *name)
{
	char self[4096], *folder = NULL;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	for (int i = 0; len > 0 && i < 2; i++) {
		self[len] = '\0';
		char *slash = strrchr(self, '/');
		len = slash ? slash - self : 0;
	}
	if (len > 0 && asprintf(&folder, "%.*s/%s", (int)len, self, name) > 0 &&
	    access(folder, R_OK) == 0)
		return folder;
	free(folder);
	return NULL;
}

static const char *default_modules(void)
{
	const char *built = beside_program("modules"),
		   *installed = built ? NULL : beside_program(GATEWAY_LIBDIR "/gateway/modules");
	return built ? built : installed ? installed : GATEWAY_MODULE_DIR;
}

static const char *default_shipped(void)
{
	const char *here = beside_program("share/gateway/conf.d");
	return here ? here : GATEWAY_SHIPPED_DIR;
}

static void leave(int code)
{
	fputs(usage, code == EX_OK ? stdout : stderr);
	exit(code);
}

static unsigned seconds(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);
	if (!*text || *end || value > 86400)
		leave(EX_USAGE);
	return (unsigned)value;
}

static void take(struct arguments *arguments, int option, char **argv)
{
	switch (option) {
	case 'c':
		arguments->config = optarg;
		break;
	case 's':
		arguments->state = optarg;
		break;
	case 'm':
		arguments->modules = optarg;
		break;
	case 'f':
		arguments->foreground = true;
		break;
	case 'u':
		arguments->user = optarg;
		break;
	case 'w':
		arguments->worker_timeout = seconds(optarg);
		break;
	case 'd':
		arguments->core_dumps = true;
		break;
	case 't':
		arguments->check = true;
		break;
	case 'I':
		arguments->init = true;
		break;
	case 'H':
		arguments->hostname = optarg;
		break;
	case 'A':
		arguments->answer = argv; /* what is left when the options are read */
		break;
	case 'S':
		arguments->check_spool = true;
		break;
	case 'V':
		puts("gatewayd " GATEWAY_RELEASE);
		exit(EX_OK);
	default:
		leave(option == 'h' ? EX_OK : EX_USAGE);
	}
}

void arguments_parse(struct arguments *arguments, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "state", required_argument, NULL, 's' },
		{ "modules", required_argument, NULL, 'm' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "check", no_argument, NULL, 't' },
		{ "check-spool", no_argument, NULL, 'S' },
		{ "init", no_argument, NULL, 'I' },
		{ "hostname", required_argument, NULL, 'H' },
		{ "answer", no_argument, NULL, 'A' },
		{ "user", required_argument, NULL, 'u' },
		{ "core-dumps", no_argument, NULL, 'd' },
		{ "worker-timeout", required_argument, NULL, 'w' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	*arguments = (struct arguments){ .config = GATEWAY_CONFIG_DIR,
					 .state = GATEWAY_STATE_DIR,
					 .worker_timeout = 30 };
	for (int option; (option = getopt_long(argc, argv, "c:s:m:u:fthV", options, NULL)) != -1;)
		take(arguments, option, argv);
	if ((optind < argc && !arguments->answer) || (arguments->hostname && !arguments->init))
		leave(EX_USAGE);
	if (arguments->answer)
		arguments->answer = argv + optind;
	arguments->shipped = default_shipped();
	if (!arguments->modules)
		arguments->modules = default_modules();
}
