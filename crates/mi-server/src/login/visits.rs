//! Acts of login that people do on its pages.

use mi_core::ids::UserId;
use mi_core::time::Millis;
use zeroize::Zeroizing;

use super::browser::{BROWSER_HOURS, Browser};
use super::codes::{self, Purpose};
use super::faults;
use super::store::{self, LoginRow, State};
use super::throttle::Place;
use crate::house::House;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::http::Call;

const BROWSERS_PER_PERSON_MAX: i64 = 20;

/// What a new browser is known by.
pub type Token = Zeroizing<String>;

/// A wrong name and a wrong password are answered alike, after the same work.
pub async fn sign_in(house: &House, call: &Call, name: &str, password: Zeroizing<String>) -> Result<Token, Fault> {
    let place = Place::of(call.peer());
    let desk = &house.logins;
    desk.passwords.take(&place, house.clock.now()).map_err(faults::too_many_passwords)?;
    let name = name.trim().to_owned();
    let found = house.db.read(move |tx| Ok(store::password_of(tx, &name)?)).await?;
    let (user, kept) = found.map_or((None, None), |(user, kept)| (Some(user), kept));
    let is_right = desk.mill.verify(password, kept).await?;
    let user = user.filter(|_| is_right).ok_or_else(faults::wrong_password)?;
    desk.passwords.give_back(&place);
    let token = codes::secret()?;
    admit(house, user, &token).await?;
    Ok(token)
}

pub async fn sign_in_by_link(house: &House, link: &str) -> Result<Token, Fault> {
    let (link, now) = (codes::hash(&house.keys, Purpose::Link, link), house.clock.now());
    let used = house.db.write(move |tx| Ok(store::use_link(tx, &link, now)?)).await?;
    let user = used.ok_or_else(faults::bad_link)?;
    let token = codes::secret()?;
    admit(house, user, &token).await?;
    Ok(token)
}

async fn admit(house: &House, user: UserId, token: &str) -> Result<(), Fault> {
    let (hash, now) = (codes::hash(&house.keys, Purpose::Browser, token), house.clock.now());
    let expires_at = now + Millis::seconds(BROWSER_HOURS * 3_600);
    let write = move |tx: &mut dyn Tx| {
        store::insert_browser(tx, &hash, user, now, expires_at)?;
        Ok(store::trim_browsers(tx, user, BROWSERS_PER_PERSON_MAX)?)
    };
    house.db.write(write).await
}

/// Who asks, for whoever has typed the code that their terminal shows.
pub async fn look(house: &House, browser: &Browser, code: &str) -> Result<LoginRow, Fault> {
    let (place, now) = (Place::Person(browser.user), house.clock.now());
    house.logins.codes.take(&place, now).map_err(faults::too_many_codes)?;
    let Some(code) = codes::typed(code) else { return Err(faults::no_such_login()) };
    let hash = codes::hash(&house.keys, Purpose::UserCode, &code);
    let found = house.db.read(move |tx| Ok(store::login_of_code(tx, &hash)?)).await?;
    let open = found.filter(|login| login.state == State::Open && login.expires_at > now);
    let login = open.ok_or_else(faults::no_such_login)?;
    house.logins.codes.give_back(&place);
    Ok(login)
}

/// Yes or no, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Approve,
    Refuse,
}

impl Verdict {
    pub fn read(text: &str) -> Result<Self, Fault> {
        match text {
            "approve" => Ok(Verdict::Approve),
            "refuse" => Ok(Verdict::Refuse),
            other => Err(faults::bad_answer(other)),
        }
    }
}

/// Gives the name of who asked.
pub async fn decide(house: &House, browser: &Browser, code: &str, verdict: Verdict) -> Result<String, Fault> {
    let login = look(house, browser, code).await?;
    let state = match verdict {
        Verdict::Approve => State::Approved,
        Verdict::Refuse => State::Refused,
    };
    let code = codes::typed(code).ok_or_else(faults::no_such_login)?;
    let (hash, user, now) = (codes::hash(&house.keys, Purpose::UserCode, &code), browser.user, house.clock.now());
    let decided = house.db.write(move |tx| Ok(store::decide(tx, &hash, state, user, now)?)).await?;
    if decided { Ok(login.client_name) } else { Err(faults::no_such_login()) }
}

/// From now on this person signs in with it; their other browsers are signed out.
pub async fn set_password(
    house: &House,
    browser: &Browser,
    password: Zeroizing<String>,
    repeated: &str,
) -> Result<(), Fault> {
    if password.as_str() != repeated {
        return Err(faults::different_passwords());
    }
    let kept = house.logins.mill.hash(password).await?;
    let (user, own) = (browser.user, browser.hash.clone());
    let write = move |tx: &mut dyn Tx| {
        store::set_password(tx, user, &kept)?;
        Ok(store::remove_other_browsers(tx, user, &own)?)
    };
    house.db.write(write).await
}

pub async fn sign_out(house: &House, browser: &Browser) -> Result<(), Fault> {
    let own = browser.hash.clone();
    house.db.write(move |tx| Ok(store::remove_browser(tx, &own)?)).await
}
