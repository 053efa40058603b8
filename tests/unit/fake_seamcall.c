/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module behind seamcall_issue() in unit tests. One handler per leaf, each with the manual's effect on page types,
 * key and TD state, secure EPT entries and epochs. Single-threaded, like the tests.
 */
#include "tests/unit/fake_seamcall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/cella/memory_map.h"
#include "include/spec/tdx/metadata.h"
#include "include/spec/tdx/seamldr.h"
#include "include/spec/tdx/sept.h"
#include "kernel/lib/sha384.h"
#include "kernel/percpu.h"
#include "tdx/seamcall.h"
#include "tests/unit/fake_pamt_pair.h"

#define SEAMCALL_LEAVES 128
#define MAX_PAGES (8ull << 18)	/* of the fake's physical address space: 8 GiB */
#define MAX_TDS 4
#define MAX_ENTRIES 8192
#define MAX_REFUSALS 16
#define MAX_FIELDS 16
#define OK(code) (TDX_##code)
#define WITH_OPERAND(code, operand) (TDX_##code | TDX_OPERAND_ID_##operand)

enum system_state { INIT_PENDING, INIT_DONE, CONFIG_DONE, READY, SHUT_DOWN };
enum life { LIFE_NONE, HKID_ASSIGNED, KEYS_CONFIGURED, BLOCKED, TEARDOWN };

struct entry {
	bool used;
	u64 gpa;
	u32 level;
	bool table;
	bool blocked;
	u64 hpa;
	u64 source;	/* host page the content came from, 0: none */
	u64 epoch;	/* at which it was blocked */
};

struct fake_td {
	enum life life;
	u64 tdr;
	u16 hkid;
	u32 tdcs;
	u32 op_state;	/* 0 uninitialised, 1 initialised, 2 runnable */
	u64 children;
	u64 packages_keyed;
	u64 packages_dirty;
	u32 vcpus;
	u64 epoch;
	struct sha384 hash;
	u8 mrtd[SHA384_BYTES];
	struct entry entries[MAX_ENTRIES];
};

struct fake_vcpu {
	u64 tdvpr;
	u32 td;
	u32 pages;
	bool initialised;
	u32 lp;	/* associated core + 1, 0: none */
};

static struct {
	enum system_state state;
	u64 ram_base, ram_bytes;
	u64 features0;
	bool lp_done[MAX_CPUS];
	/* P-SEAMLDR */
	bool absent;	/* no loader answers */
	bool unloaded;	/* SEAM_READY clear */
	bool install_seen[MAX_CPUS];	/* in the session under way */
	u32 installs, scenario;
	bool handoff;	/* TDH.SYS.SHUTDOWN left something to take over */
	bool cleanup_required;
	bool cleaned[MAX_CPUS];
	u32 build_date;
	u64 packages_keyed;
	struct tdx_tdmr_info tdmrs[TDX_MAX_TDMRS];
	u64 tdmr_next[TDX_MAX_TDMRS];
	u32 tdmr_count;
	u8 type[MAX_PAGES];	/* enum pamt_page_type */
	u8 owner[MAX_PAGES];	/* TD index + 1 */
	bool key_assigned[2048];
	struct fake_td tds[MAX_TDS];
	struct fake_vcpu vcpus[64];
	u64 calls[SEAMCALL_LEAVES];
	struct {
		u32 leaf, nth, times;
		u64 status;
	} refusals[MAX_REFUSALS];
	struct {
		u64 id, value;
	} fields[MAX_FIELDS];
	u64 last_init_leaf;
	u64 exit_rax;
	u64 exit_gpr[GPR_COUNT];
	void (*on_enter)(u64 gpr[GPR_COUNT]);
	bool corrupt_mrtd;
} fake;

u64 seamcall_issue(u64 leaf, struct seamcall_regs *regs);
u64 seamcall_issue_enter(u64 leaf, u64 gpr[GPR_COUNT]);

/* ---- what tests see ---- */

void fake_module_reset(u64 ram_base, u64 ram_bytes)
{
	memset(&fake, 0, sizeof(fake));
	fake.ram_base = ram_base;
	fake.ram_bytes = ram_bytes;
	fake.build_date = 20240101;
	fake_pamt_pair_reset();
	fake.features0 = TDX_FEATURE_NO_RBP_MOD | TDX_FEATURE_TOPOLOGY_ENUM;
}

void fake_module_make_ready(void)
{
	fake.state = READY;
	for (u32 cpu = 0; cpu < MAX_CPUS; cpu++)
		fake.lp_done[cpu] = true;
	fake.packages_keyed = ~0ull;
}

void fake_refuse(u32 leaf, u32 nth, u32 times, u64 status)
{
	for (u32 i = 0; i < MAX_REFUSALS; i++) {
		if (!fake.refusals[i].times) {
			fake.refusals[i].leaf = leaf;
			fake.refusals[i].nth = nth;
			fake.refusals[i].times = times;
			fake.refusals[i].status = status;
			return;
		}
	}
	abort();
}

