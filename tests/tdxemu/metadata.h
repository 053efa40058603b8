/* SPDX-License-Identifier: BSD-2-Clause */
/* Metadata: look-up of field ids in the system, TD and vCPU tables, access rights of host and guest. */
#ifndef TDXEMU_METADATA_H
#define TDXEMU_METADATA_H

#include "tests/tdxemu/td.h"

enum md_reader {
	MD_HOST,
	MD_GUEST,
};

/** metadata_sys_read() - TDH.SYS.RD, TDG.SYS.RD: value and next element id (all ones at the end) */
u64 metadata_sys_read(enum md_reader reader, u64 field, u64 *value, u64 *next);
/** metadata_features() - TDX_FEATURES0: what the module offers and this machine can do */
u64 metadata_features(void);
/**
 * metadata_sys_list() - TDH.SYS.RDALL, TDG.SYS.RDALL: a metadata list of whole fields
 * @first: id of the first one, TDX_MD_FIRST_FIELD = from the start. @page: 4 KiB, written. @next: where to go on, all
 * ones when complete or on error. SUCCESS, METADATA_LIST_OVERFLOW when fields remain, METADATA_FIELD_ID_INCORRECT.
 */
u64 metadata_sys_list(enum md_reader reader, u64 first, u64 page[PAGE_SIZE / sizeof(u64)], u64 *next);
/** metadata_td_read(), metadata_td_write() - TD scope; *next may be NULL */
u64 metadata_td_read(struct td_ref *td, enum md_reader reader, u64 field, u64 *value, u64 *next);
u64 metadata_td_write(struct td_ref *td, enum md_reader reader, u64 field, u64 value, u64 mask, u64 *previous);
/** metadata_vp_read(), metadata_vp_write() - vCPU scope, VMCS fields included */
u64 metadata_vp_read(struct emu_cpu *cpu, struct vp_ref *vp, enum md_reader reader, u64 field, u64 *value, u64 *next);
u64 metadata_vp_write(struct emu_cpu *cpu, struct vp_ref *vp, enum md_reader reader, u64 field, u64 value, u64 mask,
		      u64 *previous);

#endif
