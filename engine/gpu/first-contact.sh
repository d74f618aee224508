#!/usr/bin/env bash
# First contact with a GPU: one command for a machine with one NVIDIA GPU, no network, little to carry and calls of limited time.
#
#   first-contact.sh --binary quicksilver[.xz] --out FOLDER [--minutes 9] [--shapes qwen2.5-0.5b,dream-7b] [--toy]
#
# Carry there: `engine/gpu/`, `engine/models/fixture/` (3 MB) and the binary of `engine/gpu/build.sh` (58 MB, as .xz about 20 MB). Weights are
# random and made on the GPU. Python with torch is used where it is (peers, and the folder of cuBLAS); without it the rest runs.
#
# In pieces, each a file in FOLDER as soon as it is measured, `report.md` and `report.json` after each:
#   device.txt     what machine this is, each call anew
#   parity-TYPE    the fixtures' logits against PyTorch's recorded ones, in f32 and bf16, with their bounds
#   ours-SHAPE-WAY ms per denoise step and committed tokens/s, whole canvas and cached span: prefix 1024, suffix 512, spans 8 to 128
#   peer-SHAPE-WHO the same by transformers (eager), and by plain PyTorch eager and compiled (a piece for each span) with static
#                  keys and values
# A call ends after --minutes; the next one goes on with what is missing. What failed is in the report and is tried again.
# `--toy` does all of it at a toy size on the CPU, in a minute.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
binary='' out='' minutes=9 shapes=qwen2.5-0.5b,dream-7b toy=''
while [ $# -gt 0 ]; do
  case $1 in
    --binary | --out | --minutes | --shapes) declare "${1#--}=${2:?$1 needs a value}"; shift 2 ;;
    --toy) toy=yes; shift ;;
    *) sed -n '2,/^set/{/^#/p}' "$0" >&2; exit 2 ;;
  esac
done
[ -n "$binary" ] && [ -n "$out" ] || { sed -n '2,/^set/{/^#/p}' "$0" >&2; exit 2; }
mkdir -p "$out"
out=$(cd "$out" && pwd)
until=$((SECONDS + $(awk "BEGIN { print int(60 * $minutes) }")))
device=cuda:0 floats='f32 bf16' spans=32,8,128,16,64 size=(--prefix 1024 --suffix 512 --seconds 2)
if [ -n "$toy" ]; then
  device=cpu floats=f32 shapes=toy spans=4,8 size=(--prefix 32 --suffix 16 --seconds 0.05)
fi

if [ "${binary%.xz}" != "$binary" ]; then
  # There may be no xz on that machine.
  unpacked=${TMPDIR:-/tmp}/quicksilver-first-contact
  "$python" -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2], "wb"))' "$binary" "$unpacked"
  chmod +x "$unpacked"
  binary=$unpacked
fi
# cuBLAS and cuRAND as torch brings them.
found=$("$python" - << 'P' 2> /dev/null || true
import glob, os, site, sys
folders = [*site.getsitepackages(), site.getusersitepackages(), *sys.path]
print(":".join(dict.fromkeys(d for f in folders for d in sorted(glob.glob(os.path.join(f, "nvidia", "*", "lib"))))))
P
)
[ -z "$found" ] || export LD_LIBRARY_PATH="$found${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

report() { [ -z "$(command -v "$python")" ] || "$python" "$here/report.py" "$out" || true; }

# NAME COMMAND…: its output is FOLDER/NAME.jsonl once it is whole, NAME.part before.
piece() {
  local name=$1 left=$((until - SECONDS)) code=0
  shift
  [ ! -e "$out/$name.jsonl" ] || return 0
  if [ $left -lt 5 ]; then
    echo "$name: no time left; call again"
    return 0
  fi
  echo "$name"
  timeout "$left" "$@" > "$out/$name.part" 2> "$out/$name.err" || code=$?
  if [ $code = 0 ]; then
    mv "$out/$name.part" "$out/$name.jsonl"
    rm -f "$out/$name.err"
  else
    echo "$name: failed ($code): $(tail -n 1 "$out/$name.err")"
    failed=yes
  fi
  report
}

# Plain lines; `report.py` takes what is not JSON as text.
facts() {
  uname -srm
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit --format=csv,noheader 2>&1 || echo "no nvidia-smi"
  "$python" -c 'import torch; print("torch", torch.__version__, "CUDA", torch.version.cuda)' 2>&1 | tail -n 1 || true
  "$python" -c 'import transformers; print("transformers", transformers.__version__)' 2>&1 | tail -n 1 || true
  timeout 60 "$binary" doctor || true
}

failed=''
# `timeout` starts programs, not functions.
facts > "$out/device.txt" 2>&1
cat "$out/device.txt"
for float in $floats; do
  piece "parity-$float" "$binary" bench --json --device "$device" --float "$float" --parity "$here"/../models/fixture/*/
done
# The ways of one shape one after the other, on one machine, in one call where time allows: only such figures are compared.
for shape in ${shapes//,/ }; do
  for way in cached full; do
    piece "ours-$shape-$way" "$binary" bench --json --device "$device" --shape "$shape" --way "$way" --spans "$spans" "${size[@]}"
  done
  peer=("$python" "$here/peers.py" --device "${device%:*}" --shape "$shape" "${size[@]}")
  for who in transformers eager; do
    piece "peer-$shape-$who" "${peer[@]}" --who "$who" --spans "$spans"
  done
  # Compiling takes minutes for a large network, and each span anew: a piece each, so that none is lost to the end of a call.
  for span in ${spans//,/ }; do
    piece "peer-$shape-compiled-$span" "${peer[@]}" --who compiled --spans "$span"
  done
done
report
[ -z "$failed" ] || exit 1
