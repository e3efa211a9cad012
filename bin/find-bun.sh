# Sourced by the launchers with `root` set: sets `bun` to the Bun binary of this installation, or ends with a reason.
#
# The npm package "bun" puts its binary in place by an install script, which npm may block; what lies there then is a
# short text. The binary itself is in the platform package (@oven/bun-<os>-<arch>), or was moved from there by the script.

is_binary() {
  [ -f "$1" ] && [ -x "$1" ] || return 1
  { IFS= read -r first_line <"$1"; } 2>/dev/null || true
  case $first_line in "echo "* | "#!"* | "") return 1 ;; esac
}

bun=
for modules in "$root/node_modules" "$root/.."; do
  for candidate in "$modules"/bun/bin/bun.exe "$modules"/@oven/bun-*/bin/bun; do
    if is_binary "$candidate"; then
      bun=$candidate
      break 2
    fi
  done
done
if [ -z "$bun" ]; then
  echo "folio: Bun is not installed beside it (looked in $root/node_modules): run 'npm ci' in $root" >&2
  exit 1
fi
