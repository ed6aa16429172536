#!/usr/bin/env bash
# Keeps one comment on a pull request up to date: the one that begins with the mark of $OUT/comment.md. GitHub and those
# that speak as it does; GitLab where CI_API_V4_URL is set. The token is in $TOKEN, and in no command line. Who may not
# comment (a fork) is told so and fails nothing: the job has the same text.
set -euo pipefail
: "${OUT:?}" "${PULL:?}"
[ -s "$OUT/comment.md" ] || exit 0
[ -n "${TOKEN:-}" ] || { echo "no token: no comment"; exit 0; }
if [ -n "${CI_API_V4_URL:-}" ]; then
  list="$CI_API_V4_URL/projects/${CI_PROJECT_ID:?}/merge_requests/$PULL/notes" one=$list change=PUT head="PRIVATE-TOKEN: $TOKEN"
else
  repo="${GITHUB_API_URL:-https://api.github.com}/repos/${GITHUB_REPOSITORY:?}"
  list="$repo/issues/$PULL/comments" one="$repo/issues/comments" change=PATCH head="Authorization: Bearer $TOKEN"
fi
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
# ask METHOD URL [BODY]: prints the status; the answer is in $answer.
ask() {
  curl -sS --max-time 60 -o "$answer" -w '%{http_code}' -X "$1" -H 'Content-Type: application/json' \
    --config <(printf 'header = "%s"\n' "$head") ${3:+--data-binary "@$3"} "$2"
}
refused() {
  case $1 in
    401|403|404) echo "no right to comment (status $1): the text is in the job"; exit 0 ;;
    *) echo "the forge answers $1" >&2; exit 1 ;;
  esac
}
mark=$(head -n 1 "$OUT/comment.md")
id=""
for page in $(seq 1 20); do
  status=$(ask GET "$list?per_page=100&page=$page")
  [ "$status" = 200 ] || refused "$status"
  id=$(jq -r --arg mark "$mark" '[.[] | select(.body | startswith($mark)) | .id][0] // empty' "$answer")
  [ -z "$id" ] && [ "$(jq length "$answer")" -eq 100 ] || break
done
jq -Rs '{body: .}' < "$OUT/comment.md" > "$OUT/comment.json"
if [ -n "$id" ]; then
  status=$(ask "$change" "$one/$id" "$OUT/comment.json")
else
  status=$(ask POST "$list" "$OUT/comment.json")
fi
case $status in 200|201) echo "comment ${id:-new}: written" ;; *) refused "$status" ;; esac
