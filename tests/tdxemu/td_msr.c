/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module's MSR table. A row gives what reads and writes mean when its gate is open; a closed gate means #GP
 * unless the row says otherwise. An MSR without a row is #VE. The bitmap of a TD is the "native" column of this
 * table.
 *
 * Deviations, none visible to a guest: writes to read-only MSRs and read-only x2APIC registers, which the module
 * leaves to the CPU to refuse, are refused here, because a machine below us may lack the MSR and drop the write. Pure
 * functions. Manual: TDX Module ABI, "MSR Virtualization"; tdx-guest-abi.md 6.1 to 6.3.
 */
#include "tests/tdxemu/td_msr.h"

#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/td_cpuid.h"

enum msr_gate {
	GATE_OPEN,
	GATE_PERFMON,
	GATE_PT,
	GATE_CET,
	GATE_LBR,
	GATE_UINTR,
	GATE_UMWAIT,
	GATE_TSX,
	GATE_PKS,
	GATE_XFD,
	GATE_PCONFIG,
	GATE_DCA,
	GATE_TSC_DEADLINE,
	GATE_TME,
	GATE_PERFMON_PT,
};

struct msr_row {
	u32 first, last;
	enum msr_gate gate;
	enum msr_action read, write;	/* gate open */
	enum msr_action closed_read, closed_write;
};

#define ALWAYS(first, last, read, write) { first, last, GATE_OPEN, read, write, MSR_GP, MSR_GP }
#define GATED(first, last, gate, action) { first, last, gate, action, action, MSR_GP, MSR_GP }

