/* SPDX-License-Identifier: BSD-2-Clause */
/* Another TDX module while TDs live. Console task. */
#ifndef TDX_UPDATE_H
#define TDX_UPDATE_H

/**
 * tdx_update() - replace the running module by the boot module "tdx-module", if it is newer
 * Refused by a sentence while a TD is being built, and wherever it can be foreseen that it would fail. 0; -EBUSY: trying
 * again can help; -EIO after TDH.SYS.SHUTDOWN: TDX is gone until a reboot, and every TD ends at its next entry.
 */
int tdx_update(void);

#endif
