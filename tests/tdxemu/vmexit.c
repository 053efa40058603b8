/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One table row per exit reason of the host. A reason without a row is our own bug and stops the machine by number.
 * INIT and SIPI rows must stay short: a SIPI that comes while the core is in root is lost, as on hardware.
 * Callers: l1_run() of the core.
 * Manual: SDM volume 3, "VM Exits", "VMX Basic Exit Reasons".
 */
#include "tests/tdxemu/vmexit.h"

#include "arch/x86/insn.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/cpu_face.h"
#include "tests/tdxemu/cr_access.h"
#include "tests/tdxemu/host_view.h"
#include "tests/tdxemu/l1.h"
#include "tests/tdxemu/nested.h"
#include "tests/tdxemu/port.h"
#include "tests/tdxemu/seamcall.h"
#include "tests/tdxemu/smp.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmx.h"

#define SEAMCALL_BYTES 4

typedef void (*exit_handler)(struct emu_cpu *cpu);

static void exception_or_nmi(struct emu_cpu *cpu)
{
	static const u8 seamcall_code[SEAMCALL_BYTES] = { 0x66, 0x0f, 0x01, 0xcf };
	u64 event = vmread(VMCS_EXIT_INTERRUPTION_INFO);
	u8 code[SEAMCALL_BYTES];

	if ((event & VMX_EVENT_TYPE_MASK) == VMX_EVENT_NMI) {
		smp_nmi_arrived(cpu);
		nmi_unblock();
		return;
	}
	if (event & VMX_EVENT_NMI_UNBLOCKING)
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, vmread(VMCS_GUEST_INTERRUPTIBILITY) | VMX_BLOCKING_BY_NMI);
	if (l1_fetch(code, sizeof(code)) == sizeof(code) &&
	    __builtin_memcmp(code, seamcall_code, sizeof(code)) == 0)
		seamcall_exit(cpu);
	else
		l1_inject(EXCEPTION_UD);
}

static void triple_fault(struct emu_cpu *cpu)
{
	verdict_stop("core %u: the host had a triple fault at RIP 0x%lx, RSP 0x%lx, CR3 0x%lx, RAX 0x%lx", cpu->index,
		     vmread(VMCS_GUEST_RIP), vmread(VMCS_GUEST_RSP), vmread(VMCS_GUEST_CR3), cpu->gpr[GPR_RAX]);
}

/* In VMX operation INIT is blocked; the host gets it when it leaves (nested.c). */
static void init(struct emu_cpu *cpu)
{
	if (cpu->host_vmx_on)
		nested_remember_init(cpu);
	else
		l1_reset_by_init(cpu);
}

static void sipi(struct emu_cpu *cpu)
{
	l1_start_by_sipi(cpu, (u8)vmread(VMCS_EXIT_QUALIFICATION));
}

static void nmi_window(struct emu_cpu *cpu)
{
	(void)cpu;
	l1_nmi_window();
}

/* SMX is not shown to the host: an opcode it does not have. */
static void undefined_opcode(struct emu_cpu *cpu)
{
	(void)cpu;
	l1_inject(EXCEPTION_UD);
}

/* INVD without write-back would throw away our lines as well. */
static void invd(struct emu_cpu *cpu)
{
	verdict_violation(cpu, "invd", "the host executed INVD at RIP 0x%lx", vmread(VMCS_GUEST_RIP));
	wbinvd();
	l1_advance(vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
}

static void write_back_caches(struct emu_cpu *cpu)
{
	wbinvd();
	cpu->wbinvd_done = true;
	l1_advance(vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
}

static void extended_control_register(struct emu_cpu *cpu)
{
	u64 value = cpu->gpr[GPR_RDX] << 32 | (u32)cpu->gpr[GPR_RAX];

	if (l1_cpl() == 0 && xcr_write_safe((u32)cpu->gpr[GPR_RCX], value))
		l1_advance(vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
	else
		l1_inject_gp();
}

static void stepped(struct emu_cpu *cpu)
{
	host_view_stepped(cpu);
}

static void ept_violation(struct emu_cpu *cpu)
{
	u64 qualification = vmread(VMCS_EXIT_QUALIFICATION);

	if ((qualification & VMX_EPT_QUAL_NMI_UNBLOCKING) != 0 &&
	    (vmread(VMCS_IDT_VECTORING_INFO) & VMX_EVENT_VALID) == 0)
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, vmread(VMCS_GUEST_INTERRUPTIBILITY) | VMX_BLOCKING_BY_NMI);
	host_view_violation(cpu, vmread(VMCS_GUEST_PHYSICAL_ADDRESS), qualification);
}

/* clang-format off */
static const exit_handler handlers[VMX_REASON_COUNT] = {
	[VMX_REASON_EXCEPTION_NMI] = exception_or_nmi,
	[VMX_REASON_TRIPLE_FAULT] = triple_fault,
	[VMX_REASON_INIT] = init,
	[VMX_REASON_SIPI] = sipi,
	[VMX_REASON_NMI_WINDOW] = nmi_window,
	[VMX_REASON_CPUID] = cpu_face_cpuid,
	[VMX_REASON_GETSEC] = undefined_opcode,
	[VMX_REASON_INVD] = invd,
	[VMX_REASON_VMCALL] = nested_vmcall,
	[VMX_REASON_VMCLEAR] = nested_vmclear,
	[VMX_REASON_VMLAUNCH] = nested_no_vmcs,
	[VMX_REASON_VMPTRLD] = nested_vmptrld,
	[VMX_REASON_VMPTRST] = nested_vmptrst,
	[VMX_REASON_VMREAD] = nested_no_vmcs,
	[VMX_REASON_VMRESUME] = nested_no_vmcs,
	[VMX_REASON_VMWRITE] = nested_no_vmcs,
	[VMX_REASON_VMXOFF] = nested_vmxoff,
	[VMX_REASON_VMXON] = nested_vmxon,
	[VMX_REASON_CR_ACCESS] = cr_access,
	[VMX_REASON_IO] = port_access,
	[VMX_REASON_RDMSR] = cpu_face_rdmsr,
	[VMX_REASON_WRMSR] = cpu_face_wrmsr,
	[VMX_REASON_MONITOR_TRAP] = stepped,
	[VMX_REASON_EPT_VIOLATION] = ept_violation,
	[VMX_REASON_INVEPT] = nested_invept,
	[VMX_REASON_INVVPID] = nested_invvpid,
	[VMX_REASON_WBINVD] = write_back_caches,
	[VMX_REASON_XSETBV] = extended_control_register,
	[VMX_REASON_VMFUNC] = undefined_opcode,
	[VMX_REASON_ENCLV] = undefined_opcode,
	[VMX_REASON_PCONFIG] = undefined_opcode,
	[VMX_REASON_SEAMCALL] = seamcall_exit,
	[VMX_REASON_TDCALL] = undefined_opcode,
};
/* clang-format on */

void vmexit_handle(struct emu_cpu *cpu)
{
	u64 reason = vmread(VMCS_EXIT_REASON);
	u64 basic = reason & VMX_EXIT_REASON_BASIC_MASK;

	if ((reason & VMX_EXIT_REASON_ENTRY_FAILURE) != 0 || basic >= VMX_REASON_COUNT || handlers[basic] == NULL)
		verdict_stop(
		    "core %u: exit of the host for reason 0x%lx, qualification 0x%lx, at RIP 0x%lx is not expected",
		    cpu->index, reason, vmread(VMCS_EXIT_QUALIFICATION), vmread(VMCS_GUEST_RIP));
	cpu->exits[basic]++;
	handlers[basic](cpu);
}
