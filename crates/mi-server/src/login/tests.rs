//! Login, as terminals and browsers do it.

use std::net::IpAddr;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use mi_core::identity::Role;
use serde_json::{Value, json};

use crate::infra::http::{Peer, Via, Wire};
use crate::testing::{KeyState, TestHouse, TestReply};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const PASSWORD: &str = "correct horse battery";

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// A browser of a test: it keeps its cookie and sends what browsers send.
struct Browser<'a> {
    house: &'a TestHouse,
    address: IpAddr,
    cookie: Option<String>,
    wire: Wire,
}

/// What it shows.
struct Shown {
    status: u16,
    text: String,
    location: Option<String>,
    set_cookie: Option<String>,
    policy: String,
}

impl<'a> Browser<'a> {
    fn new(house: &'a TestHouse) -> Self {
        Self { house, address: [127, 0, 0, 1].into(), cookie: None, wire: Wire::Plain }
    }

    fn at(self, address: &str) -> Self {
        Self { address: address.parse().unwrap(), ..self }
    }

    async fn ask(&mut self, method: &str, path: &str, form: &[(&str, &str)], origin: &str) -> Shown {
        let form: Vec<String> =
            form.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+"))).collect();
        let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:7700");
        if method == "POST" {
            request = request.header("content-type", "application/x-www-form-urlencoded").header("origin", origin);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", format!("other=1; {cookie}"));
        }
        let request = request.extension(Peer(self.address)).extension(self.wire);
        let request = request.body(Body::from(form.join("&"))).unwrap();
        let (parts, body) = self.house.front().answer(request, Via::Tcp).await.into_parts();
        let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let set_cookie = header("set-cookie");
        if let Some(cookie) = &set_cookie {
            self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        }
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let policy = header("content-security-policy").unwrap_or_default();
        Shown { status: parts.status.as_u16(), text, location: header("location"), set_cookie, policy }
    }

    async fn open(&mut self, path: &str) -> Shown {
        self.ask("GET", path, &[], "").await
    }

    async fn send(&mut self, path: &str, form: &[(&str, &str)]) -> Shown {
        self.ask("POST", path, form, "http://127.0.0.1:7700").await
    }

    async fn csrf(&mut self) -> String {
        let home = self.open("/login").await.text;
        home.split("name=\"csrf\" value=\"").nth(1).expect("a signed-in page").split('"').next().unwrap().to_owned()
    }

    /// Signed in by a link of the owner's.
    async fn of_owner(house: &'a TestHouse) -> Self {
        let mut browser = Self::new(house);
        let link = link(house).await;
        let shown = browser.send("/login/link", &[("link", &link), ("code", "")]).await;
        assert_eq!((shown.status, shown.location.as_deref()), (303, Some("/login")));
        browser
    }

    async fn set_password(&mut self, password: &str) -> Shown {
        let csrf = self.csrf().await;
        self.send("/login/password", &[("csrf", &csrf), ("password", password), ("repeated", password)]).await
    }
}

/// The secret of a fresh link.
async fn link(house: &TestHouse) -> String {
    let made = house.call("POST", "/auth/link", Value::Null).await.ok();
    made["path"].as_str().unwrap().strip_prefix("/login?link=").unwrap().to_owned()
}

async fn begin(house: &TestHouse, client: &str) -> (String, String) {
    let begun = house.nobody().call("POST", "/auth/device", json!({"client_name": client})).await.ok();
    let text = |name: &str| begun[name].as_str().unwrap().to_owned();
    (text("device_code"), text("user_code"))
}

async fn poll(house: &TestHouse, device: &str) -> TestReply {
    house.nobody().call("POST", "/auth/device/token", json!({"device_code": device})).await
}

