/* SPDX-License-Identifier: BSD-2-Clause */
/* P-SEAMLDR on the fake machine; module files come from tests/system/mkmodule.py, run from the top of the tree. */
#include "tests/tdxemu/seamldr.h"

#include <stdio.h>

#include "include/spec/tdx/leaf.h"
#include "kernel/lib/sha384.h"
#include "kernel/lib/string.h"
#include "tests/tdxemu/fault.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/test.h"

#define CORES 4
#define PACKAGES 2
#define BLOB (ARENA_BASE + MIB(30))	/* the file as the host has it in memory */
#define PARAMS (ARENA_BASE + MIB(29))
#define BUFFER (ARENA_BASE + MIB(28))
#define MAX_INTERRUPTIONS 100
#define CARRY_SET 0x5c5cull	/* the call failed with CF = 1 */
#define BLOB_MODULE_OFFSET (2 * PAGE_SIZE)

static u64 call(u32 core, u64 leaf, u64 rcx)
{
	struct emu_cpu *cpu = &machine.cpus[core];

	memset(cpu->gpr, 0x5a, sizeof(cpu->gpr));
	cpu->gpr[GPR_RAX] = leaf;
	cpu->gpr[GPR_RCX] = rcx;
	if (!seamldr_call(cpu)) {
		CHECK_EQ(cpu->gpr[GPR_RAX], leaf);
		return CARRY_SET;
	}
	return cpu->gpr[GPR_RAX];
}

static u64 rdx_of(u32 core)
{
	return machine.cpus[core].gpr[GPR_RDX];
}

/* A module file made with @options at BLOB, and parameters for it. */
static struct seamldr_params *make(const char *options, u32 scenario)
{
	struct seamldr_params *params = phys(PARAMS);
	char command[256];
	size_t bytes;
	FILE *tool;

	snprintf(command, sizeof(command), "python3 tests/system/mkmodule.py - %s", options);
	tool = popen(command, "r");
	bytes = fread(phys(BLOB), 1, MIB(4), tool);
	CHECK_EQ(pclose(tool), 0);
	CHECK(bytes > BLOB_MODULE_OFFSET);
	*params = (struct seamldr_params){
		.scenario = scenario,
		.sigstruct = BLOB + PAGE_SIZE,
		.module_page_count = (bytes - BLOB_MODULE_OFFSET) / PAGE_SIZE,
	};
	for (u64 i = 0; i < params->module_page_count; i++)
		params->module_pages[i] = BLOB + BLOB_MODULE_OFFSET + i * PAGE_SIZE;
	return params;
}

/* The whole session; the last core's status. */
static u64 install(void)
{
	for (u32 i = 0; i < CORES - 1; i++) {
		CHECK_EQ(call(i, SEAMLDR_INSTALL, PARAMS), SEAMLDR_SUCCESS);
		CHECK_EQ(rdx_of(i), 0);
		CHECK(!seamldr_module_ready());
	}
	return call(CORES - 1, SEAMLDR_INSTALL, PARAMS);
}

/* CLEANUP on all cores; how often a core had to come again. */
static u32 cleanup(void)
{
	u32 interrupted = 0;
	u64 status;

	for (u32 i = 0; i < CORES; i++) {
		while ((status = call(i, SEAMLDR_CLEANUP, 0)) == SEAMLDR_EINTERRUPT && interrupted < MAX_INTERRUPTIONS)
			interrupted++;
		CHECK_EQ(status, SEAMLDR_SUCCESS);
	}
	return interrupted;
}

static void bring_up(void)
{
	machine_reset(CORES, PACKAGES);
	machine_bring_up();
}

