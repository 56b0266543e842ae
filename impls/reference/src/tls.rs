//! TLS over the platform's streams, in the `mandated` profile.
//!
//! TLS 1.2 with ECDHE-RSA-AES256-GCM-SHA384 over X25519 and nothing else (spec/20 §4); handshakes are
//! signed with RSA PKCS#1 v1.5, whose signatures are deterministic. Clock and randomness come from
//! the host scope. A connection proves that the peer holds the key of the certificate it showed;
//! whether that certificate is to be trusted is decided afterwards, by [`verify_certificate`] or by
//! the management record (spec/20 §6).

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret,
    SupportedKxGroup, ring,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::{NoServerSessionStorage, ParsedCertificate};
use rustls::time_provider::TimeProvider;
use rustls::{
    ClientConfig, DigitallySignedStruct, NamedGroup, RootCertStore, ServerConfig, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use zeroize::Zeroizing;

use crate::platform::{Platform, Stream, Tick, UnixTime, before, scope};

/// What a server shows in TLS.
#[derive(Clone)]
pub struct ServerIdentity {
    /// Certificates in DER, the server's own first.
    pub chain: Vec<Vec<u8>>,
    /// Its RSA key, PKCS#8 in DER.
    pub key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerIdentity")
            .field("chain", &self.chain.len())
            .field("key", &"[secret]")
            .finish()
    }
}

/// A stream inside TLS.
pub struct Secured {
    /// Reads and writes plaintext.
    pub stream: Box<dyn Stream>,
    /// The certificates the peer showed in DER, its own first; empty on the server's side.
    pub chain: Vec<Vec<u8>>,
}

/// Why TLS was not agreed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The host name cannot stand in a certificate.
    #[error("{0:?} is not a host name")]
    HostName(String),
    /// The certificate or key we are to show is not usable.
    #[error("failed to use our own certificate or key: {0}")]
    Identity(String),
    /// The handshake did not end before the deadline.
    #[error("peer did not finish the TLS handshake before the deadline")]
    TimedOut,
    /// The peer ended the connection during the handshake.
    #[error("peer ended the connection during the TLS handshake")]
    Closed,
    /// The peer broke the protocol, or shares no suite, group or signature scheme with us.
    #[error("failed to agree on TLS with the peer: {0}")]
    Handshake(String),
}

/// Why a certificate is not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The peer showed none.
    #[error("server showed no certificate")]
    Missing,
    /// It is not a certificate.
    #[error("server's certificate is not well formed")]
    Malformed,
    /// It is issued by itself.
    #[error("server's certificate is self-signed")]
    SelfSigned,
    /// It is for other hosts.
    #[error("server's certificate is not for {0}")]
    WrongName(String),
    /// Its time has passed.
    #[error("server's certificate has expired")]
    Expired,
    /// Its time has not come.
    #[error("server's certificate is not yet valid")]
    NotYetValid,
    /// No authority we trust issued it.
    #[error("server's certificate is not issued by a trusted authority")]
    UnknownAuthority,
    /// Anything else that is wrong with it.
    #[error("server's certificate is not acceptable: {0}")]
    Rejected(String),
}

/// Agrees on TLS as the client over `stream`; `server_name` is sent as SNI.
///
/// Verifies that the peer holds the key of the certificate it showed, and makes **no** decision
/// about trusting that certificate.
///
/// # Errors
/// [`TlsError::HostName`] if `server_name` is none, [`TlsError::TimedOut`] at `deadline`, else
/// [`TlsError::Closed`] or [`TlsError::Handshake`], which name the peer.
pub async fn connect(
    platform: &dyn Platform,
    stream: Box<dyn Stream>,
    server_name: &str,
    deadline: Tick,
) -> Result<Secured, TlsError> {
    let name = ServerName::try_from(server_name.to_owned())
        .map_err(|_| TlsError::HostName(server_name.to_owned()))?;
    let ends = Ends::of(&*stream);
    let handshake = TlsConnector::from(client_config()?).connect(name, stream);
    let tls = finish(platform, deadline, handshake).await?;
    let chain = tls
        .get_ref()
        .1
        .peer_certificates()
        .unwrap_or_default()
        .iter()
        .map(|certificate| certificate.to_vec())
        .collect();
    let stream = platform.secured(Box::new(TlsStream { tls, ends }));
    Ok(Secured { stream, chain })
}