#[tokio::test]
async fn a_terminal_gets_its_key_when_somebody_says_yes_and_only_once() {
    let house = TestHouse::new().await;
    let begun = house.nobody().call("POST", "/auth/device", json!({"clientName": "mi on anvil"})).await.ok();
    assert_eq!((&begun["interval"], &begun["expires_in"]), (&json!(2), &json!(600)));
    let (device, code) = (begun["device_code"].as_str().unwrap(), begun["user_code"].as_str().unwrap());
    assert!(begun["verification_url"].as_str().unwrap().ends_with(&format!("/login?code={code}")), "{begun}");
    let waiting = poll(&house, device).await;
    assert_eq!((waiting.status, &waiting.json), (202, &json!({"status": "pending"})));

    let mut browser = Browser::of_owner(&house).await;
    let asked = browser.open(&format!("/login?code={}", code.to_lowercase().replace('-', ""))).await;
    assert!(asked.status == 200 && asked.text.contains(code) && asked.text.contains("mi on anvil"), "{}", asked.text);
    let csrf = browser.csrf().await;
    let said = browser.send("/login/decide", &[("csrf", &csrf), ("code", code), ("answer", "approve")]).await;
    assert!(said.status == 200 && said.text.contains("It is in"), "{}", said.text);

    let answer = poll(&house, device).await.ok();
    assert_eq!((&answer["status"], &answer["name"]), (&json!("approved"), &json!("owner")));
    let key = answer["key"].as_str().unwrap();
    let me = house.as_key(key).call("GET", "/api/v1/whoami", Value::Null).await.ok();
    assert_eq!(me["id"], answer["userId"]);
    assert_eq!(poll(&house, device).await.ok(), answer, "an answer may get lost");
    house.advance(MINUTE_MS).await;
    assert_eq!(poll(&house, device).await.refused(), refusal(404, "no_such_login"), "once");
    let keys = house.call("GET", "/api/v1/keys", Value::Null).await.ok();
    assert_eq!(keys.as_array().unwrap().iter().filter(|one| one["name"] == "mi on anvil").count(), 1, "{keys}");
    let again = browser.send("/login/decide", &[("csrf", &csrf), ("code", code), ("answer", "refuse")]).await;
    assert_eq!(again.status, 404, "what is decided stays so");
    house.close().await;
}

#[tokio::test]
async fn a_login_can_be_refused_and_ends_by_itself() {
    let house = TestHouse::new().await;
    let mut browser = Browser::of_owner(&house).await;
    let csrf = browser.csrf().await;
    let (device, code) = begin(&house, "somebody").await;
    let said = browser.send("/login/decide", &[("csrf", &csrf), ("code", &code), ("answer", "refuse")]).await;
    assert!(said.text.contains("gets no key"), "{}", said.text);
    assert_eq!(poll(&house, &device).await.refused(), refusal(403, "login_refused"));

    let (late, late_code) = begin(&house, "too late").await;
    let (approved, approved_code) = begin(&house, "never fetched").await;
    browser.send("/login/decide", &[("csrf", &csrf), ("code", &approved_code), ("answer", "approve")]).await;
    house.advance(10 * MINUTE_MS).await;
    for device in [&late, &approved] {
        assert_eq!(poll(&house, device).await.refused(), refusal(404, "no_such_login"));
    }
    let shown = browser.open(&format!("/login?code={late_code}")).await;
    assert!(shown.status == 404 && shown.text.contains("unknown, expired or used"), "{}", shown.text);
    assert_eq!(poll(&house, "0000").await.refused(), refusal(404, "no_such_login"), "unknown is no other answer");
    house.close().await;
}

#[tokio::test]
async fn a_code_shows_nothing_to_whoever_is_not_signed_in_and_a_link_waits_for_a_click() {
    let house = TestHouse::new().await;
    let (_, code) = begin(&house, "mi on anvil").await;
    let mut browser = Browser::new(&house);
    for path in [format!("/login?code={code}"), "/login?code=AAAA-AAAA".to_owned()] {
        let shown = browser.open(&path).await;
        assert!(shown.status == 200 && !shown.text.contains("anvil"), "{}", shown.text);
    }
    let link = link(&house).await;
    for _ in 0..2 {
        let shown = browser.open(&format!("/login?link={link}&code={code}")).await;
        assert!(shown.set_cookie.is_none() && shown.text.contains("once"), "looking doesn't use it up");
    }
    let shown = browser.send("/login/link", &[("link", &link), ("code", &code)]).await;
    assert_eq!(shown.location, Some(format!("/login?code={code}")), "back to the question");
    assert!(browser.open(&format!("/login?code={code}")).await.text.contains("anvil"));
    let again = Browser::new(&house).send("/login/link", &[("link", &link)]).await;
    assert!(again.status == 404 && again.set_cookie.is_none(), "it works once");
    house.close().await;
}

#[tokio::test]
async fn a_link_is_made_by_a_whole_key_and_ends() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let old = link(&house).await;
    house.advance(10 * MINUTE_MS).await;
    assert_eq!(Browser::new(&house).send("/login/link", &[("link", &old)]).await.status, 404);
    let wish = json!({"name": "ci", "offices": [office.id]});
    let made = house.call("POST", "/api/v1/keys", wish).await.ok();
    let scoped = house.as_key(made["key"].as_str().unwrap());
    assert_eq!(scoped.call("POST", "/auth/link", Value::Null).await.refused(), refusal(403, "scoped_key"));
    house.close().await;
}

