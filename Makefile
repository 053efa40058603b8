# SPDX-License-Identifier: BSD-2-Clause
# Cella's one Makefile: no recursion, no wildcards. Adding a file is adding a word to its folder's list.
#
#   make run      set up, build and start Cella with a Linux TD on the best machine found
#   make test     lint, unit tests and machine tests; ends with "N passed, N failed"
#   make help     all targets

SHELL := /bin/bash
# V=1 shows every command.
ifndef V
.SILENT:
endif
say = printf '  %-5s %s\n'
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

# ---- what each program is made of -----------------------------------------------------------------------------------

boot_asm := multiboot2
boot := entry multiboot2
arch_x86_asm := exception trampoline switch
arch_x86 := acpi acpi_parse backtrace console cpu desc lapic legacy_irq machine_check paging power rtc smp \
	task time trap vmx
kernel := console console_cmd cpu_call image irq line_edit lock log main page page_map panic percpu \
	sched timer
kernel_lib := calendar format sha384 string
tdx_asm := seamcall
tdx := console_cmd cores detect doctor facts keyid module pamt pamt_pair pool reclaim seamcall seamldr sept \
	sept_map shared_ept status sysinfo td tdh_mem tdh_mng tdh_mr tdh_phymem tdh_sys tdh_vp tdmr tdmr_init \
	tdmr_plan update vcpu witness cause blob
vmm := build bus call_attest call_cpu call_io call_mem config console_cmd counters dev_console \
	dev_pci dev_pci_msix dev_power dev_rtc dev_serial gmem guest hob params payload platform run tdvf \
	tdvmcall vapic vintr virtio virtio_common virtqueue
drivers := uart16550
libfdt := fdt fdt_ro fdt_check fdt_strerror

tdshim_asm := reset tdcall
tdshim := acpi handoff linux main measure memory report tdcall

tdxemu_asm := entry native trampoline trap vmx_run xsave bios_stub
tdxemu := acpi bios_boot acpi_tables boot_tags clear_watch clock cost cpu_face cr_access desc entropy fault \
	fault_plan fault_text hmac_sha256 host_map host_view l1 l1_memory leaf_mem_page leaf_mem_range leaf_mem_sept \
	leaf_mem_size leaf_mng leaf_mng_init leaf_mr leaf_pamt leaf_phymem leaf_sys leaf_sys_config leaf_sys_init \
	leaf_sys_init_check leaf_sys_init_firmware leaf_sys_life leaf_tdg leaf_tdg_mem leaf_tdg_mr leaf_vp loader \
	main mem_operand memory metadata metadata_sys metadata_td metadata_vp module module_release nested options \
	page_move pamt platform platform_demand platform_seed platform_topology pamt_dynamic port report rsa seamcall \
	seamldr seamldr_install seamldr_sigstruct sept serial smp td td_cpuid td_cpuid_exec td_cr td_cr_exit td_enter \
	td_ept td_exit td_exit_ept td_guest td_msr td_msr_exit td_operand td_physical td_switch td_ve td_vmcs \
	td_vmcs_field tdcall trace verdict vmexit vmx xstate

# Test payloads that run as TDs: each is payload.c and tdshim's way into C with one subject.
guests := tdcalls tdvmcalls endings costs

# Unit tests: sources with logic, linked with their _test.c and the fakes into one program per side of the ABI.
unit_cella := $(addprefix kernel/,console console_cmd cpu_call irq line_edit lock log page page_map percpu sched timer \
	lib/format lib/sha384 lib/string) boot/multiboot2 arch/x86/acpi_parse arch/x86/machine_check
unit_cella_tests := $(addprefix kernel/,console_test cpu_call_test line_edit_test log_test page_test sched_test timer_test \
	lib/format_test lib/sha384_test lib/string_test) boot/multiboot2_test arch/x86/acpi_parse_test arch/x86/machine_check_test
# vmm/ on a fake host: the kernel, tdx and device sides of its headers are tests/unit/fake_host.c.
unit_vmm := kernel/lib/format kernel/lib/string tdx/status vmm/build vmm/call_attest vmm/call_cpu vmm/call_io vmm/call_mem \
	vmm/config vmm/console_cmd vmm/counters vmm/gmem vmm/guest vmm/hob vmm/params vmm/payload vmm/run vmm/tdvf vmm/tdvmcall vmm/vapic vmm/vintr
