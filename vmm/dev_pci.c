/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI bus 0 of a guest: configuration space by ECAM and by ports 0xCF8/0xCFC, host bridge at 00:00.0.
 *
 * A function is 256 bytes and a mask of what the guest may write. BAR sizing falls out of the mask; after each write
 * the BARs are placed anew: one decodes while the command register says so and it lies wholly inside the guest's PCI
 * window. Of two that overlap, the one that came first decodes, and the other one as soon as there is room. Functions
 * and buses that do not exist, and registers beyond 256, read all ones.
 *
 * Locks: pci_bus.lock makes configuration writes one at a time, then pci_function.lock, then bus.lock. vCPU tasks.
 * PCI Local Bus Specification, "Configuration Space"; guest-boot reference, "PCI".
 */
#include "vmm/dev_pci.h"

#include "include/cella/errno.h"
#include "include/cella/tdshim.h"
#include "include/spec/pci.h"
#include "kernel/lib/string.h"
#include "kernel/page.h"
#include "vmm/guest.h"

#define PCI_PORT_BYTES 8	/* 0xCF8 to 0xCFF */
#define PCI_FIRST_CAPABILITY 0x40	/* right behind the header */
#define HOST_BRIDGE_SLOT 0

struct pci_bus {
	struct guest *guest;	/* (c) */
	struct spinlock lock;	/* all configuration writes of the bus */
	u32 address;	/* atomic: last dword written to 0xCF8 */
	struct pci_function *slots[PCI_MAX_FUNCTIONS];	/* (c) */
	struct pci_function host_bridge;
};

#define PCI_BUS_PAGES DIV_ROUND_UP(sizeof(struct pci_bus), PAGE_SIZE)

/* ---- preparing functions ---- */

u32 pci_config_get(const struct pci_function *function, u32 offset, u32 bytes)
{
	u32 value = 0;

	memcpy(&value, &function->config[offset], bytes);
	return value;
}

void pci_config_put(struct pci_function *function, u32 offset, u32 bytes, u32 value)
{
	memcpy(&function->config[offset], &value, bytes);
}

static void set_writable(struct pci_function *function, u32 offset, u32 bytes, u32 mask)
{
	memcpy(&function->writable[offset], &mask, bytes);
}

void pci_prepare(struct pci_function *function, const struct pci_identity *identity)
{
	function->capability_link = PCI_CAPABILITIES;
	function->capability_end = PCI_FIRST_CAPABILITY;
	pci_config_put(function, PCI_VENDOR_ID, 2, identity->vendor);
	pci_config_put(function, PCI_DEVICE_ID, 2, identity->device);
	pci_config_put(function, PCI_REVISION_ID, 1, identity->revision);
	pci_config_put(function, PCI_CLASS_CODE, 3, identity->class_code);
	pci_config_put(function, PCI_SUBSYSTEM_VENDOR_ID, 2, identity->subsystem_vendor);
	pci_config_put(function, PCI_SUBSYSTEM_ID, 2, identity->subsystem);
	set_writable(function, PCI_CACHE_LINE_SIZE, 1, 0xff);
	set_writable(function, PCI_LATENCY_TIMER, 1, 0xff);
	set_writable(function, PCI_INTERRUPT_LINE, 1, 0xff);
}

void pci_set_bar(struct pci_function *function, u64 bytes, const struct bus_ops *ops, void *device)
{
	function->bar_bytes = bytes;
	function->bar_ops = ops;
	function->device = device;
	set_writable(function, PCI_BAR0, 4, ~((u32)bytes - 1));
	set_writable(function, PCI_COMMAND, 2,
		     PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER | PCI_COMMAND_INTX_DISABLE);
}

u8 pci_add_capability(struct pci_function *function, u8 id, u32 bytes)
{
	u8 offset = function->capability_end;

	function->config[offset] = id;
	function->config[function->capability_link] = offset;
	function->capability_link = (u8)(offset + 1);
	function->capability_end = (u8)ALIGN_UP(offset + bytes, 4);
	pci_config_put(function, PCI_STATUS, 2, PCI_STATUS_CAPABILITIES);
	return offset;
}

/* ---- BARs ---- */