TEST(loader_information_tells_of_module_and_loader)
{
	const struct seamldr_info *info = phys(BUFFER);

	bring_up();
	CHECK_EQ(call(0, SEAMLDR_INFO, BUFFER + 128), SEAMLDR_EBADPARAM);
	CHECK_EQ(call(0, SEAMLDR_INFO, EMU_BASE), SEAMLDR_EBADPARAM);
	CHECK_EQ(call(0, SEAMLDR_INFO, PAMT_4K_BASE), SEAMLDR_EBADPARAM);
	CHECK_EQ(call(0, SEAMLDR_CLEANUP + 1, BUFFER), SEAMLDR_EBADPARAM);
	CHECK_EQ(call(0, SEAMLDR_INFO | 1 << 16, BUFFER), SEAMLDR_EBADPARAM);
	CHECK_EQ(call(1, SEAMLDR_INFO, BUFFER), SEAMLDR_SUCCESS);
	CHECK_EQ(info->vendor, 0x8086);
	CHECK_EQ(info->seam_ready, 1);
	CHECK_EQ(info->remaining_updates, SEAMLDR_MAX_UPDATES);
	CHECK_EQ(info->features, SEAMLDR_FEATURE_CLEANUP);
	seamldr.busy = 1;	/* another core is inside */
	CHECK_EQ(call(0, SEAMLDR_INFO, BUFFER), CARRY_SET);
	seamldr.busy = 0;
}

TEST(seam_information_has_cores_packages_and_convertible_memory)
{
	const struct seamldr_seaminfo *info = phys(BUFFER);

	machine_reset(CORES, PACKAGES);
	CHECK_EQ(call(0, SEAMLDR_SEAMINFO, BUFFER + 1024), SEAMLDR_EBADPARAM);
	CHECK_EQ(call(0, SEAMLDR_SEAMINFO, BUFFER), SEAMLDR_SUCCESS);
	CHECK_EQ(info->lp_count, CORES);
	CHECK_EQ(info->socket_count, PACKAGES);
	CHECK_EQ(info->socket_fms[1], 0x000c06f2);
	CHECK_EQ(info->no_integrity, 1);	/* TME_ACTIVATE has only plain AES-XTS */
	CHECK_EQ(info->cmrs[0].base, module.cmrs[0].base);
	CHECK_EQ(info->cmrs[module.cmr_count].bytes, 0);
}

TEST(install_is_a_session_of_all_cores)
{
	bring_up();
	make("--version 1.5.18 --build 811 --date 20260203 --hv 2", SEAMLDR_SCENARIO_LOAD);
	CHECK_EQ(call(1, SEAMLDR_INSTALL, PARAMS), SEAMLDR_SUCCESS);
	CHECK(!seamldr_module_ready());
	CHECK_EQ(call(1, SEAMLDR_INSTALL, PARAMS), SEAMLDR_EBADCALL);
	CHECK_EQ(call(0, SEAMLDR_CLEANUP, 0), SEAMLDR_EBADCALL);
	CHECK_EQ(call(2, SEAMLDR_INSTALL, 0), SEAMLDR_SUCCESS);	/* only the last core's RCX counts */
	CHECK_EQ(call(0, SEAMLDR_INSTALL, 0), SEAMLDR_SUCCESS);
	CHECK_EQ(call(3, SEAMLDR_INSTALL, PARAMS), SEAMLDR_SUCCESS);
	CHECK_EQ(rdx_of(3), 0);
	CHECK(seamldr_module_ready());
	CHECK_EQ(module.state, SYS_INIT_PENDING);
	CHECK(!machine.cpus[0].lp_initialised);
	CHECK_EQ(module_image.record.update, 18);
	CHECK_EQ(module_image.record.build_num, 811);
	CHECK_EQ(module_image.record.build_date, 20260203);
	CHECK_EQ(module_image.record.module_hv, 2);
	CHECK_MEM(module_image.measurement, (u8 *)phys(BLOB) + PAGE_SIZE + SEAM_SIGSTRUCT_SEAMHASH, SHA384_BYTES);
	CHECK_EQ(machine_view(PAMT_4K_BASE), VIEW_SHARED);	/* the old module's */
	machine_bring_up();
}

