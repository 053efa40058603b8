/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer target: a guest that does nothing but port, ECAM and BAR accesses of all widths to the whole platform,
 * changes its rings between them, and types. Nothing it does may crash, hang, leave a lock, or let a device run in a
 * state that the protocol does not allow.
 *
 * Input: a sequence of 8-byte steps { kind, width, u16 offset, u32 value }. Every other input begins with a running
 * driver.
 */
#include <string.h>

#include "include/cella/tdshim.h"
#include "include/spec/pci.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_driver.h"
#include "tests/unit/fake_guest.h"

#define SLOT 2
#define QUEUE_SIZE 8

struct fuzz_step {
	u8 kind, width;
	u16 offset;
	u32 value;
};

/* A well-formed chain, now and then, so that the models get somewhere. */
static void offer(const struct fuzz_step *step)
{
	u32 queue = step->offset & 1, head = step->width % QUEUE_SIZE;
	u16 flags = queue == VIRTIO_CONSOLE_RECEIVE_QUEUE ? VIRTQ_DESCRIPTOR_WRITE : 0;
	u32 buffer_bytes = 1 + (step->value >> 16 & 0xfff);

	driver_descriptor(queue, head, DRIVER_BUFFERS + (step->value & 0xffff), buffer_bytes, flags, 0);
	driver_offer(queue, QUEUE_SIZE, (u16)head);
	driver_kick(queue);
}

static void run(const struct fuzz_step *step)
{
	u32 width = 1u << (step->width & 3);
	u64 bar = ecam_read(SLOT, PCI_BAR0, 4), offset = step->offset & ~(u64)(width - 1);
	u32 config = step->offset & 0xfff & ~(width - 1);
	char key = (char)step->value;

	switch (step->kind % 9) {
	case 0:
		mmio_write(bar + (offset & 0x7fff), width, step->value);
		break;
	case 1:
		mmio_read(bar + (offset & 0x7fff), width);
		break;
	case 2:
		mmio_write(bar + (offset & 0x3f), width, step->value);	/* common configuration */
		break;
	case 3:
		mmio_write(GUEST_ECAM_BASE + (SLOT << 15) + config, width, step->value);
		break;
	case 4:
		CLAIM(mmio_read(GUEST_ECAM_BASE + (SLOT << 15) + config, width) <= ~0ull >> (64 - 8 * width));
		break;
	case 5:
		port_write(step->offset, width & 7, step->value);
		port_read(step->offset, width & 7);
		break;
	case 6:
		ram_put(0x1000 + step->offset % 0x6000, step->value, 4);
		break;
	case 7:
		fake.guest.console.input(&fake.guest.console, &key, 1);
		break;
	default:
		offer(step);
		break;
	}
	CLAIM(fake.locks_held == 0);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t bytes)
{
	struct fuzz_step step;

	fake_reset();
	CLAIM(platform_create(&fake.guest) == 0);
	if (bytes % sizeof(step))
		driver_start(SLOT, DRIVER_FEATURES | (bytes & 1 ? BIT(VIRTIO_F_EVENT_IDX) : 0), QUEUE_SIZE);
	else
		driver_find(SLOT);
	for (; bytes >= sizeof(step); bytes -= sizeof(step), data += sizeof(step)) {
		memcpy(&step, data, sizeof(step));
		run(&step);
	}
	platform_destroy(&fake.guest);
	CLAIM(fake.pages == 0);
	return 0;
}
