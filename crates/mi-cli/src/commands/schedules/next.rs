//! `mi schedules next NAME`.

use clap::Args;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;
use crate::views::schedules;

#[derive(Args)]
pub struct NextArgs {
    #[command(flatten)]
    target: Target,
    /// So many moments [default: 5]
    #[arg(short, long, value_name = "N")]
    number: Option<i64>,
}

pub async fn run(desk: &mut Desk, args: NextArgs) -> Result<(), Fault> {
    let found = args.target.read::<String>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    let call = client.schedules(office).next(&found.thing, args.number);
    desk.show(call, |(moments, _), screen| schedules::moments(moments, screen)).await
}
