/* SPDX-License-Identifier: BSD-2-Clause */
/* See fake_host.h. */
#include "tests/unit/fake_host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/spec/tdx/sept.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "tdx/module.h"
#include "tdx/seamcall.h"
#include "tdx/sept.h"
#include "tdx/sysinfo.h"

struct fake_host fake;

static struct timer *timers;
static u64 owned[PAGE_OWNER_COUNT];
static void *blocks[FAKE_MAX_PAGES];	/* what malloc gave, until the next reset */
static u64 block_pages[FAKE_MAX_PAGES];
static u32 block_count;
static struct percpu cpu0;

/* ---- kernel ---- */

void spin_lock(struct spinlock *lock)
{
	if (lock->next++)
		abort();	/* taken twice */
}

void spin_unlock(struct spinlock *lock)
{
	lock->next = 0;
}

u64 spin_lock_irqsave(struct spinlock *lock)
{
	spin_lock(lock);
	return 0;
}

void spin_unlock_irqrestore(struct spinlock *lock, u64 saved)
{
	spin_unlock(lock);
}

void log_write(enum log_level level, const char *subject, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fake.log, sizeof(fake.log), format, args);
	va_end(args);
	if (strlen(fake.all_log) + strlen(fake.log) + 2 < sizeof(fake.all_log)) {
		strcat(fake.all_log, fake.log);
		strcat(fake.all_log, "\n");
	}
}

void panic(const char *format, ...)
{
	puts(format);
	abort();
}

int page_alloc(enum page_zone zone, u64 count, u64 align_bytes, enum page_owner owner, u32 node, hpa_t *start)
{
	void *pages;

	if (count > fake.free_pages)
		return -ENOMEM;
	pages = aligned_alloc(align_bytes, count * PAGE_SIZE);
	if (block_count == FAKE_MAX_PAGES)
		abort();
	block_pages[block_count] = count;
	blocks[block_count++] = pages;
	memset(pages, 0xa5, count * PAGE_SIZE);
	fake.free_pages -= count;
	owned[owner] += count;
	*start = hva_to_hpa(pages);
	return 0;
}

/* A whole block goes back to malloc at once, the parts of one at the next reset. */
void page_free(hpa_t start, u64 count, enum page_owner owner)
{
	if (owned[owner] < count)
		abort();
	owned[owner] -= count;
	fake.free_pages += count;
	for (u32 i = 0; i < block_count; i++) {
		if (blocks[i] != hpa_to_hva(start) || block_pages[i] != count)
			continue;
		free(blocks[i]);
		blocks[i] = blocks[--block_count];
		block_pages[i] = block_pages[block_count];
		return;
	}
}

void *page_zalloc(u64 count, enum page_owner owner)
{
	hpa_t start;

	if (page_alloc(ZONE_HOST, count, PAGE_SIZE, owner, PAGE_ANY_NODE, &start))
		return NULL;
	return memset(hpa_to_hva(start), 0, count * PAGE_SIZE);
}

void page_zfree(void *pages, u64 count, enum page_owner owner)
{
	page_free(hva_to_hpa(pages), count, owner);
}

void page_books_read(struct page_books *books)
{
	memset(books, 0, sizeof(*books));
	books->pages[ZONE_HOST][PAGE_FREE] = fake.free_pages;
}

u64 fake_pages_of(enum page_owner owner)
{
	return owned[owner];
}

u64 time_ns(void)
{
	return fake.now_ns;
}

u64 time_tsc_to_ns(u64 tsc)
{
	return tsc;
}

u64 arch_tsc(void)
{
	return fake.now_ns;
}

struct percpu *arch_this_cpu(void)
{
	return &cpu0;
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
	memset(timer, 0, sizeof(*timer));
	timer->fire = fire;
}

void timer_cancel(struct timer *timer)
{
	for (struct timer **at = &timers; *at; at = &(*at)->next)
		if (*at == timer) {
			*at = timer->next;
			break;
		}
	timer->armed = false;
}

