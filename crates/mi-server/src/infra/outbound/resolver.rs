//! Names lead to public addresses only, and the connection goes to what was judged here.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::judge::{LeadsNowhere, judge};

/// A resolver that doesn't lead home.
pub struct PublicNames {
    /// Only this name is judged: the others are those of proxies that the server's own environment names.
    only: Option<String>,
}

impl PublicNames {
    pub fn all() -> Self {
        Self { only: None }
    }

    pub fn of(host: &str) -> Self {
        Self { only: Some(host.to_owned()) }
    }

    fn judges(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.eq_ignore_ascii_case(name))
    }
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let judged = self.judges(name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| LeadsNowhere::Unknown)?;
            let found: Vec<SocketAddr> = found.collect();
            if judged {
                judge(&found.iter().map(SocketAddr::ip).collect::<Vec<IpAddr>>())?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_judged_name_never_leads_home() {
        for resolver in [PublicNames::all(), PublicNames::of("localhost")] {
            let refused = resolver.resolve("localhost".parse().unwrap()).await.err().unwrap();
            assert_eq!(refused.downcast_ref(), Some(&LeadsNowhere::Home));
        }
        let other = PublicNames::of("api.example.com");
        assert!(other.resolve("localhost".parse().unwrap()).await.is_ok());
    }
}
