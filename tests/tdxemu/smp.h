/* SPDX-License-Identifier: BSD-2-Clause */
/* All cores: found in the MADT, started once by us, later started a second time by the host (exits 3 and 4). */
#ifndef TDXEMU_SMP_H
#define TDXEMU_SMP_H

#define SMP_TRAMPOLINE 0x8000	/* page below 1 MiB, borrowed while cores start */

#ifndef __ASSEMBLER__
#include "tests/tdxemu/cpu.h"

/**
 * smp_init() - boot core: fill its struct emu_cpu and those of all enabled cores of the MADT. @rsdp: copy of the
 * table
 */
void smp_init(const void *rsdp);
/** smp_enable_x2apic() - this core's local APIC on and in x2APIC mode where the CPU has it */
void smp_enable_x2apic(void);
/**
 * smp_start_others() - boot core: INIT-SIPI-SIPI to every other core, one after another; each runs secondary_main()
 * Returns when all have set their online flag; a core that does not come stops the machine by name.
 */
void smp_start_others(void);
/** secondary_main() - first C function of another core, on its own stack, interrupts off (main.c) */
__noreturn void secondary_main(struct emu_cpu *cpu);

/** smp_stop_others() - NMI to all other cores; they halt for ever */
void smp_stop_others(void);
/** smp_nmi_arrived() - from the NMI handler of @cpu in root, and from NMI exits */
void smp_nmi_arrived(struct emu_cpu *cpu);
/** smp_nmi_pending(), smp_nmi_take() - an NMI the host (or its TD) has not seen yet; take: and forget it */
bool smp_nmi_pending(const struct emu_cpu *cpu);
bool smp_nmi_take(struct emu_cpu *cpu);
#endif

#endif
