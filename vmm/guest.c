/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guests and their lives.
 *
 * Each guest of the configuration has a keeper: a task on core 0 that builds the TD, starts a task per vCPU on the
 * cores they are pinned to, waits for all of them to leave, tears everything down and compares the page books with
 * those from before. Ending is asked for by anybody (guest_request_end); only the keeper tears down. struct guest
 * stays allocated for ever, its per-life members are zeroed at the start of a life.
 *
 * guest.lock guards state and end; it is never held while a page, a TD or another task is waited for. The books can
 * only be compared when no other TD lived meanwhile; `guests.lock` guards the bookkeeping for that.
 */
#include "vmm/guest.h"

#include "include/cella/errno.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/percpu.h"
#include "tdx/module.h"
#include "vmm/build.h"
#include "vmm/console_cmd.h"
#include "vmm/counters.h"
#include "vmm/run.h"

#define KEEPER_CPU 0
#define RESTART_PAUSE_NS NS_PER_S	/* a guest that crashes at once must not keep a core busy building */

static struct {
	u32 count;
	struct guest *guests[CONFIG_MAX_GUESTS];	/* (c) */
	struct guest *terminal;	/* (c) gets the terminal when it starts */
	struct spinlock lock;
	u32 alive;	/* (l) lives between build and end of teardown */
	u64 births;	/* (l) lives ever begun */
} guests;

/* The page books around a life. */
struct audit {
	struct page_books before;
	bool alone;	/* no other TD lived when this one began */
	u64 birth;
};

u32 guest_count(void)
{
	return guests.count;
}

struct guest *guest_at(u32 index)
{
	return index < guests.count ? guests.guests[index] : NULL;
}

struct guest *guest_find(const char *name)
{
	for (u32 i = 0; i < guests.count; i++)
		if (!strcmp(guests.guests[i]->config->name, name))
			return guests.guests[i];
	return NULL;
}

const char *guest_end_name(enum guest_end end)
{
	static const char *const names[] = {
		[GUEST_END_NONE] = "none", [GUEST_END_POWER_OFF] = "powered off", [GUEST_END_RESET] = "reset",
		[GUEST_END_FATAL_REPORT] = "reported a fatal error", [GUEST_END_CRASH] = "crashed",
		[GUEST_END_OPERATOR] = "stopped by the operator", [GUEST_END_BUILD_FAILED] = "not built",
	};

	return names[end];
}

const char *guest_state_name(enum guest_state state)
{
	static const char *const names[] = { "stopped", "building", "running", "ending" };

	return names[state];
}

/* vCPUs go to cores 1, 2, ... in turn; core 0, which has the console and the keepers, is used only when it is alone. */
u32 guest_vcpu_cpu(const struct guest *guest, u32 index)
{
	u32 workers = cpu_count() - 1;

	return workers ? 1 + (guest->first_cpu + index) % workers : 0;
}

/* ---- the books ---- */

static u64 free_pages(const struct page_books *books)
{
	return books->pages[ZONE_HOST][PAGE_FREE] + books->pages[ZONE_TD][PAGE_FREE];
}

static void audit_begin(struct audit *audit)
{
	spin_lock(&guests.lock);
	audit->alone = guests.alive == 0;
	guests.alive++;
	audit->birth = ++guests.births;
	spin_unlock(&guests.lock);
	page_books_read(&audit->before);
}

static void report_difference(const char *name, const struct page_books *before, const struct page_books *after)
{
	static const char *const zones[ZONE_COUNT] = { "host", "TD pool" };

	for (u32 zone = 0; zone < ZONE_COUNT; zone++)
		for (u32 owner = 0; owner < PAGE_OWNER_COUNT; owner++)
			if (before->pages[zone][owner] != after->pages[zone][owner])
				log_error("td", "%s: the page books differ: %s, \"%s\": %lu pages before, %lu after",
					  name, zones[zone], page_owner_name((enum page_owner)owner),
					  before->pages[zone][owner], after->pages[zone][owner]);
}

static void audit_end(const struct audit *audit, const char *name, u64 taken)
{
	struct page_books after;
	bool comparable;

	page_books_read(&after);
	spin_lock(&guests.lock);
	guests.alive--;
	comparable = audit->alone && guests.births == audit->birth;
	spin_unlock(&guests.lock);
	if (!comparable)
		log_info("td", "%s: pages given back; the books are not compared because another TD lived meanwhile",
			 name);
	else if (page_books_equal(&audit->before, &after))
		log_info("td", "%s: all %lu pages given back, books equal", name, taken);
	else
		report_difference(name, &audit->before, &after);
}

