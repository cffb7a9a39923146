#include "supervisor/places.h"

#include "loop/worker.h"

#include <signal.h>
#include <sys/mman.h>

#define THREADS PLACES_MOST
#define STACK_SIZE (16 * 1024) /* of the handler, for a thread whose own stack is used up */
#define NOBODY (-1)

struct places {
	_Atomic unsigned taken;
	/* 0: not said, NOBODY: outside of modules, else number of the slot + 1 */
	_Atomic int culprit;
	struct place slots[THREADS];
};

static const int deadly[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP };
#define DEADLY (sizeof(deadly) / sizeof(deadly[0]))

static struct places *page; /* the serving process's */
static struct sigaction before[DEADLY];
static char stacks[THREADS][STACK_SIZE];
static _Thread_local struct place *own;
static _Thread_local bool asked;

struct places *places_create(void)
{
	void *memory = mmap(NULL, sizeof(struct places), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

void places_clear(struct places *places)
{
	memset(places, 0, sizeof(*places));
}

void places_destroy(struct places *places)
{
	if (places)
		munmap(places, sizeof(*places));
}

/* --- in the serving process --- */

static void use_own_stack(unsigned number)
{
	stack_t stack;
	if (sigaltstack(NULL, &stack) == 0 && !(stack.ss_flags & SS_DISABLE))
		return;
	stack = (stack_t){ .ss_sp = stacks[number], .ss_size = STACK_SIZE };
	sigaltstack(&stack, NULL);
}

static void take_slot(void)
{
	unsigned number = atomic_fetch_add(&page->taken, 1);
	asked = true;
	if (number >= THREADS)
		return;
	own = &page->slots[number];
	own->worker = worker_current() ? worker_number(worker_current()) + 1 : 0;
	use_own_stack(number);
}

static void watch(const struct chain_place *place)
{
	if (!asked)
		take_slot();
	struct place *slot = own;
	if (!slot)
		return;
	if (!place) {
		slot->inside = false;
		return;
	}
	slot->id = place->id;
	slot->hook = place->hook;
	memccpy(slot->instance, place->instance, '\0', PLACE_NAME);
	slot->inside = true;
}

static const struct sigaction *action_before(int signal_number)
{
	size_t i = 0;
	while (i + 1 < DEADLY && deadly[i] != signal_number)
		i++;
	return &before[i];
}

/* What would have happened happens still: a fault comes again when the handler returns, a signal
 * that was sent is sent again. */
static void died(int signal_number, siginfo_t *info, void *context)
{
	int unsaid = 0, culprit = own && own->inside ? (int)(own - page->slots) + 1 : NOBODY;
	atomic_compare_exchange_strong(&page->culprit, &unsaid, culprit);
	sigaction(signal_number, action_before(signal_number), NULL);
	if (info->si_code <= 0)
		raise(signal_number);
}

void places_watch(struct places *places)
{
	struct sigaction action = { .sa_sigaction = died, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	sigemptyset(&action.sa_mask);
	page = places;
	for (size_t i = 0; i < DEADLY; i++)
		sigaction(deadly[i], &action, &before[i]);
	chain_set_watch(watch);
}

void places_beat(unsigned worker)
{
	if (!page)
		return;
	if (!asked)
		take_slot();
	if (!own)
		return;
	own->worker = worker + 1;
	own->beat++;
}

const struct places *places_own(void)
{
	return page;
}

/* --- who looks --- */

/* The thread goes on writing meanwhile, with plain stores: a name half old and half new is possible
 * and harms nobody, since a thread that hangs writes nothing. So this copy is none of a checker's
 * business. */
__attribute__((no_sanitize("thread"))) static void copy_place(const struct place *slot,
							      struct place *place)
{
	const volatile uint8_t *from = (const volatile uint8_t *)slot;
	uint8_t *to = (uint8_t *)place;
	for (size_t i = 0; i < sizeof(*place); i++)
		to[i] = from[i];
}

bool places_thread(const struct places *places, size_t nth, struct place *place)
{
	if (!places || nth >= THREADS)
		return false;
	copy_place(&places->slots[nth], place);
	if (!place->worker)
		return false;
	place->instance[PLACE_NAME] = '\0';
	return true;
}

static size_t blame(const struct place *slot, struct place *blamed)
{
	if (!slot->inside)
		return 0;
	*blamed = *slot;
	blamed->instance[PLACE_NAME] = '\0';
	return 1;
}

size_t places_blame(const struct places *places, struct place *blamed, size_t room)
{
	int culprit = places->culprit;
	size_t count = 0;
	if (culprit > 0 && culprit <= THREADS)
		return room ? blame(&places->slots[culprit - 1], blamed) : 0;
	for (size_t i = 0; culprit == 0 && i < THREADS && count < room; i++)
		count += blame(&places->slots[i], &blamed[count]);
	return count;
}

const char *place_hook(const struct place *place)
{
	return place->hook < GW_HOOKS ? hook_table[place->hook].name : "start or stop";
}
