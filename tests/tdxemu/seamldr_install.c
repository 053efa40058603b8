/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SEAMLDR.INSTALL: every core calls, the last one loads the module with its parameters.
 *
 * Everything is checked before the old module is touched; until then a refusal is recoverable: SEAM_READY gets its old
 * value back and RDX is 0. From `wipe` on the old module is gone: a refusal leaves none and RDX is 1. What the host may
 * change meanwhile (parameters, signature structure, each image page) is copied once, then looked at.
 *
 * Scenario load: all memory of the old module and its TDs is the host's again. Scenario update: handoff data stays, and
 * with it TDMRs, keys and TDs.
 * Callers: seamldr.c, one core at a time. Manual: tdx-host-system.md 10.4, 10.5.
 */
#include "tests/tdxemu/seamldr.h"

#include "kernel/lib/string.h"
#include "tests/tdxemu/entropy.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/module.h"
#include "tests/tdxemu/seamldr_sigstruct.h"
#include "tests/tdxemu/verdict.h"

#define MODULE_REGION_PAGES (EMU_BYTES / PAGE_SIZE / 2)	/* of SEAMRR, as a real loader would lay a module out */
#define LOG_TRIES 5
#define RDX_MODULE_DESTROYED 1

/* What one INSTALL works on. */
static struct {
	struct seamldr_params params;
	struct seam_sigstruct sig;
	u8 page[PAGE_SIZE];	/* of the image */
	struct module_image image;
} work;

static u64 read_params(u64 hpa)
{
	const struct seamldr_params *params = &work.params;

	if (!hpa_is_shared(hpa, PAGE_SIZE, PAGE_SIZE))
		return SEAMLDR_EBADPARAM;
	memcpy(&work.params, phys(hpa_without_hkid(hpa)), sizeof(work.params));
	for (u32 i = 0; i < sizeof(params->reserved_16); i++)
		if (params->reserved_16[i] != 0)
			return SEAMLDR_EBADPARAM;
	if (params->version != 0 || params->scenario > SEAMLDR_SCENARIO_UPDATE ||
	    (params->scenario == SEAMLDR_SCENARIO_UPDATE && !seamldr.was_ready) ||
	    !hpa_is_shared(params->sigstruct, SEAM_SIGSTRUCT_BYTES, PAGE_SIZE) || params->module_page_count == 0 ||
	    params->module_page_count > SEAMLDR_MAX_MODULE_PAGES)
		return SEAMLDR_EBADPARAM;
	for (u64 i = 0; i < params->module_page_count; i++)
		if (!hpa_is_shared(params->module_pages[i], PAGE_SIZE, PAGE_SIZE))
			return SEAMLDR_EBADPARAM;
	memcpy(&work.sig, phys(hpa_without_hkid(params->sigstruct)), sizeof(work.sig));
	return SEAMLDR_SUCCESS;
}

static u64 check_svn(void)
{
	const struct seam_sigstruct *sig = &work.sig;
	bool older = sig->svn_minor < module_image.tcb_svn[0];
	bool other_line = sig->svn_major != module_image.tcb_svn[1];

	if (sig->svn_major == 0)
		return SEAMLDR_EUNSUPPORTED;
	if (work.params.scenario == SEAMLDR_SCENARIO_UPDATE) {
		if (other_line)
			return SEAMLDR_EUNSUPPORTED;
		return older ? SEAMLDR_EBADSIG : SEAMLDR_SUCCESS;
	}
	if (seamldr.packages_dirty != 0 && (other_line || older))
		return SEAMLDR_ECLEANUPREQ;
	return SEAMLDR_SUCCESS;
}

/* Per core stack, thread data and keyhole; once image, global data and handoff data. */
static u64 check_space(void)
{
	const struct seam_sigstruct *sig = &work.sig;
	u64 per_core = sig->stack_pages + 1ull + sig->tls_pages + 1ull + sig->keyhole_pages + 1ull;
	u64 once = work.params.module_page_count + sig->global_pages + 1ull + sig->handoff_pages + 1ull;
	u64 random;

	if (!entropy_take(&random, 1))
		return SEAMLDR_ENOENTROPY;
	return once + emu_cpu_count() * per_core > MODULE_REGION_PAGES ? SEAMLDR_ENOMEM : SEAMLDR_SUCCESS;
}

