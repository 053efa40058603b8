# SPDX-License-Identifier: BSD-2-Clause
"""Reasons why TDX does not come up, one each: what the software TDX machine is told to be like (a word of its platform=
option, or a whole option), the id of the precondition the doctor must name last, and what its sentence must contain."""

# platform word, id of the first failing cause, text
SEEDS = [
    # what software can read without a SEAMCALL
    ("no-vmx", "vmx", "VMX"),
    ("vmx-locked-off", "vmx", "VT-x"),
    ("lp-vmx-locked-off", "vmx", "core 1"),
    ("not-intel", "cpu-vendor", "GenuineIntel"),
    ("no-movdir64b", "movdir64b", "MOVDIR64B"),
    ("no-self-snoop", "self-snoop", "self-snoop"),
    ("no-xsave", "xsave", "XSAVE"),
    ("no-tme", "tme-present", "0x982"),
    ("tme-off", "tme-enabled", "TME"),
    ("tme-unlocked", "tme-locked", "lock"),
    ("tme-mt-off", "tme-mt", "TME-MT"),
    ("no-aes-xts", "tme-algorithm", "AES-XTS"),
    ("aes-xts-not-activated", "tme-algorithm", "AES-XTS"),
    ("no-keyid-msr", "keyid-msr", "0x87"),
    ("no-tdx", "keyid-count", "TDX"),
    ("one-keyid", "keyid-count", "KeyID"),
    ("keyids-beyond-bits", "keyid-range", "KeyID"),
    ("no-seamrr-capability", "seamrr-capability", "SEAMRR"),
    ("no-seamrr", "seamrr-base", "SEAMRR"),
    ("seamrr-unlocked", "seamrr-locked", "SEAMRR"),
    ("seamrr-invalid", "seamrr-valid", "SEAMRR"),
    ("no-smrr", "smrr", "SMRR"),
    ("no-smrr-lock", "smrr", "SMRR"),
    ("xapic-unlocked", "xapic-lock", "x2APIC"),
    ("x2apic-opt-out,xapic-unlocked", "x2apic-opt-out", "DMAR"),  # where the mode is locked the wish does not count
    ("limit-cpuid", "cpuid-limit", "CPUID"),
    ("hotplug-cpu", "hotplug-cpu", "MADT"),  # a core of an empty package
    ("hotplug-memory", "hotplug-memory", "SRAT"),
    ("core-absent", "cores", "core"),  # the MADT lists a core as enabled that never starts
    # what only the module or its loader tells
    ("no-module", "module", "no TDX module"),
    ("no-module,no-loader", "module", "SEAM"),
    ("gp-fault", "TDH.SYS.INIT", "#GP"),  # everything looks right, yet SEAMCALL gives #GP
    ("lp-uncounted", "TDH.SYS.CONFIG", "SYS_CONFIG_NOT_PENDING"),  # firmware counted one core more than exist
    ("old-module", "module-features", "NO_RBP_MOD"),
    ("arch-capabilities", "TDH.SYS.INIT", "0x10a"),
    ("energy-filtering", "TDH.SYS.INIT", "0xbc"),
    ("perf-capabilities", "TDH.SYS.INIT", "0x345"),
    ("tsx-ctrl", "TDH.SYS.INIT", "0x122"),
    ("wbnoinvdp", "TDH.SYS.INIT", "0x99"),
    ("vmx-basic", "TDH.SYS.INIT", "0x480"),
    ("vmx-ept", "TDH.SYS.INIT", "0x48c"),
    ("too-many-keyids", "TDH.SYS.INIT", "NUM_ACTIVATED_HKIDS_NOT_SUPPORTED"),
    ("cpuid-value", "TDH.SYS.INIT", "INCORRECT_CPUID_VALUE"),
    ("cpuid-1f", "TDH.SYS.INIT", "CPUID_LEAF_1F_FORMAT_UNRECOGNIZED"),
    ("wbinvd-scope", "TDH.SYS.INIT", "INVALID_WBINVD_SCOPE"),
    ("cmr-overlap", "TDH.SYS.INIT", "CMR_LIST_INVALID"),
    ("smrr-unlocked", "TDH.SYS.INIT", "SMRR_NOT_LOCKED"),
    ("smrr-size", "TDH.SYS.INIT", "INVALID_SMRR_CONFIGURATION"),
    ("smrr-in-cmr", "TDH.SYS.INIT", "SMRR_OVERLAPS_CMR"),
    ("seam-capabilities", "TDH.SYS.INIT", "INCOMPATIBLE_SEAM_CAPABILITIES"),
    ("sigstruct", "TDH.SYS.INIT", "SYS_INCOMPATIBLE_SIGSTRUCT"),
    ("no-entropy", "TDH.SYS.INIT", "RND_NO_ENTROPY"),
    ("lp-tsc-adjust", "TDH.SYS.LP.INIT", "0x3b"),
    ("lp-tme", "TDH.SYS.LP.INIT", "0x982"),
    ("lp-cpuid", "TDH.SYS.LP.INIT", "INCONSISTENT_CPUID_FIELD"),
    ("lp-package", "TDH.SYS.LP.INIT", "INVALID_PKG_ID"),
    ("lp-seam-capabilities", "TDH.SYS.LP.INIT", "INCOMPATIBLE_SEAM_CAPABILITIES"),
]