void timer_set(struct timer *timer, u64 deadline_ns)
{
	timer_cancel(timer);
	timer->deadline_ns = deadline_ns;
	timer->armed = true;
	timer->next = timers;
	timers = timer;
}

void fake_advance(u64 ns)
{
	u64 end = fake.now_ns + ns;

	for (;;) {
		struct timer *first = NULL;

		for (struct timer *timer = timers; timer; timer = timer->next)
			if (timer->deadline_ns <= end && (!first || timer->deadline_ns < first->deadline_ns))
				first = timer;
		if (!first)
			break;
		fake.now_ns = MAX(fake.now_ns, first->deadline_ns);
		timer_cancel(first);
		first->fire(first);
	}
	fake.now_ns = end;
}

void event_init(struct event *event)
{
	memset(event, 0, sizeof(*event));
}

void event_signal(struct event *event)
{
	event->set = 1;
}

static void block(struct event *event)
{
	fake.waits++;
	if (!event->set && !fake.on_wait)
		abort();
	if (!event->set)
		fake.on_wait();
}

void event_wait(struct event *event)
{
	block(event);
	event->set = 0;
}

bool event_wait_until(struct event *event, u64 deadline_ns)
{
	bool set;

	if (!event->set && fake.on_wait)
		fake.on_wait();
	fake.waits++;
	if (!event->set)
		fake.now_ns = deadline_ns;
	set = event->set;
	event->set = 0;
	return set;
}

void task_yield(void)
{
	fake.yields++;
	fake.now_ns += NS_PER_MS;
}

void sched_poll(void)
{
}

/* A task runs to its end inside the call that starts it. */
int task_start(struct task *task, const char *name, u32 cpu, void (*entry)(void *arg), void *arg)
{
	if (fake.task_failures && --fake.task_failures == 0)
		return -ENOMEM;
	fake.tasks_started++;
	entry(arg);
	return 0;
}

void task_join(struct task *task)
{
	fake.tasks_joined++;
}

void task_sleep_until(u64 deadline_ns)
{
	fake.now_ns = deadline_ns;
	if (fake.on_sleep)
		fake.on_sleep();
}

u32 cpu_count(void)
{
	return 1;
}

void console_register(const struct console_command *command)
{
}

void console_printf(const char *format, ...)
{
}

void console_attach(struct console_guest *guest)
{
	fake.attached = guest;
}

void console_detach(struct console_guest *guest)
{
	if (fake.attached == guest)
		fake.attached = NULL;
}

const char *page_owner_name(enum page_owner owner)
{
	return "some owner";
}

bool page_books_equal(const struct page_books *a, const struct page_books *b)
{
	return !memcmp(a, b, sizeof(*a));
}

const char *td_state_name(enum td_state state)
{
	return "some state";
}

/* ---- tdx ---- */

bool sept_is_backed(struct td *td, gpa_t gpa)
{
	for (u32 i = 0; i < fake.private_count; i++)
		if (gpa.raw - fake.private_gpa[i] < fake.private_bytes[i])
			return true;
	return false;
}

int sept_add_memory(struct td *td, gpa_t gpa, enum tdx_level level)
{
	if (level == TDX_LEVEL_2M && fake.add_result)
		return fake.add_result;
	if (sept_is_backed(td, gpa))
		return 0;
	fake.private_gpa[fake.private_count] = gpa.raw;
	fake.private_bytes[fake.private_count++] = level == TDX_LEVEL_2M ? PAGE_SIZE_2M : PAGE_SIZE;
	return 0;
}

int sept_remove_memory(struct td *td, gpa_t gpa, u64 bytes)
{
	if (fake.remove_result)
		return fake.remove_result;
	fake.removed_bytes += bytes;
	for (u32 i = 0; i < fake.private_count; i++)
		if (fake.private_gpa[i] >= gpa.raw && fake.private_gpa[i] < gpa.raw + bytes)
			fake.private_bytes[i] = 0;
	return 0;
}

