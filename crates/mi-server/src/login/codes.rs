//! Random codes, and what the store keeps of them.

use zeroize::Zeroizing;

use crate::infra::fault::{self, Fault};
use crate::infra::keys::Keys;

/// No letter is another one's twin (contract: invite codes). Its length is a power of two, so that each is as likely.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// 40 bits: only somebody who is signed in may try one, and only so often.
const USER_CODE_CHARS: usize = 8;
const SECRET_BYTES: usize = 32;

/// 256 bits in hex: device codes, links, browsers.
pub fn secret() -> Result<Zeroizing<String>, Fault> {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    getrandom::fill(bytes.as_mut_slice()).map_err(fault::internal)?;
    Ok(Zeroizing::new(hex::encode(bytes.as_slice())))
}

/// `ABCD-EFGH`
pub fn user_code() -> Result<String, Fault> {
    let mut bytes = [0; USER_CODE_CHARS];
    getrandom::fill(&mut bytes).map_err(fault::internal)?;
    let letters = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Ok(shown(&letters.collect::<String>()))
}

fn shown(code: &str) -> String {
    let (first, second) = code.split_at(USER_CODE_CHARS / 2);
    format!("{first}-{second}")
}

/// As it was made, however somebody typed it; `None` for what can't be a code.
pub fn typed(text: &str) -> Option<String> {
    let letters: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let letters = letters.to_ascii_uppercase();
    let legal = letters.len() == USER_CODE_CHARS && letters.bytes().all(|b| ALPHABET.contains(&b));
    legal.then(|| shown(&letters))
}

/// What a code or secret is for; the same text never stands for two things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Device,
    UserCode,
    Link,
    Browser,
}

pub fn hash(keys: &Keys, purpose: Purpose, text: &str) -> String {
    let purpose = match purpose {
        Purpose::Device => "login-device",
        Purpose::UserCode => "login-code",
        Purpose::Link => "login-link",
        Purpose::Browser => "login-browser",
    };
    hex::encode(keys.mac(purpose, &[text.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = user_code().unwrap();
        assert_eq!(code.len(), USER_CODE_CHARS + 1);
        for text in [code.clone(), code.to_lowercase(), code.replace('-', " "), format!(" {} ", code.replace('-', ""))]
        {
            assert_eq!(typed(&text), Some(code.clone()), "{text}");
        }
        for bad in ["", "ABCD", "ABCD-EFG0", "ABCD-EFGHJ", "ÄBCD-EFGH", "ABCD_EFGH"] {
            assert_eq!(typed(bad), None, "{bad}");
        }
    }
}
