/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot loader information: tags to struct boot_info, once. */
#ifndef BOOT_MULTIBOOT2_H
#define BOOT_MULTIBOOT2_H

#include "include/cella/boot_info.h"

/**
 * multiboot2_parse() - check and copy all tags; pure
 * @info: the information as the boot loader left it, @limit bytes readable at most
 * NULL when it is complete, otherwise one sentence why Cella cannot start from it.
 */
const char *multiboot2_parse(const void *info, u64 limit, struct boot_info *boot);

#endif
