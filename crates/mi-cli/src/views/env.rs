//! Environment variables, as people see them.

use mi_core::wire::env::EnvVar;

use crate::output::Screen;
use crate::table::{Cell, Table};

pub fn list(variables: &[EnvVar], screen: Screen) -> String {
    let with_values = variables.iter().any(|variable| variable.value.is_some());
    let mut table = if with_values {
        Table::new(&["KEY", "SCOPE", "AGENT", "VALUE"])
    } else {
        Table::new(&["KEY", "SCOPE", "AGENT"])
    };
    for variable in variables {
        let (key, scope) = ((&variable.key).into(), (&variable.scope).into());
        let agent = Cell::maybe(variable.agent_name.as_ref());
        if with_values {
            table.row([key, scope, agent, Cell::maybe(variable.value.as_ref())]);
        } else {
            table.row([key, scope, agent]);
        }
    }
    table.render(screen)
}
