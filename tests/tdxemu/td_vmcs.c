/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMCS of a TD vCPU: as TDH.VP.INIT leaves it, and the few fields the host may see. What the module's VMCS has
 * and plain VMX lacks (a second EPT pointer, HKID, GPAW control) is made by td_ept.c; the #UD bit of the exception
 * bitmap stands for the CPU's TDCALL and SEAMCALL exits. Controls without a function here (VM functions, ENCLS, PT)
 * are left off: the CPU then raises the #UD that the module would inject.
 *
 * A VMCS that is current or active on a core belongs to the core its vCPU is associated with; all functions run there.
 * Manual: TDX Module Base, "TD VMCS"; tdx-guest-abi.md 3 and 3.3, tdx-host-td.md 5.11 and 11.4.
 */
#include "tests/tdxemu/td_vmcs.h"

#include "arch/x86/insn.h"
#include "include/spec/tdx/status.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "include/spec/x86/vmcs.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/td_cpuid.h"
#include "tests/tdxemu/td_cr.h"
#include "tests/tdxemu/td_ept.h"
#include "tests/tdxemu/td_switch.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"
#include "tests/tdxemu/xstate.h"

#define PIN_WANTED (VMX_PIN_EXTERNAL_INTERRUPT_EXITING | VMX_PIN_NMI_EXITING | VMX_PIN_VIRTUAL_NMIS)
#define PROC_WANTED                                                                                                    \
	(VMX_PROC_TSC_OFFSETTING | VMX_PROC_HLT_EXITING | VMX_PROC_TPR_SHADOW | VMX_PROC_IO_EXITING |                  \
	 VMX_PROC_MSR_BITMAPS | VMX_PROC_SECONDARY_CONTROLS)
#define PROC2_WANTED                                                                                                   \
	(VMX_PROC2_EPT | VMX_PROC2_RDTSCP | VMX_PROC2_VIRTUALIZE_X2APIC | VMX_PROC2_VPID | VMX_PROC2_WBINVD_EXITING |  \
	 VMX_PROC2_UNRESTRICTED_GUEST | VMX_PROC2_APIC_REGISTER_VIRTUALIZATION |                                       \
	 VMX_PROC2_VIRTUAL_INTERRUPT_DELIVERY | VMX_PROC2_INVPCID | VMX_PROC2_XSAVES | VMX_PROC2_TSC_SCALING)
#define PROC2_OPTIONAL VMX_PROC2_EPT_VIOLATION_VE
#define EXIT_WANTED                                                                                                    \
	(VMX_EXIT_SAVE_DEBUG_CONTROLS | VMX_EXIT_HOST_64BIT | VMX_EXIT_ACK_INTERRUPT | VMX_EXIT_SAVE_PAT |             \
	 VMX_EXIT_LOAD_PAT | VMX_EXIT_SAVE_EFER | VMX_EXIT_LOAD_EFER)
#define EXIT_OPTIONAL (VMX_EXIT_LOAD_CET | VMX_EXIT_LOAD_PKRS)
#define ENTRY_WANTED (VMX_ENTRY_LOAD_DEBUG_CONTROLS | VMX_ENTRY_LOAD_PAT | VMX_ENTRY_LOAD_EFER)
#define ENTRY_OPTIONAL (VMX_ENTRY_LOAD_CET | VMX_ENTRY_LOAD_PKRS)

#define EXCEPTION_BITMAP (BIT(6) | BIT(18))	/* #UD for TDCALL and SEAMCALL, #MC */
#define VPID_HKID_SHIFT 2	/* VPID: HKID, then the VM index */
#define LEAF_1_ECX_MONITOR (1u << 3)
#define LEAF_7_ECX_WAITPKG (1u << 5)
#define GPA_WIDTH_48 48u
#define GPA_WIDTH_52 52u

