/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaves of dynamic PAMT: give a 2 MiB region the page pair that its 4K entries live in, and take it back.
 * Any core. Manual: TDX Module ABI, "TDH.PHYMEM.PAMT.ADD Leaf", "TDH.PHYMEM.PAMT.REMOVE Leaf"; tdx-host-system.md 12.2.
 */
#include "tests/tdxemu/seamcall.h"

#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/pamt_dynamic.h"
#include "tests/tdxemu/refusal.h"

#define LEVEL_MASK 7ull	/* RCX 2:0 */

/* What both leaves look at first; *@region: the one that RCX names. */
static u64 check_form(u64 rcx, u32 version, u64 *region)
{
	*region = rcx & ~LEVEL_MASK;
	if (version != 0 || !module.dynamic_pamt)
		return INVALID(RAX);
	return (rcx & LEVEL_MASK) == TDX_LEVEL_2M && hpa_is_plain(*region, PAGE_SIZE_2M) ? TDX_SUCCESS : INVALID(RCX);
}

static u64 check_page(u64 hpa, u32 operand)
{
	if (!hpa_is_plain(hpa, PAGE_SIZE))
		return TDX_OPERAND_INVALID | operand;
	return pamt_tdmr_of(hpa) != NULL ? TDX_SUCCESS : TDX_OPERAND_ADDR_RANGE_ERROR | operand;
}

/* The region's 2M entry, exclusive, if it is of @type; else @refusal, and nothing is kept. */
static u64 take_node(u64 region, enum pamt_page_type type, u64 refusal, struct pamt_ref *node)
{
	u64 status = pamt_take_any(region, TDX_OPERAND_ID_RCX, TDX_LEVEL_2M, LOCK_EXCLUSIVE, node);

	if (status != TDX_SUCCESS || (node->level == TDX_LEVEL_2M && node->entry->type == type))
		return status;
	pamt_drop(node);
	return refusal | TDX_OPERAND_ID_RCX;
}

static u64 add_pair(u64 region, const struct pamt_pair *pair, const u32 operands[2])
{
	struct pamt_ref node;
	u64 status = take_node(region, PT_NDA, TDX_HPA_RANGE_NOT_FREE, &node);

	if (status != TDX_SUCCESS)
		return status;
	status = pamt_pair_take(pair, operands, region);
	if (status == TDX_SUCCESS)
		pamt_pair_install(node.entry, pair, PAMT_PAIR_EMPTY);
	pamt_drop(&node);
	return status;
}

u64 leaf_phymem_pamt_add(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	static const u32 operands[] = { TDX_OPERAND_ID_RDX, TDX_OPERAND_ID_R8 };
	struct pamt_pair pair = { { gpr[GPR_RDX], gpr[GPR_R8] } };
	u64 region;
	u64 status = check_form(gpr[GPR_RCX], version, &region);

	(void)cpu;
	for (u32 i = 0; i < ARRAY_SIZE(operands) && status == TDX_SUCCESS; i++)
		status = check_page(pair.pages[i], operands[i]);
	return status == TDX_SUCCESS ? add_pair(region, &pair, operands) : status;
}

/* TDX_PAMT_PAGE_NOT_EMPTY with the number of the page that has an entry in use. */
static u64 check_empty(u64 region)
{
	for (u64 i = 0; i < PAMT_PAIR_FULL; i++)
		if (pamt_entry_at(region + i * PAGE_SIZE, TDX_LEVEL_4K)->type != PT_NDA)
			return TDX_PAMT_PAGE_NOT_EMPTY | (i >= PAMT_PAIR_FULL / 2 ? 1 : 0);
	return TDX_SUCCESS;
}

static u64 remove_pair(u64 region, struct pamt_pair *pair)
{
	struct pamt_ref node;
	u64 status = take_node(region, PT_PAMT, TDX_NO_PAMT_PAGE_PAIR, &node);

	if (status != TDX_SUCCESS)
		return status;
	status = check_empty(region);
	if (status == TDX_SUCCESS)
		*pair = pamt_pair_uninstall(node.entry);
	pamt_drop(&node);
	return status;
}

u64 leaf_phymem_pamt_remove(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct pamt_pair pair;
	u64 region;
	u64 status = check_form(gpr[GPR_RCX], version, &region);

	(void)cpu;
	if (status == TDX_SUCCESS)
		status = remove_pair(region, &pair);
	if (status != TDX_SUCCESS)
		return status;
	gpr[GPR_RDX] = pair.pages[0];
	gpr[GPR_R8] = pair.pages[1];
	return TDX_SUCCESS;
}
