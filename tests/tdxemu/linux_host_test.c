/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What another TDX host demands of a module: the fields Linux 7.2 reads while it initialises TDX and KVM, by the numbers
 * it uses, and its sequence of leaves up to READY and back. Facts: tdx-host-system reference, "What Linux 7.2 demands".
 */
#include "tests/tdxemu/metadata.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/fake_verdict.h"
#include "tests/unit/test.h"

enum {
	NO_RBP_MOD = 18,
	TOPOLOGY_ENUM = 20,
	NEXT_FIELD_CODE = 1,
};

/* clang-format off */
static const struct {
	u64 id;
	u64 least;
} demanded[] = {
	{ 0x0800000100000003, 5 },	/* MINOR_VERSION */
	{ 0x0800000100000004, 1 },	/* MAJOR_VERSION */
	{ 0x0800000100000005, 0 },	/* UPDATE_VERSION */
	{ 0x8900000100000000, 0 },	/* MODULE_HV */
	{ 0x0a00000300000008, BIT(NO_RBP_MOD) | BIT(TOPOLOGY_ENUM) },	/* TDX_FEATURES0 */
	{ 0x9100000100000008, 1 },	/* MAX_TDMRS */
	{ 0x9100000100000009, 1 },	/* MAX_RESERVED_PER_TDMR */
	{ 0x9100000100000010, 16 },	/* PAMT_4K_ENTRY_SIZE */
	{ 0x9100000100000011, 16 },	/* PAMT_2M_ENTRY_SIZE */
	{ 0x9100000100000012, 16 },	/* PAMT_1G_ENTRY_SIZE */
	{ 0x9800000100000000, 4096 },	/* TDR_BASE_SIZE */
	{ 0x9800000100000100, 4096 },	/* TDCS_BASE_SIZE */
	{ 0x9800000100000200, 4096 },	/* TDVPS_BASE_SIZE */
	{ 0x1900000300000000, 1 },	/* ATTRIBUTES_FIXED0 */
	{ 0x1900000300000001, 0 },	/* ATTRIBUTES_FIXED1 */
	{ 0x1900000300000002, 3 },	/* XFAM_FIXED0 */
	{ 0x1900000300000003, 3 },	/* XFAM_FIXED1 */
	{ 0x9900000100000004, 1 },	/* NUM_CPUID_CONFIG */
	{ 0x9900000100000008, 2 },	/* MAX_VCPUS_PER_TD: at least the number of cores */
};
/* clang-format on */

static u64 element_limit(u64 id)
{
	u32 bytes = 1u << ((id & TDX_MD_SIZE_MASK) >> TDX_MD_SIZE_SHIFT);

	return bytes == sizeof(u64) ? ~0ull : (1ull << 8 * bytes) - 1;
}

TEST(every_field_linux_reads_is_there_and_fits_its_size)
{
	machine_reset(2, 1);
	machine_initialise();
	for (u32 i = 0; i < ARRAY_SIZE(demanded); i++) {
		CHECK_EQ(SEAM(leaf_sys_rd, .rdx = demanded[i].id), TDX_SUCCESS);
		CHECK(machine.out[GPR_R8] >= demanded[i].least);
		CHECK(machine.out[GPR_R8] <= element_limit(demanded[i].id));
	}
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = 0x0a00000300000008), TDX_SUCCESS);
	CHECK(machine.out[GPR_R8] & BIT(NO_RBP_MOD));
	CHECK(machine.out[GPR_R8] & BIT(TOPOLOGY_ENUM));
}

TEST(every_configurable_cpuid_leaf_linux_reads_has_its_values)
{
	u64 count;

	machine_reset(1, 1);
	machine_initialise();
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = 0x9900000100000004), TDX_SUCCESS);
	count = machine.out[GPR_R8];
	for (u64 i = 0; i < count; i++) {
		CHECK_EQ(SEAM(leaf_sys_rd, .rdx = 0x9900000300000400 + i), TDX_SUCCESS);
		CHECK(machine.out[GPR_R8] != ~0ull);
		CHECK_EQ(SEAM(leaf_sys_rd, .rdx = 0x9900000300000500 + 2 * i), TDX_SUCCESS);
		CHECK_EQ(SEAM(leaf_sys_rd, .rdx = 0x9900000300000500 + 2 * i + NEXT_FIELD_CODE), TDX_SUCCESS);
	}
}

TEST(linux_brings_the_module_up_disables_it_and_brings_it_up_again)
{
	machine_reset(4, 2);
	fake_verdict_violations = 0;
	for (u32 round = 0; round < 2; round++) {
		machine_initialise();
		machine_tdmr(0);
		CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID), TDX_SUCCESS);
		for (u32 i = 0; i < machine.cpu_count; i++)
			machine.cpus[i].wbinvd_done = true;
		CHECK_EQ(SEAM_ON(0, leaf_sys_key_config), TDX_SUCCESS);
		CHECK_EQ(SEAM_ON(1, leaf_sys_key_config), TDX_SUCCESS);
		machine_tdmr_init();
		CHECK_EQ(SEAM(leaf_phymem_page_rdmd, .rcx = machine_page()), TDX_SUCCESS);
		CHECK_EQ(machine.out[GPR_RCX], 0);
		CHECK_EQ(machine_resume(0, leaf_sys_disable, 0), TDX_SUCCESS);
	}
	CHECK_EQ(fake_verdict_violations, 0);
}
