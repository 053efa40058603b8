/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building a TD. The order is documented, because MRTD hashes the sequence of pages:
 *
 *   1. firmware, kernel and memory are checked before anything is taken
 *   2. memory map, shared EPT with its device window, devices
 *   3. TDR, key, TDCS, TD_PARAMS
 *   4. payload window; hand-off block list in host memory
 *   5. all vCPUs, with the hand-off's GPA in RCX and R8
 *   6. sections in the descriptor's order, pages ascending; each page is added and, if the section asks for it, its
 *      16 chunks are measured before the next page is added
 *   7. finalisation; MRTD is compared with the operator's expectation
 *
 * The result equals what other hosts compute for the same image. Runs in the guest's keeper task.
 *
 * TDX Virtual Firmware Design Guide, "TD Build"; TDX Module Base, "TD Measurement".
 */
#include "vmm/build.h"

#include "arch/x86/insn.h"
#include "include/cella/arch.h"
#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/cella/tdshim.h"
#include "include/spec/tdx/sept.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/percpu.h"
#include "kernel/sched.h"
#include "kernel/timer.h"
#include "tdx/module.h"
#include "tdx/seamcall.h"
#include "tdx/sysinfo.h"
#include "vmm/guest.h"
#include "vmm/hob.h"
#include "vmm/params.h"
#include "vmm/tdvf.h"

/* Control pages of a TD with one vCPU and of each further vCPU, generously. */
#define CONTROL_BYTES KIB(128)
#define VCPU_BYTES KIB(64)

/* What one build needs; lives in a page of its own. */
struct build {
	struct guest *guest;
	struct tdvf_image image;
	struct hob_plan plan;
	u8 *hob;	/* TD_HOB section's content */
	u64 hob_pages;
	u8 *bounce;	/* one page: section data that is no whole page of the module */
	u64 pages_added;
	char error[REFUSAL_BYTES];
};
_Static_assert(sizeof(struct build) <= PAGE_SIZE, "one page");

const char *mrtd_text(const u8 mrtd[TDX_MR_BYTES], char text[MRTD_TEXT_BYTES])
{
	for (u32 i = 0; i < TDX_MR_BYTES; i++)
		format_text(text + 2 * i, 3, "%02x", mrtd[i]);
	return text;
}

static void *host_pages(struct build *build, u64 count)
{
	void *pages = page_zalloc(count, PAGE_GUEST);

	if (!pages)
		refuse(build->error, "no host memory is left");
	return pages;
}

/* ---- 1: checks ---- */

static int check_firmware(struct build *build)
{
	const struct guest_config *config = build->guest->config;
	u64 low = MIN(config->memory_bytes, GUEST_LOW_RAM_MAX);
	char why[REFUSAL_BYTES];

	if (tdvf_parse(hpa_to_hva(config->firmware->start), config->firmware->bytes, &build->image, why) ||
	    tdvf_check_placement(&build->image, low, config->memory_bytes - low, why))
		return refuse(build->error, "its firmware, boot module \"%s\", cannot be used: %s",
			      config->firmware->text, why);
	return 0;
}

static int check_kernel(struct build *build)
{
	const struct boot_module *kernel = build->guest->config->kernel;
	char why[REFUSAL_BYTES];

	if (kernel && payload_check_kernel(hpa_to_hva(kernel->start), kernel->bytes, why))
		return refuse(build->error, "its kernel, boot module \"%s\", cannot be used: %s", kernel->text, why);
	return 0;
}

/* Private memory is backed on first touch; what the other TDs may still touch is spoken for. */
static int check_pool(struct build *build)
{
	const struct guest_config *config = build->guest->config;
	u64 spoken_for = 0, need = config->memory_bytes + config->memory_bytes / 512;

	need += CONTROL_BYTES + config->cpus * VCPU_BYTES;
	for (u32 i = 0; i < build->image.section_count; i++)
		need += build->image.sections[i].memory_bytes;
	for (u32 i = 0; i < guest_count(); i++) {
		const struct guest *other = guest_at(i);

		if (other != build->guest && other->state != GUEST_STOPPED)
			spoken_for += other->config->memory_bytes;
	}
	if (need + spoken_for > tdx_pool_bytes())
		return refuse(build->error, "it needs %lu MiB, but of the TD pool's %lu MiB the other TDs take %lu "
			    "MiB: raise td-pool, or give the TD less memory", DIV_ROUND_UP(need, MIB(1)),
			    tdx_pool_bytes() / MIB(1), spoken_for / MIB(1));
	return 0;
}

