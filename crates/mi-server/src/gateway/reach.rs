//! Which models an office can reach now, and whether its agents can work with theirs.

use mi_core::harnesses::program_of;
use mi_core::ids::OfficeId;
use mi_core::time::Time;
use mi_core::wire::agents::HarnessKind;

use super::kinds::Kind;
use super::marks::Mark;
use super::providers::Providers;
use super::{choice, models, store};
use crate::infra::act::look;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;

/// How it stands with a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Ready,
    /// Neither the office nor the server has a key.
    Keyless,
    /// The provider doesn't take the key that there is.
    Refused,
    /// It takes no calls until then.
    Parked(Time),
}

/// A snapshot of what an office has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    server: Vec<Kind>,
    own: Vec<Kind>,
    marks: Vec<Mark>,
    /// Providers of the models that may answer instead.
    fallbacks: Vec<Kind>,
}

impl Reach {
    /// With what this server has, as its environment says.
    pub fn load(tx: &mut dyn Tx, office: OfficeId, providers: &Providers) -> Result<Self, Fault> {
        let means = store::marks::means(tx, office)?;
        Self::of(providers.configured(), &means.integrations, means.marks).with_fallbacks(tx, office)
    }

    /// With what the server announced when it started, for those who don't know its environment.
    pub fn announced(tx: &mut dyn Tx, office: OfficeId) -> Result<Self, Fault> {
        let means = store::marks::means(tx, office)?;
        let server = means.announced.split_whitespace().filter_map(Kind::parse).collect();
        Self::of(server, &means.integrations, means.marks).with_fallbacks(tx, office)
    }

    /// Looked up only where something may have to be answered instead.
    fn with_fallbacks(self, tx: &mut dyn Tx, office: OfficeId) -> Result<Self, Fault> {
        if self.marks.is_empty() {
            return Ok(self);
        }
        let head = look(tx, office)?;
        let fallbacks = head.settings.fallback_models.iter().filter_map(|text| choice::read_fallback(text));
        Ok(Self { fallbacks: fallbacks.map(|(kind, _)| kind).collect(), ..self })
    }

    fn of(server: Vec<Kind>, integrations: &[String], marks: Vec<Mark>) -> Self {
        let own = Kind::ALL.into_iter().filter(|kind| {
            let own = &kind.facts().integrations;
            integrations.iter().any(|id| own.contains(id))
        });
        Self { server, own: own.collect(), marks, fallbacks: Vec::new() }
    }

    pub fn has_own(&self, kind: Kind) -> bool {
        self.own.contains(&kind)
    }

    /// Somebody has a key for it.
    pub fn has_key(&self, kind: Kind) -> bool {
        self.has_own(kind) || self.server.contains(&kind)
    }

    /// How it stands with it, or with what may answer in its place.
    pub fn standing(&self, kind: Kind) -> Standing {
        let own = self.standing_alone(kind);
        let wires = &kind.facts().wires;
        let can_replace = |other: &&Kind| wires.iter().any(|wire| other.speaks(*wire));
        let mut others = self.fallbacks.iter().filter(can_replace);
        match own {
            Standing::Refused | Standing::Parked(_)
                if others.any(|other| self.standing_alone(*other) == Standing::Ready) =>
            {
                Standing::Ready
            }
            Standing::Ready | Standing::Keyless | Standing::Refused | Standing::Parked(_) => own,
        }
    }

    /// A quota counts until the sweep has ended it, so that whoever waits is woken exactly then.
    fn standing_alone(&self, kind: Kind) -> Standing {
        if !self.has_key(kind) {
            return Standing::Keyless;
        }
        let mark = self.marks.iter().find(|mark| mark.kind == kind).copied().unwrap_or(Mark::none(kind));
        match mark.parked_until {
            _ if mark.is_refused() => Standing::Refused,
            Some(until) => Standing::Parked(until),
            None => Standing::Ready,
        }
    }

    /// The provider that an agent's words mean: the one that it names, else the one that its model's name tells, else
    /// the first that there is, the office's own before the server's, of those that speak like its program. None if it names
    /// an unknown one or there is none.
    pub fn choose(&self, harness: HarnessKind, provider: Option<&str>, tier: Option<&str>) -> Option<Kind> {
        if let Some(named) = provider {
            return Kind::parse(named);
        }
        let first = |wanted: &dyn Fn(Kind) -> bool| {
            Kind::ALL.into_iter().filter(|kind| kind.serves(harness)).find(|kind| wanted(*kind))
        };
        // A model's own name says more than the program does, which then gives way to the native one.
        let family = tier.and_then(models::family).filter(|kind| self.has_key(*kind));
        family.or_else(|| first(&|kind| self.has_own(kind))).or_else(|| first(&|kind| self.has_key(kind)))
    }

