#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write one folder of valid inputs per fuzz target: seeds.py FOLDER TDSHIM. Without them a fuzzer rarely passes the first check."""

import os
import struct
import subprocess
import sys

TEMP, HOB = (0x10000, 0x20000), (0x809000, 0x80d000)
WINDOW = 0x4000000000
PAYLOAD_GUID = bytes.fromhex("dea8b1c30f5b624f9a0c7d2c1fe0a64b")


def multiboot2():
    def tag(kind, payload):
        data = struct.pack("<II", kind, 8 + len(payload)) + payload
        return data + b"\0" * (-len(data) % 8)

    def memory(*entries):
        return tag(6, struct.pack("<II", 24, 0) + b"".join(struct.pack("<QQII", b, n, t, 0) for b, n, t in entries))

    def whole(*tags):
        body = b"".join(tags) + tag(0, b"")
        return struct.pack("<II", 8 + len(body), 0) + body

    ram = memory((0, 0x9fc00, 1), (0x9fc00, 0x400, 2), (0x100000, 0x7fee0000, 1), (0x7ffe0000, 0x10000, 3), (0xfffc0000, 0x40000, 2))
    modules = [tag(3, struct.pack("<II", 0x200000 * i, 0x200000 * i + 0x1000) + text)
               for i, text in enumerate((b"config\0", b"firmware\0", b"kernel\0"), 1)]
    yield whole(tag(1, b"loglevel=debug\0"), tag(2, b"GRUB 2.06\0"), *modules, ram, tag(14, b"RSD PTR " + b"\0" * 12))
    yield whole(memory((0, 1 << 30, 1), (0x1000, 0x2000, 2), (0x1800, 0x800, 5), (2 << 30, (1 << 64) - (2 << 30), 2)), tag(12, b"\0" * 8),
                tag(15, b"RSD PTR " + b"\0" * 28))
    yield whole(memory(((1 << 64) - 1, (1 << 64) - 1, 2)))


def acpi():
    def table(signature, body):
        return signature + struct.pack("<I", 36 + len(body)) + b"\1\0" + b"CELLA CELLATBL" + struct.pack("<III", 1, 2, 3) + body

    lapics = b"".join(struct.pack("<BBBBI", 0, 8, i, i, 1) for i in range(4))
    yield table(b"APIC", struct.pack("<II", 0xfee00000, 1) + lapics + struct.pack("<BBHIII", 9, 16, 0, 300, 1, 4) +
                struct.pack("<BBBBII", 1, 12, 0, 0, 0xfec00000, 0) + struct.pack("<BBBBIH", 2, 10, 0, 0, 2, 0))
    yield table(b"SRAT", b"\0" * 12 + struct.pack("<BBBBIBBBBI", 0, 16, 1, 2, 1, 0, 0, 0, 0, 0) +
                struct.pack("<BBIHQQIIQ", 1, 40, 1, 0, 1 << 32, 1 << 30, 0, 3, 0) + struct.pack("<BBHIIIII", 2, 24, 0, 1, 1, 1, 0, 0))
    yield table(b"FACP", bytes(range(1, 1 + 276 - 36)))
    yield table(b"MCFG", b"\0" * 8 + struct.pack("<QHBBI", 0xb0000000, 0, 0, 255, 0))
    yield table(b"SPCR", struct.pack("<I", 0) + struct.pack("<BBBBQ", 1, 8, 0, 1, 0x2f8) + b"\0" * 28)
    yield table(b"DMAR", b"\x2e\x03" + b"\0" * 10)
    yield table(b"DSDT", b"\x10\x05\x5f\x53\x42\x5f\x08\x5f\x53\x35\x5f\x12\x06\x04\x0a\x05\x0a\x05\x00\x00" + b"\0" * 8)
    yield table(b"DSDT", b"\x08\\_S5_\x12\x08\x04\x01\x00\x00\x00" + b"\0" * 8)


def config():
    source = "boot/config.dts"
    yield subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", source], capture_output=True, check=True).stdout
    with open(source, encoding="utf-8") as text:
        more = text.read().replace('cella,on-exit = "stop";', 'domain-uuid = "01234567-89ab-cdef-0123-456789abcdef"; '
                                   "cella,td-attributes = /bits/ 64 <0x10000000>; cella,mr-owner = [" + "5a " * 48 + '];').replace(
                                   "memory = <524288>", "memory = <0 131072>")
    yield subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=more.encode(), capture_output=True, check=True).stdout


