/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI tables, by signature as at boot. Length and checksum are put right first: acpi.c checks them before it parses. */
#include "arch/x86/acpi.h"

#include <string.h>

#include "kernel/page.h"
#include "tests/fuzz/fuzz.h"

static const struct {
	char signature[5];
	void (*parse)(const struct acpi_header *table, struct acpi_info *info);
} parsers[] = {
	{ "APIC", acpi_parse_madt }, { "SRAT", acpi_parse_srat }, { "FACP", acpi_parse_fadt }, { "MCFG", acpi_parse_mcfg },
	{ "SPCR", acpi_parse_spcr }, { "DMAR", acpi_parse_dmar }, { "DSDT", acpi_parse_s5 },
};

static struct acpi_info info;

/* Stands for arch/x86/acpi.c. */
const struct acpi_info *acpi_info(void)
{
	return &info;
}

void page_set_node(hpa_t start, u64 bytes, u32 node)
{
	(void)node;
	CLAIM(start.raw + bytes >= start.raw);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t bytes)
{
	struct acpi_header *table;

	if (bytes < sizeof(*table))
		return 0;
	table = malloc(bytes);
	memcpy(table, data, bytes);
	table->length = (u32)bytes;
	memset(&info, 0, sizeof(info));
	info.core_count = 3;
	for (u32 i = 0; i < info.core_count; i++)
		info.core_apic_ids[i] = i;
	for (u32 i = 0; i < ARRAY_SIZE(parsers); i++)
		if (memcmp(table->signature, parsers[i].signature, sizeof(table->signature)) == 0)
			parsers[i].parse(table, &info);
	CLAIM(info.core_count >= 3 && info.core_count <= MAX_CPUS);
	CLAIM(info.ioapic_count <= ACPI_MAX_IOAPICS);
	CLAIM(info.hotplug_range_count <= ACPI_MAX_HOTPLUG_RANGES);
	for (u32 i = 0; i < info.core_count; i++)
		for (u32 j = 0; j < i; j++)
			CLAIM(info.core_apic_ids[i] != info.core_apic_ids[j]);
	(void)acpi_checksum_ok(table, bytes);
	free(table);
	return 0;
}
