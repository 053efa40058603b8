/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The software TDX machine's module side on the development machine. Physical memory is an arena at the same low
 * addresses as its HPAs, so phys() works unchanged; cores, host view, VMCS and TD operands are fakes (weak symbols: a
 * real file that is linked wins).
 *
 *	0x40000000	host memory (64 MiB, a reserved area of the one TDMR): parameters, PAMT
 *	0x44000000	TD pool: machine_page()
 *	0x80000000	end of the TDMR and of the CMR; the last 16 MiB have no memory behind them
 */
#ifndef TESTS_UNIT_FAKE_MACHINE_H
#define TESTS_UNIT_FAKE_MACHINE_H

#include "include/spec/tdx/leaf.h"
#include "include/spec/tdx/metadata.h"
#include "tests/tdxemu/host_view.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/seamcall.h"
#include "tests/tdxemu/td.h"
#include "tests/tdxemu/tdcall.h"

#define ARENA_BASE 0x40000000ull
#define ARENA_END 0x7f000000ull	/* below the sanitizer's shadow memory */
#define TDMR_BYTES GIB(1)
#define HOST_BYTES MIB(64)
#define POOL_BASE (ARENA_BASE + HOST_BYTES)
#define HOST_TDMR_LIST (ARENA_BASE + 0x1000)
#define HOST_TDMR_INFO (ARENA_BASE + 0x2000)	/* up to 64 entries of 512 bytes */
#define HOST_PARAMS (ARENA_BASE + 0x10000)
#define HOST_PAGE (ARENA_BASE + 0x11000)
#define HOST_PAGE_2 (ARENA_BASE + 0x12000)
#define PAMT_4K_BASE (ARENA_BASE + MIB(16))
#define PAMT_2M_BASE (ARENA_BASE + MIB(24))
#define PAMT_1G_BASE (ARENA_BASE + MIB(25))
#define NATIVE_TSC_HZ 2000000000ull
#define GLOBAL_HKID PLATFORM_FIRST_PRIVATE
#define TD_HKID (PLATFORM_FIRST_PRIVATE + 1)

struct machine_regs {
	u64 rcx, rdx, r8, r9, r10, r11, r12, r13;
};

/* What happened to a page in the host's view. */
enum page_view {
	VIEW_SHARED,
	VIEW_HIDDEN,
	VIEW_OWES_CLEAR,
	VIEW_OWES_WBINVD,	/* and a clear */
};

struct machine_td {
	u64 tdr;
	u64 tdcx[MODULE_TDCS_PAGES];
	u64 tdvps[2][MODULE_TDVPS_PAGES];
	u32 vcpus;
};

struct machine {
	struct emu_cpu cpus[8];
	u32 cpu_count, packages;
	u64 out[GPR_COUNT];	/* registers after the last call */
	u64 next_page;
	u64 tsc_adjust, misc_enable, tsx_ctrl;
	u32 tsx_writes;	/* WRMSR of IA32_TSX_CTRL */
	bool dynamic_pamt;	/* wanted from machine_bring_up(); the platform word is the test's business */
	bool physical_event;
	bool interrupt_pending;
	u32 vmcs_inits, vmcs_flushes, written_back;
};
extern struct machine machine;

/**
 * machine_reset() - @cpus cores, @packages packages (core i is in package i % packages), a freshly loaded module
 * The CPU below has nothing but caches; no platform word is in effect.
 */
void machine_reset(u32 cpus, u32 packages);
/** machine_platform() - the same machine with platform @words in effect and the module loaded again */
void machine_platform(const char *words);
/** machine_call() - one leaf on @cpu; registers not named in @in hold marks of their own; result in machine.out */
u64 machine_call(u32 cpu, host_leaf leaf, u32 version, struct machine_regs in);
#define SEAM(leaf, ...) machine_call(0, leaf, 0, (struct machine_regs){ __VA_ARGS__ })
#define SEAM_V1(leaf, ...) machine_call(0, leaf, 1, (struct machine_regs){ __VA_ARGS__ })
#define SEAM_ON(cpu, leaf, ...) machine_call(cpu, leaf, 0, (struct machine_regs){ __VA_ARGS__ })
/** machine_kept() - did the last call leave every register alone but RAX and those in @changed (bits of enum gpr)? */
bool machine_kept(u32 changed);

/** machine_tdmr() - a correct TDMR_INFO for the arena in slot @i of the list */
struct tdx_tdmr_info *machine_tdmr(u32 i);
/** machine_initialise() - TDH.SYS.INIT, and TDH.SYS.LP.INIT on every core */
void machine_initialise(void);
/** machine_bring_up() - to READY with the whole TDMR initialised */
void machine_bring_up(void);
/** machine_tdmr_init() - TDH.SYS.TDMR.INIT until the whole TDMR is done; fails the test if that takes too many calls */
void machine_tdmr_init(void);
/**
 * machine_resume() - an interruptible leaf without other operands: RCX = 0, then RCX = @resume while it is interrupted
 * Its last status; after too many calls that is the interruption.
 */
u64 machine_resume(u32 cpu, host_leaf leaf, u64 resume);
/** machine_page(), machine_page_2m() - a fresh page of the TD pool */
u64 machine_page(void);
u64 machine_page_2m(void);
enum page_view machine_view(u64 hpa);
enum hidden_as machine_hidden_as(u64 hpa);
/** machine_locks_free() - is every PAMT lock, and every lock of the TD, free? @td may be NULL */
bool machine_locks_free(const struct machine_td *td);

/** machine_params() - correct TD_PARAMS at HOST_PARAMS: 4 levels, 1 GHz, two vCPUs */
struct td_params *machine_params(void);
/** machine_td_*() - steps of a TD's life, each failing the test if a leaf does; ..._build() is all up to a vCPU */
void machine_td_create(struct machine_td *td, u16 hkid);
void machine_td_addcx(struct machine_td *td);
void machine_td_init(struct machine_td *td);
void machine_td_add_vcpu(struct machine_td *td);
void machine_td_build(struct machine_td *td);
/** machine_td_tables() - Secure EPT tables down to the level-0 entries around @gpa */
void machine_td_tables(struct machine_td *td, u64 gpa);
void machine_td_finalize(struct machine_td *td);
struct tdcs *machine_tdcs(const struct machine_td *td);
/** machine_enter(), machine_leave() - what TDH.VP.ENTER and a TD exit do to locks, epochs and association of vCPU 0 */
void machine_enter(const struct machine_td *td, struct vp_ref *vp);
void machine_leave(struct vp_ref *vp);
/** machine_run() - a struct td_run of vCPU 0 on core 0 for guest leaves */
struct td_run machine_run(const struct machine_td *td);

#endif
