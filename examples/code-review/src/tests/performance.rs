use super::check;
use crate::Lens::Performance;
use expect_test::{Expect, expect};

fn per_request(body: &str, expected: Expect) {
    check(Performance, &format!("func h(w http.ResponseWriter, r *http.Request) {{\n{body}\n}}"), expected);
}

#[test]
fn io_under_lock() {
    check(
        Performance,
        "func f() {\n mu.Lock()\n defer mu.Unlock()\n log.Printf(\"x\")\n}",
        expect!["4 io-under-lock: log.Printf runs while `mu` (line 2) is held."],
    );
    check(Performance, "func f() {\n mu.Lock()\n n++\n mu.Unlock()\n log.Printf(\"x\")\n}", expect![[""]]);
    check(Performance, "func f(b *strings.Builder) { mu.Lock(); fmt.Fprintf(b, \"x\"); mu.Unlock() }", expect![[""]]);
    check(Performance, "func f() { mu.Lock(); go func() { log.Print(1) }(); mu.Unlock() }", expect![[""]]);
    per_request(
        "mu.RLock()\nfmt.Fprintln(w, n)\nmu.RUnlock()",
        expect!["3 io-under-lock: fmt.Fprintln runs while `mu` (line 2) is held."],
    );
}

#[test]
fn scan_under_lock() {
    let store = "type S struct { mu sync.RWMutex; m map[int]int }\n";
    let scan =
        "func (s *S) count() int {\n s.mu.RLock()\n defer s.mu.RUnlock()\n for range s.m {\n n++\n }\n return n\n}\n";
    check(
        Performance,
        &format!("{store}{scan}func (s *S) Page(w http.ResponseWriter, r *http.Request) {{ s.count() }}"),
        expect!["5 scan-under-lock: A request walks all of `s.m` while `s.mu` (line 3) is held."],
    );
    check(Performance, &format!("{store}{scan}"), expect![[""]]);
}

#[test]
fn one_lock_for_all() {
    let handler = "func (s *S) Page(w http.ResponseWriter, r *http.Request) { s.mu.Lock(); s.m[r.Host] = 1; delete(s.m, \"\"); s.mu.Unlock() }";
    check(
        Performance,
        &format!("type S struct {{ mu sync.Mutex; m map[string]int }}\n{handler}"),
        expect!["2 one-lock-for-all: Every request takes the one mutex of S, whichever key it is about."],
    );
    check(Performance, &format!("type S struct {{ mu sync.RWMutex; m map[string]int }}\n{handler}"), expect![[""]]);
}

#[test]
fn polling_loop() {
    check(
        Performance,
        "func f() { for !ready() { time.Sleep(time.Millisecond) } }",
        expect!["1 polling-loop: The loop does nothing but look again, until something has changed."],
    );
    check(
        Performance,
        "func f() { for { select { case x := <-c: use(x); default: } } }",
        expect!["1 polling-loop: The loop does nothing but look again, until something has changed."],
    );
    check(Performance, "func f() { for !ready() { retry(); time.Sleep(time.Second) } }", expect![[""]]);
    check(Performance, "func f() { for { select { case x := <-c: use(x); case <-done: return } } }", expect![[""]]);
    check(Performance, "func f() { for i := 0; i < 3; i++ { time.Sleep(time.Second) } }", expect![[""]]);
}

#[test]
fn unbounded_map() {
    let store = "type S struct { mu sync.Mutex; m map[string]int }\n";
    check(
        Performance,
        &format!("{store}func (s *S) Hit(k string) {{ s.m[k]++ }}"),
        expect!["2 unbounded-map: `s.m` gets new keys here, and nothing in the file takes one out."],
    );
    check(
        Performance,
        &format!("{store}func (s *S) Hit(k string) {{ s.m[k]++ }}\nfunc (s *S) Drop(k string) {{ delete(s.m, k) }}"),
        expect![[""]],
    );
    check(
        Performance,
        &format!("{store}func (s *S) Hit(k string) {{ if len(s.m) < 10 {{ s.m[k]++ }} }}"),
        expect![[""]],
    );
    check(Performance, "type B struct { m map[string]int }\nfunc (b *B) hit(k string) { b.m[k]++ }", expect![[""]]);
    check(Performance, &format!("{store}func (s *S) Register(k string) {{ s.m[k] = 1 }}"), expect![[""]]);
    check(Performance, &format!("{store}func (s *S) Hit() {{ s.m[\"hits\"]++ }}"), expect![[""]]);
}

#[test]
fn body_read_unbounded() {
    per_request(
        "b, err := io.ReadAll(r.Body)",
        expect!["2 body-read-unbounded: The whole request body is read into memory, whatever its size."],
    );
    per_request("b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1024))", expect![[""]]);
    check(Performance, "func get(r *http.Response) { b, err := io.ReadAll(r.Body) }", expect![[""]]);
}

#[test]
fn tick_cannot_stop() {
    check(
        Performance,
        "func f() { for range time.Tick(d) { step() } }",
        expect!["1 tick-cannot-stop: time.Tick is used where time.NewTicker with a deferred Stop would end."],
    );
    check(Performance, "func main() { for range time.Tick(d) { step() } }", expect![[""]]);
}

