/* SPDX-License-Identifier: BSD-2-Clause */
/* See fake_machine.h. */
#include "tests/unit/fake_machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "tests/tdxemu/clock.h"
#include "tests/tdxemu/fault.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/platform.h"
#include "tests/tdxemu/sept.h"
#include "tests/tdxemu/td_cpuid.h"
#include "tests/tdxemu/td_msr.h"
#include "tests/tdxemu/td_vmcs.h"
#include "tests/tdxemu/vmx.h"
#include "tests/unit/test.h"

#define WEAK __attribute__((weak))
#define ARENA_PAGES ((ARENA_END - ARENA_BASE) / PAGE_SIZE)
#define MAX_CALLS 1000	/* of one leaf that goes on where it stopped */
#define REGISTER_MARK 0x5a5a000000000000ull

struct machine machine;

static struct {
	bool mapped;
	u8 view[ARENA_PAGES];
	u8 hidden_as[ARENA_PAGES];
	u64 own_pages;	/* next page emu_pages() gives */
	u64 in[GPR_COUNT];
} arena;

/* ---- the machine's side: cores, memory, host view ---- */

WEAK u32 emu_cpu_count(void)
{
	return machine.cpu_count;
}

WEAK struct emu_cpu *emu_cpu_at(u32 index)
{
	return &machine.cpus[index];
}

/* Our own memory: the host's unused megabytes at 48 MiB. */
WEAK void *emu_pages(u64 count)
{
	u64 first = arena.own_pages;

	arena.own_pages += count * PAGE_SIZE;
	memset(phys(first), 0, count * PAGE_SIZE);
	return phys(first);
}

static bool in_arena(u64 hpa, u64 bytes)
{
	return hpa >= ARENA_BASE && bytes <= ARENA_END - ARENA_BASE && hpa <= ARENA_END - bytes;
}

static void set_view(u64 hpa, u64 bytes, enum page_view view)
{
	for (u64 at = hpa; at < hpa + bytes; at += PAGE_SIZE)
		if (in_arena(at, PAGE_SIZE))
			arena.view[(at - ARENA_BASE) / PAGE_SIZE] = (u8)view;
}

WEAK void host_view_hide(u64 hpa, u64 bytes, enum hidden_as kind)
{
	set_view(hpa, bytes, VIEW_HIDDEN);
	if (in_arena(hpa, bytes))
		memset(&arena.hidden_as[(hpa - ARENA_BASE) / PAGE_SIZE], (int)kind, bytes / PAGE_SIZE);
}

WEAK void host_view_release(u64 hpa, u64 bytes, enum release_rule rule)
{
	static const enum page_view views[] = {
		[RELEASE_CLEAR] = VIEW_OWES_CLEAR,
		[RELEASE_WBINVD_CLEAR] = VIEW_OWES_WBINVD,
		[RELEASE_AS_IS] = VIEW_SHARED,
	};

	set_view(hpa, bytes, views[rule]);
}

WEAK void host_view_written_back(u64 hpa, u16 hkid)
{
	machine.written_back++;
	if (machine_view(hpa) == VIEW_OWES_WBINVD)
		set_view(hpa, PAGE_SIZE, VIEW_OWES_CLEAR);
}

WEAK bool host_view_is_shared(u64 hpa, u64 bytes)
{
	if (!in_arena(hpa, bytes))
		return false;
	for (u64 at = ALIGN_DOWN(hpa, (u64)PAGE_SIZE); at < hpa + bytes; at += PAGE_SIZE)
		if (machine_view(at) == VIEW_HIDDEN)
			return false;
	return true;
}

enum page_view machine_view(u64 hpa)
{
	return (enum page_view)arena.view[(hpa - ARENA_BASE) / PAGE_SIZE];
}

enum hidden_as machine_hidden_as(u64 hpa)
{
	return (enum hidden_as)arena.hidden_as[(hpa - ARENA_BASE) / PAGE_SIZE];
}

