#!/bin/sh
# Compiles the workloads to WebAssembly: one module each, beside this script. Twice the same sources give the same
# bytes, wherever they lie: nothing of this machine's paths gets in. `build.sh NAME...` compiles only these. (Those in C
# and Go are compiled as their pages in docs/workloads say.)
#
# With an ordinary toolchain: `rustup target add wasm32-wasip1`. Where only Debian's registry is at hand:
# `apt-get install rustc-web cargo-web rust-web-src lld-22 wasi-libc`, which `cargo xtask build --workloads` does.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/target}
home=${CARGO_HOME:-$HOME/.cargo}
[ $# -gt 0 ] || set -- word-stats picture monte-carlo tour sensors images search-index csv-to-parquet digits

if [ -d "$(rustc --print sysroot)/lib/rustlib/wasm32-wasip1" ]; then
    rustc=rustc
    cargo=cargo
    std=
    flags=
    start=
elif [ -x /usr/bin/wasm-ld-22 ] && [ -f /usr/lib/wasm32-wasi/crt1-command.o ] && [ -x /usr/bin/rustc ]; then
    rustc=/usr/bin/rustc
    cargo=/usr/bin/cargo
    # Debian has the sources of std and a C library for the target, but no compiled std.
    std=-Zbuild-std=std,panic_abort
    flags="-C link-self-contained=no -L /usr/lib/wasm32-wasi"
    # what calls `main`: for the program alone, because a library that is also made for C (`rten`) has none
    start="-C link-arg=/usr/lib/wasm32-wasi/crt1-command.o"
    export RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_WASIP1_LINKER=/usr/bin/wasm-ld-22
else
    echo "No compiler for wasm32-wasip1 here: run \`rustup target add wasm32-wasip1\`, or on Debian \`apt-get install rustc-web cargo-web rust-web-src lld-22 wasi-libc\`" >&2
    exit 1
fi

# A crate of `csv-to-parquet` takes a random number while it compiles, unless it is told one.
export CONST_RANDOM_SEED=workloads

# Fetched first: the folders of the sources must be there to be renamed.
for name; do
    (cd "$here/$name" && RUSTC=$rustc $cargo fetch --locked)
done
remap="--remap-path-prefix=$here=/workloads"
for registry in "$home"/registry/src/*; do
    remap="$remap --remap-path-prefix=$registry=/registry"
done
sysroot=$($rustc --print sysroot)
remap="$remap --remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rust --remap-path-prefix=/usr/src=/rust"

for name; do
    case $name in
    digits) features="-C target-feature=+simd128" ;; # a network multiplies four numbers at a time
    *) features= ;;
    esac
    (cd "$here/$name" && RUSTC=$rustc CARGO_TARGET_DIR=$target RUSTFLAGS="$flags $features $remap" \
        $cargo rustc $std --release --locked --target wasm32-wasip1 --bin "$name" -- $start)
    install -m 644 "$target/wasm32-wasip1/release/$name.wasm" "$here/$name.wasm"
    # A test compares: whoever changes sources compiles the module anew.
    (cd "$here/$name" && find Cargo.toml Cargo.lock src -type f | LC_ALL=C sort | xargs sha256sum >sources.sha256)
    echo "$name.wasm: $(wc -c <"$here/$name.wasm") bytes, sha256 $(sha256sum "$here/$name.wasm" | cut -d' ' -f1)"
done
