/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules for the control registers of a TD. Pure; the exits that use them are in td_cr_exit.c.
 * Manual: TDX Module Base, "CR Handling"; tdx-guest-abi.md 7.1 to 7.3.
 */
#include "tests/tdxemu/td_cr.h"

#include "include/spec/x86/cr.h"

#define CR_HIGH_HALF 0xffffffff00000000ull
#define CR4_BIT_15 BIT(15)
#define CR4_ABOVE_UINTR 0xfffffffffc000000ull	/* 63:26 */

/* Bits of CR4 whose features the TD does not have. */
static u64 cr4_missing(u64 attributes, u64 xfam)
{
	u64 missing = CR4_KL;

	if ((xfam & TD_XFAM_PKRU) == 0)
		missing |= CR4_PKE;
	if ((xfam & TD_XFAM_CET) != TD_XFAM_CET)
		missing |= CR4_CET;
	if ((xfam & TD_XFAM_UINTR) == 0)
		missing |= CR4_UINTR;
	if ((attributes & TD_ATTR_PKS) == 0)
		missing |= CR4_PKS;
	return missing;
}

u64 td_cr0_mask(const struct cr_fixed *fixed)
{
	return CR0_PE | CR0_NE | CR0_NW | CR0_CD | (fixed->cr0_one & ~(u64)CR0_PG) | fixed->cr0_zero | CR_HIGH_HALF |
	       TD_CR0_RESERVED;
}

u64 td_cr4_mask(const struct cr_fixed *fixed, u64 attributes, u64 xfam)
{
	return fixed->cr4_one | fixed->cr4_zero | CR4_MCE | CR4_VMXE | CR4_SMXE | CR4_BIT_15 | CR4_ABOVE_UINTR |
	       cr4_missing(attributes, xfam);
}

enum cr_verdict td_cr0_check(const struct cr_fixed *fixed, u64 value, u64 cr4)
{
	u64 needed = fixed->cr0_one & ~(u64)(CR0_PE | CR0_PG);

	if ((value & needed) != needed || (value & fixed->cr0_zero) != 0)
		return CR_GP;
	if ((value & CR0_PE) == 0 && (value & CR0_PG) != 0)
		return CR_GP;
	if ((cr4 & CR4_CET) != 0 && (value & CR0_WP) == 0)
		return CR_GP;
	if ((value & CR0_PE) == 0 || (value & CR0_NE) == 0 || (value & (CR0_NW | CR0_CD)) != 0 ||
	    (value & CR_HIGH_HALF) != 0)
		return CR_VE;
	return CR_WRITE;
}

enum cr_verdict td_cr4_check(const struct cr_fixed *fixed, u64 attributes, u64 xfam, u64 value, u64 cr0)
{
	u64 needed = fixed->cr4_one & ~(u64)CR4_VMXE;

	if ((value & needed) != needed || (value & fixed->cr4_zero) != 0)
		return CR_GP;
	if ((value & cr4_missing(attributes, xfam)) != 0)
		return CR_GP;
	if ((value & CR4_CET) != 0 && (cr0 & CR0_WP) == 0)
		return CR_GP;
	return CR_VE;
}

static bool has_all(u64 value, u64 bits)
{
	return (value & bits) == bits;
}

static bool all_or_none(u64 value, u64 bits)
{
	return (value & bits) == 0 || has_all(value, bits);
}

bool td_xcr0_is_valid(u64 supported, u64 xfam, u64 value)
{
	if ((value & ~(supported & xfam & TD_XFAM_USER_MASK)) != 0 || !has_all(value, TD_XFAM_X87))
		return false;
	if (has_all(value, TD_XFAM_AVX) && !has_all(value, TD_XFAM_SSE))
		return false;
	if (!all_or_none(value, TD_XFAM_AVX512) || !all_or_none(value, TD_XFAM_AMX))
		return false;
	return !has_all(value, TD_XFAM_AVX512) || has_all(value, TD_XFAM_AVX);
}
