/* knot.h - a real name server on 127.0.0.1 for tests: zones in a folder of its own, on a port that
 * was free. */
#ifndef TESTS_LOOP_KNOT_H
#define TESTS_LOOP_KNOT_H

#include "loop_test.h"

#include "loop/dns.h"

#include <arpa/nameser.h>
#include <fcntl.h>
#include <poll.h>
#include <resolv.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct knot {
	pid_t process;
	uint16_t port;
	char folder[64];
	char server[32]; /* "127.0.0.1@5300" */
};

static const char *const knot_program = "/usr/sbin/knotd";

static void knot_write(const struct knot *knot, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", knot->folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static bool knot_can_bind(int type, uint16_t port)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, type, 0);
	bool can = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return can;
}

/* Free for both UDP and TCP, and below the ports that the system gives to clients: another test's
 * connection may take one of those any time. */
static uint16_t knot_free_port(void)
{
	unsigned seed = (unsigned)getpid() * 7919u + (unsigned)clock_monotonic();

	for (unsigned i = 0; i < 1000; i++) {
		uint16_t port = (uint16_t)(10000 + (seed + i * 31) % 10000);
		if (knot_can_bind(SOCK_DGRAM, port) && knot_can_bind(SOCK_STREAM, port))
			return port;
	}
	fail_msg("no free port");
	return 0;
}

/* It has loaded the zone. */
static bool knot_knows(const struct knot *knot, const char *zone)
{
	struct sockaddr_in address = loopback(knot->port);
	unsigned char query[64], reply[512];
	int fd = socket(AF_INET, SOCK_DGRAM, 0),
	    len = res_mkquery(ns_o_query, zone, ns_c_in, ns_t_soa, NULL, 0, NULL, query,
			      sizeof(query));
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	bool knows;

	connect(fd, (struct sockaddr *)&address, sizeof(address));
	knows = send(fd, query, (size_t)len, 0) == len && poll(&wait, 1, 50) == 1 &&
		recv(fd, reply, sizeof(reply), 0) > 12 && (reply[3] & 15) == ns_r_noerror;
	close(fd);
	return knows;
}

static void knot_await(const struct knot *knot, const char *zone)
{
	int64_t until = clock_monotonic() + PATIENCE_MS;

	while (!knot_knows(knot, zone)) {
		assert_true(clock_monotonic() < until &&
			    waitpid(knot->process, NULL, WNOHANG) == 0);
		usleep(5000);
	}
}

static void knot_run(const struct knot *knot)
{
	char config[128];
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	snprintf(config, sizeof(config), "%s/knot.conf", knot->folder);
	execl(knot_program, "knotd", "-c", config, NULL);
	_exit(127);
}

/* How main() of a test that asks it begins. False: it is not installed, which was told, and the
 * test is skipped. */
static bool knot_is_there(void)
{
	bool is_there = access(knot_program, X_OK) == 0;

	if (loop_init() != 0)
		exit(1);
	if (!is_there)
		print_message(
			"skipped: knotd, which these tests ask, is not installed (Debian package knot)\n");
	return is_there;
}

/* A resolver that asks this server, with these options. */
static struct dns *knot_dns(struct worker *worker, const char *name, struct dns_options options)
{
	struct gw_str server = gw_str(name);
	struct problems problems;
	struct dns *dns;

	options.forward = (struct gw_list){ &server, 1 };
	problems_init(&problems);
	dns = dns_create(worker, &options, &problems);
	assert_non_null(dns);
	assert_int_equal(problems.errors, 0);
	problems_finish(&problems);
	return dns;
}

static void knot_prepare(struct knot *knot)
{
	strcpy(knot->folder, "/tmp/gateway-knot-XXXXXX");
	assert_non_null(mkdtemp(knot->folder));
	knot->port = knot_free_port();
	snprintf(knot->server, sizeof(knot->server), "127.0.0.1@%u", knot->port);
}

/* `zones`: the end of its configuration, with files that were written into the folder. */
static void knot_start(struct knot *knot, const char *zones)
{
	char config[4096];

	snprintf(
		config, sizeof(config),
		"server:\n  rundir: \"%s\"\n  listen: 127.0.0.1@%u\n  background-workers: 1\n  udp-workers: 1\n  tcp-workers: 1\n"
		"database:\n  storage: \"%s\"\n"
		"template:\n  - id: default\n    storage: \"%s\"\n    zonefile-sync: -1\n    journal-content: none\n%s",
		knot->folder, knot->port, knot->folder, knot->folder, zones);
	knot_write(knot, "knot.conf", config);
	knot->process = fork();
	if (knot->process == 0)
		knot_run(knot);
}

static void knot_stop(struct knot *knot)
{
	char command[128];

	kill(knot->process, SIGTERM);
	waitpid(knot->process, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", knot->folder);
	assert_int_equal(system(command), 0);
}

#endif
