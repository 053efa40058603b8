/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI tables as plain structs, read once at boot. */
#ifndef ARCH_X86_ACPI_H
#define ARCH_X86_ACPI_H

#include "include/cella/memory_map.h"
#include "include/cella/types.h"
#include "include/spec/acpi.h"

#define ACPI_MAX_IOAPICS 64
#define ACPI_MAX_HOTPLUG_RANGES 64

struct acpi_memory_range {
	u64 base;	/* HPA, bytes */
	u64 bytes;
};

struct acpi_info {
	u32 core_count;	/* enabled cores, in the MADT's order, each once */
	u32 core_apic_ids[MAX_CPUS];
	u32 cores_ignored;	/* enabled cores beyond MAX_CPUS */
	u32 hotplug_core_count;	/* entries that could be enabled later */
	u32 hotplug_apic_ids[MAX_CPUS];
	u32 core_nodes[MAX_CPUS];	/* by position in core_apic_ids */
	u32 ioapic_count;
	hpa_t ioapics[ACPI_MAX_IOAPICS];
	u64 ecam_base;	/* segment 0, 0: no MCFG */
	u8 ecam_first_bus, ecam_last_bus;
	u32 hotplug_range_count;	/* SRAT: memory that may come and go, or that keeps its contents (NVDIMM) */
	struct acpi_memory_range hotplug_ranges[ACPI_MAX_HOTPLUG_RANGES];	/* the last one covers all that found no room */
	bool dmar_x2apic_opt_out;	/* firmware asks to stay in xAPIC mode */
	hpa_t dsdt;	/* 0: none */
	struct acpi_gas reset_register;	/* address 0: none */
	u8 reset_value;
	bool hw_reduced;
	struct acpi_gas sleep_control;
	u16 pm1a_control, pm1b_control;	/* ports, 0: none */
	u16 pm_timer;	/* port, 0: none */
	u16 smi_command;	/* port that takes acpi_enable, 0: ACPI is always on */
	u8 acpi_enable;
	bool s5_known;
	u8 s5_type_a, s5_type_b;
	u16 console_port;	/* SPCR, 0: none */
};

/** acpi_info() - constant after arch_acpi_init(); all zero on a machine without tables */
const struct acpi_info *acpi_info(void);
/** acpi_node_of() - NUMA node of an APIC id, 0 when unknown */
u32 acpi_node_of(u32 apic_id);
/**
 * acpi_is_hotplug_memory() - does any byte of the range lie in memory that the SRAT calls hot-pluggable or
 * non-volatile? Such memory is never the TDX module's.
 */
bool acpi_is_hotplug_memory(hpa_t start, u64 bytes);
/**
 * acpi_hotplug_cores() - cores that the MADT lets come later, in packages of which it lists no core now: sockets are
 * plugged, cores are not, and firmware also marks cores that a present package does not have. @package_of: by APIC id
 */
u32 acpi_hotplug_cores(const struct acpi_info *info, u32 (*package_of)(u32 apic_id));

/*
 * Parsers, pure but for acpi_parse_srat(), which also tells kernel/page.c the node of each memory range: @table has as
 * many readable bytes as its header says, and a right checksum. The SRAT's come after the MADT's cores.
 */
void acpi_parse_madt(const struct acpi_header *table, struct acpi_info *info);
void acpi_parse_srat(const struct acpi_header *table, struct acpi_info *info);
void acpi_parse_fadt(const struct acpi_header *table, struct acpi_info *info);
void acpi_parse_mcfg(const struct acpi_header *table, struct acpi_info *info);
void acpi_parse_spcr(const struct acpi_header *table, struct acpi_info *info);
void acpi_parse_dmar(const struct acpi_header *table, struct acpi_info *info);
/** acpi_parse_s5() - @table: the DSDT */
void acpi_parse_s5(const struct acpi_header *table, struct acpi_info *info);
/** acpi_checksum_ok() - the bytes add up to 0 */
bool acpi_checksum_ok(const void *table, u64 bytes);

#endif