    /// How it stands with the model of an agent; where no provider has a key, with the first that its program speaks to.
    pub fn of_agent(
        &self,
        harness: HarnessKind,
        provider: Option<&str>,
        tier: Option<&str>,
    ) -> (Option<Kind>, Standing) {
        match self.choose(harness, provider, tier) {
            Some(kind) => (Some(kind), self.standing(kind)),
            None => {
                let is_program = provider.is_none() && program_of(harness).is_some();
                let spoken = || Kind::ALL.into_iter().filter(|_| is_program).find(|kind| kind.serves(harness));
                let named = tier.and_then(models::family).filter(|_| provider.is_none());
                (named.or_else(spoken), Standing::Keyless)
            }
        }
    }
}

/// What would give an agent's model a key, as a hint.
pub fn remedy(kind: Option<Kind>) -> String {
    let kind = kind.unwrap_or(Kind::ALL[0]);
    format!("{}, or start mi up with {} set", kind.setup(), kind.variable())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(server: &[Kind], own: &[&str], marks: &[Mark]) -> Reach {
        let own: Vec<String> = own.iter().map(|id| (*id).to_owned()).collect();
        Reach::of(server.to_vec(), &own, marks.to_vec())
    }

    #[test]
    fn the_offices_own_key_comes_first() {
        let both = reach(&[Kind::Anthropic], &["venice"], &[]);
        assert_eq!(both.choose(HarnessKind::Native, None, None), Some(Kind::Venice));
        assert_eq!(both.choose(HarnessKind::Native, None, Some("claude-opus-4-6")), Some(Kind::Anthropic));
        assert_eq!(both.choose(HarnessKind::Native, None, Some("gpt-5.5")), Some(Kind::Venice));
        assert_eq!(both.choose(HarnessKind::Native, Some("codex"), None), Some(Kind::Openai));
        assert_eq!(both.choose(HarnessKind::Native, Some("skynet"), None), None);
        assert_eq!(reach(&[], &[], &[]).choose(HarnessKind::Native, None, None), None);
    }

    /// Whoever asks for Codex doesn't mean Claude, whichever key comes first.
    #[test]
    fn a_program_gets_a_provider_that_speaks_like_it() {
        let both = reach(&[Kind::Openai, Kind::Google, Kind::Anthropic], &["claude-code"], &[]);
        for (harness, kind) in [
            (HarnessKind::Native, Kind::Anthropic),
            (HarnessKind::ClaudeCode, Kind::Anthropic),
            (HarnessKind::OpenaiCodex, Kind::Openai),
            (HarnessKind::GeminiCli, Kind::Google),
        ] {
            assert_eq!(both.choose(harness, None, None), Some(kind), "{harness}");
            assert_eq!(both.choose(harness, None, Some("sonnet")), Some(kind), "{harness}");
        }
        assert_eq!(reach(&[], &["venice"], &[]).choose(HarnessKind::OpenaiCodex, None, None), Some(Kind::Venice));
        let claude = reach(&[Kind::Anthropic], &[], &[]);
        assert_eq!(claude.of_agent(HarnessKind::GeminiCli, None, None), (Some(Kind::Google), Standing::Keyless));
        assert_eq!(
            claude.choose(HarnessKind::GeminiCli, None, None),
            None,
            "no model is written where none is reached"
        );
        let nothing = reach(&[], &[], &[]);
        assert_eq!(
            nothing.of_agent(HarnessKind::Native, None, Some("gpt-5.5")),
            (Some(Kind::Openai), Standing::Keyless)
        );
        assert_eq!(nothing.of_agent(HarnessKind::Native, None, None), (None, Standing::Keyless));
        // Who was hired with a model of another vendor works natively, and isn't sent where nobody knows that model.
        assert_eq!(both.choose(HarnessKind::OpenaiCodex, None, Some("claude-opus-4-6")), Some(Kind::Anthropic));
    }

    #[test]
    fn a_provider_stands_as_its_key_and_its_quota_do() {
        let marks = [
            Mark { parked_until: Some(Time(7)), ..Mark::none(Kind::Anthropic) },
            Mark { refusals: 2, parked_until: Some(Time(7)), ..Mark::none(Kind::Google) },
            Mark { refusals: 1, ..Mark::none(Kind::Venice) },
        ];
        let reach = reach(&[Kind::Anthropic, Kind::Google], &["venice"], &marks);
        for (kind, expected) in [
            (Kind::Anthropic, Standing::Parked(Time(7))),
            (Kind::Google, Standing::Refused),
            (Kind::Venice, Standing::Ready),
            (Kind::Openai, Standing::Keyless),
        ] {
            assert_eq!(reach.standing(kind), expected, "{}", kind.as_str());
        }
    }
}