void fake_set_loader(bool present, bool module_loaded)
{
	fake.absent = !present;
	fake.unloaded = !module_loaded;
}

void fake_require_cleanup(void)
{
	fake.cleanup_required = true;
}

void fake_refuse_nothing(void)
{
	memset(fake.refusals, 0, sizeof(fake.refusals));
}

u64 fake_calls(u32 leaf)
{
	return fake.calls[leaf];
}

enum pamt_page_type fake_page_type(hpa_t page)
{
	return (enum pamt_page_type)fake.type[page.raw / PAGE_SIZE];
}

u64 fake_held_pages(void)
{
	u64 held = 0;

	for (u64 page = 0; page < MAX_PAGES; page++)
		held += fake.type[page] != PT_NDA;
	return held;
}

bool fake_key_is_assigned(u16 hkid)
{
	return fake.key_assigned[hkid];
}

u64 fake_last_init_leaf(void)
{
	return fake.last_init_leaf;
}

u64 fake_vp_field(u64 field)
{
	for (u32 i = 0; i < MAX_FIELDS; i++)
		if (fake.fields[i].id == field)
			return fake.fields[i].value;
	return ~0ull;
}

void fake_set_features(u64 features0)
{
	fake.features0 = features0;
}

void fake_next_exit(u64 rax, const u64 gpr[GPR_COUNT])
{
	fake.exit_rax = rax;
	memset(fake.exit_gpr, 0, sizeof(fake.exit_gpr));
	if (gpr)
		memcpy(fake.exit_gpr, gpr, sizeof(fake.exit_gpr));
}

void fake_on_enter(void (*hook)(u64 gpr[GPR_COUNT]))
{
	fake.on_enter = hook;
}

void fake_corrupt_mrtd(void)
{
	fake.corrupt_mrtd = true;
}

/* ---- helpers ---- */

static u32 all_packages(void)
{
	u32 bits = 0;

	for (u32 cpu = 0; cpu < cpu_count(); cpu++)
		bits |= 1u << cpu_at(cpu)->package;
	return bits;
}

static u64 this_package(void)
{
	return 1ull << arch_this_cpu()->package;
}

static struct fake_td *td_of(u64 tdr)
{
	for (u32 i = 0; i < MAX_TDS; i++)
		if (fake.tds[i].life != LIFE_NONE && fake.tds[i].tdr == tdr)
			return &fake.tds[i];
	return NULL;
}

static struct fake_vcpu *vcpu_of(u64 tdvpr)
{
	for (u32 i = 0; i < ARRAY_SIZE(fake.vcpus); i++)
		if (fake.vcpus[i].tdvpr == tdvpr && tdvpr)
			return &fake.vcpus[i];
	return NULL;
}

static struct entry *entry_of(struct fake_td *td, u64 gpa, u32 level)
{
	for (u32 i = 0; i < MAX_ENTRIES; i++)
		if (td->entries[i].used && td->entries[i].gpa == gpa && td->entries[i].level == level)
			return &td->entries[i];
	return NULL;
}

static struct entry *new_entry(struct fake_td *td, u64 gpa, u32 level, u64 hpa)
{
	for (u32 i = 0; i < MAX_ENTRIES; i++) {
		if (!td->entries[i].used) {
			td->entries[i] = (struct entry){ .used = true, .gpa = gpa, .level = level, .hpa = hpa };
			return &td->entries[i];
		}
	}
	abort();
}

/* Do @count pages from @page on have type @from? Then give them type @to for @td (NULL: nobody). */
static bool retype(u64 page, u64 count, enum pamt_page_type from, enum pamt_page_type to, struct fake_td *td)
{
	u64 first = page / PAGE_SIZE;

	if (!IS_ALIGNED(page, count * PAGE_SIZE) || first + count > MAX_PAGES)
		return false;
	for (u64 i = first; i < first + count; i++)
		if (fake.type[i] != from)
			return false;
	for (u64 i = first; i < first + count; i++) {
		fake.type[i] = (u8)to;
		fake.owner[i] = td ? (u8)(td - fake.tds + 1) : 0;
	}
	if (td)
		td->children += count;
	return true;
}

static u64 level_count(u32 level)
{
	return 1ull << (9 * level);
}

static u64 level_size(u32 level)
{
	return (u64)PAGE_SIZE << (9 * level);
}

/* ---- system leaves ---- */

static u64 sys_init(struct seamcall_regs *regs)
{
	if (fake.state != INIT_PENDING)
		return TDX_SYS_INIT_NOT_PENDING;
	fake.state = INIT_DONE;
	return OK(SUCCESS);
}

static u64 sys_lp_init(struct seamcall_regs *regs)
{
	if (fake.state != INIT_DONE)
		return TDX_SYS_LP_INIT_NOT_PENDING;
	if (fake.lp_done[arch_this_cpu()->id])
		return TDX_SYS_LP_INIT_DONE;
	fake.lp_done[arch_this_cpu()->id] = true;
	return OK(SUCCESS);
}

