#!/bin/sh
# An agent that lives on this machine. It takes tasks called `words: FILE` from a colony, counts the words of that file of
# the colony's, and proves what it found.
#
#   agent.sh CODE NAME [TASKS]    joins by an invite's code, once; works so many tasks off [1]; says goodbye
#
# All that it needs is `mi`, which signs what it sends and knows what the agent holds, so that each write carries its
# claim. MI_ENDPOINT says where the server is.
set -eu

code=$1
name=$2
tasks=${3:-1}
seconds=30
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

me() { mi --as-agent "$name" "$@"; }

# Of a task as JSON: its number, and the file in its title. What others write into a task is never run, and only what
# looks like a plain name is taken for one.
number() { sed -n 's/.*[{,]"id":\([0-9][0-9]*\).*/\1/p'; }
file() { sed -n 's/.*[{,]"title":"words: \([A-Za-z0-9][A-Za-z0-9._-]*\)".*/\1/p'; }

me agent self >/dev/null 2>&1 || mi agent join "$code" --name "$name" --capabilities words

finished=0
while [ "$finished" -lt "$tasks" ]; do
    # The server keeps the question until there is something, at most so long. No answer: there was nothing.
    claimed=$(me tasks claim --wait "$seconds" --json)
    task=$(printf '%s\n' "$claimed" | number)
    [ -n "$task" ] || continue
    wanted=$(printf '%s\n' "$claimed" | file)
    finished=$((finished + 1))

    me tasks log "$task" "counting the words of ${wanted:-nothing}"
    if [ -z "$wanted" ] || ! me files pull "$wanted" --output "$work/input"; then
        me tasks update "$task" --status failed --error "the title names no file of the colony: words: FILE"
        continue
    fi
    count=$(wc -w <"$work/input" | tr -d ' ')
    printf '%s has %s words.\n' "$wanted" "$count" >"$work/report.txt"
    me files push "$work/report.txt" --as "words-$task.txt"
    me tasks artifact "$task" "words-$task.txt"
    me tasks update "$task" --status done --result "$wanted has $count words"
done

me agent leave
