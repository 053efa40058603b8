/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TD from its KeyID to its last page. The state is the manual's, in one line of life; whatever step of building
 * fails, td_destroy() knows the way back from there.
 *
 * MRTD is computed here beside the module, record by record, and compared at the end: a difference means that the
 * module has not built what Cella meant to build, and the TD must not run.
 *
 * One task at a time builds or destroys a TD; the leaves that touch the KeyID table are under keyid_table_lock().
 * Manual: TDX Module Base, "TD Life Cycle Management" and "Measurement of TD Build".
 */
#include "tdx/td.h"

#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/spec/tdx/metadata.h"
#include "include/spec/tdx/sept.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/timer.h"
#include "tdx/backoff.h"
#include "tdx/keyid.h"
#include "tdx/pool.h"
#include "tdx/reclaim.h"
#include "tdx/sept.h"
#include "tdx/sysinfo.h"
#include "tdx/tdh_mng.h"
#include "tdx/tdh_mr.h"
#include "tdx/tdh_phymem.h"
#include "tdx/vcpu.h"

enum {
	KEY_ATTEMPTS = 32,	/* the key generator may be out of entropy, or busy with another package */
	KEY_PAUSE_US = 100,
	CACHE_WB_RESUMES = 10000,	/* one per interruption; what TDX hosts allow */
	FREEID_ATTEMPTS = 3,	/* one normally; a package may ask for another write-back */
};

/* Who may begin a TD, and how many there are. */
static struct {
	struct spinlock lock;
	bool closed;	/* (l) the module is being stopped or replaced, or it is gone */
	u32 alive;	/* (l) TDs that are not TD_NONE */
	u32 in_building;	/* (l) of these: between TDH.MNG.CREATE and TDH.MR.FINALIZE */
} gate;

bool td_gate_close(enum td_gate_rule rule)
{
	bool close;

	spin_lock(&gate.lock);
	close = rule == TD_GATE_NO_TD ? !gate.alive : !gate.in_building;
	gate.closed |= close;
	spin_unlock(&gate.lock);
	return close;
}

void td_gate_open(void)
{
	spin_lock(&gate.lock);
	gate.closed = false;
	spin_unlock(&gate.lock);
}

static int enter_gate(struct td *td)
{
	int result;

	spin_lock(&gate.lock);
	result = gate.closed ? -EBUSY : 0;
	if (!result) {
		gate.alive++;
		gate.in_building++;
		td->in_gate = TD_IN_GATE_BUILDING;
	}
	spin_unlock(&gate.lock);
	if (result)
		log_error("tdx", "no TD can be created now: the TDX module is stopped or being replaced");
	return result;
}

/* Built: the module keeps it over an update. */
static void pass_gate(struct td *td)
{
	spin_lock(&gate.lock);
	if (td->in_gate == TD_IN_GATE_BUILDING) {
		gate.in_building--;
		td->in_gate = TD_IN_GATE_BUILT;
	}
	spin_unlock(&gate.lock);
}

static void leave_gate(struct td *td)
{
	pass_gate(td);
	spin_lock(&gate.lock);
	if (td->in_gate == TD_IN_GATE_BUILT)
		gate.alive--;
	td->in_gate = TD_NOT_IN_GATE;
	spin_unlock(&gate.lock);
}

static void set_state(struct td *td, enum td_state state)
{
	spin_lock(&td->lock);
	td->state = state;
	spin_unlock(&td->lock);
}

static int refused(const char *leaf, tdx_status_t status)
{
	char text[TDX_STATUS_TEXT_BYTES];
	int result = tdx_status_errno(status);

	log_error("tdx", "%s: %s", leaf, tdx_status_text(status, text));
	return result == -EBUSY ? -EBUSY : -EIO;
}

/* ---- creation ---- */

