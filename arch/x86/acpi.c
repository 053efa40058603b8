/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the ACPI tables and hands them to the parsers of acpi_parse.c. A table is mapped read-only, its length and
 * checksum are checked before anything else is read; a bad one costs one log line and what it would have told. Boot
 * core, once. ACPI specification 6.5, "Root System Description Pointer (RSDP)".
 */
#include "arch/x86/acpi.h"

#include "arch/x86/console.h"
#include "arch/x86/paging.h"
#include "include/cella/arch.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"

#define TABLE_MAX_BYTES MIB(16)
#define MAX_TABLES 256
#define SEGMENT_SHIFT 4

static struct acpi_info info;

const struct acpi_info *acpi_info(void)
{
	return &info;
}

u32 acpi_node_of(u32 apic_id)
{
	for (u32 i = 0; i < info.core_count; i++)
		if (info.core_apic_ids[i] == apic_id)
			return info.core_nodes[i];
	return 0;
}

/* The table at @address, all of it readable, or NULL and a log line. */
static const struct acpi_header *map_table(u64 address)
{
	const struct acpi_header *table = paging_map_readonly(HPA(address), sizeof(*table));

	if (table && (table->length < sizeof(*table) || table->length > TABLE_MAX_BYTES)) {
		log_warn("acpi", "the table at %#lx has an impossible length of %u bytes and is ignored", address,
			 table->length);
		return NULL;
	}
	if (table)
		table = paging_map_readonly(HPA(address), table->length);
	if (!table) {
		log_warn("acpi", "the table at %#lx cannot be mapped and is ignored", address);
		return NULL;
	}
	if (!acpi_checksum_ok(table, table->length)) {
		log_warn("acpi", "table %.4s at %#lx has a wrong checksum and is ignored", table->signature, address);
		return NULL;
	}
	return table;
}

static void parse_fadt_and_dsdt(const struct acpi_header *table, struct acpi_info *to)
{
	const struct acpi_header *dsdt;

	acpi_parse_fadt(table, to);
	dsdt = to->dsdt.raw ? map_table(to->dsdt.raw) : NULL;
	if (dsdt)
		acpi_parse_s5(dsdt, to);
}

/* In this order: the SRAT names nodes of cores that the MADT lists. */
static const struct {
	char signature[sizeof(((struct acpi_header *)0)->signature) + 1];
	void (*parse)(const struct acpi_header *table, struct acpi_info *to);
} parsers[] = {
	{ "APIC", acpi_parse_madt }, { "SRAT", acpi_parse_srat }, { "FACP", parse_fadt_and_dsdt },
	{ "MCFG", acpi_parse_mcfg }, { "SPCR", acpi_parse_spcr }, { "DMAR", acpi_parse_dmar },
};

static void walk_tables(const struct acpi_header *root, u32 entry_bytes)
{
	static const struct acpi_header *tables[MAX_TABLES];
	u32 count = (root->length - (u32)sizeof(*root)) / entry_bytes;
	u32 mapped = 0;

	if (count > MAX_TABLES)
		log_warn("acpi", "the last %u of %u tables are ignored", count - MAX_TABLES, count);
	for (u32 i = 0; i < MIN(count, MAX_TABLES); i++) {
		u64 address = 0;

		memcpy(&address, (const u8 *)(root + 1) + (u64)i * entry_bytes, entry_bytes);
		if (address != 0)
			tables[mapped] = map_table(address);
		if (address != 0 && tables[mapped])
			mapped++;
	}
	for (u32 p = 0; p < ARRAY_SIZE(parsers); p++)
		for (u32 i = 0; i < mapped; i++)
			if (memcmp(tables[i]->signature, parsers[p].signature, sizeof(tables[i]->signature)) == 0)
				parsers[p].parse(tables[i], &info);
}

/* ---- the root pointer ---- */

static bool scan_area(u64 start, u32 bytes, struct acpi_rsdp *rsdp)
{
	const u8 *area = paging_map_readonly(HPA(start), bytes);

	for (u32 offset = 0; area && offset + sizeof(*rsdp) <= bytes; offset += ACPI_RSDP_ALIGN) {
		if (memcmp(area + offset, ACPI_RSDP_SIGNATURE, sizeof(rsdp->signature)) == 0 &&
		    acpi_checksum_ok(area + offset, ACPI_RSDP_V1_BYTES)) {
			memcpy(rsdp, area + offset, sizeof(*rsdp));
			return true;
		}
	}
	return false;
}

/* Where a BIOS leaves it when the boot loader hands none over. */
static bool scan_for_rsdp(struct acpi_rsdp *rsdp)
{
	const u8 *pointer = paging_map_readonly(HPA(ACPI_BIOS_EBDA_POINTER), sizeof(u16));
	u16 segment = 0;

	if (pointer)
		memcpy(&segment, pointer, sizeof(segment));
	if (segment != 0 && scan_area((u64)segment << SEGMENT_SHIFT, ACPI_BIOS_EBDA_BYTES, rsdp))
		return true;
	return scan_area(ACPI_BIOS_AREA_BASE, ACPI_BIOS_AREA_BYTES, rsdp);
}

static bool find_rsdp(const struct boot_info *boot, struct acpi_rsdp *rsdp)
{
	if (boot->uefi || boot->rsdp_bytes >= ACPI_RSDP_V1_BYTES)
		memcpy(rsdp, boot->rsdp, MIN(boot->rsdp_bytes, sizeof(*rsdp)));
	else if (!scan_for_rsdp(rsdp))
		return false;
	if (memcmp(rsdp->signature, ACPI_RSDP_SIGNATURE, sizeof(rsdp->signature)) != 0)
		return false;
	return acpi_checksum_ok(rsdp, ACPI_RSDP_V1_BYTES);
}

/* XSDT where there is a good one, RSDT otherwise. */
static bool walk_root(const struct acpi_rsdp *rsdp)
{
	const struct acpi_header *root = NULL;

	if (rsdp->revision >= 2 && rsdp->xsdt != 0 && acpi_checksum_ok(rsdp, sizeof(*rsdp)))
		root = map_table(rsdp->xsdt);
	if (root) {
		walk_tables(root, sizeof(u64));
		return true;
	}
	if (rsdp->rsdt != 0)
		root = map_table(rsdp->rsdt);
	if (root)
		walk_tables(root, sizeof(u32));
	return root;
}

void arch_acpi_init(const struct boot_info *boot)
{
	struct acpi_rsdp rsdp = { 0 };

	if (!find_rsdp(boot, &rsdp)) {
		log_warn("acpi", "no ACPI tables were found: one core, no power-off");
		return;
	}
	if (!walk_root(&rsdp)) {
		log_warn("acpi", "the ACPI root table cannot be used: one core, no power-off");
		return;
	}
	if (info.console_port)
		console_use_port(info.console_port);
	log_info("acpi", "%u cores%s%s", info.core_count, info.s5_known ? ", S5" : "", info.ecam_base ? ", ECAM" : "");
	if (info.cores_ignored)
		log_warn("acpi", "%u cores are more than Cella uses and stay off", info.cores_ignored);
}
