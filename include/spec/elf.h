/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF64 as far as loading a program needs it. System V ABI, "ELF Header", "Program Header". */
#ifndef SPEC_ELF_H
#define SPEC_ELF_H

#include "include/cella/types.h"

#define ELF_MAGIC 0x464c457fu	/* 7f 'E' 'L' 'F' */
#define ELF_CLASS_64 2
#define ELF_DATA_LITTLE 1
#define ELF_TYPE_EXECUTABLE 2
#define ELF_MACHINE_X86_64 62
#define ELF_SEGMENT_LOAD 1

struct elf64_header {
	u32 magic;
	u8 class_bits, data, ident_version, os_abi, abi_version, pad[7];
	u16 type, machine;
	u32 version;
	u64 entry;
	u64 program_offset, section_offset;
	u32 flags;
	u16 header_bytes, program_entry_bytes, program_count, section_entry_bytes, section_count, section_names;
};
_Static_assert(sizeof(struct elf64_header) == 64, "ELF64 header is 64 bytes");

struct elf64_segment {
	u32 type, flags;
	u64 offset;	/* in the file */
	u64 virtual_address, physical_address;
	u64 file_bytes, memory_bytes;
	u64 align;
};
_Static_assert(sizeof(struct elf64_segment) == 56, "ELF64 program header is 56 bytes");

#endif
