/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * COM1: a 16550A for early messages, panics, and guests without a virtio driver.
 *
 * A character leaves as soon as it is written, so the transmitter is always empty. There is no interrupt line; a driver
 * that polls still asks the interrupt identification register what there is to do, so that is kept as a real one does,
 * in the order receive, transmit. Divisor, line and modem control are remembered and change nothing but the loop-back.
 * Only byte accesses mean anything.
 *
 * `lock` guards the registers and is not held while output is shown. vCPU tasks; input from the console task.
 * PC16550D data sheet; guest-boot reference, "Legacy probing with the minimal platform".
 */
#include "vmm/dev_serial.h"

#include "include/spec/uart.h"
#include "kernel/console.h"
#include "vmm/guest.h"

/* What the model keeps of a write; the status registers are read only. */
static const u8 writable[UART_REGISTERS] = {
	[UART_INTERRUPT_ENABLE] = UART_IER_MASK, [UART_FIFO_CONTROL] = 0xff, [UART_LINE_CONTROL] = 0xff,
	[UART_MODEM_CONTROL] = UART_MCR_MASK, [UART_SCRATCH] = 0xff,
};

static bool divisor_selected(const struct dev_serial *serial)
{
	return (serial->written[UART_LINE_CONTROL] & UART_LCR_DIVISOR) != 0;
}

/* The most urgent reason; reading it takes "transmitter empty" back. */
static u8 interrupt_id(struct dev_serial *serial)
{
	u8 fifos = serial->written[UART_FIFO_CONTROL] & UART_FCR_ENABLE ? UART_IIR_FIFOS : 0;

	if ((serial->written[UART_INTERRUPT_ENABLE] & UART_IER_RECEIVE) && input_ring_count(&serial->input))
		return fifos | UART_IIR_RECEIVE;
	if ((serial->written[UART_INTERRUPT_ENABLE] & UART_IER_TRANSMIT) && serial->transmit_pending) {
		serial->transmit_pending = false;
		return fifos | UART_IIR_TRANSMIT;
	}
	return fifos | UART_IIR_NONE;
}

static u8 line_status(const struct dev_serial *serial)
{
	u8 ready = input_ring_count(&serial->input) ? UART_LSR_DATA_READY : 0;

	return ready | UART_LSR_TRANSMIT_EMPTY | UART_LSR_IDLE;
}

/* The other end is always there; in loop-back the outputs are wired to the inputs. */
static u8 modem_status(const struct dev_serial *serial)
{
	u8 control = serial->written[UART_MODEM_CONTROL], status = 0;

	if (!(control & UART_MCR_LOOP))
		return UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD;
	if (control & UART_MCR_RTS)
		status |= UART_MSR_CTS;
	if (control & UART_MCR_DTR)
		status |= UART_MSR_DSR;
	if (control & UART_MCR_OUT1)
		status |= UART_MSR_RI;
	if (control & UART_MCR_OUT2)
		status |= UART_MSR_DCD;
	return status;
}

/* Under the lock. */
static u8 read_register(struct dev_serial *serial, u64 offset)
{
	if (divisor_selected(serial) && offset <= UART_DIVISOR_HIGH)
		return serial->divisor[offset];
	switch (offset) {
	case UART_DATA:
		return input_ring_count(&serial->input) ? input_ring_take(&serial->input) : 0;
	case UART_INTERRUPT_ID:
		return interrupt_id(serial);
	case UART_LINE_STATUS:
		return line_status(serial);
	case UART_MODEM_STATUS:
		return modem_status(serial);
	default:
		return serial->written[offset];
	}
}

/* True: the character goes to the terminal. Under the lock. */
static bool write_register(struct dev_serial *serial, u64 offset, u8 value)
{
	bool loop = serial->written[UART_MODEM_CONTROL] & UART_MCR_LOOP;

	if (divisor_selected(serial) && offset <= UART_DIVISOR_HIGH) {
		serial->divisor[offset] = value;
		return false;
	}
	if (offset == UART_DATA && loop)
		input_ring_put(&serial->input, value);
	/* The transmitter is empty again, or its interrupt is asked for while it is empty. */
	if (offset == UART_DATA || (offset == UART_INTERRUPT_ENABLE &&
				    (value & (u8)~serial->written[offset] & UART_IER_TRANSMIT)))
		serial->transmit_pending = true;
	if (offset == UART_FIFO_CONTROL && (value & UART_FCR_CLEAR_RECEIVE))
		input_ring_clear(&serial->input);
	serial->written[offset] = value & writable[offset];
	return offset == UART_DATA && !loop;
}

static u64 serial_read(void *device, u64 offset, u32 bytes)
{
	struct dev_serial *serial = device;
	u8 value;

	if (bytes != 1)
		return BUS_ALL_ONES;
	spin_lock(&serial->lock);
	value = read_register(serial, offset);
	spin_unlock(&serial->lock);
	return value;
}

static void serial_write(void *device, u64 offset, u32 bytes, u64 value)
{
	struct dev_serial *serial = device;
	char character = (char)value;
	bool output;

	if (bytes != 1)
		return;
	spin_lock(&serial->lock);
	output = write_register(serial, offset, (u8)value);
	spin_unlock(&serial->lock);
	if (output)
		console_guest_output(&serial->guest->console, &character, 1);
}

static const struct bus_ops serial_ops = { .read = serial_read, .write = serial_write };

void dev_serial_input(struct dev_serial *serial, const char *bytes, u64 count)
{
	spin_lock(&serial->lock);
	for (u64 i = 0; i < count; i++)
		input_ring_put(&serial->input, (u8)bytes[i]);
	spin_unlock(&serial->lock);
}

int dev_serial_create(struct dev_serial *serial, struct guest *guest)
{
	struct bus_range range = { BUS_PORT, UART_COM1, UART_REGISTERS, &serial_ops, serial };

	serial->guest = guest;
	return bus_add(&guest->bus, &range);
}