static bool metadata(u64 id, u64 *value)
{
	switch (id) {
	case TDX_SYS_VENDOR_ID: *value = 0x8086; return true;
	case TDX_SYS_BUILD_DATE: *value = fake.build_date; return true;
	case TDX_SYS_MODULE_HV: *value = 0; return true;
	case TDX_SYS_MAJOR_VERSION: *value = 1; return true;
	case TDX_SYS_MINOR_VERSION: *value = 5; return true;
	case TDX_SYS_UPDATE_VERSION: *value = 6; return true;
	case TDX_SYS_BUILD_NUM: *value = 744; return true;
	case TDX_SYS_SYS_ATTRIBUTES: *value = 0; return true;
	case TDX_SYS_TDX_FEATURES0: *value = fake.features0; return true;
	case TDX_SYS_NUM_CMRS: *value = 32; return true;
	case TDX_SYS_MAX_TDMRS: *value = 64; return true;
	case TDX_SYS_MAX_RESERVED_PER_TDMR: *value = 16; return true;
	case TDX_SYS_PAMT_4K_ENTRY_SIZE:
	case TDX_SYS_PAMT_2M_ENTRY_SIZE:
	case TDX_SYS_PAMT_1G_ENTRY_SIZE: *value = 16; return true;
	case TDX_SYS_TDR_BASE_SIZE: *value = PAGE_SIZE; return true;
	case TDX_SYS_TDCS_BASE_SIZE: *value = FAKE_TDCS_PAGES * PAGE_SIZE; return true;
	case TDX_SYS_TDVPS_BASE_SIZE: *value = FAKE_TDVPS_PAGES * PAGE_SIZE; return true;
	case TDX_SYS_ATTRIBUTES_FIXED0: *value = 0x10000001; return true;
	case TDX_SYS_ATTRIBUTES_FIXED1: *value = 0; return true;
	case TDX_SYS_XFAM_FIXED0: *value = 0x2e7; return true;
	case TDX_SYS_XFAM_FIXED1: *value = 3; return true;
	case TDX_SYS_NUM_CPUID_CONFIG: *value = 1; return true;
	case TDX_SYS_CPUID_CONFIG_LEAVES: *value = 0xffffffff00000001ull; return true;
	case TDX_SYS_CPUID_CONFIG_VALUES: *value = 0x00ff00000fff3fffull; return true;
	case TDX_SYS_CPUID_CONFIG_VALUES + 1: *value = 0xb844000031044d88ull; return true;
	case TDX_SYS_CMR_BASE: *value = fake.ram_base; return true;
	case TDX_SYS_CMR_SIZE: *value = fake.ram_bytes; return true;
	default:
		*value = 0;
		return (id > TDX_SYS_CMR_BASE && id < TDX_SYS_CMR_BASE + 32) ||
		       (id > TDX_SYS_CMR_SIZE && id < TDX_SYS_CMR_SIZE + 32);
	}
}

static u64 sys_rd(struct seamcall_regs *regs)
{
	if (!fake.lp_done[arch_this_cpu()->id])
		return TDX_SYS_LP_INIT_NOT_DONE;
	return metadata(regs->rdx, &regs->r8) ? OK(SUCCESS) : TDX_METADATA_FIELD_ID_INCORRECT;
}

static u64 sys_config(struct seamcall_regs *regs)
{
	const u64 *pointers = hpa_to_hva(HPA(regs->rcx));

	for (u32 cpu = 0; cpu < cpu_count(); cpu++)
		if (!fake.lp_done[cpu])
			return TDX_SYS_CONFIG_NOT_PENDING;
	if (fake.state != INIT_DONE)
		return TDX_SYS_CONFIG_NOT_PENDING;
	for (u32 i = 0; i < regs->rdx; i++) {
		const struct tdx_tdmr_info *tdmr = hpa_to_hva(HPA(pointers[i]));

		if (!IS_ALIGNED(pointers[i], TDX_TDMR_INFO_ALIGN))
			return WITH_OPERAND(OPERAND_INVALID, RCX);
		if (!tdmr->bytes || !IS_ALIGNED(tdmr->base | tdmr->bytes, TDX_TDMR_ALIGN) || !tdmr->pamt_4k_bytes)
			return TDX_INVALID_TDMR | i;
		fake.tdmrs[i] = *tdmr;
		fake.tdmr_next[i] = tdmr->base;
	}
	fake.tdmr_count = (u32)regs->rdx;
	fake.state = CONFIG_DONE;
	return OK(SUCCESS);
}

static u64 sys_key_config(struct seamcall_regs *regs)
{
	if (fake.state != CONFIG_DONE)
		return TDX_SYS_KEY_CONFIG_NOT_PENDING;
	if (fake.packages_keyed & this_package())
		return TDX_KEY_CONFIGURED;
	fake.packages_keyed |= this_package();
	if (fake.packages_keyed == all_packages())
		fake.state = READY;
	return OK(SUCCESS);
}

