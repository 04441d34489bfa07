//! The pages: plain HTML that needs no script, and shows nothing of anybody who isn't signed in.

use super::browser::Browser;
use super::passwords::PASSWORD_CHARS_MIN;
use super::store::LoginRow;
use crate::infra::fault::Fault;
use crate::infra::http::Wire;
use crate::infra::http::reply::{Page, escaped};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c1c22;--paper:#f6f5f2;--card:#fff;--line:#dedbd4;--soft:#6a6774;--go:#2f6f4f;--no:#a3342b}\
@media(prefers-color-scheme:dark){:root{--ink:#eceaf0;--paper:#17161b;--card:#201f26;--line:#37353f;--soft:#a19dac;\
--go:#5fb58a;--no:#e07a70}}\
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--paper);\
color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
main{width:min(26rem,calc(100vw - 2rem));background:var(--card);border:1px solid var(--line);border-radius:14px;\
padding:1.75rem}h1{font-size:1.3rem;font-weight:600;margin:0 0 .75rem}h2{font-size:1rem;margin:1.75rem 0 .5rem}\
p{margin:.5rem 0}small,dt,.soft{color:var(--soft)}dl{display:grid;grid-template-columns:auto 1fr;gap:.2rem 1rem;margin:1rem 0}\
dd{margin:0;overflow-wrap:anywhere}.code{font:600 1.7rem/1.2 ui-monospace,monospace;letter-spacing:.12em;margin:.75rem 0}\
label{display:block;margin:.75rem 0 .2rem}input{width:100%;padding:.55rem .7rem;border:1px solid var(--line);\
border-radius:8px;background:transparent;color:inherit;font:inherit}\
button{margin:1rem .5rem 0 0;padding:.55rem 1.1rem;border:1px solid var(--line);border-radius:8px;background:transparent;\
color:inherit;font:inherit;cursor:pointer}button.go{background:var(--go);border-color:var(--go);color:var(--card)}\
button.no{color:var(--no);border-color:var(--no)}input:focus-visible,button:focus-visible{outline:2px solid var(--go);\
outline-offset:2px}code{font-family:ui-monospace,monospace}.bad{color:var(--no)}\
section{border-top:1px solid var(--line);margin-top:1.5rem}.says{white-space:pre-wrap;overflow-wrap:anywhere;margin:1rem 0;\
padding-left:.9rem;border-left:3px solid var(--line);max-height:16rem;overflow-y:auto}";

pub(super) fn page(title: &str, body: String) -> Page {
    Page { status: 200, title: title.to_owned(), style: STYLE, body: format!("<h1>{}</h1>{body}", escaped(title)) }
}

pub(super) fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escaped(value))
}

/// Where somebody goes when they are signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal<'a> {
    /// To the terminal that shows this code, if there is one.
    Terminal(&'a str),
    Applications,
}

/// How a form says that it leads there.
pub const TO_APPLICATIONS: &str = "applications";

impl Goal<'_> {
    fn hidden(self) -> String {
        match self {
            Goal::Terminal(code) => hidden("code", code),
            Goal::Applications => hidden("to", TO_APPLICATIONS),
        }
    }
}

/// For whoever has no cookie.
pub fn sign_in(goal: Goal<'_>, wire: Wire, on_this_machine: bool) -> Page {
    let open = match (wire, on_this_machine) {
        (Wire::Plain, false) => {
            "<p class=\"bad\">This connection may not be encrypted. If there is no https in the address bar, others on \
             the way can read the password.</p>"
        }
        (Wire::Plain, true) | (Wire::Encrypted, _) => "",
    };
    let goal = goal.hidden();
    page(
        "Sign in to Mitosis",
        format!(
            "{open}<form method=\"post\" action=\"/login\">{goal}\
             <label for=\"name\">Name</label><input id=\"name\" name=\"name\" autocomplete=\"username\" required>\
             <label for=\"password\">Password</label>\
             <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required>\
             <button class=\"go\">Sign in</button></form>\
             <h2>No password yet?</h2><p class=\"soft\">Sign in by a link that works once: <code>mi link</code> makes one, \
             where <code>mi</code> is logged in. The first <code>mi up</code> prints one too.</p>"
        ),
    )
}

