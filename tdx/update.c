/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Update with TDs alive. TDH.SYS.SHUTDOWN is the point of no return: whatever can be known before it is asked before it.
 * Behind it all cores are held out of their TDs, and keys, KeyIDs, TDMRs and PAMTs pass from the old module to the new
 * one inside the SEAM range.
 *
 * If a step behind it fails, the TDs' memory cannot be asked back from anybody: their tasks find that TDH.VP.ENTER is
 * refused and end them, and td_destroy() puts the pages into quarantine.
 *
 * Manual: TDX Module Base, "TD-Preserving TDX Module Update"; P-SEAMLDR Interface Specification, "SEAMLDR.INSTALL".
 */
#include "tdx/update.h"

#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/spec/tdx/metadata.h"
#include "kernel/lib/format.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/timer.h"
#include "tdx/backoff.h"
#include "tdx/doctor.h"
#include "tdx/module.h"
#include "tdx/seamldr.h"
#include "tdx/sysinfo.h"
#include "tdx/td.h"
#include "tdx/tdh_sys.h"

/* Set under the hold, told behind it. */
struct update {
	struct tdx_blob blob;
	struct seamldr_install install;
	const char *step; /* the one under way; NULL: TDH.SYS.SHUTDOWN has not been accepted */
	tdx_status_t status; /* of TDH.SYS leaves */
	struct tdx_cpuid_complaint cpuid;
};

/* ---- before the point of no return ---- */

static bool fits_all_packages(const struct tdx_blob *blob)
{
	const struct seamldr_seaminfo *seaminfo = seamldr_seaminfo();
	u32 packages = MIN(seaminfo->socket_count, (u32)SEAMLDR_SEAMINFO_SOCKETS);

	for (u32 i = 0; i < packages; i++)
		if (!blob_fits_cpu(blob, seaminfo->socket_fms[i]))
			return false;
	return true;
}

/* Why the file cannot replace the running module; NULL: nothing speaks against it. */
static const char *file_obstacle(const struct tdx_blob *blob)
{
	const struct seamldr_info *info = seamldr_info();
	const struct tdx_sysinfo *running = tdx_sysinfo();
	u8 svn_minor = info->tee_tcb_svn[0], svn_major = info->tee_tcb_svn[1];

	if (blob->date <= running->build_date)
		return "the module in the file is not newer than the running one";
	if (blob->svn_major != svn_major)
		return "the module in the file has another major SVN than the running one (SEAMLDR_EUNSUPPORTED)";
	if (blob->svn_minor < svn_minor)
		return "the module in the file has an older SVN than the running one (SEAMLDR_EBADSIG)";
	if (running->module_hv < blob->min_update_hv || running->module_hv > blob->module_hv)
		return "the module in the file does not take over what the running one hands off (SEAMLDR_EBADHANDOFF)";
	if (!fits_all_packages(blob))
		return "the module in the file is not made for this CPU (SEAMLDR_EUNSUPCPU)";
	if (!blob_hash_fits(blob))
		return "the module in the file is not the one that was signed (SEAMLDR_EBADHASH)";
	return NULL;
}

static const char *obstacle(struct update *update)
{
	const struct boot_module *file = seamldr_file();
	const char *fault;

	if (tdx_module_state() != TDX_MODULE_READY)
		return "no TDX module is running";
	if (!file)
		return "the boot loader gave no boot module \"" SEAMLDR_FILE_TEXT "\"";
	if (!(tdx_sysinfo()->features0 & TDX_FEATURE_TD_PRESERVING))
		return "the running TDX module cannot be replaced (it lacks TD_PRESERVING)";
	if (!tdx_succeeded(seamldr_read()))
		return "P-SEAMLDR does not answer";
	if (!seamldr_info()->remaining_updates)
		return "P-SEAMLDR allows no more updates before a reboot";
	if (blob_parse(hpa_to_hva(file->start), file->bytes, &update->blob, &fault))
		return fault;
	return file_obstacle(&update->blob);
}

/* ---- under the hold ---- */

static int replace(void *arg)
{
	struct update *update = arg;
	int result;

	update->status = RETRY_BUSY(tdh_sys_shutdown(tdx_sysinfo()->module_hv));
	if (!tdx_succeeded(update->status))
		return tdx_status_errno(update->status);
	update->step = "SEAMLDR.INSTALL";
	if (seamldr_install(&update->install, cores_in_turn_held))
		return -EIO;
	cores_forget();
	update->step = "TDH.SYS.INIT";
	update->status = RETRY_BUSY(tdh_sys_init(&update->cpuid));
	if (!tdx_succeeded(update->status))
		return -EIO;
	update->step = "TDH.SYS.LP.INIT";
	result = cores_in_turn_held(cores_init_this, NULL);
	if (result)
		return -EIO;
	update->step = "TDH.SYS.UPDATE";
	update->status = RETRY_BUSY(tdh_sys_update());
	return tdx_succeeded(update->status) ? 0 : -EIO;
}

/* ---- behind it ---- */

/* TDX is dead. The gate stays closed; the TDs end by themselves. */
static void explain_death(const struct update *update)
{
	char text[TDX_STATUS_TEXT_BYTES];

	tdx_module_replaced(TDX_MODULE_SHUT_DOWN);
	doctor_forget();
	if (update->step && !tdx_succeeded(update->install.status))
		doctor_complain("update", "SEAMLDR.INSTALL: %s%s", seamldr_status_text(update->install.status, text),
				update->install.old_module_gone
					? "; the old module is gone"
					: "; the old module is shut down and cannot be revived");
	else if (!tdx_succeeded(update->status))
		doctor_explain(update->step, update->status, &update->cpuid);
	else
		cores_explain();
	log_error("tdx",
		  "update failed at %s: TDX is not available until the machine is restarted; all TDs end, and their "
		  "pages "
		  "stay in quarantine",
		  update->step);
}

static int refused(struct update *update, const char *why)
{
	if (update->install.params)
		page_zfree(update->install.params, 1, PAGE_KERNEL);
	log_error("tdx", "no update: %s", why);
	return -EBUSY;
}

int tdx_update(void)
{
	struct update update = { .status = { TDX_SUCCESS } };
	char text[TDX_STATUS_TEXT_BYTES];
	u64 begin = time_ns();
	const char *why = obstacle(&update);
	int result;

	if (why)
		return refused(&update, why);
	update.install.blob = &update.blob;
	update.install.params = page_zalloc(1, PAGE_KERNEL);
	if (!update.install.params)
		return refused(&update, "no host page for the parameters of SEAMLDR.INSTALL");
	seamldr_fill_params(&update.install, SEAMLDR_SCENARIO_UPDATE);
	if (!td_gate_close(TD_GATE_NO_BUILD))
		return refused(&update, "a TD is being built; trying again can help");
	result = cores_hold(replace, &update);
	if (result && !update.step) { /* nothing has changed */
		td_gate_open();
		return refused(&update, tdx_succeeded(update.status) ? "a core could not be held; trying again can help"
								     : tdx_status_text(update.status, text));
	}
	page_zfree(update.install.params, 1, PAGE_KERNEL);
	if (result || tdx_sysinfo_read()) {
		explain_death(&update);
		return -EIO;
	}
	td_gate_open();
	log_info("tdx", "module updated to %u.%u.%02u build %u of %u in %lu us, TDs go on", tdx_sysinfo()->major,
		 tdx_sysinfo()->minor, tdx_sysinfo()->update, tdx_sysinfo()->build_num, tdx_sysinfo()->build_date,
		 (time_ns() - begin) / 1000);
	return 0;
}
