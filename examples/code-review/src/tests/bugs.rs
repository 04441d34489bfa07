use super::check;
use crate::Lens::Bugs;
use expect_test::{Expect, expect};

const STORE: &str = "type S struct { mu sync.RWMutex; m map[string]int; n int }\n";

fn check_store(methods: &str, expected: Expect) {
    check(Bugs, &format!("{STORE}{methods}"), expected);
}

#[test]
fn map_without_lock() {
    let put = "func (s *S) Put(k string) { s.mu.Lock(); s.m[k] = 1; s.mu.Unlock() }\n";
    check_store(
        &format!("{put}func (s *S) Get(k string) int {{ return s.m[k] }}"),
        expect!["3 map-without-lock: `s.m` is read without holding the lock of S."],
    );
    check_store(
        &format!("{put}func (s *S) Del(k string) {{ delete(s.m, k) }}"),
        expect!["3 map-without-lock: `s.m` is changed without holding the lock of S."],
    );
    check_store(
        "func (s *S) Late(k string) {\n s.mu.Lock()\n s.m[k] = 2\n s.mu.Unlock()\n s.m[k] = 1\n}",
        expect!["6 map-without-lock: `s.m` is changed without holding the lock of S."],
    );
    check_store(
        "func (s *S) Go(k string) {\n s.mu.Lock()\n defer s.mu.Unlock()\n s.m[k] = 2\n go func() {\n s.m[k] = 1\n }()\n}",
        expect!["7 map-without-lock: `s.m` is changed without holding the lock of S."],
    );
    check(
        Bugs,
        "var hits = map[string]int{}\nfunc h(w http.ResponseWriter, r *http.Request) {\n hits[r.Host]++\n}",
        expect!["3 map-without-lock: The package's map `hits` is changed per request without a lock."],
    );
}

#[test]
fn map_with_lock_is_fine() {
    check_store("func (s *S) Get(k string) int { s.mu.RLock(); defer s.mu.RUnlock(); return s.m[k] }", expect![[""]]);
    check_store(
        "func (s *S) Put(k string) {\n s.mu.Lock()\n if k == \"\" {\n s.mu.Unlock()\n return\n }\n s.m[k] = 1\n s.mu.Unlock()\n}",
        expect![[""]],
    );
    check_store(
        "func (s *S) Put(k string) { s.mu.Lock(); s.put(k); s.mu.Unlock() }\nfunc (s *S) put(k string) { s.m[k] = 1 }",
        expect![[""]],
    );
    check_store("func (s *S) putLocked(k string) { s.m[k] = 1 }", expect![[""]]);
    check_store("func (s *S) Put(k string) { if s.mu.TryLock() { s.m[k] = 1; s.mu.Unlock() } }", expect![[""]]);
    check_store(
        "func New() *S { s := &S{}; s.fill(); return s }\nfunc (s *S) fill() { s.m[\"a\"] = 1 }",
        expect![[""]],
    );
    check_store(
        "func (s *S) Put(k int) {\n switch {\n case k == 1:\n s.mu.Lock()\n s.m[\"a\"] = 1\n s.mu.Unlock()\n return\n default:\n s.mu.Lock()\n }\n s.m[\"b\"] = 2\n s.mu.Unlock()\n}",
        expect![[""]],
    );
    check_store(
        "func (s *S) Put(w bool) {\n if w {\n s.mu.Lock()\n } else {\n s.mu.Lock()\n }\n s.m[\"b\"] = 2\n s.mu.Unlock()\n}",
        expect![[""]],
    );
    check(Bugs, "type T struct { m map[string]int }\nfunc (t *T) Put(k string) { t.m[k] = 1 }", expect![[""]]);
    check_store("// s.m[k] = 1\nfunc (s *S) Text() string { return \"s.m[k] = 1\" }", expect![[""]]);
}

#[test]
fn a_map_that_no_lock_is_meant_for_is_left_alone() {
    check_store("func (s *S) Get(k string) int { return s.m[k] }", expect![[""]]);
    check_store("func (s *S) Get(k string) int { s.mu.Lock(); s.mu.Unlock(); return s.m[k] }", expect![[""]]);
}