#define INITIAL_RIP 0xfffffff0u
#define INITIAL_CR0 (CR0_PE | CR0_NE)
#define INITIAL_CR4 (CR4_VMXE | CR4_MCE)
#define INITIAL_EFER (EFER_SCE | EFER_LME | EFER_NXE)
#define FLAT_LIMIT 0xffffffffu
#define TABLE_LIMIT 0xffffu
#define ACCESS_CODE 0xc09bu	/* present, DPL 0, 32-bit, 4 KiB granularity */
#define ACCESS_DATA 0xc093u
#define ACCESS_LDTR (0x82u | VMX_ACCESS_UNUSABLE)
#define ACCESS_TR 0x8bu

#define VAPIC_PPR_OFFSET 0xa0
#define PRIORITY_CLASS_MASK 0xf0u
#define RVI_MASK 0xffu

#define PID_VECTOR_UNSET 0xffffu
#define PID_UNSET 0xffffffffffffffffull

/* Segment fields are equidistant, in the order ES CS SS DS FS GS LDTR TR. */
enum segment {
	SEGMENT_ES,
	SEGMENT_CS,
	SEGMENT_SS,
	SEGMENT_DS,
	SEGMENT_FS,
	SEGMENT_GS,
	SEGMENT_LDTR,
	SEGMENT_TR,
};

void td_vmcs_load(struct tdvps *tdvps)
{
	if (!vmx_load(tdvps->pages[TDVPS_PAGE_VMCS]))
		verdict_stop("the VMCS of the TD vCPU at 0x%lx cannot be loaded", tdvps->pages[0]);
}

/* ---- TDH.VP.INIT ---- */

static void set_segment(enum segment segment, u32 limit, u32 access)
{
	u32 step = 2 * (u32)segment;

	vmwrite(VMCS_GUEST_ES_SELECTOR + step, 0);
	vmwrite(VMCS_GUEST_ES_BASE + step, 0);
	vmwrite(VMCS_GUEST_ES_LIMIT + step, limit);
	vmwrite(VMCS_GUEST_ES_ACCESS + step, access);
}

static void write_execution_controls(const struct tdcs *tdcs)
{
	u32 proc = (u32)PROC_WANTED;
	u32 proc2 = (u32)PROC2_WANTED;

	if ((tdcs->cpuid[TD_CPUID_1].ecx & LEAF_1_ECX_MONITOR) == 0)
		proc |= (u32)(VMX_PROC_MWAIT_EXITING | VMX_PROC_MONITOR_EXITING);
	if ((tdcs->attributes & TD_ATTR_PERFMON) == 0)
		proc |= (u32)VMX_PROC_RDPMC_EXITING;
	if ((tdcs->cpuid[TD_CPUID_7_0].ecx & LEAF_7_ECX_WAITPKG) != 0)
		proc2 |= (u32)VMX_PROC2_USER_WAIT_PAUSE;
	vmwrite(VMCS_PINBASED_CONTROLS, vmx_controls(IA32_VMX_TRUE_PINBASED_CTLS, PIN_WANTED, "pin-based controls"));
	vmwrite(VMCS_PROCBASED_CONTROLS, vmx_controls(IA32_VMX_TRUE_PROCBASED_CTLS, proc, "processor-based controls"));
	vmwrite(VMCS_PROCBASED2_CONTROLS, vmx_controls_optional(IA32_VMX_PROCBASED_CTLS2, proc2, PROC2_OPTIONAL,
								"secondary processor-based controls"));
	vmwrite(VMCS_EXIT_CONTROLS,
		vmx_controls_optional(IA32_VMX_TRUE_EXIT_CTLS, EXIT_WANTED, EXIT_OPTIONAL, "VM-exit controls"));
	vmwrite(VMCS_ENTRY_CONTROLS,
		vmx_controls_optional(IA32_VMX_TRUE_ENTRY_CTLS, ENTRY_WANTED, ENTRY_OPTIONAL, "VM-entry controls"));
}

