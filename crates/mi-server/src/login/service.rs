//! Acts of login that terminals call.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use mi_core::time::{Millis, Time};
use mi_core::wire::identity::ApiKey;
use mi_core::wire::login::{BeginLogin, LoginAnswer, LoginBegun, LoginLink, LoginState};
use zeroize::Zeroizing;

use super::codes::{self, Purpose};
use super::faults;
use super::passwords::Mill;
use super::store::{self, NewLogin, State};
use super::throttle::{Place, Throttle};
use crate::house::{House, Outside};
use crate::identity::keys::{self, Issue};
use crate::identity::service as identity;
use crate::infra::act::Answer;
use crate::infra::caller::Caller;
use crate::infra::db::{Db, Tx};
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::infra::keys::Keys;

/// How long a terminal's code and a link are good.
const LOGIN_SECONDS: i64 = 600;
const LINK_SECONDS: i64 = 600;
/// Between two questions of a terminal.
const POLL_SECONDS: u64 = 2;
/// Of the whole server at once.
const LOGINS_OPEN_MAX: i64 = 1_000;
const CLIENT_NAME_CHARS_MAX: usize = 60;
const CLIENT_NAME_DEFAULT: &str = "a terminal";

/// How long an answer with a key is given again; it stays in this process's memory.
const ANSWER_KEPT_SECONDS: i64 = 60;
const ANSWERS_KEPT_MAX: usize = 1_000;
const WINDOW_SECONDS: i64 = 600;
const LOGINS_PER_PLACE_MAX: usize = 20;
const LOGINS_IN_ALL_MAX: usize = 1_000;
/// Wrong ones; a person who is locked out signs in by a link.
const PASSWORDS_PER_PLACE_MAX: usize = 5;
const PASSWORDS_IN_ALL_MAX: usize = 60;
/// Wrong ones, of somebody who is signed in.
const CODES_PER_PERSON_MAX: usize = 10;
const CODES_IN_ALL_MAX: usize = 1_000;

/// What the server remembers of logins beside the store.
pub struct Desk {
    pub(super) mill: Mill,
    pub(super) logins: Throttle,
    pub(super) passwords: Throttle,
    pub(super) codes: Throttle,
    /// What terminals were answered lately, for those whom the answer didn't reach.
    answers: Mutex<HashMap<String, Given>>,
}

/// An answer with a key in it, and until when it is given again.
struct Given {
    body: Zeroizing<String>,
    until: Time,
}

impl Desk {
    fn keep(&self, device_hash: String, answer: &Answer, now: Time) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|_, given| given.until > now);
        if answers.len() < ANSWERS_KEPT_MAX {
            let until = now + Millis::seconds(ANSWER_KEPT_SECONDS);
            answers.insert(device_hash, Given { body: Zeroizing::new(answer.body.clone()), until });
        }
    }

    fn given(&self, device_hash: &str, now: Time) -> Option<Answer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let given = answers.get(device_hash).filter(|given| given.until > now)?;
        Some(Answer { body: given.body.to_string(), ..Answer::empty(200) })
    }

    fn forget_answers(&self, now: Time) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, given| given.until > now);
    }
}

impl Default for Desk {
    fn default() -> Self {
        let throttle = |per_place, in_all| Throttle::new(per_place, in_all, Millis::seconds(WINDOW_SECONDS));
        Self {
            mill: Mill::default(),
            logins: throttle(LOGINS_PER_PLACE_MAX, LOGINS_IN_ALL_MAX),
            passwords: throttle(PASSWORDS_PER_PLACE_MAX, PASSWORDS_IN_ALL_MAX),
            codes: throttle(CODES_PER_PERSON_MAX, CODES_IN_ALL_MAX),
            answers: Mutex::default(),
        }
    }
}

/// A terminal asks for a key; somebody has to say yes.
pub async fn begin(house: &House, call: &Call, wish: BeginLogin) -> Result<Answer, Fault> {
    let now = house.clock.now();
    house.logins.logins.take(&Place::of(call.peer()), now).map_err(faults::too_many_logins)?;
    let (device, code) = (codes::secret()?, codes::user_code()?);
    let device_hash = codes::hash(&house.keys, Purpose::Device, &device);
    let code_hash = codes::hash(&house.keys, Purpose::UserCode, &code);
    let (client_name, source) = (client_name(wish.client_name), call.peer().map(|ip| ip.to_string()));
    let write = move |tx: &mut dyn Tx| {
        if store::count_open(tx, now, LOGINS_OPEN_MAX)? >= LOGINS_OPEN_MAX {
            return Err(faults::too_many_logins(LOGIN_SECONDS));
        }
        let login = NewLogin {
            device_hash: &device_hash,
            code_hash: &code_hash,
            client_name: &client_name,
            source: source.as_deref(),
            created_at: now,
            expires_at: now + Millis::seconds(LOGIN_SECONDS),
        };
        Ok(store::insert_login(tx, &login)?)
    };
    house.db.write(write).await?;
    let verification_url = format!("{}/login?code={code}", call.origin().unwrap_or(house.settings.endpoint.clone()));
    Answer::ok(&LoginBegun {
        device_code: device.to_string(),
        user_code: code,
        verification_url,
        interval: POLL_SECONDS,
        expires_in: LOGIN_SECONDS,
    })
}