/* clang-format off */
static const struct msr_row rows[] = {
	ALWAYS(IA32_TSC, IA32_TSC, MSR_NATIVE, MSR_VE),
	ALWAYS(IA32_SPEC_CTRL, IA32_PRED_CMD, MSR_NATIVE, MSR_NATIVE),
	GATED(IA32_MKTME_KEYID_PARTITIONING, IA32_MKTME_KEYID_PARTITIONING, GATE_PCONFIG, MSR_VE),
	ALWAYS(0x8c, 0x8f, MSR_GP, MSR_GP),	/* SGX launch enclave hash */
	ALWAYS(IA32_WBINVDP, 0x9b, MSR_GP, MSR_GP),
	ALWAYS(0x9e, 0x9e, MSR_GP, MSR_GP),	/* IA32_SMBASE */
	ALWAYS(IA32_MISC_PACKAGE_CTLS, IA32_MISC_PACKAGE_CTLS, MSR_NATIVE, MSR_VE),
	ALWAYS(IA32_XAPIC_DISABLE_STATUS, IA32_XAPIC_DISABLE_STATUS, MSR_READ_ONE, MSR_GP),
	GATED(0xc1, 0xc8, GATE_PERFMON, MSR_NATIVE),	/* IA32_PMCx */
	GATED(IA32_UMWAIT_CONTROL, IA32_UMWAIT_CONTROL, GATE_UMWAIT, MSR_NATIVE),
	ALWAYS(IA32_ARCH_CAPABILITIES, IA32_ARCH_CAPABILITIES, MSR_ARCH_CAPABILITIES, MSR_GP),
	ALWAYS(IA32_FLUSH_CMD, IA32_FLUSH_CMD, MSR_NATIVE, MSR_NATIVE),
	GATED(IA32_TSX_CTRL, IA32_TSX_CTRL, GATE_TSX, MSR_NATIVE),
	ALWAYS(IA32_SYSENTER_CS, IA32_SYSENTER_EIP, MSR_NATIVE, MSR_NATIVE),
	GATED(0x186, 0x18d, GATE_PERFMON, MSR_NATIVE),	/* IA32_PERFEVTSELx */
	ALWAYS(0x195, 0x195, MSR_GP, MSR_GP),	/* IA32_OVERCLOCKING_STATUS */
	{ IA32_MISC_ENABLE, IA32_MISC_ENABLE, GATE_PERFMON, MSR_NATIVE, MSR_VE, MSR_MISC_ENABLE, MSR_VE },
	GATED(0x1a6, 0x1a7, GATE_PERFMON, MSR_NATIVE),	/* MSR_OFFCORE_RSPx */
	GATED(IA32_XFD, IA32_XFD_ERR, GATE_XFD, MSR_NATIVE),
	ALWAYS(IA32_DEBUGCTL, IA32_DEBUGCTL, MSR_DEBUGCTL, MSR_DEBUGCTL),
	GATED(0x1f8, 0x1fa, GATE_DCA, MSR_VE),
	ALWAYS(0x276, 0x276, MSR_GP, MSR_GP),	/* MSR_SLAM_ENABLE */
	ALWAYS(IA32_PAT, IA32_PAT, MSR_NATIVE, MSR_NATIVE),
	GATED(0x309, 0x310, GATE_PERFMON, MSR_NATIVE),	/* IA32_FIXED_CTRx */
	GATED(0x329, 0x329, GATE_PERFMON, MSR_NATIVE),	/* IA32_PERF_METRICS */
	{ IA32_PERF_CAPABILITIES, IA32_PERF_CAPABILITIES, GATE_PERFMON_PT, MSR_NATIVE, MSR_NATIVE,
	  MSR_PERF_CAPABILITIES, MSR_NATIVE },	/* see td_msr_action() for a TD without PERFMON */
	GATED(IA32_FIXED_CTR_CTRL, 0x392, GATE_PERFMON, MSR_NATIVE),
	GATED(0x3f1, 0x3f2, GATE_PERFMON, MSR_NATIVE),	/* PEBS */
	GATED(0x3f6, 0x3f7, GATE_PERFMON, MSR_NATIVE),
	ALWAYS(IA32_VMX_BASIC, IA32_VMX_BASIC, MSR_READ_ZERO, MSR_GP),
	ALWAYS(IA32_VMX_PINBASED_CTLS, IA32_VMX_ENTRY_CTLS, MSR_VE, MSR_GP),
	ALWAYS(IA32_VMX_MISC, IA32_VMX_CR4_FIXED1, MSR_READ_ZERO, MSR_GP),
	ALWAYS(IA32_VMX_VMCS_ENUM, IA32_VMX_VMCS_ENUM, MSR_VE, MSR_GP),
	ALWAYS(IA32_VMX_PROCBASED_CTLS2, IA32_VMX_PROCBASED_CTLS3, MSR_READ_ZERO, MSR_GP),
	GATED(0x4c1, 0x4c8, GATE_PERFMON, MSR_NATIVE),	/* IA32_A_PMCx */
	ALWAYS(0x500, 0x500, MSR_GP, MSR_GP),	/* IA32_SGX_SVN_STATUS */
	GATED(0x560, 0x561, GATE_PT, MSR_NATIVE),	/* IA32_RTIT_... */
	GATED(0x570, 0x572, GATE_PT, MSR_NATIVE),
	GATED(0x580, 0x587, GATE_PT, MSR_NATIVE),
	ALWAYS(IA32_DS_AREA, IA32_DS_AREA, MSR_NATIVE, MSR_NATIVE),
	GATED(0x6a0, 0x6a0, GATE_CET, MSR_NATIVE),	/* IA32_U_CET */
	GATED(0x6a2, 0x6a2, GATE_CET, MSR_NATIVE),	/* IA32_S_CET */
	GATED(0x6a4, 0x6a8, GATE_CET, MSR_NATIVE),	/* shadow stack pointers */
	GATED(IA32_TSC_DEADLINE, IA32_TSC_DEADLINE, GATE_TSC_DEADLINE, MSR_VE),
	GATED(IA32_PKRS, IA32_PKRS, GATE_PKS, MSR_NATIVE),
	/* x2APIC: reserved, forwarded, virtualised by the CPU, virtualised for reading. */
	ALWAYS(0x800, 0x801, MSR_GP, MSR_GP),
	ALWAYS(0x802, 0x803, MSR_VE, MSR_VE),	/* ID, version */
	ALWAYS(0x804, 0x807, MSR_GP, MSR_GP),
	ALWAYS(0x808, 0x808, MSR_NATIVE, MSR_NATIVE),	/* TPR */
	ALWAYS(0x809, 0x80a, MSR_NATIVE, MSR_GP),	/* APR, PPR */
	ALWAYS(0x80b, 0x80b, MSR_NATIVE, MSR_NATIVE),	/* EOI */
	ALWAYS(0x80c, 0x80c, MSR_NATIVE, MSR_GP),	/* RRD */
	ALWAYS(0x80d, 0x80d, MSR_VE, MSR_VE),	/* LDR */
	ALWAYS(0x80e, 0x80e, MSR_NATIVE, MSR_GP),	/* DFR */
	ALWAYS(0x80f, 0x80f, MSR_VE, MSR_VE),	/* SVR */
	ALWAYS(0x810, 0x827, MSR_NATIVE, MSR_GP),	/* ISR, TMR, IRR */
	ALWAYS(0x828, 0x828, MSR_VE, MSR_VE),	/* ESR */
	ALWAYS(0x829, 0x82e, MSR_GP, MSR_GP),
	ALWAYS(0x82f, 0x830, MSR_VE, MSR_VE),	/* LVT CMCI, ICR */
	ALWAYS(0x831, 0x831, MSR_GP, MSR_GP),
	ALWAYS(0x832, 0x83e, MSR_VE, MSR_VE),	/* LVTs, timer, reserved ones between */
	ALWAYS(0x83f, 0x83f, MSR_NATIVE, MSR_NATIVE),	/* self IPI */
	ALWAYS(0x840, IA32_X2APIC_LAST, MSR_GP, MSR_GP),
	GATED(IA32_TME_CAPABILITY, IA32_TME_EXCLUDE_BASE, GATE_TME, MSR_VE),
	GATED(0x985, 0x98a, GATE_UINTR, MSR_NATIVE),
	ALWAYS(IA32_DEBUG_INTERFACE, IA32_DEBUG_INTERFACE, MSR_NATIVE, MSR_VE),
	ALWAYS(0xd90, 0xd90, MSR_GP, MSR_GP),	/* IA32_BNDCFGS */
	ALWAYS(0xd93, 0xd93, MSR_GP, MSR_GP),	/* IA32_PASID */
	ALWAYS(IA32_XSS, IA32_XSS, MSR_NATIVE, MSR_XSS),
	GATED(0x1200, 0x12ff, GATE_LBR, MSR_NATIVE),	/* IA32_LBR_INFO */
	GATED(0x14ce, 0x14cf, GATE_LBR, MSR_NATIVE),	/* IA32_LBR_CTL, IA32_LBR_DEPTH */
	GATED(0x1500, 0x15ff, GATE_LBR, MSR_NATIVE),	/* IA32_LBR_FROM_IP */
	GATED(0x1600, 0x16ff, GATE_LBR, MSR_NATIVE),	/* IA32_LBR_TO_IP */
	ALWAYS(IA32_UARCH_MISC_CTL, IA32_UARCH_MISC_CTL, MSR_NATIVE, MSR_NATIVE),
	ALWAYS(MSR_EFER, MSR_EFER, MSR_NATIVE, MSR_EFER_WRITE),
	ALWAYS(MSR_STAR, MSR_LSTAR, MSR_NATIVE, MSR_NATIVE),
	ALWAYS(MSR_FMASK, MSR_FMASK, MSR_NATIVE, MSR_NATIVE),
	ALWAYS(MSR_FS_BASE, MSR_TSC_AUX, MSR_NATIVE, MSR_NATIVE),
};
/* clang-format on */

