/* SPDX-License-Identifier: BSD-2-Clause */
/* Values are the manual's numbers on purpose: the tables under test must not check themselves. */
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/platform.h"
#include "tests/tdxemu/platform_seed.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/test.h"

#define INCORRECT(msr) (TDX_INCORRECT_MSR_VALUE | (msr))

/* clang-format off */
struct msr_case {
	u32 msr;
	u64 clear, set;
	u64 status;
};

/* In the order of the checks: each row must win over all later ones. */
static const struct msr_case msr_cases[] = {
	{ 0x10a, BIT(0), 0, INCORRECT(0x10a) },
	{ 0x10a, BIT(21), 0, INCORRECT(0x10a) },
	{ 0x10a, 0, BIT(2), INCORRECT(0x10a) },
	{ 0xbd, 1, 0, INCORRECT(0xbd) },
	{ 0xbd, 0, BIT(1), INCORRECT(0xbd) },
	{ 0xbc, 1, 0, INCORRECT(0xbc) },
	{ 0x345, BIT(13), 0, INCORRECT(0x345) },
	{ 0x1a0, 0, BIT(22), TDX_LIMIT_CPUID_MAXVAL_SET },
	{ 0x480, BIT(54), 0, INCORRECT(0x480) },
	{ 0x480, BIT(55), 0, INCORRECT(0x480) },
	{ 0x480, 0, 2049ull << 32, INCORRECT(0x480) },
	{ 0x48d, 0x29ull << 32, 0, INCORRECT(0x48d) },	/* INIT not allowed */
	{ 0x48d, 0, 0x80, INCORRECT(0x48d) },	/* VARIABLE forced */
	{ 0x48e, 0x400ull << 32, 0, INCORRECT(0x48e) },	/* VARIABLE not allowed */
	{ 0x48b, 0, 0x1, INCORRECT(0x48b) },	/* forced, in neither INIT nor UNKNOWN */
	{ 0x48b, 0x2ull << 32, 0, INCORRECT(0x48b) },
	{ 0x492, 0x80, 0, INCORRECT(0x492) },
	{ 0x48f, 0, 0x40000000, INCORRECT(0x48f) },
	{ 0x490, 0x8000ull << 32, 0, INCORRECT(0x490) },
	{ 0x485, BIT(5), 0, INCORRECT(0x485) },
	{ 0x485, BIT(29), 0, INCORRECT(0x485) },
	{ 0x485, 0x1fcull << 16, 0, INCORRECT(0x485) },	/* three CR3 targets */
	{ 0x48c, BIT(40), 0, INCORRECT(0x48c) },
	{ 0x486, 0, BIT(16), INCORRECT(0x486) },
	{ 0x487, BIT(5), 0, INCORRECT(0x487) },
	{ 0x488, 0, BIT(0), INCORRECT(0x488) },
	{ 0x489, BIT(13), 0, INCORRECT(0x489) },
	{ 0x48e, 0x8000000ull << 32, 0, INCORRECT(0x48e) },	/* L2 only */
	{ 0x492, 0x2, 0, INCORRECT(0x492) },	/* L2 only */
	{ 0x982, 1, 0, INCORRECT(0x982) },
	{ 0x981, 0xf, 0, INCORRECT(0x981) },
	{ 0x982, 0xfull << 48, 0, INCORRECT(0x982) },
	{ 0x87, ~0ull, (2048ull - 15) << 32 | 15, TDX_NUM_ACTIVATED_HKIDS_NOT_SUPPORTED | 2048 },
	{ 0x99, ~0ull, 7, INCORRECT(0x99) },
	{ 0xfe, BIT(11), 0, TDX_SMRR_NOT_SUPPORTED },
	{ 0xfe, BIT(14), 0, TDX_SMRR_LOCK_NOT_SUPPORTED },
	{ 0x1f3, BIT(10), 0, TDX_SMRR_NOT_LOCKED },
	{ 0xfe, 0, BIT(13), TDX_SMRR_NOT_LOCKED | 1 },	/* SMRR2 is there and open */
	{ 0x1f3, 0x00800000, 0, TDX_INVALID_SMRR_CONFIGURATION },	/* a hole */
	{ 0x1f3, 0xfffff000, 0, TDX_INVALID_SMRR_CONFIGURATION },	/* no mask */
	{ 0x1f2, 0, 0x10000, TDX_INVALID_SMRR_CONFIGURATION },	/* not aligned to its size */
};
/* clang-format on */

