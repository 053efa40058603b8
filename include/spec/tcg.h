/* SPDX-License-Identifier: BSD-2-Clause */
/* TCG event log as a CC event log uses it. TCG PC Client Platform Firmware Profile; UEFI CC measurement protocol. */
#ifndef SPEC_TCG_H
#define SPEC_TCG_H

#include "include/cella/types.h"

#define TCG_EV_NO_ACTION 0x00000003u
#define TCG_EV_SEPARATOR 0x00000004u
#define TCG_EV_EVENT_TAG 0x00000006u
#define TCG_EV_PLATFORM_CONFIG_FLAGS 0x0000000au
#define TCG_EV_IPL 0x0000000du
#define TCG_EV_FIRMWARE_BLOB2 0x8000000au
#define TCG_EV_HANDOFF_TABLES2 0x8000000bu
#define TCG_ALG_SHA384 0x000c
#define TCG_SPEC_ID "Spec ID Event03"
#define CC_MR_RTMR(n) ((u32)(n) + 1)	/* measurement register numbers of the log: 0 is MRTD */

struct tcg_spec_id_event {
	u32 pcr;
	u32 type;
	u8 sha1[20];
	u32 event_bytes;
	char signature[16];
	u32 platform_class;
	u8 spec_minor, spec_major, spec_errata, uintn_size;
	u32 algorithms;
	u16 algorithm, digest_bytes;
	u8 vendor_bytes;
} __packed;
_Static_assert(sizeof(struct tcg_spec_id_event) == 32 + 33, "Spec ID event");

struct cc_event {
	u32 register_index;
	u32 type;
	u32 digests;
	u16 algorithm;
	u8 digest[48];
	u32 event_bytes;
	/* data follows */
} __packed;

#endif
