/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bring-up of the TDX module: a table of steps, each timed and logged. The state is the manual's, and only what the
 * module has confirmed moves it: a step that was refused for the moment can be tried again by calling tdx_bring_up()
 * again, which goes on where the module stands.
 *
 * Failure gives everything back: pool and PAMTs. Once PAMTs were handed over (TDH.SYS.CONFIG) the module may have
 * written them, so caches are written back on all cores and they are cleared first, and the module is not called any
 * more.
 *
 * Manual: TDX Module Base, "Intel TDX Module Initialization".
 */
#include "tdx/module.h"

#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "include/spec/tdx/metadata.h"
#include "kernel/cpu_call.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/percpu.h"
#include "kernel/timer.h"
#include "tdx/backoff.h"
#include "tdx/console_cmd.h"
#include "tdx/detect.h"
#include "tdx/doctor.h"
#include "tdx/keyid.h"
#include "tdx/pamt.h"
#include "tdx/pool.h"
#include "tdx/sysinfo.h"
#include "tdx/tdh_sys.h"
#include "tdx/tdmr_init.h"

/* How a core fared in a step that all cores take part in. */
struct core_result {
	tdx_status_t status;
	struct tdx_cpuid_complaint cpuid;
};

static struct {
	enum tdx_module_state state;
	struct tdx_platform platform;
	u64 wanted_pool_bytes;
	struct tdmr_limits limits;
	u32 tdmr_count;
	struct tdx_tdmr_info *tdmrs;	/* one host page run, 512-byte aligned entries */
	u64 *tdmr_pointers;	/* HPAs of the entries, in a page of its own */
	bool initialised_core[MAX_CPUS];	/* TDH.SYS.LP.INIT done since the module was loaded */
	struct core_result cores[MAX_CPUS];
} module;

enum { TDMR_ARRAY_PAGES = TDX_MAX_TDMRS * sizeof(struct tdx_tdmr_info) / PAGE_SIZE };

enum {
	KEY_ATTEMPTS = 32,	/* the key generator may be out of entropy, or busy with another package */
	KEY_PAUSE_US = 100,
	DISABLE_RESUMES = 1000000,	/* every one makes progress; terabytes of PAMT may need many */
};

static int writeback_this_core(void *arg)
{
	(void)arg;
	arch_cache_writeback_invalidate();
	return 0;
}

/* ---- steps, in order ---- */

static int detect(void)
{
	int result = tdx_detect(&module.platform);

	if (result)
		return result;
	keyid_init(module.platform.first_private_keyid, module.platform.private_keyids,
		   module.platform.keyid_address_bit);
	log_info("tdx", "private KeyIDs %u - %u, the first one for the module", module.platform.first_private_keyid,
		 module.platform.first_private_keyid + module.platform.private_keyids - 1);
	if (module.state == TDX_MODULE_NONE)
		module.state = TDX_MODULE_INIT_PENDING;
	return 0;
}

static int init_module(void)
{
	struct tdx_cpuid_complaint cpuid = { 0 };
	tdx_status_t status;

	if (module.state != TDX_MODULE_INIT_PENDING)
		return 0;	/* an earlier attempt got this far */
	status = RETRY_BUSY(tdh_sys_init(&cpuid));
	if (!tdx_succeeded(status)) {
		doctor_explain("TDH.SYS.INIT", status, &cpuid);
		if (tdx_status_is_no_module(status))
			module.state = TDX_MODULE_NONE;
		return tdx_status_errno(status);
	}
	module.state = TDX_MODULE_INIT_DONE;
	return 0;
}

static int init_this_core(void *arg)
{
	u32 id = arch_this_cpu()->id;
	struct core_result *core = &module.cores[id];

	(void)arg;
	if (module.initialised_core[id])
		return 0;
	core->status = RETRY_BUSY(tdh_sys_lp_init(&core->cpuid));
	if (tdx_status_is(core->status, TDX_SYS_LP_INIT_DONE))
		core->status.raw = TDX_SUCCESS;
	module.initialised_core[id] = tdx_succeeded(core->status);
	return tdx_status_errno(core->status);
}

static int init_cores(void)
{
	int result = cpu_call_all(init_this_core, NULL, NULL);

	for (u32 cpu = 0; result && cpu < cpu_count(); cpu++) {
		if (!module.initialised_core[cpu]) {
			char what[64];

			format_text(what, sizeof(what), "TDH.SYS.LP.INIT on core %u (APIC id 0x%x)", cpu,
				    cpu_at(cpu)->apic_id);
			doctor_explain(what, module.cores[cpu].status, &module.cores[cpu].cpuid);
			break;
		}
	}
	return result;
}

