/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's VMCS. Idea: the machine passes through. What exits: CPUID, XSETBV, the VMX instructions, INIT and SIPI by
 * architecture; #UD (SEAMCALL), NMIs, WBINVD, the emulated MSRs, a few ports and hidden memory by our choice.
 * Interrupts, HLT, CR3, page faults, all other MSRs and ports never do.
 *
 * CR0.NE and CR4.VMXE are forced to 1 in non-root; the host sees its own values through mask and shadow, and a change
 * of either exits (cr_access.c). "load CET state" and "load PKRS" keep the host's supervisor state out of ours where
 * the CPU has it.
 * Manual: SDM volume 3, "VM Entries", "VM Exits"; bochs reference, "Recommended decisions".
 */
#include "tests/tdxemu/l1.h"

#include "arch/x86/insn.h"
#include "include/spec/multiboot2.h"
#include "include/spec/x86/cr.h"
#include "include/spec/x86/msr.h"
#include "include/spec/x86/vmcs.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/cpu_face.h"
#include "tests/tdxemu/host_view.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/smp.h"
#include "tests/tdxemu/trace.h"
#include "tests/tdxemu/verdict.h"
#include "tests/tdxemu/vmexit.h"
#include "tests/tdxemu/vmx.h"

#define PIN_WANTED (VMX_PIN_NMI_EXITING | VMX_PIN_VIRTUAL_NMIS)
#define PROC_WANTED (VMX_PROC_IO_BITMAPS | VMX_PROC_MSR_BITMAPS | VMX_PROC_SECONDARY_CONTROLS)
#define PROC2_WANTED                                                                                                   \
	(VMX_PROC2_EPT | VMX_PROC2_VPID | VMX_PROC2_UNRESTRICTED_GUEST | VMX_PROC2_WBINVD_EXITING)
#define PROC2_OPTIONAL (VMX_PROC2_RDTSCP | VMX_PROC2_INVPCID | VMX_PROC2_XSAVES | VMX_PROC2_USER_WAIT_PAUSE)
#define EXIT_WANTED                                                                                                    \
	(VMX_EXIT_SAVE_DEBUG_CONTROLS | VMX_EXIT_HOST_64BIT | VMX_EXIT_SAVE_PAT | VMX_EXIT_LOAD_PAT |                  \
	 VMX_EXIT_SAVE_EFER | VMX_EXIT_LOAD_EFER)
#define EXIT_OPTIONAL (VMX_EXIT_LOAD_CET | VMX_EXIT_LOAD_PKRS)
#define ENTRY_WANTED (VMX_ENTRY_LOAD_DEBUG_CONTROLS | VMX_ENTRY_LOAD_PAT | VMX_ENTRY_LOAD_EFER)
#define ENTRY_OPTIONAL (VMX_ENTRY_LOAD_CET | VMX_ENTRY_LOAD_PKRS)

#define FLAT_LIMIT 0xffffffffu
#define REAL_MODE_LIMIT 0xffffu
#define REAL_MODE_SEGMENT_SHIFT 4
#define ACCESS_REAL_CODE                                                                                               \
	(VMX_ACCESS_TYPE_CODE_EXECUTE_READ_ACCESSED | VMX_ACCESS_NOT_SYSTEM | VMX_ACCESS_PRESENT)
#define ACCESS_REAL_DATA (VMX_ACCESS_TYPE_DATA_READ_WRITE_ACCESSED | VMX_ACCESS_NOT_SYSTEM | VMX_ACCESS_PRESENT)
#define ACCESS_FLAT_CODE (ACCESS_REAL_CODE | VMX_ACCESS_BIG | VMX_ACCESS_GRANULARITY)
#define ACCESS_FLAT_DATA (ACCESS_REAL_DATA | VMX_ACCESS_BIG | VMX_ACCESS_GRANULARITY)
#define ACCESS_LDTR (VMX_ACCESS_TYPE_LDT | VMX_ACCESS_PRESENT)
#define ACCESS_TR (VMX_ACCESS_TYPE_BUSY_TSS_32 | VMX_ACCESS_PRESENT)

/* Selectors as GRUB leaves them; a multiboot2 kernel may not rely on them. */
#define MULTIBOOT_CODE_SELECTOR 0x10
#define MULTIBOOT_DATA_SELECTOR 0x18

