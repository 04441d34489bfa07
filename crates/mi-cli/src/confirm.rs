//! Asks before something goes for good.

use crate::desk::Desk;
use crate::fault::Fault;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    Given,
    Refused,
}

/// `y` or `yes` is consent. Where nobody can be asked, it has to be given by `--yes`.
pub fn confirm(desk: &mut Desk, question: &str) -> Result<Consent, Fault> {
    if !desk.out.stderr_is_terminal {
        return Err(Fault::usage(format!("{question} there is nobody to ask"), "--yes says yes, --dry-run only shows"));
    }
    desk.out.ask(&format!("{question} [y/N] "))?;
    let answer = desk.read_line()?.trim().to_lowercase();
    Ok(if matches!(answer.as_str(), "y" | "yes") { Consent::Given } else { Consent::Refused })
}