static u64 sys_tdmr_init(struct seamcall_regs *regs)
{
	for (u32 i = 0; i < fake.tdmr_count; i++) {
		u64 end = fake.tdmrs[i].base + fake.tdmrs[i].bytes;

		if (fake.tdmrs[i].base != regs->rcx)
			continue;
		if (fake.tdmr_next[i] >= end)
			return TDX_TDMR_ALREADY_INITIALIZED;
		fake.tdmr_next[i] += MIB(16);
		regs->rdx = ALIGN_DOWN(fake.tdmr_next[i], TDX_TDMR_ALIGN);
		return OK(SUCCESS);
	}
	return WITH_OPERAND(OPERAND_INVALID, RCX);
}

static u64 sys_disable(struct seamcall_regs *regs)
{
	fake.state = INIT_PENDING;
	memset(fake.lp_done, 0, sizeof(fake.lp_done));
	fake.packages_keyed = 0;
	return OK(SUCCESS);
}

/* ---- TD leaves ---- */

static u64 mng_create(struct seamcall_regs *regs)
{
	if (fake.key_assigned[regs->rdx])
		return TDX_HKID_NOT_FREE;
	for (u32 i = 0; i < MAX_TDS; i++) {
		struct fake_td *td = &fake.tds[i];

		if (td->life != LIFE_NONE)
			continue;
		if (!retype(regs->rcx, 1, PT_NDA, PT_TDR, NULL))
			return WITH_OPERAND(PAGE_METADATA_INCORRECT, RCX);
		memset(td, 0, sizeof(*td));
		td->tdr = regs->rcx;
		td->hkid = (u16)regs->rdx;
		td->life = HKID_ASSIGNED;
		fake.key_assigned[td->hkid] = true;
		return OK(SUCCESS);
	}
	abort();
}

static u64 mng_key_config(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rcx);

	if (td->packages_keyed & this_package())
		return TDX_KEY_CONFIGURED;
	td->packages_keyed |= this_package();
	if (td->packages_keyed == all_packages())
		td->life = KEYS_CONFIGURED;
	return OK(SUCCESS);
}

static u64 mng_addcx(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rdx);

	if (td->life != KEYS_CONFIGURED)
		return TDX_TD_KEYS_NOT_CONFIGURED;
	if (!retype(regs->rcx, 1, PT_NDA, PT_TDCX, td))
		return WITH_OPERAND(PAGE_METADATA_INCORRECT, RCX);
	td->tdcs++;
	return OK(SUCCESS);
}

static u64 mng_init(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rcx);

	if (td->tdcs < FAKE_TDCS_PAGES)
		return TDX_TDCS_NOT_ALLOCATED;
	td->op_state = 1;
	td->epoch = 1;
	sha384_start(&td->hash);
	return OK(SUCCESS);
}

static u64 mng_rd(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rcx);

	regs->r8 = regs->rdx == TDX_TD_TSC_OFFSET ? 0x1111 : 0x2222;
	if (regs->rdx >= TDX_TD_MRTD && regs->rdx < TDX_TD_MRTD + 6)
		memcpy(&regs->r8, td->mrtd + (regs->rdx - TDX_TD_MRTD) * 8, 8);
	return OK(SUCCESS);
}

static u64 mng_vpflushdone(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rcx);

	if (td->life != HKID_ASSIGNED && td->life != KEYS_CONFIGURED)
		return TDX_LIFECYCLE_STATE_INCORRECT;
	for (u32 i = 0; i < ARRAY_SIZE(fake.vcpus); i++)
		if (fake.vcpus[i].lp && &fake.tds[fake.vcpus[i].td] == td)
			return TDX_FLUSHVP_NOT_DONE;
	td->life = BLOCKED;
	td->packages_dirty = all_packages();
	return OK(SUCCESS);
}

static u64 mng_key_freeid(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rcx);

	if (td->life != BLOCKED)
		return TDX_LIFECYCLE_STATE_INCORRECT;
	if (td->packages_dirty)
		return TDX_WBCACHE_NOT_COMPLETE;
	td->life = TEARDOWN;
	fake.key_assigned[td->hkid] = false;
	return OK(SUCCESS);
}

/* ---- vCPU leaves ---- */

static u64 vp_create(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rdx);

	if (td->op_state != 1)
		return TDX_OP_STATE_INCORRECT;
	if (!retype(regs->rcx, 1, PT_NDA, PT_TDVPR, td))
		return WITH_OPERAND(PAGE_METADATA_INCORRECT, RCX);
	for (u32 i = 0; i < ARRAY_SIZE(fake.vcpus); i++) {
		if (!fake.vcpus[i].tdvpr) {
			fake.vcpus[i] = (struct fake_vcpu){ regs->rcx, (u32)(td - fake.tds), 1, false, 0 };
			return OK(SUCCESS);
		}
	}
	abort();
}

static u64 vp_addcx(struct seamcall_regs *regs)
{
	struct fake_vcpu *vcpu = vcpu_of(regs->rdx);

	if (!retype(regs->rcx, 1, PT_NDA, PT_TDCX, &fake.tds[vcpu->td]))
		return WITH_OPERAND(PAGE_METADATA_INCORRECT, RCX);
	vcpu->pages++;
	return OK(SUCCESS);
}

