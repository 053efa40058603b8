/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One logical processor of the software TDX machine. Passed as a parameter everywhere; never looked up.
 * "Host" below is the program above us (a hypervisor); "TD" is a guest it runs through TDH.VP.ENTER.
 * Legend: (c) constant after bring-up; (o) owning core only; others atomic or under the module's locks.
 */
#ifndef TDXEMU_CPU_H
#define TDXEMU_CPU_H

#include "include/cella/types.h"
#include "include/spec/tdx/vp_enter.h"

#define EMU_MAX_CPUS 64

struct td_run;

struct emu_cpu {
	u32 index;	/* (c) */
	u32 apic_id;	/* (c) */
	u32 package;	/* (c) APIC id above the package shift of platform.c */
	bool online;	/* (c) */
	u64 gpr[GPR_COUNT];	/* (o) the host's registers at its last exit; RSP, RIP, RFLAGS live in its VMCS */
	u64 vmxon_hpa;	/* (c) our own VMXON region */
	u64 host_vmcs_hpa;	/* (c) VMCS of the host on this core */
	bool host_vmcs_launched;	/* (o) */

	bool host_vmx_on;	/* (o) the host executed VMXON */
	u64 host_vmxon_hpa;	/* (o) its region */

	bool lp_initialised;	/* TDH.SYS.LP.INIT done (module state, cleared by loading a module) */
	bool in_module;	/* atomic: between SEAMCALL and its return */
	bool wbinvd_done;	/* host executed WBINVD on this core since TDH.SYS.CONFIG */
	struct td_run *run;	/* (o) the TD vCPU this core is in, NULL outside TDH.VP.ENTER */
	u64 last_tdvpr;	/* (o) TDVPR that ran here last: another one needs INVEPT */
	u64 exits[80];	/* (o) exits of the host by reason */
};

/** emu_cpu_count(), emu_cpu_at() - cores that take part; index < count */
u32 emu_cpu_count(void);
struct emu_cpu *emu_cpu_at(u32 index);

#endif
