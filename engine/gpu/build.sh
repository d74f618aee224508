#!/usr/bin/env bash
# Builds `quicksilver` with CUDA on a machine that has neither a GPU nor CUDA: one binary for both kinds of machine.
#
#   build.sh [FOLDER]        FOLDER (target/cuda unless given) gets `quicksilver`, stripped, and `quicksilver.xz`
#
# The compiler comes from the Python package index into FOLDER/toolkit (`toolkit.sh`: 105 MB to fetch, 220 MB on disk). Needs Linux
# x86-64, Rust, a C++ compiler, python3 with pip, xz, and the first time about 10 to 20 minutes on two cores, nearly all of it kernels of
# the tensor library; later builds in the same FOLDER compile only what changed.
#
# The binary needs no CUDA library to start: what it calls of them is looked up at the first call (`toolkit.sh`), and where they are not
# there it computes on the CPU. On a machine with a GPU: NVIDIA's driver 580 or later, and libcublas.so.13, libcublasLt.so.13 and
# libcurand.so.10 where the loader, CUDA_HOME or LD_LIBRARY_PATH finds them (the wheels that torch installs have them).
# GPUs: compute capability 8.0 and later. The kernels that we use are PTX for 8.0, which the driver translates once for the GPU it meets. (The
# tensor library's GGML products and fused experts are code for 8.x alone; nothing of ours calls them.)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-$root/target/cuda}
mkdir -p "$out"
out=$(cd "$out" && pwd)
CUDARC_VERSION=$(grep -A1 '^name = "cudarc"' "$root/Cargo.lock" | sed -n 's/version = "\(.*\)"/\1/p')
export CUDARC_VERSION
eval "$(bash "$root/engine/gpu/toolkit.sh" "$out/toolkit")"
cd "$root"
cargo build --release --locked --features cuda -p quicksilver --bin quicksilver --target-dir "$out/build"
strip -o "$out/quicksilver" "$out/build/release/quicksilver"

needed=$(readelf -d "$out/quicksilver" | grep NEEDED)
if grep -Ei 'libcu|nvrtc|nvidia' <<< "$needed"; then
  echo "build.sh: the binary would not start without CUDA; see FOLDER/toolkit/lib, which must hold archives only" >&2
  exit 1
fi
# Wherever it is built, it starts; a GPU that is named and not there is refused with a reason.
"$out/quicksilver" infill examples/shop.rs:20:22 --json --device cpu > /dev/null
xz -T0 -6 -k -f "$out/quicksilver"
ls -l "$out/quicksilver" "$out/quicksilver.xz"
