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

static bool divisor_selected(const struct dev_serial *serial)
{
	return (serial->line_control & UART_LCR_DIVISOR) != 0;
}

/* The most urgent reason; reading it takes "transmitter empty" back. */
static u8 interrupt_id(struct dev_serial *serial)
{
	u8 fifos = serial->fifo_control & UART_FCR_ENABLE ? UART_IIR_FIFOS : 0;

	if ((serial->interrupt_enable & UART_IER_RECEIVE) && input_ring_count(&serial->input))
		return fifos | UART_IIR_RECEIVE;
	if ((serial->interrupt_enable & UART_IER_TRANSMIT) && serial->transmit_pending) {
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
	u8 control = serial->modem_control, status = 0;

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
	switch (offset) {
	case UART_DATA:
		if (divisor_selected(serial))
			return serial->divisor_low;
		return input_ring_count(&serial->input) ? input_ring_take(&serial->input) : 0;
	case UART_INTERRUPT_ENABLE:
		return divisor_selected(serial) ? serial->divisor_high : serial->interrupt_enable;
	case UART_INTERRUPT_ID:
		return interrupt_id(serial);
	case UART_LINE_CONTROL:
		return serial->line_control;
	case UART_MODEM_CONTROL:
		return serial->modem_control;
	case UART_LINE_STATUS:
		return line_status(serial);
	case UART_MODEM_STATUS:
		return modem_status(serial);
	default:
		return serial->scratch;
	}
}

static void set_interrupt_enable(struct dev_serial *serial, u8 value)
{
	u8 added = value & (u8)~serial->interrupt_enable;

	serial->interrupt_enable = value & UART_IER_MASK;
	if (added & UART_IER_TRANSMIT)
		serial->transmit_pending = true;
}

/* The data register; true: the character goes to the terminal. Under the lock. */
static bool transmit(struct dev_serial *serial, u8 value)
{
	serial->transmit_pending = true;
	if (serial->modem_control & UART_MCR_LOOP) {
		input_ring_put(&serial->input, value);
		return false;
	}
	return true;
}

/* True: the character goes to the terminal. Under the lock. */
static bool write_register(struct dev_serial *serial, u64 offset, u8 value)
{
	switch (offset) {
	case UART_DATA:
		if (!divisor_selected(serial))
			return transmit(serial, value);
		serial->divisor_low = value;
		break;
	case UART_INTERRUPT_ENABLE:
		if (divisor_selected(serial))
			serial->divisor_high = value;
		else
			set_interrupt_enable(serial, value);
		break;
	case UART_FIFO_CONTROL:
		serial->fifo_control = value;
		if (value & UART_FCR_CLEAR_RECEIVE)
			input_ring_clear(&serial->input);
		break;
	case UART_LINE_CONTROL:
		serial->line_control = value;
		break;
	case UART_MODEM_CONTROL:
		serial->modem_control = value & UART_MCR_MASK;
		break;
	case UART_SCRATCH:
		serial->scratch = value;
		break;
	default:
		break;
	}
	return false;
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
