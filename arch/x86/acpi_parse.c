/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parsers of acpi.h: a table's bytes in, plain struct members out. Every offset and length inside a table is checked
 * before it is used; what does not fit is left out, and struct acpi_info keeps what was known before. That a table is
 * as long as its header says, and that its checksum is right, has been checked by acpi.c. ACPI specification 6.5, "ACPI
 * System Description Tables"; \_S5_: "ACPI Machine Language Specification".
 */
#include "arch/x86/acpi.h"

#include "kernel/lib/string.h"
#include "kernel/page.h"

#define AML_NAME_OP 0x08
#define AML_PACKAGE_OP 0x12
#define AML_BYTE_PREFIX 0x0a
#define AML_ZERO_OP 0x00
#define AML_ONE_OP 0x01
#define AML_PACKAGE_LENGTH_BYTES_SHIFT 6
#define S5_NAME_BYTES 4
#define APIC_ID_NONE 0xffffffff	/* x2APIC broadcast: no core has it */
#define XAPIC_ID_NONE 0xff

bool acpi_checksum_ok(const void *table, u64 bytes)
{
	u8 sum = 0;

	for (u64 i = 0; i < bytes; i++)
		sum = (u8)(sum + ((const u8 *)table)[i]);
	return sum == 0;
}

/* Copy of the entry at *@offset, @to_bytes of it at most, zero behind it; moves *@offset on. False: none is left. */
static bool next_entry(const struct acpi_header *table, u32 *offset, void *to, u32 to_bytes)
{
	const u8 *at = (const u8 *)table + *offset;
	u32 length;

	if (*offset + sizeof(struct acpi_entry_header) > table->length)
		return false;
	length = ((const struct acpi_entry_header *)at)->length;
	if (length < sizeof(struct acpi_entry_header) || length > table->length - *offset)
		return false;
	memset(to, 0, to_bytes);
	memcpy(to, at, MIN(length, to_bytes));
	*offset += length;
	return true;
}

/* ---- MADT ---- */

static void add_core(u32 apic_id, u32 flags, struct acpi_info *info)
{
	if (!(flags & ACPI_MADT_ENABLED)) {
		if (flags & ACPI_MADT_ONLINE_CAPABLE && info->hotplug_core_count < MAX_CPUS)
			info->hotplug_apic_ids[info->hotplug_core_count++] = apic_id;
		return;
	}
	for (u32 i = 0; i < info->core_count; i++)
		if (info->core_apic_ids[i] == apic_id)
			return;	/* named by an entry of each kind */
	if (info->core_count == MAX_CPUS) {
		info->cores_ignored++;
		return;
	}
	info->core_apic_ids[info->core_count++] = apic_id;
}

void acpi_parse_madt(const struct acpi_header *table, struct acpi_info *info)
{
	union {
		struct acpi_entry_header header;
		struct acpi_madt_lapic lapic;
		struct acpi_madt_x2apic x2apic;
		struct acpi_madt_ioapic ioapic;
	} entry;
	u32 offset = sizeof(struct acpi_madt);

	while (next_entry(table, &offset, &entry, sizeof(entry))) {
		u8 length = entry.header.length;

		if (entry.header.type == ACPI_MADT_LAPIC && length >= sizeof(entry.lapic)) {
			if (entry.lapic.apic_id != XAPIC_ID_NONE)
				add_core(entry.lapic.apic_id, entry.lapic.flags, info);
		} else if (entry.header.type == ACPI_MADT_X2APIC && length >= sizeof(entry.x2apic)) {
			if (entry.x2apic.x2apic_id != APIC_ID_NONE)
				add_core(entry.x2apic.x2apic_id, entry.x2apic.flags, info);
		} else if (entry.header.type == ACPI_MADT_IOAPIC && length >= sizeof(entry.ioapic)) {
			if (info->ioapic_count < ACPI_MAX_IOAPICS)
				info->ioapics[info->ioapic_count++] = HPA(entry.ioapic.address);
		}
	}
}

u32 acpi_hotplug_cores(const struct acpi_info *info, u32 (*package_of)(u32 apic_id))
{
	u32 count = 0;

	for (u32 i = 0; i < info->hotplug_core_count; i++) {
		u32 package = package_of(info->hotplug_apic_ids[i]), core = 0;

		while (core < info->core_count && package_of(info->core_apic_ids[core]) != package)
			core++;
		count += core == info->core_count;
	}
	return count;
}

/* ---- SRAT ---- */