unit_vmm_tests := vmm/build_test vmm/config_test vmm/gmem_test vmm/guest_test vmm/hob_test vmm/params_test vmm/run_test vmm/tdvf_test \
	vmm/tdvmcall_test vmm/vapic_test
# The device models on a fake guest: memory, terminal and interrupts are tests/unit/fake_guest.c, its driver fake_driver.c.
unit_devices := kernel/lib/calendar vmm/bus vmm/dev_console vmm/dev_pci vmm/dev_pci_msix vmm/dev_power vmm/dev_rtc vmm/dev_serial \
	vmm/platform vmm/virtio vmm/virtio_common vmm/virtqueue
unit_devices_tests := kernel/lib/calendar_test vmm/bus_test vmm/dev_console_test vmm/dev_pci_test vmm/dev_rtc_test vmm/dev_serial_test \
	vmm/platform_test vmm/virtio_test vmm/virtqueue_test
# tdx/ on a fake module: the real page allocator, the rest of the kernel is tests/unit/tdx_world.c. module_test and
# console_cmd include or leave out what asks the CPU.
unit_tdx := kernel/lib/format kernel/lib/sha384 kernel/page kernel/page_map tdx/blob tdx/cores tdx/cause \
	tdx/detect tdx/doctor tdx/keyid tdx/pamt tdx/pamt_pair tdx/pool tdx/reclaim tdx/seamcall tdx/seamldr tdx/sept \
	tdx/sept_map tdx/shared_ept tdx/status tdx/sysinfo tdx/td tdx/tdh_mem tdx/tdh_mng tdx/tdh_mr tdx/tdh_phymem \
	tdx/tdh_sys tdx/tdh_vp tdx/tdmr tdx/tdmr_plan tdx/update tdx/vcpu tdx/witness
unit_tdx_tests := tdx/keyid_test tdx/module_test tdx/pamt_pair_test tdx/pamt_test tdx/pool_test \
	tdx/seamcall_test tdx/sept_map_test tdx/sept_test tdx/shared_ept_test tdx/status_test tdx/sysinfo_test \
	tdx/td_test tdx/tdmr_init_test tdx/tdmr_plan_test tdx/tdmr_test tdx/vcpu_test tdx/witness_test \
	tdx/detect_test tdx/doctor_test tdx/blob_test
unit_tdxemu := tests/unit/fake_machine tests/tdxemu/clear_watch tests/tdxemu/entropy tests/tdxemu/hmac_sha256 \
	tests/tdxemu/leaf_mem_page tests/tdxemu/leaf_mem_range tests/tdxemu/leaf_mem_sept tests/tdxemu/leaf_mem_size \
	tests/tdxemu/leaf_mng tests/tdxemu/leaf_mng_init tests/tdxemu/leaf_mr tests/tdxemu/leaf_pamt \
	tests/tdxemu/leaf_phymem tests/tdxemu/leaf_sys tests/tdxemu/leaf_sys_config tests/tdxemu/leaf_sys_life \
	tests/tdxemu/leaf_tdg tests/tdxemu/leaf_tdg_mem tests/tdxemu/leaf_tdg_mr tests/tdxemu/leaf_vp \
	tests/tdxemu/mem_operand tests/tdxemu/metadata tests/tdxemu/metadata_sys tests/tdxemu/metadata_td \
	tests/tdxemu/metadata_vp tests/tdxemu/module tests/tdxemu/module_release tests/tdxemu/rsa \
	tests/tdxemu/seamcall tests/tdxemu/seamldr tests/tdxemu/seamldr_install tests/tdxemu/seamldr_sigstruct \
	tests/tdxemu/page_move tests/tdxemu/pamt tests/tdxemu/pamt_dynamic tests/tdxemu/report tests/tdxemu/sept \
	tests/tdxemu/td tests/tdxemu/td_cpuid kernel/lib/format kernel/lib/sha384 kernel/lib/string \
	tests/unit/fake_verdict tests/tdxemu/fault tests/tdxemu/host_map tests/tdxemu/fault_plan \
	tests/tdxemu/fault_text tests/tdxemu/options tests/tdxemu/td_cr tests/tdxemu/td_msr tests/tdxemu/acpi \
	tests/tdxemu/acpi_tables tests/tdxemu/leaf_sys_init tests/tdxemu/leaf_sys_init_check \
	tests/tdxemu/leaf_sys_init_firmware tests/tdxemu/platform tests/tdxemu/platform_demand \
	tests/tdxemu/platform_seed tests/tdxemu/platform_topology