WEAK bool msr_read_safe(u32 msr, u64 *value)
{
	if (msr == IA32_TSC_ADJUST)
		*value = machine.tsc_adjust;
	else if (msr == IA32_MISC_ENABLE)
		*value = machine.misc_enable;
	else if (msr == IA32_APIC_BASE)
		*value = APIC_BASE_ENABLE | APIC_BASE_X2APIC;
	else if (msr == IA32_TSX_CTRL)
		*value = machine.tsx_ctrl;
	else
		return false;
	return true;
}

WEAK bool msr_write_safe(u32 msr, u64 value)
{
	if (msr != IA32_TSX_CTRL)
		return false;
	machine.tsx_ctrl = value;
	machine.tsx_writes++;
	return true;
}

/* A CPU that reports its highest leaves and three levels of cache, and nothing else. */
WEAK struct cpuid_regs platform_native_cpuid(u32 leaf, u32 subleaf)
{
	if (leaf == CPUID_VENDOR)
		return (struct cpuid_regs){ .eax = 0x23 };
	if (leaf == CPUID_EXT_MAX)
		return (struct cpuid_regs){ .eax = CPUID_EXT_ADDRESS };
	if (leaf == CPUID_EXT_ADDRESS)
		return (struct cpuid_regs){ .eax = 48 << CPUID_EXT_ADDRESS_LA_SHIFT };
	if (leaf == CPUID_CACHE && subleaf <= 3)
		return (struct cpuid_regs){ .eax = 1 | MAX(subleaf, 1u) << CPUID_4_EAX_LEVEL_SHIFT };
	return (struct cpuid_regs){ 0 };
}

WEAK u32 clock_crystal_multiple(void)
{
	return NATIVE_TSC_HZ / CLOCK_CRYSTAL_HZ;
}

/* ---- the TD's side ---- */

static struct cpuid_regs fake_cpuid(u32 leaf, u32 subleaf)
{
	return (struct cpuid_regs){ 0 };
}

WEAK u32 td_platform_fms(void)
{
	return 0x000c06f2;
}

WEAK u64 td_cpuid_build(struct tdcs *tdcs, const struct td_cpuid_value *config, u64 *bad_leaf)
{
	const struct td_cpuid_platform platform = { .read = fake_cpuid };

	return td_cpuid_build_on(&platform, tdcs, config, bad_leaf);
}

WEAK void td_msr_build_bitmap(struct tdr *tdr, struct tdcs *tdcs)
{
}

WEAK void td_vmcs_init(struct emu_cpu *cpu, struct tdr *tdr, struct tdvps *tdvps, u64 rcx)
{
	machine.vmcs_inits++;
	tdvps->gpr[GPR_RCX] = rcx;
}

WEAK void td_vmcs_flush(struct emu_cpu *cpu, struct tdvps *tdvps)
{
	machine.vmcs_flushes++;
}

#define FAKE_VMCS_FIELD 0x0002	/* the one field there is: kept in pid_vector */

WEAK u64 td_vmcs_read(struct emu_cpu *cpu, struct tdvps *tdvps, u32 encoding, u64 *value)
{
	*value = tdvps->pid_vector;
	return encoding == FAKE_VMCS_FIELD ? TDX_SUCCESS : TDX_METADATA_FIELD_ID_INCORRECT;
}

WEAK u64 td_vmcs_write(struct emu_cpu *cpu, struct tdvps *tdvps, u32 encoding, u64 value, u64 mask, u64 *previous)
{
	*previous = tdvps->pid_vector;
	if (encoding != FAKE_VMCS_FIELD)
		return TDX_METADATA_FIELD_ID_INCORRECT;
	tdvps->pid_vector = (u16)value;
	return TDX_SUCCESS;
}

WEAK bool td_vmcs_interrupt_pending(struct emu_cpu *cpu, struct tdvps *tdvps)
{
	return machine.interrupt_pending;
}

WEAK bool td_physical_event(struct td_run *run)
{
	return machine.physical_event;
}

