//! `--name`, `--not-before` and `--deadline`.

use clap::Args;
use mi_core::ids::TaskName;
use mi_core::moment::Moment;

/// What can be said of one task only, not of all that a schedule makes.
#[derive(Args)]
pub struct Once {
    /// A name beside its number, unique in the colony for ever
    #[arg(long, value_name = "NAME")]
    pub name: Option<TaskName>,
    /// Offer it no earlier: 2026-04-27T09:30:00Z, or so long from now: +2h
    #[arg(long = "notBefore", visible_alias = "not-before", value_name = "TIME|+LENGTH", value_parser = time_or_length)]
    pub not_before: Option<Moment>,
    /// When it should be finished; it is called late after that, and goes on
    #[arg(long, value_name = "TIME|+LENGTH", value_parser = time_or_length)]
    pub deadline: Option<Moment>,
}

pub fn time_or_length(text: &str) -> Result<Moment, String> {
    if text.eq_ignore_ascii_case("never") {
        return Ok(Moment::Never);
    }
    let read = Moment::parse(text).filter(|moment| *moment != Moment::Never);
    read.ok_or_else(|| "it is a time such as 2026-04-27T09:30:00Z, a length from now such as +2h, or never".to_owned())
}
