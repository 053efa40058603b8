/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking into the running TD: mode, registers, code bytes.
 *
 * Code is found by the guest's own page tables. EFER.LME of a TD is always 1, so it runs either without paging or with
 * 4-level or 5-level paging; there is no 32-bit or PAE paging to know. Permissions are not checked: the CPU has just
 * fetched the instruction. Both tables and code must be private: hardware refuses to execute from shared memory.
 * Called on the core that runs the TD, its VMCS current. Manual: SDM volume 3, "4-Level Paging and 5-Level Paging".
 */
#include "tests/tdxemu/td_guest.h"

#include "include/spec/x86/cr.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/sept.h"
#include "tests/tdxemu/vmx.h"

#define PTE_PRESENT BIT(0)
#define PTE_LARGE BIT(7)
#define PTE_ADDRESS_MASK 0x000ffffffffff000ull
#define TABLE_INDEX_MASK 0x1ffu
#define TABLE_INDEX_BITS 9
#define LEVELS 4u
#define LEVELS_LA57 5u
#define MAX_LARGE_LEVEL 2u	/* 1 GiB; level 0 is the 4 KiB page */
#define CR3_ADDRESS_MASK 0x000ffffffffff000ull
#define ADDRESS_32BIT 0xffffffffu

u32 td_guest_cpl(void)
{
	return ((u32)vmread(VMCS_GUEST_SS_ACCESS) & VMX_ACCESS_DPL_MASK) >> VMX_ACCESS_DPL_SHIFT;
}

bool td_guest_in_64bit_code(void)
{
	return (vmread(VMCS_GUEST_IA32_EFER) & EFER_LMA) != 0 && (vmread(VMCS_GUEST_CS_ACCESS) & VMX_ACCESS_LONG) != 0;
}

u64 td_guest_gpr(const struct td_run *run, u32 number)
{
	return number == GPR_RSP ? vmread(VMCS_GUEST_RSP) : run->gpr[number];
}

/* Pointer to private memory at @gpa. */
static enum td_fetch private_memory(struct td_run *run, u64 gpa, void **pointer)
{
	u64 hpa;

	if (!gpa_is_private(run->tdcs, gpa))
		return TD_FETCH_SHARED;
	hpa = sept_translate(run->tdr, gpa);
	*pointer = phys(hpa);
	return hpa != 0 ? TD_FETCH_DONE : TD_FETCH_GONE;
}

static enum td_fetch translate(struct td_run *run, u64 linear, u64 *gpa)
{
	u32 level = (vmread(VMCS_GUEST_CR4) & CR4_LA57) != 0 ? LEVELS_LA57 : LEVELS;
	u64 table = vmread(VMCS_GUEST_CR3) & CR3_ADDRESS_MASK;

	if ((vmread(VMCS_GUEST_CR0) & CR0_PG) == 0) {
		*gpa = linear & ADDRESS_32BIT;
		return TD_FETCH_DONE;
	}
	while (level-- > 0) {
		u32 shift = PAGE_SHIFT + TABLE_INDEX_BITS * level;
		u64 offset_mask = BIT(shift) - 1;
		void *entry_at;
		u64 entry;
		enum td_fetch result =
			private_memory(run, table + ((linear >> shift) & TABLE_INDEX_MASK) * sizeof(u64), &entry_at);

		if (result != TD_FETCH_DONE)
			return result;
		entry = __atomic_load_n((u64 *)entry_at, __ATOMIC_RELAXED);
		if ((entry & PTE_PRESENT) == 0)
			return TD_FETCH_GONE;
		table = entry & PTE_ADDRESS_MASK;
		if (level == 0 || (level <= MAX_LARGE_LEVEL && (entry & PTE_LARGE) != 0)) {
			*gpa = (table & ~offset_mask) | (linear & offset_mask);
			return TD_FETCH_DONE;
		}
	}
	return TD_FETCH_GONE;
}

enum td_fetch td_guest_fetch(struct td_run *run, u8 *to, u32 bytes)
{
	bool wide = td_guest_in_64bit_code();
	u64 linear = vmread(VMCS_GUEST_RIP) + (wide ? 0 : vmread(VMCS_GUEST_CS_BASE));

	for (u32 i = 0; i < bytes; i++) {
		u64 address = wide ? linear + i : (linear + i) & ADDRESS_32BIT;
		enum td_fetch result;
		void *code;
		u64 gpa;

		result = translate(run, address, &gpa);
		if (result == TD_FETCH_DONE)
			result = private_memory(run, gpa, &code);
		if (result != TD_FETCH_DONE)
			return result;
		to[i] = *(const u8 *)code;
	}
	return TD_FETCH_DONE;
}
