//! Values and rows as both engines know them.

use mi_core::ids::{AgentId, AgentName, ClaimToken, GroupId, OfficeId, TaskId, UserId};
use mi_core::time::Time;

use super::DbError;

/// Everything that a column can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Int(i64),
    Text(String),
    /// What no column of ours can hold, read from a store that somebody else wrote to; only its reader minds.
    Foreign(&'static str),
}

macro_rules! into_value {
    ($($from:ty => |$name:ident| $make:expr),* $(,)?) => {
        $(impl From<$from> for Value { fn from($name: $from) -> Self { $make } })*
    };
}

into_value! {
    i64 => |n| Value::Int(n),
    bool => |b| Value::Int(i64::from(b)),
    &str => |text| Value::Text(text.to_owned()),
    &String => |text| Value::Text(text.clone()),
    String => |text| Value::Text(text),
    Time => |at| Value::Int(at.0),
    OfficeId => |id| Value::Text(id.0.simple().to_string()),
    AgentId => |id| Value::Text(id.0.simple().to_string()),
    GroupId => |id| Value::Text(id.0.simple().to_string()),
    UserId => |id| Value::Text(id.0.simple().to_string()),
    TaskId => |id| Value::Int(id.0),
    ClaimToken => |token| Value::Int(token.0),
    &AgentName => |name| Value::Text(name.as_str().to_owned()),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// One row, read from left to right by position.
#[derive(Debug, Clone)]
pub struct Row {
    values: Vec<Value>,
}

/// A type that a column can be read as.
pub trait Column: Sized {
    fn read(value: &Value) -> Option<Self>;
}

impl Column for i64 {
    fn read(value: &Value) -> Option<Self> {
        if let Value::Int(n) = value { Some(*n) } else { None }
    }
}

impl Column for bool {
    fn read(value: &Value) -> Option<Self> {
        i64::read(value).map(|n| n != 0)
    }
}

impl Column for String {
    fn read(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.clone()) } else { None }
    }
}

impl Column for Time {
    fn read(value: &Value) -> Option<Self> {
        i64::read(value).map(Time)
    }
}

impl Column for TaskId {
    fn read(value: &Value) -> Option<Self> {
        i64::read(value).map(TaskId)
    }
}

impl Column for ClaimToken {
    fn read(value: &Value) -> Option<Self> {
        i64::read(value).map(ClaimToken)
    }
}

macro_rules! parsed_column {
    ($($name:ty),* $(,)?) => {
        $(impl Column for $name {
            fn read(value: &Value) -> Option<Self> {
                if let Value::Text(text) = value { text.parse().ok() } else { None }
            }
        })*
    };
}

parsed_column!(
    OfficeId,
    AgentId,
    GroupId,
    UserId,
    AgentName,
    mi_core::ids::TaskName,
    mi_core::tasks::status::Status,
    mi_core::tasks::status::Kind,
    mi_core::tasks::status::Verification,
    mi_core::tasks::status::BlockedKind,
    mi_core::wire::offices::OfficeStatus,
    mi_core::wire::agents::AgentKind,
    mi_core::wire::agents::HarnessKind,
    mi_core::wire::files::ChangeKind,
    mi_core::wire::tasks::ArtifactState,
    mi_core::wire::tasks::LateState,
    mi_core::wire::webhooks::WebhookStatus,
    mi_core::wire::webhooks::DeliveryState,
    mi_core::wire::webhooks::DeliveryCause,
    mi_core::drive::DrivePath,
    mi_core::schedules::name::ScheduleName,
    mi_core::schedules::plan::CatchUp,
    mi_core::schedules::plan::Overlap,
    mi_core::wire::schedules::Outcome,
    mi_core::wire::invites::InviteKind,
    mi_core::wire::invites::ApplicationState,
);

impl<T: Column> Column for Option<T> {
    fn read(value: &Value) -> Option<Self> {
        if *value == Value::Null { Some(None) } else { T::read(value).map(Some) }
    }
}

impl Row {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self { values }
    }

    /// The column at `index`, from 0.
    pub fn get<T: Column>(&self, index: usize) -> Result<T, DbError> {
        let value = self.values.get(index).ok_or_else(|| DbError::Shape(format!("no column {index}")))?;
        T::read(value).ok_or_else(|| DbError::Shape(format!("column {index} holds {value:?}")))
    }

    /// Reads columns one after the other, in the order of the statement.
    pub fn reader(&self) -> Reader<'_> {
        Reader { row: self, next: 0 }
    }
}

/// Walks a row from left to right.
pub struct Reader<'a> {
    row: &'a Row,
    next: usize,
}

impl Reader<'_> {
    pub fn take<T: Column>(&mut self) -> Result<T, DbError> {
        let index = self.next;
        self.next += 1;
        self.row.get(index)
    }
}
