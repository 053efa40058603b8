/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tdxemu/report.h"

#include "kernel/lib/string.h"
#include "tests/tdxemu/hmac_sha256.h"
#include "tests/unit/test.h"

TEST(hmac_agrees_with_rfc_4231)
{
	static const u8 known[SHA256_BYTES] = {
		0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
		0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43,
	};
	u8 mac[SHA256_BYTES];

	hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac);
	CHECK_MEM(mac, known, SHA256_BYTES);
}

static struct tdcs tdcs;

TEST(the_hashes_of_a_report_cover_its_parts)
{
	struct tdreport report, other;
	u8 data[TDREPORT_DATA_BYTES] = { 1, 2, 3 };
	u8 digest[SHA384_BYTES];

	tdcs.xfam = 3;
	tdcs.mrtd[0] = 0x42;
	tdcs.rtmr[3][47] = 0x24;
	CHECK(report_make(&tdcs, data, &report));
	sha384_of((const u8 *)&report + 512, 512, digest);
	CHECK_MEM(report.tee_info_hash, digest, SHA384_BYTES);
	sha384_of((const u8 *)&report + 256, 239, digest);
	CHECK_MEM(report.tee_tcb_info_hash, digest, SHA384_BYTES);
	CHECK_EQ(report.mrtd[0], 0x42);
	CHECK_EQ(((const u8 *)&report)[864 + 47], 0x24);
	CHECK_MEM(report.report_data, data, sizeof(data));
	/* Same key, same report: same MAC; other data: another one. */
	CHECK(report_make(&tdcs, data, &other));
	CHECK_MEM(report.mac, other.mac, sizeof(report.mac));
	data[0]++;
	CHECK(report_make(&tdcs, data, &other));
	CHECK(memcmp(report.mac, other.mac, sizeof(report.mac)) != 0);
}

TEST(a_report_is_visibly_not_from_hardware)
{
	struct tdreport report;
	u8 data[TDREPORT_DATA_BYTES] = { 0 };

	CHECK(report_make(&tdcs, data, &report));
	CHECK(memcmp(report.mrseam, "SOFTWARE TDX MACHINE", 20) == 0);
	CHECK(memcmp(report.cpusvn, "NOT A REAL CPU", 14) == 0);
}