static u64 vp_init(struct seamcall_regs *regs)
{
	struct fake_vcpu *vcpu = vcpu_of(regs->rcx);

	if (vcpu->pages < FAKE_TDVPS_PAGES)
		return TDX_TDCX_NUM_INCORRECT;
	vcpu->initialised = true;
	vcpu->lp = arch_this_cpu()->id + 1;
	fake.tds[vcpu->td].vcpus++;
	return OK(SUCCESS);
}

/* Every leaf on a vCPU binds it to the core, or is refused on another. */
static u64 associate(struct fake_vcpu *vcpu)
{
	u32 lp = arch_this_cpu()->id + 1;

	if (vcpu->lp && vcpu->lp != lp)
		return TDX_VCPU_ASSOCIATED;
	vcpu->lp = lp;
	return OK(SUCCESS);
}

static u64 vp_flush(struct seamcall_regs *regs)
{
	struct fake_vcpu *vcpu = vcpu_of(regs->rcx);

	if (vcpu->lp != arch_this_cpu()->id + 1)
		return TDX_VCPU_NOT_ASSOCIATED;
	vcpu->lp = 0;
	return OK(SUCCESS);
}

static u64 vp_rd(struct seamcall_regs *regs)
{
	u64 status = associate(vcpu_of(regs->rcx));

	regs->r8 = fake_vp_field(regs->rdx) == ~0ull ? 0 : fake_vp_field(regs->rdx);
	return status;
}

static u64 vp_wr(struct seamcall_regs *regs)
{
	u64 status = associate(vcpu_of(regs->rcx));

	for (u32 i = 0; !status && i < MAX_FIELDS; i++) {
		if (!fake.fields[i].id || fake.fields[i].id == regs->rdx) {
			fake.fields[i].id = regs->rdx;
			fake.fields[i].value = regs->r8;
			break;
		}
	}
	return status;
}

/* ---- memory leaves ---- */

/* A level 4-entry root always exists; is there a table above the entry of @gpa at @level? */
static bool walk(struct fake_td *td, u64 gpa, u32 level, struct seamcall_regs *regs)
{
	for (u32 at = TDX_LEVEL_512G; at > level; at--) {
		struct entry *entry = entry_of(td, ALIGN_DOWN(gpa, level_size(at)), at);

		if (!entry || !entry->table || entry->blocked) {
			regs->rdx = at | (u64)SEPT_FREE << SEPT_INFO_STATE_SHIFT;
			return false;
		}
	}
	return true;
}

static bool is_tracked(const struct fake_td *td, const struct entry *entry)
{
	return td->op_state == 1 || (entry->blocked && entry->epoch < td->epoch);
}

static u64 mem_sept_add(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rdx & ~0xfffull);
	u32 level = regs->rcx & SEPT_LEVEL_MASK;
	u64 gpa = regs->rcx & SEPT_GPA_MASK;

	if (!walk(td, gpa, level, regs))
		return WITH_OPERAND(EPT_WALK_FAILED, RCX);
	if (entry_of(td, gpa, level))
		return WITH_OPERAND(EPT_ENTRY_STATE_INCORRECT, RCX);
	if (!retype(regs->r8, 1, PT_NDA, PT_EPT, td))
		return WITH_OPERAND(PAGE_METADATA_INCORRECT, R8);
	new_entry(td, gpa, level, regs->r8)->table = true;
	return OK(SUCCESS);
}

static u64 map_page(struct seamcall_regs *regs, u64 source)
{
	struct fake_td *td = td_of(regs->rdx);
	u32 level = regs->rcx & SEPT_LEVEL_MASK;
	u64 gpa = regs->rcx & SEPT_GPA_MASK;

	if (!walk(td, gpa, level, regs))
		return WITH_OPERAND(EPT_WALK_FAILED, RCX);
	if (entry_of(td, gpa, level))
		return WITH_OPERAND(EPT_ENTRY_STATE_INCORRECT, RCX);
	if (!retype(regs->r8, level_count(level), PT_NDA, PT_REG, td))
		return WITH_OPERAND(PAGE_METADATA_INCORRECT, R8);
	new_entry(td, gpa, level, regs->r8)->source = source;
	return OK(SUCCESS);
}

static u64 mem_page_aug(struct seamcall_regs *regs)
{
	return map_page(regs, 0);
}

static u64 mem_page_add(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rdx);
	u8 record[128] = "MEM.PAGE.ADD";
	u64 status;

	if (td->op_state != 1)
		return TDX_OP_STATE_INCORRECT;
	memcpy(record + 16, &regs->rcx, 8);
	status = map_page(regs, regs->r9);
	if (!status)
		sha384_add(&td->hash, record, sizeof(record));
	return status;
}

static u64 mr_extend(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rdx);
	struct entry *entry = entry_of(td, ALIGN_DOWN(regs->rcx, (u64)PAGE_SIZE), 0);
	u8 record[128] = "MR.EXTEND";

	if (!entry)
		return WITH_OPERAND(EPT_ENTRY_NOT_PRESENT, RCX);
	memcpy(record + 16, &regs->rcx, 8);
	sha384_add(&td->hash, record, sizeof(record));
	sha384_add(&td->hash, (u8 *)hpa_to_hva(HPA(entry->source)) + regs->rcx % PAGE_SIZE, 256);
	return OK(SUCCESS);
}

