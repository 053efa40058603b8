/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSDP -> XSDT -> FADT (-> DSDT), MADT, MCFG, CCEL. Hardware-reduced ACPI: no SCI, no PM timer, no 8259, no PIT; reset and
 * sleep through three I/O ports (include/cella/tdshim.h). Layouts: ACPI specification 6.5, "ACPI Software Programming Model".
 */
#include "boot/tdshim/acpi.h"

#include "boot/tdshim/measure.h"
#include "boot/tdshim/report.h"
#include "include/spec/acpi.h"
#include "include/spec/tcg.h"
#include "kernel/lib/string.h"

#define OEM_ID "CELLA "
#define OEM_TABLE_ID "CELLATD "
#define CREATOR_ID 0x414c4543	/* "CELA" */
#define FADT_BYTES 276
#define FADT_REVISION 6
#define FADT_MINOR 5
#define MADT_REVISION 5
#define XSDT_TABLES 4	/* FADT, MADT, MCFG, CCEL */
#define MAX_VCPUS_IN_MADT 128
#define LINUX_TABLE_ENTRIES 512
#define PTE_PRESENT_WRITE 3ull
#define PTE_LARGE BIT(7)

/*
 * DSDT: \_S5 = {5,0,0,0}; PCI0 (PNP0A08) with bus 0, window 0xd0000000-0xdfffffff and, widened below, GUEST_PCI_WINDOW;
 * MBRD (PNP0C02) that reserves the ECAM range. Source in ASL: docs/guest-platform.md.
 */
static const u8 dsdt_template[] = {
	0x44, 0x53, 0x44, 0x54, 0xcf, 0x00, 0x00, 0x00, 0x02, 0xc7, 0x43, 0x45, 0x4c, 0x4c, 0x41, 0x20, 0x43, 0x45, 0x4c,
	0x4c, 0x41, 0x44, 0x53, 0x44, 0x01, 0x00, 0x00, 0x00, 0x49, 0x4e, 0x54, 0x4c, 0x25, 0x09, 0x20, 0x20, 0x08, 0x5f,
	0x53, 0x35, 0x5f, 0x12, 0x07, 0x04, 0x0a, 0x05, 0x00, 0x00, 0x00, 0x10, 0x4d, 0x09, 0x5f, 0x53, 0x42, 0x5f, 0x5b,
	0x82, 0x47, 0x06, 0x50, 0x43, 0x49, 0x30, 0x08, 0x5f, 0x48, 0x49, 0x44, 0x0c, 0x41, 0xd0, 0x0a, 0x08, 0x08, 0x5f,
	0x43, 0x49, 0x44, 0x0c, 0x41, 0xd0, 0x0a, 0x03, 0x08, 0x5f, 0x55, 0x49, 0x44, 0x00, 0x08, 0x5f, 0x53, 0x45, 0x47,
	0x00, 0x08, 0x5f, 0x42, 0x42, 0x4e, 0x00, 0x08, 0x5f, 0x43, 0x43, 0x41, 0x01, 0x08, 0x5f, 0x43, 0x52, 0x53, 0x11,
	0x2f, 0x0a, 0x2c, 0x88, 0x0d, 0x00, 0x02, 0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,
	0x87, 0x17, 0x00, 0x00, 0x0c, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xd0, 0xff, 0xff, 0xff, 0xdf, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x79, 0x00, 0x5b, 0x82, 0x2c, 0x4d, 0x42, 0x52, 0x44, 0x08, 0x5f, 0x48,
	0x49, 0x44, 0x0c, 0x41, 0xd0, 0x0c, 0x02, 0x08, 0x5f, 0x55, 0x49, 0x44, 0x01, 0x08, 0x5f, 0x43, 0x52, 0x53, 0x11,
	0x11, 0x0a, 0x0e, 0x86, 0x09, 0x00, 0x01, 0x00, 0x00, 0x00, 0xe0, 0x00, 0x00, 0x10, 0x00, 0x79, 0x00,
};
/* Where the template's addresses stand (guest-boot reference, 4.7 "Patch points"). */
enum dsdt_patch {
	DSDT_WINDOW_MIN = 0x8f,
	DSDT_WINDOW_MAX = 0x93,
	DSDT_WINDOW_LENGTH = 0x9b,
	DSDT_ECAM_BASE = 0xc5,
	DSDT_ECAM_LENGTH = 0xc9,
};

_Static_assert(sizeof(dsdt_template) == 0xcf, "the template is as long as its header says");

enum fadt_offset {
	FADT_DSDT = 40,
	FADT_BOOT_ARCH = 109,
	FADT_FLAGS = 112,
	FADT_RESET_REG = 116,
	FADT_RESET_VALUE = 128,
	FADT_MINOR_VERSION = 131,
	FADT_X_DSDT = 140,
	FADT_SLEEP_CONTROL = 244,
	FADT_SLEEP_STATUS = 256,
};
#define FADT_BOOT_ARCH_NO_VGA_NO_RTC 0x0024
/* WBINVD, no fixed power button, no sleep button, reset register, physical APIC destinations, hardware-reduced. */
#define FADT_FLAGS_VALUE 0x00180431

