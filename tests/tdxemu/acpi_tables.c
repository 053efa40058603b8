/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of a platform whose firmware describes something TDX cannot have: a core that may come later (MADT, enabled 0,
 * online-capable 1), one that is listed and never starts, memory that may go (SRAT), x2APIC opted out of (DMAR flags).
 *
 * The tables lie one behind the other: root pointer, RSDT, XSDT, then those that are new. Roots hold the addresses of
 * all old tables except the replaced ones.
 * Callers: boot core, before the host runs.
 * Manual: ACPI, "Multiple APIC Description Table", "System Resource Affinity Table"; VT-d, "DMA Remapping Reporting".
 */
#include "tests/tdxemu/acpi_tables.h"

#include "include/spec/multiboot2.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/acpi.h"
#include "tests/tdxemu/fault.h"
#include "tests/tdxemu/memory.h"

#define ROOM 0x10000ull
#define TABLE_ALIGN 16
#define REVISION 1
#define RSDP_REVISION 2
#define DMAR_BYTES 48
#define DMAR_ADDRESS_WIDTH 36	/* offset: host address width minus one */
#define DMAR_INTERRUPT_REMAPPING 1
#define SRAT_REVISION 3
#define XAPIC_LAST_ID 254

struct tables {
	u8 *at;	/* next table goes here */
	struct acpi_header *rsdt, *xsdt;
};

static u8 checksum(const void *data, u32 bytes)
{
	const u8 *byte = data;
	u8 sum = 0;

	for (u32 i = 0; i < bytes; i++)
		sum = (u8)(sum + byte[i]);
	return (u8)-sum;
}

static bool changes_madt(void)
{
	return fault_platform(PLATFORM_HOTPLUG_CPU) || fault_platform(PLATFORM_CORE_ABSENT);
}

u64 acpi_tables_bytes(const void *rsdp)
{
	bool wanted =
		changes_madt() || fault_platform(PLATFORM_HOTPLUG_MEMORY) || fault_platform(PLATFORM_X2APIC_OPT_OUT);

	return wanted && acpi_find(rsdp, "APIC") != NULL ? ROOM : 0;
}

/* Header of a table that starts here; its entries follow. */
static struct acpi_header *begin(struct tables *tables, const char *signature, u8 revision, u32 bytes)
{
	struct acpi_header *table = (void *)tables->at;

	memset(table, 0, bytes);
	memcpy(table->signature, signature, sizeof(table->signature));
	memcpy(table->oem_id, "TDXEMU", sizeof(table->oem_id));
	memcpy(table->oem_table_id, "PLATFORM", sizeof(table->oem_table_id));
	table->revision = revision;
	table->length = bytes;
	return table;
}

static void *append(struct acpi_header *table, u32 bytes)
{
	void *entry = (u8 *)table + table->length;

	memset(entry, 0, bytes);
	table->length += bytes;
	return entry;
}

static void finish(struct tables *tables, struct acpi_header *table)
{
	table->checksum = 0;
	table->checksum = checksum(table, table->length);
	tables->at = (u8 *)table + ALIGN_UP(table->length, TABLE_ALIGN);
}

static void list_in_roots(struct tables *tables, u64 hpa)
{
	u32 low = (u32)hpa;

	memcpy(append(tables->rsdt, sizeof(low)), &low, sizeof(low));
	memcpy(append(tables->xsdt, sizeof(hpa)), &hpa, sizeof(hpa));
}

/* ---- MADT ---- */

/* First APIC id above those of processors and I/O APICs. */
static u32 unused_apic_id(const struct acpi_header *madt)
{
	const u8 *entry = (const u8 *)madt + sizeof(struct acpi_madt);
	const u8 *end = (const u8 *)madt + madt->length;
	u32 id = 0;

	for (; end - entry >= 2 && entry[1] >= 2 && entry[1] <= end - entry; entry += entry[1]) {
		if (entry[0] == ACPI_MADT_LAPIC)
			id = MAX(id, ((const struct acpi_madt_lapic *)(const void *)entry)->apic_id + 1u);
		else if (entry[0] == ACPI_MADT_IOAPIC)
			id = MAX(id, ((const struct acpi_madt_ioapic *)(const void *)entry)->id + 1u);
		else if (entry[0] == ACPI_MADT_X2APIC)
			id = MAX(id, ((const struct acpi_madt_x2apic *)(const void *)entry)->x2apic_id + 1);
	}
	return MIN(id, XAPIC_LAST_ID - 1);
}

static void add_core(struct acpi_header *madt, u32 apic_id, u32 flags)
{
	struct acpi_madt_lapic *core = append(madt, sizeof(*core));

	core->header = (struct acpi_entry_header){ .type = ACPI_MADT_LAPIC, .length = sizeof(*core) };
	core->uid = core->apic_id = (u8)apic_id;
	core->flags = flags;
}

static void write_madt(struct tables *tables, const struct acpi_header *old)
{
	struct acpi_header *madt = (void *)tables->at;

	memcpy(madt, old, old->length);
	if (fault_platform(PLATFORM_CORE_ABSENT))
		add_core(madt, unused_apic_id(old), ACPI_MADT_ENABLED);
	if (fault_platform(PLATFORM_HOTPLUG_CPU))
		add_core(madt, XAPIC_LAST_ID, ACPI_MADT_ONLINE_CAPABLE);	/* far from all packages that are there */
	finish(tables, madt);
}

