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
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/percpu.h"
#include "kernel/timer.h"
#include "tdx/backoff.h"
#include "tdx/console_cmd.h"
#include "tdx/cores.h"
#include "tdx/detect.h"
#include "tdx/doctor.h"
#include "tdx/firmware_setting.h"
#include "tdx/keyid.h"
#include "tdx/pamt.h"
#include "tdx/pool.h"
#include "tdx/seamldr.h"
#include "tdx/sysinfo.h"
#include "tdx/td.h"
#include "tdx/tdh_sys.h"
#include "tdx/tdmr_init.h"

/* How a core fared in a step that all cores take part in. */
struct core_result {
	tdx_status_t status;
};

static struct {
	enum tdx_module_state state;
	struct tdx_platform platform;
	u64 wanted_pool_bytes;
	struct tdmr_limits limits;
	u32 tdmr_count;
	struct tdx_tdmr_info *tdmrs;	/* one host page run, 512-byte aligned entries */
	u64 *tdmr_pointers;	/* HPAs of the entries, in a page of its own */
	bool keys_configured;	/* TDH.SYS.KEY.CONFIG done on all packages since TDH.SYS.CONFIG */
	struct page_books taken_from;	/* page books before pool and PAMTs were taken */
	struct page_books with_module;	/* and when the module was ready */
	struct core_result cores[MAX_CPUS];
} module;

enum { TDMR_ARRAY_PAGES = TDX_MAX_TDMRS * sizeof(struct tdx_tdmr_info) / PAGE_SIZE };

enum {
	KEY_ATTEMPTS = 32,	/* the key generator may be out of entropy, or busy with another package */
	KEY_PAUSE_US = 100,
	DISABLE_RESUMES = 1000000,	/* every one makes progress; terabytes of PAMT may need many */
};

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

/* An earlier attempt that got further has a module. */
static int ensure_module(void)
{
	return module.state == TDX_MODULE_INIT_PENDING ? seamldr_ensure_module() : 0;
}

static int init_module(void)
{
	struct tdx_cpuid_complaint cpuid = { 0 };
	tdx_status_t status;

	if (module.state != TDX_MODULE_INIT_PENDING)
		return 0;	/* an earlier attempt got this far */
	status = RETRY_BUSY(tdh_sys_init(&cpuid));
	if (!tdx_succeeded(status)) {
		if (status.raw == SEAMCALL_VMFAIL_INVALID)
			seamldr_explain_no_module();
		else
			doctor_explain("TDH.SYS.INIT", status, &cpuid);
		return tdx_status_errno(status);
	}
	if (!seamldr_info())
		doctor_row("loader", DOCTOR_WARN, SETTING_SEAM_LOADER,
			   "a TDX module answers, but no P-SEAMLDR: the module cannot be updated before a reboot");
	module.state = TDX_MODULE_INIT_DONE;
	cores_forget();
	return 0;
}

