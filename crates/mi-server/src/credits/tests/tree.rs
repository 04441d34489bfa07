//! Budgets in trees of hires and of tasks, whoever comes and goes meanwhile.

use mi_core::credits::Micro;
use mi_core::ids::{AgentId, ClaimToken};
use serde_json::{Value, json};

use crate::credits::hold::{Patience, WhenShort};
use crate::gateway::account::{self, Order, Outcome, Reserved, Session};
use crate::gateway::estimate::Bounds;
use crate::gateway::meter::{Seen, Usage};
use crate::infra::keys::Token;
use crate::simulation::chance::Chance;
use crate::testing::{Speaker, TestHouse, TestOffice};

/// A token of the model `m` costs so much to write.
const TOKEN: Micro = Micro(1_500);

/// One who is, or was, in the office.
#[derive(Debug, Clone)]
struct Hand {
    name: String,
    id: AgentId,
    is_gone: bool,
}

/// What lasts over a crash.
struct Books {
    hands: Vec<Hand>,
    calls: Vec<Reserved>,
    tasks: i64,
    hired: usize,
    told: Vec<String>,
}

struct Play<'a> {
    office: TestOffice<'a>,
    books: &'a mut Books,
}

fn worth(tokens: i64, when_short: WhenShort, house: &TestHouse) -> Order {
    let priced = house.house.settings.prices.of("any", "m");
    assert_eq!(priced.price.worst(0, tokens), Micro(TOKEN.0 * tokens));
    let bounds = Bounds::exactly(priced.price, tokens);
    Order { provider: "any", model: "m".to_owned(), priced, bounds, when_short }
}

fn wrote(tokens: i64) -> Outcome {
    let usage = Some(Usage { input: 0, cached: 0, written: 0, output: tokens });
    let seen = Seen { usage, pieces: 0, bytes_outside_pieces: 0, is_cut: false };
    Outcome { status: Some(200), seen, first_at: None }
}

impl<'a> Play<'a> {
    fn house(&self) -> &'a TestHouse {
        self.office.house
    }

    async fn hire(&mut self, hirer: Option<&Hand>, budget: Value) -> Hand {
        self.try_hire(hirer, budget).await.unwrap()
    }

    async fn try_hire(&mut self, hirer: Option<&Hand>, budget: Value) -> Option<Hand> {
        self.books.hired += 1;
        let name = format!("hand-{}", self.books.hired);
        let body = json!({"name": name, "harness": "command", "command": "true", "budget": budget});
        let card = match hirer {
            None => self.office.call("POST", "/employees", body).await.ok(),
            Some(hirer) => {
                let session = self.try_session(hirer).await?;
                self.office.call_as(&self.speaker(session), "POST", "/employees", body).await.ok()
            }
        };
        let hand = Hand { name, id: card["id"].as_str().unwrap().parse().unwrap(), is_gone: false };
        self.books.hands.push(hand.clone());
        Some(hand)
    }

    async fn fire(&mut self, hand: &Hand) {
        self.office.call("DELETE", &format!("/employees/{}?noBackup=true", hand.name), Value::Null).await.ok();
        self.books.hands.iter_mut().filter(|other| other.id == hand.id).for_each(|other| other.is_gone = true);
    }

    async fn session(&mut self, hand: &Hand) -> Session {
        self.try_session(hand).await.unwrap()
    }

    /// A live session of theirs, on a task of its own if there is none; not of one who is suspended.
    async fn try_session(&mut self, hand: &Hand) -> Option<Session> {
        let (office, agent) = (self.office.id, hand.id);
        let look = move |tx: &mut dyn crate::infra::db::Tx| crate::sessions::service::current(tx, office, agent);
        let number = match self.house().house.db.read(look).await.unwrap() {
            Some((number, _)) => number,
            None => {
                let id = self.task(json!({"title": "work", "assignedAgent": hand.name})).await;
                self.claim(hand, id).await?
            }
        };
        Some(Session { office, agent, number })
    }

    async fn task(&mut self, body: Value) -> i64 {
        self.books.tasks += 1;
        self.office.task(body).await
    }

    async fn claim(&self, hand: &Hand, task: i64) -> Option<ClaimToken> {
        let body = json!({"agent": hand.name, "taskId": task});
        let claim = self.office.call("POST", "/tasks/claim", body).await;
        if claim.status == 200 { claim.ok()["claim"]["token"].as_i64().map(ClaimToken) } else { None }
    }

    /// On this task.
    async fn session_on(&self, hand: &Hand, task: i64) -> Session {
        let number = self.claim(hand, task).await.unwrap_or_else(|| panic!("{} doesn't get task {task}", hand.name));
        Session { office: self.office.id, agent: hand.id, number }
    }

    fn speaker(&self, Session { office, agent, number: session }: Session) -> Speaker<'a> {
        let key = self.house().house.keys.issue(Token::Session { office, agent, session });
        self.house().as_key(&key)
    }

    async fn hold(&mut self, session: Session, tokens: i64) -> Result<(), String> {
        self.hold_or(WhenShort::Tell, session, tokens).await
    }

    async fn hold_or(&mut self, when_short: WhenShort, session: Session, tokens: i64) -> Result<(), String> {
        let order = worth(tokens, when_short, self.house());
        let held = account::try_reserve(&self.house().house, session, order, Patience::Out).await;
        match held {
            Ok(call) => {
                self.books.calls.push(call.unwrap());
                Ok(())
            }
            Err(fault) => Err(fault.sentence),
        }
    }

    async fn settle(&mut self, place: usize, tokens: i64) {
        let call = self.books.calls.swap_remove(place);
        account::settle(&self.house().house, call, wrote(tokens)).await.unwrap();
    }

    /// By their ids, as those who left have budgets too.
    async fn give(&self, hand: &Hand, budget: Value) -> Value {
        let body = json!({"budget": budget});
        self.office.call("PATCH", &format!("/employees/{}", hand.id), body).await.ok()["budget"].clone()
    }
}