static struct seed_msr deviation_of(const struct msr_case *row)
{
	return (struct seed_msr){ .first = row->msr, .last = row->msr, .clear = row->clear, .set = row->set };
}

TEST(sys_init_refuses_each_wrong_msr_by_name_and_can_be_repeated)
{
	for (u32 i = 0; i < ARRAY_SIZE(msr_cases); i++) {
		struct seed_msr deviation = deviation_of(&msr_cases[i]);

		machine_reset(1, 1);
		platform_seed_add_msr(&deviation);
		CHECK_EQ(SEAM(leaf_sys_init), msr_cases[i].status);
		CHECK_EQ(machine.out[GPR_RCX] | machine.out[GPR_RDX] | machine.out[GPR_R8], 0);
		CHECK_EQ(module.state, SYS_INIT_PENDING);
		CHECK_EQ(module.lock, 0);
		platform_seed_prepare();
		CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	}
}

TEST(of_two_wrong_msrs_sys_init_names_the_earlier)
{
	for (u32 i = 1; i < ARRAY_SIZE(msr_cases); i++) {
		struct seed_msr earlier = deviation_of(&msr_cases[i - 1]);
		struct seed_msr later = deviation_of(&msr_cases[i]);

		if (later.first == earlier.first)
			continue;
		machine_reset(1, 1);
		platform_seed_add_msr(&later);
		platform_seed_add_msr(&earlier);
		CHECK_EQ(SEAM(leaf_sys_init), msr_cases[i - 1].status);
	}
}

/* clang-format off */
struct cpuid_case {
	u32 leaf, subleaf;
	struct cpuid_regs clear, set;
	u64 status;
};

static const struct cpuid_case cpuid_cases[] = {
	{ 0x0, SEED_ANY_SUBLEAF, .clear.eax = ~0u, .set.eax = 0x1e, .status = TDX_CPUID_LEAF_NOT_SUPPORTED | 0x1f },
	{ 0x80000000, SEED_ANY_SUBLEAF, .clear.eax = 0xff, .status = TDX_CPUID_LEAF_NOT_SUPPORTED | 0x80000008ull },
	{ 0x1, SEED_ANY_SUBLEAF, .clear.ecx = BIT(30), .status = TDX_INCORRECT_CPUID_VALUE },
	{ 0x4, 3, .clear.ebx = 0xfff, .status = TDX_INCORRECT_CPUID_VALUE },
	{ 0x7, 0, .clear.ecx = BIT(28), .status = TDX_INCORRECT_CPUID_VALUE },
	{ 0xa, SEED_ANY_SUBLEAF, .clear.eax = 0xff, .set.eax = 4, .status = TDX_INCORRECT_CPUID_VALUE },
	{ 0xa, SEED_ANY_SUBLEAF, .set.edx = 8, .status = TDX_INCORRECT_CPUID_VALUE },
	{ 0x80000008, SEED_ANY_SUBLEAF, .clear.eax = 0xff00, .set.eax = 57 << 8, .status = TDX_INCORRECT_CPUID_VALUE },
	{ 0x0, SEED_ANY_SUBLEAF, .clear.ebx = 1, .status = TDX_INCORRECT_CPUID_VALUE },
	{ 0x6, SEED_ANY_SUBLEAF, .set.eax = BIT(23), .status = TDX_INCORRECT_CPUID_VALUE },
	{ 0x15, SEED_ANY_SUBLEAF, .clear.ebx = ~0u, .status = TDX_CPUID_LEAF_NOT_SUPPORTED | 0x15 },
	{ 0x1f, 1, .clear.ecx = 0xff00, .set.ecx = 0x100, .status = TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED },
	{ 0x1f, 1, .clear.ecx = 0xff00, .set.ecx = 0x600, .status = TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED },
	{ 0x1f, 0, .clear.ecx = 0xff00, .status = TDX_CPUID_LEAF_NOT_SUPPORTED },
	{ 0x1f, 1, .clear.ecx = 0xff00, .set.ecx = 0x300, .status = TDX_CPUID_LEAF_NOT_SUPPORTED },	/* no cores */
	{ 0x4, 3, .set.eax = 0x3ffc000, .status = TDX_INVALID_WBINVD_SCOPE },
	{ 0x80000007, SEED_ANY_SUBLEAF, .clear.edx = BIT(8), .status = TDX_INCORRECT_CPUID_VALUE },
	{ 0x23, 1, .set.ebx = 0x10, .status = TDX_INCORRECT_CPUID_VALUE },
};
/* clang-format on */

