#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Set-up, part 1: installs Debian packages that build and test need, and fetches what Debian ships as source or for another
# suite into third_party/ (ignored by git): every file is named with its SHA-256. The mirror is the machine's own; a second
# run finds everything in place and does no network work.
#
# A private apt configuration keeps other suites away from the machine's own package lists.
set -eu
cd "$(dirname "$0")/../.."
top=$PWD
src=$top/third_party/src
apt=$top/third_party/apt
stamp=$top/third_party/.fetched

packages="gcc g++ libc6-dev binutils patch xz-utils bzip2 cpio python3 grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools
device-tree-compiler qemu-system-x86 ovmf clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14 cppcheck dpkg-dev"

say() { echo "set-up: $*"; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
	missing=
	for package in $packages; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	say "installing Debian packages:$missing"
	as_root apt-get -qq update
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >"$top/third_party/apt.log" 2>&1 || {
		tail -n 5 "$top/third_party/apt.log" >&2
		echo "set-up: apt-get could not install the packages; the full log is third_party/apt.log" >&2
		exit 1
	}
}

have() { [ -f "$src/$1" ] && echo "$2  $src/$1" | sha256sum -c --quiet >/dev/null 2>&1; }

private_apt() {
	[ -z "${APT_CONFIG:-}" ] || return 0
	mkdir -p "$apt/none.d" "$apt/lists/partial" "$apt/cache/archives/partial"
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
	[ -n "$uri" ] || { echo "set-up: apt has no bookworm entry to take the mirror from" >&2; exit 1; }
	say "reading package lists of bookworm, bookworm-backports, trixie and forky"
	for suite in bookworm trixie forky; do echo "deb-src $uri $suite main"; done >"$apt/sources.list"
	for suite in bookworm bookworm-backports trixie; do echo "deb $uri $suite main"; done >>"$apt/sources.list"
	cat >"$apt/apt.conf" <<-END
		Dir::Etc::SourceList "$apt/sources.list";
		Dir::Etc::SourceParts "$apt/none.d";
		Dir::Etc::Preferences "$apt/none";
		Dir::Etc::PreferencesParts "$apt/none.d";
		Dir::State::Lists "$apt/lists";
		Dir::Cache "$apt/cache";
		APT::Sandbox::User "root";
	END
	export APT_CONFIG="$apt/apt.conf"
	apt-get -qq update
}

# source package, tarball, sha256, folder: whichever Debian revision offers exactly these bytes
fetch_source() {
	have "$2" "$3" || {
		private_apt
		say "fetching source $2"
		version=$(apt-cache showsrc --only-source "$1" | awk -v h="$3" '/^Version:/{v=$2} index($0,h){print v; exit}')
		[ -n "$version" ] || { echo "set-up: no suite offers $2 any more" >&2; exit 1; }
		(cd "$src" && apt-get -qq source --tar-only "$1=$version")
		have "$2" "$3" || { echo "set-up: $2 does not have the expected SHA-256" >&2; exit 1; }
	}
	[ -d "$top/third_party/$4" ] || tar -C "$top/third_party" -xf "$src/$2"
}

# binary package, version, file, sha256: downloaded, never installed
fetch_binary() {
	have "$3" "$4" || {
		private_apt
		say "fetching package $3"
		(cd "$src" && apt-get -qq download "$1=$2")
		have "$3" "$4" || { echo "set-up: $3 does not have the expected SHA-256" >&2; exit 1; }
	}
	folder=$top/third_party/$1
	[ -d "$folder" ] || { mkdir -p "$folder.new" && dpkg-deb -x "$src/$3" "$folder.new" && mv "$folder.new" "$folder"; }
}

mkdir -p "$src"
sum=$(sha256sum "$0" | cut -d' ' -f1)
[ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && exit 0
install_packages
fetch_source bochs bochs_3.0+dfsg.orig.tar.xz 78f6c73d4a6472d5130a87ab9dc306d02c7c71ed8e25b3a8ef642e2a7acd282b bochs-3.0
fetch_source device-tree-compiler device-tree-compiler_1.7.2.orig.tar.xz 92d8ca769805ae1f176204230438fe52808f4e1c7944053c9eec0e649b237539 dtc-1.7.2
fetch_source mbedtls mbedtls_3.6.7.orig.tar.bz2 a7e8bcbec0e6f761b4af24f25677626b35f762f68eef79c08677a363212d11f6 mbedtls-3.6.7
fetch_binary vgabios 0.8a+ds-2 vgabios_0.8a+ds-2_all.deb 921cca705c76139df423782979c3e4fe93a246ae3adc143ba17a321decf3544b
fetch_binary bochsbios 3.0+dfsg-1 bochsbios_3.0+dfsg-1_all.deb 13f8f4bdd9bb5c07378b7e39042cb631ebdd41d00b0f1a3091caab17ca946a5b
fetch_binary busybox-static 1:1.35.0-4+deb12u1+b1 busybox-static_1%3a1.35.0-4+deb12u1+b1_amd64.deb 3d3fdbe91d4660c873e14b092c213fe81c1da6362daa236eb25d0171eb108744
fetch_binary linux-image-6.12.95+deb12-cloud-amd64 6.12.95-1~bpo12+1 linux-image-6.12.95+deb12-cloud-amd64_6.12.95-1~bpo12+1_amd64.deb 69c92f43b23821de79576fa4d7c86e2924ae2c1b247a47cc5ed9339e220fbcb7
echo "$sum" >"$stamp"
say "everything is in place"
