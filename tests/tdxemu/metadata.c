/* SPDX-License-Identifier: BSD-2-Clause */
/* Metadata: the write rules that TD and vCPU scope share. Manual: tdx-host-td.md 11.1 ("Write rules, in order"). */
#include "tests/tdxemu/metadata_field.h"

#include "include/spec/tdx/status.h"

u64 md_merge(u64 old, u64 value, u64 mask, u64 writable, u64 *merged)
{
	if ((writable & mask) == 0)
		return TDX_METADATA_FIELD_NOT_WRITABLE;
	if (((old ^ value) & mask & ~writable) != 0)
		return TDX_METADATA_FIELD_VALUE_NOT_VALID;
	*merged = (old & ~(mask & writable)) | (value & mask & writable);
	return TDX_SUCCESS;
}
