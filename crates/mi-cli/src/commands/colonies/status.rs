//! `mi colonies status COLONY`, `mi status`.

use mi_client::{Client, Method};
use mi_core::ids::OfficeId;
use mi_core::limits::LIST_LIMIT_MAX;
use serde_json::Value;

use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::gather;
use crate::output::Format;
use crate::views::colony::{Late, Look};
use crate::views::offices;

pub async fn run(desk: &mut Desk, place: ColonyPlace) -> Result<(), Fault> {
    let (client, office) = desk.office(place.named()).await?;
    if desk.out.format == Format::Json {
        return desk.show(client.offices().status(office), offices::overview).await;
    }
    let look = look(desk, &client, office).await?;
    let waits = look.open.iter().any(|task| task.why.is_some());
    let screen = desk.out.screen;
    desk.out.data(&look.render(screen))?;
    if waits { desk.out.hint("`mi tasks why` says what would let each of them go on") } else { Ok(()) }
}

/// Everything that one look at a colony shows.
pub async fn look(desk: &Desk, client: &Client, office: OfficeId) -> Result<Look, Fault> {
    Ok(Look {
        overview: client.offices().status(office).await?,
        agents: gather::agents(client, office).await?,
        open: gather::tasks(client, office, &gather::OPEN).await?,
        late: late(client, office).await?,
        now: (desk.now)(),
    })
}

/// A server without deadlines marks none.
async fn late(client: &Client, office: OfficeId) -> Result<Vec<Late>, Fault> {
    const OPEN: &str = "queued,blocked,claimed,running";
    let path = format!("/api/v1/offices/{office}/tasks?status={OPEN}&late=true&limit={LIST_LIMIT_MAX}");
    let answer = client.server().raw(Method::GET, &path, None).await?;
    let tasks: Vec<Value> = answer.json()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let late = tasks.iter().filter(|task| task["late"] == Value::Bool(true));
    let shown = late.filter_map(|task| {
        Some(Late {
            id: task["id"].as_i64()?,
            title: text(&task["title"]),
            deadline: text(&task["deadline"]),
            why: text(&task["why_late"]["message"]),
        })
    });
    Ok(shown.collect())
}
