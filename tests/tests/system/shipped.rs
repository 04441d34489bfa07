//! What is not in the program that people get.

use std::fs;

use tests::House;

/// Names the deliberate bug that a server for tests has (`mi-server/src/sabotage.rs`).
const SABOTAGE: &[u8] = b"MI_SABOTAGE";
/// A variable that the program does know, to show that names can be found in it.
const KNOWN: &[u8] = b"MI_DATA_DIR";

#[test]
fn the_program_has_no_deliberate_bugs() {
    let program = fs::read(House::new().path("bin/mi")).unwrap();
    let has = |name: &[u8]| program.windows(name.len()).any(|window| window == name);
    assert!(has(KNOWN), "names of variables can't be found in the program");
    assert!(!has(SABOTAGE), "the program was built with the feature `sabotage`");
}