fn books() -> Books {
    Books { hands: Vec::new(), calls: Vec::new(), tasks: 0, hired: 0, told: Vec::new() }
}

#[tokio::test]
async fn who_is_hired_stays_under_every_budget_above_whoever_leaves_between() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    let mut books = books();
    let mut play = Play { office, books: &mut books };
    let top = play.hire(None, json!(3)).await;
    let middle = play.hire(Some(&top), Value::Null).await;
    let last = play.hire(Some(&middle), Value::Null).await;
    let session = play.session(&last).await;
    play.hold(session, 1_000).await.unwrap();
    play.fire(&middle).await;
    assert_eq!(play.give(&top, json!(3)).await, json!({"total": 3, "spent": 0, "held": 1.5}));
    let refused = play.hold(session, 1_001).await.unwrap_err();
    let told = "the budget of hand-1, which hand-3 draws on too, has 1.5 credits left and the call may cost 1.5015";
    assert_eq!(refused, told);
    play.settle(0, 800).await;
    assert_eq!(play.give(&top, json!(3)).await, json!({"total": 3, "spent": 1.2, "held": 0}));
    house.close().await;
}

#[tokio::test]
async fn a_budget_of_one_who_left_still_holds_and_an_operator_may_lift_it() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    let mut books = books();
    let mut play = Play { office, books: &mut books };
    let top = play.hire(None, json!(1)).await;
    let last = play.hire(Some(&top), Value::Null).await;
    play.fire(&top).await;
    let session = play.session(&last).await;
    assert!(
        play.hold(session, 1_000).await.unwrap_err().starts_with("the budget of hand-1, which hand-2 draws on too")
    );
    // Its name may be another's by now; nothing but its budget may be changed.
    let gone = office.call("PATCH", "/employees/hand-1", json!({"budget": 9})).await;
    assert_eq!(gone.refused(), (404, "no_such_agent".to_owned()));
    let path = format!("/employees/{}", top.id);
    for body in [json!({"budget": 9, "role": "ghost"}), json!({"role": "ghost"}), json!({})] {
        assert_eq!(office.call("PATCH", &path, body).await.refused().0, 404);
    }
    let by_agent = office.call_as(&play.speaker(session), "PATCH", &path, json!({"budget": 9})).await;
    assert_eq!(by_agent.refused().0, 403);
    play.give(&top, json!(9)).await;
    play.hold(session, 1_000).await.unwrap();
    play.settle(0, 0).await;
    house.close().await;
}

