/* SPDX-License-Identifier: BSD-2-Clause */
/* See console.h. 115200 8N1. A port that reads all ones has no UART behind it: nothing is printed, nothing hangs. */
#include "arch/x86/console.h"

#include "arch/x86/desc.h"
#include "arch/x86/insn.h"
#include "include/cella/arch.h"
#include "include/spec/uart.h"

#define TRANSMIT_WAIT_LOOPS 200000

static u16 port;
static bool stuck;	/* the last character was never taken: do not wait for each of the next ones */

static void set_up(u16 candidate)
{
	outb(candidate + UART_INTERRUPT_ENABLE, 0);
	outb(candidate + UART_LINE_CONTROL, UART_LCR_DIVISOR | UART_LCR_8N1);
	outb(candidate + UART_DIVISOR_LOW, UART_DIVISOR_115200);
	outb(candidate + UART_DIVISOR_HIGH, 0);
	outb(candidate + UART_LINE_CONTROL, UART_LCR_8N1);
	outb(candidate + UART_FIFO_CONTROL, UART_FCR_ENABLE_AND_CLEAR);
	outb(candidate + UART_MODEM_CONTROL, UART_MCR_DTR_RTS);
	port = inb(candidate + UART_LINE_STATUS) == UART_ABSENT ? 0 : candidate;
}

void console_use_port(u16 candidate)
{
	if (candidate != port)
		set_up(candidate);
}

u16 console_port(void)
{
	return port;
}

void arch_early_init(const struct boot_info *boot)
{
	(void)boot;
	set_up(UART_COM1);
	desc_early_init();
}

void arch_console_putc(char c)
{
	u32 loops = stuck ? 1 : TRANSMIT_WAIT_LOOPS;
	bool empty = false;

	if (port == 0)
		return;
	while (!empty && loops-- != 0)
		empty = inb(port + UART_LINE_STATUS) & UART_LSR_TRANSMIT_EMPTY;
	stuck = !empty;
	if (empty)
		outb(port + UART_DATA, (u8)c);
}
