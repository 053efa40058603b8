/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the ACPI tables and hands them to the parsers. A table is mapped read-only, its length and checksum are checked before
 * anything else is read; a bad one costs one log line. ACPI specification 6.5, "Root System Description Pointer".
 */
#include "arch/x86/acpi.h"

#include "arch/x86/console.h"
#include "arch/x86/paging.h"
#include "include/cella/arch.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/page.h"

#define TABLE_MAX_BYTES MIB(16)
#define MAX_TABLES 256
#define BIOS_AREA_BASE 0xe0000
#define BIOS_AREA_BYTES 0x20000
#define RSDP_ALIGN 16

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

static const struct acpi_header *map_table(u64 address)
{
	const struct acpi_header *header = paging_map_readonly(HPA(address), sizeof(*header));
	const struct acpi_header *table;

	if (!header)
		return NULL;
	if (header->length < sizeof(*header) || header->length > TABLE_MAX_BYTES) {
		log_warn("acpi", "the table at %#lx has an impossible length of %u bytes and is ignored", address,
			 header->length);
		return NULL;
	}
	table = paging_map_readonly(HPA(address), header->length);
	if (table && !acpi_checksum_ok(table, table->length)) {
		log_warn("acpi", "table %.4s at %#lx has a wrong checksum and is ignored", table->signature, address);
		return NULL;
	}
	return table;
}

static void parse_srat(const struct acpi_header *table)
{
	u32 offset = sizeof(struct acpi_srat);

	while (offset + sizeof(struct acpi_entry_header) <= table->length) {
		const struct acpi_entry_header *entry =
			(const struct acpi_entry_header *)((const u8 *)table + offset);
		u32 apic_id = ~0u, node = 0;

		if (entry->length < sizeof(*entry) || entry->length > table->length - offset)
			return;
		if (entry->type == ACPI_SRAT_MEMORY && entry->length >= sizeof(struct acpi_srat_memory)) {
			const struct acpi_srat_memory *memory = (const struct acpi_srat_memory *)entry;

			if (memory->flags & ACPI_SRAT_HOT_PLUGGABLE)
				info.hotplug_memory = true;
			if (memory->flags & ACPI_SRAT_ENABLED)
				page_set_node(HPA(memory->base), memory->bytes, memory->domain);
		} else if (entry->type == ACPI_SRAT_LAPIC && entry->length >= sizeof(struct acpi_srat_lapic)) {
			const struct acpi_srat_lapic *core = (const struct acpi_srat_lapic *)entry;

			if (core->flags & ACPI_SRAT_ENABLED)
				apic_id = core->apic_id;
			node = core->domain_low;
		} else if (entry->type == ACPI_SRAT_X2APIC && entry->length >= sizeof(struct acpi_srat_x2apic)) {
			const struct acpi_srat_x2apic *core = (const struct acpi_srat_x2apic *)entry;

			if (core->flags & ACPI_SRAT_ENABLED)
				apic_id = core->x2apic_id;
			node = core->domain;
		}
		for (u32 i = 0; i < info.core_count; i++)
			if (info.core_apic_ids[i] == apic_id)
				info.core_nodes[i] = node;
		offset += entry->length;
	}
}

static void parse_fadt(const struct acpi_header *table)
{
	const struct acpi_header *dsdt;
	u64 address = 0;
	u32 low = 0;

	acpi_parse_fadt(table, &info);
	if (table->length >= ACPI_FADT_X_DSDT + sizeof(address))
		memcpy(&address, (const u8 *)table + ACPI_FADT_X_DSDT, sizeof(address));
	if (table->length >= ACPI_FADT_DSDT + sizeof(low))
		memcpy(&low, (const u8 *)table + ACPI_FADT_DSDT, sizeof(low));
	dsdt = map_table(address ? address : low);
	if (dsdt)
		acpi_parse_s5((const u8 *)dsdt, dsdt->length, &info);
}

static void parse_mcfg(const struct acpi_header *table)
{
	const struct acpi_mcfg *mcfg = (const struct acpi_mcfg *)table;
	u32 count;

	if (table->length < sizeof(*mcfg))
		return;
	count = (table->length - (u32)sizeof(*mcfg)) / (u32)sizeof(mcfg->segments[0]);
	for (u32 i = 0; i < count; i++)
		if (mcfg->segments[i].segment == 0) {
			info.ecam_base = mcfg->segments[i].base;
			info.ecam_first_bus = mcfg->segments[i].first_bus;
			info.ecam_last_bus = mcfg->segments[i].last_bus;
		}
}

