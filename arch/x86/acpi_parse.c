/* SPDX-License-Identifier: BSD-2-Clause */
/* Parsers of acpi.h: pure, every length checked before it is used. A table's own length has been checked by acpi.c. */
#include "arch/x86/acpi.h"

#include "kernel/lib/string.h"

#define AML_NAME_OP 0x08
#define AML_PACKAGE_OP 0x12
#define AML_BYTE_PREFIX 0x0a
#define AML_ZERO_OP 0x00
#define AML_ONE_OP 0x01
#define AML_PACKAGE_LENGTH_BYTES_SHIFT 6
#define S5_NAME_BYTES 4

bool acpi_checksum_ok(const void *table, u64 bytes)
{
	u8 sum = 0;

	for (u64 i = 0; i < bytes; i++)
		sum = (u8)(sum + ((const u8 *)table)[i]);
	return sum == 0;
}

static void add_core(u32 apic_id, u32 flags, struct acpi_info *info)
{
	if (!(flags & ACPI_MADT_ENABLED)) {
		if (flags & ACPI_MADT_ONLINE_CAPABLE)
			info->hotplug_cores++;
		return;
	}
	if (info->core_count == MAX_CPUS) {
		info->cores_ignored++;
		return;
	}
	info->core_apic_ids[info->core_count++] = apic_id;
}

void acpi_parse_madt(const struct acpi_header *table, struct acpi_info *info)
{
	const u8 *bytes = (const u8 *)table;
	u32 offset = sizeof(struct acpi_madt);

	while (offset + sizeof(struct acpi_entry_header) <= table->length) {
		const struct acpi_entry_header *entry = (const struct acpi_entry_header *)(bytes + offset);

		if (entry->length < sizeof(*entry) || entry->length > table->length - offset)
			return;
		if (entry->type == ACPI_MADT_LAPIC && entry->length >= sizeof(struct acpi_madt_lapic)) {
			const struct acpi_madt_lapic *core = (const struct acpi_madt_lapic *)entry;

			add_core(core->apic_id, core->flags, info);
		} else if (entry->type == ACPI_MADT_X2APIC && entry->length >= sizeof(struct acpi_madt_x2apic)) {
			const struct acpi_madt_x2apic *core = (const struct acpi_madt_x2apic *)entry;

			add_core(core->x2apic_id, core->flags, info);
		}
		offset += entry->length;
	}
}

static u32 get(const struct acpi_header *table, u32 offset, u32 bytes)
{
	u32 value = 0;

	if (offset + bytes <= table->length)
		memcpy(&value, (const u8 *)table + offset, bytes);
	return value;
}

static void get_gas(const struct acpi_header *table, u32 offset, struct acpi_gas *gas)
{
	if (offset + sizeof(*gas) <= table->length)
		memcpy(gas, (const u8 *)table + offset, sizeof(*gas));
}

void acpi_parse_fadt(const struct acpi_header *table, struct acpi_info *info)
{
	u32 flags = get(table, ACPI_FADT_FLAGS, 4);

	info->pm1a_control = (u16)get(table, ACPI_FADT_PM1A_CONTROL, 4);
	info->pm1b_control = (u16)get(table, ACPI_FADT_PM1B_CONTROL, 4);
	info->pm_timer = (u16)get(table, ACPI_FADT_PM_TIMER, 4);
	info->hw_reduced = flags & ACPI_FADT_FLAG_HW_REDUCED;
	if (info->hw_reduced)
		get_gas(table, ACPI_FADT_SLEEP_CONTROL, &info->sleep_control);
	if (flags & ACPI_FADT_FLAG_RESET_SUPPORTED) {
		get_gas(table, ACPI_FADT_RESET_REGISTER, &info->reset_register);
		info->reset_value = (u8)get(table, ACPI_FADT_RESET_VALUE, 1);
	}
}

/* One small integer of a package; moves *at behind it. */
static bool get_aml_integer(const u8 *aml, u32 bytes, u32 *at, u8 *value)
{
	if (*at >= bytes)
		return false;
	if (aml[*at] == AML_BYTE_PREFIX) {
		if (*at + 1 >= bytes)
			return false;
		*value = aml[*at + 1];
		*at += 2;
		return true;
	}
	if (aml[*at] != AML_ZERO_OP && aml[*at] != AML_ONE_OP)
		return false;
	*value = aml[*at];
	(*at)++;
	return true;
}

/* \_S5_ by its shape: NameOp, optional root prefix, "_S5_", PackageOp, length, count, two integers. */
void acpi_parse_s5(const u8 *aml, u32 bytes, struct acpi_info *info)
{
	for (u32 i = sizeof(struct acpi_header); i + S5_NAME_BYTES + 3 < bytes; i++) {
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