static int read_metadata(void)
{
	const struct tdx_sysinfo *sysinfo = tdx_sysinfo();
	int result = tdx_sysinfo_read();

	if (result)
		return result;
	if (!(sysinfo->features0 & TDX_FEATURE_NO_RBP_MOD)) {
		doctor_complain("module-features", "this TDX module (%u.%u.%02u) loses the host's RBP at every TD entry: install 1.5.01 "
				"or later with the NO_RBP_MOD feature", sysinfo->major, sysinfo->minor, sysinfo->update);
		return -ENOTSUP;
	}
	module.limits = (struct tdmr_limits){
		.max_tdmrs = MIN(sysinfo->max_tdmrs, (u16)TDX_MAX_TDMRS),
		.max_reserved = MIN(sysinfo->max_reserved_per_tdmr, (u16)TDX_MAX_RESERVED_AREAS),
		.entry_bytes = { sysinfo->pamt_4k_entry_bytes, sysinfo->pamt_2m_entry_bytes,
				 sysinfo->pamt_1g_entry_bytes },
	};
	if (sysinfo->features0 & TDX_FEATURE_DYNAMIC_PAMT &&
	    module.platform.keyid_address_bit <= TDX_DYNAMIC_PAMT_KEYID_BIT_MAX)
		module.limits.bitmap_bits = sysinfo->pamt_bitmap_bits;
	return 0;
}

static int take_pool(void)
{
	module.tdmrs = page_zalloc(TDMR_ARRAY_PAGES, PAGE_KERNEL);
	module.tdmr_pointers = page_zalloc(1, PAGE_KERNEL);
	if (!module.tdmrs || !module.tdmr_pointers) {
		doctor_complain("tdmr", "no host page for the list of TDMRs");
		return -ENOMEM;
	}
	return pool_take(module.wanted_pool_bytes, &module.limits, module.tdmrs, &module.tdmr_count);
}

static int configure(void)
{
	tdx_status_t status;

	for (u32 i = 0; i < module.tdmr_count; i++)
		module.tdmr_pointers[i] = hva_to_hpa(&module.tdmrs[i]).raw;
	status = RETRY_BUSY(tdh_sys_config(hva_to_hpa(module.tdmr_pointers), module.tdmr_count, keyid_global(),
					   module.limits.bitmap_bits ? TDX_SYS_CONFIG_DYNAMIC_PAMT : 0));
	if (!tdx_succeeded(status)) {
		doctor_explain("TDH.SYS.CONFIG", status, NULL);
		return tdx_status_errno(status);
	}
	module.state = TDX_MODULE_CONFIG_DONE;
	return 0;
}

static int write_caches_back(void)
{
	return cpu_call_all(writeback_this_core, NULL, NULL);
}

static int configure_key_here(void *arg)
{
	tdx_status_t *status = arg;

	*status = tdh_sys_key_config();
	if (tdx_status_is(*status, TDX_KEY_CONFIGURED))
		status->raw = TDX_SUCCESS;	/* this package was done by an earlier attempt */
	return tdx_status_errno(*status);
}

static int configure_keys(void)
{
	tdx_status_t status = { TDX_SUCCESS };
	int result = -EBUSY;

	for (u32 attempt = 0; result == -EBUSY && attempt < KEY_ATTEMPTS; attempt++) {
		if (attempt)
			time_udelay(KEY_PAUSE_US);
		result = keyid_on_each_package(configure_key_here, &status);
	}
	if (result)
		doctor_explain("TDH.SYS.KEY.CONFIG", status, NULL);
	return result;
}

static int init_tdmrs(void)
{
	return tdmr_init_all(module.tdmrs, module.tdmr_count);
}

static const struct {
	const char *name;
	int (*run)(void);
} steps[] = {
	{ "detection", detect },
	{ "TDH.SYS.INIT", init_module },
	{ "TDH.SYS.LP.INIT on all cores", init_cores },
	{ "metadata", read_metadata },
	{ "TD pool, TDMRs and PAMT", take_pool },
	{ "TDH.SYS.CONFIG", configure },
	{ "caches written back on all cores", write_caches_back },
	{ "TDH.SYS.KEY.CONFIG on all packages", configure_keys },
	{ "TDH.SYS.TDMR.INIT", init_tdmrs },
};

/* ---- the whole ---- */

static void free_tdmr_list(void)
{
	if (module.tdmrs)
		page_zfree(module.tdmrs, TDMR_ARRAY_PAGES, PAGE_KERNEL);
	if (module.tdmr_pointers)
		page_zfree(module.tdmr_pointers, 1, PAGE_KERNEL);
	module.tdmrs = NULL;
	module.tdmr_pointers = NULL;
	module.tdmr_count = 0;
}