/* State after INIT. SDM volume 3, "Processor State After Reset". */
#define INIT_CR0 (CR0_CD | CR0_NW | CR0_ET)
#define INIT_CS_SELECTOR 0xf000
#define INIT_CS_BASE 0xffff0000u
#define INIT_RIP 0xfff0
#define DEBUGCTL_BTF BIT(1)

#define EVENT_BLOCKING (VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS)

static struct {
	u8 *io_bitmap;	/* two pages: ports 0-7fff, 8000-ffff */
	u8 *msr_bitmap;
	u64 ept_generation[EMU_MAX_CPUS];	/* owning core: state of the host's EPT its TLB may hold */
} l1;

/* Encodings of a segment register's four fields are equidistant, in the order ES CS SS DS FS GS LDTR TR. */
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

static void set_segment(enum segment segment, u16 selector, u64 base, u32 limit, u32 access)
{
	u32 step = 2 * (u32)segment;

	vmwrite(VMCS_GUEST_ES_SELECTOR + step, selector);
	vmwrite(VMCS_GUEST_ES_BASE + step, base);
	vmwrite(VMCS_GUEST_ES_LIMIT + step, limit);
	vmwrite(VMCS_GUEST_ES_ACCESS + step, access);
}

void l1_prepare(void)
{
	l1.io_bitmap = emu_pages(2);
	l1.msr_bitmap = emu_pages(1);
	cpu_face_fill_msr_bitmap(l1.msr_bitmap);
}

void l1_trap_port(u16 port)
{
	l1.io_bitmap[port / 8] |= (u8)(1 << (port % 8));
}

