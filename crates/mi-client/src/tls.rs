//! TLS only where it is needed: a pod on loopback never reads the machine's certificates.

use std::sync::Arc;

use reqwest::ClientBuilder;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::endpoint::Endpoint;
use crate::error::ClientError;

/// Certificates that are trusted in place of the system's: authorities, or the very certificate of a server.
#[derive(Debug, Clone)]
pub struct Trust {
    certificates: Arc<[CertificateDer<'static>]>,
}

impl Trust {
    /// Reads certificates in PEM.
    pub fn from_pem(text: &[u8]) -> Result<Self, ClientError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
        let unreadable = |what: &str| ClientError::Request { what: what.to_owned() };
        let found = found.map_err(|_| unreadable("the certificate to trust is not valid PEM"))?;
        if found.is_empty() {
            return Err(unreadable("there is no certificate in PEM to trust"));
        }
        Ok(Self { certificates: found.into() })
    }

    fn config(&self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        // One that can be no authority still is itself.
        let (_, _) = roots.add_parsable_certificates(self.certificates.iter().cloned());
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
        let verifier = Verifier { itself: Arc::clone(&self.certificates), authorities: authorities.ok(), provider };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&verifier.provider));
        let builder = builder.with_safe_default_protocol_versions()?;
        Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
    }
}

/// A server's own certificate, given by its user, is good for whatever name it is reached by; any other one is judged by
/// the given authorities.
#[derive(Debug)]
struct Verifier {
    itself: Arc<[CertificateDer<'static>]>,
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.itself.iter().any(|known| known.as_ref() == end_entity.as_ref()) {
            return Ok(ServerCertVerified::assertion());
        }
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let authorities = self.authorities.as_ref().ok_or(unknown)?;
        authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Prepares a builder for plain http, or for https with the certificates that are trusted.
pub fn prepare_tls(
    builder: ClientBuilder,
    endpoint: &Endpoint,
    trust: Option<&Trust>,
) -> Result<ClientBuilder, ClientError> {
    let unusable = |fault: rustls::Error| ClientError::Request { what: fault.to_string() };
    if endpoint.is_plain() {
        return Ok(builder.tls_backend_preconfigured(trusting_nobody().map_err(unusable)?));
    }
    if let Some(trust) = trust {
        return Ok(builder.tls_backend_preconfigured(trust.config().map_err(unusable)?));
    }
    if CryptoProvider::get_default().is_none() && ring::default_provider().install_default().is_err() {
        // Somebody else installed one between the two steps, and any will do.
        return Ok(builder);
    }
    Ok(builder)
}

/// The HTTP library wants a configuration even for plain http; this one costs no look at the disk.
fn trusting_nobody() -> Result<ClientConfig, rustls::Error> {
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let versions = versions.with_safe_default_protocol_versions()?;
    Ok(versions.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_not_trusted() {
        for bad in ["", "hello", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
            assert!(Trust::from_pem(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