unit_tdxemu_tests := tests/tdxemu/rsa_test tests/tdxemu/seamcall_test tests/tdxemu/seamldr_test \
	tests/tdxemu/leaf_sys_life_test tests/tdxemu/module_test tests/tdxemu/leaf_sys_test \
	tests/tdxemu/leaf_sys_config_test tests/tdxemu/pamt_test tests/tdxemu/leaf_pamt_test tests/tdxemu/sept_test \
	tests/tdxemu/leaf_mng_test tests/tdxemu/leaf_mem_test tests/tdxemu/leaf_mr_test tests/tdxemu/leaf_tdg_test \
	tests/tdxemu/leaf_vp_test tests/tdxemu/report_test tests/tdxemu/fault_test tests/tdxemu/host_map_test \
	tests/tdxemu/options_test tests/tdxemu/td_cpuid_test tests/tdxemu/td_msr_test tests/tdxemu/td_cr_test \
	tests/tdxemu/leaf_sys_init_test tests/tdxemu/platform_test tests/tdxemu/acpi_tables_test \
	tests/tdxemu/linux_host_test tests/tdxemu/clear_watch_test
# boot/tdshim: what reads the hand-off, on a fake TDCALL of memory_test.
unit_tdshim := kernel/lib/string boot/tdshim/handoff boot/tdshim/memory
unit_tdshim_tests := boot/tdshim/handoff_test boot/tdshim/memory_test

# ---- tools and flags ------------------------------------------------------------------------------------------------

CC := gcc
LD := ld
OBJCOPY := objcopy
BUILD := build
TP := third_party
DTC_DIR := $(TP)/dtc-1.7.2
MBEDTLS_DIR := $(TP)/mbedtls-3.6.7

warn := -Wall -Wextra -Werror -Wconversion -Wshadow -Wundef -Wvla -Wcast-qual -Wcast-align -Wformat=2 -Wpointer-arith \
	-Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wimplicit-fallthrough -Wframe-larger-than=2048 \
	-Wno-sign-conversion
base := -std=gnu11 -ffreestanding -nostdinc -isystem $(shell $(CC) -print-file-name=include) -O2 -g -march=x86-64 \
	-mno-red-zone -mgeneral-regs-only -fno-common -fno-strict-aliasing -fno-delete-null-pointer-checks \
	-fno-omit-frame-pointer -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
	-ffile-prefix-map=$(CURDIR)=. -fno-ident -I. -MMD -MP
kernel_code := -mcmodel=kernel -fno-pic -fno-pie
stackprot := -fstack-protector-strong -mstack-protector-guard=global

cella_cflags := $(base) $(kernel_code) $(stackprot) $(warn)
# tdshim runs in the TD at a fixed address just below 4 GiB, tdxemu identity-mapped below 2 GiB.
tdshim_cflags := $(base) -mcmodel=large -fno-pic -fno-pie -fno-stack-protector -Os $(warn)
# undefined behaviour is an #UD of its own, which stops the machine with a verdict
tdxemu_cflags := $(base) -mcmodel=small -fno-pic -fno-pie -fno-stack-protector -fsanitize=undefined \
	-fsanitize-undefined-trap-on-error $(warn)
tp_cflags := -isystem include/libc -w -I$(DTC_DIR)/libfdt -I$(MBEDTLS_DIR)/include -I$(MBEDTLS_DIR)/library \
	-DMBEDTLS_CONFIG_FILE='"kernel/lib/mbedtls_config.h"'
adapter_cflags := -isystem include/libc -I$(DTC_DIR)/libfdt -I$(MBEDTLS_DIR)/include \
	-DMBEDTLS_CONFIG_FILE='"kernel/lib/mbedtls_config.h"'