static u64 check_handoff(void)
{
	if (work.params.scenario == SEAMLDR_SCENARIO_LOAD)
		return SEAMLDR_SUCCESS;
	if (seamldr.remaining_updates == 0)
		return SEAMLDR_EBADCALL;
	if (!module_handoff.valid || module_handoff.version < work.sig.min_update_hv ||
	    module_handoff.version > work.sig.module_hv)
		return SEAMLDR_EBADHANDOFF;
	return SEAMLDR_SUCCESS;
}

static u64 check(u64 params)
{
	u64 status = read_params(params);

	if (status == SEAMLDR_SUCCESS)
		status = sigstruct_check_form(&work.sig);
	if (status == SEAMLDR_SUCCESS)
		status = check_svn();
	if (status == SEAMLDR_SUCCESS)
		status = sigstruct_check_origin(&work.sig);
	if (status == SEAMLDR_SUCCESS)
		status = check_space();
	if (status == SEAMLDR_SUCCESS)
		status = check_handoff();
	return status;
}

/* The old module ends here. An update's handoff data, and the pages it speaks of, survive. */
static void wipe(void)
{
	if (work.params.scenario == SEAMLDR_SCENARIO_LOAD) {
		if (module.td_count != 0)
			verdict_note("SEAMLDR.INSTALL ended %u TDs with the module they ran on", module.td_count);
		module_release_memory();
	}
	module_reset();
}

static u64 copy_image(void)
{
	struct module_record *record = &work.image.record;
	struct sha384 hash;

	sha384_start(&hash);
	for (u64 i = 0; i < work.params.module_page_count; i++) {
		memcpy(work.page, phys(hpa_without_hkid(work.params.module_pages[i])), PAGE_SIZE);
		sha384_add(&hash, work.page, PAGE_SIZE);
		if (i == 0)
			memcpy(record, work.page, sizeof(*record));
	}
	sha384_finish(&hash, work.image.measurement);
	if (memcmp(work.image.measurement, work.sig.seamhash, SHA384_BYTES) != 0)
		return SEAMLDR_EBADHASH;
	if (memcmp(record->magic, MODULE_RECORD_MAGIC, sizeof(record->magic)) != 0)
		return SEAMLDR_EBADPARAM;
	memset(work.image.tcb_svn, 0, sizeof(work.image.tcb_svn));
	work.image.tcb_svn[0] = work.sig.svn_minor;
	work.image.tcb_svn[1] = work.sig.svn_major;
	return SEAMLDR_SUCCESS;
}

static u64 log_module(void)
{
	u64 random;

	for (u32 i = 0; i < LOG_TRIES; i++)
		if (entropy_take(&random, 1))
			return SEAMLDR_SUCCESS;
	return SEAMLDR_ENOENTROPY;
}

static u64 load(void)
{
	u64 status = copy_image();

	if (status == SEAMLDR_SUCCESS)
		status = log_module();
	if (status != SEAMLDR_SUCCESS)
		return status;
	/* nothing fails below */
	module_image = work.image;
	if (seamldr.remaining_updates != 0)
		seamldr.remaining_updates--;
	seamldr.installed = true;
	seamldr.packages_dirty = seamldr_all_packages();
	verdict_note("module %u.%u.%02u build %u installed", module_image.record.major, module_image.record.minor,
		     module_image.record.update, module_image.record.build_num);
	seamldr_set_ready(true);
	return SEAMLDR_SUCCESS;
}

u64 seamldr_install(struct emu_cpu *cpu, u64 gpr[GPR_COUNT])
{
	u64 status = seamldr_join(cpu, SESSION_INSTALL);

	if (status != SEAMLDR_SUCCESS || !seamldr_is_last())
		return status;
	seamldr_leave();
	status = check(gpr[GPR_RCX]);
	if (status != SEAMLDR_SUCCESS) {
		seamldr_set_ready(seamldr.was_ready);
		return status;
	}
	wipe();
	status = load();
	if (status != SEAMLDR_SUCCESS)
		gpr[GPR_RDX] = RDX_MODULE_DESTROYED;
	return status;
}
