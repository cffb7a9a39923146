#include "host.h"

#include "base/log.h"
#include "module/chain.h"
#include "queue/queue.h"
#include "smtp/sasl.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

struct host host;

/* --- what stands for the delivery --- */

static void delivered(struct gw_message *message)
{
	assert_in_range(host.delivered_count, 0, HOST_SEEN - 1);
	host.delivered[host.delivered_count++] = message->id;
	queue_final(message);
}

static void deliver(struct gw_message *message)
{
	if (!host.delivers_later) {
		delivered(message);
		return;
	}
	assert_in_range(host.at_work, 0, HOST_SEEN - 1);
	host.work[host.at_work++] = message;
}

void host_deliver(void)
{
	while (host.at_work)
		delivered(host.work[--host.at_work]);
	host_settle();
}

/* --- begin and end --- */

#define MINUTE 60000
#define REFS 1000 /* a rig is never destroyed by its last holder */

static void settle_settings(struct settings *settings)
{
	settings->hostname = gw_str("gateway.example");
	settings->default_type = gw_str("individual");
	settings->limits.message_size = 1 << 20;
	settings->limits.recipients = 10;
	settings->limits.sessions = 100;
	settings->limits.sessions_per_client = 10;
	settings->limits.line = 4096;
	settings->limits.junk = 20;
	settings->limits.login_failures = 3;
	settings->limits.hops = 50;
	settings->limits.extent = 4096;
	settings->limits.data_rate = 1000;
	settings->timeouts.command = 5 * MINUTE;
	settings->timeouts.data = 5 * MINUTE;
	settings->timeouts.message = 60 * MINUTE;
	settings->timeouts.handshake = MINUTE / 2;
	settings->timeouts.scarce = 10000;
	settings->timeouts.session = 60 * MINUTE;
	settings->queue.active = 1000;
	settings->queue.expire = INT64_C(24) * 60 * MINUTE;
	settings->queue.retry_ms = &host.retry_ms;
	settings->queue.retry_count = 1;
}

static void found(void *arg, const struct spool_found *message)
{
	assert_int_equal(queue_recovered(host.worker, message), 0);
}

static struct spool *open_spool(spool_found_fn *each, void *arg)
{
	struct spool_options options = { .path = "spool", .segment_size = 64 << 10 };
	struct problems problems;

	problems_init(&problems);
	struct spool *spool = spool_open(&options, each, arg, &problems);
	assert_non_null(spool);
	problems_finish(&problems);
	return spool;
}

static struct worker *workers[1];

static void up(void)
{
	host.worker = workers[0] = worker_create(0);
	runtime.workers = workers;
	runtime.worker_count = 1;
	runtime.pool = offload_create(1);
	atomic_store(&runtime.stopping, false);
	worker_use_pool(host.worker, runtime.pool);
	worker_set(host.worker, SLOT_IDS, &host.ids);
	assert_int_equal(queue_start(host.worker, deliver), 0);
	assert_int_equal(receive_start(host.worker), 0);
	runtime.spool = open_spool(found, NULL);
}

static void end_worker(struct post *post)
{
	receive_stop(host.worker);
	chain_drop_all(host.worker);
}

/* In the order of daemon/workers.c. */
static void down(void)
{
	struct post end = { .run = end_worker };

	atomic_store(&runtime.stopping, true);
	worker_post(host.worker, &end);
	host_settle();
	offload_destroy(runtime.pool);
	runtime.pool = NULL;
	worker_use_pool(host.worker, NULL);
	host_settle();
	spool_stop(runtime.spool);
	host_settle();
	host.at_work = 0;
	queue_stop(host.worker);
	receive_finish(host.worker);
	worker_destroy(host.worker);
	spool_close(runtime.spool);
	runtime.spool = NULL;
}

static void configure(struct rig *rig)
{
	rig_init(rig);
	atomic_init(&rig->snapshot.refs, REFS);
	settle_settings(&rig->snapshot.settings);
	host_module(rig);
}

void host_begin(void)
{
	memset(&host, 0, sizeof(host));
	/* memory that is given back and asked for again thousands of times costs more than all else
	 */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	assert_int_equal(sasl_init(), 0);
	if (!getenv("SIM_LOG")) /* the log of thousands of runs is for nobody */
		log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
	clock_begin();
	host.retry_ms = MINUTE;
	host.disk = disk_create();
	disk_use(host.disk);
	host.now = &host.rigs[0];
	configure(host.now);
	host.says[GW_HOOK_rcpt].verdict = host.says[GW_HOOK_auth].verdict = GW_ACCEPT;
	host.listener = (struct listen_settings){ .tls = TLS_STARTTLS,
						  .name = gw_str("192.0.2.25:25") };
	up();
}

void host_start(void)
{
	struct listen_socket socket = { HOST_LISTENER, &host.listener };

	snapshot_publish(snapshot_hold(&host.now->snapshot));
	assert_int_equal(receive_listen(host.worker, &host.now->snapshot, &socket, 1), 0);
}

void host_restart(void)
{
	down();
	up();
	host_start();
	host_settle();
}

/* --- what always holds --- */

