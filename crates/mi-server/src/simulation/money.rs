//! Money: model calls of agents in pods, begun and ended in any order, budgets and additions. No provider is needed: what
//! it would have said is drawn by lot.

use mi_core::credits::Micro;
use serde_json::{Value, json};
use testkit::history::{Ending, Said};

use super::world::{HOSTED, World, other};
use crate::credits::hold::{Patience, WhenShort};
use crate::gateway::account::{self, Order, Outcome, Session};
use crate::gateway::estimate::{Bounds, Wanted};
use crate::gateway::meter::{Seen, Usage};

/// Below so much somebody adds some.
const LOW: Micro = Micro::credits(150);
const ADDED: i64 = 400;
const TOKENS_MAX: u64 = 500_000;
/// Some answers use more than was thought possible.
const USED_TOKENS_MAX: u64 = 550_000;

impl World<'_> {
    pub(super) async fn spend(&mut self) {
        match self.chance().below(8) {
            0 => self.set_a_budget().await,
            1 => self.add_if_low().await,
            2..=4 => self.begin_a_call().await,
            _ => self.end_a_call().await,
        }
    }

    /// Whoever is suspended has no pod; after this it has one again.
    pub(super) async fn fund(&mut self, name: &str) {
        let path = format!("/employees/{name}");
        let card = self.office.call("GET", &path, Value::Null).await.ok();
        if card["status"]["phase"] != "Suspended" {
            return;
        }
        let (nothing, money) = (json!({"budget": null}), json!({"amount": 10 * ADDED}));
        self.owner_asks(other("a budget", Ending::Nothing), "PATCH", &path, nothing).await;
        self.owner_asks(other("an addition", Ending::Nothing), "POST", "/credits", money).await;
    }

    async fn set_a_budget(&mut self) {
        let budgets = [json!(null), json!(20), json!(300), json!(5_000)];
        let budget = self.chance().pick(&budgets).unwrap().clone();
        if self.chance().one_in(2) {
            let name = *self.chance().pick(&HOSTED).unwrap();
            let path = format!("/employees/{name}");
            self.owner_asks(other("a budget", Ending::Nothing), "PATCH", &path, json!({"budget": budget})).await;
        } else {
            let path = format!("/tasks/{}", self.any_task());
            self.owner_asks(other("a budget", Ending::Nothing), "PATCH", &path, json!({"budget": budget})).await;
        }
    }

    async fn add_if_low(&mut self) {
        let office = self.office.id;
        let head = self.house.house.db.read(move |tx| crate::infra::act::look(tx, office)).await.unwrap();
        if head.available() < LOW {
            let body = json!({"amount": ADDED});
            self.owner_asks(other("an addition", Ending::Nothing), "POST", "/credits", body).await;
        }
    }

    /// A refused one ends whatever its agent is at.
    async fn begin_a_call(&mut self) {
        let name = *self.chance().pick(&HOSTED).unwrap();
        let Some((runner, Some(grant))) = self.runners.get(name) else { return };
        let session = Session { office: self.office.id, agent: runner.agent, number: grant.token };
        let house = self.house.house.clone();
        let priced = house.settings.prices.of("any", "m");
        let wanted = Wanted { output_max: Some(1 + self.chance().below(TOKENS_MAX)), ..Wanted::default() };
        let bounds = Bounds::new(&priced, 30, wanted);
        let order = Order { provider: "any", model: "m".to_owned(), priced, bounds, when_short: WhenShort::Suspend };
        let begun = self.state.recorder.begin(1, other("a model call", Ending::EveryClaim));
        let said = account::try_reserve(&house, session, order, Patience::Out).await;
        self.state.log.push(format!("{name} calls a model for {wanted:?} → {:?}", said.as_ref().map(|_| ())));
        match said {
            Ok(reserved) => {
                self.state.calls.extend(reserved);
                begun.end(Said::Yes);
            }
            Err(fault) => {
                assert!(fault.code.status() < 500, "{fault:?}\n{}", self.told());
                begun.end(Said::Yes);
            }
        }
    }

    /// Some are settled twice, and some that an earlier server had begun.
    async fn end_a_call(&mut self) {
        let count = self.state.calls.len() as u64;
        if count == 0 {
            return;
        }
        let place = self.chance().below(count) as usize;
        let again = self.chance().one_in(4);
        let call = if again { self.state.calls[place].clone() } else { self.state.calls.swap_remove(place) };
        let output = self.chance().below(USED_TOKENS_MAX) as i64;
        let usage = Usage { input: 10, cached: 0, written: 0, output };
        let (status, usage) = match self.chance().below(6) {
            0 => (None, None),
            1 => (Some(429), None),
            2 => (Some(200), None),
            _ => (Some(200), Some(usage)),
        };
        let seen = Seen { usage, pieces: output / 2, bytes_outside_pieces: 0, is_cut: self.chance().one_in(3) };
        account::settle(&self.house.house, call, Outcome { status, seen, first_at: None }).await.unwrap();
        self.state.log.push(format!("a model call ends: {status:?} {usage:?}"));
    }
}
