/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI tables as plain structs. ACPI specification 6.5, "ACPI Software Programming Model"; MCFG: PCI Firmware specification. */
#ifndef SPEC_ACPI_H
#define SPEC_ACPI_H

#include "include/cella/types.h"

#define ACPI_RSDP_SIGNATURE "RSD PTR "
#define ACPI_RSDP_V1_BYTES 20

struct acpi_rsdp {
	char signature[8];
	u8 checksum;	/* of the first 20 bytes */
	char oem_id[6];
	u8 revision;
	u32 rsdt;
	u32 length;
	u64 xsdt;
	u8 extended_checksum;
	u8 reserved[3];
} __packed;
_Static_assert(sizeof(struct acpi_rsdp) == 36, "RSDP is 36 bytes");

struct acpi_header {
	char signature[4];
	u32 length;
	u8 revision;
	u8 checksum;
	char oem_id[6];
	char oem_table_id[8];
	u32 oem_revision;
	u32 creator_id;
	u32 creator_revision;
} __packed;
_Static_assert(sizeof(struct acpi_header) == 36, "table header is 36 bytes");

struct acpi_gas {
	u8 space, bits, offset, access;
	u64 address;
} __packed;
#define ACPI_SPACE_MEMORY 0
#define ACPI_SPACE_IO 1
#define ACPI_PORT_MAX 0xffff

struct acpi_entry_header {
	u8 type, length;
} __packed;

struct acpi_madt {
	struct acpi_header header;
	u32 lapic_address;
	u32 flags;
	/* entries follow */
} __packed;
#define ACPI_MADT_LAPIC 0
#define ACPI_MADT_IOAPIC 1
#define ACPI_MADT_OVERRIDE 2
#define ACPI_MADT_LAPIC_ADDRESS 5
#define ACPI_MADT_X2APIC 9
#define ACPI_MADT_WAKEUP 16
#define ACPI_MADT_ENABLED 1
#define ACPI_MADT_ONLINE_CAPABLE 2

struct acpi_madt_lapic {
	struct acpi_entry_header header;
	u8 uid, apic_id;
	u32 flags;
} __packed;

struct acpi_madt_ioapic {
	struct acpi_entry_header header;
	u8 id, reserved;
	u32 address;
	u32 gsi_base;
} __packed;

struct acpi_madt_override {
	struct acpi_entry_header header;
	u8 bus, source;
	u32 gsi;
	u16 flags;
} __packed;

struct acpi_madt_x2apic {
	struct acpi_entry_header header;
	u16 reserved;
	u32 x2apic_id;
	u32 flags;
	u32 uid;
} __packed;
_Static_assert(sizeof(struct acpi_madt_x2apic) == 16, "local x2APIC entry is 16 bytes");

struct acpi_madt_wakeup {
	struct acpi_entry_header header;
	u16 version;
	u32 reserved;
	u64 mailbox;
} __packed;
_Static_assert(sizeof(struct acpi_madt_wakeup) == 16, "wake-up entry, version 0, is 16 bytes");

struct acpi_srat {
	struct acpi_header header;
	u32 reserved_1;
	u64 reserved_2;
	/* entries follow */
} __packed;
#define ACPI_SRAT_LAPIC 0
#define ACPI_SRAT_MEMORY 1
#define ACPI_SRAT_X2APIC 2
#define ACPI_SRAT_ENABLED 1
#define ACPI_SRAT_HOT_PLUGGABLE 2
#define ACPI_SRAT_NON_VOLATILE 4

struct acpi_srat_lapic {
	struct acpi_entry_header header;
	u8 domain_low, apic_id;
	u32 flags;
	u8 sapic_eid, domain_high[3];
	u32 clock_domain;
} __packed;