ldflags := -nostdlib -static --gc-sections -z max-page-size=4096 -z noexecstack --build-id=none
obj = $(addprefix $(BUILD)/$(1)/,$(addsuffix .o,$(2)))
cella_objs := $(call obj,cella,$(addprefix boot/,$(boot_asm:=.S) $(boot:=.c)) \
	$(addprefix arch/x86/,$(arch_x86_asm:=.S) $(arch_x86:=.c)) $(addprefix kernel/,$(kernel:=.c)) \
	$(addprefix kernel/lib/,$(kernel_lib:=.c)) $(addprefix tdx/,$(tdx_asm:=.S) $(tdx:=.c)) \
	$(addprefix vmm/,$(vmm:=.c)) $(addprefix drivers/,$(drivers:=.c)) \
	$(addprefix tp/,$(libfdt:=.c) sha512.c))
tdshim_objs := $(call obj,tdshim,$(addprefix boot/tdshim/,$(tdshim_asm:=.S) $(tdshim:=.c)) \
	$(addprefix kernel/lib/,format.c sha384.c string.c) tp/sha512.c)
guest_objs := $(call obj,tdshim,boot/tdshim/reset.S boot/tdshim/tdcall.S boot/tdshim/tdcall.c boot/tdshim/report.c \
	tests/guests/payload.c $(addprefix kernel/lib/,format.c sha384.c string.c) tp/sha512.c)
tdxemu_objs := $(call obj,tdxemu,$(addprefix tests/tdxemu/,$(tdxemu_asm:=.S) $(tdxemu:=.c)) \
	$(addprefix kernel/lib/,format.c sha384.c string.c) tp/sha512.c tp/sha256.c)

.PHONY: all run test unit system lint tcb bench fetch iso clean help
all: $(BUILD)/cella.elf $(BUILD)/tdshim.bin $(BUILD)/tdxemu.elf
	sha384sum $(BUILD)/cella.elf $(BUILD)/tdshim.bin

define program_rules
$(BUILD)/$(1)/%.c.o: %.c
	mkdir -p $$(@D)
	$$(say) CC '$(1) $$<'
	$$(CC) $$($(1)_cflags) $$(if $$(filter %/sha384.c %/hmac_sha256.c vmm/config.c,$$<),$$(adapter_cflags)) \
		$$(if $$(filter %/string.c,$$<),-fno-tree-loop-distribute-patterns) -c $$< -o $$@
$(BUILD)/$(1)/%.S.o: %.S
	mkdir -p $$(@D)
	$$(say) AS '$(1) $$<'
	$$(CC) $$($(1)_cflags) -D__ASSEMBLY__ -c $$< -o $$@
$(BUILD)/$(1)/tp/%.c.o: $(DTC_DIR)/libfdt/%.c
	mkdir -p $$(@D)
	$$(say) CC '$(1) $$<'
	$$(CC) $$(filter-out -W%,$$($(1)_cflags)) $$(tp_cflags) -c $$< -o $$@
$(BUILD)/$(1)/tp/%.c.o: $(MBEDTLS_DIR)/library/%.c
	mkdir -p $$(@D)
	$$(say) CC '$(1) $$<'
	$$(CC) $$(filter-out -W%,$$($(1)_cflags)) $$(tp_cflags) -c $$< -o $$@
endef
$(foreach program,cella tdshim tdxemu,$(eval $(call program_rules,$(program))))

$(BUILD)/%.lds: %.ld
	mkdir -p $(@D)
	$(CC) -E -P -x assembler-with-cpp -I. -MMD -MP -MT $@ -MF $@.d $< -o $@
# Linked twice: the second time with the symbol table of the first, which lies behind everything it names.
$(BUILD)/cella.first.elf: $(cella_objs) $(BUILD)/linker.lds
	$(say) LD $@
	$(LD) $(ldflags) -T $(BUILD)/linker.lds $(cella_objs) -o $@
$(BUILD)/cella/symbols.S: $(BUILD)/cella.first.elf arch/x86/symbols.py
	nm -n $< | python3 arch/x86/symbols.py >$@
$(BUILD)/cella/symbols.S.o: $(BUILD)/cella/symbols.S
	$(CC) -c $< -o $@
