#!/usr/bin/env bash
# Puts a Neovim that is new enough (0.12) under DIR, whatever the host's own packages are:
#
#   install-neovim.sh DIR      afterwards: DIR/bin/nvim
#
# Debian's testing suite has it, built against a newer C library. So its packages and everything they need are only
# unpacked, and the binary is told to load its libraries from there; programs that it starts use the host's.
# Nothing of the host is changed, and DIR must stay where it is.
set -euo pipefail

dir=${1:?usage: install-neovim.sh DIR}
minimum=0.12
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

version() { "$dir/bin/nvim" --version 2> /dev/null | sed -n '1s/^NVIM v//p'; }
recent() { [ -n "${1:-}" ] && dpkg --compare-versions "$1" ge "$minimum"; }

if recent "$(version)"; then
  echo "Neovim $(version) is there"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/packages"

# The mirror is the one that the host's own packages come from.
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' | awk -v r="$release" '$2 == r && $3 == "main" { print $1; exit }')
[ -n "$mirror" ] || { echo "no Debian mirror for $release in the apt sources" >&2; exit 1; }

# An apt of our own: its lists, and a record of installed packages that is empty, so that nothing is left out.
: > "$work/status"
printf '%s\n' \
  "Dir::State::Lists \"$work/lists\";" \
  "Dir::State::Status \"$work/status\";" \
  "Dir::Cache \"$work/cache\";" \
  "Dir::Etc::SourceList \"$work/sources.list\";" \
  'Dir::Etc::SourceParts "/dev/null";' \
  'Dir::Etc::Preferences "/dev/null";' \
  'Dir::Etc::PreferencesParts "/dev/null";' \
  'APT::Sandbox::User "root";' \
  'Acquire::Languages "none";' \
  'Acquire::Retries "3";' > "$work/apt.conf"
export APT_CONFIG=$work/apt.conf

for suite in forky sid; do
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" > "$work/sources.list"
  apt-get -qq update || continue
  offered=$(apt-cache show neovim 2> /dev/null | sed -n 's/^Version: //p' | head -1)
  recent "$offered" && break
  offered=
done
[ -n "${offered:-}" ] || { echo "no Neovim $minimum or later in Debian's suites" >&2; exit 1; }

needed=$(apt-get -qq install --no-install-recommends --print-uris neovim patchelf | awk '{ split($2, part, "_"); print part[1] }')
# shellcheck disable=SC2086 # one argument per package
(cd "$work/packages" && apt-get -qq download $needed)
rm -rf "${dir:?}/root" "${dir:?}/bin"
mkdir -p "$dir/root" "$dir/bin"
for package in "$work"/packages/*.deb; do
  dpkg -x "$package" "$dir/root"
done

libraries=$(dirname "$(find "$dir/root/usr/lib" -name libc.so.6 | head -1)")
loader=$(find "$libraries" -maxdepth 1 -name 'ld-linux*.so.*' | head -1)
"$loader" --library-path "$libraries" "$dir/root/usr/bin/patchelf" \
  --set-interpreter "$loader" --force-rpath --set-rpath "$libraries" "$dir/root/usr/bin/nvim"
ln -s ../root/usr/bin/nvim "$dir/bin/nvim"
recent "$(version)" || { echo "the installed Neovim does not run" >&2; exit 1; }
echo "Neovim $(version) installed"
