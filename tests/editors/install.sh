#!/usr/bin/env bash
# Installs both real editors, and the extension's tools, under DIR: `install.sh DIR`. What is there already stays.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:?usage: install.sh DIR}"
dir=$(cd "$1" && pwd)
bash "$here/install-neovim.sh" "$dir/neovim"
bash "$here/install-vscode.sh" "$dir/vscode"
command -v tmux > /dev/null || {
  [ "$(id -u)" = 0 ] || { echo "tmux is missing, and only root can install it" >&2; exit 1; }
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends tmux > /dev/null
}
cd "$here/../../editors/vscode"
[ -x node_modules/.bin/vsce ] || PATH=$dir/vscode/bin:$PATH npm ci
