/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI tables for the host where platform words ask for others than the firmware's. */
#ifndef TDXEMU_ACPI_TABLES_H
#define TDXEMU_ACPI_TABLES_H

#include "include/cella/types.h"
#include "include/spec/acpi.h"

/** acpi_tables_bytes() - room that acpi_tables_build() needs, 0 if the firmware's tables are right as they are */
u64 acpi_tables_bytes(const void *rsdp);
/**
 * acpi_tables_build() - tables at @hpa, in memory the host can read and does not own
 * Everything @rsdp leads to, with MADT, SRAT and DMAR changed or added. Returns the new root pointer, which is there too.
 */
const struct acpi_rsdp *acpi_tables_build(u64 hpa, const void *rsdp);

#endif
