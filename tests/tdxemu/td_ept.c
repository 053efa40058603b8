/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Merging private and shared EPT roots, and walking the shared one for TDCALL operands.
 *
 * Bit 47 of a GPA chooses the half of a 4-level root, so the SHARED bit needs no other treatment (GPAW 48 only). A
 * copy can be older than the host's or the module's root: it is renewed at every entry and whenever an access fails
 * because of it. The root page is the last page of the vCPU's XSAVE buffer, which extended state does not reach
 * (xstate.c). Called on the core that runs the vCPU. Manual: TDX Module Base, "Shared EPT"; SDM volume 3, "EPT
 * Translation Mechanism".
 */
#include "tests/tdxemu/td_ept.h"

#include "include/spec/x86/vmcs.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/host_view.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/sept.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

#define ROOT_PAGE (TDVPS_PAGE_XBUFF + 2)
#define HALF_ENTRIES (EPT_ENTRIES / 2)
#define ROOT_SHIFT 39
#define LEVEL_BITS 9
#define INDEX_MASK (EPT_ENTRIES - 1u)
#define MAX_LEAF_LEVEL TDX_LEVEL_1G
#define EPT_ACCESS (EPT_READ | EPT_WRITE | EPT_EXECUTE)

void td_ept_init(struct tdvps *tdvps)
{
	tdvps->merged_root = tdvps->pages[ROOT_PAGE];
	tdvps->shared_eptp = 0;
	memset(phys(tdvps->merged_root), 0, PAGE_SIZE);
}

u64 td_ept_pointer(const struct tdvps *tdvps)
{
	return tdvps->merged_root | VMX_EPTP_WALK_4 | VMX_EPTP_MEMTYPE_WB;
}

u64 td_ept_shared_root(struct tdr *tdr, const struct tdvps *tdvps)
{
	return tdvps->shared_eptp != 0 ? tdvps->shared_eptp : tdcs_page(tdr, TDCS_PAGE_ZERO);
}

void td_ept_flush(const struct tdvps *tdvps)
{
	vmx_invept(VMX_INVEPT_SINGLE_CONTEXT, td_ept_pointer(tdvps));
}

/* Must the host's page at @hpa be left out because the host itself cannot reach it? */
static bool is_foreign(struct emu_cpu *cpu, u64 hpa, const char *what)
{
	if (host_view_is_shared(hpa, PAGE_SIZE))
		return false;
	verdict_violation(cpu, "shared-ept", "%s at 0x%lx is not memory of the host", what, hpa);
	return true;
}

static const u64 *shared_root(struct emu_cpu *cpu, struct tdr *tdr, const struct tdvps *tdvps)
{
	u64 zero = tdcs_page(tdr, TDCS_PAGE_ZERO);
	u64 root = td_ept_shared_root(tdr, tdvps);

	return phys(root == zero || is_foreign(cpu, root, "shared EPT root") ? zero : root);
}

/* What the CPU may use of the shared root's entry: nothing that leads to a foreign table. */
static u64 shared_entry(struct emu_cpu *cpu, const u64 *root, u32 index)
{
	u64 entry = __atomic_load_n(&root[index], __ATOMIC_RELAXED);

	if ((entry & EPT_ACCESS) != 0 && is_foreign(cpu, entry & EPT_ADDRESS_MASK, "shared EPT table"))
		return EPT_SUPPRESS_VE;
	return entry;
}

static u64 source_entry(struct emu_cpu *cpu, struct tdr *tdr, const struct tdvps *tdvps, u32 index)
{
	const u64 *private_root = phys(tdcs_page(tdr, TDCS_PAGE_SEPT_ROOT));

	if (index < HALF_ENTRIES)
		return sept_entry_read(&private_root[index]);
	return shared_entry(cpu, shared_root(cpu, tdr, tdvps), index);
}

void td_ept_refresh(struct emu_cpu *cpu, struct tdr *tdr, struct tdvps *tdvps)
{
	const u64 *private_root = phys(tdcs_page(tdr, TDCS_PAGE_SEPT_ROOT));
	const u64 *host_root = shared_root(cpu, tdr, tdvps);
	u64 *merged = phys(tdvps->merged_root);
	bool taken_away = false;

	for (u32 i = 0; i < EPT_ENTRIES; i++) {
		u64 raw = i < HALF_ENTRIES ? private_root[i] : host_root[i];
		u64 entry;

		/* Most entries: unchanged, and nothing behind them that the host could have given away meanwhile. */
		if (merged[i] == raw && (i < HALF_ENTRIES || (raw & EPT_ACCESS) == 0))
			continue;
		entry = i < HALF_ENTRIES ? sept_entry_read(&private_root[i]) : shared_entry(cpu, host_root, i);
		if (merged[i] == entry)
			continue;
		taken_away = taken_away || (merged[i] & EPT_ACCESS) != 0;
		merged[i] = entry;
	}
	if (taken_away)
		td_ept_flush(tdvps);
}

bool td_ept_refresh_at(struct td_run *run, u64 gpa)
{
	u32 index = (gpa >> ROOT_SHIFT) & INDEX_MASK;
	u64 *merged = phys(run->tdvps->merged_root);
	u64 entry = source_entry(run->cpu, run->tdr, run->tdvps, index);

	if (merged[index] == entry)
		return false;
	merged[index] = entry;
	td_ept_flush(run->tdvps);
	return true;
}

static enum shared_walk refusal_of(u64 entry)
{
	return (entry & EPT_SUPPRESS_VE) != 0 ? SHARED_VIOLATION : SHARED_VE;
}

enum shared_walk td_ept_walk_shared(struct td_run *run, u64 gpa, enum guest_access access, u64 *hpa)
{
	u64 wanted = access == GUEST_WRITE ? EPT_READ | EPT_WRITE : EPT_READ;
	const u64 *table = shared_root(run->cpu, run->tdr, run->tdvps);

	for (int level = TDX_LEVEL_512G; level >= TDX_LEVEL_4K; level--) {
		u32 shift = PAGE_SHIFT + LEVEL_BITS * (u32)level;
		u64 entry = __atomic_load_n(&table[(gpa >> shift) & INDEX_MASK], __ATOMIC_RELAXED);
		u64 target = entry & EPT_ADDRESS_MASK & ~(level == TDX_LEVEL_4K ? 0 : (u64)EPT_LEAF);

		if ((entry & EPT_ACCESS) == 0)
			return refusal_of(entry);
		if ((entry & EPT_READ) == 0)
			return SHARED_MISCONFIGURED;	/* write-only, or execute-only */
		if (level == TDX_LEVEL_4K || (level <= MAX_LEAF_LEVEL && (entry & EPT_LEAF) != 0)) {
			if ((entry & wanted) != wanted)
				return refusal_of(entry);
			*hpa = ((target >> shift) << shift) | (gpa & (BIT(shift) - 1));
			return is_foreign(run->cpu, ALIGN_DOWN(*hpa, PAGE_SIZE), "shared page of a TDCALL operand") ?
				       SHARED_MISCONFIGURED :
				       SHARED_MAPPED;
		}
		if (is_foreign(run->cpu, target, "shared EPT table"))
			return SHARED_MISCONFIGURED;
		table = phys(target);
	}
	return SHARED_MISCONFIGURED;
}
