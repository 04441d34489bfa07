//! When a provider takes calls again, as its refusal tells: a pure reading of headers and body.
//!
//! Sources: RFC 9110, 10.2.3 (`Retry-After`); Anthropic, "Rate limits"; OpenAI, "Rate limits"; Google, `RetryInfo`;
//! OpenRouter, "Limits". What can't be read is as if it weren't there.

use std::time::UNIX_EPOCH;

use http::HeaderMap;
use mi_core::time::{Millis, Time};
use serde_json::Value;

use super::kinds::Dialect;

/// Numbers above these are moments since 1970, in seconds or milliseconds, not lengths.
const EPOCH_SECONDS_MIN: f64 = 1e9;
const EPOCH_MILLIS_MIN: f64 = 1e12;
const OVERLOADED: u16 = 529;
/// OpenAI's word for a call that is more than a whole minute's allowance.
const TOO_LARGE: &[u8] = b"Request too large";

/// What a refusal says of the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not now; from then on, if it says when.
    NotNow(Option<Time>),
    /// Not with this key.
    BadKey,
    /// Something else: about this call, or about the provider's health.
    Other,
}

pub fn read(dialect: Dialect, (status, headers, body): (u16, &HeaderMap, &[u8]), now: Time) -> Refusal {
    match status {
        // No time makes it smaller.
        429 if says(body, TOO_LARGE) => Refusal::Other,
        429 => Refusal::NotNow(until(headers, body, now)),
        // Overloaded: only a time makes that a quota.
        503 | OVERLOADED => retry_after(headers, now).map_or(Refusal::Other, |at| Refusal::NotNow(Some(at))),
        401 => Refusal::BadKey,
        400 | 403 if dialect == Dialect::Google && is_bad_key(body) => Refusal::BadKey,
        _ => Refusal::Other,
    }
}

fn says(body: &[u8], words: &[u8]) -> bool {
    body.windows(words.len()).any(|window| window == words)
}

fn until(headers: &HeaderMap, body: &[u8], now: Time) -> Option<Time> {
    retry_after(headers, now).or_else(|| retry_info(body, now)).or_else(|| resets(headers, now))
}

fn retry_after(headers: &HeaderMap, now: Time) -> Option<Time> {
    let millis = text(headers, "retry-after-ms").and_then(|text| text.parse::<f64>().ok());
    if let Some(at) = millis.and_then(|millis| after(now, millis / 1_000.0)) {
        return Some(at);
    }
    let text = text(headers, "retry-after")?;
    if let Ok(seconds) = text.parse::<f64>() {
        return after(now, seconds);
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(at.as_millis()).ok().map(Time)
}

/// The latest reset of those allowances of which nothing remains; of all, if none says that.
fn resets(headers: &HeaderMap, now: Time) -> Option<Time> {
    let known = headers.iter().filter_map(|(name, value)| {
        let (name, text) = (name.as_str(), value.to_str().ok()?);
        let counts = name.starts_with("anthropic-ratelimit-") || name.starts_with("x-ratelimit-");
        let at = (counts && name.contains("reset")).then(|| moment(text, now)).flatten()?;
        let rest = text_of_rest(headers, name);
        Some((at, rest.is_some_and(|rest| rest.trim() == "0")))
    });
    let known: Vec<(Time, bool)> = known.collect();
    let exhausted = known.iter().filter(|(_, exhausted)| *exhausted).map(|(at, _)| *at).max();
    exhausted.or_else(|| known.iter().map(|(at, _)| *at).max())
}

fn text_of_rest<'a>(headers: &'a HeaderMap, reset: &str) -> Option<&'a str> {
    text(headers, &reset.replace("reset", "remaining"))
}

/// RFC 3339, a number, or a length such as `6m0s`.
fn moment(text: &str, now: Time) -> Option<Time> {
    match text.parse::<f64>() {
        Ok(number) if number >= EPOCH_MILLIS_MIN => after(Time(0), number / 1_000.0),
        Ok(number) if number >= EPOCH_SECONDS_MIN => after(Time(0), number),
        Ok(number) => after(now, number),
        Err(_) => Time::parse(text).or_else(|| after(now, length(text)?)),
    }
}

/// `1h2m3.5s`, `20ms`: in seconds.
fn length(text: &str) -> Option<f64> {
    let (mut rest, mut sum) = (text.trim(), 0.0);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        sum += number
            * match &rest[..unit] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    Some(sum)
}

/// `{"error": {"details": [{"@type": "…/google.rpc.RetryInfo", "retryDelay": "34s"}]}}`, in an array when streamed.
fn retry_info(body: &[u8], now: Time) -> Option<Time> {
    let delay =
        details(body, b"retryDelay")?.iter().find_map(|detail| detail["retryDelay"].as_str().map(str::to_owned))?;
    after(now, length(&delay)?)
}

/// Google's way to refuse a key. A message may quote the caller, so only the reason counts.
fn is_bad_key(body: &[u8]) -> bool {
    const REASON: &str = "API_KEY_INVALID";
    details(body, REASON.as_bytes()).is_some_and(|list| list.iter().any(|detail| detail["reason"] == REASON))
}

