/* SPDX-License-Identifier: BSD-2-Clause */
/* The few ACPI facts the machine needs: tables by signature, the port that switches the machine off. */
#ifndef TDXEMU_ACPI_H
#define TDXEMU_ACPI_H

#include "include/spec/acpi.h"
#include "include/cella/types.h"

/** acpi_find() - first table with @signature (4 characters) whose checksum is right, or NULL. @rsdp: NULL gives NULL */
const struct acpi_header *acpi_find(const void *rsdp, const char *signature);
/** acpi_table() - the @index-th table whose checksum is right, NULL behind the last one */
const struct acpi_header *acpi_table(const void *rsdp, u32 index);
/** acpi_pm1a_control_port() - I/O port of the PM1a control register, 0 if there is none */
u16 acpi_pm1a_control_port(const void *rsdp);

#endif