/* Private operands through the Secure EPT; shared ones are the host's memory at the same offset. */
WEAK enum tdcall_outcome td_operand(struct td_run *run, u64 gpa, enum guest_access access, u32 operand, u64 *hpa,
				    u64 *status)
{
	u64 shared = td_shared_bit(run->tdcs);

	*status = TDX_SUCCESS;
	if (gpa & shared) {
		*hpa = ARENA_BASE + (gpa & ~shared);
		return TDCALL_DONE;
	}
	*hpa = sept_translate(run->tdr, gpa);
	if (*hpa != 0)
		return TDCALL_DONE;
	run->exit_status = TD_EXIT_EPT_VIOLATION;
	run->exit_gpa = gpa;
	return TDCALL_EXIT;
}

/* ---- what tests use ---- */

static void map_arena(void)
{
	void *at = mmap(phys(ARENA_BASE), ARENA_END - ARENA_BASE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	if (at != phys(ARENA_BASE)) {
		perror("arena");
		exit(1);
	}
	arena.mapped = true;
	module_add_ram(ARENA_BASE, TDMR_BYTES);
}

void machine_reset(u32 cpus, u32 packages)
{
	if (!arena.mapped)
		map_arena();
	memset(&machine, 0, sizeof(machine));
	memset(arena.view, VIEW_SHARED, sizeof(arena.view));
	arena.own_pages = ARENA_BASE + MIB(48);
	machine.cpu_count = cpus;
	machine.next_page = POOL_BASE;
	for (u32 i = 0; i < cpus; i++)
		machine.cpus[i] = (struct emu_cpu){
			.index = i,
			.apic_id = i % packages * (cpus / packages) + i / packages,
			.online = true,
		};
	machine.packages = packages;
	machine_platform("");
}

void machine_platform(const char *words)
{
	char text[256];

	fault_platform_forget();
	snprintf(text, sizeof(text), "platform=%s packages=%u", words, machine.packages);
	fault_configure(text);
	platform_prepare(text);
	module.lock = 0;	/* a test that failed may have left it taken */
	module_load();
}

u64 machine_call(u32 cpu, host_leaf leaf, u32 version, struct machine_regs in)
{
	u64 status;

	for (u32 i = 0; i < GPR_COUNT; i++)
		arena.in[i] = REGISTER_MARK | i;
	arena.in[GPR_RCX] = in.rcx;
	arena.in[GPR_RDX] = in.rdx;
	arena.in[GPR_R8] = in.r8;
	arena.in[GPR_R9] = in.r9;
	arena.in[GPR_R10] = in.r10;
	arena.in[GPR_R11] = in.r11;
	arena.in[GPR_R12] = in.r12;
	arena.in[GPR_R13] = in.r13;
	memcpy(machine.out, arena.in, sizeof(machine.out));
	status = leaf(&machine.cpus[cpu], machine.out, version);
	machine.out[GPR_RAX] = status;
	return status;
}

bool machine_kept(u32 changed)
{
	for (u32 i = GPR_RCX; i < GPR_COUNT; i++)
		if ((changed & BIT(i)) == 0 && machine.out[i] != arena.in[i])
			return false;
	return true;
}

struct tdx_tdmr_info *machine_tdmr(u32 i)
{
	struct tdx_tdmr_info *info = phys(HOST_TDMR_INFO + i * TDX_TDMR_INFO_ALIGN);

	((u64 *)phys(HOST_TDMR_LIST))[i] = (u64)info;
	*info = (struct tdx_tdmr_info){
		.base = ARENA_BASE,
		.bytes = TDMR_BYTES,
		.pamt_1g_base = PAMT_1G_BASE,
		.pamt_1g_bytes = PAGE_SIZE,
		.pamt_2m_base = PAMT_2M_BASE,
		.pamt_2m_bytes = KIB(8),
		.pamt_4k_base = PAMT_4K_BASE,
		.pamt_4k_bytes = MIB(4),
		.reserved = { { .offset_bytes = 0, .bytes = HOST_BYTES } },
	};
	return info;
}

void machine_initialise(void)
{
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	for (u32 i = 0; i < machine.cpu_count; i++)
		CHECK_EQ(SEAM_ON(i, leaf_sys_lp_init), TDX_SUCCESS);
}

void machine_tdmr_init(void)
{
	u64 status;
	u32 calls = 0;

	do {
		status = SEAM(leaf_sys_tdmr_init, .rcx = ARENA_BASE);
	} while (status == TDX_SUCCESS && machine.out[GPR_RDX] < ARENA_BASE + TDMR_BYTES && ++calls < MAX_CALLS);
	CHECK_EQ(status, TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RDX], ARENA_BASE + TDMR_BYTES);
}

