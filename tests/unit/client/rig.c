#include "rig.h"

#include "queue/queue.h"
#include "smtp/sasl.h"

#include <stdio.h>
#include <stdlib.h>

static _Atomic int rigs;

static void begin_worker(struct rig *rig, unsigned number)
{
	assert_int_equal(loop_init(), 0);
	assert_int_equal(sasl_init(), 0);
	rig->worker = worker_create(number);
	rig->pool = offload_create(1);
	rig->resolver = resolver_create(rig->worker, rig->pool, NULL, "/etc/hosts");
	worker_set(rig->worker, SLOT_RESOLVER, rig->resolver);
	assert_int_equal(queue_start(rig->worker, NULL),
			 0); /* a relay queue tells it when it has room */
	assert_int_equal(transport_start(rig->worker), 0);
	rig->login = GW_ACCEPT;
	rig->max_ms = 30000;
}

void rig_init(struct rig *rig, unsigned worker_number, unsigned short port)
{
	struct settings *settings;
	memset(rig, 0, sizeof *rig);
	begin_worker(rig, worker_number);
	rig->snapshot = &rig->own_snapshot;
	rig->relay = &rig->own_relay;
	rig->snapshot->generation = 1;
	settings = &rig->snapshot->settings;
	settings->hostname = gw_str("gateway.example");
	settings->delivery.connect = settings->delivery.greeting = settings->delivery.helo =
		settings->delivery.mail = 20000;
	settings->delivery.rcpt = settings->delivery.data = settings->delivery.block =
		settings->delivery.dot = 20000;
	settings->delivery.idle = 20000;
	snprintf(rig->name, sizeof rig->name, "relay-%d", rigs++);
	rig->relay->name = gw_str(rig->name);
	rig->hosts[0] = gw_str("127.0.0.1");
	rig->relay->hosts.items = rig->hosts;
	rig->relay->hosts.count = 1;
	rig->relay->port = port;
	rig->relay->connections = 10;
	rig->relay->per_connection = 100;
	rig->relay->max_rcpts = 100;
	rig->relay->enabled = true;
}

void rig_share(struct rig *rig, unsigned worker_number, struct rig *other)
{
	memset(rig, 0, sizeof *rig);
	begin_worker(rig, worker_number);
	rig->snapshot = other->snapshot;
	rig->relay = other->relay;
}

void rig_finish(struct rig *rig)
{
	transport_stop(rig->worker);
	transport_finish(rig->worker);
	queue_stop(rig->worker);
	resolver_destroy(rig->resolver);
	offload_destroy(rig->pool);
	worker_destroy(rig->worker);
	tls_release(rig->own_relay.client);
}

static void on_login(struct attempt *attempt, struct gw_str mechanisms)
{
	struct sending *sending = (struct sending *)((char *)attempt -
						     offsetof(struct sending, attempt));
	struct gw_login login = { .size = sizeof login,
				  .user = gw_str("user"),
				  .secret = gw_str("sesame") };
	if (sending->rig->mechanism)
		login.mechanism = gw_str(sending->rig->mechanism);
	sending->asked = mechanisms;
	sending->asked_count++;
	if (sending->rig->login != GW_PENDING)
		attempt_login(attempt, sending->rig->login, &login);
}

static void on_done(struct attempt *attempt)
{
	struct sending *sending = (struct sending *)((char *)attempt -
						     offsetof(struct sending, attempt));
	assert_false(sending->done);
	sending->done = true;
	if (--sending->rig->waiting_for == 0)
		worker_stop(sending->rig->worker);
}

void sending_init(struct sending *sending, struct rig *rig, const char *text, const char *rcpts)
{
	size_t len;
	memset(sending, 0, sizeof *sending);
	sending->rig = rig;
	arena_init(&sending->arena, 0);
	arena_init(&sending->message.arena, 0);
	sending->message.sender = gw_str("from@sender.example");
	sending->message.content.size = strlen(text);
	sending->message.content.tail = gw_str(text);
	edits_init(&sending->edits, &sending->message, &sending->arena);
	for (; *rcpts; rcpts += len + (rcpts[len] == ' ')) {
		size_t nth = sending->attempt.count++;
		len = strcspn(rcpts, " ");
		sending->rcpts[nth].address = arena_str(&sending->arena, gw_str_n(rcpts, len));
		sending->rcpts[nth].domain = gw_str_from(
			sending->rcpts[nth].address,
			gw_str_find(sending->rcpts[nth].address, '@') + 1);
		sending->pointers[nth] = &sending->rcpts[nth];
	}
	sending->attempt.worker = rig->worker;
	sending->attempt.snapshot = rig->snapshot;
	sending->attempt.relay = rig->relay;
	sending->attempt.edits = &sending->edits;
	sending->attempt.arena = &sending->arena;
	sending->attempt.rcpts = sending->pointers;
	sending->attempt.outcomes = sending->outcomes;
	sending->attempt.login = on_login;
	sending->attempt.done = on_done;
}

void sending_finish(struct sending *sending)
{
	arena_finish(&sending->arena);
	arena_finish(&sending->message.arena);
}

void rig_send(struct sending *sending)
{
	sending->rig->waiting_for++;
	transport_send(&sending->attempt);
	assert_false(sending->done);
}

struct watchdog {
	struct timer timer;
	struct rig *rig;
};

static void bark(struct timer *timer)
{
	struct watchdog *dog = (struct watchdog *)((char *)timer -
						   offsetof(struct watchdog, timer));
	dog->rig->late = true;
	worker_stop(dog->rig->worker);
}

static void run_for(struct rig *rig, int64_t ms)
{
	struct watchdog dog = { .rig = rig };
	rig->late = false;
	timer_set(rig->worker, &dog.timer, ms, bark);
	worker_run(rig->worker);
	timer_clear(&dog.timer);
}

void rig_run(struct rig *rig)
{
	if (rig->waiting_for == 0)
		return;
	run_for(rig, rig->max_ms);
	assert_false(rig->late);
}

void rig_wait(struct rig *rig, int ms)
{
	run_for(rig, ms);
}

struct outcome rig_once(struct rig *rig, struct sending *sending, const char *text,
			const char *rcpts)
{
	sending_init(sending, rig, text, rcpts);
	rig_send(sending);
	rig_run(rig);
	return sending->outcomes[0];
}