#[test]
fn slice_shift() {
    check(
        Performance,
        "func (q *Q) Put(x int) { q.a = append(q.a, x) }\nfunc (q *Q) Pop() { q.a = q.a[1:] }",
        expect!["2 slice-shift: `q.a` drops its first element, but the array behind it still refers to it."],
    );
    check(
        Performance,
        "func (q *Q) Pop() { q.a = append(q.a[:0], q.a[1:]...) }",
        expect!["1 slice-shift: All of `q.a` is copied to take one element from its front."],
    );
    check(
        Performance,
        "func (q *Q) Put(x int) { q.a = append(q.a, x) }\nfunc (q *Q) Pop() { q.a[0] = nil; q.a = q.a[1:] }",
        expect![[""]],
    );
    check(Performance, "func f(args []string) { args = args[1:] }", expect![[""]]);
    check(Performance, "func (p *P) next() { p.s = p.s[1:] }", expect![[""]]);
}

#[test]
fn regexp_per_call() {
    per_request(
        "x := regexp.MustCompile(`a+`)",
        expect!["2 regexp-per-call: The regular expression `a+` is compiled for every request."],
    );
    check(
        Performance,
        "func f(s string) bool { ok, err := regexp.MatchString(\"a+\", s); return ok && err == nil }",
        expect![[r#"1 regexp-per-call: The regular expression "a+" is compiled at every call."#]],
    );
    check(Performance, "var x = regexp.MustCompile(`a+`)", expect![[""]]);
    check(Performance, "func New() *T { return &T{x: regexp.MustCompile(`a+`)} }", expect![[""]]);
    check(Performance, "func f(p string) { x := regexp.MustCompile(p); use(x) }", expect![[""]]);
    check(Performance, "func f() { once.Do(func() { x = regexp.MustCompile(`a+`) }) }", expect![[""]]);
}

#[test]
fn transport_per_call() {
    check(
        Performance,
        "func get() { c := http.Client{Transport: &http.Transport{}}; use(c) }",
        expect!["1 transport-per-call: `get` makes a new http.Transport each time it is called."],
    );
    check(
        Performance,
        "func newClient() *http.Client { return &http.Client{Transport: &http.Transport{}} }",
        expect![[""]],
    );
    check(Performance, "var t = &http.Transport{}", expect![[""]]);
    check(Performance, "func (s *S) start() { s.t = &http.Transport{} }", expect![[""]]);
    check(Performance, "func (s *S) start() { s.c = &http.Client{Transport: &http.Transport{}} }", expect![[""]]);
}

#[test]
fn concat_in_loop() {
    check(
        Performance,
        "func f(a []string) string {\n s := \"\"\n for _, x := range a {\n s += x\n }\n return s\n}",
        expect!["4 concat-in-loop: The string `s` is rebuilt in each round of the loop."],
    );
    check(
        Performance,
        "func f(a []string) { var s string; for _, x := range a { s = s + x } }",
        expect!["1 concat-in-loop: The string `s` is rebuilt in each round of the loop."],
    );
    check(Performance, "func f(a []int) { s := 0; for _, x := range a { s += x } }", expect![[""]]);
    check(Performance, "func f(a []string) { for _, x := range a { s := \"\"; s += x; use(s) } }", expect![[""]]);
}

#[test]
fn sprintf_hot_path() {
    per_request(
        "key := fmt.Sprintf(\"%s:%d\", a, b)",
        expect![[r#"2 sprintf-hot-path: fmt.Sprintf("%s:%d") runs for every request."#]],
    );
    check(Performance, "func f(a []int) { for _, x := range a { use(fmt.Sprintf(\"%d\", x)) } }", expect![[""]]);
    per_request("key := fmt.Sprintf(\"%08x\", a)", expect![[""]]);
    per_request("log.Print(fmt.Sprintf(\"%d\", a))", expect![[""]]);
    per_request("if err != nil {\n msg := fmt.Sprintf(\"%v\", err)\n use(msg)\n}", expect![[""]]);
    check(Performance, "func f(a int) string { return fmt.Sprintf(\"%d\", a) }", expect![[""]]);
}

#[test]
fn timer_per_iteration() {
    check(
        Performance,
        "func f() { for { select { case <-c: return; case <-time.After(d): step() } } }",
        expect!["1 timer-per-iteration: A new timer is made in each round of the loop."],
    );
    check(Performance, "func f() { select { case <-c: return; case <-time.After(d): step() } }", expect![[""]]);
}

#[test]
fn append_without_capacity() {
    check(
        Performance,
        "func f(m map[int]int) []int {\n var a []int\n for k := range m {\n a = append(a, k)\n }\n return a\n}",
        expect!["4 append-without-capacity: `a` grows by one per element of `m`; make([]T, 0, len(m)) fits at once."],
    );
    check(
        Performance,
        "func f(m map[int]int) []int { a := make([]int, 0, len(m)); for k := range m { a = append(a, k) }; return a }",
        expect![[""]],
    );
    check(
        Performance,
        "func f(m map[int]int) []int { var a []int; for k := range m { if k > 0 { a = append(a, k) } }; return a }",
        expect![[""]],
    );
    check(
        Performance,
        "func f(c chan int) []int { var a []int; for k := range c { a = append(a, k) }; return a }",
        expect![[""]],
    );
}