#[tokio::test]
async fn a_new_budget_counts_what_those_below_spent_before_and_hold_now() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    let mut books = books();
    let mut play = Play { office, books: &mut books };
    let top = play.hire(None, Value::Null).await;
    let below = play.hire(Some(&top), Value::Null).await;
    let session = play.session(&below).await;
    play.hold(session, 1_000).await.unwrap();
    play.settle(0, 1_000).await;
    house.advance(24 * 3_600_000).await;
    let session = play.session(&below).await;
    for tokens in [200, 400] {
        play.hold(session, tokens).await.unwrap();
    }
    play.settle(0, 200).await;
    play.fire(&below).await;
    assert_eq!(play.give(&top, json!(10)).await, json!({"total": 10, "spent": 1.8, "held": 0.6}));
    // Taken away and given again while a call is under way.
    assert_eq!(play.give(&top, Value::Null).await, Value::Null);
    play.give(&top, json!(10)).await;
    play.settle(0, 400).await;
    let path = format!("/employees/{}", top.id);
    let card = office.call("PATCH", &path, json!({"budgetPerDay": 1})).await.ok();
    assert_eq!(card["budget"], json!({"total": 10, "per_day": 1, "spent": 2.4, "held": 0}));
    // Of the day are 0.9 gone.
    let session = play.session(&top).await;
    assert!(play.hold(session, 100).await.unwrap_err().contains("budget of the day of hand-1 has 0.1 credits left"));
    house.close().await;
}

#[tokio::test]
async fn what_a_session_of_a_task_makes_counts_in_the_budget_of_that_task() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    let mut books = books();
    let mut play = Play { office, books: &mut books };
    let (ada, ben) = (play.hire(None, Value::Null).await, play.hire(None, Value::Null).await);
    let first = play.task(json!({"title": "first", "budget": 3})).await;
    let session = play.session_on(&ada, first).await;
    let made = json!({"title": "without a parent", "assignedAgent": ben.name});
    let second =
        office.call_as(&play.speaker(session), "POST", "/tasks", made.clone()).await.ok()["id"].as_i64().unwrap();
    let at_second = play.session_on(&ben, second).await;
    play.hold(at_second, 1_000).await.unwrap();
    play.settle(0, 1_000).await;
    assert_eq!(play.budget_of(first).await, json!({"total": 3, "spent": 1.5, "held": 0}));
    // In its turn, below a task that has nothing to do with it, by the operator's key with a claim.
    let other = play.task(json!({"title": "other"})).await;
    let body = json!({"title": "part of another", "assignedAgent": ada.name, "parentId": other});
    let third = office.call_as(&house.with_claim(at_second.number), "POST", "/tasks", body).await.ok()["id"].as_i64();
    office.call_as(&play.speaker(session), "PATCH", &format!("/tasks/{first}"), json!({"status": "queued"})).await.ok();
    let at_third = play.session_on(&ada, third.unwrap()).await;
    let refused = play.hold(at_third, 1_001).await.unwrap_err();
    assert_eq!(refused, "the budget of task 1 has 1.5 credits left and the call may cost 1.5015");
    play.hold(at_third, 600).await.unwrap();
    // A budget that is set later counts all of it, and what hangs below as before.
    for (task, spent) in [(second, json!(1.5)), (other, json!(0)), (third.unwrap(), json!(0))] {
        office.call("PATCH", &format!("/tasks/{task}"), json!({"budget": 5})).await.ok();
        assert_eq!(play.budget_of(task).await, json!({"total": 5, "spent": spent, "held": 0.9}), "{task}");
    }
    play.settle(0, 600).await;
    for (task, spent) in [(first, 2.4), (second, 2.4), (other, 0.9), (third.unwrap(), 0.9)] {
        assert_eq!(play.budget_of(task).await["spent"], json!(spent), "{task}");
    }
    // What an operator makes is its own.
    let own = play.task(json!({"title": "own"})).await;
    let at_own = play.session_on(&ben, own).await;
    play.hold(at_own, 5_000).await.unwrap();
    play.settle(0, 0).await;
    house.close().await;
}