static int shared_index(u64 gpa)
{
	for (u32 i = 0; i < fake.shared_count; i++)
		if (fake.shared_gpa[i] == ALIGN_DOWN(gpa, (u64)PAGE_SIZE))
			return (int)i;
	return -1;
}

static int free_shared_slot(void)
{
	for (u32 i = 0; i < fake.shared_count; i++)
		if (fake.shared_gpa[i] == ~0ull)
			return (int)i;
	return (int)fake.shared_count++;
}

int shared_ept_create(struct shared_ept *ept, u64 shared_bit)
{
	ept->root = HPA(PAGE_SIZE);
	ept->shared_bit = shared_bit;
	return 0;
}

void shared_ept_destroy(struct shared_ept *ept)
{
	fake.shared_count = 0;
	ept->root = HPA(0);
}

int shared_ept_map(struct shared_ept *ept, gpa_t gpa, hpa_t hpa, enum tdx_level level, enum shared_access access)
{
	u64 pages = level == TDX_LEVEL_2M ? PAGE_SIZE_2M / PAGE_SIZE : 1;

	if (!IS_ALIGNED(gpa.raw | hpa.raw, pages * PAGE_SIZE))
		abort();
	for (u64 i = 0; i < pages; i++) {
		int at = shared_index(gpa.raw + i * PAGE_SIZE);

		if (at < 0)
			at = free_shared_slot();
		if (fake.shared_count > FAKE_MAX_PAGES)
			abort();
		fake.shared_gpa[at] = gpa.raw + i * PAGE_SIZE;
		fake.shared_hpa[at] = hpa.raw + i * PAGE_SIZE;
		fake.shared_writable[at] = access == SHARED_READ_WRITE;
	}
	return 0;
}

int shared_ept_unmap(struct shared_ept *ept, gpa_t gpa, u64 bytes)
{
	if (fake.table_failures) {
		fake.table_failures--;
		return -ENOMEM;
	}
	for (u64 at = gpa.raw; at < gpa.raw + bytes; at += PAGE_SIZE) {
		int index = shared_index(at);

		if (index >= 0)
			fake.shared_gpa[index] = ~0ull;
	}
	return 0;
}

int shared_ept_set_mmio(struct shared_ept *ept, gpa_t gpa, u64 bytes)
{
	fake.mmio_start = gpa.raw;
	fake.mmio_bytes = bytes;
	return 0;
}

bool shared_ept_lookup(struct shared_ept *ept, gpa_t gpa, hpa_t *hpa)
{
	int index = shared_index(gpa.raw);

	if (index < 0)
		return false;
	*hpa = HPA(fake.shared_hpa[index] + (gpa.raw & (PAGE_SIZE - 1)));
	return true;
}

int td_create(struct td *td, const struct td_params *params)
{
	td->state = TD_INITIALIZED;
	td->shared_bit = TDX_SHARED_BIT_GPAW48;
	return 0;
}

int td_add_page(struct td *td, gpa_t gpa, hpa_t source)
{
	const u8 *content = hpa_to_hva(source);

	fake.first_byte[fake.added_count] = content[0];
	fake.added[fake.added_count++] = gpa.raw;
	if (gpa.raw >= TDSHIM_HOB_BASE && gpa.raw < TDSHIM_HOB_BASE + sizeof(fake.hob))
		memcpy(fake.hob + (gpa.raw - TDSHIM_HOB_BASE), content, PAGE_SIZE);
	return 0;
}

int td_measure_page(struct td *td, gpa_t gpa, hpa_t source)
{
	fake.added[fake.added_count++] = gpa.raw | 1;
	return 0;
}

int td_finalise(struct td *td)
{
	memset(td->mrtd, 0x5a, sizeof(td->mrtd));
	td->tsc_multiplier = BIT(48);
	td->state = TD_RUNNABLE;
	return 0;
}

void td_destroy(struct td *td)
{
	td->state = TD_NONE;
}

int vcpu_create(struct vcpu *vcpu, struct td *td, u64 initial_rcx, hpa_t shared_root)
{
	vcpu->td = td;
	vcpu->index = td->vcpu_count++;
	fake.vcpus_created++;
	return 0;
}

