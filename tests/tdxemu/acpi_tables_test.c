/* SPDX-License-Identifier: BSD-2-Clause */
/* Firmware's tables are built in the arena; what the host would read is checked through acpi_find() and by hand. */
#include "tests/tdxemu/acpi_tables.h"

#include "include/spec/multiboot2.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/acpi.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/test.h"

#define OLD_RSDP (ARENA_BASE + 0x20000)
#define OLD_RSDT (OLD_RSDP + 0x100)
#define OLD_MADT (OLD_RSDP + 0x200)
#define OLD_FADT (OLD_RSDP + 0x400)
#define NEW_TABLES (ARENA_BASE + 0x30000)

const struct memory_range *memory_ranges(u32 *count)
{
	static const struct memory_range ranges[] = {
		{ 0, 0x9f000, MB2_MEMORY_RAM },
		{ 0xf0000, 0x10000, MB2_MEMORY_RESERVED },
		{ MIB(1), GIB(1), MB2_MEMORY_RAM },
	};

	*count = ARRAY_SIZE(ranges);
	return ranges;
}

static u8 sum(const void *data, u32 bytes)
{
	const u8 *byte = data;
	u8 total = 0;

	while (bytes-- != 0)
		total = (u8)(total + *byte++);
	return total;
}

static void seal(struct acpi_header *table)
{
	table->checksum = 0;
	table->checksum = (u8)-sum(table, table->length);
}

/* Two cores, ids 0 and 1, an I/O APIC with id 2. */
static const struct acpi_rsdp *firmware(void)
{
	struct acpi_rsdp *rsdp = phys(OLD_RSDP);
	struct acpi_header *rsdt = phys(OLD_RSDT), *madt = phys(OLD_MADT), *fadt = phys(OLD_FADT);
	const u32 entries[] = { OLD_MADT, OLD_FADT };
	struct acpi_madt_lapic core = { { ACPI_MADT_LAPIC, 8 }, 0, 0, ACPI_MADT_ENABLED };
	struct acpi_madt_ioapic io = { { ACPI_MADT_IOAPIC, 12 }, 2, 0, 0, 0 };
	u8 *at = (u8 *)madt + sizeof(struct acpi_madt);

	memset(rsdp, 0, 0x1000);
	memcpy(rsdp->signature, ACPI_RSDP_SIGNATURE, 8);
	rsdp->rsdt = (u32)OLD_RSDT;
	memcpy(rsdt->signature, "RSDT", 4);
	rsdt->length = sizeof(*rsdt) + sizeof(entries);
	memcpy(rsdt + 1, entries, sizeof(entries));
	memcpy(madt->signature, "APIC", 4);
	memcpy(at, &core, sizeof(core));
	core.uid = core.apic_id = 1;
	memcpy(at + 8, &core, sizeof(core));
	memcpy(at + 16, &io, sizeof(io));
	madt->length = sizeof(struct acpi_madt) + 28;
	memcpy(fadt->signature, "FACP", 4);
	fadt->length = 116;
	seal(rsdt);
	seal(madt);
	seal(fadt);
	return rsdp;
}

static const struct acpi_rsdp *build(const char *words)
{
	machine_reset(2, 1);
	machine_platform(words);
	return acpi_tables_build(NEW_TABLES, firmware());
}

static const struct acpi_madt_lapic *last_core(const struct acpi_rsdp *rsdp)
{
	const struct acpi_header *madt = acpi_find(rsdp, "APIC");

	return (const void *)((const u8 *)madt + madt->length - sizeof(struct acpi_madt_lapic));
}

TEST(the_firmware_s_tables_stay_where_no_word_asks_for_others)
{
	machine_reset(2, 1);
	CHECK_EQ(acpi_tables_bytes(firmware()), 0);
	machine_platform("core-absent");
	CHECK(acpi_tables_bytes(firmware()) != 0);
	CHECK_EQ(acpi_tables_bytes(NULL), 0);
}

TEST(both_roots_and_their_pointer_have_right_checksums)
{
	const struct acpi_rsdp *rsdp = build("x2apic-opt-out");
	const struct acpi_header *rsdt = phys(rsdp->rsdt), *xsdt = phys(rsdp->xsdt);

	CHECK_EQ(sum(rsdp, 20), 0);
	CHECK_EQ(sum(rsdp, 36), 0);
	CHECK_EQ(sum(rsdt, rsdt->length), 0);
	CHECK_EQ(sum(xsdt, xsdt->length), 0);
	CHECK_EQ((xsdt->length - 36) / 8, 3);
	CHECK_EQ((rsdt->length - 36) / 4, 3);
	CHECK(acpi_find(rsdp, "FACP") == phys(OLD_FADT));
}

TEST(a_core_that_may_come_later_is_online_capable_only)
{
	const struct acpi_madt_lapic *core = last_core(build("hotplug-cpu"));

	CHECK_EQ(core->header.type, ACPI_MADT_LAPIC);
	CHECK_EQ(core->apic_id, 254);	/* of a package that is not there */
	CHECK_EQ(core->flags, ACPI_MADT_ONLINE_CAPABLE);
}

TEST(a_core_that_never_starts_is_listed_as_enabled)
{
	const struct acpi_rsdp *rsdp = build("core-absent");

	CHECK_EQ(last_core(rsdp)->flags, ACPI_MADT_ENABLED);
	CHECK_EQ(last_core(rsdp)->apic_id, 3);	/* 2 is the I/O APIC's */
	CHECK(acpi_find(rsdp, "APIC") != phys(OLD_MADT));
	CHECK(acpi_table(rsdp, 2) == NULL);	/* the old MADT is gone */
}

TEST(all_ram_is_hot_pluggable)
{
	const struct acpi_header *srat = acpi_find(build("hotplug-memory"), "SRAT");
	const struct acpi_srat_memory *memory;

	CHECK(srat != NULL);
	CHECK_EQ(srat->length, 48 + 2 * 16 + 2 * 40);
	memory = (const void *)((const u8 *)srat + 48 + 2 * 16 + 40);
	CHECK_EQ(memory->base, MIB(1));
	CHECK_EQ(memory->bytes, GIB(1));
	CHECK_EQ(memory->flags, ACPI_SRAT_ENABLED | ACPI_SRAT_HOT_PLUGGABLE);
}

TEST(x2apic_is_opted_out_of)
{
	const struct acpi_header *dmar = acpi_find(build("x2apic-opt-out"), "DMAR");

	CHECK(dmar != NULL);
	CHECK_EQ(((const u8 *)dmar)[ACPI_DMAR_FLAGS] & ACPI_DMAR_X2APIC_OPT_OUT, ACPI_DMAR_X2APIC_OPT_OUT);
}
