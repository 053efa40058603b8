/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module's CPUID table and its arithmetic. Per register of a row:
 *
 *	v = native without "zero" bits, with "one" bits; "config" bits from TD_PARAMS;
 *	    "allow" bits only where TD_PARAMS has them
 *
 * then the gates: features without their XFAM component or attribute disappear. Everything not named stays native.
 * Pure functions; called by TDH.MNG.INIT with the TDR locked.
 * Manual: TDX Module Base, "CPUID Virtualization"; tdx-guest-abi.md 5.3 and 5.4.
 */
#include "tests/tdxemu/td_cpuid.h"

#include "include/spec/tdx/status.h"
#include "include/spec/x86/cpuid.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/refusal.h"

enum cpuid_register {
	EAX,
	EBX,
	ECX,
	EDX,
	REGISTERS,
};

struct register_masks {
	u32 zero, one, config, allow;
};

enum row_kind {
	ROW_ABSENT,	/* so that gaps in the table are not rows */
	ROW_VALUE,
	ROW_FAULTS,	/* always #VE */
};

struct row {
	u32 leaf, subleaf;
	enum row_kind kind;
	struct register_masks reg[REGISTERS];
};

#define NONE TD_CPUID_NO_SUBLEAF
#define ZERO { .zero = 0xffffffff }
#define NATIVE { 0 }
#define CACHE_ROW(n) \
	{ 4, n, ROW_VALUE, { { 0x00003c00, 0, 0xffffc3ff, 0 }, { 0, 0, 0xfffff000, 0 }, { 0, 0, 0xffffffff, 0 }, \
			     { 0x00000004, 0, 0xfffffffb, 0 } } }
#define ZERO_ROW(leaf, subleaf) { leaf, subleaf, ROW_VALUE, { ZERO, ZERO, ZERO, ZERO } }
#define NATIVE_ROW(leaf, subleaf) { leaf, subleaf, ROW_VALUE, { NATIVE, NATIVE, NATIVE, NATIVE } }
#define FAULT_ROW(leaf, subleaf) { leaf, subleaf, ROW_FAULTS, { NATIVE } }
#define XSAVE_ROW(n) { 0xd, n, ROW_VALUE, { NATIVE, NATIVE, NATIVE, ZERO } }