/// Agrees on TLS as the server over `stream`, showing `identity`.
///
/// # Errors
/// [`TlsError::Identity`] if our certificate or key is unusable; else as [`connect`].
pub async fn accept(
    platform: &dyn Platform,
    stream: Box<dyn Stream>,
    identity: &ServerIdentity,
    deadline: Tick,
) -> Result<Secured, TlsError> {
    let ends = Ends::of(&*stream);
    let handshake = TlsAcceptor::from(server_config(identity)?).accept(stream);
    let tls = finish(platform, deadline, handshake).await?;
    let stream = platform.secured(Box::new(TlsStream { tls, ends }));
    let chain = Vec::new();
    Ok(Secured { stream, chain })
}

/// Checks a server's certificate in the order of spec/20 §6: not self-signed, for `host`, issued
/// under one of `authorities` (DER), valid at `now`.
///
/// # Errors
/// The first check that fails.
pub fn verify_certificate(
    chain: &[Vec<u8>],
    authorities: &[Vec<u8>],
    host: &str,
    now: UnixTime,
) -> Result<(), CertificateError> {
    let leaf = chain.first().ok_or(CertificateError::Missing)?;
    if is_self_issued(leaf)? {
        return Err(CertificateError::SelfSigned);
    }
    let wrong_name = || CertificateError::WrongName(host.to_owned());
    let name = ServerName::try_from(host.to_owned()).map_err(|_| wrong_name())?;
    let leaf = CertificateDer::from_slice(leaf);
    let parsed = ParsedCertificate::try_from(&leaf).map_err(|_| CertificateError::Malformed)?;
    verify_server_name(&parsed, &name).map_err(|_| wrong_name())?;

    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(
        authorities
            .iter()
            .map(|authority| CertificateDer::from_slice(authority)),
    );
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), mandated())
        .build()
        .map_err(|_| CertificateError::UnknownAuthority)?;
    let intermediates: Vec<CertificateDer<'_>> = chain
        .iter()
        .skip(1)
        .map(|certificate| CertificateDer::from_slice(certificate))
        .collect();
    let now = rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(now.0));
    verifier
        .verify_server_cert(&leaf, &intermediates, &name, &[], now)
        .map(|_| ())
        .map_err(|error| classify(error, host))
}

fn is_self_issued(certificate: &[u8]) -> Result<bool, CertificateError> {
    let (rest, parsed) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|_| CertificateError::Malformed)?;
    if !rest.is_empty() {
        return Err(CertificateError::Malformed);
    }
    Ok(parsed.issuer().as_raw() == parsed.subject().as_raw())
}

fn classify(error: rustls::Error, host: &str) -> CertificateError {
    use rustls::CertificateError as Reason;
    let rustls::Error::InvalidCertificate(reason) = error else {
        return CertificateError::Rejected(error.to_string());
    };
    match reason {
        Reason::BadEncoding => CertificateError::Malformed,
        Reason::Expired | Reason::ExpiredContext { .. } => CertificateError::Expired,
        Reason::NotValidYet | Reason::NotValidYetContext { .. } => CertificateError::NotYetValid,
        Reason::UnknownIssuer => CertificateError::UnknownAuthority,
        Reason::NotValidForName | Reason::NotValidForNameContext { .. } => {
            CertificateError::WrongName(host.to_owned())
        }
        other => CertificateError::Rejected(other.to_string()),
    }
}

/// Awaits a handshake until `deadline`.
async fn finish<T>(
    platform: &dyn Platform,
    deadline: Tick,
    handshake: impl Future<Output = io::Result<T>>,
) -> Result<T, TlsError> {
    match before(&*platform.clock(), deadline, handshake).await {
        None => Err(TlsError::TimedOut),
        Some(Ok(tls)) => Ok(tls),
        Some(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
            Err(TlsError::Handshake(error.to_string()))
        }
        Some(Err(_)) => Err(TlsError::Closed),
    }
}

