/* SPDX-License-Identifier: BSD-2-Clause */
/* The end: ACPI S5, reset by the FADT's register, the chipset's reset port, the keyboard controller, a triple fault. */
#include "arch/x86/acpi.h"
#include "arch/x86/insn.h"
#include "include/cella/arch.h"
#include "kernel/timer.h"

#define PORT_RESET_CONTROL 0xcf9
#define RESET_FULL 0x06
#define PORT_KEYBOARD_COMMAND 0x64
#define KEYBOARD_PULSE_RESET 0xfe
#define SETTLE_US 200000
#define POLL_US 1000

static void write_gas(const struct acpi_gas *gas, u8 value)
{
	volatile u8 *mapped;

	if (gas->space == ACPI_SPACE_IO) {
		outb((u16)gas->address, value);
	} else if (gas->space == ACPI_SPACE_MEMORY) {
		mapped = arch_map_device(HPA(gas->address), 1);
		if (mapped)
			*mapped = value;
	}
}

/* Firmware hands a machine over with its PM registers out of work until it is told that ACPI takes over. */
static void enable_acpi(const struct acpi_info *acpi)
{
	if (acpi->smi_command == 0 || acpi->acpi_enable == 0 || (inw(acpi->pm1a_control) & ACPI_PM1_SCI_ENABLE))
		return;
	outb(acpi->smi_command, acpi->acpi_enable);
	for (u64 waited = 0; waited < SETTLE_US && !(inw(acpi->pm1a_control) & ACPI_PM1_SCI_ENABLE); waited += POLL_US)
		time_udelay(POLL_US);
}

/* The sleep type first, then the same with the bit that acts on it, as the specification's sequence has it. */
static void sleep(u16 control, u8 type)
{
	u16 value = inw(control);

	value = (u16)(value & ~(ACPI_SLEEP_TYPE_MASK << ACPI_PM1_SLEEP_TYPE_SHIFT | ACPI_PM1_SLEEP_ENABLE));
	value = (u16)(value | (u32)(type & ACPI_SLEEP_TYPE_MASK) << ACPI_PM1_SLEEP_TYPE_SHIFT);
	outw(control, value);
	outw(control, (u16)(value | ACPI_PM1_SLEEP_ENABLE));
}

void arch_power_off(void)
{
	const struct acpi_info *acpi = acpi_info();

	if (!acpi->s5_known)
		return;
	if (acpi->hw_reduced && acpi->sleep_control.address != 0)
		write_gas(&acpi->sleep_control,
			  (u8)((acpi->s5_type_a & ACPI_SLEEP_TYPE_MASK) << ACPI_SLEEP_CONTROL_TYPE_SHIFT |
			       ACPI_SLEEP_CONTROL_ENABLE));
	if (acpi->pm1a_control) {
		enable_acpi(acpi);
		sleep(acpi->pm1a_control, acpi->s5_type_a);
	}
	if (acpi->pm1b_control)
		sleep(acpi->pm1b_control, acpi->s5_type_b);
	time_udelay(SETTLE_US);
}

void arch_reboot(void)
{
	const struct acpi_info *acpi = acpi_info();
	static const struct table_pointer no_idt;

	if (acpi->reset_register.address != 0) {
		write_gas(&acpi->reset_register, acpi->reset_value);
		time_udelay(SETTLE_US);
	}
	outb(PORT_RESET_CONTROL, RESET_FULL);
	time_udelay(SETTLE_US);
	outb(PORT_KEYBOARD_COMMAND, KEYBOARD_PULSE_RESET);
	time_udelay(SETTLE_US);
	lidt(&no_idt);
	reload_segments(0, 0);	/* faults without an IDT: the processor shuts down */
}
