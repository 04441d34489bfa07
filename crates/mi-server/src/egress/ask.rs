//! What a request asks a proxy for, and which of its headers go on.

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Uri, Version};
use mi_core::egress::{BadTarget, Target};

const HTTP_PORT: u16 = 80;
/// Of one connection only (RFC 9110, 7.6.1), whatever `Connection` says. Lengths are set anew from what was read, so that
/// nobody can be of two minds about where a body ends.
const HOP_BY_HOP: [HeaderName; 6] = [CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
const KEEP_ALIVE: &str = "keep-alive";
/// `Proxy-Authorization`, `Proxy-Connection`: between a client and its proxy.
const OF_PROXIES: &str = "proxy-";

/// How bytes go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `CONNECT`: both ways, unread.
    Tunnel,
    /// One request and its answer.
    Plain,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub form: Form,
    pub target: Target,
    pub method: String,
}

/// Why a request can't be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAsk {
    #[error("this is a proxy: it is asked with CONNECT host:port or with a whole http:// address")]
    NotForProxies,
    #[error("a proxy is asked for https with CONNECT host:port")]
    Https,
    #[error("the address can't be read: {0}")]
    Target(BadTarget),
}

pub fn read(method: &Method, uri: &Uri) -> Result<Wanted, BadAsk> {
    let authority = uri.authority().ok_or(BadAsk::NotForProxies)?.as_str();
    let wanted = |form, target: Result<Target, BadTarget>| {
        Ok(Wanted { form, target: target.map_err(BadAsk::Target)?, method: method.as_str().to_owned() })
    };
    match (*method == Method::CONNECT, uri.scheme_str()) {
        (true, None) => wanted(Form::Tunnel, Target::of_authority(authority, None)),
        (false, Some("http")) => wanted(Form::Plain, Target::of_authority(authority, Some(HTTP_PORT))),
        (false, Some("https")) => Err(BadAsk::Https),
        (true, Some(_)) | (false, _) => Err(BadAsk::NotForProxies),
    }
}

/// The same request for the host itself: its path, our reading of its name, and no header that was for us.
pub fn outgoing(parts: &mut Parts, target: &Target) {
    let path = parts.uri.path_and_query().cloned();
    parts.uri = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    parts.version = Version::HTTP_11;
    strip(&mut parts.headers);
    // The body's reading has answered it.
    parts.headers.remove(EXPECT);
    let host = match target.port {
        HTTP_PORT => target.to_string().trim_end_matches(":80").to_owned(),
        _ => target.to_string(),
    };
    // Invariant: a normal name is ASCII without spaces.
    if let Ok(host) = HeaderValue::try_from(host) {
        parts.headers.insert(HOST, host);
    }
    parts.extensions.clear();
}

/// An answer goes on without what was between its host and us.
pub fn incoming(headers: &mut HeaderMap) {
    // An answer to HEAD says a length without having one, and what was read of the others has the length that it said,
    // unless it came in chunks.
    let length = headers.remove(CONTENT_LENGTH).filter(|_| !headers.contains_key(TRANSFER_ENCODING));
    strip(headers);
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length);
    }
}

fn strip(headers: &mut HeaderMap) {
    let listed = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<HeaderName> =
        listed.flat_map(|list| list.split(',')).filter_map(|name| name.trim().parse().ok()).collect();
    let own = headers.keys().filter(|name| name.as_str().starts_with(OF_PROXIES) || name.as_str() == KEEP_ALIVE);
    let own: Vec<HeaderName> = own.cloned().collect();
    for name in named.iter().chain(&own).chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use mi_core::egress::BadHost;

    fn asked(method: &str, uri: &str) -> Result<String, BadAsk> {
        let (method, uri) = (method.parse().unwrap(), uri.parse().unwrap());
        read(&method, &uri).map(|wanted| format!("{:?} {} {}", wanted.form, wanted.method, wanted.target))
    }

    #[test]
    fn a_request_names_its_target_in_one_way_only() {
        let bad = |host| Err(BadAsk::Target(BadTarget::Host(host)));
        for (method, uri, expected) in [
            ("CONNECT", "Example.com:443", Ok("Tunnel CONNECT example.com:443")),
            ("CONNECT", "[2001:db8::1]:443", Ok("Tunnel CONNECT [2001:db8::1]:443")),
            ("GET", "http://example.com/x?y", Ok("Plain GET example.com:80")),
            ("PROPFIND", "http://example.com:8080/", Ok("Plain PROPFIND example.com:8080")),
            ("CONNECT", "example.com:0", Err(BadAsk::Target(BadTarget::Port))),
            ("CONNECT", "example.com:99999", Err(BadAsk::Target(BadTarget::Port))),
            ("CONNECT", "user@example.com:443", bad(BadHost::Userinfo)),
            ("GET", "http://ex_ample!.com/", bad(BadHost::Character)),
            ("CONNECT", "0x7f.1:443", bad(BadHost::Number)),
            ("GET", "http://user:secret@example.com/", bad(BadHost::Userinfo)),
            ("GET", "http://2130706433/", bad(BadHost::Number)),
            ("GET", "https://example.com/", Err(BadAsk::Https)),
            ("GET", "ftp://example.com/", Err(BadAsk::NotForProxies)),
            ("GET", "/api/v1/offices", Err(BadAsk::NotForProxies)),
            ("OPTIONS", "*", Err(BadAsk::NotForProxies)),
            ("CONNECT", "http://example.com/", Err(BadAsk::NotForProxies)),
            ("CONNECT", "/x", Err(BadAsk::NotForProxies)),
        ] {
            assert_eq!(asked(method, uri), expected.map(str::to_owned), "{method} {uri}");
        }
        for unreadable in ["good.org\0:80", "good.org%00:80", "gööd.org:80"] {
            assert!(unreadable.parse::<Uri>().is_err(), "{unreadable}");
        }
    }

    #[test]
    fn an_answer_has_one_length() {
        let headers = |list: &[(&str, &str)]| -> HeaderMap {
            let pair = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            list.iter().map(pair).collect()
        };
        let length = ("content-length", "3");
        let mut plain = headers(&[length, ("keep-alive", "x"), ("proxy-authenticate", "Basic")]);
        incoming(&mut plain);
        assert_eq!(plain, headers(&[length]));
        let mut chunked =
            headers(&[length, ("transfer-encoding", "chunked"), ("connection", "x-mine"), ("x-mine", "1")]);
        incoming(&mut chunked);
        assert_eq!(chunked, headers(&[]));
    }

    #[test]
    fn what_was_for_the_proxy_stays_with_it() {
        let request = Request::builder()
            .uri("http://example.com:80/a?b")
            .header("host", "evil.org")
            .header("connection", "close, X-Mine")
            .header("x-mine", "1")
            .header("proxy-authorization", "Basic x")
            .header("proxy-connection", "keep-alive")
            .header("keep-alive", "timeout=5")
            .header("te", "trailers")
            .header("transfer-encoding", "chunked")
            .header("content-length", "3")
            .header("upgrade", "h2c")
            .header("expect", "100-continue")
            .header("accept", "*/*");
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        outgoing(&mut parts, &Target::of_authority("example.com", Some(80)).unwrap());
        let left: Vec<String> = parts.headers.iter().map(|(k, v)| format!("{k}: {}", v.to_str().unwrap())).collect();
        assert_eq!(
            (parts.uri.to_string().as_str(), left),
            ("/a?b", vec!["host: example.com".into(), "accept: */*".into()])
        );
    }
}
