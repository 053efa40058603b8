/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a PC's BIOS leaves in low memory and answers by software interrupt. Usable from C and assembly.
 * Sources: IBM PC AT Technical Reference, "ROM BIOS Data Area"; ACPI, "INT 15H, E820H - Query System Address Map";
 * BIOS Boot Specification, "INT 19h".
 */
#ifndef SPEC_BIOS_H
#define SPEC_BIOS_H

#define BIOS_INT_DISK 0x13
#define BIOS_INT_SYSTEM 0x15
#define BIOS_VECTOR_BYTES 4	/* interrupt vector table at 0: offset, segment */

#define BIOS_DATA_MEMORY_KIB 0x413	/* u16: conventional memory, what INT 12h answers */
#define BIOS_BOOT_SECTOR 0x7c00	/* where sector 0 of the boot drive goes */
#define BIOS_BOOT_SIGNATURE_OFFSET 0x1fe
#define BIOS_BOOT_SIGNATURE 0xaa55
#define BIOS_FIRST_FLOPPY 0x00
#define BIOS_FIRST_HARD_DISK 0x80

#define BIOS_DISK_READ_ONE_SECTOR 0x0201	/* AX; CX cylinder and sector, DH head, DL drive, ES:BX buffer */
#define BIOS_DISK_CYLINDER_0_SECTOR_1 0x0001

#define BIOS_SYSTEM_MEMORY_MAP 0xe820	/* AX; EBX continuation, EDX signature, ECX bytes at ES:DI */
#define BIOS_SYSTEM_MEMORY_SIZES 0xe801	/* AX, CX: KiB from 1 to 16 MiB; BX, DX: 64 KiB blocks from there on */
#define BIOS_SYSTEM_MEMORY_SIZES_32 0xe881	/* the same in 32-bit registers */
#define BIOS_SYSTEM_EXTENDED_KIB 0x88	/* AH; AX: KiB above 1 MiB */
#define BIOS_SYSTEM_EXTENDED_KIB_MAX 0xffc0
#define BIOS_MEMORY_MAP_SIGNATURE 0x534d4150	/* "SMAP" */
#define BIOS_UNSUPPORTED 0x86	/* AH, with CF */
#define BIOS_MEMORY_ENTRY_BYTES 20

#ifndef __ASSEMBLER__
#include "include/cella/types.h"

struct bios_memory_entry {
	u64 base, bytes;
	u32 type;
} __packed;
_Static_assert(sizeof(struct bios_memory_entry) == BIOS_MEMORY_ENTRY_BYTES, "E820 entry without attributes");
#endif

#endif
