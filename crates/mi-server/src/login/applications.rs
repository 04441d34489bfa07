//! The page on which an owner lets applicants in, or doesn't.
//!
//! What applicants say of themselves is shown as text, whatever it looks like.

use mi_core::wire::invites::Decision;
use serde::Deserialize;

use super::browser::{self, Browser};
use super::pages::{self, Goal, hidden, page};
use super::routes::{here, told};
use super::visits::Verdict;
use crate::house::House;
use crate::infra::fault::Fault;
use crate::infra::http::reply::{Page, escaped};
use crate::infra::http::{Call, Reply};
use crate::invites::REASON_CHARS_MAX;
use crate::invites::gate::{self, Waiting, Word};

pub const PLACE: &str = "/login/applications";
/// On one page; the next ones come when these are decided.
const SHOWN_MAX: i64 = 50;

/// What the form of one application holds.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    csrf: String,
    office: String,
    application: String,
    answer: String,
    reason: String,
}

pub async fn show(house: House, call: Call) -> Result<Reply, Fault> {
    told(shown(&house, &call).await, PLACE)
}

async fn shown(house: &House, call: &Call) -> Result<Page, Fault> {
    let Some(browser) = browser::of(house, call).await? else {
        return Ok(pages::sign_in(Goal::Applications, call.wire(), here(call)));
    };
    let waiting = gate::waiting_for(house, browser.user, SHOWN_MAX).await?;
    Ok(list(&browser, &waiting))
}

pub async fn decide(house: House, call: Call) -> Result<Reply, Fault> {
    let fields: Fields = call.form()?;
    told(decided(&house, &call, fields).await, PLACE)
}

async fn decided(house: &House, call: &Call, fields: Fields) -> Result<Page, Fault> {
    let browser = browser::behind(house, call, &fields.csrf).await?;
    let verdict = Verdict::read(&fields.answer)?;
    let word = match verdict {
        Verdict::Approve => Word::LetIn,
        Verdict::Refuse => Word::Refuse(Decision { reason: Some(fields.reason) }),
    };
    let office = fields.office.parse()?;
    let name = gate::decide(house, browser.user, office, fields.application, word).await?;
    let name = escaped(&name);
    let (title, what) = match verdict {
        Verdict::Approve => ("It is in", format!("<b>{name}</b> gets its key with its next question.")),
        Verdict::Refuse => ("Refused", format!("<b>{name}</b> gets no key, and its code is used up.")),
    };
    Ok(page(title, format!("<p>{what}</p><p><a href=\"{PLACE}\">Go on</a></p>")))
}

fn list(browser: &Browser, waiting: &[Waiting]) -> Page {
    let sections: String = waiting.iter().map(|one| section(browser, one)).collect();
    let said = match waiting.len() {
        0 => "Nobody asks to be let into a colony of yours.",
        _ => "Say yes only to whom you expect: whoever is let in sees what agents of the colony see.",
    };
    page("Who asks to be let in", format!("<p>{said}</p>{sections}<p><a href=\"/login\">Back</a></p>"))
}

/// Two forms: Enter in the field of the reason must let nobody in.
fn section(browser: &Browser, Waiting { office, office_name, application }: &Waiting) -> String {
    let form = [
        hidden("csrf", &browser.csrf),
        hidden("office", &office.to_string()),
        hidden("application", &application.id.to_string()),
    ];
    let (form, id) = (form.concat(), application.id);
    let source = application.source.as_deref().unwrap_or("unknown");
    format!(
        "<section><h2>{name}</h2><p class=\"says\">{says}</p>\
         <dl><dt>as</dt><dd>{kind}</dd><dt>into</dt><dd>{office_name}</dd><dt>from</dt><dd>{source}</dd>\
         <dt>at</dt><dd>{at}</dd></dl><form method=\"post\" action=\"{PLACE}\">{form}\
         <button class=\"go\" name=\"answer\" value=\"approve\">Let it in</button></form>\
         <form method=\"post\" action=\"{PLACE}\">{form}\
         <label for=\"reason-{id}\">Or a reason, which the applicant reads</label>\
         <input id=\"reason-{id}\" name=\"reason\" maxlength=\"{REASON_CHARS_MAX}\" autocomplete=\"off\">\
         <button class=\"no\" name=\"answer\" value=\"refuse\">Refuse</button></form></section>",
        name = escaped(&application.name),
        says = escaped(&plain(&application.statement)),
        kind = as_whom(application),
        office_name = escaped(office_name),
        source = escaped(source),
        at = application.created_at,
    )
}

fn as_whom(application: &mi_core::wire::invites::Application) -> String {
    match application.role {
        Some(role) => format!("a person, {role}"),
        None => "an agent".to_owned(),
    }
}

/// Without what makes text look like another one: control characters, and marks that turn its direction.
fn plain(text: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| *c == '\n' || !(c.is_control() || turns(*c))).collect()
}
