#!/usr/bin/env bash
# Fuzzes what the language server takes from outside: run.sh [SECONDS-A-TARGET] [TARGET…]. Needs a C++ compiler, and no
# nightly Rust: it instruments with stable flags, as `cargo fuzz --sanitizer none` does. What is found stays in target/fuzz.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-15}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- frame from_proto position edit settings
host=$(rustc -vV | sed -n 's/^host: //p')
out=$PWD/target/fuzz

RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions" \
  cargo build --release --locked --manifest-path tests/fuzz/Cargo.toml --target "$host" --target-dir "$out"

for target in "$@"; do
  mkdir -p "$out/corpus/$target" "$out/found"
  if ! "$out/$host/release/$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$out/found/$target-" -dict=tests/fuzz/words.dict "$out/corpus/$target" > "$out/$target.log" 2>&1; then
    tail -n 30 "$out/$target.log"
    exit 1
  fi
  inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$target.log")
  echo "reliability | J3 | libFuzzer on \`$target\`, $seconds s | $inputs inputs, 0 crashes"
done
