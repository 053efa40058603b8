/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports by which the host ends the run: the summary is printed first, then the access is done for it, a reset always as
 * one of the whole machine. All other accesses to these ports go through unseen, except that they cost an exit.
 * Characters to COM1 are shown to trace.c when it asked for them.
 * Callers: exit handler of any core.
 * Manual: ACPI, "PM1 Control Registers"; SDM volume 3, "Exit Qualification for I/O Instructions".
 */
#include "tests/tdxemu/port.h"

#include "arch/x86/insn.h"
#include "include/spec/acpi.h"
#include "include/spec/uart.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/l1.h"
#include "tests/tdxemu/trace.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

#define PORT_KEYBOARD_COMMAND 0x64
#define KEYBOARD_RESET 0xfe
#define PORT_EXIT 0xf4	/* patched Bochs and QEMU: ends the process */
#define PORT_RESET_CONTROL 0xcf9
#define RESET_CONTROL_GO 0x04
#define RESET_CONTROL_HARD 0x02	/* all of the machine, not only the cores */

static u16 pm1a_control_port;
static bool watch_console;

void port_watch_console(void)
{
	watch_console = true;
}

void port_prepare(u16 pm1a_control)
{
	pm1a_control_port = pm1a_control;
	if (pm1a_control != 0) {
		l1_trap_port(pm1a_control);
		l1_trap_port((u16)(pm1a_control + 1));
	}
	l1_trap_port(PORT_KEYBOARD_COMMAND);
	l1_trap_port(PORT_EXIT);
	l1_trap_port(PORT_RESET_CONTROL);
	if (watch_console)
		l1_trap_port(UART_COM1 + UART_DATA);
}

static bool resets(u16 port, u32 value)
{
	if (port == PORT_KEYBOARD_COMMAND)
		return (u8)value == KEYBOARD_RESET;
	return port == PORT_RESET_CONTROL && (value & RESET_CONTROL_GO) != 0;
}

/* A reset of the cores alone would be blocked in VMX operation, or leave locked MSRs: always the whole machine. */
static void reset_machine(void)
{
	outb(PORT_RESET_CONTROL, RESET_CONTROL_HARD);
	outb(PORT_RESET_CONTROL, RESET_CONTROL_HARD | RESET_CONTROL_GO);
}

static bool ends_the_run(u16 port, u32 value)
{
	if (resets(port, value) || port == PORT_EXIT)
		return true;
	/* A byte access to the upper half carries SLP_EN in bit 5. */
	if (port == pm1a_control_port + 1)
		return (value & (ACPI_PM1_SLEEP_ENABLE >> 8)) != 0;
	return port == pm1a_control_port && (value & ACPI_PM1_SLEEP_ENABLE) != 0;
}

static void output(struct emu_cpu *cpu, u16 port, u32 bytes, u32 value)
{
	if (ends_the_run(port, value))
		verdict_summary();
	if (resets(port, value))
		reset_machine();
	if (port == UART_COM1 + UART_DATA && (inb(UART_COM1 + UART_LINE_CONTROL) & UART_LCR_DIVISOR) == 0)
		trace_console(cpu, (char)value);
	if (bytes == 1)
		outb(port, (u8)value);
	else if (bytes == 2)
		outw(port, (u16)value);
	else
		outl(port, value);
}

static void input(struct emu_cpu *cpu, u16 port, u32 bytes)
{
	u64 *rax = &cpu->gpr[GPR_RAX];

	if (bytes == 1)
		*rax = (*rax & ~0xffull) | inb(port);
	else if (bytes == 2)
		*rax = (*rax & ~0xffffull) | inw(port);
	else
		*rax = inl(port);
}

void port_access(struct emu_cpu *cpu)
{
	u64 qualification = vmread(VMCS_EXIT_QUALIFICATION);
	u16 port = (u16)(qualification >> VMX_IO_QUAL_PORT_SHIFT);
	u32 bytes = (u32)(qualification & VMX_IO_QUAL_BYTES_MASK) + 1;

	if (qualification & VMX_IO_QUAL_STRING)
		verdict_stop("core %u: string I/O to port 0x%x at RIP 0x%lx", cpu->index, port, vmread(VMCS_GUEST_RIP));
	if (qualification & VMX_IO_QUAL_IN)
		input(cpu, port, bytes);
	else
		output(cpu, port, bytes, (u32)cpu->gpr[GPR_RAX]);
	l1_advance(vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
}
