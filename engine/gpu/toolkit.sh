#!/usr/bin/env bash
# Installs the CUDA 13.0 compiler from Python wheels into a folder, so that crates built on
# candle-core {cuda}, cudarc and candle-kernels compile on a machine with no GPU and no CUDA.
#
#   usage: toolkit.sh DIR              what build.sh calls
#          eval "$(toolkit.sh DIR)"    install, then set the variables in this shell
#
# Needs Linux x86-64, python3 with pip, cargo, git, g++, ar. Safe to run again: done steps are skipped.
#
# CUDA's libraries are not installed. lib/ holds a static libcudart and, for the others, small
# archives whose functions load the real library at their first call (or return an error code
# where it is absent). A program linked so needs no CUDA library to start.
set -euo pipefail

dir=${1:?toolkit.sh DIR}
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "only Linux x86-64 is supported" >&2; exit 1; }

CUDARC=${CUDARC_VERSION:-0.19.10}      # whose function names the archives carry
CAP=${CUDA_COMPUTE_CAP:-80}            # PTX for compute capability 8.0: every later GPU's driver translates it
WHEELS="nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88
        nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85"

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
tmp=$dir/.tmp
rm -rf "$tmp"; mkdir "$tmp"
trap 'rm -rf "$tmp"' EXIT
say() { echo "toolkit: $*" >&2; }
wheels() { python3 -m pip install -q --no-deps --no-compile --no-cache-dir --disable-pip-version-check \
             --only-binary=:all: --root-user-action=ignore --target "$1" "${@:2}" >&2; }

# 1. nvcc, cicc, ptxas, headers, cudart
stamp=$(echo $WHEELS)
if [ "$(cat "$dir/.wheels" 2>/dev/null)" != "$stamp" ]; then
  say "installing $stamp"
  wheels "$tmp/site" $WHEELS
  for d in bin include lib nvvm; do rm -rf "${dir:?}/$d"; mv "$tmp/site/nvidia/cu13/$d" "$dir/$d"; done
  chmod -R u+x "$dir/bin" "$dir/nvvm/bin"
  rm -f "$dir"/lib/libnvvm.so* "$dir"/lib/libcudart.so*    # not needed to compile
  ln -sfn lib "$dir/lib64"
  ln -sf libcudart_static.a "$dir/lib/libcudart.a"         # -lcudart links statically
  rm -f "$dir/.lazy"
  echo "$stamp" >"$dir/.wheels"
fi

