/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contract: what the CPU folder provides to kernel/. arch/x86 implements it for the machine, tests/unit/fake_arch.c for
 * the development machine. kernel/ contains no instruction.
 */
#ifndef CELLA_ARCH_H
#define CELLA_ARCH_H

#include "include/cella/boot_info.h"
#include "include/cella/types.h"

struct percpu;
struct task;

/* ---- this core ---- */

/** arch_this_cpu() - the running core's data. Valid from arch_cpu_init() on. Keep interrupts off, or do not migrate */
struct percpu *arch_this_cpu(void);

/** arch_irq_save() - interrupts off on this core; returns what arch_irq_restore() takes */
u64 arch_irq_save(void);
void arch_irq_restore(u64 saved);
bool arch_irqs_enabled(void);

/** arch_irq_enable() - interrupts on; arch_irq_disable() - off */
void arch_irq_enable(void);
void arch_irq_disable(void);

/** arch_cpu_relax() - inside a spin loop */
void arch_cpu_relax(void);

/** arch_cpu_idle() - enable interrupts and halt until one came; returns with interrupts off. Call with interrupts off */
void arch_cpu_idle(void);

/** arch_cpu_stop() - this core never runs again (panic) */
__noreturn void arch_cpu_stop(void);

/* ---- bring-up, in the order of kernel/main.c; each runs on the boot core ---- */

/** arch_early_init() - serial log usable, traps caught; before any memory is allocated */
void arch_early_init(const struct boot_info *boot);

/**
 * arch_cpu_init() - features required and found; GDT, TSS, IDT with IST stacks, GS base of the running core
 * @cpu: this core's data. Refuses (panic with the feature's name) a machine Cella cannot run on.
 */
void arch_cpu_init(struct percpu *cpu);

/** arch_paging_init() - own page tables: W^X image, NX direct map, guard pages. After page_init() */
void arch_paging_init(const struct boot_info *boot);

/** arch_acpi_init() - find and check the ACPI tables; a missing or bad one gives a log line, not a panic */
void arch_acpi_init(const struct boot_info *boot);

/** arch_time_init() - TSC frequency known (CPUID, or measured), local APIC and its timer running on the boot core */
void arch_time_init(void);

/**
 * arch_smp_init() - all cores of the MADT up by INIT-SIPI-SIPI, each into secondary_main() of kernel/main.c
 * Returns the number of cores that are up; those that did not come are logged by APIC id.
 */
u32 arch_smp_init(void);

/** arch_secondary_init() - on the new core: what arch_cpu_init, paging and time did for the boot core */
void arch_secondary_init(struct percpu *cpu);

/* ---- memory ---- */

/**
 * arch_direct_map_remove() - take a range out of Cella's page tables on all cores
 * @start: HPA, 4 KiB aligned. @bytes: multiple of 4 KiB
 * May sleep never; sends IPIs, so interrupts must be on and no lock held. -ENOMEM: no page for a split table.
 * A later access faults and the trap names the page's owner.
 */
int __must_check arch_direct_map_remove(hpa_t start, u64 bytes);
/** arch_direct_map_restore() - the reverse; the pages must be clear and free of any HKID */
int __must_check arch_direct_map_restore(hpa_t start, u64 bytes);
/** arch_page_tables() - pages in Cella's own page tables; a direct map once split for a range keeps its table */
u64 arch_page_tables(void);

/**
 * arch_window_clear() - overwrite a page that the TDX module gave back, with MOVDIR64B through this core's window
 * @page: HPA, aligned to @bytes. @bytes: 4 KiB or 2 MiB. Fences before it returns. Interrupts may be on.
 */
void arch_window_clear(hpa_t page, u64 bytes);

/** arch_cache_writeback_invalidate() - WBINVD on this core */
void arch_cache_writeback_invalidate(void);

/**
 * arch_map_device() - map device registers, uncached
 * @start: HPA, any alignment. @bytes: > 0. NULL: no address space or page-table page left. Never unmapped.
 */
void *arch_map_device(hpa_t start, u64 bytes);

/**
 * arch_stack_alloc() - a stack of STACK_BYTES with a guard page below
 * Returns its top (16-byte aligned) or NULL. arch_stack_free() takes what it returned.
 */
void *arch_stack_alloc(void);
void arch_stack_free(void *top);

/* ---- time, interrupts between cores ---- */

/** arch_tsc() - this core's time stamp counter; arch_tsc_hz() - its frequency */
u64 arch_tsc(void);
u64 arch_tsc_hz(void);

/** arch_wall_clock() - seconds since 1970-01-01 UTC when time_ns() was 0, by the CMOS clock. 0: unknown. Any task */
u64 arch_wall_clock(void);

/** arch_timer_set() - interrupt VECTOR_TIMER on this core when the TSC reaches @tsc; 0 disarms. A past value fires at once */
void arch_timer_set(u64 tsc);

/** arch_ipi() - send @vector to core @cpu (Cella's number); arch_ipi_self() to this core */
void arch_ipi(u32 cpu, u8 vector);
void arch_ipi_self(u8 vector);
/** arch_nmi_others() - NMI to all other cores (panic) */
void arch_nmi_others(void);
/** arch_nmi_exit() - run the NMI path for an NMI that ended a stay in a TD and was taken there. Interrupts off */
void arch_nmi_exit(void);
/** arch_eoi() - end of interrupt at the local APIC */
void arch_eoi(void);

/** arch_random() - 64 random bits from the CPU. False: the CPU had none; try again later */
bool arch_random(u64 *value);

/* ---- tasks ---- */

/** arch_task_prepare() - first context of a task: arch_switch() to it enters entry(arg) with interrupts off */
void arch_task_prepare(struct task *task, void (*entry)(void *arg), void *arg);
/** arch_switch() - save the running context in @from, continue @to. Interrupts off */
void arch_switch(struct task *from, struct task *to);

/* ---- end ---- */

/** arch_backtrace() - log the call chain of the caller with symbols; bounded and safe on a broken stack */
void arch_backtrace(void);
/** arch_power_off(), arch_reboot() - return only if the machine offers no way; the caller says so */
void arch_power_off(void);
void arch_reboot(void);
/** arch_console_putc() - raw byte to the serial console, polled, usable in panic */
void arch_console_putc(char c);

#endif
