#!/usr/bin/env bash
# Fetches sluice from $URL, checks its digest, and puts it on the path of the steps that follow.
set -euo pipefail
: "${URL:?}" "${SHA256:?give the sha256 of the program: what is not checked is not run}" "${OUT:?}"
mkdir -p "$OUT/bin"
curl -fsSL --max-time 300 -o "$OUT/bin/sluice" "$URL"
echo "$SHA256  $OUT/bin/sluice" | sha256sum -c - >/dev/null || { rm -f "$OUT/bin/sluice"; echo "$URL is not the program with that digest" >&2; exit 1; }
chmod +x "$OUT/bin/sluice"
[ -z "${GITHUB_PATH:-}" ] || echo "$OUT/bin" >> "$GITHUB_PATH"
