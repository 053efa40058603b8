/* SPDX-License-Identifier: BSD-2-Clause */
/* The file that a TDX module comes in: a header page, a page with its SEAM_SIGSTRUCT, the pages of its image. */
#ifndef TDX_BLOB_H
#define TDX_BLOB_H

#include "include/cella/types.h"

struct tdx_blob {
	const u8 *sigstruct; /* 4 KiB aligned, in the direct map, like the image */
	const u8 *image;
	u32 image_pages;
	u32 date; /* yyyymmdd, binary */
	u8 svn_minor, svn_major;
	u16 module_hv, min_update_hv; /* hand-off versions: what it writes, the oldest it takes */
};

/**
 * blob_parse() - check a module file of either header version completely
 * @file: page aligned. @fault: the sentence why it is none. -EINVAL, *@blob is not written then. Signature, hash and
 * CPU list are the loader's business. Pure
 */
int __must_check blob_parse(const void *file, u64 bytes, struct tdx_blob *blob, const char **fault);
/** blob_hash_fits() - is the image the one that was signed? blob_fits_cpu() - made for CPUs with this CPUID.1:EAX? */
bool blob_hash_fits(const struct tdx_blob *blob);
bool blob_fits_cpu(const struct tdx_blob *blob, u32 signature);

#endif
