#include "trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/timex.h>

#include <glib.h>

#define SAVE_MS INT64_C(3600000)

static int64_t read_file(const char *folder)
{
	char *path = g_build_filename(folder, "clock", NULL), *text = NULL;
	int64_t ms = 0;

	if (g_file_get_contents(path, &text, NULL, NULL))
		ms = g_ascii_strtoll(text, NULL, 10);
	g_free(text);
	g_free(path);
	return ms > 0 ? ms : 0;
}

/* Not synced: an older one, as a power cut may bring back, is as good. */
static void write_file(const char *folder, int64_t ms)
{
	char *path = g_build_filename(folder, "clock", NULL);
	char *text = g_strdup_printf("%lld\n", (long long)ms);

	g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
	g_free(text);
	g_free(path);
}

void trust_read(struct trust *trust, const char *folder, int64_t known, int64_t up)
{
	int64_t saved = read_file(folder);

	*trust = (struct trust){ .believed = saved ? saved : known, .up = up, .saved = saved };
}

bool trust_look(struct trust *trust, const char *folder, int64_t now, int64_t up, bool sign)
{
	if (!sign && trust->believed && now - trust->believed > up - trust->up + TRUST_MS)
		return false;
	trust->believed = now;
	trust->up = up;
	if (llabs(now - trust->saved) >= SAVE_MS) {
		write_file(folder, now);
		trust->saved = now;
	}
	return true;
}

bool trust_clock_is_kept(void)
{
	struct timex timex = { .modes = 0 };

	return adjtimex(&timex) >= 0 && !(timex.status & STA_UNSYNC);
}
