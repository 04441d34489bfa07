//! Who a browser is: by a cookie that only this server reads, and forms that only its own pages send.

use mi_core::ids::UserId;
use subtle::ConstantTimeEq;

use super::codes::{self, Purpose};
use super::{faults, store};
use crate::house::House;
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Wire};
use crate::infra::keys::Keys;

const COOKIE: &str = "mi_session";
pub const BROWSER_HOURS: i64 = 12;
const CSRF_CHARS: usize = 32;

/// A browser that somebody signed in with.
pub struct Browser {
    pub user: UserId,
    pub name: String,
    pub hash: String,
    /// Stands in each form of this browser's pages, where no other site can read it.
    pub csrf: String,
}

/// `None` where nobody is signed in.
pub async fn of(house: &House, call: &Call) -> Result<Option<Browser>, Fault> {
    let Some(token) = token(call) else { return Ok(None) };
    let (hash, now) = (codes::hash(&house.keys, Purpose::Browser, &token), house.clock.now());
    let wanted = hash.clone();
    let found = house.db.read(move |tx| Ok(store::browser(tx, &wanted, now)?)).await?;
    Ok(found.map(|(user, name)| Browser { user, name, hash, csrf: csrf(&house.keys, &token) }))
}

/// The browser behind a form, if one of its own pages sent it.
pub async fn behind(house: &House, call: &Call, csrf: &str) -> Result<Browser, Fault> {
    must_be_our_page(call)?;
    let browser = of(house, call).await?.ok_or_else(faults::not_signed_in)?;
    if bool::from(browser.csrf.as_bytes().ct_eq(csrf.as_bytes())) { Ok(browser) } else { Err(faults::foreign_page()) }
}

/// What browsers say of the page that sends a form. Programs say nothing, and have no cookie to be misused.
pub fn must_be_our_page(call: &Call) -> Result<(), Fault> {
    let ours = match (call.header("sec-fetch-site"), call.header("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => call
            .header("host")
            .is_some_and(|host| origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))),
        (None, None) => true,
    };
    if ours { Ok(()) } else { Err(faults::foreign_page()) }
}

fn token(call: &Call) -> Option<String> {
    let cookies = call.header("cookie")?.split(';');
    let mut values = cookies.filter_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    values.next().map(str::to_owned)
}

fn csrf(keys: &Keys, token: &str) -> String {
    let mut text = hex::encode(keys.mac("login-csrf", &[token.as_bytes()]));
    text.truncate(CSRF_CHARS);
    text
}

/// `Set-Cookie` of a browser that is signed in from now on.
pub fn cookie(call: &Call, token: &str) -> String {
    let seconds = BROWSER_HOURS * 3_600;
    format!("{COOKIE}={token}; Max-Age={seconds}; {}", attributes(call))
}

/// The same for one that is signed out.
pub fn no_cookie(call: &Call) -> String {
    format!("{COOKIE}=; Max-Age=0; {}", attributes(call))
}

fn attributes(call: &Call) -> String {
    // A proxy that speaks TLS for this server says so; whoever pretends to be one only keeps their own cookie away.
    let encrypted = call.wire() == Wire::Encrypted || call.header("x-forwarded-proto") == Some("https");
    let secure = if encrypted { "; Secure" } else { "" };
    format!("Path=/login; HttpOnly; SameSite=Strict{secure}")
}
