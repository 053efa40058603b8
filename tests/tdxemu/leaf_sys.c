/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System leaves: information, global key, TDMR initialisation. TDH.SYS.INIT, TDH.SYS.LP.INIT, TDH.SYS.CONFIG and the end of a
 * module's life (leaf_sys_life.c) have files of their own.
 *
 * The global lock is exclusive for everything that moves the module's state; it is only tried.
 * Any core, physical interrupts off. Manual: TDX Module ABI, "TDH.SYS.*"; tdx-host-system.md 4, 5, 9, 12.5.
 */
#include "tests/tdxemu/seamcall.h"

#include "include/spec/tdx/metadata.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/metadata.h"
#include "tests/tdxemu/pamt_dynamic.h"
#include "tests/tdxemu/refusal.h"
#include "tests/tdxemu/td_cpuid.h"
#include "tests/tdxemu/verdict.h"

/* Memory covered by one TDH.SYS.TDMR.INIT. */
#define TDMR_INIT_BYTES MIB(4)
#define TDMR_INIT_DYNAMIC_BYTES MIB(16)

#define TDSYSINFO_BYTES 1024
#define TDSYSINFO_CMR_ALIGN 512
#define TDSYSINFO_SYS_RD 1

struct tdsysinfo_cpuid {
	u32 leaf, subleaf;
	struct td_cpuid_value configurable;
} __packed;

/* TDX Module ABI, "TDSYSINFO_STRUCT". */
struct tdsysinfo {
	u32 attributes, vendor_id, build_date;
	u16 build_num, minor_version, major_version;
	u8 sys_rd;
	u8 reserved_19[13];
	u16 max_tdmrs, max_reserved_per_tdmr, pamt_entry_size;
	u8 reserved_38[10];
	u16 tdcs_base_size, reserved_50, tdvps_base_size;
	u8 tdvps_xfam_dependent_size;
	u8 reserved_55[9];
	u64 attributes_fixed0, attributes_fixed1, xfam_fixed0, xfam_fixed1;
	u8 reserved_96[32];
	u32 num_cpuid_config;
	struct tdsysinfo_cpuid cpuid_config[37];
	u8 reserved_1020[4];
} __packed;
_Static_assert(sizeof(struct tdsysinfo) == TDSYSINFO_BYTES, "TDSYSINFO_STRUCT is 1024 bytes");
_Static_assert(offsetof(struct tdsysinfo, num_cpuid_config) == 0x80, "TDSYSINFO_STRUCT.NUM_CPUID_CONFIG");

static u64 value_of(u64 field)
{
	u64 value, next;

	(void)metadata_sys_read(MD_HOST, field, &value, &next);
	return value;
}

static void fill_sysinfo(struct tdsysinfo *info)
{
	u32 rows = MIN(td_cpuid_config_count(), (u32)ARRAY_SIZE(info->cpuid_config));

	info->vendor_id = (u32)value_of(TDX_SYS_VENDOR_ID);
	info->build_date = module_image.record.build_date;
	info->build_num = module_image.record.build_num;
	info->minor_version = module_image.record.minor;
	info->major_version = module_image.record.major;
	info->sys_rd = TDSYSINFO_SYS_RD;
	info->max_tdmrs = MODULE_MAX_TDMRS;
	info->max_reserved_per_tdmr = MODULE_MAX_RESERVED;
	info->pamt_entry_size = MODULE_PAMT_ENTRY_BYTES;
	info->tdcs_base_size = MODULE_TDCS_PAGES * PAGE_SIZE;
	info->tdvps_base_size = MODULE_TDVPS_PAGES * PAGE_SIZE;
	info->attributes_fixed0 = value_of(TDX_SYS_ATTRIBUTES_FIXED0);
	info->attributes_fixed1 = value_of(TDX_SYS_ATTRIBUTES_FIXED1);
	info->xfam_fixed0 = value_of(TDX_SYS_XFAM_FIXED0);
	info->xfam_fixed1 = value_of(TDX_SYS_XFAM_FIXED1);
	info->num_cpuid_config = rows;
	for (u32 i = 0; i < rows; i++) {
		u32 leaf, subleaf;
		struct td_cpuid_value configurable;

		td_cpuid_config_row(i, &leaf, &subleaf, &configurable);
		info->cpuid_config[i] = (struct tdsysinfo_cpuid){ leaf, subleaf, configurable };
	}
}

