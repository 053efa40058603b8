/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDREPORT_STRUCT. The part about the TD is real; the part about platform and module is visibly fake, in readable
 * letters (but an installed module is measured by its image's hash), and the MAC is keyed with random bytes of this boot,
 * so that nobody can take a report for one of real hardware.
 * Any core. Manual: TDX Module ABI, "TDREPORT_STRUCT"; tdx-guest-abi.md 2.1.
 */
#include "tests/tdxemu/report.h"

#include "kernel/lib/string.h"
#include "tests/tdxemu/entropy.h"
#include "tests/tdxemu/hmac_sha256.h"
#include "tests/tdxemu/spinlock.h"

#define TEE_TCB_INFO_BYTES 239
#define TEE_TCB_VALID 0x301ffull	/* VALID, TEE_TCB_SVN, MRSEAM, TEE_TCB_SVN2 */
#define FAKE_CPUSVN "NOT A REAL CPU"

_Static_assert(offsetof(struct tdreport, tee_tcb_svn2) + 16 - offsetof(struct tdreport, valid) <= TEE_TCB_INFO_BYTES,
	       "TEE_TCB_INFO holds its fields");

static struct {
	struct spinlock lock;
	bool ready;
	u64 key[SHA256_BYTES / sizeof(u64)];
} mac_key;

static bool have_key(void)
{
	spin_lock(&mac_key.lock);
	if (!mac_key.ready)
		mac_key.ready = entropy_take(mac_key.key, ARRAY_SIZE(mac_key.key));
	spin_unlock(&mac_key.lock);
	return mac_key.ready;
}

static void fill_td_info(const struct tdcs *tdcs, struct tdreport *report)
{
	report->attributes = tdcs->attributes;
	report->xfam = tdcs->xfam;
	memcpy(report->mrtd, tdcs->mrtd, sizeof(report->mrtd));
	memcpy(report->mrconfigid, tdcs->mrconfigid, sizeof(report->mrconfigid));
	memcpy(report->mrowner, tdcs->mrowner, sizeof(report->mrowner));
	memcpy(report->mrownerconfig, tdcs->mrownerconfig, sizeof(report->mrownerconfig));
	memcpy(report->rtmr, tdcs->rtmr, sizeof(report->rtmr));
	memcpy(report->servtd_hash, tdcs->servtd_hash, sizeof(report->servtd_hash));
}

bool report_make(const struct tdcs *tdcs, const u8 report_data[TDREPORT_DATA_BYTES], struct tdreport *report)
{
	if (!have_key())
		return false;
	memset(report, 0, sizeof(*report));
	report->type = TDREPORT_TYPE_TDX;
	memcpy(report->cpusvn, FAKE_CPUSVN, sizeof(FAKE_CPUSVN));
	memcpy(report->report_data, report_data, TDREPORT_DATA_BYTES);
	report->valid = TEE_TCB_VALID;
	memcpy(report->tee_tcb_svn, tdcs->tcb_svn, sizeof(report->tee_tcb_svn));
	memcpy(report->mrseam, module_image.measurement, sizeof(report->mrseam));
	memcpy(report->tee_tcb_svn2, module_image.tcb_svn, sizeof(report->tee_tcb_svn2));
	fill_td_info(tdcs, report);
	sha384_of(&report->valid, TEE_TCB_INFO_BYTES, report->tee_tcb_info_hash);
	sha384_of(&report->attributes, sizeof(*report) - offsetof(struct tdreport, attributes), report->tee_info_hash);
	hmac_sha256(mac_key.key, sizeof(mac_key.key), report, offsetof(struct tdreport, mac), report->mac);
	return true;
}
