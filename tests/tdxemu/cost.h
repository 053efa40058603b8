/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host spends between one stay in a TD and the next, per kind of TD exit. Switched on by "trace=host". */
#ifndef TDXEMU_COST_H
#define TDXEMU_COST_H

#include "include/cella/types.h"
#include "tests/tdxemu/cpu.h"

/** cost_enable() - boot core, once, before the host runs */
void cost_enable(void);
/**
 * cost_exit() - TDH.VP.ENTER of @tdvpr returns with the registers @gpr after @insn instructions of the host on this core
 * cost_entry() - the host calls TDH.VP.ENTER for @tdvpr again
 */
void cost_exit(struct emu_cpu *cpu, u64 tdvpr, const u64 gpr[GPR_COUNT], u64 insn);
void cost_entry(struct emu_cpu *cpu, u64 tdvpr, u64 insn);
/** cost_print() - one line per kind: "cost reason=77 function=30 write=1 exits=N minimum=N median=N" */
void cost_print(void);

#endif
