//! An operation: one route, declared once, with everything that is promised about it.

use std::pin::Pin;
use std::sync::Arc;

use axum::http::Method;
use mi_core::limits::JSON_BODY_BYTES_MAX;
use mi_core::problem::Code;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{Call, Reply};
use crate::house::House;
use crate::infra::caller::{Access, Need};
use crate::infra::fault::Fault;

/// A form of a page: a few short fields.
const FORM_BYTES_MAX: usize = 16 * 1024;

pub type Handled = Pin<Box<dyn Future<Output = Result<Reply, Fault>> + Send>>;
type Handler = Arc<dyn Fn(House, Call) -> Handled + Send + Sync>;

/// How the body of a request is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// Read whole before the handler runs.
    Whole { bytes_max: usize },
    /// The same for the form of a page of ours.
    Form { bytes_max: usize },
    /// Handed over unread; the handler counts.
    Stream,
}

/// How long a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    Usual,
    /// Streams and uploads end when their peers end them.
    Unlimited,
}

pub type Schemas = Vec<(String, RefOr<Schema>)>;

/// A named shape for the description.
#[derive(Clone)]
pub struct Shape {
    pub schema: fn() -> RefOr<Schema>,
    pub collect: fn(&mut Schemas),
    pub name: fn() -> String,
    pub many: Many,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Many {
    One,
    List,
}

#[derive(Clone)]
pub struct Operation {
    pub id: &'static str,
    pub method: Method,
    /// Below `/api/v1/offices/{office}` if it starts with `…`, else the whole path.
    pub path: &'static str,
    pub access: Access,
    pub summary: &'static str,
    pub intake: Intake,
    pub patience: Patience,
    pub request: Option<Shape>,
    pub response: Option<Shape>,
    pub status: u16,
    pub query: &'static [(&'static str, &'static str)],
    pub fails: &'static [Code],
    pub handler: Handler,
}

/// An operation without a handler yet.
pub struct Draft(Operation);

fn draft(method: Method, id: &'static str, path: &'static str, access: Access, summary: &'static str) -> Draft {
    Draft(Operation {
        id,
        method,
        path,
        access,
        summary,
        intake: Intake::Whole { bytes_max: JSON_BODY_BYTES_MAX },
        patience: Patience::Usual,
        request: None,
        response: None,
        status: 200,
        query: &[],
        fails: &[],
        handler: Arc::new(|_, _| {
            Box::pin(async { Err(crate::infra::fault::internal("an operation without a handler")) })
        }),
    })
}

macro_rules! verbs {
    ($($name:ident = $method:ident),*) => {
        $(pub fn $name(id: &'static str, path: &'static str, access: Access, summary: &'static str) -> Draft {
            draft(Method::$method, id, path, access, summary)
        })*
    };
}
verbs!(get = GET, post = POST, put = PUT, patch = PATCH, delete = DELETE, head = HEAD);

impl Draft {
    pub fn takes<T: ToSchema + PartialSchema>(mut self) -> Self {
        self.0.request = Some(shape::<T>(Many::One));
        self
    }

    pub fn gives<T: ToSchema + PartialSchema>(mut self, status: u16) -> Self {
        self.0.response = Some(shape::<T>(Many::One));
        self.0.status = status;
        self
    }

    pub fn lists<T: ToSchema + PartialSchema>(mut self) -> Self {
        self.0.response = Some(shape::<T>(Many::List));
        self
    }

    pub fn status(mut self, status: u16) -> Self {
        self.0.status = status;
        self
    }

    pub fn query(mut self, parameters: &'static [(&'static str, &'static str)]) -> Self {
        self.0.query = parameters;
        self
    }

    pub fn fails(mut self, codes: &'static [Code]) -> Self {
        self.0.fails = codes;
        self
    }

    pub fn intake(mut self, intake: Intake) -> Self {
        self.0.intake = intake;
        self
    }

    /// Reads what a page's form sends.
    pub fn form(self) -> Self {
        self.intake(Intake::Form { bytes_max: FORM_BYTES_MAX })
    }

    pub fn unlimited(mut self) -> Self {
        self.0.patience = Patience::Unlimited;
        self
    }

    /// The handler: takes the request apart, calls one act, gives the shape back.
    pub fn run<F, R>(mut self, handler: F) -> Operation
    where
        F: Fn(House, Call) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Reply, Fault>> + Send + 'static,
    {
        self.0.handler = Arc::new(move |house, call| Box::pin(handler(house, call)));
        self.0
    }
}

fn shape<T: ToSchema + PartialSchema>(many: Many) -> Shape {
    Shape {
        schema: || T::schema(),
        collect: |schemas| {
            T::schemas(schemas);
            schemas.push((T::name().into_owned(), T::schema()));
        },
        name: || T::name().into_owned(),
        many,
    }
}

impl Operation {
    /// The full paths: offices answer under `/api/v1/` and `/api/`.
    pub fn paths(&self) -> Vec<String> {
        match self.path.strip_prefix('…') {
            Some(rest) => ["/api/v1/offices", "/api/offices"].iter().map(|p| format!("{p}/{{office}}{rest}")).collect(),
            None => match self.path.strip_prefix("/api/v1/offices") {
                Some(rest) => vec![self.path.to_owned(), format!("/api/offices{rest}")],
                None => vec![self.path.to_owned()],
            },
        }
    }

    /// What is asked of a person's role, where people are let in at all.
    pub fn need(&self) -> Need {
        match self.access {
            Access::Owner => Need::Own,
            Access::Operator => Need::Operate,
            Access::Member if self.is_mutating() => Need::Operate,
            Access::Member
            | Access::Viewer
            | Access::Open
            | Access::User
            | Access::Known
            | Access::Ticket
            | Access::Runner
            | Access::Session
            | Access::Agent => Need::Look,
        }
    }

    /// Whether a repeated request must not act twice.
    pub fn is_mutating(&self) -> bool {
        self.method != Method::GET && self.method != Method::HEAD
    }
}
