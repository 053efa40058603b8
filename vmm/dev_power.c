/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI's reset and sleep registers, and two ports that read 0.
 *
 * Reset and power-off end the guest: a TD cannot be reset in place. The PIT does not exist, but a kernel that measures
 * its TSC against a port that reads all ones polls it 100,000 times, and one that reads 0 gives up after four. All
 * other legacy ports (interrupt controllers, 0x80, 0x92, 0xCF9, keyboard) are unknown to the bus. No lock, no state;
 * vCPU tasks. ACPI specification, "Hardware-Reduced ACPI"; guest-boot reference, "Time", "Reboot, power-off, panic".
 */
#include "vmm/dev_power.h"

#include "include/cella/tdshim.h"
#include "include/spec/acpi.h"
#include "vmm/bus.h"
#include "vmm/guest.h"

#define PIT_PORT 0x40
#define PIT_PORT_COUNT 4
#define SYSTEM_CONTROL_PORT 0x61	/* gate and output of PIT channel 2 */
#define POWER_PORT_COUNT (GUEST_PORT_SLEEP_STATUS - GUEST_PORT_RESET + 1)

/* No reset is under way, nothing sleeps, nothing woke up, no time is counted. */
static u64 read_zero(void *device, u64 offset, u32 bytes)
{
	(void)device;
	(void)offset;
	(void)bytes;
	return 0;
}

static void write_nothing(void *device, u64 offset, u32 bytes, u64 value)
{
	(void)device;
	(void)offset;
	(void)bytes;
	(void)value;
}

static void power_write(void *device, u64 offset, u32 bytes, u64 value)
{
	struct guest *guest = device;
	u64 port = GUEST_PORT_RESET + offset, type = value >> ACPI_SLEEP_CONTROL_TYPE_SHIFT & ACPI_SLEEP_TYPE_MASK;

	if (bytes != 1)
		return;
	if (port == GUEST_PORT_RESET && value == GUEST_RESET_VALUE)
		guest_request_end(guest, GUEST_END_RESET);
	if (port == GUEST_PORT_SLEEP_CONTROL && (value & ACPI_SLEEP_CONTROL_ENABLE) && type == GUEST_S5_TYPE)
		guest_request_end(guest, GUEST_END_POWER_OFF);
}

static const struct bus_ops power_ops = { .read = read_zero, .write = power_write };
static const struct bus_ops zero_ops = { .read = read_zero, .write = write_nothing };

int dev_power_create(struct guest *guest)
{
	struct bus_range power = { BUS_PORT, GUEST_PORT_RESET, POWER_PORT_COUNT, &power_ops, guest };
	struct bus_range pit = { BUS_PORT, PIT_PORT, PIT_PORT_COUNT, &zero_ops, NULL };
	struct bus_range control = { BUS_PORT, SYSTEM_CONTROL_PORT, 1, &zero_ops, NULL };
	int error = bus_add(&guest->bus, &power);

	if (!error)
		error = bus_add(&guest->bus, &pit);
	return error ? error : bus_add(&guest->bus, &control);
}
