# Runs each line of the corpus by itself in a folder of its own. Told: CORPUS, PLACE. Says for each: number, exit code, output.
number=0
grep -v '^#' "$CORPUS" | while IFS= read -r line; do
  number=$((number + 1)); mkdir -p "$PLACE/$number"; cd "$PLACE/$number" || exit 1
  env -i PATH="$SEARCH" HOME="$PLACE/$number" LANG=C.UTF-8 TMPDIR=/tmp SHELL=/bin/sh USER=agent LOGNAME=agent $MORE \
    timeout -k 2 "$SECONDS_MAX" bash -c "$line" >"$PLACE/$number.out" 2>&1 </dev/null
  printf '\n== %s %s\n' "$number" "$?"; head -c 4000 "$PLACE/$number.out"
done
