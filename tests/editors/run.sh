#!/usr/bin/env bash
# The plugins in the real editors, with the real server and its embedded model:
#
#   QUICKSILVER_BIN=target/release/quicksilver tests/editors/run.sh CACHE ARTIFACTS [neovim|vscode|D3|K2]
#
# CACHE holds the editors, and gets them if it lacks them. Screens, screenshots and logs are left in ARTIFACTS.
# D3 and K2 are items of the reliability report, in both editors; QUICKSILVER_TIER=nightly makes their long run.
# Ends with one line, "N passed, M failed", and with exit code 1 if M is not 0.
set -euo pipefail
: "${QUICKSILVER_BIN:?names the quicksilver executable}"
here=$(cd "$(dirname "$0")" && pwd)
project_root=$(cd "$here/../.." && pwd)
mkdir -p "${1:?usage: run.sh CACHE ARTIFACTS}" "${2:?usage: run.sh CACHE ARTIFACTS}"
cache=$(cd "$1" && pwd)
artifacts=$(cd "$2" && pwd)
only=${3:-}
QUICKSILVER_BIN=$(cd "$(dirname "$QUICKSILVER_BIN")" && pwd)/$(basename "$QUICKSILVER_BIN")
export QUICKSILVER_BIN PLUGIN=$project_root/editors/neovim
bash "$here/install.sh" "$cache"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export QUICKSILVER_TAP=$work/vscode/tap
export XDG_CONFIG_HOME=$work/config XDG_DATA_HOME=$work/data XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache
# With a runtime folder of its own the server starts an engine of its own, rather than join one that runs here.
export HOME=$work/home XDG_RUNTIME_DIR=$work/runtime
mkdir -p -m 700 "$XDG_RUNTIME_DIR"
mkdir -p "$HOME" "$XDG_CONFIG_HOME" "$XDG_DATA_HOME" "$XDG_STATE_HOME" "$XDG_CACHE_HOME"
passed=0 failed=0

# A fresh copy of the shipped sample project, with a secret in it.
sample() {
  rm -rf "$work/sample"
  cp -r "$project_root/examples" "$work/sample"
  echo 'API_KEY=do-not-look' > "$work/sample/.env"
  git -C "$work/sample" init -q
  echo "$work/sample"
}

# Runs a command that prints "N passed, M failed" last, and adds that up; its output goes to a file of its own too.
count() { # NAME COMMAND...
  local name=$1 counts
  shift
  echo "-- $name"
  "$@" > "$artifacts/$name.log" 2> "$artifacts/$name.err" < /dev/null || true
  grep -E '^(ok|FAIL|    |reliability|[0-9]+ passed)' "$artifacts/$name.log" || true
  counts=$(grep -Eo '[0-9]+ passed, [0-9]+ failed' "$artifacts/$name.log" | tail -1)
  [ -n "$counts" ] || { tail -20 "$artifacts/$name.log" "$artifacts/$name.err"; counts="0 passed, 1 failed"; }
  read -r p _ f _ <<< "$counts"
  passed=$((passed + p)) failed=$((failed + f))
}

# Runs a command that passes or fails as one.
check() { # NAME COMMAND...
  local name=$1
  shift
  if "$@" > "$artifacts/$name.log" 2>&1 < /dev/null; then
    echo "ok    $name"
    passed=$((passed + 1))
  else
    echo "FAIL  $name"
    tail -20 "$artifacts/$name.log"
    failed=$((failed + 1))
  fi
}

neovim() {
  local nvim=$cache/neovim/bin/nvim run="luafile $here/neovim/runner.lua"
  count neovim-pure env -u QUICKSILVER_BIN SPECS="$here/neovim/spec/pure.lua" \
    timeout 60 "$nvim" --headless -u "$here/neovim/init.lua" -c "$run"
  count neovim-frames env -u QUICKSILVER_BIN SPECS="$here/neovim/spec/frames.lua" \
    timeout 60 "$nvim" --headless -u "$here/neovim/init.lua" -c "$run"
  count neovim-definitions env -u QUICKSILVER_BIN SPECS="$here/neovim/spec/definitions.lua" \
    timeout 60 "$nvim" --headless -u "$here/neovim/init.lua" -c "$run"
  count neovim-install env -u QUICKSILVER_BIN SPECS="$here/neovim/spec/install.lua" \
    timeout 100 "$nvim" --headless -u "$here/neovim/init.lua" -c "$run"
  count neovim-fill env -u QUICKSILVER_BIN -u PROJECT SPECS="$here/neovim/spec/fill.lua" \
    timeout 60 "$nvim" --headless -u "$here/neovim/init.lua" -c "$run"
  PROJECT=$(sample)
  export PROJECT
  count neovim-fill-real env SPECS="$here/neovim/spec/fill.lua" \
    timeout 100 "$nvim" --headless -u "$here/neovim/init.lua" -c "$run"
  PROJECT=$(sample)
  count neovim-ghost env SPECS="$here/neovim/spec/ghost.lua" \
    timeout 200 "$nvim" --headless -u "$here/neovim/init.lua" -c "$run"
  neovim_reliability daily
  neovim_reliability kills
  check neovim-screen timeout 60 bash "$here/neovim/screen.sh" "$nvim" "$(sample)" "$artifacts"
  cp "$XDG_STATE_HOME/nvim/lsp.log" "$artifacts/neovim-lsp.log" 2> /dev/null || true
}

neovim_reliability() { # daily|kills
  local nvim=$cache/neovim/bin/nvim run="luafile $here/neovim/runner.lua"
  PROJECT=$(sample)
  export PROJECT
  count "neovim-$1" env SPECS="$here/neovim/spec/$1.lua" \
    timeout 900 "$nvim" --headless -u "$here/neovim/init.lua" -c "$run"
}

vscode() {
  export PATH=$cache/vscode/bin:$PATH
  cd "$project_root/editors/vscode"
  check vscode-types npm run check
  check vscode-unit npm test
  # The executable travels in the package, as a user gets it.
  check vscode-package bash package.sh
  count vscode-ghost env NODE_PATH="$cache/vscode/tools/node_modules" timeout 1500 \
    node "$here/vscode/drive.cjs" "$cache/vscode" "$PWD/quicksilver.vsix" "$(sample)" "$work/vscode" "$artifacts"
  count vscode-untrusted env NODE_PATH="$cache/vscode/tools/node_modules" timeout 200 \
    node "$here/vscode/untrusted.cjs" "$cache/vscode" "$PWD/quicksilver.vsix" "$(sample)" "$work/untrusted" "$artifacts"
  rm -f quicksilver.vsix
}

# An item of the report, of which VS Code's tests are named after it.
reliability() { # D3|K2
  case $1 in
    D3) neovim_reliability daily ;;
    K2) neovim_reliability kills ;;
  esac
  export PATH=$cache/vscode/bin:$PATH
  cd "$project_root/editors/vscode"
  check vscode-package bash package.sh
  count "vscode-$1" env ONLY="$1" NODE_PATH="$cache/vscode/tools/node_modules" timeout 3000 \
    node "$here/vscode/drive.cjs" "$cache/vscode" "$PWD/quicksilver.vsix" "$(sample)" "$work/vscode" "$artifacts"
  rm -f quicksilver.vsix
}

case $only in
  D3 | K2) reliability "$only" ;;
  *)
    [ "$only" = vscode ] || neovim
    [ "$only" = neovim ] || vscode
    ;;
esac
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
