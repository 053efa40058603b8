/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI tables as firmware writes them, and as broken firmware does. */
#include "arch/x86/acpi.h"

#include "include/cella/boot_info.h"
#include "kernel/lib/string.h"
#include "kernel/page.h"
#include "tests/unit/fake_arch.h"
#include "tests/unit/test.h"

#define TABLE_BYTES 16384

static struct {
	u8 bytes[TABLE_BYTES] __aligned(8);
	u32 used;
} table;

static struct acpi_info info;

/* Stands for arch/x86/acpi.c, which finds the tables. */
const struct acpi_info *acpi_info(void)
{
	return &info;
}

static const struct acpi_header *header(void)
{
	struct acpi_header *head = (struct acpi_header *)table.bytes;

	head->length = table.used;
	return head;
}

static void begin(u32 bytes)
{
	memset(&table, 0, sizeof(table));
	memset(&info, 0, sizeof(info));
	table.used = bytes;
}

static void add(const void *entry, u32 bytes)
{
	memcpy(table.bytes + table.used, entry, bytes);
	table.used += bytes;
}

static void put(u32 offset, u64 value, u32 bytes)
{
	memcpy(table.bytes + offset, &value, bytes);
}

static void put_gas(u32 offset, u8 space, u64 address)
{
	struct acpi_gas gas = { .space = space, .address = address };

	memcpy(table.bytes + offset, &gas, sizeof(gas));
}

static void add_lapic(u8 apic_id, u32 flags)
{
	struct acpi_madt_lapic entry = { { ACPI_MADT_LAPIC, sizeof(entry) }, 0, apic_id, flags };

	add(&entry, sizeof(entry));
}

static void add_x2apic(u32 apic_id, u32 flags)
{
	struct acpi_madt_x2apic entry = { { ACPI_MADT_X2APIC, sizeof(entry) }, 0, apic_id, flags, 0 };

	add(&entry, sizeof(entry));
}

TEST(the_bytes_of_a_good_table_add_up_to_zero)
{
	static const u8 good[] = { 1, 2, 253 }, bad[] = { 1, 2, 254 };

	CHECK(acpi_checksum_ok(good, sizeof(good)));
	CHECK(!acpi_checksum_ok(bad, sizeof(bad)));
	CHECK(acpi_checksum_ok(bad, 0));
}

TEST(enabled_cores_of_both_kinds_are_found_once)
{
	static const struct acpi_madt_ioapic ioapic = { { ACPI_MADT_IOAPIC, sizeof(ioapic) }, 0, 0, 0xfec00000, 0 };

	begin(sizeof(struct acpi_madt));
	add_lapic(0, ACPI_MADT_ENABLED);
	add_lapic(2, 0);
	add_lapic(4, ACPI_MADT_ONLINE_CAPABLE);
	add_lapic(0xff, ACPI_MADT_ENABLED);	/* broadcast: no core */
	add(&ioapic, sizeof(ioapic));
	add_x2apic(0, ACPI_MADT_ENABLED);	/* the first one again */
	add_x2apic(0x12345, ACPI_MADT_ENABLED);
	add_x2apic(~0u, ACPI_MADT_ENABLED);
	acpi_parse_madt(header(), &info);
	CHECK_EQ(info.core_count, 2);
	CHECK_EQ(info.core_apic_ids[0], 0);
	CHECK_EQ(info.core_apic_ids[1], 0x12345);
	CHECK_EQ(info.hotplug_core_count, 1);
	CHECK_EQ(info.ioapic_count, 1);
	CHECK_EQ(info.ioapics[0].raw, 0xfec00000);
}

static u32 package_of(u32 apic_id)
{
	return apic_id >> 4;
}

TEST(only_cores_of_packages_that_are_not_there_can_be_plugged)
{
	memset(&info, 0, sizeof(info));
	info.core_count = 2;
	info.core_apic_ids[0] = 0x00;
	info.core_apic_ids[1] = 0x12;
	info.hotplug_core_count = 3;
	info.hotplug_apic_ids[0] = 0x00;	/* listed twice: seen on healthy machines */
	info.hotplug_apic_ids[1] = 0x02;	/* cores that the CPU could have had */
	info.hotplug_apic_ids[2] = 0x1f;
	CHECK_EQ(acpi_hotplug_cores(&info, package_of), 0);
	info.hotplug_apic_ids[2] = 0x20;
	CHECK_EQ(acpi_hotplug_cores(&info, package_of), 1);
}

TEST(cores_beyond_the_limit_are_counted)
{
	begin(sizeof(struct acpi_madt));
	for (u32 i = 0; i < MAX_CPUS + 3; i++)
		add_x2apic(i, ACPI_MADT_ENABLED);
	acpi_parse_madt(header(), &info);
	CHECK_EQ(info.core_count, MAX_CPUS);
	CHECK_EQ(info.cores_ignored, 3);
}