/* ---- one life ---- */

static bool is_atomic_set(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_SEQ_CST);
}

static void set_state(struct guest *guest, enum guest_state state)
{
	spin_lock(&guest->lock);
	guest->state = state;
	spin_unlock(&guest->lock);
}

void guest_request_end(struct guest *guest, enum guest_end why)
{
	bool running;

	spin_lock(&guest->lock);
	running = guest->state == GUEST_RUNNING;
	if (guest->state != GUEST_STOPPED && guest->end == GUEST_END_NONE)
		guest->end = why;
	if (running)
		guest->state = GUEST_ENDING;
	if (guest->state != GUEST_STOPPED)
		__atomic_store_n(&guest->stop_requested, true, __ATOMIC_SEQ_CST);
	spin_unlock(&guest->lock);
	for (u32 i = 0; running && i < guest->vcpu_count; i++) {
		vcpu_kick(&guest->vcpus[i].vcpu);
		event_signal(&guest->vcpus[i].wake);
	}
}

static void forget_last_life(struct guest *guest)
{
	spin_lock(&guest->lock);
	/* The operator may have been faster than the keeper. */
	guest->end = is_atomic_set(&guest->stay_stopped) ? GUEST_END_OPERATOR : GUEST_END_NONE;
	__atomic_store_n(&guest->stop_requested, guest->end != GUEST_END_NONE, __ATOMIC_SEQ_CST);
	spin_unlock(&guest->lock);
	memset(&guest->td, 0, offsetof(struct guest, per_life_end) - offsetof(struct guest, td));
	event_init(&guest->ended);
	for (u32 i = 0; i < guest->vcpu_count; i++) {
		guest->vcpus[i].guest = guest;
		event_init(&guest->vcpus[i].wake);
	}
	guest->lives++;
}

/* Tasks for all vCPUs; how many could be started. */
static u32 start_vcpus(struct guest *guest)
{
	char name[sizeof(guest->keeper.name)];
	u32 missing;

	__atomic_store_n(&guest->vcpus_left, guest->vcpu_count, __ATOMIC_SEQ_CST);
	for (u32 i = 0; i < guest->vcpu_count; i++) {
		format_text(name, sizeof(name), "%s/%u", guest->config->name, i);
		if (!task_start(&guest->vcpus[i].task, name, guest_vcpu_cpu(guest, i), run_vcpu, &guest->vcpus[i]))
			continue;
		log_error("td", "%s: no stack is left for vCPU %u", guest->config->name, i);
		guest_request_end(guest, GUEST_END_BUILD_FAILED);
		missing = guest->vcpu_count - i;
		if (__atomic_sub_fetch(&guest->vcpus_left, missing, __ATOMIC_SEQ_CST) == 0)
			event_signal(&guest->ended);
		return i;
	}
	return guest->vcpu_count;
}

static void log_line(const struct guest *guest, const char *line)
{
	log_info("td", "%s: %s", guest->config->name, line);
}

static void run_until_end(struct guest *guest)
{
	u32 started;

	spin_lock(&guest->lock);
	/* A request to end that came during the build is honoured by the vCPU tasks, which leave at once. */
	guest->state = guest->end == GUEST_END_NONE ? GUEST_RUNNING : GUEST_ENDING;
	spin_unlock(&guest->lock);
	if (guest == guests.terminal && guest_attach(guest))
		log_debug("td", "%s: the terminal is not attached", guest->config->name);
	started = start_vcpus(guest);
	event_wait(&guest->ended);
	for (u32 i = 0; i < started; i++)
		task_join(&guest->vcpus[i].task);
}

static void live(struct guest *guest)
{
	const char *name = guest->config->name;
	struct page_books full;
	struct audit audit;
	u64 taken;

	audit_begin(&audit);
	forget_last_life(guest);
	if (build_guest(guest))
		guest->end = GUEST_END_BUILD_FAILED;
	else
		run_until_end(guest);
	set_state(guest, GUEST_ENDING);
	page_books_read(&full);	/* everything is taken, nothing given back yet */
	taken = free_pages(&audit.before) - free_pages(&full);
	console_detach(&guest->console);
	if (guest->end != GUEST_END_BUILD_FAILED) {
		log_info("td", "%s: %s after %lu s", name, guest_end_name(guest->end),
			 (time_ns() - guest->launched_ns) / NS_PER_S);
		counters_print(guest, log_line);
	}
	build_undo(guest);
	audit_end(&audit, name, taken);
}