#[tokio::test]
async fn pages_keep_strangers_out() {
    let house = TestHouse::new().await;
    let link = link(&house).await;
    let mut browser = Browser::new(&house);
    let shown = browser.send("/login/link", &[("link", &link)]).await;
    let cookie = shown.set_cookie.unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/login", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "plain HTTP on this machine: {cookie}");
    let home = browser.open("/login").await;
    for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"] {
        assert!(home.policy.contains(part), "{}", home.policy);
    }
    assert!(!home.text.contains("<script") && !home.text.contains("style=\""), "{}", home.text);

    let mut tls = Browser { wire: Wire::Encrypted, ..Browser::new(&house) };
    let secret = self::link(&house).await;
    let shown = tls.send("/login/link", &[("link", &secret)]).await;
    assert!(shown.set_cookie.unwrap().ends_with("; Secure"));
    house.close().await;
}

#[tokio::test]
async fn forms_of_other_sites_do_nothing() {
    let house = TestHouse::new().await;
    let mut browser = Browser::of_owner(&house).await;
    let csrf = browser.csrf().await;
    let (device, code) = begin(&house, "mi").await;
    for (csrf, origin) in [(csrf.as_str(), "http://evil.example"), ("", "http://127.0.0.1:7700"), ("0", "null")] {
        let form = [("csrf", csrf), ("code", &code), ("answer", "approve")];
        let shown = browser.ask("POST", "/login/decide", &form, origin).await;
        assert_eq!(shown.status, 403, "{csrf:?} {origin}");
    }
    assert_eq!(poll(&house, &device).await.status, 202);
    let mut other = Browser::of_owner(&house).await;
    let foreign = other.csrf().await;
    let shown = browser.send("/login/decide", &[("csrf", &foreign), ("code", &code), ("answer", "approve")]).await;
    assert_eq!(shown.status, 403, "another browser's token");
    let link = link(&house).await;
    let mut fresh = Browser::new(&house);
    let shown = fresh.ask("POST", "/login/link", &[("link", &link)], "https://evil.example").await;
    assert!(shown.status == 403 && shown.set_cookie.is_none());
    house.close().await;
}

#[tokio::test]
async fn what_others_say_of_themselves_is_text_on_the_page() {
    let house = TestHouse::new().await;
    let mut browser = Browser::of_owner(&house).await;
    let (_, code) = begin(&house, "<b onload=\"x\">'&\u{7}").await;
    let shown = browser.open(&format!("/login?code={code}")).await;
    assert!(shown.text.contains("&lt;b onload=&quot;x&quot;&gt;&#39;&amp;</dd>"), "{}", shown.text);
    let shown = browser.open("/login?code=%3Cscript%3E").await;
    assert!(shown.status == 404 && !shown.text.contains("<script>"), "{}", shown.text);
    let (_, long) = begin(&house, &"x".repeat(500)).await;
    let shown = browser.open(&format!("/login?code={long}")).await;
    assert!(shown.text.contains(&"x".repeat(60)) && !shown.text.contains(&"x".repeat(61)));
    house.close().await;
}

#[tokio::test]
async fn a_password_signs_in_where_it_was_set() {
    let house = TestHouse::new().await;
    let mut browser = Browser::of_owner(&house).await;
    let mut other = Browser::of_owner(&house).await;
    for bad in ["short", "eleven char"] {
        assert_eq!(browser.set_password(bad).await.status, 400, "{bad}");
    }
    let csrf = browser.csrf().await;
    let form = [("csrf", csrf.as_str()), ("password", PASSWORD), ("repeated", "something else")];
    assert_eq!(browser.send("/login/password", &form).await.status, 400);
    assert_eq!(browser.set_password(PASSWORD).await.status, 200);
    assert!(other.open("/login").await.text.contains("Sign in to Mitosis"), "other browsers are signed out");
    assert!(browser.open("/login").await.text.contains("signed in as <b>owner</b>"));

    let (_, code) = begin(&house, "mi").await;
    let form = [("name", "owner"), ("password", PASSWORD), ("code", code.as_str())];
    let shown = other.send("/login", &form).await;
    assert_eq!((shown.status, shown.location), (303, Some(format!("/login?code={code}"))));
    for (name, password) in [("owner", "correct horse batterz"), ("nobody", PASSWORD), ("owner", ""), ("", "")] {
        let shown = Browser::new(&house).send("/login", &[("name", name), ("password", password)]).await;
        assert_eq!(shown.status, 401, "{name} {password}");
        assert!(shown.text.contains("the name or the password is wrong") && shown.set_cookie.is_none());
    }
    house.close().await;
}