# 2. the archives that load cuda, cublas, cublasLt, curand and nvrtc at the first call
if [ "$(cat "$dir/.lazy" 2>/dev/null)" != "$CUDARC" ]; then
  say "writing the load-on-first-call archives for cudarc $CUDARC"
  mkdir -p "$tmp/c/src"; : >"$tmp/c/src/lib.rs"
  printf '[package]\nname = "c"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[dependencies]\ncudarc = { version = "=%s", default-features = false, features = ["std", "driver"] }\n' \
    "$CUDARC" >"$tmp/c/Cargo.toml"
  src=$(cargo metadata -q --format-version 1 --manifest-path "$tmp/c/Cargo.toml" |
    python3 -c 'import json,os,sys
print(next(os.path.dirname(p["manifest_path"]) for p in json.load(sys.stdin)["packages"] if p["name"]=="cudarc"))')/src
  cat >"$tmp/lazy.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define S_(x) #x
#define S(x) S_(x)
#define C_(a, b) a##b
#define C(a, b) C_(a, b)
#define TAB C(lazy_tab_, LIB)
#define FIND C(lazy_find_, LIB)
#define F(i, n) #n,
static const char *const names[] = {
#include "names.h"
};
#undef F
#define HIDDEN __attribute__((visibility("hidden"), used))
HIDDEN void *TAB[sizeof names / sizeof *names];

static const char *text(void) { return "CUDA library not found"; }
static long fail(void) { return ERR; }
static void *try_dir(const char *d, const char *sub, const char *so) {
  char p[4096];
  if (!d || !*d || snprintf(p, sizeof p, "%s/%s/%s", d, sub, so) >= (int)sizeof p) return 0;
  return dlopen(p, RTLD_NOW | RTLD_LOCAL);
}
/* Races are harmless: every thread finds the same handle and the same address. */
HIDDEN void *FIND(long i) {
  static void *lib;
  static int tried;
  if (!tried) {
    const char *so = S(SO), *env[] = {"CUDA_HOME", "CUDA_PATH"};
    void *l = dlopen(so, RTLD_NOW | RTLD_LOCAL);
    for (int e = 0; !l && e < 2; e++) {
      l = try_dir(getenv(env[e]), "lib64", so);
      if (!l) l = try_dir(getenv(env[e]), "lib", so);
    }
    if (!l) l = try_dir("/usr/local/cuda", "lib64", so);
    if (!l) l = try_dir("/opt/cuda", "lib64", so);
    lib = l;
    __sync_synchronize();
    tried = 1;
  }
  void *f = lib ? dlsym(lib, names[i]) : 0;
  if (!f) {
    const char *n = names[i];
    f = strstr(n, "StatusString") || strstr(n, "StatusName") || !strcmp(n, "nvrtcGetErrorString")
            ? (void *)text : (void *)fail;
  }
  return TAB[i] = f;
}
/* One entry per function: jump through the table, or find the address first with every
   argument register kept. */
#define F(i, n)                                                         \
  asm(".text\n.p2align 4\n.globl " #n "\n.type " #n ",@function\n" #n   \
      ": endbr64\n movq " S(TAB) "+8*" #i "(%rip), %r11\n"              \
      " testq %r11, %r11\n jz 1f\n jmp *%r11\n"                         \
      "1: pushq $" #i "\n jmp lazy_enter_" S(LIB) "\n.size " #n ", .-" #n "\n");
#include "names.h"
asm(".text\n.p2align 4\nlazy_enter_" S(LIB) ":\n"
    " pushq %rbp\n movq %rsp, %rbp\n pushq %rax\n pushq %rdi\n pushq %rsi\n pushq %rdx\n"
    " pushq %rcx\n pushq %r8\n pushq %r9\n pushq %r10\n subq $136, %rsp\n"
    " movups %xmm0, (%rsp)\n movups %xmm1, 16(%rsp)\n movups %xmm2, 32(%rsp)\n"
    " movups %xmm3, 48(%rsp)\n movups %xmm4, 64(%rsp)\n movups %xmm5, 80(%rsp)\n"
    " movups %xmm6, 96(%rsp)\n movups %xmm7, 112(%rsp)\n"
    " movq 8(%rbp), %rdi\n call " S(FIND) "\n movq %rax, %r11\n"
    " movups (%rsp), %xmm0\n movups 16(%rsp), %xmm1\n movups 32(%rsp), %xmm2\n"
    " movups 48(%rsp), %xmm3\n movups 64(%rsp), %xmm4\n movups 80(%rsp), %xmm5\n"
    " movups 96(%rsp), %xmm6\n movups 112(%rsp), %xmm7\n addq $136, %rsp\n"
    " popq %r10\n popq %r9\n popq %r8\n popq %rcx\n popq %rdx\n popq %rsi\n popq %rdi\n"
    " popq %rax\n popq %rbp\n addq $8, %rsp\n jmp *%r11\n");
C
  # name, cudarc module, library file, code returned where it is absent
  while read -r lib mod so err; do
    grep -oE 'pub unsafe fn (cu|nvrtc)\w+' "$src/$mod/sys/mod.rs" | awk '{print $4}' |
      grep -vx culib | sort -u | awk '{printf "F(%d, %s)\n", NR-1, $1}' >"$tmp/names.h"
    gcc -O2 -fPIC -I"$tmp" -DLIB="$lib" -DSO="$so" -DERR="$err" -c "$tmp/lazy.c" -o "$tmp/lazy_$lib.o"
    rm -f "$dir/lib/lib$lib.a"
    ar rcs "$dir/lib/lib$lib.a" "$tmp/lazy_$lib.o"
  done <<'L'
cuda driver libcuda.so.1 100
cublas cublas libcublas.so.13 1
cublasLt cublaslt libcublasLt.so.13 1
curand curand libcurand.so.10 203
nvrtc nvrtc libnvrtc.so.13 11
L
  echo "$CUDARC" >"$dir/.lazy"
fi

cat >"$dir/env.sh" <<X
export CUDA_HOME='$dir' CUDA_PATH='$dir' CUDA_ROOT='$dir'
export NVCC='$dir/bin/nvcc' PATH='$dir/bin':"\$PATH"
export CUDA_COMPUTE_CAP='$CAP' CUDARC_CUDA_VERSION=13000 CUDAFORGE_HOME='$dir/cudaforge' CUDAFORGE_THREADS='$(nproc)'
export NVCC_APPEND_FLAGS='--compress-mode=size'
X
cat "$dir/env.sh"
