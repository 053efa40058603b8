/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of COM1: the probe of Linux's 8250 driver, text both ways. */
#include <string.h>

#include "include/spec/uart.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/test.h"
#include "vmm/input_ring.h"

static void begin(void)
{
	fake_reset();
	fake.config.has_console = false;
	CHECK_EQ(platform_create(&fake.guest), 0);
}

static void end(void)
{
	platform_destroy(&fake.guest);
	CHECK_EQ(fake.pages, 0);
}

static u8 in(u32 reg)
{
	return (u8)port_read(UART_COM1 + reg, 1);
}

static void out(u32 reg, u8 value)
{
	port_write(UART_COM1 + reg, 1, value);
}

static void type(const char *text)
{
	fake.guest.console.input(&fake.guest.console, text, strlen(text));
}

TEST(the_8250_probe_finds_a_16550a)
{
	u8 control;

	begin();
	/* Interrupt enable register: four bits. */
	out(UART_INTERRUPT_ENABLE, 0);
	CHECK_EQ(in(UART_INTERRUPT_ENABLE) & 0x0f, 0);
	out(UART_INTERRUPT_ENABLE, 0x0f);
	CHECK_EQ(in(UART_INTERRUPT_ENABLE), 0x0f);
	out(UART_INTERRUPT_ENABLE, 0);
	/* Loop-back test: RTS and OUT2 come back as CTS and DCD. */
	control = in(UART_MODEM_CONTROL);
	out(UART_MODEM_CONTROL, 0x10 | 0x0a);
	CHECK_EQ(in(UART_MODEM_STATUS) & 0xf0, 0x90);
	out(UART_MODEM_CONTROL, control);
	/* Type: an EFR would show with this line control, but a 16550A has none. */
	out(UART_LINE_CONTROL, 0xbf);
	CHECK(in(UART_INTERRUPT_ID) != 0);
	out(UART_LINE_CONTROL, 0);
	out(UART_FIFO_CONTROL, 1);
	CHECK_EQ(in(UART_INTERRUPT_ID) >> 6, 3);
	/* Not a 16750: no 64-byte FIFO. */
	out(UART_FIFO_CONTROL, 0x21);
	CHECK_EQ(in(UART_INTERRUPT_ID) & 0x20, 0);
	/* Not an XScale: no unit enable bit. */
	out(UART_INTERRUPT_ENABLE, 0x40);
	CHECK_EQ(in(UART_INTERRUPT_ENABLE) & 0x40, 0);
	out(UART_FIFO_CONTROL, 0);
	CHECK_EQ(in(UART_INTERRUPT_ID), 0x01);
	CHECK_EQ(fake.output_bytes, 0);
	end();
}

TEST(early_printk_sets_the_speed_and_writes)
{
	begin();
	out(UART_LINE_CONTROL, 0x03);
	out(UART_INTERRUPT_ENABLE, 0);
	out(UART_FIFO_CONTROL, 0);
	out(UART_MODEM_CONTROL, 0x03);
	out(UART_LINE_CONTROL, 0x83);
	out(UART_DIVISOR_LOW, 1);
	out(UART_DIVISOR_HIGH, 0x55);
	CHECK_EQ(in(UART_DIVISOR_LOW), 1);
	CHECK_EQ(in(UART_DIVISOR_HIGH), 0x55);
	out(UART_LINE_CONTROL, 0x03);
	CHECK_EQ(in(UART_LINE_CONTROL), 0x03);
	CHECK_EQ(in(UART_INTERRUPT_ENABLE), 0);
	CHECK_EQ(fake.output_bytes, 0);	/* the divisor is no text */
	for (const char *text = "Linux"; *text; text++) {
		CHECK_EQ(in(UART_LINE_STATUS) & 0x60, 0x60);
		out(UART_DATA, (u8)*text);
	}
	CHECK_EQ(fake.output_bytes, 5);
	CHECK_MEM(fake.output, "Linux", 5);
	end();
}

