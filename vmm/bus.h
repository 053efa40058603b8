/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address ranges to device models: port I/O and MMIO. Accesses arrive only as TDVMCALLs, already bounded to 1, 2, 4 or
 * 8 naturally sized bytes. Unknown ports and MMIO read all ones and ignore writes.
 */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include "include/cella/types.h"
#include "kernel/lock.h"

struct guest;

#define BUS_MAX_RANGES 48

enum bus_space {
	BUS_PORT,
	BUS_MMIO,
};

/* What an access that nobody decodes reads; models may return it for any width, bus_read() cuts it. */
#define BUS_ALL_ONES (~0ull)

/* @offset from the range's base; @bytes 1, 2, 4, 8; the value is zero-extended. No lock is held by the bus. */
struct bus_ops {
	u64 (*read)(void *device, u64 offset, u32 bytes);
	void (*write)(void *device, u64 offset, u32 bytes, u64 value);
};

struct bus_range {
	enum bus_space space;
	u64 base;
	u64 bytes;
	const struct bus_ops *ops;
	void *device;
};

struct bus {
	struct spinlock lock;	/* ranges move when the guest programs BARs */
	u32 count;	/* (l) */
	struct bus_range ranges[BUS_MAX_RANGES];	/* (l) */
	void *pci;	/* (c) dev_pci.c's state */
	void *devices;	/* (c) the platform's device states, owned by platform_create() */
};

/** bus_add() - -EEXIST: overlaps another range of the space; -ENOSPC; -EINVAL: empty or wraps. bus_remove() by base */
int __must_check bus_add(struct bus *bus, const struct bus_range *range);
void bus_remove(struct bus *bus, enum bus_space space, u64 base);
/** bus_read(), bus_write() - dispatch; an access that crosses the end of its range counts as unknown */
u64 bus_read(struct bus *bus, enum bus_space space, u64 address, u32 bytes);
void bus_write(struct bus *bus, enum bus_space space, u64 address, u32 bytes, u64 value);

/**
 * platform_create() - every device of the guest platform (guest-boot reference, section 10) on the guest's bus: COM1,
 * RTC, PIT stub,
 * power and reset ports, PCI host bridge with ECAM and CF8/CFC, virtio-console when configured The bus is zeroed, no
 * vCPU runs; keeper task. Also connects guest->console. -ENOMEM: no page; nothing is left behind then.
 * platform_destroy() - the reverse, after all vCPU tasks have left; safe without a platform
 */
int __must_check platform_create(struct guest *guest);
void platform_destroy(struct guest *guest);

#endif