static void parse_spcr(const struct acpi_header *table)
{
	struct acpi_gas base;

	if (table->length < ACPI_SPCR_BASE + sizeof(base))
		return;
	memcpy(&base, (const u8 *)table + ACPI_SPCR_BASE, sizeof(base));
	if (base.space == ACPI_SPACE_IO && base.address != 0 && base.address <= 0xffff)
		info.console_port = (u16)base.address;
}

static void parse_dmar(const struct acpi_header *table)
{
	if (table->length > ACPI_DMAR_FLAGS)
		info.dmar_x2apic_opt_out = ((const u8 *)table)[ACPI_DMAR_FLAGS] & ACPI_DMAR_X2APIC_OPT_OUT;
}

static const struct {
	char signature[5];
	void (*parse)(const struct acpi_header *table);
} second_pass[] = {
	{ "SRAT", parse_srat }, { "FACP", parse_fadt }, { "MCFG", parse_mcfg }, { "SPCR", parse_spcr }, { "DMAR", parse_dmar },
};

static void parse_table(const struct acpi_header *table, bool madt_pass)
{
	if (madt_pass) {
		if (memcmp(table->signature, "APIC", sizeof(table->signature)) == 0)
			acpi_parse_madt(table, &info);
		return;
	}
	for (u32 i = 0; i < ARRAY_SIZE(second_pass); i++)
		if (memcmp(table->signature, second_pass[i].signature, sizeof(table->signature)) == 0)
			second_pass[i].parse(table);
}

/* SRAT needs the cores of the MADT, so the list is walked twice; each table is mapped once. */
static void walk_tables(const struct acpi_header *root, u32 entry_bytes)
{
	static const struct acpi_header *tables[MAX_TABLES];
	u32 count = (root->length - (u32)sizeof(*root)) / entry_bytes;
	u32 mapped = 0;

	for (u32 i = 0; i < count && mapped < MAX_TABLES; i++) {
		u64 address = 0;

		memcpy(&address, (const u8 *)(root + 1) + (u64)i * entry_bytes, entry_bytes);
		tables[mapped] = map_table(address);
		if (tables[mapped])
			mapped++;
	}
	for (u32 i = 0; i < mapped; i++)
		parse_table(tables[i], true);
	for (u32 i = 0; i < mapped; i++)
		parse_table(tables[i], false);
}

static bool scan_for_rsdp(struct acpi_rsdp *rsdp)
{
	const u8 *area = paging_map_readonly(HPA(BIOS_AREA_BASE), BIOS_AREA_BYTES);

	for (u32 offset = 0; area && offset + sizeof(*rsdp) <= BIOS_AREA_BYTES; offset += RSDP_ALIGN) {
		if (memcmp(area + offset, ACPI_RSDP_SIGNATURE, sizeof(rsdp->signature)) == 0 &&
		    acpi_checksum_ok(area + offset, ACPI_RSDP_V1_BYTES)) {
			memcpy(rsdp, area + offset, sizeof(*rsdp));
			return true;
		}
	}
	return false;
}

void arch_acpi_init(const struct boot_info *boot)
{
	struct acpi_rsdp rsdp = { 0 };
	const struct acpi_header *root;
	bool extended;

	if (boot->rsdp_bytes >= ACPI_RSDP_V1_BYTES)
		memcpy(&rsdp, boot->rsdp, boot->rsdp_bytes);
	else if (!scan_for_rsdp(&rsdp)) {
		log_warn("acpi", "no ACPI tables were found: one core, no power-off");
		return;
	}
	if (!acpi_checksum_ok(&rsdp, ACPI_RSDP_V1_BYTES)) {
		log_warn("acpi", "the ACPI root pointer has a wrong checksum: one core, no power-off");
		return;
	}
	extended = rsdp.revision >= 2 && rsdp.xsdt != 0;
	root = map_table(extended ? rsdp.xsdt : rsdp.rsdt);
	if (!root) {
		log_warn("acpi", "the ACPI root table cannot be used: one core, no power-off");
		return;
	}
	walk_tables(root, extended ? sizeof(u64) : sizeof(u32));
	if (info.console_port)
		console_use_port(info.console_port);
	log_info("acpi", "%u cores%s%s", info.core_count, info.s5_known ? ", S5" : "", info.ecam_base ? ", ECAM" : "");
	if (info.cores_ignored)
		log_warn("acpi", "%u cores are more than Cella uses and stay off", info.cores_ignored);
}
