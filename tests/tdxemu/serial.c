/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * COM1, output only. Every line programs the port anew: whoever used it before (GRUB, the host) may have left any
 * setting.
 * Callers: one core at a time (start, and the stopping core).
 */
#include "tests/tdxemu/serial.h"

#include "arch/x86/insn.h"
#include "include/cella/types.h"

#define COM1 0x3f8
#define UART_DATA 0	/* divisor low with DLAB */
#define UART_INTERRUPT_ENABLE 1	/* divisor high with DLAB */
#define UART_LINE_CONTROL 3
#define UART_LINE_STATUS 5
#define LINE_8N1 0x03
#define LINE_DLAB 0x80
#define STATUS_TRANSMIT_EMPTY 0x20
#define DIVISOR_115200 1
#define POLL_BOUND 1000000u

static void put(u8 byte)
{
	for (u32 i = 0; i < POLL_BOUND; i++)
		if (inb(COM1 + UART_LINE_STATUS) & STATUS_TRANSMIT_EMPTY)
			break;
	outb(COM1 + UART_DATA, byte);
}

void serial_line(const char *prefix, const char *text)
{
	outb(COM1 + UART_INTERRUPT_ENABLE, 0);
	outb(COM1 + UART_LINE_CONTROL, LINE_DLAB | LINE_8N1);
	outb(COM1 + UART_DATA, DIVISOR_115200);
	outb(COM1 + UART_INTERRUPT_ENABLE, 0);
	outb(COM1 + UART_LINE_CONTROL, LINE_8N1);
	for (const char *c = prefix; *c != '\0'; c++)
		put((u8)*c);
	for (const char *c = text; *c != '\0'; c++)
		put((u8)*c);
	put('\r');
	put('\n');
}