#[test]
fn write_without_lock() {
    let locked = "func (s *S) Inc() { s.mu.Lock(); s.n++; s.mu.Unlock() }\n";
    check_store(
        &format!("{locked}func (s *S) Reset() {{ s.n = 0 }}"),
        expect!["3 write-without-lock: `s.n` is written here without the lock that its other writers hold."],
    );
    check_store("func (s *S) Reset() { s.n = 0 }", expect![[""]]);
    check_store(&format!("{locked}func (s *S) Peek() bool {{ return s.n == 0 }}"), expect![[""]]);
}

#[test]
fn write_under_read_lock() {
    check_store(
        "func (s *S) Put(k string) { s.mu.RLock(); s.m[k] = 1; s.mu.RUnlock() }",
        expect!["2 write-under-read-lock: `s.m` is changed while only RLock is held."],
    );
    check_store(
        "func (s *S) Up(k string) { s.mu.RLock(); _ = s.m[k]; s.mu.RUnlock(); s.mu.Lock(); s.m[k] = 1; s.mu.Unlock() }",
        expect![[""]],
    );
}

#[test]
fn lock_not_released() {
    check_store(
        "func (s *S) F(k string) error {\n s.mu.Lock()\n if k == \"\" {\n return nil\n }\n s.mu.Unlock()\n return nil\n}",
        expect!["5 lock-not-released: Returns while `s.mu`, locked on line 3, is still held."],
    );
    check_store(
        "func (s *S) F(k string) error {\n s.mu.Lock()\n defer func() { s.mu.Unlock() }()\n return nil\n}",
        expect![[""]],
    );
    check_store("func (s *S) F() func() {\n s.mu.Lock()\n return s.mu.Unlock\n}", expect![[""]]);
    check_store(
        "func (s *S) F() int {\n s.mu.Lock()\n sort.Slice(x, func(i, j int) bool { return x[i] < x[j] })\n s.mu.Unlock()\n return 1\n}",
        expect![[""]],
    );
}

#[test]
fn locks_that_cannot_be_followed_are_left_alone() {
    check_store("func (s *S) F() error {\n s.mu.Unlock()\n wait()\n s.mu.Lock()\n return nil\n}", expect![[""]]);
    check_store(
        "func (s *S) F() { s.mu.Lock(); s.m[a] = 1; s.mu.Unlock(); withLock(s, func() { s.m[a] = 1 }) }",
        expect![[""]],
    );
    check_store(
        "func (s *S) F() { s.mu.Lock(); s.m[a] = 1; s.mu.Unlock() }\nfunc (s *S) fLocked() func() error { s.m[a] = 1; return nil }",
        expect![[""]],
    );
    check_store(
        "func (s *S) F() error { unlock, err := s.mu.Lock(); if err != nil { return err }; defer unlock(); return nil }",
        expect![[""]],
    );
    check_store(
        "func (s *S) F(k string) {\n s.mu.Lock()\n if k == \"\" {\n s.mu.Unlock()\n select {\n case <-a:\n return\n case <-b:\n return\n }\n }\n s.m[k] = 1\n s.mu.Unlock()\n}",
        expect![[""]],
    );
    check_store(
        "func (s *S) F(k string) {\n s.mu.Lock()\n if k == \"\" {\n s.mu.Unlock()\n if a {\n return\n } else {\n return\n }\n }\n s.m[k] = 1\n s.mu.Unlock()\n}",
        expect![[""]],
    );
}

#[test]
fn copied_mutex() {
    check_store(
        "func (s S) Len() int { return 1 }",
        expect!["2 copied-mutex: Len has a value receiver, so each call copies S with its `mu`."],
    );
    check(Bugs, "type P struct { mu *sync.Mutex }\nfunc (p P) Len() int { return 1 }", expect![[""]]);
}

#[test]
fn error_without_return() {
    let handler = |body: &str| format!("func h(w http.ResponseWriter, r *http.Request) {{\n{body}\n}}");
    check(
        Bugs,
        &handler("if bad {\n http.Error(w, \"no\", 400)\n}\nw.Write(data)"),
        expect!["3 error-without-return: The refused request goes on at line 5 and `w` is used again."],
    );
    check(Bugs, &handler("if bad {\n http.Error(w, \"no\", 400)\n return\n}\nw.Write(data)"), expect![[""]]);
    check(Bugs, &handler("if bad {\n http.Error(w, \"no\", 400)\n} else {\n w.Write(data)\n}"), expect![[""]]);
    check(Bugs, &handler("if bad {\n http.Error(w, \"no\", 400)\n}\ncount++"), expect![[""]]);
}