u64 machine_resume(u32 cpu, host_leaf leaf, u64 resume)
{
	u64 status = SEAM_ON(cpu, leaf, .rcx = 0);

	for (u32 calls = 1; status == TDX_INTERRUPTED_RESUMABLE && calls < MAX_CALLS; calls++)
		status = SEAM_ON(cpu, leaf, .rcx = resume);
	return status;
}

void machine_bring_up(void)
{
	machine_initialise();
	machine_tdmr(0);
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1,
		      .r8 = GLOBAL_HKID | (machine.dynamic_pamt ? BIT(16) : 0)), TDX_SUCCESS);
	for (u32 i = 0; i < machine.cpu_count; i++)
		machine.cpus[i].wbinvd_done = true;
	for (u32 i = 0; i < machine.cpu_count && module.state != SYS_READY; i++)
		(void)SEAM_ON(i, leaf_sys_key_config);
	CHECK_EQ(module.state, SYS_READY);
	machine_tdmr_init();
}

u64 machine_page(void)
{
	u64 page = machine.next_page;

	machine.next_page += PAGE_SIZE;
	return page;
}

u64 machine_page_2m(void)
{
	u64 page = ALIGN_UP(machine.next_page, (u64)PAGE_SIZE_2M);

	machine.next_page = page + PAGE_SIZE_2M;
	return page;
}

static bool table_locks_free(u64 base, u64 count)
{
	const struct pamt_entry *entries = phys(base);

	for (u64 i = 0; i < count; i++)
		if (entries[i].lock != 0)
			return false;
	return true;
}

bool machine_locks_free(const struct machine_td *td)
{
	bool ok = module.lock == 0 && module.kot_lock == 0 && module.tdmrs[0].lock == 0 &&
		  table_locks_free(PAMT_1G_BASE, 1) &&
		  table_locks_free(PAMT_2M_BASE, KIB(8) / MODULE_PAMT_ENTRY_BYTES) &&
		  (module.dynamic_pamt || table_locks_free(PAMT_4K_BASE, MIB(4) / MODULE_PAMT_ENTRY_BYTES));

	for (u64 page = ARENA_BASE; module.dynamic_pamt && page < ARENA_END; page += PAGE_SIZE) {
		const struct pamt_entry *entry = pamt_find_entry(page, TDX_LEVEL_4K);

		ok = ok && (entry == NULL || entry->lock == 0);
	}
	for (u32 i = 0; i < MODULE_MAX_PACKAGES; i++)
		ok = ok && module.wbcache_lock[i] == 0;
	if (td != NULL) {
		const struct tdcs *tdcs = machine_tdcs(td);

		ok = ok && tdcs->op_state_lock == 0 && tdcs->sept_lock == 0 && tdcs->epoch_lock == 0 &&
		     tdcs->rtmr_lock == 0;
	}
	return ok;
}

struct td_params *machine_params(void)
{
	struct td_params *params = phys(HOST_PARAMS);

	memset(params, 0, sizeof(*params));
	params->attributes = TD_ATTR_SEPT_VE_DISABLE;
	params->xfam = TD_XFAM_X87 | TD_XFAM_SSE;
	params->max_vcpus = 2;
	params->eptp_controls = TD_EPTP_WB | TD_EPTP_WALK_4_LEVELS;
	params->config_flags = TD_CONFIG_NO_RBP_MOD;
	params->tsc_frequency = 40;
	return params;
}

