/* SPDX-License-Identifier: BSD-2-Clause */
/* TDH.MEM.*: registers become named values here. See tdh_mem.h; order of the leaf numbers. */
#include "tdx/tdh_mem.h"

#include "tdx/seamcall.h"

static u64 gpa_and_level(gpa_t gpa, enum tdx_level level)
{
	return gpa.raw | level;
}

static struct sept_entry_info entry_info(const struct seamcall_regs *regs)
{
	return (struct sept_entry_info){
		.entry = regs->rcx,
		.level = (enum tdx_level)(regs->rdx & SEPT_INFO_LEVEL_MASK),
		.state = (enum sept_state)((regs->rdx & SEPT_INFO_STATE_MASK) >> SEPT_INFO_STATE_SHIFT),
	};
}

/** Calls a leaf that gives a page or table back: @removed is written on success, @entry on refusal. */
static tdx_status_t remove_leaf(u64 leaf, hpa_t tdr, gpa_t gpa, enum tdx_level level, hpa_t *removed,
				struct sept_entry_info *entry)
{
	struct seamcall_regs regs = { .rcx = gpa_and_level(gpa, level), .rdx = tdr.raw };
	tdx_status_t status = seamcall(leaf, &regs);

	if (tdx_succeeded(status))
		*removed = HPA(regs.rcx & EPT_ADDRESS_MASK);	/* above it a hint about the dynamic PAMT */
	else
		*entry = entry_info(&regs);
	return status;
}

/** Calls a leaf that reports on the entry it met, success or not. */
static tdx_status_t sept_leaf(u64 leaf, struct seamcall_regs *regs, struct sept_entry_info *entry)
{
	tdx_status_t status = seamcall(leaf, regs);

	*entry = entry_info(regs);
	return status;
}

tdx_status_t tdh_mem_page_add(hpa_t tdr, gpa_t gpa, hpa_t target, hpa_t source, struct sept_entry_info *entry)
{
	struct seamcall_regs regs = {
		.rcx = gpa_and_level(gpa, TDX_LEVEL_4K), .rdx = tdr.raw, .r8 = target.raw, .r9 = source.raw,
	};

	return sept_leaf(TDH_MEM_PAGE_ADD, &regs, entry);
}

tdx_status_t tdh_mem_sept_add(hpa_t tdr, gpa_t gpa, enum tdx_level level, hpa_t table, struct sept_entry_info *entry)
{
	struct seamcall_regs regs = { .rcx = gpa_and_level(gpa, level), .rdx = tdr.raw, .r8 = table.raw };

	return sept_leaf(TDH_MEM_SEPT_ADD, &regs, entry);
}

tdx_status_t tdh_mem_page_aug(hpa_t tdr, gpa_t gpa, enum tdx_level level, hpa_t page, struct sept_entry_info *entry)
{
	struct seamcall_regs regs = { .rcx = gpa_and_level(gpa, level), .rdx = tdr.raw, .r8 = page.raw };

	return sept_leaf(TDH_MEM_PAGE_AUG, &regs, entry);
}

tdx_status_t tdh_mem_range_block(hpa_t tdr, gpa_t gpa, enum tdx_level level, struct sept_entry_info *entry)
{
	struct seamcall_regs regs = { .rcx = gpa_and_level(gpa, level), .rdx = tdr.raw };

	return sept_leaf(TDH_MEM_RANGE_BLOCK, &regs, entry);
}

tdx_status_t tdh_mem_page_demote(hpa_t tdr, gpa_t gpa, enum tdx_level level, hpa_t table, const hpa_t pair[2],
				 struct sept_entry_info *entry)
{
	struct seamcall_regs regs = {
		.rcx = gpa_and_level(gpa, level), .rdx = tdr.raw, .r8 = table.raw,
		/* no tables of L2 VMs */
		.r9 = SEPT_NULL_PAGE, .r10 = SEPT_NULL_PAGE, .r11 = SEPT_NULL_PAGE,
		.r12 = pair[0].raw, .r13 = pair[1].raw,
	};

	return sept_leaf(TDH_MEM_PAGE_DEMOTE, &regs, entry);
}

tdx_status_t tdh_mem_page_remove(hpa_t tdr, gpa_t gpa, enum tdx_level level, hpa_t *page, struct sept_entry_info *entry)
{
	return remove_leaf(TDH_MEM_PAGE_REMOVE, tdr, gpa, level, page, entry);
}

tdx_status_t tdh_mem_sept_remove(hpa_t tdr, gpa_t gpa, enum tdx_level level, hpa_t *table,
				 struct sept_entry_info *entry)
{
	return remove_leaf(TDH_MEM_SEPT_REMOVE, tdr, gpa, level, table, entry);
}

tdx_status_t tdh_mem_track(hpa_t tdr)
{
	return seamcall(TDH_MEM_TRACK, &(struct seamcall_regs){ .rcx = tdr.raw });
}
