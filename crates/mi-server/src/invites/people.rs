//! Coming in, for people: a code of the owner's makes a colleague.

use mi_core::identity::{Role, UserName};
use mi_core::ids::{BadId, UserId};
use mi_core::wire::invites::{ClaimCode, Claimed, InviteKind};
use serde_json::json;

use super::admission::{self, Secret};
use super::codes::{self, Found};
use super::service::record;
use super::store::ApplicationRow;
use super::throttle::Mood;
use super::{applications, faults};
use crate::house::House;
use crate::identity::keys::{Issue, issue};
use crate::identity::service as identity;
use crate::infra::act::{Act, Answer};
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::infra::keys::Keys;

/// What a key is called that somebody came in with.
const KEY_NAME: &str = "invite";
/// What an invite without a role is worth: nothing can be changed with it.
const ROLE_DEFAULT: Role = Role::Viewer;
/// Only the owner invites people.
const OWNER: &str = "owner";

/// A person comes in with a code, or waits for the owner's word while codes are being guessed.
pub async fn claim(house: &House, call: &Call) -> Result<Answer, Fault> {
    let wish: ClaimCode = call.body()?;
    if let Some(answer) = admission::earlier_answer(house, call).await? {
        return Ok(answer);
    }
    let (found, trier) = codes::look_up(house, call, &wish.code, InviteKind::Human).await?;
    let (token, keys) = (Secret::poll_token(house)?, house.keys.clone());
    let (idempotency, office) = (call.idempotency.clone(), found.office);
    let act = move |act: &mut Act<'_>| {
        let name = name_of(&wish, &found)?;
        let name = name.as_str();
        let answer = match trier.mood {
            Mood::Calm => come_in(act, &found, name, &keys)?,
            Mood::Alarmed => {
                let row = applications::blank(act, InviteKind::Human, name.to_owned(), trier.source);
                applications::file(act, &found, ApplicationRow { role: found.role, ..row }, &token)?
            }
        };
        admission::remember(act, idempotency.as_ref(), &answer)?;
        Ok(answer)
    };
    codes::counted(house, trier, house.act_as_server(office, act).await)
}

/// The name that the person wishes, or under which the owner invited them.
fn name_of(wish: &ClaimCode, found: &Found) -> Result<UserName, Fault> {
    let text = wish.name.as_deref().or(found.for_whom.as_deref()).unwrap_or_default();
    text.trim().parse().map_err(|bad: BadId| faults::bad_person_name(&bad))
}

fn come_in(act: &mut Act<'_>, found: &Found, name: &str, keys: &Keys) -> Result<Answer, Fault> {
    codes::consume(act, found, &shown(name))?;
    let role = found.role.unwrap_or(ROLE_DEFAULT);
    let user = add(act, name, role)?;
    let data = json!({"user": user, "role": role, "invite": found.id});
    record(act, &shown(name), "invites.claim", format!("{name} came in as {}", role.as_str()), data)?;
    Ok(Answer::created(&give_key(act, user, (name, role), keys)?)?.showing_once(&["key"]))
}

/// As events and comments show a colleague.
fn shown(name: &str) -> String {
    format!("user:{name}")
}

fn add(act: &mut Act<'_>, name: &str, role: Role) -> Result<UserId, Fault> {
    let user = identity::add_user(act.tx, name, act.now)?;
    identity::add_member(act, user, role, OWNER)?;
    Ok(user)
}

fn give_key(act: &mut Act<'_>, user: UserId, (name, role): (&str, Role), keys: &Keys) -> Result<Claimed, Fault> {
    let wish = Issue { user, name: KEY_NAME, expires_at: None, offices: None };
    let made = issue(act.tx, keys, &wish, act.now)?;
    let office_id = Some(act.office);
    Ok(Claimed { key: made.key, user_id: user, name: name.to_owned(), office_id, role: Some(role) })
}

/// The owner said yes.
pub fn admit(act: &mut Act<'_>, row: &ApplicationRow) -> Result<String, Fault> {
    Ok(add(act, &row.name, row.role.unwrap_or(ROLE_DEFAULT))?.to_string())
}

/// The key of somebody whom the owner let in.
pub fn hand_key(act: &mut Act<'_>, row: &ApplicationRow, keys: &Keys) -> Result<Claimed, Fault> {
    let subject = row.subject.as_deref().ok_or_else(|| fault::internal("an approved person without a user"))?;
    give_key(act, subject.parse()?, (&row.name, row.role.unwrap_or(ROLE_DEFAULT)), keys)
}
