/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X of a PCI function: vector table, masks, pending bits.
 *
 * A message leaves when MSI-X is on, the function may master the bus, and neither the function nor the entry is masked;
 * while something masks it, its pending bit remembers it, however often it is raised. Everything is an edge.
 * pci_function.lock guards the table; vintr_msi() is called under it and takes no lock of the devices.
 * PCI Local Bus Specification, "MSI-X Capability and Table Structure".
 */
#include "include/spec/pci.h"
#include "vmm/dev_pci.h"
#include "vmm/vintr.h"

#define DWORD_BYTES 4u
#define ENTRY_DWORDS (PCI_MSIX_ENTRY_BYTES / DWORD_BYTES)

void pci_msix_prepare(struct pci_function *function, u32 count, u32 table_offset, u32 pba_offset)
{
	u8 at = pci_add_capability(function, PCI_CAPABILITY_MSIX, PCI_MSIX_CAPABILITY_BYTES);
	u32 enable_bits = PCI_MSIX_CONTROL_ENABLE | PCI_MSIX_CONTROL_FUNCTION_MASK;

	/* BAR number 0 in the low bits of both offsets. */
	pci_config_put(function, at + PCI_MSIX_CONTROL, 2, count - 1);
	pci_config_put(function, at + PCI_MSIX_TABLE, 4, table_offset);
	pci_config_put(function, at + PCI_MSIX_PBA, 4, pba_offset);
	function->writable[at + PCI_MSIX_CONTROL + 1] = (u8)(enable_bits >> 8);
	function->msix_capability = at;
	function->msix_count = count;
	for (u32 i = 0; i < count; i++)
		function->msix_table[i][PCI_MSIX_ENTRY_CONTROL] = PCI_MSIX_ENTRY_MASKED;
}

static u32 message_control(const struct pci_function *function)
{
	return pci_config_get(function, function->msix_capability + PCI_MSIX_CONTROL, 2);
}

/* Under the lock. */
static bool may_send(const struct pci_function *function, u32 index)
{
	return !(message_control(function) & PCI_MSIX_CONTROL_FUNCTION_MASK) &&
	       (pci_config_get(function, PCI_COMMAND, 2) & PCI_COMMAND_BUS_MASTER) &&
	       !(function->msix_table[index][PCI_MSIX_ENTRY_CONTROL] & PCI_MSIX_ENTRY_MASKED);
}

/* Under the lock. */
static void send(struct pci_function *function, u32 index)
{
	const u32 *entry = function->msix_table[index];
	u64 address = (u64)entry[PCI_MSIX_ENTRY_ADDRESS_HIGH] << 32 | entry[PCI_MSIX_ENTRY_ADDRESS_LOW];

	function->msix_pending &= ~BIT(index);
	vintr_msi(function->guest, address, entry[PCI_MSIX_ENTRY_DATA]);
}

void pci_msix_send(struct pci_function *function, u32 index)
{
	if (index >= function->msix_count)
		return;
	spin_lock(&function->lock);
	if (message_control(function) & PCI_MSIX_CONTROL_ENABLE) {
		if (may_send(function, index))
			send(function, index);
		else
			function->msix_pending |= BIT(index);
	}
	spin_unlock(&function->lock);
}

/* Under the lock. */
static void deliver(struct pci_function *function)
{
	if (!function->msix_pending || !(message_control(function) & PCI_MSIX_CONTROL_ENABLE))
		return;
	for (u32 i = 0; i < function->msix_count; i++)
		if ((function->msix_pending & BIT(i)) && may_send(function, i))
			send(function, i);
}

void pci_msix_deliver(struct pci_function *function)
{
	if (!function->msix_count)
		return;
	spin_lock(&function->lock);
	deliver(function);
	spin_unlock(&function->lock);
}

static bool is_dword_access(u64 offset, u32 bytes)
{
	return (bytes == DWORD_BYTES || bytes == 2 * DWORD_BYTES) && IS_ALIGNED(offset, bytes);
}

static bool is_table_access(const struct pci_function *function, u64 offset, u32 bytes)
{
	return is_dword_access(offset, bytes) && offset < (u64)function->msix_count * PCI_MSIX_ENTRY_BYTES;
}

u64 pci_msix_table_read(struct pci_function *function, u64 offset, u32 bytes)
{
	const u32 *dword;
	u64 value;

	if (!is_table_access(function, offset, bytes))
		return BUS_ALL_ONES;
	dword = &function->msix_table[offset / PCI_MSIX_ENTRY_BYTES][offset / DWORD_BYTES % ENTRY_DWORDS];
	spin_lock(&function->lock);
	value = bytes == DWORD_BYTES ? dword[0] : (u64)dword[1] << 32 | dword[0];
	spin_unlock(&function->lock);
	return value;
}

/* Under the lock. */
static void write_dword(struct pci_function *function, u64 number, u32 value)
{
	static const u32 writable[ENTRY_DWORDS] = {
		[PCI_MSIX_ENTRY_ADDRESS_LOW] = PCI_MSIX_ADDRESS_LOW_MASK,
		[PCI_MSIX_ENTRY_ADDRESS_HIGH] = ~0u,
		[PCI_MSIX_ENTRY_DATA] = ~0u,
		[PCI_MSIX_ENTRY_CONTROL] = PCI_MSIX_ENTRY_MASKED,
	};

	function->msix_table[number / ENTRY_DWORDS][number % ENTRY_DWORDS] = value & writable[number % ENTRY_DWORDS];
}

void pci_msix_table_write(struct pci_function *function, u64 offset, u32 bytes, u64 value)
{
	if (!is_table_access(function, offset, bytes))
		return;
	spin_lock(&function->lock);
	write_dword(function, offset / DWORD_BYTES, (u32)value);
	if (bytes == 2 * DWORD_BYTES)
		write_dword(function, offset / DWORD_BYTES + 1, (u32)(value >> 32));
	deliver(function);
	spin_unlock(&function->lock);
}

u64 pci_msix_pba_read(struct pci_function *function, u64 offset, u32 bytes)
{
	u64 pending;

	if (!is_dword_access(offset, bytes) || offset >= sizeof(pending))
		return BUS_ALL_ONES;
	spin_lock(&function->lock);
	pending = function->msix_pending;
	spin_unlock(&function->lock);
	return pending >> (8 * offset);
}
