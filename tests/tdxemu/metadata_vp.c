/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vCPU-scope metadata: TDH.VP.RD and WR, TDG.VP.RD and WR.
 *
 * VMCS fields (class 0, code = encoding) are td_vmcs.c's; here they have a list only so that a walk finds them. The
 * other fields are members of the TDVPS structure or readable only in debug TDs, which this module does not have.
 * The core the vCPU is associated with. Manual: tdx-host-td.md 11.3, 11.4; tdx-guest-abi.md 1.7.
 */
#include "tests/tdxemu/metadata_field.h"

#include "include/spec/tdx/status.h"
#include "tests/tdxemu/td_vmcs.h"

#define VMCS_CLASS 0
#define CPUID_CONTROL_SLOTS 128	/* ids of CPUID_CONTROL; those behind the table read 0 */
#define CPUID_CONTROL_MASK 3	/* supervisor, user */
#define FLAG_MASK 1	/* one-byte flags hold 0 or 1 */

struct vp_row {
	u64 id;
	u16 count;
	u16 offset;
	u8 bytes;	/* of one element; 0: none of production TDs may read it */
	u64 host_read, guest_read, host_write, guest_write;
};

#define SIZE_OF(member) sizeof(((struct tdvps *)NULL)->member)
#define TDVPS(name, member, ...) \
	{ .id = TDX_VP_##name, .count = 1, .offset = offsetof(struct tdvps, member), .bytes = SIZE_OF(member), \
	  __VA_ARGS__ }
#define TDVPS_ARRAY(name, n, member, ...) \
	{ .id = TDX_VP_##name, .count = n, .offset = offsetof(struct tdvps, member), .bytes = SIZE_OF(member[0]), \
	  __VA_ARGS__ }
#define HIDDEN(name, n) { .id = TDX_VP_##name, .count = n }
#define HOST .host_read = MD_ALL

/* clang-format off */
/* VMCS fields a host may read, in walk order. */
static const u64 vmcs_fields[] = {
	TDX_VP_VMCS16(0x0002), TDX_VP_VMCS64(0x2004), TDX_VP_VMCS64(0x200e), TDX_VP_VMCS64(0x2010),
	TDX_VP_VMCS64(0x2016), TDX_VP_VMCS64(0x2018), TDX_VP_VMCS64(0x201a), TDX_VP_VMCS64(0x2024),
	TDX_VP_VMCS64(0x2032), TDX_VP_VMCS64(0x203c), TDX_VP_VMCS32(0x4000), TDX_VP_VMCS32(0x401e),
	TDX_VP_VMCS32(0x4020), TDX_VP_VMCS32(0x4022), TDX_VP_VMCS32(0x4024), TDX_VP_VMCS32(0x4026),
};

static const struct vp_row rows[] = {
	HIDDEN(VAPIC, 128), HIDDEN(EXIT_REASON, 6), HIDDEN(INSTRUCTION_LENGTH, 2),
	HIDDEN(GPR, GPR_COUNT), HIDDEN(DR0, 4), HIDDEN(DR6, 1), HIDDEN(XCR0, 1), HIDDEN(CR2, 1),
	{ .id = TDX_VP_VCPU_STATE_DETAILS, .count = 1, HOST },	/* computed */
	HIDDEN(XBUFF, 1536), HIDDEN(IA32_SPEC_CTRL, 1), HIDDEN(IA32_UMWAIT_CONTROL, 1), HIDDEN(IA32_TSX_CTRL, 1),
	HIDDEN(IA32_PERFEVTSELX, 8), HIDDEN(MSR_OFFCORE_RSPX, 2), HIDDEN(IA32_XFD, 2), HIDDEN(IA32_FIXED_CTRX, 7),
	HIDDEN(IA32_PERF_METRICS, 1), HIDDEN(IA32_FIXED_CTR_CTRL, 2), HIDDEN(IA32_PEBS_ENABLE, 2),
	HIDDEN(MSR_PEBS_LD_LAT, 2), HIDDEN(IA32_A_PMCX, 8), HIDDEN(IA32_DS_AREA, 1), HIDDEN(IA32_XSS, 1),
	HIDDEN(IA32_LBR_DEPTH, 1), HIDDEN(IA32_UARCH_MISC_CTL, 1), HIDDEN(IA32_STAR, 2), HIDDEN(IA32_FMASK, 1),
	HIDDEN(IA32_KERNEL_GS_BASE, 2),
	HIDDEN(VCPU_STATE, 1),
	TDVPS(VCPU_INDEX, vcpu_index, HOST, .guest_read = MD_ALL),
	TDVPS(NUM_TDVPS_PAGES, page_count, HOST),
	TDVPS(ASSOC_LPID, assoc_lp, HOST),
	TDVPS(VCPU_EPOCH, vcpu_epoch, HOST),
	TDVPS(CPUID_SUPERVISOR_VE, cpuid_supervisor_ve, HOST, .guest_read = MD_ALL, .guest_write = FLAG_MASK),
	TDVPS(CPUID_USER_VE, cpuid_user_ve, HOST, .guest_read = MD_ALL, .guest_write = FLAG_MASK),
	HIDDEN(LAST_EXIT_TSC, 1),
	TDVPS(PEND_NMI, pend_nmi, HOST, .host_write = FLAG_MASK),
	{ .id = TDX_VP_XFAM, .count = 1, HOST },	/* the TD's */
	HIDDEN(LAST_EPF_GPA_LIST_IDX, 3),
	TDVPS_ARRAY(TDVPS_PAGE_PA, 15, pages, HOST),
	HIDDEN(HP_LOCK_BUSY_START, 2), HIDDEN(NMI_UNBLOCKING_DUE_TO_IRET, 1),
	TDVPS_ARRAY(CPUID_CONTROL, CPUID_CONTROL_SLOTS, cpuid_control, .guest_read = CPUID_CONTROL_MASK,
		    .guest_write = CPUID_CONTROL_MASK),
	HIDDEN(LAST_EPF_GPA_LIST, 32),
};
/* clang-format on */

