/* SPDX-License-Identifier: BSD-2-Clause */
/* The console's own commands. Each runs in the console task and only reads; numbers of other cores are a snapshot. */
#include "kernel/console_cmd.h"

#include "kernel/console.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/percpu.h"
#include "kernel/sched.h"
#include "kernel/timer.h"

#define PAGE_KIB (PAGE_SIZE / 1024)

/* What `cores` saw when it was last asked: the idle share is that of the time since then. */
static struct {
	u64 time_ns;
	u64 idle_ns[MAX_CPUS];
} last_look;

static void run_help(int argc __maybe_unused, char **argv __maybe_unused)
{
	console_show_commands();
	console_printf("Ctrl-] leaves a guest's console.\n");
}

static u64 kib(u64 pages)
{
	return pages * PAGE_KIB;
}

static void run_mem(int argc __maybe_unused, char **argv __maybe_unused)
{
	struct page_books books;
	u64 total[ZONE_COUNT] = { 0 };

	page_books_read(&books);
	console_printf("%-14s %14s %14s\n", "KiB", "host", "TD pool");
	for (u32 owner = 0; owner < PAGE_OWNER_COUNT; owner++) {
		u64 host = books.pages[ZONE_HOST][owner], td = books.pages[ZONE_TD][owner];

		if (owner == PAGE_ABSENT)
			continue;	/* not RAM */
		total[ZONE_HOST] += host;
		total[ZONE_TD] += td;
		console_printf("%-14s %14lu %14lu\n", page_owner_name((enum page_owner)owner), kib(host), kib(td));
	}
	console_printf("%-14s %14lu %14lu\n", "total", kib(total[ZONE_HOST]), kib(total[ZONE_TD]));
	console_printf("%-14s %14lu %14lu\n", "longest free", page_largest_free(ZONE_HOST) / 1024,
		       page_largest_free(ZONE_TD) / 1024);
}

static void run_log(int argc __maybe_unused, char **argv __maybe_unused)
{
	u64 lost = log_replay(console_write);

	if (lost)
		console_printf("(%lu older lines were overwritten)\n", lost);
}

/* Time the core has been halted since boot, the halt under way included. */
static u64 idle_time(const struct percpu *cpu, u64 now)
{
	u64 since = __atomic_load_n(&cpu->halted_at_ns, __ATOMIC_RELAXED);

	return cpu->idle_ns + (since && now > since ? now - since : 0);
}

static void run_cores(int argc __maybe_unused, char **argv __maybe_unused)
{
	static const char *const vmx_names[] = { [VMX_UNKNOWN] = "not tried", [VMX_ON] = "on", [VMX_OFF] = "off" };
	u64 now = time_ns(), elapsed = now - last_look.time_ns;

	console_printf("%5s %8s %8s %5s %5s  %s\n", "core", "APIC id", "package", "node", "idle", "VMX");
	for (u32 id = 0; id < cpu_count(); id++) {
		const struct percpu *cpu = cpu_at(id);
		u64 idle = idle_time(cpu, now);
		u64 delta = idle > last_look.idle_ns[id] ? idle - last_look.idle_ns[id] : 0;
		bool explained = cpu->vmx == VMX_OFF && cpu->vmx_reason;

		last_look.idle_ns[id] = idle;
		console_printf("%5u %8u %8u %5u %4lu%%  %s%s%s\n", id, cpu->apic_id, cpu->package, cpu->node,
			       MIN(delta / MAX(elapsed / 100, 1ul), 100ul), vmx_names[cpu->vmx], explained ? ": " : "",
			       explained ? cpu->vmx_reason : "");
	}
	last_look.time_ns = now;
	if (irq_unexpected())
		console_printf("%lu interrupts had no handler\n", irq_unexpected());
}

static const struct console_command commands[] = {
	{ "help", "help", "This list.", run_help },
	{ "mem", "mem", "Who holds how much memory, in KiB.", run_mem },
	{ "cores", "cores", "Cores, their idle time since the last `cores`, and VMX on each.", run_cores },
	{ "log", "log", "The log since boot, or what the ring still holds of it.", run_log },
};

void console_cmd_register(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++)
		console_register(&commands[i]);
}
