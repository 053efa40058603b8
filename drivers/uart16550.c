/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Console of the hypervisor: the 16550 that the boot code found, COM1 unless the firmware names another, polled.
 *
 * Writers put characters into a ring and send what the UART takes at once; a timer on one core sends the rest and looks
 * for input, every 5 ms at rest and every millisecond while characters flow. So a log line costs its copy and a few
 * port accesses, not the time the line takes on the wire. Only a full ring makes a writer wait, and not longer than
 * FULL_WAIT_US.
 *
 * Owns the UART after uart16550_init(). Lock: uart.lock, innermost. Manual: PC16550D data sheet, "Registers".
 */
#include "drivers/uart16550.h"

#include "arch/x86/console.h"
#include "arch/x86/insn.h"
#include "include/cella/arch.h"
#include "include/spec/uart.h"
#include "kernel/lock.h"
#include "kernel/timer.h"

#define FCR_ENABLE 0x01	/* without clearing: what the boot code wrote is still on its way */
#define IIR_FIFO_ON 0xc0
#define SCRATCH_TEST 0x5a

#define RING_BYTES (64 * 1024)	/* power of two */
#define INPUT_BYTES 64	/* taken per poll at most: a line that never ends must not hold the core */
#define FULL_WAIT_US 2000
#define CHARACTER_POLLS 100000	/* status reads until a UART counts as stuck; a character takes 87 us at 115200 baud */
#define POLL_BUSY_NS (1 * NS_PER_MS)
#define POLL_IDLE_NS (5 * NS_PER_MS)
#define BUSY_AFTER_INPUT_NS NS_PER_S

static void uart_write(struct chr *chr, const char *text, u64 bytes);

static struct {
	struct chr chr;
	struct spinlock lock;
	u16 port;	/* (c) first of the UART's eight ports */
	u32 fifo_bytes;	/* (c) characters the UART takes when its transmitter is empty */
	u64 put, sent;	/* (l) positions since boot; their place in the ring is the remainder */
	struct timer poll;
	u64 busy_until_ns;	/* polling timer only */
	char ring[RING_BYTES];	/* (l) */
} uart = { .chr = { .name = "serial", .write = uart_write } };

/* Hand the UART what it takes now. */
static void send_some(void)
{
	while (uart.sent < uart.put && (inb(uart.port + UART_LINE_STATUS) & UART_LSR_TRANSMIT_EMPTY)) {
		for (u32 i = 0; i < uart.fifo_bytes && uart.sent < uart.put; i++)
			outb(uart.port + UART_DATA, (u8)uart.ring[uart.sent++ % RING_BYTES]);
	}
}

/* Room for one more character, waiting for it at most until @deadline_ns. */
static bool make_room(u64 deadline_ns)
{
	while (uart.put - uart.sent == RING_BYTES) {
		send_some();
		if (uart.put - uart.sent == RING_BYTES && time_ns() >= deadline_ns)
			return false;
	}
	return true;
}

static void uart_write(struct chr *chr, const char *text, u64 bytes)
{
	u64 saved = spin_lock_irqsave(&uart.lock);
	u64 deadline_ns = time_ns() + FULL_WAIT_US * (NS_PER_MS / 1000);
	u64 i;

	for (i = 0; i < bytes && make_room(deadline_ns); i++)
		uart.ring[uart.put++ % RING_BYTES] = text[i];
	chr->dropped += bytes - i;
	send_some();
	spin_unlock_irqrestore(&uart.lock, saved);
}

static u64 read_input(char text[INPUT_BYTES])
{
	u64 bytes = 0;

	while (bytes < INPUT_BYTES && (inb(uart.port + UART_LINE_STATUS) & UART_LSR_DATA_READY))
		text[bytes++] = (char)inb(uart.port + UART_DATA);
	return bytes;
}

static void poll(struct timer *timer)
{
	u64 now = time_ns();
	u64 saved = spin_lock_irqsave(&uart.lock);
	char input[INPUT_BYTES];
	u64 bytes = read_input(input);
	bool unsent;

	send_some();
	unsent = uart.sent < uart.put;
	spin_unlock_irqrestore(&uart.lock, saved);
	if (bytes)
		uart.busy_until_ns = now + BUSY_AFTER_INPUT_NS;
	timer_set(timer, now + (unsent || now < uart.busy_until_ns ? POLL_BUSY_NS : POLL_IDLE_NS));
	if (bytes && uart.chr.input)
		uart.chr.input(input, bytes);
}

/* Wait until @bits show in the line status; false when they do not. */
static bool wait_status(u8 bits)
{
	for (u32 i = 0; i < CHARACTER_POLLS; i++) {
		if ((inb(uart.port + UART_LINE_STATUS) & bits) == bits)
			return true;
	}
	return false;
}

static bool uart_present(void)
{
	if (inb(uart.port + UART_LINE_STATUS) == UART_ABSENT)
		return false;
	outb(uart.port + UART_SCRATCH, SCRATCH_TEST);
	return inb(uart.port + UART_SCRATCH) == SCRATCH_TEST;
}

struct chr *uart16550_init(void)
{
	uart.port = console_port();
	if (!uart.port || !uart_present())
		return NULL;
	(void)wait_status(UART_LSR_IDLE);	/* switching the FIFOs on would drop what is still in there */
	outb(uart.port + UART_INTERRUPT_ENABLE, 0);
	outb(uart.port + UART_FIFO_CONTROL, FCR_ENABLE);
	uart.fifo_bytes = (inb(uart.port + UART_INTERRUPT_ID) & IIR_FIFO_ON) == IIR_FIFO_ON ? UART_FIFO_BYTES : 1;
	return &uart.chr;
}

u64 uart16550_room(void)
{
	u64 saved = spin_lock_irqsave(&uart.lock);
	u64 room = RING_BYTES - (uart.put - uart.sent);

	spin_unlock_irqrestore(&uart.lock, saved);
	return room;
}

void uart16550_start(void)
{
	timer_init(&uart.poll, poll);
	timer_set(&uart.poll, time_ns() + POLL_IDLE_NS);
}

void uart16550_flush(void)
{
	u64 saved = arch_irq_save();	/* the polling timer of this core stays out */

	while (uart.sent < uart.put && wait_status(UART_LSR_TRANSMIT_EMPTY))
		send_some();
	(void)wait_status(UART_LSR_IDLE);
	arch_irq_restore(saved);
}