/* What failed to build would fail again, and what the operator stopped stays stopped. */
static bool lives_again(const struct guest *guest)
{
	return guest->config->restart_on_exit && guest->end != GUEST_END_BUILD_FAILED &&
	       guest->end != GUEST_END_OPERATOR && !is_atomic_set(&guest->stay_stopped);
}

/* False: the operator ended it meanwhile. */
static bool pause_before_restart(struct guest *guest)
{
	set_state(guest, GUEST_BUILDING);
	task_sleep_until(time_ns() + RESTART_PAUSE_NS);
	if (is_atomic_set(&guest->stay_stopped))
		return false;
	log_info("td", "%s: started again", guest->config->name);
	return true;
}

static void keep(void *arg)
{
	struct guest *guest = arg;

	do {
		live(guest);
	} while (lives_again(guest) && pause_before_restart(guest));
	set_state(guest, GUEST_STOPPED);
}

/* ---- commands of the operator ---- */

/* Callers are the console task and the keeper, both on core 0: the guest cannot lose its console between the lines. */
int guest_attach(struct guest *guest)
{
	if (!guest->config->has_console)
		return -ENODEV;
	if (guest->state != GUEST_RUNNING)
		return -EBUSY;
	console_attach(&guest->console);
	return 0;
}

int guest_start(struct guest *guest)
{
	int error;

	if (tdx_module_state() != TDX_MODULE_READY)
		return -ENODEV;
	spin_lock(&guest->lock);
	error = guest->state == GUEST_STOPPED ? 0 : -EBUSY;
	if (!error)
		guest->state = GUEST_BUILDING;
	spin_unlock(&guest->lock);
	if (error)
		return error;
	if (guest->keeper_started)
		task_join(&guest->keeper);
	__atomic_store_n(&guest->stay_stopped, false, __ATOMIC_SEQ_CST);
	error = task_start(&guest->keeper, guest->config->name, KEEPER_CPU, keep, guest);
	guest->keeper_started = !error;
	if (error)
		set_state(guest, GUEST_STOPPED);
	return error;
}

int guest_stop(struct guest *guest)
{
	if (guest->state == GUEST_STOPPED)
		return -EBUSY;
	__atomic_store_n(&guest->stay_stopped, true, __ATOMIC_SEQ_CST);
	guest_request_end(guest, GUEST_END_OPERATOR);
	return 0;
}

void guests_stop_all(void)
{
	for (u32 i = 0; i < guests.count; i++)
		if (guest_stop(guests.guests[i]) == 0)
			log_info("td", "%s: stopping", guests.guests[i]->config->name);
	for (u32 i = 0; i < guests.count; i++) {
		if (!guests.guests[i]->keeper_started)
			continue;
		task_join(&guests.guests[i]->keeper);
		guests.guests[i]->keeper_started = false;
	}
}

static struct guest *create(const struct guest_config *config, u32 first_cpu)
{
	struct guest *guest = page_zalloc(DIV_ROUND_UP(sizeof(*guest), PAGE_SIZE), PAGE_GUEST);

	if (!guest)
		return NULL;
	guest->config = config;
	guest->vcpu_count = config->cpus;
	guest->first_cpu = first_cpu;
	guest->console.name = config->name;
	return guest;
}

void guests_create(const struct boot_info *boot)
{
	const struct config *config = config_load(boot);
	u32 first_cpu = 0;

	vmm_console_register();
	for (u32 i = 0; config && i < config->guest_count; i++) {
		struct guest *guest = create(&config->guests[i], first_cpu);

		if (!guest) {
			log_error("td", "%s is not started: no host memory is left", config->guests[i].name);
			continue;
		}
		guests.guests[guests.count++] = guest;
		first_cpu += guest->vcpu_count;
		if (!guests.terminal && guest->config->has_console)
			guests.terminal = guest;
	}
}

void guests_start(void)
{
	for (u32 i = 0; i < guests.count; i++)
		if (guest_start(guests.guests[i]))
			log_error("td", "%s is not started: no stack is left for its keeper",
				  guests.guests[i]->config->name);
}
