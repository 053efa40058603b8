/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDH.VP.RD and TDH.VP.WR of VMCS fields of a production TD. The values live in the vCPU's own state; a write also
 * changes the VMCS. Rules in the module's order: no writable bit asked for, a protected bit changed, then the field's
 * own rule. Called on the core the vCPU is associated with. Manual: tdx-host-td.md 11.1 and 11.4.
 */
#include "arch/x86/insn.h"
#include "include/spec/tdx/status.h"
#include "include/spec/x86/msr.h"
#include "include/spec/x86/vmcs.h"
#include "tests/tdxemu/hpa.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/td_ept.h"
#include "tests/tdxemu/td_vmcs.h"
#include "tests/tdxemu/vmx.h"

#define TD_HKID_FIELD 0x4026	/* SEAM only: not in plain VMX */
#define PID_BYTES 64
#define PID_VECTOR_MAX 0xffu
#define PID_VECTOR_UNSET 0xffffu
#define PID_UNSET 0xffffffffffffffffull
#define ENCODING_BITS 0x6ffe	/* width, type, index; bit 0 is the high half of a 64-bit field */
#define HOST_SECONDARY_CONTROLS (VMX_PROC2_VMM_BUS_LOCK_DETECTION | VMX_PROC2_INSTRUCTION_TIMEOUT)

struct host_field {
	u32 encoding;
	u64 readable, writable;
};

/* clang-format off */
static const struct host_field fields[] = {
	{ VMCS_POSTED_INTERRUPT_VECTOR, 0xffff, 0xffff },
	{ VMCS_POSTED_INTERRUPT_DESC_ADDRESS, ~0ull, ~(u64)(PID_BYTES - 1) },
	{ VMCS_SHARED_EPT_POINTER, EPT_ADDRESS_MASK, EPT_ADDRESS_MASK },
	{ VMCS_PINBASED_CONTROLS, VMX_PIN_POSTED_INTERRUPTS, VMX_PIN_POSTED_INTERRUPTS },
	{ VMCS_PROCBASED2_CONTROLS, HOST_SECONDARY_CONTROLS, HOST_SECONDARY_CONTROLS },
	{ VMCS_INSTRUCTION_TIMEOUT, 0xffffffff, 0xffffffff },
	{ VMCS_MSR_BITMAP, ~0ull, 0 },
	{ VMCS_PML_ADDRESS, ~0ull, 0 },
	{ VMCS_TSC_OFFSET, ~0ull, 0 },
	{ VMCS_VM_FUNCTION_CONTROLS, ~0ull, 0 },
	{ VMCS_EPT_POINTER, ~0ull, 0 },
	{ VMCS_EPTP_LIST_ADDRESS, ~0ull, 0 },
	{ VMCS_TSC_MULTIPLIER, ~0ull, 0 },
	{ VMCS_PLE_GAP, ~0ull, 0 },
	{ VMCS_PLE_WINDOW, ~0ull, 0 },
	{ TD_HKID_FIELD, ~0ull, 0 },
};
/* clang-format on */

static const struct host_field *find_field(u32 encoding)
{
	for (u32 i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].encoding == encoding)
			return &fields[i];
	return NULL;
}

/* The field as the module would have it in its VMCS. */
static u64 value_of(struct tdvps *tdvps, u32 encoding)
{
	struct tdr *tdr = phys(tdvps->tdr);
	struct tdcs *tdcs = tdcs_of(tdr);

	switch (encoding) {
	case VMCS_POSTED_INTERRUPT_VECTOR:
		return tdvps->pid_vector;
	case VMCS_POSTED_INTERRUPT_DESC_ADDRESS:
		return tdvps->pid_hpa;
	case VMCS_SHARED_EPT_POINTER:
		return td_ept_shared_root(tdr, tdvps);
	case VMCS_PINBASED_CONTROLS:
		return tdvps->posted_enabled ? VMX_PIN_POSTED_INTERRUPTS : 0;
	case VMCS_INSTRUCTION_TIMEOUT:
		return tdvps->notify_window;
	case VMCS_MSR_BITMAP:
		return tdcs_page(tdr, TDCS_PAGE_MSR_BITMAP);
	case VMCS_TSC_OFFSET:
		return tdcs->tsc_offset;
	case VMCS_TSC_MULTIPLIER:
		return tdcs->tsc_multiplier;
	case VMCS_EPT_POINTER:
		return tdcs_page(tdr, TDCS_PAGE_SEPT_ROOT) | tdcs->eptp_controls;
	case TD_HKID_FIELD:
		return tdr->hkid;
	case VMCS_PROCBASED2_CONTROLS:
		td_vmcs_load(tdvps);
		return vmread(VMCS_PROCBASED2_CONTROLS) & HOST_SECONDARY_CONTROLS;
	default:
		return 0;
	}
}