static u64 readable_bits(const struct vp_row *row, enum md_reader reader)
{
	return reader == MD_HOST ? row->host_read : row->guest_read;
}

static void *place_of(struct vp_ref *vp, const struct vp_row *row, u32 element)
{
	return (u8 *)vp->tdvps + row->offset + element * row->bytes;
}

static u64 raw_value(struct emu_cpu *cpu, struct vp_ref *vp, const struct vp_row *row, u32 element)
{
	const void *place = place_of(vp, row, element);

	if (row->id == TDX_VP_VCPU_STATE_DETAILS)
		return td_vmcs_interrupt_pending(cpu, vp->tdvps) ? TDX_VP_STATE_VMXIP : 0;
	if (row->id == TDX_VP_XFAM)
		return vp->td.tdcs->xfam;
	if (row->id == TDX_VP_CPUID_CONTROL && element >= TD_CPUID_ROWS)
		return 0;
	switch (row->bytes) {
	case 0:
		return 0;
	case 1:
		return *(const u8 *)place;
	case 4:
		return *(const u32 *)place;
	default:
		return *(const u64 *)place;
	}
}

static bool is_vmcs_field(u64 field)
{
	return (field & TDX_MD_CLASS_MASK) == (u64)VMCS_CLASS << TDX_MD_CLASS_SHIFT;
}

/* First id at or behind position @at of the walk: VMCS fields, then the rows. */
static u64 first_from(u32 at, enum md_reader reader)
{
	if (reader == MD_HOST && at < ARRAY_SIZE(vmcs_fields))
		return vmcs_fields[at];
	for (u32 row = at < ARRAY_SIZE(vmcs_fields) ? 0 : at - (u32)ARRAY_SIZE(vmcs_fields); row < ARRAY_SIZE(rows);
	     row++)
		if (readable_bits(&rows[row], reader) != 0)
			return rows[row].id;
	return TDX_MD_FIRST_FIELD;
}

static u64 read_vmcs(struct emu_cpu *cpu, struct vp_ref *vp, enum md_reader reader, u64 field, u64 *value, u64 *next)
{
	u64 status;

	if (reader == MD_GUEST)
		return TDX_METADATA_FIELD_NOT_READABLE;
	status = td_vmcs_read(cpu, vp->tdvps, (u32)(field & TDX_MD_CODE_MASK), value);
	if (status != TDX_SUCCESS) {
		*value = 0;
		return status;
	}
	for (u32 i = 0; next != NULL && i < ARRAY_SIZE(vmcs_fields); i++)
		if (MD_KEY(vmcs_fields[i]) == MD_KEY(field))
			*next = first_from(i + 1, reader);
	return TDX_SUCCESS;
}

static const struct vp_row *find(u64 field, u32 *element)
{
	for (u32 row = 0; row < ARRAY_SIZE(rows); row++) {
		*element = md_element(rows[row].id, rows[row].count, field);
		if (*element != MD_NOT_FOUND)
			return &rows[row];
	}
	return NULL;
}

u64 metadata_vp_read(struct emu_cpu *cpu, struct vp_ref *vp, enum md_reader reader, u64 field, u64 *value, u64 *next)
{
	const struct vp_row *row;
	u64 readable;
	u32 element;

	*value = 0;
	if (next != NULL) {
		*next = TDX_MD_FIRST_FIELD;
		if (md_is_first_query(field)) {
			*next = first_from(0, reader);
			return TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT;
		}
	}
	if (md_is_malformed(field))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (is_vmcs_field(field))
		return read_vmcs(cpu, vp, reader, field, value, next);
	row = find(field, &element);
	if (row == NULL)
		return TDX_METADATA_FIELD_ID_INCORRECT;
	readable = readable_bits(row, reader);
	if (readable == 0)
		return TDX_METADATA_FIELD_NOT_READABLE;
	*value = raw_value(cpu, vp, row, element) & readable;
	if (next != NULL)
		*next = element + 1 < row->count ?
				row->id + element + 1 :
				first_from((u32)(ARRAY_SIZE(vmcs_fields) + (row - rows) + 1), reader);
	return TDX_SUCCESS;
}

u64 metadata_vp_write(struct emu_cpu *cpu, struct vp_ref *vp, enum md_reader reader, u64 field, u64 value, u64 mask,
		      u64 *previous)
{
	const struct vp_row *row;
	u64 old, merged, status;
	u32 element;

	*previous = 0;
	if (md_is_malformed(field))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (is_vmcs_field(field)) {
		if (reader == MD_GUEST)
			return TDX_METADATA_FIELD_NOT_WRITABLE;
		status = td_vmcs_write(cpu, vp->tdvps, (u32)(field & TDX_MD_CODE_MASK), value, mask, previous);
		if (status != TDX_SUCCESS)
			*previous = 0;
		return status;
	}
	row = find(field, &element);
	if (row == NULL)
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (row->id == TDX_VP_CPUID_CONTROL && element >= TD_CPUID_ROWS)
		return TDX_METADATA_FIELD_NOT_WRITABLE;
	old = raw_value(cpu, vp, row, element);
	status = md_merge(old, value, mask, reader == MD_HOST ? row->host_write : row->guest_write, &merged);
	if (status != TDX_SUCCESS)
		return status;
	*(u8 *)place_of(vp, row, element) = (u8)merged;	/* every writable field is one byte of this core's vCPU */
	*previous = old & readable_bits(row, reader);
	return TDX_SUCCESS;
}