/// Two parts of a task with a budget of a credit, and who is at them.
async fn two_parts(play: &mut Play<'_>) -> (i64, [(i64, Session); 2]) {
    let (ada, ben) = (play.hire(None, Value::Null).await, play.hire(None, Value::Null).await);
    let whole = play.task(json!({"title": "whole", "budget": 1})).await;
    let mut parts = Vec::new();
    for hand in [&ada, &ben] {
        let part = play.task(json!({"title": "part", "parentId": whole, "assignedAgent": hand.name})).await;
        parts.push((part, play.session_on(hand, part).await));
    }
    (whole, parts.try_into().unwrap())
}

#[tokio::test]
async fn a_task_whose_budget_others_hold_goes_on_after_them() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    let mut books = books();
    let mut play = Play { office, books: &mut books };
    let (whole, [(one, at_one), (two, at_two)]) = two_parts(&mut play).await;
    play.hold(at_one, 600).await.unwrap();
    let refused = play.hold_or(WhenShort::Suspend, at_two, 200).await.unwrap_err();
    assert_eq!(refused, "the budget of task 1 has 0.1 credits left and the call may cost 0.3");
    let waits = office.get_task(two).await;
    assert_eq!(
        (&waits["status"], &waits["attempts"], &waits["why"]["code"]),
        (&json!("blocked"), &json!(0), &json!("quota"))
    );
    assert!(waits["why"]["message"].as_str().unwrap().ends_with("; others hold the rest, and it goes on after them"));
    // What comes back is not enough, and then it is.
    play.hold(at_one, 60).await.unwrap();
    play.settle(1, 60).await;
    assert_eq!(office.get_task(two).await["status"], "blocked");
    play.settle(0, 100).await;
    assert_eq!(office.get_task(two).await["status"], "queued");
    assert_eq!(office.get_task(one).await["status"], "claimed", "the other is at its part");
    assert_eq!(play.budget_of(whole).await["spent"], json!(0.24));
    house.close().await;
}

#[tokio::test]
async fn a_task_whose_budget_is_spent_meanwhile_is_told_so_and_waits_for_a_larger_one() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let id = office.id;
    office.lift_hire_limit().await;
    let mut books = books();
    let mut play = Play { office, books: &mut books };
    let (_, [(_, at_one), (two, at_two)]) = two_parts(&mut play).await;
    play.hold(at_one, 600).await.unwrap();
    play.hold_or(WhenShort::Suspend, at_two, 200).await.unwrap_err();
    play.settle(0, 600).await;
    assert_eq!(office.get_task(two).await["status"], "queued");
    let ben = play.books.hands[1].clone();
    let again = play.session_on(&ben, two).await;
    play.hold_or(WhenShort::Suspend, again, 200).await.unwrap_err();
    play.hold(at_one, 10).await.unwrap();
    play.settle(0, 10).await;
    let blocked = office.get_task(two).await;
    assert_eq!(blocked["status"], "blocked");
    assert!(blocked["why"]["message"].as_str().unwrap().ends_with("the call may cost 0.3"), "{blocked}");
    // Calls of a server that died hold nothing, and who waited for them goes on.
    office.call("PATCH", "/tasks/1", json!({"budget": 1.5})).await.ok();
    assert_eq!(office.get_task(two).await["status"], "queued");
    let again = play.session_on(&ben, two).await;
    play.hold(at_one, 300).await.unwrap();
    play.hold_or(WhenShort::Suspend, again, 200).await.unwrap_err();
    assert_eq!(office.get_task(two).await["status"], "blocked");
    let house = house.restart().await;
    assert_eq!(TestOffice { house: &house, id }.get_task(two).await["status"], "queued");
    house.close().await;
}