$(BUILD)/cella.elf: $(cella_objs) $(BUILD)/cella/symbols.S.o $(BUILD)/linker.lds
	$(say) LD $@
	$(LD) $(ldflags) -T $(BUILD)/linker.lds $(cella_objs) $(BUILD)/cella/symbols.S.o -o $@
$(BUILD)/tdshim.elf: $(tdshim_objs) $(BUILD)/boot/tdshim/tdshim.lds
	$(say) LD $@
	$(LD) $(ldflags) -T $(BUILD)/boot/tdshim/tdshim.lds $(tdshim_objs) -o $@
$(BUILD)/tdshim.bin: $(BUILD)/tdshim.elf
	$(OBJCOPY) -O binary $< $@
define guest_rule
$(BUILD)/guests/$(1).elf: $(guest_objs) $(BUILD)/tdshim/tests/guests/$(1).c.o $(BUILD)/boot/tdshim/tdshim.lds
	mkdir -p $$(@D)
	$$(say) LD $$@
	$$(LD) $$(ldflags) -T $(BUILD)/boot/tdshim/tdshim.lds $$(filter %.o,$$^) -o $$@
$(BUILD)/guests/$(1).bin: $(BUILD)/guests/$(1).elf
	$$(OBJCOPY) -O binary $$< $$@
endef
$(foreach guest,$(guests),$(eval $(call guest_rule,$(guest))))
# A boot sector, not a TD.
$(BUILD)/guests/realmode.bin: tests/guests/realmode.S
	mkdir -p $(@D)
	$(say) AS $<
	$(CC) -I. -D__ASSEMBLY__ -D__ASSEMBLER__ -MMD -MP -c $< -o $(BUILD)/guests/realmode.o
	$(LD) -Ttext 0x7c00 --oformat binary $(BUILD)/guests/realmode.o -o $@
$(BUILD)/tdxemu.elf: $(tdxemu_objs) $(BUILD)/tests/tdxemu/tdxemu.lds
	$(say) LD $@
	$(LD) $(ldflags) -T $(BUILD)/tests/tdxemu/tdxemu.lds $(tdxemu_objs) -o $@

# ---- unit tests on the development machine ---------------------------------------------------------------------------

unit_cflags := -std=gnu11 -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-strict-aliasing -I. -MMD -MP -Wall -Wextra -Werror -Wno-unused-parameter -DCELLA_UNIT_TEST -DDIRECT_MAP_BASE=0x200000000000 -I$(DTC_DIR)/libfdt -I$(MBEDTLS_DIR)/include \
	-DMBEDTLS_CONFIG_FILE='"kernel/lib/mbedtls_config.h"' -fno-builtin
# Cella's memcpy and its kin get names of their own, so that they do not replace the development machine's.
$(BUILD)/unit/kernel/lib/string.o $(BUILD)/unit/kernel/lib/string_test.o: private unit_cflags += -include tests/unit/rename.h
$(BUILD)/unit/%.o: %.c
	mkdir -p $(@D)
	$(say) CC 'unit $<'
	$(CC) $(unit_cflags) -c $< -o $@
$(BUILD)/unit/tp/%.o: $(DTC_DIR)/libfdt/%.c
	mkdir -p $(@D)
	$(say) CC 'unit $<'
	$(CC) $(unit_cflags) -w -c $< -o $@
$(BUILD)/unit/tp/%.o: $(MBEDTLS_DIR)/library/%.c
	mkdir -p $(@D)
	$(say) CC 'unit $<'
	$(CC) $(unit_cflags) -w -I$(MBEDTLS_DIR)/library -c $< -o $@
unit_common := tests/unit/runner
$(BUILD)/unit/cella_unit: $(addprefix $(BUILD)/unit/,$(addsuffix .o,$(unit_common) tests/unit/fake_arch \
		$(unit_cella) $(unit_cella_tests) tp/sha512 $(addprefix tp/,$(libfdt))))
	$(say) LD $@
	$(CC) $(unit_cflags) $^ -o $@