u64 leaf_sys_info(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 buffer = gpr[GPR_RCX], buffer_bytes = gpr[GPR_RDX], cmrs = gpr[GPR_R8], cmr_slots = gpr[GPR_R9];

	if (version != 0)
		return INVALID(RAX);
	gpr[GPR_RDX] = gpr[GPR_R9] = 0;
	if (!cpu->lp_initialised)
		return TDX_SYS_LP_INIT_NOT_DONE;
	if (!hpa_is_shared(buffer, TDSYSINFO_BYTES, TDSYSINFO_BYTES))
		return INVALID(RCX);
	if (buffer_bytes < TDSYSINFO_BYTES)
		return INVALID(RDX);
	memset(phys(hpa_without_hkid(buffer)), 0, TDSYSINFO_BYTES);
	if (!hpa_is_shared(cmrs, sizeof(module.cmrs), TDSYSINFO_CMR_ALIGN))
		return INVALID(R8);
	if (cmr_slots < TDX_MAX_CMRS)
		return INVALID(R9);
	fill_sysinfo(phys(hpa_without_hkid(buffer)));
	memcpy(phys(hpa_without_hkid(cmrs)), module.cmrs, sizeof(module.cmrs));
	gpr[GPR_RDX] = TDSYSINFO_BYTES;
	gpr[GPR_R9] = TDX_MAX_CMRS;
	return TDX_SUCCESS;
}

u64 leaf_sys_rd(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 field = gpr[GPR_RDX];

	if (version != 0)
		return INVALID(RAX);
	gpr[GPR_RDX] = TDX_MD_FIRST_FIELD;
	gpr[GPR_R8] = 0;
	if (!cpu->lp_initialised)
		return TDX_SYS_LP_INIT_NOT_DONE;
	return metadata_sys_read(MD_HOST, field, &gpr[GPR_R8], &gpr[GPR_RDX]);
}

u64 leaf_sys_rdall(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u64 first = gpr[GPR_R8];

	if (version != 0)
		return INVALID(RAX);
	gpr[GPR_R8] = TDX_MD_FIRST_FIELD;
	if (!cpu->lp_initialised)
		return TDX_SYS_LP_INIT_NOT_DONE;
	if (!hpa_is_shared(gpr[GPR_RDX], PAGE_SIZE, PAGE_SIZE))
		return INVALID(RDX);
	return metadata_sys_list(MD_HOST, first, phys(hpa_without_hkid(gpr[GPR_RDX])), &gpr[GPR_R8]);
}

/* PAMT lines still in some cache under KeyID 0 would overwrite the module's: the host must have flushed every core. */
static void check_caches_flushed(struct emu_cpu *cpu)
{
	for (u32 i = 0; i < emu_cpu_count(); i++)
		if (!emu_cpu_at(i)->wbinvd_done)
			verdict_violation(cpu, "no-wbinvd-before-key-config",
					  "core %u executed no WBINVD after TDH.SYS.CONFIG", i);
}

static u64 key_config_locked(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	u32 package = 1u << cpu->package;

	(void)gpr;
	(void)version;
	if (module.state != SYS_CONFIG_DONE)
		return TDX_SYS_KEY_CONFIG_NOT_PENDING;
	if (module.packages_configured & package)
		return TDX_KEY_CONFIGURED;
	/* nothing fails below */
	if (module.packages_configured == 0)
		check_caches_flushed(cpu);
	module.packages_configured |= package;
	if (module.packages_configured == module.packages)
		module.state = SYS_READY;
	return TDX_SUCCESS;
}

u64 leaf_sys_key_config(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	return version == 0 ? seamcall_exclusive(cpu, gpr, version, key_config_locked) : INVALID(RAX);
}

static struct module_tdmr *tdmr_at(u64 base)
{
	for (u32 i = 0; i < module.tdmr_count; i++)
		if (module.tdmrs[i].base == base)
			return &module.tdmrs[i];
	return NULL;
}

u64 leaf_sys_tdmr_init(struct emu_cpu *cpu, u64 gpr[GPR_COUNT], u32 version)
{
	struct module_tdmr *tdmr = NULL;
	u64 bytes = module.dynamic_pamt ? TDMR_INIT_DYNAMIC_BYTES : TDMR_INIT_BYTES;
	u64 status = TDX_SUCCESS;
	u64 next;

	(void)cpu;
	if (version != 0)
		return INVALID(RAX);
	gpr[GPR_RDX] = 0;
	if (hpa_is_plain(gpr[GPR_RCX], TDX_TDMR_ALIGN))
		tdmr = tdmr_at(gpr[GPR_RCX]);
	if (tdmr == NULL)
		return INVALID(RCX);
	if (!sharex_try(&tdmr->lock, LOCK_EXCLUSIVE))
		return BUSY(RCX);
	if (tdmr->next_to_init >= tdmr->base + tdmr->bytes) {
		status = TDX_TDMR_ALREADY_INITIALIZED;
	} else {
		pamt_init_range(tdmr, tdmr->next_to_init, bytes);
		next = tdmr->next_to_init + bytes;
		__atomic_store_n(&tdmr->next_to_init, next, __ATOMIC_RELEASE);
		gpr[GPR_RDX] = ALIGN_DOWN(next, (u64)PAGE_SIZE_1G);
	}
	sharex_release(&tdmr->lock, LOCK_EXCLUSIVE);
	return status;
}
