//! Many agents spend at once what is enough for some: the balance never falls below zero, whoever can't be paid for is
//! suspended, the ledger's sum is the balance, and after an addition everybody finishes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mi_client::Paging;
use mi_core::credits::{Ceiling, Micro};
use mi_core::ids::AgentName;
use mi_core::tasks::status::Status;
use mi_core::wire::agents::{AgentPhase, LifecycleAction, UpdateAgent};
use mi_core::wire::tasks::CreateTask;

use crate::figures::report::{Figure, Unit};
use crate::office::Office;
use crate::provider::{Answer, Provider};
use crate::server::{self, Manner, Server, Site};
use crate::verdict::Verdict;

/// Each call may cost 0.99 credits for what it writes and less than a hundredth for what it reads; the provider says that it
/// used nearly that.
const OUTPUT_TOKENS: u32 = 660;
const INPUT_TOKENS: u32 = 10;
/// Of each agent, so that its own figures can be held against its calls.
const BUDGET: Micro = Micro::credits(10);
const PAGE: i64 = 500;
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const LIMIT: Duration = Duration::from_secs(300);
/// So long an answer takes, that calls meet each other.
const ANSWER_AFTER: Duration = Duration::from_millis(800);

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    pub agents: usize,
    /// As many calls as the first balance is enough for: a credit each.
    pub paid: usize,
}

pub async fn prove(plan: &Plan) -> Result<Verdict> {
    let answer = Answer::Whole { after: ANSWER_AFTER, input: INPUT_TOKENS, output: OUTPUT_TOKENS };
    let provider = Provider::start(answer).await?;
    let mut environment = provider.environment();
    environment.push(("MI_INITIAL_CREDITS".to_owned(), plan.paid.to_string()));
    environment.push(("MI_POD_MINUTE_CREDITS".to_owned(), "0".to_owned()));
    let manner = Manner { pods: "process".to_owned(), environment, ..plan.manner.clone() };
    server::during(&manner, async |server, site| run(plan, &provider, server, site).await).await
}

struct Proof<'a> {
    plan: &'a Plan,
    office: Office,
    provider: &'a Provider,
    lowest: Micro,
    verdict: Verdict,
}

async fn run(plan: &Plan, provider: &Provider, server: &Server, site: &Site) -> Result<Verdict> {
    let office = Office::open(server, site).await?;
    let names = hire(&office, plan.agents).await?;
    let lowest = Micro(i64::MAX);
    let mut proof = Proof { plan, office, provider, lowest, verdict: Verdict::default() };
    for name in &names {
        proof.office.client.agents(proof.office.id).lifecycle(name, LifecycleAction::Start).await?;
    }
    let began = Instant::now();
    proof.wait_until("the balance is used up", plan.paid, plan.agents - plan.paid).await?;
    proof.verdict.report.note("until the balance was used up, s", began.elapsed().as_secs_f64());
    proof.look_at_the_books(plan.paid).await?;
    let addition = Micro::credits(i64::try_from(plan.agents)?);
    proof.office.client.credits(proof.office.id).add(addition, Some("the proof goes on")).await?;
    proof.wait_until("everybody is through", plan.agents, 0).await?;
    proof.look_at_the_books(plan.agents).await?;
    Ok(proof.finish())
}

