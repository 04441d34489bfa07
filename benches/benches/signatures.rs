//! What a signed request costs above one with a key: its headers read, its key read, its signature judged.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use mi_core::signing::keys::{PrivateKey, PublicKey};
use mi_core::signing::payload::{Request, sha256_hex};
use mi_core::signing::signature::Signature;

const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";
const BODY: &[u8] = br#"{"title":"Review the parser"}"#;
const REQUEST: Request<'_> =
    Request { timestamp: "1767225600", method: "POST", target: "/api/v1/offices/7d0f3a52/tasks" };
const NONCE: &str = "5f1d7a8e2b9c4d60";

fn signing(bench: &mut Criterion) {
    let Ok(private) = KEY.parse::<PrivateKey>() else { return };
    bench.bench_function("sign a request, version 2", |b| {
        b.iter(|| private.sign(REQUEST.v2(&sha256_hex(black_box(BODY)), NONCE).as_bytes()))
    });
}

fn judging(bench: &mut Criterion) {
    let Ok(private) = KEY.parse::<PrivateKey>() else { return };
    let Ok(signature) = private.sign(REQUEST.v2(&sha256_hex(BODY), NONCE).as_bytes()) else { return };
    let public = private.public().to_string();
    bench.bench_function("judge a request, version 2", |b| {
        b.iter(|| {
            let key: Option<PublicKey> = black_box(&public).parse().ok();
            let signature = Signature::parse(black_box(&signature)).ok();
            let message = REQUEST.v2(&sha256_hex(black_box(BODY)), NONCE);
            key.zip(signature).is_some_and(|(key, signature)| key.verifies(message.as_bytes(), &signature))
        });
    });
}

criterion_group!(signatures, signing, judging);
criterion_main!(signatures);
