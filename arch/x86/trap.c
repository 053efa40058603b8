/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions to a fix-up or to a panic that names the cause; interrupts to kernel/irq.c. A page fault inside the direct
 * map names the owner of the page: that is how a stray access to TDX memory gets a name instead of a poisoned line.
 */
#include "arch/x86/trap.h"

#include "arch/x86/extable.h"
#include "arch/x86/insn.h"
#include "arch/x86/machine_check.h"
#include "include/cella/arch.h"
#include "include/cella/memory_map.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"

#define FAULT_PROTECTION BIT(0)	/* mapped, but not for this kind of access */
#define FAULT_WRITE BIT(1)
#define FAULT_FETCH BIT(4)

_Static_assert(offsetof(struct trap_frame, rip) == 136, "exception.S: FRAME_RIP");

struct extable_entry {
	u64 fault, fixup;
};
extern const struct extable_entry extable_start[], extable_end[];
extern const char boot_stack_guard[];

static bool nmi_stops;	/* atomic: an NMI ends the core's work; before that it is ignored */

static const char *const names[TRAP_COUNT] = {
	"divide error", "debug", "NMI", "breakpoint", "overflow", "bound range", "invalid opcode",
	"device not available", "double fault", "coprocessor overrun", "invalid TSS", "segment not present",
	"stack fault", "general protection", "page fault", "reserved", "x87 error", "alignment check", "machine check",
	"SIMD error", "virtualisation exception", "control protection", "reserved", "reserved", "reserved", "reserved",
	"reserved", "reserved", "hypervisor injection", "VMM communication", "security", "reserved",
};

u64 extable_find(u64 rip)
{
	for (const struct extable_entry *entry = extable_start; entry < extable_end; entry++)
		if (entry->fault == rip)
			return entry->fixup;
	return 0;
}

static void log_registers(const struct trap_frame *f)
{
	log_error("trap", "rip %016lx cs %lx rflags %lx rsp %016lx", f->rip, f->cs, f->rflags, f->rsp);
	log_error("trap", "rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx, f->rdx);
	log_error("trap", "rsi %016lx rdi %016lx rbp %016lx r8  %016lx", f->rsi, f->rdi, f->rbp, f->r8);
	log_error("trap", "r9  %016lx r10 %016lx r11 %016lx r12 %016lx", f->r9, f->r10, f->r11, f->r12);
	log_error("trap", "r13 %016lx r14 %016lx r15 %016lx error %lx", f->r13, f->r14, f->r15, f->error);
}

/* Below a stack? What faults in the stacks' region is not mapped, so it is a guard page. */
static bool is_guard(u64 address)
{
	return (address >= STACK_MAP_BASE && address < STACK_MAP_BASE + STACK_MAP_BYTES) ||
	       address - (u64)boot_stack_guard < PAGE_SIZE;
}

static __noreturn void page_fault(const struct trap_frame *frame)
{
	u64 address = read_cr2();
	const char *access = frame->error & FAULT_FETCH ? "fetch" : frame->error & FAULT_WRITE ? "write" : "read";

	if (address >= DIRECT_MAP_BASE && address < DIRECT_MAP_BASE + DIRECT_MAP_BYTES) {
		hpa_t hpa = HPA(ALIGN_DOWN(address - DIRECT_MAP_BASE, PAGE_SIZE));

		panic("%s of physical address %#lx, which Cella %s: its page is %s%s", access, hpa.raw,
		      frame->error & FAULT_PROTECTION ? "has not mapped for that" : "does not map",
		      page_owner_name(page_owner_of(hpa)), page_zone_of(hpa) == ZONE_TD ? " in the TD pool" : "");
	}
	if (is_guard(address))
		panic("stack overflow: %s of a guard page at %#lx", access, address);
	panic("page fault: %s of %#lx", access, address);
}

static __noreturn void exception(const struct trap_frame *frame)
{
	log_registers(frame);
	if (frame->vector == TRAP_PAGE_FAULT)
		page_fault(frame);
	/* the page fault's own frame found no room on the stack */
	if (frame->vector == TRAP_DOUBLE_FAULT && is_guard(read_cr2()))
		panic("stack overflow: a guard page at %#lx was reached", read_cr2());
	panic("exception %lu (%s), error code %#lx at %#lx", frame->vector, names[frame->vector], frame->error,
	      frame->rip);
}

/* Is the exception the doing of the instruction at its RIP? The others must not pass for its failure. */
static bool is_own_fault(u64 vector)
{
	return vector != TRAP_DEBUG && vector != TRAP_DOUBLE_FAULT;
}

void arch_nmi_exit(void)
{
	if (__atomic_load_n(&nmi_stops, __ATOMIC_ACQUIRE))
		arch_cpu_stop();
}

void trap_nmi_stops(void)
{
	__atomic_store_n(&nmi_stops, true, __ATOMIC_RELEASE);
}

void trap_dispatch(struct trap_frame *frame)
{
	u64 fixup;

	if (frame->vector == TRAP_NMI) {
		arch_nmi_exit();
		return;
	}
	if (frame->vector == TRAP_MACHINE_CHECK) {
		machine_check(frame);
		return;
	}
	if (frame->vector < TRAP_COUNT) {
		fixup = is_own_fault(frame->vector) ? extable_find(frame->rip) : 0;
		if (!fixup)
			exception(frame);
		frame->rax = frame->vector;
		frame->rip = fixup;
		return;
	}
	irq_dispatch((u8)frame->vector);
}