static u64 enable_posted_interrupts(struct tdvps *tdvps, bool on)
{
	u64 pin;

	if (on && tdvps->pid_vector == PID_VECTOR_UNSET)
		return TDX_TD_VMCS_FIELD_NOT_INITIALIZED | VMCS_POSTED_INTERRUPT_VECTOR;
	if (on && tdvps->pid_hpa == PID_UNSET)
		return TDX_TD_VMCS_FIELD_NOT_INITIALIZED | VMCS_POSTED_INTERRUPT_DESC_ADDRESS;
	td_vmcs_load(tdvps);
	pin = vmread(VMCS_PINBASED_CONTROLS) & ~VMX_PIN_POSTED_INTERRUPTS;
	vmwrite(VMCS_PINBASED_CONTROLS, on ? pin | VMX_PIN_POSTED_INTERRUPTS : pin);
	tdvps->posted_enabled = on;
	return TDX_SUCCESS;
}

static u64 set_secondary_controls(struct tdvps *tdvps, u64 value)
{
	u64 allowed = rdmsr(IA32_VMX_PROCBASED_CTLS2) >> 32;

	if ((value & HOST_SECONDARY_CONTROLS & ~allowed) != 0)
		return TDX_METADATA_FIELD_VALUE_NOT_VALID;
	td_vmcs_load(tdvps);
	vmwrite(VMCS_PROCBASED2_CONTROLS, (vmread(VMCS_PROCBASED2_CONTROLS) & ~HOST_SECONDARY_CONTROLS) | value);
	return TDX_SUCCESS;
}

static u64 store(struct tdvps *tdvps, u32 encoding, u64 value)
{
	switch (encoding) {
	case VMCS_POSTED_INTERRUPT_VECTOR:
		if (value > PID_VECTOR_MAX)
			return TDX_METADATA_FIELD_VALUE_NOT_VALID;
		td_vmcs_load(tdvps);
		vmwrite(VMCS_POSTED_INTERRUPT_VECTOR, value);
		tdvps->pid_vector = (u16)value;
		return TDX_SUCCESS;
	case VMCS_POSTED_INTERRUPT_DESC_ADDRESS:
		if (!hpa_is_shared(value, PID_BYTES, PID_BYTES))
			return TDX_METADATA_FIELD_VALUE_NOT_VALID;
		td_vmcs_load(tdvps);
		vmwrite(VMCS_POSTED_INTERRUPT_DESC_ADDRESS, hpa_without_hkid(value));
		tdvps->pid_hpa = value;
		return TDX_SUCCESS;
	case VMCS_SHARED_EPT_POINTER:
		if (!hpa_is_shared(value, PAGE_SIZE, PAGE_SIZE))
			return TDX_METADATA_FIELD_VALUE_NOT_VALID;
		tdvps->shared_eptp = hpa_without_hkid(value);
		return TDX_SUCCESS;
	case VMCS_PINBASED_CONTROLS:
		return enable_posted_interrupts(tdvps, (value & VMX_PIN_POSTED_INTERRUPTS) != 0);
	case VMCS_PROCBASED2_CONTROLS:
		return set_secondary_controls(tdvps, value);
	default:
		tdvps->notify_window = (u32)value;
		return TDX_SUCCESS;
	}
}

/* A code that cannot be the full encoding of a VMCS field. */
static bool is_no_encoding(u32 encoding)
{
	return (encoding & ~(u32)ENCODING_BITS) != 0;
}

u64 td_vmcs_read(struct emu_cpu *cpu, struct tdvps *tdvps, u32 encoding, u64 *value)
{
	const struct host_field *field = find_field(encoding);

	(void)cpu;
	if (field == NULL)
		return is_no_encoding(encoding) ? TDX_METADATA_FIELD_ID_INCORRECT : TDX_METADATA_FIELD_NOT_READABLE;
	*value = value_of(tdvps, encoding) & field->readable;
	return TDX_SUCCESS;
}

u64 td_vmcs_write(struct emu_cpu *cpu, struct tdvps *tdvps, u32 encoding, u64 value, u64 mask, u64 *previous)
{
	const struct host_field *field = find_field(encoding);
	u64 shown, old, status;

	(void)cpu;
	if (field == NULL && is_no_encoding(encoding))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (field == NULL || (field->writable & mask) == 0)
		return TDX_METADATA_FIELD_NOT_WRITABLE;
	shown = value_of(tdvps, encoding) & field->readable;
	/* "Not set" (all ones) counts as 0 outside the writable bits. */
	old = shown == PID_UNSET ? shown & field->writable : shown;
	if (((old ^ value) & mask & ~field->writable) != 0)
		return TDX_METADATA_FIELD_VALUE_NOT_VALID;
	status = store(tdvps, encoding, (old & ~(mask & field->writable)) | (value & mask & field->writable));
	if (status == TDX_SUCCESS)
		*previous = shown;
	return status;
}