void vcpu_flush(struct vcpu *vcpu)
{
}

void vcpu_enter(struct vcpu *vcpu, struct td_exit *exit)
{
	if (!fake.on_enter)
		abort();
	memset(exit, 0, sizeof(*exit));
	exit->reason = TD_EXIT_EXTERNAL_INTERRUPT;
	fake.on_enter(vcpu, exit);
}

void vcpu_post_interrupt(struct vcpu *vcpu, u8 vector)
{
	fake.posted[vcpu->index][vector / 64] |= BIT(vector % 64);
	fake.interrupt_pending = true;
}

bool fake_is_posted(u32 vcpu, u8 vector)
{
	return fake.posted[vcpu][vector / 64] >> (vector % 64) & 1;
}

int vcpu_post_nmi(struct vcpu *vcpu)
{
	fake.nmis++;
	return 0;
}

bool vcpu_has_interrupt(struct vcpu *vcpu)
{
	return fake.interrupt_pending;
}

void vcpu_kick(struct vcpu *vcpu)
{
	fake.kicks++;
}

const struct tdx_sysinfo *tdx_sysinfo(void)
{
	static struct tdx_sysinfo info = {
		.features0 = 1u << 18,	/* NO_RBP_MOD */
		.attributes_fixed0 = TD_ATTR_DEBUG | TD_ATTR_SEPT_VE_DISABLE,
		.xfam_fixed0 = 0xe7,
		.xfam_fixed1 = 3,
		.max_vcpus_per_td = 64,
	};

	return &info;
}

u64 tdx_pool_bytes(void)
{
	return fake.pool_bytes;
}

u16 tdx_tsc_frequency(void)
{
	return 40;
}

u64 seamcall_total(void)
{
	return 0;
}

/* ---- vmm's neighbours ---- */

u64 bus_read(struct bus *bus, enum bus_space space, u64 address, u32 bytes)
{
	fake.bus_accesses++;
	fake.bus_space = space;
	fake.bus_address = address;
	fake.bus_bytes = bytes;
	fake.bus_write = false;
	return fake.bus_value;
}

void bus_write(struct bus *bus, enum bus_space space, u64 address, u32 bytes, u64 value)
{
	fake.bus_accesses++;
	fake.bus_space = space;
	fake.bus_address = address;
	fake.bus_bytes = bytes;
	fake.bus_write = true;
	fake.bus_value = value;
}

int platform_create(struct guest *guest)
{
	return 0;
}

void platform_destroy(struct guest *guest)
{
}

/* ---- set-up ---- */

void fake_host_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	memset(owned, 0, sizeof(owned));
	timers = NULL;
	while (block_count)
		free(blocks[--block_count]);
	fake.free_pages = GIB(1) / PAGE_SIZE;
	fake.pool_bytes = GIB(1);
	fake.now_ns = NS_PER_S;
}

struct guest *fake_guest(u64 memory_bytes, u32 vcpus)
{
	static struct guest guest;
	static struct guest_config config;

	memset(&guest, 0, sizeof(guest));
	memset(&config, 0, sizeof(config));
	strcpy(config.name, "test");
	config.memory_bytes = memory_bytes;
	config.cpus = vcpus;
	config.attributes = TD_ATTR_SEPT_VE_DISABLE;
	guest.config = &config;
	guest.state = GUEST_RUNNING;
	guest.vcpu_count = vcpus;
	guest.td.shared_bit = TDX_SHARED_BIT_GPAW48;
	guest.td.tsc_multiplier = BIT(48);
	guest.td.state = TD_RUNNABLE;
	for (u32 i = 0; i < vcpus; i++) {
		guest.vcpus[i].guest = &guest;
		guest.vcpus[i].vcpu.index = i;
		vapic_reset(&guest.vcpus[i]);
	}
	return &guest;
}

enum tdx_module_state tdx_module_state(void)
{
	return fake.tdx_off ? TDX_MODULE_INIT_PENDING : TDX_MODULE_READY;
}