#[tokio::test]
async fn wrong_passwords_are_few_from_one_place_and_links_still_work() {
    let house = TestHouse::new().await;
    Browser::of_owner(&house).await.set_password(PASSWORD).await;
    let try_at = async |address: &str, password: &str| {
        let form = [("name", "owner"), ("password", password)];
        Browser::new(&house).at(address).send("/login", &form).await.status
    };
    for _ in 0..5 {
        assert_eq!(try_at("10.0.0.1", "wrong").await, 401);
    }
    assert_eq!(try_at("10.0.0.1", PASSWORD).await, 429, "not even the right one");
    assert_eq!(try_at("10.0.0.2", PASSWORD).await, 303, "another place");
    let mut browser = Browser::new(&house).at("10.0.0.1");
    let secret = link(&house).await;
    assert_eq!(browser.send("/login/link", &[("link", &secret)]).await.status, 303, "nobody is locked out");
    house.advance(10 * MINUTE_MS).await;
    assert_eq!(try_at("10.0.0.1", PASSWORD).await, 303);
    for _ in 0..8 {
        assert_eq!(try_at("10.0.0.3", PASSWORD).await, 303, "good ones don't count");
    }
    house.close().await;
}

#[tokio::test]
async fn wrong_codes_and_begun_logins_are_few() {
    let house = TestHouse::new().await;
    let mut browser = Browser::of_owner(&house).await;
    let (_, code) = begin(&house, "mi").await;
    for n in 0..10 {
        assert_eq!(browser.open("/login?code=AAAA-AAAA").await.status, 404, "{n}");
    }
    assert_eq!(browser.open(&format!("/login?code={code}")).await.status, 429);
    house.advance(10 * MINUTE_MS).await;
    for n in 0..20 {
        assert_eq!(house.nobody().call("POST", "/auth/device", json!({})).await.status, 200, "{n}");
    }
    let reply = house.nobody().call("POST", "/auth/device", json!({})).await;
    assert!(reply.header("retry-after").is_some());
    assert_eq!(reply.refused(), refusal(429, "rate_limited"));
    house.close().await;
}

#[tokio::test]
async fn a_browser_is_signed_out_by_hand_and_by_time() {
    let house = TestHouse::new().await;
    let mut browser = Browser::of_owner(&house).await;
    let (csrf, kept) = (browser.csrf().await, browser.cookie.clone());
    let shown = browser.send("/login/out", &[("csrf", &csrf)]).await;
    assert!(shown.set_cookie.unwrap().contains("Max-Age=0"));
    let mut thief = Browser { cookie: kept, ..Browser::new(&house) };
    assert!(thief.open("/login").await.text.contains("Sign in to Mitosis"), "the old cookie is worth nothing");
    let mut browser = Browser::of_owner(&house).await;
    house.advance(12 * HOUR_MS).await;
    assert!(browser.open("/login").await.text.contains("Sign in to Mitosis"));
    house.close().await;
}

#[tokio::test]
async fn a_terminal_gets_the_key_of_whoever_said_yes() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let vera = house.as_key(&office.key_of_colleague("vera", Role::Viewer).await);
    let made = vera.call("POST", "/auth/link", Value::Null).await.ok();
    let secret = made["path"].as_str().unwrap().strip_prefix("/login?link=").unwrap().to_owned();
    let mut browser = Browser::new(&house);
    browser.send("/login/link", &[("link", &secret)]).await;
    let (device, code) = begin(&house, "mi").await;
    let csrf = browser.csrf().await;
    browser.send("/login/decide", &[("csrf", &csrf), ("code", &code), ("answer", "approve")]).await;
    let answer = poll(&house, &device).await.ok();
    assert_eq!(answer["name"], json!("vera"));
    let hers = house.as_key(answer["key"].as_str().unwrap());
    let reply = office.call_as(&hers, "POST", "/tasks", json!({"title": "t"})).await;
    assert_eq!(reply.refused(), refusal(403, "operator_only"));
    house.close().await;
}

#[tokio::test]
async fn of_secrets_only_hashes_are_stored() {
    let house = TestHouse::new().await;
    let secret = link(&house).await;
    let mut browser = Browser::of_owner(&house).await;
    browser.set_password(PASSWORD).await;
    let (device, code) = begin(&house, "mi").await;
    let token = browser.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
    let rows = house.everything().await.join("\n");
    for secret in [secret.as_str(), PASSWORD, &device, &code, &token, house.owner_key()] {
        assert!(!rows.contains(secret), "{secret} stands in the store");
    }
    house.close().await;
}

const APPLICATIONS: &str = "/login/applications";
const REASON: &str = "not this week";
const STATEMENT: &str = "<script>alert(1)</script> & \"me\" \u{202e}evil";