static u64 next_table = ACPI_TABLES_BASE;

static void put32(u8 *at, u32 value)
{
	memcpy(at, &value, sizeof(value));
}

static void put64(u8 *at, u64 value)
{
	memcpy(at, &value, sizeof(value));
}

/* A zeroed, 16-byte aligned place for a table of @bytes. */
static u8 *place(u32 bytes)
{
	u8 *table = (u8 *)next_table;

	if (bytes > ACPI_TABLES_BASE + ACPI_TABLES_BYTES - next_table)
		shim_refuse("the ACPI tables do not fit");
	next_table = ALIGN_UP(next_table + bytes, 16);
	memset(table, 0, bytes);
	return table;
}

static u8 checksum(const u8 *table, u32 bytes)
{
	u8 sum = 0;

	for (u32 i = 0; i < bytes; i++)
		sum = (u8)(sum + table[i]);
	return (u8)-sum;
}

static void finish(u8 *table, const char *name)
{
	struct acpi_header *header = (struct acpi_header *)(void *)table;

	header->checksum = 0;
	header->checksum = checksum(table, header->length);
	measure(RTMR_CONFIG, TCG_EV_PLATFORM_CONFIG_FLAGS, name, table, header->length);
}

static u8 *start_table(const char *signature, u32 bytes, u8 revision)
{
	u8 *table = place(bytes);
	struct acpi_header *header = (struct acpi_header *)(void *)table;

	memcpy(header->signature, signature, sizeof(header->signature));
	header->length = bytes;
	header->revision = revision;
	memcpy(header->oem_id, OEM_ID, sizeof(header->oem_id));
	memcpy(header->oem_table_id, OEM_TABLE_ID, sizeof(header->oem_table_id));
	header->oem_revision = 1;
	header->creator_id = CREATOR_ID;
	header->creator_revision = 1;
	return table;
}

/* Generic address structure of one byte-wide I/O port. */
static void put_port(u8 *at, u16 port)
{
	at[0] = 1;	/* system I/O */
	at[1] = 8;	/* bits */
	at[3] = 1;	/* byte access */
	put64(at + 4, port);
}

static u64 build_dsdt(void)
{
	u8 *dsdt = place(sizeof(dsdt_template));

	memcpy(dsdt, dsdt_template, sizeof(dsdt_template));
	put32(dsdt + DSDT_WINDOW_MIN, GUEST_PCI_WINDOW_BASE);
	put32(dsdt + DSDT_WINDOW_MAX, GUEST_PCI_WINDOW_BASE + (GUEST_PCI_WINDOW_BYTES - 1));
	put32(dsdt + DSDT_WINDOW_LENGTH, GUEST_PCI_WINDOW_BYTES);
	put32(dsdt + DSDT_ECAM_BASE, GUEST_ECAM_BASE);
	put32(dsdt + DSDT_ECAM_LENGTH, GUEST_ECAM_BYTES);
	finish(dsdt, "ACPI DSDT");
	return (u64)dsdt;
}

static u64 build_fadt(u64 dsdt)
{
	u8 *fadt = start_table("FACP", FADT_BYTES, FADT_REVISION);

	put32(fadt + FADT_DSDT, (u32)dsdt);
	put64(fadt + FADT_X_DSDT, dsdt);
	fadt[FADT_BOOT_ARCH] = FADT_BOOT_ARCH_NO_VGA_NO_RTC;
	put32(fadt + FADT_FLAGS, FADT_FLAGS_VALUE);
	put_port(fadt + FADT_RESET_REG, GUEST_PORT_RESET);
	fadt[FADT_RESET_VALUE] = GUEST_RESET_VALUE;
	fadt[FADT_MINOR_VERSION] = FADT_MINOR;
	put_port(fadt + FADT_SLEEP_CONTROL, GUEST_PORT_SLEEP_CONTROL);
	put_port(fadt + FADT_SLEEP_STATUS, GUEST_PORT_SLEEP_STATUS);
	finish(fadt, "ACPI FACP");
	return (u64)fadt;
}

