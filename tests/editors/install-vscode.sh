#!/usr/bin/env bash
# Puts a real VS Code workbench and what drives it under DIR, all of it from npm, and Debian's Chromium:
#
#   install-vscode.sh DIR      afterwards: DIR/bin/{node,code-server}, DIR/tools/node_modules/playwright-core
#
# code-server is VS Code's own code served to a browser. No package's install script runs: what they would fetch
# or compile is either in another package or not needed here.
set -euo pipefail

dir=${1:?usage: install-vscode.sh DIR}
code_server=4.139.1 # VS Code 1.139.1
node=24.21.0        # what that code-server wants
playwright=1.65.1
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

if ! command -v chromium > /dev/null; then
  [ "$(id -u)" = 0 ] || { echo "Chromium is missing, and only root can install it" >&2; exit 1; }
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core > /dev/null
fi

wanted="code-server $code_server, node $node, playwright $playwright"
if [ "$(cat "$dir/.installed" 2> /dev/null)" = "$wanted" ]; then
  echo "there already: $wanted"
  exit 0
fi
rm -rf "$dir/.installed" "${dir:?}/bin" "$dir/node" "$dir/app" "$dir/tools"
mkdir -p "$dir/bin" "$dir/node" "$dir/app" "$dir/tools"
export npm_config_ignore_scripts=true npm_config_audit=false npm_config_fund=false npm_config_loglevel=error
install() { npm install --no-save --prefix "$@" > /dev/null; }

case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) echo "no Node package for $(uname -m)" >&2; exit 1 ;; esac
install "$dir/node" "node-linux-$arch@$node"
ln -s "$dir/node/node_modules/node-linux-$arch/bin/node" "$dir/bin/node"
export PATH=$dir/bin:$PATH

# code-server's own install script would install the workbench's dependencies; so it is done here.
install "$dir/app" --omit=dev "code-server@$code_server"
home=$dir/app/node_modules/code-server
for folder in "$home/lib/vscode" "$home/lib/vscode/extensions"; do
  (cd "$folder" && npm install --no-save --omit=dev > /dev/null)
done
install "$dir/tools" "playwright-core@$playwright"

printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$dir/bin/node" "$home/out/node/entry.js" > "$dir/bin/code-server"
chmod +x "$dir/bin/code-server"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
HOME=$scratch XDG_CONFIG_HOME=$scratch XDG_DATA_HOME=$scratch "$dir/bin/code-server" --version
echo "$wanted" > "$dir/.installed"
