/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables through the root pointer that GRUB handed over. Read only, checked: a table with a wrong checksum does
 * not exist. Callers: boot core, before the host runs.
 * Manual: ACPI, "Root System Description Pointer", "System Description Table Header".
 */
#include "tests/tdxemu/acpi.h"

#include "kernel/lib/string.h"
#include "tests/tdxemu/memory.h"

#define SIGNATURE_BYTES 4
#define RSDP_WITH_XSDT 2	/* revision */

static bool checksum_right(const void *table, u32 bytes)
{
	const u8 *byte = table;
	u8 sum = 0;

	for (u32 i = 0; i < bytes; i++)
		sum = (u8)(sum + byte[i]);
	return sum == 0;
}

static const struct acpi_header *table_at(u64 hpa)
{
	const struct acpi_header *table = phys(hpa);

	if (hpa == 0 || table->length < sizeof(*table) || !checksum_right(table, table->length))
		return NULL;
	return table;
}

const struct acpi_header *acpi_table(const void *rsdp, u32 index)
{
	const struct acpi_rsdp *root_pointer = rsdp;
	const struct acpi_header *root;
	bool wide;
	u32 entry_bytes;

	if (root_pointer == NULL)
		return NULL;
	wide = root_pointer->revision >= RSDP_WITH_XSDT && root_pointer->xsdt != 0;
	root = table_at(wide ? root_pointer->xsdt : root_pointer->rsdt);
	if (root == NULL)
		return NULL;
	entry_bytes = wide ? sizeof(u64) : sizeof(u32);
	for (u32 at = sizeof(*root); at + entry_bytes <= root->length; at += entry_bytes) {
		const struct acpi_header *table;
		u64 hpa = 0;

		memcpy(&hpa, (const u8 *)root + at, entry_bytes);
		table = table_at(hpa);
		if (table != NULL && index-- == 0)
			return table;
	}
	return NULL;
}

const struct acpi_header *acpi_find(const void *rsdp, const char *signature)
{
	const struct acpi_header *table;

	for (u32 i = 0; (table = acpi_table(rsdp, i)) != NULL; i++)
		if (memcmp(table->signature, signature, SIGNATURE_BYTES) == 0)
			return table;
	return NULL;
}

u16 acpi_pm1a_control_port(const void *rsdp)
{
	const struct acpi_header *fadt = acpi_find(rsdp, "FACP");
	u32 port = 0;

	if (fadt != NULL && fadt->length >= ACPI_FADT_PM1A_CONTROL + sizeof(port))
		memcpy(&port, (const u8 *)fadt + ACPI_FADT_PM1A_CONTROL, sizeof(port));
	return (u16)port;
}