static u64 mr_finalize(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rcx);

	if (!td->vcpus)
		return TDX_NO_VCPUS;
	sha384_finish(&td->hash, td->mrtd);
	td->mrtd[0] ^= fake.corrupt_mrtd;
	td->op_state = 2;
	return OK(SUCCESS);
}

static u64 mem_range_block(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rdx);
	struct entry *entry = entry_of(td, regs->rcx & SEPT_GPA_MASK, regs->rcx & SEPT_LEVEL_MASK);

	if (!entry)
		return WITH_OPERAND(EPT_ENTRY_STATE_INCORRECT, RCX);
	if (entry->blocked)
		return TDX_GPA_RANGE_ALREADY_BLOCKED;
	entry->blocked = true;
	entry->epoch = td->epoch;
	return OK(SUCCESS);
}

static u64 mem_track(struct seamcall_regs *regs)
{
	td_of(regs->rcx)->epoch++;
	return OK(SUCCESS);
}

static u64 mem_page_remove(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rdx);
	u32 level = regs->rcx & SEPT_LEVEL_MASK;
	struct entry *entry = entry_of(td, regs->rcx & SEPT_GPA_MASK, level);

	if (!entry || entry->table)
		return WITH_OPERAND(EPT_ENTRY_STATE_INCORRECT, RCX);
	if (!is_tracked(td, entry))
		return WITH_OPERAND(TLB_TRACKING_NOT_DONE, RCX);
	retype(entry->hpa, level_count(level), PT_REG, PT_NDA, NULL);
	td->children -= level_count(level);
	entry->used = false;
	regs->rcx = entry->hpa;
	return OK(SUCCESS);
}

static u64 mem_sept_remove(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rdx);
	u32 level = regs->rcx & SEPT_LEVEL_MASK;
	u64 gpa = regs->rcx & SEPT_GPA_MASK;
	struct entry *entry = entry_of(td, gpa, level);

	if (!entry || !entry->table)
		return WITH_OPERAND(EPT_ENTRY_STATE_INCORRECT, RCX);
	if (!is_tracked(td, entry))
		return WITH_OPERAND(TLB_TRACKING_NOT_DONE, RCX);
	for (u32 i = 0; i < MAX_ENTRIES; i++)
		if (td->entries[i].used && td->entries[i].level == level - 1 &&
		    ALIGN_DOWN(td->entries[i].gpa, level_size(level)) == gpa)
			return WITH_OPERAND(EPT_PAGE_NOT_FREE, RCX);
	retype(entry->hpa, 1, PT_EPT, PT_NDA, NULL);
	td->children--;
	entry->used = false;
	regs->rcx = entry->hpa;
	return OK(SUCCESS);
}

static u64 mem_page_demote(struct seamcall_regs *regs)
{
	struct fake_td *td = td_of(regs->rdx);
	u64 gpa = regs->rcx & SEPT_GPA_MASK;
	struct entry *entry = entry_of(td, gpa, 1);
	u64 hpa;

	if (!entry || entry->table)
		return WITH_OPERAND(EPT_ENTRY_STATE_INCORRECT, RCX);
	if (!is_tracked(td, entry))
		return WITH_OPERAND(TLB_TRACKING_NOT_DONE, RCX);
	if (!retype(regs->r8, 1, PT_NDA, PT_EPT, td))
		return WITH_OPERAND(PAGE_METADATA_INCORRECT, R8);
	hpa = entry->hpa;
	*entry = (struct entry){ .used = true, .gpa = gpa, .level = 1, .table = true, .hpa = regs->r8 };
	for (u32 i = 0; i < EPT_ENTRIES; i++)
		new_entry(td, gpa + i * PAGE_SIZE, 0, hpa + i * PAGE_SIZE);
	return OK(SUCCESS);
}

/* ---- physical memory leaves ---- */

static u64 phymem_page_reclaim(struct seamcall_regs *regs)
{
	u64 first = regs->rcx / PAGE_SIZE;
	struct fake_td *td = fake.owner[first] ? &fake.tds[fake.owner[first] - 1] : td_of(regs->rcx);
	u64 count = 1;

	if (fake.type[first] == PT_NDA || !td)
		return WITH_OPERAND(PAGE_METADATA_INCORRECT, RCX);
	if (td->life != TEARDOWN)
		return TDX_LIFECYCLE_STATE_INCORRECT;
	if (fake.type[first] == PT_TDR && td->children)
		return TDX_TD_ASSOCIATED_PAGES_EXIST;
	for (u32 i = 0; fake.type[first] == PT_REG && i < MAX_ENTRIES; i++)
		if (td->entries[i].used && td->entries[i].hpa == regs->rcx)
			count = level_count(td->entries[i].level);
	for (u32 i = 0; i < ARRAY_SIZE(fake.vcpus); i++)
		if (fake.vcpus[i].tdvpr == regs->rcx)
			fake.vcpus[i].tdvpr = 0;
	if (fake.type[first] == PT_TDR)
		td->life = LIFE_NONE;
	else
		td->children -= count;
	retype(regs->rcx, count, (enum pamt_page_type)fake.type[first], PT_NDA, NULL);
	return OK(SUCCESS);
}