TEST(every_spoilt_module_is_refused_by_name)
{
	/* clang-format off */
	static const struct {
		const char *options;
		u32 scenario;
		u64 status;
		u64 rdx;
	} rows[] = {
		{ "--bad-signature", SEAMLDR_SCENARIO_LOAD, SEAMLDR_EBADSIG, 0 },
		{ "--other-signer", SEAMLDR_SCENARIO_LOAD, SEAMLDR_EBADSIG, 0 },
		{ "--debug-signed", SEAMLDR_SCENARIO_LOAD, SEAMLDR_EBADSIG, 0 },
		{ "--wrong-cpu", SEAMLDR_SCENARIO_LOAD, SEAMLDR_EUNSUPCPU, 0 },
		{ "--wrong-cpu --bad-signature", SEAMLDR_SCENARIO_LOAD, SEAMLDR_EUNSUPCPU, 0 },
		{ "--older-svn", SEAMLDR_SCENARIO_LOAD, SEAMLDR_ECLEANUPREQ, 0 },
		{ "--svn-major 2", SEAMLDR_SCENARIO_LOAD, SEAMLDR_ECLEANUPREQ, 0 },
		{ "--svn-major 0", SEAMLDR_SCENARIO_LOAD, SEAMLDR_EUNSUPPORTED, 0 },
		{ "--svn-major 2", SEAMLDR_SCENARIO_UPDATE, SEAMLDR_EUNSUPPORTED, 0 },
		{ "--older-svn", SEAMLDR_SCENARIO_UPDATE, SEAMLDR_EBADSIG, 0 },
		{ "", SEAMLDR_SCENARIO_UPDATE, SEAMLDR_EBADHANDOFF, 0 },	/* no TDH.SYS.SHUTDOWN before */
		{ "", 2, SEAMLDR_EBADPARAM, 0 },
		{ "--too-large", SEAMLDR_SCENARIO_LOAD, SEAMLDR_ENOMEM, 0 },
		{ "--bad-hash", SEAMLDR_SCENARIO_LOAD, SEAMLDR_EBADHASH, 1 },
		{ "--no-record", SEAMLDR_SCENARIO_LOAD, SEAMLDR_EBADPARAM, 1 },
		{ "--cut 4096", SEAMLDR_SCENARIO_LOAD, SEAMLDR_EBADHASH, 1 },
	};
	/* clang-format on */

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		bring_up();
		make(rows[i].options, rows[i].scenario);
		CHECK_EQ(install(), rows[i].status);
		CHECK_EQ(rdx_of(CORES - 1), rows[i].rdx);
		CHECK_EQ(seamldr_module_ready(), rows[i].rdx == 0);
		CHECK_EQ(module.state, rows[i].rdx == 0 ? SYS_READY : SYS_INIT_PENDING);
		CHECK_EQ(module_image.record.update, 16);
	}
	/* Nothing is loaded now; an update needs a module, a good load does not. */
	make("", SEAMLDR_SCENARIO_UPDATE);
	CHECK_EQ(install(), SEAMLDR_EBADPARAM);
	make("--v1", SEAMLDR_SCENARIO_LOAD);
	CHECK_EQ(install(), SEAMLDR_SUCCESS);
	machine_bring_up();
}

TEST(install_parameters_are_checked_before_the_module_is_touched)
{
	struct seamldr_params *params;

	bring_up();
	params = make("", SEAMLDR_SCENARIO_LOAD);
	params->version = 1;
	CHECK_EQ(install(), SEAMLDR_EBADPARAM);
	params->version = 0;
	params->reserved_16[103] = 1;
	CHECK_EQ(install(), SEAMLDR_EBADPARAM);
	params->reserved_16[103] = 0;
	params->sigstruct += 2048;
	CHECK_EQ(install(), SEAMLDR_EBADPARAM);
	params->sigstruct -= 2048;
	params->module_page_count = 0;
	CHECK_EQ(install(), SEAMLDR_EBADPARAM);
	params->module_page_count = SEAMLDR_MAX_MODULE_PAGES + 1;
	CHECK_EQ(install(), SEAMLDR_EBADPARAM);
	params->module_page_count = 8;
	params->module_pages[7] = PAMT_4K_BASE;	/* not the host's */
	CHECK_EQ(install(), SEAMLDR_EBADPARAM);
	CHECK(seamldr_module_ready());
	params->module_pages[7] = BLOB + BLOB_MODULE_OFFSET;	/* another page: the image is wrong */
	CHECK_EQ(install(), SEAMLDR_EBADHASH);
	CHECK(!seamldr_module_ready());
}