/// What a terminal says of itself, tamed: it stands on a page and names a key.
fn client_name(said: Option<String>) -> String {
    let said = said.unwrap_or_default();
    let tame: String = said.trim().chars().filter(|c| !c.is_control()).take(CLIENT_NAME_CHARS_MAX).collect();
    if tame.is_empty() { CLIENT_NAME_DEFAULT.to_owned() } else { tame }
}

/// Whether somebody has said yes. The key is made now, and given to whoever asks first; its terminal may ask again for a
/// short while, since answers get lost.
pub async fn poll(house: &House, device_code: &str) -> Result<Answer, Fault> {
    let device_hash = codes::hash(&house.keys, Purpose::Device, device_code);
    let (now, wanted) = (house.clock.now(), device_hash.clone());
    let found = house.db.read(move |tx| Ok(store::login_of_device(tx, &wanted)?)).await?;
    let login = found.filter(|login| login.expires_at > now).ok_or_else(faults::no_such_login)?;
    match login.state {
        State::Open => pending(),
        State::Refused => Err(faults::refused()),
        State::Claimed => house.logins.given(&device_hash, now).ok_or_else(faults::no_such_login),
        State::Approved => {
            let (keys, hash) = (house.keys.clone(), device_hash.clone());
            let answer = house.db.write(move |tx| claim(tx, &keys, &hash, now)).await?;
            house.logins.keep(device_hash, &answer, now);
            Ok(answer)
        }
    }
}

fn pending() -> Result<Answer, Fault> {
    let status = LoginState::Pending;
    let answer = Answer::ok(&LoginAnswer { status, key: None, user_id: None, name: None })?;
    Ok(Answer { status: 202, ..answer })
}

fn claim(tx: &mut dyn Tx, keys: &Keys, device_hash: &str, now: Time) -> Result<Answer, Fault> {
    let login = store::login_of_device(tx, device_hash)?.ok_or_else(faults::no_such_login)?;
    let user = login.user.filter(|_| login.state == State::Approved).ok_or_else(faults::no_such_login)?;
    if !store::claim(tx, device_hash, now)? {
        return Err(faults::no_such_login());
    }
    let wish = Issue { user, name: &login.client_name, expires_at: None, offices: None };
    let ApiKey { key, .. } = keys::issue(tx, keys, &wish, now)?;
    let name = identity::name_of(tx, user)?;
    Answer::ok(&LoginAnswer { status: LoginState::Approved, key, user_id: Some(user), name: Some(name) })
}

/// Fields of an answer that are shown this once.
const SHOWN_ONCE: &[&str] = &["path"];

/// A link that signs a browser in as the caller, once.
pub fn make_link(outside: &mut Outside<'_>, keys: &Keys, caller: &Caller) -> Result<Answer, Fault> {
    let (user, _) = keys::whole(caller)?;
    let link = link(outside.tx, keys, user, outside.now)?;
    Ok(Answer::created(&link)?.showing_once(SHOWN_ONCE))
}

fn link(tx: &mut dyn Tx, keys: &Keys, user: mi_core::ids::UserId, now: Time) -> Result<LoginLink, Fault> {
    let secret = codes::secret()?;
    let expires_at = now + Millis::seconds(LINK_SECONDS);
    store::insert_link(tx, &codes::hash(keys, Purpose::Link, &secret), user, expires_at)?;
    Ok(LoginLink { path: format!("/login?link={}", secret.as_str()), expires_at })
}

/// The same for the first person, for whoever starts the server.
pub async fn link_for_owner(db: &Db, keys: &Keys, now: Time) -> Result<LoginLink, Fault> {
    let keys = keys.clone();
    db.write(move |tx| {
        let owner = identity::first_person(tx)?.ok_or_else(|| fault::internal("no owner yet"))?;
        link(tx, &keys, owner, now)
    })
    .await
}

/// Forgets logins, links and browsers whose time is over.
pub async fn forget(house: &House) -> Result<(), Fault> {
    let now = house.clock.now();
    house.logins.forget_answers(now);
    house.db.write(move |tx| Ok(store::forget(tx, now)?)).await
}