/// Stopped until all have their task, so that they begin together.
async fn hire(office: &Office, count: usize) -> Result<Vec<AgentName>> {
    let body = format!(r#"{{"model":"m","max_tokens":{OUTPUT_TOKENS}}}"#);
    let command = format!("mi api POST /llm/openai/v1/chat/completions -d '{body}' && tq done paid");
    let mut names = Vec::new();
    for number in 0..count {
        let name = office.hire(&format!("spender-{number}"), &command).await?;
        office.client.agents(office.id).lifecycle(&name, LifecycleAction::Stop).await?;
        let title = format!("spend {number}");
        let budget = UpdateAgent { budget: Some(Ceiling::At(BUDGET)), ..UpdateAgent::default() };
        office.client.agents(office.id).update(&name, &budget).await?;
        let task = CreateTask { title, assigned_agent: Some(name.to_string()), ..CreateTask::default() };
        office.client.tasks(office.id).create(&task).await?;
        names.push(name);
    }
    office.wait_no_pods().await?;
    Ok(names)
}

impl Proof<'_> {
    /// Watches the balance meanwhile.
    async fn wait_until(&mut self, what: &str, done: usize, suspended: usize) -> Result<()> {
        let until = Instant::now() + LIMIT;
        loop {
            let credits = self.office.client.credits(self.office.id).get().await?;
            self.lowest = self.lowest.min(credits.available).min(credits.balance);
            if credits.available < Micro(0) || credits.balance < Micro(0) {
                self.verdict.violations.push(format!("{} are available of {}", credits.available, credits.balance));
            }
            let found = (self.count_done().await?, self.count_suspended().await?);
            if found == (done, suspended) && credits.held == Micro(0) {
                return Ok(());
            }
            if Instant::now() > until {
                let (done, suspended) = found;
                bail!("{what}: not within {LIMIT:?}; {done} are done, {suspended} suspended, {credits:?}");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn count_done(&self) -> Result<usize> {
        let stats = self.office.client.tasks(self.office.id).stats().await.context("no counts of tasks")?;
        if stats.failed > 0 {
            bail!("{} tasks are {}", stats.failed, Status::Failed);
        }
        Ok(usize::try_from(stats.done)?)
    }

    async fn count_suspended(&self) -> Result<usize> {
        let paging = Paging { limit: Some(PAGE), offset: None };
        let (agents, _) = self.office.client.agents(self.office.id).list(paging).await?;
        Ok(agents.iter().filter(|agent| agent.status.phase == AgentPhase::Suspended).count())
    }

    /// The ledger's sum is the balance, and every call was sent and paid once.
    async fn look_at_the_books(&mut self, calls: usize) -> Result<()> {
        let credits = self.office.client.credits(self.office.id).get().await?;
        let paging = Paging { limit: Some(PAGE), offset: None };
        let (entries, _) = self.office.client.credits(self.office.id).history(None, paging).await?;
        let sum: i64 = entries.iter().map(|entry| entry.amount.0).sum();
        let (recorded, _) = self.office.client.usage(self.office.id).llm(paging).await?;
        let paid = recorded.iter().filter(|call| call.state == "settled").count();
        let sent = usize::try_from(self.provider.calls())?;
        let wrong = [
            (sum != credits.balance.0, format!("the ledger's sum is {}, the balance {}", Micro(sum), credits.balance)),
            (sent != calls, format!("{sent} calls were sent where {calls} could be paid")),
            (paid != calls, format!("{paid} calls were paid of {calls}")),
        ];
        self.verdict.violations.extend(wrong.into_iter().filter(|(is, _)| *is).map(|(_, told)| told));
        let (agents, _) = self.office.client.agents(self.office.id).list(paging).await?;
        for agent in &agents {
            let cost: i64 =
                recorded.iter().filter(|call| call.agent == agent.name.as_str()).map(|call| call.credits.0).sum();
            let gone = agent.budget.as_ref().map(|budget| (budget.spent.0, budget.held.0));
            if gone != Some((cost, 0)) {
                let told = format!("{}'s budget counts {gone:?}, its calls cost {cost}", agent.name);
                self.verdict.violations.push(told);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Verdict {
        let report = &mut self.verdict.report;
        let name = format!("agents through, of {} with a balance for {} calls", self.plan.agents, self.plan.paid);
        report.add(Figure::new(&name, Unit::Count, self.plan.agents as f64).exactly(self.plan.agents as f64));
        report.note("the least that was ever available, credits", self.lowest.0 as f64 / 1_000_000.0);
        self.verdict
    }
}