/* ---- 2: memory and devices ---- */

static int create_platform(struct build *build)
{
	struct guest *guest = build->guest;
	u64 window_bytes = GUEST_HIGH_RAM_BASE - GUEST_LOW_RAM_MAX;
	int error = gmem_create(guest);

	if (!error)
		error = shared_ept_create(&guest->shared_ept, TDX_SHARED_BIT_GPAW48);
	/* Device accesses raise #VE in the guest instead of leaving the TD; RAM never lies between here and 4 GiB. */
	if (!error)
		error = shared_ept_set_mmio(&guest->shared_ept, GPA(GUEST_LOW_RAM_MAX), window_bytes);
	if (!error)
		error = platform_create(guest);
	guest->has_platform = !error;
	return error ? refuse(build->error, "no host memory is left for its devices") : 0;
}

/* ---- 3: the TD ---- */

static void native_cpuid(u32 leaf, u32 subleaf, struct td_cpuid_value *value)
{
	struct cpuid_regs regs = cpuid(leaf, subleaf);

	*value = (struct td_cpuid_value){ .eax = regs.eax, .ebx = regs.ebx, .ecx = regs.ecx, .edx = regs.edx };
}

static int create_td(struct build *build)
{
	struct guest *guest = build->guest;
	struct params_input input = {
		.sysinfo = tdx_sysinfo(),
		.config = guest->config,
		.tsc_frequency = tdx_tsc_frequency(),
		.cpuid = native_cpuid,
	};
	struct td_params *params = host_pages(build, 1);
	int error;

	if (!params)
		return -ENOMEM;
	error = params_fill(params, &input, build->error);
	if (!error)
		error = td_create(&guest->td, params);
	page_zfree(params, 1, PAGE_GUEST);
	if (!error || build->error[0])
		return error;
	return refuse(build->error, "the TD could not be created (%s)",
		    error == -ENOMEM ? "the TD pool is exhausted" :
		    error == -ENOSPC ? "no private KeyID is free" : "see the lines above");
}

/* ---- 4: payload and hand-off ---- */

static int map_payload(struct build *build)
{
	return payload_map(build->guest, build->error);
}

static int write_hob(struct build *build)
{
	const struct tdvf_section *sections = build->image.sections, *hob = &sections[build->image.td_hob];
	struct gmem *memory = &build->guest->memory;
	struct hob_plan *plan = &build->plan;
	u64 used;

	build->hob_pages = hob->memory_bytes / PAGE_SIZE;
	build->hob = host_pages(build, build->hob_pages);
	if (!build->hob)
		return -ENOMEM;
	plan->list_gpa = hob->gpa;
	plan->list_bytes = hob->memory_bytes;
	plan->low_bytes = memory->low_bytes;
	plan->high_bytes = memory->high_bytes;
	plan->payload = build->guest->payload.block.version ? &build->guest->payload.block : NULL;
	for (const struct tdvf_section *in = sections; in < sections + build->image.section_count; in++)
		if (tdvf_is_added(in) && tdvf_in_ram(in, memory->low_bytes, memory->high_bytes))
			plan->added[plan->added_count++] = (struct hob_region){ in->gpa, in->memory_bytes };
	if (hob_build(build->hob, plan, &used))
		return refuse(build->error, "its hand-off list does not fit the firmware's %lu bytes",
			    plan->list_bytes);
	return 0;
}
_Static_assert(HOB_MAX_ADDED >= TDVF_MAX_SECTIONS, "every section may lie in RAM");

/* ---- 5: vCPUs ---- */

static int create_vcpus(struct build *build)
{
	struct guest *guest = build->guest;

	for (u32 i = 0; i < guest->vcpu_count; i++) {
		struct vcpu *vcpu = &guest->vcpus[i].vcpu;
		int error = vcpu_create(vcpu, &guest->td, build->plan.list_gpa, guest->shared_ept.root);

		if (error)
			return refuse(build->error, "vCPU %u could not be created", i);
		if (guest_vcpu_cpu(guest, i) != arch_this_cpu()->id)
			vcpu_flush(vcpu);
	}
	return 0;
}

/* ---- 6: pages ---- */

