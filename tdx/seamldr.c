/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * P-SEAMLDR serves one core at a time and answers others with VMfailInvalid, which without it is the only answer there
 * is; so that is repeated a few times and then believed.
 *
 * SEAMLDR.INSTALL collects all cores; the last one does the work and gets the verdict. A refusal that can pass ends a
 * round, and the next goes over all cores again: whether the loader has forgotten the first round or not, a core that it
 * still knows answers EBADCALL and has nothing more to do.
 *
 * Manual: P-SEAMLDR Interface Specification.
 */
#include "tdx/seamldr.h"

#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/spec/tdx/leaf.h"
#include "kernel/cpu_call.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/percpu.h"
#include "kernel/timer.h"
#include "tdx/backoff.h"
#include "tdx/doctor.h"
#include "tdx/firmware_setting.h"
#include "tdx/seamcall.h"

enum {
	INSTALL_ROUNDS = 16,
	CLEANUP_CALLS = 100000, /* each stops at an interrupt and goes on where it was */
	ROUND_PAUSE_US = 100,
};

static struct {
	const struct boot_module *file;
	bool answered;
	struct seamldr_info info;
	struct seamldr_seaminfo seaminfo;
} loader;

static tdx_status_t call_loader(u64 leaf, hpa_t operand, u64 *rdx)
{
	struct backoff backoff = { 0 };
	struct seamcall_regs regs;
	tdx_status_t status;

	do {
		regs = (struct seamcall_regs){ .rcx = operand.raw };
		status = seamcall(leaf, &regs);
	} while (status.raw == SEAMCALL_VMFAIL_INVALID && backoff_wait(&backoff));
	if (rdx)
		*rdx = regs.rdx;
	return status;
}

/* ---- what it says ---- */

void seamldr_offer(const struct boot_module *file)
{
	loader.file = file;
}

const struct boot_module *seamldr_file(void)
{
	return loader.file;
}

const struct seamldr_info *seamldr_info(void)
{
	return loader.answered ? &loader.info : NULL;
}

const struct seamldr_seaminfo *seamldr_seaminfo(void)
{
	return loader.answered ? &loader.seaminfo : NULL;
}

tdx_status_t seamldr_read(void)
{
	u8 *page = page_zalloc(1, PAGE_KERNEL);
	tdx_status_t status = { TDX_SYS_BUSY }; /* no page now: like any other want */

	if (!page)
		return status;
	status = call_loader(SEAMLDR_INFO, hva_to_hpa(page), NULL);
	memcpy(&loader.info, page, sizeof(loader.info));
	if (tdx_succeeded(status)) {
		status = call_loader(SEAMLDR_SEAMINFO, hva_to_hpa(page), NULL);
		memcpy(&loader.seaminfo, page, sizeof(loader.seaminfo));
	}
	loader.answered = tdx_succeeded(status);
	page_zfree(page, 1, PAGE_KERNEL);
	return status;
}

/* ---- installation ---- */

void seamldr_fill_params(struct seamldr_install *install, u32 scenario)
{
	const struct tdx_blob *blob = install->blob;

	*install->params = (struct seamldr_params){
		.scenario = scenario,
		.sigstruct = hva_to_hpa(blob->sigstruct).raw,
		.module_page_count = blob->image_pages,
	};
	for (u32 i = 0; i < blob->image_pages; i++)
		install->params->module_pages[i] = hva_to_hpa(blob->image + (u64)i * PAGE_SIZE).raw;
}

static int install_here(void *arg)
{
	struct seamldr_install *install = arg;
	u64 rdx;

	install->status = call_loader(SEAMLDR_INSTALL, hva_to_hpa(install->params), &rdx);
	if (tdx_succeeded(install->status))
		return 0;
	if (!tdx_status_is_no_module(install->status) && rdx)
		install->old_module_gone = true;
	return install->status.raw == SEAMLDR_EBADCALL ? 0 : -EIO;
}

static int clean_up_here(void *arg)
{
	tdx_status_t *status = arg;

	*status = call_loader(SEAMLDR_CLEANUP, HPA(0), NULL);
	return 0;
}

/* Keys and caches of the module before. Interrupts are served between two calls, or it would be interrupted for ever. */
static int clean_up(tdx_status_t *status)
{
	u32 calls = 0;

	for (u32 cpu = 0; cpu < cpu_count(); cpu++) {
		do {
			(void)cpu_call(cpu, clean_up_here, status);
		} while ((status->raw == SEAMLDR_EINTERRUPT || status->raw == SEAMLDR_ENOENTROPY) &&
			 ++calls < CLEANUP_CALLS);
		if (!tdx_succeeded(*status))
			return -EIO;
	}
	return 0;
}

