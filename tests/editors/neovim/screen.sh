#!/usr/bin/env bash
# Neovim as a user sees it, in a terminal: `screen.sh NVIM PROJECT ARTIFACTS`. Types the start of a line that stands
# elsewhere in the file, keeps the screen with the ghost text (with colours and as plain text), accepts with Tab,
# and checks the file that is then written. $PLUGIN and $QUICKSILVER_BIN as for init.lua.
set -euo pipefail
nvim=$1 project=$2 artifacts=$3
here=$(cd "$(dirname "$0")" && pwd)
line='let pieces = self.pieces.entry(article.to_owned()).or_insert(0);'
socket=quicksilver-$$
screen() { tmux -L "$socket" capture-pane -p "$@"; }
trap 'tmux -L "$socket" kill-server 2> /dev/null || true' EXIT

# Waits until the screen shows what the regular expression $2 says.
await() {
  for _ in $(seq 100); do
    screen | grep -Eq "$2" && return
    sleep 0.2
  done
  echo "waited for $1; the screen:" >&2
  screen >&2
  return 1
}

# tmux hands its own environment on, not ours.
tmux -L "$socket" -f /dev/null new-session -d -x 100 -y 30 -c "$project" \
  env PLUGIN="$PLUGIN" QUICKSILVER_BIN="$QUICKSILVER_BIN" XDG_CONFIG_HOME="$XDG_CONFIG_HOME" XDG_DATA_HOME="$XDG_DATA_HOME" \
  XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" XDG_STATE_HOME="$XDG_STATE_HOME" XDG_CACHE_HOME="$XDG_CACHE_HOME" "$nvim" -u "$here/init.lua" shop.rs
await "the server" 'shop\.rs +qs( |$)'
tmux -L "$socket" send-keys -l '23G0C            let pieces = '
# The other lines like it are indented by 8.
await "ghost text" '^ {12}let pieces = .*or_insert\(0\);'
screen -e > "$artifacts/neovim-ghost.ansi"
screen > "$artifacts/neovim-ghost.txt"
# Code changes its colour from word to word; ghost text has one colour.
grep -q $'\e\\[[0-9;]*mself\\.pieces\\.entry(article\\.to_owned())\\.or_insert(0);' "$artifacts/neovim-ghost.ansi" || {
  echo "the ghost text has no colour of its own" >&2
  exit 1
}
tmux -L "$socket" send-keys Tab
sleep 0.3
tmux -L "$socket" send-keys Escape
tmux -L "$socket" send-keys -l ':wq'
tmux -L "$socket" send-keys Enter
for _ in $(seq 25); do
  [ "$(sed -n '23s/^ *//p' "$project/shop.rs")" = "$line" ] && exit 0
  sleep 0.2
done
echo "line 23 is: $(sed -n 23p "$project/shop.rs")" >&2
exit 1