/* Host page with the content of the section's page at @offset: the module's own page where it is whole, else a copy. */
static hpa_t page_content(struct build *build, const struct tdvf_section *section, u64 offset)
{
	const u8 *data = build->image.file + section->data_offset + offset;

	if (section->type == TDVF_SECTION_TD_HOB)
		return hva_to_hpa(build->hob + offset);
	if (offset + PAGE_SIZE <= section->raw_bytes && IS_ALIGNED((u64)data, PAGE_SIZE))
		return hva_to_hpa(data);
	memset(build->bounce, 0, PAGE_SIZE);
	if (offset < section->raw_bytes)
		memcpy(build->bounce, data, MIN(section->raw_bytes - offset, (u64)PAGE_SIZE));
	return hva_to_hpa(build->bounce);
}

static int add_section(struct build *build, const struct tdvf_section *section)
{
	struct td *td = &build->guest->td;

	for (u64 offset = 0; offset < section->memory_bytes; offset += PAGE_SIZE) {
		gpa_t gpa = GPA(section->gpa + offset);
		hpa_t source = page_content(build, section, offset);
		int error = td_add_page(td, gpa, source);

		if (!error && (section->attributes & TDVF_ATTR_MR_EXTEND))
			error = td_measure_page(td, gpa, source);
		if (error)
			return refuse(build->error, "the page at 0x%lx of section %s could not be added%s", gpa.raw,
				      tdvf_section_name(section->type),
				      error == -ENOMEM ? ": the TD pool is exhausted" : "");
		build->pages_added++;
		task_yield();	/* large firmware takes seconds, and the console's task runs on this core too */
	}
	return 0;
}

static int add_sections(struct build *build)
{
	int error = 0;

	build->bounce = host_pages(build, 1);
	if (!build->bounce)
		return -ENOMEM;
	for (u32 i = 0; i < build->image.section_count && !error; i++)
		if (tdvf_is_added(&build->image.sections[i]))
			error = add_section(build, &build->image.sections[i]);
	return error;
}

/* ---- 7: finalisation ---- */

static int finalise(struct build *build)
{
	struct guest *guest = build->guest;
	const struct guest_config *config = guest->config;
	char text[MRTD_TEXT_BYTES];
	int error = td_finalise(&guest->td);

	if (error)
		return refuse(build->error, "the TD could not be finalised");
	if (config->has_expected_mrtd && memcmp(guest->td.mrtd, config->expected_mrtd, TDX_MR_BYTES)) {
		log_error("td", "%s: MRTD     %s", config->name, mrtd_text(guest->td.mrtd, text));
		log_error("td", "%s: expected %s", config->name, mrtd_text(config->expected_mrtd, text));
		return refuse(build->error, "MRTD is not what \"cella,expected-mrtd\" demands");
	}
	for (u32 i = 0; i < guest->vcpu_count; i++)
		vapic_reset(&guest->vcpus[i]);
	return 0;
}

int build_guest(struct guest *guest)
{
	static int (*const steps[])(struct build *build) = {
		check_firmware, check_kernel, check_pool,   create_platform, create_td,
		map_payload,    write_hob,    create_vcpus, add_sections,    finalise,
	};
	u64 start_ns = time_ns(), seamcalls = seamcall_total();
	struct build *build = page_zalloc(1, PAGE_GUEST);
	const char *name = guest->config->name;
	char mrtd[MRTD_TEXT_BYTES];
	int error = 0;

	if (!build) {
		log_error("td", "%s is not started: no host memory is left", name);
		return -ENOMEM;
	}
	build->guest = guest;
	for (u32 i = 0; i < ARRAY_SIZE(steps) && !error; i++)
		error = steps[i](build);
	if (error) {
		log_error("td", "%s is not started: %s", name, build->error);
	} else {
		guest->launched_ns = time_ns();
		guest->launch_ns = guest->launched_ns - start_ns;
		log_info("td", "%s launched: MRTD %s, %lu pages added, %lu SEAMCALLs, %lu.%03lu ms", name,
			 mrtd_text(guest->td.mrtd, mrtd), build->pages_added, seamcall_total() - seamcalls,
			 guest->launch_ns / NS_PER_MS, guest->launch_ns / 1000 % 1000);
	}
	if (build->bounce)
		page_zfree(build->bounce, 1, PAGE_GUEST);
	if (build->hob)
		page_zfree(build->hob, build->hob_pages, PAGE_GUEST);
	page_zfree(build, 1, PAGE_GUEST);
	return error;
}

void build_undo(struct guest *guest)
{
	if (guest->has_platform)
		platform_destroy(guest);
	guest->has_platform = false;
	if (guest->td.state != TD_NONE)
		td_destroy(&guest->td);
	payload_release(guest);
	gmem_destroy(guest);
	if (guest->shared_ept.root.raw)
		shared_ept_destroy(&guest->shared_ept);
}