static int create_tdr(struct td *td)
{
	tdx_status_t status;
	int result = keyid_alloc(&td->hkid);

	if (result) {
		log_error("tdx", "no private KeyID is free: %u are in use, %u lost", keyid_in_use(), keyid_leaked());
		return result;
	}
	result = pool_page_alloc(TDX_LEVEL_4K, PAGE_TDR, PAGE_ANY_NODE, &td->tdr);
	if (!result) {
		keyid_table_lock();
		status = RETRY_BUSY(tdh_mng_create(td->tdr, td->hkid));
		keyid_table_unlock();
		if (tdx_succeeded(status)) {
			td->pages_control++;
			set_state(td, TD_HKID_ASSIGNED);
			return 0;
		}
		result = refused("TDH.MNG.CREATE", status);
		pool_page_free(td->tdr, TDX_LEVEL_4K, PAGE_TDR);
	}
	keyid_free(td->hkid);
	return result;
}

struct key_work {
	hpa_t tdr;
	tdx_status_t status;
};

static int configure_key_here(void *arg)
{
	struct key_work *work = arg;

	work->status = tdh_mng_key_config(work->tdr);	/* TDX_KEY_CONFIGURED, by an earlier attempt, is a success */
	return tdx_status_errno(work->status);
}

static int configure_keys(struct td *td)
{
	struct key_work work = { td->tdr, { TDX_SUCCESS } };
	int result = -EBUSY;

	for (u32 attempt = 0; result == -EBUSY && attempt < KEY_ATTEMPTS; attempt++) {
		if (attempt)
			time_udelay(KEY_PAUSE_US);
		keyid_table_lock();
		result = keyid_on_each_package(configure_key_here, &work);
		keyid_table_unlock();
	}
	if (result)
		return refused("TDH.MNG.KEY.CONFIG", work.status);
	set_state(td, TD_KEYS_CONFIGURED);
	return 0;
}

static int add_control_pages(struct td *td)
{
	u32 wanted = tdx_sysinfo()->tdcs_bytes / PAGE_SIZE;

	if (wanted > TD_MAX_TDCS_PAGES) {
		log_error("tdx", "this module wants %u TDCS pages, Cella knows how to keep %u", wanted,
			  TD_MAX_TDCS_PAGES);
		return -EIO;
	}
	while (td->tdcs_count < wanted) {
		tdx_status_t status;
		hpa_t page;

		int result = pool_page_alloc(TDX_LEVEL_4K, PAGE_TDCX, PAGE_ANY_NODE, &page);

		if (result)
			return result;
		status = RETRY_BUSY(tdh_mng_addcx(page, td->tdr));
		if (!tdx_succeeded(status)) {
			pool_page_free(page, TDX_LEVEL_4K, PAGE_TDCX);
			return refused("TDH.MNG.ADDCX", status);
		}
		td->tdcs[td->tdcs_count++] = page;
		td->pages_control++;
	}
	return 0;
}

static int initialise(struct td *td, const struct td_params *params)
{
	struct td_cpuid_refusal refusal = { 0 };
	tdx_status_t status = RETRY_BUSY(tdh_mng_init(td->tdr, hva_to_hpa(params), &refusal));
	char text[TDX_STATUS_TEXT_BYTES];

	if (tdx_succeeded(status)) {
		sha384_start(&td->measurement);
		set_state(td, TD_INITIALIZED);
		return 0;
	}
	if (tdx_status_is(status, TDX_OPERAND_INVALID) && tdx_status_operand(status) == TDX_OPERAND_ID_CPUID_CONFIG)
		log_error("tdx", "TDH.MNG.INIT refuses the CPUID configuration of leaf 0x%x, sub-leaf 0x%x",
			  refusal.leaf, refusal.subleaf);
	else
		log_error("tdx", "TDH.MNG.INIT: %s", tdx_status_text(status, text));
	return tdx_status_errno(status);
}

int td_create(struct td *td, const struct td_params *params)
{
	int result = 0;

	if (!(params->config_flags & TD_CONFIG_NO_RBP_MOD)) {
		log_error("tdx", "TD_PARAMS.CONFIG_FLAGS lacks NO_RBP_MOD, which Cella's TD entry needs");
		return -EINVAL;
	}
	result = enter_gate(td);
	if (result)
		return result;
	td->shared_bit = params->config_flags & TD_CONFIG_GPAW ? TDX_SHARED_BIT_GPAW52 : TDX_SHARED_BIT_GPAW48;
	td->pids = page_zalloc(1, PAGE_GUEST);
	if (!td->pids)
		result = -ENOMEM;
	if (!result)
		result = sept_create(td, (enum tdx_level)((params->eptp_controls >> TD_EPTP_WALK_SHIFT) & 7));
	if (!result)
		result = create_tdr(td);
	if (!result)
		result = configure_keys(td);
	if (!result)
		result = add_control_pages(td);
	if (!result)
		result = initialise(td, params);
	if (result)
		td_destroy(td);
	return result;
}