/// The link itself only shows a button: what looks at links in advance must not use them up.
pub fn sign_in_by_link(link: &str, code: &str) -> Page {
    let (link, code) = (hidden("link", link), hidden("code", code));
    page(
        "Sign in to Mitosis",
        format!(
            "<p>This link signs this browser in, once.</p><form method=\"post\" action=\"/login/link\">{link}{code}\
             <button class=\"go\">Sign in</button></form>"
        ),
    )
}

/// For whoever is signed in and has not said which terminal.
pub fn home(browser: &Browser) -> Page {
    let (csrf, name, min) = (hidden("csrf", &browser.csrf), escaped(&browser.name), PASSWORD_CHARS_MIN);
    page(
        "Log a terminal in",
        format!(
            "<p>You are signed in as <b>{name}</b>. <code>mi login</code> shows a code; type it here.</p>\
             <form method=\"get\" action=\"/login\"><label for=\"code\">Code</label>\
             <input id=\"code\" name=\"code\" autocomplete=\"off\" autocapitalize=\"characters\" required>\
             <button class=\"go\">Go on</button></form>\
             <p><a href=\"/login/applications\">Who asks to be let into your colonies</a></p>\
             <h2>Your password</h2><form method=\"post\" action=\"/login/password\">{csrf}\
             <input type=\"hidden\" name=\"username\" autocomplete=\"username\" value=\"{name}\">\
             <label for=\"new\">A new one, at least {min} characters</label>\
             <input id=\"new\" name=\"password\" type=\"password\" autocomplete=\"new-password\" required>\
             <label for=\"again\">Once more</label>\
             <input id=\"again\" name=\"repeated\" type=\"password\" autocomplete=\"new-password\" required>\
             <button>Set password</button></form>\
             <form method=\"post\" action=\"/login/out\">{csrf}<button>Sign out</button></form>"
        ),
    )
}

/// Who asks, and the question.
pub fn question(browser: &Browser, code: &str, login: &LoginRow) -> Page {
    let (csrf, hidden_code) = (hidden("csrf", &browser.csrf), hidden("code", code));
    let source = login.source.as_deref().unwrap_or("unknown");
    page(
        "Let this terminal in?",
        format!(
            "<p class=\"code\">{code}</p><p>Say yes only if <b>your own terminal</b> shows this very code now.</p>\
             <dl><dt>who asks</dt><dd>{client}</dd><dt>from</dt><dd>{source}</dd><dt>at</dt><dd>{at}</dd></dl>\
             <p class=\"soft\">It gets a key that may do everything that you, {name}, may. \
             <code>mi keys revoke</code> ends it.</p>\
             <form method=\"post\" action=\"/login/decide\">{csrf}{hidden_code}\
             <button class=\"go\" name=\"answer\" value=\"approve\">Let it in</button>\
             <button class=\"no\" name=\"answer\" value=\"refuse\">Refuse</button></form>",
            code = escaped(code),
            client = escaped(&login.client_name),
            source = escaped(source),
            at = login.created_at,
            name = escaped(&browser.name),
        ),
    )
}

pub fn approved(client: &str) -> Page {
    page(
        "It is in",
        format!("<p><b>{}</b> has its key. Go back to the terminal; this page can be closed.</p>", escaped(client)),
    )
}

pub fn refused(client: &str) -> Page {
    page(
        "Refused",
        format!(
            "<p><b>{}</b> gets no key. If that wasn't you, somebody tried to get in with your help: \
             nothing was given away.</p>",
            escaped(client)
        ),
    )
}

pub fn password_set() -> Page {
    page(
        "The password is set",
        "<p>Your other browsers are signed out.</p><p><a href=\"/login\">Go on</a></p>".to_owned(),
    )
}

pub fn signed_out() -> Page {
    page("Signed out", "<p><a href=\"/login\">Sign in again</a></p>".to_owned())
}

/// What went wrong, for a person.
pub fn sorry(fault: &Fault, back: &str) -> Page {
    let hint = fault.hint.as_deref().map(|hint| format!("<p class=\"soft\">{}</p>", escaped(hint))).unwrap_or_default();
    let sentence = escaped(&fault.sentence);
    let body = format!("<p class=\"bad\">{sentence}.</p>{hint}<p><a href=\"{}\">Go back</a></p>", escaped(back));
    Page { status: fault.code.status(), ..page("That didn't work", body) }
}