/* ---- SRAT, DMAR ---- */

static void add_srat_cores(struct acpi_header *srat, const struct acpi_header *madt)
{
	const u8 *entry = (const u8 *)madt + sizeof(struct acpi_madt);
	const u8 *end = (const u8 *)madt + madt->length;

	for (; end - entry >= 2 && entry[1] >= 2 && entry[1] <= end - entry; entry += entry[1]) {
		struct acpi_srat_lapic *core;

		if (entry[0] != ACPI_MADT_LAPIC)
			continue;
		core = append(srat, sizeof(*core));
		core->header = (struct acpi_entry_header){ .type = ACPI_SRAT_LAPIC, .length = sizeof(*core) };
		core->apic_id = ((const struct acpi_madt_lapic *)(const void *)entry)->apic_id;
		core->flags = ACPI_SRAT_ENABLED;
	}
}

static void write_srat(struct tables *tables, const struct acpi_header *madt)
{
	struct acpi_header *table = begin(tables, "SRAT", SRAT_REVISION, sizeof(struct acpi_srat));
	u32 count;
	const struct memory_range *ranges = memory_ranges(&count);

	((struct acpi_srat *)(void *)table)->reserved_1 = 1;	/* "must be 1 for backward compatibility" */
	add_srat_cores(table, madt);
	for (u32 i = 0; i < count; i++) {
		struct acpi_srat_memory *memory;

		if (ranges[i].type != MB2_MEMORY_RAM)
			continue;
		memory = append(table, sizeof(*memory));
		memory->header = (struct acpi_entry_header){ .type = ACPI_SRAT_MEMORY, .length = sizeof(*memory) };
		memory->base = ranges[i].base;
		memory->bytes = ranges[i].bytes;
		memory->flags = ACPI_SRAT_ENABLED | ACPI_SRAT_HOT_PLUGGABLE;
	}
	finish(tables, table);
}

static void write_dmar(struct tables *tables)
{
	struct acpi_header *table = begin(tables, "DMAR", REVISION, DMAR_BYTES);
	u8 *bytes = (u8 *)table;

	bytes[DMAR_ADDRESS_WIDTH] = 47;
	bytes[ACPI_DMAR_FLAGS] = DMAR_INTERRUPT_REMAPPING | ACPI_DMAR_X2APIC_OPT_OUT;
	finish(tables, table);
}

/* ---- roots ---- */

static bool replaced(const struct acpi_header *table)
{
	return (memcmp(table->signature, "APIC", 4) == 0 && changes_madt()) ||
	       (memcmp(table->signature, "SRAT", 4) == 0 && fault_platform(PLATFORM_HOTPLUG_MEMORY)) ||
	       (memcmp(table->signature, "DMAR", 4) == 0 && fault_platform(PLATFORM_X2APIC_OPT_OUT));
}

static void write_new_tables(struct tables *tables, const void *rsdp)
{
	const struct acpi_header *madt = acpi_find(rsdp, "APIC");

	if (changes_madt()) {
		list_in_roots(tables, (u64)tables->at);
		write_madt(tables, madt);
	}
	if (fault_platform(PLATFORM_HOTPLUG_MEMORY)) {
		list_in_roots(tables, (u64)tables->at);
		write_srat(tables, madt);
	}
	if (fault_platform(PLATFORM_X2APIC_OPT_OUT)) {
		list_in_roots(tables, (u64)tables->at);
		write_dmar(tables);
	}
}

static void seal(struct acpi_header *table)
{
	table->checksum = 0;
	table->checksum = checksum(table, table->length);
}

const struct acpi_rsdp *acpi_tables_build(u64 hpa, const void *rsdp)
{
	struct acpi_rsdp *root = phys(hpa);
	struct tables tables = { .at = (u8 *)root + PAGE_SIZE };
	const struct acpi_header *old;

	/* First page: root pointer, both roots with room to grow. */
	memset(root, 0, ROOM);
	tables.at = (u8 *)root + ALIGN_UP(sizeof(*root), TABLE_ALIGN);
	tables.rsdt = begin(&tables, "RSDT", REVISION, sizeof(struct acpi_header));
	tables.at = (u8 *)root + PAGE_SIZE / 2;
	tables.xsdt = begin(&tables, "XSDT", REVISION, sizeof(struct acpi_header));
	tables.at = (u8 *)root + PAGE_SIZE;
	for (u32 i = 0; (old = acpi_table(rsdp, i)) != NULL; i++)
		if (!replaced(old))
			list_in_roots(&tables, (u64)old);
	write_new_tables(&tables, rsdp);
	seal(tables.rsdt);
	seal(tables.xsdt);
	memcpy(root, rsdp, ACPI_RSDP_V1_BYTES);
	root->revision = RSDP_REVISION;
	root->rsdt = (u32)(u64)tables.rsdt;
	root->xsdt = (u64)tables.xsdt;
	root->length = sizeof(*root);
	root->checksum = root->extended_checksum = 0;
	root->checksum = checksum(root, ACPI_RSDP_V1_BYTES);
	root->extended_checksum = checksum(root, sizeof(*root));
	return root;
}