$(BUILD)/unit/vmm_unit: $(addprefix $(BUILD)/unit/,$(addsuffix .o,$(unit_common) tests/unit/fake_host tests/unit/hob_check $(unit_vmm) $(unit_vmm_tests) \
		$(addprefix tp/,$(libfdt) fdt_sw)))
	$(say) LD $@
	$(CC) $(unit_cflags) $^ -o $@
devices_fakes := tests/unit/fake_guest tests/unit/fake_driver
$(BUILD)/unit/devices_unit: $(addprefix $(BUILD)/unit/,$(addsuffix .o,$(unit_common) $(devices_fakes) $(unit_devices) $(unit_devices_tests)))
	$(say) LD $@
	$(CC) $(unit_cflags) $^ -o $@
$(BUILD)/unit/tdx_unit: $(addprefix $(BUILD)/unit/,$(addsuffix .o,$(unit_common) tests/unit/fake_pamt_pair tests/unit/fake_seamcall tests/unit/fake_task \
		tests/unit/module_file tests/unit/tdmr_check tests/unit/tdmr_map tests/unit/tdx_world \
		$(unit_tdx) $(unit_tdx_tests) tp/sha512))
	$(say) LD $@
	$(CC) $(unit_cflags) $^ -o $@
$(BUILD)/unit/tdxemu_unit: $(addprefix $(BUILD)/unit/,$(addsuffix .o,$(unit_common) $(unit_tdxemu) $(unit_tdxemu_tests) tp/sha512 tp/sha256))
	$(say) LD $@
	$(CC) $(unit_cflags) $^ -o $@
$(BUILD)/unit/tdshim_unit: $(addprefix $(BUILD)/unit/,$(addsuffix .o,$(unit_common) $(unit_tdshim) $(unit_tdshim_tests)))
	$(say) LD $@
	$(CC) $(unit_cflags) $^ -o $@

# ---- fuzz targets: one parser each, with clang's sanitizers -----------------------------------------------------------

fuzzers := multiboot2 acpi config tdvf handoff virtqueue virtio tdmr
fuzz_multiboot2 := boot/multiboot2
fuzz_acpi := arch/x86/acpi_parse
fuzz_config := vmm/config kernel/lib/format $(addprefix tp/,$(libfdt))
fuzz_tdvf := vmm/tdvf kernel/lib/format
fuzz_handoff := boot/tdshim/handoff boot/tdshim/memory
fuzz_virtqueue := vmm/virtqueue vmm/bus tests/unit/fake_guest
fuzz_virtio := $(unit_devices) $(devices_fakes)
fuzz_tdmr := tdx/tdmr tdx/tdmr_plan tests/unit/tdmr_check tests/unit/tdmr_map
FUZZ_CC := clang-14
# RUNS: inputs per target.
RUNS ?= 20000
fuzz_cflags := $(filter-out -fsanitize% -fno-sanitize%,$(unit_cflags)) -ffunction-sections \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
$(BUILD)/fuzz/kernel/lib/string.o: private fuzz_cflags += -include tests/unit/rename.h
$(BUILD)/fuzz/%.o: %.c
	mkdir -p $(@D)
	$(say) CC 'fuzz $<'
	$(FUZZ_CC) $(fuzz_cflags) -c $< -o $@
$(BUILD)/fuzz/tp/%.o: $(DTC_DIR)/libfdt/%.c
	mkdir -p $(@D)
	$(say) CC 'fuzz $<'
	$(FUZZ_CC) $(fuzz_cflags) -w -c $< -o $@
define fuzz_rule
$(BUILD)/fuzz/$(1)_fuzz: $(addprefix $(BUILD)/fuzz/,$(addsuffix .o,tests/fuzz/$(1)_fuzz $(fuzz_$(1)) kernel/lib/string))
	$$(say) LD $$@
	$$(FUZZ_CC) $$(fuzz_cflags) -fsanitize=fuzzer -Wl,--gc-sections $$^ -o $$@
endef
$(foreach fuzzer,$(fuzzers),$(eval $(call fuzz_rule,$(fuzzer))))
$(BUILD)/fuzz/seeds: tests/fuzz/seeds.py boot/config.dts $(BUILD)/tdshim.bin
	rm -rf $@
	tests/fuzz/seeds.py $@ $(BUILD)/tdshim.bin
