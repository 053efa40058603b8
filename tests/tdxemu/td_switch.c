/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Register switch around a stay in a TD. After the stay the host finds fixed values in most of these registers, its
 * own in a few and the guest's in one: the table says which. An MSR is touched only where the CPU enumerates it.
 * Called on the core that enters or leaves. Manual: tdx-host-td.md 9.9.
 */
#include "tests/tdxemu/td_switch.h"

#include "arch/x86/insn.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "tests/tdxemu/td_cpuid.h"
#include "tests/tdxemu/vmx.h"

#define FMASK_INIT 0x20200ull
#define DEBUGCTL_SURVIVES (BIT(1) | BIT(12) | BIT(14))	/* BTF, freeze PerfMon on PMI, freeze while SMM */
#define LEAF_1_EDX_DS (1u << 21)
#define LEAF_7_EDX_SPEC_CTRL ((1u << 26) | (1u << 27) | (1u << 31))
#define LEAF_7_EDX_ARCH_CAPABILITIES (1u << 29)
#define LEAF_7_ECX_WAITPKG (1u << 5)
#define LEAF_7_EBX_TSX 0x810u
#define ARCH_CAPABILITIES_DOITM BIT(12)

enum after_exit {
	AFTER_FIXED,
	AFTER_HOST,	/* what it was before the entry */
	AFTER_GUEST,	/* stays */
};

enum presence {
	PRESENT_ALWAYS,
	PRESENT_DS,
	PRESENT_SPEC_CTRL,
	PRESENT_DOITM,
	PRESENT_TD_WAITPKG,	/* the TD has the feature */
	PRESENT_TD_TSX,
};

struct switched_msr {
	u32 msr;
	u32 offset;	/* of the guest's value in struct tdvps */
	enum presence presence;
	enum after_exit after;
	u64 fixed;	/* also the value after TDH.VP.INIT */
};

#define SLOT(field) (u32)offsetof(struct tdvps, field)

/* clang-format off */
static const struct switched_msr switched[] = {
	{ MSR_STAR, SLOT(star), PRESENT_ALWAYS, AFTER_FIXED, 0 },
	{ MSR_LSTAR, SLOT(lstar), PRESENT_ALWAYS, AFTER_FIXED, 0 },
	{ MSR_FMASK, SLOT(fmask), PRESENT_ALWAYS, AFTER_FIXED, FMASK_INIT },
	{ MSR_KERNEL_GS_BASE, SLOT(kernel_gs_base), PRESENT_ALWAYS, AFTER_FIXED, 0 },
	{ MSR_TSC_AUX, SLOT(tsc_aux), PRESENT_ALWAYS, AFTER_FIXED, 0 },
	{ IA32_SPEC_CTRL, SLOT(spec_ctrl), PRESENT_SPEC_CTRL, AFTER_HOST, 0 },
	{ IA32_UARCH_MISC_CTL, SLOT(uarch_misc_ctl), PRESENT_DOITM, AFTER_FIXED, 0 },
	{ IA32_DS_AREA, SLOT(ds_area), PRESENT_DS, AFTER_HOST, 0 },
	{ IA32_UMWAIT_CONTROL, SLOT(umwait_control), PRESENT_TD_WAITPKG, AFTER_GUEST, 0 },
	{ IA32_TSX_CTRL, SLOT(tsx_ctrl), PRESENT_TD_TSX, AFTER_FIXED, 0 },
};
/* clang-format on */

static u64 host_values[EMU_MAX_CPUS][ARRAY_SIZE(switched)];	/* owning core, during a stay */

static u64 *slot_of(struct tdvps *tdvps, const struct switched_msr *row)
{
	return (u64 *)(void *)((u8 *)tdvps + row->offset);
}

static bool has_doitm(void)
{
	u64 capabilities;

	return (cpuid(CPUID_EXTENDED, 0).edx & LEAF_7_EDX_ARCH_CAPABILITIES) != 0 &&
	       msr_read_safe(IA32_ARCH_CAPABILITIES, &capabilities) && (capabilities & ARCH_CAPABILITIES_DOITM) != 0;
}

static bool is_present(const struct tdcs *tdcs, enum presence presence)
{
	switch (presence) {
	case PRESENT_DS:
		return (cpuid(CPUID_FEATURES, 0).edx & LEAF_1_EDX_DS) != 0;
	case PRESENT_SPEC_CTRL:
		return (cpuid(CPUID_EXTENDED, 0).edx & LEAF_7_EDX_SPEC_CTRL) != 0;
	case PRESENT_DOITM:
		return has_doitm();
	case PRESENT_TD_WAITPKG:
		return (tdcs->cpuid[TD_CPUID_7_0].ecx & LEAF_7_ECX_WAITPKG) != 0;
	case PRESENT_TD_TSX:
		return (tdcs->cpuid[TD_CPUID_7_0].ebx & LEAF_7_EBX_TSX) != 0;
	default:
		return true;
	}
}

void td_switch_init(struct tdvps *tdvps)
{
	for (u32 i = 0; i < ARRAY_SIZE(switched); i++)
		*slot_of(tdvps, &switched[i]) = switched[i].fixed;
	for (u32 i = 0; i < ARRAY_SIZE(tdvps->dr); i++)
		tdvps->dr[i] = 0;
	tdvps->dr6 = DR6_RESET;
	tdvps->cr2 = 0;
}

void td_switch_enter(struct td_run *run)
{
	struct tdvps *tdvps = run->tdvps;

	for (u32 i = 0; i < ARRAY_SIZE(switched); i++) {
		const struct switched_msr *row = &switched[i];

		if (!is_present(run->tdcs, row->presence))
			continue;
		if (row->after == AFTER_HOST && !msr_read_safe(row->msr, &host_values[run->cpu->index][i]))
			host_values[run->cpu->index][i] = 0;
		(void)msr_write_safe(row->msr, *slot_of(tdvps, row));
	}
	write_dr0(tdvps->dr[0]);
	write_dr1(tdvps->dr[1]);
	write_dr2(tdvps->dr[2]);
	write_dr3(tdvps->dr[3]);
	write_dr6(tdvps->dr6);
	write_cr2(tdvps->cr2);
}

void td_switch_leave(struct td_run *run)
{
	struct tdvps *tdvps = run->tdvps;

	for (u32 i = 0; i < ARRAY_SIZE(switched); i++) {
		const struct switched_msr *row = &switched[i];

		if (!is_present(run->tdcs, row->presence))
			continue;
		(void)msr_read_safe(row->msr, slot_of(tdvps, row));
		if (row->after == AFTER_FIXED)
			(void)msr_write_safe(row->msr, row->fixed);
		else if (row->after == AFTER_HOST)
			(void)msr_write_safe(row->msr, host_values[run->cpu->index][i]);
	}
	tdvps->dr[0] = read_dr0();
	tdvps->dr[1] = read_dr1();
	tdvps->dr[2] = read_dr2();
	tdvps->dr[3] = read_dr3();
	tdvps->dr6 = read_dr6();
	tdvps->cr2 = read_cr2();
	write_dr0(0);
	write_dr1(0);
	write_dr2(0);
	write_dr3(0);
	write_dr6(DR6_RESET);
	write_cr2(0);
}

void td_switch_scrub_host(void)
{
	vmwrite(VMCS_GUEST_DR7, DR7_RESET);
	vmwrite(VMCS_GUEST_IA32_DEBUGCTL, vmread(VMCS_GUEST_IA32_DEBUGCTL) & DEBUGCTL_SURVIVES);
}