static void set_core_node(u32 apic_id, u32 node, struct acpi_info *info)
{
	for (u32 i = 0; i < info->core_count; i++)
		if (info->core_apic_ids[i] == apic_id)
			info->core_nodes[i] = node;
}

static u32 lapic_domain(const struct acpi_srat_lapic *core)
{
	return core->domain_low | (u32)core->domain_high[0] << 8 | (u32)core->domain_high[1] << 16 |
	       (u32)core->domain_high[2] << 24;
}

static void add_hotplug_range(u64 base, u64 end, struct acpi_info *info)
{
	struct acpi_memory_range *last = &info->hotplug_ranges[ACPI_MAX_HOTPLUG_RANGES - 1];

	if (info->hotplug_range_count == ACPI_MAX_HOTPLUG_RANGES) {
		end = MAX(end, last->base + last->bytes);
		base = MIN(base, last->base);
		*last = (struct acpi_memory_range){ base, end - base };
		return;
	}
	info->hotplug_ranges[info->hotplug_range_count++] = (struct acpi_memory_range){ base, end - base };
}

static void add_memory(const struct acpi_srat_memory *memory, struct acpi_info *info)
{
	if (!(memory->flags & ACPI_SRAT_ENABLED) || memory->base + memory->bytes < memory->base)
		return;
	if (memory->flags & (ACPI_SRAT_HOT_PLUGGABLE | ACPI_SRAT_NON_VOLATILE))
		add_hotplug_range(memory->base, memory->base + memory->bytes, info);
	page_set_node(HPA(memory->base), memory->bytes, memory->domain);
}

void acpi_parse_srat(const struct acpi_header *table, struct acpi_info *info)
{
	union {
		struct acpi_entry_header header;
		struct acpi_srat_memory memory;
		struct acpi_srat_lapic lapic;
		struct acpi_srat_x2apic x2apic;
	} entry;
	u32 offset = sizeof(struct acpi_srat);

	while (next_entry(table, &offset, &entry, sizeof(entry))) {
		u8 length = entry.header.length;

		if (entry.header.type == ACPI_SRAT_MEMORY && length >= sizeof(entry.memory)) {
			add_memory(&entry.memory, info);
		} else if (entry.header.type == ACPI_SRAT_LAPIC && length >= sizeof(entry.lapic)) {
			if (entry.lapic.flags & ACPI_SRAT_ENABLED)
				set_core_node(entry.lapic.apic_id, lapic_domain(&entry.lapic), info);
		} else if (entry.header.type == ACPI_SRAT_X2APIC && length >= sizeof(entry.x2apic)) {
			if (entry.x2apic.flags & ACPI_SRAT_ENABLED)
				set_core_node(entry.x2apic.x2apic_id, entry.x2apic.domain, info);
		}
	}
}

bool acpi_is_hotplug_memory(hpa_t start, u64 bytes)
{
	const struct acpi_info *info = acpi_info();

	for (u32 i = 0; i < info->hotplug_range_count; i++) {
		const struct acpi_memory_range *range = &info->hotplug_ranges[i];

		if (start.raw < range->base + range->bytes && range->base < start.raw + bytes)
			return true;
	}
	return false;
}

/* ---- tables of fixed members ---- */

static u64 get(const struct acpi_header *table, u32 offset, u32 bytes)
{
	u64 value = 0;

	if (offset + bytes <= table->length)
		memcpy(&value, (const u8 *)table + offset, bytes);
	return value;
}

/* All zero when the table ends before it. */
static struct acpi_gas get_gas(const struct acpi_header *table, u32 offset)
{
	struct acpi_gas gas = { 0 };

	if (offset + sizeof(gas) <= table->length)
		memcpy(&gas, (const u8 *)table + offset, sizeof(gas));
	return gas;
}

/* A port from its 32-bit member, or from the generic address that replaces it. 0: none */
static u16 get_port(const struct acpi_header *table, u32 offset, u32 x_offset)
{
	struct acpi_gas gas = get_gas(table, x_offset);
	u64 port = get(table, offset, sizeof(u32));

	if (gas.space == ACPI_SPACE_IO && gas.address != 0)
		port = gas.address;
	return port <= ACPI_PORT_MAX ? (u16)port : 0;
}

