/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor tables of our own cores in root, and what happens on a trap there. */
#ifndef TDXEMU_DESC_H
#define TDXEMU_DESC_H

#define SELECTOR_CODE64 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_CODE32 0x18
#define SELECTOR_TSS 0x20

/* Flat segments, accessed, DPL 0. */
#define DESCRIPTOR_CODE64 0x00af9b000000ffff
#define DESCRIPTOR_DATA 0x00cf93000000ffff
#define DESCRIPTOR_CODE32 0x00cf9b000000ffff

#ifndef __ASSEMBLER__
#include "tests/tdxemu/cpu.h"

/* Bases of this core's tables, for the host-state fields of a VMCS. */
struct desc_bases {
	u64 gdt, idt, tss;
};

/** desc_init() - own GDT, TSS and the common IDT on the running core @cpu */
void desc_init(struct emu_cpu *cpu);
/** desc_bases_of() - what desc_init() set up for @cpu */
struct desc_bases desc_bases_of(const struct emu_cpu *cpu);
#endif

#endif