#define LEAF_1_ECX_DCA (1u << 18)
#define LEAF_7_EBX_TSX 0x810u
#define LEAF_7_ECX_WAITPKG (1u << 5)
#define LEAF_7_ECX_TME (1u << 13)
#define LEAF_7_EDX_PCONFIG (1u << 18)
#define LEAF_D_1_EAX_XFD (1u << 4)

#define BITMAP_READ_LOW 0u
#define BITMAP_READ_HIGH 1024u
#define BITMAP_WRITES 2048u

static bool gate_is_open(const struct tdcs *tdcs, enum msr_gate gate)
{
	const struct td_cpuid_value *features = &tdcs->cpuid[TD_CPUID_1];
	const struct td_cpuid_value *extended = &tdcs->cpuid[TD_CPUID_7_0];

	switch (gate) {
	case GATE_PERFMON:
		return (tdcs->attributes & TD_ATTR_PERFMON) != 0;
	case GATE_PERFMON_PT:
		return (tdcs->attributes & TD_ATTR_PERFMON) != 0 && (tdcs->xfam & TD_XFAM_PT) != 0;
	case GATE_PT:
		return (tdcs->xfam & TD_XFAM_PT) != 0;
	case GATE_CET:
		return (tdcs->xfam & TD_XFAM_CET) != 0;
	case GATE_LBR:
		return (tdcs->xfam & TD_XFAM_LBR) != 0;
	case GATE_UINTR:
		return (tdcs->xfam & TD_XFAM_UINTR) != 0;
	case GATE_UMWAIT:
		return (extended->ecx & LEAF_7_ECX_WAITPKG) != 0;
	case GATE_TSX:
		return (extended->ebx & LEAF_7_EBX_TSX) != 0;
	case GATE_PKS:
		return (tdcs->attributes & TD_ATTR_PKS) != 0;
	case GATE_XFD:
		return (tdcs->cpuid[TD_CPUID_D_1].eax & LEAF_D_1_EAX_XFD) != 0;
	case GATE_PCONFIG:
		return (extended->edx & LEAF_7_EDX_PCONFIG) != 0;
	case GATE_DCA:
		return (features->ecx & LEAF_1_ECX_DCA) != 0;
	case GATE_TSC_DEADLINE:
		return (features->ecx & CPUID_1_ECX_TSC_DEADLINE) != 0;
	case GATE_TME:
		return (extended->ecx & LEAF_7_ECX_TME) != 0;
	default:
		return true;
	}
}

