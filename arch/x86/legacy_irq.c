/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts reach Cella's cores as messages (MSI, IPI) and from their own timers only, so the 8259s and the I/O APICs
 * are silenced: firmware may have left a line routed, and a level-triggered one that nobody serves would come for ever.
 * The 8259s are moved off the exception vectors first, where a spurious interrupt would pass for an exception. Intel
 * 8259A data sheet, "Initialization Command Words"; 82093AA I/O APIC data sheet, "IOREDTBL".
 */
#include "arch/x86/legacy_irq.h"

#include "arch/x86/acpi.h"
#include "arch/x86/insn.h"
#include "include/cella/arch.h"
#include "include/spec/x86/apic.h"

#define PIC_VECTOR_BASE 0x20
#define PIC_LINES 8
#define PIC_MASK_ALL 0xff
#define IOAPIC_BYTES 0x20
#define IOAPIC_PINS_MAX 240

static void pics_off(void)
{
	outb(PIC_MASTER_COMMAND, PIC_ICW1_INIT_ICW4);
	outb(PIC_SLAVE_COMMAND, PIC_ICW1_INIT_ICW4);
	outb(PIC_MASTER_DATA, PIC_VECTOR_BASE);
	outb(PIC_SLAVE_DATA, PIC_VECTOR_BASE + PIC_LINES);
	outb(PIC_MASTER_DATA, BIT(PIC_CASCADE_LINE));
	outb(PIC_SLAVE_DATA, PIC_CASCADE_LINE);
	outb(PIC_MASTER_DATA, PIC_ICW4_8086);
	outb(PIC_SLAVE_DATA, PIC_ICW4_8086);
	outb(PIC_MASTER_DATA, PIC_MASK_ALL);
	outb(PIC_SLAVE_DATA, PIC_MASK_ALL);
}

static void ioapic_off(hpa_t address)
{
	volatile u8 *registers = arch_map_device(address, IOAPIC_BYTES);
	volatile u32 *select, *data;
	u32 last;

	if (!registers)
		return;
	select = (volatile u32 *)(volatile void *)(registers + IOAPIC_SELECT);
	data = (volatile u32 *)(volatile void *)(registers + IOAPIC_DATA);
	*select = IOAPIC_VERSION;
	last = *data >> IOAPIC_VERSION_LAST_SHIFT & 0xff;
	if (last >= IOAPIC_PINS_MAX)
		return;	/* all ones: nothing answers there */
	for (u32 pin = 0; pin <= last; pin++) {
		*select = IOAPIC_REDIRECTION + 2 * pin;
		*data = IOAPIC_MASKED;
	}
}

void legacy_irq_off(void)
{
	const struct acpi_info *acpi = acpi_info();

	pics_off();
	for (u32 i = 0; i < acpi->ioapic_count; i++)
		ioapic_off(acpi->ioapics[i]);
}
