//! The name of a host, in the one form in which it is compared, looked up and recorded.
//!
//! Many texts lead to one place: `EXAMPLE.com.`, `ｅxample.com`, `[::ffff:1.2.3.4]`. Each becomes one form here, once, and
//! what could be understood in two ways is refused: an office that allows a place must mean the one that is called.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use idna::AsciiDenyList;

/// RFC 1035, written without the last dot.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// Why a text names no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHost {
    #[error("there is no host in it")]
    Empty,
    #[error("a host has at most {NAME_BYTES_MAX} characters, and {LABEL_BYTES_MAX} between two dots")]
    TooLong,
    #[error("a name or password doesn't stand in front of a host")]
    Userinfo,
    #[error("a host holds letters, digits, dots and hyphens only")]
    Character,
    #[error("there is nothing between two of its dots")]
    Gap,
    #[error("an address is written as four decimal numbers, such as 192.0.2.1")]
    Number,
    #[error("what stands in brackets is an IPv6 address without a zone, such as [2001:db8::1]")]
    Brackets,
    #[error("it is no international domain name")]
    Foreign,
}

/// In lower case, ASCII, without brackets and without a last dot; addresses as the one that is called.
pub fn normal(text: &str) -> Result<String, BadHost> {
    if let Some(inner) = text.strip_prefix('[') {
        let ip: Ipv6Addr = inner.strip_suffix(']').and_then(|ip| ip.parse().ok()).ok_or(BadHost::Brackets)?;
        return Ok(written(IpAddr::V6(ip)));
    }
    if text.contains('@') {
        return Err(BadHost::Userinfo);
    }
    if text.bytes().any(|b| b.is_ascii() && !is_of_a_name(b)) {
        return Err(BadHost::Character);
    }
    // Also turns wide letters, other dots and other digits into the plain ones, so that everything else comes after.
    let name = idna::domain_to_ascii_cow(text.as_bytes(), AsciiDenyList::URL).map_err(|_| BadHost::Foreign)?;
    let name = name.strip_suffix('.').unwrap_or(&name);
    if name.bytes().any(|b| !is_of_a_name(b)) {
        return Err(BadHost::Character);
    }
    labels(name)?;
    match is_number(name) {
        true => name.parse::<Ipv4Addr>().map(|ip| ip.to_string()).map_err(|_| BadHost::Number),
        false => Ok(name.to_owned()),
    }
}

/// An IPv6 address that only dresses an IPv4 one is that one.
fn written(ip: IpAddr) -> String {
    ip.to_canonical().to_string()
}

/// Underscores stand in names that people use, though not in those of hosts by the book.
const fn is_of_a_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')
}

fn labels(name: &str) -> Result<(), BadHost> {
    if name.is_empty() {
        return Err(BadHost::Empty);
    }
    if name.len() > NAME_BYTES_MAX || name.split('.').any(|label| label.len() > LABEL_BYTES_MAX) {
        return Err(BadHost::TooLong);
    }
    if name.split('.').any(str::is_empty) {
        return Err(BadHost::Gap);
    }
    Ok(())
}

/// What resolvers take for an address: its last part is a number, be it decimal, octal or hexadecimal.
fn is_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
    hex || last.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_place_has_one_name() {
        for (text, expected) in [
            ("example.com", "example.com"),
            ("EXAMPLE.Com.", "example.com"),
            ("ex_am-ple.com", "ex_am-ple.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            // Wide letters, an ideographic dot, a soft hyphen.
            ("ｅｘａｍｐｌｅ。com", "example.com"),
            ("exam\u{ad}ple.com", "example.com"),
            ("127.0.0.1", "127.0.0.1"),
            ("１２７.0.0.1", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("[2001:DB8:0::1]", "2001:db8::1"),
            ("[::ffff:127.0.0.1]", "127.0.0.1"),
            ("[::ffff:7f00:1]", "127.0.0.1"),
            ("localhost", "localhost"),
            ("1.example", "1.example"),
        ] {
            assert_eq!(normal(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_could_mean_two_places_is_refused() {
        let long = format!("{}.example", "a".repeat(64));
        let longer = vec!["abcdefgh"; 30].join(".");
        for (text, why) in [
            ("", BadHost::Empty),
            (".", BadHost::Empty),
            ("example..com", BadHost::Gap),
            ("example.com..", BadHost::Gap),
            (".example.com", BadHost::Gap),
            (&long, BadHost::TooLong),
            (&longer, BadHost::TooLong),
            ("good.org@evil.org", BadHost::Userinfo),
            ("good.org\0.evil.org", BadHost::Character),
            ("good.org%00.evil.org", BadHost::Character),
            ("good.org evil.org", BadHost::Character),
            ("good.org\r\nevil.org", BadHost::Character),
            ("good.org/evil.org", BadHost::Character),
            ("good.org\\evil.org", BadHost::Character),
            ("good.org#evil.org", BadHost::Character),
            ("good.org?evil.org", BadHost::Character),
            ("good.org:80", BadHost::Character),
            // A wide slash, which becomes a real one.
            ("good.org／evil.org", BadHost::Foreign),
            ("xn--a.example", BadHost::Foreign),
            ("0x7f.1", BadHost::Number),
            ("0x7f000001", BadHost::Number),
            ("0x", BadHost::Number),
            ("2130706433", BadHost::Number),
            ("0177.0.0.1", BadHost::Number),
            ("127.1", BadHost::Number),
            ("127.0.0.01", BadHost::Number),
            ("1.2.3.256", BadHost::Number),
            ("example.0x1", BadHost::Number),
            ("example.7", BadHost::Number),
            ("[::1", BadHost::Brackets),
            ("[]", BadHost::Brackets),
            ("[127.0.0.1]", BadHost::Brackets),
            ("[fe80::1%eth0]", BadHost::Brackets),
            ("[fe80::1%25eth0]", BadHost::Brackets),
            ("[v1.x]", BadHost::Brackets),
            ("::1", BadHost::Character),
            ("*.example.com", BadHost::Character),
        ] {
            assert_eq!(normal(text), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_normal_name_is_its_own_normal_form(text in "\\PC{0,40}") {
            if let Ok(name) = normal(&text) {
                let again = if name.contains(':') { normal(&format!("[{name}]")) } else { normal(&name) };
                prop_assert_eq!(again, Ok(name.clone()));
                prop_assert!(name.bytes().all(|b| is_of_a_name(b) && !b.is_ascii_uppercase() || b == b':'), "{}", name);
                prop_assert!(!name.ends_with('.') && !name.starts_with('.'));
            }
        }

        #[test]
        fn case_and_a_last_dot_make_no_difference(name in "[a-z]{1,8}(\\.[a-z][a-z0-9-]{0,6}[a-z0-9]){0,3}") {
            prop_assume!(!name.split('.').any(|label| label.starts_with("xn--")));
            let loud = format!("{}.", name.to_uppercase());
            prop_assert_eq!(normal(&loud), Ok(name));
        }

        #[test]
        fn what_reads_as_an_address_is_that_address(ip: Ipv4Addr) {
            prop_assert_eq!(normal(&ip.to_string()), Ok(ip.to_string()));
            prop_assert_eq!(normal(&format!("[::ffff:{ip}]")), Ok(ip.to_string()));
            prop_assert_eq!(normal(&u32::from(ip).to_string()), Err(BadHost::Number));
        }
    }
}
