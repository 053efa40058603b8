/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt controllers that Cella does not use. */
#ifndef ARCH_X86_LEGACY_IRQ_H
#define ARCH_X86_LEGACY_IRQ_H

/** legacy_irq_off() - 8259s and I/O APICs deliver nothing from now on. Boot core, after arch_acpi_init() */
void legacy_irq_off(void);

#endif
