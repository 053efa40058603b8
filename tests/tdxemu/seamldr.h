/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * P-SEAMLDR of the software TDX machine: loads and replaces the TDX module. Leaves with RAX bit 63 set; its statuses are
 * include/spec/tdx/seamldr.h's. One core at a time is inside.
 */
#ifndef TDXEMU_SEAMLDR_H
#define TDXEMU_SEAMLDR_H

#include "include/cella/types.h"
#include "include/spec/tdx/seamldr.h"
#include "tests/tdxemu/cpu.h"

#define SEAMLDR_MAX_UPDATES 8	/* entries of the log of loaded modules; CLEANUP empties it */

/* A leaf that every core calls is a session; only one kind at a time. */
enum seamldr_session {
	SESSION_NONE,
	SESSION_INSTALL,
	SESSION_CLEANUP,
	SESSION_SHUTDOWN,
};

/* All but seam_ready and busy belongs to the core that is inside. */
struct seamldr {
	u8 busy;	/* atomic: a core is inside */
	bool seam_ready;	/* atomic: SEAMCALL finds a TDX module */
	bool present;	/* not after SEAMLDR.SHUTDOWN */
	bool installed;	/* a module was loaded since P-SEAMLDR started */
	bool was_ready;	/* SEAM_READY when the session began */
	enum seamldr_session session;
	u64 cores_done;	/* bitmap: they made their call of this session */
	u32 packages_dirty;	/* bitmap: a module's keys and cache lines may be left there */
	u32 packages_half_clean;	/* bitmap: CLEANUP was interrupted there */
	u32 remaining_updates;
};
extern struct seamldr seamldr;

/** seamldr_start() - firmware at power-on. P-SEAMLDR and the firmware's module unless the platform words say otherwise */
void seamldr_start(void);
/** seamldr_module_ready() - does SEAMCALL reach a TDX module? Else CF = 1 */
bool seamldr_module_ready(void);
/** seamldr_call() - the leaf in RAX with @cpu's registers. False: not there or busy, nothing happened, CF = 1 */
bool seamldr_call(struct emu_cpu *cpu);

/**
 * seamldr_join() - this core's call of a session, which the first one opens and which takes the module off the air
 * SEAMLDR_EBADCALL: another session is open, or this core had its call.
 */
u64 seamldr_join(struct emu_cpu *cpu, enum seamldr_session session);
/** seamldr_is_last() - has every core joined? */
bool seamldr_is_last(void);
/** seamldr_leave() - the last core has done the session's work */
void seamldr_leave(void);
/** seamldr_set_ready() - SEAM_READY */
void seamldr_set_ready(bool ready);
/** seamldr_all_packages() - bitmap of the packages that exist */
u32 seamldr_all_packages(void);

/** seamldr_install() - SEAMLDR.INSTALL on one core (seamldr_install.c) */
u64 seamldr_install(struct emu_cpu *cpu, u64 gpr[GPR_COUNT]);

#endif
