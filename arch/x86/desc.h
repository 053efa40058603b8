/* SPDX-License-Identifier: BSD-2-Clause */
/* GDT, TSS and IDT of each core. */
#ifndef ARCH_X86_DESC_H
#define ARCH_X86_DESC_H

#include "include/cella/types.h"

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TSS 0x18

struct percpu;

/** desc_early_init() - an IDT on the boot core, so that the first exceptions already get a name */
void desc_early_init(void);
/** desc_allocate() - tables for another core, kept in percpu->arch; NULL: no memory */
void *desc_allocate(void);
/** desc_free() - give back what desc_allocate() returned; the core never loaded it */
void desc_free(void *tables);
/** desc_load() - this core's GDT, TSS with IST stacks, the common IDT, GS base -> @cpu. Allocation-free */
void desc_load(struct percpu *cpu);

#endif