TEST(sys_init_refuses_each_wrong_cpuid_leaf)
{
	for (u32 i = 0; i < ARRAY_SIZE(cpuid_cases); i++) {
		const struct cpuid_case *row = &cpuid_cases[i];
		struct seed_cpuid deviation = { .leaf = row->leaf, .subleaf = row->subleaf, .clear = row->clear,
						.set = row->set };
		struct seed_msr vmx = { .first = 0x480, .last = 0x480, .clear = BIT(54) };	/* later */

		machine_reset(1, 1);
		platform_seed_add_cpuid(&deviation);
		platform_seed_add_msr(&vmx);
		CHECK_EQ(SEAM(leaf_sys_init), row->status);
		if (row->leaf != 0)	/* leaf 0 is reported as 0 too */
			CHECK_EQ(machine.out[GPR_RCX] != 0, row->status == TDX_INCORRECT_CPUID_VALUE);
		CHECK_EQ(module.state, SYS_INIT_PENDING);
		platform_seed_prepare();
		CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	}
}

TEST(a_wrong_cpuid_value_is_reported_with_masks_and_expected_values)
{
	struct seed_cpuid deviation = { .leaf = 0x7, .subleaf = 0, .clear.ebx = BIT(0) };

	machine_reset(1, 1);
	platform_seed_add_cpuid(&deviation);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_INCORRECT_CPUID_VALUE);
	CHECK_EQ(machine.out[GPR_RCX], 0x7);
	CHECK_EQ(machine.out[GPR_RDX], 0x219424c3ffffffffull);
	CHECK_EQ(machine.out[GPR_R8], 0xfc08260099000000ull);
	CHECK_EQ(machine.out[GPR_R9], 0x219424c300000002ull);
	CHECK_EQ(machine.out[GPR_R10], 0xfc08040099000000ull);
	CHECK(machine_kept(BIT(GPR_RCX) | BIT(GPR_RDX) | BIT(GPR_R8) | BIT(GPR_R9) | BIT(GPR_R10)));
	machine_platform("cpuid-value");
	CHECK_EQ(SEAM(leaf_sys_init), TDX_INCORRECT_CPUID_VALUE);
	CHECK_EQ(machine.out[GPR_RCX], 0xffffffff00000006ull);	/* leaf without sub-leaves */
}

TEST(an_smrr_in_convertible_memory_is_named_with_the_range)
{
	struct seed_msr inside = { .first = 0x1f2, .last = 0x1f2, .clear = 0xfffff000, .set = MIB(2) };

	machine_reset(1, 1);
	memset(module.cmrs, 0, sizeof(module.cmrs));
	module.cmrs[1] = (struct tdx_cmr){ MIB(1), MIB(1) };
	platform_seed_add_msr(&inside);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);	/* right behind the range */
	machine_reset(1, 1);
	memset(module.cmrs, 0, sizeof(module.cmrs));
	module.cmrs[1] = (struct tdx_cmr){ MIB(1), MIB(1) + PAGE_SIZE };
	platform_seed_add_msr(&inside);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SMRR_OVERLAPS_CMR | 0x100);	/* SMRR 0, CMR 1 */
}

static u64 init_with_cmrs(struct tdx_cmr first, struct tdx_cmr second)
{
	machine_reset(1, 1);
	memset(module.cmrs, 0, sizeof(module.cmrs));
	module.cmrs[0] = first;
	module.cmrs[2] = second;	/* slot 1 is a null entry */
	return SEAM(leaf_sys_init);
}