static size_t count_of(const uint64_t *ids, size_t count, uint64_t id)
{
	size_t found_count = 0;

	for (size_t i = 0; i < count; i++)
		found_count += ids[i] == id;
	return found_count;
}

struct search {
	uint64_t id;
	bool found;
};

static void compare(void *arg, const struct spool_found *message)
{
	struct search *search = arg;

	search->found |= message->id == search->id;
}

/* Recovery of what a power cut would leave is the judge of it. */
bool message_is_safe(uint64_t id)
{
	struct search search = { .id = id };
	struct disk *after = disk_after_power_cut(host.disk), *before = disk_use(after);

	spool_close(open_spool(compare, &search));
	disk_use(before);
	disk_destroy(after);
	return search.found;
}

/* Each message is told to modules once, after the hook `message` ran, and never without. */
static void check_told(void)
{
	for (size_t i = 0; i < host.checked_count; i++) {
		size_t times = 0;
		for (size_t j = 0; j < host.told_count; j++)
			times += host.told[j].id == host.checked[i];
		assert_int_equal(times, 1);
	}
}

/* What was accepted is delivered once, whoever heard of it; nothing else is. */
static void check_delivered(void)
{
	size_t accepted = 0;

	for (size_t i = 0; i < host.told_count; i++) {
		size_t times = count_of(host.delivered, host.delivered_count, host.told[i].id);
		assert_int_equal(times, host.told[i].accepted ? 1 : 0);
		accepted += host.told[i].accepted;
	}
	assert_int_equal(accepted, host.delivered_count);
}

size_t host_kept(void)
{
	struct spool_stats stats;

	spool_stats(runtime.spool, &stats);
	return stats.messages;
}

static void check_nothing_left(void)
{
	assert_int_equal(receive_open(host.worker), 0);
	assert_int_equal(peers_open(), 0);
	assert_int_equal(atomic_load(&counters.sessions_open), 0);
	assert_null(host.held);
	assert_int_equal(loop_timers(host.worker), 0);
	assert_int_equal(host_kept(), 0);
	assert_int_equal(disk_loose_extents(runtime.spool), 0);
	assert_int_equal(disk_expected(runtime.spool), 0);
}

/* Until nothing waits for the module, the pool or the disk. */
void host_rest(void)
{
	do {
		host_settle();
		while (host.held)
			host_answer();
		while (offload_work())
			host_settle();
		disk_work(runtime.spool);
		host_settle();
	} while (host.held || disk_is_due(runtime.spool));
}

void host_end(void)
{
	host_rest();
	host.delivers_later = false;
	host_deliver();
	host_rest();
	if (atomic_load(&runtime.stopping)) /* what was taken is sent after the next start */
		host_restart();
	host_rest();
	check_told();
	check_delivered();
	check_nothing_left();
	down();
	snapshot_publish(NULL);
	for (size_t i = 0; i < 2; i++) {
		unsigned refs = atomic_load(&host.rigs[i].snapshot.refs);

		assert_int_equal(refs, refs ? REFS : 0);
		rig_finish(&host.rigs[i]);
	}
	disk_use(NULL);
	disk_destroy(host.disk);
}

/* --- what happens --- */

void host_settle(void)
{
	loop_settle(host.worker);
}

void host_pass(int64_t ms)
{
	loop_pass(host.worker, ms);
}

void host_disk_work(void)
{
	disk_work(runtime.spool);
	host_settle();
}

/* What runs keeps the configuration that it began with. */
void host_reload(void)
{
	struct rig *next = host.now == &host.rigs[0] ? &host.rigs[1] : &host.rigs[0];

	*next = (struct rig){ 0 };
	configure(next);
	next->snapshot.generation = host.now->snapshot.generation + 1;
	next->snapshot.settings = host.now->snapshot.settings;
	host.now = next;
	host_start();
	host_settle();
}

void host_drain(void)
{
	atomic_store(&runtime.stopping, true);
	receive_drain(host.worker);
	host_settle();
}

/* --- what a client heard --- */

static size_t line_end(struct gw_str text)
{
	for (size_t i = 0; i + 1 < text.len; i++)
		if (text.ptr[i] == '\r' && text.ptr[i + 1] == '\n')
			return i;
	fail_msg("half a line: %.*s", (int)text.len, text.ptr);
	return 0;
}

static struct reply reply_of(struct gw_str line)
{
	struct reply reply = { 0 };

	assert_in_range(line.len, 4, 600);
	assert_true(line.ptr[3] == ' ' || line.ptr[3] == '-');
	for (int i = 0; i < 3; i++)
		assert_in_range(line.ptr[i], '0', '9');
	reply.code = atoi(line.ptr);
	snprintf(reply.text, sizeof(reply.text), "%.*s", (int)line.len - 4, line.ptr + 4);
	return reply;
}

size_t replies_of(const struct peer_end *peer, struct reply *replies, size_t most)
{
	struct gw_str rest = peer_heard(peer);
	size_t count = 0;

	while (rest.len) {
		struct gw_str line = gw_str_n(rest.ptr, line_end(rest));

		assert_in_range(count, 0, most - 1);
		replies[count] = reply_of(line);
		count += line.ptr[3] == ' ';
		rest = gw_str_from(rest, line.len + 2);
	}
	return count;
}