void acpi_parse_fadt(const struct acpi_header *table, struct acpi_info *info)
{
	u64 flags = get(table, ACPI_FADT_FLAGS, sizeof(u32));
	u64 smi_command = get(table, ACPI_FADT_SMI_COMMAND, sizeof(u32));

	info->dsdt = HPA(get(table, ACPI_FADT_X_DSDT, sizeof(u64)));
	if (info->dsdt.raw == 0)
		info->dsdt = HPA(get(table, ACPI_FADT_DSDT, sizeof(u32)));
	info->pm1a_control = get_port(table, ACPI_FADT_PM1A_CONTROL, ACPI_FADT_X_PM1A_CONTROL);
	info->pm1b_control = get_port(table, ACPI_FADT_PM1B_CONTROL, ACPI_FADT_X_PM1B_CONTROL);
	info->pm_timer = get_port(table, ACPI_FADT_PM_TIMER, ACPI_FADT_X_PM_TIMER);
	info->smi_command = smi_command <= ACPI_PORT_MAX ? (u16)smi_command : 0;
	info->acpi_enable = (u8)get(table, ACPI_FADT_ACPI_ENABLE, 1);
	info->hw_reduced = flags & ACPI_FADT_FLAG_HW_REDUCED;
	if (info->hw_reduced)
		info->sleep_control = get_gas(table, ACPI_FADT_SLEEP_CONTROL);
	if (flags & ACPI_FADT_FLAG_RESET_SUPPORTED) {
		info->reset_register = get_gas(table, ACPI_FADT_RESET_REGISTER);
		info->reset_value = (u8)get(table, ACPI_FADT_RESET_VALUE, 1);
	}
}

void acpi_parse_mcfg(const struct acpi_header *table, struct acpi_info *info)
{
	struct acpi_mcfg_segment segment;
	u32 offset = sizeof(struct acpi_mcfg);

	for (; offset + sizeof(segment) <= table->length; offset += (u32)sizeof(segment)) {
		memcpy(&segment, (const u8 *)table + offset, sizeof(segment));
		if (segment.segment != 0 || segment.last_bus < segment.first_bus)
			continue;
		info->ecam_base = segment.base;
		info->ecam_first_bus = segment.first_bus;
		info->ecam_last_bus = segment.last_bus;
	}
}

void acpi_parse_spcr(const struct acpi_header *table, struct acpi_info *info)
{
	struct acpi_gas base = get_gas(table, ACPI_SPCR_BASE);
	u64 kind = get(table, ACPI_SPCR_INTERFACE, 1);

	if (kind != ACPI_SPCR_16550_FULL && kind != ACPI_SPCR_16550_SUBSET && kind != ACPI_SPCR_16550_GAS)
		return;
	if (base.space == ACPI_SPACE_IO && base.address <= ACPI_PORT_MAX)
		info->console_port = (u16)base.address;
}

void acpi_parse_dmar(const struct acpi_header *table, struct acpi_info *info)
{
	info->dmar_x2apic_opt_out = get(table, ACPI_DMAR_FLAGS, 1) & ACPI_DMAR_X2APIC_OPT_OUT;
}

/* ---- \_S5_ ---- */

/* One small integer of a package; moves *@at behind it. */
static bool get_aml_integer(const u8 *aml, u32 bytes, u32 *at, u8 *value)
{
	bool prefixed = *at < bytes && aml[*at] == AML_BYTE_PREFIX;

	if (prefixed)
		(*at)++;
	if (*at >= bytes || (!prefixed && aml[*at] != AML_ZERO_OP && aml[*at] != AML_ONE_OP))
		return false;
	*value = aml[(*at)++];
	return true;
}

/* By its shape: NameOp, optional root prefix, "_S5_", PackageOp, length, element count, two integers. */
void acpi_parse_s5(const struct acpi_header *table, struct acpi_info *info)
{
	const u8 *aml = (const u8 *)table;
	u32 bytes = table->length;

	for (u32 i = sizeof(*table); i + S5_NAME_BYTES + 1 < bytes; i++) {
		u32 at = i + S5_NAME_BYTES;
		u8 a, b;

		if (memcmp(aml + i, "_S5_", S5_NAME_BYTES) != 0 || aml[at] != AML_PACKAGE_OP)
			continue;
		if (aml[i - 1] != AML_NAME_OP && !(aml[i - 1] == '\\' && aml[i - 2] == AML_NAME_OP))
			continue;
		at++;
		at += 1 + (aml[at] >> AML_PACKAGE_LENGTH_BYTES_SHIFT) + 1;	/* length bytes, element count */
		if (!get_aml_integer(aml, bytes, &at, &a) || !get_aml_integer(aml, bytes, &at, &b))
			continue;
		info->s5_known = true;
		info->s5_type_a = a;
		info->s5_type_b = b;
		return;
	}
}
