//! Who may change the checks of a task.

/// Who asks, as the task sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    Operator,
    Agent {
        standing: Standing,
        /// It holds or held the task at least once.
        hand_in_it: HandInIt,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Creator,
    /// Assignee, colleague, stranger: whoever didn't write the task.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandInIt {
    None,
    Worked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("only its creator or an operator changes the checks of a task")]
    NotTheCreator,
    #[error("whoever worked on a task doesn't change what its work is measured by")]
    WorkedOnIt,
}

/// An agent that obeys an attacker must not be able to lower the bar for its own work: checks belong to whoever asked for
/// the work, and no longer to a creator that has begun to do it itself.
pub const fn may_change(asker: Asker) -> Result<(), Refusal> {
    match asker {
        Asker::Operator => Ok(()),
        Asker::Agent { standing: Standing::Other, .. } => Err(Refusal::NotTheCreator),
        Asker::Agent { standing: Standing::Creator, hand_in_it: HandInIt::Worked } => Err(Refusal::WorkedOnIt),
        Asker::Agent { standing: Standing::Creator, hand_in_it: HandInIt::None } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_lowers_the_bar_for_its_own_work() {
        let agent = |standing, hand_in_it| may_change(Asker::Agent { standing, hand_in_it });
        assert_eq!(may_change(Asker::Operator), Ok(()));
        assert_eq!(agent(Standing::Creator, HandInIt::None), Ok(()));
        assert_eq!(agent(Standing::Creator, HandInIt::Worked), Err(Refusal::WorkedOnIt));
        assert_eq!(agent(Standing::Other, HandInIt::None), Err(Refusal::NotTheCreator));
        assert_eq!(agent(Standing::Other, HandInIt::Worked), Err(Refusal::NotTheCreator));
    }
}
