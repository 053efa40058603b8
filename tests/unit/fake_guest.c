/* SPDX-License-Identifier: BSD-2-Clause */
/* See fake_guest.h. */
#include "tests/unit/fake_guest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "include/cella/tdshim.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "vmm/vintr.h"

struct fake_devices fake;

static void die(const char *why)
{
	fprintf(stderr, "fake_guest: %s\n", why);
	abort();
}

void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.guest.config = &fake.config;
	snprintf(fake.config.name, sizeof(fake.config.name), "guest");
	fake.config.has_console = true;
}

/* ---- kernel ---- */

void spin_lock(struct spinlock *lock)
{
	if (lock->next++)
		die("a lock is taken twice");
	fake.locks_held++;
}

void spin_unlock(struct spinlock *lock)
{
	if (!lock->next)
		die("a free lock is released");
	lock->next = 0;
	fake.locks_held--;
}

void log_write(enum log_level level, const char *subject, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fake.log, sizeof(fake.log), format, args);
	va_end(args);
	fake.logged++;
}

void *page_zalloc(u64 count, enum page_owner owner)
{
	if (owner != PAGE_GUEST)
		die("device state belongs to the guest");
	if (fake.no_memory)
		return NULL;
	fake.pages += (s64)count;
	return calloc(count, PAGE_SIZE);
}

void page_zfree(void *pages, u64 count, enum page_owner owner)
{
	if (owner != PAGE_GUEST)
		die("device state belongs to the guest");
	fake.pages -= (s64)count;
	free(pages);
}

u64 time_ns(void)
{
	return fake.now_ns;
}

u64 arch_wall_clock(void)
{
	return fake.wall_clock;
}

void sched_poll(void)
{
	if (fake.locks_held)
		die("a lock is held where the task may wait");
	fake.polls++;
}

void console_guest_output(struct console_guest *guest, const char *bytes, u64 count)
{
	if (fake.locks_held)
		die("a lock is held while the terminal may wait");
	if (guest != &fake.guest.console)
		die("output of another guest");
	for (u64 i = 0; i < count; i++, fake.output_bytes++)
		if (fake.output_bytes < FAKE_OUTPUT_BYTES)
			fake.output[fake.output_bytes] = bytes[i];
	if (fake.on_output)
		fake.on_output();
}

/* ---- vmm ---- */

void guest_request_end(struct guest *guest, enum guest_end why)
{
	if (fake.locks_held)
		die("a lock is held while the guest is ended");
	fake.end = why;
	guest->stop_requested = true;
}

void vintr_msi(struct guest *guest, u64 address, u32 data)
{
	if (fake.message_count < FAKE_MAX_MESSAGES) {
		fake.messages[fake.message_count].address = address;
		fake.messages[fake.message_count].data = data;
	}
	fake.message_count++;
}

bool gmem_is_ram(const struct guest *guest, gpa_t gpa, u64 bytes)
{
	return bytes && gpa.raw < FAKE_RAM_BYTES && bytes <= FAKE_RAM_BYTES - gpa.raw;
}

static bool is_shared(gpa_t gpa, u64 bytes)
{
	if (!gmem_is_ram(&fake.guest, gpa, bytes))
		return false;
	for (u64 page = gpa.raw / PAGE_SIZE; page <= (gpa.raw + bytes - 1) / PAGE_SIZE; page++)
		if (fake.is_private[page])
			return false;
	return true;
}

int gmem_read(struct guest *guest, gpa_t gpa, void *to, u64 bytes)
{
	fake.loads++;
	if (fake.on_load)
		fake.on_load(gpa);
	if (!is_shared(gpa, bytes))
		return -EINVAL;
	memcpy(to, fake.ram + gpa.raw, bytes);
	return 0;
}

int gmem_write(struct guest *guest, gpa_t gpa, const void *from, u64 bytes)
{
	if (!is_shared(gpa, bytes))
		return -EINVAL;
	memcpy(fake.ram + gpa.raw, from, bytes);
	return 0;
}

int gmem_load_u16(struct guest *guest, gpa_t gpa, u16 *value)
{
	return gpa.raw & 1 ? -EINVAL : gmem_read(guest, gpa, value, sizeof(*value));
}

int gmem_store_u16(struct guest *guest, gpa_t gpa, u16 value)
{
	return gpa.raw & 1 ? -EINVAL : gmem_write(guest, gpa, &value, sizeof(value));
}

/* ---- for the tests ---- */

void ram_put(u64 gpa, u64 value, u32 bytes)
{
	memcpy(fake.ram + gpa, &value, bytes);
}

u64 ram_get(u64 gpa, u32 bytes)
{
	u64 value = 0;

	memcpy(&value, fake.ram + gpa, bytes);
	return value;
}

static u64 read_space(enum bus_space space, u64 address, u32 bytes)
{
	u32 held = fake.locks_held;
	u64 value = bus_read(&fake.guest.bus, space, address, bytes);

	if (fake.locks_held != held)
		die("an access left a lock behind");
	return value;
}

static void write_space(enum bus_space space, u64 address, u32 bytes, u64 value)
{
	u32 held = fake.locks_held;

	bus_write(&fake.guest.bus, space, address, bytes, value);
	if (fake.locks_held != held)
		die("an access left a lock behind");
}

u64 port_read(u64 port, u32 bytes)
{
	return read_space(BUS_PORT, port, bytes);
}

void port_write(u64 port, u32 bytes, u64 value)
{
	write_space(BUS_PORT, port, bytes, value);
}

u64 mmio_read(u64 gpa, u32 bytes)
{
	return read_space(BUS_MMIO, gpa, bytes);
}

void mmio_write(u64 gpa, u32 bytes, u64 value)
{
	write_space(BUS_MMIO, gpa, bytes, value);
}

u32 ecam_read(u32 slot, u32 offset, u32 bytes)
{
	return (u32)mmio_read(GUEST_ECAM_BASE + (slot << 15) + offset, bytes);
}

void ecam_write(u32 slot, u32 offset, u32 bytes, u32 value)
{
	mmio_write(GUEST_ECAM_BASE + (slot << 15) + offset, bytes, value);
}
