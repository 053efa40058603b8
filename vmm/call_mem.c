/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TDVMCALL MapGPA: the guest moves memory between its private and its shared half.
 *
 * Checks in KVM's order, overflow-safe, before anything changes. RAM is converted in pieces of at most 2 MiB; between
 * them other tasks of the core may run, so a large range needs no RETRY, which some guests handle badly. Outside RAM a
 * request for shared succeeds without effect (OVMF asks it for its MMIO windows) and one for private is refused. R11
 * tells the first GPA that was not processed. Own task of the vCPU, outside the TD.
 *
 * GHCI, "TDG.VP.VMCALL<MapGPA>".
 */
#include "include/cella/errno.h"
#include "include/cella/tdshim.h"
#include "include/spec/tdx/ghci.h"
#include "vmm/gmem.h"
#include "vmm/guest.h"
#include "vmm/tdvmcall.h"

/* How long a busy page of at most 2 MiB is tried before the guest is asked to come back. */
#define MAP_BUSY_NS NS_PER_S

/* End of the stretch from @gpa on that is all RAM or all not RAM, at most @end. */
static u64 stretch_end(const struct guest *guest, u64 gpa, u64 end, bool *ram)
{
	const struct gmem *memory = &guest->memory;
	const u64 edges[] = { memory->low_bytes, GUEST_HIGH_RAM_BASE, GUEST_HIGH_RAM_BASE + memory->high_bytes };

	*ram = gmem_is_ram(guest, GPA(gpa), PAGE_SIZE);
	for (u32 i = 0; i < ARRAY_SIZE(edges); i++)
		if (gpa < edges[i] && edges[i] < end)
			return edges[i];
	return end;
}

/* One piece of RAM inside a 2 MiB range; *@gpa moves over what was converted. */
static u64 convert_piece(struct guest *guest, u64 *gpa, u64 end, enum gmem_half half)
{
	u64 give_up_ns = time_ns() + MAP_BUSY_NS;

	while (*gpa < end) {
		u64 done = 0;
		int error = gmem_convert(guest, GPA(*gpa), end - *gpa, half, &done);

		*gpa += done;
		if (error && error != -EAGAIN)
			return TDVMCALL_INVALID_OPERAND;
		if (error && (time_ns() > give_up_ns || guest_is_stopping(guest)))
			return TDVMCALL_RETRY;
		if (error)
			task_yield();
	}
	return TDVMCALL_SUCCESS;
}

static u64 convert_range(struct guest *guest, u64 *gpa, u64 end, enum gmem_half half)
{
	while (*gpa < end) {
		bool ram;
		u64 status, limit = stretch_end(guest, *gpa, end, &ram);

		if (!ram && half == GMEM_PRIVATE)
			return TDVMCALL_INVALID_OPERAND;
		if (!ram) {
			*gpa = limit;
			continue;
		}
		status = convert_piece(guest, gpa, MIN(limit, ALIGN_DOWN(*gpa, PAGE_SIZE_2M) + PAGE_SIZE_2M), half);
		if (status != TDVMCALL_SUCCESS)
			return status;
		if (guest_is_stopping(guest))
			return TDVMCALL_RETRY;
		sched_poll();
	}
	return TDVMCALL_SUCCESS;
}

u64 call_map_gpa(struct guest_vcpu *vcpu, struct vmcall *call)
{
	struct guest *guest = vcpu->guest;
	u64 start = call->argument[0], bytes = call->argument[1], end = start + bytes;
	u64 shared_bit = guest->td.shared_bit, selector = start & shared_bit, gpa, status;

	tdvmcall_return(call, TDVMCALL_OUT_R11, start);
	/* A legal GPA has nothing above the SHARED bit; an end at the bit itself belongs to the half below. */
	if (end <= start || (end - 1) >= shared_bit << 1 || ((end - 1) & shared_bit) != selector)
		return TDVMCALL_INVALID_OPERAND;
	if (!IS_ALIGNED(start | bytes, PAGE_SIZE))
		return TDVMCALL_ALIGN_ERROR;
	gpa = start - selector;
	status = convert_range(guest, &gpa, end - selector, selector ? GMEM_SHARED : GMEM_PRIVATE);
	if (status != TDVMCALL_SUCCESS)
		tdvmcall_return(call, TDVMCALL_OUT_R11, gpa | selector);
	return status;
}