/* clang-format off */
static const struct row rows[TD_CPUID_ROW_COUNT] = {
	[0] = { 1, NONE, ROW_VALUE, { { 0xf000c000, 0, 0x0fff3fff, 0 }, { 0xff0000ff, 0, 0x00ff0000, 0 },
		{ 0x08010060, 0x80000000, 0, 0x31044d88 }, { 0x40120400, 0x00000200, 0, 0xb8440000 } } },
	[1] = CACHE_ROW(0), [2] = CACHE_ROW(1), [3] = CACHE_ROW(2),
	[4] = { 4, 3, ROW_VALUE, { { 0x00003c00, 0, 0xffffc3ff, 0 }, { 0, 0, 0xfffff000, 0 }, { 0, 0, 0xffffffff, 0 },
		{ 0xfffffff8, 0, 0x00000007, 0 } } },
	[5] = { 7, 0, ROW_VALUE, { NATIVE, { 0x00404006, 0, 0, 0xdc2b9b18 }, { 0x643e8010, 0, 0, 0x02417f65 },
		{ 0x002298c3, 0, 0, 0x0005411c } } },
	[6] = { 7, 1, ROW_VALUE, { { 0xffffe2cf, 0, 0, 0x00001d30 }, ZERO, ZERO, ZERO } },
	[7] = { 0xa, NONE, ROW_VALUE, { NATIVE, NATIVE, NATIVE, { 0xffff6000, 0, 0, 0 } } },
	[8] = { 0x1c, NONE, ROW_VALUE, { { 0, 0, 0, 0x000000ff }, NATIVE, NATIVE, NATIVE } },
	[9] = { 0x80000008, NONE, ROW_VALUE, { { 0xffff0000, 0, 0, 0 }, { 0xfffffdff, 0, 0, 0x00000200 },
		ZERO, ZERO } },
	[10] = { 0, NONE, ROW_VALUE, { { 0xffffffdc, TD_CPUID_MAX_BASIC_LEAF, 0, 0 }, NATIVE, NATIVE, NATIVE } },
	[11] = ZERO_ROW(3, NONE), [12] = ZERO_ROW(4, 4), [13] = FAULT_ROW(6, NONE),
	[14] = { 7, 2, ROW_VALUE, { ZERO, ZERO, ZERO, { 0xffffffc0, 0, 0, 0x00000028 } } },
	[15] = ZERO_ROW(8, NONE),
	[16] = { 0xd, 0, ROW_VALUE, { { 0xfff9fd18, 0, 0, 0 }, ZERO, NATIVE, ZERO } },
	[17] = { 0xd, 1, ROW_VALUE, { { 0xffffffe0, 0, 0, 0 }, ZERO, { 0xffff26ff, 0, 0, 0 }, ZERO } },
	[18] = XSAVE_ROW(2), [19] = XSAVE_ROW(3), [20] = XSAVE_ROW(4), [21] = XSAVE_ROW(5), [22] = XSAVE_ROW(6),
	[23] = XSAVE_ROW(7), [24] = XSAVE_ROW(8), [25] = XSAVE_ROW(9), [26] = XSAVE_ROW(10), [27] = XSAVE_ROW(11),
	[28] = XSAVE_ROW(12), [29] = XSAVE_ROW(13), [30] = XSAVE_ROW(14), [31] = XSAVE_ROW(15), [32] = XSAVE_ROW(16),
	[33] = XSAVE_ROW(17), [34] = XSAVE_ROW(18),
	[35] = ZERO_ROW(0xe, NONE), [36] = ZERO_ROW(0x11, NONE),
	[37] = ZERO_ROW(0x12, NONE), [38] = ZERO_ROW(0x13, NONE),
	[39] = { 0x14, 0, ROW_VALUE, { NATIVE, { 0xfffffe00, 0, 0, 0 }, { 0x7ffffff0, 0, 0, 0 }, ZERO } },
	[40] = { 0x14, 1, ROW_VALUE, { { 0x0000fff8, 0, 0, 0 }, NATIVE, ZERO, ZERO } },
	[41] = { 0x15, NONE, ROW_VALUE, { { 0xfffffffe, 1, 0, 0 }, NATIVE, { 0xfe8287bf, TD_TSC_UNIT_HZ, 0, 0 },
		ZERO } },
	[42] = ZERO_ROW(0x19, NONE),
	[43] = NATIVE_ROW(0x1d, 0), [44] = NATIVE_ROW(0x1d, 1), [45] = NATIVE_ROW(0x1e, NONE),
	[46] = FAULT_ROW(0x1f, 0), [47] = FAULT_ROW(0x1f, 1), [48] = FAULT_ROW(0x1f, 2), [49] = FAULT_ROW(0x1f, 3),
	[50] = FAULT_ROW(0x1f, 4), [51] = FAULT_ROW(0x1f, 5),
	[52] = ZERO_ROW(0x20, NONE),
	[53] = { 0x21, 0, ROW_VALUE, { ZERO, { 0x9a8b91b6, 0x65746e49, 0, 0 }, { 0xdfdfdfdf, 0x20202020, 0, 0 },
		{ 0xa7bbab93, 0x5844546c, 0, 0 } } },	/* "IntelTDX    " */
	[54] = { 0x80000000, NONE, ROW_VALUE, { { 0x7ffffff7, 0x80000008, 0, 0 }, ZERO, ZERO, ZERO } },
	[55] = { 0x80000001, NONE, ROW_VALUE, { ZERO, ZERO, { 0xfffffede, 0, 0, 0 }, { 0xd3efffff, 0, 0, 0 } } },
	[56] = FAULT_ROW(0x80000006, NONE),
	[57] = { 0x80000007, NONE, ROW_VALUE, { ZERO, ZERO, ZERO, { 0xfffffeff, 0, 0, 0 } } },
	[58] = ZERO_ROW(0x22, NONE),
	[59] = { 0x23, 0, ROW_VALUE, { { 0xfffffff0, 0, 0, 0x0000000f }, NATIVE, ZERO, ZERO } },
	[60] = { 0x23, 1, ROW_VALUE, { NATIVE, NATIVE, ZERO, ZERO } },
	[61] = ZERO_ROW(0x23, 2),
	[62] = { 0x23, 3, ROW_VALUE, { NATIVE, ZERO, ZERO, ZERO } },
	[63] = { 5, NONE, ROW_VALUE, { { 0xffff0000, 0, 0, 0 }, { 0xffff0000, 0, 0, 0 }, { 0xfffffffc, 0, 0, 0 },
		NATIVE } },
};

