/* SPDX-License-Identifier: BSD-2-Clause */
/* Status words of the TDX module: class, operand, text, and the three statuses of the instruction itself. */
#ifndef TDX_STATUS_H
#define TDX_STATUS_H

#include "include/cella/types.h"
#include "include/spec/tdx/status.h"

/** tdx_status_t - RAX after a SEAMCALL; a type of its own so that it passes for no errno */
typedef struct {
	u64 raw;
} tdx_status_t;

/*
 * The instruction failed and no module answered. Class 0xff is never used by the module; the layout follows what Linux
 * uses so that operators can look the numbers up.
 */
#define SEAMCALL_VMFAIL_INVALID 0x8000ff00ffff0000ull	/* CF=1: no module loaded, or P-SEAMLDR busy */
#define SEAMCALL_GP_FAULT 0x8000ff000000000dull	/* firmware has not enabled TDX */
#define SEAMCALL_UD_FAULT 0x8000ff0000000006ull	/* this core is not in VMX operation */

#define TDX_STATUS_TEXT_BYTES 112

/** tdx_succeeded() - bit 63 clear: done, possibly with a remark */
static inline bool tdx_succeeded(tdx_status_t status)
{
	return !(status.raw & TDX_STATUS_ERROR);
}

/**
 * tdx_status_is() - compare class and detail; flag bits and operand do not take part. @code: TDX_... of the spec
 * header
 */
static inline bool tdx_status_is(tdx_status_t status, u64 code)
{
	return (status.raw & TDX_STATUS_IDENTITY_MASK) == (code & TDX_STATUS_IDENTITY_MASK);
}

/** tdx_status_operand() - bits 31:0 */
static inline u32 tdx_status_operand(tdx_status_t status)
{
	return (u32)status.raw;
}

/** tdx_status_is_busy() - a lock was not available: the caller that knows the lock retries (see tdx/backoff.h) */
bool tdx_status_is_busy(tdx_status_t status);
/** tdx_status_is_no_module() - the instruction itself failed: one of the three statuses above */
bool tdx_status_is_no_module(tdx_status_t status);
/**
 * tdx_status_errno() - 0; -EBUSY: busy or out of entropy after the bounded retries; -EINVAL: an operand; -EIO: the
 * rest
 */
int tdx_status_errno(tdx_status_t status);

/**
 * tdx_status_text() - "TDX_OPERAND_INVALID (operand RCX)" or the like; unknown codes keep their hex value beside the
 * class
 * @text: TDX_STATUS_TEXT_BYTES; returned for use inside a log call
 */
const char *tdx_status_text(tdx_status_t status, char text[TDX_STATUS_TEXT_BYTES]);
/** seamldr_status_text() - the same for what a SEAMLDR leaf returned: "SEAMLDR_EBADSIG: ..." with what it means */
const char *seamldr_status_text(tdx_status_t status, char text[TDX_STATUS_TEXT_BYTES]);
/** tdx_leaf_name() - "TDH.SYS.INIT", "SEAMLDR.INFO"; "TDH.?" for an unknown number. @leaf: also with version bits */
const char *tdx_leaf_name(u64 leaf);

#endif