TEST(sys_init_wants_a_sane_list_of_convertible_memory)
{
	struct tdx_cmr sane = { MIB(1), MIB(1) };

	CHECK_EQ(init_with_cmrs(sane, (struct tdx_cmr){ MIB(2), MIB(1) }), TDX_SUCCESS);
	CHECK_EQ(init_with_cmrs(sane, (struct tdx_cmr){ MIB(2) - PAGE_SIZE, MIB(1) }), TDX_CMR_LIST_INVALID);
	CHECK_EQ(init_with_cmrs(sane, (struct tdx_cmr){ MIB(2), PAGE_SIZE / 2 }), TDX_CMR_LIST_INVALID);
	CHECK_EQ(init_with_cmrs(sane, (struct tdx_cmr){ MIB(2) + 1, PAGE_SIZE }), TDX_CMR_LIST_INVALID);
	CHECK_EQ(init_with_cmrs(sane, (struct tdx_cmr){ -(u64)PAGE_SIZE, 2 * PAGE_SIZE }), TDX_CMR_LIST_INVALID);
	CHECK_EQ(init_with_cmrs(sane, (struct tdx_cmr){ BIT(42), PAGE_SIZE }), TDX_CMR_LIST_INVALID);	/* KeyID 1 */
	CHECK_EQ(init_with_cmrs(sane, (struct tdx_cmr){ BIT(52), PAGE_SIZE }), TDX_CMR_LIST_INVALID);
	CHECK_EQ(init_with_cmrs((struct tdx_cmr){ MIB(2), MIB(1) }, sane), TDX_CMR_LIST_INVALID);
}

TEST(words_of_the_module_s_own_facts_are_answered)
{
	static const struct {
		const char *words;
		u64 status;
	} cases[] = {
		{ "cmr-overlap,smrr-unlocked", TDX_CMR_LIST_INVALID },
		{ "smrr-unlocked,seam-capabilities", TDX_SMRR_NOT_LOCKED },
		{ "seam-capabilities,sigstruct", TDX_INCOMPATIBLE_SEAM_CAPABILITIES },
		{ "sigstruct,no-entropy", TDX_SYS_INCOMPATIBLE_SIGSTRUCT },
		{ "no-entropy", TDX_RND_NO_ENTROPY },
		{ "tsx-ctrl,energy-filtering", INCORRECT(0x122) },
		{ "tsx-ctrl,xapic-unlocked", INCORRECT(0xbd) },
	};

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		machine_reset(1, 1);
		machine_platform(cases[i].words);
		CHECK_EQ(SEAM(leaf_sys_init), cases[i].status);
		CHECK_EQ(module.state, SYS_INIT_PENDING);
		machine_platform("");
		CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	}
}

TEST(tsx_cpuid_clear_is_off_only_while_cpuid_is_sampled)
{
	struct seed_msr announced = { .first = 0x10a, .last = 0x10a, .set = BIT(7) };

	machine_reset(1, 1);
	machine.tsx_ctrl = 3;
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK_EQ(machine.tsx_writes, 0);	/* not announced: never touched */
	machine_reset(1, 1);
	platform_seed_add_msr(&announced);
	machine.tsx_ctrl = 3;
	CHECK_EQ(SEAM(leaf_sys_init, .rcx = 1), INVALID(RCX));
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK_EQ(machine.tsx_ctrl, 3);
	CHECK_EQ(machine.tsx_writes, 2);
}

TEST(sys_init_checks_version_and_diagnostics_operand)
{
	machine_reset(1, 1);
	CHECK_EQ(machine_call(0, leaf_sys_init, 2, (struct machine_regs){ 0 }), INVALID(RAX));
	CHECK_EQ(machine.out[GPR_R10], 0);
	CHECK_EQ(SEAM_V1(leaf_sys_init, .rcx = 1, .r8 = BIT(0)), INVALID(RCX));
	CHECK_EQ(SEAM_V1(leaf_sys_init, .r8 = BIT(0)), INVALID(R8));
	CHECK_EQ(SEAM_V1(leaf_sys_init, .r8 = ARENA_END), INVALID(R8));
	CHECK_EQ(machine_call(0, leaf_sys_lp_init, 1, (struct machine_regs){ 0 }), INVALID(RAX));
	CHECK_EQ(SEAM_V1(leaf_sys_init, .r8 = HOST_PAGE), TDX_SUCCESS);
	CHECK_EQ(SEAM_V1(leaf_sys_init, .r8 = BIT(0)), TDX_SYS_INIT_NOT_PENDING);
}

/* clang-format off */
/* On the other core only: LP.INIT must see it. In the order of the checks. */
static const u32 compared[] = { 0xcf, 0x10a, 0xbc, 0xbd, 0x3b, 0xfe, 0x1f2, 0x1f3, 0x1f6, 0x1f7, 0x480, 0x48d, 0x48e, 0x48b,
				0x492, 0x48f, 0x490, 0x485, 0x48c, 0x486, 0x487, 0x488, 0x489, 0x345, 0x981, 0x982,
				0x87, 0x98, 0x99 };