TEST(a_madt_ends_at_its_first_impossible_entry)
{
	static const u8 lengths[] = { 0, 1, 200 };

	for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct acpi_entry_header entry = { ACPI_MADT_LAPIC, lengths[i] };

		begin(sizeof(struct acpi_madt));
		add_lapic(7, ACPI_MADT_ENABLED);
		add(&entry, sizeof(entry));
		acpi_parse_madt(header(), &info);
		CHECK_EQ(info.core_count, 1);
	}
}

TEST(an_entry_that_is_too_short_for_its_type_is_skipped)
{
	static const struct acpi_entry_header entry = { ACPI_MADT_X2APIC, 4 };

	begin(sizeof(struct acpi_madt));
	add(&entry, sizeof(entry));
	table.used += 2;
	add_lapic(3, ACPI_MADT_ENABLED);
	acpi_parse_madt(header(), &info);
	CHECK_EQ(info.core_count, 1);
	CHECK_EQ(info.core_apic_ids[0], 3);
}

TEST(tables_of_nothing_but_a_header_say_nothing)
{
	static void (*const parsers[])(const struct acpi_header *, struct acpi_info *) = {
		acpi_parse_madt, acpi_parse_srat, acpi_parse_fadt, acpi_parse_mcfg,
		acpi_parse_spcr, acpi_parse_dmar, acpi_parse_s5,
	};
	static const struct acpi_info nothing;

	for (u32 i = 0; i < ARRAY_SIZE(parsers); i++) {
		begin(sizeof(struct acpi_header));
		memset(table.bytes + table.used, 0xff, sizeof(table.bytes) - table.used);	/* not to be read */
		parsers[i](header(), &info);
		CHECK_MEM(&info, &nothing, sizeof(info));
	}
}

TEST(the_srat_gives_cores_and_memory_their_nodes)
{
	static const struct boot_info ram = { .range_count = 1, .ranges = { { 0, GIB(4), BOOT_RANGE_RAM } } };
	struct acpi_srat_lapic core = { { ACPI_SRAT_LAPIC, sizeof(core) }, 1, 5, ACPI_SRAT_ENABLED, 0, { 0, 0, 0 }, 0 };
	struct acpi_srat_x2apic x2 = { { ACPI_SRAT_X2APIC, sizeof(x2) }, 0, 2, 300, ACPI_SRAT_ENABLED, 0, 0 };
	struct acpi_srat_memory memory = { { ACPI_SRAT_MEMORY, sizeof(memory) }, 3, 0, GIB(2), GIB(2), 0,
					   ACPI_SRAT_ENABLED | ACPI_SRAT_HOT_PLUGGABLE, 0 };
	hpa_t page;

	fake_reset(1);
	page_init(&ram);
	begin(sizeof(struct acpi_srat));
	info.core_count = 3;
	info.core_apic_ids[1] = 5;
	info.core_apic_ids[2] = 300;
	add(&core, sizeof(core));
	add(&x2, sizeof(x2));
	add(&memory, sizeof(memory));
	acpi_parse_srat(header(), &info);
	CHECK_EQ(info.core_nodes[0], 0);
	CHECK_EQ(info.core_nodes[1], 1);
	CHECK_EQ(info.core_nodes[2], 2);
	CHECK_EQ(info.hotplug_range_count, 1);
	CHECK_EQ(info.hotplug_ranges[0].base, GIB(2));
	CHECK_EQ(info.hotplug_ranges[0].bytes, GIB(2));
	CHECK_EQ(page_alloc(ZONE_HOST, 1, PAGE_SIZE, PAGE_KERNEL, 3, &page), 0);
	CHECK(page.raw >= GIB(2));
}

TEST(disabled_and_wrapping_srat_entries_are_left_out)
{
	struct acpi_srat_lapic core = { { ACPI_SRAT_LAPIC, sizeof(core) }, 9, 5, 0, 0, { 0, 0, 0 }, 0 };
	struct acpi_srat_memory memory = { { ACPI_SRAT_MEMORY, sizeof(memory) }, 3, 0, ~0ull - 5, GIB(2), 0,
					   ACPI_SRAT_ENABLED, 0 };

	begin(sizeof(struct acpi_srat));
	info.core_count = 1;
	info.core_apic_ids[0] = 5;
	add(&core, sizeof(core));
	add(&memory, sizeof(memory));
	acpi_parse_srat(header(), &info);
	CHECK_EQ(info.core_nodes[0], 0);
	CHECK_EQ(info.hotplug_range_count, 0);
}

