/* mails.h - reads mails of a folder, and has them classified by the rules as they are shipped. */
#ifndef BOUNCE_TESTS_MAILS_H
#define BOUNCE_TESTS_MAILS_H

#include <gateway/testkit.h>

#include <stdio.h>
#include <stdlib.h>

#define SHIPPED TEST_FOLDER "/../../../conf.d/75-bounce.conf"

/* To be freed; ended by a NUL that `len` does not count. */
static inline char *mail_bytes(const char *path, size_t *len)
{
	char *bytes = calloc(1, 1 << 20);
	FILE *file = fopen(path, "r");

	if (!file || !bytes)
		abort();
	*len = fread(bytes, 1, (1 << 20) - 1, file);
	fclose(file);
	return bytes;
}

/* What `gatewayctl bounce classify < bytes` answers. */
static inline const char *mail_classify(struct testkit *kit, const char *bytes, size_t len)
{
	struct gw_str word = GW_STR("classify");
	struct gw_command command = { .size = sizeof command,
				      .words = { &word, 1 },
				      .input = { bytes, len } };

	testkit_forget(kit);
	testkit_run_control_command(kit, &command);
	return testkit_line(kit, TESTKIT_REPLY, 0);
}

#endif
