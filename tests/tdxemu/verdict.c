/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lines that tests read, on the debug port; the few that an operator needs also on COM1 (slow: 8680 ticks a byte).
 * A line leaves in one piece: one lock around it. verdict_stop() takes the lock by force, because it may interrupt a
 * holder, and stops the other cores by NMI.
 * Callers: any core, never from the NMI handler.
 */
#include "tests/tdxemu/verdict.h"

#include "arch/x86/insn.h"
#include "kernel/lib/format.h"
#include "tests/tdxemu/l1.h"
#include "tests/tdxemu/serial.h"
#include "tests/tdxemu/smp.h"
#include "tests/tdxemu/spinlock.h"
#include "tests/tdxemu/trace.h"
#include "tests/tdxemu/vmx.h"

#define PORT_DEBUG 0xe9
#define PORT_EXIT 0xf4	/* patched Bochs, and QEMU's isa-debug-exit: process exit code (value << 1) | 1 */
#define EXIT_STOPPED 0x21	/* process exit code 67 */

static struct {
	struct spinlock lock;
	u64 violations;	/* atomic */
	bool stopping;	/* atomic: verdict_stop() was called once */
} verdict;

static void put_line(const char *kind, const char *text)
{
	static const char prefix[] = "tdxemu: ";

	for (const char *c = prefix; *c != '\0'; c++)
		outb(PORT_DEBUG, (u8)*c);
	for (const char *c = kind; *c != '\0'; c++)
		outb(PORT_DEBUG, (u8)*c);
	for (const char *c = text; *c != '\0'; c++)
		outb(PORT_DEBUG, (u8)*c);
	outb(PORT_DEBUG, '\n');
}

void verdict_violation(struct emu_cpu *cpu, const char *rule, const char *format, ...)
{
	char kind[64], text[320];
	va_list args;

	va_start(args, format);
	format_text_va(text, sizeof(text), format, args);
	va_end(args);
	if (cpu != NULL)
		format_text(kind, sizeof(kind), "VIOLATION %s: core %u: ", rule, cpu->index);
	else
		format_text(kind, sizeof(kind), "VIOLATION %s: ", rule);
	__atomic_fetch_add(&verdict.violations, 1, __ATOMIC_RELAXED);
	spin_lock(&verdict.lock);
	put_line(kind, text);
	spin_unlock(&verdict.lock);
}

void verdict_note(const char *format, ...)
{
	char text[320];
	va_list args;

	va_start(args, format);
	format_text_va(text, sizeof(text), format, args);
	va_end(args);
	spin_lock(&verdict.lock);
	put_line("", text);
	spin_unlock(&verdict.lock);
}

void verdict_stop(const char *format, ...)
{
	char text[320];
	va_list args;

	va_start(args, format);
	format_text_va(text, sizeof(text), format, args);
	va_end(args);
	if (!__atomic_exchange_n(&verdict.stopping, true, __ATOMIC_SEQ_CST)) {
		smp_stop_others();
		put_line("STOP: ", text);
		serial_line("tdxemu: STOP: ", text);
		outb(PORT_EXIT, EXIT_STOPPED);
	}
	for (;;)
		hlt();
}

u64 verdict_count(void)
{
	return __atomic_load_n(&verdict.violations, __ATOMIC_RELAXED);
}

static void summarise_exits(void)
{
	for (u32 i = 0; i < emu_cpu_count(); i++) {
		const struct emu_cpu *cpu = emu_cpu_at(i);
		u64 total = 0;

		for (u32 reason = 0; reason < ARRAY_SIZE(cpu->exits); reason++)
			total += cpu->exits[reason];
		verdict_note("exits core=%u total=%lu", i, total);
		for (u32 reason = 0; reason < ARRAY_SIZE(cpu->exits); reason++)
			if (cpu->exits[reason] != 0)
				verdict_note("exits core=%u reason=%u count=%lu", i, reason, cpu->exits[reason]);
	}
}

void verdict_summary(void)
{
	trace_counts();
	summarise_exits();
	verdict_note("VERDICT %s: %lu violations", verdict_count() == 0 ? "clean" : "broken", verdict_count());
}