/// The details of Google's error, read only where `word` stands somewhere.
fn details(body: &[u8], word: &[u8]) -> Option<Vec<Value>> {
    if !body.windows(word.len()).any(|window| window == word) {
        return None;
    }
    let mut whole: Value = serde_json::from_slice(body).ok()?;
    let first = whole.as_array_mut().and_then(|list| list.first_mut()).map(Value::take).unwrap_or(whole);
    first["error"]["details"].as_array().cloned()
}

/// Rounded up, so that no call comes too early.
fn after(from: Time, seconds: f64) -> Option<Time> {
    const MILLIS_MAX: f64 = 1e14;
    let millis = (seconds * 1_000.0).ceil();
    (0.0..=MILLIS_MAX).contains(&millis).then(|| from + Millis(millis as i64))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    /// 2026-11-26T05:00:00Z
    const NOW: Time = Time(1_795_669_200_000);

    fn check(status: u16, pairs: &[(&str, &str)], body: &str, expected: Refusal) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let found = read(Dialect::Google, (status, &headers, body.as_bytes()), NOW);
        assert_eq!(found, expected, "{status} {pairs:?} {body}");
    }

    fn in_ms(ms: i64) -> Refusal {
        Refusal::NotNow(Some(NOW + Millis(ms)))
    }

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        check(429, &[("retry-after", "30")], "", in_ms(30_000));
        check(429, &[("retry-after", "0.25")], "", in_ms(250));
        check(429, &[("retry-after-ms", "1500"), ("retry-after", "30")], "", in_ms(1_500));
        check(429, &[("retry-after", "Thu, 26 Nov 2026 05:01:00 GMT")], "", in_ms(60_000));
        check(529, &[("retry-after", "7")], "", in_ms(7_000));
        check(503, &[("retry-after", "7")], "", in_ms(7_000));
        check(503, &[], "", Refusal::Other);
    }

    #[test]
    fn of_many_allowances_the_exhausted_one_counts() {
        let anthropic = [
            ("anthropic-ratelimit-requests-remaining", "10"),
            ("anthropic-ratelimit-requests-reset", "2026-11-26T09:00:00Z"),
            ("anthropic-ratelimit-tokens-remaining", "0"),
            ("anthropic-ratelimit-tokens-reset", "2026-11-26T05:02:00Z"),
        ];
        check(429, &anthropic, "", in_ms(120_000));
        let openai = [
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "1m1.5s"),
            ("x-ratelimit-reset-tokens", "20ms"),
        ];
        check(429, &openai, "", in_ms(61_500));
        check(429, &[("x-ratelimit-reset-tokens", "20ms")], "", in_ms(20));
        check(429, &[("x-ratelimit-reset", "1795669260000")], "", in_ms(60_000));
        check(429, &[("anthropic-ratelimit-unified-reset", "1795669230")], "", in_ms(30_000));
    }

    #[test]
    fn google_tells_it_in_the_body() {
        let error = r#"{"error":{"code":429,"details":[{"@type":"type.googleapis.com/google.rpc.Help"},
            {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.07s"}]}}"#;
        check(429, &[], error, in_ms(34_070));
        check(429, &[], &format!("[{error}]"), in_ms(34_070));
    }

    #[test]
    fn nonsense_is_no_time() {
        for value in ["", "soon", "-5", "NaN", "inf", "1e300", "5 s", "Thu, 99 Nov"] {
            check(429, &[("retry-after", value)], "", Refusal::NotNow(None));
        }
        for body in ["{\"retryDelay\":", "[]", "{\"error\":{\"details\":[{\"retryDelay\":7}]}}"] {
            check(429, &[], body, Refusal::NotNow(None));
            check(429, &[("retry-after", "1")], "Request too large for gpt-5.5: Limit 30000", Refusal::Other);
        }
        for text in ["", "s", "5", "5x", "1.2.3s", "m5s"] {
            assert_eq!(length(text), None, "{text}");
        }
    }

    #[test]
    fn a_refused_key_is_known() {
        check(401, &[("retry-after", "5")], "", Refusal::BadKey);
        check(400, &[], r#"{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}"#, Refusal::BadKey);
        check(400, &[], r#"[{"error":{"details":[{},{"reason":"API_KEY_INVALID"}]}}]"#, Refusal::BadKey);
        check(400, &[], r#"{"error":{"message":"no such model: API_KEY_INVALID","details":[]}}"#, Refusal::Other);
        let echo = br#"{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}"#;
        for dialect in [Dialect::Anthropic, Dialect::Openai] {
            assert_eq!(read(dialect, (400, &HeaderMap::new(), echo), NOW), Refusal::Other);
        }
        check(400, &[], r#"{"error":{}}"#, Refusal::Other);
        check(403, &[], "", Refusal::Other);
        check(500, &[], "", Refusal::Other);
    }
}
