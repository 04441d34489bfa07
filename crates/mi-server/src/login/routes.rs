//! Routes of login: two for terminals, one for whoever has a key, and the pages.

use mi_core::problem::Code;
use mi_core::wire::login::{BeginLogin, LoginAnswer, LoginBegun, LoginLink, PollLogin};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::pages::{Goal, TO_APPLICATIONS};
use super::visits::{self, Token, Verdict};
use super::{applications, browser, codes, pages, service};
use crate::house::House;
use crate::infra::caller::Access;
use crate::infra::fault::Fault;
use crate::infra::http::reply::Page;
use crate::infra::http::{Call, Operation, Reply, get, post};

const HOME: &str = "/login";
const QUERY: &[(&str, &str)] = &[("code", "the code that a terminal shows"), ("link", "a link that signs in once")];

pub fn operations() -> Vec<Operation> {
    vec![
        post("login.begin", "/auth/device", Access::Open, "Ask for a key; somebody has to say yes in a browser")
            .takes::<BeginLogin>()
            .gives::<LoginBegun>(200)
            .fails(&[Code::RateLimited])
            .run(begin),
        post("login.poll", "/auth/device/token", Access::Open, "The key, when somebody has said yes (else 202)")
            .takes::<PollLogin>()
            .gives::<LoginAnswer>(200)
            .fails(&[Code::NoSuchLogin, Code::LoginRefused, Code::TooManyApiKeys])
            .run(poll),
        post("login.make_link", "/auth/link", Access::User, "A link that signs a browser in, once")
            .gives::<LoginLink>(201)
            .fails(&[Code::ScopedKey])
            .run(make_link),
        get("login.page", "/login", Access::Open, "The page on which a person says yes").query(QUERY).run(page),
        post("login.sign_in", "/login", Access::Open, "Sign a browser in with a password (a form)").form().run(sign_in),
        post("login.sign_in_by_link", "/login/link", Access::Open, "Sign a browser in by a link (a form)")
            .form()
            .run(sign_in_by_link),
        post("login.decide", "/login/decide", Access::Open, "Say yes or no to a terminal (a form)").form().run(decide),
        post("login.set_password", "/login/password", Access::Open, "Set one's password (a form)")
            .form()
            .run(set_password),
        get("login.applications", applications::PLACE, Access::Open, "The page on which an owner lets applicants in")
            .run(applications::show),
        post("login.decide_application", applications::PLACE, Access::Open, "Let an applicant in, or not (a form)")
            .form()
            .run(applications::decide),
        post("login.sign_out", "/login/out", Access::Open, "Sign a browser out (a form)").form().run(sign_out),
    ]
}

async fn begin(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: BeginLogin = call.body()?;
    Ok(Reply::private(service::begin(&house, &call, wish).await?))
}

async fn poll(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: PollLogin = call.body()?;
    Ok(Reply::private(service::poll(&house, &wish.device_code).await?))
}

async fn make_link(house: House, call: Call) -> Result<Reply, Fault> {
    let (keys, caller) = (house.keys.clone(), call.caller.clone());
    let answer = house.act_outside(&call, move |outside| service::make_link(outside, &keys, &caller)).await?;
    Ok(Reply::private(answer))
}

/// What a page's address or form can hold.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Fields {
    code: String,
    link: String,
    name: String,
    password: String,
    repeated: String,
    csrf: String,
    answer: String,
    /// Where the person goes on.
    to: String,
}

impl Fields {
    /// Where the person was.
    fn back(&self) -> String {
        match codes::typed(&self.code) {
            _ if self.to == TO_APPLICATIONS => applications::PLACE.to_owned(),
            Some(code) => format!("{HOME}?code={code}"),
            None => HOME.to_owned(),
        }
    }
}

/// Whether the browser is on the server's own machine.
pub(super) fn here(call: &Call) -> bool {
    call.peer().is_some_and(|ip| ip.is_loopback())
}

/// A page says what went wrong in words; the log has the rest.
pub(super) fn told(result: Result<Page, Fault>, back: &str) -> Result<Reply, Fault> {
    let page = match result {
        Ok(page) => page,
        Err(fault) if fault.code == Code::Internal => return Err(fault),
        Err(fault) => pages::sorry(&fault, back),
    };
    Reply::page(page)
}

async fn page(house: House, call: Call) -> Result<Reply, Fault> {
    let fields: Fields = call.query()?;
    told(shown(&house, &call, &fields).await, HOME)
}

async fn shown(house: &House, call: &Call, fields: &Fields) -> Result<Page, Fault> {
    let Some(browser) = browser::of(house, call).await? else {
        return Ok(match fields.link.as_str() {
            "" => pages::sign_in(Goal::Terminal(&fields.code), call.wire(), here(call)),
            link => pages::sign_in_by_link(link, &fields.code),
        });
    };
    if fields.code.trim().is_empty() {
        return Ok(pages::home(&browser));
    }
    let login = visits::look(house, &browser, &fields.code).await?;
    let code = codes::typed(&fields.code).unwrap_or_default();
    Ok(pages::question(&browser, &code, &login))
}

/// Signed in: back to where the person wanted to go, with the cookie.
fn welcome(call: &Call, fields: &Fields, signed_in: Result<Token, Fault>) -> Result<Reply, Fault> {
    match signed_in {
        Ok(token) => Reply::see_other(&fields.back(), &browser::cookie(call, &token)),
        Err(fault) => told(Err(fault), &fields.back()),
    }
}

async fn sign_in(house: House, call: Call) -> Result<Reply, Fault> {
    let fields: Fields = call.form()?;
    let signed_in = match browser::must_be_our_page(&call) {
        Ok(()) => visits::sign_in(&house, &call, &fields.name, Zeroizing::new(fields.password.clone())).await,
        Err(fault) => Err(fault),
    };
    welcome(&call, &fields, signed_in)
}

async fn sign_in_by_link(house: House, call: Call) -> Result<Reply, Fault> {
    let fields: Fields = call.form()?;
    let signed_in = match browser::must_be_our_page(&call) {
        Ok(()) => visits::sign_in_by_link(&house, &fields.link).await,
        Err(fault) => Err(fault),
    };
    welcome(&call, &fields, signed_in)
}

async fn decide(house: House, call: Call) -> Result<Reply, Fault> {
    let fields: Fields = call.form()?;
    let back = fields.back();
    let decided = async {
        let browser = browser::behind(&house, &call, &fields.csrf).await?;
        let verdict = Verdict::read(&fields.answer)?;
        let client = visits::decide(&house, &browser, &fields.code, verdict).await?;
        Ok(match verdict {
            Verdict::Approve => pages::approved(&client),
            Verdict::Refuse => pages::refused(&client),
        })
    };
    told(decided.await, &back)
}

async fn set_password(house: House, call: Call) -> Result<Reply, Fault> {
    let fields: Fields = call.form()?;
    let set = async {
        let browser = browser::behind(&house, &call, &fields.csrf).await?;
        visits::set_password(&house, &browser, Zeroizing::new(fields.password), &fields.repeated).await?;
        Ok(pages::password_set())
    };
    told(set.await, HOME)
}

async fn sign_out(house: House, call: Call) -> Result<Reply, Fault> {
    let fields: Fields = call.form()?;
    let browser = match browser::behind(&house, &call, &fields.csrf).await {
        Ok(browser) => browser,
        Err(fault) => return told(Err(fault), HOME),
    };
    visits::sign_out(&house, &browser).await?;
    Reply::page_with_cookie(pages::signed_out(), &browser::no_cookie(&call))
}
