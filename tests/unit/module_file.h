/* SPDX-License-Identifier: BSD-2-Clause */
/* A TDX module file for unit tests of tdx/: sound, with a right hash, signed by nobody. */
#ifndef TESTS_UNIT_MODULE_FILE_H
#define TESTS_UNIT_MODULE_FILE_H

#include "include/cella/types.h"

#define MODULE_FILE_PAGES 3 /* of the image */

extern u8 module_file[(MODULE_FILE_PAGES + 2) * PAGE_SIZE];

/** module_file_make() - fill module_file; SVN 1.5, for CPU 0x806f0. @version: TDX_BLOB_VERSION_... Returns its size */
u64 module_file_make(u32 version, u32 date);

#endif