static u64 phymem_page_rdmd(struct seamcall_regs *regs)
{
	regs->rcx = fake.type[regs->rcx / PAGE_SIZE];
	regs->rdx = regs->r8 = 0;
	return OK(SUCCESS);
}

static u64 phymem_cache_wb(struct seamcall_regs *regs)
{
	for (u32 i = 0; i < MAX_TDS; i++)
		if (fake.tds[i].life == BLOCKED)
			fake.tds[i].packages_dirty &= ~this_package();
	return OK(SUCCESS);
}

static u64 phymem_page_wbinvd(struct seamcall_regs *regs)
{
	u64 page = (regs->rcx & (BIT(46) - 1)) / PAGE_SIZE;

	return fake.type[page] == PT_NDA ? OK(SUCCESS) : WITH_OPERAND(PAGE_METADATA_INCORRECT, RCX);
}

/* ---- update ---- */

static u64 sys_shutdown(struct seamcall_regs *regs)
{
	if (fake.state != READY)
		return TDX_SYS_NOT_READY;
	if (regs->rcx)
		return WITH_OPERAND(OPERAND_INVALID, RCX);
	fake.state = SHUT_DOWN;
	fake.handoff = true;
	return OK(SUCCESS);
}

static u64 sys_update(struct seamcall_regs *regs)
{
	for (u32 cpu = 0; cpu < cpu_count(); cpu++)
		if (!fake.lp_done[cpu])
			return TDX_SYS_STATE_INCORRECT;
	if (fake.state != INIT_DONE || !fake.handoff)
		return TDX_SYS_STATE_INCORRECT;
	fake.handoff = false;
	fake.state = READY;
	return OK(SUCCESS);
}

/* ---- P-SEAMLDR ---- */

static u64 loader_info(struct seamcall_regs *regs)
{
	struct seamldr_info *info = hpa_to_hva(HPA(regs->rcx));

	if (!IS_ALIGNED(regs->rcx, SEAMLDR_INFO_BYTES))
		return SEAMLDR_EBADPARAM;
	*info = (struct seamldr_info){ .major = 1, .minor = 5, .remaining_updates = 3, .seam_ready = !fake.unloaded,
				       .p_seamldr_ready = 1, .tee_tcb_svn = { 4, 1 } };
	return SEAMLDR_SUCCESS;
}

static u64 loader_seaminfo(struct seamcall_regs *regs)
{
	struct seamldr_seaminfo *info = hpa_to_hva(HPA(regs->rcx));

	if (!IS_ALIGNED(regs->rcx, SEAMLDR_SEAMINFO_BYTES))
		return SEAMLDR_EBADPARAM;
	memset(info, 0, sizeof(*info));
	info->lp_count = cpu_count();
	info->socket_count = 1;
	info->socket_fms[0] = 0x806f8;
	return SEAMLDR_SUCCESS;
}

static bool all_cores(const bool seen[MAX_CPUS])
{
	for (u32 cpu = 0; cpu < cpu_count(); cpu++)
		if (!seen[cpu])
			return false;
	return true;
}

static u64 loader_install(struct seamcall_regs *regs)
{
	const struct seamldr_params *params = hpa_to_hva(HPA(regs->rcx));
	u32 me = arch_this_cpu()->id;

	regs->rdx = 0;
	if (fake.install_seen[me])
		return SEAMLDR_EBADCALL;
	fake.unloaded = true;
	fake.install_seen[me] = true;
	if (!all_cores(fake.install_seen))
		return SEAMLDR_SUCCESS;
	memset(fake.install_seen, 0, sizeof(fake.install_seen));
	if (fake.cleanup_required && params->scenario == SEAMLDR_SCENARIO_LOAD)
		return SEAMLDR_ECLEANUPREQ;
	if (!IS_ALIGNED(params->sigstruct | params->module_pages[0], PAGE_SIZE) || !params->module_page_count)
		return SEAMLDR_EBADPARAM;
	fake.unloaded = false;
	fake.installs++;
	fake.scenario = params->scenario;
	fake.handoff &= params->scenario == SEAMLDR_SCENARIO_UPDATE;
	fake.state = INIT_PENDING;
	fake.build_date = 20260101;
	memset(fake.lp_done, 0, sizeof(fake.lp_done));
	return SEAMLDR_SUCCESS;
}

static u64 loader_cleanup(struct seamcall_regs *regs)
{
	fake.cleaned[arch_this_cpu()->id] = true;
	if (all_cores(fake.cleaned))
		fake.cleanup_required = false;
	return SEAMLDR_SUCCESS;
}