TEST(an_update_by_the_loader_keeps_the_td)
{
	struct machine_td td;

	bring_up();
	machine_td_build(&td);
	CHECK_EQ(SEAM(leaf_sys_shutdown), TDX_SUCCESS);
	make("--hv 3 --min-hv 1", SEAMLDR_SCENARIO_UPDATE);
	CHECK_EQ(install(), SEAMLDR_EBADHANDOFF);	/* the old module wrote version 0 */
	CHECK(seamldr_module_ready());
	make("--version 1.5.17 --hv 1", SEAMLDR_SCENARIO_UPDATE);
	CHECK_EQ(install(), SEAMLDR_SUCCESS);
	CHECK_EQ(seamldr.remaining_updates, SEAMLDR_MAX_UPDATES - 1);
	CHECK_EQ(SEAM(leaf_sys_init), TDX_SUCCESS);
	for (u32 i = 0; i < CORES; i++)
		CHECK_EQ(SEAM_ON(i, leaf_sys_lp_init), TDX_SUCCESS);
	CHECK_EQ(SEAM(leaf_sys_update), TDX_SUCCESS);
	CHECK_EQ(module_image.record.update, 17);
	CHECK_EQ(machine_view(td.tdr), VIEW_HIDDEN);
	machine_td_finalize(&td);
}

TEST(an_update_that_fails_half_way_leaves_no_module_and_a_load_frees_its_memory)
{
	struct machine_td td;

	bring_up();
	machine_td_build(&td);
	CHECK_EQ(SEAM(leaf_sys_shutdown), TDX_SUCCESS);
	make("--bad-hash", SEAMLDR_SCENARIO_UPDATE);
	CHECK_EQ(install(), SEAMLDR_EBADHASH);
	CHECK_EQ(rdx_of(CORES - 1), 1);
	CHECK_EQ(machine_view(td.tdr), VIEW_HIDDEN);
	make("", SEAMLDR_SCENARIO_LOAD);
	CHECK_EQ(install(), SEAMLDR_SUCCESS);
	CHECK(!module_handoff.valid);
	CHECK_EQ(machine_view(td.tdr), VIEW_OWES_CLEAR);
	CHECK_EQ(machine_view(PAMT_4K_BASE), VIEW_SHARED);
	machine_bring_up();
}

TEST(updates_run_out_until_a_cleanup)
{
	bring_up();
	seamldr.remaining_updates = 0;
	CHECK_EQ(SEAM(leaf_sys_shutdown), TDX_SUCCESS);
	make("", SEAMLDR_SCENARIO_UPDATE);
	CHECK_EQ(install(), SEAMLDR_EBADCALL);
	CHECK_EQ(cleanup(), PACKAGES);
	CHECK_EQ(seamldr.remaining_updates, SEAMLDR_MAX_UPDATES);
	CHECK(!module_handoff.valid);
	CHECK(!seamldr_module_ready());
	make("--older-svn", SEAMLDR_SCENARIO_LOAD);	/* nothing of the newer one is left */
	CHECK_EQ(install(), SEAMLDR_SUCCESS);
}

TEST(cleanup_belongs_to_a_loaded_module_and_comes_once_per_core)
{
	bring_up();
	CHECK_EQ(call(0, SEAMLDR_CLEANUP, 0), SEAMLDR_SUCCESS);
	CHECK(!seamldr_module_ready());
	CHECK_EQ(call(0, SEAMLDR_CLEANUP, 0), SEAMLDR_EBADCALL);
	CHECK_EQ(call(1, SEAMLDR_INSTALL, PARAMS), SEAMLDR_EBADCALL);
	CHECK_EQ(call(1, SEAMLDR_CLEANUP, 0), SEAMLDR_SUCCESS);
	CHECK_EQ(call(2, SEAMLDR_CLEANUP, 0), SEAMLDR_EINTERRUPT);	/* the last of package 0 */
	CHECK_EQ(seamldr.packages_dirty, 3);
	CHECK_EQ(call(2, SEAMLDR_CLEANUP, 0), SEAMLDR_SUCCESS);
	CHECK_EQ(seamldr.packages_dirty, 2);
	CHECK_EQ(call(3, SEAMLDR_CLEANUP, 0), SEAMLDR_EINTERRUPT);
	CHECK_EQ(call(3, SEAMLDR_CLEANUP, 0), SEAMLDR_SUCCESS);
	CHECK_EQ(seamldr.packages_dirty, 0);
	CHECK_EQ(machine_view(PAMT_4K_BASE), VIEW_SHARED);
	CHECK_EQ(call(0, SEAMLDR_CLEANUP, 0), SEAMLDR_EBADCALL);	/* no module was loaded since */
}