static void write_controls(struct emu_cpu *cpu)
{
	vmwrite(VMCS_PINBASED_CONTROLS, vmx_controls(IA32_VMX_TRUE_PINBASED_CTLS, PIN_WANTED, "pin-based controls"));
	vmwrite(VMCS_PROCBASED_CONTROLS,
		vmx_controls(IA32_VMX_TRUE_PROCBASED_CTLS, (u32)PROC_WANTED, "processor-based controls"));
	vmwrite(VMCS_PROCBASED2_CONTROLS, vmx_controls_optional(IA32_VMX_PROCBASED_CTLS2, PROC2_WANTED, PROC2_OPTIONAL,
								"secondary processor-based controls"));
	vmwrite(VMCS_EXIT_CONTROLS,
		vmx_controls_optional(IA32_VMX_TRUE_EXIT_CTLS, EXIT_WANTED, EXIT_OPTIONAL, "VM-exit controls"));
	vmwrite(VMCS_ENTRY_CONTROLS,
		vmx_controls_optional(IA32_VMX_TRUE_ENTRY_CTLS, ENTRY_WANTED, ENTRY_OPTIONAL, "VM-entry controls"));
	vmwrite(VMCS_EXCEPTION_BITMAP, BIT(EXCEPTION_UD));
	vmwrite(VMCS_PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmwrite(VMCS_PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmwrite(VMCS_CR3_TARGET_COUNT, 0);
	vmwrite(VMCS_EXIT_MSR_STORE_COUNT, 0);
	vmwrite(VMCS_EXIT_MSR_LOAD_COUNT, 0);
	vmwrite(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
	vmwrite(VMCS_ENTRY_INTERRUPTION_INFO, 0);
	vmwrite(VMCS_IO_BITMAP_A, (u64)l1.io_bitmap);
	vmwrite(VMCS_IO_BITMAP_B, (u64)l1.io_bitmap + PAGE_SIZE);
	vmwrite(VMCS_MSR_BITMAP, (u64)l1.msr_bitmap);
	vmwrite(VMCS_EPT_POINTER, host_view_eptp());
	vmwrite(VMCS_VPID, L1_VPID);
	vmwrite(VMCS_CR0_MASK, CR0_NE);
	vmwrite(VMCS_CR4_MASK, CR4_VMXE);
	vmwrite(VMCS_GUEST_LINK_POINTER, VMX_NO_LINK_POINTER);
	l1.ept_generation[cpu->index] = host_view_generation();
}

/* Guest state that every start of a core has in common. */
static void write_common_state(void)
{
	vmwrite(VMCS_CR4_READ_SHADOW, 0);
	vmwrite(VMCS_GUEST_CR4, CR4_VMXE);
	vmwrite(VMCS_GUEST_CR3, 0);
	vmwrite(VMCS_GUEST_IA32_EFER, 0);
	vmwrite(VMCS_ENTRY_CONTROLS, vmread(VMCS_ENTRY_CONTROLS) & ~VMX_ENTRY_IA32E_GUEST);
	vmwrite(VMCS_GUEST_DR7, DR7_RESET);
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
	vmwrite(VMCS_GUEST_RSP, 0);
	vmwrite(VMCS_GUEST_GDTR_BASE, 0);
	vmwrite(VMCS_GUEST_GDTR_LIMIT, REAL_MODE_LIMIT);
	vmwrite(VMCS_GUEST_IDTR_BASE, 0);
	vmwrite(VMCS_GUEST_IDTR_LIMIT, REAL_MODE_LIMIT);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmwrite(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, 0);
	vmwrite(VMCS_GUEST_IA32_DEBUGCTL, 0);
	set_segment(SEGMENT_LDTR, 0, 0, REAL_MODE_LIMIT, ACCESS_LDTR);
	set_segment(SEGMENT_TR, 0, 0, REAL_MODE_LIMIT, ACCESS_TR);
}

/* CR0 that the host asked for; NE is on underneath. */
static void set_cr0(u64 value)
{
	vmwrite(VMCS_CR0_READ_SHADOW, value);
	vmwrite(VMCS_GUEST_CR0, value | CR0_NE);
}

void l1_core_on(struct emu_cpu *cpu)
{
	u64 pat = rdmsr(IA32_PAT);

	if ((rdmsr(IA32_VMX_MISC) & (VMX_MISC_STORE_LMA | VMX_MISC_ACTIVITY_WAIT_FOR_SIPI)) !=
	    (VMX_MISC_STORE_LMA | VMX_MISC_ACTIVITY_WAIT_FOR_SIPI))
		verdict_stop("core %u: VMX lacks unrestricted guest or the wait-for-SIPI state (IA32_VMX_MISC)",
			     cpu->index);
	write_cr4(read_cr4() | CR4_VMXE);
	write_cr0((read_cr0() | rdmsr(IA32_VMX_CR0_FIXED0)) & rdmsr(IA32_VMX_CR0_FIXED1));
	cpu->vmxon_hpa = (u64)emu_pages(1);
	cpu->host_vmcs_hpa = (u64)emu_pages(1);
	vmx_init_region(cpu->vmxon_hpa);
	vmx_init_region(cpu->host_vmcs_hpa);
	if (!vmx_on(cpu->vmxon_hpa) || !vmx_clear(cpu->host_vmcs_hpa) || !vmx_load(cpu->host_vmcs_hpa))
		verdict_stop("core %u: VMXON or VMPTRLD failed", cpu->index);
	write_controls(cpu);
	vmx_write_host_state(cpu);
	vmwrite(VMCS_GUEST_IA32_PAT, pat);
	vmwrite(VMCS_GUEST_IA32_SYSENTER_CS, rdmsr(IA32_SYSENTER_CS));
	vmwrite(VMCS_GUEST_IA32_SYSENTER_ESP, rdmsr(IA32_SYSENTER_ESP));
	vmwrite(VMCS_GUEST_IA32_SYSENTER_EIP, rdmsr(IA32_SYSENTER_EIP));
	l1_reset_by_init(cpu);
}

void l1_enter_at_multiboot2(struct emu_cpu *cpu, u32 entry, u32 information)
{
	write_common_state();
	set_cr0(CR0_PE | CR0_ET);
	set_segment(SEGMENT_CS, MULTIBOOT_CODE_SELECTOR, 0, FLAT_LIMIT, ACCESS_FLAT_CODE);
	set_segment(SEGMENT_SS, MULTIBOOT_DATA_SELECTOR, 0, FLAT_LIMIT, ACCESS_FLAT_DATA);
	set_segment(SEGMENT_DS, MULTIBOOT_DATA_SELECTOR, 0, FLAT_LIMIT, ACCESS_FLAT_DATA);
	set_segment(SEGMENT_ES, MULTIBOOT_DATA_SELECTOR, 0, FLAT_LIMIT, ACCESS_FLAT_DATA);
	set_segment(SEGMENT_FS, MULTIBOOT_DATA_SELECTOR, 0, FLAT_LIMIT, ACCESS_FLAT_DATA);
	set_segment(SEGMENT_GS, MULTIBOOT_DATA_SELECTOR, 0, FLAT_LIMIT, ACCESS_FLAT_DATA);
	vmwrite(VMCS_GUEST_RIP, entry);
	vmwrite(VMCS_GUEST_ACTIVITY_STATE, VMX_ACTIVITY_ACTIVE);
	memset(cpu->gpr, 0, sizeof(cpu->gpr));
	cpu->gpr[GPR_RAX] = MB2_BOOT_MAGIC;
	cpu->gpr[GPR_RBX] = information;
}

/* Real mode with all data segments at 0. */
static void set_real_mode(struct emu_cpu *cpu, u64 cr0)
{
	write_common_state();
	set_cr0(cr0);
	set_segment(SEGMENT_SS, 0, 0, REAL_MODE_LIMIT, ACCESS_REAL_DATA);
	set_segment(SEGMENT_DS, 0, 0, REAL_MODE_LIMIT, ACCESS_REAL_DATA);
	set_segment(SEGMENT_ES, 0, 0, REAL_MODE_LIMIT, ACCESS_REAL_DATA);
	set_segment(SEGMENT_FS, 0, 0, REAL_MODE_LIMIT, ACCESS_REAL_DATA);
	set_segment(SEGMENT_GS, 0, 0, REAL_MODE_LIMIT, ACCESS_REAL_DATA);
	memset(cpu->gpr, 0, sizeof(cpu->gpr));
}

void l1_enter_at_real_mode(struct emu_cpu *cpu, u16 segment, u16 offset)
{
	set_real_mode(cpu, CR0_ET);
	set_segment(SEGMENT_CS, segment, (u64)segment << REAL_MODE_SEGMENT_SHIFT, REAL_MODE_LIMIT, ACCESS_REAL_CODE);
	vmwrite(VMCS_GUEST_RIP, offset);
	vmwrite(VMCS_GUEST_ACTIVITY_STATE, VMX_ACTIVITY_ACTIVE);
}

void l1_reset_by_init(struct emu_cpu *cpu)
{
	set_real_mode(cpu, INIT_CR0);
	set_segment(SEGMENT_CS, INIT_CS_SELECTOR, INIT_CS_BASE, REAL_MODE_LIMIT, ACCESS_REAL_CODE);
	vmwrite(VMCS_GUEST_RIP, INIT_RIP);
	vmwrite(VMCS_GUEST_ACTIVITY_STATE, VMX_ACTIVITY_WAIT_FOR_SIPI);
	cpu->gpr[GPR_RDX] = cpuid(1, 0).eax;	/* family, model, stepping */
	vmx_invvpid(VMX_INVVPID_SINGLE_CONTEXT, L1_VPID);
}

void l1_start_by_sipi(struct emu_cpu *cpu, u8 vector)
{
	(void)cpu;
	set_segment(SEGMENT_CS, (u16)(vector << 8), (u64)vector << PAGE_SHIFT, REAL_MODE_LIMIT, ACCESS_REAL_CODE);
	vmwrite(VMCS_GUEST_RIP, 0);
	vmwrite(VMCS_GUEST_ACTIVITY_STATE, VMX_ACTIVITY_ACTIVE);
}

/* ---- events ---- */

void l1_inject(enum exception vector)
{
	vmwrite(VMCS_ENTRY_INTERRUPTION_INFO, VMX_EVENT_VALID | VMX_EVENT_HARDWARE_EXCEPTION | (u32)vector);
}

/* Real mode has no error codes, and VM entry insists on that. */
void l1_inject_gp(void)
{
	u64 error_code = (vmread(VMCS_GUEST_CR0) & CR0_PE) != 0 ? VMX_EVENT_ERROR_CODE : 0;

	vmwrite(VMCS_ENTRY_EXCEPTION_ERROR_CODE, 0);
	vmwrite(VMCS_ENTRY_INTERRUPTION_INFO,
		VMX_EVENT_VALID | VMX_EVENT_HARDWARE_EXCEPTION | error_code | EXCEPTION_GP);
}

void l1_advance(u64 bytes)
{
	u64 rflags = vmread(VMCS_GUEST_RFLAGS) & ~(u64)RFLAGS_RF;
	u64 rip = vmread(VMCS_GUEST_RIP) + bytes;

	if (!l1_in_64bit_code())
		rip &= 0xffffffffu;
	vmwrite(VMCS_GUEST_RIP, rip);
	vmwrite(VMCS_GUEST_RFLAGS, rflags);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, vmread(VMCS_GUEST_INTERRUPTIBILITY) & ~EVENT_BLOCKING);
	if ((rflags & RFLAGS_TF) != 0 && (vmread(VMCS_GUEST_IA32_DEBUGCTL) & DEBUGCTL_BTF) == 0)
		vmwrite(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS,
			vmread(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS) | VMX_PENDING_DEBUG_BS);
}

static void set_procbased(u32 bit, bool on)
{
	u64 controls = vmread(VMCS_PROCBASED_CONTROLS);

	vmwrite(VMCS_PROCBASED_CONTROLS, on ? controls | bit : controls & ~(u64)bit);
}

void l1_step(void)
{
	set_procbased(VMX_PROC_MONITOR_TRAP_FLAG, true);
}

void l1_step_done(void)
{
	set_procbased(VMX_PROC_MONITOR_TRAP_FLAG, false);
}

void l1_nmi_window(void)
{
	set_procbased(VMX_PROC_NMI_WINDOW_EXITING, false);
}

/* An event whose delivery the exit interrupted is delivered again, unless the handler chose another one. */
static void redeliver_interrupted_event(void)
{
	u64 event = vmread(VMCS_IDT_VECTORING_INFO);

	if ((event & VMX_EVENT_VALID) == 0 || (vmread(VMCS_ENTRY_INTERRUPTION_INFO) & VMX_EVENT_VALID) != 0)
		return;
	if (event & VMX_EVENT_ERROR_CODE)
		vmwrite(VMCS_ENTRY_EXCEPTION_ERROR_CODE, vmread(VMCS_IDT_VECTORING_ERROR_CODE));
	vmwrite(VMCS_ENTRY_INSTRUCTION_LENGTH, vmread(VMCS_EXIT_INSTRUCTION_LENGTH));
	vmwrite(VMCS_ENTRY_INTERRUPTION_INFO, event & ~(u64)VMX_EVENT_NMI_UNBLOCKING);
}

static void deliver_nmi(struct emu_cpu *cpu)
{
	bool blocked = (vmread(VMCS_GUEST_INTERRUPTIBILITY) & (EVENT_BLOCKING | VMX_BLOCKING_BY_NMI)) != 0 ||
		       (vmread(VMCS_ENTRY_INTERRUPTION_INFO) & VMX_EVENT_VALID) != 0;

	set_procbased(VMX_PROC_NMI_WINDOW_EXITING, false);
	if (vmread(VMCS_GUEST_ACTIVITY_STATE) == VMX_ACTIVITY_WAIT_FOR_SIPI)
		return;
	if (blocked)
		set_procbased(VMX_PROC_NMI_WINDOW_EXITING, true);
	else if (smp_nmi_take(cpu))
		vmwrite(VMCS_ENTRY_INTERRUPTION_INFO, VMX_EVENT_VALID | VMX_EVENT_NMI | 2);
}

static void before_entry(struct emu_cpu *cpu)
{
	u64 generation = host_view_generation();

	redeliver_interrupted_event();
	if (smp_nmi_pending(cpu))
		deliver_nmi(cpu);
	if (l1.ept_generation[cpu->index] != generation) {
		vmx_invept(VMX_INVEPT_SINGLE_CONTEXT, host_view_eptp());
		l1.ept_generation[cpu->index] = generation;
	}
}

static void stay_in_host(struct emu_cpu *cpu)
{
	trace_host_resumes(cpu);
	if (!vmx_run(cpu->gpr, cpu->host_vmcs_launched ? VMX_RESUME : VMX_LAUNCH))
		verdict_stop("core %u: VM entry of the host fails with error %lu", cpu->index,
			     vmread(VMCS_INSTRUCTION_ERROR));
	trace_host_stops(cpu);
	cpu->host_vmcs_launched = true;
}

void l1_measure_way(struct emu_cpu *cpu)
{
	set_procbased(VMX_PROC_NMI_WINDOW_EXITING, true);
	stay_in_host(cpu);
	if (vmread(VMCS_EXIT_REASON) != VMX_REASON_NMI_WINDOW)
		verdict_stop("core %u: an open NMI window does not exit at once, but for reason 0x%lx", cpu->index,
			     vmread(VMCS_EXIT_REASON));
	set_procbased(VMX_PROC_NMI_WINDOW_EXITING, false);
	trace_measure_way(cpu);
}

void l1_run(struct emu_cpu *cpu)
{
	for (;;) {
		before_entry(cpu);
		stay_in_host(cpu);
		vmexit_handle(cpu);
	}
}
