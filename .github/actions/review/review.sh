#!/usr/bin/env bash
# Runs lint, verify and diff on the policies that a change touches. Into $OUT: comment.md for people, *.sarif for the
# forge, and code, what the gate exits with: 0 good, 3 findings, 1 something could not be done. All it reads is in the
# environment:
#   POLICIES   the directory of the policies or of the bundle, from the top of the repository
#   BASE       what the change goes into, a commit or branch
#   FLOWS      files, directories or stores with flows, one a line; a bundle with its evidence needs none
#   MANIFESTS  the cluster's manifests, one a line
#   FAIL_ON    what verify fails on; empty: its default
#   SLUICE     the program
set -o pipefail
: "${POLICIES:?}" "${BASE:?}" "${OUT:?}"
SLUICE=${SLUICE:-sluice}
mkdir -p "$OUT"
echo 0 > "$OUT/code"
base=$(git merge-base "$BASE" HEAD 2>/dev/null) || base=$BASE
if ! git rev-parse --quiet --verify "$base^{commit}" >/dev/null; then
  echo "$BASE is not here: fetch the base too (fetch-depth: 0, GIT_DEPTH: 0)" >&2
  echo 1 > "$OUT/code"
  exit 0
fi
if git diff --quiet "$base" HEAD -- "$POLICIES"; then
  echo "nothing in $POLICIES is changed"
  rm -f "$OUT/comment.md"
  exit 0
fi

flows=() seen=() manifests=()
while IFS= read -r f; do [ -z "$f" ] || { flows+=("$f"); seen+=(--flows "$f"); }; done <<< "${FLOWS:-}"
while IFS= read -r m; do [ -z "$m" ] || manifests+=(--manifests "$m"); done <<< "${MANIFESTS:-}"
known=0 # whether there are flows to judge by
{ [ ${#flows[@]} -gt 0 ] || [ -d "$POLICIES/evidence" ]; } && known=1

worst=0
# judged NAME CODE: keeps the worst code, and says it in a word.
judged() {
  case $2 in
    0) word="good" ;;
    3) word="**findings**"; [ "$worst" -ne 0 ] || worst=3 ;;
    *) word="**failed**"; worst=1 ;;
  esac
  rows+="| $1 | $word |"$'\n'
}
# details TITLE FILE: the beginning of a file, where nothing in it is markup.
details() {
  [ -s "$2" ] || return 0
  printf '\n<details><summary>%s</summary>\n\n~~~~text\n' "$1"
  head -c 18000 "$2" | iconv -c -f utf-8 -t utf-8 | sed 's/^/    /'
  [ "$(wc -c < "$2")" -le 18000 ] || printf '\n    ... and more: the job has all of it\n'
  printf '\n~~~~\n</details>\n'
}

rows="" told=""
run() { "$SLUICE" "$@" 2> "$OUT/errors"; local code=$?; [ $code -eq 0 ] || [ $code -eq 3 ] || told+=$(cat "$OUT/errors")$'\n'; return $code; }

run lint "$POLICIES" "${seen[@]}" "${manifests[@]}" > "$OUT/lint.txt"
judged lint $?
run lint "$POLICIES" "${seen[@]}" "${manifests[@]}" -o sarif > "$OUT/lint.sarif"
if [ $known -eq 1 ]; then
  fail=() && [ -z "${FAIL_ON:-}" ] || fail=(--fail-on "$FAIL_ON")
  run verify "$POLICIES" "${flows[@]}" "${manifests[@]}" "${fail[@]}" -q > "$OUT/verify.txt"
  judged verify $?
  run verify "$POLICIES" "${flows[@]}" "${manifests[@]}" -q -o sarif > "$OUT/verify.sarif"
  if git cat-file -e "$base:$POLICIES" 2>/dev/null; then
    run diff "git:$base:$POLICIES" "$POLICIES" "${flows[@]}" "${manifests[@]}" -q --exit-code > "$OUT/diff.txt"
    case $? in # a change is what a pull request is for: it fails nothing
      0) rows+="| diff | nothing is decided differently |"$'\n' ;;
      3) rows+="| diff | something is decided differently |"$'\n' ;;
      *) judged diff 1 ;;
    esac
  else
    rows+="| diff | all policies are new |"$'\n'
  fi
else
  rows+="| verify, diff | not known: no flows were given, and $POLICIES has no evidence |"$'\n'
fi
for f in lint verify; do [ -s "$OUT/$f.sarif" ] || rm -f "$OUT/$f.sarif"; done
printf '%s' "$told" > "$OUT/errors"
echo $worst > "$OUT/code"

{
  printf '<!-- sluice-review: %s -->\n' "$POLICIES"
  printf '### Network policies in `%s`\n\n| | |\n|---|---|\n%s' "$POLICIES" "$rows"
  [ $known -eq 0 ] || details "What the flows say (verify)" "$OUT/verify.txt"
  details "What is decided differently (diff)" "$OUT/diff.txt"
  details "What is written strangely (lint)" "$OUT/lint.txt"
  details "What could not be done" "$OUT/errors"
} > "$OUT/comment.md"
[ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$OUT/comment.md" >> "$GITHUB_STEP_SUMMARY"
cat "$OUT/comment.md"
