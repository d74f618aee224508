#!/usr/bin/env bash
# Makes quicksilver.vsix for one platform, with the executable for it:
#
#   package.sh [TARGET]      TARGET: linux-x64, darwin-arm64 and so on, as vsce has them; this machine's unless given
#
# The executable is the one that QUICKSILVER_BIN names, else that of the project's release build.
set -euo pipefail
cd "$(dirname "$0")"
binary=${QUICKSILVER_BIN:-../../target/release/quicksilver}
[ -x "$binary" ] || { echo "no executable $binary: cargo build --release first, or name one in QUICKSILVER_BIN" >&2; exit 1; }
own=$(node -p 'process.platform + "-" + process.arch')
target=${1:-$own}
# Debug information is most of the file, and nobody who installs it can use it.
slim() { [ "$target" != "$own" ] || ! command -v strip > /dev/null || strip -S "$1"; }
[ -x node_modules/.bin/vsce ] || npm ci
rm -rf server
trap 'rm -rf server' EXIT
mkdir server
name=quicksilver$(case $target in win32-*) echo .exe ;; esac)
cp "$binary" "server/$name"
slim "server/$name"
npx vsce package --no-dependencies --no-rewrite-relative-links --target "$target" --out quicksilver.vsix
# The executable's name stands uncompressed in the archive's list; a package without it would install, and then not run.
grep -q "extension/server/$name" quicksilver.vsix || { echo "the package lacks its executable" >&2; exit 1; }
