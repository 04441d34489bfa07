//! Which tools a session used, how often, and how often they failed.

use mi_core::ids::ClaimToken;
use mi_core::limits::{SESSION_TOOLS_MAX, TOOL_NAME_BYTES_MAX};
use mi_core::redact::{Redactor, shapes};
use mi_core::wire::runner::{SessionItem, ToolCalled};

use super::store::said as store;
use crate::infra::act::Act;
use crate::infra::fault::Fault;

/// Under which the calls of all further tools are counted.
const OTHERS: &str = "(others)";
/// How the answer of a tool begins in an item's text.
const ANSWER: &str = "\n→ ";

/// One call more; an item that tells of no tool is none. A name may be anything, a secret too.
pub(super) fn count(act: &mut Act<'_>, session: ClaimToken, item: &SessionItem, known: &Redactor) -> Result<(), Fault> {
    let Some(mut call) = read(item) else { return Ok(()) };
    call.name = shapes(&known.clean(&call.name)).into_owned();
    let is_new = !store::is_counted(act.tx, act.office, session, &call.name)?;
    if is_new && store::different_tools(act.tx, act.office, session)? >= SESSION_TOOLS_MAX {
        call.name = OTHERS.to_owned();
    }
    Ok(store::count_tool(act.tx, act.office, session, &call)?)
}

/// The tool of an item.
pub(super) fn name(item: &SessionItem) -> Option<&str> {
    let name = match &item.tool {
        Some(tool) => tool.name.as_str(),
        None => item.text.split_whitespace().next().unwrap_or_default(),
    };
    is_name(name).then_some(name)
}

fn is_name(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
    !text.is_empty() && text.len() <= TOOL_NAME_BYTES_MAX && text.bytes().all(is_legal)
}

/// As the harness told it, or as its text says: `name arguments`, and below it `→` with the answer.
fn read(item: &SessionItem) -> Option<ToolCalled> {
    let name = name(item)?.to_owned();
    Some(match &item.tool {
        Some(tool) => ToolCalled { name, took_ms: tool.took_ms.map(|took| took.max(0)), ..tool.clone() },
        None => {
            let answer = item.text.split_once(ANSWER).map(|(_, answer)| answer);
            ToolCalled { name, failed: answer.is_some_and(|answer| answer.starts_with("error")), took_ms: None }
        }
    })
}

#[cfg(test)]
mod tests {
    use mi_core::time::Time;
    use mi_core::wire::runner::ItemKind;

    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<(&str, bool)>) {
        let item = SessionItem { at: Time(0), kind: ItemKind::Tool, text: text.to_owned(), tool: None };
        let found = read(&item);
        assert_eq!(found.as_ref().map(|call| (call.name.as_str(), call.failed)), expect, "{text}");
    }

    #[test]
    fn a_tool_is_read_from_its_text() {
        check("shell {\"command\":\"ls\"}\n→ a", Some(("shell", false)));
        check("shell {}\n→ error: no such file", Some(("shell", true)));
        check("mcp__mi__finish", Some(("mcp__mi__finish", false)));
        check("→ the rest of a long answer", None);
        check("", None);
    }
}
