//! TLS only where it is needed: a pod on loopback never reads the machine's certificates.

use std::sync::Arc;

use reqwest::ClientBuilder;
use rustls::crypto::{CryptoProvider, ring};

use crate::endpoint::Endpoint;
use crate::error::ClientError;

/// Prepares a builder for plain http, or for https with the certificates that the system trusts.
pub(crate) fn prepare(builder: ClientBuilder, endpoint: &Endpoint) -> Result<ClientBuilder, ClientError> {
    if endpoint.is_plain() {
        return Ok(builder.tls_backend_preconfigured(trusting_nobody()?));
    }
    if CryptoProvider::get_default().is_none() && ring::default_provider().install_default().is_err() {
        // Somebody else installed one between the two steps, and any will do.
        return Ok(builder);
    }
    Ok(builder)
}

/// The HTTP library wants a configuration even for plain http; this one costs no look at the disk.
fn trusting_nobody() -> Result<rustls::ClientConfig, ClientError> {
    let versions = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|fault| ClientError::Request { what: fault.to_string() })?;
    Ok(versions.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}
