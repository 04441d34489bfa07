//! The rules that every request passes: the state machine, names on the drive, the wire shape of a task.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use mi_core::drive::DrivePath;
use mi_core::tasks::machine::Move;
use mi_core::tasks::rules::{Part, container_outcome};
use mi_core::tasks::status::{Status, Verification};
use mi_core::wire::tasks::{CreateTask, UpdateTask};

const PARTS: i64 = 50;
const NAMES: [&str; 4] =
    ["report.md", "reports/2026/rate limiter/2-bugs.md", "a/../b", "e\u{301}t\u{e9}/cafe\u{301}.txt"];
const CREATE: &str =
    r#"{"title":"Find bugs","description":"Read it.","assignedAgent":"analyst","parentId":"1","dependsOn":"2,3"}"#;
const UPDATE: &str = r#"{"status":"done","result":"Two races, one leak; see reports/2-bugs.md"}"#;

fn machine(bench: &mut Criterion) {
    bench.bench_function("machine: every status and move", |b| {
        b.iter(|| {
            let targets =
                |mv: Move| Status::ALL.iter().filter(|status| black_box(mv).targets(**status).is_ok()).count();
            Move::ALL.iter().map(|mv| targets(*mv)).sum::<usize>()
        });
    });
}

fn containers(bench: &mut Criterion) {
    let part =
        |id| Part { id, title: "a part", status: Status::Done, verification: Verification::None, result: "found" };
    let parts: Vec<Part<'_>> = (1..=PARTS).map(part).collect();
    bench.bench_function("container of 50 parts", |b| b.iter(|| container_outcome(black_box(&parts))));
}

fn names(bench: &mut Criterion) {
    for name in NAMES {
        bench
            .bench_function(&format!("name on the drive: {name}"), |b| b.iter(|| black_box(name).parse::<DrivePath>()));
    }
}

fn wire(bench: &mut Criterion) {
    bench.bench_function("read a creation", |b| b.iter(|| serde_json::from_str::<CreateTask>(black_box(CREATE))));
    bench.bench_function("read an update", |b| b.iter(|| serde_json::from_str::<UpdateTask>(black_box(UPDATE))));
}

criterion_group!(rules, machine, containers, names, wire);
criterion_main!(rules);
