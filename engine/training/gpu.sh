#!/usr/bin/env bash
# Trains on a machine with one GPU, no network, little to carry and limited time.
#
#   gpu.sh [--config s] [--minutes 22] [--wait 8] [--work work] [--bundle work/bundle.tar] [--out $OUT] [finish]
#
# The first call unpacks the bundle and starts the trainer apart from this shell, with a time limit. Every call waits up to
# `--wait` minutes for it and then copies what is to be kept into `--out`: log.jsonl, the weights as they are in pieces
# (model-0000N-of-….safetensors), and rest.tar (config, index, reference, what the trainer printed). A trainer that died is
# started again from its last checkpoint. `finish` stops one that still runs after the wait, and adds evaluation.json.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
config=s minutes=22 wait=8 work=$here/work bundle='' out=${OUT:-} finish=''
while [ $# -gt 0 ]; do
  case $1 in
    --config | --minutes | --wait | --work | --bundle | --out) declare "${1#--}=$2"; shift 2 ;;
    finish) finish=yes; shift ;;
    *) sed -n '2,/^set/{/^#/p}' "$0" >&2; exit 2 ;;
  esac
done
mkdir -p "$work" "${out:=$work/kept}"
work=$(cd "$work" && pwd) out=$(cd "$out" && pwd) bundle=${bundle:-$work/bundle.tar}
run=$work/$config settings=$here/configs/$config.json
export PYTHONPATH=$here TOKENIZERS_PARALLELISM=false
mkdir -p "$run"

use() { "$python" -m "quicksilver_training.$1" "${@:2}" --work "$work"; }

if [ ! -e "$work/corpus.jsonl" ] || [ ! -e "$work/tokenizer.json" ]; then
  use bundle --unpack "$bundle"
fi

running() { [ -e "$run/pid" ] && [ ! -e "$run/ended" ] && kill -0 "$(cat "$run/pid")" 2> /dev/null; }

start() {
  local start=()
  [ -e "$work/start" ] && start=(--start "$work/start")
  rm -f "$run/ended"
  # A limit for a trainer that hangs; one that does not ends by itself. Only the trainer hears of it, its workers do not.
  # shellcheck disable=SC2016
  setsid bash -c '
    timeout --foreground --kill-after=60 "$1" "${@:3}" >> "$2/trainer.txt" 2>&1 &
    echo $! > "$2/pid"; code=0; wait $! || code=$?; echo $code > "$2/ended"
  ' - "$(awk "BEGIN { print int(60 * $minutes + 120) }")" "$run" \
    "$python" -m quicksilver_training.train --config "$settings" --tokenizer "$work/tokenizer.json" --minutes "$minutes" \
    --work "$work" "${start[@]}" < /dev/null > /dev/null 2>&1 &
  sleep 1
}

await() {
  local until=$((SECONDS + $1))
  while [ ! -e "$run/ended" ] && [ $SECONDS -lt $until ]; do sleep 1; done
}

if [ ! -e "$run/ended" ] && ! running; then start; fi
await "$(awk "BEGIN { print int(60 * $wait) }")"
if [ -n "$finish" ] && running; then
  kill "$(cat "$run/pid")"
  await 120
fi
[ -e "$run/log.jsonl" ] && tail -n 2 "$run/log.jsonl"
failed=''
case $(cat "$run/ended" 2> /dev/null || echo 0) in
  0 | 124) ;;  # it came to its end, or to its time limit
  *)
    failed=yes
    tail -n 30 "$run/trainer.txt" >&2
    rm "$run/ended"  # so that the next call tries again
    ;;
esac

if [ -e "$run/checkpoint.pt" ]; then
  CUDA_VISIBLE_DEVICES='' use export --config "$settings" --out "$run/export" --shard-mib 15
  rm -f "$out"/model-*.safetensors
  cp "$run"/export/model-*.safetensors "$run/log.jsonl" "$out"
  cp "$run/trainer.txt" "$run/export"
  tar -C "$run/export" -cf "$out/rest.tar" config.json reference.json model.safetensors.index.json trainer.txt
  if [ -n "$finish" ]; then
    # Last, so that the weights are there even if the time ends here.
    # shellcheck disable=SC2086
    use evaluate --config "$settings" --tokenizer "$work/tokenizer.json" ${EVALUATE:---holes 300} --out "$run/evaluation.json"
    cp "$run/evaluation.json" "$out"
  fi
fi
if [ -e "$run/ended" ]; then echo "the trainer has ended"; else echo "the trainer goes on"; fi
[ -z "$failed" ]