/* ---- memory and measurement ---- */

/* One record of MRTD: name, GPA, zeros; what an operation hashes in addition follows in a call of its own. */
static void measure(struct td *td, const char *operation, gpa_t gpa)
{
	u8 record[MRTD_RECORD_BYTES] = { 0 };

	memcpy(record, operation, strlen(operation));
	memcpy(record + MRTD_RECORD_GPA_OFFSET, &gpa.raw, sizeof(gpa.raw));
	sha384_add(&td->measurement, record, sizeof(record));
}

int td_add_page(struct td *td, gpa_t gpa, hpa_t source)
{
	int result = sept_copy_page(td, gpa, source);

	if (!result)
		measure(td, MRTD_PAGE_ADD, gpa);
	return result;
}

int td_measure_page(struct td *td, gpa_t gpa, hpa_t source)
{
	const u8 *content = hpa_to_hva(source);

	if (td->state != TD_INITIALIZED)
		return -EPERM;
	for (u64 offset = 0; offset < PAGE_SIZE; offset += MRTD_CHUNK_BYTES) {
		gpa_t chunk = gpa_add(gpa, offset);
		tdx_status_t status = RETRY_BUSY(tdh_mr_extend(td->tdr, chunk));

		if (!tdx_succeeded(status))
			return refused("TDH.MR.EXTEND", status);
		measure(td, MRTD_EXTEND, chunk);
		sha384_add(&td->measurement, content + offset, MRTD_CHUNK_BYTES);
	}
	return 0;
}

int td_read(struct td *td, u64 field, u64 *value)
{
	tdx_status_t status = RETRY_BUSY(tdh_mng_rd(td->tdr, field, value));

	return tdx_succeeded(status) ? 0 : refused("TDH.MNG.RD", status);
}

static void hex_text(const u8 bytes[TDX_MR_BYTES], char text[2 * TDX_MR_BYTES + 1])
{
	for (u32 i = 0; i < TDX_MR_BYTES; i++)
		format_text(text + 2 * i, 3, "%02x", bytes[i]);
}

/* -EIO: what the module measured is not what was built. */
static int compare_mrtd(struct td *td)
{
	char module[2 * TDX_MR_BYTES + 1];
	char expected[2 * TDX_MR_BYTES + 1];
	u8 digest[SHA384_BYTES];

	for (u32 i = 0; i < TDX_MR_BYTES / sizeof(u64); i++) {
		u64 part;

		if (td_read(td, TDX_TD_MRTD + i, &part))
			return -EIO;
		memcpy(td->mrtd + i * sizeof(part), &part, sizeof(part));
	}
	sha384_finish(&td->measurement, digest);
	if (!memcmp(digest, td->mrtd, sizeof(digest)))
		return 0;
	hex_text(td->mrtd, module);
	hex_text(digest, expected);
	log_error("tdx", "MRTD is %s", module);
	log_error("tdx", "but must be %s: the TD is not what was built", expected);
	return -EIO;
}

int td_finalise(struct td *td)
{
	tdx_status_t status;

	if (td->state != TD_INITIALIZED)
		return -EPERM;
	status = RETRY_BUSY(tdh_mr_finalize(td->tdr));
	if (!tdx_succeeded(status))
		return refused("TDH.MR.FINALIZE", status);
	set_state(td, TD_RUNNABLE);
	pass_gate(td);
	if (compare_mrtd(td) || td_read(td, TDX_TD_TSC_OFFSET, &td->tsc_offset) ||
	    td_read(td, TDX_TD_TSC_MULTIPLIER, &td->tsc_multiplier))
		return -EIO;
	return 0;
}

