/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Switching extended state with XSAVES and XRSTORS. Our own code uses general registers only, so between a TD's exit
 * and the end of its stay its extended state simply stays in the CPU. The host's is never saved: the interface says
 * that it is lost, except XMM registers that pass a TDVMCALL, which are patched into the legacy area of the images
 * below. Called on the core that enters or leaves. Manual: SDM volume 1, "Managing State Using the XSAVE Feature
 * Set"; tdx-host-td.md 9.9.
 */
#include "tests/tdxemu/xstate.h"

#include "arch/x86/insn.h"
#include "include/spec/x86/msr.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/memory.h"
#include "tests/tdxemu/vmx.h"

#define XCR0_REGISTER 0
#define XSAVE_MXCSR_OFFSET 24
#define XSAVE_XMM_OFFSET 160
#define XSAVE_XMM_BYTES 16
#define XSAVE_HEADER_OFFSET 512
#define XCOMP_COMPACTED BIT(63)
#define MXCSR_RESET 0x1f80u
#define XSAVE_LEGACY_AND_HEADER_BYTES 576u

struct xsave_header {
	u64 xstate_bv;	/* components that are not in their INIT state */
	u64 xcomp_bv;
};

void xsave_supervisor(void *area, u64 components);
void xrstor_supervisor(const void *area, u64 components);

static u8 *scratch[EMU_MAX_CPUS];	/* owning core: image of the host's or the INIT state */

static struct xsave_header *header_of(u8 *area)
{
	return (struct xsave_header *)(void *)(area + XSAVE_HEADER_OFFSET);
}

static u8 *area_of(const struct tdvps *tdvps)
{
	return phys(tdvps->pages[TDVPS_PAGE_XBUFF]);
}

static void make_init_image(u8 *area, u64 components)
{
	memset(area, 0, XSAVE_LEGACY_AND_HEADER_BYTES);
	*(u32 *)(void *)(area + XSAVE_MXCSR_OFFSET) = MXCSR_RESET;
	header_of(area)->xcomp_bv = XCOMP_COMPACTED | components;
}

void xstate_init(struct tdvps *tdvps, u64 xfam)
{
	memset(area_of(tdvps), 0, PAGE_SIZE);
	make_init_image(area_of(tdvps), xfam);
	tdvps->xcr0 = TD_XFAM_X87;
	tdvps->xss = 0;
}

static u8 *scratch_of(const struct emu_cpu *cpu)
{
	if (scratch[cpu->index] == NULL)
		scratch[cpu->index] = emu_pages(1);
	return scratch[cpu->index];
}

static void open_components(u64 xfam)
{
	xsetbv(XCR0_REGISTER, xfam & TD_XFAM_USER_MASK);
	wrmsr(IA32_XSS, xfam & TD_XFAM_SUPERVISOR_MASK);
}

static u8 *xmm_of(u8 *area, u32 n)
{
	return area + XSAVE_XMM_OFFSET + n * XSAVE_XMM_BYTES;
}

/* Registers XMMn of @mask from one image to another; an image in SSE's INIT state counts as zeros. */
static void copy_xmm(u8 *to, u8 *from, u32 mask)
{
	if ((header_of(to)->xstate_bv & TD_XFAM_SSE) == 0) {
		memset(to + XSAVE_XMM_OFFSET, 0, XSTATE_XMM_COUNT * XSAVE_XMM_BYTES);
		*(u32 *)(void *)(to + XSAVE_MXCSR_OFFSET) = MXCSR_RESET;
		header_of(to)->xstate_bv |= TD_XFAM_SSE;
	}
	for (u32 n = 0; n < XSTATE_XMM_COUNT; n++)
		if (mask & BIT(n))
			memcpy(xmm_of(to, n), xmm_of(from, n), XSAVE_XMM_BYTES);
}

/* The SSE part of the CPU's state now, as an image whose XMM area is valid. */
static void snapshot_sse(u8 *area)
{
	make_init_image(area, TD_XFAM_SSE);
	xsave_supervisor(area, TD_XFAM_SSE);
	if ((header_of(area)->xstate_bv & TD_XFAM_SSE) == 0)
		memset(area + XSAVE_XMM_OFFSET, 0, XSTATE_XMM_COUNT * XSAVE_XMM_BYTES);
}

void xstate_enter(struct td_run *run, u32 from_host)
{
	u64 xfam = run->tdcs->xfam;
	u8 *guest = area_of(run->tdvps);
	u8 *host = scratch_of(run->cpu);

	open_components(xfam);
	if (from_host != 0) {
		snapshot_sse(host);
		copy_xmm(guest, host, from_host);
	}
	xrstor_supervisor(guest, xfam);
	xsetbv(XCR0_REGISTER, run->tdvps->xcr0);
	wrmsr(IA32_XSS, run->tdvps->xss);
}

void xstate_leave(struct td_run *run, u32 to_host)
{
	u64 xfam = run->tdcs->xfam;
	u8 *guest = area_of(run->tdvps);
	u8 *host = scratch_of(run->cpu);

	open_components(xfam);
	xsave_supervisor(guest, xfam);
	make_init_image(host, xfam);
	if (to_host != 0) {
		if ((header_of(guest)->xstate_bv & TD_XFAM_SSE) == 0)
			memset(guest + XSAVE_XMM_OFFSET, 0, XSTATE_XMM_COUNT * XSAVE_XMM_BYTES);
		copy_xmm(host, guest, to_host);
	}
	xrstor_supervisor(host, xfam);
}
