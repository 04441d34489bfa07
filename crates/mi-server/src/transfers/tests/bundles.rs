//! Bundles as tests make them: honest, and hostile.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mi_core::transfer::tar;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

pub fn entry(name: &str, content: &[u8]) -> Vec<u8> {
    let mut out = tar::write(name, content.len() as u64, 0o644);
    out.extend(content);
    out.resize(out.len() + tar::padding(content.len() as u64), 0);
    out
}

/// An entry of another kind: a link (`1`, `2`), a device (`3`, `4`), a folder (`5`), a pipe (`6`).
pub fn oddity(name: &str, kind: u8, target: &str) -> Vec<u8> {
    let mut block = tar::write(name, 0, 0o644);
    block[156] = kind;
    block[157..157 + target.len()].copy_from_slice(target.as_bytes());
    let sum: u32 =
        block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

pub fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut out = entries.concat();
    out.extend(tar::end());
    out
}

pub fn packed(tar: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(tar, 3).unwrap()
}

pub fn file(kind: &str, path: &str, content: &[u8]) -> Value {
    json!({"path": path, "size": content.len(), "sha256": sha256(content), "mode": 0o644, "kind": kind})
}

pub fn body(transfer: &str, files: Vec<Value>, bundle: &[u8]) -> Value {
    json!({"transfer_id": transfer, "manifest": {"files": files}, "bundle_base64": STANDARD.encode(bundle)})
}