static void write_control_fields(struct tdr *tdr, struct tdcs *tdcs, const struct tdvps *tdvps)
{
	struct cr_fixed fixed = td_cr_fixed();

	vmwrite(VMCS_EXCEPTION_BITMAP, EXCEPTION_BITMAP);
	vmwrite(VMCS_PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmwrite(VMCS_PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmwrite(VMCS_CR3_TARGET_COUNT, 0);
	vmwrite(VMCS_EXIT_MSR_STORE_COUNT, 0);
	vmwrite(VMCS_EXIT_MSR_LOAD_COUNT, 0);
	vmwrite(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
	vmwrite(VMCS_ENTRY_INTERRUPTION_INFO, 0);
	vmwrite(VMCS_TPR_THRESHOLD, 0);
	vmwrite(VMCS_CR0_MASK, td_cr0_mask(&fixed));
	vmwrite(VMCS_CR0_READ_SHADOW, fixed.cr0_one | INITIAL_CR0);
	vmwrite(VMCS_CR4_MASK, td_cr4_mask(&fixed, tdcs->attributes, tdcs->xfam));
	vmwrite(VMCS_CR4_READ_SHADOW, (fixed.cr4_one & ~(u64)CR4_VMXE) | CR4_MCE);
	vmwrite(VMCS_MSR_BITMAP, tdcs_page(tdr, TDCS_PAGE_MSR_BITMAP));
	vmwrite(VMCS_TSC_OFFSET, tdcs->tsc_offset);
	vmwrite(VMCS_TSC_MULTIPLIER, tdcs->tsc_multiplier);
	vmwrite(VMCS_VIRTUAL_APIC_ADDRESS, tdvps->pages[TDVPS_PAGE_VAPIC]);
	vmwrite(VMCS_EOI_EXIT_BITMAP_0, 0);
	vmwrite(VMCS_EOI_EXIT_BITMAP_1, 0);
	vmwrite(VMCS_EOI_EXIT_BITMAP_2, 0);
	vmwrite(VMCS_EOI_EXIT_BITMAP_3, 0);
	vmwrite(VMCS_XSS_EXITING_BITMAP, 0);
	vmwrite(VMCS_EPT_POINTER, td_ept_pointer(tdvps));
	vmwrite(VMCS_VPID, (u32)tdr->hkid << VPID_HKID_SHIFT);
	if (vmread(VMCS_PROCBASED2_CONTROLS) & VMX_PROC2_EPT_VIOLATION_VE) {
		vmwrite(VMCS_VE_INFORMATION_ADDRESS, tdvps->pages[0]);
		vmwrite(VMCS_EPTP_INDEX, 0);
	}
}

static void write_guest_segments(void)
{
	set_segment(SEGMENT_CS, FLAT_LIMIT, ACCESS_CODE);
	for (enum segment segment = SEGMENT_ES; segment <= SEGMENT_GS; segment++)
		if (segment != SEGMENT_CS)
			set_segment(segment, FLAT_LIMIT, ACCESS_DATA);
	set_segment(SEGMENT_LDTR, TABLE_LIMIT, ACCESS_LDTR);
	set_segment(SEGMENT_TR, TABLE_LIMIT, ACCESS_TR);
	vmwrite(VMCS_GUEST_GDTR_BASE, 0);
	vmwrite(VMCS_GUEST_GDTR_LIMIT, TABLE_LIMIT);
	vmwrite(VMCS_GUEST_IDTR_BASE, 0);
	vmwrite(VMCS_GUEST_IDTR_LIMIT, 0);
}

static void write_guest_state(void)
{
	u64 entry = vmread(VMCS_ENTRY_CONTROLS);

	write_guest_segments();
	vmwrite(VMCS_GUEST_CR0, INITIAL_CR0);
	vmwrite(VMCS_GUEST_CR3, 0);
	vmwrite(VMCS_GUEST_CR4, INITIAL_CR4);
	vmwrite(VMCS_GUEST_IA32_EFER, INITIAL_EFER);
	vmwrite(VMCS_GUEST_IA32_PAT, PAT_RESET);
	vmwrite(VMCS_GUEST_IA32_DEBUGCTL, 0);
	vmwrite(VMCS_GUEST_IA32_SYSENTER_CS, 0);
	vmwrite(VMCS_GUEST_IA32_SYSENTER_ESP, 0);
	vmwrite(VMCS_GUEST_IA32_SYSENTER_EIP, 0);
	vmwrite(VMCS_GUEST_DR7, DR7_RESET);
	vmwrite(VMCS_GUEST_RSP, 0);
	vmwrite(VMCS_GUEST_RIP, INITIAL_RIP);
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmwrite(VMCS_GUEST_ACTIVITY_STATE, VMX_ACTIVITY_ACTIVE);
	vmwrite(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, 0);
	vmwrite(VMCS_GUEST_INTERRUPT_STATUS, 0);
	vmwrite(VMCS_GUEST_LINK_POINTER, VMX_NO_LINK_POINTER);
	if (entry & VMX_ENTRY_LOAD_CET) {
		vmwrite(VMCS_GUEST_IA32_S_CET, 0);
		vmwrite(VMCS_GUEST_SSP, 0);
		vmwrite(VMCS_GUEST_IA32_INTERRUPT_SSP_TABLE, 0);
	}
	if (entry & VMX_ENTRY_LOAD_PKRS)
		vmwrite(VMCS_GUEST_IA32_PKRS, 0);
}

static void set_registers(const struct tdcs *tdcs, struct tdvps *tdvps, u64 rcx)
{
	memset(tdvps->gpr, 0, sizeof(tdvps->gpr));
	tdvps->gpr[GPR_RBX] = (tdcs->config_flags & TD_CONFIG_GPAW) != 0 ? GPA_WIDTH_52 : GPA_WIDTH_48;
	tdvps->gpr[GPR_RCX] = rcx;
	tdvps->gpr[GPR_RDX] = td_platform_fms();
	tdvps->gpr[GPR_RSI] = tdvps->vcpu_index;
	tdvps->gpr[GPR_R8] = rcx;
}

void td_vmcs_init(struct emu_cpu *cpu, struct tdr *tdr, struct tdvps *tdvps, u64 rcx)
{
	struct tdcs *tdcs = tdcs_of(tdr);
	u64 vmcs = tdvps->pages[TDVPS_PAGE_VMCS];

	set_registers(tdcs, tdvps, rcx);
	xstate_init(tdvps, tdcs->xfam);
	td_switch_init(tdvps);
	td_ept_init(tdvps);
	tdvps->pid_hpa = PID_UNSET;
	tdvps->pid_vector = PID_VECTOR_UNSET;
	tdvps->posted_enabled = 0;
	tdvps->vmcs_launched = 0;
	vmx_init_region(vmcs);
	if (!vmx_clear(vmcs))
		verdict_stop("core %u: VMCLEAR of the TD VMCS at 0x%lx failed", cpu->index, vmcs);
	td_vmcs_load(tdvps);
	write_execution_controls(tdcs);
	write_control_fields(tdr, tdcs, tdvps);
	write_guest_state();
	td_ept_flush(tdvps);
}

void td_vmcs_flush(struct emu_cpu *cpu, struct tdvps *tdvps)
{
	td_ept_flush(tdvps);
	vmx_invvpid(VMX_INVVPID_GLOBAL, 0);
	if (!vmx_clear(tdvps->pages[TDVPS_PAGE_VMCS]))
		verdict_stop("core %u: VMCLEAR of the TD VMCS at 0x%lx failed", cpu->index,
			     tdvps->pages[TDVPS_PAGE_VMCS]);
	tdvps->vmcs_launched = 0;
	if (cpu->last_tdvpr == tdvps->pages[0])
		cpu->last_tdvpr = 0;
}

bool td_vmcs_interrupt_pending(struct emu_cpu *cpu, struct tdvps *tdvps)
{
	const u8 *vapic = phys(tdvps->pages[TDVPS_PAGE_VAPIC]);
	u32 rvi;

	(void)cpu;
	td_vmcs_load(tdvps);
	rvi = vmread(VMCS_GUEST_INTERRUPT_STATUS) & RVI_MASK;
	return (rvi & PRIORITY_CLASS_MASK) > (vapic[VAPIC_PPR_OFFSET] & PRIORITY_CLASS_MASK);
}