struct acpi_srat_memory {
	struct acpi_entry_header header;
	u32 domain;
	u16 reserved_1;
	u64 base, bytes;
	u32 reserved_2;
	u32 flags;
	u64 reserved_3;
} __packed;
_Static_assert(sizeof(struct acpi_srat_memory) == 40, "memory affinity entry is 40 bytes");

struct acpi_srat_x2apic {
	struct acpi_entry_header header;
	u16 reserved_1;
	u32 domain;
	u32 x2apic_id;
	u32 flags;
	u32 clock_domain;
	u32 reserved_2;
} __packed;

struct acpi_mcfg_segment {
	u64 base;
	u16 segment;
	u8 first_bus, last_bus;
	u32 reserved;
} __packed;

struct acpi_mcfg {
	struct acpi_header header;
	u64 reserved;
	struct acpi_mcfg_segment segments[];
} __packed;

struct acpi_ccel {
	struct acpi_header header;
	u8 type, subtype;
	u16 reserved;
	u64 log_bytes;
	u64 log_address;
} __packed;
_Static_assert(sizeof(struct acpi_ccel) == 56, "CCEL is 56 bytes");
#define ACPI_CCEL_TDX 2

/* FADT: offsets, because its length depends on the revision. */
#define ACPI_FADT_DSDT 40	/* u32 */
#define ACPI_FADT_SMI_COMMAND 48	/* u32 */
#define ACPI_FADT_ACPI_ENABLE 52	/* u8 */
#define ACPI_FADT_PM1A_CONTROL 64	/* u32 port */
#define ACPI_FADT_PM1B_CONTROL 68
#define ACPI_FADT_PM_TIMER 76	/* u32 port */
#define ACPI_FADT_FLAGS 112	/* u32 */
#define ACPI_FADT_RESET_REGISTER 116	/* acpi_gas */
#define ACPI_FADT_RESET_VALUE 128	/* u8 */
#define ACPI_FADT_X_DSDT 140	/* u64 */
#define ACPI_FADT_X_PM1A_CONTROL 172	/* acpi_gas */
#define ACPI_FADT_X_PM1B_CONTROL 184
#define ACPI_FADT_X_PM_TIMER 208
#define ACPI_FADT_SLEEP_CONTROL 244	/* acpi_gas */
#define ACPI_FADT_SLEEP_STATUS 256
#define ACPI_FADT_FLAG_RESET_SUPPORTED (1u << 10)
#define ACPI_FADT_FLAG_HW_REDUCED (1u << 20)
#define ACPI_PM_TIMER_HZ 3579545
#define ACPI_PM_TIMER_MASK 0xffffff	/* the bits every PM timer has */
#define ACPI_PM1_SCI_ENABLE (1u << 0)
#define ACPI_PM1_SLEEP_ENABLE (1u << 13)
#define ACPI_PM1_SLEEP_TYPE_SHIFT 10
#define ACPI_SLEEP_TYPE_MASK 7
#define ACPI_SLEEP_CONTROL_ENABLE 0x20
#define ACPI_SLEEP_CONTROL_TYPE_SHIFT 2

/* SPCR: offsets. */
#define ACPI_SPCR_INTERFACE 36	/* u8: 0, 1 or 18 are 16550 compatible */
#define ACPI_SPCR_16550_FULL 0
#define ACPI_SPCR_16550_SUBSET 1
#define ACPI_SPCR_16550_GAS 18
#define ACPI_SPCR_BASE 40	/* acpi_gas */
#define ACPI_BIOS_EBDA_POINTER 0x40e	/* u16: segment of the extended BIOS data area */
#define ACPI_BIOS_EBDA_BYTES 1024	/* of it that may hold the RSDP */
#define ACPI_BIOS_AREA_BASE 0xe0000
#define ACPI_BIOS_AREA_BYTES 0x20000
#define ACPI_RSDP_ALIGN 16

/* DMAR */
#define ACPI_DMAR_FLAGS 37	/* u8 */
#define ACPI_DMAR_X2APIC_OPT_OUT 2

#endif