static int read_metadata(void)
{
	const struct tdx_sysinfo *sysinfo = tdx_sysinfo();
	int result = tdx_sysinfo_read();

	if (result)
		return result;
	if (!(sysinfo->features0 & TDX_FEATURE_NO_RBP_MOD)) {
		doctor_complain("module-features",
				"this TDX module (%u.%u.%02u) loses the host's RBP at every TD entry: "
				"install 1.5.01 or later with the NO_RBP_MOD feature", sysinfo->major, sysinfo->minor,
				sysinfo->update);
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
	if (module.state >= TDX_MODULE_CONFIG_DONE)
		return 0;	/* kept since an attempt that was refused for the moment */
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

	if (module.state >= TDX_MODULE_CONFIG_DONE)
		return 0;
	for (u32 i = 0; i < module.tdmr_count; i++)
		module.tdmr_pointers[i] = hva_to_hpa(&module.tdmrs[i]).raw;
	status = RETRY_BUSY(tdh_sys_config(hva_to_hpa(module.tdmr_pointers), module.tdmr_count, keyid_global(),
					   module.limits.bitmap_bits ? TDX_SYS_CONFIG_DYNAMIC_PAMT : 0));
	if (!tdx_succeeded(status)) {
		doctor_explain("TDH.SYS.CONFIG", status, NULL);
		return tdx_status_errno(status);
	}
	module.state = TDX_MODULE_CONFIG_DONE;
	module.keys_configured = false;
	return 0;
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
	int result = module.keys_configured ? 0 : -EBUSY;

	for (u32 attempt = 0; result == -EBUSY && attempt < KEY_ATTEMPTS; attempt++) {
		if (attempt)
			time_udelay(KEY_PAUSE_US);
		result = keyid_on_each_package(configure_key_here, &status);
	}
	if (result)
		doctor_explain("TDH.SYS.KEY.CONFIG", status, NULL);
	module.keys_configured = !result;
	return result;
}

static int init_tdmrs(void)
{
	return tdmr_init_all(module.tdmrs, module.tdmr_count);
}

static const struct {
	const char *id;	/* of the doctor's row */
	const char *name;
	int (*run)(void);
	u32 cores;	/* it runs on: 0: all, 1: this one */
} steps[] = {
	{ "detection", "detection", detect, 1 },
	{ "SEAMLDR.INFO", "P-SEAMLDR and module", ensure_module, 1 },
	{ "TDH.SYS.INIT", "TDH.SYS.INIT", init_module, 1 },
	{ "TDH.SYS.LP.INIT", "TDH.SYS.LP.INIT on all cores", cores_init, 0 },
	{ "TDH.SYS.RD", "metadata", read_metadata, 1 },
	{ "pool", "TD pool, TDMRs and PAMT", take_pool, 1 },
	{ "TDH.SYS.CONFIG", "TDH.SYS.CONFIG", configure, 1 },
	{ "caches", "caches written back on all cores", cores_write_back, 0 },
	{ "TDH.SYS.KEY.CONFIG", "TDH.SYS.KEY.CONFIG on all packages", configure_keys, 1 },
	{ "TDH.SYS.TDMR.INIT", "TDH.SYS.TDMR.INIT", init_tdmrs, 0 },
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

/* Ask the module to let go of everything. 0: it did, and is as freshly loaded; -EBUSY: not now; other: never. */
static int disable_module(void)
{
	struct backoff backoff = { 0 };
	u32 resumes = 0;
	tdx_status_t status;
	char text[TDX_STATUS_TEXT_BYTES];

	if (!(tdx_sysinfo()->features0 & TDX_FEATURE_SYS_DISABLE))
		return -ENOTSUP;
	do {
		status = tdh_sys_disable();
	} while ((tdx_status_is(status, TDX_INTERRUPTED_RESUMABLE) && ++resumes < DISABLE_RESUMES) ||
		 (tdx_status_is(status, TDX_SYS_BUSY) && backoff_wait(&backoff)));
	if (tdx_succeeded(status)) {
		module.state = TDX_MODULE_INIT_PENDING;
		module.keys_configured = false;
		return 0;
	}
	log_warn("tdx", "TDH.SYS.DISABLE: %s", tdx_status_text(status, text));
	return tdx_status_is(status, TDX_INTERRUPTED_RESUMABLE) ? -EBUSY : tdx_status_errno(status);
}

static void write_caches_back(void)
{
	if (cores_write_back())
		log_error("tdx", "caches were not written back on every core");
}

static void give_back(enum pamt_contents contents)
{
	if (contents == PAMT_WRITTEN)
		write_caches_back();
	pamt_give_back(contents);
	pool_give_back();
	free_tdmr_list();
}

/* After a failed attempt. False: nothing is given back, because the module has it and another attempt can go on. */
static bool undo(int error)
{
	int disabled;

	if (module.state < TDX_MODULE_CONFIG_DONE) {
		give_back(PAMT_UNTOUCHED);
		return true;
	}
	disabled = disable_module();
	if (disabled == -EBUSY || (disabled && error == -EBUSY))
		return false;
	if (disabled)
		module.state = TDX_MODULE_SHUT_DOWN;	/* it still counts the PAMTs as its own */
	give_back(PAMT_WRITTEN);
	return true;
}

/* The page books as if Cella's page tables were free: they may grow where a range leaves the direct map, and stay. */
static void read_books(struct page_books *books)
{
	u64 tables = arch_page_tables();

	page_books_read(books);
	books->pages[ZONE_HOST][PAGE_KERNEL] -= tables;
	books->pages[ZONE_HOST][PAGE_FREE] += tables;
}

static void log_difference(const struct page_books *before, const struct page_books *after)
{
	for (u32 zone = 0; zone < ZONE_COUNT; zone++)
		for (u32 owner = 0; owner < PAGE_OWNER_COUNT; owner++)
			if (before->pages[zone][owner] != after->pages[zone][owner])
				log_error("tdx", "page books of zone %u, \"%s\": %lu pages before, %lu after", zone,
					  page_owner_name((enum page_owner)owner), before->pages[zone][owner],
					  after->pages[zone][owner]);
}

/* Are the books as @expected? A difference is logged owner by owner. */
static const char *books_now(const struct page_books *expected)
{
	struct page_books now;

	read_books(&now);
	if (page_books_equal(expected, &now))
		return "books equal";
	log_difference(expected, &now);
	return "BOOKS DIFFER";
}

static void report_failure(const char *step, int error, bool given_back)
{
	const char *books = given_back ? books_now(&module.taken_from) : "pages kept for the next attempt";

	doctor_log_report();
	if (error == -EBUSY && module.state != TDX_MODULE_SHUT_DOWN)
		log_error("tdx", "TDX is not available: %s was refused for the moment, %s; trying again can help (\"tdx "
			  "start\")", step, books);
	else
		log_error("tdx", "TDX is not available: %s failed (error %d), %s; trying again cannot help before a reboot "
			  "or a new module", step, error, books);
}

static int run_steps(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(steps); i++) {
		u64 start = time_ns();
		u32 complaints = doctor_count();
		u64 us;
		int result;

		result = steps[i].run();
		us = (time_ns() - start) / 1000;
		if (result) {
			if (doctor_count() == complaints)
				doctor_complain(steps[i].id, "%s failed (error %d)", steps[i].name, result);
			report_failure(steps[i].name, result, undo(result));
			return result;
		}
		doctor_row(steps[i].id, DOCTOR_PASS, NULL, "%s done on %u cores in %lu us", steps[i].name,
			   steps[i].cores ? steps[i].cores : cpu_count(), us);
		log_info("tdx", "%s: %lu us", steps[i].name, us);
	}
	return 0;
}

int tdx_bring_up(u64 td_pool_bytes)
{
	u64 begin = time_ns();
	int result;

	tdx_console_register();
	if (module.state == TDX_MODULE_READY)
		return 0;
	if (module.state == TDX_MODULE_SHUT_DOWN) {
		log_error("tdx", "TDX is not available: the TDX module is shut down and needs a power cycle");
		return -ENODEV;
	}
	doctor_forget();
	module.wanted_pool_bytes = td_pool_bytes;
	if (module.state < TDX_MODULE_CONFIG_DONE)
		read_books(&module.taken_from);
	result = run_steps();
	if (result)
		return result;
	module.state = TDX_MODULE_READY;
	read_books(&module.with_module);
	td_gate_open();
	log_info("tdx", "module ready after %lu ms: TD pool %lu MiB, PAMT %lu KiB, %u KeyIDs for TDs",
		 (time_ns() - begin) / NS_PER_MS, tdx_pool_bytes() >> 20, pamt_bytes() >> 10, keyid_total());
	return 0;
}

int tdx_start(void)
{
	if (module.state != TDX_MODULE_READY)
		return tdx_bring_up(module.wanted_pool_bytes);
	log_info("tdx", "module ready already");
	return 0;
}

/* The books before the pool was taken, moved on by what others took and gave back while the module was up. */
static void expect_books(struct page_books *expected)
{
	read_books(expected);
	if (module.state != TDX_MODULE_READY) {
		*expected = module.taken_from;
		return;
	}
	for (u32 owner = 0; owner < PAGE_OWNER_COUNT; owner++) {
		expected->pages[ZONE_HOST][owner] += module.taken_from.pages[ZONE_HOST][owner] -
						     module.with_module.pages[ZONE_HOST][owner];
		expected->pages[ZONE_TD][owner] = 0;
	}
}

/* Why the module cannot be stopped now; NULL: it can. The gate is closed then. */
static const char *stop_obstacle(void)
{
	if (module.state == TDX_MODULE_SHUT_DOWN)
		return "the TDX module is shut down and needs a power cycle";
	if (module.state >= TDX_MODULE_CONFIG_DONE && !(tdx_sysinfo()->features0 & TDX_FEATURE_SYS_DISABLE))
		return "this TDX module has no TDH.SYS.DISABLE: it keeps its memory until a reboot";
	if (tdx_pool_free_bytes() != tdx_pool_bytes() || !td_gate_close(TD_GATE_NO_TD))
		return "a TD exists, or pages of one are in quarantine: stop all guests first";
	return NULL;
}

int tdx_stop(void)
{
	const char *obstacle = stop_obstacle();
	struct page_books expected;
	int result = 0;

	if (obstacle) {
		log_error("tdx", "not stopped: %s", obstacle);
		return -EBUSY;
	}
	expect_books(&expected);
	if (module.state >= TDX_MODULE_CONFIG_DONE) {
		write_caches_back();
		result = disable_module();
		if (result) {
			if (module.state == TDX_MODULE_READY)
				td_gate_open();
			log_error("tdx", "not stopped: TDH.SYS.DISABLE is refused; trying again %s",
				  result == -EBUSY ? "can help" : "cannot help");
			return result;
		}
		give_back(PAMT_WRITTEN);
	}
	log_info("tdx", "stopped, %s", books_now(&expected));
	return 0;
}

void tdx_module_replaced(enum tdx_module_state state)
{
	module.state = state;
}

void tdx_shut_down(void)
{
	if (module.state == TDX_MODULE_NONE || module.state == TDX_MODULE_SHUT_DOWN)
		return;
	write_caches_back();	/* of the TDs' time; what the module writes now is written back behind it */
	if (module.state >= TDX_MODULE_CONFIG_DONE && !disable_module())
		log_info("tdx", "module disabled");
	module.state = TDX_MODULE_SHUT_DOWN;
	write_caches_back();
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