TEST(range_is_hot_pluggable_when_one_byte_of_it_is)
{
	begin(0);
	CHECK(!acpi_is_hotplug_memory(HPA(0), GIB(4)));
	info.hotplug_range_count = 2;
	info.hotplug_ranges[0] = (struct acpi_memory_range){ GIB(1), MIB(2) };
	info.hotplug_ranges[1] = (struct acpi_memory_range){ GIB(3), GIB(1) };
	CHECK(!acpi_is_hotplug_memory(HPA(0), GIB(1)));
	CHECK(acpi_is_hotplug_memory(HPA(0), GIB(1) + 1));
	CHECK(acpi_is_hotplug_memory(HPA(GIB(1) + MIB(1)), PAGE_SIZE));
	CHECK(!acpi_is_hotplug_memory(HPA(GIB(1) + MIB(2)), GIB(1)));
	CHECK(acpi_is_hotplug_memory(HPA(GIB(4) - 1), 1));
	CHECK(!acpi_is_hotplug_memory(HPA(GIB(4)), GIB(1)));
}

TEST(hot_pluggable_ranges_that_find_no_room_are_covered_by_the_last)
{
	struct acpi_srat_memory memory = { { ACPI_SRAT_MEMORY, sizeof(memory) }, 0, 0, 0, MIB(1), 0,
					   ACPI_SRAT_ENABLED | ACPI_SRAT_NON_VOLATILE, 0 };
	const struct acpi_memory_range *last = &info.hotplug_ranges[ACPI_MAX_HOTPLUG_RANGES - 1];

	begin(sizeof(struct acpi_srat));
	for (u32 i = 0; i < ACPI_MAX_HOTPLUG_RANGES + 3; i++) {
		memory.base = GIB(i + 1);
		add(&memory, sizeof(memory));
	}
	acpi_parse_srat(header(), &info);
	CHECK_EQ(info.hotplug_range_count, ACPI_MAX_HOTPLUG_RANGES);
	CHECK_EQ(last->base, GIB(ACPI_MAX_HOTPLUG_RANGES));
	CHECK_EQ(last->base + last->bytes, GIB(ACPI_MAX_HOTPLUG_RANGES + 3) + MIB(1));
}

TEST(a_short_fadt_gives_ports_and_no_reset_register)
{
	begin(116);	/* revision 1 */
	put(ACPI_FADT_DSDT, 0x7fe0000, 4);
	put(ACPI_FADT_PM1A_CONTROL, 0xb004, 4);
	put(ACPI_FADT_PM_TIMER, 0xb008, 4);
	put(ACPI_FADT_SMI_COMMAND, 0xb2, 4);
	put(ACPI_FADT_ACPI_ENABLE, 0xf1, 1);
	put(ACPI_FADT_FLAGS, ACPI_FADT_FLAG_RESET_SUPPORTED, 4);
	acpi_parse_fadt(header(), &info);
	CHECK_EQ(info.dsdt.raw, 0x7fe0000);
	CHECK_EQ(info.pm1a_control, 0xb004);
	CHECK_EQ(info.pm1b_control, 0);
	CHECK_EQ(info.pm_timer, 0xb008);
	CHECK_EQ(info.smi_command, 0xb2);
	CHECK_EQ(info.acpi_enable, 0xf1);
	CHECK_EQ(info.reset_register.address, 0);
}

TEST(a_long_fadt_prefers_its_wide_members)
{
	begin(276);
	put(ACPI_FADT_DSDT, 0x1000, 4);
	put(ACPI_FADT_X_DSDT, 0x123456000, 8);
	put(ACPI_FADT_PM1A_CONTROL, 0x1804, 4);
	put_gas(ACPI_FADT_X_PM1A_CONTROL, ACPI_SPACE_IO, 0x404);
	put_gas(ACPI_FADT_X_PM_TIMER, ACPI_SPACE_MEMORY, 0xfed00000);	/* not a port */
	put_gas(ACPI_FADT_RESET_REGISTER, ACPI_SPACE_IO, 0xcf9);
	put(ACPI_FADT_RESET_VALUE, 6, 1);
	put_gas(ACPI_FADT_SLEEP_CONTROL, ACPI_SPACE_IO, 0x605);
	put(ACPI_FADT_FLAGS, ACPI_FADT_FLAG_RESET_SUPPORTED | ACPI_FADT_FLAG_HW_REDUCED, 4);
	acpi_parse_fadt(header(), &info);
	CHECK_EQ(info.dsdt.raw, 0x123456000);
	CHECK_EQ(info.pm1a_control, 0x404);
	CHECK_EQ(info.pm_timer, 0);
	CHECK_EQ(info.reset_register.address, 0xcf9);
	CHECK_EQ(info.reset_value, 6);
	CHECK(info.hw_reduced);
	CHECK_EQ(info.sleep_control.address, 0x605);
}

