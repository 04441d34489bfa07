//! What an owner sees of applications on a page, and says.
//!
//! Elsewhere: the page itself, and who is signed in, are in `login`.

use mi_core::ids::{OfficeId, UserId};
use mi_core::wire::invites::{Application, Decision};

use super::applications::{approve, card, open, refuse};
use super::{faults, store};
use crate::house::House;
use crate::infra::act::Act;
use crate::infra::caller::{Member, Person};
use crate::infra::db::Tx;
use crate::infra::fault::Fault;

/// One that waits for the owner's word, and where.
pub struct Waiting {
    pub office: OfficeId,
    pub office_name: String,
    pub application: Application,
}

/// The owner's word.
#[derive(Debug, Clone)]
pub enum Word {
    LetIn,
    /// Why, for the applicant, if they want to say it.
    Refuse(Decision),
}

/// What waits for this person's word, in all the offices that they own.
pub async fn waiting_for(house: &House, owner: UserId, most: i64) -> Result<Vec<Waiting>, Fault> {
    let now = house.clock.now();
    let rows = house.db.read(move |tx: &mut dyn Tx| Ok(store::for_owner(tx, owner, now, most)?)).await?;
    let waiting = |(office, office_name, row)| Waiting { office, office_name, application: card(row, now) };
    Ok(rows.into_iter().map(waiting).collect())
}

/// Gives the applicant's name. For whoever doesn't own the office there is no such application.
pub async fn decide(house: &House, owner: UserId, office: OfficeId, id: String, word: Word) -> Result<String, Fault> {
    let act = move |act: &mut Act<'_>| {
        if act.head.owner != owner {
            return Err(faults::no_such_application());
        }
        let member = Member::Person(Person::owner(owner));
        let name = open(act, &id)?.name;
        match &word {
            Word::LetIn => approve(act, &member, &id)?,
            Word::Refuse(decision) => refuse(act, &member, &id, decision)?,
        };
        Ok(name)
    };
    house.act_as_server(office, act).await
}