/* Where the function's BAR decodes according to its registers; 0: nowhere. */
static u64 wanted_base(const struct pci_function *function)
{
	u64 base = pci_config_get(function, PCI_BAR0, 4);

	if (!function->bar_bytes || !(pci_config_get(function, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY))
		return 0;
	if (base < GUEST_PCI_WINDOW_BASE ||
	    base + function->bar_bytes > (u64)GUEST_PCI_WINDOW_BASE + GUEST_PCI_WINDOW_BYTES)
		return 0;
	return base;
}

static void map_bar(struct bus *bus, struct pci_function *function, u64 base)
{
	struct bus_range range = {
		.space = BUS_MMIO,
		.base = base,
		.bytes = function->bar_bytes,
		.ops = function->bar_ops,
		.device = function->device,
	};

	function->bar_mapped = bus_add(bus, &range) == 0;
	function->bar_base = base;
}

/* pci->lock is held. Room is made first, so that BARs may swap their places. */
static void place_bars(struct pci_bus *pci)
{
	struct bus *bus = &pci->guest->bus;

	for (u32 i = 0; i < PCI_MAX_FUNCTIONS; i++) {
		struct pci_function *function = pci->slots[i];

		if (function && function->bar_mapped && wanted_base(function) != function->bar_base) {
			bus_remove(bus, BUS_MMIO, function->bar_base);
			function->bar_mapped = false;
		}
	}
	for (u32 i = 0; i < PCI_MAX_FUNCTIONS; i++) {
		struct pci_function *function = pci->slots[i];

		if (function && !function->bar_mapped && wanted_base(function))
			map_bar(bus, function, wanted_base(function));
	}
}

/* ---- configuration space ---- */

/* A register of bus 0 and its function; NULL: absent, or the access leaves the 256 bytes. */
static struct pci_function *config_target(struct pci_bus *pci, u32 slot, u32 number, u32 offset, u32 bytes)
{
	return number == 0 && offset + bytes <= PCI_CONFIG_BYTES ? pci->slots[slot] : NULL;
}

static u64 config_read(struct pci_function *function, u32 offset, u32 bytes)
{
	u64 value = 0;

	if (!function)
		return BUS_ALL_ONES;
	spin_lock(&function->lock);
	memcpy(&value, &function->config[offset], bytes);
	spin_unlock(&function->lock);
	return value;
}

static void config_write(struct pci_bus *pci, struct pci_function *function, u32 offset, u32 bytes, u64 value)
{
	if (!function)
		return;
	spin_lock(&pci->lock);
	spin_lock(&function->lock);
	for (u32 i = 0; i < bytes; i++) {
		u8 mask = function->writable[offset + i], byte = (u8)(value >> (8 * i));

		function->config[offset + i] = (u8)((function->config[offset + i] & ~mask) | (byte & mask));
	}
	spin_unlock(&function->lock);
	place_bars(pci);
	spin_unlock(&pci->lock);
	pci_msix_deliver(function);
}

static struct pci_function *ecam_target(struct pci_bus *pci, u64 offset, u32 bytes)
{
	return config_target(pci, (u32)PCI_ECAM_DEVICE(offset), (u32)PCI_ECAM_FUNCTION(offset),
			     (u32)PCI_ECAM_REGISTER(offset), bytes);
}

static u64 ecam_read(void *device, u64 offset, u32 bytes)
{
	return config_read(ecam_target(device, offset, bytes), (u32)PCI_ECAM_REGISTER(offset), bytes);
}

static void ecam_write(void *device, u64 offset, u32 bytes, u64 value)
{
	config_write(device, ecam_target(device, offset, bytes), (u32)PCI_ECAM_REGISTER(offset), bytes, value);
}

static const struct bus_ops ecam_ops = { .read = ecam_read, .write = ecam_write };

/* The register that 0xCF8 selects, @offset bytes further on. */
static struct pci_function *selected(struct pci_bus *pci, u64 offset, u32 bytes, u32 *reg)
{
	u32 address = __atomic_load_n(&pci->address, __ATOMIC_RELAXED);

	*reg = PCI_ADDRESS_REGISTER(address) + (u32)offset;
	if (!(address & PCI_ADDRESS_ENABLE) || PCI_ADDRESS_BUS(address) != 0)
		return NULL;
	return config_target(pci, PCI_ADDRESS_DEVICE(address), PCI_ADDRESS_FUNCTION(address), *reg, bytes);
}

#define DATA_OFFSET (PCI_PORT_DATA - PCI_PORT_ADDRESS)

/* The address register exists for dwords only: bytes and words there belong to other devices (0xCF9 resets a PC). */
static u64 ports_read(void *device, u64 offset, u32 bytes)
{
	struct pci_bus *pci = device;
	struct pci_function *function;
	u32 reg;

	if (offset >= DATA_OFFSET) {
		function = selected(pci, offset - DATA_OFFSET, bytes, &reg);
		return config_read(function, reg, bytes);
	}
	return offset == 0 && bytes == sizeof(u32) ? __atomic_load_n(&pci->address, __ATOMIC_RELAXED) : BUS_ALL_ONES;
}

static void ports_write(void *device, u64 offset, u32 bytes, u64 value)
{
	struct pci_bus *pci = device;
	struct pci_function *function;
	u32 reg;

	if (offset >= DATA_OFFSET) {
		function = selected(pci, offset - DATA_OFFSET, bytes, &reg);
		config_write(pci, function, reg, bytes, value);
	} else if (offset == 0 && bytes == sizeof(u32)) {
		__atomic_store_n(&pci->address, (u32)value, __ATOMIC_RELAXED);
	}
}

static const struct bus_ops port_ops = { .read = ports_read, .write = ports_write };

/* ---- the bus ---- */

int pci_add(struct guest *guest, u32 slot, struct pci_function *function)
{
	struct pci_bus *pci = guest->bus.pci;

	if (slot >= PCI_MAX_FUNCTIONS)
		return -EINVAL;
	if (pci->slots[slot])
		return -EEXIST;
	function->guest = guest;
	pci->slots[slot] = function;
	return 0;
}

int pci_create(struct guest *guest)
{
	static const struct pci_identity bridge = {
		.vendor = PCI_VENDOR_INTEL,
		.device = PCI_DEVICE_82G33_HOST,
		.class_code = PCI_CLASS_HOST_BRIDGE,
	};
	struct pci_bus *pci = page_zalloc(PCI_BUS_PAGES, PAGE_GUEST);
	struct bus_range ecam = { BUS_MMIO, GUEST_ECAM_BASE, GUEST_ECAM_BYTES, &ecam_ops, pci };
	struct bus_range ports = { BUS_PORT, PCI_PORT_ADDRESS, PCI_PORT_BYTES, &port_ops, pci };
	int error;

	if (!pci)
		return -ENOMEM;
	pci->guest = guest;
	guest->bus.pci = pci;
	pci_prepare(&pci->host_bridge, &bridge);
	error = pci_add(guest, HOST_BRIDGE_SLOT, &pci->host_bridge);
	if (!error)
		error = bus_add(&guest->bus, &ecam);
	return error ? error : bus_add(&guest->bus, &ports);
}

void pci_destroy(struct guest *guest)
{
	if (guest->bus.pci)
		page_zfree(guest->bus.pci, PCI_BUS_PAGES, PAGE_GUEST);
	guest->bus.pci = NULL;
}
