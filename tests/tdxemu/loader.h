/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads the host: the first GRUB module, an ELF64 multiboot2 kernel. */
#ifndef TDXEMU_LOADER_H
#define TDXEMU_LOADER_H

#include "include/cella/types.h"

struct loaded_host {
	u32 entry;	/* HPA of its first instruction, 32-bit protected mode */
	u32 information;	/* HPA of its multiboot2 information */
};

/**
 * loader_load_host() - place modules, host and information in memory; our range is free of modules afterwards
 * Boot core, after boot_tags_read(), before emu_pages() is used. What is wrong with the host stops the machine by a
 * sentence.
 */
struct loaded_host loader_load_host(void);

#endif