.PHONY: fuzz
fuzz: $(BUILD)/fuzz/seeds $(foreach fuzzer,$(fuzzers),$(BUILD)/fuzz/$(fuzzer)_fuzz)
	tests/fuzz/run.sh $(RUNS) $(BUILD)/fuzz $(fuzzers)

# ---- set-up -----------------------------------------------------------------------------------------------------------

# Everything that is fetched or built once. Both scripts return at once when their work is done.
.PHONY: setup
fetch setup:
	mkdir -p $(BUILD)
	tests/setup/fetch.sh
	tests/setup/bochs.sh
# A first run compiles against what the set-up brings, so the set-up comes first.
ifeq ($(wildcard $(TP)/.fetched),)
$(cella_objs) $(tdshim_objs) $(tdxemu_objs): | setup
endif

guest_kernel := $(TP)/linux-image-6.12.95+deb12-cloud-amd64/boot/vmlinuz-6.12.95+deb12-cloud-amd64
$(BUILD)/tdreport: boot/guest/tdreport.c
	mkdir -p $(@D)
	$(say) CC '$< (Linux program)'
	$(CC) -O2 -static -Wall -Wextra -Werror $< -o $@ && strip $@
$(BUILD)/initrd.gz: boot/guest/init boot/guest/shrc boot/guest/mkinitrd.sh $(BUILD)/tdreport
	$(say) CPIO $@
	boot/guest/mkinitrd.sh $@ $(BUILD)/tdreport

# ---- run, images ------------------------------------------------------------------------------------------------------

images := $(BUILD)/cella.elf $(BUILD)/tdshim.bin $(BUILD)/initrd.gz boot/config.dts boot/mkiso.py
# ARGS: --kernel FILE --initrd FILE --cmdline TEXT --memory MIB --vcpus N --pool MIB (boot/mkiso.py)
ARGS ?=
# MACHINE: --cpus N --memory MIB (tests/system/run.py)
MACHINE ?=
$(BUILD)/cella.iso: $(images)
	$(say) ISO $@
	boot/mkiso.py $@ --kernel $(guest_kernel) --initrd $(BUILD)/initrd.gz --timeout 3 $(ARGS)
iso: setup $(BUILD)/cella.iso
	sha384sum $(BUILD)/cella.elf $(BUILD)/tdshim.bin
run: setup $(images) $(BUILD)/tdxemu.elf
	boot/mkiso.py $(BUILD)/run.iso --below $(BUILD)/tdxemu.elf --kernel $(guest_kernel) --initrd $(BUILD)/initrd.gz $(ARGS)
	tests/system/run.py $(BUILD)/run.iso $(MACHINE)

# ---- tests ------------------------------------------------------------------------------------------------------------

payload_images := $(foreach guest,$(guests) realmode,$(BUILD)/guests/$(guest).bin)
unit_programs := $(addprefix $(BUILD)/unit/,cella_unit tdx_unit vmm_unit devices_unit tdxemu_unit tdshim_unit)
unit: $(unit_programs)
	for program in $(unit_programs); do $$program || exit 1; done
# CASE=name runs one machine case.
CASE ?=
system: setup $(images) $(BUILD)/tdxemu.elf $(payload_images)
	tests/system/cases.py $(CASE)
test: setup
	$(MAKE) --no-print-directory all lint
	tests/system/all.sh

# For editors and lint: how every source of ours is compiled, without compiling it.
guest_sources := $(foreach guest,$(guests),$(BUILD)/tdshim/tests/guests/$(guest).c.o)
.PHONY: compile_commands.json
compile_commands.json:
	mkdir -p $(BUILD)
	$(MAKE) -nB V=1 --no-print-directory $(sort $(cella_objs) $(tdshim_objs) $(guest_objs) $(guest_sources) $(tdxemu_objs)) | \
		tests/lint/compile_commands.py >$(BUILD)/$@
lint: compile_commands.json
	tests/lint/lint.py
tcb:
	tests/lint/count_lines.py
bench: setup $(images) $(BUILD)/tdxemu.elf $(BUILD)/guests/costs.bin $(BUILD)/tdshim.elf
	tests/system/bench.py

help:
	sed -n '3,9p' Makefile | cut -c3-

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
