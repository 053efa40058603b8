/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI for Linux, built by the shim from constants and the number of vCPUs: no AML comes from the host. */
#ifndef BOOT_TDSHIM_ACPI_H
#define BOOT_TDSHIM_ACPI_H

#include "include/cella/tdshim.h"
#include "include/cella/types.h"

/* The shim's permanent range: tables, then the mailbox page, the loop page, page tables of the loop, the event log. */
#define ACPI_TABLES_BASE TDSHIM_NVS_BASE
#define ACPI_TABLES_BYTES 0x4000
#define MAILBOX_BASE (TDSHIM_NVS_BASE + 0x4000)
#define AP_LOOP_BASE (TDSHIM_NVS_BASE + 0x5000)
#define AP_TABLES_BASE (TDSHIM_NVS_BASE + 0x6000)	/* PML4, PDPT, four PDs */

/** acpi_build() - tables for @vcpus; measures each into RTMR0. Returns the GPA of the root pointer */
u64 acpi_build(u32 vcpus);
/** acpi_release_aps() - build mailbox, permanent loop and its page tables, and send the waiting vCPUs there */
void acpi_release_aps(u32 vcpus);

#endif
