/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * P-SEAMLDR: what it says about itself, and loading a TDX module through it. Its statuses are a set of their own:
 * seamldr_status_text(), never tdx_status_text(). Boot core, task context; one caller at a time.
 */
#ifndef TDX_SEAMLDR_H
#define TDX_SEAMLDR_H

#include "include/cella/boot_info.h"
#include "include/spec/tdx/seamldr.h"
#include "tdx/blob.h"
#include "tdx/cores.h"
#include "tdx/status.h"

#define SEAMLDR_FILE_TEXT "tdx-module" /* text of the boot module that is a TDX module file */

/** seamldr_offer() - the boot module with a TDX module, or NULL; seamldr_file() - the one offered */
void seamldr_offer(const struct boot_module *file);
const struct boot_module *seamldr_file(void);

/** seamldr_read() - SEAMLDR.INFO and SEAMINFO. The status of the first that failed */
tdx_status_t seamldr_read(void);
/** seamldr_info(), seamldr_seaminfo() - as read last; NULL: no P-SEAMLDR answered */
const struct seamldr_info *seamldr_info(void);
const struct seamldr_seaminfo *seamldr_seaminfo(void);

/**
 * seamldr_ensure_module() - bring-up: look whether a module is loaded, load the offered one if not
 * Rows "loader", "cores" and "module" for the doctor. 0: go on with TDH.SYS.INIT, which is the last to know
 */
int __must_check seamldr_ensure_module(void);
/** seamldr_explain_no_module() - TDH.SYS.INIT found none: the row "module" */
void seamldr_explain_no_module(void);

/* One SEAMLDR.INSTALL over all cores. */
struct seamldr_install {
	const struct tdx_blob *blob;
	struct seamldr_params *params; /* a page */
	tdx_status_t status; /* of the core that was last */
	bool old_module_gone; /* the refusal came too late for the module that ran before */
};

/** seamldr_fill_params() - what INSTALL is given; @scenario: SEAMLDR_SCENARIO_... */
void seamldr_fill_params(struct seamldr_install *install, u32 scenario);
/** seamldr_install() - on every core by @turns; repeated while the loader asks for it. 0, -EBUSY, or -EIO */
int __must_check seamldr_install(struct seamldr_install *install, cores_turns_fn *turns);

#endif