TEST(a_port_number_that_is_none_is_ignored)
{
	begin(276);
	put(ACPI_FADT_PM1A_CONTROL, 0x12345678, 4);
	put_gas(ACPI_FADT_X_PM1B_CONTROL, ACPI_SPACE_IO, 0x10000);
	put(ACPI_FADT_SMI_COMMAND, 0x10000, 4);
	acpi_parse_fadt(header(), &info);
	CHECK_EQ(info.pm1a_control, 0);
	CHECK_EQ(info.pm1b_control, 0);
	CHECK_EQ(info.smi_command, 0);
}

TEST(ecam_is_that_of_segment_zero)
{
	static const struct acpi_mcfg_segment segments[] = {
		{ 0xc0000000, 1, 0, 255, 0 }, { 0xe0000000, 0, 0, 0x3f, 0 }, { 0xd0000000, 0, 9, 8, 0 },
	};

	begin(sizeof(struct acpi_mcfg));
	add(segments, sizeof(segments));
	table.used += (u32)sizeof(segments[0]) - 1;	/* an entry that is cut off */
	acpi_parse_mcfg(header(), &info);
	CHECK_EQ(info.ecam_base, 0xe0000000);
	CHECK_EQ(info.ecam_last_bus, 0x3f);
}

TEST(a_console_port_must_be_a_16550_behind_a_port)
{
	begin(80);
	put_gas(ACPI_SPCR_BASE, ACPI_SPACE_IO, 0x2f8);
	acpi_parse_spcr(header(), &info);
	CHECK_EQ(info.console_port, 0x2f8);
	info.console_port = 0;
	put(ACPI_SPCR_INTERFACE, 3, 1);	/* a PL011 */
	acpi_parse_spcr(header(), &info);
	CHECK_EQ(info.console_port, 0);
	put(ACPI_SPCR_INTERFACE, ACPI_SPCR_16550_GAS, 1);
	put_gas(ACPI_SPCR_BASE, ACPI_SPACE_MEMORY, 0x2f8);
	acpi_parse_spcr(header(), &info);
	CHECK_EQ(info.console_port, 0);
}

TEST(the_dmar_may_ask_to_leave_x2apic_alone)
{
	begin(48);
	acpi_parse_dmar(header(), &info);
	CHECK(!info.dmar_x2apic_opt_out);
	put(ACPI_DMAR_FLAGS, 3, 1);
	acpi_parse_dmar(header(), &info);
	CHECK(info.dmar_x2apic_opt_out);
}

static bool s5_of(const char *aml, u32 bytes)
{
	begin(sizeof(struct acpi_header));
	add(aml, bytes);
	memset(table.bytes + table.used, 0x0a, 16);	/* what stands behind is not the table's */
	acpi_parse_s5(header(), &info);
	return info.s5_known;
}
#define S5_OF(aml) s5_of(aml, sizeof(aml) - 1)

TEST(s5_is_found_in_its_usual_shapes)
{
	CHECK(S5_OF("\x10\x20\x08_S5_\x12\x06\x04\x0a\x05\x0a\x06\x00\x00"));
	CHECK_EQ(info.s5_type_a, 5);
	CHECK_EQ(info.s5_type_b, 6);
	CHECK(S5_OF("\x08\\_S5_\x12\x06\x04\x00\x01\x00\x00"));
	CHECK_EQ(info.s5_type_a, 0);
	CHECK_EQ(info.s5_type_b, 1);
	CHECK(S5_OF("\x08_S5_\x12\x46\x00\x04\x0a\x07\x0a\x07"));	/* length in two bytes */
	CHECK_EQ(info.s5_type_a, 7);
}

TEST(what_only_looks_like_s5_is_not_taken)
{
	CHECK(!S5_OF("_S5_\x12\x06\x04\x0a\x05\x0a\x05"));	/* a use, not a definition */
	CHECK(!S5_OF("\x08_S4_\x12\x06\x04\x0a\x05\x0a\x05"));
	CHECK(!S5_OF("\x08_S5_\x11\x06\x04\x0a\x05\x0a\x05"));
	CHECK(!S5_OF("\x08_S5_\x12\x06\x04\x0b\x05\x00\x0a\x05"));	/* not a byte */
}

TEST(a_cut_off_s5_is_not_read_beyond_the_end)
{
	static const char aml[] = "\x08_S5_\x12\x06\x04\x0a\x05\x0a\x05";

	for (u32 bytes = 0; bytes < sizeof(aml) - 1; bytes++)
		CHECK(!s5_of(aml, bytes));
	CHECK(!S5_OF("\x08_S5_\x12\xc6"));
}