/* Rows in the order of TD_PARAMS.CPUID_CONFIG. */
static const u8 config_rows[TD_CPUID_CONFIG_ROWS] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 59 };

/* Bits that disappear when any of the XFAM bits is 0. */
static const struct xfam_gate {
	u64 xfam;
	u8 row;
	u8 reg;
	u32 bits;
} xfam_gates[] = {
	{ TD_XFAM_AVX, TD_CPUID_1, ECX, 0x30001000 },
	{ TD_XFAM_AVX, TD_CPUID_7_0, EBX, 0x20 },
	{ TD_XFAM_AVX, TD_CPUID_7_0, ECX, 0x600 },
	{ TD_XFAM_AVX512, TD_CPUID_7_0, EBX, 0xdc230000 },
	{ TD_XFAM_AVX512, TD_CPUID_7_0, ECX, 0x5842 },
	{ TD_XFAM_AVX512, TD_CPUID_7_0, EDX, 0x80010c },
	{ TD_XFAM_PT, TD_CPUID_7_0, EBX, 0x02000000 },
	{ TD_XFAM_PKRU, TD_CPUID_7_0, ECX, 0x8 },
	{ TD_XFAM_CET, TD_CPUID_7_0, ECX, 0x80 },
	{ TD_XFAM_CET, TD_CPUID_7_0, EDX, 0x100000 },
	{ TD_XFAM_UINTR, TD_CPUID_7_0, EDX, 0x20 },
	{ TD_XFAM_LBR, TD_CPUID_7_0, EDX, 0x80000 },
	{ TD_XFAM_AMX, TD_CPUID_7_0, EDX, 0x03400000 },
	{ TD_XFAM_AVX512, TD_CPUID_7_1, EAX, 0x30 },
	{ TD_XFAM_AVX, TD_CPUID_D_0, EAX, 0x4 },
	{ TD_XFAM_AVX512, TD_CPUID_D_0, EAX, 0xe0 },
	{ TD_XFAM_PKRU, TD_CPUID_D_0, EAX, 0x200 },
	{ TD_XFAM_AMX, TD_CPUID_D_0, EAX, 0x60000 },
	{ TD_XFAM_AMX, TD_CPUID_D_1, EAX, 0x10 },	/* XFD: only AMX has components for it */
	{ TD_XFAM_PT, TD_CPUID_D_1, ECX, 0x100 },
	{ TD_XFAM_CET, TD_CPUID_D_1, ECX, 0x1800 },
	{ TD_XFAM_UINTR, TD_CPUID_D_1, ECX, 0x4000 },
	{ TD_XFAM_LBR, TD_CPUID_D_1, ECX, 0x8000 },
};
/* clang-format on */

#define FMS_MASK 0x0fff3fffu
#define LEAF_7_EBX_HLE (1u << 4)
#define LEAF_7_EBX_RTM (1u << 11)
#define LEAF_7_ECX_KL (1u << 23)
#define LEAF_7_ECX_PKS (1u << 31)
#define LEAF_1_ECX_MONITOR (1u << 3)
#define LINEAR_BITS_LA57 57u
#define LINEAR_BITS 48u
#define XSAVE_FIRST_EXTENDED 2u
#define XSAVE_COMPONENTS 19u
#define XSAVE_LEGACY_AND_HEADER_BYTES 576u

static u32 get(const struct td_cpuid_value *value, u32 reg)
{
	const u32 all[REGISTERS] = { value->eax, value->ebx, value->ecx, value->edx };

	return all[reg];
}