/* Ask the module to let go of everything. True: it did, and is as freshly loaded. */
static bool disable_module(void)
{
	struct backoff backoff = { 0 };
	u32 resumes = 0;
	tdx_status_t status;

	if (module.state < TDX_MODULE_CONFIG_DONE || !(tdx_sysinfo()->features0 & TDX_FEATURE_SYS_DISABLE))
		return false;
	do {
		status = tdh_sys_disable();
	} while ((tdx_status_is(status, TDX_INTERRUPTED_RESUMABLE) && ++resumes < DISABLE_RESUMES) ||
		 (tdx_status_is(status, TDX_SYS_BUSY) && backoff_wait(&backoff)));
	if (!tdx_succeeded(status)) {
		char text[TDX_STATUS_TEXT_BYTES];

		log_warn("tdx", "TDH.SYS.DISABLE: %s", tdx_status_text(status, text));
		return false;
	}
	return true;
}

static void undo(void)
{
	bool handed_over = module.state >= TDX_MODULE_CONFIG_DONE;

	if (handed_over) {
		if (disable_module()) {
			module.state = TDX_MODULE_INIT_PENDING;
			memset(module.initialised_core, 0, sizeof(module.initialised_core));
		} else {
			module.state = TDX_MODULE_SHUT_DOWN;	/* it still counts the PAMTs as its own */
		}
		if (cpu_call_all(writeback_this_core, NULL, NULL))
			log_error("tdx", "caches were not written back on every core");
	}
	pamt_give_back(handed_over ? PAMT_WRITTEN : PAMT_UNTOUCHED);
	pool_give_back();
	free_tdmr_list();
}

int tdx_bring_up(u64 td_pool_bytes)
{
	u64 begin = time_ns();

	tdx_console_register();
	if (module.state == TDX_MODULE_READY)
		return 0;
	if (module.state == TDX_MODULE_SHUT_DOWN) {
		log_error("tdx", "the TDX module is shut down: it needs a power cycle");
		return -ENODEV;
	}
	doctor_forget();
	module.wanted_pool_bytes = td_pool_bytes;
	for (u32 i = 0; i < ARRAY_SIZE(steps); i++) {
		u64 start = time_ns();
		int result = steps[i].run();

		if (result) {
			log_error("tdx", "TDX is not available: %s failed (error %d)", steps[i].name, result);
			undo();
			return result;
		}
		log_info("tdx", "%s: %lu us", steps[i].name, (time_ns() - start) / 1000);
	}
	module.state = TDX_MODULE_READY;
	log_info("tdx", "module ready after %lu ms: TD pool %lu MiB, PAMT %lu KiB, %u KeyIDs for TDs",
		 (time_ns() - begin) / NS_PER_MS, tdx_pool_bytes() >> 20, pamt_bytes() >> 10, keyid_total());
	return 0;
}

void tdx_shut_down(void)
{
	if (module.state == TDX_MODULE_NONE || module.state == TDX_MODULE_SHUT_DOWN)
		return;
	if (disable_module())
		log_info("tdx", "module disabled");
	module.state = TDX_MODULE_SHUT_DOWN;
	if (cpu_call_all(writeback_this_core, NULL, NULL))
		log_error("tdx", "caches were not written back on every core");
}

enum tdx_module_state tdx_module_state(void)
{
	return module.state;
}

const char *tdx_module_reason(void)
{
	if (module.state == TDX_MODULE_READY)
		return "";
	return doctor_count() ? doctor_sentence(0) : "TDX has not been brought up";
}

const struct tdx_tdmr_info *tdx_module_tdmrs(u32 *count)
{
	*count = module.tdmr_count;
	return module.tdmrs;
}

static u64 pool_pages(enum page_owner first, enum page_owner last)
{
	struct page_books books;
	u64 pages = 0;

	page_books_read(&books);
	for (u32 owner = first; owner <= last; owner++)
		pages += books.pages[ZONE_TD][owner];
	return pages;
}

u64 tdx_pool_free_bytes(void)
{
	return pool_pages(PAGE_FREE, PAGE_FREE) * PAGE_SIZE;
}

u64 tdx_pool_bytes(void)
{
	return pool_pages(PAGE_FREE, PAGE_OWNER_COUNT - 1) * PAGE_SIZE;
}

u16 tdx_tsc_frequency(void)
{
	u64 units = (arch_tsc_hz() + TD_TSC_UNIT_HZ / 2) / TD_TSC_UNIT_HZ;

	return (u16)MIN(MAX(units, (u64)TD_TSC_FREQUENCY_MIN), (u64)TD_TSC_FREQUENCY_MAX);
}