/* clang-format on */

TEST(lp_init_compares_every_listed_msr_in_order)
{
	for (u32 i = 0; i < ARRAY_SIZE(compared); i++) {
		struct seed_msr here = { .first = compared[i], .last = compared[i], .clear = ~0ull,
					 .set = 0x5000000000000000ull, .cores = LAST_CORE };
		struct seed_msr later = here;

		later.first = later.last = i + 1 < ARRAY_SIZE(compared) ? compared[i + 1] : compared[i];
		machine_reset(2, 1);
		CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
		platform_seed_add_msr(&here);
		platform_seed_add_msr(&later);
		CHECK_EQ(SEAM_ON(1, leaf_sys_lp_init), TDX_INCONSISTENT_MSR | compared[i]);
		CHECK(!machine.cpus[1].lp_initialised);
		CHECK_EQ(module.lps_initialised, 0);
		platform_seed_prepare();
		CHECK_EQ(SEAM_ON(1, leaf_sys_lp_init), TDX_SUCCESS);
	}
}

TEST(lp_init_compares_the_listed_bits_of_cpuid_and_no_others)
{
	struct seed_cpuid fms = { .leaf = 0x1, .subleaf = SEED_ANY_SUBLEAF, .set.eax = 0xf, .cores = LAST_CORE };
	struct seed_cpuid level = { .leaf = 0x1f, .subleaf = 1, .set.ebx = BIT(15), .cores = LAST_CORE };

	machine_reset(2, 1);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	platform_seed_add_cpuid(&fms);	/* stepping may differ */
	CHECK_EQ(SEAM_ON(1, leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_RCX] | machine.out[GPR_RDX] | machine.out[GPR_R8], 0);
	machine_reset(2, 1);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	platform_seed_add_cpuid(&level);
	CHECK_EQ(SEAM_ON(1, leaf_sys_lp_init), TDX_INCONSISTENT_CPUID_FIELD);
	CHECK_EQ(machine.out[GPR_RCX], 0x10000001full);
	CHECK_EQ(machine.out[GPR_RDX], ~0ull);
	CHECK_EQ(machine.out[GPR_R8], 0xffffffffull);
	CHECK(machine_kept(BIT(GPR_RCX) | BIT(GPR_RDX) | BIT(GPR_R8)));
}

TEST(lp_init_words_are_answered_in_order)
{
	static const struct {
		const char *words;
		u64 status;
	} cases[] = {
		{ "lp-seam-capabilities,lp-cpuid", TDX_INCOMPATIBLE_SEAM_CAPABILITIES },
		{ "lp-cpuid,lp-package", TDX_INCONSISTENT_CPUID_FIELD },
		{ "lp-package,lp-tsc-adjust", TDX_INVALID_PKG_ID | 0x10001 >> 1 },
		{ "lp-tsc-adjust,lp-tme", TDX_INCONSISTENT_MSR | 0x3b },
		{ "lp-tme", TDX_INCONSISTENT_MSR | 0x982 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		machine_reset(2, 1);
		machine_platform(cases[i].words);
		CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
		CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
		CHECK_EQ(SEAM_ON(1, leaf_sys_lp_init), cases[i].status);
		CHECK_EQ(module.lps_initialised, 1);
	}
}

TEST(lp_init_needs_entropy_and_the_cpuid_limit_off)
{
	machine_reset(2, 1);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	machine.misc_enable = MISC_ENABLE_LIMIT_CPUID;
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_LIMIT_CPUID_MAXVAL_SET);
	fault_configure("platform=no-entropy");
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_RND_NO_ENTROPY);
	fault_platform_forget();
	machine.misc_enable = 0;
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
}

TEST(sys_config_waits_for_every_core_that_firmware_counted)
{
	machine_reset(1, 1);
	machine_platform("lp-uncounted");
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_lp_init), TDX_SUCCESS);
	machine_tdmr(0);
	CHECK_EQ(SEAM(leaf_sys_config, .rcx = HOST_TDMR_LIST, .rdx = 1, .r8 = GLOBAL_HKID),
		 TDX_SYS_CONFIG_NOT_PENDING);
}
