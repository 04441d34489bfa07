//! The words for where a task stands.

use serde::{Deserialize, Serialize};

/// A closed set of words: text on the wire and in the store, a type inside.
macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $(#[serde(rename = $text)] $variant),* }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }
        }

        // Not derived: the derive doesn't see through a macro's literal, and would tell the names that Rust has for them.
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let told: &[&str] = &[$($doc),*];
                let told: Vec<&str> = told.iter().map(|line| line.trim()).collect();
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description((!told.is_empty()).then(|| told.join("\n")))
                    .enum_values(Some([$($text),*]))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::ids::BadId;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok($name::$variant),)*
                    _ => Err(crate::ids::BadId {
                        what: stringify!($name),
                        given: crate::ids::excerpt(text),
                        rule: concat!("it is one of" $(, " ", $text)*),
                    }),
                }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Where a task stands (semantics §1).
    Status {
        Queued = "queued", Claimed = "claimed", Running = "running", Blocked = "blocked",
        Done = "done", Failed = "failed", Cancelled = "cancelled",
    }
}

words! {
    /// Whether somebody else looked at a done task.
    Verification { None = "none", Pending = "pending", Accepted = "accepted", Rejected = "rejected" }
}

words! {
    /// What sort of work a task is.
    Kind {
        General = "general", Code = "code", Research = "research",
        Browser = "browser", Review = "review", Verify = "verify",
    }
}

words! {
    /// Why a task is blocked.
    BlockedKind {
        NeedsInput = "needs_input", NeedsIntegration = "needs_integration", Dependency = "dependency",
        Quota = "quota", Other = "other",
        DependencyFailed = "dependency_failed", DependencyCancelled = "dependency_cancelled",
    }
}

impl Status {
    /// An agent holds it now.
    pub const fn is_held(self) -> bool {
        matches!(self, Status::Claimed | Status::Running)
    }

    /// Work remains: queued, held, blocked, or done but not yet looked at.
    pub const fn is_open(self, verification: Verification) -> bool {
        match self {
            Status::Queued | Status::Claimed | Status::Running | Status::Blocked => true,
            Status::Done => matches!(verification, Verification::Pending),
            Status::Failed | Status::Cancelled => false,
        }
    }

    /// What builds on it may start.
    pub const fn is_accepted(self, verification: Verification) -> bool {
        matches!(self, Status::Done) && matches!(verification, Verification::None | Verification::Accepted)
    }
}

impl BlockedKind {
    /// Kinds that a claimer may give; the others are the server's own findings.
    pub const fn may_be_reported(self) -> bool {
        match self {
            BlockedKind::NeedsInput
            | BlockedKind::NeedsIntegration
            | BlockedKind::Dependency
            | BlockedKind::Quota
            | BlockedKind::Other => true,
            BlockedKind::DependencyFailed | BlockedKind::DependencyCancelled => false,
        }
    }
}