void machine_td_create(struct machine_td *td, u16 hkid)
{
	*td = (struct machine_td){ .tdr = machine_page() };
	CHECK_EQ(SEAM(leaf_mng_create, .rcx = td->tdr, .rdx = hkid), TDX_SUCCESS);
	for (u32 i = 0; i < machine.cpu_count && ((struct tdr *)phys(td->tdr))->lifecycle == TD_HKID_ASSIGNED; i++)
		(void)SEAM_ON(i, leaf_mng_key_config, .rcx = td->tdr);
}

void machine_td_addcx(struct machine_td *td)
{
	for (u32 i = 0; i < MODULE_TDCS_PAGES; i++) {
		td->tdcx[i] = machine_page();
		CHECK_EQ(SEAM(leaf_mng_addcx, .rcx = td->tdcx[i], .rdx = td->tdr), TDX_SUCCESS);
	}
}

void machine_td_init(struct machine_td *td)
{
	machine_params();
	CHECK_EQ(SEAM(leaf_mng_init, .rcx = td->tdr, .rdx = HOST_PARAMS), TDX_SUCCESS);
}

void machine_td_add_vcpu(struct machine_td *td)
{
	u64 *pages = td->tdvps[td->vcpus];

	pages[0] = machine_page();
	CHECK_EQ(SEAM(leaf_vp_create, .rcx = pages[0], .rdx = td->tdr), TDX_SUCCESS);
	for (u32 i = 1; i < MODULE_TDVPS_PAGES; i++) {
		pages[i] = machine_page();
		CHECK_EQ(SEAM(leaf_vp_addcx, .rcx = pages[i], .rdx = pages[0]), TDX_SUCCESS);
	}
	CHECK_EQ(SEAM_V1(leaf_vp_init, .rcx = pages[0], .rdx = 0x1234, .r8 = td->vcpus), TDX_SUCCESS);
	td->vcpus++;
}

void machine_td_build(struct machine_td *td)
{
	machine_td_create(td, TD_HKID);
	machine_td_addcx(td);
	machine_td_init(td);
	machine_td_add_vcpu(td);
}

void machine_td_tables(struct machine_td *td, u64 gpa)
{
	for (u64 level = TDX_LEVEL_512G; level > TDX_LEVEL_4K; level--) {
		u64 at = ALIGN_DOWN(gpa, (u64)PAGE_SIZE << (9 * level));

		CHECK_EQ(SEAM(leaf_mem_sept_add, .rcx = at | level, .rdx = td->tdr | SEPT_ADD_ALLOW_EXISTING,
			      .r8 = machine_page()),
			 TDX_SUCCESS);
	}
}

void machine_td_finalize(struct machine_td *td)
{
	CHECK_EQ(SEAM(leaf_mr_finalize, .rcx = td->tdr), TDX_SUCCESS);
}

struct tdcs *machine_tdcs(const struct machine_td *td)
{
	return tdcs_of(phys(td->tdr));
}

void machine_enter(const struct machine_td *td, struct vp_ref *vp)
{
	struct tdcs *tdcs = machine_tdcs(td);

	CHECK_EQ(vp_take(td->tdvps[0][0], TDX_OPERAND_ID_RCX, LOCK_SHARED, LOCK_SHARED, vp), TDX_SUCCESS);
	CHECK_EQ(vp_associate(&machine.cpus[0], vp, false), TDX_SUCCESS);
	tdcs->refcount[tdcs->td_epoch & 1]++;
	vp->tdvps->vcpu_epoch = tdcs->td_epoch;
}

void machine_leave(struct vp_ref *vp)
{
	vp->td.tdcs->refcount[vp->tdvps->vcpu_epoch & 1]--;
	vp_drop(vp);
}

struct td_run machine_run(const struct machine_td *td)
{
	return (struct td_run){
		.cpu = &machine.cpus[0],
		.tdr = phys(td->tdr),
		.tdr_hpa = td->tdr,
		.tdcs = machine_tdcs(td),
		.tdvps = phys(td->tdvps[0][0]),
	};
}