int seamldr_install(struct seamldr_install *install, cores_turns_fn *turns)
{
	for (u32 round = 0; round < INSTALL_ROUNDS; round++) {
		if (!turns(install_here, install) && tdx_succeeded(install->status))
			return 0;
		switch (install->status.raw) {
		case SEAMLDR_ECLEANUPREQ:
			if (turns != cores_in_turn || clean_up(&install->status))
				return -EIO;
			break;
		case SEAMLDR_ENOENTROPY:
		case SEAMLDR_EINTERRUPT:
			if (install->old_module_gone && turns != cores_in_turn)
				return -EIO;
			time_udelay(ROUND_PAUSE_US);
			break;
		default:
			return -EIO;
		}
	}
	return -EBUSY;
}

/* ---- bring-up ---- */

static int load_offered(void)
{
	struct tdx_blob blob;
	struct seamldr_install install = { .blob = &blob };
	char text[TDX_STATUS_TEXT_BYTES];
	const char *fault;
	int result = blob_parse(hpa_to_hva(loader.file->start), loader.file->bytes, &blob, &fault);

	if (result) {
		doctor_row("module", DOCTOR_FAIL, NULL,
			   "no TDX module is loaded, and the boot module \"" SEAMLDR_FILE_TEXT
			   "\" is no usable one: %s",
			   fault);
		return result;
	}
	install.params = page_zalloc(1, PAGE_KERNEL);
	if (!install.params) {
		doctor_row("module", DOCTOR_FAIL, NULL, "no host page for the parameters of SEAMLDR.INSTALL");
		return -ENOMEM;
	}
	seamldr_fill_params(&install, SEAMLDR_SCENARIO_LOAD);
	result = seamldr_install(&install, cores_in_turn);
	page_zfree(install.params, 1, PAGE_KERNEL);
	if (result)
		doctor_row("module", DOCTOR_FAIL, NULL,
			   "no TDX module is loaded, and SEAMLDR.INSTALL of the boot module \"" SEAMLDR_FILE_TEXT
			   "\" failed: %s",
			   seamldr_status_text(install.status, text));
	else
		doctor_row("module", DOCTOR_PASS, SETTING_SEAM_LOADER,
			   "firmware loaded no TDX module; the boot module \"" SEAMLDR_FILE_TEXT
			   "\" of %u, SVN %u.%u, was installed on %u cores",
			   blob.date, blob.svn_major, blob.svn_minor, cpu_count());
	return result;
}

static void report_loader(void)
{
	const struct seamldr_info *info = &loader.info;
	const struct seamldr_seaminfo *seaminfo = &loader.seaminfo;

	doctor_row("loader", DOCTOR_PASS, SETTING_SEAM_LOADER,
		   "P-SEAMLDR %u.%u.%02u build %u of %u answers, %u module updates remain; "
		   "firmware counted %u cores in %u packages",
		   info->major, info->minor, info->update, info->build_num, info->build_date, info->remaining_updates,
		   seaminfo->lp_count, seaminfo->socket_count);
	log_info("tdx",
		 "P-SEAMLDR %u.%u.%02u build %u of %u, %s, %u updates remain; firmware counted %u cores in %u packages",
		 info->major, info->minor, info->update, info->build_num, info->build_date,
		 info->seam_ready ? "a module is loaded" : "no module is loaded", info->remaining_updates,
		 seaminfo->lp_count, seaminfo->socket_count);
	if (seaminfo->lp_count > cpu_count())
		doctor_row("cores", DOCTOR_WARN, SETTING_ALL_CORES,
			   "firmware counted %u cores for the TDX "
			   "module, %u are up: the module waits for all of them",
			   seaminfo->lp_count, cpu_count());
}

void seamldr_explain_no_module(void)
{
	if (seamldr_info())
		doctor_row("module", DOCTOR_FAIL, SETTING_SEAM_LOADER,
			   "no TDX module is loaded: the firmware has found none; a module file can "
			   "also be given to the boot loader as boot module \"" SEAMLDR_FILE_TEXT "\"");
	else
		doctor_row("module", DOCTOR_FAIL, SETTING_SEAM_LOADER,
			   "no TDX module is loaded, and no P-SEAMLDR answers that could load one: "
			   "the SEAM loader is off in the firmware set-up or missing");
}

int seamldr_ensure_module(void)
{
	char text[TDX_STATUS_TEXT_BYTES];
	tdx_status_t status = seamldr_read();

	if (!tdx_succeeded(status)) {
		if (status.raw != SEAMCALL_VMFAIL_INVALID) /* that is told when it is known whether a module answers */
			doctor_row("loader", DOCTOR_WARN, SETTING_SEAM_LOADER, "P-SEAMLDR does not answer: %s",
				   seamldr_status_text(status, text));
		return 0;
	}
	report_loader();
	if (loader.info.seam_ready)
		return 0;
	if (loader.file)
		return load_offered();
	seamldr_explain_no_module();
	return -ENODEV;
}