TEST(shutdown_needs_clean_packages_and_a_certain_last_core)
{
	bring_up();
	CHECK_EQ(call(1, SEAMLDR_SHUTDOWN, 0), SEAMLDR_ECLEANUPREQ);
	CHECK(seamldr_module_ready());
	cleanup();
	CHECK_EQ(call(0, SEAMLDR_SHUTDOWN, 0), SEAMLDR_EBADCALL);	/* x2APIC id 0 comes last */
	for (u32 i = 1; i < CORES; i++)
		CHECK_EQ(call(i, SEAMLDR_SHUTDOWN, 0), SEAMLDR_SUCCESS);
	CHECK_EQ(call(1, SEAMLDR_SHUTDOWN, 0), SEAMLDR_EBADCALL);
	CHECK_EQ(call(1, SEAMLDR_INFO, BUFFER), SEAMLDR_SUCCESS);
	CHECK_EQ(call(0, SEAMLDR_SHUTDOWN, 0), SEAMLDR_SUCCESS);
	CHECK_EQ(call(0, SEAMLDR_INFO, BUFFER), CARRY_SET);
}

TEST(platform_words_take_module_or_loader_away)
{
	machine_reset(CORES, PACKAGES);
	machine_platform("no-module");
	CHECK(!seamldr_module_ready());
	CHECK_EQ(call(0, SEAMLDR_CLEANUP, 0), SEAMLDR_EBADCALL);
	make("--features 0x40000", SEAMLDR_SCENARIO_LOAD);
	CHECK_EQ(install(), SEAMLDR_SUCCESS);
	machine_bring_up();
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_TDX_FEATURES0), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], TDX_FEATURE_NO_RBP_MOD);
	machine_reset(CORES, PACKAGES);
	machine_platform("no-loader,old-module");
	CHECK_EQ(call(0, SEAMLDR_INFO, BUFFER), CARRY_SET);
	machine_bring_up();
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_TDX_FEATURES0), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8] & (TDX_FEATURE_NO_RBP_MOD | TDX_FEATURE_TD_PRESERVING), 0);
	CHECK_EQ(SEAM(leaf_sys_rd, .rdx = TDX_SYS_UPDATE_VERSION), TDX_SUCCESS);
	CHECK_EQ(machine.out[GPR_R8], 0);
}

/* Calls are counted from the first rule on, which is this one: the other tests of the plan come later. */
TEST(the_fault_plan_names_loader_leaves_and_statuses)
{
	bring_up();
	fault_configure("fault=SEAMLDR.INSTALL:2:EBADSIG,SEAMLDR.CLEANUP:1:EINTERRUPT");
	make("", SEAMLDR_SCENARIO_LOAD);
	CHECK_EQ(call(0, SEAMLDR_INSTALL, PARAMS), SEAMLDR_SUCCESS);
	CHECK_EQ(call(1, SEAMLDR_INSTALL, PARAMS), SEAMLDR_EBADSIG);
	CHECK_EQ(rdx_of(1), 0);
	for (u32 i = 1; i < CORES; i++)
		CHECK_EQ(call(i, SEAMLDR_INSTALL, PARAMS), SEAMLDR_SUCCESS);
	CHECK_EQ(call(0, SEAMLDR_CLEANUP, 0), SEAMLDR_EINTERRUPT);
	CHECK(seamldr_module_ready());	/* a planned refusal has changed nothing */
}
