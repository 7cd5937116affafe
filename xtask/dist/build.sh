#!/usr/bin/env bash
# Builds `lode` for Linux as one static file that needs nothing of its machine: target/dist/lode-TARGET.
# Usage: build.sh DIST_FOLDER [TARGET...]      (run inside the workspace; both targets without one)
#
# Zig is the C compiler and the linker: it brings musl, so nothing is needed of the target's machine. With an ordinary
# Rust toolchain the target's std is rustup's (`rustup target add TARGET`); where there is only Debian's `rustc-web`,
# std is compiled with it.
set -euo pipefail
umask 022

ZIG_VERSION=0.17.1
[ $# -gt 0 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
T=$1; shift
mkdir -p "$T"; T=$(cd "$T" && pwd)
[ $# -gt 0 ] || set -- x86_64-unknown-linux-musl aarch64-unknown-linux-musl
ROOT=$(cargo locate-project --workspace --message-format plain); ROOT=${ROOT%/Cargo.toml}
TARGET_DIR=$ROOT/target/dist-build

# ---------------------------------------------------------------- Zig
if command -v zig >/dev/null && [ "$(zig version)" = $ZIG_VERSION ]; then
  ZIG=$(command -v zig)
else
  ZIG=$T/zig-$ZIG_VERSION/ziglang/zig
  if [ ! -x "$ZIG" ]; then
    echo "zig $ZIG_VERSION from the Python registry (100 MB, once)"
    rm -rf "$T/zig-new"
    python3 -m pip --quiet --disable-pip-version-check install --no-deps --root-user-action ignore \
      --target "$T/zig-new" "ziglang==$ZIG_VERSION"
    mv "$T/zig-new" "$T/zig-$ZIG_VERSION"
  fi
fi
export ZIG

# ---------------------------------------------------------------- each target
for target; do
  case $target in
    x86_64-unknown-linux-musl) zig_target=x86_64-linux-musl ;;
    aarch64-unknown-linux-musl) zig_target=aarch64-linux-musl ;;
    *) echo "$target: no target of this script, which knows x86_64-unknown-linux-musl and aarch64-unknown-linux-musl" >&2; exit 2 ;;
  esac
  if [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
    rustc=rustc cargo=cargo std=()
    sysroot=$(rustc --print sysroot)
  elif [ -x /usr/bin/rustc ] && [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library" ]; then
    rustc=/usr/bin/rustc cargo=/usr/bin/cargo std=(-Zbuild-std=std,panic_unwind)
    sysroot=$(/usr/bin/rustc --print sysroot)
    export RUSTC_BOOTSTRAP=1
    unset RUSTUP_TOOLCHAIN
  else
    echo "no std for $target: run \`rustup target add $target\`, or on Debian \`apt-get install rustc-web cargo-web rust-web-src\`" >&2
    exit 1
  fi

  tools=$T/tools-$target
  mkdir -p "$tools"
  for tool in cc c++; do
    cat > "$tools/$tool" <<TOOL
#!/bin/sh
# Zig has names of its own for targets, and a start-up code and a libgcc of its own.
for argument; do
  shift
  case \$argument in
    --target=* | -lgcc_eh | -lgcc | -lgcc_s) ;;
    *) set -- "\$@" "\$argument" ;;
  esac
done
exec "$ZIG" $tool -target $zig_target "\$@"
TOOL
  done
  printf '#!/bin/sh\nexec "%s" ar "$@"\n' "$ZIG" > "$tools/ar"
  chmod +x "$tools"/*

  under=${target//-/_} upper=$(printf %s "${target//-/_}" | tr a-z A-Z)
  # Nothing of this machine's paths gets in.
  flags="-C link-self-contained=no -C target-feature=+crt-static --remap-path-prefix=$ROOT=/lode"
  flags+=" --remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rust --remap-path-prefix=/usr/src=/rust"
  for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
    flags+=" --remap-path-prefix=$registry=/registry"
  done
  env "CC_$under=$tools/cc" "CXX_$under=$tools/c++" "AR_$under=$tools/ar" "CARGO_TARGET_${upper}_LINKER=$tools/cc" \
    RUSTC=$rustc RUSTFLAGS="$flags" \
    $cargo build ${std[@]+"${std[@]}"} --profile dist --locked --ignore-rust-version --target "$target" --target-dir "$TARGET_DIR" \
      --package lode-cli --bin lode --no-default-features
  mkdir -p "$ROOT/target/dist"
  install -m 755 "$TARGET_DIR/$target/dist/lode" "$ROOT/target/dist/lode-$target"
  echo "target/dist/lode-$target: $(stat -c %s "$ROOT/target/dist/lode-$target") bytes"
done
