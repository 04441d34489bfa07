//! The short codes of invites: what they look like, and how people mistype them.

/// No letter or digit that is easily taken for another one: 30 bits in six of them.
pub const CODE_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
pub const CODE_CHARS: usize = 6;

/// A code from as many random bytes as it has characters.
pub fn code_from(random: [u8; CODE_CHARS]) -> String {
    // 256 is a multiple of 32, so every character is as likely as every other.
    random.iter().map(|byte| char::from(CODE_ALPHABET[usize::from(*byte) % CODE_ALPHABET.len()])).collect()
}

/// As it was made, from what somebody typed: in any case, with spaces or dashes between. `None` is no code at all.
pub fn normal_code(typed: &str) -> Option<String> {
    let code: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_uppercase();
    let legal = code.len() == CODE_CHARS && code.bytes().all(|byte| CODE_ALPHABET.contains(&byte));
    legal.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        for typed in ["ABCD23", "abcd23", " aBcD-23 ", "ABC D23"] {
            assert_eq!(normal_code(typed).as_deref(), Some("ABCD23"), "{typed}");
        }
        for typed in ["", "ABCD2", "ABCD234", "ABCD2O", "ABCD21", "ÄBCD23", "ABCD2\u{131}", "../../"] {
            assert_eq!(normal_code(typed), None, "{typed}");
        }
    }

    #[test]
    fn every_character_comes_from_as_many_bytes() {
        let mut counts = std::collections::BTreeMap::new();
        for byte in 0..=255 {
            let code = code_from([byte; CODE_CHARS]);
            assert_eq!(normal_code(&code), Some(code.clone()));
            *counts.entry(code).or_insert(0) += 1;
        }
        assert!(counts.len() == 32 && counts.values().all(|count| *count == 8), "{counts:?}");
    }
}