static enum msr_action row_action(const struct tdcs *tdcs, const struct msr_row *row, enum msr_access access)
{
	if (row->first == IA32_PERF_CAPABILITIES && !gate_is_open(tdcs, GATE_PERFMON))
		return access == MSR_READ ? MSR_READ_ZERO : MSR_GP;
	if (gate_is_open(tdcs, row->gate))
		return access == MSR_READ ? row->read : row->write;
	return access == MSR_READ ? row->closed_read : row->closed_write;
}

enum msr_action td_msr_action(const struct tdcs *tdcs, u32 msr, enum msr_access access)
{
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		if (msr >= rows[i].first && msr <= rows[i].last)
			return row_action(tdcs, &rows[i], access);
	return MSR_VE;
}

static void clear_bit(u8 *bitmap, u32 msr, enum msr_access access)
{
	u32 offset = (msr >= MSR_HIGH_FIRST ? BITMAP_READ_HIGH : BITMAP_READ_LOW) +
		     (access == MSR_WRITE ? BITMAP_WRITES : 0);
	u32 bit = msr & MSR_LOW_LAST;

	bitmap[offset + bit / 8] &= (u8)~(1u << (bit % 8));
}

void td_msr_fill_bitmap(const struct tdcs *tdcs, u8 *bitmap)
{
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		for (u32 msr = rows[i].first; msr <= rows[i].last; msr++) {
			if (row_action(tdcs, &rows[i], MSR_READ) == MSR_NATIVE)
				clear_bit(bitmap, msr, MSR_READ);
			if (row_action(tdcs, &rows[i], MSR_WRITE) == MSR_NATIVE)
				clear_bit(bitmap, msr, MSR_WRITE);
		}
	}
}

void td_msr_build_bitmap(struct tdr *tdr, struct tdcs *tdcs)
{
	td_msr_fill_bitmap(tdcs, phys(tdcs_page(tdr, TDCS_PAGE_MSR_BITMAP)));
}
