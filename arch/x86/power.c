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

static u16 sleep_value(u16 old, u8 type)
{
	return (u16)((old & ~(7u << ACPI_PM1_SLEEP_TYPE_SHIFT)) | (u32)type << ACPI_PM1_SLEEP_TYPE_SHIFT |
		     ACPI_PM1_SLEEP_ENABLE);
}

void arch_power_off(void)
{
	const struct acpi_info *acpi = acpi_info();

	if (!acpi->s5_known)
		return;
	if (acpi->hw_reduced && acpi->sleep_control.address != 0)
		write_gas(&acpi->sleep_control,
			  (u8)(acpi->s5_type_a << ACPI_SLEEP_CONTROL_TYPE_SHIFT | ACPI_SLEEP_CONTROL_ENABLE));
	if (acpi->pm1a_control)
		outw(acpi->pm1a_control, sleep_value(inw(acpi->pm1a_control), acpi->s5_type_a));
	if (acpi->pm1b_control)
		outw(acpi->pm1b_control, sleep_value(inw(acpi->pm1b_control), acpi->s5_type_b));
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
