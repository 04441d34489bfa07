//! The certificate that the server shows. It is read again when its files change, and connections that stand stay as
//! they are.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Two files in PEM: the certificate with its chain, and its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Why TLS can't be had with these files.
#[derive(Debug, thiserror::Error)]
pub enum BadTls {
    #[error("{path} can't be read: {source}")]
    Read { path: String, source: io::Error },
    #[error("{path} holds no certificate in PEM")]
    NoCertificate { path: String },
    #[error("{path} holds no private key in PEM")]
    NoKey { path: String },
    #[error("{path} is not valid PEM")]
    Pem { path: String },
    #[error("{certificate} and {key} don't go together: {source}")]
    Pair { certificate: String, key: String, source: rustls::Error },
}

impl BadTls {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "--tls-cert and --tls-key name files that this user can read",
            Self::NoCertificate { .. } => "it begins with -----BEGIN CERTIFICATE-----; is it the key's file?",
            Self::NoKey { .. } => {
                "it begins with -----BEGIN PRIVATE KEY----- and isn't encrypted; is it the certificate's file?"
            }
            Self::Pem { .. } => "give the file as its issuer made it, whole",
            Self::Pair { .. } => {
                "give the key with which this certificate was made; the server's own certificate comes first"
            }
        }
    }
}

/// What is shown now, and to which state of the files that belongs.
#[derive(Debug)]
pub struct Certificate {
    files: TlsFiles,
    shown: RwLock<(Marks, Arc<CertifiedKey>)>,
}

/// By what a file is known to be another one, for the certificate and for the key.
type Marks = [Mark; 2];
/// Device, inode, size, and when it was changed.
type Mark = (u64, u64, u64, i64, i64);

/// What a look at the files brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Same,
    /// New connections are shown the new certificate.
    New,
}

impl Certificate {
    /// Reads the files, and proves that they go together.
    pub fn read(files: &TlsFiles) -> Result<Arc<Self>, BadTls> {
        let shown = RwLock::new(load(files)?);
        Ok(Arc::new(Self { files: files.clone(), shown }))
    }

    /// Reads them again if they changed. What can't be used leaves the old one in its place: whoever writes two files
    /// writes one of them first.
    pub fn look(&self) -> Result<Look, BadTls> {
        let known = self.shown.read().unwrap_or_else(PoisonError::into_inner).0;
        if marks(&self.files)? == known {
            return Ok(Look::Same);
        }
        let new = load(&self.files)?;
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(Look::New)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner).1))
    }
}

/// The marks are taken first: what is written meanwhile is another file at the next look.
fn load(files: &TlsFiles) -> Result<(Marks, Arc<CertifiedKey>), BadTls> {
    let marks = marks(files)?;
    let (certificates, key) = (certificates(&files.certificate)?, key(&files.key)?);
    let pair = |source| BadTls::Pair { certificate: shown(&files.certificate), key: shown(&files.key), source };
    let pair = CertifiedKey::from_der(certificates, key, &ring::default_provider()).map_err(pair)?;
    Ok((marks, Arc::new(pair)))
}

fn marks(files: &TlsFiles) -> Result<Marks, BadTls> {
    Ok([mark(&files.certificate)?, mark(&files.key)?])
}

fn mark(path: &Path) -> Result<Mark, BadTls> {
    let found = fs::metadata(path).map_err(|source| BadTls::Read { path: shown(path), source })?;
    Ok((found.dev(), found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn read(path: &Path) -> Result<Vec<u8>, BadTls> {
    fs::read(path).map_err(|source| BadTls::Read { path: shown(path), source })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BadTls> {
    let text = read(path)?;
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|_| BadTls::Pem { path: shown(path) })?;
    if found.is_empty() { Err(BadTls::NoCertificate { path: shown(path) }) } else { Ok(found) }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, BadTls> {
    let text = zeroize::Zeroizing::new(read(path)?);
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => BadTls::NoKey { path: shown(path) },
        _ => BadTls::Pem { path: shown(path) },
    })
}