impl Play<'_> {
    async fn budget_of(&self, task: i64) -> Value {
        self.office.call("GET", &format!("/tasks/{task}"), Value::Null).await.ok()["budget"].clone()
    }

    async fn step(&mut self, chance: &mut Chance) {
        let here: Vec<Hand> = self.books.hands.iter().filter(|hand| !hand.is_gone).cloned().collect();
        let anybody = chance.pick(&self.books.hands).cloned();
        let somebody = chance.pick(&here).cloned();
        let budget = chance.pick(&[json!(null), json!(null), json!(4), json!(40)]).unwrap().clone();
        match (chance.below(12), somebody) {
            (0 | 1, Some(hirer)) if chance.one_in(2) => drop(self.try_hire(Some(&hirer), budget).await),
            (0 | 1, _) | (_, None) => drop(self.hire(None, budget).await),
            (2, Some(hand)) => self.fire(&hand).await,
            (3, Some(_)) => drop(self.give(&anybody.unwrap(), budget).await),
            (4, Some(hand)) => self.split(&hand, budget, chance).await,
            (5..=8, Some(hand)) => {
                let Some(session) = self.try_session(&hand).await else { return };
                let when_short = if chance.one_in(3) { WhenShort::Suspend } else { WhenShort::Tell };
                let said = self.hold_or(when_short, session, 1 + chance.below(3_000) as i64).await;
                self.books.told.push(format!("{} holds: {said:?}", hand.name));
            }
            (_, Some(_)) if self.books.calls.is_empty() => {}
            (_, Some(_)) => {
                let place = chance.below(self.books.calls.len() as u64) as usize;
                self.settle(place, chance.below(3_200) as i64).await;
            }
        }
    }

    /// Another task, below one that there is or not, in a session or not, with a budget maybe.
    async fn split(&mut self, hand: &Hand, budget: Value, chance: &mut Chance) {
        let parent = chance.below(self.books.tasks as u64 + 1) as i64;
        let mut body = json!({"title": "part", "assignedAgent": hand.name, "budget": budget});
        if parent > 0 {
            body["parentId"] = json!(parent);
        }
        let session = if chance.one_in(2) { self.try_session(hand).await } else { None };
        let speaker = session.map_or(self.house().owner(), |session| self.speaker(session));
        // Too deep, or below something that is over.
        if self.office.call_as(&speaker, "POST", "/tasks", body).await.status < 300 {
            self.books.tasks += 1;
        }
    }

    async fn check(&self, before: &[Value], what: &str) -> Vec<Value> {
        let broken = self.house().broken().await;
        assert!(broken.is_empty(), "{what}: {broken:#?}\n{:#?}", self.books.told);
        let mut cards = Vec::new();
        for hand in self.books.hands.iter().filter(|hand| !hand.is_gone) {
            let card = self.office.call("GET", &format!("/employees/{}", hand.name), Value::Null).await.ok();
            cards.push(json!({"of": hand.name, "budget": card["budget"]}));
        }
        // Nobody passes a budget that it hadn't passed when the budget was set.
        for card in &cards {
            let was =
                before.iter().find(|was| was["of"] == card["of"] && was["budget"]["total"] == card["budget"]["total"]);
            let gone =
                |card: &Value| card["budget"]["spent"].as_f64().unwrap() + card["budget"]["held"].as_f64().unwrap();
            if let (Some(was), Some(total)) = (was, card["budget"]["total"].as_f64()) {
                assert!(gone(card) <= total.max(gone(was)) + 1e-6, "{what}: {was} → {card}\n{:#?}", self.books.told);
            }
        }
        cards
    }
}

/// Hires, dismissals, budgets, calls and crashes in any order.
#[tokio::test]
async fn whatever_happens_budgets_count_what_is_below_them() {
    const SEEDS: u64 = 6;
    const STEPS: u64 = 50;
    for seed in 0..SEEDS {
        let mut chance = Chance(seed);
        let mut house = TestHouse::new().await;
        let office = house.office().await;
        office.lift_hire_limit().await;
        office.call("POST", "/credits", json!({"amount": 100_000})).await.ok();
        let id = office.id;
        let mut books = books();
        let mut before = Vec::new();
        for step in 0..STEPS {
            if chance.one_in(16) {
                house = house.restart().await;
                books.calls.clear();
                books.told.push("a crash".to_owned());
            }
            let mut play = Play { office: TestOffice { house: &house, id }, books: &mut books };
            play.step(&mut chance).await;
            before = play.check(&before, &format!("seed {seed}, step {step}")).await;
        }
        for call in books.calls {
            account::settle(&house.house, call, wrote(1)).await.unwrap();
        }
        house.close().await;
    }
}
