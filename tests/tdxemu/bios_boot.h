/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * boot=hd0: instead of loading a host, the firmware's boot path runs once more, above us, from the named drive.
 * The layout of the page that stays in the host's low memory is shared with bios_stub.S.
 */
#ifndef TDXEMU_BIOS_BOOT_H
#define TDXEMU_BIOS_BOOT_H

#define BIOS_STUB_BYTES 2048
#define BIOS_STUB_MAX_RANGES 64
/* Offsets of struct bios_stub's members; the code follows. */
#define BIOS_STUB_OLD_INT15 0
#define BIOS_STUB_DRIVE 4
#define BIOS_STUB_RANGE_COUNT 6
#define BIOS_STUB_KIB_TO_16M 8
#define BIOS_STUB_64KIB_ABOVE_16M 10
#define BIOS_STUB_EXTENDED_KIB 12
#define BIOS_STUB_RANGES 16
#define BIOS_STUB_CODE (BIOS_STUB_RANGES + BIOS_STUB_MAX_RANGES * BIOS_MEMORY_ENTRY_BYTES)

#ifndef __ASSEMBLER__
#include "include/cella/types.h"
#include "tests/tdxemu/cpu.h"

/** bios_boot_wanted() - does @cmdline name a drive to boot from? A word that names none stops the machine */
bool bios_boot_wanted(const char *cmdline);
/**
 * bios_boot_enter() - hide what is ours from the firmware's answers, then guest state of @cpu at the boot path's start
 * Boot core, host's VMCS current, all other cores waiting for SIPI. After bios_boot_wanted() said yes.
 */
void bios_boot_enter(struct emu_cpu *cpu);
#endif

#endif