#[test]
fn forwarded_header_trusted() {
    check(
        Bugs,
        "func ip(r *http.Request) string { return r.Header.Get(\"x-real-ip\") }",
        expect![
            "1 forwarded-header-trusted: The caller's address is taken from `x-real-ip` without asking who set it."
        ],
    );
    check(Bugs, "func ip(r *http.Request, trusted bool) string { return r.Header.Get(\"X-Real-IP\") }", expect![[""]]);
    check(Bugs, "func id(r *http.Request) string { return r.Header.Get(\"X-Request-Id\") }", expect![[""]]);
}

#[test]
fn index_past_end() {
    check(
        Bugs,
        "func f(a []int) {\n for i := 0; i <= len(a); i++ {\n use(a[i])\n }\n}",
        expect!["2 index-past-end: `i` runs up to len(a), and `a[i]` panics there."],
    );
    check(Bugs, "func f(a []int) { for i := 0; i < len(a); i++ { use(a[i]) } }", expect![[""]]);
    check(Bugs, "func f(a []int) { for i := 0; i <= len(a); i++ { use(a[:i]) } }", expect![[""]]);
    check(
        Bugs,
        "func f(a []int) int { return a[len(a)] }",
        expect!["1 index-past-end: `a[len(a)]` is one past the end."],
    );
    check(Bugs, "func f(m map[int]int) { m[len(m)] = 1 }", expect![[""]]);
}

#[test]
fn number_unchecked() {
    check(
        Bugs,
        "func F(total, parts int) int { return total / parts }",
        expect!["1 number-unchecked: Divides by `parts`, which may be zero."],
    );
    check(
        Bugs,
        "func F(d time.Duration) { t := time.NewTicker(d); defer t.Stop() }",
        expect!["1 number-unchecked: time.NewTicker panics unless `d` is positive; nothing checks it."],
    );
    check(
        Bugs,
        "func F(a []int) int { return sum(a) / len(a) }",
        expect!["1 number-unchecked: Divides by `len(a)`, which is zero when it is empty."],
    );
    check(
        Bugs,
        "type T struct { rate int }\nfunc (t *T) F() time.Duration { return time.Second / time.Duration(t.rate) }",
        expect!["2 number-unchecked: Divides by `t.rate`, which may be zero."],
    );
    check(Bugs, "func F(total, parts int) int { if parts == 0 { return 0 }; return total / parts }", expect![[""]]);
    check(Bugs, "func F(total, parts float64) float64 { return total / parts }", expect![[""]]);
    check(Bugs, "func F(a []int) int { if len(a) == 0 { return 0 }; return sum(a) / len(a) }", expect![[""]]);
    check(Bugs, "func F(a []int) { for i := range a { use(i % len(a)) } }", expect![[""]]);
    check(Bugs, "func F(x int) int { return x / 2 }", expect![[""]]);
}

#[test]
fn duration_truncated() {
    check(
        Bugs,
        "func f(d time.Duration, rate int) int { return int(d.Seconds()) * rate }",
        expect![
            "1 duration-truncated: `int(d.Seconds())` cuts a duration down to whole units and the result is multiplied."
        ],
    );
    check(
        Bugs,
        "func f(d time.Duration, rate int64) int64 {\n s := int64(d / time.Second)\n return rate * s\n}",
        expect![
            "2 duration-truncated: `int64(d/time.Second)` cuts a duration down to whole units and the result is multiplied."
        ],
    );
    check(Bugs, "func f(d time.Duration) int { return int(d.Seconds()) }", expect![[""]]);
    check(Bugs, "func f(d time.Duration) time.Duration { return d / time.Second * time.Second }", expect![[""]]);
    check(Bugs, "func f(d time.Duration, rate float64) float64 { return d.Seconds() * rate }", expect![[""]]);
}

