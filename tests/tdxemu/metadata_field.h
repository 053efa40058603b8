/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of a metadata field id and the rules all three scopes share. */
#ifndef TDXEMU_METADATA_FIELD_H
#define TDXEMU_METADATA_FIELD_H

#include "include/spec/tdx/metadata.h"
#include "tests/tdxemu/metadata.h"

#define MD_ALL 0xffffffffffffffffull
#define MD_NOT_FOUND 0xffffffffu

/* Class and code: all that a look-up compares. */
#define MD_KEY(id) ((id) & (TDX_MD_CLASS_MASK | TDX_MD_CODE_MASK))

static inline bool md_is_first_query(u64 field)
{
	return (field | 7ull << TDX_MD_CONTEXT_SHIFT) == TDX_MD_FIRST_FIELD;
}

static inline bool md_is_malformed(u64 field)
{
	return (field & TDX_MD_MUST_BE_ZERO) != 0;
}

/** md_element() - number of @field's element in an array of @count elements from @base on; MD_NOT_FOUND: not in it */
static inline u32 md_element(u64 base, u32 count, u64 field)
{
	u64 distance = MD_KEY(field) - MD_KEY(base);

	return distance < count ? (u32)distance : MD_NOT_FOUND;
}

/**
 * md_merge() - the general write rules (tdx-host-td.md 11.1)
 * @writable: the writer's bits of the field. @merged: what the field becomes. NOT_WRITABLE, VALUE_NOT_VALID
 */
u64 md_merge(u64 old, u64 value, u64 mask, u64 writable, u64 *merged);

#endif
