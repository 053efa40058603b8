/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/module_file.h"

#include <string.h>

#include "include/spec/tdx/seamldr.h"
#include "kernel/lib/sha384.h"

u8 module_file[(MODULE_FILE_PAGES + 2) * PAGE_SIZE] __aligned(PAGE_SIZE);

static void put(u32 at, u64 value, u32 bytes)
{
	memcpy(module_file + at, &value, bytes);
}

static u32 to_bcd(u32 value)
{
	u32 bcd = 0;

	for (u32 shift = 0; shift < 32; shift += 4, value /= 10)
		bcd |= value % 10 << shift;
	return bcd;
}

static void make_sigstruct(u32 date)
{
	u32 at = PAGE_SIZE;

	put(at + SEAM_SIGSTRUCT_DATE, to_bcd(date), 4);
	put(at + SEAM_SIGSTRUCT_SVN_MINOR, 5, 1);
	put(at + SEAM_SIGSTRUCT_SVN_MAJOR, 1, 1);
	put(at + SEAM_SIGSTRUCT_CPU_COUNT, 1, 4);
	put(at + SEAM_SIGSTRUCT_CPUS, 0x806f0, 4);
	sha384_of(module_file + 2 * PAGE_SIZE, MODULE_FILE_PAGES * PAGE_SIZE,
		  module_file + at + SEAM_SIGSTRUCT_SEAMHASH);
}

u64 module_file_make(u32 version, u32 date)
{
	u16 sum = 0;

	memset(module_file, 0, sizeof(module_file));
	put(0, version, 2);
	memcpy(module_file + (version == TDX_BLOB_VERSION_1 ? 8 : 4), TDX_BLOB_SIGNATURE, 8);
	if (version == TDX_BLOB_VERSION_1) {
		put(4, 2 * PAGE_SIZE, 4);
		put(16, sizeof(module_file), 4);
	} else {
		put(12, 1, 4);
		put(16, MODULE_FILE_PAGES, 4);
	}
	memset(module_file + 2 * PAGE_SIZE, 0x5a, MODULE_FILE_PAGES * PAGE_SIZE);
	make_sigstruct(date);
	for (u32 at = 0; at < sizeof(module_file); at += 2)
		sum = (u16)(sum + (module_file[at] | module_file[at + 1] << 8));
	put(2, (u16)-sum, 2);
	return sizeof(module_file);
}