/* ---- the end ---- */

/* Write back the lines of all TDs that were flushed, on this package; goes on where an interruption stopped it. */
static int write_back_here(void *arg)
{
	tdx_status_t *status = arg;
	u32 resumes = 0;

	*status = RETRY_BUSY(tdh_phymem_cache_wb(CACHE_WB_START));
	while (tdx_status_is(*status, TDX_INTERRUPTED_RESUMABLE) && ++resumes < CACHE_WB_RESUMES)
		*status = RETRY_BUSY(tdh_phymem_cache_wb(CACHE_WB_RESUME));
	return tdx_status_errno(*status);	/* TDX_NO_HKID_READY_TO_WBCACHE is a success: nothing was left to do */
}

/* KeyID table locked, state BLOCKED. */
static int free_keyid(struct td *td)
{
	tdx_status_t status = { TDX_WBCACHE_NOT_COMPLETE };

	for (u32 attempt = 0; tdx_status_is(status, TDX_WBCACHE_NOT_COMPLETE) && attempt < FREEID_ATTEMPTS; attempt++) {
		if (keyid_on_each_package(write_back_here, &status))
			return refused("TDH.PHYMEM.CACHE.WB", status);
		status = RETRY_BUSY(tdh_mng_key_freeid(td->tdr));
	}
	return tdx_succeeded(status) ? 0 : refused("TDH.MNG.KEY.FREEID", status);
}

/* From any state with a KeyID to TEARDOWN; otherwise the KeyID and everything encrypted with it are lost. */
static void release_keyid(struct td *td)
{
	tdx_status_t status;
	int result;

	for (u32 i = 0; i < td->vcpu_count; i++)
		vcpu_flush(td->vcpus[i]);
	keyid_table_lock();
	status = RETRY_BUSY(tdh_mng_vpflushdone(td->tdr));
	if (tdx_succeeded(status)) {
		set_state(td, TD_BLOCKED);
		result = free_keyid(td);
	} else {
		result = refused("TDH.MNG.VPFLUSHDONE", status);
	}
	keyid_table_unlock();
	if (result) {
		keyid_leak(td->hkid);
		log_error("tdx", "the TD with KeyID %u cannot be reclaimed: %lu KiB go to quarantine", td->hkid.raw,
			  (td->pages_private + td->pages_control) * PAGE_SIZE >> 10);
	} else {
		set_state(td, TD_TEARDOWN);
		keyid_free(td->hkid);
	}
}

static void reclaim_control_pages(struct td *td)
{
	for (u32 i = 0; i < td->vcpu_count; i++)
		vcpu_reclaim(td->vcpus[i]);
	while (td->tdcs_count)
		reclaim_td_page(td, td->tdcs[--td->tdcs_count], TDX_LEVEL_4K, PAGE_TDCX);
	if (td->state == TD_TEARDOWN)
		reclaim_tdr(td->tdr);
	else
		page_set_owner(td->tdr, 1, PAGE_TDR, PAGE_QUARANTINE);
}

void td_destroy(struct td *td)
{
	if (td->state != TD_NONE) {
		release_keyid(td);
		sept_reclaim_all(td);
		reclaim_control_pages(td);
	} else if (td->sept) {
		sept_reclaim_all(td);	/* only the empty books */
	}
	if (td->pids)
		page_zfree(td->pids, 1, PAGE_GUEST);
	td->pids = NULL;
	td->vcpu_count = 0;
	td->pages_control = 0;
	set_state(td, TD_NONE);
	leave_gate(td);
}

const char *td_state_name(enum td_state state)
{
	static const char *const names[] = {
		[TD_NONE] = "none",
		[TD_HKID_ASSIGNED] = "HKID_ASSIGNED",
		[TD_KEYS_CONFIGURED] = "KEYS_CONFIGURED",
		[TD_INITIALIZED] = "INITIALIZED",
		[TD_RUNNABLE] = "RUNNABLE",
		[TD_BLOCKED] = "BLOCKED",
		[TD_TEARDOWN] = "TEARDOWN",
	};

	return names[state];
}
