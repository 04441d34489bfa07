//! `mi logout`: forgets the key.

use crate::config::Config;
use crate::desk::Desk;
use crate::fault::Fault;

pub fn run(desk: &mut Desk) -> Result<(), Fault> {
    let home = desk.home()?;
    let mut config = Config::load(&home)?;
    if config.key.take().is_none() {
        return desk.out.note("you were not logged in");
    }
    config.save(&home)?;
    desk.out.note("logged out; the key itself is still valid for whoever has it")
}
