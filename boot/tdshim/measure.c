/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See measure.h. Registers and order (docs/trust.md): RTMR0 hand-off, memory map and ACPI; RTMR1 kernel file; RTMR2 command
 * line and initrd. A verifier replays the log: the digest of the kernel event is what sha384sum prints for the file.
 */
#include "boot/tdshim/measure.h"

#include "boot/tdshim/report.h"
#include "boot/tdshim/tdcall.h"
#include "include/spec/tcg.h"
#include "kernel/lib/sha384.h"
#include "kernel/lib/string.h"

#define DIGEST_ALIGN 64	/* TDG.MR.RTMR.EXTEND */

static u64 log_used;

static void *log_reserve(u64 bytes)
{
	void *at = (void *)(EVENT_LOG_BASE + log_used);

	if (bytes > EVENT_LOG_BYTES - log_used)
		shim_refuse("the event log is full");
	log_used += bytes;
	return at;
}

void measure_start(void)
{
	const struct tcg_spec_id_event first = {
		.type = TCG_EV_NO_ACTION,
		.event_bytes = sizeof(first) - offsetof(struct tcg_spec_id_event, signature),
		.signature = TCG_SPEC_ID,
		.spec_major = 2,
		.spec_errata = 105,
		.uintn_size = 2,
		.algorithms = 1,
		.algorithm = TCG_ALG_SHA384,
		.digest_bytes = SHA384_BYTES,
	};

	log_used = 0;
	memset((void *)EVENT_LOG_BASE, 0xff, EVENT_LOG_BYTES);	/* readers stop at all ones */
	memcpy(log_reserve(sizeof(first)), &first, sizeof(first));
}

static void extend_and_log(enum rtmr rtmr, u32 type, const u8 *digest, const void *event, u32 event_bytes)
{
	static u8 operand[SHA384_BYTES] __aligned(DIGEST_ALIGN);
	struct cc_event header = {
		.register_index = CC_MR_RTMR(rtmr),
		.type = type,
		.digests = 1,
		.algorithm = TCG_ALG_SHA384,
		.event_bytes = event_bytes,
	};
	u8 *entry = log_reserve(sizeof(header) + event_bytes);
	u64 status;

	memcpy(header.digest, digest, SHA384_BYTES);
	memcpy(entry, &header, sizeof(header));
	memcpy(entry + sizeof(header), event, event_bytes);
	memcpy(operand, digest, SHA384_BYTES);
	status = tdg_rtmr_extend(rtmr, operand);
	if (status != 0)
		shim_refuse("RTMR%u cannot be extended: status %#llx", (unsigned int)rtmr, (unsigned long long)status);
}

void measure(enum rtmr rtmr, u32 type, const char *name, const void *data, u64 bytes)
{
	u8 digest[SHA384_BYTES];

	sha384_of(data, bytes, digest);
	extend_and_log(rtmr, type, digest, name, (u32)strlen(name) + 1);
}

void measure_separator(enum rtmr rtmr)
{
	const u32 zero = 0;
	u8 digest[SHA384_BYTES];

	sha384_of(&zero, sizeof(zero), digest);
	extend_and_log(rtmr, TCG_EV_SEPARATOR, digest, &zero, sizeof(zero));
}