def tdvf(shim):
    with open(shim, "rb") as image:
        end = image.read()[-0x10000:]
    start = max(0, end.find(b"TDVF") - 16)
    yield end[start:]
    yield end


def handoff():
    def block(kind, payload):
        return struct.pack("<HHI", kind, 8 + len(payload), 0) + payload

    def ram(kind, start, end):
        return block(3, b"\0" * 16 + struct.pack("<IIQQ", kind, 7, start, end - start))

    def whole(low_end, *more):
        return (block(1, b"\0" * 48) + ram(7, 0, TEMP[0]) + ram(0, *TEMP) + ram(7, TEMP[1], HOB[0]) + ram(0, *HOB) +
                ram(7, HOB[1], low_end) + b"".join(more) + block(0xffff, b""))

    payload = block(4, PAYLOAD_GUID + struct.pack("<IIQQQQQQ", 1, 1, WINDOW, 0x900000, WINDOW + 0x1000000, 0x100000, WINDOW + 0x2000000, 40))
    yield whole(0x20000000, payload)
    yield whole(0x80000000, ram(7, 1 << 32, 6 << 30), block(4, b"\x77" * 16 + b"\0" * 8), payload)


def virtqueue():
    def descriptor(address, length, flags, following):
        return struct.pack("<QIHH", address, length, flags, following)

    table = (descriptor(0x600, 16, 1, 1) + descriptor(0x700, 300, 1, 2) + descriptor(0x900, 64, 2, 0) + descriptor(0x600, 1, 0, 0) +
             descriptor(0x20000, 0x10000, 2, 0) + descriptor(0x600, 1, 1, 5) + b"\0" * 32)
    for event_index, heads in ((0, (0, 3, 4)), (1, (3, 3, 3, 0, 4)), (1, (4, 0, 5)), (0, ())):
        available = struct.pack("<HH", 0, len(heads)) + b"".join(struct.pack("<H", head) for head in heads)
        header = struct.pack("<BBHHHI", 3, event_index, 0, 0x200 // 4, 0x400 // 4, 0)
        yield header + table + b"\0" * (0x200 - len(table)) + available + b"\0" * (0x800 - 0x200 - len(available))


def virtio():
    def step(kind, width, offset, value):
        return struct.pack("<BBHI", kind, width, offset, value)

    def common(width, offset, value):
        return step(2, width, offset, value)

    def queue(number):
        base = 0x1000 + 0x3000 * number
        return (common(1, 22, number) + common(1, 24, 8) + common(2, 32, base) + common(2, 40, base + 0x1000) +
                common(2, 48, base + 0x2000) + common(1, 26, number + 1) + common(1, 28, 1))

    begin = (common(0, 20, 0) + common(0, 20, 1) + common(0, 20, 3) + common(2, 8, 1) + common(2, 12, 3) + common(0, 20, 11) +
             queue(0) + queue(1) + common(0, 20, 15))
    work = step(8, 0, 1, 0x200000) + step(7, 0, 0, 0x41) + step(8, 1, 0, 0x100000) + step(7, 0, 0, 0x42) + step(0, 1, 0x1004, 1)
    table = step(3, 1, 0x86, 0xc000) + step(0, 2, 0x4008, 0x41) + step(0, 2, 0x400c, 0) + step(3, 1, 0x86, 0x8000)
    yield begin + table + work
    yield table + work + work + b"\0"
    yield work + step(6, 0, 0x1000, 0xffffffff) + step(0, 1, 0x1000, 0) + b"\0\0"
    yield step(3, 2, 0x10, 0xffffffff) + step(3, 2, 0x10, 0xd0000000) + step(5, 4, 0xcf8, 0x80001004) + step(5, 4, 0xcfc, 6) + work


def tdmr():
    for kinds in (0x00, 0x02, 0x10, 0x4b, 0x80):
        yield bytes([kinds, 0xff, 0xbf, 32, 3] + [0x61, 0x82] * 4 + [0x21, 0x82, 0, 0xa3, 0x91, 1] * 12)
    yield bytes(range(256))


def main():
    top = sys.argv[1]
    for name, inputs in (("multiboot2", multiboot2()), ("acpi", acpi()), ("config", config()), ("tdvf", tdvf(sys.argv[2])),
                         ("handoff", handoff()), ("virtqueue", virtqueue()), ("virtio", virtio()), ("tdmr", tdmr())):
        folder = os.path.join(top, name)
        os.makedirs(folder, exist_ok=True)
        for number, data in enumerate(inputs):
            with open(os.path.join(folder, "seed%d" % number), "wb") as seed:
                seed.write(data)


if __name__ == "__main__":
    main()
