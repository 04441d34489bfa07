//! The unpacker against archives that nobody would make by accident.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use mi_core::transfer::{Planned, plan};
use mi_core::wire::transfers::Manifest;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::bundles::*;
use crate::transfers::unpack::{Staging, unpack};

const FILES: [(&str, &[u8]); 3] = [("a.txt", b"alpha"), ("sub/b.txt", b"beta"), ("sub/c", b"")];

fn manifest() -> Manifest {
    let files: Vec<Value> = FILES.iter().map(|(path, content)| file("workspace", path, content)).collect();
    serde_json::from_value(json!({ "files": files })).unwrap()
}

/// What an archive may hold that shouldn't.
#[derive(Debug, Clone)]
enum Piece {
    Honest(usize),
    Named(String),
    Odd(u8, String),
    Bytes(Vec<u8>),
}

fn piece() -> impl Strategy<Value = Piece> {
    let name = prop_oneof![
        Just("workspace/a.txt".to_owned()),
        Just("workspace/../../escaped".to_owned()),
        Just("/escaped".to_owned()),
        Just("../escaped".to_owned()),
        "[a-z./]{1,30}",
    ];
    prop_oneof![
        4 => (0..FILES.len()).prop_map(Piece::Honest),
        1 => name.clone().prop_map(Piece::Named),
        1 => (prop::sample::select(b"123456xgLKSV".to_vec()), name).prop_map(|(kind, name)| Piece::Odd(kind, name)),
        1 => prop::collection::vec(any::<u8>(), 0..700).prop_map(Piece::Bytes),
    ]
}

fn laid(piece: &Piece) -> Vec<u8> {
    match piece {
        Piece::Honest(at) => entry(&format!("workspace/{}", FILES[*at].0), FILES[*at].1),
        Piece::Named(name) => entry(name, b"x"),
        Piece::Odd(kind, name) => oddity(name, *kind, "/etc"),
        Piece::Bytes(bytes) => bytes.clone(),
    }
}

/// Everything below a folder, files with their content.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(here) = left.pop() {
        for entry in std::fs::read_dir(here).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            assert!(!kind.is_symlink(), "a link: {:?}", entry.path());
            if kind.is_dir() {
                left.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

/// Unpacks; whatever comes of it, nothing but the files of the manifest is anywhere.
fn judge(bundle: &[u8]) {
    let folder = TempDir::new().unwrap();
    let mut file = File::options().read(true).write(true).create_new(true).open(folder.path().join("bundle")).unwrap();
    file.write_all(bundle).unwrap();
    let bundle_file = File::open(folder.path().join("bundle")).unwrap();
    let planned: std::collections::HashMap<String, Planned> = plan(&manifest(), bundle.len() as u64).unwrap();
    let staging = Staging::create(folder.path().join("staging")).unwrap();
    let whole: BTreeMap<String, Vec<u8>> =
        FILES.iter().map(|(path, content)| ((*path).to_owned(), content.to_vec())).collect();
    match unpack(bundle_file, planned, &staging) {
        Ok(_) => assert_eq!(tree(staging.path()), whole),
        Err(_) => assert!(tree(staging.path()).keys().all(|name| whole.contains_key(name))),
    }
    drop(staging);
    let left: Vec<String> = tree(folder.path()).into_keys().collect();
    assert_eq!(left, ["bundle"], "a refused bundle leaves nothing");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_an_archive_holds_nothing_but_the_manifest_s_files_comes_of_it(pieces in prop::collection::vec(piece(), 0..8)) {
        let entries: Vec<Vec<u8>> = pieces.iter().map(laid).collect();
        judge(&packed(&archive(&entries)));
    }

    #[test]
    fn a_damaged_archive_is_refused_or_whole(at in any::<prop::sample::Index>(), bit in 0_u8..8, cut in any::<bool>()) {
        let entries: Vec<Vec<u8>> = (0..FILES.len()).map(|at| laid(&Piece::Honest(at))).collect();
        let mut tar = archive(&entries);
        let at = at.index(tar.len());
        if cut { tar.truncate(at) } else { tar[at] ^= 1 << bit }
        judge(&packed(&tar));
    }

    #[test]
    fn a_damaged_frame_is_refused_or_whole(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let entries: Vec<Vec<u8>> = (0..FILES.len()).map(|at| laid(&Piece::Honest(at))).collect();
        let mut bundle = packed(&archive(&entries));
        let at = at.index(bundle.len());
        bundle[at] ^= 1 << bit;
        judge(&bundle);
    }
}

#[test]
fn the_honest_archive_is_unpacked() {
    let entries: Vec<Vec<u8>> = (0..FILES.len()).map(|at| laid(&Piece::Honest(at))).collect();
    judge(&packed(&archive(&entries)));
    let padded = [oddity("workspace/", b'5', ""), entries.concat()];
    judge(&packed(&archive(&padded)));
}

#[test]
fn a_bomb_of_headers_ends() {
    let folder = oddity("workspace/", b'5', "");
    judge(&packed(&folder.repeat(100_000)));
}
