/* SPDX-License-Identifier: BSD-2-Clause */
/* Private memory of the TD: accepting it, and the map that Linux gets. */
#ifndef BOOT_TDSHIM_MEMORY_H
#define BOOT_TDSHIM_MEMORY_H

#include "boot/tdshim/handoff.h"
#include "include/spec/linux_boot.h"

/** memory_accept() - accept every range of the hand-off in 2 MiB steps; refuses whatever is not pending. Returns bytes */
u64 memory_accept(const struct handoff *handoff);
/** memory_e820() - what Linux may use; returns the number of entries, at most E820_MAX */
u32 memory_e820(const struct handoff *handoff, struct e820_entry *map);

#endif