/// Somebody asks to be let into a gated office; gives office, number and token.
async fn asked_for(house: &TestHouse) -> (String, String, String) {
    let office = house.office().await;
    office.call("PATCH", "/settings", json!({"joinPolicy": "approve"})).await.ok();
    let code = office.call("POST", "/invites", json!({})).await.ok()["code"].clone();
    let wish = json!({"code": code, "agentName": "walker", "statement": STATEMENT});
    let applied = house.nobody().call("POST", "/api/agents/join/apply", wish).await.ok();
    let id = applied["application_id"].as_i64().unwrap().to_string();
    (office.id.to_string(), id, applied["poll_token"].as_str().unwrap().to_owned())
}

async fn state_of(house: &TestHouse, token: &str) -> Value {
    house.as_key(token).call("GET", "/api/agents/join/apply", Value::Null).await.ok()["status"].clone()
}

#[tokio::test]
async fn an_owner_lets_applicants_in_on_a_page_that_shows_what_they_say_as_text() {
    let house = TestHouse::new().await;
    let (office, id, token) = asked_for(&house).await;
    let mut owner = Browser::of_owner(&house).await;
    owner.set_password(PASSWORD).await;
    let mut fresh = Browser::new(&house);
    let asked = fresh.open(APPLICATIONS).await;
    assert!(
        asked.text.contains("name=\"to\" value=\"applications\"") && !asked.text.contains("walker"),
        "{}",
        asked.text
    );
    let form = [("name", "owner"), ("password", PASSWORD), ("to", "applications")];
    assert_eq!(fresh.send("/login", &form).await.location.as_deref(), Some(APPLICATIONS));
    let shown = fresh.open(APPLICATIONS).await;
    assert!(shown.text.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;me&quot; evil"), "{}", shown.text);
    assert!(shown.text.contains("name=\"reason\""), "{}", shown.text);
    assert!(!shown.text.contains("<script") && !shown.policy.contains("script-src"), "{}", shown.text);
    let csrf = fresh.csrf().await;
    let form = [("csrf", csrf.as_str()), ("office", &office), ("application", &id), ("answer", "approve")];
    let decided = fresh.send(APPLICATIONS, &form).await;
    assert_eq!((decided.status, decided.text.contains("<b>walker</b> gets its key")), (200, true), "{}", decided.text);
    assert_eq!(fresh.send(APPLICATIONS, &form).await.status, 409, "decided once");
    assert!(!fresh.open(APPLICATIONS).await.text.contains("walker"));
    assert_eq!(state_of(&house, &token).await, "approved");
    house.close().await;
}

#[tokio::test]
async fn an_application_is_decided_by_its_owner_and_by_no_other_page() {
    let house = TestHouse::new().await;
    let (office, id, token) = asked_for(&house).await;
    let mut owner = Browser::of_owner(&house).await;
    let csrf = owner.csrf().await;
    let form = |csrf: &str| {
        let fields =
            [("csrf", csrf), ("office", &office), ("application", &id), ("answer", "refuse"), ("reason", REASON)];
        fields.map(|(name, value)| (name, value.to_owned()))
    };
    let send = async |browser: &mut Browser<'_>, csrf: &str, origin: &str| {
        let form = form(csrf);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.ask("POST", APPLICATIONS, &form, origin).await.status
    };
    let ours = "http://127.0.0.1:7700";
    assert_eq!(send(&mut Browser::new(&house), &csrf, ours).await, 401);
    assert_eq!(send(&mut owner, "", ours).await, 403);
    assert_eq!(send(&mut owner, &csrf, "https://evil.example").await, 403);
    let stranger = house.stranger().await;
    let key = house.key_of(stranger, KeyState::Good).await;
    let made = house.as_key(&key).call("POST", "/auth/link", Value::Null).await.ok();
    let link = made["path"].as_str().unwrap().strip_prefix("/login?link=").unwrap().to_owned();
    let mut other = Browser::new(&house);
    other.send("/login/link", &[("link", &link), ("code", "")]).await;
    let own = other.csrf().await;
    assert!(!other.open(APPLICATIONS).await.text.contains("walker"));
    assert_eq!(send(&mut other, &own, ours).await, 404);
    assert_eq!(state_of(&house, &token).await, "pending");
    assert_eq!(send(&mut owner, &csrf, ours).await, 200);
    let told = house.as_key(&token).call("GET", "/api/agents/join/apply", Value::Null).await.ok();
    assert_eq!((&told["status"], &told["reason"]), (&json!("refused"), &json!(REASON)));
    house.close().await;
}