/// The mandated suite, group and schemes, reading clock and randomness from the host scope.
fn mandated() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER
        .get_or_init(|| {
            Arc::new(CryptoProvider {
                cipher_suites: vec![ring::cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384],
                kx_groups: vec![&X25519],
                secure_random: &ScopeRandom,
                ..ring::default_provider()
            })
        })
        .clone()
}

fn client_config() -> Result<Arc<ClientConfig>, TlsError> {
    let provider = mandated();
    let verifier = Arc::new(KeyHolderVerifier(provider.clone()));
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(ScopeTime))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .map_err(|error| TlsError::Handshake(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn server_config(identity: &ServerIdentity) -> Result<Arc<ServerConfig>, TlsError> {
    let unusable = |error: rustls::Error| TlsError::Identity(error.to_string());
    let chain = identity
        .chain
        .iter()
        .map(|certificate| CertificateDer::from(certificate.clone()))
        .collect();
    let key = PrivatePkcs8KeyDer::from(identity.key.to_vec());
    let mut config = ServerConfig::builder_with_details(mandated(), Arc::new(ScopeTime))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key.into())
        .map_err(unusable)?;
    // A resumed session would link connections and depend on what happened before.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Accepts every certificate whose key signed the handshake; trust is decided later.
#[derive(Debug)]
struct KeyHolderVerifier(Arc<CryptoProvider>);

impl ServerCertVerifier for KeyHolderVerifier {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: rustls::pki_types::UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // DIME decides with the management record in hand (spec/20 §6), which TLS does not know.
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::PeerIncompatible(
            rustls::PeerIncompatible::Tls12NotOffered,
        ))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        // PSS is randomized; PKCS#1 v1.5 keeps a seeded run the same byte for byte.
        vec![
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
        ]
    }
}

/// Randomness of the host being polled.
#[derive(Debug)]
struct ScopeRandom;

impl SecureRandom for ScopeRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
        scope::with(|scope| scope.fill(buffer)).ok_or(GetRandomFailed)
    }
}

/// Wall clock of the host being polled.
#[derive(Debug)]
struct ScopeTime;

impl TimeProvider for ScopeTime {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        let now = scope::with(|scope| scope.clock().wall())?;
        Some(rustls::pki_types::UnixTime::since_unix_epoch(
            Duration::from_secs(now.0),
        ))
    }
}

/// X25519 with secrets from the host scope.
#[derive(Debug)]
struct X25519;

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, rustls::Error> {
        let mut secret = Zeroizing::new([0u8; 32]);
        scope::with(|scope| scope.fill(&mut *secret))
            .ok_or(rustls::Error::FailedToGetRandomBytes)?;
        let secret = x25519_dalek::StaticSecret::from(*secret);
        let public = x25519_dalek::PublicKey::from(&secret);
        Ok(Box::new(Exchange { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Exchange {
    secret: x25519_dalek::StaticSecret,
    public: x25519_dalek::PublicKey,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, rustls::Error> {
        let misbehaved = || rustls::Error::from(rustls::PeerMisbehaved::InvalidKeyShare);
        let peer: [u8; 32] = peer.try_into().map_err(|_| misbehaved())?;
        let shared = self
            .secret
            .diffie_hellman(&x25519_dalek::PublicKey::from(peer));
        if !shared.was_contributory() {
            return Err(misbehaved());
        }
        Ok(SharedSecret::from(&shared.as_bytes()[..]))
    }

    fn pub_key(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// The two addresses of a connection, kept because TLS hides the stream below it.
#[derive(Clone, Copy)]
struct Ends {
    local: SocketAddr,
    peer: SocketAddr,
}

impl Ends {
    fn of(stream: &dyn Stream) -> Self {
        Self {
            local: stream.local(),
            peer: stream.peer(),
        }
    }
}

/// A TLS connection as a [`Stream`].
struct TlsStream<T> {
    tls: T,
    ends: Ends,
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for TlsStream<T> {
    fn local(&self) -> SocketAddr {
        self.ends.local
    }

    fn peer(&self) -> SocketAddr {
        self.ends.peer
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for TlsStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for TlsStream<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(context)
    }
}
