#!/bin/sh
# review.sh ASPECT: what an agent of examples/colony.yaml does with a task, by the task's name.
set -eu

aspect=$1
name=$(tq show | sed -n 's/^name  *//p')
cd /shared/files
mkdir -p reviews
code=rate-limiter.go
out=reviews/$name.md

# Lines of the file that have to do with an aspect, as NUMBER:TEXT.
lines_of() {
    case $1 in
        locks)  grep -nE 'Lock\(\)|sync\.|^[[:space:]]*go |l\.(buckets|denied|overrides|served)' "$code" ;;
        errors) grep -nE '(^|[^a-z])err([^a-z]|$)|panic|Fatal|, _ :?=' "$code" ;;
        memory) grep -nE 'make\(|append\(|delete\(|map\[|&bucket' "$code" ;;
        time)   grep -nE 'time\.|idle|usedAt|filledAt' "$code" ;;
        text)   grep -nE 'strings\.|regexp|Sprintf|strconv' "$code" ;;
    esac || true
}

case $name in
    look-*)
        lines_of "$aspect" > "$out"
        result="$(wc -l < "$out") lines have to do with $aspect"
        ;;
    check-*)
        # Lines that another agent found as well are where things meet.
        for other in reviews/look-*.md; do
            [ "$other" = "reviews/look-$aspect.md" ] || cat "$other"
        done | sort -u | grep -Fxf - "reviews/look-$aspect.md" > "$out" || true
        result="$(wc -l < "$out") lines of $aspect concern somebody else, too"
        ;;
    report)
        {
            echo "# Review of $code"
            for part in reviews/check-*.md; do
                printf '\n## %s\n\n' "$(basename "$part" .md | sed 's/check-//')"
                sed 's/^/    /' "$part"
            done
        } > "$out"
        result="the report has $(wc -l < "$out") lines"
        ;;
    hotspots)
        sort reviews/check-*.md | uniq -c | sort -k1,1nr -k2,2n | head -n 5 > "$out"
        result="read these first: $(sed 's/^ *[0-9]* \([0-9]*\):.*/\1/' "$out" | tr '\n' ' ')"
        ;;
    *)
        tq update --status failed --error "I don't know what to do with a task named '$name'"
        exit 0
        ;;
esac

tq artifact "$out" --label "$aspect"
tq update --status done --result "$result"