TEST(typed_bytes_are_read_in_order)
{
	begin();
	CHECK_EQ(in(UART_LINE_STATUS), 0x60);
	CHECK_EQ(in(UART_DATA), 0);
	type("ok");
	CHECK_EQ(in(UART_LINE_STATUS), 0x61);
	CHECK_EQ(in(UART_DATA), 'o');
	CHECK_EQ(in(UART_DATA), 'k');
	CHECK_EQ(in(UART_LINE_STATUS), 0x60);
	type("lost");
	out(UART_FIFO_CONTROL, UART_FCR_ENABLE_AND_CLEAR);
	CHECK_EQ(in(UART_LINE_STATUS), 0x60);
	end();
}

TEST(typing_without_a_reader_is_bounded)
{
	static char flood[3 * INPUT_RING_BYTES];
	u32 read = 0;

	begin();
	memset(flood, 'x', sizeof(flood));
	fake.guest.console.input(&fake.guest.console, flood, sizeof(flood));
	while (in(UART_LINE_STATUS) & 1) {
		in(UART_DATA);
		read++;
	}
	CHECK_EQ(read, INPUT_RING_BYTES);
	end();
}

TEST(a_polling_driver_is_told_what_to_do)
{
	begin();
	CHECK_EQ(in(UART_INTERRUPT_ID), UART_IIR_NONE);
	out(UART_INTERRUPT_ENABLE, UART_IER_RECEIVE);
	CHECK_EQ(in(UART_INTERRUPT_ID), UART_IIR_NONE);
	type("k");
	CHECK_EQ(in(UART_INTERRUPT_ID), UART_IIR_RECEIVE);
	CHECK_EQ(in(UART_INTERRUPT_ID), UART_IIR_RECEIVE);
	in(UART_DATA);
	CHECK_EQ(in(UART_INTERRUPT_ID), UART_IIR_NONE);
	/* Enabling the transmit interrupt raises it, reading takes it back, writing raises it again. */
	out(UART_INTERRUPT_ENABLE, UART_IER_RECEIVE | UART_IER_TRANSMIT);
	CHECK_EQ(in(UART_INTERRUPT_ID), UART_IIR_TRANSMIT);
	CHECK_EQ(in(UART_INTERRUPT_ID), UART_IIR_NONE);
	out(UART_DATA, 'x');
	CHECK_EQ(in(UART_INTERRUPT_ID), UART_IIR_TRANSMIT);
	CHECK_EQ(in(UART_INTERRUPT_ID), UART_IIR_NONE);
	end();
}

TEST(loop_back_does_not_reach_the_terminal)
{
	begin();
	out(UART_MODEM_CONTROL, UART_MCR_LOOP);
	CHECK_EQ(in(UART_MODEM_STATUS), 0);
	out(UART_DATA, 'l');
	CHECK_EQ(fake.output_bytes, 0);
	CHECK_EQ(in(UART_DATA), 'l');
	out(UART_MODEM_CONTROL, 0xff);
	CHECK_EQ(in(UART_MODEM_CONTROL), 0x1f);
	CHECK_EQ(in(UART_MODEM_STATUS), 0xf0);
	out(UART_MODEM_CONTROL, 0);
	CHECK_EQ(in(UART_MODEM_STATUS), 0xb0);
	end();
}

TEST(scratch_remembers_and_wide_accesses_mean_nothing)
{
	begin();
	out(UART_SCRATCH, 0x5a);
	CHECK_EQ(in(UART_SCRATCH), 0x5a);
	out(UART_LINE_STATUS, 0);
	CHECK_EQ(in(UART_LINE_STATUS), 0x60);
	CHECK_EQ(port_read(UART_COM1, 2), 0xffff);
	CHECK_EQ(port_read(UART_COM1, 4), 0xffffffff);
	port_write(UART_COM1, 4, 0x41414141);
	CHECK_EQ(fake.output_bytes, 0);
	end();
}

TEST(other_serial_ports_are_absent)
{
	static const u32 bases[] = { 0x2f8, 0x3e8, 0x2e8 };

	begin();
	for (u32 i = 0; i < ARRAY_SIZE(bases); i++) {
		port_write(bases[i] + 1, 1, 0);
		CHECK_EQ(port_read(bases[i] + 1, 1), 0xff);
	}
	end();
}
