/* SPDX-License-Identifier: BSD-2-Clause */
/* The payload: fetched from shared memory, measured, checked, placed, started. */
#ifndef BOOT_TDSHIM_LINUX_H
#define BOOT_TDSHIM_LINUX_H

#include "boot/tdshim/handoff.h"

/** linux_load() - copy kernel, initrd and command line to private memory, measure the copies, build boot_params */
void linux_load(const struct handoff *handoff);
/** linux_start() - the jump. @rsdp: GPA of the ACPI root pointer */
__noreturn void linux_start(u64 rsdp);

#endif
