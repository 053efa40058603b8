/* SPDX-License-Identifier: BSD-2-Clause */
/* The x86 Linux boot protocol, 64-bit entry: setup header, boot_params, e820. Linux Documentation/arch/x86/boot.rst. */
#ifndef SPEC_LINUX_BOOT_H
#define SPEC_LINUX_BOOT_H

#define BZIMAGE_SETUP_SECTS 0x1f1	/* u8, 0 means 4 */
#define BZIMAGE_BOOT_FLAG 0x1fe	/* u16 */
#define BZIMAGE_BOOT_FLAG_VALUE 0xaa55
#define BZIMAGE_HEADER_LENGTH 0x201	/* u8: header ends at 0x202 + this */
#define BZIMAGE_HEADER_MAGIC 0x202	/* "HdrS" */
#define BZIMAGE_HEADER_MAGIC_VALUE 0x53726448
#define BZIMAGE_VERSION 0x206	/* u16 */
#define BZIMAGE_VERSION_MIN 0x020c
#define BZIMAGE_LOADFLAGS 0x211
#define BZIMAGE_LOADED_HIGH 1
#define BZIMAGE_INITRD_ADDR_MAX 0x22c	/* u32 */
#define BZIMAGE_KERNEL_ALIGNMENT 0x230	/* u32 */
#define BZIMAGE_RELOCATABLE 0x234	/* u8 */
#define BZIMAGE_XLOADFLAGS 0x236	/* u16 */
#define BZIMAGE_XLF_KERNEL_64 1
#define BZIMAGE_CMDLINE_SIZE 0x238	/* u32 */
#define BZIMAGE_INIT_SIZE 0x260	/* u32 */
#define BZIMAGE_HEADER_END_MIN 0x264	/* what version 2.12 has at least */
#define BZIMAGE_SECTOR 512
#define BZIMAGE_ENTRY_64 0x200	/* from the protected-mode part's start */

#define BOOT_PARAMS_BYTES 4096
#define BOOT_PARAMS_RSDP 0x070	/* u64 */
#define BOOT_PARAMS_E820_COUNT 0x1e8	/* u8 */
#define BOOT_PARAMS_HEADER 0x1f1
#define BOOT_PARAMS_VID_MODE 0x1fa	/* u16 */
#define BOOT_PARAMS_VID_MODE_NORMAL 0xffff
#define BOOT_PARAMS_LOADER_TYPE 0x210	/* u8 */
#define BOOT_PARAMS_LOADER_UNKNOWN 0xff
#define BOOT_PARAMS_INITRD 0x218	/* u32 */
#define BOOT_PARAMS_INITRD_BYTES 0x21c	/* u32 */
#define BOOT_PARAMS_CMDLINE 0x228	/* u32 */
#define BOOT_PARAMS_E820 0x2d0

#define E820_MAX 128
#define E820_RAM 1
#define E820_RESERVED 2
#define E820_ACPI 3
#define E820_NVS 4

#ifndef __ASSEMBLER__
#include "include/cella/types.h"

struct e820_entry {
	u64 start;
	u64 bytes;
	u32 type;
} __packed;
_Static_assert(sizeof(struct e820_entry) == 20, "e820 entry is 20 bytes");
#endif

#endif