static u64 call_loader(u32 number, struct seamcall_regs *regs)
{
	static u64 (*const leaves[])(struct seamcall_regs *regs) = { loader_info, loader_install, NULL, loader_seaminfo,
								     loader_cleanup };

	if (fake.absent)
		return SEAMCALL_VMFAIL_INVALID;
	return number < ARRAY_SIZE(leaves) && leaves[number] ? leaves[number](regs) : SEAMLDR_EBADPARAM;
}

static u64 (*const handlers[SEAMCALL_LEAVES])(struct seamcall_regs *regs) = {
	[TDH_SYS_INIT] = sys_init,
	[TDH_SYS_LP_INIT] = sys_lp_init,
	[TDH_SYS_RD] = sys_rd,
	[TDH_SYS_CONFIG] = sys_config,
	[TDH_SYS_KEY_CONFIG] = sys_key_config,
	[TDH_SYS_TDMR_INIT] = sys_tdmr_init,
	[TDH_SYS_DISABLE] = sys_disable,
	[TDH_SYS_SHUTDOWN] = sys_shutdown,
	[TDH_SYS_UPDATE] = sys_update,
	[TDH_MNG_CREATE] = mng_create,
	[TDH_MNG_KEY_CONFIG] = mng_key_config,
	[TDH_MNG_ADDCX] = mng_addcx,
	[TDH_MNG_INIT] = mng_init,
	[TDH_MNG_RD] = mng_rd,
	[TDH_MNG_VPFLUSHDONE] = mng_vpflushdone,
	[TDH_MNG_KEY_FREEID] = mng_key_freeid,
	[TDH_VP_CREATE] = vp_create,
	[TDH_VP_ADDCX] = vp_addcx,
	[TDH_VP_INIT] = vp_init,
	[TDH_VP_FLUSH] = vp_flush,
	[TDH_VP_RD] = vp_rd,
	[TDH_VP_WR] = vp_wr,
	[TDH_MEM_SEPT_ADD] = mem_sept_add,
	[TDH_MEM_PAGE_ADD] = mem_page_add,
	[TDH_MEM_PAGE_AUG] = mem_page_aug,
	[TDH_MEM_RANGE_BLOCK] = mem_range_block,
	[TDH_MEM_TRACK] = mem_track,
	[TDH_MEM_PAGE_REMOVE] = mem_page_remove,
	[TDH_MEM_SEPT_REMOVE] = mem_sept_remove,
	[TDH_MEM_PAGE_DEMOTE] = mem_page_demote,
	[TDH_MR_EXTEND] = mr_extend,
	[TDH_MR_FINALIZE] = mr_finalize,
	[TDH_PHYMEM_PAGE_RECLAIM] = phymem_page_reclaim,
	[TDH_PHYMEM_PAGE_RDMD] = phymem_page_rdmd,
	[TDH_PHYMEM_CACHE_WB] = phymem_cache_wb,
	[TDH_PHYMEM_PAGE_WBINVD] = phymem_page_wbinvd,
};

/* ---- the instruction ---- */

/* Count the call; true when the script refuses it. */
static bool is_refused(u32 leaf, u64 *status)
{
	fake.calls[leaf]++;
	for (u32 i = 0; i < MAX_REFUSALS; i++) {
		if (!fake.refusals[i].times || fake.refusals[i].leaf != leaf)
			continue;
		if (fake.refusals[i].nth > 1) {
			fake.refusals[i].nth--;
			continue;
		}
		fake.refusals[i].times--;
		*status = fake.refusals[i].status;
		return true;
	}
	return false;
}

u64 seamcall_issue(u64 leaf, struct seamcall_regs *regs)
{
	u32 number = leaf & TDX_LEAF_NUMBER_MASK;
	u64 status;

	if (leaf & TDX_LEAF_SEAMLDR)
		return is_refused(FAKE_SEAMLDR(number), &status) ? status : call_loader(number, regs);
	if (number == TDH_VP_INIT)
		fake.last_init_leaf = leaf;
	if (is_refused(number, &status))
		return status;
	if (fake.unloaded)
		return SEAMCALL_VMFAIL_INVALID;
	if (fake_pamt_pair_leaf(number, regs, &status))
		return status;
	if (!handlers[number])
		return WITH_OPERAND(OPERAND_INVALID, RAX);
	status = handlers[number](regs);
	fake_pamt_pair_done(number, status);
	return status;
}

u64 seamcall_issue_enter(u64 leaf, u64 gpr[GPR_COUNT])
{
	struct fake_vcpu *vcpu = vcpu_of(gpr[GPR_RCX]);
	u64 status;

	if (is_refused((u32)leaf, &status))
		return gpr[GPR_RAX] = status;
	if (fake.unloaded || fake.state != READY)
		return gpr[GPR_RAX] = fake.unloaded ? SEAMCALL_VMFAIL_INVALID : TDX_SYS_SHUTDOWN;
	status = associate(vcpu);
	if (status)
		return gpr[GPR_RAX] = status;
	if (fake.on_enter)
		fake.on_enter(gpr);
	memcpy(gpr, fake.exit_gpr, sizeof(fake.exit_gpr));
	return gpr[GPR_RAX] = fake.exit_rax;
}
