/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module file, checked before anything is asked of P-SEAMLDR, which only says "bad parameter". The file lies where the
 * boot loader put it and is installed from there.
 *
 * Pure functions, any context. Manual: P-SEAMLDR Interface Specification, "SEAM_SIGSTRUCT"; TDX module loader, "TDX
 * module blob".
 */
#include "tdx/blob.h"

#include "include/cella/errno.h"
#include "include/spec/tdx/seamldr.h"
#include "kernel/lib/sha384.h"
#include "kernel/lib/string.h"

enum {
	SIGSTRUCT_PAGES = 1, /* what SEAMLDR_PARAMS can name */
	CPUS_MOST = 255,
	CPU_STEPPING = 0xf,
};

static u32 read_u32(const u8 *from)
{
	u32 value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static u16 read_u16(const u8 *from)
{
	u16 value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static u16 sum_of_words(const u8 *file, u64 bytes)
{
	u32 sum = 0;

	for (u64 at = 0; at < bytes; at += sizeof(u16))
		sum += read_u16(file + at);
	return (u16)sum;
}

/* Binary-coded decimal, as SEAM_SIGSTRUCT has its date. */
static u32 from_bcd(u32 bcd)
{
	u32 value = 0;

	for (u32 shift = 32; shift; shift -= 4)
		value = value * 10 + (bcd >> (shift - 4) & 0xf);
	return value;
}

/* NULL: the container is sound, and the image begins @image_at and has @pages. */
static const char *read_header(const u8 *file, u64 bytes, u64 *image_at, u64 *pages)
{
	const struct tdx_blob_v1 *v1 = (const void *)file;
	const struct tdx_blob_v2 *v2 = (const void *)file;
	u64 signature_pages;

	if (bytes < TDX_BLOB_HEADER_BYTES + 2 * PAGE_SIZE || !IS_ALIGNED(bytes, PAGE_SIZE))
		return "its size is not that of a header, a signature page and whole pages of a module";
	if (v1->version == TDX_BLOB_VERSION_1 && !memcmp(v1->signature, TDX_BLOB_SIGNATURE, sizeof(v1->signature))) {
		if (v1->total_bytes != bytes)
			return "its header tells another size than the file has";
		if (v1->module_offset >= bytes || !IS_ALIGNED(v1->module_offset, PAGE_SIZE))
			return "the module in it does not begin at a page of the file";
		signature_pages = v1->module_offset / PAGE_SIZE - 1;
		*pages = (bytes - v1->module_offset) / PAGE_SIZE;
	} else if (v2->version == TDX_BLOB_VERSION_2 &&
		   !memcmp(v2->signature, TDX_BLOB_SIGNATURE, sizeof(v2->signature))) {
		signature_pages = v2->sigstruct_pages;
		*pages = v2->module_pages;
		if (TDX_BLOB_HEADER_BYTES + (signature_pages + *pages) * PAGE_SIZE != bytes)
			return "its header tells another number of pages than the file has";
	} else {
		return "it does not begin like a TDX module file of version 0x100 or 0x200";
	}
	if (signature_pages != SIGSTRUCT_PAGES)
		return "it must have one page with the signature structure";
	if (!*pages || *pages > SEAMLDR_MAX_MODULE_PAGES)
		return "the module in it must have 1 to 496 pages";
	*image_at = TDX_BLOB_HEADER_BYTES + SIGSTRUCT_PAGES * PAGE_SIZE;
	return NULL;
}

int blob_parse(const void *file, u64 bytes, struct tdx_blob *blob, const char **fault)
{
	const u8 *at = file;
	const u8 *sigstruct = at + TDX_BLOB_HEADER_BYTES;
	u64 image_at, pages;

	*fault = IS_ALIGNED((u64)file, PAGE_SIZE) ? read_header(file, bytes, &image_at, &pages)
						  : "the boot loader did not put it at a page boundary";
	if (!*fault && sum_of_words(file, bytes))
		*fault = "its checksum is wrong: the file is damaged";
	if (!*fault && read_u32(sigstruct + SEAM_SIGSTRUCT_CPU_COUNT) > CPUS_MOST)
		*fault = "its signature structure lists more than 255 CPUs";
	if (*fault)
		return -EINVAL;
	*blob = (struct tdx_blob){
		.sigstruct = sigstruct,
		.image = at + image_at,
		.image_pages = (u32)pages,
		.date = from_bcd(read_u32(sigstruct + SEAM_SIGSTRUCT_DATE)),
		.svn_minor = sigstruct[SEAM_SIGSTRUCT_SVN_MINOR],
		.svn_major = sigstruct[SEAM_SIGSTRUCT_SVN_MAJOR],
		.module_hv = read_u16(sigstruct + SEAM_SIGSTRUCT_MODULE_HV),
		.min_update_hv = read_u16(sigstruct + SEAM_SIGSTRUCT_MIN_UPDATE_HV),
	};
	return 0;
}

bool blob_hash_fits(const struct tdx_blob *blob)
{
	struct sha384 hash;
	u8 digest[SHA384_BYTES];

	sha384_start(&hash);
	sha384_add(&hash, blob->image, (u64)blob->image_pages * PAGE_SIZE);
	sha384_finish(&hash, digest);
	return !memcmp(digest, blob->sigstruct + SEAM_SIGSTRUCT_SEAMHASH, sizeof(digest));
}

bool blob_fits_cpu(const struct tdx_blob *blob, u32 signature)
{
	for (u32 i = 0; i < read_u32(blob->sigstruct + SEAM_SIGSTRUCT_CPU_COUNT); i++)
		if (!((read_u32(blob->sigstruct + SEAM_SIGSTRUCT_CPUS + 4 * i) ^ signature) & ~(u32)CPU_STEPPING))
			return true;
	return false;
}
