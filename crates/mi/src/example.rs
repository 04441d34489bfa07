//! `mi example NAME …`: small honest agents without a model, for the harness `command`.
//!
//! They do a task as any program would: context on stdin, the rest in the environment, the queue over the API.

use std::io;

use code_review::{Lens, Work, WorkError};
use mi_cli::World;
use mi_cli::exit::Exit;
use mi_cli::programs::ExampleArgs;
use mi_client::{Client, Credential, Endpoint, Tasks};
use mi_core::ids::{ClaimToken, OfficeId, TaskId};
use mi_core::tasks::status::Status;
use mi_core::wire::tasks::{AddArtifact, AddLog, UpdateTask};

use crate::failure::Failure;

pub fn run(args: &ExampleArgs, world: &World) -> Result<Exit, Failure> {
    let lens = lens(args)?;
    let desk = Desk::of(world)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::io("start the example"))?;
    let environment = |name: &str| world.variable(name).map(str::to_owned);
    let work = code_review::work(lens, io::stdin().lock(), environment);
    runtime.block_on(desk.report(work))
}

fn lens(args: &ExampleArgs) -> Result<Lens, Failure> {
    let wrong = || Failure::usage("there is `mi example code-review bugs` and `mi example code-review performance`");
    if args.name != "code-review" {
        return Err(wrong());
    }
    let [lens] = args.arguments.as_slice() else { return Err(wrong()) };
    let lenses = [Lens::Bugs, Lens::Performance];
    lenses.into_iter().find(|known| lens == known.name()).ok_or_else(wrong)
}

/// The queue, as the session may use it.
struct Desk {
    tasks: Tasks,
    task: TaskId,
}

impl Desk {
    fn of(world: &World) -> Result<Self, Failure> {
        let endpoint: Endpoint = parsed(world, "MI_ENDPOINT")?;
        let office: OfficeId = parsed(world, "MI_OFFICE")?;
        let claim: ClaimToken = parsed(world, "MI_CLAIM")?;
        let key = read(world, "MI_API_KEY")?.to_owned();
        let client = Client::new(endpoint, Credential::Bearer(key)).with_claim(Some(claim));
        Ok(Self { tasks: client.tasks(office), task: parsed(world, "MI_TASK")? })
    }

    async fn report(&self, work: Result<Work, WorkError>) -> Result<Exit, Failure> {
        match work {
            Ok(work) => self.done(work).await,
            Err(error) => self.failed(&error.to_string()).await,
        }
    }

    async fn done(&self, work: Work) -> Result<Exit, Failure> {
        for message in work.log {
            self.tasks.log(self.task, &AddLog { message, event: None }).await?;
        }
        for path in work.report_paths {
            let artifact = AddArtifact { kind: Some("report".to_owned()), path, label: None };
            self.tasks.add_artifact(self.task, &artifact).await?;
        }
        let update = UpdateTask { status: Some(Status::Done), result: Some(work.result), ..UpdateTask::default() };
        self.tasks.update(self.task, &update).await?;
        Ok(Exit::Done)
    }

    /// The agent judged that it can't be done, and says so to the queue.
    async fn failed(&self, error: &str) -> Result<Exit, Failure> {
        let update =
            UpdateTask { status: Some(Status::Failed), error: Some(error.to_owned()), ..UpdateTask::default() };
        self.tasks.update(self.task, &update).await?;
        Err(Failure::new(error))
    }
}

fn read<'a>(world: &'a World, name: &str) -> Result<&'a str, Failure> {
    let missing = || Failure::usage(format!("{name} is not set")).hint("this runs as an agent's command, in its pod");
    world.variable(name).ok_or_else(missing)
}

fn parsed<T: std::str::FromStr>(world: &World, name: &str) -> Result<T, Failure>
where
    T::Err: std::fmt::Display,
{
    read(world, name)?.parse().map_err(|error: T::Err| Failure::usage(format!("{name}: {error}")))
}
