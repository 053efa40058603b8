#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write a TDX module file for the software TDX machine: Intel's container around an image of the machine's own format.

The container is what a host and P-SEAMLDR see of a real module: header, SEAM_SIGSTRUCT, image pages, signed with RSA-3072. The
image is no code: its first page describes the module (struct module_record in tests/tdxemu/module.h), the rest is filler.

The keys are test keys and no secret: their primes follow from the names below. The machine trusts "module signer" only.
Facts: tdx-host-system reference, "Signature structure (2048 bytes) and blob".
"""

import argparse
import hashlib
import struct
import sys

PAGE = 4096
KEY_BYTES = 384
EXPONENT = 0x10001
PRIME_BITS = KEY_BYTES * 4
# Distance from the number that the SHA-384 of the name gives to the next prime p with gcd(p - 1, EXPONENT) = 1.
PRIMES = {"module signer p": 478, "module signer q": 1746, "other signer q": 362}
DIGEST_INFO_SHA384 = bytes.fromhex("3041300d060960864801650304020205000430")

SIGSTRUCT_BYTES = 2048
HEADER = (6, 0xE1, 0x10000)
VENDOR_INTEL = 0x8086
TYPE_DEBUG = 1 << 31
MODULUS, SIGNATURE, SEAMHASH, KEYHOLE_PAGES = 0x080, 0x204, 0x384, 0x3C4
SVN_MINOR, SVN_MAJOR, OLD_SVN_MINOR = 6, 1, 1
# CPUID.1:EAX that the module accepts: Sapphire Rapids and Emerald Rapids.
CPUS = (0x000806F8, 0x000C06F2)
WRONG_CPU = 0x000306C3
HANDOFF_PAGES = 14

BLOB_V1, BLOB_V2 = 0x100, 0x200
RECORD_MAGIC = b"TDXEMOD1"
ALL_FEATURES = (1 << 64) - 1


def prime(name):
    """A 1536-bit prime with its two top bits set."""
    digest = b"".join(hashlib.sha384(b"%s %d" % (name.encode(), i)).digest() for i in range(4))
    return (int.from_bytes(digest, "big") | 3 << (PRIME_BITS - 2) | 1) + PRIMES[name]


def key(options):
    """Modulus and private exponent."""
    p, q = prime("module signer p"), prime("other signer q" if options.other_signer else "module signer q")
    return p * q, pow(EXPONENT, -1, (p - 1) * (q - 1))


def image(options):
    """The module: a record of what it is, then filler that differs from page to page and from version to version."""
    major, minor, update = (int(part) for part in options.version.split("."))
    magic = b"?" * len(RECORD_MAGIC) if options.no_record else RECORD_MAGIC
    record = struct.pack("<8sHHHHIHHB7xQ", magic, major, minor, update, options.build, options.date, options.hv,
                         options.min_hv, options.no_downgrade, options.features)
    pages = [record.ljust(PAGE, b"\0")]
    for number in range(1, options.pages):
        pages.append((hashlib.sha384(b"%s page %d" % (options.version.encode(), number)).digest() * 86)[:PAGE])
    return b"".join(pages)


def sigstruct(options, module):
    """SEAM_SIGSTRUCT; the signature covers the 128 bytes before the key and everything behind the signature."""
    modulus, private = key(options)
    date = int(str(options.date), 16)
    kind = TYPE_DEBUG if options.debug_signed else 0
    data = bytearray(SIGSTRUCT_BYTES)
    struct.pack_into("<10I", data, 0, *HEADER, kind, VENDOR_INTEL, date, SIGSTRUCT_BYTES // 4, KEY_BYTES // 4, KEY_BYTES // 4, 1)
    data[MODULUS:MODULUS + KEY_BYTES] = modulus.to_bytes(KEY_BYTES, "little")
    struct.pack_into("<I", data, MODULUS + KEY_BYTES, EXPONENT)
    seamhash = bytearray(hashlib.sha384(module).digest())
    seamhash[0] ^= options.bad_hash
    data[SEAMHASH:SEAMHASH + 48] = seamhash
    minor = OLD_SVN_MINOR if options.older_svn else options.svn_minor
    struct.pack_into("<BB", data, 0x3B4, minor, options.svn_major)
    struct.pack_into("<H", data, KEYHOLE_PAGES, 0xFFFF if options.too_large else 0)
    struct.pack_into("<HHBxH", data, 0x3D8, options.hv, options.min_hv, options.no_downgrade, HANDOFF_PAGES - 1)
    cpus = (WRONG_CPU,) if options.wrong_cpu else CPUS
    struct.pack_into("<%dI" % (1 + len(cpus)), data, 0x400, len(cpus), *cpus)

    digest = hashlib.sha384(data[:MODULUS] + data[SEAMHASH:]).digest()
    tail = b"\0" + DIGEST_INFO_SHA384 + digest
    padded = b"\0\1" + b"\xff" * (KEY_BYTES - 2 - len(tail)) + tail
    signature = bytearray(pow(int.from_bytes(padded, "big"), private, modulus).to_bytes(KEY_BYTES, "little"))
    signature[0] ^= options.bad_signature
    data[SIGNATURE:SIGNATURE + KEY_BYTES] = signature
    return bytes(data)


def blob(options):
    """The file: header page, signature page, image; its 16-bit words add up to 0."""
    module = image(options)
    total = 2 * PAGE + len(module)
    if options.v1:
        header = struct.pack("<HHI8sI", BLOB_V1, 0, 2 * PAGE, b"TDX-BLOB", total)
    else:
        header = struct.pack("<HH8sII", BLOB_V2, 0, b"TDX-BLOB", 1, options.pages)
    data = bytearray(header.ljust(PAGE, b"\0") + sigstruct(options, module).ljust(PAGE, b"\0") + module)
    checksum = -sum(struct.unpack("<%dH" % (len(data) // 2), data)) & 0xFFFF
    struct.pack_into("<H", data, 2, checksum ^ options.bad_checksum)
    return bytes(data[:len(data) - options.cut])


def number(text):
    return int(text, 0)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", help="file, - for the standard output")
    parser.add_argument("--version", default="1.5.17", help="major.minor.update")
    parser.add_argument("--build", type=number, default=800)
    parser.add_argument("--date", type=int, default=20260101, help="yyyymmdd")
    parser.add_argument("--features", type=number, default=ALL_FEATURES,
                        help="TDX_FEATURES0 the module offers, as far as the machine can do it")
    parser.add_argument("--pages", type=int, default=8, help="4 KiB pages of the image, up to 496")
    parser.add_argument("--hv", type=number, default=0, help="MODULE_HV: handoff version it writes")
    parser.add_argument("--min-hv", type=number, default=0, help="MIN_UPDATE_HV: oldest handoff version it takes")
    parser.add_argument("--no-downgrade", action="store_true")
    parser.add_argument("--svn-major", type=number, default=SVN_MAJOR)
    parser.add_argument("--svn-minor", type=number, default=SVN_MINOR)
    parser.add_argument("--older-svn", action="store_true", help="minor SVN below the firmware-loaded module's")
    parser.add_argument("--v1", action="store_true", help="container of version 0x100")
    parser.add_argument("--v2", action="store_true", help="container of version 0x200 (default)")
    parser.add_argument("--bad-checksum", action="store_true", help="the file's words do not add up to 0")
    parser.add_argument("--bad-signature", action="store_true")
    parser.add_argument("--bad-hash", action="store_true", help="SEAMHASH, rightly signed, is not the image's")
    parser.add_argument("--wrong-cpu", action="store_true", help="made for another processor family")
    parser.add_argument("--other-signer", action="store_true", help="rightly signed with a key the machine does not trust")
    parser.add_argument("--debug-signed", action="store_true")
    parser.add_argument("--too-large", action="store_true", help="needs more memory per core than the SEAM range has")
    parser.add_argument("--no-record", action="store_true", help="rightly signed, but the image is no module")
    parser.add_argument("--cut", type=number, default=0, metavar="BYTES", help="leave out the file's last bytes")
    parser.add_argument("--signer", action="store_true", help="print the trusted key's MRSIGNER for the machine instead")
    return parser.parse_args()


def main():
    options = parse_arguments()
    if options.signer:
        data = hashlib.sha384(key(options)[0].to_bytes(KEY_BYTES, "little")).hexdigest().encode() + b"\n"
    else:
        data = blob(options)
    if options.output == "-":
        sys.stdout.buffer.write(data)
        return
    with open(options.output, "wb") as file:
        file.write(data)


if __name__ == "__main__":
    main()
