//! The client port over TLS: certificates, their reload, and what is refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::server::{Server, failure, run};

/// A self-signed certificate for 127.0.0.1, and its key.
struct Made {
    certificate: String,
    key: String,
    der: CertificateDer<'static>,
}

fn made() -> Made {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    Made { certificate: made.cert.pem(), key: made.signing_key.serialize_pem(), der: made.cert.der().clone() }
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn write(dir: &Path, made: &Made) -> Self {
        let files = Self { certificate: dir.join("cert.pem"), key: dir.join("key.pem") };
        std::fs::write(&files.key, &made.key).unwrap();
        std::fs::write(&files.certificate, &made.certificate).unwrap();
        files
    }

    fn serve(&self, data: &Path) -> Vec<String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        ["serve", "--listen", "127.0.0.1:0", "--data-dir", &text(data), "--shards", "1"]
            .map(str::to_owned)
            .into_iter()
            .chain([
                "--tls-cert".to_owned(),
                text(&self.certificate),
                "--tls-key".to_owned(),
                text(&self.key),
            ])
            .collect()
    }
}

fn start(args: &[String]) -> Server {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Server::start_with(&args, "curl")
}

fn address(server: &Server) -> String {
    server.url.strip_prefix("https://").expect("it says that it speaks TLS").to_owned()
}

/// Connects; only these certificates are trusted.
async fn connect(address: &str, trusted: &[&Made]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted.iter().map(|made| made.der.clone()));
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// One request on a connection that stays open.
async fn alive(stream: &mut TlsStream<TcpStream>) -> bool {
    let request = b"GET /healthz HTTP/1.1\r\nHost: lacuna\r\n\r\n";
    if stream.write_all(request).await.is_err() {
        return false;
    }
    let mut answer = [0_u8; 1024];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer)).await;
    matches!(read, Ok(Ok(count)) if answer[..count].starts_with(b"HTTP/1.1 200"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_seen_by_new_connections_and_a_bad_one_by_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second, other) = (made(), made(), made());
    let files = Files::write(dir.path(), &first);
    let server = start(&files.serve(&dir.path().join("data")));
    let address = address(&server);
    let both = [&first, &second];
    let mut old = connect(&address, &both).await.unwrap();
    assert_eq!(shown(&old), first.der);
    assert!(alive(&mut old).await);

    Files::write(dir.path(), &second);
    let began = Instant::now();
    let mut new = loop {
        let stream = connect(&address, &both).await.unwrap();
        if shown(&stream) == second.der {
            break stream;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "the new certificate was never seen");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(alive(&mut new).await && alive(&mut old).await, "an open connection lives on");

    // A key of another certificate, and then no PEM at all: the last good pair stays.
    for bad in [other.key.as_str(), "no key"] {
        std::fs::write(&files.key, bad).unwrap();
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        let mut stream = connect(&address, &both).await.unwrap();
        assert_eq!(shown(&stream), second.der);
        assert!(alive(&mut stream).await);
    }
    drop((old, new));
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_stranger_to_its_certificate_plain_text_and_silence_get_nothing_and_hold_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let own = made();
    let server = start(&Files::write(dir.path(), &own).serve(&dir.path().join("data")));
    let address = address(&server);
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    let began = Instant::now();
    let mut stream = connect(&address, &[&own]).await.unwrap();
    assert!(alive(&mut stream).await && began.elapsed() < Duration::from_secs(3));
    let stranger = connect(&address, &[&made()]).await.unwrap_err().to_string();
    assert!(stranger.contains("invalid peer certificate"), "{stranger}");

    let mut plain = TcpStream::connect(&address).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: lacuna\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), plain.read_to_end(&mut answer)).await.unwrap();
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));

    // A stop waits for requests, not for connections without one.
    let began = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[test]
fn files_that_cannot_serve_are_named_and_nothing_is_started() {
    let dir = tempfile::tempdir().unwrap();
    let (data, own) = (dir.path().join("data"), made());
    let files = Files::write(dir.path(), &own);
    let strange = dir.path().join("strange.pem");
    std::fs::write(&strange, made().key).unwrap();
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let (certificate, key, strange) = (path(&files.certificate), path(&files.key), path(&strange));
    let nowhere = path(&dir.path().join("nowhere.pem"));
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["--tls-cert", &certificate, "--tls-key", &strange],
            &[&certificate, &strange, "don't fit together"],
        ),
        (&["--tls-cert", &certificate, "--tls-key", &nowhere], &[&nowhere, "can't be read"]),
        (&["--tls-cert", &key, "--tls-key", &key], &[&key, "no certificate in it"]),
        (&["--tls-cert", &certificate, "--tls-key", &certificate], &[&certificate, "no private key in it"]),
        (&["--tls-cert", &certificate], &["tls_key isn't", "both"]),
        (&["--tls-key", &key], &["tls_cert isn't", "both"]),
    ];
    let data_dir = path(&data);
    for (flags, words) in cases {
        let common = ["serve", "--listen", "127.0.0.1:0", "--data-dir", &data_dir];
        let said = failure(&run(&[&common[..], flags].concat()), 1);
        for word in *words {
            assert!(said.contains(word), "{flags:?}: {said}");
        }
        assert!(said.contains("Nothing was started."), "{said}");
    }
    assert!(!data.exists());
}