static u32 *at(struct td_cpuid_value *value, u32 reg)
{
	u32 *const all[REGISTERS] = { &value->eax, &value->ebx, &value->ecx, &value->edx };

	return all[reg];
}

u32 td_cpuid_config_count(void)
{
	return TD_CPUID_CONFIG_ROWS;
}

void td_cpuid_config_row(u32 index, u32 *leaf, u32 *subleaf, struct td_cpuid_value *configurable)
{
	const struct row *row = &rows[config_rows[index]];

	*leaf = row->leaf;
	*subleaf = row->subleaf;
	for (u32 reg = EAX; reg < REGISTERS; reg++)
		*at(configurable, reg) = row->reg[reg].config | row->reg[reg].allow;
}

int td_cpuid_find(u32 leaf, u32 subleaf)
{
	for (int i = 0; i < TD_CPUID_ROW_COUNT; i++)
		if (rows[i].leaf == leaf && (rows[i].subleaf == subleaf || rows[i].subleaf == NONE))
			return rows[i].kind == ROW_VALUE ? i : -1;
	return -1;
}

bool td_cpuid_value(const struct tdcs *tdcs, u32 leaf, u32 subleaf, struct td_cpuid_value *value)
{
	int row = td_cpuid_find(leaf, subleaf);

	if (row < 0 || (rows[row].subleaf == NONE && subleaf != NONE))
		return false;
	*value = tdcs->cpuid[row];
	return true;
}

/* A configured bit that the row does not offer, or a wrong family, model and stepping. */
static bool config_is_valid(const struct td_cpuid_platform *platform, u32 row, const struct td_cpuid_value *config)
{
	for (u32 reg = EAX; reg < REGISTERS; reg++)
		if (get(config, reg) & ~(rows[row].reg[reg].config | rows[row].reg[reg].allow))
			return false;
	return row != TD_CPUID_1 || config->eax == 0 ||
	       config->eax == (platform->read(CPUID_FEATURES, 0).eax & FMS_MASK);
}

static void compute_row(const struct td_cpuid_platform *platform, u32 row, const struct td_cpuid_value *config,
			struct td_cpuid_value *result)
{
	const struct row *r = &rows[row];
	struct cpuid_regs regs = platform->read(r->leaf, r->subleaf == NONE ? 0 : r->subleaf);
	const u32 native[REGISTERS] = { regs.eax, regs.ebx, regs.ecx, regs.edx };

	for (u32 reg = EAX; reg < REGISTERS; reg++) {
		const struct register_masks *masks = &r->reg[reg];
		u32 value = (native[reg] & ~masks->zero) | masks->one;

		value = (value & ~masks->config) | (get(config, reg) & masks->config);
		*at(result, reg) = value & (get(config, reg) | ~masks->allow);
	}
	if (row == TD_CPUID_1 && config->eax == 0)
		result->eax = native[EAX] & FMS_MASK;
}

/* Bytes of the standard-format XSAVE area for all user components of @xfam. */
static u32 xsave_bytes(const struct td_cpuid_platform *platform, u64 xfam)
{
	u32 bytes = XSAVE_LEGACY_AND_HEADER_BYTES;

	for (u32 n = XSAVE_FIRST_EXTENDED; n < XSAVE_COMPONENTS; n++) {
		struct cpuid_regs component = platform->read(CPUID_XSAVE, n);

		if ((xfam & TD_XFAM_USER_MASK & BIT(n)) != 0)
			bytes = MAX(bytes, component.eax + component.ebx);
	}
	return bytes;
}

static void clear_rows(struct tdcs *tdcs, u32 first, u32 last)
{
	memset(&tdcs->cpuid[first], 0, (last - first + 1) * sizeof(tdcs->cpuid[0]));
}