#[test]
fn wall_clock_elapsed() {
    check(
        Bugs,
        "func (b *B) age() int64 {\n now := time.Now().Unix()\n return now - b.last\n}",
        expect![
            "3 wall-clock-elapsed: Elapsed time is computed from Unix time and the remembered `b.last`; it may be negative."
        ],
    );
    check(
        Bugs,
        "func (b *B) age() int64 { return time.Now().UnixMilli() - b.last }",
        expect![
            "1 wall-clock-elapsed: Elapsed time is computed from Unix time and the remembered `b.last`; it may be negative."
        ],
    );
    check(Bugs, "func (b *B) age() int64 { return max(0, time.Now().Unix() - b.last) }", expect![[""]]);
    check(Bugs, "func cutoff() int64 { return time.Now().Unix() - 3600 }", expect![[""]]);
}

#[test]
fn ignored_error() {
    check(
        Bugs,
        "func f(s string) int { n, _ := strconv.Atoi(s); return n }",
        expect!["1 ignored-error: The error of strconv.Atoi is thrown away with `_`."],
    );
    check(
        Bugs,
        "func f(b []byte) { json.Unmarshal(b, &x) }",
        expect!["1 ignored-error: The error that json.Unmarshal returns is not looked at."],
    );
    check(
        Bugs,
        "func f(r io.Reader) {\n json.NewDecoder(r).Decode(&x)\n}",
        expect!["2 ignored-error: The error of decoding JSON is not looked at."],
    );
    check(
        Bugs,
        "func f(s string) { host, port, _ := net.SplitHostPort(s); use(host, port) }",
        expect!["1 ignored-error: The error of net.SplitHostPort is thrown away with `_`."],
    );
    check(Bugs, "func f(b []byte) error { return json.Unmarshal(b, &x) }", expect![[""]]);
    check(Bugs, "func f(b []byte) { _ = json.Unmarshal(b, &x) }", expect![[""]]);
    check(Bugs, "func f(b []byte) { if err := json.Unmarshal(b, &x); err != nil { panic(err) } }", expect![[""]]);
    check(Bugs, "func f(s string) { before, after, _ := strings.Cut(s, \"=\"); use(before, after) }", expect![[""]]);
    check(Bugs, "func f(b []byte) { check(\n json.Unmarshal(b, &x),\n) }", expect![[""]]);
}

#[test]
fn defer_in_loop() {
    check(
        Bugs,
        "func f(a []string) { for _, n := range a { g := open(n); defer g.Close() } }",
        expect!["1 defer-in-loop: In a loop, `g.Close()` waits until the function ends."],
    );
    check(
        Bugs,
        "func f(a []string) { for _, n := range a { func() { g := open(n); defer g.Close() }() } }",
        expect![[""]],
    );
    check(
        Bugs,
        "func f(a []string) {\n for _, n := range a {\n if g := open(n); g != nil {\n defer g.Close()\n return\n }\n }\n}",
        expect![[""]],
    );
    check(Bugs, "func f() { defer done() }", expect![[""]]);
}

#[test]
fn goroutine_never_ends() {
    check(
        Bugs,
        "func f() { go func() { for { step() } }() }",
        expect!["1 goroutine-never-ends: The goroutine loops from line 1 on and has no way to end."],
    );
    check(
        Bugs,
        "func f(t *time.Ticker) { go run(t) }\nfunc run(t *time.Ticker) { for range t.C { step() } }",
        expect!["1 goroutine-never-ends: `run` loops from line 2 on and has no way to end."],
    );
    check(
        Bugs,
        "func f() { go func() { for { select { case <-c: break } } }() }",
        expect!["1 goroutine-never-ends: The goroutine loops from line 1 on and has no way to end."],
    );
    check(Bugs, "func f() { go func() { for { if over() { break } } }() }", expect![[""]]);
    check(
        Bugs,
        "func f() { go func() { for { select { case <-done: return; case x := <-c: use(x) } } }() }",
        expect![[""]],
    );
    check(Bugs, "func f() { go func() { for x := range c { use(x) } }() }", expect![[""]]);
    check(Bugs, "func main() { go func() { for { step() } }() }", expect![[""]]);
}

#[test]
fn close_twice() {
    check(
        Bugs,
        "func (q *Q) Stop() { close(q.c) }",
        expect!["1 close-twice: A second Stop closes `q.c` again and panics."],
    );
    check(Bugs, "func (q *Q) Stop() { q.once.Do(func() { close(q.c) }) }", expect![[""]]);
    check(Bugs, "func (q *Q) Run() { close(q.c) }", expect![[""]]);
}