static u64 build_madt(u32 vcpus)
{
	bool with_mailbox = vcpus > 1;
	u32 bytes = (u32)(sizeof(struct acpi_madt) + vcpus * sizeof(struct acpi_madt_x2apic) +
			  (with_mailbox ? sizeof(struct acpi_madt_wakeup) : 0));
	u8 *madt = start_table("APIC", bytes, MADT_REVISION);
	u8 *entry = madt + sizeof(struct acpi_madt);

	((struct acpi_madt *)(void *)madt)->lapic_address = GUEST_LAPIC_BASE;
	for (u32 id = 0; id < vcpus; id++) {
		const struct acpi_madt_x2apic cpu = {
			.header = { ACPI_MADT_X2APIC, sizeof(cpu) },
			.x2apic_id = id,
			.flags = ACPI_MADT_ENABLED,
			.uid = id,
		};

		memcpy(entry, &cpu, sizeof(cpu));
		entry += sizeof(cpu);
	}
	if (with_mailbox) {
		const struct acpi_madt_wakeup wakeup = {
			.header = { ACPI_MADT_WAKEUP, sizeof(wakeup) },
			.mailbox = MAILBOX_BASE,
		};

		memcpy(entry, &wakeup, sizeof(wakeup));
	}
	finish(madt, "ACPI APIC");
	return (u64)madt;
}

static u64 build_mcfg(void)
{
	struct acpi_mcfg *mcfg = (struct acpi_mcfg *)(void *)start_table(
		"MCFG", sizeof(struct acpi_mcfg) + sizeof(struct acpi_mcfg_segment), 1);

	mcfg->segments[0].base = GUEST_ECAM_BASE;
	finish((u8 *)mcfg, "ACPI MCFG");
	return (u64)mcfg;
}

static u64 build_ccel(void)
{
	struct acpi_ccel *ccel = (struct acpi_ccel *)(void *)start_table("CCEL", sizeof(struct acpi_ccel), 1);

	ccel->type = ACPI_CCEL_TDX;
	ccel->log_bytes = EVENT_LOG_BYTES;
	ccel->log_address = EVENT_LOG_BASE;
	finish((u8 *)ccel, "ACPI CCEL");
	return (u64)ccel;
}

u64 acpi_build(u32 vcpus)
{
	struct acpi_rsdp *rsdp = (struct acpi_rsdp *)(void *)place(sizeof(struct acpi_rsdp));
	u64 tables[XSDT_TABLES];
	u8 *xsdt;

	if (vcpus > MAX_VCPUS_IN_MADT)
		shim_refuse("%u vCPUs are more than tdshim's tables take", vcpus);
	tables[0] = build_fadt(build_dsdt());
	tables[1] = build_madt(vcpus);
	tables[2] = build_mcfg();
	tables[3] = build_ccel();
	xsdt = start_table("XSDT", sizeof(struct acpi_header) + sizeof(tables), 1);
	memcpy(xsdt + sizeof(struct acpi_header), tables, sizeof(tables));
	finish(xsdt, "ACPI XSDT");

	memcpy(rsdp->signature, "RSD PTR ", sizeof(rsdp->signature));
	memcpy(rsdp->oem_id, OEM_ID, sizeof(rsdp->oem_id));
	rsdp->revision = 2;
	rsdp->length = sizeof(*rsdp);
	rsdp->xsdt = (u64)xsdt;
	rsdp->checksum = checksum((u8 *)rsdp, ACPI_RSDP_V1_BYTES);
	rsdp->extended_checksum = checksum((u8 *)rsdp, sizeof(*rsdp));
	measure(RTMR_CONFIG, TCG_EV_PLATFORM_CONFIG_FLAGS, "ACPI RSDP", rsdp, sizeof(*rsdp));
	return (u64)rsdp;
}

/* reset.S */
extern const u8 ap_loop_start[], ap_loop_end[];
extern u64 ap_gate, ap_mailbox, ap_tables;

/* Identity map of the first 4 GiB for the loop: the image's own tables vanish from Linux's view of what is in use. */
static void build_loop_tables(void)
{
	u64 *pml4 = (u64 *)AP_TABLES_BASE;
	u64 *pdpt = pml4 + LINUX_TABLE_ENTRIES;
	u64 *pds = pdpt + LINUX_TABLE_ENTRIES;

	memset(pml4, 0, 2 * PAGE_SIZE);
	pml4[0] = (u64)pdpt | PTE_PRESENT_WRITE;
	for (u64 i = 0; i < 4; i++)
		pdpt[i] = (u64)(pds + i * LINUX_TABLE_ENTRIES) | PTE_PRESENT_WRITE;
	for (u64 i = 0; i < 4 * LINUX_TABLE_ENTRIES; i++)
		pds[i] = i * PAGE_SIZE_2M | PTE_PRESENT_WRITE | PTE_LARGE;
}

void acpi_release_aps(u32 vcpus)
{
	memset((void *)MAILBOX_BASE, 0, PAGE_SIZE);
	memcpy((void *)AP_LOOP_BASE, ap_loop_start, (size_t)(ap_loop_end - ap_loop_start));
	build_loop_tables();
	ap_mailbox = MAILBOX_BASE;
	ap_tables = AP_TABLES_BASE;
	if (vcpus > 1)
		__atomic_store_n(&ap_gate, AP_LOOP_BASE, __ATOMIC_RELEASE);
}
