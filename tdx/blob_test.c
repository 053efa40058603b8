/* SPDX-License-Identifier: BSD-2-Clause */
#include "tdx/blob.h"

#include <string.h>

#include "include/cella/errno.h"
#include "include/spec/tdx/seamldr.h"
#include "tests/unit/module_file.h"
#include "tests/unit/test.h"

static struct tdx_blob blob;
static const char *fault;

static int parse(u64 bytes)
{
	fault = NULL;
	return blob_parse(module_file, bytes, &blob, &fault);
}

TEST(blob_of_both_header_versions_is_read)
{
	CHECK_EQ(parse(module_file_make(TDX_BLOB_VERSION_1, 20260101)), 0);
	CHECK_EQ(blob.image_pages, MODULE_FILE_PAGES);
	CHECK(blob.image == module_file + 2 * PAGE_SIZE);
	CHECK(blob.sigstruct == module_file + PAGE_SIZE);
	CHECK_EQ(blob.date, 20260101);
	CHECK_EQ(blob.svn_major, 1);
	CHECK_EQ(blob.svn_minor, 5);
	CHECK_EQ(parse(module_file_make(TDX_BLOB_VERSION_2, 20251231)), 0);
	CHECK_EQ(blob.image_pages, MODULE_FILE_PAGES);
	CHECK_EQ(blob.date, 20251231);
	CHECK(blob_hash_fits(&blob));
	CHECK(blob_fits_cpu(&blob, 0x806f4)); /* the stepping does not matter */
	CHECK(!blob_fits_cpu(&blob, 0xc06f2));
	module_file[2 * PAGE_SIZE]++;
	CHECK(!blob_hash_fits(&blob));
}

TEST(blob_faults_have_a_sentence_each)
{
	static const struct {
		u32 version, at;
		u8 value;
		const char *fault;
	} faults[] = {
		{ TDX_BLOB_VERSION_1, 1, 7, "begin like" }, /* version */
		{ TDX_BLOB_VERSION_1, 8, 'X', "begin like" }, /* "TDX-BLOB" */
		{ TDX_BLOB_VERSION_2, 4, 'X', "begin like" },
		{ TDX_BLOB_VERSION_1, 17, 0xff, "another size" }, /* total_bytes */
		{ TDX_BLOB_VERSION_1, 4, 1, "page of the file" }, /* module_offset */
		{ TDX_BLOB_VERSION_1, 7, 1, "page of the file" },
		{ TDX_BLOB_VERSION_1, 5, 0x30, "one page with the signature" },
		{ TDX_BLOB_VERSION_2, 12, 2, "another number of pages" }, /* sigstruct_pages */
		{ TDX_BLOB_VERSION_2, 16, 99, "another number of pages" }, /* module_pages */
		{ TDX_BLOB_VERSION_1, 2, 1, "checksum" },
		{ TDX_BLOB_VERSION_1, 100, 1, "checksum" },
	};

	for (u32 i = 0; i < ARRAY_SIZE(faults); i++) {
		u64 bytes = module_file_make(faults[i].version, 20260101);

		module_file[faults[i].at] ^= faults[i].value;
		CHECK_EQ(parse(bytes), -EINVAL);
		CHECK(fault && strstr(fault, faults[i].fault));
	}
	CHECK_EQ(parse(module_file_make(TDX_BLOB_VERSION_2, 20260101) - PAGE_SIZE), -EINVAL);
	CHECK_EQ(parse(100), -EINVAL);
	CHECK_EQ(parse(2 * PAGE_SIZE), -EINVAL);
	CHECK(strstr(fault, "size"));
	CHECK_EQ(blob_parse(module_file + 16, 5 * PAGE_SIZE, &blob, &fault), -EINVAL);
	CHECK(strstr(fault, "page boundary"));
}