static void apply_xfam(const struct td_cpuid_platform *platform, struct tdcs *tdcs)
{
	u64 xfam = tdcs->xfam;

	for (u32 i = 0; i < ARRAY_SIZE(xfam_gates); i++)
		if ((xfam & xfam_gates[i].xfam) != xfam_gates[i].xfam)
			*at(&tdcs->cpuid[xfam_gates[i].row], xfam_gates[i].reg) &= ~xfam_gates[i].bits;
	tdcs->cpuid[TD_CPUID_D_0].ecx = xsave_bytes(platform, xfam);
	for (u32 n = XSAVE_FIRST_EXTENDED; n < XSAVE_COMPONENTS; n++) {
		u32 row = TD_CPUID_D_2 + n - XSAVE_FIRST_EXTENDED;

		if ((xfam & BIT(n)) == 0)
			clear_rows(tdcs, row, row);
	}
	if ((xfam & TD_XFAM_PT) == 0)
		clear_rows(tdcs, TD_CPUID_14_0, TD_CPUID_14_1);
	if ((xfam & TD_XFAM_LBR) == 0)
		clear_rows(tdcs, TD_CPUID_1C, TD_CPUID_1C);
	if ((xfam & TD_XFAM_AMX) != TD_XFAM_AMX)
		clear_rows(tdcs, TD_CPUID_1D_0, TD_CPUID_1D_1);
}

static void apply_gates(const struct td_cpuid_platform *platform, struct tdcs *tdcs)
{
	struct td_cpuid_value *extended = &tdcs->cpuid[TD_CPUID_7_0];
	struct td_cpuid_value *address = &tdcs->cpuid[TD_CPUID_80000008];

	apply_xfam(platform, tdcs);
	extended->ecx &= ~LEAF_7_ECX_KL;
	if ((tdcs->attributes & TD_ATTR_PKS) == 0)
		extended->ecx &= ~LEAF_7_ECX_PKS;
	if ((tdcs->cpuid[TD_CPUID_1].ecx & LEAF_1_ECX_MONITOR) == 0)
		clear_rows(tdcs, TD_CPUID_5, TD_CPUID_5);
	if ((tdcs->attributes & TD_ATTR_PERFMON) == 0)
		clear_rows(tdcs, TD_CPUID_A, TD_CPUID_A);
	tdcs->cpuid[TD_CPUID_15].ebx = tdcs->tsc_frequency;
	address->eax = (address->eax & CPUID_EXT_ADDRESS_PA_MASK) |
		       ((extended->ecx & CPUID_7_ECX_LA57) != 0 ? LINEAR_BITS_LA57 : LINEAR_BITS)
			       << CPUID_EXT_ADDRESS_LA_SHIFT;
}

static u64 name_of(u32 row)
{
	return rows[row].leaf | (u64)rows[row].subleaf << 32;
}

u64 td_cpuid_build_on(const struct td_cpuid_platform *platform, struct tdcs *tdcs, const struct td_cpuid_value *config,
		      u64 *bad_leaf)
{
	static const struct td_cpuid_value nothing;
	const struct td_cpuid_value *by_row[TD_CPUID_ROW_COUNT];
	u32 tsx;

	for (u32 row = 0; row < TD_CPUID_ROW_COUNT; row++)
		by_row[row] = &nothing;
	for (u32 i = 0; i < TD_CPUID_CONFIG_ROWS; i++)
		by_row[config_rows[i]] = &config[i];

	for (u32 row = 0; row < TD_CPUID_ROW_COUNT; row++) {
		if (rows[row].kind != ROW_VALUE)
			continue;
		if (!config_is_valid(platform, row, by_row[row])) {
			*bad_leaf = name_of(row);
			return INVALID(CPUID_CONFIG);
		}
		compute_row(platform, row, by_row[row], &tdcs->cpuid[row]);
	}
	tsx = tdcs->cpuid[TD_CPUID_7_0].ebx & (LEAF_7_EBX_HLE | LEAF_7_EBX_RTM);
	if (tsx != 0 && tsx != (LEAF_7_EBX_HLE | LEAF_7_EBX_RTM)) {
		*bad_leaf = name_of(TD_CPUID_7_0);
		return INVALID(CPUID_CONFIG);
	}
	if (tsx != 0 && !platform->tsx_ctrl)
		return TDX_INCORRECT_MSR_VALUE | IA32_ARCH_CAPABILITIES;
	apply_gates(platform, tdcs);
	return TDX_SUCCESS;
}
