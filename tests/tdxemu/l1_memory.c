/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's memory as its instructions see it: linear addresses through its own page tables. Needed for the bytes of
 * an instruction that exited and for the memory operands of VMX instructions.
 * 4- and 5-level and PAE tables are walked. Legacy 32-bit tables are not: nothing we emulate is executed under them,
 * and their #UDs are reflected unread.
 * Callers: exit handlers, on the core, with the host's VMCS current.
 * Manual: SDM volume 3, "Paging".
 */
#include "tests/tdxemu/l1.h"

#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "include/spec/x86/vmcs.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/host_view.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/vmx.h"

#define ENTRY_PRESENT BIT(0)
#define ENTRY_LARGE BIT(7)
#define ENTRY_ADDRESS_MASK 0x000ffffffffff000ull
#define INDEX_BITS 9
#define INDEX_MASK 0x1ffull
#define LEVEL_2M 2
#define LEVEL_1G 3
#define PAE_TOP_ALIGN 32

u32 l1_cpl(void)
{
	return (u32)(vmread(VMCS_GUEST_SS_ACCESS) & VMX_ACCESS_DPL_MASK) >> VMX_ACCESS_DPL_SHIFT;
}

bool l1_in_64bit_code(void)
{
	return (vmread(VMCS_GUEST_IA32_EFER) & EFER_LMA) != 0 && (vmread(VMCS_GUEST_CS_ACCESS) & VMX_ACCESS_LONG) != 0;
}

static bool read_entry(u64 hpa, u64 *entry)
{
	if (!host_view_is_shared(ALIGN_DOWN(hpa, PAGE_SIZE), PAGE_SIZE))
		return false;
	*entry = *(const u64 *)phys(hpa);
	return true;
}

static bool walk(u64 table, u32 levels, u64 linear, u64 *gpa)
{
	for (u32 level = levels; level > 0; level--) {
		u32 shift = PAGE_SHIFT + INDEX_BITS * (level - 1);
		u64 entry;

		if (!read_entry(table + ((linear >> shift) & INDEX_MASK) * sizeof(entry), &entry) ||
		    (entry & ENTRY_PRESENT) == 0)
			return false;
		if (level == 1 || ((level == LEVEL_2M || level == LEVEL_1G) && (entry & ENTRY_LARGE) != 0)) {
			u64 offset_mask = BIT(shift) - 1;

			*gpa = (entry & ENTRY_ADDRESS_MASK & ~offset_mask) | (linear & offset_mask);
			return true;
		}
		table = entry & ENTRY_ADDRESS_MASK;
	}
	return false;
}

bool l1_translate(u64 linear, u64 *gpa)
{
	u64 cr4 = vmread(VMCS_GUEST_CR4);
	u64 cr3 = vmread(VMCS_GUEST_CR3);

	if ((vmread(VMCS_GUEST_CR0) & CR0_PG) == 0) {
		*gpa = linear & 0xffffffffu;
		return true;
	}
	if (vmread(VMCS_GUEST_IA32_EFER) & EFER_LMA)
		return walk(cr3 & ENTRY_ADDRESS_MASK, (cr4 & CR4_LA57) != 0 ? 5 : 4, linear, gpa);
	if (cr4 & CR4_PAE)
		return walk(ALIGN_DOWN(cr3 & 0xffffffffu, PAE_TOP_ALIGN), 3, linear & 0xffffffffu, gpa);
	return false;
}

u32 l1_fetch(u8 *to, u32 bytes)
{
	u64 linear = vmread(VMCS_GUEST_RIP);
	u32 done = 0;

	if (!l1_in_64bit_code())
		linear = (linear + vmread(VMCS_GUEST_CS_BASE)) & 0xffffffffu;
	while (done < bytes) {
		u32 piece = (u32)MIN(bytes - done, PAGE_SIZE - ((linear + done) & (PAGE_SIZE - 1)));
		u64 gpa;

		if (!l1_translate(linear + done, &gpa) || !host_view_is_shared(ALIGN_DOWN(gpa, PAGE_SIZE), PAGE_SIZE))
			break;
		memcpy(to + done, phys(gpa), piece);
		done += piece;
	}
	return done;
}

/* An 8-byte operand; one that crosses a page is refused like an unmapped one (VMX operands are aligned in practice). */
static u64 *operand(u64 linear)
{
	u64 gpa;

	if (ALIGN_DOWN(linear, PAGE_SIZE) != ALIGN_DOWN(linear + 7, PAGE_SIZE) || !l1_translate(linear, &gpa) ||
	    !host_view_is_shared(ALIGN_DOWN(gpa, PAGE_SIZE), PAGE_SIZE))
		return NULL;
	return phys(gpa);
}

bool l1_read_u64(u64 linear, u64 *value)
{
	const u64 *at = operand(linear);

	if (at == NULL)
		return false;
	memcpy(value, at, sizeof(*value));
	return true;
}

bool l1_write_u64(u64 linear, u64 value)
{
	u64 *at = operand(linear);

	if (at == NULL)
		return false;
	memcpy(at, &value, sizeof(value));
	return true;
}
