#include "client/relay_past.h"

#include "client/relay_queue.h"
#include "queue/runtime.h"

#include <stdio.h>

#define OWNER "relay-past"

void relay_past_load(struct relay_shared *shared)
{
	char text[400];
	long long succeeded, failed;
	int words = 0;

	if (!runtime.state)
		return;
	long len = state_record_get(runtime.state, gw_str(OWNER), shared->name, text,
				    sizeof(text) - 1);
	if (len <= 0 || len >= (long)sizeof(text))
		return;
	text[len] = '\0';
	if (sscanf(text, "%lld %lld %n", &succeeded, &failed, &words) != 2 || words == 0)
		return;
	atomic_store(&shared->succeeded_at, succeeded);
	attempt_set_last_error(shared, text + words, failed);
	shared->kept_success = succeeded;
	shared->kept_failure = failed;
}

static void save(void *arg, struct relay_shared *shared, const struct relay_now *now)
{
	int64_t succeeded = atomic_load(&shared->succeeded_at),
		failed = atomic_load(&shared->failed_at);
	char text[400], error[sizeof(shared->error)];

	if (succeeded == shared->kept_success && failed == shared->kept_failure)
		return;
	attempt_last_error(shared, error, sizeof(error));
	snprintf(text, sizeof(text), "%lld %lld %s", (long long)succeeded, (long long)failed,
		 error);
	if (state_record_put(runtime.state, gw_str(OWNER), shared->name, gw_str(text)) < 0)
		return;
	shared->kept_success = succeeded;
	shared->kept_failure = failed;
}

void relay_past_save(void)
{
	if (runtime.state)
		relay_shared_each(save, NULL);
}
