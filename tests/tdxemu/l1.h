/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's stay in non-root: its VMCS on each core, entry and exit, events for it. */
#ifndef TDXEMU_L1_H
#define TDXEMU_L1_H

#include "include/cella/types.h"
#include "tests/tdxemu/cpu.h"

#define L1_VPID 1	/* the host's, on every core; TDs use others */
#define L1_MAX_INSTRUCTION_BYTES 15

enum exception {
	EXCEPTION_DB = 1,
	EXCEPTION_UD = 6,
	EXCEPTION_GP = 13,
};

/** l1_prepare() - boot core, once: I/O and MSR bitmaps that all cores share */
void l1_prepare(void);
/** l1_trap_port() - accesses of the host to I/O port @port exit. Boot core, before the host runs */
void l1_trap_port(u16 port);
/**
 * l1_core_on() - VMXON and the host's VMCS on the running core; stops the machine by name when the CPU lacks
 * something
 */
void l1_core_on(struct emu_cpu *cpu);
/**
 * l1_enter_at_multiboot2() - boot core: guest state of a multiboot2 kernel at @entry with information at @information
 */
void l1_enter_at_multiboot2(struct emu_cpu *cpu, u32 entry, u32 information);
/**
 * l1_enter_at_real_mode() - boot core: guest state of firmware about to boot, at @segment:@offset, interrupts off. All other
 * segments and registers are 0
 */
void l1_enter_at_real_mode(struct emu_cpu *cpu, u16 segment, u16 offset);
/** l1_measure_way() - one stay without an instruction, for trace_measure_way(). Boot core, before l1_run() */
void l1_measure_way(struct emu_cpu *cpu);
/** l1_run() - run the host on this core for ever */
__noreturn void l1_run(struct emu_cpu *cpu);

/* From here on: handlers of exits, on the core, with the host's VMCS current. */

/** l1_reset_by_init() - state after INIT, waiting for SIPI; l1_start_by_sipi() - real mode at @vector << 12 */
void l1_reset_by_init(struct emu_cpu *cpu);
void l1_start_by_sipi(struct emu_cpu *cpu, u8 vector);
/** l1_inject() - hardware exception without error code; l1_inject_gp() - #GP(0). RIP stays */
void l1_inject(enum exception vector);
void l1_inject_gp(void);
/** l1_advance() - over an instruction of @bytes that was emulated: RIP, blocking, RF, single step */
void l1_advance(u64 bytes);
/** l1_step() - one instruction, then exit reason 37; l1_step_done() - no more stepping */
void l1_step(void);
void l1_step_done(void);
/** l1_nmi_window() - exit reason 8: the host can take an NMI now */
void l1_nmi_window(void);

/** l1_cpl() - current privilege level; l1_in_64bit_code() - EFER.LMA and CS.L */
u32 l1_cpl(void);
bool l1_in_64bit_code(void);
/**
 * l1_translate() - guest-physical address of linear address @linear by the host's page tables, without permission
 * checks False: not mapped, or a table lies outside what the host can reach.
 */
bool l1_translate(u64 linear, u64 *gpa);
/** l1_fetch() - up to @bytes instruction bytes at RIP; returns how many could be read */
u32 l1_fetch(u8 *to, u32 bytes);
/** l1_read_u64(), l1_write_u64() - memory operand at linear address @linear, within the host's view. False: fault */
bool l1_read_u64(u64 linear, u64 *value);
bool l1_write_u64(u64 linear, u64 value);

#endif
