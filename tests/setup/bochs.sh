#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Set-up, part 2: Bochs 3.0 with tests/bochs/bochs.patch, built once in third_party/bochs-3.0. About two minutes.
set -eu
cd "$(dirname "$0")/../.."
top=$PWD
folder=$top/third_party/bochs-3.0
stamp=$folder/.built
sum=$(cat "$0" tests/bochs/bochs.patch | sha256sum | cut -d' ' -f1)
[ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && exit 0

echo "set-up: building Bochs 3.0 with our patch (about two minutes)"
rm -rf "$folder"
tar -C "$top/third_party" -xf "$top/third_party/src/bochs_3.0+dfsg.orig.tar.xz"
cd "$folder"
patch -s -p1 <"$top/tests/bochs/bochs.patch"
./configure --with-nogui --disable-docbook --enable-smp --enable-cpu-level=6 --enable-x86-64 --enable-vmx=2 \
	--enable-avx --enable-evex --enable-cet --enable-protection-keys --enable-memtype --enable-pci --enable-e1000 \
	--enable-all-optimizations CFLAGS=-O2 CXXFLAGS=-O2 >configure.log 2>&1 ||
	{ tail -n 5 configure.log >&2; echo "set-up: Bochs' configure failed; log: $folder/configure.log" >&2; exit 1; }
make -j"$(nproc)" >make.log 2>&1 ||
	{ tail -n 5 make.log >&2; echo "set-up: building Bochs failed; log: $folder/make.log" >&2; exit 1; }
echo "$sum" >"$stamp"
echo "set-up: Bochs is built"
